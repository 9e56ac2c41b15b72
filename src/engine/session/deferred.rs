//! With what will a deferred call be called?
//!
//! A deferred call has no frame yet, so there is nothing to read its arguments from. But
//! all that it needs is in the closure that was deferred: for `defer f(x)` the compiler
//! makes a function that takes `x` out of the closure and calls `f`. So the call is
//! *rehearsed*: the instructions up to the end of `f`'s prologue are carried out here, on
//! registers and a stack of our own, and what they have written is the frame. Nothing is
//! run in the inferior and nothing is written to it.

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};

use crate::engine::addr::Addr;
use crate::engine::binary::{Location, VariableInfo, VariableKind};
use crate::engine::error::{Error, Result};
use crate::engine::golang::wrapper::is_inside_runtime;
use crate::engine::golang::{Defer, Frame, Spot};
use crate::engine::inferior::{Words, emulate};
use crate::engine::memory::{Fault, Memory};
use crate::engine::registers::Registers;
use crate::engine::session::Session;
use crate::engine::session::program::Program;

/// Instructions that are carried out at most: wrappers and prologues are short, but a
/// prologue may clear its frame.
const STEPS_MAX: usize = 1 << 14;
/// The same in a deferred function that is compiled into its wrapper.
const INLINED_STEPS_MAX: usize = 256;
/// Where the stack of a rehearsal seems to be: no address of the kind is canonical, so no
/// program can have memory there (Intel SDM vol. 1, §3.3.7.1).
const STACK_AT: u64 = 0x0000_9000_0000_0000;
const STACK_LEN: usize = 1 << 20;
/// How much of that stack is above the first frame: for arguments.
const STACK_ABOVE: u64 = 1 << 12;
/// The longest instruction of the architecture (Intel SDM vol. 2, §2.3.11).
const INSTRUCTION_MAX: usize = 15;
/// The part of an XSAVE area that has the XMM registers, and where they are in it.
const XSAVE_LEN: usize = 576;
const XMM_OFFSET: usize = 160;
const XMM_LEN: usize = 16;

/// Where in a `g` the guard of its stack is: compilers have it in their code
/// (`$GOROOT/src/cmd/internal/obj/x86/obj6.go`, `stacksplit`).
const G_STACKGUARD0: i64 = 16;

/// The release from which the debug information says where in a closure a variable is
/// (`DW_AT_go_closure_offset`).
const CAPTURED_IN_PLACE: u32 = 23;

/// A deferred call as if it had been made.
pub(super) struct Rehearsed<'a> {
    pub frame: Frame,
    pub memory: Scratch<'a>,
    pub xsave: Vec<u8>,
}

/// The inferior's memory, and the stack of a rehearsal.
pub(super) struct Scratch<'a> {
    memory: &'a dyn Memory,
    stack: Vec<u8>,
    /// Where zero is read: `runtime.writeBarrier`, because what is written to our own stack
    /// is no business of the garbage collector's; and the guard of the goroutine's stack,
    /// with which the runtime also asks it to make way for others.
    zero: [Addr; 2],
}

impl Scratch<'_> {
    fn on_stack(addr: u64, len: usize) -> Option<std::ops::Range<usize>> {
        let at = usize::try_from(addr.checked_sub(STACK_AT)?).ok()?;
        let end = at.checked_add(len)?;
        (end <= STACK_LEN).then_some(at..end)
    }

    fn read_wide(&self, addr: u64) -> Option<[u8; XMM_LEN]> {
        let mut bytes = [0; XMM_LEN];
        self.read(Addr(addr), &mut bytes).ok()?;
        Some(bytes)
    }
}

impl Memory for Scratch<'_> {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> std::result::Result<(), Fault> {
        let found =
            Scratch::on_stack(addr.0, buf.len()).and_then(|it| self.stack.get(it));
        match found {
            Some(bytes) => buf.copy_from_slice(bytes),
            None => self.memory.read(addr, buf)?,
        }
        Ok(())
    }
}

