//! Where in the machine code does a source line begin, and where may one stop?

use std::sync::Arc;

use super::Binary;
use super::FunctionId;
use super::line_program::LineProgram;
use super::pclntab::RawFunction;
use super::symbol_name;
use super::units::Unit;
use crate::engine::addr::FileAddr;

/// A source file: an index into [`Binary::files`](super::Binary::files).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileIndex(pub u32);

impl FileIndex {
    /// A file that Go's own table does not know.
    pub const UNKNOWN: FileIndex = FileIndex(u32::MAX);
}

/// A row of a function's line table: from `addr` up to the next row's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineRow {
    pub addr: FileAddr,
    pub file: FileIndex,
    pub line: u32,
    /// A recommended place to stop (DWARF 5 §6.2.2).
    pub is_stmt: bool,
    /// Where the function's frame is ready.
    pub prologue_end: bool,
}

/// Where a breakpoint on a source line belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineSites {
    /// One for each function that the line has code in (generic instances, inlined
    /// copies); sorted, never empty.
    Sites(Vec<FileAddr>),
    /// The file is known, the line has no code. `next` is the next line that has, in the
    /// function around the line.
    NoStatement { next: Option<u32> },
    /// No function of the program comes from such a file.
    NoFile,
}

/// The source files of a program, from Go's own table.
#[derive(Debug, Default)]
pub struct Files {
    /// Sorted.
    paths: Vec<Arc<str>>,
    /// For each path, where it is in Go's table of files.
    offsets: Vec<u32>,
    /// Functions of one unit that follow each other: the first function, the unit.
    units: Vec<(u32, u32)>,
}

impl Files {
    fn build(binary: &Binary) -> Files {
        let table = binary.table();
        let mut offsets: Vec<_> =
            table.unit_files().filter(|it| *it != u32::MAX).collect();
        offsets.sort_unstable();
        offsets.dedup();
        let mut files: Vec<_> =
            offsets.into_iter().map(|it| (table.path(it), it)).collect();
        files.retain(|it| !it.0.is_empty());
        files.sort_unstable();
        files.dedup_by_key(|it| it.0);
        let mut units: Vec<(u32, u32)> = Vec::new();
        for index in 0..table.n_functions() {
            let Some(unit) = table.unit_of(index) else { continue };
            if units.last().is_none_or(|it| it.1 != unit) {
                units.push((index, unit));
            }
        }
        Files {
            paths: files.iter().map(|it| Arc::from(it.0)).collect(),
            offsets: files.iter().map(|it| it.1).collect(),
            units,
        }
    }
}

impl Binary {
    fn file_table(&self) -> &Files {
        self.files.get_or_init(|| Files::build(self))
    }

    /// The paths of all source files that Go's own table knows, sorted.
    pub fn files(&self) -> &[Arc<str>] {
        &self.file_table().paths
    }

    /// The path of a file; empty for [`FileIndex::UNKNOWN`].
    pub fn file(&self, index: FileIndex) -> &str {
        match self.files().get(index.0 as usize) {
            Some(found) => found,
            None => self.native_file(index),
        }
    }

    /// The index of a path in [`files`](Self::files), or of a file of C.
    pub fn file_index(&self, path: &str) -> Option<FileIndex> {
        self.go_file_index(path).or_else(|| self.native_file_index(path))
    }

    pub(super) fn go_file_index(&self, path: &str) -> Option<FileIndex> {
        let found = self.files().binary_search_by(|it| (**it).cmp(path)).ok()?;
        Some(FileIndex(u32::try_from(found).ok()?))
    }

