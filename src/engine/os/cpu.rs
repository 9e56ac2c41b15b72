//! On which processor a thread runs, and how a processor keeps its registers.

#![allow(unsafe_code, reason = "sched_setattr(2) takes a pointer; see SAFETY")]

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

/// What a thread of ours that others wait for asks for: little time at once, and soon. It
/// is the least that Linux grants.
const SLICE_NS: u64 = 100_000;

/// `struct sched_attr` (`linux/sched/types.h`), as far as all kernels know it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct SchedAttr {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

impl SchedAttr {
    const LEN: u32 = size_of::<SchedAttr>() as u32;

    fn of_this_thread() -> Option<SchedAttr> {
        let mut attr = SchedAttr::default();
        let at = &raw mut attr;
        // SAFETY: the kernel stores at most `LEN` bytes through the pointer.
        let done =
            unsafe { libc::syscall(libc::SYS_sched_getattr, 0, at, SchedAttr::LEN, 0) };
        (done == 0).then_some(SchedAttr { size: SchedAttr::LEN, ..attr })
    }
}

/// Has the calling thread get the processor soon when it wakes up, even if a thousand
/// threads of the inferior want it: Linux 6.12 and later prefer who asks for short turns.
/// What the thread starts later is as if it had not asked. Elsewhere nothing changes.
pub fn be_prompt() {
    let Some(mut attr) = SchedAttr::of_this_thread() else { return };
    // What is not shared out fairly is as it was set up; and the children of a thread
    // that was preferred would not be.
    if attr.policy != libc::SCHED_OTHER as u32 || attr.nice < 0 {
        return;
    }
    attr.flags = libc::SCHED_FLAG_RESET_ON_FORK as u64;
    attr.runtime = SLICE_NS;
    // SAFETY: the kernel reads `LEN` bytes through the pointer. An older one refuses.
    let _done = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attr, 0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_prompt_thread_starts_is_as_it_was_itself() {
        let attr = || SchedAttr::of_this_thread().expect("the kernel knows its schedule");
        let before = attr();
        let (own, started) = std::thread::spawn(move || {
            be_prompt();
            (attr(), std::thread::spawn(attr).join().expect("it ends"))
        })
        .join()
        .expect("it ends");
        assert_eq!(started, before);
        assert_eq!((own.policy, own.nice), (before.policy, before.nice));
    }
}