impl Words for Scratch<'_> {
    fn load(&mut self, addr: u64, len: usize) -> Option<u64> {
        let mut word = [0; 8];
        if !self.zero.contains(&Addr(addr)) {
            self.read(Addr(addr), word.get_mut(..len)?).ok()?;
        }
        Some(u64::from_le_bytes(word))
    }

    /// Only our own stack is written to.
    fn store(&mut self, addr: u64, len: usize, value: u64) -> Option<()> {
        let range = Scratch::on_stack(addr, len)?;
        let bytes = value.to_le_bytes();
        self.stack.get_mut(range)?.copy_from_slice(bytes.get(..len)?);
        Some(())
    }

    fn is_private(&self, _: Register) -> bool {
        true
    }
}

impl Session {
    /// The `nth` (from 1) deferred call of a frame, in the words of the wire if there is
    /// none.
    pub(super) fn deferred_call(
        &mut self,
        goroutine: i64,
        frame: usize,
        of: &Frame,
        nth: usize,
    ) -> Result<Defer> {
        let defers = self.deferred_calls(goroutine, std::slice::from_ref(of))?;
        let defers = defers.into_iter().next().unwrap_or_default();
        let wanted = nth.checked_sub(1).and_then(|it| defers.get(it));
        let Some(wanted) = wanted else {
            let n = defers.len();
            let text = format!("Frame {frame} only has {n} deferred calls");
            return Err(Error::message(text));
        };
        match &wanted.unreadable {
            Some(why) => Err(Error::message(why.clone())),
            None => Ok(wanted.clone()),
        }
    }
}

/// Rehearses a deferred call, up to where its arguments can be seen.
pub(super) fn rehearse<'a>(
    program: &Program,
    memory: &'a dyn Memory,
    of: &Defer,
    g: Addr,
) -> Result<Rehearsed<'a>> {
    let top = STACK_AT + STACK_LEN as u64 - STACK_ABOVE;
    let registers = Registers {
        rip: of.deferred_pc.0,
        rsp: top,
        rdx: of.closure.0,
        r14: g.0,
        ..Registers::default()
    };
    let barrier = program.binary.symbol("runtime.writeBarrier");
    let barrier = barrier.map(|it| program.loaded(it.addr)).unwrap_or_default();
    let zero = [barrier, g.offset(G_STACKGUARD0)];
    let mut rehearsal = Rehearsal {
        program,
        registers,
        xmm: [[0; XMM_LEN]; 16],
        scratch: Scratch { memory, stack: vec![0; STACK_LEN], zero },
    };
    rehearsal.run();
    rehearsal.finish()
}

struct Rehearsal<'p, 'a> {
    program: &'p Program,
    registers: Registers,
    xmm: [[u8; XMM_LEN]; 16],
    scratch: Scratch<'a>,
}

