//! Running, stopping and leaving.

use std::sync::{Arc, Mutex, PoisonError};

use crate::api::methods::*;
use crate::api::types::DebuggerState;
use crate::engine::error::{Error, Result};
use crate::engine::host::{Access, Ticket, When};
use crate::engine::session::{Resume, Session};
use crate::service::Server;
use crate::service::convert;
use crate::service::events::{ConnectionId, Events, RESUMED, STOPPED};
use crate::service::reply::Reply;

/// While the program runs, a client that does not want to wait learns only that.
pub fn state(server: &Server, _: ConnectionId, args: StateIn, reply: Reply) {
    let when = if args.non_blocking { When::Anytime } else { When::Stopped };
    let known = server.known.clone();
    server.engine.submit(when, move |access, ticket| {
        let outcome = match access {
            // Delve says nothing else while a dump is written: it could not.
            Access::Stopped(session) => session
                .state()
                .map(|state| DebuggerState {
                    core_dumping: session.is_dumping(),
                    ..convert::state(&state, session, false)
                })
                .map_err(|err| err.to_string()),
            Access::Running(_) => {
                Ok(DebuggerState { running: true, ..DebuggerState::default() })
            }
        };
        if let Ok(state) = outcome.as_ref()
            && !state.running
        {
            known.keep(ticket, state);
        }
        reply.send(outcome.map(|state| StateOut { state: Some(state) }));
    });
}

pub fn command(server: &Server, _: ConnectionId, args: Command, reply: Reply) {
    // The request to stop goes around the queue; its answer is the state after the stop.
    if args.name == command::HALT {
        server.engine.halt();
        // What has stopped already need not wait for answers that take long.
        let known = server.engine.before_questions();
        if let Some(state) = known.and_then(|it| server.known.at(it)) {
            return reply.send(Ok(CommandOut { state }));
        }
    }
    let resume = resume_of(&args.name);
    let (events, known) = (server.events.clone(), server.known.clone());
    server.engine.submit(When::Stopped, move |access, ticket| {
        let Access::Stopped(session) = access else { return drop(reply) };
        let outcome = match resume {
            Some(resume) => resume_session(session, resume, &args, ticket, &events),
            None => select(session, &args).and_then(|()| answer_state(session, false)),
        };
        if let Ok(state) = &outcome {
            known.keep(ticket, state);
        }
        let outcome = outcome.map(|state| CommandOut { state });
        reply.send(outcome.map_err(|err| err.to_string()));
    });
}

/// The state that was told last, for who asks while something else takes long.
#[derive(Clone, Default)]
pub struct Known(Arc<Mutex<Option<(Ticket, DebuggerState)>>>);

impl Known {
    fn keep(&self, ticket: Ticket, state: &DebuggerState) {
        let mut state = state.clone();
        // Only a command that resumes says what was collected.
        let threads = state.threads.iter_mut().flatten();
        for thread in threads.chain(&mut state.current_thread) {
            thread.breakpoint_info = None;
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((ticket, state));
    }

    /// The state, if it was found out by the job with this ticket.
    fn at(&self, ticket: Ticket) -> Option<DebuggerState> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|it| it.0 == ticket).map(|it| it.1.clone())
    }
}

fn resume_of(name: &str) -> Option<Result<Resume>> {
    use crate::api::methods::command::*;
    Some(Ok(match name {
        CONTINUE | DIRECTION_CONGRUENT_CONTINUE => Resume::Continue,
        NEXT => Resume::Next,
        STEP => Resume::Step,
        STEP_OUT => Resume::StepOut,
        STEP_INSTRUCTION => Resume::StepInstruction,
        NEXT_INSTRUCTION => Resume::NextInstruction,
        CALL => {
            let why = "tinydbg does not call functions of the program yet";
            return Some(Err(Error::message(why)));
        }
        _ if name == "rewind" || name.starts_with("reverse") => {
            return Some(Err(Error::message("not a recording")));
        }
        _ => return None,
    }))
}

fn resume_session(
    session: &mut Session,
    resume: Result<Resume>,
    args: &Command,
    ticket: Ticket,
    events: &Events,
) -> Result<DebuggerState> {
    let results = args.return_info_load_config.map(convert::load_config_in);
    let outcome = resume.and_then(|resume| {
        events.push(RESUMED);
        session.resume(resume, ticket, results)
    });
    let state = outcome.and_then(|()| answer_state(session, true));
    events.push(STOPPED);
    state
}

/// The answer to a command: unlike `State`, it tells an exit as a state.
fn answer_state(session: &mut Session, with_info: bool) -> Result<DebuggerState> {
    match session.state() {
        Ok(state) => Ok(convert::state(&state, session, with_info)),
        Err(Error::Exited { pid, status }) => Ok(convert::exited(pid, status)),
        Err(err) => Err(err),
    }
}

fn select(session: &mut Session, args: &Command) -> Result<()> {
    match args.name.as_str() {
        command::SWITCH_THREAD => session.select_thread(args.thread_id),
        command::SWITCH_GOROUTINE => session.select_goroutine(args.goroutine_id),
        // Any other name changes nothing (`spec/rpc.md` §0, 17).
        _ => Ok(()),
    }
}

pub fn cancel_next(session: &mut Session, _: CancelNextIn) -> Result<Empty> {
    session.cancel_step()?;
    Ok(Empty {})
}

pub fn restart(server: &Server, _: ConnectionId, args: RestartIn, reply: Reply) {
    server.engine.submit(When::Stopped, move |access, _| {
        let Access::Stopped(session) = access else { return drop(reply) };
        if !args.position.is_empty() {
            return reply.send::<()>(Err("not a recording".to_owned()));
        }
        let arguments =
            args.reset_args.then(|| args.new_args.clone().unwrap_or_default());
        let redirects = args.reset_args.then(|| args.new_redirects.unwrap_or_default());
        let outcome = session.restart(arguments, redirects, args.rebuild);
        let pid = i64::from(session.pid());
        let outcome = outcome.map(|discarded| RestartOut {
            discarded_breakpoints: Some(
                discarded
                    .iter()
                    .map(|(breakpoint, why)| convert::discarded(breakpoint, pid, why))
                    .collect(),
            ),
        });
        reply.send(outcome.map_err(|err| err.to_string()));
    });
}

/// The reply goes first, then the server ends.
pub fn detach(server: &Server, _: ConnectionId, args: DetachIn, reply: Reply) {
    let ender = server.ender();
    server.engine.submit(When::Stopped, move |access, _| {
        let Access::Stopped(session) = access else { return drop(reply) };
        let outcome = session.detach(args.kill);
        reply.send(outcome.map(|()| Empty {}).map_err(|err| err.to_string()));
        ender.finish();
    });
}