    pub(super) fn line_program<'a>(&self, unit: &'a Unit) -> Option<&'a LineProgram> {
        unit.lines.get_or_init(|| LineProgram::load(self, unit)).as_ref()
    }

    /// The line table of a function, sorted by address. Without DWARF, rows are made from
    /// Go's own table, all of them `is_stmt`.
    pub fn rows(&self, id: FunctionId) -> Vec<LineRow> {
        if self.is_native(id) {
            return self.native_rows(id);
        }
        let Some(raw) = self.table().function(id.0) else { return Vec::new() };
        let rows = self.dwarf_rows(&raw);
        if rows.is_empty() { self.table_rows(&raw) } else { rows }
    }

    fn dwarf_rows(&self, raw: &RawFunction) -> Vec<LineRow> {
        if !self.has_dwarf() {
            return Vec::new();
        }
        let program = self.units().at_pc(raw.entry).and_then(|it| self.line_program(it));
        let mut rows = program.map_or(Vec::new(), |it| it.rows(self, raw.entry, raw.end));
        rows.sort_by_key(|it| it.addr);
        rows
    }

    /// Rows from Go's own table, where a PC range changes its file or line.
    fn table_rows(&self, raw: &RawFunction) -> Vec<LineRow> {
        let table = self.table();
        let mut files = table.files(raw).peekable();
        let mut rows: Vec<LineRow> = Vec::new();
        for lines in table.lines(raw) {
            let mut at = lines.start;
            while at < lines.end {
                while files.peek().is_some_and(|it| it.end <= at) {
                    files.next();
                }
                let file = files.peek().and_then(|it| {
                    self.go_file_index(table.path(table.path_offset(raw.unit, it.value)?))
                });
                let row = LineRow {
                    addr: FileAddr(at),
                    file: file.unwrap_or(FileIndex::UNKNOWN),
                    line: u32::try_from(lines.value).unwrap_or(0),
                    is_stmt: true,
                    prologue_end: false,
                };
                rows.push(row);
                at = files.peek().map_or(lines.end, |it| it.end.min(lines.end));
            }
        }
        rows.dedup_by(|next, row| next.file == row.file && next.line == row.line);
        rows
    }

    /// Where a breakpoint on the function belongs: behind its prologue, so that it is hit
    /// once a call (the prologue may run twice, when the stack grows) and the frame can
    /// be read.
    pub fn prologue_end(&self, id: FunctionId) -> FileAddr {
        if self.is_native(id) {
            return self.native_prologue_end(id);
        }
        let Some(raw) = self.table().function(id.0) else { return FileAddr(0) };
        self.behind_prologue(&raw, &self.rows(id))
    }

    fn behind_prologue(&self, raw: &RawFunction, rows: &[LineRow]) -> FileAddr {
        if let Some(row) = rows.iter().find(|it| it.prologue_end) {
            return row.addr;
        }
        let end = FileAddr(raw.entry);
        if !self.has_dwarf() || self.has_stack_check(raw) {
            let end = self.prologue_end_by_frame(raw);
            if end.0 != raw.entry {
                return end;
            }
        }
        let first = rows.iter().find(|it| it.is_stmt);
        first.map_or(end, |it| it.addr)
    }

    /// Whether the function begins with the check that may call `runtime.morestack` and
    /// run the function from its entry again (`stacksplit` in
    /// `cmd/internal/obj/x86/obj6.go`).
    fn has_stack_check(&self, raw: &RawFunction) -> bool {
        const CHECKS: [&[u8]; 4] = [
            &[0x49, 0x3b, 0x66, 0x10],
            &[0x4c, 0x8d, 0x64, 0x24],
            &[0x4c, 0x8d, 0xa4, 0x24],
            &[0x49, 0x89, 0xe4],
        ];
        let code = self.elf.bytes_at(FileAddr(raw.entry), 4);
        code.is_some_and(|code| CHECKS.iter().any(|it| code.starts_with(it)))
    }

    /// Finds the end of the prologue without DWARF, by the instructions that make the
    /// frame (`cmd/internal/obj/x86/obj6.go`, `preprocess`): until Go 1.20
    /// `sub rsp, N; mov [rsp+N-8], rbp; lea rbp, [rsp+N-8]`, since then
    /// `push rbp; mov rbp, rsp; sub rsp, N`. A function without frame has no prologue.
    pub(super) fn prologue_end_by_frame(&self, raw: &RawFunction) -> FileAddr {
        const MOV_RBP_RSP: &[u8] = &[0x48, 0x89, 0xe5];
        const SAVE_RBP: [&[u8]; 2] =
            [&[0x48, 0x89, 0x6c, 0x24], &[0x48, 0x89, 0xac, 0x24]];
        const SET_RBP: [&[u8]; 2] =
            [&[0x48, 0x8d, 0x6c, 0x24], &[0x48, 0x8d, 0xac, 0x24]];
        let table = self.table();
        let starts_with = |at: u64, code: &[u8]| {
            self.elf.bytes_at(FileAddr(at), code.len()) == Some(code)
        };
        let entry = FileAddr(raw.entry);
        let mut runs = table.sp_deltas(raw);
        let Some(first) = runs.find(|it| it.value > 0) else { return entry };
        let mut end = first.start;
        if starts_with(end, MOV_RBP_RSP) {
            // There DWARF's ends too.
            end += MOV_RBP_RSP.len() as u64;
        } else {
            for [short, long] in [SAVE_RBP, SET_RBP] {
                if starts_with(end, short) {
                    end += short.len() as u64 + 1;
                } else if starts_with(end, long) {
                    end += long.len() as u64 + 4;
                }
            }
        }
        if end < raw.end { FileAddr(end) } else { entry }
    }

    /// Where a breakpoint on a source line belongs. `file` is exactly one of
    /// [`files`](Self::files) or of [`native_files`](Self::native_files).
    ///
    /// In each function that has code of the line, and again in each call inlined in it
    /// that has, the site is the first statement of the line; the beginning of a function
    /// is replaced by the end of its prologue. So does Delve: `FindFileLocation` in
    /// `pkg/proc/bininfo.go`.
    pub fn line_sites(&self, file: &str, line: u32) -> LineSites {
        let Some(index) = self.file_index(file) else { return LineSites::NoFile };
        let functions = self.functions_with(index);
        let mut sites = Vec::new();
        for (raw, number) in &functions {
            if self.has_line(raw, *number, line) {
                self.add_line_sites(raw, index, line, &mut sites);
            }
        }
        self.add_native_sites(index, line, &mut sites);
        if sites.is_empty() {
            sites = self.call_sites(&functions, index, line);
        }
        sites.sort_unstable();
        sites.dedup();
        if sites.is_empty() {
            return LineSites::NoStatement { next: self.line_after(&functions, line) };
        }
        LineSites::Sites(sites)
    }

    /// The functions that have code from a file, with the file's number in their unit.
    fn functions_with(&self, file: FileIndex) -> Vec<(RawFunction, i32)> {
        let (table, files) = (self.table(), self.file_table());
        let Some(offset) = files.offsets.get(file.0 as usize).copied() else {
            return Vec::new();
        };
        let mut units: Vec<u32> = files.units.iter().map(|it| it.1).collect();
        units.sort_unstable();
        units.dedup();
        let mut numbers: Vec<(u32, i32)> = Vec::new();
        for (found, place) in table.unit_files().zip(0u32..) {
            if found == offset {
                let unit = units[..units.partition_point(|it| *it <= place)].last();
                let number = unit.and_then(|it| i32::try_from(place - it).ok());
                numbers.extend(unit.copied().zip(number));
            }
        }
        let mut functions = Vec::new();
        for (i, (first, unit)) in files.units.iter().enumerate() {
            let Ok(number) = numbers.binary_search_by_key(unit, |it| it.0) else {
                continue;
            };
            let number = numbers[number];
            let end = files.units.get(i + 1).map_or(table.n_functions(), |it| it.0);
            let raws = (*first..end).filter_map(|it| table.function(it));
            let with = raws.filter(|it| table.files(it).any(|it| it.value == number.1));
            functions.extend(with.map(|it| (it, number.1)));
        }
        functions
    }

    fn has_line(&self, raw: &RawFunction, file: i32, line: u32) -> bool {
        let table = self.table();
        let lines = table.lines(raw).filter(|it| u32::try_from(it.value) == Ok(line));
        let mut files = table.files(raw).filter(|it| it.value == file).peekable();
        for lines in lines {
            while files.peek().is_some_and(|it| it.end <= lines.start) {
                files.next();
            }
            if files.peek().is_some_and(|it| it.start < lines.end) {
                return true;
            }
        }
        false
    }

    fn add_line_sites(
        &self,
        raw: &RawFunction,
        file: FileIndex,
        line: u32,
        sites: &mut Vec<FileAddr>,
    ) {
        let table = self.table();
        let rows = self.rows(FunctionId(raw.index));
        let mut found: Vec<(Option<i32>, LineRow)> = rows
            .iter()
            .filter(|it| it.file == file && it.line == line)
            .map(|it| (table.inline_index(raw, it.addr.0), *it))
            .collect();
        if found.is_empty() || self.is_made_by_compiler(raw) {
            return;
        }
        // Statements come first, then what is first.
        found.sort_by_key(|(call, row)| (*call, !row.is_stmt, row.addr));
        found.dedup_by_key(|it| it.0);
        for (call, row) in found {
            let at_entry = call.is_none() && row.addr.0 == raw.entry;
            sites.push(match at_entry {
                true => self.behind_prologue_on_line(raw, &rows, line),
                false => row.addr,
            });
        }
    }

    /// The end of the prologue, unless another line is there.
    fn behind_prologue_on_line(
        &self,
        raw: &RawFunction,
        rows: &[LineRow],
        line: u32,
    ) -> FileAddr {
        let end = self.behind_prologue(raw, rows);
        let row = rows.iter().take_while(|it| it.addr <= end).last();
        match row {
            Some(row) if row.line == line => end,
            _ => FileAddr(raw.entry),
        }
    }

    /// Wrappers that the compiler makes of methods: their lines are somebody else's.
    fn is_made_by_compiler(&self, raw: &RawFunction) -> bool {
        if self.table().name(raw.name_offset).contains("·dwrap·") {
            return true;
        }
        let die = self.function_die(FileAddr(raw.entry));
        die.is_some_and(|it| self.with_origin(it.1).is_trampoline)
    }

    /// Where calls that are written on a line have been inlined, if that left no code of
    /// the line itself.
    fn call_sites(
        &self,
        functions: &[(RawFunction, i32)],
        file: FileIndex,
        line: u32,
    ) -> Vec<FileAddr> {
        let mut sites = Vec::new();
        for (raw, number) in functions {
            if !self.is_around(raw, *number, line) {
                continue;
            }
            let Some((unit, die)) = self.function_die(FileAddr(raw.entry)) else {
                continue;
            };
            let Some(program) = self.line_program(unit) else { continue };
            self.each_inlined_call(unit, &die, |call| {
                if call.call_line == Some(u64::from(line))
                    && program.numbers_of(file).any(|it| call.call_file == Some(it))
                {
                    let ranges = unit.ranges_of(self, call);
                    sites.extend(ranges.first().map(|it| FileAddr(it.start)));
                }
            });
        }
        sites
    }

    /// Whether a function has code of a file both before and after a line, and calls
    /// inlined in it.
    fn is_around(&self, raw: &RawFunction, file: i32, line: u32) -> bool {
        let table = self.table();
        if table.inline_index_max(raw).is_none() {
            return false;
        }
        let mut files = table.files(raw).peekable();
        let (mut before, mut after) = (false, false);
        for lines in table.lines(raw) {
            while files.peek().is_some_and(|it| it.end <= lines.start) {
                files.next();
            }
            if files.peek().is_some_and(|it| it.value == file) {
                let found = u32::try_from(lines.value).unwrap_or(0);
                before |= found < line;
                after |= found > line;
            }
        }
        before && after
    }

    /// The next line that has code, in the innermost function around `line`.
    fn line_after(&self, functions: &[(RawFunction, i32)], line: u32) -> Option<u32> {
        let table = self.table();
        let mut best: Option<(u32, u32)> = None;
        for (raw, number) in functions {
            if raw.start_line > line || table.file_of(raw, raw.entry) != Some(*number) {
                continue;
            }
            let lines = table.lines(raw).filter_map(|it| {
                let own = table.inline_index(raw, it.start).is_none();
                u32::try_from(it.value).ok().filter(|it| own && *it > line)
            });
            let Some(next) = lines.min() else { continue };
            if best.is_none_or(|it| it.0 < raw.start_line) {
                best = Some((raw.start_line, next));
            }
        }
        best.map(|it| it.1)
    }

    /// Where a breakpoint on a function belongs: behind the prologue of each of its
    /// instances (`name` may leave out type arguments), and at each inlined copy; sorted.
    pub fn function_sites(&self, name: &str) -> Vec<FileAddr> {
        let mut functions = self.functions_named(name);
        let exact = !functions.is_empty();
        if !exact {
            functions = self.functions_like(name);
        }
        let is_wrapper = |id: &FunctionId| self.function(*id).file == "<autogenerated>";
        if functions.iter().any(|it| !is_wrapper(it)) {
            functions.retain(|it| !is_wrapper(it));
        }
        let mut sites: Vec<_> =
            functions.into_iter().map(|it| self.prologue_end(it)).collect();
        sites.extend(self.native_inlined_sites(name));
        for host in self.inlined_in(name) {
            let entry = self.function(host).entry;
            let Some((unit, die)) = self.function_die(entry) else { continue };
            self.each_inlined_call(unit, &die, |call| {
                let origin = self.with_origin(*call);
                let found = std::str::from_utf8(origin.name.unwrap_or_default());
                let Ok(found) = found else { return };
                if found == name
                    || !exact
                        && symbol_name::without_type_arguments(found)
                            == symbol_name::without_type_arguments(name)
                {
                    let ranges = unit.ranges_of(self, call);
                    sites.extend(ranges.first().map(|it| FileAddr(it.start)));
                }
            });
        }
        sites.sort_unstable();
        sites.dedup();
        sites
    }
}