impl<'a> Rehearsal<'_, 'a> {
    /// Carries out instructions until the prologue of the deferred function is over, or
    /// one is met that is not known how to be done.
    fn run(&mut self) {
        let first = self.registers.pc();
        let is_wrapper = self.program.runtime.is_wrapper_at(first);
        let mut end = (!is_wrapper).then(|| self.end_of_prologue(first)).flatten();
        for _ in 0..STEPS_MAX {
            let pc = self.registers.pc();
            if end.is_none() && self.is_called(first, pc) {
                end = self.end_of_prologue(pc);
            }
            if end.is_none() && self.known_arguments(pc).is_some() {
                return self.run_inlined();
            }
            if end == Some(pc) || self.step(pc).is_none() {
                return;
            }
        }
    }

    /// Goes on where the deferred function is compiled into the wrapper, up to where most
    /// of its arguments are known: the compiler takes each out of the closure only when it
    /// is needed.
    fn run_inlined(&mut self) {
        let wrapper = self.program.function_at(self.registers.pc());
        let mut best = None;
        for _ in 0..INLINED_STEPS_MAX {
            let pc = self.registers.pc();
            let known = self.known_arguments(pc);
            if known.is_some() && known > best.as_ref().map(|(known, _)| *known) {
                let stack = self.scratch.stack.clone();
                best = known.map(|it| (it, (self.registers, self.xmm, stack)));
            }
            let is_left = self.program.function_at(pc) != wrapper;
            if is_left || self.step(pc).is_none() {
                break;
            }
        }
        if let Some((_, (registers, xmm, stack))) = best {
            (self.registers, self.xmm, self.scratch.stack) = (registers, xmm, stack);
        }
    }

    /// How many arguments of the deferred function are known at `pc`; `None` where `pc` is
    /// not in it, but in the wrapper that it is compiled into.
    fn known_arguments(&self, pc: Addr) -> Option<usize> {
        let (binary, pc) = (&self.program.binary, self.program.stated(pc));
        let depth = binary.inline_stack(pc).len().checked_sub(2)?;
        let scope = binary.scope_at(pc, depth).unwrap_or_default();
        let is_known = |it: &&VariableInfo| {
            let is_there =
                it.constant.is_some() || matches!(it.location, Location::Pieces(_));
            it.kind == VariableKind::Argument && is_there
        };
        Some(scope.variables.iter().filter(is_known).count())
    }

    /// Whether the wrapper at `wrapper` has called the function at `pc`, and it is not one
    /// that the runtime calls for its own ends.
    fn is_called(&self, wrapper: Addr, pc: Addr) -> bool {
        let at = self.program.function_at(pc);
        let is_entry = at.is_some_and(|it| {
            self.program.binary.function(it).entry == self.program.stated(pc)
        });
        let name = self.program.runtime.function_name(pc);
        is_entry && at != self.program.function_at(wrapper) && !is_inside_runtime(name)
    }

    /// Where the arguments of the function at `target` can be seen.
    fn end_of_prologue(&self, target: Addr) -> Option<Addr> {
        let binary = &self.program.binary;
        let id = self.program.function_at(target)?;
        let end = binary.prologue_end(id);
        let is_closure = binary.function(id).name.contains(".func");
        if !is_closure || self.program.runtime.version().minor >= CAPTURED_IN_PLACE {
            return Some(self.program.loaded(end));
        }
        // What it captured is copied to its frame behind the prologue.
        let rows = binary.rows(id);
        let next = rows.iter().filter(|it| it.is_stmt && it.addr > end);
        let next = next.map(|it| it.addr).min();
        Some(self.program.loaded(next.unwrap_or(end)))
    }

    fn step(&mut self, pc: Addr) -> Option<()> {
        let memory = self.scratch.memory;
        // The last instruction of a page may be shorter than the longest one.
        let code = (1..=INSTRUCTION_MAX)
            .rev()
            .find_map(|len| memory.read_bytes(pc, len).ok())?;
        let it = Decoder::with_ip(64, &code, pc.0, DecoderOptions::NONE).decode();
        if it.is_invalid() {
            return None;
        }
        match it.mnemonic() {
            Mnemonic::Movups
            | Mnemonic::Movaps
            | Mnemonic::Movupd
            | Mnemonic::Movapd
            | Mnemonic::Movdqu
            | Mnemonic::Movdqa => self.move_wide(&it, XMM_LEN),
            Mnemonic::Movsd | Mnemonic::Movq => self.move_wide(&it, 8),
            Mnemonic::Movss | Mnemonic::Movd => self.move_wide(&it, 4),
            Mnemonic::Xorps | Mnemonic::Pxor => self.clear_wide(&it),
            _ => emulate(&it, &mut self.registers, &mut self.scratch),
        }
    }

    /// A move of `len` bytes from or to an XMM register.
    fn move_wide(&mut self, it: &Instruction, len: usize) -> Option<()> {
        let wide = |operand: u32| match it.op_kind(operand) {
            OpKind::Register => xmm_index(it.op_register(operand)),
            _ => None,
        };
        let addr = self.memory_operand(it);
        match (wide(0), wide(1)) {
            (Some(to), Some(from)) => {
                let bytes = *self.xmm.get(from)?;
                self.xmm.get_mut(to)?.get_mut(..len)?.copy_from_slice(&bytes[..len]);
            }
            (Some(to), None) => {
                let mut bytes = self.scratch.read_wide(addr?)?;
                bytes.get_mut(len..)?.fill(0);
                *self.xmm.get_mut(to)? = bytes;
            }
            (None, Some(from)) => {
                let bytes = *self.xmm.get(from)?;
                let range = Scratch::on_stack(addr?, len)?;
                self.scratch.stack.get_mut(range)?.copy_from_slice(&bytes[..len]);
            }
            (None, None) => return None,
        }
        self.registers.rip = it.next_ip();
        Some(())
    }

    fn clear_wide(&mut self, it: &Instruction) -> Option<()> {
        let (a, b) = (xmm_index(it.op0_register())?, xmm_index(it.op1_register())?);
        if a != b || it.op1_kind() != OpKind::Register {
            return None;
        }
        *self.xmm.get_mut(a)? = [0; XMM_LEN];
        self.registers.rip = it.next_ip();
        Some(())
    }

    fn memory_operand(&self, it: &Instruction) -> Option<u64> {
        let value = |register: Register, _, _| match register {
            Register::CS | Register::DS | Register::SS | Register::ES => Some(0),
            it => super::disassembly::register(&self.registers, it),
        };
        it.virtual_address((0..2).find(|n| it.op_kind(*n) == OpKind::Memory)?, 0, value)
    }

    /// The frame that the instructions have made.
    fn finish(self) -> Result<Rehearsed<'a>> {
        let pc = self.registers.pc();
        // Of calls inlined into each other, the one that the wrapper makes.
        let inlined = self.program.binary.inline_stack(self.program.stated(pc)).len();
        let inline_depth = inlined.saturating_sub(2);
        let spot = Spot { pc, lookup_pc: pc, inline_depth: inline_depth as u32 };
        let location = self.program.runtime.locate(spot);
        if location.function.is_none() {
            let text = format!("could not find function at {pc}");
            return Err(Error::message(text));
        }
        let delta = self.program.binary.sp_delta(self.program.stated(pc)).unwrap_or(0);
        let cfa = self.registers.rsp.saturating_add(delta).saturating_add(8);
        let mut xsave = vec![0; XSAVE_LEN];
        for (bytes, slot) in
            self.xmm.iter().zip(xsave[XMM_OFFSET..].chunks_exact_mut(XMM_LEN))
        {
            slot.copy_from_slice(bytes);
        }
        let frame = Frame {
            pc,
            lookup_pc: pc,
            inline_depth,
            file: location.file,
            line: location.line,
            function: location.function,
            cfa: Addr(cfa),
            sp: self.registers.sp(),
            bp: self.registers.bp(),
            registers: Some(self.registers),
            stack_hi: Addr(STACK_AT + STACK_LEN as u64),
            ..Frame::default()
        };
        Ok(Rehearsed { frame, memory: self.scratch, xsave })
    }
}

fn xmm_index(register: Register) -> Option<usize> {
    register.is_xmm().then(|| register.number()).filter(|it| *it < 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::memory::FixedMemory;

    #[test]
    fn only_the_stack_of_the_rehearsal_is_written_to() {
        let memory = FixedMemory::new().with(Addr(0x1000), 7_u64.to_le_bytes());
        let zero = [Addr(0x1008), Addr(0)];
        let mut scratch = Scratch { memory: &memory, stack: vec![0; STACK_LEN], zero };
        assert_eq!(scratch.load(0x1008, 4), Some(0));
        assert_eq!(scratch.load(0x1000, 8), Some(7));
        assert_eq!(scratch.store(0x1000, 8, 9), None);
        assert_eq!(scratch.store(STACK_AT, 8, 9), Some(()));
        assert_eq!(scratch.load(STACK_AT, 8), Some(9));
        let end = STACK_AT + STACK_LEN as u64;
        assert_eq!(scratch.store(end - 4, 8, 9), None);
        assert_eq!(scratch.load(u64::MAX, 8), None);
    }
}
