//! The methods of the service: one row for each, with its argument and its answer.
//!
//! A new method is a row here and a handler in `service::handlers`. Behaviour, errors and
//! who calls what: `spec/rpc.md` §2.

pub mod session;
pub mod breakpoints;
pub mod inspect;
pub mod program;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::api::types::*;

pub use self::breakpoints::*;
pub use self::inspect::*;
pub use self::program::*;
pub use self::session::*;

/// A method of the service: its argument, with its name and its answer.
pub trait Method: Serialize + DeserializeOwned + Default + Send + 'static {
    /// The name on the wire, without the `RPCServer.` that precedes it there.
    const NAME: &'static str;
    type Out: Serialize + DeserializeOwned + Default + Send + 'static;
}

/// What precedes every method's name on the wire.
pub const PREFIX: &str = "RPCServer.";

macro_rules! methods {
    ($( $name:literal: $In:ident => $Out:ty; )*) => {
        $(impl Method for $In { const NAME: &'static str = $name; type Out = $Out; })*

        /// The names of all methods, in the order of the table.
        pub const NAMES: &[&str] = &[$($name),*];
    };
}

methods! {
    "SetApiVersion": SetApiVersionIn => Empty;
    "GetVersion": GetVersionIn => GetVersionOut;
    "IsMulticlient": IsMulticlientIn => IsMulticlientOut;
    "AttachedToExistingProcess": AttachedToExistingProcessIn => AttachedToExistingProcessOut;
    "ProcessPid": ProcessPidIn => ProcessPidOut;
    "LastModified": LastModifiedIn => LastModifiedOut;
    "BuildID": BuildIDIn => BuildIDOut;
    "Recorded": RecordedIn => RecordedOut;
    "State": StateIn => StateOut;
    "Restart": RestartIn => RestartOut;
    "Detach": DetachIn => Empty;
    "GetEvents": GetEventsIn => GetEventsOut;
    "CreateBreakpoint": CreateBreakpointIn => CreateBreakpointOut;
    "GetBreakpoint": GetBreakpointIn => GetBreakpointOut;
    "ListBreakpoints": ListBreakpointsIn => ListBreakpointsOut;
    "AmendBreakpoint": AmendBreakpointIn => Empty;
    "ToggleBreakpoint": ToggleBreakpointIn => ToggleBreakpointOut;
    "ClearBreakpoint": ClearBreakpointIn => ClearBreakpointOut;
    "FunctionReturnLocations": FunctionReturnLocationsIn => FunctionReturnLocationsOut;
    "CancelNext": CancelNextIn => Empty;
    "ListThreads": ListThreadsIn => ListThreadsOut;
    "GetThread": GetThreadIn => GetThreadOut;
    "ListGoroutines": ListGoroutinesIn => ListGoroutinesOut;
    "Stacktrace": StacktraceIn => StacktraceOut;
    "Ancestors": AncestorsIn => AncestorsOut;
    "ListLocalVars": ListLocalVarsIn => ListLocalVarsOut;
    "ListFunctionArgs": ListFunctionArgsIn => ListFunctionArgsOut;
    "ListPackageVars": ListPackageVarsIn => ListPackageVarsOut;
    "Eval": EvalIn => EvalOut;
    "Set": SetIn => Empty;
    "ListRegisters": ListRegistersIn => ListRegistersOut;
    "FindLocation": FindLocationIn => FindLocationOut;
    "Disassemble": DisassembleIn => DisassembleOut;
    "ExamineMemory": ExamineMemoryIn => ExamineMemoryOut;
    "ListSources": ListSourcesIn => ListSourcesOut;
    "ListFunctions": ListFunctionsIn => ListFunctionsOut;
    "ListTypes": ListTypesIn => ListTypesOut;
    "TypeInfo": TypeInfoIn => TypeInfoOut;
    "ListPackagesBuildInfo": ListPackagesBuildInfoIn => ListPackagesBuildInfoOut;
    "ListDynamicLibraries": ListDynamicLibrariesIn => ListDynamicLibrariesOut;
    "ListTargets": ListTargetsIn => ListTargetsOut;
    "DumpStart": DumpStartIn => DumpStartOut;
    "DumpWait": DumpWaitIn => DumpWaitOut;
    "DumpCancel": DumpCancelIn => Empty;
    "FollowExec": FollowExecIn => Empty;
    "FollowExecEnabled": FollowExecEnabledIn => FollowExecEnabledOut;
    "DebugInfoDirectories": DebugInfoDirectoriesIn => DebugInfoDirectoriesOut;
    "GuessSubstitutePath": GuessSubstitutePathIn => GuessSubstitutePathOut;
    "GetBufferedTracepoints": GetBufferedTracepointsIn => GetBufferedTracepointsOut;
    "CancelDownloads": CancelDownloadsIn => Empty;
    "StopRecording": StopRecordingIn => Empty;
    "Command": Command => CommandOut;
    "CreateWatchpoint": CreateWatchpointIn => Breakpoint;
    "ListStackGroups": ListStackGroupsIn => ListStackGroupsOut;
}

/// The answer of methods that have nothing to say: `{}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Empty {}

/// The argument of `Command` (`api.DebuggerCommand`): run, halt, or select.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Command {
    /// One of [`command`]'s names; any other does nothing and answers the state.
    pub name: String,
    #[serde(rename = "threadID", skip_serializing_if = "is_zero")]
    pub thread_id: i64,
    #[serde(rename = "goroutineID", skip_serializing_if = "is_zero")]
    pub goroutine_id: i64,
    #[serde(rename = "ReturnInfoLoadConfig")]
    pub return_info_load_config: Option<LoadConfig>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub expr: String,
    #[serde(rename = "WithEvents")]
    pub with_events: bool,
    #[serde(rename = "unsafeCall", skip_serializing_if = "is_false")]
    pub unsafe_call: bool,
}

fn is_zero(value: &i64) -> bool {
    *value == 0
}

fn is_false(value: &bool) -> bool {
    !*value
}

/// The names that [`Command::name`] takes.
pub mod command {
    pub const CONTINUE: &str = "continue";
    pub const DIRECTION_CONGRUENT_CONTINUE: &str = "directionCongruentContinue";
    pub const NEXT: &str = "next";
    pub const STEP: &str = "step";
    pub const STEP_OUT: &str = "stepOut";
    pub const STEP_INSTRUCTION: &str = "stepInstruction";
    pub const NEXT_INSTRUCTION: &str = "nextInstruction";
    pub const CALL: &str = "call";
    pub const SWITCH_THREAD: &str = "switchThread";
    pub const SWITCH_GOROUTINE: &str = "switchGoroutine";
    pub const HALT: &str = "halt";
}

/// The answer to `Command`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CommandOut {
    #[serde(rename = "State")]
    pub state: DebuggerState,
}
