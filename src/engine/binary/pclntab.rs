//! What does Go's own table say? Functions, lines, inlined calls, frame sizes.
//!
//! The Go linker writes the table for the runtime, for tracebacks and the garbage
//! collector, so it is in every binary, stripped or not, and is exact. It is read here
//! where it lies. Layouts: `pcHeader` and `_func` in `$GOROOT/src/runtime/symtab.go` and
//! `runtime2.go`, `inlinedCall` in `symtabinl.go`, for Go 1.19 to 1.27.

use super::elf::ElfFile;
use super::elf::c_string;
use crate::engine::addr::FileAddr;

/// The first word of the table from Go 1.18 and from Go 1.20.
const MAGIC_1_18: u32 = 0xffff_fff0;
const MAGIC_1_20: u32 = 0xffff_fff1;

/// An entry of the function table: two `u32`, entry and place of the `_func`.
const FUNCTAB_ENTRY_LEN: usize = 8;
/// The places of `PCDATA_InlTreeIndex` and `FUNCDATA_InlTree` (`internal/abi/symtab.go`).
const PCDATA_INLINE_INDEX: u32 = 2;
const FUNCDATA_INLINE_TREE: u32 = 3;
/// Places that may be `runtime.firstmoduledata`; there is one, or a few by chance.
const CANDIDATES_MAX: usize = 64;
/// Inlining nested deeper than this is damage.
const INLINE_DEPTH_MAX: usize = 512;
/// Entries of one function's inline tree; more is damage.
const INLINE_TREE_MAX: i32 = 1 << 20;
/// What `_func` and the tables say where there is nothing.
const NONE: u32 = u32::MAX;

/// Where the parts of the table are. Offsets are relative to the table.
#[derive(Clone, Copy, Debug)]
pub struct Pclntab {
    /// Where the table is in the file.
    start: usize,
    len: usize,
    has_start_line: bool,
    n_functions: u32,
    /// `runtime.text`: what the offsets of entries are relative to.
    pub text_start: u64,
    names: usize,
    units: usize,
    files: usize,
    pc_values: usize,
    functions: usize,
    /// `go:func.*`: what funcdata offsets are relative to; 0 if not found.
    funcdata_base: u64,
}

/// The table together with the bytes it is in.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    layout: &'a Pclntab,
    elf: &'a ElfFile,
    bytes: &'a [u8],
}

/// A function's entry, and its `_func` in parts.
#[derive(Clone, Copy, Debug)]
pub struct RawFunction {
    pub index: u32,
    pub entry: u64,
    pub end: u64,
    pub name_offset: u32,
    pub deferreturn: u32,
    pc_sp: u32,
    pc_file: u32,
    pc_line: u32,
    n_pcdata: u32,
    /// The unit's place in the table of units' files.
    pub unit: u32,
    pub start_line: u32,
    /// `abi.FuncID`.
    pub kind: u8,
    pub flags: u8,
    n_funcdata: u8,
    /// Where the offsets of `PCDATA` and `FUNCDATA` begin.
    tail: usize,
}

/// A call inlined in a function.
#[derive(Clone, Copy, Debug)]
pub struct InlinedCall {
    pub name_offset: u32,
    /// Relative to the function's entry: an instruction at the place of the call.
    pub parent_pc: u32,
    pub start_line: u32,
}

/// A range of PCs over which a table has one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PcValue {
    pub start: u64,
    pub end: u64,
    pub value: i32,
}

impl Pclntab {
    /// Finds the table in its section, or, in files without section headers, nowhere.
    pub fn find(elf: &ElfFile) -> Option<Pclntab> {
        let section = elf
            .section(".gopclntab")
            .or_else(|| elf.section(".data.rel.ro.gopclntab"))?;
        let bytes = elf.section_bytes(section);
        let mut table = parse_header(bytes)?;
        table.start = section.file_range.start;
        table.len = bytes.len();
        let module = ModuleData::find(elf, section.addr, &table);
        if table.text_start == 0 || elf.is_pie {
            let text =
                module.and_then(|it| elf.word_at(FileAddr(it.addr.wrapping_add(176))));
            table.text_start = text
                .or_else(|| elf.section(".text").map(|it| it.addr))
                .filter(|it| *it != 0)?;
        }
        table.funcdata_base = module.map_or(0, |it| it.funcdata_base);
        Some(table)
    }

    pub fn table<'a>(&'a self, elf: &'a ElfFile) -> Table<'a> {
        let bytes = elf.map.get(self.start..self.start + self.len).unwrap_or_default();
        Table { layout: self, elf, bytes }
    }
}

