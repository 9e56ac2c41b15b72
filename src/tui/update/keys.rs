//! From keys to actions, and from actions to what does them.

use crossterm::event::KeyCode;

use crate::frontend::theme::Role;
use crate::tui::action::{self, Action, Needs};
use crate::tui::keymap::{Key, Meaning, label};
use crate::tui::layout::Class;
use crate::tui::pane::Pane;
use crate::tui::state::msg::{Effect, Resume};
use crate::tui::state::prompt::{Prompt, PromptKind};
use crate::tui::state::{Run, State};
use crate::tui::update::{
    breakpoints, command, connection, dialogs, goroutines, lists, palette, prompt, run,
    select, slow, source, variables,
};

pub fn on_key(state: &mut State, key: Key, out: &mut Vec<Effect>) {
    if state.leaving {
        return;
    }
    if !state.overlays.is_empty() {
        return dialogs::on_key(state, key, out);
    }
    if state.prompt.is_some() {
        return prompt::on_key(state, key, out);
    }
    if !state.keys.is_empty() && key.code == KeyCode::Esc {
        state.keys.clear();
        return;
    }
    state.keys.push(key);
    state.keys_since_ms = state.now_ms;
    match state.keymap.meaning(&state.keys) {
        Meaning::Prefix => {}
        Meaning::Action(action) => {
            state.keys.clear();
            state.message = None;
            act(state, action, out);
        }
        Meaning::Nothing => {
            let typed: String = state.keys.drain(..).map(label).collect();
            state.say(Role::Dim, format!("{typed} does nothing; ? shows the keys"));
        }
    }
}

pub fn on_paste(state: &mut State, text: &str, out: &mut Vec<Effect>) {
    // Only into a text: pasted words must not be taken for keys.
    let line: String = text.chars().filter(|c| !c.is_control()).collect();
    if !state.overlays.is_empty() {
        dialogs::on_paste(state, &line, out);
    } else if state.prompt.is_some() {
        prompt::on_paste(state, &line);
    } else {
        state.say(Role::Dim, "nothing takes a text here; : opens the command line");
    }
}

/// Why an action cannot be done now, and what would help.
pub fn disabled(state: &State, action: Action) -> Option<String> {
    let needs = action::spec(action)?.needs;
    if let Some(why) = refused_by_core(state, action) {
        return Some(why.to_owned());
    }
    let say = |text: &str| Some(text.to_owned());
    match (needs, &state.run) {
        (Needs::Nothing, _) => None,
        (_, Run::Starting(what)) => Some(format!("{what}: wait a moment")),
        (_, Run::Disconnected(why)) if connection::can_reconnect(state) => {
            Some(format!("{why}: R connects again, q leaves"))
        }
        (_, Run::Disconnected(why)) => Some(format!("{why}: q leaves")),
        (_, Run::Exited { .. }) if state.settings.attached => {
            say("the program has exited: q leaves")
        }
        (_, Run::Exited { .. }) => say("the program has exited: R restarts it, q leaves"),
        (Needs::Stopped, Run::Running) => say("running: P pauses the program"),
        (Needs::Running, Run::Stopped) => say("not running: c runs on, q leaves"),
        (Needs::Stopped | Needs::Alive, Run::Stopped) => None,
        (Needs::Running | Needs::Alive, Run::Running) => None,
    }
}

/// What a core file cannot do, and what it would take.
fn refused_by_core(state: &State, action: Action) -> Option<&'static str> {
    match action {
        _ if !state.server.is_core => None,
        Action::Continue
        | Action::Halt
        | Action::Next
        | Action::Step
        | Action::StepOut
        | Action::StepInstruction
        | Action::NextInstruction
        | Action::RunToCursor
        | Action::CancelNext
        | Action::Restart => {
            Some("a core file does not run; tinydbg tui exec starts the program itself")
        }
        Action::MuteBreakpoints
        | Action::ToggleBreakpoint
        | Action::ToggleEnabled
        | Action::BreakAtFunction => Some(
            "a core file gets to no breakpoint; tinydbg tui exec starts the program itself",
        ),
        _ => None,
    }
}

/// The step that an action makes.
fn step_of(action: Action) -> Option<Resume> {
    Some(match action {
        Action::Next => Resume::Next,
        Action::Step => Resume::Step,
        Action::StepOut => Resume::StepOut,
        Action::StepInstruction => Resume::StepInstruction,
        Action::NextInstruction => Resume::NextInstruction,
        _ => return None,
    })
}

