//! What the TUI does when something happens.
//!
//! [`update`] is the only function that changes [`State`]. It performs no I/O and reads no
//! clock: what it wants done it returns, as [`Effect`]s, and what comes of them arrives
//! later as another [`Msg`]. At its end it asks for whatever the panes that can be seen
//! lack ([`wants`]), so that a stop, a change of the focus and a resize need not.

pub mod ahead;
pub mod answers;
pub mod breakpoints;
pub mod code;
pub mod command;
pub mod connection;
pub mod dialogs;
pub mod goroutines;
pub mod kept;
pub mod keys;
pub mod lists;
pub mod mouse;
pub mod palette;
pub mod prompt;
pub mod run;
pub mod select;
pub mod slow;
pub mod source;
pub mod variables;

use std::sync::Arc;

use crate::frontend::theme::Role;
use crate::tui::pane::Pane;
use crate::tui::state::State;
use crate::tui::state::msg::{Ask, AskError, Effect, Leave, Msg};
use crate::tui::state::overlay::{Overlay, Palette, PaletteKind};
use crate::tui::state::source::{FileState, SourceFile};

/// Frames to ask for at every stop: more than a screen shows, few enough to be quick.
pub const STACK_DEPTH: usize = 64;

/// Takes in what has happened, and says what is to be done.
pub fn update(state: &mut State, msg: Msg) -> Vec<Effect> {
    let mut out = Vec::new();
    if let Msg::Clock(ms) = msg {
        state.now_ms = ms;
        return out;
    }
    on_msg(state, msg, &mut out);
    ahead::go_on(state, &mut out);
    settle(state);
    wants(state, &mut out);
    kept::remember(state, &mut out);
    slow::remember(state, &out);
    style_when_quiet(state, &mut out);
    out
}

/// Colours wait until everything that was asked has been answered: at the start the
/// processors have better things to do.
fn style_when_quiet(state: &mut State, out: &mut Vec<Effect>) {
    if !state.waiting.is_empty() {
        return;
    }
    for path in std::mem::take(&mut state.unstyled) {
        let Some(file) = state.files.ready(&path) else { continue };
        let is_shown = state.source.path.as_ref() == Some(&path);
        let around = if is_shown { state.source.cursor } else { 0 };
        out.push(Effect::Style { text: file.text.clone(), path, around });
    }
}

fn on_msg(state: &mut State, msg: Msg, out: &mut Vec<Effect>) {
    match msg {
        Msg::Clock(ms) => state.now_ms = ms,
        Msg::Key(key) => ahead::on_key(state, key, out),
        Msg::Paste(text) => keys::on_paste(state, &text, out),
        Msg::Mouse(mouse) => mouse::on_mouse(state, mouse, out),
        Msg::Resize(width, height) => (state.width, state.height) = (width, height),
        Msg::Kept(it) => kept::on_kept(state, *it),
        Msg::Started(Ok(())) => out.push(Effect::Ask(Ask::Hello)),
        Msg::Started(Err(why)) => on_start_failed(state, why, out),
        Msg::Gone => connection::disconnected(state, out),
        Msg::Progress(text) => {
            if let crate::tui::state::Run::Starting(what) = &mut state.run {
                *what = text;
            }
        }
        Msg::Answer { ask, answer } => {
            if slow::forget(state, &ask) || matches!(answer, Err(AskError::Gone)) {
                answers::on_answer(state, ask, answer, out);
            }
        }
        Msg::Stopped { asked, result } => run::on_stopped(state, &asked, result, out),
        Msg::File { path, text } => on_file(state, &path, text),
        Msg::Styled { path, first_line, lines } => {
            if let Some(file) = state.files.ready_mut(&path) {
                let last = file.styles.len();
                for (at, line) in (first_line..last).zip(lines) {
                    file.styles[at] = line;
                }
            }
        }
        Msg::Matches { generation, found } => {
            palette::on_matches(state, generation, found, out);
        }
        Msg::Processes(list) => palette::on_processes(state, list, out),
        Msg::Output(bytes) => lists::on_output(state, &bytes),
        Msg::Printed(line) => command::on_printed(state, line),
        Msg::HowFar(line) => command::on_progress(state, &line),
        Msg::Resumed => run::started(state),
        Msg::CommandDone { line, result, exits } => {
            command::on_done(state, &line, result, exits, out);
        }
        Msg::Back(Some(why)) => state.say(Role::Error, why),
        Msg::Back(None) => {
            // The file may have been edited.
            if let Some(path) = state.source.path.clone() {
                state.files.forget(&path);
            }
        }
        Msg::Left(why) => out.push(Effect::Exit(why)),
        Msg::Terminate => connection::leave(state, default_leave(state), out),
    }
}

