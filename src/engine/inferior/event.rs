//! What an event means for the thread it is about, and for the run.

use crate::engine::addr::Addr;
use crate::engine::inferior::judge::{Hit, Judge, RunEnd, SiteRequest, Verdict};
use crate::engine::inferior::live::{End, Live};
use crate::engine::inferior::memory::ProcessMemory;
use crate::engine::inferior::remote::SIGTRAP;
use crate::engine::inferior::site::Owner;
use crate::engine::inferior::tracee::{Role, Tracee};
use crate::engine::os::ptrace::{self, Tid};
use crate::engine::os::signal::is_routine;
use crate::engine::os::wait::{self, Event, Waited};
use crate::engine::os::{process, signal};
use std::sync::Arc;

/// What follows from an event.
#[derive(Debug)]
pub(super) enum Flow {
    /// The thread may be resumed.
    Go,
    /// There is no thread to resume: it is gone, or has been seen to.
    Nothing,
    /// The run is to end for this reason.
    Stop(RunEnd),
    /// The run has ended: there is nothing left to stop.
    End(RunEnd),
}

impl Live {
    /// Takes note of an event, and judges it. The thread it is about stays stopped.
    pub(super) fn take(&mut self, tid: Tid, event: Event, judge: &mut dyn Judge) -> Flow {
        match event {
            Event::Exited { .. } | Event::Killed { .. } => {
                return self.take_end(tid, event, judge);
            }
            Event::Execed if tid.0 == self.pid => return self.take_exec(judge),
            _ => {}
        }
        let Some(tracee) = self.tracees.get_mut(&tid.0) else {
            // A child whose parent has not told about it yet.
            self.newborn.insert(tid.0, event);
            return Flow::Nothing;
        };
        let role = tracee.role;
        tracee.stopped();
        match role {
            Role::Thread => self.take_thread(tid, event, judge),
            Role::Forked => self.release_forked(tid),
            Role::Vforked => self.take_vforked(tid, event),
        }
    }

    fn take_thread(&mut self, tid: Tid, event: Event, judge: &mut dyn Judge) -> Flow {
        match event {
            Event::Signaled { signal: SIGTRAP } => self.take_trap(tid, judge),
            Event::Signaled { signal } => self.take_signal(tid, signal, judge),
            Event::Stopped { signal } => {
                if let Some(tracee) = self.tracees.get_mut(&tid.0) {
                    tracee.group_stopped = signal != SIGTRAP;
                }
                Flow::Go
            }
            Event::Cloned => {
                if let Some(child) = self.adopt_child(tid, Role::Thread) {
                    judge.thread_started(child);
                }
                Flow::Go
            }
            Event::Forked => {
                self.adopt_child(tid, Role::Forked);
                Flow::Go
            }
            Event::Vforked => {
                self.adopt_child(tid, Role::Vforked);
                // It cannot be asked again before the child lets go of its memory.
                let _ = self.fetch(tid);
                self.set_vforking(tid, true);
                Flow::Go
            }
            Event::VforkDone => {
                self.set_vforking(tid, false);
                Flow::Go
            }
            Event::Execed
            | Event::Exited { .. }
            | Event::Killed { .. }
            | Event::Unknown => Flow::Go,
        }
    }

    fn set_vforking(&mut self, tid: Tid, vforking: bool) {
        if let Some(tracee) = self.tracees.get_mut(&tid.0) {
            tracee.vforking = vforking;
        }
    }

    /// Begins to follow the child that `parent` has just told about.
    fn adopt_child(&mut self, parent: Tid, role: Role) -> Option<Tid> {
        let child = ptrace::event_message(&self.tracer, parent).ok()?;
        let child = Tid(i32::try_from(child).ok()?);
        self.adopt(child, role);
        Some(child)
    }

    /// Begins to follow `tid`. If it has reported already, that is taken up again.
    pub(super) fn adopt(&mut self, tid: Tid, role: Role) {
        self.tracees.entry(tid.0).or_insert_with(|| Tracee::new(role));
        if let Some(event) = self.newborn.remove(&tid.0) {
            self.backlog.push_back((tid, event));
        }
    }

