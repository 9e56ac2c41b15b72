//! Arguments and answers about what the program consists of, and about processes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::methods::Empty;
use crate::api::types::*;

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

/// The argument of `GuessSubstitutePath`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuessSubstitutePathIn {
    #[serde(rename = "Args")]
    pub args: ClientPaths,
}

/// What a client knows of its own directories (`api.GuessSubstitutePathIn`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientPaths {
    #[serde(rename = "ImportPathOfMainPackage")]
    pub import_path_of_main_package: String,
    #[serde(rename = "ClientGOROOT")]
    pub client_goroot: String,
    /// The directory of each module.
    #[serde(rename = "ClientModuleDirectories")]
    pub client_module_directories: Option<BTreeMap<String, String>>,
}

/// The answer to `GuessSubstitutePath`: directories of the program's, with the client's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuessSubstitutePathOut {
    #[serde(rename = "List")]
    pub list: Option<Vec<(String, String)>>,
}

/// The argument of `GetBufferedTracepoints`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GetBufferedTracepointsIn {
    #[serde(rename = "LoadCfg")]
    pub load_cfg: Option<LoadConfig>,
}

/// The answer to `GetBufferedTracepoints`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GetBufferedTracepointsOut {
    /// Always `null`: there are none.
    #[serde(rename = "TracepointResults")]
    pub tracepoint_results: Option<Vec<Empty>>,
}

/// The argument of `CancelDownloads`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CancelDownloadsIn {}

/// The argument of `StopRecording`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StopRecordingIn {}
