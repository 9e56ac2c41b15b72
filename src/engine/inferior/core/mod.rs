//! A core file: what a process left behind, or what gcore, Delve or we wrote of one.
//!
//! | file      | question                                       |
//! |-----------|------------------------------------------------|
//! | [`elf`]   | what do the headers say?                       |
//! | [`notes`] | threads, the signal, the mapped files          |
//! | [`space`] | which bytes are where?                         |
//! | [`files`] | what can be taken from files that were mapped? |
//!
//! Only what is asked for is read: a core of many gigabytes opens as fast as a small one,
//! and takes no more memory.

pub(super) mod elf;
mod files;
pub(super) mod notes;
mod space;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::os::map::FileMap;
use crate::engine::os::ptrace::Tid;
use crate::engine::registers::Registers;

use elf::{CORE, EXECUTABLE, Elf, NotElf, PT_LOAD, SHARED};
use files::Identity;
use notes::Told;
use space::{Bytes, CoreMemory, Source};

pub use notes::Ending;

/// A raw XSAVE area that is longer than this is damage.
const XSAVE_LEN_MAX: usize = 1 << 16;

/// The legacy part of an XSAVE area, and its header (Intel SDM, volume 1, §13.4).
const FXSAVE_LEN: usize = 512;
const XSAVE_HEADER_LEN: usize = 64;

/// The file that a process left behind.
pub struct Core {
    pid: i32,
    command_line: String,
    ending: Ending,
    entry: Addr,
    /// Ascending by their ids.
    threads: Vec<Thread>,
    first: Option<Tid>,
    memory: Arc<CoreMemory>,
    missing: Missing,
    map: Arc<FileMap>,
}

struct Thread {
    tid: Tid,
    registers: Registers,
    vector: Vector,
}

/// Where in the file the vector registers of a thread are.
enum Vector {
    Absent,
    Xsave(Range<usize>),
    Fxsave(Range<usize>),
}

/// What should be in the file and is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Missing {
    /// Bytes of memory that lie behind the end of the file.
    bytes: u64,
    /// Bytes of memory that the file promises.
    of: u64,
    /// Headers or notes are cut off or damaged.
    notes: bool,
}

impl Core {
    /// Opens the core file of a process that ran `executable`.
    pub fn open(path: &Path, executable: &Path) -> Result<Core> {
        let bad = |problem: String| Error::BadBinary {
            path: path.display().to_string(),
            problem,
        };
        let (file, map) = map_file(path)?;
        let written = file.metadata().and_then(|it| it.modified());
        let elf = Elf::parse(&map).map_err(|err| bad(not_a_core(err, &map)))?;
        check_kind(&elf).map_err(|it| bad(it.to_owned()))?;
        let told = Told::read(&elf);
        let missing = missing(&elf, &told);
        let first = check_told(&told, &missing).map_err(bad)?;
        let mut memory = CoreMemory::default();
        // Mapped pages would count as ours, and be a fault if the file were cut off.
        let index = memory.add_file(Bytes::Read(file));
        memory.add(segments(&elf, index));
        let written = written.unwrap_or_else(|_| SystemTime::now());
        let entry = add_files(path, executable, &told, written, &mut memory)?;
        memory.add(zeros(&elf, &told));
        let thread = |it| Thread::new(it, &map);
        let mut threads: Vec<Thread> = told.threads.iter().map(thread).collect();
        threads.sort_by_key(|it| it.tid);
        let is_selected = told.first_is_selected;
        let Told { pid, command_line, mut ending, .. } = told;
        ending.truncated = missing.bytes > 0;
        drop(elf);
        Ok(Core {
            pid,
            command_line,
            ending,
            entry,
            threads,
            first: Some(first).filter(|_| ending.signal != 0 || is_selected),
            memory: Arc::new(memory),
            missing,
            map,
        })
    }

    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The first 80 bytes of the command line.
    pub fn command_line(&self) -> &str {
        &self.command_line
    }

    pub fn ending(&self) -> Ending {
        self.ending
    }

    /// Where execution began: see [`Live::auxv_entry`](crate::engine::inferior::Live).
    pub fn entry(&self) -> Addr {
        self.entry
    }

    /// The thread that was ended, or that whoever wrote the file had selected; `None`
    /// where the first thread means nothing.
    pub fn thread_of_interest(&self) -> Option<Tid> {
        self.first
    }

    pub fn memory(&self) -> Arc<CoreMemory> {
        self.memory.clone()
    }

    pub fn tids(&self) -> Vec<Tid> {
        self.threads.iter().map(|it| it.tid).collect()
    }

