//! One thread under trace: what is known about it while it runs and while it is stopped.

use crate::engine::error::{Error, Result};
use crate::engine::inferior::live::Live;
use crate::engine::os::ptrace::{self, SignalInfo, Tid};
use crate::engine::registers::Registers;
use std::io;

/// Why a thread is traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A thread of the process.
    Thread,
    /// The only thread of a forked process: its memory is put right, and it is let go.
    Forked,
    /// The only thread of a process that shares our process's memory until it executes
    /// another program or ends: it is stepped over sites, and then let go.
    Vforked,
}

/// What has to be written before a thread is resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unwritten {
    Nothing,
    Pc,
    Everything,
}

#[derive(Debug)]
pub(super) struct Tracee {
    pub(super) role: Role,
    pub(super) running: bool,
    /// As they are, or shall be when it is resumed; only while stopped.
    pub(super) registers: Option<Registers>,
    pub(super) unwritten: Unwritten,
    /// The PC at which its arrival has been told, so that it leaves a site there without
    /// being told again.
    pub(super) arrived: Option<u64>,
    /// The signal that it is stopped for and shall receive, or 0.
    pub(super) signal: i32,
    /// Whether it is stopped for a SIGTRAP that shall not be delivered.
    pub(super) trapped: bool,
    /// A signal taken out of its hands while it made a step; it is given back.
    pub(super) held: Option<SignalInfo>,
    /// The site whose instruction it executes somewhere else.
    pub(super) in_slot: Option<u64>,
    /// Whether it is stopped with the whole process, by a SIGSTOP or the like.
    pub(super) group_stopped: bool,
    /// Whether it waits for a child of its own, and cannot be stopped meanwhile.
    pub(super) vforking: bool,
    /// Whether the debug registers have been set as the watchpoints want them.
    pub(super) watches: u64,
}

impl Tracee {
    pub(super) fn new(role: Role) -> Tracee {
        Tracee {
            role,
            running: true,
            registers: None,
            unwritten: Unwritten::Nothing,
            arrived: None,
            signal: 0,
            trapped: false,
            held: None,
            in_slot: None,
            group_stopped: false,
            vforking: false,
            watches: 0,
        }
    }

    /// Takes note that it has stopped.
    pub(super) fn stopped(&mut self) {
        self.running = false;
        self.signal = 0;
        self.trapped = false;
        self.group_stopped = false;
        self.registers = None;
        self.unwritten = Unwritten::Nothing;
    }

    pub(super) fn set_pc(&mut self, pc: u64) {
        if let Some(registers) = &mut self.registers {
            registers.rip = pc;
        }
        if self.unwritten == Unwritten::Nothing {
            self.unwritten = Unwritten::Pc;
        }
    }

    /// Whether it is to be waited for when all threads are being stopped.
    pub(super) fn can_stop(&self) -> bool {
        self.role == Role::Thread && self.running && !self.vforking
    }
}

impl Live {
    /// The threads of the process, ascending.
    pub fn tids(&self) -> Vec<Tid> {
        let mut tids: Vec<Tid> = self
            .tracees
            .iter()
            .filter(|(_, it)| it.role == Role::Thread)
            .map(|(tid, _)| Tid(*tid))
            .collect();
        tids.sort_unstable();
        tids
    }

    /// The registers of a stopped thread; read once a stop.
    pub fn registers(&mut self, tid: Tid) -> Result<Registers> {
        self.check_alive()?;
        match self.fetch(tid) {
            Ok(registers) => Ok(registers),
            Err(_) => Err(self.death().unwrap_or(Error::ThreadGone { tid: tid.0 })),
        }
    }

    pub fn set_registers(&mut self, tid: Tid, registers: &Registers) -> Result<()> {
        let before = self.registers(tid)?;
        let gone = Error::ThreadGone { tid: tid.0 };
        let Some(tracee) = self.tracees.get_mut(&tid.0) else { return Err(gone) };
        if tracee.running {
            return Err(Error::message(format!(
                "thread {tid} waits for a child process and cannot be changed now"
            )));
        }
        if before.rip != registers.rip {
            tracee.arrived = None;
        }
        // Written at once, so that a value that the kernel refuses is refused here.
        ptrace::set_registers(&self.tracer, tid, registers).map_err(|source| {
            Error::os(format!("cannot set the registers of thread {tid}"), source)
        })?;
        tracee.registers = Some(*registers);
        tracee.unwritten = Unwritten::Nothing;
        Ok(())
    }

    /// Says that the thread's being where it is needs no telling: if there is a site, it
    /// will leave it without a hit. Threads that were judged to have hit it are so
    /// already.
    pub fn set_arrived(&mut self, tid: Tid) -> Result<()> {
        let pc = self.registers(tid)?.rip;
        if let Some(tracee) = self.tracees.get_mut(&tid.0) {
            tracee.arrived = Some(pc);
        }
        Ok(())
    }

    /// The vector registers of a stopped thread, as the raw XSAVE area.
    pub fn xsave(&self, tid: Tid) -> Result<Vec<u8>> {
        self.check_alive()?;
        ptrace::xsave_area(&self.tracer, tid)
            .map_err(|_| Error::ThreadGone { tid: tid.0 })
    }

    /// Sets the vector registers of a stopped thread from a raw XSAVE area.
    pub fn set_xsave(&mut self, tid: Tid, area: &[u8]) -> Result<()> {
        self.check_alive()?;
        ptrace::set_xsave_area(&self.tracer, tid, area).map_err(|source| {
            Error::os(format!("cannot set the vector registers of thread {tid}"), source)
        })
    }

    /// The registers of a stopped thread. Those of a thread that executes the
    /// instruction of a site somewhere else are as if it did not.
    pub(super) fn fetch(&mut self, tid: Tid) -> io::Result<Registers> {
        let Some(tracee) = self.tracees.get_mut(&tid.0) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        if let Some(registers) = tracee.registers {
            return Ok(registers);
        }
        let mut registers = ptrace::registers(&self.tracer, tid)?;
        tracee.registers = Some(registers);
        if let Some(site) = tracee.in_slot.take()
            && let Some(pc) = self.slots.meaning(site, registers.rip)
        {
            if pc == site {
                tracee.arrived = Some(site);
            }
            tracee.set_pc(pc);
            registers.rip = pc;
        }
        Ok(registers)
    }

    /// Writes what has to be written before `tid` may run.
    pub(super) fn write_back(&mut self, tid: Tid) -> io::Result<()> {
        let Some(tracee) = self.tracees.get_mut(&tid.0) else { return Ok(()) };
        let Some(registers) = &tracee.registers else { return Ok(()) };
        let unwritten = std::mem::replace(&mut tracee.unwritten, Unwritten::Nothing);
        match unwritten {
            Unwritten::Nothing => Ok(()),
            Unwritten::Pc => {
                ptrace::set_program_counter(&self.tracer, tid, registers.rip)
            }
            Unwritten::Everything => ptrace::set_registers(&self.tracer, tid, registers),
        }
    }
}
