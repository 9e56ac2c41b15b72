//! Running, stopping, leaving; which goroutine and frame everything refers to.

use std::sync::Arc;

use crate::api::types::{DebuggerState, Location, Stackframe, Thread};
use crate::frontend::text::wait_reason::go_minor;
use crate::frontend::theme::Role;
use crate::tui::pane::Pane;
use crate::tui::state::msg::{Ask, AskError, Effect, Hello, Leave, Resume};
use crate::tui::state::source::Place;
use crate::tui::state::{Run, Scope, State, StopId};
use crate::tui::text;
use crate::tui::update;
use crate::tui::update::breakpoints;
use crate::tui::value;

impl State {
    /// Whether it is known which frame of the selected goroutine is shown: the first one,
    /// or, if that is the runtime's, the one that the stack says.
    pub fn source_frame_is_known(&self) -> bool {
        self.scope_is_settled
            || self.stack.frames.key() == Some((self.stop, self.scope.goroutine))
    }
}

/// Lets the program run.
///
/// A step from where another goroutine's breakpoint has interrupted one gives that one up:
/// what is on the screen is what is stepped.
pub fn resume(state: &mut State, how: Resume, out: &mut Vec<Effect>) {
    let steps = matches!(how, Resume::Next | Resume::Step | Resume::StepOut);
    if steps && std::mem::take(&mut state.stopped.next_in_progress) {
        out.push(Effect::Ask(Ask::CancelNext));
    }
    started(state);
    state.source.browsing = false;
    state.message = None;
    out.push(Effect::Resume(how));
}

/// Steps that are typed ahead at most.
const STEPS_MAX: usize = 8;

/// A step while one is being made: it follows, if that one ends as a step. Says whether
/// it was taken; a program that is seen to run takes none.
pub fn step_ahead(state: &mut State, how: Resume) -> bool {
    let is_between = state.is_running() && !state.looks_running() && !state.resume_after;
    let takes = is_between && state.steps.len() < STEPS_MAX;
    if takes {
        state.steps.push_back(how);
    }
    takes
}

/// The program runs from now on.
pub fn started(state: &mut State) {
    if state.is_stopped() {
        state.held_ms += state.now_ms.saturating_sub(state.since_ms);
    }
    state.run = Run::Running;
    state.since_ms = state.now_ms;
}

pub fn halt(state: &mut State, out: &mut Vec<Effect>) {
    state.resume_after = false;
    out.push(Effect::Halt);
    state.say(Role::Info, "stopping...");
}

/// What the service is, and what the program does: the first answer there is.
pub fn on_hello(state: &mut State, hello: Hello, out: &mut Vec<Effect>) {
    let ours = |it: &str| it.contains("tinydbg");
    state.server.answers_while_running = ours(&hello.version) || ours(&hello.backend);
    state.server.version = hello.version;
    state.server.multiclient = hello.multiclient;
    state.settings.attached |= hello.attached;
    state.server.go_minor = go_minor(&hello.go_version);
    if let Some(why) = hello.refused {
        return on_refused(state, &why, out);
    }
    match hello.state {
        Some(now) if now.running => {
            state.run = Run::Running;
            state.since_ms = state.now_ms;
            out.push(Effect::Resume(Resume::Wait));
        }
        Some(now) => on_stopped(state, &Resume::Wait, Ok(Box::new(now)), out),
        None => {
            state.run = Run::Disconnected("the service says nothing of its state".into());
        }
    }
}

pub fn on_stopped(
    state: &mut State,
    asked: &Resume,
    result: Result<Box<DebuggerState>, AskError>,
    out: &mut Vec<Effect>,
) {
    match result {
        Err(AskError::Gone) => disconnected(state, out),
        Err(AskError::Refused(why)) => on_refused(state, &why, out),
        Ok(now) if now.exited => exited(state, now.exit_status, out),
        Ok(now) if now.running => out.push(Effect::Resume(Resume::Wait)),
        Ok(now) => {
            if held_for_a_moment(state, &now, out) {
                return;
            }
            if state.refused.is_some() && is_where_it_was(&state.stopped, &now) {
                return not_moved(state);
            }
            stopped(state, asked, *now, out);
        }
    }
}

