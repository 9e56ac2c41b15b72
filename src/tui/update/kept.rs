//! Breakpoints and watches of the last session are set again, and those of this one kept.

use crate::api::types::DebuggerState;
use crate::frontend::kept::{EACH_MAX, Kept, KeptBreakpoint};
use crate::frontend::theme::Role;
use crate::tui::state::State;
use crate::tui::state::kept::Missing;
use crate::tui::state::msg::{Ask, Effect, Purpose};
use crate::tui::text;
use crate::tui::update;
use crate::tui::update::run;

/// What is kept has come, before there is a program.
pub fn on_kept(state: &mut State, kept: Kept) {
    state.keeping.is_on = true;
    state.watches.exprs.clone_from(&kept.watches);
    state.watches.revision += 1;
    state.keeping.to_set.clone_from(&kept.breakpoints);
    state.keeping.saved = without_texts(kept);
}

/// There is a program. What runs on at once has its breakpoints before; else there is
/// something to see first.
pub fn begin(state: &mut State, now: Option<DebuggerState>, out: &mut Vec<Effect>) {
    state.keeping.is_first = state.keeping.is_on;
    let is_launched = now.as_ref().is_some_and(|it| it.stop_reason == "launched");
    if !is_launched && !state.settings.resume {
        return run::begin(state, now, out);
    }
    state.keeping.begins = Some(now);
    set_all(state, out);
}

/// Asks for the breakpoints of the last session.
pub fn set_all(state: &mut State, out: &mut Vec<Effect>) {
    for kept in std::mem::take(&mut state.keeping.to_set) {
        out.push(ask(state, kept));
    }
    answered(state, out);
}

fn ask(state: &mut State, kept: KeptBreakpoint) -> Effect {
    state.keeping.open += 1;
    let breakpoint = Box::new(kept.wanted());
    let purpose = Purpose::Kept(Box::new(kept));
    Effect::Ask(Ask::SetBreakpoint { breakpoint, purpose })
}

/// One is there again.
pub fn on_set(
    state: &mut State,
    kept: &KeptBreakpoint,
    (id, line): (i64, i64),
    out: &mut Vec<Effect>,
) {
    state.keeping.open = state.keeping.open.saturating_sub(1);
    state.keeping.n_set += 1;
    let was = kept.was_on.unwrap_or(kept.breakpoint.line);
    if !kept.spec.is_empty() {
        state.keeping.specs.insert(id, kept.spec.clone());
    } else if was != line {
        let file = text::file_name(&kept.breakpoint.file);
        let text = format!("breakpoint {id}: what was {file}:{was} is line {line} now");
        state.log(Role::Info, &text);
    }
    answered(state, out);
}

/// One cannot be set in this program: it is shown with the reason, and kept.
pub fn on_not_set(
    state: &mut State,
    kept: KeptBreakpoint,
    why: &str,
    out: &mut Vec<Effect>,
) {
    state.keeping.open = state.keeping.open.saturating_sub(1);
    if why.starts_with("Breakpoint exists") {
        // Two have moved to one line: one is enough.
        return answered(state, out);
    }
    let why = why.to_owned();
    let place = text::clean(&kept.place()).into_owned();
    let text = format!("breakpoint of the last session at {place}: {why}");
    state.log(Role::Warning, &text);
    state.keeping.missing.push(Missing { kept, why });
    answered(state, out);
}

/// Once all are answered, the session begins.
fn answered(state: &mut State, out: &mut Vec<Effect>) {
    if state.keeping.open > 0 {
        return;
    }
    say_done(state);
    if let Some(now) = state.keeping.begins.take() {
        run::begin(state, now, out);
    }
}

fn count(n: usize, what: &str) -> Option<String> {
    let s = if n == 1 { "" } else { "s" };
    (n > 0).then(|| format!("{n} {what}{s}"))
}

