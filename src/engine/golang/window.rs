//! Reading a stack word by word, and its memory page by page.

use crate::engine::addr::Addr;
use crate::engine::memory::{Fault, Memory};

/// A page on amd64. One that begins in mapped memory ends in it.
const PAGE: usize = 4096;

/// Remembers the page that was read last.
pub(super) struct Window<'a> {
    mem: &'a dyn Memory,
    page: Option<u64>,
    bytes: Box<[u8; PAGE]>,
}

impl<'a> Window<'a> {
    pub fn new(mem: &'a dyn Memory) -> Window<'a> {
        Window { mem, page: None, bytes: Box::new([0; PAGE]) }
    }

    pub fn memory(&self) -> &'a dyn Memory {
        self.mem
    }

    pub fn word(&mut self, at: Addr) -> Result<u64, Fault> {
        let page = at.0 - at.0 % PAGE as u64;
        let offset = (at.0 - page) as usize;
        if offset > PAGE - 8 {
            return self.mem.read_word(at);
        }
        if self.page != Some(page) {
            self.page = None;
            if self.mem.read(Addr(page), &mut self.bytes[..]).is_err() {
                return self.mem.read_word(at);
            }
            self.page = Some(page);
        }
        let word = self.bytes[offset..].first_chunk().copied().unwrap_or_default();
        Ok(u64::from_le_bytes(word))
    }

    pub fn addr(&mut self, at: Addr) -> Result<Addr, Fault> {
        self.word(at).map(Addr)
    }
}