fn parse_header(bytes: &[u8]) -> Option<Pclntab> {
    let magic = u32_at(bytes, 0)?;
    if magic != MAGIC_1_18 && magic != MAGIC_1_20 {
        return None;
    }
    if bytes.get(4..8)? != [0, 0, 1, 8] {
        return None;
    }
    let word = |index: usize| u64_at(bytes, 8 + 8 * index);
    let place = |index: usize| {
        let offset = usize::try_from(word(index)?).ok()?;
        (offset <= bytes.len()).then_some(offset)
    };
    let functions = place(7)?;
    let fits = (bytes.len() - functions) / FUNCTAB_ENTRY_LEN;
    let n_functions = usize::try_from(word(0)?).ok().filter(|it| *it < fits)?;
    Some(Pclntab {
        start: 0,
        len: 0,
        has_start_line: magic == MAGIC_1_20,
        n_functions: u32::try_from(n_functions).ok()?,
        text_start: word(2)?,
        names: place(3)?,
        units: place(4)?,
        files: place(5)?,
        pc_values: place(6)?,
        functions,
        funcdata_base: 0,
    })
}

/// The parts of `runtime.firstmoduledata` that the table does not repeat.
#[derive(Clone, Copy, Debug)]
struct ModuleData {
    addr: u64,
    funcdata_base: u64,
}

impl ModuleData {
    /// Its own section since Go 1.26; before, it is in a data section and begins with
    /// the address of the table.
    fn find(elf: &ElfFile, table_addr: u64, table: &Pclntab) -> Option<ModuleData> {
        let own = elf.section(".go.module").map(|it| it.addr);
        let addr = own.or_else(|| Self::scan(elf, table_addr, table))?;
        // `moduledata.gofunc` is at 320 from Go 1.20 and at 344 from Go 1.27, which has
        // the small number `itaboffset` at 320.
        let offsets = if table.has_start_line { &[320, 344][..] } else { &[304] };
        let base = offsets.iter().find_map(|offset| {
            let base = elf.word_at(FileAddr(addr.wrapping_add(*offset)))?;
            elf.bytes_at(FileAddr(base), 1).map(|_| base)
        });
        Some(ModuleData { addr, funcdata_base: base.unwrap_or(0) })
    }

    fn scan(elf: &ElfFile, table_addr: u64, table: &Pclntab) -> Option<u64> {
        // The second field is the table of names, the first part of the table.
        let fits = |addr: u64| {
            elf.word_at(FileAddr(addr.wrapping_add(8)))
                == Some(table_addr.wrapping_add(table.names as u64))
        };
        if elf.is_pie {
            let mut candidates =
                elf.relative_relocations().filter(|it| it.1 == table_addr);
            return candidates
                .by_ref()
                .take(CANDIDATES_MAX)
                .find(|it| fits(it.0))
                .map(|it| it.0);
        }
        [".noptrdata", ".data"].into_iter().find_map(|name| {
            let section = elf.section(name)?;
            let words = elf.section_bytes(section).chunks_exact(8);
            let expected = table_addr.to_le_bytes();
            let mut addrs = (section.addr..).step_by(8).zip(words);
            addrs.find(|(addr, word)| *word == expected && fits(*addr)).map(|it| it.0)
        })
    }
}

impl<'a> Table<'a> {
    pub fn n_functions(&self) -> u32 {
        self.layout.n_functions
    }

    /// From the first function to the end of the last.
    pub fn text_range(&self) -> (u64, u64) {
        let start = self.entry_of(0).unwrap_or(0);
        (start, self.entry_of(self.n_functions()).unwrap_or(start))
    }

    /// The entry of function `index`; of the one past the last, the end of the text.
    pub fn entry_of(&self, index: u32) -> Option<u64> {
        let at = self.layout.functions + index as usize * FUNCTAB_ENTRY_LEN;
        Some(self.layout.text_start.wrapping_add(u64::from(u32_at(self.bytes, at)?)))
    }