    pub fn registers(&self, tid: Tid) -> Result<Registers> {
        self.thread(tid).map(|it| it.registers)
    }

    /// The vector registers of a thread, as the raw XSAVE area; empty if the core file
    /// has none.
    pub fn xsave(&self, tid: Tid) -> Result<Vec<u8>> {
        let found = |at: &Range<usize>| self.map.get(at.clone()).unwrap_or_default();
        Ok(match &self.thread(tid)?.vector {
            Vector::Absent => Vec::new(),
            Vector::Xsave(at) => found(at).to_vec(),
            Vector::Fxsave(at) => {
                let mut area = found(at).to_vec();
                area.resize(FXSAVE_LEN + XSAVE_HEADER_LEN, 0);
                // XSTATE_BV: x87 and SSE are there.
                area[FXSAVE_LEN] = 3;
                area
            }
        })
    }

    fn thread(&self, tid: Tid) -> Result<&Thread> {
        let found = self.threads.binary_search_by_key(&tid, |it| it.tid);
        found
            .ok()
            .and_then(|it| self.threads.get(it))
            .ok_or(Error::ThreadGone { tid: tid.0 })
    }

    /// What is wrong with the file, though it can be used.
    pub fn damage(&self) -> Option<String> {
        let Missing { bytes, of, notes } = self.missing;
        if bytes > 0 {
            let (there, of) = (of.saturating_sub(bytes) >> 20, of >> 20);
            return Some(format!(
                "the core file is truncated: {there} of {of} MB of memory are in it \
                 (ulimit -c, or a full disk?)"
            ));
        }
        notes.then(|| "notes of the core file are damaged; threads may be missing".into())
    }
}

impl Thread {
    fn new(told: &notes::Thread<'_>, file: &[u8]) -> Thread {
        let at = |part: &[u8], len: usize| {
            let start = part.as_ptr().addr() - file.as_ptr().addr();
            start..start + part.len().min(len)
        };
        let vector = match (told.xsave, told.fxsave) {
            (Some(area), _) => Vector::Xsave(at(area, XSAVE_LEN_MAX)),
            (None, Some(area)) if area.len() >= FXSAVE_LEN => {
                Vector::Fxsave(at(area, FXSAVE_LEN))
            }
            (None, _) => Vector::Absent,
        };
        Thread { tid: Tid(told.tid), registers: told.registers, vector }
    }
}

fn map_file(path: &Path) -> Result<(File, Arc<FileMap>)> {
    let shown = path.display();
    let os = |source| Error::os(format!("could not open {shown}"), source);
    let bad = |problem: &str| Error::BadBinary {
        path: shown.to_string(),
        problem: problem.to_owned(),
    };
    let info = std::fs::metadata(path).map_err(os)?;
    if !info.is_file() {
        return Err(bad("not a core file: not even a regular file"));
    }
    if info.len() == 0 {
        return Err(bad("not a core file: it is empty"));
    }
    let file = File::open(path).map_err(os)?;
    let map = FileMap::map(&file).map_err(os)?;
    Ok((file, Arc::new(map)))
}

