//! What do the notes of a core file say? Threads with their registers, the signal that
//! ended the process, what it was, and which files were mapped where.
//!
//! The kernel writes `CORE` and `LINUX` as owners of its notes (`fs/binfmt_elf.c`), gcore
//! does as well, Delve writes none (`pkg/proc/dump.go`); the types are the same.

use std::ffi::OsString;
use std::fmt;
use std::ops::Range;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use rustc_hash::FxHashSet;

use crate::engine::inferior::core::elf::{Elf, Note, Notes, PT_NOTE, half, long, word};
use crate::engine::os::signal;
use crate::engine::registers::Registers;

pub(in crate::engine::inferior) const NT_PRSTATUS: u32 = 1;
pub(in crate::engine::inferior) const NT_FPREGSET: u32 = 2;
pub(in crate::engine::inferior) const NT_PRPSINFO: u32 = 3;
pub(in crate::engine::inferior) const NT_AUXV: u32 = 6;
pub(in crate::engine::inferior) const NT_X86_XSTATE: u32 = 0x202;
pub(super) const NT_SIGINFO: u32 = 0x5349_4749;
pub(in crate::engine::inferior) const NT_FILE: u32 = 0x4649_4c45;
/// Delve's own (`elfwriter.DelveHeaderNoteType`), and what it writes for each thread of
/// another platform.
const DELVE_HEADER: u32 = 0x444c_5645;
const DELVE_THREAD: u32 = 0x444c_5654;

/// Ours: it says that the first thread is the one that was selected.
pub(in crate::engine::inferior) const OURS: u32 = 0x7464_6267;

/// `AT_ENTRY` (`linux/auxvec.h`).
const AT_ENTRY: u64 = 9;

/// `struct elf_prstatus` of amd64: its length, and where its parts are (`linux/elfcore.h`).
pub(in crate::engine::inferior) const PRSTATUS_LEN: usize = 336;
pub(super) const PRSTATUS_SIGNAL: usize = 12;
pub(in crate::engine::inferior) const PRSTATUS_TID: usize = 32;
pub(in crate::engine::inferior) const PRSTATUS_REGISTERS: usize = 112;

/// `struct elf_prpsinfo` of amd64.
pub(in crate::engine::inferior) const PRPSINFO_LEN: usize = 136;
pub(in crate::engine::inferior) const PRPSINFO_PID: usize = 24;
pub(in crate::engine::inferior) const PRPSINFO_NAME: Range<usize> = 40..56;
pub(in crate::engine::inferior) const PRPSINFO_ARGS: Range<usize> = 56..136;

/// A thread, as the core file has it.
#[derive(Clone, Debug)]
pub(in crate::engine::inferior) struct Thread<'a> {
    pub(super) tid: i32,
    /// The signal that it was stopped for, or 0.
    pub(super) signal: i32,
    pub(super) registers: Registers,
    pub(super) xsave: Option<&'a [u8]>,
    pub(super) fxsave: Option<&'a [u8]>,
}

/// How the process came to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// 0 if the process was only looked at, as by gcore.
    pub signal: i32,
    /// The address that could not be used, for the signals that are about one.
    pub fault: Option<u64>,
    /// The end of the file is missing.
    pub truncated: bool,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("core")?;
        match signal::name(self.signal) {
            Some(name) => write!(f, ": {name}")?,
            None if self.signal != 0 => write!(f, ": signal {}", self.signal)?,
            None => {}
        }
        if let Some(addr) = self.fault {
            write!(f, " at {addr:#x}")?;
        }
        match self.truncated {
            true => f.write_str(", truncated"),
            false => Ok(()),
        }
    }
}

/// A mapped file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MappedFile {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) offset: u64,
    pub(super) path: PathBuf,
}

