//! What will it do when it returns? Deferred calls and panics.
//!
//! `defer` in a loop, and every `defer` of unoptimized code, makes a `_defer` and puts it
//! on the goroutine's list. In other functions the compiler codes the calls into the
//! returns of the function ("open-coded defers"), and leaves a byte of bits in the frame
//! that say which of them are due.

use std::collections::HashSet;

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};

use crate::engine::addr::{Addr, FileAddr};
use crate::engine::binary::{Binary, FunctionId};
use crate::engine::golang::goroutine::Goroutine;
use crate::engine::golang::layout::{self, Field};
use crate::engine::golang::stack::Frame;
use crate::engine::golang::{Runtime, Spot};
use crate::engine::memory::{Fault, Memory};

/// A call that is deferred.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defer {
    /// Of its `_defer`; zero for one that the compiler coded into the function.
    pub addr: Addr,
    /// The entry of the deferred function; zero for `nil`.
    pub deferred_pc: Addr,
    /// The func value: a pointer to the closure.
    pub closure: Addr,
    /// The return address of the `defer` statement, or where the code for it that the
    /// compiler has put into the function begins; zero if not known.
    pub defer_pc: Addr,
    /// SP of the frame it belongs to, when it was deferred.
    pub sp: Addr,
    /// Why the rest is not known.
    pub unreadable: Option<String>,
}

impl Defer {
    /// The `defer` statement.
    pub fn defer_spot(&self) -> Spot {
        let lookup_pc = Addr(self.defer_pc.0.saturating_sub(1));
        Spot { pc: self.defer_pc, lookup_pc, inline_depth: 0 }
    }
}

/// The return address of a `defer` statement, and SP of its frame.
type Place = (Addr, Addr);

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

/// Deferred calls of a goroutine: a loop may defer as many as memory holds.
pub const DEFERS_MAX: usize = 1 << 16;

/// Panics of a goroutine, each in a deferred call of the one before.
pub const PANICS_MAX: usize = 1024;

/// Machine code that is searched for a `defer` statement, in bytes.
const CODE_MAX: usize = 1 << 20;

/// Open-coded calls in a function: their bits are in one byte
/// (`maxOpenDefers` in `cmd/compile/internal/ssagen`).
const OPEN_MAX: i64 = 8;

impl Runtime {
    /// The deferred calls of a goroutine, the next to run first, without those that the
    /// compiler coded into their functions: see [`open_defers`](Self::open_defers).
    pub fn defers(&self, mem: &dyn Memory, goroutine: &Goroutine) -> Vec<Defer> {
        let mut defers = Vec::new();
        self.read_defers(mem, goroutine.defer_addr, &mut HashSet::new(), &mut defers);
        defers
    }

    fn read_defers(
        &self,
        mem: &dyn Memory,
        first: Addr,
        seen: &mut HashSet<Addr>,
        defers: &mut Vec<Defer>,
    ) {
        // The lists that wait to be read on with, outermost first: a `_defer` for a
        // range-over-func body stands for a list of its own (Go ≥ 1.22), whose members say
        // nothing of themselves before `deferconvert` copies the place of that one.
        let mut waiting = vec![(first, None)];
        while let Some((addr, place)) = waiting.pop() {
            if addr.0 == 0 {
                continue;
            }
            if defers.len() == DEFERS_MAX || !seen.insert(addr) {
                let why = if seen.len() > defers.len() { "damaged" } else { "too long" };
                let unreadable = Some(format!("the list of deferred calls is {why}"));
                defers.push(Defer { addr, unreadable, ..Defer::default() });
                return;
            }
            match self.read_defer(mem, addr, place, defers) {
                Ok(next) => waiting.extend(next),
                Err(fault) => {
                    let unreadable = Some(fault.to_string());
                    defers.push(Defer { addr, unreadable, ..Defer::default() });
                }
            }
        }
    }