/// Whether nothing has moved since a stop: each thread, and each count of hits.
fn is_where_it_was(before: &DebuggerState, now: &DebuggerState) -> bool {
    let threads = |it: &DebuggerState| -> Vec<(i64, u64, i64, Option<u64>)> {
        let hits = |it: &Thread| it.breakpoint.as_ref().map(|it| it.total_hit_count);
        let all = it.threads.iter().flatten();
        all.map(|it| (it.id, it.pc, it.goroutine_id, hits(it))).collect()
    };
    threads(before) == threads(now)
}

/// The service would not let the program run: that is no new stop.
fn not_moved(state: &mut State) {
    state.run = Run::Stopped;
    state.since_ms = state.now_ms;
    state.steps.clear();
    if let Some(why) = state.refused.take() {
        state.say(Role::Error, why);
    }
}

/// A stop that we asked for only to have questions answered is not shown.
fn held_for_a_moment(
    state: &mut State,
    now: &DebuggerState,
    out: &mut Vec<Effect>,
) -> bool {
    let waiting = std::mem::take(&mut state.at_stop);
    let goes_on = std::mem::take(&mut state.resume_after) && now.stop_reason == "manual";
    let waited = !waiting.is_empty();
    out.extend(waiting);
    if waited && goes_on {
        out.push(Effect::Resume(Resume::Continue));
    }
    waited && goes_on
}

fn stopped(state: &mut State, asked: &Resume, now: DebuggerState, out: &mut Vec<Effect>) {
    state.stop = StopId(state.stop.0 + 1);
    state.run = Run::Stopped;
    state.since_ms = state.now_ms;
    if now.pid != 0 {
        state.pid = now.pid;
    }
    if !now.command_line.is_empty() {
        state.command_line.clone_from(&now.command_line);
    }
    state.verb = asked.verb();
    state.breakpoints.revision += 1;
    if let Some(id) = state.breakpoints.temporary.take() {
        out.push(Effect::Ask(Ask::ClearBreakpoint { id, is_temporary: true }));
    }
    state.stopped = now;
    if let Some(then) = state.leave_at_stop.take() {
        return leave(state, then, out);
    }
    // At the first instruction there is nothing to see: the user's program begins at main.
    // Whoever launched it for a server may want to see just that.
    match state.stopped.stop_reason.as_str() {
        "attached" | "launched" if state.settings.resume => {
            resume(state, Resume::Continue, out);
        }
        "launched" if !state.settings.remote => breakpoints::run_to_main(state, out),
        _ => {}
    }
    select_current(state);
    announce(state);
    ask_for_fatal_error(state, out);
    let next = state.steps.pop_front();
    match next.filter(|_| state.stopped.stop_reason == "next finished") {
        Some(how) => resume(state, how, out),
        None => state.steps.clear(),
    }
}

/// Selects the goroutine that stopped, and shows where it is in the user's code.
fn select_current(state: &mut State) {
    let now = &state.stopped;
    let (goroutine, at, user) = match (&now.current_goroutine, &now.current_thread) {
        (Some(it), _) => (it.id, Some(&it.current_loc), Some(&it.user_current_loc)),
        (None, _) => (-1, None, None),
    };
    let thread = now.current_thread.as_ref().map(|it| (it.file.clone(), it.line));
    let same = |a: &Location, b: &Location| a.file == b.file && a.line == b.line;
    state.scope_is_settled = match (at, user) {
        (Some(at), Some(user)) => same(at, user) && !user.file.is_empty(),
        _ => false,
    };
    let place = user.map(|it| (it.file.clone(), it.line)).filter(|it| !it.0.is_empty());
    state.scope = Scope { goroutine, frame: 0 };
    if state.source.browsing {
        return;
    }
    if let Some((file, line)) = place.or(thread) {
        show_line(state, &file, line);
    }
}

/// Shows a line of the program; lines count from 1.
pub fn show_line(state: &mut State, file: &str, line: i64) {
    if file.is_empty() || file == "?" {
        return;
    }
    let line = usize::try_from(line - 1).unwrap_or(0);
    state.source.show(Place { path: Arc::from(file), line });
}

