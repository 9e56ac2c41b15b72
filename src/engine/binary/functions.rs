//! Which function is this? Functions by PC and by name, and the calls inlined in them.

use std::hash::Hasher as _;
use std::ops::Range;

use super::Binary;
use super::pclntab::RawFunction;
use super::symbol_name;
use crate::engine::addr::FileAddr;

/// A function with machine code of its own: its place in Go's function table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionId(pub u32);

/// A function with machine code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function<'a> {
    pub id: FunctionId,
    /// As Go prints it in tracebacks: `main.(*T).M`, `main.F[...]`, `main.F.func1`.
    pub name: &'a str,
    pub entry: FileAddr,
    /// The first address after it.
    pub end: FileAddr,
    /// The file it is declared in; empty if the table does not say.
    pub file: &'a str,
    /// The line of its `func` keyword; for Go before 1.20, the line of its entry.
    pub start_line: u32,
    pub flags: FunctionFlags,
    /// Where a recovered panic resumes: the call of `runtime.deferreturn`.
    pub deferreturn: Option<FileAddr>,
}

/// What the compiler says of a function: `abi.FuncFlag*` in
/// `$GOROOT/src/internal/abi/symtab.go`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FunctionFlags {
    /// The outermost function of a stack: unwinding ends here.
    pub top_frame: bool,
    /// Writes an arbitrary value to SP: cannot be unwound through by `pcsp` alone.
    pub sp_write: bool,
    /// Written in assembly.
    pub asm: bool,
    /// Made by the compiler, to call another function. Only said of Go ≤ 1.21: later such
    /// functions have names of their own (`main.f.deferwrap1`).
    pub wrapper: bool,
}

/// A position in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceLine<'a> {
    pub file: &'a str,
    pub line: u32,
}

/// One of the frames that share a PC: the function itself, or a call inlined in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InlineFrame<'a> {
    pub function: &'a str,
    pub file: &'a str,
    /// Where execution is in this frame: for an outer frame, the line of the call.
    pub line: u32,
    /// The entry of the physical function, the same for all of the frames.
    pub entry: FileAddr,
    pub inlined: bool,
    /// The line where `function` begins; 0 if unknown.
    pub start_line: u32,
}

/// Inlined calls of a whole program; more are damage.
const INLINED_MAX: usize = 1 << 23;

/// `abi.FuncFlag*`.
const FLAG_TOP_FRAME: u8 = 1;
const FLAG_SP_WRITE: u8 = 2;
const FLAG_ASM: u8 = 4;

/// `abi.FuncIDWrapper`, and `funcID_wrapper` before, of Go 1.19 to 1.21.
const KIND_WRAPPER: u8 = 21;

impl Binary {
    /// From `runtime.text` to `runtime.etext`: the machine code of Go functions.
    pub fn text_range(&self) -> Range<FileAddr> {
        let (start, end) = self.table().text_range();
        FileAddr(start)..FileAddr(end)
    }

    /// The function that contains `pc`, its padding included; one of C where there is no
    /// code of Go's.
    pub fn function_at(&self, pc: FileAddr) -> Option<FunctionId> {
        let found = self.table().function_at(pc.0).map(FunctionId);
        found.or_else(|| self.native_at(pc))
    }