    /// Reads one `_defer`, whose PC and SP are `place` if that is given; returns what is
    /// to be read next, the nearest last.
    fn read_defer(
        &self,
        mem: &dyn Memory,
        addr: Addr,
        place: Option<Place>,
        defers: &mut Vec<Defer>,
    ) -> Result<[(Addr, Option<Place>); 2], Fault> {
        let layout = self.layout();
        let word = |field| mem.read_word(addr.offset(layout.offset(field))).map(Addr);
        let flag = |field| {
            let mut flag = [0];
            let at = layout.find_offset(field).map(|it| addr.offset(it));
            at.is_some_and(|at| mem.read(at, &mut flag).is_ok()) && flag[0] != 0
        };
        let link = word(Field::DeferLink)?;
        if flag(Field::DeferRangefunc) {
            let head = layout.find_offset(Field::DeferHead);
            let head = head.map_or(Ok(0), |it| mem.read_word(addr.offset(it)))?;
            let first = if head == 0 { 0 } else { mem.read_word(Addr(head))? };
            let outer = (word(Field::DeferPc)?, word(Field::DeferSp)?);
            return Ok([(link, place), (Addr(first), Some(outer))]);
        }
        // Go ≤ 1.21 lists a record for a frame with open-coded defers once it panics.
        if !flag(Field::DeferOpen) {
            let closure = word(Field::DeferFn)?;
            let deferred_pc = if closure.0 == 0 { 0 } else { mem.read_word(closure)? };
            let own = (word(Field::DeferPc)?, word(Field::DeferSp)?);
            let (defer_pc, sp) = place.unwrap_or(own);
            defers.push(Defer {
                addr,
                deferred_pc: Addr(deferred_pc),
                closure,
                defer_pc,
                sp,
                unreadable: None,
            });
        }
        Ok([(link, place), (Addr(0), None)])
    }

    /// The deferred calls that the compiler coded into the function of a frame, the next
    /// to run first.
    pub fn open_defers(&self, mem: &dyn Memory, frame: &Frame) -> Vec<Defer> {
        self.read_open_defers(mem, frame).unwrap_or_default()
    }

    fn read_open_defers(&self, mem: &dyn Memory, frame: &Frame) -> Option<Vec<Defer>> {
        let image = self.images().find(frame.lookup_pc)?;
        let id = image.function_at(frame.lookup_pc)?;
        let table = layout::FUNCDATA_OPEN_CODED_DEFER_INFO;
        let info = image.bias.loaded(image.binary.funcdata(id, table)?);
        let varp = frame.cfa.offset(-16);
        let (bits_at, info) = read_uvarint(mem, info)?;
        let slots = self.read_open_slots(mem, info)?;
        let mut bits = [0];
        mem.read(Addr(varp.0.checked_sub(bits_at)?), &mut bits).ok()?;
        let is_due = |it: &i64| bits[0] >> it & 1 != 0;
        let due = (0..OPEN_MAX).rev().filter(is_due).filter_map(|slot| {
            let below = slots(slot)?;
            let at = Addr(varp.0.checked_sub(below)?);
            let stored = find_store(&image.binary, id, below.checked_add(16)?);
            let defer_pc = stored.map(|it| image.bias.loaded(it)).unwrap_or_default();
            let closure = mem.read_word(at).ok()?;
            let deferred_pc = mem.read_word(Addr(closure)).unwrap_or(0);
            Some(Defer {
                deferred_pc: Addr(deferred_pc),
                closure: Addr(closure),
                defer_pc,
                sp: frame.sp,
                ..Defer::default()
            })
        });
        Some(due.collect())
    }

    /// How far below `varp` the closure of each open-coded defer is: since Go 1.22 they
    /// are in an array, before that each has a number of its own.
    fn read_open_slots(
        &self,
        mem: &dyn Memory,
        info: Addr,
    ) -> Option<impl Fn(i64) -> Option<u64> + use<>> {
        let mut offsets = Vec::new();
        let (first, mut info) = read_uvarint(mem, info)?;
        if self.version().minor >= 22 {
            let slot = |index: u64| first.checked_sub(8 * index);
            offsets.extend((0..OPEN_MAX as u64).map(slot));
        } else {
            for _ in 0..first.min(OPEN_MAX as u64) {
                let (offset, next) = read_uvarint(mem, info)?;
                offsets.push(Some(offset));
                info = next;
            }
            // The next to run is said first.
            offsets.reverse();
        }
        Some(move |slot: i64| offsets.get(slot as usize).copied().flatten())
    }

    /// All deferred calls of one frame, the next to run first. `all` is what
    /// [`defers`](Self::defers) says of the goroutine. An inlined call has none: a function
    /// with `defer` is not inlined.
    pub fn defers_of(
        &self,
        mem: &dyn Memory,
        frame: &Frame,
        all: &[Defer],
    ) -> Vec<Defer> {
        if frame.function.as_ref().is_none_or(|it| it.inlined) {
            return Vec::new();
        }
        // A frame's SP is as it was at `defer`, unless the frame is the innermost.
        let is_of_frame = |it: &&Defer| {
            it.unreadable.is_none() && frame.sp <= it.sp && it.sp < frame.cfa
        };
        let mut defers: Vec<Defer> = all.iter().filter(is_of_frame).cloned().collect();
        defers.extend(self.open_defers(mem, frame));
        defers
    }

