//! Methods about the server itself: who it serves, what it can do.

use crate::api::methods::*;
use crate::engine::error::{Error, Result};
use crate::service::Server;
use crate::service::events::ConnectionId;
use crate::service::reply::Reply;

pub fn set_api_version(_: &Server, args: SetApiVersionIn) -> Result<Empty> {
    match args.api_version {
        2 => Ok(Empty {}),
        _ => Err(Error::message("unknown API version")),
    }
}

pub fn is_multiclient(server: &Server, _: IsMulticlientIn) -> Result<IsMulticlientOut> {
    Ok(IsMulticlientOut { is_multiclient: server.options.accept_multiclient })
}

pub fn attached_to_existing_process(
    server: &Server,
    _: AttachedToExistingProcessIn,
) -> Result<AttachedToExistingProcessOut> {
    Ok(AttachedToExistingProcessOut { answer: server.attached })
}

pub fn recorded(_: &Server, _: RecordedIn) -> Result<RecordedOut> {
    Ok(RecordedOut::default())
}

pub fn stop_recording(_: &Server, _: StopRecordingIn) -> Result<Empty> {
    Err(Error::message("debugger is not recording"))
}

pub fn cancel_downloads(_: &Server, _: CancelDownloadsIn) -> Result<Empty> {
    Ok(Empty {})
}

pub fn follow_exec(_: &Server, args: FollowExecIn) -> Result<Empty> {
    match args.enable {
        false => Ok(Empty {}),
        true => Err(Error::message(
            "tinydbg does not follow child processes yet; start a second tinydbg on the \
             child with attach",
        )),
    }
}

pub fn follow_exec_enabled(
    _: &Server,
    _: FollowExecEnabledIn,
) -> Result<FollowExecEnabledOut> {
    Ok(FollowExecEnabledOut { enabled: false })
}

/// Separate debug files are not read, so the list is empty and stays so.
pub fn debug_info_directories(
    _: &Server,
    args: DebugInfoDirectoriesIn,
) -> Result<DebugInfoDirectoriesOut> {
    Ok(DebugInfoDirectoriesOut { list: Some(args.list.unwrap_or_default()) })
}

pub fn events(server: &Server, connection: ConnectionId, _: GetEventsIn, reply: Reply) {
    server.events.poll(connection, reply);
}
