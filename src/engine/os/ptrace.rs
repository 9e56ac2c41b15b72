//! The ptrace requests, one safe function each.
//!
//! This is the only module that calls `ptrace(2)`. Every function takes a [`Tracer`], so
//! none can be called from the wrong thread.

use std::fmt;
use std::marker::PhantomData;

/// A thread of the inferior, by its kernel id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tid(pub i32);

impl fmt::Display for Tid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Proof that the running thread is the tracer.
///
/// The kernel takes ptrace requests for a tracee from one thread only, the one that
/// attached to it or forked it, and answers `ESRCH` to any other. A `Tracer` is made on
/// that thread and cannot leave it: it is neither `Send` nor `Clone`.
#[derive(Debug)]
pub struct Tracer(PhantomData<*const ()>);

impl Tracer {
    /// Makes the calling thread the tracer of what it will attach to or launch.
    pub fn for_this_thread() -> Tracer {
        Tracer(PhantomData)
    }
}
