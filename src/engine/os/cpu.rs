//! On which processor a thread runs, and how a processor keeps its registers.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use std::io;

/// Where a component of the registers is in an XSAVE area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XsaveComponent {
    pub offset: usize,
    pub len: usize,
}

/// The leaf of CPUID that describes XSAVE, and the first component that it places.
const XSAVE_LEAF: u32 = 0xd;
const FIRST_PLACED: u32 = 2;
const COMPONENTS_MAX: u32 = 63;

/// Where this machine's processor stores a component (Intel SDM vol. 2, "CPUID", leaf
/// 0DH); `None` if it has no such component.
pub fn xsave_component(number: u32) -> Option<XsaveComponent> {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    let is_known =
        __cpuid(0).eax >= XSAVE_LEAF && (FIRST_PLACED..COMPONENTS_MAX).contains(&number);
    let found = is_known.then(|| __cpuid_count(XSAVE_LEAF, number))?;
    let (offset, len) = (found.ebx as usize, found.eax as usize);
    (len > 0).then_some(XsaveComponent { offset, len })
}

/// The processors that the calling thread may run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Affinity(CpuSet);

impl Affinity {
    pub fn of_this_thread() -> io::Result<Affinity> {
        Ok(Affinity(sched_getaffinity(Pid::from_raw(0))?))
    }

    /// Puts the calling thread back to where it may run.
    pub fn restore(&self) -> io::Result<()> {
        Ok(sched_setaffinity(Pid::from_raw(0), &self.0)?)
    }

    /// Moves the calling thread to `cpu`, if that is among these.
    pub fn move_to(&self, cpu: usize) -> io::Result<()> {
        if !self.0.is_set(cpu).unwrap_or(false) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut one = CpuSet::new();
        one.set(cpu)?;
        Ok(sched_setaffinity(Pid::from_raw(0), &one)?)
    }
}
