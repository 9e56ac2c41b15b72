//! Core files for tests: dumped by a debugger, and turned into what the kernel would have
//! written of the same process.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use tinydbg::api::methods::{DumpStartIn, DumpWaitIn};

use super::debugged::Debugged;
use super::fixture::scratch;

const NOTE_SEGMENT: u32 = 4;
const LOAD_SEGMENT: u32 = 1;
const WRITABLE: u32 = 2;
const CODE: u32 = 1;
const PAGE: usize = 4096;

const STATUS: u32 = 1;
const PROCESS: u32 = 3;
const SIGNAL: u32 = 0x5349_4749;

/// A core file that is removed when it is not needed any more.
pub struct CoreFile(pub PathBuf);

impl Drop for CoreFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl CoreFile {
    /// A name that no other test uses.
    pub fn named(name: &str) -> CoreFile {
        let file =
            CoreFile(scratch("cores").join(format!("{name}-{}", std::process::id())));
        let _ = fs::remove_file(&file.0);
        file
    }

    /// Has the server dump its process, and waits for it.
    pub fn dump(debugged: &mut Debugged, name: &str) -> CoreFile {
        let file = CoreFile::named(name);
        let destination = file.0.to_str().expect("UTF-8").to_owned();
        let mut state = debugged.wire.ask(DumpStartIn { destination }).state;
        while state.dumping {
            state = debugged.wire.ask(DumpWaitIn { wait: 1000 }).state;
        }
        assert!(state.all_done && state.err.is_empty(), "{state:?}");
        assert!(state.threads_total > 0 && state.mem_total > 0, "{state:?}");
        assert_eq!(state.threads_done, state.threads_total);
        assert_eq!(state.mem_done, state.mem_total);
        file
    }

    /// The same process as the kernel would have left it, ended by a signal: without the
    /// pages that are in files, and with a note about the signal.
    pub fn as_of_kernel(&self, signal: u32) -> CoreFile {
        let bytes = fs::read(&self.0).expect("the dump can be read");
        let file = CoreFile(self.0.with_extension("kernel"));
        fs::write(&file.0, of_kernel(&bytes, signal)).expect("target/ can be written");
        file
    }

    /// A copy with some bytes changed, or cut off.
    pub fn copy(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> CoreFile {
        let mut bytes = fs::read(&self.0).expect("the dump can be read");
        change(&mut bytes);
        let file = CoreFile::named(name);
        fs::write(&file.0, bytes).expect("target/ can be written");
        file
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

struct Segment {
    kind: u32,
    flags: u32,
    addr: u64,
    contents: Range<usize>,
    memory_len: u64,
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

fn segments(file: &[u8]) -> Vec<Segment> {
    let at = long(file, 32) as usize;
    let n = usize::from(u16::from_le_bytes(file[56..58].try_into().unwrap()));
    let segment = |entry: &[u8]| {
        let offset = long(entry, 8) as usize;
        Segment {
            kind: word(entry, 0),
            flags: word(entry, 4),
            addr: long(entry, 16),
            contents: offset..offset + long(entry, 32) as usize,
            memory_len: long(entry, 40),
        }
    };
    file[at..at + 56 * n].chunks(56).map(segment).collect()
}

fn of_kernel(file: &[u8], signal: u32) -> Vec<u8> {
    let mut segments = segments(file);
    segments.sort_by_key(|it| it.kind != NOTE_SEGMENT);
    let mut notes = Vec::new();
    for it in segments.iter().filter(|it| it.kind == NOTE_SEGMENT) {
        notes.extend(kernel_notes(&file[it.contents.clone()], signal));
    }
    let loads = segments.iter_mut().filter(|it| it.kind == LOAD_SEGMENT);
    // What is read-only but no code has been written to while it was linked.
    for it in loads.filter(|it| it.flags & (WRITABLE | CODE) == CODE) {
        // Of a file that begins here the first page is kept: its build id is there.
        let keeps = file[it.contents.clone()].starts_with(b"\x7fELF");
        let len = if keeps { PAGE.min(it.contents.len()) } else { 0 };
        it.contents.end = it.contents.start + len;
    }
    let header_len = 64 + 56 * segments.len();
    let mut out = file[..64].to_vec();
    out[32..40].copy_from_slice(&64u64.to_le_bytes());
    out[40..48].fill(0);
    let mut at = (header_len + notes.len()).next_multiple_of(PAGE);
    for it in &segments {
        let is_note = it.kind == NOTE_SEGMENT;
        let len = if is_note { notes.len() } else { it.contents.len() };
        let offset = if is_note { header_len } else { at };
        out.extend(it.kind.to_le_bytes());
        out.extend(it.flags.to_le_bytes());
        for field in [offset as u64, it.addr, 0, len as u64, it.memory_len, PAGE as u64] {
            out.extend(field.to_le_bytes());
        }
        at += if is_note { 0 } else { len };
    }
    out.extend(notes);
    out.resize(out.len().next_multiple_of(PAGE), 0);
    for it in segments.iter().filter(|it| it.kind == LOAD_SEGMENT) {
        out.extend(&file[it.contents.clone()]);
    }
    out
}

/// The notes that the kernel knows of, with the signal in them.
fn kernel_notes(notes: &[u8], signal: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = notes;
    let mut is_first = true;
    while rest.len() > 12 {
        let name_len = (word(rest, 0) as usize).next_multiple_of(4);
        let len = word(rest, 4) as usize;
        let (note, later) = rest.split_at(12 + name_len + len.next_multiple_of(4));
        rest = later;
        if !note[12..].starts_with(b"CORE") && !note[12..].starts_with(b"LINUX") {
            continue;
        }
        let at = out.len();
        out.extend(note);
        let kind = word(note, 8);
        if kind == STATUS && std::mem::take(&mut is_first) {
            let status = at + 12 + name_len;
            out[status + 12..status + 14].copy_from_slice(&(signal as u16).to_le_bytes());
        }
        if kind == PROCESS {
            for word in [5, 128, SIGNAL] {
                out.extend(u32::to_le_bytes(word));
            }
            out.extend(b"CORE\0\0\0\0");
            // The signal, no error, SEGV_MAPERR, and the address 0x10.
            for word in [signal, 0, 1, 0, 0x10] {
                out.extend(u32::to_le_bytes(word));
            }
            out.resize(out.len() + 128 - 20, 0);
        }
    }
    out
}
