//! The methods of the service: one row for each, with its argument and its answer.
//!
//! A new method is a row here and a handler in `service::handlers`. Behaviour, errors and
//! who calls what: `spec/rpc.md` §2.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::api::types::*;

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

/// The argument of `CreateWatchpoint`, whose answer is the breakpoint itself, not a
/// record around it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreateWatchpointIn {
    #[serde(rename = "Scope")]
    pub scope: EvalScope,
    #[serde(rename = "Expr")]
    pub expr: String,
    /// 1 read, 2 write, 3 both.
    #[serde(rename = "Type")]
    pub watch_type: i64,
}

/// The argument of `SetApiVersion`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SetApiVersionIn {
    #[serde(rename = "APIVersion")]
    pub api_version: i64,
}

/// The argument of `GetVersion`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GetVersionIn {}

/// The answer to `GetVersion`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GetVersionOut {
    #[serde(rename = "DelveVersion")]
    pub delve_version: String,
    #[serde(rename = "APIVersion")]
    pub api_version: i64,
    #[serde(rename = "Backend")]
    pub backend: String,
    #[serde(rename = "TargetGoVersion")]
    pub target_go_version: String,
    #[serde(rename = "MinSupportedVersionOfGo")]
    pub min_go_version: String,
    #[serde(rename = "MaxSupportedVersionOfGo")]
    pub max_go_version: String,
}

/// The argument of `IsMulticlient`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IsMulticlientIn {}

/// The answer to `IsMulticlient`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IsMulticlientOut {
    #[serde(rename = "IsMulticlient")]
    pub is_multiclient: bool,
}

/// The argument of `AttachedToExistingProcess`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttachedToExistingProcessIn {}

/// The answer to `AttachedToExistingProcess`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttachedToExistingProcessOut {
    #[serde(rename = "Answer")]
    pub answer: bool,
}

/// The argument of `ProcessPid`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessPidIn {}

/// The answer to `ProcessPid`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessPidOut {
    #[serde(rename = "Pid")]
    pub pid: i64,
}

/// The argument of `LastModified`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastModifiedIn {}

/// The answer to `LastModified`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastModifiedOut {
    #[serde(rename = "Time")]
    pub time: String,
}

/// The argument of `BuildID`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BuildIDIn {}

/// The answer to `BuildID`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BuildIDOut {
    #[serde(rename = "BuildID")]
    pub build_id: String,
}

/// The argument of `Recorded`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordedIn {}

/// The answer to `Recorded`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordedOut {
    #[serde(rename = "Recorded")]
    pub recorded: bool,
    #[serde(rename = "TraceDirectory")]
    pub trace_directory: String,
}

/// The argument of `State`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StateIn {
    #[serde(rename = "NonBlocking")]
    pub non_blocking: bool,
}

/// The answer to `State`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StateOut {
    #[serde(rename = "State")]
    pub state: Option<DebuggerState>,
}

/// The argument of `Restart`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RestartIn {
    #[serde(rename = "Position")]
    pub position: String,
    #[serde(rename = "ResetArgs")]
    pub reset_args: bool,
    #[serde(rename = "NewArgs")]
    pub new_args: Option<Vec<String>>,
    #[serde(rename = "Rerecord")]
    pub rerecord: bool,
    #[serde(rename = "Rebuild")]
    pub rebuild: bool,
    #[serde(rename = "NewRedirects")]
    pub new_redirects: Option<Vec<String>>,
}

/// The answer to `Restart`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RestartOut {
    #[serde(rename = "DiscardedBreakpoints")]
    pub discarded_breakpoints: Option<Vec<DiscardedBreakpoint>>,
}

/// The argument of `Detach`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DetachIn {
    #[serde(rename = "Kill")]
    pub kill: bool,
}

/// The argument of `GetEvents`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GetEventsIn {}

/// The answer to `GetEvents`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GetEventsOut {
    #[serde(rename = "Events")]
    pub events: Option<Vec<Event>>,
}

/// The argument of `CreateBreakpoint`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreateBreakpointIn {
    #[serde(rename = "Breakpoint")]
    pub breakpoint: Breakpoint,
    #[serde(rename = "LocExpr")]
    pub loc_expr: String,
    #[serde(rename = "SubstitutePathRules")]
    pub substitute_path_rules: Option<Vec<(String, String)>>,
    #[serde(rename = "Suspended")]
    pub suspended: bool,
}

/// The answer to `CreateBreakpoint`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreateBreakpointOut {
    #[serde(rename = "Breakpoint")]
    pub breakpoint: Breakpoint,
}

