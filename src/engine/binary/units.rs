//! Which compilation units are there, which contains a PC or a package, and what is in
//! them at the top? The table of units is read once; a unit's contents when needed.

use std::ops::Range;
use std::sync::Arc;
use std::sync::OnceLock;

use gimli::DebugAddrBase;
use gimli::DebugAddrIndex;
use gimli::EndianSlice;
use gimli::LittleEndian;
use gimli::RangeListsOffset;
use rustc_hash::FxHashMap;

use super::Binary;
use super::dies::Address;
use super::dies::Die;
use super::dies::DieReader;
use super::dies::Place;
use super::dies::Reader;
use super::line_program::LineProgram;
use crate::engine::addr::FileAddr;

/// `DW_LANG_Go`.
const LANGUAGE_GO: u64 = 0x16;
/// Units of a file; more are damage.
const UNITS_MAX: usize = 1 << 17;
/// Tables of abbreviations: Go has one, C one for each file. More are damage.
const ABBREVIATIONS_MAX: usize = 1 << 14;
/// Ranges of one DIE; more is damage.
const RANGES_MAX: usize = 1 << 16;
/// References from a DIE to the one it is an instance of: more hops are malformed.
const ORIGIN_HOPS_MAX: usize = 4;

/// A compilation unit: a Go package, or its assembly, or a C file.
#[derive(Debug)]
pub struct Unit {
    /// Of the header, in `.debug_info`.
    pub offset: usize,
    pub first_die: usize,
    pub end: usize,
    pub encoding: gimli::Encoding,
    pub abbreviations: Arc<gimli::Abbreviations>,
    /// The import path, unescaped.
    pub name: String,
    /// The name in the `package` clause.
    pub package: String,
    pub comp_dir: String,
    pub is_go: bool,
    pub is_optimized: bool,
    pub low_pc: u64,
    pub addr_base: usize,
    ranges: Option<usize>,
    high_pc: Option<Address>,
    pub line_program: Option<usize>,
    contents: OnceLock<Contents>,
    pub(super) lines: OnceLock<Option<LineProgram>>,
}

/// The DIEs at the top of a unit, by their offsets.
#[derive(Debug, Default)]
pub struct Contents {
    /// Functions with code: entry and DIE; sorted.
    pub functions: Vec<(u64, u32)>,
    /// Functions of C that are inlined somewhere.
    pub inlined: Vec<u32>,
    pub variables: Vec<u32>,
    pub constants: Vec<u32>,
}

/// All units of a file.
#[derive(Debug, Default)]
pub struct Units {
    /// Sorted by offset.
    pub all: Vec<Unit>,
    /// Start, end, index; sorted.
    by_pc: Vec<(u64, u64, u32)>,
}

impl Units {
    pub fn load(binary: &Binary) -> Units {
        let sections = &binary.sections;
        let info = EndianSlice::new(sections.info.bytes(&binary.elf), LittleEndian);
        let abbrev = EndianSlice::new(sections.abbrev.bytes(&binary.elf), LittleEndian);
        let abbrev = gimli::DebugAbbrev::from(abbrev);
        let mut headers = gimli::DebugInfo::from(info).units();
        let mut all: Vec<Unit> = Vec::new();
        let mut known: FxHashMap<usize, Arc<gimli::Abbreviations>> = FxHashMap::default();
        while let Ok(Some(header)) = headers.next() {
            if all.len() >= UNITS_MAX || known.len() >= ABBREVIATIONS_MAX {
                break;
            }
            let at = header.debug_abbrev_offset();
            let abbreviations = match known.get(&at.0) {
                Some(it) => it.clone(),
                None => {
                    let Ok(it) = abbrev.abbreviations(at) else { continue };
                    known.entry(at.0).or_insert(Arc::new(it)).clone()
                }
            };
            let Some(mut unit) = Unit::new(&header, abbreviations, info.len()) else {
                continue;
            };
            unit.read_root(binary);
            all.push(unit);
        }
        let mut by_pc = Vec::new();
        for (unit, index) in all.iter().zip(0..) {
            let ranges = unit.own_ranges(binary);
            by_pc.extend(ranges.into_iter().map(|it| (it.start, it.end, index)));
        }
        by_pc.sort_unstable();
        Units { all, by_pc }
    }

    pub fn at_pc(&self, pc: u64) -> Option<&Unit> {
        let after = self.by_pc.partition_point(|it| it.0 <= pc);
        let (_, end, index) = *self.by_pc[..after].last()?;
        if pc < end { self.all.get(index as usize) } else { None }
    }

    pub fn at_offset(&self, offset: usize) -> Option<&Unit> {
        let after = self.all.partition_point(|it| it.offset <= offset);
        let unit = self.all[..after].last()?;
        (unit.first_die..unit.end).contains(&offset).then_some(unit)
    }

