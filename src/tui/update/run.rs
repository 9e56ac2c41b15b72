//! Running and stopping: what is said of a stop, and what it begins with.

use std::sync::Arc;

use crate::api::types::{DebuggerState, Goroutine, Location, Thread, Variable};
use crate::frontend::config::PathStyle;
use crate::frontend::text::stop::{self, StopStyle, is_at_tracepoints_only, panic_text};
use crate::frontend::text::wait_reason::go_minor;
use crate::frontend::theme::Role;
use crate::tui::state::msg::{Ask, AskError, Effect, Hello, Leave, Resume};
use crate::tui::state::source::Place;
use crate::tui::state::{Run, Scope, State, StopId};
use crate::tui::text;
use crate::tui::update;
use crate::tui::update::{breakpoints, connection, kept};
use crate::tui::value;

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

/// The backend of a service that serves a core file.
const CORE: &str = "core";

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
    state.halts = false;
    state.since_ms = state.now_ms;
    state.standing = None;
}

pub fn halt(state: &mut State, out: &mut Vec<Effect>) {
    state.halts = true;
    state.resume_after = false;
    out.push(Effect::Halt);
    state.say(Role::Info, "stopping...");
}

/// What the service is, and what the program does: the first answer there is.
pub fn on_hello(state: &mut State, hello: Hello, out: &mut Vec<Effect>) {
    let ours = |it: &str| it.contains("tinydbg");
    state.server.answers_while_running = ours(&hello.version) || ours(&hello.backend);
    state.server.is_core = hello.backend == CORE;
    state.settings.read_only |= state.server.is_core;
    state.server.version = hello.version;
    state.server.multiclient = hello.multiclient;
    state.settings.attached |= hello.attached;
    state.server.go_minor = go_minor(&hello.go_version);
    if let Some(why) = hello.refused {
        return on_refused(state, &why, out);
    }
    kept::begin(state, hello.state, out);
}

