//! What is debugged, a process or a core file: what can be asked of both, and where the
//! one that cannot run refuses to.

use std::sync::Arc;

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::inferior::core::Core;
use crate::engine::inferior::live::Live;
use crate::engine::inferior::site::{Owner, SiteInfo};
use crate::engine::memory::Memory;
use crate::engine::os::ptrace::Tid;
use crate::engine::registers::Registers;

/// What is debugged.
pub enum Inferior {
    Live(Box<Live>),
    Core(Box<Core>),
}

impl Inferior {
    /// The process, to be run or changed.
    ///
    /// # Errors
    ///
    /// A core file cannot be run: this is the one place where run control is refused.
    pub fn live(&mut self) -> Result<&mut Live> {
        match self {
            Inferior::Live(live) => Ok(live),
            Inferior::Core(_) => Err(Error::CoreCannotRun),
        }
    }

    pub fn pid(&self) -> i32 {
        match self {
            Inferior::Live(live) => live.pid(),
            Inferior::Core(core) => core.pid(),
        }
    }

    pub fn memory(&self) -> Arc<dyn Memory + Send + Sync> {
        match self {
            Inferior::Live(live) => live.memory(),
            Inferior::Core(core) => core.memory(),
        }
    }

    /// The threads, ascending.
    pub fn tids(&self) -> Vec<Tid> {
        match self {
            Inferior::Live(live) => live.tids(),
            Inferior::Core(core) => core.tids(),
        }
    }

    pub fn registers(&mut self, tid: Tid) -> Result<Registers> {
        match self {
            Inferior::Live(live) => live.registers(tid),
            Inferior::Core(core) => core.registers(tid),
        }
    }

    /// The vector registers of a thread, as the raw XSAVE area.
    pub fn xsave(&self, tid: Tid) -> Result<Vec<u8>> {
        match self {
            Inferior::Live(live) => live.xsave(tid),
            Inferior::Core(core) => core.xsave(tid),
        }
    }

    pub fn sites(&self) -> Vec<SiteInfo> {
        match self {
            Inferior::Live(live) => live.sites(),
            Inferior::Core(_) => Vec::new(),
        }
    }

    pub fn place(&mut self, addr: Addr, owner: Owner) -> Result<()> {
        match self {
            Inferior::Live(live) => live.place(addr, owner),
            Inferior::Core(_) => Err(Error::CoreHasNoSites),
        }
    }

    pub fn lift(&mut self, addr: Addr, owner: Owner) -> Result<()> {
        match self {
            Inferior::Live(live) => live.lift(addr, owner),
            Inferior::Core(_) => Ok(()),
        }
    }

    pub fn lift_all(&mut self, which: impl Fn(Owner) -> bool) -> Result<()> {
        match self {
            Inferior::Live(live) => live.lift_all(which),
            Inferior::Core(_) => Ok(()),
        }
    }

    /// The process is let go, or killed: always if it was launched, else if asked to.
    pub fn leave(self, kill: bool) -> Result<()> {
        match self {
            Inferior::Live(live) if kill || live.launched() => live.kill(),
            Inferior::Live(live) => live.detach(),
            Inferior::Core(_) => Ok(()),
        }
    }
}
