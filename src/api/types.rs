//! The records of the protocol: states, breakpoints, threads, goroutines, variables.
//!
//! Optional lists: `None` is `null` on the wire, `Some(vec![])` is `[]`; Delve's clients
//! tell the two apart in a few places, so each field keeps the habit of the original.
//! Every record decodes from an object that lacks any of its fields.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the whole debugged program is doing (`api.DebuggerState`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DebuggerState {
    #[serde(rename = "Pid")]
    pub pid: i64,
    #[serde(rename = "TargetCommandLine")]
    pub command_line: String,
    #[serde(rename = "Running")]
    pub running: bool,
    #[serde(rename = "Recording")]
    pub recording: bool,
    #[serde(rename = "CoreDumping")]
    pub core_dumping: bool,
    #[serde(rename = "currentThread", skip_serializing_if = "Option::is_none")]
    pub current_thread: Option<Thread>,
    #[serde(rename = "currentGoroutine", skip_serializing_if = "Option::is_none")]
    pub current_goroutine: Option<Goroutine>,
    #[serde(rename = "Threads")]
    pub threads: Option<Vec<Thread>>,
    #[serde(rename = "NextInProgress")]
    pub next_in_progress: bool,
    #[serde(rename = "WatchOutOfScope")]
    pub watch_out_of_scope: Option<Vec<Breakpoint>>,
    pub exited: bool,
    #[serde(rename = "exitStatus")]
    pub exit_status: i64,
    #[serde(rename = "When")]
    pub when: String,
    /// One of the texts of `spec/rpc.md` §4.5; empty on exit and while running.
    #[serde(rename = "stopReason", skip_serializing_if = "String::is_empty")]
    pub stop_reason: String,
}

/// A thread of the program (`api.Thread`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Thread {
    pub id: i64,
    pub pc: u64,
    pub file: String,
    pub line: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<Function>,
    /// 0 when the thread runs no goroutine.
    #[serde(rename = "goroutineID")]
    pub goroutine_id: i64,
    #[serde(rename = "breakPoint", skip_serializing_if = "Option::is_none")]
    pub breakpoint: Option<Breakpoint>,
    #[serde(rename = "breakPointInfo", skip_serializing_if = "Option::is_none")]
    pub breakpoint_info: Option<BreakpointInfo>,
    #[serde(rename = "ReturnValues")]
    pub return_values: Option<Vec<Variable>>,
    #[serde(rename = "CallReturn")]
    pub call_return: bool,
}

/// What was collected at a breakpoint when it was hit (`api.BreakpointInfo`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BreakpointInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stacktrace: Option<Vec<Stackframe>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goroutine: Option<Goroutine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<Vec<Variable>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Vec<Variable>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locals: Option<Vec<Variable>>,
}

/// A breakpoint as the user knows it (`api.Breakpoint`); watchpoints are ones too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Breakpoint {
    /// Positive for the user's; -1 unrecovered panic, -2 fatal throw, 0 hard-coded.
    pub id: i64,
    pub name: String,
    /// The first of `addrs`, or 0.
    pub addr: u64,
    /// `None` while it is not set: disabled, suspended, or the process is gone.
    pub addrs: Option<Vec<u64>>,
    #[serde(rename = "addrpid")]
    pub addr_pids: Option<Vec<i64>>,
    pub file: String,
    pub line: i64,
    #[serde(rename = "functionName", skip_serializing_if = "String::is_empty")]
    pub function_name: String,
    #[serde(rename = "ExprString")]
    pub expr_string: String,
    #[serde(rename = "Cond")]
    pub cond: String,
    #[serde(rename = "HitCond")]
    pub hit_cond: String,
    #[serde(rename = "HitCondPerG")]
    pub hit_cond_per_g: bool,
    /// A tracepoint: clients go on by themselves after it.
    #[serde(rename = "continue")]
    pub tracepoint: bool,
    #[serde(rename = "traceReturn")]
    pub trace_return: bool,
    pub goroutine: bool,
    pub stacktrace: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<Vec<String>>,
    #[serde(rename = "LoadArgs")]
    pub load_args: Option<LoadConfig>,
    #[serde(rename = "LoadLocals")]
    pub load_locals: Option<LoadConfig>,
    #[serde(rename = "customCommands", skip_serializing_if = "Option::is_none")]
    pub custom_commands: Option<Vec<String>>,
    #[serde(rename = "WatchExpr")]
    pub watch_expr: String,
    #[serde(rename = "WatchType")]
    pub watch_type: i64,
    #[serde(rename = "VerboseDescr", skip_serializing_if = "Option::is_none")]
    pub verbose_descr: Option<Vec<String>>,
    /// Hits by goroutine id, in decimal.
    #[serde(rename = "hitCount")]
    pub hit_count: Option<BTreeMap<String, u64>>,
    #[serde(rename = "totalHitCount")]
    pub total_hit_count: u64,
    pub disabled: bool,
    #[serde(rename = "RootFuncName")]
    pub root_func_name: String,
    #[serde(rename = "TraceFollowCalls")]
    pub trace_follow_calls: i64,
}

