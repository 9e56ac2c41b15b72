//! Reading the inferior's memory, wherever its bytes come from.

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use crate::engine::addr::Addr;

/// The memory of an inferior: of a live process, of a core file, or of a test.
///
/// This trait is what lets the unwinder, the loader of Go values and the evaluator be
/// tested, and fuzzed, without a process. Implementations never show an `int3` of ours.
pub trait Memory {
    /// Fills `buf` with the bytes at `addr`, all of them or none.
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), Fault>;

    /// Reads many places at once; each says for itself whether it could be read. A live
    /// process answers with a few system calls where `read` would take one for each.
    fn read_many(&self, parts: &mut [ReadPart<'_>]) {
        for part in parts {
            part.ok = self.read(part.addr, part.buf).is_ok();
        }
    }

    /// Reads a little-endian word, the size of a Go `uintptr` on amd64.
    fn read_word(&self, addr: Addr) -> Result<u64, Fault> {
        let mut word = [0; 8];
        self.read(addr, &mut word)?;
        Ok(u64::from_le_bytes(word))
    }

    /// Reads `len` bytes. `len` is the caller's to bound: it is allocated as it stands.
    fn read_bytes(&self, addr: Addr, len: usize) -> Result<Vec<u8>, Fault> {
        let mut bytes = vec![0; len];
        self.read(addr, &mut bytes)?;
        Ok(bytes)
    }
}

/// One of the places that [`Memory::read_many`] reads.
pub struct ReadPart<'a> {
    pub addr: Addr,
    pub buf: &'a mut [u8],
    /// Whether `buf` holds the bytes at `addr`; set by the read.
    pub ok: bool,
}

/// Some of the `len` bytes at `addr` cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unreadable memory: {len} bytes at {addr}")]
pub struct Fault {
    pub addr: Addr,
    pub len: usize,
}

/// Memory made of given ranges, for tests and for values that live in registers.
#[derive(Clone, Debug, Default)]
pub struct FixedMemory {
    ranges: Vec<(Addr, Vec<u8>)>,
}

impl FixedMemory {
    pub fn new() -> FixedMemory {
        FixedMemory::default()
    }

    /// Adds `bytes` at `addr`; a later range hides an earlier one.
    pub fn with(mut self, addr: Addr, bytes: impl Into<Vec<u8>>) -> FixedMemory {
        self.ranges.push((addr, bytes.into()));
        self
    }
}

impl Memory for FixedMemory {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), Fault> {
        let fault = Fault { addr, len: buf.len() };
        for (start, bytes) in self.ranges.iter().rev() {
            let Some(offset) = addr.0.checked_sub(start.0) else { continue };
            let Ok(offset) = usize::try_from(offset) else { continue };
            let Some(end) = offset.checked_add(buf.len()) else { continue };
            if let Some(found) = bytes.get(offset..end) {
                buf.copy_from_slice(found);
                return Ok(());
            }
        }
        Err(fault)
    }
}

/// Memory of a stopped inferior that is read a page at a time: for many small reads that
/// lie close together.
pub struct Pages<'a> {
    memory: &'a dyn Memory,
    pages: RefCell<FxHashMap<u64, Option<Box<[u8]>>>>,
}

/// Several of the kernel's pages: one call for four costs little more than for one.
const PAGE_LEN: u64 = 16384;
/// Pages that are kept; with more, all are read anew.
const PAGES_MAX: usize = 1 << 12;

impl<'a> Pages<'a> {
    pub fn new(memory: &'a dyn Memory) -> Pages<'a> {
        Pages { memory, pages: RefCell::default() }
    }

    fn read_in_page(&self, addr: Addr, buf: &mut [u8]) -> Option<()> {
        let mut pages = self.pages.borrow_mut();
        if pages.len() > PAGES_MAX {
            pages.clear();
        }
        let start = addr.0 - addr.0 % PAGE_LEN;
        let page = pages.entry(start).or_insert_with(|| {
            self.memory.read_bytes(Addr(start), PAGE_LEN as usize).ok().map(Into::into)
        });
        let offset = (addr.0 % PAGE_LEN) as usize;
        buf.copy_from_slice(page.as_ref()?.get(offset..offset + buf.len())?);
        Some(())
    }
}

impl Memory for Pages<'_> {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), Fault> {
        // What crosses into another page, or is in none as a whole, is read as it stands.
        let is_inside = addr.0 % PAGE_LEN + buf.len() as u64 <= PAGE_LEN;
        if is_inside && self.read_in_page(addr, buf).is_some() {
            return Ok(());
        }
        self.memory.read(addr, buf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_say_what_the_memory_says() {
        let bytes: Vec<u8> =
            (0..3 * PAGE_LEN).map(|it| it as u8 ^ (it >> 8) as u8).collect();
        // The last page is not all there.
        let memory = FixedMemory::new().with(Addr(0x4000), &bytes[..40_000]);
        let pages = Pages::new(&memory);
        for (addr, len) in
            [(0x4000, 8), (0x7ff8, 8), (0x7ffc, 8), (0xc000, 8), (0xdc38, 8)]
        {
            let (addr, len) = (Addr(addr), len);
            assert_eq!(
                pages.read_bytes(addr, len),
                memory.read_bytes(addr, len),
                "{addr}"
            );
        }
        assert!(pages.read_word(Addr(0xdc3c)).is_err());
    }
}
