//! Where in the file is what? Sections, segments, build ids, symbols, relocations.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use object::LittleEndian;
use object::elf;
use object::read::elf::FileHeader as _;
use object::read::elf::ProgramHeader as _;
use object::read::elf::SectionHeader as _;
use object::read::elf::Sym as _;

use crate::engine::addr::FileAddr;
use crate::engine::error::Error;
use crate::engine::error::Result;
use crate::engine::os::map::FileMap;

type Header = elf::FileHeader64<LittleEndian>;
const LE: LittleEndian = LittleEndian;

/// A name in a string table that is longer than this is damage.
const NAME_LEN_MAX: usize = 1 << 16;

/// A mapped ELF file for amd64 and the whereabouts of its parts.
#[derive(Debug)]
pub struct ElfFile {
    pub map: FileMap,
    /// For reading what should not stay in memory, as compressed sections.
    pub file: File,
    pub entry: FileAddr,
    pub is_pie: bool,
    pub sections: Vec<SectionInfo>,
    segments: Vec<Segment>,
    /// What is wrong with the file, though its first header is whole.
    pub damage: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct SectionInfo {
    pub name: String,
    /// 0 for sections that are not loaded.
    pub addr: u64,
    /// Where in the file; empty for `.bss`.
    pub file_range: Range<usize>,
    pub kind: u32,
    /// The section whose strings or symbols this one uses.
    pub link: usize,
    pub compressed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    addr: u64,
    offset: u64,
    file_size: u64,
}

impl ElfFile {
    pub fn open(path: &Path) -> Result<ElfFile> {
        let bad = |problem: &str| Error::BadBinary {
            path: path.display().to_string(),
            problem: problem.to_string(),
        };
        let os = |source| Error::os(format!("could not open {}", path.display()), source);
        let file = File::open(path).map_err(os)?;
        if !file.metadata().map_err(os)?.is_file() {
            return Err(bad("not a regular file"));
        }
        let map =
            FileMap::map(&file).map_err(|_| bad("not an executable: empty file"))?;
        let (entry, is_pie, sections, segments) = parse_headers(&map).map_err(bad)?;
        let damage = damage(&map, &sections, &segments);
        Ok(ElfFile { map, file, entry, is_pie, sections, segments, damage })
    }

    pub fn section(&self, name: &str) -> Option<&SectionInfo> {
        self.sections.iter().find(|it| it.name == name)
    }

    /// The bytes of a section as they are in the file.
    pub fn section_bytes(&self, section: &SectionInfo) -> &[u8] {
        self.map.get(section.file_range.clone()).unwrap_or_default()
    }

    pub fn bytes_of(&self, name: &str) -> &[u8] {
        self.section(name).map_or(&[], |it| self.section_bytes(it))
    }

    /// The section that contains `addr` when the program is loaded.
    pub fn section_at(&self, addr: u64) -> Option<&SectionInfo> {
        self.sections.iter().find(|it| {
            it.addr != 0
                && addr >= it.addr
                && addr - it.addr < it.file_range.len().max(1) as u64
        })
    }

    pub fn bytes_at(&self, at: FileAddr, len: usize) -> Option<&[u8]> {
        self.bytes_from(at)?.get(..len)
    }

    /// The bytes from `at` to the end of what the file says of its segment.
    pub fn bytes_from(&self, at: FileAddr) -> Option<&[u8]> {
        let segment = self.segments.iter().find(|it| {
            at.0.checked_sub(it.addr).is_some_and(|offset| offset < it.file_size)
        })?;
        let start = segment.offset.checked_add(at.0 - segment.addr)?;
        let end = segment.offset.checked_add(segment.file_size)?;
        let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
        self.map.get(start..end.min(self.map.len()))
    }

    /// The word at an address, as it will be in memory less the load bias: in a
    /// position-independent executable the file has the words that are addresses only in
    /// its relocations (`R_X86_64_RELATIVE`).
    pub fn word_at(&self, at: FileAddr) -> Option<u64> {
        if self.is_pie
            && let Some(addend) = self
                .relative_relocations()
                .find_map(|(offset, addend)| (offset == at.0).then_some(addend))
        {
            return Some(addend);
        }
        let bytes = self.bytes_at(at, 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    /// Address and value of the words that are addresses.
    pub fn relative_relocations(&self) -> impl Iterator<Item = (u64, u64)> {
        const ENTRY_LEN: usize = 24;
        self.sections
            .iter()
            .filter(|it| it.kind == elf::SHT_RELA.0)
            .flat_map(|it| self.section_bytes(it).chunks_exact(ENTRY_LEN))
            .filter_map(|entry| {
                let word = |at: usize| {
                    entry.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
                };
                let relative = u64::from(elf::R_X86_64_RELATIVE.0);
                (word(8)? == relative).then_some((word(0)?, word(16)?))
            })
    }

    /// The build id of the GNU note in hexadecimal, else the text of Go's, else nothing.
    pub fn build_id(&self) -> String {
        if let Some(id) = note(self.bytes_of(".note.gnu.build-id"), b"GNU\0", 3) {
            return id.iter().map(|byte| format!("{byte:02x}")).collect();
        }
        let id =
            note(self.bytes_of(".note.go.buildid"), b"Go\0\0", 4).unwrap_or_default();
        String::from_utf8_lossy(id).into_owned()
    }

    /// The symbols of `.symtab`.
    pub fn symbols(&self) -> Symbols<'_> {
        self.symbols_of(".symtab")
    }

    /// The symbols of a table: `.dynsym` has those that a library offers.
    pub fn symbols_of(&self, section: &str) -> Symbols<'_> {
        let parse = || {
            let table = self.section(section)?;
            let strings = self.section_bytes(self.sections.get(table.link)?);
            let bytes = self.section_bytes(table);
            let entries = bytes.len() / size_of::<elf::Sym64<LittleEndian>>();
            let (entries, _) = object::pod::slice_from_bytes(bytes, entries).ok()?;
            Some(Symbols { entries, strings })
        };
        parse().unwrap_or(Symbols { entries: &[], strings: &[] })
    }
}

/// The symbol table of a file.
#[derive(Clone, Copy)]
pub struct Symbols<'a> {
    entries: &'a [elf::Sym64<LittleEndian>],
    strings: &'a [u8],
}

