//! The headers and notes of ELF files whose every word may be a lie: core files, and the
//! files that are mapped in them.
//!
//! Formats: `elf.h`; the layout of core files, `fs/binfmt_elf.c` of Linux.

/// `ET_EXEC`, `ET_DYN` and `ET_CORE`.
pub(in crate::engine::inferior) const EXECUTABLE: u16 = 2;
pub(in crate::engine::inferior) const SHARED: u16 = 3;
pub(in crate::engine::inferior) const CORE: u16 = 4;

pub(in crate::engine::inferior) const PT_LOAD: u32 = 1;
pub(in crate::engine::inferior) const PT_NOTE: u32 = 4;

const EM_X86_64: u16 = 62;
const HEADER_LEN: usize = 64;
const NOTE_HEADER_LEN: usize = 12;
pub(in crate::engine::inferior) const SEGMENT_LEN: usize = 56;
/// So many program headers or more: the number is in the first section header.
const PN_XNUM: u16 = 0xffff;

/// Program headers that are read; the kernel maps at most 65,530 pieces unless it is told
/// otherwise (`vm.max_map_count`).
const SEGMENTS_MAX: usize = 1 << 20;

/// What the headers of an ELF file for amd64 say.
#[derive(Debug)]
pub(in crate::engine::inferior) struct Elf<'a> {
    pub(in crate::engine::inferior) bytes: &'a [u8],
    pub(in crate::engine::inferior) kind: u16,
    pub(in crate::engine::inferior) entry: u64,
    pub(in crate::engine::inferior) segments: Vec<Segment>,
    /// Where the program headers end, if not all of them are in the file.
    pub(in crate::engine::inferior) headers_cut: bool,
}

/// A program header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine::inferior) struct Segment {
    pub(in crate::engine::inferior) kind: u32,
    pub(in crate::engine::inferior) offset: u64,
    pub(in crate::engine::inferior) addr: u64,
    pub(in crate::engine::inferior) file_len: u64,
    pub(in crate::engine::inferior) memory_len: u64,
}

/// Why a file cannot be read as an ELF file for amd64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine::inferior) enum NotElf {
    /// It is something else altogether.
    Foreign,
    /// The file ends within its first header.
    Cut,
    /// Not 64 bits, or not little-endian, or of this machine.
    Machine(u16),
}

impl<'a> Elf<'a> {
    pub(in crate::engine::inferior) fn parse(bytes: &'a [u8]) -> Result<Elf<'a>, NotElf> {
        if !bytes.starts_with(b"\x7fELF") {
            return Err(NotElf::Foreign);
        }
        let header = bytes.get(..HEADER_LEN).ok_or(NotElf::Cut)?;
        let machine = half(header, 18).ok_or(NotElf::Cut)?;
        if header[4..6] != [2, 1] || machine != EM_X86_64 {
            return Err(NotElf::Machine(machine));
        }
        let mut elf = Elf {
            bytes,
            kind: half(header, 16).unwrap_or(0),
            entry: long(header, 24).unwrap_or(0),
            segments: Vec::new(),
            headers_cut: false,
        };
        elf.read_segments();
        Ok(elf)
    }

    fn read_segments(&mut self) {
        let n_stated = match half(self.bytes, 56) {
            Some(PN_XNUM) => {
                let first = long(self.bytes, 40).and_then(|at| usize::try_from(at).ok());
                let at = first.and_then(|at| at.checked_add(44));
                at.and_then(|at| word(self.bytes, at)).unwrap_or(0) as usize
            }
            n => n.unwrap_or(0).into(),
        };
        let start = long(self.bytes, 32).and_then(|at| usize::try_from(at).ok());
        let table = start.and_then(|at| self.bytes.get(at..)).unwrap_or_default();
        let entries = table.chunks_exact(SEGMENT_LEN);
        let n_read = n_stated.min(SEGMENTS_MAX).min(entries.len());
        self.headers_cut = n_read < n_stated;
        self.segments = entries.take(n_read).filter_map(Segment::parse).collect();
    }

    /// The part of a segment that is in the file.
    pub(in crate::engine::inferior) fn contents(&self, segment: &Segment) -> &'a [u8] {
        let (start, end) = segment.file_range(self.bytes.len());
        self.bytes.get(start..end).unwrap_or_default()
    }

    pub(in crate::engine::inferior) fn segments(
        &self,
        kind: u32,
    ) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(move |it| it.kind == kind)
    }

    /// Whether a segment goes on behind the end of the file.
    pub(in crate::engine::inferior) fn is_cut(&self, segment: &Segment) -> bool {
        let end = segment.offset.checked_add(segment.file_len);
        segment.file_len > 0 && end.is_none_or(|end| end > self.bytes.len() as u64)
    }
}

impl Segment {
    fn parse(entry: &[u8]) -> Option<Segment> {
        Some(Segment {
            kind: word(entry, 0)?,
            offset: long(entry, 8)?,
            addr: long(entry, 16)?,
            file_len: long(entry, 32)?,
            memory_len: long(entry, 40)?,
        })
    }

    /// Where its bytes are in a file of this length.
    pub(in crate::engine::inferior) fn file_range(
        &self,
        file_len: usize,
    ) -> (usize, usize) {
        let file_len = file_len as u64;
        let start = self.offset.min(file_len);
        let end = self.offset.saturating_add(self.file_len).min(file_len);
        (start as usize, end.max(start) as usize)
    }
}

/// A note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine::inferior) struct Note<'a> {
    pub(in crate::engine::inferior) owner: &'a [u8],
    pub(in crate::engine::inferior) kind: u32,
    pub(in crate::engine::inferior) bytes: &'a [u8],
}

/// The notes of a segment, up to one that is not all there.
pub(in crate::engine::inferior) struct Notes<'a> {
    rest: &'a [u8],
    /// A note was not all there.
    pub(in crate::engine::inferior) is_damaged: bool,
}

impl<'a> Notes<'a> {
    pub(in crate::engine::inferior) fn new(segment: &'a [u8]) -> Notes<'a> {
        Notes { rest: segment, is_damaged: false }
    }

    fn take(&mut self) -> Option<Note<'a>> {
        let owner_len = word(self.rest, 0)? as usize;
        let len = word(self.rest, 4)? as usize;
        let kind = word(self.rest, 8)?;
        let owner = self.rest.get(NOTE_HEADER_LEN..)?.get(..owner_len)?;
        let start = NOTE_HEADER_LEN + owner_len.next_multiple_of(4);
        let bytes = self.rest.get(start..)?.get(..len)?;
        let end = start + len.next_multiple_of(4);
        self.rest = self.rest.get(end..).unwrap_or_default();
        let owner = owner.strip_suffix(b"\0").unwrap_or(owner);
        Some(Note { owner, kind, bytes })
    }
}

impl<'a> Iterator for Notes<'a> {
    type Item = Note<'a>;

    fn next(&mut self) -> Option<Note<'a>> {
        // The end may be padded, to less than a header or more.
        let head = &self.rest[..self.rest.len().min(NOTE_HEADER_LEN)];
        if head.iter().all(|it| *it == 0) {
            return None;
        }
        let note = self.take();
        if note.is_none() {
            self.is_damaged = true;
            self.rest = &[];
        }
        note
    }
}

pub(in crate::engine::inferior) fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(in crate::engine::inferior) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(in crate::engine::inferior) fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
