//! Arguments and answers about breakpoints and watchpoints.

use serde::{Deserialize, Serialize};

use crate::api::types::*;

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
