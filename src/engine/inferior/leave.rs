//! How a thread leaves the site at which it stands, while the `int3` stays in place.
//!
//! In this order: the instruction is emulated; or the thread executes a copy of it; or,
//! when neither can be done, all threads are stopped, the `int3` is taken out for one
//! step, and put back.

use crate::engine::inferior::emulate::{Words, emulate};
use crate::engine::inferior::live::Live;
use crate::engine::inferior::memory::{INT3, ProcessMemory};
use crate::engine::inferior::remote::Stepped;
use crate::engine::inferior::tracee::Unwritten;
use crate::engine::os::ptrace::{self, Tid};
use crate::engine::registers::Registers;
use std::io;

/// Whether a thread is ready to be resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    Yes,
    /// The site can be left only with all threads stopped.
    NeedsPause,
}

/// The process's memory as the emulator sees it.
struct Stack<'a>(&'a ProcessMemory);

impl Words for Stack<'_> {
    fn load(&mut self, addr: u64, len: usize) -> Option<u64> {
        let mut word = [0; 8];
        self.0.read_raw(addr, &mut word[..len]).ok()?;
        Some(u64::from_le_bytes(word))
    }

    fn store(&mut self, addr: u64, len: usize, value: u64) -> Option<()> {
        self.0.write_raw(addr, &value.to_le_bytes()[..len]).ok()
    }
}

impl Live {
    /// Prepares a stopped thread for leaving the site at its PC, if there is one and its
    /// arrival has been told.
    pub(super) fn leave_site(&mut self, tid: Tid) -> Ready {
        let Some(tracee) = self.tracees.get_mut(&tid.0) else { return Ready::Yes };
        let Some(site) = tracee.arrived.take() else { return Ready::Yes };
        let Ok(registers) = self.fetch(tid) else { return Ready::Yes };
        if registers.rip != site || !self.sites.contains(site) {
            return Ready::Yes;
        }
        // An int3 of the program's own under ours: it has been executed.
        if self.sites.ever.get(&site) == Some(&INT3) {
            self.move_to(tid, site + 1);
            return Ready::Yes;
        }
        let Some(code) = self.sites.code(&self.memory, site) else {
            // No instruction: taking the int3 out lets the thread fault as it would.
            return self.postpone(tid, site);
        };
        if self.emulate(tid, &code.instruction, registers) {
            return Ready::Yes;
        }
        let Some(slot) = self.slot(tid, site, &code) else {
            return self.postpone(tid, site);
        };
        self.move_to(tid, slot);
        if let Some(tracee) = self.tracees.get_mut(&tid.0) {
            tracee.in_slot = Some(site);
        }
        Ready::Yes
    }

    fn postpone(&mut self, tid: Tid, site: u64) -> Ready {
        if let Some(tracee) = self.tracees.get_mut(&tid.0) {
            tracee.arrived = Some(site);
        }
        Ready::NeedsPause
    }

    fn move_to(&mut self, tid: Tid, pc: u64) {
        if let Some(tracee) = self.tracees.get_mut(&tid.0) {
            tracee.set_pc(pc);
        }
    }

    /// Emulates the instruction at the PC of `tid`; `false` if it cannot be.
    pub(super) fn emulate(
        &mut self,
        tid: Tid,
        instruction: &iced_x86::Instruction,
        before: Registers,
    ) -> bool {
        let mut after = before;
        let mut stack = Stack(&self.memory);
        if emulate(instruction, &mut after, &mut stack).is_none() {
            return false;
        }
        let Some(tracee) = self.tracees.get_mut(&tid.0) else { return true };
        let moved = Registers { rip: after.rip, ..before };
        if after == moved {
            tracee.set_pc(after.rip);
        } else {
            tracee.unwritten = Unwritten::Everything;
        }
        tracee.registers = Some(after);
        true
    }

    /// Leaves the site by taking its `int3` out for one step. All threads are stopped.
    pub(super) fn leave_site_paused(&mut self, tid: Tid) {
        let Some(tracee) = self.tracees.get_mut(&tid.0) else { return };
        if tracee.arrived.take().is_none() {
            return;
        }
        let stepped = self.step_without_site(tid);
        if let Ok(Stepped::Faulted(info)) = stepped {
            self.deliver(tid, info);
        }
    }

    /// Makes a step with no `int3` at the PC. All threads are stopped.
    pub(super) fn step_without_site(&mut self, tid: Tid) -> io::Result<Stepped> {
        let site = self.fetch(tid)?.rip;
        let hidden = self.memory.is_hidden(site);
        if hidden {
            self.memory.unpatch(site)?;
        }
        let stepped = self.step_once(tid);
        if hidden {
            let _ = self.memory.patch(site);
        }
        stepped
    }

    /// Has the fault that `tid` is stopped for delivered when it is resumed. An earlier
    /// signal that was held back goes the way of all signals that are sent once more.
    pub(super) fn deliver(&mut self, tid: Tid, info: ptrace::SignalInfo) {
        if let Some(tracee) = self.tracees.get_mut(&tid.0) {
            if let Some(held) = tracee.held.take() {
                let _ = crate::engine::os::signal::send_thread(
                    self.pid,
                    tid.0,
                    held.signal(),
                );
            }
            tracee.signal = info.signal();
        }
    }

    /// A thread that was put into a slot is about to receive a signal before it has left
    /// it: sees to it that the signal meets the thread at a PC of the program's.
    pub(super) fn leave_slot(&mut self, tid: Tid) {
        let Ok(registers) = self.fetch(tid) else { return };
        let Some(tracee) = self.tracees.get(&tid.0) else { return };
        if tracee.arrived != Some(registers.rip) {
            return;
        }
        // It has not executed the instruction yet. Returning from the handler to the
        // site would be a second hit, so the instruction comes first.
        let site = registers.rip;
        let (Some(code), Some(slot)) =
            (self.sites.code(&self.memory, site), self.slots.addr(site))
        else {
            return;
        };
        if code.instruction.mnemonic() == iced_x86::Mnemonic::Syscall {
            return;
        }
        self.move_to(tid, slot);
        let stepped = self.step_once(tid);
        let Ok(after) = ptrace::registers(&self.tracer, tid) else { return };
        let pc = self.slots.meaning(site, after.rip).unwrap_or(after.rip);
        if let Some(tracee) = self.tracees.get_mut(&tid.0) {
            tracee.registers = Some(after);
            tracee.arrived = (pc == site).then_some(site);
            tracee.set_pc(pc);
        }
        if let Ok(Stepped::Faulted(info)) = stepped {
            self.deliver_fault_at(tid, info, slot, site);
        }
    }

    /// A fault in a slot is a fault at the site: that is the address which a handler
    /// expects, in the PC and, for some faults, in `siginfo`.
    pub(super) fn deliver_fault_at(
        &mut self,
        tid: Tid,
        mut info: ptrace::SignalInfo,
        slot: u64,
        site: u64,
    ) {
        if info.fault_addr() == slot {
            info.set_fault_addr(site);
            let _ = ptrace::set_signal_info(&self.tracer, tid, &info);
        }
        if let Some(tracee) = self.tracees.get_mut(&tid.0) {
            tracee.arrived = None;
        }
        self.deliver(tid, info);
    }
}