    pub fn function_at(&self, pc: u64) -> Option<u32> {
        let n = self.n_functions();
        if n == 0 || pc < self.entry_of(0)? || pc >= self.entry_of(n)? {
            return None;
        }
        let (mut low, mut high) = (0, n);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.entry_of(middle)? <= pc {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(low)
    }

    pub fn function(&self, index: u32) -> Option<RawFunction> {
        if index >= self.n_functions() {
            return None;
        }
        let at = self.func_at(index)?;
        let word = |i: usize| u32_at(self.bytes, at + 4 * i);
        let has_start_line = self.layout.has_start_line;
        let bytes = at + if has_start_line { 40 } else { 36 };
        let mut function = RawFunction {
            index,
            entry: self.entry_of(index)?,
            end: self.entry_of(index + 1)?,
            name_offset: word(1)?,
            deferreturn: word(3)?,
            pc_sp: word(4)?,
            pc_file: word(5)?,
            pc_line: word(6)?,
            n_pcdata: word(7)?,
            unit: word(8)?,
            start_line: if has_start_line { word(9)? } else { 0 },
            kind: *self.bytes.get(bytes)?,
            flags: *self.bytes.get(bytes + 1)?,
            n_funcdata: *self.bytes.get(bytes + 3)?,
            tail: bytes + 4,
        };
        if !has_start_line {
            let line = self.value_at(&function, function.pc_line, function.entry);
            function.start_line = line.and_then(|it| u32::try_from(it).ok()).unwrap_or(0);
        }
        Some(function)
    }

    /// Where the `_func` of function `index` is.
    fn func_at(&self, index: u32) -> Option<usize> {
        let at = self.layout.functions + index as usize * FUNCTAB_ENTRY_LEN;
        Some(self.layout.functions + u32_at(self.bytes, at + 4)? as usize)
    }

    /// The unit of function `index`, without reading the rest of it.
    pub fn unit_of(&self, index: u32) -> Option<u32> {
        u32_at(self.bytes, self.func_at(index)? + 32)
    }

    pub fn name_offset_of(&self, index: u32) -> Option<u32> {
        u32_at(self.bytes, self.func_at(index)? + 4)
    }

    pub fn name(&self, offset: u32) -> &'a str {
        let at = self.layout.names.checked_add(offset as usize);
        let name = at.and_then(|at| c_string(self.bytes, at));
        name.and_then(|it| std::str::from_utf8(it).ok()).unwrap_or("")
    }

    /// The path at an offset in the table of files.
    pub fn path(&self, offset: u32) -> &'a str {
        let at = self.layout.files.checked_add(offset as usize);
        let path = at.and_then(|at| c_string(self.bytes, at));
        path.and_then(|it| std::str::from_utf8(it).ok()).unwrap_or("")
    }

    /// Where the path of a unit's file is in the table of files.
    pub fn path_offset(&self, unit: u32, file: i32) -> Option<u32> {
        let index = u64::from(unit) + u64::from(u32::try_from(file).ok()?);
        let at = self.layout.units + usize::try_from(index).ok()? * 4;
        if at >= self.layout.files {
            return None;
        }
        u32_at(self.bytes, at).filter(|it| *it != NONE)
    }

    /// The table of all units' files: offsets in the table of files.
    pub fn unit_files(&self) -> impl Iterator<Item = u32> + 'a {
        let range = self.layout.units..self.layout.files;
        let words = self.bytes.get(range).unwrap_or_default().chunks_exact(4);
        words.map(|it| u32::from_le_bytes([it[0], it[1], it[2], it[3]]))
    }

    pub fn line_of(&self, function: &RawFunction, pc: u64) -> Option<u32> {
        u32::try_from(self.value_at(function, function.pc_line, pc)?).ok()
    }

    /// The file's number in its unit: see [`path_offset`](Self::path_offset).
    pub fn file_of(&self, function: &RawFunction, pc: u64) -> Option<i32> {
        self.value_at(function, function.pc_file, pc)
    }

    pub fn sp_delta(&self, function: &RawFunction, pc: u64) -> Option<i32> {
        self.value_at(function, function.pc_sp, pc)
    }

    pub fn sp_deltas(&self, function: &RawFunction) -> PcValues<'a> {
        self.values(function, function.pc_sp)
    }

    pub fn lines(&self, function: &RawFunction) -> PcValues<'a> {
        self.values(function, function.pc_line)
    }

    pub fn files(&self, function: &RawFunction) -> PcValues<'a> {
        self.values(function, function.pc_file)
    }

    /// The value of a `PCDATA` table; −1 if the function has no such table.
    pub fn pcdata(&self, function: &RawFunction, table: u32, pc: u64) -> Option<i32> {
        match self.pcdata_offset(function, table) {
            Some(offset) => Some(self.value_at(function, offset, pc).unwrap_or(-1)),
            None => Some(-1),
        }
    }

    fn pcdata_offset(&self, function: &RawFunction, table: u32) -> Option<u32> {
        if table >= function.n_pcdata {
            return None;
        }
        let at = function.tail.checked_add(table as usize * 4)?;
        u32_at(self.bytes, at).filter(|it| *it != 0)
    }

    pub fn funcdata(&self, function: &RawFunction, index: u32) -> Option<FileAddr> {
        if index >= u32::from(function.n_funcdata) || self.layout.funcdata_base == 0 {
            return None;
        }
        let words = function.n_pcdata as usize + index as usize;
        let offset = u32_at(self.bytes, function.tail.checked_add(words * 4)?)?;
        let base = FileAddr(self.layout.funcdata_base);
        (offset != NONE).then(|| base.offset(i64::from(offset)))
    }

    /// The number of the innermost inlined call at `pc` in the function's inline tree.
    pub fn inline_index(&self, function: &RawFunction, pc: u64) -> Option<i32> {
        self.pcdata(function, PCDATA_INLINE_INDEX, pc).filter(|it| *it >= 0)
    }

    /// The greatest number of an inlined call that the function's code refers to.
    pub fn inline_index_max(&self, function: &RawFunction) -> Option<i32> {
        let offset = self.pcdata_offset(function, PCDATA_INLINE_INDEX)?;
        let values = self.values(function, offset).map(|it| it.value);
        values.max().filter(|it| (0..INLINE_TREE_MAX).contains(it))
    }

    pub fn inlined_call(
        &self,
        function: &RawFunction,
        index: i32,
    ) -> Option<InlinedCall> {
        let tree = self.funcdata(function, FUNCDATA_INLINE_TREE)?;
        let index = i64::from(index);
        let read = |at: &[u8], name: usize, pc: usize, line: Option<usize>| {
            Some(InlinedCall {
                name_offset: u32_at(at, name)?,
                parent_pc: u32_at(at, pc)?,
                start_line: line.and_then(|it| u32_at(at, it)).unwrap_or(0),
            })
        };
        if self.layout.has_start_line {
            let entry = self.elf.bytes_at(tree.offset(16 * index), 16)?;
            read(entry, 4, 8, Some(12))
        } else {
            let entry = self.elf.bytes_at(tree.offset(20 * index), 20)?;
            read(entry, 12, 16, None)
        }
    }

    /// The calls that `pc` is inlined through, innermost first, each with the PC to look
    /// its own position up at.
    pub fn inlined_calls(
        &self,
        function: &RawFunction,
        pc: u64,
    ) -> Vec<(InlinedCall, u64)> {
        let mut calls = Vec::new();
        let mut at = pc;
        while let Some(index) = self.inline_index(function, at) {
            let Some(call) = self.inlined_call(function, index) else { break };
            if calls.len() >= INLINE_DEPTH_MAX {
                break;
            }
            calls.push((call, at));
            at = function.entry.wrapping_add(u64::from(call.parent_pc));
            if at >= function.end {
                break;
            }
        }
        calls
    }

    fn values(&self, function: &RawFunction, offset: u32) -> PcValues<'a> {
        let at = self.layout.pc_values.checked_add(offset as usize);
        let bytes = at.filter(|_| offset != 0).and_then(|it| self.bytes.get(it..));
        PcValues {
            rest: bytes.unwrap_or_default(),
            pc: function.entry,
            end: function.end,
            value: -1,
            first: true,
        }
    }

    fn value_at(&self, function: &RawFunction, offset: u32, pc: u64) -> Option<i32> {
        self.values(function, offset).find(|it| pc < it.end).map(|it| it.value)
    }
}