    /// A SIGTRAP: ours, the program's own, or somebody else's.
    fn take_trap(&mut self, tid: Tid, judge: &mut dyn Judge) -> Flow {
        let Ok(info) = ptrace::signal_info(&self.tracer, tid) else { return Flow::Go };
        if let Some(tracee) = self.tracees.get_mut(&tid.0) {
            tracee.trapped = true;
        }
        match info.code() {
            ptrace::SI_KERNEL => self.take_int3(tid, judge),
            ptrace::TRAP_HWBKPT => self.take_watch(tid, judge),
            // A step that was asked for and then given up.
            ptrace::TRAP_TRACE => Flow::Go,
            _ => self.take_signal(tid, SIGTRAP, judge),
        }
    }

    fn take_int3(&mut self, tid: Tid, judge: &mut dyn Judge) -> Flow {
        let Ok(registers) = self.fetch(tid) else { return Flow::Go };
        let addr = registers.rip.wrapping_sub(1);
        if self.sites.contains(addr) {
            self.set_back(tid, addr, Some(addr));
            return self.judge_hit(tid, addr, judge);
        }
        if self.sites.has_been(addr) && !self.is_patched(addr) {
            // It ran into a site that has been lifted before we looked.
            self.set_back(tid, addr, None);
            return Flow::Go;
        }
        self.judge_trap(tid, addr, None, judge)
    }

    fn set_back(&mut self, tid: Tid, pc: u64, arrived: Option<u64>) {
        if let Some(tracee) = self.tracees.get_mut(&tid.0) {
            tracee.set_pc(pc);
            tracee.arrived = arrived;
        }
    }

    fn judge_hit(&mut self, tid: Tid, addr: u64, judge: &mut dyn Judge) -> Flow {
        let owners = self.sites.get(addr).map_or(&[][..], |it| &it.owners);
        let verdict =
            ask(&self.tracees, &self.memory, tid, Addr(addr), owners, None, judge);
        let Some((verdict, requests)) = verdict else { return Flow::Go };
        self.carry_out(requests);
        match verdict {
            Verdict::Resume => Flow::Go,
            Verdict::Stop => {
                Flow::Stop(RunEnd::Stopped { hits: vec![(tid, Addr(addr))] })
            }
        }
    }

    pub(super) fn judge_trap(
        &mut self,
        tid: Tid,
        addr: u64,
        watch: Option<usize>,
        judge: &mut dyn Judge,
    ) -> Flow {
        let verdict =
            ask(&self.tracees, &self.memory, tid, Addr(addr), &[], watch, judge);
        let Some((verdict, requests)) = verdict else { return Flow::Go };
        self.carry_out(requests);
        let pc = self.fetch(tid).map_or(Addr(addr), |it| it.pc());
        match verdict {
            Verdict::Resume => Flow::Go,
            Verdict::Stop => Flow::Stop(RunEnd::Trapped { tid, pc, watch }),
        }
    }

    fn carry_out(&mut self, requests: Vec<SiteRequest>) {
        for request in requests {
            let done = match request {
                SiteRequest::Place(addr, owner) => self.place(addr, owner),
                SiteRequest::Lift(addr, owner) => self.lift(addr, owner),
            };
            if let Err(err) = done {
                tracing::warn!("{request:?}: {err}");
            }
        }
    }

    fn take_signal(&mut self, tid: Tid, signal: i32, judge: &mut dyn Judge) -> Flow {
        let Some(tracee) = self.tracees.get_mut(&tid.0) else { return Flow::Nothing };
        tracee.signal = signal;
        tracee.trapped = false;
        if let Some(site) = tracee.in_slot {
            if signal::FAULTS.contains(&signal) {
                self.move_fault(tid, site);
            } else {
                self.leave_slot(tid);
            }
        }
        if is_routine(signal) || judge.signaled(tid, signal) == Verdict::Resume {
            return Flow::Go;
        }
        Flow::Stop(RunEnd::Signaled { tid, signal })
    }

