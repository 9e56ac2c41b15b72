//! What the service answered, put where it belongs.

use std::sync::Arc;

use crate::api::types::{Breakpoint, Location, Variable};
use crate::frontend::theme::Role;
use crate::tui::pane::Pane;
use crate::tui::state::msg::{Answer, Ask, AskError, Effect, Purpose};
use crate::tui::state::overlay::{Overlay, TextPopup};
use crate::tui::state::source::Place;
use crate::tui::state::variables::FrameVariables;
use crate::tui::state::{State, Undo};
use crate::tui::text;
use crate::tui::update::{
    breakpoints, code, connection, goroutines, palette, run, select, source, variables,
};
use crate::tui::value;

pub fn on_answer(
    state: &mut State,
    ask: Ask,
    answer: Result<Answer, AskError>,
    out: &mut Vec<Effect>,
) {
    match answer {
        Ok(answer) => on_good(state, ask, answer, out),
        Err(AskError::Gone) => connection::disconnected(state, out),
        Err(AskError::Refused(why)) => on_refused(state, ask, why.trim().to_owned(), out),
    }
}

fn on_good(state: &mut State, ask: Ask, answer: Answer, out: &mut Vec<Effect>) {
    match (ask, answer) {
        (_, Answer::Hello(hello)) => run::on_hello(state, *hello, out),
        (_, Answer::State(now)) => {
            if let Some(now) = now {
                let asked = crate::tui::state::msg::Resume::Wait;
                run::on_stopped(state, &asked, Ok(now), out);
            }
        }
        (Ask::Stack { key, .. }, Answer::Stack(frames)) => {
            if state.stack.frames.accept(key, Ok(frames)) {
                select::on_stack(state);
            }
        }
        (Ask::Variables { key }, Answer::Variables { args, locals }) => {
            let frame = FrameVariables { args, locals };
            if state.variables.frame.accept(key, Ok(frame)) {
                variables::on_frame(state, out);
            }
        }
        (Ask::Children { key, of_watch, path, .. }, Answer::Variable(it)) => {
            let it = it.map(|it| *it);
            variables::on_children(state, key, of_watch, &path, Ok(it), out);
        }
        (Ask::Watches { key, exprs }, Answer::Watches(values)) => {
            let values = exprs.into_iter().zip(values).map(|(expr, it)| named(expr, it));
            if state.watches.values.accept(key, Ok(values.collect())) {
                variables::on_watches(state, out);
            }
        }
        (Ask::Goroutines { key, query }, Answer::Goroutines { list, groups, next }) => {
            goroutines::on_list(state, key, query, (list, groups, next));
            select::seek_in(state, out);
        }
        (Ask::Breakpoints { revision }, Answer::Breakpoints(mut list)) => {
            list.sort_by_key(|it| it.id);
            state.breakpoints.list.accept(revision, Ok(list));
        }
        (Ask::SetBreakpoint { breakpoint, purpose }, Answer::Breakpoint(set)) => {
            breakpoints::on_set(state, &breakpoint, &purpose, *set, out);
        }
        (Ask::ClearBreakpoint { id, is_temporary }, Answer::Breakpoint(cleared)) => {
            if !is_temporary {
                let n = cleared.addrs.as_ref().map_or(0, Vec::len);
                let places = match breakpoints::has_many_places(&cleared) {
                    true => format!("{n} places, "),
                    false => String::new(),
                };
                let text =
                    format!("breakpoint {} deleted ({places}U undoes)", cleared.id);
                state.say(Role::Info, text);
                state.remember(Undo::SetBreakpoint(cleared));
            }
            state.breakpoints.revision += 1;
            // Gone at once: the list follows.
            if let Some(list) = state.breakpoints.list.value_mut() {
                list.retain(|it| it.id != id);
            }
        }
        (Ask::AmendBreakpoint(it), Answer::Done) => {
            state.say(Role::Info, format!("breakpoint {} changed (U undoes)", it.id));
            state.breakpoints.revision += 1;
        }
        (ask, answer) => on_more(state, ask, answer, out),
    }
}

/// The rest of [`on_good`]: what the user asked for rather than a stop.
fn on_more(state: &mut State, ask: Ask, answer: Answer, out: &mut Vec<Effect>) {
    match (ask, answer) {
        (_, Answer::Built(when)) => {
            state.server.built = when;
            state.server.said_stale = false;
        }
        (Ask::Instructions { key, .. }, Answer::Instructions(list)) => {
            code::on_instructions(state, key, Ok(list));
        }
        (Ask::Registers { key }, Answer::Registers(list)) => {
            code::on_registers(state, key, Ok(list));
        }
        (Ask::Places { addrs }, Answer::PlaceOf(places)) => {
            for (addr, it) in addrs.into_iter().zip(places) {
                let place = it.map(|it| (it.file, it.line)).unwrap_or_default();
                state.breakpoints.places.insert(addr, place);
            }
        }
        (Ask::CancelNext, Answer::Done) => {
            state.stopped.next_in_progress = false;
            if state.is_stopped() {
                state.say(Role::Info, "the step is given up");
            }
        }
        (Ask::Symbols, Answer::Names(list)) => {
            state.symbols.list = Some(list);
            palette::on_names(state, out);
        }
        (Ask::Find { spec }, Answer::Places(places)) => on_places(state, &spec, &places),
        (Ask::Print { title, popup, .. }, Answer::Variable(Some(it))) => {
            on_printed(state, &title, &it, popup);
        }
        (Ask::FatalError { stop }, Answer::Variable(Some(it))) if stop == state.stop => {
            run::on_fatal_error(state, &it.value);
        }
        (Ask::PanicValue { stop }, Answer::Variable(Some(it))) if stop == state.stop => {
            run::on_panic_value(state, &it);
        }
        (Ask::Set { symbol, .. }, Answer::Done) => {
            state.say(Role::Success, format!("{symbol} is set"));
            variables::reload(state);
        }
        _ => {}
    }
}

