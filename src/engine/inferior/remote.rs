//! Having a stopped thread execute one instruction, or one system call, of our choice.

use crate::engine::inferior::live::Live;
use crate::engine::inferior::tracee::Unwritten;
use crate::engine::os::process::Status;
use crate::engine::os::ptrace::{self, Orphans, SignalInfo, Tid};
use crate::engine::os::wait::{self, Event, Waited};
use crate::engine::os::{process, signal};
use std::io;

/// How a single step ended.
#[derive(Debug)]
pub(super) enum Stepped {
    Done,
    /// The instruction was not executed; the thread is stopped for this signal.
    Faulted(SignalInfo),
    /// The thread is gone; what is known about it waits in the backlog.
    Gone,
}

/// How often a step is begun again because something else was reported first; a thread
/// has no more than a few such things pending.
const RESTARTS_MAX: usize = 100;

/// `syscall`, the instruction.
const SYSCALL: [u8; 2] = [0x0f, 0x05];

/// The most that is searched for a `syscall` instruction, in bytes.
const SEARCH_MAX: u64 = 1 << 20;

impl Live {
    /// Executes one instruction of a stopped thread. Signals keep waiting meanwhile,
    /// blocked, so that the kernel keeps their order and all it knows about them.
    pub(super) fn step_once(&mut self, tid: Tid) -> io::Result<Stepped> {
        self.write_back(tid)?;
        self.hold_signal(tid)?;
        let mask = ptrace::signal_mask(&self.tracer, tid)?;
        let blocked = mask | signal::all_but_faults();
        ptrace::set_signal_mask(&self.tracer, tid, blocked)?;
        let stepped = self.step_blocked(tid);
        if !matches!(stepped, Ok(Stepped::Gone)) {
            let _ = ptrace::set_signal_mask(&self.tracer, tid, mask);
        }
        if let Some(tracee) = self.tracees.get_mut(&tid.0) {
            tracee.registers = None;
            tracee.unwritten = Unwritten::Nothing;
            // And the processor's trap flag is set until it is resumed.
            tracee.trapped = true;
        }
        stepped
    }

    /// Keeps the signal that `tid` is stopped for; resuming it without would discard it.
    fn hold_signal(&mut self, tid: Tid) -> io::Result<()> {
        let Some(tracee) = self.tracees.get_mut(&tid.0) else { return Ok(()) };
        if tracee.signal != 0 {
            let info = ptrace::signal_info(&self.tracer, tid)?;
            tracee.held.get_or_insert(info);
            tracee.signal = 0;
        }
        Ok(())
    }

    fn step_blocked(&mut self, tid: Tid) -> io::Result<Stepped> {
        for _ in 0..RESTARTS_MAX {
            ptrace::single_step(&self.tracer, tid, 0)?;
            let event = loop {
                match wait::one(&self.tracer, tid) {
                    Waited::Event(_, event) => break event,
                    Waited::Nothing | Waited::Interrupted => {}
                    Waited::NoTracees => return Ok(Stepped::Gone),
                }
            };
            match event {
                Event::Exited { .. } | Event::Killed { .. } | Event::Execed => {
                    self.backlog.push_back((tid, event));
                    return Ok(Stepped::Gone);
                }
                Event::Signaled { signal } if signal::FAULTS.contains(&signal) => {
                    let info = ptrace::signal_info(&self.tracer, tid)?;
                    let is_step = signal == SIGTRAP && info.code() != ptrace::SI_KERNEL;
                    return Ok(if is_step {
                        Stepped::Done
                    } else {
                        Stepped::Faulted(info)
                    });
                }
                // SIGSTOP cannot be blocked.
                Event::Signaled { .. } => {
                    let info = ptrace::signal_info(&self.tracer, tid)?;
                    if let Some(tracee) = self.tracees.get_mut(&tid.0) {
                        tracee.held.get_or_insert(info);
                    }
                }
                Event::Stopped { .. } => {}
                Event::Cloned
                | Event::Forked
                | Event::Vforked
                | Event::VforkDone
                | Event::Unknown => {
                    self.backlog.push_back((tid, event));
                    return Ok(Stepped::Done);
                }
            }
        }
        Ok(Stepped::Done)
    }

