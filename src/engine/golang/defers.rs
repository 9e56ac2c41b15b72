//! What will it do when it returns? Deferred calls and panics.

use crate::engine::addr::Addr;
use crate::engine::golang::Runtime;
use crate::engine::golang::goroutine::Goroutine;
use crate::engine::golang::stack::Frame;
use crate::engine::memory::Memory;

/// A call that is deferred.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defer {
    /// Of its `_defer`; zero for one that the compiler coded into the function.
    pub addr: Addr,
    /// The entry of the deferred function; zero for `nil`.
    pub deferred_pc: Addr,
    /// The func value: a pointer to the closure.
    pub closure: Addr,
    /// The return address of the `defer` statement; zero if not known.
    pub defer_pc: Addr,
    /// SP of the frame it belongs to, when it was deferred.
    pub sp: Addr,
    /// Why the rest is not known.
    pub unreadable: Option<String>,
}

/// A panic that has not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Panic {
    /// Of its `_panic`.
    pub addr: Addr,
    /// Where the `any` that was passed to `panic` is.
    pub arg: Addr,
    pub recovered: bool,
    /// It is no panic but `runtime.Goexit`.
    pub goexit: bool,
}

impl Runtime {
    /// The deferred calls of a goroutine, the next to run first, without those that the
    /// compiler coded into their functions: see [`open_defers`](Self::open_defers).
    pub fn defers(&self, _mem: &dyn Memory, _goroutine: &Goroutine) -> Vec<Defer> {
        Vec::new()
    }

    /// The deferred calls that the compiler coded into the function of a frame, the next
    /// to run first.
    pub fn open_defers(&self, _mem: &dyn Memory, _frame: &Frame) -> Vec<Defer> {
        Vec::new()
    }

    /// All deferred calls of one frame, the next to run first. `all` is what
    /// [`defers`](Self::defers) says of the goroutine.
    pub fn defers_of(
        &self,
        mem: &dyn Memory,
        frame: &Frame,
        all: &[Defer],
    ) -> Vec<Defer> {
        let _ = all;
        self.open_defers(mem, frame)
    }

    /// The panics of a goroutine, innermost first.
    pub fn panics(&self, _mem: &dyn Memory, _goroutine: &Goroutine) -> Vec<Panic> {
        Vec::new()
    }
}