/// Does an action, or says why not.
pub fn act(state: &mut State, action: Action, out: &mut Vec<Effect>) {
    if step_of(action).is_some_and(|it| run::step_ahead(state, it)) {
        return;
    }
    if let Some(why) = disabled(state, action) {
        return state.say(Role::Warning, why);
    }
    match action {
        Action::Continue => run::resume(state, Resume::Continue, out),
        Action::Halt => run::halt(state, out),
        Action::Next
        | Action::Step
        | Action::StepOut
        | Action::StepInstruction
        | Action::NextInstruction => {
            if let Some(how) = step_of(action) {
                run::resume(state, how, out);
            }
        }
        Action::RunToCursor => breakpoints::run_to_cursor(state, out),
        Action::CancelNext => run::cancel_next(state, out),
        Action::Restart => run::restart(state, out),
        Action::Reconnect => connection::reconnect(state, out),
        Action::MuteBreakpoints => breakpoints::mute(state, out),
        Action::ToggleBreakpoint => breakpoints::toggle(state, out),
        Action::ToggleEnabled => breakpoints::toggle_enabled(state, out),
        Action::BreakAtFunction => open_prompt(state, PromptKind::BreakAt, ""),
        Action::Edit => edit(state),
        Action::Delete => delete(state, out),
        Action::Undo => breakpoints::undo(state, out),
        Action::Up
        | Action::Down
        | Action::Left
        | Action::Right
        | Action::PageUp
        | Action::PageDown
        | Action::HalfPageUp
        | Action::HalfPageDown
        | Action::Top
        | Action::Bottom => lists::go(state, action, out),
        Action::Enter => lists::enter(state, out),
        Action::FrameUp => select::move_frame(state, true),
        Action::FrameDown => select::move_frame(state, false),
        Action::NextStopped => select::next_stopped(state, out),
        Action::GoToCurrent => select::go_to_current(state),
        Action::GoToDefinition => source::go_to_definition(state, out),
        Action::GoToLine => palette::open(state, ":", out),
        Action::Search => search(state),
        Action::SearchNext => source::search_next(state, true),
        Action::SearchPrevious => source::search_next(state, false),
        Action::JumpBack => source::jump_back(state),
        Action::JumpForward => source::jump_forward(state),
        _ => act_on_screen(state, action, out),
    }
}

fn act_on_screen(state: &mut State, action: Action, out: &mut Vec<Effect>) {
    match action {
        Action::FocusNext => move_focus(state, 1),
        Action::FocusPrevious => move_focus(state, -1),
        Action::Focus(pane) => focus(state, pane),
        Action::Zoom => state.screen.zoomed = !state.screen.zoomed,
        Action::NextLayout => next_layout(state),
        Action::Grow => grow(state, 1),
        Action::Shrink => grow(state, -1),
        Action::ResetLayout => {
            state.screen.growth = [0; 7];
            state.screen.dragged = Default::default();
        }
        Action::Escape => escape(state, out),
        Action::Print => print(state),
        Action::Watch => variables::watch_this(state),
        Action::AddWatch => open_prompt(state, PromptKind::AddWatch, ""),
        Action::CopyValue => lists::copy(state, false, out),
        Action::CopyExpression => lists::copy(state, true, out),
        Action::Format => variables::next_format(state),
        Action::FullValue => variables::show_full(state, out),
        Action::ToggleGrouping => goroutines::toggle_grouping(state),
        Action::ToggleRuntime => goroutines::toggle_runtime(state),
        Action::Refresh => refresh(state),
        Action::Palette => palette::open(state, "", out),
        Action::Command => open_prompt(state, PromptKind::Command, ""),
        Action::Help => dialogs::open_help(state),
        Action::Editor => source::open_editor(state, out),
        Action::Themes => dialogs::open_themes(state),
        Action::ToggleMouse => {
            state.mouse = !state.mouse;
            let whose = if state.mouse { "ours" } else { "the terminal's" };
            state.say(Role::Info, format!("the mouse is {whose}"));
            out.push(Effect::Mouse(state.mouse));
        }
        Action::Redraw => out.push(Effect::Redraw),
        Action::Suspend if state.is_running() && !state.settings.remote => state.say(
            Role::Warning,
            "running: while the debugger sleeps nobody would let the program past a \
             breakpoint; P pauses it first",
        ),
        Action::Suspend => out.push(Effect::Suspend),
        Action::Quit => dialogs::open_quit(state, out),
        _ => {}
    }
}

pub fn open_prompt(state: &mut State, kind: PromptKind, text: &str) {
    let mut prompt = Prompt::new(kind, text);
    prompt.origin = (state.source.cursor, state.source.top);
    state.message = None;
    state.prompt = Some(prompt);
}

fn search(state: &mut State) {
    match state.focus() {
        Pane::Source => {
            let before = state.source.search.clone();
            open_prompt(state, PromptKind::Search, "");
            if let Some(prompt) = &mut state.prompt {
                prompt.before = before;
            }
        }
        Pane::Stack | Pane::Console => {
            state.say(Role::Info, "this pane has no filter; / searches in the source");
        }
        pane => {
            // What is typed is a new filter, not more of the old one.
            if let Some(filter) = lists::filter(state, pane) {
                filter.clear();
                lists::filter_changed(state, pane);
            }
            open_prompt(state, PromptKind::Filter(pane), "");
        }
    }
}

