//! What happened to tracees: `waitpid`, and its statuses made readable.
#![allow(unsafe_code, reason = "waitpid(2) takes a pointer; see SAFETY")]

use crate::engine::os::ptrace::{Tid, Tracer};
use std::io;

/// Something that happened to a tracee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is about to receive a signal, which the tracer may suppress. SIGTRAP is the
    /// signal of breakpoints, single steps and watchpoints.
    Signaled { signal: i32 },
    /// It stopped because we asked (`signal` is SIGTRAP), because it is new, or with the
    /// whole process, for the stop signal given (group-stop).
    Stopped { signal: i32 },
    /// It created a thread, which is traced from the start.
    Cloned,
    /// It created a process with memory of its own.
    Forked,
    /// It created a process that shares its memory, and waits for it.
    Vforked,
    /// The process it waited for has replaced its program or is gone.
    VforkDone,
    /// It replaced its program.
    Execed,
    /// It is gone.
    Exited { status: i32 },
    /// It was killed.
    Killed { signal: i32 },
    /// A stop that we did not ask for and know nothing about.
    Unknown,
}

/// Decodes a wait status (ptrace(2), "Stopped states").
///
/// `None` for a status that `waitpid` never returns for the options we set.
pub fn decode(status: i32) -> Option<Event> {
    if libc::WIFEXITED(status) {
        return Some(Event::Exited { status: libc::WEXITSTATUS(status) });
    }
    if libc::WIFSIGNALED(status) {
        return Some(Event::Killed { signal: libc::WTERMSIG(status) });
    }
    if !libc::WIFSTOPPED(status) {
        return None;
    }
    let signal = libc::WSTOPSIG(status);
    Some(match status >> 16 {
        0 => Event::Signaled { signal },
        libc::PTRACE_EVENT_STOP => Event::Stopped { signal },
        libc::PTRACE_EVENT_CLONE => Event::Cloned,
        libc::PTRACE_EVENT_FORK => Event::Forked,
        libc::PTRACE_EVENT_VFORK => Event::Vforked,
        libc::PTRACE_EVENT_VFORK_DONE => Event::VforkDone,
        libc::PTRACE_EVENT_EXEC => Event::Execed,
        _ => Event::Unknown,
    })
}

/// The outcome of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    Event(Tid, Event),
    /// Nothing has happened yet.
    Nothing,
    /// A signal to this thread ended the wait.
    Interrupted,
    /// There is nothing (any more) to wait for.
    NoTracees,
}

/// Waits until something happens to any tracee of this thread.
pub fn any(_: &Tracer) -> Waited {
    wait(-1, 0)
}

/// Asks whether something has happened to any tracee of this thread.
pub fn any_now(_: &Tracer) -> Waited {
    wait(-1, libc::WNOHANG)
}

/// Waits until something happens to `tid`.
pub fn one(_: &Tracer, tid: Tid) -> Waited {
    wait(tid.0, 0)
}

/// Asks whether something has happened to `tid`.
pub fn one_now(_: &Tracer, tid: Tid) -> Waited {
    wait(tid.0, libc::WNOHANG)
}

/// `__WNOTHREAD` leaves alone what other threads of the debugger have started, such as a
/// compiler whose exit status somebody else is waiting for.
fn wait(pid: i32, flags: i32) -> Waited {
    let mut status = 0;
    let flags = flags | libc::__WALL | libc::__WNOTHREAD;
    // SAFETY: the kernel stores one int through the pointer.
    let pid = unsafe { libc::waitpid(pid, &raw mut status, flags) };
    match pid {
        0 => Waited::Nothing,
        -1 if io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) => {
            Waited::Interrupted
        }
        -1 => Waited::NoTracees,
        _ => match decode(status) {
            Some(event) => Waited::Event(Tid(pid), event),
            None => Waited::Nothing,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_as_the_kernel_writes_them() {
        let cases = [
            (0x0000_057f, Some(Event::Signaled { signal: libc::SIGTRAP })),
            (0x0080_057f, Some(Event::Stopped { signal: libc::SIGTRAP })),
            (0x0080_137f, Some(Event::Stopped { signal: libc::SIGSTOP })),
            (0x0001_057f, Some(Event::Forked)),
            (0x0002_057f, Some(Event::Vforked)),
            (0x0003_057f, Some(Event::Cloned)),
            (0x0004_057f, Some(Event::Execed)),
            (0x0005_057f, Some(Event::VforkDone)),
            (0x0000_177f, Some(Event::Signaled { signal: libc::SIGURG })),
            (0x0000_0200, Some(Event::Exited { status: 2 })),
            (0x0000_0009, Some(Event::Killed { signal: libc::SIGKILL })),
            (0x0000_ffff, None), // SIGCONT, which needs WCONTINUED
        ];
        for (status, event) in cases {
            assert_eq!(decode(status), event, "{status:#x}");
        }
    }
}
