//! Breakpoint sites: addresses where an `int3` has been placed, and for whom.
//!
//! Everything that is ever written over text is in one journal, [`Sites::ever`]. It tells
//! a trap of a site that was lifted a moment ago from a trap of the program's own, what
//! to put right in the memory of a forked child, and what to compare when letting go.
//!
//! The `int3`s are in memory only while the process runs (*armed*). While it is stopped,
//! which is when a debugger spends its time and may be killed, the text is as it was.

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::inferior::live::Live;
use crate::engine::inferior::memory::{Change, INT3, ProcessMemory};
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
    /// Whether the `int3`s are in memory.
    armed: bool,
}

/// With more sites than this they stay in memory while the process is stopped: taking
/// them out and putting them in takes up to a microsecond each.
const DISARMED_MAX: usize = 20_000;

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
        self.place_alive(addr, owner).map_err(|err| self.death().unwrap_or(err))
    }

    fn place_alive(&mut self, addr: Addr, owner: Owner) -> Result<()> {
        if let Some(site) = self.sites.placed.get_mut(&addr.0) {
            if !site.owners.contains(&owner) {
                site.owners.push(owner);
            }
            return Ok(());
        }
        let cannot =
            |source| Error::os(format!("cannot place a breakpoint at {addr}"), source);
        let mut saved = [0];
        self.memory.read_raw(addr.0, &mut saved).map_err(cannot)?;
        self.watch_over(addr.0, saved[0]);
        // Tried even if it is not to stay, so that what cannot be is said now.
        self.memory.patch(addr.0).map_err(cannot)?;
        if !self.sites.armed {
            self.memory.unpatch(addr.0).map_err(cannot)?;
        }
        self.sites.ever.insert(addr.0, saved[0]);
        self.sites.placed.insert(addr.0, Site { owners: vec![owner], code: None });
        Ok(())
    }

    /// Has the watcher know of a byte before it is replaced. What was launched needs
    /// none: it is killed with us.
    fn watch_over(&mut self, addr: u64, original: u8) {
        if self.launched {
            return;
        }
        if self.watcher.is_none() {
            match self.memory.watch() {
                Ok(watcher) => self.watcher = Some(watcher),
                Err(err) => tracing::warn!("no watcher: {err}"),
            }
        }
        if let Some(watcher) = &mut self.watcher
            && !watcher.note(addr, original)
        {
            tracing::warn!("the watcher has no room for {addr:#x}");
        }
    }

    /// Puts the `int3`s into memory.
    pub(super) fn arm(&mut self) {
        if std::mem::replace(&mut self.sites.armed, true) {
            return;
        }
        let all = self.sites.placed.keys().copied().collect();
        for (addr, err) in self.memory.change_all(all, Change::Patch) {
            // The mapping is gone: there is nothing to run into either.
            tracing::warn!("the site at {addr:#x} cannot be placed again: {err}");
        }
    }

    /// Takes the `int3`s out of memory, with all threads stopped.
    pub(super) fn disarm(&mut self) {
        if self.sites.placed.len() > DISARMED_MAX || !self.sites.armed {
            return;
        }
        self.sites.armed = false;
        let all = self.sites.placed.keys().copied().collect();
        for (addr, err) in self.memory.change_all(all, Change::Unpatch) {
            tracing::warn!("the site at {addr:#x} cannot be taken out: {err}");
        }
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
            Ok(()) => {
                if let Some(watcher) = &mut self.watcher {
                    watcher.forget(addr);
                }
                Ok(())
            }
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
        if let Err(source) = self.memory.write_under(addr.0, bytes) {
            let doing = format!("cannot write {} bytes at {addr}", bytes.len());
            return Err(self.death().unwrap_or(Error::os(doing, source)));
        }
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
