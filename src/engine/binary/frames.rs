//! How does one find the caller of C code? Rows of `.eh_frame`, or of `.debug_frame` where
//! C was compiled without the other.
//!
//! Go code does not need this: see [`sp_delta`](super::Binary::sp_delta).

use gimli::BaseAddresses;
use gimli::CieOrFde;
use gimli::DebugFrame;
use gimli::EhFrame;
use gimli::EhFrameHdr;
use gimli::EndianSlice;
use gimli::FrameDescriptionEntry;
use gimli::LittleEndian;
use gimli::UnwindContext;
use gimli::UnwindSection;

use super::Binary;
use super::elf::ElfFile;
use crate::engine::addr::FileAddr;

type Reader<'a> = EndianSlice<'a, LittleEndian>;

/// Entries of one file; more are damage.
const ENTRIES_MAX: usize = 1 << 22;

/// How to find a caller's registers from a PC in C code (DWARF 5 §6.4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CfiRow {
    pub cfa: CfaRule,
    /// By DWARF register number; 16 is the return address. Registers not named here are
    /// unchanged, except SP, which is the CFA.
    pub rules: Vec<(u16, SavedAt)>,
    /// The PC was interrupted, not called from: the caller's PC is not a return address.
    pub signal_frame: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CfaRule {
    RegisterOffset {
        register: u16,
        offset: i64,
    },
    /// A DWARF expression.
    Expression(Vec<u8>),
}

/// Where the caller's value of a register is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SavedAt {
    Undefined,
    Unchanged,
    /// In memory, so far from the CFA.
    CfaOffset(i64),
    /// It *is* the CFA plus this.
    CfaValue(i64),
    Register(u16),
    /// In memory, where the expression says (the CFA is on its stack at the start).
    Expression(Vec<u8>),
    /// It is what the expression says.
    ExpressionValue(Vec<u8>),
}

impl Binary {
    /// How to find the caller of C code at `pc`.
    pub fn c_unwind(&self, pc: FileAddr) -> Option<CfiRow> {
        self.elf.c_unwind(pc).or_else(|| self.debug_unwind(pc))
    }

    /// The same from `.debug_frame`, which is for the most part about Go's functions.
    fn debug_unwind(&self, pc: FileAddr) -> Option<CfiRow> {
        self.native_at(pc)?;
        let bytes = self.sections.frame.bytes(&self.elf);
        let mut frames = DebugFrame::new(bytes, LittleEndian);
        frames.set_address_size(8);
        let bases = BaseAddresses::default();
        let entry = find_entry(&frames, &bases, pc.0, DebugFrame::cie_from_offset)?;
        row(&frames, &bases, &entry, pc.0)
    }
}

impl ElfFile {
    /// How to find the caller of code at `pc`, from `.eh_frame`.
    pub fn c_unwind(&self, pc: FileAddr) -> Option<CfiRow> {
        let section = self.section(".eh_frame")?;
        let header = self.section(".eh_frame_hdr");
        let mut bases = BaseAddresses::default().set_eh_frame(section.addr);
        if let Some(text) = self.section(".text") {
            bases = bases.set_text(text.addr);
        }
        let frames = EhFrame::new(self.section_bytes(section), LittleEndian);
        let by_header = header.and_then(|header| {
            let bases = bases.clone().set_eh_frame_hdr(header.addr);
            let bytes = self.section_bytes(header);
            let header = EhFrameHdr::new(bytes, LittleEndian).parse(&bases, 8).ok()?;
            let table = header.table()?;
            let entry =
                table.fde_for_address(&frames, &bases, pc.0, EhFrame::cie_from_offset);
            entry.ok().filter(|it| it.contains(pc.0))
        });
        let by_search = || find_entry(&frames, &bases, pc.0, EhFrame::cie_from_offset);
        let entry = by_header.or_else(by_search)?;
        row(&frames, &bases, &entry, pc.0)
    }
}

/// Looks an entry up without the table of `.eh_frame_hdr`.
fn find_entry<'a, S: UnwindSection<Reader<'a>>>(
    frames: &S,
    bases: &BaseAddresses,
    pc: u64,
    cie: impl FnMut(
        &S,
        &BaseAddresses,
        S::Offset,
    ) -> gimli::Result<gimli::CommonInformationEntry<Reader<'a>>>
    + Copy,
) -> Option<FrameDescriptionEntry<Reader<'a>>> {
    let mut entries = frames.entries(bases);
    for _ in 0..ENTRIES_MAX {
        if let CieOrFde::Fde(partial) = entries.next().ok()?? {
            let entry = partial.parse(cie).ok()?;
            if entry.contains(pc) {
                return Some(entry);
            }
        }
    }
    None
}

fn row<'a, S: UnwindSection<Reader<'a>>>(
    frames: &S,
    bases: &BaseAddresses,
    entry: &FrameDescriptionEntry<Reader<'a>>,
    pc: u64,
) -> Option<CfiRow> {
    let expression = |it: &gimli::UnwindExpression<usize>| {
        Some(it.get(frames).ok()?.0.slice().to_vec())
    };
    let mut context = UnwindContext::new();
    let row = entry.unwind_info_for_address(frames, bases, &mut context, pc).ok()?;
    let cfa = match row.cfa() {
        gimli::CfaRule::RegisterAndOffset { register, offset } => {
            CfaRule::RegisterOffset { register: register.0, offset: *offset }
        }
        gimli::CfaRule::Expression(it) => CfaRule::Expression(expression(it)?),
    };
    let mut rules = Vec::new();
    for (register, rule) in row.registers() {
        let saved = match rule {
            gimli::RegisterRule::Undefined => SavedAt::Undefined,
            gimli::RegisterRule::SameValue => SavedAt::Unchanged,
            gimli::RegisterRule::Offset(offset) => SavedAt::CfaOffset(*offset),
            gimli::RegisterRule::ValOffset(offset) => SavedAt::CfaValue(*offset),
            gimli::RegisterRule::Register(register) => SavedAt::Register(register.0),
            gimli::RegisterRule::Expression(it) => SavedAt::Expression(expression(it)?),
            gimli::RegisterRule::ValExpression(it) => {
                SavedAt::ExpressionValue(expression(it)?)
            }
            _ => SavedAt::Undefined,
        };
        rules.push((register.0, saved));
    }
    Some(CfiRow { cfa, rules, signal_frame: entry.is_signal_trampoline() })
}
