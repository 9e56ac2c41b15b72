//! Which code of C is in the program? Its functions, and the files that it is from.
//!
//! Go's own table knows nothing of it, so all of this is from DWARF. A program that Go's
//! linker has made alone has no such code: there, nothing is read and nothing kept.
//!
//! A function of C is called `C.name`, as in Go source, and numbered behind all of Go's.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Binary;
use super::dies::Die;
use super::dies::DieReader;
use super::functions::{Function, FunctionFlags, FunctionId, InlineFrame, SourceLine};
use super::line_program;
use super::lines::{FileIndex, LineRow};
use super::units::Unit;
use crate::engine::addr::FileAddr;

/// The numbers of functions and files of C begin here.
const FIRST: u32 = 1 << 31;
/// Functions of C in a program; more are damage.
const FUNCTIONS_MAX: usize = 1 << 20;
/// Files that C is from, headers included; more are damage.
const FILES_MAX: usize = 1 << 20;
/// Calls inlined in each other; deeper ones are damage.
const INLINED_DEPTH_MAX: usize = 256;
/// DIEs of one function that are looked at for inlined calls.
const DIES_MAX: usize = 1 << 20;

/// What is in front of the names of C's functions.
pub const PREFIX: &str = "C.";

/// The code that is not Go's.
#[derive(Debug, Default)]
pub struct NativeCode {
    /// Sorted by entry.
    functions: Vec<NativeFunction>,
    /// Start, end, index of a function: some have parts in several places. Sorted.
    ranges: Vec<(u64, u64, u32)>,
    /// Indexes of functions, sorted by their names.
    by_name: Vec<u32>,
    /// Functions that are inlined somewhere: their DIEs, sorted.
    inlined: Vec<(u32, String, u32)>,
    /// Sorted.
    files: Vec<Arc<str>>,
}

#[derive(Debug)]
struct NativeFunction {
    entry: u64,
    end: u64,
    name: String,
    file: FileIndex,
    line: u32,
}

/// A call inlined in a function of C, around a PC.
struct InlinedCall {
    /// The DIE of the function that was called.
    origin: u32,
    /// The DIE of the call, and where the code of it around the PC begins.
    die: usize,
    start: u64,
    file: FileIndex,
    line: u32,
}

impl NativeCode {
    fn build(binary: &Binary) -> NativeCode {
        let mut native = NativeCode::default();
        let units: Vec<&Unit> = binary.native_units().collect();
        let mut files = BTreeSet::new();
        for unit in &units {
            files.extend(line_program::paths(binary, unit));
        }
        // What Go's table knows too is a file of Go's: C in the comment above `import "C"`.
        files.retain(|it| binary.go_file_index(it).is_none());
        native.files = files.into_iter().take(FILES_MAX).map(Arc::from).collect();
        let mut functions = Vec::new();
        for unit in units {
            native.read_functions(binary, unit, &mut functions);
        }
        functions.sort_by_key(|it| it.0.entry);
        for ((function, ranges), index) in functions.into_iter().zip(0..) {
            native.ranges.extend(ranges.iter().map(|it| (it.0, it.1, index)));
            native.functions.push(function);
        }
        native.ranges.sort_unstable();
        native.inlined.sort_unstable();
        let mut by_name: Vec<u32> = (0..native.functions.len() as u32).collect();
        by_name.sort_by_key(|it| native.functions[*it as usize].name.as_str());
        native.by_name = by_name;
        native
    }

