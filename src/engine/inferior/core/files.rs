//! What a core file leaves out because it is in a file, and whether that file still is
//! what it was.
//!
//! The kernel does not write pages that nobody has written to since they were mapped from
//! a file (core(5), `coredump_filter`): all code, for example.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::engine::addr::Addr;
use crate::engine::inferior::core::elf::{Elf, PT_LOAD, PT_NOTE};
use crate::engine::inferior::core::notes::MappedFile;
use crate::engine::inferior::core::space::{Bytes, CoreMemory, Range, Source};
use crate::engine::memory::Memory;
use crate::engine::os::map::FileMap;

/// Files that are opened at most.
const FILES_MAX: usize = 1024;

/// The notes of a program are short: the build ids of linkers.
const IDENTITY_LEN_MAX: usize = 4096;

/// Whether a file is the one that was mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    Same,
    Other,
    /// Neither the file nor the core says.
    Unknown,
}

/// Compares the notes of an ELF file, where its build id is, with those in memory.
pub(super) fn identity(elf: &Elf<'_>, bias: u64, memory: &CoreMemory) -> Identity {
    let mut identity = Identity::Unknown;
    for segment in elf.segments(PT_NOTE) {
        let wanted = elf.contents(segment);
        if wanted.is_empty() || wanted.len() > IDENTITY_LEN_MAX {
            continue;
        }
        let mut found = vec![0; wanted.len()];
        match memory.read(Addr(segment.addr.wrapping_add(bias)), &mut found) {
            Ok(()) if found == wanted => identity = Identity::Same,
            Ok(()) => return Identity::Other,
            Err(_) => {}
        }
    }
    identity
}

/// Adds what the executable puts into memory, where the core says nothing.
pub(super) fn add_executable(
    elf: &Elf<'_>,
    bias: u64,
    index: usize,
    to: &mut CoreMemory,
) {
    let loads = elf.segments(PT_LOAD).map(|it| {
        let start = it.addr.wrapping_add(bias);
        let (from, end) = it.file_range(elf.bytes.len());
        let source = Source::File { index, offset: from as u64 };
        Range { start, end: start.saturating_add((end - from) as u64), source }
    });
    let loads: Vec<Range> = loads.collect();
    to.add(loads);
}

/// Adds what was mapped from the executable, by the pages as they were: around what its
/// headers speak of there is more of the file.
pub(super) fn add_pages_of(
    path: &Path,
    files: &[MappedFile],
    (index, len): (usize, u64),
    to: &mut CoreMemory,
) {
    let wanted = files.iter().filter(|it| it.path == path);
    to.add(wanted.map(|it| it.range_in(index, len)).collect());
}

impl MappedFile {
    /// As far as the file goes that is there now.
    fn range_in(&self, index: usize, len: u64) -> Range {
        let there = len.saturating_sub(self.offset);
        let end = self.end.min(self.start.saturating_add(there));
        let source = Source::File { index, offset: self.offset };
        Range { start: self.start, end, source }
    }
}

/// Adds what was mapped from other files, where the core says nothing. `executable` is
/// known under another name here perhaps, and has been added.
pub(super) fn add_mapped(
    files: &[MappedFile],
    executable: Option<&Path>,
    written: SystemTime,
    to: &mut CoreMemory,
) {
    let mut by_path: BTreeMap<&PathBuf, Vec<&MappedFile>> = BTreeMap::new();
    for file in files {
        if Some(file.path.as_path()) != executable && to.has_gap(file.start, file.end) {
            by_path.entry(&file.path).or_default().push(file);
        }
    }
    for (path, wanted) in by_path.into_iter().take(FILES_MAX) {
        let Some((bytes, len)) = open(path, files, written, to) else {
            let path = path.display();
            tracing::info!(target: "engine", "{path} is not what the core file had mapped");
            continue;
        };
        let index = to.add_file(bytes);
        to.add(wanted.iter().map(|it| it.range_in(index, len)).collect());
    }
}

/// A mapped file and its length, unless it has changed since.
fn open(
    path: &Path,
    files: &[MappedFile],
    written: SystemTime,
    memory: &CoreMemory,
) -> Option<(Bytes, u64)> {
    // Not before it is known that opening it does nothing, as it might with a device.
    let info = std::fs::metadata(path).ok()?;
    if !info.is_file() || !path.is_absolute() {
        return None;
    }
    let file = File::open(path).ok()?;
    let is_older = info.modified().is_ok_and(|it| it <= written);
    let map = Arc::new(FileMap::map(&file).ok()?);
    let Ok(elf) = Elf::parse(&map) else {
        return is_older.then_some((Bytes::Read(file), info.len()));
    };
    let first = elf.segments(PT_LOAD).next().map_or(0, |it| it.addr & !0xfff);
    let head = files.iter().find(|it| it.path == path && it.offset == 0);
    let found = head.map_or(Identity::Unknown, |it| {
        identity(&elf, it.start.wrapping_sub(first), memory)
    });
    let is_same = match found {
        Identity::Same => true,
        Identity::Other => false,
        Identity::Unknown => is_older,
    };
    drop(elf);
    is_same.then_some((Bytes::Mapped(map), info.len()))
}