/// The argument of `GetBreakpoint`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GetBreakpointIn {
    #[serde(rename = "Id")]
    pub id: i64,
    #[serde(rename = "Name")]
    pub name: String,
}

/// The answer to `GetBreakpoint`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GetBreakpointOut {
    #[serde(rename = "Breakpoint")]
    pub breakpoint: Breakpoint,
}

/// The argument of `ListBreakpoints`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListBreakpointsIn {
    #[serde(rename = "All")]
    pub all: bool,
}

/// The answer to `ListBreakpoints`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListBreakpointsOut {
    #[serde(rename = "Breakpoints")]
    pub breakpoints: Option<Vec<Breakpoint>>,
}

/// The argument of `AmendBreakpoint`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AmendBreakpointIn {
    #[serde(rename = "Breakpoint")]
    pub breakpoint: Breakpoint,
}

/// The argument of `ToggleBreakpoint`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToggleBreakpointIn {
    #[serde(rename = "Id")]
    pub id: i64,
    #[serde(rename = "Name")]
    pub name: String,
}

/// The answer to `ToggleBreakpoint`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToggleBreakpointOut {
    #[serde(rename = "Breakpoint")]
    pub breakpoint: Breakpoint,
}

/// The argument of `ClearBreakpoint`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClearBreakpointIn {
    #[serde(rename = "Id")]
    pub id: i64,
    #[serde(rename = "Name")]
    pub name: String,
}

/// The answer to `ClearBreakpoint`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClearBreakpointOut {
    #[serde(rename = "Breakpoint")]
    pub breakpoint: Option<Breakpoint>,
}

/// The argument of `FunctionReturnLocations`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FunctionReturnLocationsIn {
    #[serde(rename = "FnName")]
    pub fn_name: String,
}

/// The answer to `FunctionReturnLocations`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FunctionReturnLocationsOut {
    #[serde(rename = "Addrs")]
    pub addrs: Option<Vec<u64>>,
}

/// The argument of `CancelNext`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CancelNextIn {}

/// The argument of `ListThreads`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListThreadsIn {}

/// The answer to `ListThreads`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListThreadsOut {
    #[serde(rename = "Threads")]
    pub threads: Option<Vec<Thread>>,
}

/// The argument of `GetThread`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GetThreadIn {
    #[serde(rename = "Id")]
    pub id: i64,
}

/// The answer to `GetThread`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GetThreadOut {
    #[serde(rename = "Thread")]
    pub thread: Option<Thread>,
}

/// The argument of `ListGoroutines`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListGoroutinesIn {
    #[serde(rename = "Start")]
    pub start: i64,
    #[serde(rename = "Count")]
    pub count: i64,
    #[serde(rename = "Filters")]
    pub filters: Option<Vec<GoroutineFilter>>,
    #[serde(rename = "GroupBy")]
    pub group_by: i64,
    #[serde(rename = "GroupByKey")]
    pub group_by_key: String,
    #[serde(rename = "MaxGroupMembers")]
    pub max_group_members: i64,
    #[serde(rename = "MaxGroups")]
    pub max_groups: i64,
    #[serde(rename = "EvalScope")]
    pub eval_scope: Option<EvalScope>,
}

/// The answer to `ListGoroutines`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListGoroutinesOut {
    #[serde(rename = "Goroutines")]
    pub goroutines: Option<Vec<Goroutine>>,
    #[serde(rename = "Nextg")]
    pub nextg: i64,
    #[serde(rename = "Groups")]
    pub groups: Option<Vec<GoroutineGroup>>,
    #[serde(rename = "TooManyGroups")]
    pub too_many_groups: bool,
}

/// The argument of `Stacktrace`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StacktraceIn {
    #[serde(rename = "Id")]
    pub id: i64,
    #[serde(rename = "Depth")]
    pub depth: i64,
    #[serde(rename = "Full")]
    pub full: bool,
    #[serde(rename = "Defers")]
    pub defers: bool,
    #[serde(rename = "Opts")]
    pub opts: u16,
    #[serde(rename = "Cfg")]
    pub cfg: Option<LoadConfig>,
    #[serde(rename = "Skip")]
    pub skip: i64,
}

/// The answer to `Stacktrace`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StacktraceOut {
    #[serde(rename = "Locations")]
    pub locations: Option<Vec<Stackframe>>,
}

/// The argument of `Ancestors`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AncestorsIn {
    #[serde(rename = "GoroutineID")]
    pub goroutine_id: i64,
    #[serde(rename = "NumAncestors")]
    pub num_ancestors: i64,
    #[serde(rename = "Depth")]
    pub depth: i64,
}

