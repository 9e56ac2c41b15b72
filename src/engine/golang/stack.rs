//! How did it get here? Stacks and their frames.
//!
//! [`unwind`](super::unwind) walks from frame to frame; [`switch`](super::switch) knows
//! where a walk leaves one stack for another.

use crate::engine::addr::Addr;
use crate::engine::golang::goroutine::Goroutine;
use crate::engine::golang::layout::status;
use crate::engine::golang::threads::ThreadState;
use crate::engine::golang::unwind::Walk;
use crate::engine::golang::{FunctionName, Location, Runtime, Spot};
use crate::engine::memory::Memory;
use crate::engine::registers::Registers;

/// Where to begin to unwind.
#[derive(Clone, Copy, Debug)]
pub enum UnwindFrom<'a> {
    /// From what the goroutine's row says: right for goroutines that no thread runs.
    Parked(&'a Goroutine),
    /// From where the runtime last saved the goroutine, even if a thread runs it.
    Saved(&'a Goroutine),
    /// From a thread's registers, through its own stack to that of its goroutine.
    Thread(&'a ThreadState),
}

impl UnwindFrom<'_> {
    /// Why there is no stack to unwind.
    fn why_not(&self) -> Option<&'static str> {
        let (UnwindFrom::Parked(it) | UnwindFrom::Saved(it)) = self else { return None };
        if it.unreadable {
            return Some("the goroutine cannot be read");
        }
        // The runtime forgets where a goroutine was when it lets it run (`gogo`).
        let is_lost = it.sp.0 == 0 && matches!(self, UnwindFrom::Parked(_));
        match it.status {
            status::COPYSTACK => Some("the runtime is moving the stack"),
            status::RUNNING if is_lost => Some("it runs on a thread that is not known"),
            _ => None,
        }
    }
}

/// How much of a stack is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnwindLimits {
    /// Frames at most, inlined ones included.
    pub depth_max: usize,
    /// Not from one stack to another: the walk ends where the stack does.
    pub one_stack: bool,
}

impl UnwindLimits {
    pub fn frames(depth_max: usize) -> UnwindLimits {
        UnwindLimits { depth_max, one_stack: false }
    }
}

/// Frames of any stack at most: what a list of them can be used for, and 100 MB of them.
pub const FRAMES_MAX: usize = 1 << 18;

/// A stack, innermost frame first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stack {
    pub frames: Vec<Frame>,
    /// Why there are more frames than these. (A stack that cannot be unwound further
    /// ends in a frame with an [`err`](Frame::err) instead.)
    pub truncated: Option<String>,
}

/// A frame of a stack: a call that has not returned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    /// Where execution is in this frame; in callers, the return address.
    pub pc: Addr,
    /// What to look up for `pc`: in callers the call, so usually `pc` - 1.
    pub lookup_pc: Addr,
    /// Empty if unknown.
    pub file: String,
    /// Zero if unknown.
    pub line: u32,
    /// `None` in code that is neither Go's nor linked to the program.
    pub function: Option<FunctionName>,
    /// Index into [`Binary::inline_stack`](crate::engine::binary::Binary::inline_stack)
    /// of `lookup_pc`.
    pub inline_depth: usize,
    /// What SP was before the call that made this frame; inlined calls share it.
    pub cfa: Addr,
    pub sp: Addr,
    pub bp: Addr,
    /// Where its return address is, and what it is; zero if it has none.
    pub return_addr: Addr,
    pub return_pc: Addr,
    /// The registers, in the innermost frame of a thread or of interrupted code.
    pub registers: Option<Registers>,
    /// What C code has kept of them for its callers, in frames of those.
    pub kept: Option<Box<KeptRegisters>>,
    /// The end of the stack that the frame is on. Stacks of goroutines move, but
    /// [`cfa_offset`](Self::cfa_offset) identifies the frame in any case.
    pub stack_hi: Addr,
    /// It is on a stack of the thread: of the scheduler, of C, or for signals.
    pub system_stack: bool,
    /// Why the stack cannot be unwound further, in a last frame of its own.
    pub err: Option<String>,
    /// The outermost frame.
    pub bottom: bool,
}

/// Some registers, as they are in a frame that has called C code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptRegisters {
    pub registers: Registers,
    /// Which of them are known: bit N for the one that DWARF calls N.
    pub known: u32,
}

impl KeptRegisters {
    pub fn by_dwarf(&self, number: u16) -> Option<u64> {
        let is_known = self.known & 1_u32.checked_shl(number.into())? != 0;
        is_known.then(|| self.registers.by_dwarf(number))?
    }
}

impl Frame {
    /// Identifies the frame even if the stack moves: CFA from the end of the stack.
    pub fn cfa_offset(&self) -> i64 {
        self.cfa.0.wrapping_sub(self.stack_hi.0) as i64
    }

    pub fn bp_offset(&self) -> i64 {
        self.bp.0.wrapping_sub(self.stack_hi.0) as i64
    }

    pub fn spot(&self) -> Spot {
        let inline_depth = self.inline_depth as u32;
        Spot { pc: self.pc, lookup_pc: self.lookup_pc, inline_depth }
    }

    pub fn location(&self) -> Location {
        Location {
            pc: self.pc,
            file: self.file.clone(),
            line: self.line,
            function: self.function.clone(),
        }
    }
}

impl Runtime {
    /// Unwinds a stack.
    pub fn unwind(
        &self,
        mem: &dyn Memory,
        from: &UnwindFrom<'_>,
        limits: UnwindLimits,
    ) -> Stack {
        let walk = Walk::begin(self, mem, from, limits);
        match from.why_not() {
            Some(why) => walk.refuse(why),
            None => walk.run(),
        }
    }
}