/// Says what has come of the last session's.
fn say_done(state: &mut State) {
    let is_first = std::mem::take(&mut state.keeping.is_first);
    let set = count(std::mem::take(&mut state.keeping.n_set), "breakpoint");
    let watches = state.watches.exprs.len();
    let watches = count(watches, "watch").map(|it| it.replace("watchs", "watches"));
    let there: Vec<String> =
        [set, watches.filter(|_| is_first)].into_iter().flatten().collect();
    let missing = match state.keeping.missing.len() {
        0 => String::new(),
        n => format!("{n} of its breakpoints cannot be set (5 says why)"),
    };
    let text = match (there.is_empty(), missing.is_empty()) {
        (true, true) => return,
        (true, false) => format!("of the last session: {missing}"),
        (false, true) => format!("{} of the last session", there.join(" and ")),
        (false, false) => format!("{} of the last session; {missing}", there.join(", ")),
    };
    if state.keeping.begins.is_some() {
        state.keeping.said = Some(text);
    } else {
        state.log(Role::Info, &text);
        state.say(Role::Info, text);
    }
}

/// Tries those again that could not be set: the program is another one, or the user asks.
pub fn try_again(state: &mut State, which: Option<usize>, out: &mut Vec<Effect>) {
    let missing = &mut state.keeping.missing;
    let again: Vec<Missing> = match which {
        None => std::mem::take(missing),
        Some(at) if at < missing.len() => vec![missing.remove(at)],
        Some(_) => return,
    };
    for it in again {
        let Effect::Ask(it) = ask(state, it.kept) else { continue };
        update::ask(state, it, out);
    }
}

/// Keeps what there is now, if that has changed.
pub fn remember(state: &mut State, out: &mut Vec<Effect>) {
    let list = &state.breakpoints.list;
    let keeping = &state.keeping;
    let is_settled = keeping.open == 0 && keeping.to_set.is_empty();
    if !keeping.is_on || !is_settled || state.leaving {
        return;
    }
    let (Some(revision), Some(_), false) = (list.key(), list.value(), list.is_waiting())
    else {
        return;
    };
    let seen = Some((revision, state.watches.revision));
    if state.keeping.seen == seen {
        return;
    }
    state.keeping.seen = seen;
    keep(state, out);
}

/// Keeps what there is at the end, also what the service has not listed yet.
pub fn remember_last(state: &mut State, out: &mut Vec<Effect>) {
    let keeping = &state.keeping;
    let is_settled = keeping.open == 0 && keeping.to_set.is_empty();
    if keeping.is_on && is_settled && state.breakpoints.list.value().is_some() {
        keep(state, out);
    }
}

fn keep(state: &mut State, out: &mut Vec<Effect>) {
    let now = current(state);
    if now != state.keeping.saved {
        state.keeping.saved.clone_from(&now);
        out.push(Effect::Keep(Box::new(now)));
    }
}

fn current(state: &State) -> Kept {
    let muted = state.breakpoints.muted.as_deref().unwrap_or_default();
    let kept = |id: i64, it| {
        let spec = state.keeping.specs.get(&id).map(String::as_str);
        let mut kept = KeptBreakpoint::of(it, spec)?;
        kept.breakpoint.disabled &= !muted.contains(&id);
        Some(kept)
    };
    let own = state.user_breakpoints();
    let own = own.filter(|it| state.breakpoints.temporary != Some(it.id));
    let mut breakpoints: Vec<_> = own.filter_map(|it| kept(it.id, it)).collect();
    breakpoints.extend(state.keeping.missing.iter().map(|it| it.kept.clone()));
    breakpoints.truncate(EACH_MAX);
    let mut watches = state.watches.exprs.clone();
    watches.truncate(EACH_MAX);
    let program = state.keeping.saved.program.clone();
    without_texts(Kept { program, breakpoints, watches })
}

fn without_texts(mut kept: Kept) -> Kept {
    for it in &mut kept.breakpoints {
        it.text.clear();
        it.was_on = None;
    }
    kept
}