/// All that the notes say.
#[derive(Debug, Default)]
pub(super) struct Told<'a> {
    /// As they are in the file: the one that was ended first.
    pub(super) threads: Vec<Thread<'a>>,
    tids: FxHashSet<i32>,
    pub(super) ending: Ending,
    pub(super) pid: i32,
    pub(super) command_line: String,
    pub(super) entry: Option<u64>,
    pub(super) files: Vec<MappedFile>,
    /// Of Delve's header: the platform, such as `linux/amd64`.
    pub(super) platform: Option<String>,
    /// The first thread is one that somebody had selected.
    pub(super) first_is_selected: bool,
    /// Not all notes could be read.
    pub(super) is_damaged: bool,
}

impl<'a> Told<'a> {
    pub(super) fn read(elf: &Elf<'a>) -> Told<'a> {
        let mut told = Told::default();
        // Segments that lie over each other would say the same over and over.
        let mut unread = elf.bytes.len();
        for segment in elf.segments(PT_NOTE) {
            let contents = elf.contents(segment);
            let mut notes = Notes::new(&contents[..contents.len().min(unread)]);
            for note in notes.by_ref() {
                told.take(&note);
            }
            told.is_damaged |= notes.is_damaged || elf.is_cut(segment);
            unread = unread.saturating_sub(contents.len());
        }
        let first = told.threads.first();
        if let Some(signal) = first.map(|it| it.signal).filter(|it| *it != 0) {
            told.ending.signal = signal;
        }
        // What a debugger stopped was not ended: SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU.
        if matches!(told.ending.signal, 18..=22) {
            told.ending = Ending::default();
        }
        if told.pid == 0 {
            told.pid = first.map_or(0, |it| it.tid);
        }
        told
    }

    fn take(&mut self, note: &Note<'a>) {
        let of_kernel = matches!(note.owner, b"CORE" | b"LINUX" | b"");
        match note.kind {
            DELVE_HEADER => self.take_header(note.bytes),
            OURS => self.first_is_selected = true,
            DELVE_THREAD => self.is_damaged = true,
            _ if !of_kernel => {}
            NT_PRSTATUS => match Thread::parse(note.bytes) {
                Some(thread) if !self.tids.insert(thread.tid) => {}
                Some(thread) => self.threads.push(thread),
                None => self.is_damaged = true,
            },
            NT_FPREGSET => {
                if let Some(thread) = self.threads.last_mut() {
                    thread.fxsave = Some(note.bytes);
                }
            }
            NT_X86_XSTATE => {
                if let Some(thread) = self.threads.last_mut() {
                    thread.xsave = Some(note.bytes);
                }
            }
            NT_PRPSINFO => self.take_process(note.bytes),
            NT_AUXV => self.entry = entry_of(note.bytes).or(self.entry),
            NT_SIGINFO if self.threads.len() <= 1 => self.take_signal(note.bytes),
            NT_FILE => self.files = files_of(note.bytes),
            _ => {}
        }
    }

    fn take_process(&mut self, bytes: &[u8]) {
        if bytes.len() < PRPSINFO_LEN {
            self.is_damaged = true;
            return;
        }
        self.pid = word(bytes, PRPSINFO_PID).unwrap_or(0) as i32;
        let args = text(&bytes[PRPSINFO_ARGS]);
        let name = text(&bytes[PRPSINFO_NAME]);
        self.command_line = if args.is_empty() { name } else { args };
    }

    /// `siginfo_t`: the signal, and for faults where.
    fn take_signal(&mut self, bytes: &[u8]) {
        let int = |at| word(bytes, at).map_or(0, |it| it as i32);
        let (signal, code) = (int(0), int(8));
        // SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, as the kernel sends them.
        let is_fault = matches!(signal, 4 | 5 | 7 | 8 | 11) && code > 0 && code != 0x80;
        self.ending.signal = signal;
        self.ending.fault = long(bytes, 16).filter(|_| is_fault);
    }

    fn take_header(&mut self, bytes: &[u8]) {
        self.first_is_selected = true;
        let header = String::from_utf8_lossy(bytes);
        let mut lines = header.lines();
        self.platform = lines.next().map(str::to_owned);
        for line in lines {
            if let Some(pid) = line.strip_prefix("Target Pid: ") {
                self.pid = pid.trim().parse().unwrap_or(self.pid);
            }
            if let Some(entry) = line.strip_prefix("Entry Point: 0x") {
                self.entry = u64::from_str_radix(entry.trim(), 16).ok().or(self.entry);
            }
        }
    }
}

impl<'a> Thread<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Thread<'a>> {
        let bytes = bytes.get(..PRSTATUS_LEN)?;
        Some(Thread {
            tid: word(bytes, PRSTATUS_TID)? as i32,
            signal: half(bytes, PRSTATUS_SIGNAL)?.into(),
            registers: registers(bytes.get(PRSTATUS_REGISTERS..)?)?,
            xsave: None,
            fxsave: None,
        })
    }
}