/// A breakpoint that a restart could not set again (`api.DiscardedBreakpoint`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DiscardedBreakpoint {
    #[serde(rename = "Breakpoint")]
    pub breakpoint: Option<Breakpoint>,
    #[serde(rename = "Reason")]
    pub reason: String,
}

/// A function (`api.Function`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Function {
    pub name: String,
    /// The entry address.
    pub value: u64,
    #[serde(rename = "type")]
    pub kind: u8,
    #[serde(rename = "goType")]
    pub go_type: u64,
    pub optimized: bool,
}

/// A place in the code (`api.Location`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Location {
    pub pc: u64,
    pub file: String,
    pub line: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<Function>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pcs: Option<Vec<u64>>,
    #[serde(rename = "pcpids", skip_serializing_if = "Option::is_none")]
    pub pc_pids: Option<Vec<i64>>,
}

/// One frame of a stack (`api.Stackframe`): a [`Location`] with what is in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stackframe {
    pub pc: u64,
    pub file: String,
    pub line: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<Function>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pcs: Option<Vec<u64>>,
    #[serde(rename = "pcpids", skip_serializing_if = "Option::is_none")]
    pub pc_pids: Option<Vec<i64>>,
    #[serde(rename = "Locals")]
    pub locals: Option<Vec<Variable>>,
    #[serde(rename = "Arguments")]
    pub arguments: Option<Vec<Variable>>,
    /// CFA - stack.hi of the goroutine, so negative.
    #[serde(rename = "FrameOffset")]
    pub frame_offset: i64,
    /// RBP - stack.hi.
    #[serde(rename = "FramePointerOffset")]
    pub frame_pointer_offset: i64,
    #[serde(rename = "Defers")]
    pub defers: Vec<Defer>,
    /// The outermost frame there is.
    #[serde(rename = "Bottom", skip_serializing_if = "is_false")]
    pub bottom: bool,
    /// Why the stack could not be read further than this frame; usually empty.
    #[serde(rename = "Err")]
    pub err: String,
}

fn is_false(value: &bool) -> bool {
    !*value
}

/// A deferred call of a frame (`api.Defer`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Defer {
    #[serde(rename = "DeferredLoc")]
    pub deferred_loc: Location,
    #[serde(rename = "DeferLoc")]
    pub defer_loc: Location,
    #[serde(rename = "SP")]
    pub sp: u64,
    #[serde(rename = "Unreadable")]
    pub unreadable: String,
}

/// The stack of a goroutine's creator (`api.Ancestor`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ancestor {
    #[serde(rename = "ID")]
    pub id: i64,
    #[serde(rename = "Stack")]
    pub stack: Option<Vec<Stackframe>>,
    #[serde(rename = "Unreadable")]
    pub unreadable: String,
}

/// A goroutine (`api.Goroutine`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Goroutine {
    pub id: i64,
    #[serde(rename = "currentLoc")]
    pub current_loc: Location,
    /// The first frame that is not the runtime's, else `current_loc`.
    #[serde(rename = "userCurrentLoc")]
    pub user_current_loc: Location,
    #[serde(rename = "goStatementLoc")]
    pub go_statement_loc: Location,
    #[serde(rename = "startLoc")]
    pub start_loc: Location,
    /// 0 when it is parked.
    #[serde(rename = "threadID")]
    pub thread_id: i64,
    /// The runtime's own number: 0 idle, 1 runnable, 2 running, 3 syscall, 4 waiting ...
    pub status: u64,
    #[serde(rename = "waitSince")]
    pub wait_since: i64,
    /// The runtime's own number; its text depends on the Go version.
    #[serde(rename = "waitReason")]
    pub wait_reason: i64,
    pub unreadable: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
}

