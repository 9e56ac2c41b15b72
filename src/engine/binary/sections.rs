//! The bytes of the debugging sections: inflated when first asked for, once.

use std::os::unix::fs::FileExt as _;
use std::sync::OnceLock;

use super::elf::ElfFile;
use super::elf::SectionInfo;

/// A section that says it is larger than this is damaged, or of no program that fits in
/// the memory of this machine.
const SECTION_LEN_MAX: u64 = 2 << 30;
/// `deflate` cannot do better than this, so a header that promises more lies.
const DEFLATE_RATIO_MAX: u64 = 1032;
/// `Elf64_Chdr`.
const COMPRESSION_HEADER_LEN: usize = 24;
const COMPRESSION_ZLIB: u32 = 1;
const COMPRESSION_ZSTD: u32 = 2;
/// How much of a compressed section is read at a time. It is read, not mapped, so that
/// it does not stay in memory.
const CHUNK_LEN: usize = 128 << 10;

/// The sections of DWARF that are used here. `.debug_names` and `.debug_aranges` are not
/// made by Go.
#[derive(Debug, Default)]
pub struct Sections {
    pub info: Section,
    pub abbrev: Section,
    pub line: Section,
    pub addr: Section,
    pub rnglists: Section,
    pub ranges: Section,
    pub loclists: Section,
    pub loc: Section,
    pub str: Section,
    pub line_str: Section,
    /// For C alone: of Go's functions, Go's own table says the same.
    pub frame: Section,
}

/// A section that may be compressed.
#[derive(Debug, Default)]
pub struct Section {
    info: Option<SectionInfo>,
    inflated: OnceLock<Vec<u8>>,
}

impl Sections {
    pub fn find(elf: &ElfFile) -> Sections {
        let section = |name: &str| Section {
            info: elf.section(name).cloned(),
            inflated: OnceLock::new(),
        };
        Sections {
            info: section(".debug_info"),
            abbrev: section(".debug_abbrev"),
            line: section(".debug_line"),
            addr: section(".debug_addr"),
            rnglists: section(".debug_rnglists"),
            ranges: section(".debug_ranges"),
            loclists: section(".debug_loclists"),
            loc: section(".debug_loc"),
            str: section(".debug_str"),
            line_str: section(".debug_line_str"),
            frame: section(".debug_frame"),
        }
    }
}

impl Section {
    /// The bytes of the section; none if there is no such section, or it is damaged.
    /// The first caller inflates, others wait for it.
    pub fn bytes<'a>(&'a self, elf: &'a ElfFile) -> &'a [u8] {
        match &self.info {
            None => &[],
            Some(info) if !info.compressed => elf.section_bytes(info),
            Some(info) => self.inflated.get_or_init(|| match inflate(elf, info) {
                Some(bytes) => bytes,
                None => {
                    tracing::warn!(section = info.name, "cannot be inflated");
                    Vec::new()
                }
            }),
        }
    }

    pub fn exists(&self) -> bool {
        self.info.is_some()
    }
}

fn inflate(elf: &ElfFile, info: &SectionInfo) -> Option<Vec<u8>> {
    let mut header = [0; COMPRESSION_HEADER_LEN];
    elf.file.read_exact_at(&mut header, info.file_range.start as u64).ok()?;
    let kind = u32::from_le_bytes(header[..4].try_into().ok()?);
    let len = u64::from_le_bytes(header[8..16].try_into().ok()?);
    let start = info.file_range.start.checked_add(COMPRESSION_HEADER_LEN)?;
    let compressed_len = info.file_range.end.checked_sub(start)?;
    if len > SECTION_LEN_MAX {
        return None;
    }
    match kind {
        COMPRESSION_ZLIB => {
            if len / DEFLATE_RATIO_MAX > compressed_len as u64 {
                return None;
            }
            inflate_zlib(elf, start, compressed_len, usize::try_from(len).ok()?)
        }
        COMPRESSION_ZSTD => {
            let data = elf.map.get(start..start + compressed_len)?;
            let compressed = object::CompressedData {
                format: object::CompressionFormat::Zstandard,
                data,
                uncompressed_size: len,
            };
            compressed.decompress().ok().map(|it| it.into_owned())
        }
        _ => None,
    }
}

fn inflate_zlib(
    elf: &ElfFile,
    start: usize,
    len: usize,
    out_len: usize,
) -> Option<Vec<u8>> {
    let mut out = vec![0; out_len];
    let mut chunk = vec![0; CHUNK_LEN.min(len)];
    let mut inflater = flate2::Decompress::new(true);
    let (mut read, mut written) = (0, 0);
    while read < len {
        let part = &mut chunk[..CHUNK_LEN.min(len - read)];
        elf.file.read_exact_at(part, (start + read) as u64).ok()?;
        read += part.len();
        let mut used = 0;
        while used < part.len() {
            let (before_in, before_out) = (inflater.total_in(), inflater.total_out());
            let flush = flate2::FlushDecompress::None;
            let status =
                inflater.decompress(&part[used..], &mut out[written..], flush).ok()?;
            let step_in = inflater.total_in() - before_in;
            let step_out = inflater.total_out() - before_out;
            used += usize::try_from(step_in).ok()?;
            written += usize::try_from(step_out).ok()?;
            if status == flate2::Status::StreamEnd {
                return (written == out_len).then_some(out);
            }
            if step_in == 0 && step_out == 0 {
                return None;
            }
        }
    }
    None
}
