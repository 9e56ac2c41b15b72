//! What is debugged, whatever kind it is: what can be asked of all kinds, and where those
//! that cannot run refuse to.

use std::sync::Arc;

use crate::engine::addr::Addr;
use crate::engine::error::Result;
use crate::engine::inferior::live::Live;
use crate::engine::inferior::site::{Owner, SiteInfo};
use crate::engine::memory::Memory;
use crate::engine::os::ptrace::Tid;
use crate::engine::registers::Registers;

/// What is debugged.
pub enum Inferior {
    Live(Box<Live>),
}

impl Inferior {
    /// The process, to be run or changed.
    ///
    /// # Errors
    ///
    /// What is no process says that it cannot be run: the one place where run control is
    /// refused.
    pub fn live(&mut self) -> Result<&mut Live> {
        match self {
            Inferior::Live(live) => Ok(live),
        }
    }

    pub fn pid(&self) -> i32 {
        match self {
            Inferior::Live(live) => live.pid(),
        }
    }

    pub fn memory(&self) -> Arc<dyn Memory> {
        match self {
            Inferior::Live(live) => live.memory(),
        }
    }

    /// The threads, ascending.
    pub fn tids(&self) -> Vec<Tid> {
        match self {
            Inferior::Live(live) => live.tids(),
        }
    }

    pub fn registers(&mut self, tid: Tid) -> Result<Registers> {
        match self {
            Inferior::Live(live) => live.registers(tid),
        }
    }

    /// The vector registers of a thread, as the raw XSAVE area.
    pub fn xsave(&self, tid: Tid) -> Result<Vec<u8>> {
        match self {
            Inferior::Live(live) => live.xsave(tid),
        }
    }

    pub fn sites(&self) -> Vec<SiteInfo> {
        match self {
            Inferior::Live(live) => live.sites(),
        }
    }

    pub fn place(&mut self, addr: Addr, owner: Owner) -> Result<()> {
        match self {
            Inferior::Live(live) => live.place(addr, owner),
        }
    }

    pub fn lift(&mut self, addr: Addr, owner: Owner) -> Result<()> {
        match self {
            Inferior::Live(live) => live.lift(addr, owner),
        }
    }

    pub fn lift_all(&mut self, which: impl Fn(Owner) -> bool) -> Result<()> {
        match self {
            Inferior::Live(live) => live.lift_all(which),
        }
    }

    /// Lets it go, or kills it: always if it was launched, else if asked to.
    pub fn leave(self, kill: bool) -> Result<()> {
        match self {
            Inferior::Live(live) if kill || live.launched() => live.kill(),
            Inferior::Live(live) => live.detach(),
        }
    }
}