/// One condition on the goroutines to list (`api.ListGoroutinesFilter`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GoroutineFilter {
    /// 0 none, 1 current, 2 user, 3 go, 4 start location, 5 label, 6 running, 7 user
    /// goroutine, 8 waiting on a channel.
    #[serde(rename = "Kind")]
    pub kind: i64,
    #[serde(rename = "Negated")]
    pub negated: bool,
    #[serde(rename = "Arg")]
    pub arg: String,
}

/// Goroutines that have something in common (`api.GoroutineGroup`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GoroutineGroup {
    #[serde(rename = "Name")]
    pub name: String,
    /// Where its members begin in the answer's list.
    #[serde(rename = "Offset")]
    pub offset: i64,
    #[serde(rename = "Count")]
    pub count: i64,
    #[serde(rename = "Total")]
    pub total: i64,
}

/// Where an expression has its meaning (`api.EvalScope`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EvalScope {
    /// -1 is the selected goroutine.
    #[serde(rename = "GoroutineID")]
    pub goroutine_id: i64,
    #[serde(rename = "Frame")]
    pub frame: i64,
    #[serde(rename = "DeferredCall")]
    pub deferred_call: i64,
}

impl EvalScope {
    /// Frame `frame` of the selected goroutine.
    pub fn selected(frame: i64) -> EvalScope {
        EvalScope { goroutine_id: -1, frame, deferred_call: 0 }
    }
}

/// The zero value, as an omitted scope decodes; not the selected goroutine.
impl Default for EvalScope {
    fn default() -> EvalScope {
        EvalScope { goroutine_id: 0, frame: 0, deferred_call: 0 }
    }
}

/// How much of a value to read (`api.LoadConfig`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoadConfig {
    #[serde(rename = "FollowPointers")]
    pub follow_pointers: bool,
    #[serde(rename = "MaxVariableRecurse")]
    pub max_variable_recurse: i64,
    #[serde(rename = "MaxStringLen")]
    pub max_string_len: i64,
    #[serde(rename = "MaxArrayValues")]
    pub max_array_values: i64,
    /// -1: all.
    #[serde(rename = "MaxStructFields")]
    pub max_struct_fields: i64,
}

impl LoadConfig {
    /// What `Eval` and `Stacktrace` use when they are given none.
    pub const FULL: LoadConfig = LoadConfig {
        follow_pointers: true,
        max_variable_recurse: 1,
        max_string_len: 64,
        max_array_values: 64,
        max_struct_fields: -1,
    };
    /// What the terminal uses where a line must do.
    pub const SHORT: LoadConfig = LoadConfig {
        follow_pointers: false,
        max_variable_recurse: 0,
        max_string_len: 64,
        max_array_values: 0,
        max_struct_fields: 3,
    };
}

/// A value, as far as it was loaded (`api.Variable`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Variable {
    pub name: String,
    pub addr: u64,
    #[serde(rename = "onlyAddr")]
    pub only_addr: bool,
    #[serde(rename = "type")]
    pub type_name: String,
    #[serde(rename = "realType")]
    pub real_type: String,
    /// Bits of [`VariableFlags`].
    pub flags: u16,
    /// The number of Go's reflect.Kind; all signed integers 2, all unsigned 7.
    pub kind: u32,
    pub value: String,
    /// All bytes of a string that is not UTF-8, in base64.
    #[serde(rename = "StringValueBytes")]
    pub string_value_bytes: Option<String>,
    pub len: i64,
    pub cap: i64,
    pub children: Option<Vec<Variable>>,
    pub base: u64,
    pub unreadable: String,
    #[serde(rename = "LocationExpr")]
    pub location_expr: String,
    #[serde(rename = "DeclLine")]
    pub decl_line: i64,
}

/// The bits of [`Variable::flags`].
pub struct VariableFlags;

impl VariableFlags {
    pub const ESCAPED: u16 = 1;
    pub const SHADOWED: u16 = 2;
    pub const CONSTANT: u16 = 4;
    pub const ARGUMENT: u16 = 8;
    pub const RETURN_ARGUMENT: u16 = 16;
    pub const FAKE_ADDRESS: u16 = 32;
    pub const C_POINTER: u16 = 64;
    pub const CPU_REGISTER: u16 = 128;
}

/// The numbers of Go's reflect.Kind that [`Variable::kind`] takes.
pub struct Kind;

