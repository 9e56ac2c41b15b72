//! On which processor a thread runs.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use std::io;

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