    /// What is known of a function. An `id` of another binary gives a function without
    /// name and code.
    pub fn function(&self, id: FunctionId) -> Function<'_> {
        if let Some(found) = self.native_function(id) {
            return found;
        }
        let Some(raw) = self.table().function(id.0) else {
            return Function {
                id,
                name: "",
                entry: FileAddr(0),
                end: FileAddr(0),
                file: "",
                start_line: 0,
                flags: FunctionFlags::default(),
                deferreturn: None,
            };
        };
        Function {
            id,
            name: self.table().name(raw.name_offset),
            entry: FileAddr(raw.entry),
            end: FileAddr(raw.end),
            file: self.path_at(&raw, raw.entry),
            start_line: raw.start_line,
            flags: FunctionFlags {
                top_frame: raw.flags & FLAG_TOP_FRAME != 0,
                sp_write: raw.flags & FLAG_SP_WRITE != 0,
                asm: raw.flags & FLAG_ASM != 0,
                wrapper: raw.kind == KIND_WRAPPER
                    && self.go_version().is_some_and(|it| it.minor <= 21),
            },
            deferreturn: (raw.deferreturn != 0)
                .then(|| FileAddr(raw.entry.wrapping_add(u64::from(raw.deferreturn)))),
        }
    }

    /// All functions of Go in the order of their addresses.
    pub fn functions(&self) -> impl Iterator<Item = FunctionId> + use<> {
        (0..self.table().n_functions()).map(FunctionId)
    }

    /// The functions with exactly this name; several if some are wrappers (of another
    /// ABI) or generic instances.
    pub fn functions_named(&self, name: &str) -> Vec<FunctionId> {
        let mut found = self.functions_like(name);
        found.retain(|it| self.is_native(*it) || self.name_of(*it) == name);
        found
    }

    /// The functions with this name, whatever their type arguments: `main.Map` and
    /// `main.Map[int]` both find `main.Map[...]`.
    pub fn functions_like(&self, name: &str) -> Vec<FunctionId> {
        let wanted = symbol_name::without_type_arguments(name);
        let table = self.table();
        let index = self.name_index();
        let places = index.physical.places(&wanted);
        let mut found: Vec<_> = places
            .filter(|it| {
                let name = table.name_offset_of(*it).map(|it| table.name(it));
                name.is_some_and(|it| symbol_name::without_type_arguments(it) == wanted)
            })
            .map(FunctionId)
            .collect();
        found.extend(self.native_named(name));
        found.sort_unstable();
        found
    }

    pub(super) fn name_of(&self, id: FunctionId) -> &str {
        let offset = self.table().name_offset_of(id.0);
        offset.map_or("", |it| self.table().name(it))
    }

    /// The functions that calls of the function `name` are inlined in; type arguments
    /// as for [`functions_like`](Self::functions_like).
    pub fn inlined_in(&self, name: &str) -> Vec<FunctionId> {
        let wanted = symbol_name::without_type_arguments(name);
        let index = self.name_index();
        let mut found = Vec::new();
        for offset in index.inlined.places(&wanted) {
            let name = self.table().name(offset);
            if symbol_name::without_type_arguments(name) != wanted {
                continue;
            }
            let start = index.inlined_in.partition_point(|it| it.0 < offset);
            let hosts = index.inlined_in[start..].iter();
            found
                .extend(hosts.take_while(|it| it.0 == offset).map(|it| FunctionId(it.1)));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The names of all functions, those included that exist only inlined; sorted,
    /// without duplicates.
    pub fn function_names(&self) -> impl Iterator<Item = &str> {
        self.sorted_names
            .get_or_init(|| {
                let table = self.table();
                let inlined = self.name_index().inlined.0.iter().map(|it| it.1);
                let physical =
                    (0..table.n_functions()).filter_map(|it| table.name_offset_of(it));
                let mut names: Vec<_> =
                    physical.chain(inlined).map(|it| table.name(it)).collect();
                names.extend(self.native_names());
                names.sort_unstable();
                names.dedup();
                Names::new(&names)
            })
            .iter()
    }

    /// The import paths of all packages that have functions, sorted. C functions are in
    /// none, whatever their names look like (`x_cgo_munmap.cold`): they have no file here.
    /// What the compiler calls `_` is none either.
    pub fn packages(&self) -> Vec<String> {
        let mut packages: Vec<_> = self
            .functions()
            .map(|it| self.function(it))
            .filter(|it| !it.file.is_empty())
            .map(|it| symbol_name::package(it.name))
            .filter(|it| !matches!(*it, "" | "_"))
            .collect();
        packages.dedup();
        packages.sort_unstable();
        packages.dedup();
        packages.into_iter().map(symbol_name::unescape).collect()
    }

    /// The source position of `pc`, that of the innermost inlined call.
    pub fn line_at(&self, pc: FileAddr) -> Option<SourceLine<'_>> {
        let raw = self.table().function_at(pc.0).and_then(|it| self.table().function(it));
        let Some(raw) = raw else { return self.native_line_at(pc) };
        self.position(&raw, pc.0)
    }

    fn position(&self, raw: &RawFunction, pc: u64) -> Option<SourceLine<'_>> {
        let line = self.table().line_of(raw, pc)?;
        Some(SourceLine { file: self.path_at(raw, pc), line })
    }

    fn path_at(&self, raw: &RawFunction, pc: u64) -> &str {
        let table = self.table();
        let offset =
            table.file_of(raw, pc).and_then(|it| table.path_offset(raw.unit, it));
        offset.map_or("", |it| table.path(it))
    }

    /// The frames at `pc`, innermost first; the last is the physical function. Empty if
    /// `pc` is in no function.
    pub fn inline_stack(&self, pc: FileAddr) -> Vec<InlineFrame<'_>> {
        let table = self.table();
        let raw = table.function_at(pc.0).and_then(|it| table.function(it));
        let Some(raw) = raw else {
            let native = self.native_at(pc);
            return native.map_or(Vec::new(), |it| self.native_inline_stack(it, pc));
        };
        let frame = |name_offset: u32, at: u64, inlined: bool, start_line: u32| {
            let position = self.position(&raw, at);
            InlineFrame {
                function: table.name(name_offset),
                file: position.map_or("", |it| it.file),
                line: position.map_or(0, |it| it.line),
                entry: FileAddr(raw.entry),
                inlined,
                start_line,
            }
        };
        let calls = table.inlined_calls(&raw, pc.0);
        let outermost = calls
            .last()
            .map_or(pc.0, |(call, _)| raw.entry.wrapping_add(u64::from(call.parent_pc)));
        calls
            .iter()
            .map(|(call, at)| frame(call.name_offset, *at, true, call.start_line))
            .chain([frame(raw.name_offset, outermost, false, raw.start_line)])
            .collect()
    }

    /// How far SP is below its value at the function's entry: the canonical frame address
    /// is SP + this + 8, and the return address is the word below it.
    pub fn sp_delta(&self, pc: FileAddr) -> Option<u64> {
        let raw = self.table().function(self.table().function_at(pc.0)?)?;
        u64::try_from(self.table().sp_delta(&raw, pc.0)?).ok()
    }

    /// The value of one of the function's `PCDATA` tables at `pc` (`abi.PCDATA_*`); −1
    /// where the function has no such table, `None` where there is no function.
    pub fn pcdata(&self, pc: FileAddr, table: u32) -> Option<i32> {
        let raw = self.table().function(self.table().function_at(pc.0)?)?;
        self.table().pcdata(&raw, table, pc.0)
    }

    /// The address of one of the function's `FUNCDATA` (`abi.FUNCDATA_*`).
    pub fn funcdata(&self, id: FunctionId, index: u32) -> Option<FileAddr> {
        let raw = self.table().function(id.0)?;
        self.table().funcdata(&raw, index)
    }

    pub(super) fn name_index(&self) -> &NameIndex {
        self.names.get_or_init(|| NameIndex::build(self))
    }
}