    /// The panics of a goroutine, innermost first.
    pub fn panics(&self, mem: &dyn Memory, goroutine: &Goroutine) -> Vec<Panic> {
        let layout = self.layout();
        let mut panics: Vec<Panic> = Vec::new();
        let mut addr = goroutine.panic_addr;
        while addr.0 != 0 && panics.len() < PANICS_MAX {
            if panics.iter().any(|it| it.addr == addr) {
                break;
            }
            let flag = |field| {
                let mut flag = [0];
                let at = layout.find_offset(field).map(|it| addr.offset(it));
                at.is_some_and(|at| mem.read(at, &mut flag).is_ok()) && flag[0] != 0
            };
            panics.push(Panic {
                addr,
                arg: addr.offset(layout.offset(Field::PanicArg)),
                recovered: flag(Field::PanicRecovered),
                goexit: flag(Field::PanicGoexit),
            });
            let link = mem.read_word(addr.offset(layout.offset(Field::PanicLink)));
            addr = Addr(link.unwrap_or(0));
        }
        panics
    }
}

/// Where a function writes to the word that is so far below its CFA: what is deferred there
/// is written by the `defer` statement and by nothing else.
fn find_store(binary: &Binary, id: FunctionId, below: u64) -> Option<FileAddr> {
    let function = binary.function(id);
    let len = function.end.0.saturating_sub(function.entry.0) as usize;
    let code = binary.loadable_bytes(function.entry, len.min(CODE_MAX))?;
    let mut decoder = Decoder::with_ip(64, code, function.entry.0, DecoderOptions::NONE);
    let mut it = Instruction::default();
    while decoder.can_decode() {
        decoder.decode_out(&mut it);
        let is_store = it.mnemonic() == Mnemonic::Mov
            && it.op0_kind() == OpKind::Memory
            && it.memory_base() == Register::RSP
            && it.memory_index() == Register::None;
        if !is_store {
            continue;
        }
        let at = FileAddr(it.ip());
        // CFA is SP plus the size of the frame and the return address.
        let size = binary.sp_delta(at)?.checked_add(8)?;
        if size.checked_sub(it.memory_displacement64()) == Some(below) {
            return Some(at);
        }
    }
    None
}

/// Reads a number in groups of seven bits, lowest first; returns what is behind it too.
fn read_uvarint(mem: &dyn Memory, at: Addr) -> Option<(u64, Addr)> {
    let (mut value, mut at) = (0, at);
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        mem.read(at, &mut byte).ok()?;
        at = at.offset(1);
        value |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            return Some((value, at));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::golang::testing::{self, Program};
    use crate::engine::memory::FixedMemory;

    #[test]
    fn numbers_are_read_in_groups_of_seven_bits() {
        let cases = [
            (vec![0x05], Some((5, 1))),
            (vec![0x80, 0x01], Some((128, 2))),
            (vec![0xff, 0x7f], Some((0x3fff, 2))),
            (vec![0xff; 12], None),
        ];
        for (bytes, expected) in cases {
            let mem = FixedMemory::new().with(Addr(0x100), bytes.clone());
            let found = read_uvarint(&mem, Addr(0x100));
            let expected = expected.map(|(value, len)| (value, Addr(0x100 + len)));
            assert_eq!(found, expected, "{bytes:x?}");
        }
    }

    #[test]
    fn deferred_calls_are_found_in_the_list_and_in_the_code() {
        let program = Program::start(testing::PARKED, &[]);
        let names = |function: &str| {
            let goroutine = program.goroutine_in(function);
            let stack = program.unwind(&goroutine);
            let frame = stack.frames.iter().find(|it| testing::name(it) == function);
            let all = program.runtime.defers(&program.memory, &goroutine);
            let defers = program.runtime.defers_of(&program.memory, frame.unwrap(), &all);
            let name =
                |it: &Defer| program.runtime.function_name(it.deferred_pc).to_owned();
            defers.iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(names("main.looping"), vec!["main.looping.deferwrap1"; 3]);
        assert_eq!(names("main.coded"), ["main.coded.func2", "main.coded.func1"]);
    }

    #[test]
    fn a_panic_being_recovered_shows_its_value() {
        let program = Program::start(testing::PARKED, &[]);
        let goroutine = program.goroutine_in("main.recovering.func1");
        let panics = program.runtime.panics(&program.memory, &goroutine);
        let [panic] = panics.as_slice() else { panic!("{panics:?}") };
        assert!(panic.recovered && !panic.goexit);
        let first = program.memory.read_word(panic.arg).unwrap();
        let found = program.runtime.type_of_interface(&program.memory, Addr(first), true);
        assert_eq!(found.unwrap().name, "runtime.errorString");
    }
}
