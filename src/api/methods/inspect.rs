//! Arguments and answers about the stopped program: threads, goroutines, stacks, values.

use serde::{Deserialize, Serialize};

use crate::api::types::*;

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
