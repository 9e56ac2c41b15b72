//! How was the program built? What `go version -m` shows, from `.go.buildinfo`.

/// What the Go linker wrote into the binary about its making.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildInfo {
    /// As the toolchain calls itself: `go1.26.8`, `devel go1.28-abcdef`,
    /// `go1.26.6-X:nodwarf5`.
    pub go_version: String,
    /// The import path of the main package.
    pub path: String,
    /// The main module and its version, if the program was built in module mode.
    pub main: Option<Module>,
    pub deps: Vec<Module>,
    /// `-gcflags`, `-trimpath`, `CGO_ENABLED`, `vcs.revision`, …
    pub settings: Vec<(String, String)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Module {
    pub path: String,
    pub version: String,
    pub sum: String,
    pub replaced_by: Option<Box<Module>>,
}

impl BuildInfo {
    /// The build setting called `key`, such as `-gcflags` or `CGO_ENABLED`.
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.iter().find(|it| it.0 == key).map(|it| it.1.as_str())
    }
}

/// A Go release as far as a debugger cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoVersion {
    pub major: u32,
    pub minor: u32,
}
