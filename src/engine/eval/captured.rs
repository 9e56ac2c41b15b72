//! What is in a closure: which variables, where, and as values or by reference?
//!
//! DWARF calls a variable `&x`, and says that it is a pointer, if the closure's code gets
//! at it by its address. That is so if it was captured by reference: the closure has the
//! address. It is also so if it was captured by value, but no register can hold it (an
//! array, a struct of many fields): the closure has the value itself (`buildssa` in
//! `$GOROOT/src/cmd/compile/internal/ssagen/ssa.go`).

use std::sync::Arc;

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};

use crate::engine::addr::{Addr, FileAddr};
use crate::engine::binary::{Binary, FunctionId, TypeId};
use crate::engine::eval::load::Cx;

/// A variable in the closure object that captured it.
pub(crate) struct CapturedVariable {
    pub name: Arc<str>,
    pub ty: TypeId,
    /// From the start of the closure object.
    pub offset: u64,
    /// Captured by reference.
    pub escaped: bool,
}

/// What is larger is always captured by reference (`CaptureVars` of cmd/compile).
const BY_VALUE_MAX: u64 = 128;

/// Machine code of a closure that is looked at, in bytes.
const CODE_MAX: usize = 1024;

impl Cx<'_> {
    /// The variables in a closure whose code starts at `entry`, in the order in which the
    /// file describes them.
    pub fn captured_by(&self, entry: Addr) -> Arc<[CapturedVariable]> {
        if let Some(known) = self.captures.borrow().get(&entry) {
            return known.clone();
        }
        let found: Arc<[CapturedVariable]> = self.find_captured(entry).into();
        self.captures.borrow_mut().insert(entry, found.clone());
        found
    }

    fn find_captured(&self, entry: Addr) -> Vec<CapturedVariable> {
        let binary = self.types.binary;
        let Some(id) = binary.function_at(self.bias.stated(entry)) else {
            return Vec::new();
        };
        let pc = binary.prologue_end(id);
        let Ok(scope) = binary.scope_at(pc, physical_depth(binary, pc)) else {
            return Vec::new();
        };
        let mut all = scope.variables;
        all.extend(scope.hidden);
        all.sort_by_key(|it| it.nth);
        let mut offsets: Vec<u64> =
            all.iter().filter_map(|it| it.closure_offset).collect();
        offsets.sort_unstable();
        let captured = all.into_iter().filter_map(|it| {
            let offset = it.closure_offset?;
            let next = offsets.get(offsets.partition_point(|it| *it <= offset)).copied();
            let target =
                if it.escaped { self.types.elem_of(&self.types.of(it.ty)) } else { None };
            let value = target.filter(|target| {
                let place = Place { offset, size: target.size(), next };
                place.holds_value(|| code_of(binary, id))
            });
            Some(CapturedVariable {
                offset,
                name: it.name,
                escaped: it.escaped && value.is_none(),
                ty: value.and_then(|it| it.id()).unwrap_or(it.ty),
            })
        });
        captured.collect()
    }
}

/// The index into `inline_stack(pc)` of the physical function.
fn physical_depth(binary: &Binary, pc: FileAddr) -> usize {
    binary.inline_stack(pc).len().saturating_sub(1)
}

fn code_of(binary: &Binary, id: FunctionId) -> &[u8] {
    let of = binary.function(id);
    let len = of.end.0.saturating_sub(of.entry.0) as usize;
    binary.loadable_bytes(of.entry, len.min(CODE_MAX)).unwrap_or_default()
}

/// Where a closure has a variable that its code gets at by address.
struct Place {
    offset: u64,
    /// Of the variable.
    size: u64,
    /// Where the next variable is that is described. Some that could be captured are not.
    next: Option<u64>,
}

impl Place {
    /// Whether the variable itself is there, and not its address.
    fn holds_value<'c>(&self, code: impl FnOnce() -> &'c [u8]) -> bool {
        const POINTER: u64 = 8;
        let room = self.next.map(|it| it - self.offset);
        match (self.size, room) {
            (0, _) => false,
            (size, _) if size > BY_VALUE_MAX => false,
            (_, Some(room)) if room < POINTER => true,
            (size, Some(room)) if room < size => false,
            // Up to the alignment of the next one.
            (size, Some(room)) if size > POINTER && room < size + POINTER => true,
            _ => self.is_value_in(code()),
        }
    }

    /// Whether the closure's code takes the address of this place, or reads of it what is
    /// behind its first word. The closure object is at RDX when the code begins.
    fn is_value_in(&self, code: &[u8]) -> bool {
        let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
        let mut instruction = Instruction::default();
        while decoder.can_decode() {
            decoder.decode_out(&mut instruction);
            let has_memory = (0..instruction.op_count())
                .any(|it| instruction.op_kind(it) == OpKind::Memory);
            if has_memory && instruction.memory_base() == Register::RDX {
                let at = instruction.memory_displacement64().wrapping_sub(self.offset);
                let takes_address = instruction.mnemonic() == Mnemonic::Lea && at == 0;
                if takes_address || (8..self.size).contains(&at) {
                    return true;
                }
            }
            let changes = instruction.op0_kind() == OpKind::Register
                && instruction.op0_register().full_register() == Register::RDX;
            if changes
                || instruction.is_call_near()
                || instruction.is_call_near_indirect()
            {
                return false;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_in_a_closure_is_told_from_an_address() {
        /// `lea rax, [rdx+8]`, and `mov rax, [rdx+8]`.
        const TAKES: &[u8] = &[0x48, 0x8d, 0x42, 0x08];
        const READS: &[u8] = &[0x48, 0x8b, 0x42, 0x08];
        /// `add rsi, [rdx+0x18]`, and the same behind `mov rdx, [rdx+8]`.
        const READS_INSIDE: &[u8] = &[0x48, 0x03, 0x72, 0x18];
        const READS_BEHIND: &[u8] = &[0x48, 0x8b, 0x52, 0x08, 0x48, 0x03, 0x72, 0x18];
        let cases: &[(u64, Option<u64>, &[u8], bool)] = &[
            (32, Some(40), &[], true),
            (32, Some(16), TAKES, false),
            (32, Some(56), READS, false),
            (32, Some(56), TAKES, true),
            (320, None, TAKES, false),
            (2, Some(10), READS, true),
            (8, Some(16), TAKES, true),
            (8, Some(16), READS, false),
            (32, None, TAKES, true),
            (32, None, READS, false),
            (32, None, READS_INSIDE, true),
            (32, None, READS_BEHIND, false),
            (0, None, TAKES, false),
        ];
        for (size, next, code, expected) in cases {
            let place = Place { offset: 8, size: *size, next: *next };
            assert_eq!(
                place.holds_value(|| code),
                *expected,
                "{size} {next:?} {code:x?}"
            );
        }
    }
}
