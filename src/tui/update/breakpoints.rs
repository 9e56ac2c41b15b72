//! Breakpoints: setting, deleting, changing, taking back.

use crate::api::types::Breakpoint;
use crate::frontend::filter::{Filter, Subject};
use crate::frontend::theme::Role;
use crate::tui::pane::Pane;
use crate::tui::state::kept::Missing;
use crate::tui::state::msg::{Ask, Effect, Purpose, Resume};
use crate::tui::state::overlay::{BreakpointForm, Overlay};
use crate::tui::state::prompt::LineEdit;
use crate::tui::state::{State, Undo};
use crate::tui::text;
use crate::tui::update;
use crate::tui::update::answers::place_text;
use crate::tui::update::{code, kept, lists, run, source};

/// Lines after one without code that are tried instead.
const LINES_TRIED: i64 = 12;

/// The breakpoints that the pane shows.
pub fn shown(state: &State) -> Vec<&Breakpoint> {
    let filter = Filter::parse(&state.breakpoints.filter).unwrap_or_default();
    let passes = |it: &&Breakpoint| {
        let text = format!("{} {} {} {}", it.id, it.file, it.line, it.function_name);
        let flags: &[&str] = if it.disabled { &["off"] } else { &[] };
        filter.matches(&Subject {
            text: &text,
            id: it.id,
            function: &it.function_name,
            file: &it.file,
            condition: &it.cond,
            hits: i64::try_from(it.total_hit_count).unwrap_or(i64::MAX),
            flags,
            ..Default::default()
        })
    };
    state.user_breakpoints().filter(passes).collect()
}

/// The breakpoint on the line under the cursor, or in the row under it.
pub fn chosen(state: &State) -> Option<&Breakpoint> {
    if state.focus() == Pane::Breakpoints {
        return shown(state).get(state.breakpoints.at.cursor).copied();
    }
    let place = state.source.place()?;
    at_line(state, &place.path, place.line as i64 + 1)
}

/// The breakpoint on a line, from 1.
pub fn at_line<'a>(state: &'a State, file: &str, line: i64) -> Option<&'a Breakpoint> {
    state.user_breakpoints().find(|it| lines_in(state, it, file).contains(&line))
}

/// Places of one breakpoint that are looked up: more than any file shows.
const PLACES_MAX: usize = 256;

/// Whether a breakpoint is in several places, of which the service says one or none.
pub fn has_many_places(it: &Breakpoint) -> bool {
    it.function_name == "(multiple functions)" || it.file == "<multiple locations>"
}

fn addresses(it: &Breakpoint) -> impl Iterator<Item = u64> + '_ {
    let all = it.addrs.iter().flatten().take(PLACES_MAX).copied();
    all.filter(|_| has_many_places(it))
}

/// The lines of a file that a breakpoint is on.
pub fn lines_in(state: &State, it: &Breakpoint, file: &str) -> Vec<i64> {
    let mut lines: Vec<i64> = addresses(it)
        .filter_map(|it| state.breakpoints.places.get(&it))
        .filter(|it| it.0 == file)
        .map(|it| it.1)
        .collect();
    if it.file == file {
        lines.push(it.line);
    }
    lines
}

/// Asks for the places of breakpoints that have several.
pub fn want_places(state: &mut State, out: &mut Vec<Effect>) {
    let known = &state.breakpoints.places;
    let all = state.user_breakpoints().flat_map(addresses);
    let addrs: Vec<u64> = all.filter(|it| !known.contains_key(it)).collect();
    if addrs.is_empty() {
        return;
    }
    state.breakpoints.places.extend(addrs.iter().map(|it| (*it, Default::default())));
    out.push(Effect::Ask(Ask::Places { addrs }));
}

pub fn toggle(state: &mut State, out: &mut Vec<Effect>) {
    if code::toggle_breakpoint(state, out) {
        return;
    }
    if let Some(it) = chosen(state) {
        let id = it.id;
        return clear(state, id, out);
    }
    let Some(place) = state.source.place() else {
        return state.say(Role::Info, "no file is shown; gb asks where to break");
    };
    set_at(state, &place.path, place.line as i64 + 1, Purpose::User, out);
}

fn set_at(
    state: &mut State,
    file: &str,
    line: i64,
    purpose: Purpose,
    out: &mut Vec<Effect>,
) {
    let breakpoint = Breakpoint { file: file.to_owned(), line, ..Default::default() };
    let ask = Ask::SetBreakpoint { breakpoint: Box::new(breakpoint), purpose };
    update::ask(state, ask, out);
}