/// The answer to `Ancestors`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AncestorsOut {
    #[serde(rename = "Ancestors")]
    pub ancestors: Option<Vec<Ancestor>>,
}

/// The argument of `ListLocalVars`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListLocalVarsIn {
    #[serde(rename = "Scope")]
    pub scope: EvalScope,
    #[serde(rename = "Cfg")]
    pub cfg: LoadConfig,
}

/// The answer to `ListLocalVars`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListLocalVarsOut {
    #[serde(rename = "Variables")]
    pub variables: Option<Vec<Variable>>,
}

/// The argument of `ListFunctionArgs`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListFunctionArgsIn {
    #[serde(rename = "Scope")]
    pub scope: EvalScope,
    #[serde(rename = "Cfg")]
    pub cfg: LoadConfig,
}

/// The answer to `ListFunctionArgs`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListFunctionArgsOut {
    #[serde(rename = "Args")]
    pub args: Option<Vec<Variable>>,
}

/// The argument of `ListPackageVars`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListPackageVarsIn {
    #[serde(rename = "Filter")]
    pub filter: String,
    #[serde(rename = "Cfg")]
    pub cfg: LoadConfig,
}

/// The answer to `ListPackageVars`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListPackageVarsOut {
    #[serde(rename = "Variables")]
    pub variables: Option<Vec<Variable>>,
}

/// The argument of `Eval`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EvalIn {
    #[serde(rename = "Scope")]
    pub scope: EvalScope,
    #[serde(rename = "Expr")]
    pub expr: String,
    #[serde(rename = "Cfg")]
    pub cfg: Option<LoadConfig>,
}

/// The answer to `Eval`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EvalOut {
    #[serde(rename = "Variable")]
    pub variable: Option<Variable>,
}

/// The argument of `Set`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SetIn {
    #[serde(rename = "Scope")]
    pub scope: EvalScope,
    #[serde(rename = "Symbol")]
    pub symbol: String,
    #[serde(rename = "Value")]
    pub value: String,
}

/// The argument of `ListRegisters`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListRegistersIn {
    #[serde(rename = "ThreadID")]
    pub thread_id: i64,
    #[serde(rename = "IncludeFp")]
    pub include_fp: bool,
    #[serde(rename = "Scope")]
    pub scope: Option<EvalScope>,
}

/// The answer to `ListRegisters`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListRegistersOut {
    #[serde(rename = "Registers")]
    pub registers: String,
    #[serde(rename = "Regs")]
    pub regs: Option<Vec<Register>>,
}

/// The argument of `FindLocation`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FindLocationIn {
    #[serde(rename = "Scope")]
    pub scope: EvalScope,
    #[serde(rename = "Loc")]
    pub loc: String,
    #[serde(rename = "IncludeNonExecutableLines")]
    pub include_non_executable_lines: bool,
    #[serde(rename = "SubstitutePathRules")]
    pub substitute_path_rules: Option<Vec<(String, String)>>,
}

/// The answer to `FindLocation`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FindLocationOut {
    #[serde(rename = "Locations")]
    pub locations: Option<Vec<Location>>,
    #[serde(rename = "SubstituteLocExpr")]
    pub substitute_loc_expr: String,
}

/// The argument of `Disassemble`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DisassembleIn {
    #[serde(rename = "Scope")]
    pub scope: EvalScope,
    #[serde(rename = "StartPC")]
    pub start_pc: u64,
    #[serde(rename = "EndPC")]
    pub end_pc: u64,
    #[serde(rename = "Flavour")]
    pub flavour: i64,
}

/// The answer to `Disassemble`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DisassembleOut {
    #[serde(rename = "Disassemble")]
    pub disassemble: Option<Vec<AsmInstruction>>,
}

/// The argument of `ExamineMemory`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExamineMemoryIn {
    #[serde(rename = "Address")]
    pub address: u64,
    #[serde(rename = "Length")]
    pub length: i64,
}

/// The answer to `ExamineMemory`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExamineMemoryOut {
    #[serde(rename = "Mem")]
    pub mem: String,
    #[serde(rename = "IsLittleEndian")]
    pub is_little_endian: bool,
}

/// The argument of `ListSources`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListSourcesIn {
    #[serde(rename = "Filter")]
    pub filter: String,
}

/// The answer to `ListSources`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListSourcesOut {
    #[serde(rename = "Sources")]
    pub sources: Option<Vec<String>>,
}

