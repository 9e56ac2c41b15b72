//! A live process: attaching and launching, its tracees, letting go.

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::inferior::interrupt::Interrupter;
use crate::engine::inferior::judge::{Judge, RunEnd};
use crate::engine::inferior::launch::LaunchSpec;
use crate::engine::inferior::memory::ProcessMemory;
use crate::engine::inferior::site::{Owner, SiteInfo};
use crate::engine::os::ptrace::{Tid, Tracer};
use crate::engine::registers::Registers;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

/// A live process and all its threads, traced by this thread.
///
/// Dropping it lets go as [`Live::detach`] does if it was attached to, and kills it if it
/// was launched.
pub struct Live {
    pid: i32,
    launched: bool,
    exe: PathBuf,
    memory: Arc<ProcessMemory>,
    interrupter: Interrupter,
    _tracer: Tracer,
}

impl Live {
    /// Attaches to all threads of `pid` and stops them. Nothing is written.
    pub fn attach(_tracer: Tracer, _pid: i32) -> Result<Live> {
        Err(not_yet())
    }

    /// Starts a program; it stands before its first instruction.
    pub fn launch(_tracer: Tracer, _spec: LaunchSpec) -> Result<Live> {
        Err(not_yet())
    }

    pub fn pid(&self) -> i32 {
        self.pid
    }

    pub fn launched(&self) -> bool {
        self.launched
    }

    /// The executable, as `/proc/<pid>/exe` names it.
    pub fn exe(&self) -> PathBuf {
        self.exe.clone()
    }

    /// Where execution began (`AT_ENTRY`): the load bias is this less the entry that the
    /// file states.
    pub fn auxv_entry(&self) -> Option<Addr> {
        None
    }

    /// Our end of the pseudo-terminal of a program launched with
    /// [`Stdio::Pty`](crate::engine::inferior::Stdio).
    pub fn take_pty(&mut self) -> Option<File> {
        None
    }

    /// The threads of the process, ascending.
    pub fn tids(&self) -> Vec<Tid> {
        Vec::new()
    }

    /// The registers of a stopped thread; read once a stop.
    pub fn registers(&mut self, _tid: Tid) -> Result<Registers> {
        Err(not_yet())
    }

    pub fn set_registers(&mut self, _tid: Tid, _registers: &Registers) -> Result<()> {
        Err(not_yet())
    }

    /// The vector registers of a stopped thread, as the raw XSAVE area.
    pub fn xsave(&self, _tid: Tid) -> Result<Vec<u8>> {
        Err(not_yet())
    }

    /// The memory of the process; to be asked for again after [`RunEnd::Execed`].
    pub fn memory(&self) -> Arc<ProcessMemory> {
        self.memory.clone()
    }

    /// Writes memory, read-only text too. Sites within stay where they are.
    pub fn write_memory(&mut self, _addr: Addr, _bytes: &[u8]) -> Result<()> {
        Err(not_yet())
    }

    /// Makes `owner` an owner of the site at `addr`, which is placed if it is the first.
    pub fn place(&mut self, _addr: Addr, _owner: Owner) -> Result<()> {
        Err(not_yet())
    }

    /// Takes `owner` from the site at `addr`, which is lifted if it was the last.
    pub fn lift(&mut self, _addr: Addr, _owner: Owner) -> Result<()> {
        Err(not_yet())
    }

    /// Takes all owners for which `which` says so from all sites.
    pub fn lift_all(&mut self, _which: impl Fn(Owner) -> bool) -> Result<()> {
        Err(not_yet())
    }

    /// The sites, ascending.
    pub fn sites(&self) -> Vec<SiteInfo> {
        Vec::new()
    }

    /// Resumes all threads, and stops all of them when `judge` says so.
    pub fn run(&mut self, _judge: &mut dyn Judge) -> Result<RunEnd> {
        Err(not_yet())
    }

    /// Executes one instruction of one thread while the others stand still. An
    /// instruction that may wait for them (`syscall`) is run with all of them, which is
    /// why a judge is needed.
    pub fn step_instruction(
        &mut self,
        _tid: Tid,
        _judge: &mut dyn Judge,
    ) -> Result<RunEnd> {
        Err(not_yet())
    }

    pub fn interrupter(&self) -> Interrupter {
        self.interrupter.clone()
    }

    /// Lets go: the process runs on as if it had never been debugged. If it was stopped
    /// by a SIGSTOP from outside it stays stopped.
    pub fn detach(self) -> Result<()> {
        Err(not_yet())
    }

    /// Kills the process and waits for its end.
    pub fn kill(self) -> Result<()> {
        Err(not_yet())
    }
}

fn not_yet() -> Error {
    Error::message("this part of the engine is not there yet")
}