impl Kind {
    pub const INVALID: u32 = 0;
    pub const BOOL: u32 = 1;
    pub const INT: u32 = 2;
    pub const UINT: u32 = 7;
    pub const FLOAT32: u32 = 13;
    pub const FLOAT64: u32 = 14;
    pub const COMPLEX64: u32 = 15;
    pub const COMPLEX128: u32 = 16;
    pub const ARRAY: u32 = 17;
    pub const CHAN: u32 = 18;
    pub const FUNC: u32 = 19;
    pub const INTERFACE: u32 = 20;
    pub const MAP: u32 = 21;
    pub const PTR: u32 = 22;
    pub const SLICE: u32 = 23;
    pub const STRING: u32 = 24;
    pub const STRUCT: u32 = 25;
    pub const UNSAFE_POINTER: u32 = 26;
}

/// A register and its value in words (`api.Register`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Register {
    #[serde(rename = "Name")]
    pub name: String,
    #[serde(rename = "Value")]
    pub value: String,
    #[serde(rename = "DwarfNumber")]
    pub dwarf_number: i64,
}

/// One instruction (`api.AsmInstruction`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AsmInstruction {
    #[serde(rename = "Loc")]
    pub loc: Location,
    #[serde(rename = "DestLoc")]
    pub dest_loc: Option<Location>,
    #[serde(rename = "Text")]
    pub text: String,
    /// Base64.
    #[serde(rename = "Bytes")]
    pub bytes: String,
    #[serde(rename = "Breakpoint")]
    pub breakpoint: bool,
    #[serde(rename = "AtPC")]
    pub at_pc: bool,
}

/// How far a core dump has come (`api.DumpState`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DumpState {
    #[serde(rename = "Dumping")]
    pub dumping: bool,
    #[serde(rename = "AllDone")]
    pub all_done: bool,
    #[serde(rename = "ThreadsDone")]
    pub threads_done: i64,
    #[serde(rename = "ThreadsTotal")]
    pub threads_total: i64,
    #[serde(rename = "MemDone")]
    pub mem_done: u64,
    #[serde(rename = "MemTotal")]
    pub mem_total: u64,
    #[serde(rename = "Err")]
    pub err: String,
}

/// A loaded image other than the executable (`api.Image`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Image {
    #[serde(rename = "Path")]
    pub path: String,
    #[serde(rename = "Address")]
    pub address: u64,
    #[serde(rename = "LoadError")]
    pub load_error: String,
    #[serde(rename = "Trimpath")]
    pub trimpath: bool,
}

/// A package of the program (`api.PackageBuildInfo`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PackageBuildInfo {
    #[serde(rename = "ImportPath")]
    pub import_path: String,
    #[serde(rename = "DirectoryPath")]
    pub directory_path: String,
    #[serde(rename = "Files")]
    pub files: Option<Vec<String>>,
}

/// A process under the debugger (`api.Target`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Target {
    #[serde(rename = "Pid")]
    pub pid: i64,
    #[serde(rename = "CmdLine")]
    pub command_line: String,
    #[serde(rename = "CurrentThread")]
    pub current_thread: Option<Thread>,
}

/// A type, taken apart (`api.TypeInfo`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TypeInfo {
    #[serde(rename = "Kind")]
    pub kind: u32,
    #[serde(rename = "Size")]
    pub size: i64,
    #[serde(rename = "RealType")]
    pub real_type: String,
    #[serde(rename = "Fields")]
    pub fields: Option<Vec<TypeField>>,
    #[serde(rename = "Methods")]
    pub methods: Option<Vec<TypeMethod>>,
}

/// A field of a struct type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TypeField {
    #[serde(rename = "Name")]
    pub name: String,
    #[serde(rename = "Type")]
    pub type_name: String,
}

/// A method of a type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TypeMethod {
    #[serde(rename = "Name")]
    pub name: String,
}

/// Something that happened (`api.Event`): 0 resumed, 1 stopped, 2 download, 3 breakpoint
/// materialized, 4 process spawned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Event {
    #[serde(rename = "Kind")]
    pub kind: i64,
    #[serde(rename = "Breakpoint", skip_serializing_if = "Option::is_none")]
    pub breakpoint: Option<Breakpoint>,
}

/// Goroutines whose stacks are identical (`ListStackGroups`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StackGroup {
    /// How many there are.
    #[serde(rename = "Count")]
    pub count: i64,
    /// The first of them, in the order of their ids.
    #[serde(rename = "Members")]
    pub members: Vec<Goroutine>,
    /// The stack they share, innermost frame first.
    #[serde(rename = "Frames")]
    pub frames: Vec<Location>,
}
