//! What is said of the process and its threads, as the kernel says it.

use crate::engine::inferior::core::notes::{
    NT_AUXV, NT_FILE, NT_FPREGSET, NT_PRPSINFO, NT_PRSTATUS, NT_X86_XSTATE, OURS,
    PRPSINFO_ARGS, PRPSINFO_LEN, PRPSINFO_NAME, PRPSINFO_PID, PRSTATUS_LEN,
    PRSTATUS_REGISTERS, PRSTATUS_TID, Thread,
};
use crate::engine::inferior::dump::layout::Writer;
use crate::engine::inferior::dump::plan::OfFile;
use crate::engine::inferior::live::Live;
use crate::engine::os::process::{self, PAGE_LEN};
use crate::engine::os::ptrace::Tid;
use crate::engine::registers::Registers;

/// `struct user_fpregs_struct`: the legacy part of an XSAVE area.
const FPREGS_LEN: usize = 512;

const KERNEL: &[u8] = b"CORE\0";
const LINUX: &[u8] = b"LINUX\0";
pub(super) const US: &[u8] = b"tinydbg\0";

/// All notes, and how many threads they are about. The first thread is told first, as the
/// one that the file is about.
pub(super) fn all(
    live: &mut Live,
    first: Option<Tid>,
    files: &[OfFile],
) -> (Vec<u8>, usize) {
    let mut out = Writer(Vec::new());
    let mut tids = live.tids();
    if let Some(at) = tids.iter().position(|it| Some(*it) == first) {
        tids[..=at].rotate_right(1);
    }
    let mut n_threads = 0;
    for tid in tids {
        // One that is on its way out is not there any more.
        let Ok(registers) = live.registers(tid) else { continue };
        out.note(KERNEL, NT_PRSTATUS, &status(live.pid(), tid, &registers));
        if n_threads == 0 {
            out.process(live.pid(), files);
        }
        if let Ok(area) = live.xsave(tid) {
            out.note(KERNEL, NT_FPREGSET, &area[..area.len().min(FPREGS_LEN)]);
            out.note(LINUX, NT_X86_XSTATE, &area);
        }
        n_threads += 1;
    }
    (out.0, n_threads)
}

impl Writer {
    /// Names and contents are padded to four bytes.
    fn note(&mut self, owner: &[u8], kind: u32, bytes: &[u8]) {
        self.word(owner.len() as u32);
        self.word(bytes.len() as u32);
        self.word(kind);
        for field in [owner, bytes] {
            self.0.extend(field);
            self.0.resize(self.0.len().next_multiple_of(4), 0);
        }
    }

    /// What is said of the process as a whole.
    fn process(&mut self, pid: i32, files: &[OfFile]) {
        self.note(KERNEL, NT_PRPSINFO, &process_info(pid));
        if let Ok(auxv) = process::raw_auxv(pid) {
            self.note(KERNEL, NT_AUXV, &auxv);
        }
        self.note(KERNEL, NT_FILE, &mapped_files(files));
        self.note(US, OURS, concat!("tinydbg ", env!("CARGO_PKG_VERSION")).as_bytes());
    }
}

/// `struct elf_prstatus`.
fn status(pid: i32, tid: Tid, registers: &Registers) -> Vec<u8> {
    let mut note = vec![0; PRSTATUS_LEN];
    put(&mut note, PRSTATUS_TID, &tid.0.to_le_bytes());
    // The parent is of no interest; the group stands for the process.
    put(&mut note, PRSTATUS_TID + 8, &pid.to_le_bytes());
    put(&mut note, PRSTATUS_REGISTERS, &Thread::encode(registers));
    // `pr_fpvalid`: there is a note of the vector registers.
    put(&mut note, PRSTATUS_LEN - 8, &1u32.to_le_bytes());
    note
}

/// `struct elf_prpsinfo`.
fn process_info(pid: i32) -> Vec<u8> {
    let mut note = vec![0; PRPSINFO_LEN];
    let status = process::Status::of(pid).unwrap_or_default();
    put(&mut note, 16, &status.uid.to_le_bytes());
    put(&mut note, PRPSINFO_PID, &pid.to_le_bytes());
    put(&mut note, PRPSINFO_PID + 4, &status.ppid.to_le_bytes());
    let name = process::name(pid).unwrap_or_default();
    put(&mut note, PRPSINFO_NAME.start, &name[..name.len().min(PRPSINFO_NAME.len() - 1)]);
    let words = process::cmdline(pid).unwrap_or_default();
    let words: Vec<&[u8]> = words.iter().map(|it| it.as_encoded_bytes()).collect();
    let line = words.join(&b' ');
    put(&mut note, PRPSINFO_ARGS.start, &line[..line.len().min(PRPSINFO_ARGS.len() - 1)]);
    note
}

fn put(note: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(field) = note.get_mut(at..at + bytes.len()) {
        field.copy_from_slice(bytes);
    }
}

fn mapped_files(files: &[OfFile]) -> Vec<u8> {
    let mut out = Writer(Vec::new());
    out.long(files.len() as u64);
    out.long(PAGE_LEN);
    for file in files {
        out.long(file.start);
        out.long(file.end);
        out.long(file.offset / PAGE_LEN);
    }
    for file in files {
        out.0.extend(file.path.as_bytes());
        out.0.push(0);
    }
    out.0
}