fn print(state: &mut State) {
    let text = variables::expression_under_cursor(state).unwrap_or_default();
    open_prompt(state, PromptKind::Command, &format!("print {text}"));
}

fn edit(state: &mut State) {
    match state.focus() {
        Pane::Variables => variables::edit_value(state),
        Pane::Watches => variables::edit_watch(state),
        _ => breakpoints::edit(state),
    }
}

fn delete(state: &mut State, out: &mut Vec<Effect>) {
    match state.focus() {
        Pane::Watches => variables::delete_watch(state),
        Pane::Breakpoints | Pane::Source => breakpoints::delete(state, out),
        Pane::Goroutines | Pane::Variables | Pane::Stack | Pane::Console => {
            state
                .say(Role::Info, "x deletes breakpoints and watches; there is none here");
        }
    }
}

/// Goes to a pane; to the one that has the focus, goes to its other side.
pub fn focus(state: &mut State, pane: Pane) {
    if state.focus() == pane {
        match pane {
            Pane::Goroutines => {
                state.goroutines.shows_threads = !state.goroutines.shows_threads;
            }
            Pane::Console => state.console.shows_output = !state.console.shows_output,
            Pane::Stack => state.code.face = state.code.face.next(),
            Pane::Source | Pane::Variables | Pane::Breakpoints | Pane::Watches => {}
        }
    }
    state.screen.set_focus(pane);
}

fn move_focus(state: &mut State, by: isize) {
    let visible: Vec<Pane> = if state.areas().class == Class::Tiny || state.screen.zoomed
    {
        Pane::ALL.to_vec()
    } else {
        let mut visible: Vec<_> = state.areas().slots.iter().map(|it| it.front).collect();
        if visible.len() < 3 {
            visible = Pane::ALL.to_vec();
        }
        visible.sort_by_key(|it| it.index());
        visible
    };
    let here = visible.iter().position(|it| *it == state.focus()).unwrap_or(0);
    let next = (here as isize + by).rem_euclid(visible.len() as isize) as usize;
    state.screen.set_focus(visible[next]);
}

fn next_layout(state: &mut State) {
    let fits = |it: &Class| {
        let (w, h) = it.smallest();
        state.width >= w && state.height >= h
    };
    let fitting: Vec<Class> = Class::ALL.into_iter().filter(fits).collect();
    let now = state.areas().class;
    let here = fitting.iter().position(|it| *it == now).unwrap_or(0);
    let next = fitting[(here + 1) % fitting.len()];
    state.screen.class = Some(next);
    state.screen.zoomed = false;
    state.say(Role::Info, format!("layout: {}", next.name()));
}

fn grow(state: &mut State, by: i16) {
    let it = &mut state.screen.growth[state.screen.focus.index()];
    *it = (*it + by).clamp(-12, 12);
}

/// Closes what is open, one thing at a time, and ends at the source.
fn escape(state: &mut State, out: &mut Vec<Effect>) {
    if slow::give_up(state, out) {
        return;
    }
    if state.console.goes_on {
        return out.push(Effect::StopCommand);
    }
    let focus = state.focus();
    state.message = None;
    if focus == Pane::Source && !state.source.search.is_empty() {
        state.source.search.clear();
    } else if let Some(filter) = lists::filter(state, focus).filter(|it| !it.is_empty()) {
        filter.clear();
        lists::filter_changed(state, focus);
    } else if state.screen.zoomed {
        state.screen.zoomed = false;
    } else {
        state.screen.set_focus(Pane::Source);
    }
}

fn refresh(state: &mut State) {
    match state.focus() {
        Pane::Source => {
            if let Some(path) = state.source.path.clone() {
                state.files.forget(&path);
            }
        }
        Pane::Goroutines => state.goroutines.fetched.invalidate(),
        Pane::Variables => variables::reload(state),
        Pane::Stack => {
            state.stack.frames.invalidate();
            state.code.instructions.invalidate();
            state.code.registers.invalidate();
        }
        Pane::Breakpoints => state.breakpoints.revision += 1,
        Pane::Watches => state.watches.revision += 1,
        Pane::Console => {}
    }
    if state.is_running() && !state.can_ask() {
        command::needs_a_stop(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_file_does_not_run_and_says_what_it_would_take() {
        let mut state = State::new(Default::default());
        state.run = Run::Stopped;
        state.server.is_core = true;
        for action in [Action::Continue, Action::Restart, Action::ToggleBreakpoint] {
            let why = disabled(&state, action).unwrap();
            assert!(why.contains("core file") && why.contains("exec"), "{why}");
        }
        assert_eq!(disabled(&state, Action::Print), None);
    }

    #[test]
    fn a_command_that_says_how_far_it_is_can_be_given_up() {
        let mut state = State::new(Default::default());
        let line = crate::frontend::text::Line::plain("1 / 9");
        command::on_progress(&mut state, &line);
        let mut out = Vec::new();
        act(&mut state, Action::Escape, &mut out);
        assert_eq!(out, [Effect::StopCommand]);
    }
}
