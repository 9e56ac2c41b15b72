//! Which code of C is in the program? Its functions, and the files that it is from.
//!
//! Go's own table knows nothing of it, so all of this is from DWARF. A program that Go's
//! linker has made alone has no such code: there, nothing is read and nothing kept.
//!
//! A function of C is called `C.name`, as in Go source, and numbered behind all of Go's.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::Binary;
use super::dies::Die;
use super::dies::DieReader;
use super::functions::{Function, FunctionFlags, FunctionId};
use super::line_program;
use super::lines::FileIndex;
use super::units::Unit;
use crate::engine::addr::FileAddr;

/// The numbers of functions and files of C begin here.
const FIRST: u32 = 1 << 31;
/// Functions of C in a program; more are damage.
const FUNCTIONS_MAX: usize = 1 << 20;
/// Files that C is from, headers included; more are damage.
const FILES_MAX: usize = 1 << 20;
/// Parts of functions of C; more are damage.
const RANGES_MAX: usize = 1 << 21;
/// Paths that are read from line tables: many units name the same ones.
const PATHS_READ_MAX: usize = 1 << 22;
/// Names that are longer are damage.
pub const NAME_LEN_MAX: usize = 1 << 12;

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

impl NativeCode {
    fn build(binary: &Binary) -> NativeCode {
        let mut native = NativeCode::default();
        let units: Vec<&Unit> = binary.native_units().collect();
        let mut files = BTreeSet::new();
        let mut n_paths = 0;
        for unit in &units {
            let paths = line_program::paths(binary, unit);
            n_paths += paths.len();
            files.extend(paths);
            if n_paths > PATHS_READ_MAX {
                break;
            }
        }
        // What Go's table knows too is a file of Go's: C in the comment above `import "C"`.
        files.retain(|it| binary.go_file_index(it).is_none());
        native.files = files.into_iter().take(FILES_MAX).map(Arc::from).collect();
        let mut functions = Vec::new();
        let mut n_paths = 0;
        for unit in units {
            n_paths += native.read_functions(binary, unit, &mut functions);
            if n_paths > PATHS_READ_MAX {
                break;
            }
        }
        functions.sort_by_key(|it| it.0.entry);
        for ((function, ranges), index) in functions.into_iter().zip(0..) {
            if native.ranges.len() < RANGES_MAX {
                native.ranges.extend(ranges.iter().map(|it| (it.0, it.1, index)));
            }
            native.functions.push(function);
        }
        native.ranges.sort_unstable();
        native.inlined.sort_unstable();
        let mut by_name: Vec<u32> = (0..native.functions.len() as u32).collect();
        by_name.sort_by_key(|it| native.functions[*it as usize].name.as_str());
        native.by_name = by_name;
        native
    }

    /// Returns how many paths were read for it.
    fn read_functions(
        &mut self,
        binary: &Binary,
        unit: &Unit,
        functions: &mut Vec<(NativeFunction, Vec<(u64, u64)>)>,
    ) -> usize {
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
            let is_name = |it: &&[u8]| it.len() <= NAME_LEN_MAX;
            let name = die.name.filter(is_name);
            let Some(name) = name.filter(|_| is_there && first.start != 0) else {
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
                && let Some(name) = die.name.filter(|it| it.len() <= NAME_LEN_MAX)
                && self.inlined.len() < FUNCTIONS_MAX
            {
                self.inlined.push((*offset, prefixed(name), line_of(die.decl_line)));
            }
        }
        paths.len()
    }

    /// Where the parts of a function are.
    pub fn parts_of(&self, id: FunctionId) -> impl Iterator<Item = Range<u64>> {
        let own = self.ranges.iter().filter(move |it| FunctionId(FIRST + it.2) == id);
        own.map(|it| it.0..it.1)
    }

    /// The DIEs of the functions of this name that are inlined somewhere.
    pub fn inlined_named(&self, name: &str) -> Vec<usize> {
        let found = self.inlined.iter().filter(|it| it.1 == name);
        found.map(|it| it.0 as usize).collect()
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

    /// The DIE, the name and the line of a function that is inlined somewhere.
    pub fn inlined(&self, die: u32) -> Option<&(u32, String, u32)> {
        let found = self.inlined.binary_search_by_key(&die, |it| it.0).ok()?;
        self.inlined.get(found)
    }
}

fn prefixed(name: &[u8]) -> String {
    format!("{PREFIX}{}", String::from_utf8_lossy(name))
}

pub fn line_of(line: Option<u64>) -> u32 {
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
}