/// The program is there, and so are its breakpoints: begins with what it does.
pub fn begin(state: &mut State, now: Option<DebuggerState>, out: &mut Vec<Effect>) {
    match now {
        Some(now) if now.running => {
            say_notes(state);
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
        Err(AskError::Gone) => connection::disconnected(state, out),
        Err(AskError::Refused(why)) => on_refused(state, &why, out),
        Ok(now) if now.exited => exited(state, now.exit_status, out),
        Ok(now) if now.running => out.push(Effect::Resume(Resume::Wait)),
        Ok(mut now) => {
            if held_for_a_moment(state, &now, out) {
                return;
            }
            if reports_only(state, asked, &now) {
                return went_past(state, asked, &now, out);
            }
            if state.refused.is_some() && is_where_it_was(&state.stopped, &now) {
                return not_moved(state);
            }
            select_what_stops(&mut now, out);
            stopped(state, asked, *now, out);
        }
    }
}

/// Whether only tracepoints were hit, which clients go on from, and nobody wants it to
/// stand still.
fn reports_only(state: &State, asked: &Resume, now: &DebuggerState) -> bool {
    let goes_on = *asked != Resume::Wait && state.leave_at_stop.is_none();
    goes_on && !state.halts && now.stop_reason != "manual" && is_at_tracepoints_only(now)
}

/// Where a tracepoint was hit together with a breakpoint, it is the breakpoint that the
/// program stops for, whichever of the two the service has selected.
fn select_what_stops(now: &mut DebuggerState, out: &mut Vec<Effect>) {
    let hits = |it: &Thread, reports: bool| {
        let hit = it.breakpoint.as_ref();
        hit.is_some_and(|it| (it.tracepoint || it.trace_return) == reports)
    };
    if !now.current_thread.as_ref().is_some_and(|it| hits(it, true)) {
        return;
    }
    let stops = |it: &&Thread| hits(it, false) && it.goroutine_id > 0;
    let Some(thread) = now.threads.iter().flatten().find(stops).cloned() else { return };
    let at = Location {
        pc: thread.pc,
        file: thread.file.clone(),
        line: thread.line,
        function: thread.function.clone(),
        ..Location::default()
    };
    out.push(Effect::Ask(Ask::SwitchGoroutine(thread.goroutine_id)));
    now.current_goroutine = Some(Goroutine {
        id: thread.goroutine_id,
        thread_id: thread.id,
        current_loc: at.clone(),
        user_current_loc: at,
        ..Goroutine::default()
    });
    now.current_thread = Some(thread);
}

/// Tracepoints were hit: says so in the console, and goes on.
fn went_past(
    state: &mut State,
    asked: &Resume,
    now: &DebuggerState,
    out: &mut Vec<Effect>,
) {
    let paths = PathStyle::default();
    let style =
        StopStyle { paths: &paths, raw_strings: false, timestamp: "", trace_only: true };
    for line in stop::context(now, &style).into_lines() {
        state.log_line(line);
    }
    if *asked != Resume::Continue {
        // What goes on is the step.
        state.verb = asked.verb();
    }
    // The pane counts the hits, but not each of thousands by itself.
    const COUNTED_EVERY_MS: u64 = 500;
    if state.now_ms.saturating_sub(state.breakpoints.counted_ms) >= COUNTED_EVERY_MS {
        state.breakpoints.counted_ms = state.now_ms;
        state.breakpoints.revision += 1;
    }
    out.push(Effect::Resume(Resume::Continue));
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
        state.stand(Role::Error, why);
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
    // A step that was interrupted may be ended by a continue: it is the step that ends.
    if *asked != Resume::Continue || now.stop_reason != "next finished" {
        state.verb = asked.verb();
    }
    state.fatal = None;
    state.breakpoints.revision += 1;
    let thread = now.current_thread.as_ref();
    let hit = thread.and_then(|it| it.breakpoint.as_ref()).map(|it| it.id);
    let temporary = state.breakpoints.temporary.take();
    state.breakpoints.is_at_goal = hit.is_some() && hit == temporary;
    if let Some(id) = temporary {
        out.push(Effect::Ask(Ask::ClearBreakpoint { id, is_temporary: true }));
    }
    state.stopped = now;
    if *asked == Resume::Restart || state.stop == StopId(1) {
        out.push(Effect::Ask(Ask::Built));
        if *asked == Resume::Restart {
            kept::try_again(state, None, out);
        }
    }
    if let Some(then) = state.leave_at_stop.take() {
        return connection::leave(state, then, out);
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
    // Not at a stop that is left at once.
    let goes_on = !state.settings.remote && state.stopped.stop_reason == "launched";
    if state.is_stopped() && !goes_on {
        say_notes(state);
    }
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
    state.seeks_goroutine = state.stopped.current_goroutine.is_none();
    if state.source.browsing || state.seeks_goroutine {
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

/// Says what came up while starting, now that there is something to see.
fn say_notes(state: &mut State) {
    if let Some(text) = state.keeping.said.take() {
        state.log(Role::Info, &text);
        state.say(Role::Info, text);
    }
    for note in std::mem::take(&mut state.notes) {
        state.log(Role::Warning, &note);
        state.say(Role::Warning, text::clean(&note).into_owned());
    }
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
        let others = if n == 1 { "goroutine is at a" } else { "goroutines are at" };
        let places = if n == 1 { "breakpoint" } else { "breakpoints" };
        text += &format!("; {n} other {others} {places} too (gs)");
    }
    let mut role = Role::Info;
    if state.stopped.next_in_progress {
        text += "; the step was interrupted: c goes on with it, n gives it up";
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
    state.stand(role, text);
}

/// The runtime's breakpoint says that it ends the program, but not why.
fn ask_for_fatal_error(state: &State, out: &mut Vec<Effect>) {
    let thread = state.stopped.current_thread.as_ref();
    let id = thread.and_then(|it| it.breakpoint.as_ref()).map(|it| it.id);
    if id == Some(-2) {
        out.push(Effect::Ask(Ask::FatalError { stop: state.stop }));
    }
    if state.stopped.stop_reason.starts_with("core: ") {
        out.push(Effect::Ask(Ask::PanicValue { stop: state.stop }));
    }
}

/// Why the process of a core file ended, if it was a panic.
pub fn on_panic_value(state: &mut State, value: &Variable) {
    if let Some(panic) = panic_text(value) {
        let said = text::clean(&panic).into_owned();
        state.log(Role::Error, &said);
        state.stand(Role::Error, said);
    }
}

/// The runtime's reason is known.
pub fn on_fatal_error(state: &mut State, why: &str) {
    let why = text::clean(why).into_owned();
    let said = format!("fatal error: {why}");
    state.log(Role::Error, &said);
    state.stand(Role::Error, said);
    state.fatal = Some(why);
}

fn panic_value(state: &State) -> Option<String> {
    let thread = state.stopped.current_thread.as_ref()?;
    let id = thread.breakpoint.as_ref()?.id;
    let info = thread.breakpoint_info.as_ref();
    let values = info.and_then(|it| it.variables.as_ref());
    match id {
        -1 => {
            let value = values.and_then(|it| it.first()).map(value::message);
            Some(format!("panic: {}", value.unwrap_or_else(|| "unrecovered".to_owned())))
        }
        -2 => Some("fatal error: the runtime ends the program".into()),
        _ => None,
    }
}

/// Why the program stands still: `breakpoint 3`, `paused`, `step over`.
pub fn reason(state: &State) -> String {
    let thread = state.stopped.current_thread.as_ref();
    let breakpoint = thread.and_then(|it| it.breakpoint.as_ref());
    match (state.stopped.stop_reason.as_str(), breakpoint.map(|it| it.id)) {
        (_, Some(-1)) => "panic".to_owned(),
        (_, Some(-2)) => match &state.fatal {
            Some(why) => format!("fatal error: {why}"),
            None => "fatal error".to_owned(),
        },
        ("breakpoint", Some(_)) if state.breakpoints.is_at_goal => {
            state.breakpoints.goal.to_owned()
        }
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
    let then = match state.settings.attached {
        true => "q leaves",
        false => "R restarts it, q leaves",
    };
    state.stand(Role::Warning, format!("{text}; {then}"));
    if state.leave_at_stop.take().is_some() {
        out.push(Effect::Leave(Leave::Detach));
        state.leaving = true;
    }
}

pub fn restart(state: &mut State, out: &mut Vec<Effect>) {
    if connection::can_reconnect(state) {
        return connection::reconnect(state, out);
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
    // The program may be loaded elsewhere.
    state.breakpoints.places.clear();
    state.say(Role::Info, "restarting");
    out.push(Effect::Resume(Resume::Restart));
}

pub fn cancel_next(state: &mut State, out: &mut Vec<Effect>) {
    if !state.stopped.next_in_progress {
        return state.say(Role::Info, "no step is in progress");
    }
    update::ask(state, Ask::CancelNext, out);
}
