//! Signals to the debugger itself: those that end it, and the one that wakes the tracer.

use nix::sys::signal::{SigSet, Signal};
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