    /// The units of a package, by its import path, or the end of it after a slash, or
    /// the name that its `package` clause gives it.
    pub fn of_package<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Unit> {
        self.all.iter().filter(move |unit| {
            let end = unit.name.strip_suffix(path);
            unit.is_go
                && (unit.package == path
                    || end.is_some_and(|it| it.is_empty() || it.ends_with('/')))
        })
    }
}

impl Unit {
    /// A unit of which nothing is known yet but where it is.
    fn new(
        header: &gimli::UnitHeader<Reader<'_>>,
        abbreviations: Arc<gimli::Abbreviations>,
        section_len: usize,
    ) -> Option<Unit> {
        let offset = header.debug_info_offset()?.0;
        let first_die = offset.checked_add(header.root_offset().0)?;
        let end = offset.checked_add(header.length_including_self())?.min(section_len);
        (first_die < end).then(|| Unit {
            offset,
            first_die,
            end,
            encoding: header.encoding(),
            abbreviations,
            name: String::new(),
            package: String::new(),
            comp_dir: String::new(),
            is_go: false,
            is_optimized: false,
            low_pc: 0,
            addr_base: 0,
            ranges: None,
            high_pc: None,
            line_program: None,
            contents: OnceLock::new(),
            lines: OnceLock::new(),
        })
    }

    fn read_root(&mut self, binary: &Binary) {
        let root = DieReader::new(binary, self, self.first_die).next();
        let Some(root) = root else { return };
        let text = |bytes: Option<&[u8]>| {
            String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
        };
        let producer = text(root.producer);
        let (name, package, comp_dir) =
            (text(root.name), text(root.go_package), text(root.comp_dir));
        let low_pc = match root.low_pc {
            Some(Address::Plain(address)) => address,
            _ => 0,
        };
        let index = match root.low_pc {
            Some(Address::Index(index)) => Some(index),
            _ => None,
        };
        let (ranges, high_pc, line_program) =
            (root.ranges, root.high_pc, root.line_program);
        let addr_base = root.addr_base.unwrap_or(0);
        self.is_go = root.language == Some(LANGUAGE_GO);
        let flags = producer.split_once(';').map_or("", |it| it.1);
        self.is_optimized =
            self.is_go && !flags.split_ascii_whitespace().any(|it| it == "-N");
        (self.name, self.package, self.comp_dir) = (name, package, comp_dir);
        self.low_pc = low_pc;
        self.addr_base = addr_base;
        (self.ranges, self.high_pc, self.line_program) = (ranges, high_pc, line_program);
        if let Some(address) = index.and_then(|it| self.indexed_address(binary, it)) {
            self.low_pc = address;
        }
    }

