//! Answers that take long: how long they have, and giving up on them.
//!
//! The service goes on with what it does; the UI no longer waits for it, and the pane says
//! so. What changes the program is never given up on: it happens all the same.

use crate::frontend::theme::Role;
use crate::tui::pane::Pane;
use crate::tui::state::msg::{Ask, Effect};
use crate::tui::state::{State, Waiting};
use crate::tui::text;
use crate::tui::update::answers;

/// An answer that takes longer is said to be waited for.
pub const SAID_MS: u64 = 300;
/// One that takes longer can be given up on.
pub const SLOW_MS: u64 = 1000;

/// Remembers the questions among some effects.
pub fn remember(state: &mut State, out: &[Effect]) {
    let since_ms = state.now_ms;
    for it in out {
        if let Effect::Ask(ask) = it {
            state.waiting.push(Waiting { ask: ask.clone(), since_ms });
        }
    }
}

/// An answer has come. Says whether it is still waited for.
pub fn forget(state: &mut State, ask: &Ask) -> bool {
    let at = state.waiting.iter().position(|it| it.ask == *ask);
    at.map(|at| state.waiting.remove(at)).is_some()
}

/// Since when the answer to one of some questions is waited for, if that is long.
fn longest(
    state: &State,
    wanted: impl Fn(&Ask) -> bool,
    at_least_ms: u64,
) -> Option<u64> {
    // Delve answers at the next stop: that is no answer that takes long.
    if state.is_running() && !state.server.answers_while_running {
        return None;
    }
    let first = state.waiting.iter().filter(|it| wanted(&it.ask)).map(|it| it.since_ms);
    let waited = state.now_ms.saturating_sub(first.min()?);
    (waited >= at_least_ms).then_some(waited)
}

/// How long what a pane shows is waited for, if it is worth saying.
pub fn of_pane(state: &State, pane: Pane) -> Option<u64> {
    longest(state, |it| pane_of(it) == Some(pane), SAID_MS)
}

/// How long anything is waited for that can be given up on.
pub fn any(state: &State) -> Option<u64> {
    longest(state, |it| name(it).is_some(), SLOW_MS).max(command(state))
}

/// How long a command is in progress that does not let the program run.
fn command(state: &State) -> Option<u64> {
    let since = state.console.since_ms.filter(|_| state.is_stopped())?;
    Some(state.now_ms.saturating_sub(since)).filter(|it| *it >= SLOW_MS)
}

fn pane_of(ask: &Ask) -> Option<Pane> {
    Some(match ask {
        Ask::Stack { .. } | Ask::Instructions { .. } | Ask::Registers { .. } => {
            Pane::Stack
        }
        Ask::Variables { .. } | Ask::Children { of_watch: false, .. } => Pane::Variables,
        Ask::Watches { .. } | Ask::Children { of_watch: true, .. } => Pane::Watches,
        Ask::Goroutines { .. } => Pane::Goroutines,
        Ask::Breakpoints { .. } => Pane::Breakpoints,
        _ => return None,
    })
}

/// What a question that only reads is about; `None` for others.
fn name(ask: &Ask) -> Option<&str> {
    Some(match ask {
        Ask::Stack { .. } => "the stack",
        Ask::Variables { .. } => "the variables",
        Ask::Instructions { .. } => "the instructions",
        Ask::Registers { .. } => "the registers",
        Ask::Children { path, .. } => path,
        Ask::Watches { .. } => "the watches",
        Ask::Goroutines { .. } => "the goroutines",
        Ask::Breakpoints { .. } => "the breakpoints",
        Ask::Symbols => "the names",
        Ask::Find { spec } => spec,
        Ask::Print { title, .. } => title,
        Ask::FatalError { .. } | Ask::PanicValue { .. } => "the reason",
        Ask::Hello
        | Ask::State
        | Ask::Built
        | Ask::Places { .. }
        | Ask::SetBreakpoint { .. }
        | Ask::AmendBreakpoint(_)
        | Ask::ClearBreakpoint { .. }
        | Ask::SwitchGoroutine(_)
        | Ask::CancelNext
        | Ask::Set { .. } => return None,
    })
}

/// Gives up on everything that takes long. Says whether there was such a thing.
pub fn give_up(state: &mut State, out: &mut Vec<Effect>) -> bool {
    if any(state).is_none() {
        return false;
    }
    let now = state.now_ms;
    let (slow, rest) = std::mem::take(&mut state.waiting).into_iter().partition(|it| {
        name(&it.ask).is_some() && now.saturating_sub(it.since_ms) >= SAID_MS
    });
    state.waiting = rest;
    let slow: Vec<Waiting> = slow;
    let mut names: Vec<String> =
        slow.iter().filter_map(|it| name(&it.ask)).map(str::to_owned).collect();
    if command(state).is_some() {
        state.console.since_ms = None;
        names.push("the command".to_owned());
        out.push(Effect::AbandonCommand);
    }
    for it in slow {
        let waited = text::clock(now.saturating_sub(it.since_ms));
        let why = format!("no answer in {waited}, given up");
        answers::on_refused(state, it.ask, why, out);
    }
    let names = text::clean(&names.join(", ")).into_owned();
    state.say(Role::Warning, format!("no longer waiting for {names}; r asks again"));
    true
}