/// Names without type arguments, by hash: which functions are called so?
#[derive(Debug, Default)]
pub struct NameIndex {
    /// Places are numbers of functions.
    physical: HashedNames,
    /// Places are offsets in the table of names.
    inlined: HashedNames,
    /// Offset of an inlined function's name, and the number of a function that a call of
    /// it is inlined in; sorted.
    inlined_in: Vec<(u32, u32)>,
}

/// Names one after another: to go through those of the file, which lie about in it,
/// takes three times as long.
#[derive(Debug, Default)]
pub struct Names {
    text: String,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Names {
    fn new(names: &[&str]) -> Names {
        let mut text = String::with_capacity(names.iter().map(|it| it.len()).sum());
        let end_of = |name: &&str| {
            text.push_str(name);
            text.len()
        };
        let ends = names.iter().map(end_of).collect();
        Names { text, ends }
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).map(|(start, end)| &self.text[*start..*end])
    }
}

/// Hashes of names, and a place for each; sorted.
#[derive(Debug, Default)]
pub struct HashedNames(Vec<(u32, u32)>);

impl HashedNames {
    pub fn new(mut names: Vec<(u32, u32)>) -> HashedNames {
        names.sort_unstable();
        names.shrink_to_fit();
        HashedNames(names)
    }

    /// The places of the names that may be `name`.
    pub fn places(&self, name: &str) -> impl Iterator<Item = u32> + '_ {
        let hash = hash(name);
        let start = self.0.partition_point(|it| it.0 < hash);
        self.0[start..].iter().take_while(move |it| it.0 == hash).map(|it| it.1)
    }
}

pub fn hash(name: &str) -> u32 {
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(name.as_bytes());
    let hash = hasher.finish();
    (hash ^ (hash >> 32)) as u32
}

/// Functions after which the pages that they took are given back.
const FORGET_EVERY: u32 = 8192;

impl NameIndex {
    /// Reads every function's name and inline tree; some milliseconds on a large binary.
    fn build(binary: &Binary) -> NameIndex {
        let table = binary.table();
        let hashed =
            |offset: u32| hash(&symbol_name::without_type_arguments(table.name(offset)));
        let mut physical = Vec::with_capacity(table.n_functions() as usize);
        let mut inlined_in = Vec::new();
        for index in 0..table.n_functions() {
            // This goes through all of the table, once: 20 MB of a large binary.
            if index.is_multiple_of(FORGET_EVERY) {
                binary.elf.map.forget();
            }
            let Some(function) = table.function(index) else { continue };
            physical.push((hashed(function.name_offset), index));
            let start = inlined_in.len();
            if start >= INLINED_MAX {
                continue;
            }
            for call in 0..=table.inline_index_max(&function).unwrap_or(-1) {
                let Some(call) = table.inlined_call(&function, call) else { break };
                inlined_in.push((call.name_offset, index));
            }
            inlined_in[start..].sort_unstable();
            let mut kept = start;
            for i in start..inlined_in.len() {
                if kept == start || inlined_in[kept - 1] != inlined_in[i] {
                    inlined_in[kept] = inlined_in[i];
                    kept += 1;
                }
            }
            inlined_in.truncate(kept);
        }
        inlined_in.sort_unstable();
        inlined_in.shrink_to_fit();
        let mut names: Vec<_> = inlined_in.iter().map(|it| it.0).collect();
        names.dedup();
        let inlined = names.into_iter().map(|it| (hashed(it), it)).collect();
        binary.elf.map.forget();
        NameIndex {
            physical: HashedNames::new(physical),
            inlined: HashedNames::new(inlined),
            inlined_in,
        }
    }
}