/// Whether it is a core file.
fn check_kind(elf: &Elf<'_>) -> std::result::Result<(), &'static str> {
    match elf.kind {
        CORE => Ok(()),
        EXECUTABLE | SHARED => Err("not a core file but a program; the program comes \
                                    first, then the core file"),
        _ => Err("not a core file but another kind of ELF file"),
    }
}

/// The first thread of a core file that can be read.
fn check_told(told: &Told<'_>, missing: &Missing) -> std::result::Result<Tid, String> {
    if let Some(platform) = told.platform.as_deref().filter(|it| *it != "linux/amd64") {
        return Err(format!("a core file of {platform}, not of linux/amd64"));
    }
    match told.threads.first() {
        Some(first) => Ok(Tid(first.tid)),
        None if missing.notes || missing.bytes > 0 => {
            Err("the core file is truncated: the threads are cut off".to_owned())
        }
        None => Err("there are no threads in the core file".to_owned()),
    }
}

/// How files begin that systems pack their core files into, and what unpacks them.
const PACKED: &[(&[u8], &str)] = &[
    (b"\x28\xb5\x2f\xfd", "zstd -d"),
    (b"\x04\x22\x4d\x18", "lz4 -d"),
    (b"\xfd7zXZ", "xz -d"),
    (b"\x1f\x8b", "gzip -d"),
];

fn not_a_core(why: NotElf, bytes: &[u8]) -> String {
    match why {
        NotElf::Foreign => {
            let packed = PACKED.iter().find(|it| bytes.starts_with(it.0));
            match packed {
                Some((_, how)) => format!(
                    "not a core file as it stands: unpack it first ({how}; coredumpctl \
                     dump does so by itself)"
                ),
                None => "not a core file".to_owned(),
            }
        }
        NotElf::Cut => "not a core file: it ends within its first header".to_owned(),
        NotElf::Machine(machine) => {
            let name = match machine {
                3 => "386".to_owned(),
                62 => "amd64, but not of 64 bits".to_owned(),
                40 => "arm".to_owned(),
                183 => "arm64".to_owned(),
                243 => "riscv64".to_owned(),
                22 => "s390x".to_owned(),
                21 => "ppc64".to_owned(),
                258 => "loong64".to_owned(),
                other => format!("machine {other}"),
            };
            format!(
                "a core file of a program for {name}; only those of amd64 can be read"
            )
        }
    }
}

/// What the core file itself has.
fn segments(elf: &Elf<'_>, index: usize) -> Vec<space::Range> {
    let mut ranges = Vec::new();
    for segment in elf.segments(PT_LOAD) {
        let (from, end) = segment.file_range(elf.bytes.len());
        let there = segment.addr.saturating_add((end - from) as u64);
        let source = Source::File { index, offset: from as u64 };
        ranges.push(space::Range { start: segment.addr, end: there, source });
    }
    ranges
}

/// Where a segment is longer in memory than in the file: zeros, unless a file was mapped
/// there. One that has nothing in the file was left out, and is not zeros.
fn zeros(elf: &Elf<'_>, told: &Told<'_>) -> Vec<space::Range> {
    let is_mapped = |it: &&elf::Segment| {
        let from_file = told.files.partition_point(|file| file.end <= it.addr);
        let end = it.addr.saturating_add(it.memory_len);
        told.files.get(from_file).is_some_and(|file| file.start < end)
    };
    let longer = elf.segments(PT_LOAD).filter(|it| it.file_len > 0 && !elf.is_cut(it));
    let longer = longer.filter(|it| !is_mapped(it));
    let range = |it: &elf::Segment| space::Range {
        start: it.addr.saturating_add(it.file_len),
        end: it.addr.saturating_add(it.memory_len),
        source: Source::Zeros,
    };
    longer.map(range).collect()
}

fn missing(elf: &Elf<'_>, told: &Told<'_>) -> Missing {
    let mut missing =
        Missing { notes: told.is_damaged || elf.headers_cut, ..Missing::default() };
    for segment in elf.segments(PT_LOAD) {
        let there = elf.contents(segment).len() as u64;
        missing.of = missing.of.saturating_add(segment.file_len);
        missing.bytes = missing.bytes.saturating_add(segment.file_len - there);
    }
    missing
}

/// Adds what is in files and not in the core, and says where the program began.
fn add_files(
    core: &Path,
    executable: &Path,
    told: &Told<'_>,
    written: SystemTime,
    memory: &mut CoreMemory,
) -> Result<Addr> {
    let (_, map) = map_file(executable)?;
    let index = memory.add_file(Bytes::Mapped(Arc::clone(&map)));
    let Ok(elf) = Elf::parse(&map) else {
        let path = executable.display().to_string();
        return Err(Error::BadBinary { path, problem: "not an executable".to_owned() });
    };
    let other = |why: &str| {
        let (exe, core) = (executable.display(), core.display());
        Error::message(format!("{core} is not a core file of {exe}: {why}"))
    };
    let is_pie = elf.kind == SHARED;
    let entry = match told.entry {
        Some(entry) => entry,
        None if is_pie => {
            return Err(other("it does not say where the program was loaded"));
        }
        None => elf.entry,
    };
    let bias = entry.wrapping_sub(elf.entry);
    if !is_pie && bias != 0 || bias % 0x1000 != 0 {
        let what = match told.command_line.as_str() {
            "" => "the program that it is of".to_owned(),
            line => format!("it is of `{}`, which", line.trim_end()),
        };
        return Err(other(&format!("{what} begins at another address")));
    }
    if files::identity(&elf, bias, memory) == Identity::Other {
        return Err(other("it is of another build, or of another program"));
    }
    let known: Option<PathBuf> = told
        .files
        .iter()
        .find(|it| it.start <= entry && entry < it.end)
        .map(|it| it.path.clone());
    if let Some(path) = &known {
        files::add_pages_of(path, &told.files, (index, map.len() as u64), memory);
    }
    files::add_executable(&elf, bias, index, memory);
    files::add_mapped(&told.files, known.as_deref(), written, memory);
    Ok(Addr(entry))
}
