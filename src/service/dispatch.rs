//! From a request to its handler, and on which thread it runs.
//!
//! Text becomes type and type becomes text here and nowhere else. What may run while the
//! inferior runs is said by the table of [`dispatch`], a row a method.

use serde::Serialize;
use serde_json::Value;

use crate::api::lenient;
use crate::api::methods::*;
use crate::engine::error::Result;
use crate::engine::host::{Access, When};
use crate::engine::session::{Bench, Session};
use crate::service::Server;
use crate::service::events::ConnectionId;
use crate::service::handlers::{breakpoints, dump, inspect, program, run, server};
use crate::service::json::Json;
use crate::service::reply::Reply;

/// Decodes the argument of a method as Go would.
fn argument<M: Method>(params: Value) -> std::result::Result<M, String> {
    lenient::from_value(params).map_err(|err| format!("malformed request body: {err}"))
}

fn wire<T: Serialize>(outcome: Result<T>) -> std::result::Result<T, String> {
    outcome.map_err(|err| err.to_string())
}

/// A request that has found its server.
pub struct Call<'a> {
    pub server: &'a Server,
    pub connection: ConnectionId,
    pub params: Value,
    pub reply: Reply,
}

impl Call<'_> {
    /// The argument, and where the answer goes; if it is none of the method's, that is
    /// answered at once.
    fn decoded<M: Method>(self) -> Option<(M, Reply)> {
        match argument(self.params) {
            Ok(args) => Some((args, self.reply)),
            Err(why) => {
                self.reply.send::<()>(Err(why));
                None
            }
        }
    }

    /// Answers on the connection's own thread, at once.
    fn now<M: Method>(self, handler: fn(&Server, M) -> Result<M::Out>) {
        let server = self.server;
        let Some((args, reply)) = self.decoded::<M>() else { return };
        reply.send(wire(handler(server, args)));
    }

    /// Answers on the tracer thread, while the inferior is stopped.
    fn stopped<M: Method>(self, handler: fn(&mut Session, M) -> Result<M::Out>) {
        let server = self.server;
        let Some((args, reply)) = self.decoded::<M>() else { return };
        server.engine.submit(When::Stopped, move |access, _| match access {
            Access::Stopped(session) => reply.send(wire(handler(session, args))),
            Access::Running(_) => drop(reply),
        });
    }

    /// The same for a question, with a handler that writes its answer as JSON itself. It
    /// must not fail once it has written more than a little: what has been written has been
    /// sent. A client that leaves meanwhile is not answered.
    fn stopped_json<M: Method>(
        self,
        handler: fn(&mut Session, M, &mut Json) -> Result<()>,
    ) {
        let server = self.server;
        let Some((args, reply)) = self.decoded::<M>() else { return };
        let asker = reply.asker();
        server.engine.submit_for(asker, When::Stopped, move |access, _| match access {
            Access::Stopped(session) => {
                let mut json = Json::sent_by(reply.in_pieces());
                let outcome = handler(session, args, &mut json);
                json.finish(outcome.map_err(|err| err.to_string()));
            }
            Access::Running(_) => drop(reply),
        });
    }

    /// Answers on the tracer thread, whether the inferior runs or not.
    fn anytime<M: Method>(self, handler: fn(&mut Bench<'_>, M) -> Result<M::Out>) {
        let server = self.server;
        let Some((args, reply)) = self.decoded::<M>() else { return };
        server.engine.submit(When::Anytime, move |access, _| {
            let outcome = match access {
                Access::Stopped(session) => handler(&mut session.bench(), args),
                Access::Running(running) => handler(&mut running.bench(), args),
            };
            reply.send(wire(outcome));
        });
    }

    /// The same with a handler that writes its answer as JSON itself.
    fn anytime_json<M: Method>(
        self,
        handler: fn(&mut Bench<'_>, M, &mut Json) -> Result<()>,
    ) {
        let server = self.server;
        let Some((args, reply)) = self.decoded::<M>() else { return };
        server.engine.submit(When::Anytime, move |access, _| {
            let mut json = Json::sent_by(reply.in_pieces());
            let outcome = match access {
                Access::Stopped(session) => {
                    handler(&mut session.bench(), args, &mut json)
                }
                Access::Running(running) => {
                    handler(&mut running.bench(), args, &mut json)
                }
            };
            json.finish(outcome.map_err(|err| err.to_string()));
        });
    }

    /// The same with a handler of its own for while the inferior is stopped.
    fn either<M: Method>(
        self,
        stopped: fn(&mut Session, M) -> Result<M::Out>,
        running: fn(&mut Bench<'_>, M) -> Result<M::Out>,
    ) {
        let server = self.server;
        let Some((args, reply)) = self.decoded::<M>() else { return };
        server.engine.submit(When::Anytime, move |access, _| {
            let outcome = match access {
                Access::Stopped(session) => stopped(session, args),
                Access::Running(process) => running(&mut process.bench(), args),
            };
            reply.send(wire(outcome));
        });
    }

    /// Hands the request to a handler that answers in its own way and time.
    fn own<M: Method>(self, handler: fn(&Server, ConnectionId, M, Reply)) {
        let (server, connection) = (self.server, self.connection);
        let Some((args, reply)) = self.decoded::<M>() else { return };
        handler(server, connection, args, reply);
    }
}

/// Carries out the request for `method`, whose name still has its prefix.
pub fn dispatch(method: &str, call: Call<'_>) {
    let Some(name) = method.strip_prefix(PREFIX) else { return unknown(method, call) };
    match name {
        "SetApiVersion" => call.now(server::set_api_version),
        "IsMulticlient" => call.now(server::is_multiclient),
        "AttachedToExistingProcess" => call.now(server::attached_to_existing_process),
        "Recorded" => call.now(server::recorded),
        "FollowExec" => call.now(server::follow_exec),
        "FollowExecEnabled" => call.now(server::follow_exec_enabled),
        "DebugInfoDirectories" => call.now(server::debug_info_directories),
        "CancelDownloads" => call.now(server::cancel_downloads),
        "StopRecording" => call.now(server::stop_recording),
        "DumpStart" => call.own(dump::start),
        "DumpWait" => call.own(dump::wait),
        "DumpCancel" => call.now(dump::cancel),
        "GetEvents" => call.own(server::events),
        "State" => call.own(run::state),
        "Command" => call.own(run::command),
        "Restart" => call.own(run::restart),
        "Detach" => call.own(run::detach),
        "CancelNext" => call.stopped(run::cancel_next),
        "CreateBreakpoint" => call.anytime(breakpoints::create),
        "GetBreakpoint" => call.anytime(breakpoints::get),
        "ListBreakpoints" => call.anytime(breakpoints::list),
        "AmendBreakpoint" => call.anytime(breakpoints::amend),
        "ToggleBreakpoint" => call.anytime(breakpoints::toggle),
        "ClearBreakpoint" => call.anytime(breakpoints::clear),
        "ListThreads" => call.stopped(inspect::threads),
        "GetThread" => call.stopped(inspect::thread),
        "ListGoroutines" => call.stopped_json(inspect::goroutines),
        "ListStackGroups" => call.stopped(inspect::stack_groups),
        "Stacktrace" => call.stopped_json(inspect::stacktrace),
        "Ancestors" => call.stopped(inspect::ancestors),
        "ListLocalVars" => call.stopped_json(inspect::locals),
        "ListFunctionArgs" => call.stopped_json(inspect::arguments),
        "ListPackageVars" => call.stopped_json(inspect::package_variables),
        "Eval" => call.stopped_json(inspect::eval),
        "Set" => call.stopped(inspect::set),
        "ListRegisters" => call.stopped(inspect::registers),
        "ExamineMemory" => call.stopped(inspect::memory),
        "Disassemble" => call.stopped(inspect::disassemble),
        "FindLocation" => call.either(program::find_location_in, program::find_location),
        "ListSources" => call.anytime(program::sources),
        "ListFunctions" => call.anytime_json(program::functions),
        "ListTypes" => call.anytime(program::types),
        "TypeInfo" => call.anytime(program::type_info),
        "ListPackagesBuildInfo" => call.anytime(program::packages),
        "ListDynamicLibraries" => call.anytime(program::libraries),
        "FunctionReturnLocations" => call.anytime(program::return_locations),
        "GuessSubstitutePath" => call.anytime(program::guess_substitute_path),
        "GetBufferedTracepoints" => call.anytime(program::buffered_tracepoints),
        "ProcessPid" => call.anytime(program::pid),
        "LastModified" => call.anytime(program::last_modified),
        "BuildID" => call.anytime(program::build_id),
        "GetVersion" => call.anytime(program::version),
        "ListTargets" => call.stopped(inspect::targets),
        _ => match NOT_YET.iter().find(|(names, _)| names.contains(&name)) {
            Some((_, why)) => call.reply.send::<()>(Err((*why).to_owned())),
            None => unknown(method, call),
        },
    }
}

/// Methods of Delve's that a user may come to ask for and that are not there yet. Those
/// that clients call by themselves are not among them: to be unknown tells a client that
/// it has to do without.
const NOT_YET: &[(&[&str], &str)] = &[
    (&["CreateWatchpoint"], "tinydbg does not set watchpoints yet"),
    (&["Checkpoint", "ListCheckpoints", "ClearCheckpoint"], "not a recording"),
    (&["CreateEBPFTracepoint"], "eBPF is not supported"),
    (&["DownloadLibraryDebugInfo"], "tinydbg does not download debug information"),
];

fn unknown(method: &str, call: Call<'_>) {
    call.reply.send::<()>(Err(format!("unknown method: {method}")));
}