    fn read_functions(
        &mut self,
        binary: &Binary,
        unit: &Unit,
        functions: &mut Vec<(NativeFunction, Vec<(u64, u64)>)>,
    ) {
        let paths = line_program::numbered_paths(binary, unit);
        let file_of = |die: &Die<'_>| {
            let number = die.decl_file.and_then(|it| usize::try_from(it).ok());
            let path = number.and_then(|it| paths.get(it));
            path.and_then(|it| self.file_index(binary, it)).unwrap_or(FileIndex::UNKNOWN)
        };
        let contents = unit.contents(binary);
        for (_, offset) in &contents.functions {
            let Some(die) = DieReader::new(binary, unit, *offset as usize).next() else {
                continue;
            };
            let ranges = unit.ranges_of(binary, &die);
            let die = binary.with_origin(die);
            let Some(first) = ranges.first().filter(|_| functions.len() < FUNCTIONS_MAX)
            else {
                continue;
            };
            // What the linker has left out stays in DWARF, at address 0.
            let is_there = binary.elf.bytes_at(FileAddr(first.start), 1).is_some();
            let Some(name) = die.name.filter(|_| is_there && first.start != 0) else {
                continue;
            };
            let function = NativeFunction {
                entry: first.start,
                end: first.end,
                name: prefixed(name),
                file: file_of(&die),
                line: line_of(die.decl_line),
            };
            functions
                .push((function, ranges.iter().map(|it| (it.start, it.end)).collect()));
        }
        for offset in &contents.inlined {
            let die = DieReader::new(binary, unit, *offset as usize).next();
            if let Some(die) = die
                && let Some(name) = die.name
                && self.inlined.len() < FUNCTIONS_MAX
            {
                self.inlined.push((*offset, prefixed(name), line_of(die.decl_line)));
            }
        }
    }

    fn at(&self, pc: u64) -> Option<u32> {
        let after = self.ranges.partition_point(|it| it.0 <= pc);
        let (_, end, index) = *self.ranges[..after].last()?;
        (pc < end).then_some(index)
    }

    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = FunctionId> + 'a {
        let name_of = |it: u32| self.functions[it as usize].name.as_str();
        let start = self.by_name.partition_point(|it| name_of(*it) < name);
        let same =
            self.by_name[start..].iter().take_while(move |it| name_of(**it) == name);
        same.map(|it| FunctionId(FIRST + it))
    }

    fn file_index(&self, binary: &Binary, path: &str) -> Option<FileIndex> {
        if let Some(index) = binary.go_file_index(path) {
            return Some(index);
        }
        let found = self.files.binary_search_by(|it| (**it).cmp(path)).ok()?;
        Some(FileIndex(FIRST.checked_add(u32::try_from(found).ok()?)?))
    }

    fn inlined(&self, die: u32) -> Option<&(u32, String, u32)> {
        let found = self.inlined.binary_search_by_key(&die, |it| it.0).ok()?;
        self.inlined.get(found)
    }
}

fn prefixed(name: &[u8]) -> String {
    format!("{PREFIX}{}", String::from_utf8_lossy(name))
}

fn line_of(line: Option<u64>) -> u32 {
    line.and_then(|it| u32::try_from(it).ok()).unwrap_or(0)
}

impl Binary {
    /// The code of C. Empty, at no price, if there cannot be any: only C's tools make an
    /// `.eh_frame`, and only DWARF tells what they made.
    pub(super) fn native(&self) -> &NativeCode {
        self.native.get_or_init(|| match self.may_be_native() {
            true => NativeCode::build(self),
            false => NativeCode::default(),
        })
    }

    pub(super) fn may_be_native(&self) -> bool {
        self.has_dwarf() && self.elf.section(".eh_frame").is_some()
    }

    /// Whether the function is one of C.
    pub fn is_native(&self, id: FunctionId) -> bool {
        id.0 >= FIRST
    }

    pub(super) fn native_at(&self, pc: FileAddr) -> Option<FunctionId> {
        self.native().at(pc.0).map(|it| FunctionId(FIRST + it))
    }