/// The argument of `ListFunctions`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListFunctionsIn {
    #[serde(rename = "Filter")]
    pub filter: String,
    #[serde(rename = "FollowCalls")]
    pub follow_calls: i64,
}

/// The answer to `ListFunctions`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListFunctionsOut {
    #[serde(rename = "Funcs")]
    pub funcs: Option<Vec<String>>,
}

/// The argument of `ListTypes`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListTypesIn {
    #[serde(rename = "Filter")]
    pub filter: String,
}

/// The answer to `ListTypes`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListTypesOut {
    #[serde(rename = "Types")]
    pub types: Option<Vec<String>>,
}

/// The argument of `TypeInfo`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TypeInfoIn {
    #[serde(rename = "Name")]
    pub name: String,
}

/// The answer to `TypeInfo`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TypeInfoOut {
    #[serde(rename = "TypeInfo")]
    pub type_info: Option<TypeInfo>,
}

/// The argument of `ListPackagesBuildInfo`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListPackagesBuildInfoIn {
    #[serde(rename = "IncludeFiles")]
    pub include_files: bool,
    #[serde(rename = "Filter")]
    pub filter: String,
}

/// The answer to `ListPackagesBuildInfo`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListPackagesBuildInfoOut {
    #[serde(rename = "List")]
    pub list: Option<Vec<PackageBuildInfo>>,
}

/// The argument of `ListDynamicLibraries`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListDynamicLibrariesIn {}

/// The answer to `ListDynamicLibraries`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListDynamicLibrariesOut {
    #[serde(rename = "List")]
    pub list: Option<Vec<Image>>,
    #[serde(rename = "ExecutableTrimpath")]
    pub executable_trimpath: bool,
}

/// The argument of `ListTargets`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListTargetsIn {}

/// The answer to `ListTargets`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListTargetsOut {
    #[serde(rename = "Targets")]
    pub targets: Option<Vec<Target>>,
}

/// The argument of `DumpStart`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DumpStartIn {
    #[serde(rename = "Destination")]
    pub destination: String,
}

/// The answer to `DumpStart`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DumpStartOut {
    #[serde(rename = "State")]
    pub state: DumpState,
}

/// The argument of `DumpWait`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DumpWaitIn {
    #[serde(rename = "Wait")]
    pub wait: i64,
}

/// The answer to `DumpWait`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DumpWaitOut {
    #[serde(rename = "State")]
    pub state: DumpState,
}

/// The argument of `DumpCancel`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DumpCancelIn {}

/// The argument of `FollowExec`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FollowExecIn {
    #[serde(rename = "Enable")]
    pub enable: bool,
    #[serde(rename = "Regex")]
    pub regex: String,
}

/// The argument of `FollowExecEnabled`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FollowExecEnabledIn {}

/// The answer to `FollowExecEnabled`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FollowExecEnabledOut {
    #[serde(rename = "Enabled")]
    pub enabled: bool,
}

/// The argument of `DebugInfoDirectories`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DebugInfoDirectoriesIn {
    #[serde(rename = "Set")]
    pub set: bool,
    #[serde(rename = "List")]
    pub list: Option<Vec<String>>,
}

/// The answer to `DebugInfoDirectories`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DebugInfoDirectoriesOut {
    #[serde(rename = "List")]
    pub list: Option<Vec<String>>,
}

/// The argument of `CancelDownloads`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CancelDownloadsIn {}

/// The argument of `StopRecording`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StopRecordingIn {}

/// The argument of `ListStackGroups`, a method of ours: goroutines with identical stacks
/// together. A server that does not have it answers `unknown method`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListStackGroupsIn {
    /// Groups to answer at most, the largest first; 0: all.
    #[serde(rename = "MaxGroups")]
    pub max_groups: i64,
    /// Members to answer of each group.
    #[serde(rename = "MaxMembers")]
    pub max_members: i64,
    /// Whether to include goroutines that the runtime started for itself.
    #[serde(rename = "IncludeSystem")]
    pub include_system: bool,
    /// As `ListGoroutines` has them.
    #[serde(rename = "Filters")]
    pub filters: Option<Vec<GoroutineFilter>>,
}

/// The answer to `ListStackGroups`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListStackGroupsOut {
    #[serde(rename = "Groups")]
    pub groups: Vec<StackGroup>,
    /// All groups, those not answered included.
    #[serde(rename = "TotalGroups")]
    pub total_groups: i64,
    /// The goroutines in all groups.
    #[serde(rename = "Total")]
    pub total: i64,
    /// The goroutines of the runtime that were left out.
    #[serde(rename = "SystemHidden")]
    pub system_hidden: i64,
}
