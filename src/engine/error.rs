//! What can go wrong in the engine.

use crate::engine::addr::Addr;
use crate::engine::memory::Fault;

pub type Result<T> = std::result::Result<T, Error>;

/// An error of the engine.
///
/// There is one variant for each thing a caller may want to tell apart, and the text is
/// written for the user. Texts marked **wire** are also matched by Delve's clients, so
/// they stay to the letter.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// **wire**: clients look for "has exited with status" to tell that the session is
    /// over (Delve: `isErrProcessExited` in `pkg/terminal/terminal.go`).
    #[error("Process {pid} has exited with status {status}")]
    Exited { pid: i32, status: i32 },

    /// **wire**: clients look for "Breakpoint exists".
    #[error("Breakpoint exists at {file}:{line} at {:x}", addr.0)]
    BreakpointExists { file: String, line: u32, addr: Addr },

    /// **wire**.
    #[error(
        "could not find statement at {file}:{line}, please use a line with a statement"
    )]
    NoStatement { file: String, line: u32 },

    /// **wire**: as Delve refuses to run what a process left behind
    /// (`pkg/proc/core`, `ErrContinueCore`).
    #[error("can not continue execution of core process")]
    CoreCannotRun,

    /// **wire**.
    #[error("can not write to core process")]
    CoreCannotChange,

    /// **wire**.
    #[error("cannot write a breakpoint to a core file")]
    CoreHasNoSites,

    #[error(transparent)]
    Memory(#[from] Fault),

    /// The file is not what it should be: damaged, or not an ELF file for amd64.
    #[error("{path}: {problem}")]
    BadBinary { path: String, problem: String },

    /// The thread is gone; the command goes on without it.
    #[error("thread {tid} is gone")]
    ThreadGone { tid: i32 },

    /// A system call failed; `doing` says what the engine was about.
    #[error("{doing}: {source}")]
    Os { doing: String, source: std::io::Error },

    /// Everything that only has to be said: the whole text, written for the user.
    #[error("{0}")]
    Message(String),
}

impl Error {
    pub fn message(text: impl Into<String>) -> Error {
        Error::Message(text.into())
    }

    pub fn os(doing: impl Into<String>, source: std::io::Error) -> Error {
        Error::Os { doing: doing.into(), source }
    }
}
