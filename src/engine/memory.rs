//! Reading the inferior's memory, wherever its bytes come from.

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