/// How the program is left if nobody chooses.
pub fn default_leave(state: &State) -> Leave {
    if state.server.multiclient {
        Leave::Disconnect
    } else if state.settings.attached {
        Leave::Detach
    } else {
        Leave::Kill
    }
}

fn on_start_failed(state: &mut State, why: String, out: &mut Vec<Effect>) {
    let picker = state.overlays.iter_mut().find_map(|it| match it {
        Overlay::Palette(it) if it.kind == PaletteKind::Processes => Some(it),
        _ => None,
    });
    match picker {
        Some(picker) => {
            picker.error = Some(why);
            state.run = crate::tui::state::Run::Starting("choosing a process".to_owned());
        }
        None if state.stop.0 > 0 => connection::not_reconnected(state, why),
        None => out.push(Effect::Exit(Some(why))),
    }
}

/// Opens the list of processes that could be attached to.
pub fn pick_process(state: &mut State) -> Vec<Effect> {
    state.run = crate::tui::state::Run::Starting("choosing a process".to_owned());
    let palette = Palette::new(PaletteKind::Processes, "");
    state.overlays.push(Overlay::Palette(palette));
    vec![Effect::ListProcesses]
}

fn on_file(
    state: &mut State,
    path: &Arc<str>,
    text: Result<Arc<crate::tui::state::msg::FileText>, String>,
) {
    let file = match text {
        Ok(text) => {
            let styles = vec![Default::default(); text.len()];
            state.unstyled.push(path.clone());
            FileState::Ready(SourceFile { text, styles, is_styled: true })
        }
        Err(why) => FileState::Missing(why),
    };
    state.files.put(path, file);
    if state.source.path.as_ref() == Some(path) {
        state.source.center = true;
    }
}

/// Brings all cursors into their lists and into view.
fn settle(state: &mut State) {
    if state.goroutines.rows_are_old {
        goroutines::rebuild(state);
    }
    if !state.server.said_stale && state.has_newer_source() {
        state.server.said_stale = true;
        let path = state.source.path.as_deref().unwrap_or_default();
        let name = crate::tui::text::file_name(path).to_owned();
        let text = format!(
            "{name} was changed after the program was built: lines may be off until it is \
             built again"
        );
        state.log(Role::Warning, &text);
        // What a key has just led to is not to be missed for this.
        if state.message.is_none() {
            state.say(Role::Warning, text);
        }
    }
    let areas = state.areas();
    if !areas.is_visible(state.focus()) {
        // The layout lost the pane: a smaller screen. Its slot shows it instead.
        let focus = state.focus();
        state.screen.set_focus(focus);
    }
    if state.console.shows_output && areas.is_visible(Pane::Console) {
        state.console.has_unseen = false;
    }
    for slot in &areas.slots {
        let height = usize::from(slot.inner().height);
        if slot.front == Pane::Source {
            let path = state.source.path.clone();
            let file = path.as_deref().and_then(|it| state.files.ready(it));
            if let Some(len) = file.map(|it| it.text.len()) {
                state.source.settle(len, height);
            }
        } else {
            let len = lists::len(state, slot.front);
            match slot.front {
                Pane::Variables => state.variables.tree.reveal_opened(height),
                Pane::Watches => state.watches.tree.reveal_opened(height),
                _ => {}
            }
            if let Some(at) = lists::position(state, slot.front) {
                at.settle(len, height);
            }
        }
    }
}

