//! Which goroutine and which frame everything shown refers to.

use std::sync::Arc;

use crate::api::types::{Goroutine, Stackframe};
use crate::frontend::theme::Role;
use crate::tui::pane::Pane;
use crate::tui::state::msg::{Ask, Effect};
use crate::tui::state::source::Place;
use crate::tui::state::{Scope, State};
use crate::tui::text;
use crate::tui::update::goroutines;
use crate::tui::update::run::show_line;

impl State {
    /// Whether it is known which frame of the selected goroutine is shown: the first one,
    /// or, if that is the runtime's, the one that the stack says.
    pub fn source_frame_is_known(&self) -> bool {
        self.scope_is_settled
            || self.stack.frames.key() == Some((self.stop, self.scope.goroutine))
    }
}

/// The goroutines have come, of which one is to be shown that is in the user's code: no
/// goroutine has stopped, as when Delve attaches or when all of them wait for each other.
pub fn seek_in(state: &mut State, out: &mut Vec<Effect>) {
    if !std::mem::take(&mut state.seeks_goroutine) {
        return;
    }
    let list = state.goroutines.fetched.value().map_or(&[][..], |it| &it.list);
    let rank = |it: &Goroutine| {
        let at = &it.user_current_loc;
        let name = at.function.as_ref().map_or("", |it| &it.name);
        let is_users = !at.file.is_empty() && !text::is_runtime_code(name, &at.file);
        let is_own = is_users && !text::comes_with_go(&at.file, library(list).as_deref());
        (!is_own, !is_users, it.id != 1)
    };
    let wanted =
        list.iter().filter(|it| !goroutines::is_runtime(it)).min_by_key(|it| rank(it));
    match wanted.map(|it| it.id) {
        Some(id) => select_goroutine(state, id, out),
        None => {
            let at = state.stopped.current_thread.as_ref();
            if let Some((file, line)) = at.map(|it| (it.file.clone(), it.line)) {
                show_line(state, &file, line);
            }
        }
    }
}

/// The folder of Go's own sources, as some goroutines say it: all wait in the runtime.
fn library(list: &[Goroutine]) -> Option<String> {
    let at = list.iter().map(|it| &it.current_loc);
    library_of(at.map(|it| (it.function.as_ref().map_or("", |it| &it.name), &*it.file)))
}

/// The folder above the runtime's, given functions and their files.
fn library_of<'a>(at: impl Iterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let mut of_runtime = at.filter(|it| it.0.starts_with("runtime."));
    of_runtime.find_map(|it| Some(format!("{}/", it.1.rsplit_once("/runtime/")?.0)))
}

/// Makes another goroutine the one that everything refers to.
pub fn select_goroutine(state: &mut State, id: i64, out: &mut Vec<Effect>) {
    if id <= 0 {
        return;
    }
    if !state.is_stopped() {
        return state
            .say(Role::Warning, "running: P pauses, then goroutines can be chosen");
    }
    if id != state.scope.goroutine {
        out.push(Effect::Ask(Ask::SwitchGoroutine(id)));
    }
    state.scope = Scope { goroutine: id, frame: 0 };
    state.scope_is_settled = false;
    state.source.browsing = false;
    state.goroutines.rows_are_old = true;
    if state.stack.frames.key() == Some((state.stop, id)) {
        on_stack(state);
    }
}

/// The stack has come: selects the first frame of the user's, unless one is selected.
pub fn on_stack(state: &mut State) {
    if state.scope_is_settled {
        return show_in_stack(state);
    }
    state.scope_is_settled = true;
    let frames = state.frames();
    let user = frames.iter().position(|it| !is_runtime_frame(it) && !it.file.is_empty());
    let chosen = match waits_somewhere(state) {
        true => own_frame(frames).or(user),
        false => user,
    };
    select_frame(state, chosen.unwrap_or(0));
}