    pub(super) fn native_function(&self, id: FunctionId) -> Option<Function<'_>> {
        let index = id.0.checked_sub(FIRST)?;
        let found = self.native().functions.get(index as usize)?;
        Some(Function {
            id,
            name: &found.name,
            entry: FileAddr(found.entry),
            end: FileAddr(found.end),
            file: self.file(found.file),
            start_line: found.line,
            flags: FunctionFlags::default(),
            deferreturn: None,
        })
    }

    pub(super) fn native_named(&self, name: &str) -> Vec<FunctionId> {
        match name.starts_with(PREFIX) {
            true => self.native().named(name).collect(),
            false => Vec::new(),
        }
    }

    /// The functions of C, in the order of their addresses.
    pub fn native_functions(&self) -> impl Iterator<Item = FunctionId> + use<> {
        (0..self.native().functions.len() as u32).map(|it| FunctionId(FIRST + it))
    }

    /// The names of the functions of C, those included that exist only inlined.
    pub(super) fn native_names(&self) -> impl Iterator<Item = &str> {
        let native = self.native();
        let functions = native.functions.iter().map(|it| it.name.as_str());
        functions.chain(native.inlined.iter().map(|it| it.1.as_str()))
    }

    /// The paths of the files that C is from, headers included, sorted. Files of Go with C
    /// in them are among [`files`](Self::files).
    pub fn native_files(&self) -> &[Arc<str>] {
        &self.native().files
    }

    pub(super) fn native_file(&self, index: FileIndex) -> &str {
        let found = index.0.checked_sub(FIRST).filter(|_| index != FileIndex::UNKNOWN);
        let path = found.and_then(|it| self.native().files.get(it as usize));
        path.map_or("", |it| it)
    }

    pub(super) fn native_file_index(&self, path: &str) -> Option<FileIndex> {
        self.native().file_index(self, path)
    }

    /// The frames at a PC in a function of C, innermost first.
    pub(super) fn native_inline_stack(
        &self,
        id: FunctionId,
        pc: FileAddr,
    ) -> Vec<InlineFrame<'_>> {
        let Some(function) = self.native_function(id) else { return Vec::new() };
        let calls = self.inlined_around(function.entry, pc);
        // Where an inlined call begins, what comes first is of the code around it.
        let first = calls.last().is_none_or(|it| it.start != pc.0);
        let innermost = self.native_position(pc, first);
        let innermost = innermost.unwrap_or((FileIndex::UNKNOWN, 0));
        // Where execution is in each frame: at the PC in the innermost, in all others at
        // the call of the next one in it.
        let mut places = calls.iter().map(|it| (it.file, it.line)).chain([innermost]);
        let mut frames = Vec::with_capacity(calls.len() + 1);
        let mut push = |name, inlined, start_line| {
            let (file, line) = places.next().unwrap_or(innermost);
            frames.push(InlineFrame {
                function: name,
                file: self.file(file),
                line,
                entry: function.entry,
                inlined,
                start_line,
            });
        };
        push(function.name, false, function.start_line);
        for call in &calls {
            let of = self.native().inlined(call.origin);
            push(of.map_or("", |it| &it.1), true, of.map_or(0, |it| it.2));
        }
        frames.reverse();
        frames
    }

    /// The calls inlined around a PC in the function of C at `entry`, outermost first.
    fn inlined_around(&self, entry: FileAddr, pc: FileAddr) -> Vec<InlinedCall> {
        let mut calls = Vec::new();
        let Some((unit, function)) = self.function_die(entry) else { return calls };
        if !function.has_children {
            return calls;
        }
        let program = self.line_program(unit);
        let inlined = gimli::DW_TAG_inlined_subroutine.0;
        let mut reader = DieReader::new(self, unit, function.offset);
        reader.next();
        // Blocks are passed over: a call's ranges are within those of what is around it.
        for _ in 0..DIES_MAX {
            let Some(call) = reader.next_if(|tag, _| tag == inlined) else { break };
            let ranges = unit.ranges_of(self, &call);
            let around = ranges.iter().find(|it| it.contains(&pc.0));
            let origin = call.origin.and_then(|it| u32::try_from(it).ok());
            let (Some(around), Some(origin)) = (around, origin) else { continue };
            if calls.len() >= INLINED_DEPTH_MAX {
                break;
            }
            let file = program.zip(call.call_file).map(|(it, number)| it.file(number));
            calls.push(InlinedCall {
                origin,
                die: call.offset,
                start: around.start,
                file: file.unwrap_or(FileIndex::UNKNOWN),
                line: line_of(call.call_line),
            });
        }
        calls
    }

    /// The source position of code that is not Go's, that of the innermost inlined call.
    pub(super) fn native_line_at(&self, pc: FileAddr) -> Option<SourceLine<'_>> {
        let Some(id) = self.native_at(pc) else {
            // Assembly has lines, but no functions.
            let (file, line) = self.native_position(pc, true)?;
            return Some(SourceLine { file: self.file(file), line });
        };
        let frames = self.native_inline_stack(id, pc);
        frames.first().map(|it| SourceLine { file: it.file, line: it.line })
    }

    fn native_position(&self, pc: FileAddr, first: bool) -> Option<(FileIndex, u32)> {
        if !self.has_dwarf() {
            return None;
        }
        let unit = self.units().at_pc(pc.0).filter(|it| !it.is_go)?;
        self.line_program(unit)?.position(self, pc.0, first)
    }

    pub(super) fn native_rows(&self, id: FunctionId) -> Vec<LineRow> {
        let Some(function) = self.native_function(id) else { return Vec::new() };
        let unit = self.units().at_pc(function.entry.0);
        let program = unit.and_then(|it| self.line_program(it));
        let mut rows = program
            .map_or(Vec::new(), |it| it.rows(self, function.entry.0, function.end.0));
        rows.sort_by_key(|it| it.addr);
        rows
    }

    /// Where the frame of a function of C is ready: behind the code that makes it, as far
    /// as lines tell. Optimized code often makes none and keeps arguments where they came,
    /// so that they can be read at its entry.
    pub(super) fn native_prologue_end(&self, id: FunctionId) -> FileAddr {
        /// `endbr64`, and `push rbp; mov rbp, rsp`.
        const LANDING: &[u8] = &[0xf3, 0x0f, 0x1e, 0xfa];
        const MAKE_FRAME: &[u8] = &[0x55, 0x48, 0x89, 0xe5];
        let Some(function) = self.native_function(id) else { return FileAddr(0) };
        let rows = self.native_rows(id);
        if let Some(row) = rows.iter().find(|it| it.prologue_end) {
            return row.addr;
        }
        let starts_with =
            |at: FileAddr, code: &[u8]| self.elf.bytes_at(at, code.len()) == Some(code);
        let landing =
            if starts_with(function.entry, LANDING) { LANDING.len() } else { 0 };
        let start = FileAddr(function.entry.0.wrapping_add(landing as u64));
        if !starts_with(start, MAKE_FRAME) {
            return function.entry;
        }
        let behind = rows.iter().find(|it| it.is_stmt && it.addr > start);
        behind.map_or(function.entry, |it| it.addr)
    }

    /// Adds where a breakpoint on a source line belongs in code of C: in each function, and
    /// in each call inlined in it, the first statement of the line. False if no code of C
    /// is from the file.
    pub(super) fn add_native_sites(
        &self,
        file: FileIndex,
        line: u32,
        sites: &mut Vec<FileAddr>,
    ) -> bool {
        if self.native().functions.is_empty() {
            return false;
        }
        let mut is_known = false;
        for unit in self.native_units() {
            let Some(program) = self.line_program(unit) else { continue };
            if program.numbers_of(file).next().is_none() {
                continue;
            }
            is_known = true;
            let rows = program.rows_of_line(self, file, line);
            let mut found: Vec<(FunctionId, usize, LineRow)> = Vec::new();
            for row in rows {
                let Some(id) = self.native_at(row.addr) else { continue };
                let Some(function) = self.native_function(id) else { continue };
                let calls = self.inlined_around(function.entry, row.addr);
                found.push((id, calls.last().map_or(0, |it| it.die), row));
            }
            found.sort_by_key(|(id, call, row)| (*id, *call, !row.is_stmt, row.addr));
            found.dedup_by_key(|it| (it.0, it.1));
            sites.extend(found.iter().map(|(id, call, row)| {
                let is_entry = *call == 0
                    && self.native_function(*id).is_some_and(|it| it.entry == row.addr);
                if is_entry { self.native_prologue_end(*id) } else { row.addr }
            }));
        }
        is_known
    }

    /// Where calls of a function of C have been inlined into others.
    pub(super) fn native_inlined_sites(&self, name: &str) -> Vec<FileAddr> {
        let mut sites = Vec::new();
        if !name.starts_with(PREFIX) {
            return sites;
        }
        let native = self.native();
        let dies: Vec<usize> = native
            .inlined
            .iter()
            .filter(|it| it.1 == name)
            .map(|it| it.0 as usize)
            .collect();
        if dies.is_empty() {
            return sites;
        }
        for function in &native.functions {
            let Some((unit, die)) = self.function_die(FileAddr(function.entry)) else {
                continue;
            };
            self.each_inlined_call(unit, &die, |call| {
                if call.origin.is_some_and(|it| dies.contains(&it)) {
                    let ranges = unit.ranges_of(self, call);
                    let entry = ranges.iter().map(|it| it.start).min();
                    // What has been inlined to nothing is still at a place.
                    let nothing = || unit.address(self, call.low_pc?);
                    sites.extend(entry.or_else(nothing).map(FileAddr));
                }
            });
        }
        sites
    }
}
