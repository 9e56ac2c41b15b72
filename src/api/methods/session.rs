//! Arguments and answers about the session as a whole: who serves, what runs, how it ends.

use serde::{Deserialize, Serialize};

use crate::api::types::*;

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