impl<'a> Symbols<'a> {
    pub fn indexes(&self) -> std::ops::Range<usize> {
        0..self.entries.len()
    }

    pub fn name(&self, index: usize) -> Option<&'a [u8]> {
        let start = self.entries.get(index)?.st_name(LE) as usize;
        if start == 0 {
            return None;
        }
        c_string(self.strings, start)
    }

    pub fn is_function(&self, index: usize) -> bool {
        self.entries.get(index).is_some_and(|it| it.st_type() == elf::STT_FUNC)
    }

    /// Address and size, if the symbol is defined in this file.
    pub fn place(&self, index: usize) -> Option<(u64, u64)> {
        let entry = self.entries.get(index)?;
        if entry.is_undefined(LE) {
            return None;
        }
        Some((entry.st_value(LE), entry.st_size(LE)))
    }
}

/// The bytes of the string that begins at `start` and ends with a NUL.
pub fn c_string(strings: &[u8], start: usize) -> Option<&[u8]> {
    let tail = strings.get(start..)?;
    let tail = &tail[..tail.len().min(NAME_LEN_MAX)];
    let len = memchr_nul(tail)?;
    Some(&tail[..len])
}

fn memchr_nul(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == 0)
}

type Headers = (FileAddr, bool, Vec<SectionInfo>, Vec<Segment>);

fn parse_headers(data: &[u8]) -> std::result::Result<Headers, &'static str> {
    if !data.starts_with(&elf::ELFMAG) {
        return Err("not an ELF executable");
    }
    let header = Header::parse(data).map_err(|_| "not a 64-bit ELF file, or damaged")?;
    if !header.is_little_endian() || header.e_machine(LE) != elf::EM_X86_64 {
        return Err("not an executable for amd64");
    }
    let kind = header.e_type(LE);
    if kind != elf::ET_EXEC && kind != elf::ET_DYN {
        return Err("not an executable: an object file or a core file");
    }
    let segments = header
        .program_headers(LE, data)
        .map_err(|_| "the program headers are damaged")?
        .iter()
        .filter(|it| it.p_type(LE) == elf::PT_LOAD)
        .map(|it| Segment {
            addr: it.p_vaddr(LE),
            offset: it.p_offset(LE),
            file_size: it.p_filesz(LE),
        })
        .collect();
    let sections = parse_sections(header, data).unwrap_or_default();
    Ok((FileAddr(header.e_entry(LE)), kind == elf::ET_DYN, sections, segments))
}

/// What the headers say against what is there: a copy that was not finished is shorter
/// than they say.
fn damage(data: &[u8], sections: &[SectionInfo], segments: &[Segment]) -> Option<String> {
    let header = Header::parse(data).ok()?;
    let table_len = u64::from(header.e_shnum(LE)) * u64::from(header.e_shentsize(LE));
    let table_end = header.e_shoff(LE).saturating_add(table_len);
    let ends = segments.iter().map(|it| it.offset.saturating_add(it.file_size));
    let wanted = ends.chain([table_end]).max().unwrap_or(0);
    if wanted > data.len() as u64 {
        return Some(format!(
            "the file is cut off or damaged: its headers speak of {wanted} bytes, and it \
             has {}; build or copy it again",
            data.len()
        ));
    }
    let is_readable =
        header.e_shoff(LE) == 0 || sections.iter().any(|it| it.name == ".text");
    (!is_readable).then(|| {
        "the file is damaged: its section headers cannot be read; build or copy it again"
            .to_owned()
    })
}

fn parse_sections(header: &Header, data: &[u8]) -> object::Result<Vec<SectionInfo>> {
    let table = header.sections(LE, data)?;
    let section = |it: &elf::SectionHeader64<LittleEndian>| {
        let (offset, len) = it.file_range(LE).unwrap_or((0, 0));
        let end = offset.saturating_add(len).min(data.len() as u64);
        let start = offset.min(end);
        let name = table.section_name(LE, it).unwrap_or_default();
        SectionInfo {
            name: String::from_utf8_lossy(name).into_owned(),
            addr: it.sh_addr(LE),
            file_range: start as usize..end as usize,
            kind: it.sh_type(LE).0,
            link: it.sh_link(LE) as usize,
            compressed: it.sh_flags(LE).0 & elf::SHF_COMPRESSED.0 != 0,
        }
    };
    Ok(table.iter().map(section).collect())
}

/// The descriptor of the note with this owner and type in a note section (`elf.h`,
/// `Elf64_Nhdr`).
fn note<'a>(section: &'a [u8], owner: &[u8], kind: u32) -> Option<&'a [u8]> {
    let mut rest = section;
    loop {
        let word =
            |at: usize| rest.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
        let name_len = word(0)? as usize;
        let len = word(4)? as usize;
        let found = word(8)?;
        let name = rest.get(12..)?.get(..name_len)?;
        let start = 12 + name_len.next_multiple_of(4);
        let description = rest.get(start..)?.get(..len)?;
        if name == owner && found == kind {
            return Some(description);
        }
        rest = rest.get(start + len.next_multiple_of(4)..)?;
    }
}