/// Whether the goroutine is where it is by chance, and not where a breakpoint or a step
/// has led it.
fn waits_somewhere(state: &State) -> bool {
    let stopped = state.stopped.current_goroutine.as_ref().map(|it| it.id);
    let by_chance = state.server.is_core
        || matches!(state.stopped.stop_reason.as_str(), "attached" | "manual" | "");
    let thread = state.stopped.current_thread.as_ref();
    let fails = thread.and_then(|it| it.breakpoint.as_ref()).is_some_and(|it| it.id < 0);
    by_chance || fails || stopped != Some(state.scope.goroutine)
}

/// The first frame whose source did not come with Go.
fn own_frame(frames: &[Stackframe]) -> Option<usize> {
    let name = |it: &'_ Stackframe| it.function.as_ref().map(|it| it.name.clone());
    let at: Vec<_> = frames.iter().map(|it| (name(it).unwrap_or_default(), it)).collect();
    let library = library_of(at.iter().rev().map(|it| (&*it.0, &*it.1.file)));
    frames.iter().position(|it| {
        let is_library = text::comes_with_go(&it.file, library.as_deref());
        !is_runtime_frame(it) && !it.file.is_empty() && !is_library
    })
}

pub fn is_runtime_frame(frame: &Stackframe) -> bool {
    match &frame.function {
        Some(function) => text::is_runtime_code(&function.name, &frame.file),
        None => true,
    }
}

/// Selects a frame and shows its line.
pub fn select_frame(state: &mut State, frame: usize) {
    let frames = state.frames();
    let Some(chosen) = frames.get(frame) else { return };
    let (file, line) = (chosen.file.clone(), chosen.line);
    state.scope.frame = frame;
    state.scope_is_settled = true;
    if !state.source.browsing {
        show_line(state, &file, line);
    }
    show_in_stack(state);
}

/// Puts the stack's cursor on the selected frame.
fn show_in_stack(state: &mut State) {
    let frame = state.scope.frame;
    let rows = crate::tui::update::lists::stack_rows(state);
    if let Some(at) = rows.iter().position(|it| it.contains(frame)) {
        state.stack.at.cursor = at;
    }
}

/// One frame up or down, over those of the runtime that are folded.
pub fn move_frame(state: &mut State, up: bool) {
    state.source.browsing = false;
    let frames = state.frames();
    let is_shown = |at: &usize| {
        state.stack.unfolded || frames.get(*at).is_some_and(|it| !is_runtime_frame(it))
    };
    let now = state.scope.frame;
    let next = if up {
        (now + 1..frames.len()).find(is_shown)
    } else {
        (0..now.min(frames.len())).rev().find(is_shown)
    };
    match next {
        Some(frame) => select_frame(state, frame),
        None if up => state.say(Role::Info, "this is the outermost frame"),
        None => state.say(Role::Info, "this is the innermost frame"),
    }
}

/// The next of the goroutines whose threads stand at breakpoints.
pub fn next_stopped(state: &mut State, out: &mut Vec<Effect>) {
    let stopped: Vec<i64> = {
        let threads = state.stopped.threads.iter().flatten();
        let hit = threads.filter(|it| it.breakpoint.is_some() && it.goroutine_id > 0);
        hit.map(|it| it.goroutine_id).collect()
    };
    let here = stopped.iter().position(|it| *it == state.scope.goroutine);
    let next = here.map_or(0, |it| (it + 1) % stopped.len().max(1));
    match stopped.get(next) {
        Some(id) if *id != state.scope.goroutine => select_goroutine(state, *id, out),
        _ => state.say(Role::Info, "no other goroutine is at a breakpoint"),
    }
}

/// Shows the line of the selected frame again.
pub fn go_to_current(state: &mut State) {
    state.source.browsing = false;
    state.screen.set_focus(Pane::Source);
    let place = match state.frame() {
        Some(frame) => Some((frame.file.clone(), frame.line)),
        None => {
            state.stopped.current_thread.as_ref().map(|it| (it.file.clone(), it.line))
        }
    };
    match place {
        Some((file, line)) => {
            let line = usize::try_from(line - 1).unwrap_or(0);
            state.source.jump(Place { path: Arc::from(file), line });
        }
        None => {
            state.say(Role::Info, "there is no current line: nothing has stopped yet")
        }
    }
}
