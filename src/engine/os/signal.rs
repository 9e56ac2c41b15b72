//! Signals to the debugger itself: those that end it, and the one that wakes the tracer.
#![allow(unsafe_code, reason = "signal handlers and kill(2); see each SAFETY")]

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal};
use std::io;
use std::thread;

/// Has `on_signal` called, on a thread of its own, for every SIGHUP, SIGTERM and SIGINT
/// that the debugger receives, instead of dying of it.
///
/// To be called by `main` before it starts any thread: the signals are blocked in the
/// calling thread, and threads inherit that. Programs that are launched to be debugged do
/// not.
pub fn on_termination(mut on_signal: impl FnMut(i32) + Send + 'static) -> io::Result<()> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGHUP, Signal::SIGTERM, Signal::SIGINT] {
        signals.add(signal);
    }
    signals.thread_block()?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        while let Ok(signal) = signals.wait() {
            on_signal(signal as i32);
        }
    })?;
    Ok(())
}

/// Has terminals not stop us for what a background job may not do, such as making a
/// program that we launched their foreground job.
pub fn ignore_terminal_stops() -> io::Result<()> {
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    for signal in [Signal::SIGTTOU, Signal::SIGTTIN] {
        // SAFETY: ignoring a signal runs no code of ours.
        unsafe { nix::sys::signal::sigaction(signal, &ignore) }?;
    }
    Ok(())
}

/// Whether Ctrl-Z is to stop this process. While it is a tracer whose program runs, it
/// must not: whatever meets a breakpoint would hang until somebody says `fg`.
pub fn let_suspend(yes: bool) {
    let handler = if yes { SigHandler::SigDfl } else { SigHandler::SigIgn };
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: neither the default action nor none runs code of ours. It fails for no
    // signal that can be ignored.
    let _never = unsafe { nix::sys::signal::sigaction(Signal::SIGTSTP, &action) };
}

/// A thread of ours whose waiting can be cut short.
#[derive(Clone, Copy, Debug)]
pub struct Wakeable {
    tid: i32,
}

impl Wakeable {
    /// Makes the calling thread one. A system call in which it waits then ends with
    /// `EINTR` at [`Wakeable::wake`].
    pub fn this_thread() -> io::Result<Wakeable> {
        let signal = wake_signal();
        // SAFETY: a structure of integers and an optional pointer: all zeroes is a value.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = nothing as extern "C" fn(i32) as usize;
        // No SA_RESTART: that the call ends is the purpose.
        action.sa_flags = 0;
        // SAFETY: the handler does nothing, which is safe at any point.
        check(unsafe {
            libc::sigaction(signal, &raw const action, std::ptr::null_mut())
        })?;
        // SAFETY: a signal set may hold anything; it is emptied before it is used.
        let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: `set` is a signal set of ours.
        check(unsafe { libc::sigemptyset(&raw mut set) })?;
        // SAFETY: as above, and the signal exists.
        check(unsafe { libc::sigaddset(&raw mut set, signal) })?;
        // SAFETY: unblocks a signal whose handler does nothing, in this thread.
        check(unsafe {
            libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut())
        })?;
        Ok(Wakeable { tid: nix::unistd::gettid().as_raw() })
    }

    /// Sends the signal; `false` if the thread is gone.
    pub fn wake(self) -> bool {
        let pid = nix::unistd::getpid().as_raw();
        // SAFETY: numbers only. The signal goes to a thread of this process or nowhere.
        let result =
            unsafe { libc::syscall(libc::SYS_tgkill, pid, self.tid, wake_signal()) };
        result == 0
    }
}

/// A real-time signal that nothing else of ours uses.
fn wake_signal() -> i32 {
    libc::SIGRTMIN() + 3
}

extern "C" fn nothing(_signal: i32) {}

/// Kills a process.
pub fn kill(pid: i32) -> io::Result<()> {
    // SAFETY: numbers only.
    check(unsafe { libc::kill(pid, libc::SIGKILL) })
}

/// Sends a signal to a process.
pub fn send(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: numbers only.
    check(unsafe { libc::kill(pid, signal) })
}

/// Sends a signal to one thread of another process.
pub fn send_thread(pid: i32, tid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: numbers only.
    match unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn check(result: i32) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The signals by which a fault is reported to the thread that made it; they are never
/// held back.
pub const FAULTS: [i32; 6] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGSYS,
];

/// A signal mask of everything but faults.
pub fn all_but_faults() -> u64 {
    FAULTS.iter().fold(u64::MAX, |mask, it| mask & !(1 << (it - 1)))
}

/// What a signal is called, such as `SIGSEGV`; `None` for 0 and for real-time signals.
pub fn name(signal: i32) -> Option<&'static str> {
    Signal::try_from(signal).ok().map(Signal::as_str)
}

/// Signals that nobody wants to stop for: Go's preemption and profiling, and the like.
pub fn is_routine(signal: i32) -> bool {
    matches!(
        signal,
        libc::SIGURG
            | libc::SIGPROF
            | libc::SIGCHLD
            | libc::SIGPIPE
            | libc::SIGWINCH
            | libc::SIGALRM
            | libc::SIGVTALRM
    )
}

/// Signals that stop or continue a whole process by being sent; sending one again is not
/// the same as having sent it once.
pub fn is_job_control(signal: i32) -> bool {
    matches!(
        signal,
        libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU | libc::SIGCONT
    )
}