/// Says in words why the program stopped, and what else there is to know.
fn announce(state: &mut State) {
    let mut text = format!("stopped: {}", reason(state));
    let others =
        state.stopped.threads.iter().flatten().filter(|it| {
            it.breakpoint.is_some() && it.goroutine_id != state.scope.goroutine
        });
    let n = others.count();
    if n > 0 {
        text += &format!("; {n} other goroutines are at breakpoints too (gs)");
    }
    let mut role = Role::Info;
    if state.stopped.next_in_progress {
        text += "; the step was interrupted: c goes on with it, gx gives it up";
        role = Role::Warning;
    }
    if state.source.browsing {
        text += "; gc shows where";
    }
    if let Some(panic) = panic_value(state) {
        text = panic;
        role = Role::Error;
    }
    if let Some(why) = state.refused.take() {
        text = format!("{text}: {why}");
        role = Role::Error;
    }
    state.log(role, &text);
    state.say(role, text);
}

/// The runtime gives its reason to `runtime.throw` and `runtime.fatal` in `s`.
fn ask_for_fatal_error(state: &State, out: &mut Vec<Effect>) {
    let thread = state.stopped.current_thread.as_ref();
    let id = thread.and_then(|it| it.breakpoint.as_ref()).map(|it| it.id);
    if id == Some(-2) {
        out.push(Effect::Ask(Ask::Print {
            expr: "s".to_owned(),
            title: "fatal error".to_owned(),
            scope: (-1, 0),
            popup: false,
        }));
    }
}

fn panic_value(state: &State) -> Option<String> {
    let thread = state.stopped.current_thread.as_ref()?;
    let id = thread.breakpoint.as_ref()?.id;
    let info = thread.breakpoint_info.as_ref();
    let values = info.and_then(|it| it.variables.as_ref());
    match id {
        -1 => {
            let value = values.and_then(|it| it.first()).map(value::full);
            Some(format!("panic: {}", value.unwrap_or_else(|| "unrecovered".to_owned())))
        }
        -2 => {
            Some("fatal error: the runtime ends the program; the console says why".into())
        }
        _ => None,
    }
}

/// Why the program stands still: `breakpoint 3`, `paused`, `step over`.
pub fn reason(state: &State) -> String {
    let thread = state.stopped.current_thread.as_ref();
    let breakpoint = thread.and_then(|it| it.breakpoint.as_ref());
    match (state.stopped.stop_reason.as_str(), breakpoint.map(|it| it.id)) {
        (_, Some(-1)) => "panic".to_owned(),
        (_, Some(-2)) => "fatal error".to_owned(),
        ("breakpoint", Some(id)) if id > 0 => format!("breakpoint {id}"),
        ("breakpoint", _) if state.stopped.watch_out_of_scope.is_some() => {
            "watch out of scope".to_owned()
        }
        ("next finished", _) => state.verb.to_owned(),
        ("manual", _) => "paused".to_owned(),
        ("", Some(id)) if id > 0 => format!("breakpoint {id}"),
        ("", _) => "stopped".to_owned(),
        (other, _) => text::clean(other).into_owned(),
    }
}

fn on_refused(state: &mut State, why: &str, out: &mut Vec<Effect>) {
    // `Process 123 has exited with status 2`: said by every method after the end.
    if let Some((_, status)) = why.split_once("has exited with status ") {
        return exited(state, status.trim().parse().unwrap_or(0), out);
    }
    state.log(Role::Error, why);
    state.say(Role::Error, text::clean(why.trim()).into_owned());
    if state.is_running() {
        // It stands still nevertheless, at a condition that fails, say.
        state.refused = Some(text::clean(why.trim()).into_owned());
        out.push(Effect::Ask(Ask::State));
    }
}

fn exited(state: &mut State, status: i64, out: &mut Vec<Effect>) {
    if state.is_stopped() {
        state.held_ms += state.now_ms.saturating_sub(state.since_ms);
    }
    state.run = Run::Exited { status };
    state.since_ms = state.now_ms;
    state.at_stop.clear();
    let text = format!("the program has exited with status {status}");
    state.log(Role::Warning, &text);
    state.say(Role::Warning, format!("{text}; R restarts it, q leaves"));
    if state.leave_at_stop.take().is_some() {
        out.push(Effect::Leave(Leave::Detach));
        state.leaving = true;
    }
}

