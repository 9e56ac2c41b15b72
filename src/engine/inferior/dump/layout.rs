//! What stands where in a core file: header, program headers, notes, and the memory, page
//! by page as it is mapped.

use crate::engine::inferior::core::elf::{CORE, PT_LOAD, PT_NOTE, SEGMENT_LEN};
use crate::engine::inferior::dump::plan::Part;
use crate::engine::os::process::PAGE_LEN;

const HEADER_LEN: u64 = 64;
const SECTION_LEN: u64 = 64;
/// With so many program headers or more, their number is in a section header.
const PN_XNUM: usize = 0xffff;

const EM_X86_64: u16 = 62;
const PF_R: u32 = 4;

pub(super) struct Layout {
    pub(super) parts: Vec<Part>,
    pub(super) notes: Vec<u8>,
    pub(super) notes_at: u64,
    pub(super) file_len: u64,
}

impl Layout {
    /// Gives each part its place.
    pub(super) fn new(mut parts: Vec<Part>, notes: Vec<u8>) -> Layout {
        let n_headers = parts.len() + 1;
        let sections = if n_headers >= PN_XNUM { SECTION_LEN } else { 0 };
        let notes_at = HEADER_LEN + (n_headers * SEGMENT_LEN) as u64 + sections;
        let mut at = (notes_at + notes.len() as u64).next_multiple_of(PAGE_LEN);
        for part in &mut parts {
            part.file_offset = at;
            at += part.file_len;
        }
        Layout { parts, notes, notes_at, file_len: at }
    }

    /// Everything before the notes.
    pub(super) fn headers(&self) -> Vec<u8> {
        let n_headers = self.parts.len() + 1;
        let is_many = n_headers >= PN_XNUM;
        let end_of_table = HEADER_LEN + (n_headers * SEGMENT_LEN) as u64;
        let mut out = Writer(b"\x7fELF\x02\x01\x01".to_vec());
        out.0.resize(16, 0);
        out.half(CORE);
        out.half(EM_X86_64);
        out.word(1);
        out.long(0);
        out.long(HEADER_LEN);
        out.long(if is_many { end_of_table } else { 0 });
        out.word(0);
        out.half(HEADER_LEN as u16);
        out.half(SEGMENT_LEN as u16);
        out.half(n_headers.min(PN_XNUM) as u16);
        out.half(if is_many { SECTION_LEN as u16 } else { 0 });
        out.half(u16::from(is_many));
        out.half(0);
        let notes_len = self.notes.len() as u64;
        out.segment(PT_NOTE, PF_R, self.notes_at, (0, notes_len, 0), 4);
        for part in &self.parts {
            let lens = (part.start, part.file_len, part.end - part.start);
            out.segment(PT_LOAD, part.flags, part.file_offset, lens, PAGE_LEN);
        }
        if is_many {
            // A section of no type, whose `sh_info` is the number of program headers.
            out.0.resize(out.0.len() + 44, 0);
            out.word(n_headers as u32);
            out.long(0);
            out.long(0);
        }
        out.0
    }
}

/// Little-endian fields, one after the other.
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn half(&mut self, value: u16) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn word(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn long(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }

    /// `memory` is address, length in the file, length in memory.
    fn segment(
        &mut self,
        kind: u32,
        flags: u32,
        offset: u64,
        memory: (u64, u64, u64),
        align: u64,
    ) {
        let (addr, file_len, memory_len) = memory;
        self.word(kind);
        self.word(flags);
        for field in [offset, addr, 0, file_len, memory_len, align] {
            self.long(field);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::inferior::core::elf::Elf;

    #[test]
    fn headers_are_read_as_they_were_written_however_many() {
        for n_parts in [0, 3, 0xffff - 2, 0xffff - 1, 70_000] {
            let part = |n: u64| Part {
                start: n * 0x2000,
                end: n * 0x2000 + 0x1000,
                flags: PF_R,
                file_len: 0,
                ..Part::default()
            };
            let parts: Vec<Part> = (0..n_parts).map(part).collect();
            let layout = Layout::new(parts, vec![1; 20]);
            let mut file = layout.headers();
            assert_eq!(file.len() as u64, layout.notes_at, "{n_parts}");
            file.extend(&layout.notes);
            let elf = Elf::parse(&file).unwrap();
            assert!(!elf.headers_cut);
            assert_eq!(elf.kind, CORE);
            assert_eq!(elf.segments(PT_LOAD).count() as u64, n_parts);
            let notes = elf.segments(PT_NOTE).next().unwrap();
            assert_eq!(elf.contents(notes), [1; 20]);
        }
    }
}