/// Asks for what the panes that can be seen lack.
fn wants(state: &mut State, out: &mut Vec<Effect>) {
    if let Some(path) = state.source.path.clone()
        && state.files.state(&path).is_none()
        && state.files.touch(&path)
    {
        out.push(Effect::LoadFile(path));
    }
    if !state.can_ask() || state.leaving {
        return;
    }
    let revision = state.breakpoints.revision;
    if state.breakpoints.list.ask(revision) {
        out.push(Effect::Ask(Ask::Breakpoints { revision }));
    }
    breakpoints::want_places(state, out);
    if matches!(state.overlays.last(), Some(Overlay::Palette(_))) {
        // It may have been opened before there was anybody to ask.
        palette::ask_for_names(state, out);
    }
    if state.is_stopped() {
        wants_of_stop(state, out);
    }
    // Delve can tell the names only while the program is stopped: they are asked for once
    // everything else is there. Ours tells them when they are wanted.
    let is_quiet =
        state.waiting.is_empty() && !out.iter().any(|it| matches!(it, Effect::Ask(_)));
    if is_quiet && state.keeping.is_first && state.stop.0 > 0 {
        let has_any = !state.keeping.to_set.is_empty();
        kept::set_all(state, out);
        if has_any {
            return;
        }
    }
    let is_due = state.stop.0 > 0 && !state.server.answers_while_running;
    if is_quiet && is_due && !state.symbols.asked {
        state.symbols.asked = true;
        out.push(Effect::Ask(Ask::Symbols));
    }
    // The status line says how many goroutines there are, also where their list is not
    // seen: when all that is seen has come, and only where that is cheap.
    const COUNTED_MAX: i64 = 1000;
    if is_quiet
        && state.is_stopped()
        && state.server.answers_while_running
        && state.goroutines.total <= COUNTED_MAX
    {
        wants_goroutines(state, out);
    }
}

fn wants_of_stop(state: &mut State, out: &mut Vec<Effect>) {
    let areas = state.areas();
    let (stop, goroutine, frame) = (state.stop, state.scope.goroutine, state.scope.frame);
    let depth = state.stack.depth.max(STACK_DEPTH);
    if state.seeks_goroutine {
        return wants_goroutines(state, out);
    }
    if state.stack.frames.ask((stop, goroutine)) {
        out.push(Effect::Ask(Ask::Stack { key: (stop, goroutine), depth }));
    }
    let has_stack = state.stack.frames.key() == Some((stop, goroutine));
    if areas.is_visible(Pane::Stack) && has_stack {
        code::wants(state, out);
    }
    // Until the stack says which frame is the user's, its variables are not asked for.
    if state.source_frame_is_known() {
        let key = (stop, goroutine, frame);
        if state.variables.frame.ask(key) {
            out.push(Effect::Ask(Ask::Variables { key }));
        }
        let revision = state.watches.revision;
        let key = (stop, goroutine, frame, revision);
        if areas.is_visible(Pane::Watches)
            && !state.watches.exprs.is_empty()
            && state.watches.values.ask(key)
        {
            let exprs = state.watches.exprs.clone();
            out.push(Effect::Ask(Ask::Watches { key, exprs }));
        }
    }
    if areas.is_visible(Pane::Goroutines) && !state.goroutines.shows_threads {
        wants_goroutines(state, out);
    }
}

fn wants_goroutines(state: &mut State, out: &mut Vec<Effect>) {
    let key = (state.stop, state.goroutines.revision);
    if state.goroutines.fetched.ask(key) {
        let query = goroutines::query(state);
        out.push(Effect::Ask(Ask::Goroutines { key, query }));
    }
}

/// Asks now, or at the next stop if the service does not answer before: a program that
/// runs under Delve is then held for a moment.
pub fn ask(state: &mut State, ask: Ask, out: &mut Vec<Effect>) {
    if state.can_ask() {
        out.push(Effect::Ask(ask));
    } else if state.is_running() {
        if state.at_stop.is_empty() {
            out.push(Effect::Halt);
            state.resume_after = true;
        }
        state.at_stop.push(Effect::Ask(ask));
    }
}