/// Sets a breakpoint on the line under the cursor; what is typed never deletes one.
pub fn set_here(state: &mut State, out: &mut Vec<Effect>) {
    let Some(place) = state.source.place() else {
        return state.say(Role::Info, "no file is shown");
    };
    let line = place.line as i64 + 1;
    if let Some(there) = at_line(state, &place.path, line) {
        let text = format!("breakpoint {} is on this line already", there.id);
        return state.say(Role::Info, text);
    }
    set_at(state, &place.path, line, Purpose::User, out);
}

/// Sets a breakpoint at a place that is said in words, with a condition perhaps.
pub fn set_at_spec(state: &mut State, spec: &str, cond: &str, out: &mut Vec<Effect>) {
    let breakpoint = Breakpoint {
        expr_string: spec.trim().to_owned(),
        cond: cond.trim().to_owned(),
        ..Default::default()
    };
    let ask =
        Ask::SetBreakpoint { breakpoint: Box::new(breakpoint), purpose: Purpose::User };
    update::ask(state, ask, out);
}

pub fn clear(state: &mut State, id: i64, out: &mut Vec<Effect>) {
    update::ask(state, Ask::ClearBreakpoint { id, is_temporary: false }, out);
}

/// Breakpoints of the last session that are not in this program, as the pane shows them
/// below the others.
pub fn missing(state: &State) -> &[Missing] {
    match state.breakpoints.filter.as_str() {
        "" => &state.keeping.missing,
        _ => &[],
    }
}

/// Which of those is under the cursor.
fn chosen_missing(state: &State) -> Option<usize> {
    let at = state.breakpoints.at.cursor.checked_sub(shown(state).len())?;
    let is_there = state.focus() == Pane::Breakpoints && at < missing(state).len();
    is_there.then_some(at)
}

pub fn delete(state: &mut State, out: &mut Vec<Effect>) {
    if let Some(at) = chosen_missing(state) {
        let it = state.keeping.missing.remove(at);
        state.keeping.seen = None;
        let place = text::clean(&it.kept.place()).into_owned();
        state.say(Role::Info, format!("{place} is dropped (U undoes)"));
        return state.remember(Undo::DropMissing(Box::new(it)));
    }
    match chosen(state).map(|it| it.id) {
        Some(id) => clear(state, id, out),
        None => state.say(Role::Info, "there is no breakpoint here to delete"),
    }
}

/// A breakpoint has been set.
pub fn on_set(
    state: &mut State,
    asked: &Breakpoint,
    purpose: &Purpose,
    set: Breakpoint,
    out: &mut Vec<Effect>,
) {
    state.breakpoints.revision += 1;
    if *purpose == Purpose::RunTo {
        state.breakpoints.temporary = Some(set.id);
        return run::resume(state, Resume::Continue, out);
    }
    // Shown at once: the list follows.
    if let Some(list) = state.breakpoints.list.value_mut() {
        list.retain(|it| it.id != set.id);
        list.push(set.clone());
        list.sort_by_key(|it| it.id);
    }
    let moved = moved_text(asked, &set);
    if let Purpose::Kept(it) = purpose {
        return kept::on_set(state, it, (set.id, set.line), out);
    }
    if !asked.expr_string.is_empty() {
        state.keeping.specs.insert(set.id, asked.expr_string.clone());
    }
    let text = format!("breakpoint {} at {}{moved}", set.id, place_text(&set));
    state.log(Role::Success, &text);
    state.say(Role::Success, text);
}

/// What to say if a breakpoint is not where it was wanted.
fn moved_text(asked: &Breakpoint, set: &Breakpoint) -> String {
    match asked.trace_follow_calls {
        0 => String::new(),
        wanted => format!(": line {wanted} has no code, line {} is the next", set.line),
    }
}

