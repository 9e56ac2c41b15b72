//! A program that is held survives a debugger that is killed.
//!
//! When a tracer dies the kernel lets its tracees go on, as if they had been resumed with
//! no signal if the tracer had waited for their stop, and with the signal they stopped for
//! if it had not. So a thread must not stay stopped for a trap, whose signal would kill
//! the program, nor for a signal of the program's, which would be lost: a Go program that
//! misses one SIGURG cannot preempt that thread any more; nor for a single step, which
//! would be followed by others. An interrupt ends such a stop and begins another, which is
//! for no signal, without an instruction being executed between them.

use crate::engine::inferior::judge::RunEnd;
use crate::engine::inferior::live::Live;
use crate::engine::inferior::remote::SIGTRAP;
use crate::engine::inferior::run::Causes;
use crate::engine::inferior::tracee::{Role, Tracee};
use crate::engine::os::ptrace::{self, Queue, Tid};
use crate::engine::os::signal::{FAULTS, is_job_control};
use crate::engine::os::wait::{self, Event, Waited};
use std::io;

impl Live {
    /// Takes threads out of traps that have been dealt with, and puts signals that threads
    /// are stopped for back into their queues, but for those that the run is being stopped
    /// for: they would be told again.
    pub(super) fn make_harmless(&mut self, causes: &Causes) {
        let is_harmful = |it: &Tracee| it.trapped || it.signal != 0 || it.held.is_some();
        for tid in self.held_where(is_harmful) {
            let mut told = causes.others.iter().filter_map(|it| match it {
                RunEnd::Signaled { tid, .. } => Some(*tid),
                _ => None,
            });
            if told.any(|it| it == tid) || self.write_back(tid).is_err() {
                continue;
            }
            let given_back = self.give_back(tid).unwrap_or(false);
            let Some(tracee) = self.tracees.get_mut(&tid.0) else { continue };
            // A signal that is still held back can only be delivered from where it is.
            if given_back || tracee.trapped && tracee.held.is_none() {
                tracee.trapped = false;
                if !given_back {
                    self.stop_anew(tid, 0);
                }
            }
        }
    }

    fn held_where(&self, which: impl Fn(&Tracee) -> bool) -> Vec<Tid> {
        let is_held = |it: &Tracee| it.role == Role::Thread && !it.running;
        let found = self.tracees.iter().filter(|(_, it)| is_held(it) && which(it));
        found.map(|(tid, _)| Tid(*tid)).collect()
    }

    /// The kernel queues a signal again, with all it knows about it, if it is blocked at
    /// the moment of its delivery (`ptrace_signal` in `kernel/signal.c`). Behind another
    /// of its kind it would be out of order, or be dropped.
    fn give_back(&mut self, tid: Tid) -> io::Result<bool> {
        let Some(tracee) = self.tracees.get(&tid.0) else { return Ok(false) };
        // One that was held back can be put in the place of a trap, and of nothing else.
        let held = tracee.held.filter(|_| tracee.signal == 0 && tracee.trapped);
        let signal = held.map_or(tracee.signal, |it| it.signal());
        // A fault comes again by itself.
        let is_left = FAULTS.contains(&signal) || is_job_control(signal);
        let bit = signal.checked_sub(1).and_then(|it| 1u64.checked_shl(it as u32));
        let Some(bit) = bit.filter(|_| !is_left) else { return Ok(false) };
        for queue in [Queue::OfThread, Queue::OfProcess] {
            let pending = ptrace::pending_signals(&self.tracer, tid, queue)?;
            if pending.iter().any(|it| it.signal() == signal) {
                return Ok(false);
            }
        }
        if let Some(info) = held {
            ptrace::set_signal_info(&self.tracer, tid, &info)?;
        }
        let mask = ptrace::signal_mask(&self.tracer, tid)?;
        ptrace::set_signal_mask(&self.tracer, tid, mask | bit)?;
        if let Some(tracee) = self.tracees.get_mut(&tid.0) {
            tracee.signal = 0;
            tracee.held = tracee.held.filter(|_| held.is_none());
        }
        self.stop_anew(tid, signal);
        ptrace::set_signal_mask(&self.tracer, tid, mask)?;
        Ok(true)
    }

    /// Has a stopped thread stop for nothing instead of what it is stopped for.
    fn stop_anew(&mut self, tid: Tid, signal: i32) {
        let resumed = ptrace::interrupt(&self.tracer, tid)
            .and_then(|()| ptrace::cont(&self.tracer, tid, signal));
        if resumed.is_err() {
            return;
        }
        loop {
            match wait::one(&self.tracer, tid) {
                Waited::Event(_, Event::Stopped { signal }) => {
                    if let Some(tracee) = self.tracees.get_mut(&tid.0) {
                        tracee.group_stopped = signal != SIGTRAP;
                    }
                    return;
                }
                Waited::Event(_, event) => {
                    if let Some(tracee) = self.tracees.get_mut(&tid.0) {
                        tracee.running = true;
                    }
                    self.backlog.push_back((tid, event));
                    return;
                }
                Waited::NoTracees => return,
                Waited::Nothing | Waited::Interrupted => {}
            }
        }
    }
}