impl Thread<'_> {
    /// `struct user_regs_struct` of these registers.
    pub(in crate::engine::inferior) fn encode(it: &Registers) -> Vec<u8> {
        let words = [
            it.r15,
            it.r14,
            it.r13,
            it.r12,
            it.rbp,
            it.rbx,
            it.r11,
            it.r10,
            it.r9,
            it.r8,
            it.rax,
            it.rcx,
            it.rdx,
            it.rsi,
            it.rdi,
            it.orig_rax,
            it.rip,
            it.cs,
            it.rflags,
            it.rsp,
            it.ss,
            it.fs_base,
            it.gs_base,
            it.ds,
            it.es,
            it.fs,
            it.gs,
        ];
        words.iter().flat_map(|it| it.to_le_bytes()).collect()
    }
}

/// `struct user_regs_struct`: 27 words.
fn registers(bytes: &[u8]) -> Option<Registers> {
    let mut words = bytes.as_chunks::<8>().0.iter().map(|it| u64::from_le_bytes(*it));
    let mut next = || words.next();
    // Fields are evaluated in the order in which they are written here.
    Some(Registers {
        r15: next()?,
        r14: next()?,
        r13: next()?,
        r12: next()?,
        rbp: next()?,
        rbx: next()?,
        r11: next()?,
        r10: next()?,
        r9: next()?,
        r8: next()?,
        rax: next()?,
        rcx: next()?,
        rdx: next()?,
        rsi: next()?,
        rdi: next()?,
        orig_rax: next()?,
        rip: next()?,
        cs: next()?,
        rflags: next()?,
        rsp: next()?,
        ss: next()?,
        fs_base: next()?,
        gs_base: next()?,
        ds: next()?,
        es: next()?,
        fs: next()?,
        gs: next()?,
    })
}

fn entry_of(auxv: &[u8]) -> Option<u64> {
    let (pairs, _) = auxv.as_chunks::<16>();
    let pair = pairs.iter().find(|it| long(&it[..], 0) == Some(AT_ENTRY))?;
    long(&pair[..], 8)
}

/// The note's count is only believed as far as there are entries.
fn files_of(bytes: &[u8]) -> Vec<MappedFile> {
    let parse = || {
        let n_stated = usize::try_from(long(bytes, 0)?).ok()?;
        let page_len = long(bytes, 8)?;
        let (entries, _) = bytes.get(16..)?.as_chunks::<24>();
        let n_files = n_stated.min(entries.len());
        let names = bytes.get(16 + 24 * n_files..)?.split(|it| *it == 0);
        let files = entries.iter().take(n_files).zip(names).filter_map(|(it, name)| {
            let (start, end) = (long(&it[..], 0)?, long(&it[..], 8)?);
            let offset = long(&it[..], 16)?.checked_mul(page_len)?;
            let path = PathBuf::from(OsString::from_vec(name.to_vec()));
            (start < end).then_some(MappedFile { start, end, offset, path })
        });
        let mut files: Vec<MappedFile> = files.collect();
        files.sort_by_key(|it| it.start);
        Some(files)
    };
    parse().unwrap_or_default()
}

/// Text that ends with a NUL, or where its field ends.
fn text(field: &[u8]) -> String {
    let end = field.iter().position(|it| *it == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).trim_end().to_owned()
}