/// The runs of one of a function's tables: pairs of differences, of the value (zigzag)
/// and of the PC, both as unsigned LEB128; a difference of 0 ends them, except as the
/// first (`step` in `$GOROOT/src/runtime/symtab.go`).
#[derive(Clone, Debug)]
pub struct PcValues<'a> {
    rest: &'a [u8],
    pc: u64,
    end: u64,
    value: i32,
    first: bool,
}

impl Iterator for PcValues<'_> {
    type Item = PcValue;

    fn next(&mut self) -> Option<PcValue> {
        if self.pc >= self.end {
            return None;
        }
        let difference = take_u32(&mut self.rest)?;
        if difference == 0 && !self.first {
            return None;
        }
        self.first = false;
        let zigzag = (difference >> 1) as i32 ^ -((difference & 1) as i32);
        self.value = self.value.wrapping_add(zigzag);
        let start = self.pc;
        let len = u64::from(take_u32(&mut self.rest)?);
        if len == 0 {
            return None;
        }
        self.pc = start.saturating_add(len);
        Some(PcValue { start, end: self.pc.min(self.end), value: self.value })
    }
}

fn take_u32(rest: &mut &[u8]) -> Option<u32> {
    let mut value = 0u32;
    for shift in (0..35).step_by(7) {
        let (byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u32::from(byte & 0x7f).wrapping_shl(shift);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(word.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let word = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(word.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_values_end_at_a_zero_difference() {
        let bytes = [2u8, 4, 0x10, 8, 3, 0x80, 1, 0, 9];
        let values = PcValues { rest: &bytes, pc: 100, end: 500, value: -1, first: true };
        let runs: Vec<_> = values.map(|it| (it.start, it.end, it.value)).collect();
        assert_eq!(runs, [(100, 104, 0), (104, 112, 8), (112, 240, 6)]);
    }

    #[test]
    fn damaged_headers_are_refused() {
        let mut bytes = vec![0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8];
        bytes.resize(72, 0xff);
        assert!(parse_header(&bytes).is_none());
        for len in 0..bytes.len() {
            assert!(parse_header(&bytes[..len]).is_none());
        }
    }
}