pub fn disconnected(state: &mut State, out: &mut Vec<Effect>) {
    if state.leaving {
        return out.push(Effect::Exit(None));
    }
    if matches!(state.run, Run::Disconnected(_)) {
        return;
    }
    if matches!(state.run, Run::Starting(_)) && state.stop.0 == 0 {
        let why = "the debugging service went away before it said anything";
        return out.push(Effect::Exit(Some(why.to_owned())));
    }
    lost(state, "the debugging service is gone".to_owned());
}

/// There is no connection any more; what was read stays to look at.
fn lost(state: &mut State, why: String) {
    state.run = Run::Disconnected(why.clone());
    state.since_ms = state.now_ms;
    state.steps.clear();
    state.at_stop.clear();
    state.resume_after = false;
    state.log(Role::Error, &why);
    let then = match can_reconnect(state) {
        true => "R connects again, q leaves",
        false => "what was read stays to look at, q leaves",
    };
    state.say(Role::Error, format!("{why}; {then}"));
}

/// Whether a server may be there again: one that takes several clients outlives ours.
pub fn can_reconnect(state: &State) -> bool {
    matches!(state.run, Run::Disconnected(_)) && state.settings.remote
}

/// Connects again to a server that was lost.
pub fn reconnect(state: &mut State, out: &mut Vec<Effect>) {
    if !can_reconnect(state) {
        let why = match state.run {
            Run::Disconnected(_) => "the debugger was in this process: start it anew",
            _ => "the connection is there",
        };
        return state.say(Role::Info, why);
    }
    state.run = Run::Starting(format!("connecting to {}", state.settings.title));
    state.message = None;
    // Another program may be there now, with other names.
    state.symbols = Default::default();
    state.breakpoints.revision += 1;
    out.push(Effect::Reconnect);
}

/// The server that was lost is not back.
pub fn not_reconnected(state: &mut State, why: String) {
    lost(state, why);
}

/// Leaves the program in one of three ways. One that runs is stopped first, for services
/// that take nothing in between.
pub fn leave(state: &mut State, how: Leave, out: &mut Vec<Effect>) {
    match state.run {
        Run::Starting(_) => out.push(Effect::Exit(None)),
        Run::Disconnected(ref why) => out.push(Effect::Exit(Some(why.clone()))),
        Run::Running if how != Leave::Disconnect => {
            state.leave_at_stop = Some(how);
            state.resume_after = false;
            state.at_stop.clear();
            out.push(Effect::Halt);
            state.say(Role::Info, "stopping the program, to let it go");
        }
        Run::Running | Run::Stopped | Run::Exited { .. } => {
            state.leaving = true;
            state.say(Role::Info, "leaving");
            out.push(Effect::Leave(how));
        }
    }
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
    let by_chance =
        matches!(state.stopped.stop_reason.as_str(), "attached" | "manual" | "");
    by_chance || stopped != Some(state.scope.goroutine)
}

/// The first frame whose source did not come with Go: the folder of Go's own sources is
/// that of the runtime's, with which every stack begins.
fn own_frame(frames: &[Stackframe]) -> Option<usize> {
    let of_runtime = frames.iter().rev().find_map(|it| {
        let name = it.function.as_ref()?.name.as_str();
        let (library, _) = it.file.rsplit_once("/runtime/")?;
        name.starts_with("runtime.").then(|| format!("{library}/"))
    })?;
    frames.iter().position(|it| {
        !is_runtime_frame(it) && !it.file.is_empty() && !it.file.starts_with(&of_runtime)
    })
}

pub fn is_runtime_frame(frame: &Stackframe) -> bool {
    match &frame.function {
        Some(function) => text::is_runtime(&function.name),
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

pub fn restart(state: &mut State, out: &mut Vec<Effect>) {
    if can_reconnect(state) {
        return reconnect(state, out);
    }
    if state.settings.attached {
        return state.say(
            Role::Warning,
            "a process that was attached to cannot be restarted from here",
        );
    }
    if state.is_running() {
        return state.say(Role::Warning, "running: P pauses, then R restarts");
    }
    started(state);
    state.say(Role::Info, "restarting");
    out.push(Effect::Resume(Resume::Restart));
}

pub fn cancel_next(state: &mut State, out: &mut Vec<Effect>) {
    if !state.stopped.next_in_progress {
        return state.say(Role::Info, "no step is in progress");
    }
    update::ask(state, Ask::CancelNext, out);
}