    fn own_ranges(&self, binary: &Binary) -> Vec<Range<u64>> {
        match (self.ranges, self.high_pc) {
            (Some(offset), _) => self.range_list(binary, offset),
            (None, Some(high)) => {
                let low = Some(Address::Plain(self.low_pc));
                self.low_high(binary, low, Some(high)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn indexed_address(&self, binary: &Binary, index: usize) -> Option<u64> {
        let bytes = binary.sections.addr.bytes(&binary.elf);
        let section = gimli::DebugAddr::from(EndianSlice::new(bytes, LittleEndian));
        let base = DebugAddrBase(self.addr_base);
        let size = self.encoding.address_size;
        section.get_address(size, base, DebugAddrIndex(index)).ok()
    }

    pub fn address(&self, binary: &Binary, address: Address) -> Option<u64> {
        match address {
            Address::Plain(address) => Some(address),
            Address::Index(index) => self.indexed_address(binary, index),
            Address::Length(_) => None,
        }
    }

    fn low_high(
        &self,
        binary: &Binary,
        low: Option<Address>,
        high: Option<Address>,
    ) -> Option<Range<u64>> {
        let low = self.address(binary, low?)?;
        let high = match high {
            Some(Address::Length(len)) => low.checked_add(len)?,
            Some(high) => self.address(binary, high)?,
            None => low.checked_add(1)?,
        };
        (low < high).then_some(low..high)
    }

    /// The ranges of addresses that a DIE is about, in the order of the file.
    pub fn ranges_of(&self, binary: &Binary, die: &Die<'_>) -> Vec<Range<u64>> {
        match die.ranges {
            Some(offset) => self.range_list(binary, offset),
            None => self.low_high(binary, die.low_pc, die.high_pc).into_iter().collect(),
        }
    }

    fn range_list(&self, binary: &Binary, offset: usize) -> Vec<Range<u64>> {
        let sections = &binary.sections;
        let (old, new): (&[u8], &[u8]) = if self.encoding.version < 5 {
            (sections.ranges.bytes(&binary.elf), &[])
        } else {
            (&[], sections.rnglists.bytes(&binary.elf))
        };
        let reader = |bytes| EndianSlice::new(bytes, LittleEndian);
        let lists = gimli::RangeLists::new(reader(old).into(), reader(new).into());
        let addresses = gimli::DebugAddr::from(reader(sections.addr.bytes(&binary.elf)));
        let Ok(mut list) = lists.ranges(
            RangeListsOffset(offset),
            self.encoding,
            self.low_pc,
            &addresses,
            DebugAddrBase(self.addr_base),
        ) else {
            return Vec::new();
        };
        let mut ranges = Vec::new();
        while let Ok(Some(range)) = list.next() {
            if range.begin < range.end && ranges.len() < RANGES_MAX {
                ranges.push(range.begin..range.end);
            }
        }
        ranges
    }

    /// The DIEs at the top of this unit. The first call reads all of the unit, which
    /// takes up to some milliseconds for the largest.
    pub fn contents(&self, binary: &Binary) -> &Contents {
        self.contents.get_or_init(|| self.read_contents(binary))
    }

    fn read_contents(&self, binary: &Binary) -> Contents {
        use gimli::constants as dw;
        let wanted = |tag: u16, depth: isize| {
            depth == 1
                && [dw::DW_TAG_subprogram, dw::DW_TAG_variable, dw::DW_TAG_constant]
                    .iter()
                    .any(|it| it.0 == tag)
        };
        let mut contents = Contents::default();
        let mut reader = DieReader::new(binary, self, self.first_die);
        while let Some(die) = reader.next_if(wanted) {
            let Ok(offset) = u32::try_from(die.offset) else { break };
            match gimli::DwTag(die.tag) {
                dw::DW_TAG_variable => contents.variables.push(offset),
                dw::DW_TAG_constant => contents.constants.push(offset),
                _ => {
                    let ranges = self.ranges_of(binary, &die);
                    if let Some(range) = ranges.first() {
                        contents.functions.push((range.start, offset));
                    } else if die.is_abstract && !self.is_go {
                        contents.inlined.push(offset);
                    }
                }
            }
        }
        contents.functions.sort_unstable();
        contents
    }
}

impl Binary {
    /// The units; waits for `.debug_info` to be inflated.
    pub(super) fn units(&self) -> &Units {
        self.units.get_or_init(|| Units::load(self))
    }

    /// The DIE at an offset of `.debug_info`, with its unit.
    pub(super) fn die_at(&self, offset: usize) -> Option<(&Unit, Die<'_>)> {
        let unit = self.units().at_offset(offset)?;
        let die = DieReader::new(self, unit, offset).next()?;
        (die.offset == offset).then_some((unit, die))
    }

    /// The DIE of the function whose entry is `entry`.
    pub(super) fn function_die(&self, entry: FileAddr) -> Option<(&Unit, Die<'_>)> {
        let unit = self.units().at_pc(entry.0)?;
        let functions = &unit.contents(self).functions;
        let index = functions.binary_search_by_key(&entry.0, |it| it.0).ok()?;
        let die = DieReader::new(self, unit, functions.get(index)?.1 as usize).next()?;
        Some((unit, die))
    }

    /// Shows the calls inlined in a function, at any depth.
    pub(super) fn each_inlined_call<'a>(
        &'a self,
        unit: &'a Unit,
        function: &Die<'a>,
        mut show: impl FnMut(&Die<'a>),
    ) {
        let inlined = gimli::DW_TAG_inlined_subroutine.0;
        let mut reader = DieReader::new(self, unit, function.offset);
        reader.next_if(|_, _| true);
        if !function.has_children {
            return;
        }
        while let Some(call) = reader.next_if(|tag, _| tag == inlined) {
            show(&call);
        }
    }

    /// Fills in what a DIE leaves to the one it is an instance of
    /// (`DW_AT_abstract_origin`, DWARF 5 §3.3.8). Go refers to it with
    /// `DW_FORM_ref_addr`, often in another unit.
    pub(super) fn with_origin<'a>(&'a self, mut die: Die<'a>) -> Die<'a> {
        let mut next = die.origin;
        for _ in 0..ORIGIN_HOPS_MAX {
            let Some((_, origin)) = next.and_then(|it| self.die_at(it)) else { break };
            die.name = die.name.or(origin.name);
            die.ty = die.ty.or(origin.ty);
            if die.decl_line.is_none() {
                (die.decl_file, die.decl_line) = (origin.decl_file, origin.decl_line);
            }
            die.is_result |= origin.is_result;
            die.is_trampoline |= origin.is_trampoline;
            die.const_value = die.const_value.or(origin.const_value);
            die.go_closure_offset = die.go_closure_offset.or(origin.go_closure_offset);
            if matches!(die.location, Place::None) {
                die.location = origin.location;
            }
            next = origin.origin;
        }
        die
    }
}
