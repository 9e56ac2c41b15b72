//! Breakpoint sites: addresses where an `int3` has been placed, and for whom.
//!
//! Everything that is ever written over text is in one journal, [`Sites::ever`]. It tells
//! a trap of a site that was lifted a moment ago from a trap of the program's own, what
//! to put right in the memory of a forked child, and what to compare when letting go.

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::inferior::live::Live;
use crate::engine::inferior::memory::{INT3, ProcessMemory};
use crate::engine::memory::Memory;
use iced_x86::{Decoder, DecoderOptions, Instruction};
use rustc_hash::FxHashMap;

/// Why a site is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The user's breakpoint of this number.
    User(u32),
    /// A `next`, `step` or `stepout` in progress.
    Step,
    /// The engine watches the runtime here, for example `runtime.fatalthrow`.
    Runtime(u32),
}

/// A site, for those who ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteInfo {
    pub addr: Addr,
    pub owners: Vec<Owner>,
}

#[derive(Debug)]
pub(super) struct Site {
    /// Never empty: a site without an owner is lifted.
    pub(super) owners: Vec<Owner>,
    /// The instruction under the `int3`, once it was needed.
    pub(super) code: Option<Code>,
}

/// An instruction of the program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code {
    pub(super) instruction: Instruction,
}

/// The longest instruction there is, in bytes (Intel SDM vol. 2, §2.3.11).
const INSTRUCTION_LEN_MAX: usize = 15;

impl Code {
    /// Reads and decodes the instruction at `addr`; `None` if there is none.
    pub(super) fn read(memory: &ProcessMemory, addr: u64) -> Option<Code> {
        let mut bytes = [0; INSTRUCTION_LEN_MAX];
        // Shorter at the end of a mapping.
        let to_page_end = 4096 - (addr % 4096) as usize;
        let len = match memory.read(Addr(addr), &mut bytes) {
            Ok(()) => bytes.len(),
            Err(_) => to_page_end.min(bytes.len()),
        };
        memory.read(Addr(addr), &mut bytes[..len]).ok()?;
        let mut decoder = Decoder::with_ip(64, &bytes[..len], addr, DecoderOptions::NONE);
        let instruction = decoder.decode();
        (!instruction.is_invalid()).then_some(Code { instruction })
    }
}

/// All sites of a process.
#[derive(Debug, Default)]
pub(super) struct Sites {
    pub(super) placed: FxHashMap<u64, Site>,
    /// Every address that has ever been a site, and the byte that belongs there.
    pub(super) ever: FxHashMap<u64, u8>,
}

impl Sites {
    pub(super) fn get(&self, addr: u64) -> Option<&Site> {
        self.placed.get(&addr)
    }

    pub(super) fn contains(&self, addr: u64) -> bool {
        self.placed.contains_key(&addr)
    }

    /// Whether a thread that has executed an `int3` at `addr` may have met one of ours.
    pub(super) fn has_been(&self, addr: u64) -> bool {
        self.ever.contains_key(&addr)
    }

    /// The instruction under the site at `addr`, decoded when first asked for.
    pub(super) fn code(&mut self, memory: &ProcessMemory, addr: u64) -> Option<Code> {
        let site = self.placed.get_mut(&addr)?;
        if site.code.is_none() {
            site.code = Code::read(memory, addr);
        }
        site.code
    }
}

impl Live {
    /// Makes `owner` an owner of the site at `addr`, which is placed if it is the first.
    pub fn place(&mut self, addr: Addr, owner: Owner) -> Result<()> {
        self.check_alive()?;
        if let Some(site) = self.sites.placed.get_mut(&addr.0) {
            if !site.owners.contains(&owner) {
                site.owners.push(owner);
            }
            return Ok(());
        }
        let saved = self.memory.patch(addr.0).map_err(|source| {
            Error::os(format!("cannot place a breakpoint at {addr}"), source)
        })?;
        self.sites.ever.insert(addr.0, saved);
        self.sites.placed.insert(addr.0, Site { owners: vec![owner], code: None });
        Ok(())
    }

    /// Takes `owner` from the site at `addr`, which is lifted if it was the last.
    pub fn lift(&mut self, addr: Addr, owner: Owner) -> Result<()> {
        self.lift_where(addr.0, &|it| it == owner)
    }

    /// Takes all owners for which `which` says so from all sites.
    pub fn lift_all(&mut self, which: impl Fn(Owner) -> bool) -> Result<()> {
        let addrs: Vec<u64> = self.sites.placed.keys().copied().collect();
        let mut result = Ok(());
        for addr in addrs {
            // One that cannot be lifted shall not keep the others.
            result = result.and(self.lift_where(addr, &which));
        }
        result
    }

    fn lift_where(&mut self, addr: u64, which: &dyn Fn(Owner) -> bool) -> Result<()> {
        let Some(site) = self.sites.placed.get_mut(&addr) else { return Ok(()) };
        site.owners.retain(|it| !which(*it));
        if !site.owners.is_empty() {
            return Ok(());
        }
        self.sites.placed.remove(&addr);
        if self.gone.is_some() {
            return Ok(());
        }
        match self.memory.unpatch(addr) {
            Ok(()) => Ok(()),
            // No memory left to hold the int3: the process, or the mapping, is gone.
            Err(_) if !self.is_patched(addr) => Ok(()),
            Err(source) => {
                let addr = Addr(addr);
                Err(Error::os(format!("cannot lift the breakpoint at {addr}"), source))
            }
        }
    }

    /// Whether there is an `int3` at `addr` now, ours or not.
    pub(super) fn is_patched(&self, addr: u64) -> bool {
        let mut byte = [0];
        self.memory.read_raw(addr, &mut byte).is_ok() && byte[0] == INT3
    }

    /// The sites, ascending.
    pub fn sites(&self) -> Vec<SiteInfo> {
        let mut sites: Vec<SiteInfo> = self
            .sites
            .placed
            .iter()
            .map(|(addr, site)| SiteInfo {
                addr: Addr(*addr),
                owners: site.owners.clone(),
            })
            .collect();
        sites.sort_unstable_by_key(|it| it.addr);
        sites
    }

    /// Writes memory, read-only text too. Sites within stay where they are.
    pub fn write_memory(&mut self, addr: Addr, bytes: &[u8]) -> Result<()> {
        self.check_alive()?;
        self.memory.write_under(addr.0, bytes).map_err(|source| {
            Error::os(format!("cannot write {} bytes at {addr}", bytes.len()), source)
        })?;
        for (at, byte) in (addr.0..).zip(bytes) {
            if let Some(original) = self.sites.ever.get_mut(&at) {
                *original = *byte;
            }
        }
        // An instruction begins at most 14 bytes before the first of its bytes changed.
        let first = addr.0.saturating_sub(INSTRUCTION_LEN_MAX as u64);
        let end = addr.0.saturating_add(bytes.len() as u64);
        for (at, site) in &mut self.sites.placed {
            if (first..end).contains(at) {
                site.code = None;
                self.slots.forget(*at);
            }
        }
        Ok(())
    }
}
