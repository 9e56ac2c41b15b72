//! Where in the code of C is a line, and which calls are inlined there?
//!
//! For Go's code see [`lines`](super::lines) and [`functions`](super::functions).

use std::ops::Range;
use std::sync::Arc;

use super::Binary;
use super::dies::DieReader;
use super::functions::{Function, FunctionId, InlineFrame, SourceLine};
use super::lines::{FileIndex, LineRow};
use super::native::{PREFIX, line_of};
use crate::engine::addr::FileAddr;

/// Calls inlined in each other; deeper ones are damage.
const INLINED_DEPTH_MAX: usize = 256;
/// Parts of calls inlined in one function; more are not told apart.
const CALLS_MAX: usize = 1 << 18;
/// Rows of one line in one unit that are looked at.
const ROWS_OF_LINE_MAX: usize = 1 << 14;
/// Functions whose rows and calls are remembered.
const BODIES_KEPT_MAX: usize = 64;

/// What is in a function of C.
#[derive(Debug)]
pub struct Body {
    /// Sorted by address; those at one address in the order of the line table.
    rows: Vec<LineRow>,
    calls: Vec<InlinedCall>,
}

/// A part of a call inlined in a function of C.
#[derive(Debug)]
struct InlinedCall {
    /// The DIE of the function that was called.
    origin: u32,
    /// The DIE of the call.
    die: usize,
    range: Range<u64>,
    file: FileIndex,
    line: u32,
}

impl Body {
    /// Outermost first.
    fn calls_around(&self, pc: FileAddr) -> impl Iterator<Item = &InlinedCall> {
        let around = self.calls.iter().filter(move |it| it.range.contains(&pc.0));
        around.take(INLINED_DEPTH_MAX)
    }

    /// Optimized code has several statements at one address, of which the last has the
    /// code; `first` asks for the first if there are at `pc`.
    fn position(&self, pc: FileAddr, first: bool) -> (FileIndex, u32) {
        let after = self.rows.partition_point(|it| it.addr <= pc);
        let Some(last) = self.rows[..after].last() else {
            return (FileIndex::UNKNOWN, 0);
        };
        let start = self.rows.partition_point(|it| it.addr < pc);
        let here = &self.rows[start..after];
        let first = here.iter().find(|it| it.is_stmt).filter(|_| first);
        let row = first.unwrap_or(last);
        (row.file, row.line)
    }
}

impl Binary {
    /// The frames at a PC in a function of C, innermost first.
    pub(super) fn native_inline_stack(
        &self,
        id: FunctionId,
        pc: FileAddr,
    ) -> Vec<InlineFrame<'_>> {
        let Some(function) = self.native_function(id) else { return Vec::new() };
        let body = self.native_body(&function);
        let calls: Vec<&InlinedCall> = body.calls_around(pc).collect();
        // Where an inlined call begins, what comes first is of the code around it.
        let first = calls.last().is_none_or(|it| it.range.start != pc.0);
        let innermost = body.position(pc, first);
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

    /// What is in a function of C; remembered, because who asks once asks for many places.
    fn native_body(&self, function: &Function<'_>) -> Arc<Body> {
        let known = self.native_bodies.lock().unwrap_or_else(|it| it.into_inner());
        if let Some(found) = known.get(&function.id) {
            return found.clone();
        }
        drop(known);
        let body = Arc::new(Body {
            rows: self.read_native_rows(function),
            calls: self.read_inlined_calls(function.entry),
        });
        let mut known = self.native_bodies.lock().unwrap_or_else(|it| it.into_inner());
        if known.len() >= BODIES_KEPT_MAX {
            known.clear();
        }
        known.insert(function.id, body.clone());
        body
    }

    fn read_native_rows(&self, function: &Function<'_>) -> Vec<LineRow> {
        let unit = self.units().at_pc(function.entry.0);
        let program = unit.and_then(|it| self.line_program(it));
        let mut rows = Vec::new();
        for part in self.native().parts_of(function.id) {
            let of_part = program.map(|it| it.rows(self, part.start, part.end));
            rows.extend(of_part.unwrap_or_default());
        }
        rows.sort_by_key(|it| it.addr);
        rows
    }

    /// The calls inlined in the function of C at `entry`, outer ones before those in them.
    fn read_inlined_calls(&self, entry: FileAddr) -> Vec<InlinedCall> {
        let mut calls: Vec<InlinedCall> = Vec::new();
        let Some((unit, function)) = self.function_die(entry) else { return calls };
        if !function.has_children {
            return calls;
        }
        let program = self.line_program(unit);
        let inlined = gimli::DW_TAG_inlined_subroutine.0;
        let mut reader = DieReader::new(self, unit, function.offset);
        reader.next();
        // Blocks are passed over: a call's ranges are within those of what is around it.
        while calls.len() < CALLS_MAX
            && let Some(call) = reader.next_if(|tag, _| tag == inlined)
        {
            let Some(origin) = call.origin.and_then(|it| u32::try_from(it).ok()) else {
                continue;
            };
            let file = program.zip(call.call_file).map(|(it, number)| it.file(number));
            let ranges = unit.ranges_of(self, &call);
            calls.extend(ranges.into_iter().map(|range| InlinedCall {
                origin,
                die: call.offset,
                range,
                file: file.unwrap_or(FileIndex::UNKNOWN),
                line: line_of(call.call_line),
            }));
        }
        calls
    }

    /// The source position of code that is not Go's, that of the innermost inlined call.
    pub(super) fn native_line_at(&self, pc: FileAddr) -> Option<SourceLine<'_>> {
        if let Some(id) = self.native_at(pc) {
            let frames = self.native_inline_stack(id, pc);
            return frames.first().map(|it| SourceLine { file: it.file, line: it.line });
        }
        // Assembly has lines, but no functions.
        let units = self.may_be_native().then(|| self.units())?;
        let unit = units.at_pc(pc.0).filter(|it| !it.is_go)?;
        let (file, line) = self.line_program(unit)?.position(self, pc.0)?;
        Some(SourceLine { file: self.file(file), line })
    }

    pub(super) fn native_rows(&self, id: FunctionId) -> Vec<LineRow> {
        let function = self.native_function(id);
        function.map_or(Vec::new(), |it| self.native_body(&it).rows.clone())
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
        let mut is_known = false;
        for unit in self.native_units() {
            let Some(program) = self.line_program(unit) else { continue };
            if program.numbers_of(file).next().is_none() {
                continue;
            }
            is_known = true;
            let rows = program.rows_of_line(self, file, line);
            let mut found: Vec<(FunctionId, usize, LineRow)> = Vec::new();
            for row in rows.into_iter().take(ROWS_OF_LINE_MAX) {
                let Some(id) = self.native_at(row.addr) else { continue };
                let Some(function) = self.native_function(id) else { continue };
                let body = self.native_body(&function);
                let call = body.calls_around(row.addr).last().map_or(0, |it| it.die);
                found.push((id, call, row));
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
        let dies = self.native().inlined_named(name);
        if dies.is_empty() {
            return sites;
        }
        for id in self.native_functions() {
            let entry = self.function(id).entry;
            let Some((unit, die)) = self.function_die(entry) else { continue };
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