fn named(expr: String, value: Result<Variable, String>) -> Variable {
    match value {
        Ok(it) => Variable { name: expr, ..it },
        Err(why) => Variable { name: expr, unreadable: why, ..Default::default() },
    }
}

/// The service said no, or nothing for so long that it was given up on.
pub fn on_refused(state: &mut State, ask: Ask, why: String, out: &mut Vec<Effect>) {
    if why.contains("has exited with status") && !matches!(ask, Ask::Breakpoints { .. }) {
        let asked = crate::tui::state::msg::Resume::Wait;
        return run::on_stopped(state, &asked, Err(AskError::Refused(why)), out);
    }
    let said = text::clean(&why).into_owned();
    if matches!(ask, Ask::Find { .. }) {
        // They were about a place that does not come.
        state.ahead.clear();
    }
    match ask {
        Ask::Stack { key, .. } => {
            state.stack.frames.accept(key, Err(said));
            state.scope_is_settled = true;
        }
        Ask::Variables { key } => {
            if state.variables.frame.accept(key, Err(said)) {
                variables::on_frame(state, out);
            }
        }
        Ask::Instructions { key, .. } => code::on_instructions(state, key, Err(said)),
        Ask::Registers { key } => code::on_registers(state, key, Err(said)),
        Ask::Children { key, of_watch, path, .. } => {
            variables::on_children(state, key, of_watch, &path, Err(said), out);
        }
        Ask::Watches { key, .. } => {
            state.watches.values.accept(key, Err(said));
        }
        Ask::Goroutines { query, .. } if query.of_group.is_some() || query.start > 0 => {
            // What is there stays: it was only more that was asked for.
            state.say(Role::Error, said);
        }
        Ask::Goroutines { key, .. } => {
            if state.goroutines.fetched.accept(key, Err(said)) {
                select::seek_in(state, out);
            }
            goroutines::rebuild(state);
        }
        Ask::Breakpoints { revision } => {
            state.breakpoints.list.accept(revision, Err(said));
        }
        Ask::SetBreakpoint { breakpoint, purpose } => {
            breakpoints::on_not_set(state, breakpoint, purpose, &said, out);
        }
        Ask::AmendBreakpoint(it) => {
            breakpoints::on_not_amended(state, &it, said);
        }
        Ask::Symbols => state.symbols.error = Some(said),
        Ask::FatalError { .. }
        | Ask::PanicValue { .. }
        | Ask::Places { .. }
        | Ask::Built => {}
        Ask::Print { title, .. } => {
            state.log(Role::ConsoleError, &format!("{title}: {why}"));
            state.say(Role::Error, said);
        }
        Ask::Hello => out.push(Effect::Exit(Some(why))),
        Ask::State
        | Ask::ClearBreakpoint { .. }
        | Ask::SwitchGoroutine(_)
        | Ask::CancelNext
        | Ask::Find { .. }
        | Ask::Set { .. } => {
            state.log(Role::ConsoleError, &why);
            state.say(Role::Error, said);
        }
    }
}

fn on_places(state: &mut State, spec: &str, places: &[Location]) {
    let Some(first) = places.iter().find(|it| !it.file.is_empty()) else {
        return state.say(Role::Warning, format!("{spec} is nowhere in the source"));
    };
    let line = usize::try_from(first.line - 1).unwrap_or(0);
    state.screen.set_focus(Pane::Source);
    source::jump(state, Place { path: Arc::from(first.file.as_str()), line });
    if places.len() > 1 {
        state.say(Role::Info, format!("{spec}: the first of {} places", places.len()));
    }
}

fn on_printed(state: &mut State, expr: &str, it: &Variable, popup: bool) {
    let line = format!("{expr} = {}", value::full(it));
    let lines = value::lines(it);
    if popup {
        let title = format!("{expr}  {}", value::type_text(it));
        let popup = TextPopup { title, lines, top: 0 };
        return state.overlays.push(Overlay::Text(popup));
    }
    if lines.len() <= 1 {
        state.log(Role::ConsoleOutput, &line);
    } else {
        state.log(Role::ConsoleOutput, &format!("{expr} ="));
        for line in &lines {
            state.log(Role::ConsoleOutput, &format!("  {line}"));
        }
    }
    state.console.back = 0;
    state.say(Role::Info, line);
}

/// Where a breakpoint is, for people: `worker.go:88`, or what was asked for.
pub fn place_text(it: &Breakpoint) -> String {
    if !it.watch_expr.is_empty() {
        format!("watch {}", it.watch_expr)
    } else if breakpoints::has_many_places(it) && it.expr_string.is_empty() {
        format!("{} places", it.addrs.as_ref().map_or(0, Vec::len))
    } else if it.line > 0 {
        format!("{}:{}", text::file_name(&it.file), it.line)
    } else if !it.expr_string.is_empty() {
        it.expr_string.clone()
    } else {
        it.function_name.clone()
    }
}

impl Purpose {
    /// Whether the user should hear of it.
    pub fn is_loud(&self) -> bool {
        *self != Purpose::RunTo
    }
}
