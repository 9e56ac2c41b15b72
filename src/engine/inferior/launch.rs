//! How a program is started to be debugged.

use std::ffi::OsString;
use std::path::PathBuf;

/// What to start, and how.
#[derive(Clone, Debug, Default)]
pub struct LaunchSpec {
    pub program: PathBuf,
    /// The arguments, without the program's own name.
    pub args: Vec<OsString>,
    /// The whole environment; `None` means ours.
    pub env: Option<Vec<(OsString, OsString)>>,
    /// The directory to start in; `None` means ours.
    pub dir: Option<PathBuf>,
    pub stdio: Stdio,
    /// Whether to place stack, heap and libraries where they always are.
    pub disable_aslr: bool,
    /// Whether to make the program the foreground job of our terminal, if standard input
    /// is one.
    pub foreground: bool,
}

/// Where the standard streams of a launched program lead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stdio {
    #[default]
    Inherit,
    /// A new pseudo-terminal, whose other end is
    /// [`Live::take_pty`](crate::engine::inferior::Live::take_pty).
    Pty,
    /// A terminal that is there already (`--tty`).
    Tty(PathBuf),
    /// Files for input, output and errors; `None` leaves a stream as it is. Files that
    /// are written are made anew.
    Redirect([Option<PathBuf>; 3]),
}
