//! The source pane: moving, jumping, searching, going to definitions.

use crate::frontend::theme::Role;
use crate::tui::pane::Pane;
use crate::tui::state::State;
use crate::tui::state::msg::{Ask, Effect, FileText};
use crate::tui::state::source::Place;
use crate::tui::text;
use crate::tui::update;
use crate::tui::update::palette;

/// The text that is shown.
pub fn text(state: &State) -> Option<&FileText> {
    let path = state.source.path.as_deref()?;
    Some(&state.files.ready(path)?.text)
}

pub fn move_by(state: &mut State, rows: isize) {
    let Some(len) = text(state).map(FileText::len) else { return };
    let last = len.saturating_sub(1);
    state.source.cursor = state.source.cursor.saturating_add_signed(rows).min(last);
    browse(state);
}

pub fn scroll_by(state: &mut State, rows: isize, height: usize) {
    let Some(len) = text(state).map(FileText::len) else { return };
    state.source.scroll_by(rows, len, height);
    browse(state);
}

/// From now on a stop does not take the view away, while the program runs.
fn browse(state: &mut State) {
    if state.is_running() {
        state.source.browsing = true;
    }
}

/// Goes to a place that the user asked for.
pub fn jump(state: &mut State, place: Place) {
    state.source.jump(place);
    browse(state);
}

pub fn jump_back(state: &mut State) {
    let Some(place) = state.source.back.pop() else {
        return state.say(Role::Info, "there was no jump before this place");
    };
    if let Some(here) = state.source.place() {
        state.source.forward.push(here);
    }
    state.source.show(place);
    state.screen.set_focus(Pane::Source);
}

pub fn jump_forward(state: &mut State) {
    let Some(place) = state.source.forward.pop() else {
        return state.say(Role::Info, "there is no place to go forward to");
    };
    if let Some(here) = state.source.place() {
        state.source.back.push(here);
    }
    state.source.show(place);
    state.screen.set_focus(Pane::Source);
}

/// Searches while the pattern is typed: from where the cursor was when it began.
pub fn search_as_typed(state: &mut State, pattern: &str, origin: (usize, usize)) {
    state.source.search = pattern.to_owned();
    (state.source.cursor, state.source.top) = origin;
    if pattern.is_empty() {
        return;
    }
    if let Some(line) = matching_line(state, origin.0, true, true) {
        state.source.cursor = line;
        state.source.center = true;
    }
}

pub fn search_next(state: &mut State, forward: bool) {
    if state.source.search.is_empty() {
        return state.say(Role::Info, "nothing is being searched for; / begins");
    }
    match matching_line(state, state.source.cursor, forward, false) {
        Some(line) => {
            if (line < state.source.cursor) == forward && line != state.source.cursor {
                state.say(Role::Info, "the search went on at the other end of the file");
            }
            state.source.cursor = line;
            state.source.center = true;
            browse(state);
        }
        None => {
            let text = format!("{} is not in this file", state.source.search);
            state.say(Role::Warning, text);
        }
    }
}

/// The nearest line with a match, around the end of the file if need be.
fn matching_line(state: &State, from: usize, forward: bool, here: bool) -> Option<usize> {
    let file = text(state)?;
    let len = file.len();
    let skip = usize::from(!here);
    (0..len).map(|n| n + skip).find_map(|n| {
        let line =
            if forward { from + n } else { from + len - n % len.max(1) } % len.max(1);
        text::contains(file.line(line), &state.source.search).then_some(line)
    })
}

/// How many lines match, for the message line.
pub fn count_matches(state: &State) -> usize {
    let Some(file) = text(state) else { return 0 };
    let pattern = &state.source.search;
    (0..file.len()).filter(|it| text::contains(file.line(*it), pattern)).count()
}

/// Goes to the function that the line under the cursor calls, if there is one of its name;
/// offers them if there are several.
pub fn go_to_definition(state: &mut State, out: &mut Vec<Effect>) {
    let Some(name) = called_name(state) else {
        return state.say(Role::Info, "this line calls no function");
    };
    let Some(list) = state.symbols.list.clone() else {
        state.symbols.then_definition = true;
        palette::ask_for_names(state, out);
        return state.say(Role::Info, "the names of functions are being loaded");
    };
    let last = name.rsplit('.').next().unwrap_or(&name);
    let is_it = |it: &&String| {
        it.strip_suffix(last).is_some_and(|rest| rest.ends_with(['.', '/']))
    };
    let mut found = list.functions().iter().filter(is_it);
    match (found.next(), found.next()) {
        (None, _) => {
            state.say(Role::Warning, format!("no function {name} in the program"))
        }
        (Some(only), None) => {
            update::ask(state, Ask::Find { spec: only.clone() }, out);
        }
        (Some(_), Some(_)) => palette::open(state, &format!("@{name}"), out),
    }
}

/// The first function that the line calls, or the identifier that begins it.
fn called_name(state: &State) -> Option<String> {
    const KEYWORDS: [&str; 7] =
        ["if", "for", "switch", "func", "return", "append", "make"];
    let line = text(state)?.line(state.source.cursor);
    let calls = line.match_indices('(').filter_map(|(at, _)| {
        let before = line[..at].chars().next_back()?;
        if !(before.is_alphanumeric() || before == '_') {
            return None;
        }
        text::expression_at(line, at - before.len_utf8())
    });
    let mut names = calls.filter(|it| !KEYWORDS.contains(it));
    names.next().map(str::to_owned)
}

pub fn open_editor(state: &mut State, out: &mut Vec<Effect>) {
    let Some(place) = state.source.place() else {
        return state.say(Role::Info, "no file is shown");
    };
    let file = state.files.ready(&place.path);
    let found_at = file.and_then(|it| it.text.found_at.clone());
    let path = found_at.unwrap_or_else(|| place.path.to_string());
    out.push(Effect::Edit { path, line: place.line + 1 });
}