    /// A fault of an instruction in a slot.
    fn move_fault(&mut self, tid: Tid, site: u64) {
        let Some(slot) = self.slots.addr(site) else { return };
        let Ok(info) = ptrace::signal_info(&self.tracer, tid) else { return };
        // Sets the PC to what it means.
        let _ = self.fetch(tid);
        self.deliver_fault_at(tid, info, slot, site);
    }

    fn take_end(&mut self, tid: Tid, event: Event, judge: &mut dyn Judge) -> Flow {
        self.newborn.remove(&tid.0);
        let role = self.tracees.remove(&tid.0).map(|it| it.role);
        if tid.0 == self.pid {
            let end = match event {
                Event::Killed { signal } => End::Killed(signal),
                Event::Exited { status } => End::Exited(status),
                _ => End::Exited(0),
            };
            return Flow::End(self.end(end));
        }
        if role == Some(Role::Thread) {
            judge.thread_exited(tid);
        }
        Flow::Nothing
    }

    /// The process is no more.
    pub(super) fn end(&mut self, end: End) -> RunEnd {
        self.gone = Some(end);
        self.tracees.retain(|_, it| it.role != Role::Thread);
        self.sites.placed.clear();
        match end {
            End::Exited(status) => RunEnd::Exited { status },
            End::Released => RunEnd::Exited { status: 0 },
            End::Killed(signal) => RunEnd::Killed { signal },
        }
    }

    /// Another program has taken the place of the one we knew, in one thread that has
    /// the id of the process; all others are gone, most of them without a word.
    fn take_exec(&mut self, judge: &mut dyn Judge) -> Flow {
        let others: Vec<i32> = self
            .tracees
            .iter()
            .filter(|(tid, it)| it.role == Role::Thread && **tid != self.pid)
            .map(|(tid, _)| *tid)
            .collect();
        for tid in others {
            self.tracees.remove(&tid);
            judge.thread_exited(Tid(tid));
        }
        let mut leader = Tracee::new(Role::Thread);
        leader.stopped();
        self.tracees.insert(self.pid, leader);
        self.sites = Default::default();
        self.slots = Default::default();
        self.syscall_at = None;
        self.watches = Default::default();
        self.watcher = None;
        if let Ok(memory) = ProcessMemory::open(self.pid) {
            self.memory = Arc::new(memory);
        }
        self.exe = process::exe(self.pid).unwrap_or_default();
        self.finish_exec();
        Flow::End(RunEnd::Execed)
    }

    /// The thread is still in the system call, whose result is yet to be stored in a
    /// register: an interrupt stops it behind that, before anything is executed.
    fn finish_exec(&mut self) {
        let tid = Tid(self.pid);
        let resumed = ptrace::interrupt(&self.tracer, tid)
            .and_then(|()| ptrace::cont(&self.tracer, tid, 0));
        if resumed.is_err() {
            return;
        }
        loop {
            match wait::one(&self.tracer, tid) {
                Waited::Event(_, Event::Stopped { .. }) | Waited::NoTracees => return,
                Waited::Event(
                    _,
                    event @ (Event::Exited { .. } | Event::Killed { .. }),
                ) => {
                    self.backlog.push_back((tid, event));
                    return;
                }
                // A signal is delivered with the next run.
                Waited::Event(_, Event::Signaled { signal }) => {
                    if let Some(tracee) = self.tracees.get_mut(&tid.0) {
                        tracee.signal = signal;
                    }
                    return;
                }
                Waited::Event(..) | Waited::Nothing | Waited::Interrupted => {}
            }
        }
    }
}

/// Asks the judge about a hit; `None` if the thread is gone.
fn ask(
    tracees: &rustc_hash::FxHashMap<i32, Tracee>,
    memory: &Arc<ProcessMemory>,
    tid: Tid,
    addr: Addr,
    owners: &[Owner],
    watch: Option<usize>,
    judge: &mut dyn Judge,
) -> Option<(Verdict, Vec<SiteRequest>)> {
    let registers = tracees.get(&tid.0)?.registers.as_ref()?;
    let mut hit =
        Hit { tid, addr, owners, registers, memory, watch, requests: Vec::new() };
    let verdict = match owners {
        [] => judge.trapped(&mut hit),
        _ => judge.hit(&mut hit),
    };
    Some((verdict, hit.requests))
}
