//! Processes that the inferior creates. They are traced from birth, because our sites are
//! in their way, and let go as soon as none can be.

use crate::engine::inferior::event::Flow;
use crate::engine::inferior::live::Live;
use crate::engine::inferior::memory::INT3;
use crate::engine::inferior::remote::SIGTRAP;
use crate::engine::inferior::tracee::Role;
use crate::engine::os::memory::MemFile;
use crate::engine::os::process::Status;
use crate::engine::os::ptrace::{self, Tid};
use crate::engine::os::wait::Event;

impl Live {
    /// A forked child, stopped for the first time: takes our sites out of its memory,
    /// which is a copy of the inferior's, and lets it go.
    pub(super) fn release_forked(&mut self, tid: Tid) -> Flow {
        self.tracees.remove(&tid.0);
        self.strip(tid);
        let _ = ptrace::detach(&self.tracer, tid, 0);
        Flow::Nothing
    }

    /// Restores what sites have replaced, those too that were lifted between the fork and
    /// now.
    fn strip(&self, tid: Tid) {
        if self.sites.ever.is_empty() {
            return;
        }
        let Ok(memory) = MemFile::open(tid.0) else { return };
        for (addr, original) in &self.sites.ever {
            let mut byte = [0];
            if memory.read(*addr, &mut byte).is_ok() && byte[0] == INT3 {
                let _ = memory.write(*addr, &[*original]);
            }
        }
    }

    /// A child that shares the inferior's memory. It runs into our sites, which is
    /// nobody's business, until it executes another program.
    pub(super) fn take_vforked(&mut self, tid: Tid, event: Event) -> Flow {
        match event {
            Event::Execed => {
                self.tracees.remove(&tid.0);
                let _ = ptrace::detach(&self.tracer, tid, 0);
                Flow::Nothing
            }
            Event::Signaled { signal: SIGTRAP } => {
                self.pass_trap(tid);
                Flow::Go
            }
            Event::Signaled { signal } => {
                if let Some(tracee) = self.tracees.get_mut(&tid.0) {
                    tracee.signal = signal;
                }
                Flow::Go
            }
            Event::Stopped { signal } => {
                if let Some(tracee) = self.tracees.get_mut(&tid.0) {
                    tracee.group_stopped = signal != SIGTRAP;
                }
                Flow::Go
            }
            Event::Forked | Event::Vforked | Event::Cloned => {
                let role =
                    if event == Event::Forked { Role::Forked } else { Role::Vforked };
                if let Ok(child) = ptrace::event_message(&self.tracer, tid)
                    && let Ok(child) = i32::try_from(child)
                {
                    self.adopt(Tid(child), role);
                }
                Flow::Go
            }
            Event::VforkDone
            | Event::Exited { .. }
            | Event::Killed { .. }
            | Event::Unknown => Flow::Go,
        }
    }

    /// A trap in a child: at one of our sites it is as if nothing had been there.
    fn pass_trap(&mut self, tid: Tid) {
        let code = ptrace::signal_info(&self.tracer, tid).map_or(0, |it| it.code());
        let Ok(registers) = self.fetch(tid) else { return };
        let addr = registers.rip.wrapping_sub(1);
        let ours = code == ptrace::SI_KERNEL && self.sites.has_been(addr);
        let Some(tracee) = self.tracees.get_mut(&tid.0) else { return };
        if ours {
            tracee.set_pc(addr);
            tracee.arrived = Some(addr);
        } else if code != ptrace::TRAP_TRACE {
            tracee.signal = SIGTRAP;
        }
    }

    /// Children whose parent died before it could tell about them.
    pub(super) fn sort_out_newborn(&mut self) {
        let newborn: Vec<i32> = self.newborn.keys().copied().collect();
        for tid in newborn {
            let tgid = Status::of(tid).map_or(0, |it| it.tgid);
            if tgid == self.pid {
                self.adopt(Tid(tid), Role::Thread);
            } else {
                self.newborn.remove(&tid);
                self.release_forked(Tid(tid));
            }
        }
    }
}