/// A breakpoint could not be set: on a line without code the next lines are tried.
pub fn on_not_set(
    state: &mut State,
    breakpoint: Box<Breakpoint>,
    purpose: Purpose,
    why: &str,
    out: &mut Vec<Effect>,
) {
    let wanted = match breakpoint.trace_follow_calls {
        0 => breakpoint.line,
        wanted => wanted,
    };
    if purpose == Purpose::RunTo && why.starts_with("Breakpoint exists") {
        // The user's own stops there just as well.
        return run::resume(state, Resume::Continue, out);
    }
    let is_no_code = why.contains("could not find statement at");
    if is_no_code && wanted > 0 && breakpoint.line < wanted + LINES_TRIED {
        // The line that was wanted travels in a field that breakpoints of ours never use.
        let next = Breakpoint {
            line: breakpoint.line + 1,
            trace_follow_calls: wanted,
            ..*breakpoint
        };
        let is_kept = matches!(purpose, Purpose::Kept(_));
        let ask = Ask::SetBreakpoint { breakpoint: Box::new(next), purpose };
        if is_kept {
            // Perhaps before the session begins.
            return out.push(Effect::Ask(ask));
        }
        return update::ask(state, ask, out);
    }
    // A long path would leave no room for what is said of it.
    let short = match breakpoint.file.as_str() {
        "" => why.to_owned(),
        file => why.replace(file, text::file_name(file)),
    };
    if let Purpose::Kept(it) = purpose {
        return kept::on_not_set(state, *it, &short, out);
    }
    state.log(Role::ConsoleError, why);
    state.say(Role::Error, short);
}

/// Shows the place of the breakpoint under the cursor.
pub fn show_chosen(state: &mut State) {
    if let Some(at) = chosen_missing(state) {
        let it = &missing(state)[at];
        let (place, why) = (it.kept.place(), &it.why);
        let text = format!("{place}: {why}; Space tries again, x drops it");
        let text = text::clean(&text).into_owned();
        return state.say(Role::Warning, text);
    }
    let Some(it) = chosen(state) else { return };
    let known = addresses(it).find_map(|it| state.breakpoints.places.get(&it));
    let (file, line) = match known.filter(|_| it.line <= 0) {
        Some((file, line)) => (file.as_str(), *line),
        None => (it.file.as_str(), it.line),
    };
    let Some(place) = lists::place_of(file, line) else {
        return state
            .say(Role::Info, "this breakpoint has no single place in the source");
    };
    source::jump(state, place);
}

fn amend(state: &mut State, changed: Breakpoint, out: &mut Vec<Effect>) {
    let old = state.user_breakpoints().find(|it| it.id == changed.id).cloned();
    if let Some(old) = old {
        state.remember(Undo::AmendBreakpoint(Box::new(old)));
    }
    amend_silently(state, changed, out);
}

fn amend_silently(state: &mut State, changed: Breakpoint, out: &mut Vec<Effect>) {
    // Shown at once; the list follows, and is right if this was not.
    if let Some(list) = state.breakpoints.list.value_mut()
        && let Some(it) = list.iter_mut().find(|it| it.id == changed.id)
    {
        *it = changed.clone();
    }
    update::ask(state, Ask::AmendBreakpoint(Box::new(changed)), out);
}

pub fn toggle_enabled(state: &mut State, out: &mut Vec<Effect>) {
    if let Some(at) = chosen_missing(state) {
        return kept::try_again(state, Some(at), out);
    }
    match chosen(state).cloned() {
        Some(it) => amend(state, Breakpoint { disabled: !it.disabled, ..it }, out),
        None => state.say(Role::Info, "there is no breakpoint here; b sets one"),
    }
}

/// Disables all, or enables those again that this disabled.
pub fn mute(state: &mut State, out: &mut Vec<Effect>) {
    let muted = state.breakpoints.muted.take();
    let unmute = muted.is_some();
    let ids = muted.unwrap_or_else(|| {
        state.user_breakpoints().filter(|it| !it.disabled).map(|it| it.id).collect()
    });
    if ids.is_empty() {
        return state.say(Role::Info, "there is no enabled breakpoint to mute");
    }
    let all: Vec<Breakpoint> =
        state.user_breakpoints().filter(|it| ids.contains(&it.id)).cloned().collect();
    for it in all {
        amend_silently(state, Breakpoint { disabled: !unmute, ..it }, out);
    }
    state.breakpoints.muted = (!unmute).then_some(ids);
    let text =
        if unmute { "breakpoints stop again" } else { "all breakpoints are muted (M)" };
    state.say(Role::Info, text);
}

/// Opens the form of the breakpoint under the cursor.
pub fn edit(state: &mut State) {
    let Some(it) = chosen(state) else {
        return state.say(Role::Info, "there is no breakpoint here to edit; b sets one");
    };
    let form = BreakpointForm {
        id: it.id,
        place: place_text(it),
        fields: form_fields(it),
        field: 0,
        error: None,
    };
    state.overlays.push(Overlay::Form(form));
}

