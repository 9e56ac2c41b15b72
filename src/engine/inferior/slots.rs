//! Executing the instruction of a site somewhere else.
//!
//! An instruction that is not emulated is copied to a *slot*: a few bytes of an
//! executable page mapped near the text, followed by a jump back behind the site. A
//! thread that leaves the site is put into the slot and needs no further attention; the
//! `int3` stays in place for everybody else. Instructions that depend on where they are
//! are rewritten for their new place, or refused.

use crate::engine::inferior::live::Live;
use crate::engine::inferior::site::Code;
use crate::engine::os::process::{self, Mapping};
use crate::engine::os::ptrace::Tid;
use iced_x86::{
    BlockEncoder, BlockEncoderOptions, FlowControl, Instruction, InstructionBlock,
    Mnemonic,
};
use rustc_hash::FxHashMap;

/// The size of a slot: an instruction (at most 15 bytes, a few more if it has to be
/// rewritten) and a jump of 14.
const SLOT_LEN: u64 = 64;

/// One page at a time.
const PAGE_LEN: u64 = 4096;

/// Pages that are mapped at most; sites beyond what they hold are left the slow way.
const PAGES_MAX: usize = 64;

/// How far a page may be from the text, so that what is relative to the PC stays in reach
/// of 32 bits, with room for the text and data of a large program.
const REACH: u64 = 0x6000_0000;

/// How far below the lowest mapping a page is tried first.
const GAP: u64 = 0x1_0000;

/// The lowest address to be tried; the kernel reserves the first pages
/// (`vm.mmap_min_addr`).
const LOWEST: u64 = 0x1_0000;

#[derive(Clone, Copy, Debug)]
struct Slot {
    addr: u64,
    /// The length of the instruction as it is in the program.
    original_len: u64,
}

/// The slots of a process.
#[derive(Debug, Default)]
pub(super) struct Slots {
    pages: Vec<u64>,
    /// How many slots have been taken, over all pages.
    n_taken: u64,
    by_site: FxHashMap<u64, Slot>,
    /// Whether no page can be had.
    refused: bool,
}

impl Slots {
    /// What being at `pc` means for a thread that was put into the slot of `site`: the
    /// site itself, what is behind it, or nothing, as it has left the slot.
    pub(super) fn meaning(&self, site: u64, pc: u64) -> Option<u64> {
        let slot = self.by_site.get(&site)?;
        match pc.checked_sub(slot.addr)? {
            0 => Some(site),
            it if it < SLOT_LEN => Some(site.wrapping_add(slot.original_len)),
            _ => None,
        }
    }

    /// Forgets the copy of an instruction that has changed. Its slot is not used again,
    /// as a thread may be in it.
    pub(super) fn forget(&mut self, site: u64) {
        self.by_site.remove(&site);
    }

    pub(super) fn addr(&self, site: u64) -> Option<u64> {
        self.by_site.get(&site).map(|it| it.addr)
    }

    pub(super) fn pages(&self) -> &[u64] {
        &self.pages
    }
}

impl Live {
    /// The slot of `site`, made if there is none yet. `tid` is stopped, and makes the
    /// system call if a page has to be mapped.
    pub(super) fn slot(&mut self, tid: Tid, site: u64, code: &Code) -> Option<u64> {
        if let Some(slot) = self.slots.by_site.get(&site) {
            return Some(slot.addr);
        }
        if !can_move(&code.instruction) {
            return None;
        }
        let addr = self.free_slot(tid, site)?;
        let bytes = displaced(&code.instruction, addr)?;
        self.memory.write_raw(addr, &bytes).ok()?;
        let original_len = code.instruction.len() as u64;
        self.slots.by_site.insert(site, Slot { addr, original_len });
        self.slots.n_taken += 1;
        Some(addr)
    }

    fn free_slot(&mut self, tid: Tid, site: u64) -> Option<u64> {
        let per_page = PAGE_LEN / SLOT_LEN;
        let page = (self.slots.n_taken / per_page) as usize;
        if page == self.slots.pages.len() {
            if self.slots.refused || page >= PAGES_MAX {
                return None;
            }
            let mapped = self.map_page_near(tid, site);
            self.slots.refused = mapped.is_none();
            self.slots.pages.push(mapped?);
        }
        let base = self.slots.pages.get(page)?;
        Some(base + self.slots.n_taken % per_page * SLOT_LEN)
    }

    fn map_page_near(&mut self, tid: Tid, site: u64) -> Option<u64> {
        let mappings = process::mappings(self.pid).ok()?;
        places_near(&mappings, site).into_iter().find(|it| self.map_page(tid, *it))
    }
}

/// Where a page could go, best first: in the gap below what holds `site`, then in any.
fn places_near(mappings: &[Mapping], site: u64) -> Vec<u64> {
    let mut places = Vec::new();
    let mut gap_start = LOWEST;
    for mapping in mappings {
        let gap_end = mapping.start;
        // At the upper end of the gap, but not where a stack may grow or a heap begins.
        if let Some(room) = gap_end.checked_sub(gap_start)
            && room >= 2 * GAP
        {
            places.push((gap_end - GAP) & !(PAGE_LEN - 1));
            places.push(gap_start.saturating_add(GAP) & !(PAGE_LEN - 1));
        }
        gap_start = gap_start.max(mapping.end);
    }
    places.retain(|it| it.abs_diff(site) < REACH);
    places.sort_by_key(|it| (*it > site, it.abs_diff(site)));
    places.truncate(8);
    places
}

/// Whether an instruction does the same in a slot as where it is.
fn can_move(instruction: &Instruction) -> bool {
    match instruction.mnemonic() {
        Mnemonic::Syscall => true,
        _ => instruction.flow_control() == FlowControl::Next,
    }
}

/// The bytes of `instruction` for `addr`, followed by a jump behind the original.
fn displaced(instruction: &Instruction, addr: u64) -> Option<Vec<u8>> {
    let block = InstructionBlock::new(std::slice::from_ref(instruction), addr);
    let encoded = BlockEncoder::encode(64, block, BlockEncoderOptions::NONE).ok()?;
    let mut bytes = encoded.code_buffer;
    // jmp [rip+0], and the address.
    bytes.extend([0xff, 0x25, 0, 0, 0, 0]);
    bytes.extend(instruction.next_ip().to_le_bytes());
    (bytes.len() as u64 <= SLOT_LEN).then_some(bytes)
}

#[cfg(test)]
impl Live {
    /// Has every site left in one of the other ways.
    pub(super) fn refuse_slots(&mut self) {
        self.slots.refused = true;
    }
}
