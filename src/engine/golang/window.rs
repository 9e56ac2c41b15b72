//! Reading a stack word by word, and its memory page by page.

use crate::engine::addr::Addr;
use crate::engine::memory::{Fault, Memory};

/// A page on amd64. One that begins in mapped memory ends in it.
const PAGE: usize = 4096;
/// What is read at once when a walk has come to the end of a page: it is a long one.
const STRIDE: usize = 8 * PAGE;

/// Remembers what was read last: a page, or some that follow each other.
pub(super) struct Window<'a> {
    mem: &'a dyn Memory,
    start: u64,
    /// Whole pages; none before the first read, and after one that failed.
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    pub fn new(mem: &'a dyn Memory) -> Window<'a> {
        Window { mem, start: 0, bytes: Vec::new() }
    }

    pub fn memory(&self) -> &'a dyn Memory {
        self.mem
    }

    pub fn word(&mut self, at: Addr) -> Result<u64, Fault> {
        let page = at.0 - at.0 % PAGE as u64;
        if (at.0 - page) as usize > PAGE - 8 {
            return self.mem.read_word(at);
        }
        let held = self.start..self.start + self.bytes.len() as u64;
        if !held.contains(&at.0) {
            let goes_on = !held.is_empty() && page == held.end;
            let is_held = goes_on && self.fill(page, STRIDE) || self.fill(page, PAGE);
            if !is_held {
                return self.mem.read_word(at);
            }
        }
        let offset = (at.0 - self.start) as usize;
        let word = self.bytes[offset..].first_chunk().copied().unwrap_or_default();
        Ok(u64::from_le_bytes(word))
    }

    fn fill(&mut self, page: u64, len: usize) -> bool {
        self.bytes.resize(len, 0);
        self.start = page;
        let is_read = self.mem.read(Addr(page), &mut self.bytes).is_ok();
        if !is_read {
            self.bytes.clear();
        }
        is_read
    }

    pub fn addr(&mut self, at: Addr) -> Result<Addr, Fault> {
        self.word(at).map(Addr)
    }
}
