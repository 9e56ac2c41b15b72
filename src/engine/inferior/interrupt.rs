//! How other threads reach the tracer thread while it waits for the process.
//!
//! The tracer waits in a plain blocking `waitpid`, the cheapest wait there is. Whoever
//! wants something sets a flag and sends the tracer thread a signal, which ends the wait.
//! A signal that arrives between the tracer's last look at the flags and its wait would
//! be lost; so it is sent again, every millisecond, until the tracer has seen the flag.

use crate::engine::os::signal::Wakeable;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Stops or wakes a run, from any thread.
#[derive(Clone, Debug)]
pub struct Interrupter {
    pub(super) bell: Arc<Bell>,
}

/// What the threads share.
#[derive(Debug)]
pub(super) struct Bell {
    halt: AtomicBool,
    wake: AtomicBool,
    /// Whether the tracer is waiting, or about to.
    waiting: AtomicBool,
    tracer: Wakeable,
}

/// How long to wait for the tracer to see a flag before the signal is sent again.
const RESEND_AFTER: Duration = Duration::from_millis(1);

/// How often the signal is sent. The tracer needs one or two; a tracer that is stopped
/// (by a debugger, say) shall not keep others forever.
const SENDS_MAX: usize = 1000;

impl Interrupter {
    /// Ends the run with [`RunEnd::Halted`](crate::engine::inferior::RunEnd). With no run
    /// in progress the next one ends at once, unless [`Interrupter::forget_halt`] is
    /// called first.
    pub fn halt(&self) {
        self.bell.ring(&self.bell.halt);
    }

    /// Has the run call [`Judge::woken`](crate::engine::inferior::Judge::woken).
    pub fn wake(&self) {
        self.bell.ring(&self.bell.wake);
    }

    /// Forgets a halt that no run has obeyed yet.
    pub fn forget_halt(&self) {
        self.bell.halt.store(false, Ordering::SeqCst);
    }
}

impl Bell {
    pub(super) fn new(tracer: Wakeable) -> Bell {
        Bell {
            halt: AtomicBool::new(false),
            wake: AtomicBool::new(false),
            waiting: AtomicBool::new(false),
            tracer,
        }
    }

    /// Sets `flag`, and sees to it that the tracer looks at it.
    fn ring(&self, flag: &AtomicBool) {
        flag.store(true, Ordering::SeqCst);
        let unseen =
            || flag.load(Ordering::SeqCst) && self.waiting.load(Ordering::SeqCst);
        for _ in 0..SENDS_MAX {
            if !unseen() || !self.tracer.wake() {
                return;
            }
            let sent = Instant::now();
            while unseen() && sent.elapsed() < RESEND_AFTER {
                std::thread::yield_now();
            }
        }
    }

    /// Announces a wait. `false` if a flag is up, and the wait must not begin.
    ///
    /// The order is what matters: whoever sets a flag after this has looked sees
    /// `waiting`, and sends the signal.
    pub(super) fn begin_wait(&self) -> bool {
        self.waiting.store(true, Ordering::SeqCst);
        let go = !self.is_rung();
        if !go {
            self.waiting.store(false, Ordering::SeqCst);
        }
        go
    }

    pub(super) fn end_wait(&self) {
        self.waiting.store(false, Ordering::SeqCst);
    }

    pub(super) fn is_rung(&self) -> bool {
        self.halt.load(Ordering::SeqCst) || self.wake.load(Ordering::SeqCst)
    }

    pub(super) fn take_halt(&self) -> bool {
        self.halt.swap(false, Ordering::SeqCst)
    }

    pub(super) fn take_wake(&self) -> bool {
        self.wake.swap(false, Ordering::SeqCst)
    }
}