/// The form was confirmed.
pub fn on_form(state: &mut State, id: i64, fields: [String; 3], out: &mut Vec<Effect>) {
    let Some(it) = state.user_breakpoints().find(|it| it.id == id).cloned() else {
        return;
    };
    let [cond, hit_cond, log] = fields.map(|it| it.trim().to_owned());
    let tracepoint = !log.is_empty();
    let variables = match log.as_str() {
        "" | LOGS_HIT => None,
        log => Some(text::expressions(log).map(str::to_owned).collect()),
    };
    amend(state, Breakpoint { cond, hit_cond, tracepoint, variables, ..it }, out);
}

/// Stands for no expression: the hit alone is logged.
const LOGS_HIT: &str = "-";

/// What a breakpoint logs instead of stopping; empty if it stops.
pub fn log_text(it: &Breakpoint) -> String {
    let exprs = it.variables.as_deref().unwrap_or_default();
    match (it.tracepoint, exprs.is_empty()) {
        (false, _) => String::new(),
        (true, true) => LOGS_HIT.to_owned(),
        (true, false) => exprs.join(", "),
    }
}

fn form_fields(it: &Breakpoint) -> [LineEdit; 3] {
    [it.cond.clone(), it.hit_cond.clone(), log_text(it)].map(LineEdit::new)
}

/// Changes the condition of a breakpoint, from the command line.
pub fn set_condition(state: &mut State, id: i64, cond: &str, out: &mut Vec<Effect>) {
    let found = state.user_breakpoints().find(|it| it.id == id).cloned();
    match found {
        Some(it) => amend(state, Breakpoint { cond: cond.to_owned(), ..it }, out),
        None => state.say(Role::Error, format!("there is no breakpoint {id}")),
    }
}

/// A change was refused: the form opens again with the reason.
pub fn on_not_amended(state: &mut State, asked: &Breakpoint, why: String) {
    state.breakpoints.revision += 1;
    if matches!(state.undo.last(), Some(Undo::AmendBreakpoint(it)) if it.id == asked.id) {
        state.undo.pop();
    }
    state.log(Role::ConsoleError, &why);
    state.say(Role::Error, why.clone());
    if asked.cond.is_empty() && asked.hit_cond.is_empty() {
        return;
    }
    state.overlays.push(Overlay::Form(BreakpointForm {
        id: asked.id,
        place: place_text(asked),
        fields: form_fields(asked),
        field: 0,
        error: Some(why),
    }));
}

pub fn undo(state: &mut State, out: &mut Vec<Effect>) {
    match state.undo.pop() {
        None => state.say(Role::Info, "there is nothing to undo"),
        Some(Undo::AddWatch { at, expr }) => {
            update::variables::add_watch(state, expr, Some(at));
        }
        Some(Undo::DropMissing(it)) => {
            state.keeping.missing.push(*it);
            state.keeping.seen = None;
        }
        Some(Undo::AmendBreakpoint(it)) => amend_silently(state, *it, out),
        Some(Undo::SetBreakpoint(it)) => {
            // A new one in the same place, with all that the old one had but its number.
            let again = Breakpoint {
                id: 0,
                hit_count: None,
                total_hit_count: 0,
                name: if it.name.parse::<i64>().is_ok() {
                    String::new()
                } else {
                    it.name
                },
                ..*it
            };
            let ask = Ask::SetBreakpoint {
                breakpoint: Box::new(again),
                purpose: Purpose::Undo,
            };
            update::ask(state, ask, out);
        }
    }
}

/// Runs to the line under the cursor: a breakpoint that the next stop deletes.
pub fn run_to_cursor(state: &mut State, out: &mut Vec<Effect>) {
    let Some(place) = state.source.place() else {
        return state.say(Role::Info, "no file is shown");
    };
    let line = place.line as i64 + 1;
    if at_line(state, &place.path, line).is_some_and(|it| !it.disabled) {
        return run::resume(state, Resume::Continue, out);
    }
    state.breakpoints.goal = "at the cursor";
    set_at(state, &place.path, line, Purpose::RunTo, out);
}

/// Runs to where the user's program begins: a breakpoint that the next stop deletes.
pub fn run_to_main(state: &mut State, out: &mut Vec<Effect>) {
    state.breakpoints.goal = "at main";
    let breakpoint = Breakpoint {
        function_name: "main.main".to_owned(),
        line: -1,
        ..Breakpoint::default()
    };
    let breakpoint = Box::new(breakpoint);
    let ask = Ask::SetBreakpoint { breakpoint, purpose: Purpose::RunTo };
    update::ask(state, ask, out);
}
