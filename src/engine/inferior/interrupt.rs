//! How other threads reach the tracer thread while it waits for the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Stops or wakes a run, from any thread.
#[derive(Clone, Debug)]
pub struct Interrupter {
    pub(super) bell: Arc<Bell>,
}

/// What the threads share.
#[derive(Debug, Default)]
pub(super) struct Bell {
    pub(super) halt: AtomicBool,
    pub(super) wake: AtomicBool,
}

impl Interrupter {
    /// Ends the run with [`RunEnd::Halted`](crate::engine::inferior::RunEnd). With no run
    /// in progress the next one ends at once, unless [`Interrupter::forget_halt`] is
    /// called first.
    pub fn halt(&self) {
        self.bell.halt.store(true, Ordering::SeqCst);
    }

    /// Has the run call [`Judge::woken`](crate::engine::inferior::Judge::woken).
    pub fn wake(&self) {
        self.bell.wake.store(true, Ordering::SeqCst);
    }

    /// Forgets a halt that no run has obeyed yet.
    pub fn forget_halt(&self) {
        self.bell.halt.store(false, Ordering::SeqCst);
    }
}