    /// Has a stopped thread make a system call, and puts its registers back.
    ///
    /// A thread whose system calls are filtered might be killed for it: it makes none if
    /// its filters cannot be suspended.
    pub(super) fn remote_syscall(
        &mut self,
        tid: Tid,
        number: u64,
        arguments: [u64; 6],
    ) -> io::Result<i64> {
        if !Status::of(tid.0)?.is_filtered {
            return self.unfiltered_syscall(tid, number, arguments);
        }
        let orphans = if self.launched { Orphans::Die } else { Orphans::RunOn };
        ptrace::suspend_filters(&self.tracer, tid, orphans, true)?;
        let result = self.unfiltered_syscall(tid, number, arguments);
        let _gone = ptrace::suspend_filters(&self.tracer, tid, orphans, false);
        result
    }

    fn unfiltered_syscall(
        &mut self,
        tid: Tid,
        number: u64,
        arguments: [u64; 6],
    ) -> io::Result<i64> {
        let instruction = self.syscall_instruction().ok_or(io::ErrorKind::NotFound)?;
        let saved = self.fetch(tid)?;
        let mut registers = saved;
        registers.rip = instruction;
        registers.rax = number;
        // Or the kernel would think of restarting what the thread was about.
        registers.orig_rax = u64::MAX;
        [
            registers.rdi,
            registers.rsi,
            registers.rdx,
            registers.r10,
            registers.r8,
            registers.r9,
        ] = arguments;
        ptrace::set_registers(&self.tracer, tid, &registers)?;
        if let Some(tracee) = self.tracees.get_mut(&tid.0) {
            tracee.unwritten = Unwritten::Nothing;
        }
        let stepped = self.step_once(tid)?;
        let result = match stepped {
            Stepped::Done => Ok(ptrace::registers(&self.tracer, tid)?.rax as i64),
            Stepped::Faulted(_) | Stepped::Gone => Err(io::ErrorKind::Interrupted.into()),
        };
        if let Some(tracee) = self.tracees.get_mut(&tid.0) {
            tracee.registers = Some(saved);
            tracee.unwritten = Unwritten::Everything;
        }
        result
    }

    /// Maps a page for slots at exactly `addr`.
    pub(super) fn map_page(&mut self, tid: Tid, addr: u64) -> bool {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
        let arguments = [addr, 4096, PROT_READ_EXEC, flags, u64::MAX, 0];
        match self.remote_syscall(tid, SYS_MMAP, arguments) {
            Ok(mapped) if mapped as u64 == addr => true,
            // A kernel older than the flag may have put it anywhere.
            Ok(mapped) if mapped > 0 => {
                let _ = self.unmap_page(tid, mapped as u64);
                false
            }
            _ => false,
        }
    }

    pub(super) fn unmap_page(&mut self, tid: Tid, addr: u64) -> io::Result<()> {
        self.remote_syscall(tid, SYS_MUNMAP, [addr, 4096, 0, 0, 0, 0]).map(drop)
    }

    /// An address in the process where there is a `syscall` instruction: the kernel's own
    /// page has one, and so does every program.
    fn syscall_instruction(&mut self) -> Option<u64> {
        if self.syscall_at.is_none() {
            self.syscall_at = self.find_syscall();
        }
        self.syscall_at
    }

    fn find_syscall(&self) -> Option<u64> {
        let mut mappings = process::mappings(self.pid).ok()?;
        mappings.retain(|it| it.executable && it.readable);
        mappings.sort_by_key(|it| it.name != "[vdso]");
        for mapping in mappings {
            let len = (mapping.end - mapping.start).min(SEARCH_MAX) as usize;
            let mut bytes = vec![0; len];
            if self.memory.read_raw(mapping.start, &mut bytes).is_err() {
                continue;
            }
            if let Some(at) = bytes.windows(2).position(|it| it == SYSCALL) {
                return Some(mapping.start + at as u64);
            }
        }
        None
    }
}

// Numbers of the amd64 kernel interface (`asm/unistd_64.h`, `asm-generic/mman.h`).
const SYS_MMAP: u64 = 9;
const SYS_MUNMAP: u64 = 11;
const PROT_READ_EXEC: u64 = 1 | 4;
const MAP_PRIVATE: u64 = 2;
const MAP_ANONYMOUS: u64 = 0x20;
const MAP_FIXED_NOREPLACE: u64 = 0x10_0000;
pub(super) const SIGTRAP: i32 = 5;
