//! Losing the service, connecting to it again, leaving it.

use crate::frontend::theme::Role;
use crate::tui::state::msg::{Effect, Leave};
use crate::tui::state::{Run, State};
use crate::tui::update::kept;

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
    let what = match state.settings.remote {
        true => format!("the debugging server at {} is gone", state.settings.title),
        false => "the debugging service is gone".to_owned(),
    };
    lost(state, what);
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
    let dot = if why.ends_with('?') { "" } else { ";" };
    state.stand(Role::Error, format!("{why}{dot} {then}"));
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
    state.standing = None;
    // Another program may be there now, with other names.
    state.symbols = Default::default();
    state.breakpoints.places.clear();
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
            kept::remember_last(state, out);
            state.leaving = true;
            state.say(Role::Info, "leaving");
            out.push(Effect::Leave(how));
        }
    }
}
