//! Letting go: detaching, killing, and what happens when neither was asked for.

use crate::engine::error::{Error, Result};
use crate::engine::inferior::live::{End, Live};
use crate::engine::inferior::memory::INT3;
use crate::engine::inferior::tracee::Role;
use crate::engine::os::process::Status;
use crate::engine::os::ptrace::{self, Tid};
use crate::engine::os::wait::{self, Event, Waited};
use crate::engine::os::{signal, spawn};
use std::time::{Duration, Instant};

/// How long to wait for children, and for threads that wait for them, before they are
/// left to the kernel, which lets go of them when the tracer thread ends.
const CHILDREN_MAX: Duration = Duration::from_secs(2);

/// How long to wait for the end of a process that has been killed.
const KILL_MAX: Duration = Duration::from_secs(5);

/// How long a process that seems to be dying may take.
const DEATH_MAX: Duration = Duration::from_millis(300);

const PAUSE: Duration = Duration::from_micros(200);

impl Live {
    /// Lets go: the process runs on as if it had never been debugged. If it was stopped
    /// by a SIGSTOP from outside it stays stopped.
    pub fn detach(mut self) -> Result<()> {
        self.let_go()
    }

    /// Kills the process and waits for its end.
    pub fn kill(mut self) -> Result<()> {
        self.end_life()
    }

    fn let_go(&mut self) -> Result<()> {
        if self.gone.is_some() {
            self.release_children();
            return Ok(());
        }
        // Stops those too that still run because a judge has panicked.
        self.stop_quietly();
        if self.gone.is_some() {
            self.release_children();
            return Ok(());
        }
        let lifted = self.lift_all(|_| true);
        let tids = self.tids();
        for tid in &tids {
            self.settle_accounts(*tid);
        }
        self.unmap_slots(&tids);
        let restored = self.check_restored();
        for tid in tids {
            self.detach_thread(tid);
        }
        self.release_children();
        self.gone = Some(End::Released);
        lifted.and(restored)
    }

    /// Puts a thread that executes the instruction of a site elsewhere back into the
    /// program's own text.
    fn settle_accounts(&mut self, tid: Tid) {
        let elsewhere = self.tracees.get(&tid.0).is_some_and(|it| it.in_slot.is_some());
        if elsewhere {
            let _ = self.fetch(tid);
        }
    }

    fn unmap_slots(&mut self, tids: &[Tid]) {
        let pages = self.slots.pages().to_vec();
        for page in pages {
            for tid in tids {
                let stopped = self.tracees.get(&tid.0).is_some_and(|it| !it.running);
                if stopped && self.unmap_page(*tid, page).is_ok() {
                    break;
                }
            }
        }
    }

    /// Looks at every byte that was ever replaced, and restores what is not as it was.
    fn check_restored(&self) -> Result<()> {
        for (addr, original) in &self.sites.ever {
            let left = *original != INT3 && self.is_patched(*addr);
            if left && self.memory.write_raw(*addr, &[*original]).is_err() {
                return Err(Error::message(format!(
                    "a breakpoint at {addr:#x} could not be removed; process {} will \
                     die when it gets there",
                    self.pid
                )));
            }
        }
        Ok(())
    }

    fn detach_thread(&mut self, tid: Tid) {
        let _ = self.write_back(tid);
        self.clear_watches(tid);
        let Some(tracee) = self.tracees.get_mut(&tid.0) else { return };
        if tracee.running {
            return;
        }
        let signal = match tracee.held.take() {
            Some(info) if tracee.signal == 0 => {
                let _ = ptrace::set_signal_info(&self.tracer, tid, &info);
                info.signal()
            }
            _ => tracee.signal,
        };
        match ptrace::detach(&self.tracer, tid, signal) {
            Ok(()) => drop(self.tracees.remove(&tid.0)),
            // It has been killed; as long as nobody takes note, it stays a zombie.
            Err(_) => tracee.running = true,
        }
    }

    /// Lets go of what is left: children of the process, and threads that could not be
    /// stopped because they wait for one.
    fn release_children(&mut self) {
        for tid in self.tracees.keys() {
            let _ = ptrace::interrupt(&self.tracer, Tid(*tid));
        }
        let begun = Instant::now();
        while !self.tracees.is_empty() || !self.newborn.is_empty() {
            self.release_newborn();
            match self.backlog.pop_front() {
                Some((tid, event)) => self.release_on(tid, event),
                None => match wait::any_now(&self.tracer) {
                    Waited::Event(tid, event) => self.release_on(tid, event),
                    Waited::NoTracees => return,
                    Waited::Nothing | Waited::Interrupted => std::thread::sleep(PAUSE),
                },
            }
            if begun.elapsed() > CHILDREN_MAX {
                return;
            }
        }
    }

    fn release_newborn(&mut self) {
        let newborn: Vec<i32> = self.newborn.drain().map(|it| it.0).collect();
        for tid in newborn {
            self.release_forked(Tid(tid));
        }
    }

    fn release_on(&mut self, tid: Tid, event: Event) {
        let gone = matches!(event, Event::Exited { .. } | Event::Killed { .. });
        let Some(tracee) = self.tracees.get_mut(&tid.0) else {
            if !gone {
                self.release_forked(tid);
            }
            return;
        };
        if gone {
            self.tracees.remove(&tid.0);
            return;
        }
        tracee.stopped();
        match tracee.role {
            Role::Forked => drop(self.release_forked(tid)),
            Role::Vforked => {
                self.take_vforked(tid, event);
                self.detach_thread(tid);
            }
            Role::Thread => {
                if let Event::Signaled { signal } = event {
                    tracee.signal = signal;
                }
                self.detach_thread(tid);
            }
        }
    }

    fn end_life(&mut self) -> Result<()> {
        if self.gone.is_none() {
            // What was launched has a process group of its own: its helpers go with it.
            if self.launched {
                let _ = signal::kill(-self.pid);
            }
            signal::kill(self.pid).map_err(|source| {
                Error::os(format!("cannot kill process {}", self.pid), source)
            })?;
            self.await_end();
        }
        if self.launched && self.foreground {
            spawn::take_back_terminal();
        }
        self.release_children();
        Ok(())
    }

    /// Why something has failed that does not fail while the process lives: if it has
    /// been killed, takes note of that, and says so.
    pub(super) fn death(&mut self) -> Option<Error> {
        let begun = Instant::now();
        while self.gone.is_none() {
            match wait::any_now(&self.tracer) {
                Waited::Event(tid, event) => match event {
                    Event::Killed { signal } if tid.0 == self.pid => {
                        self.end(End::Killed(signal));
                    }
                    Event::Exited { status } if tid.0 == self.pid => {
                        self.end(End::Exited(status));
                    }
                    Event::Killed { .. } | Event::Exited { .. } => {
                        self.tracees.remove(&tid.0);
                    }
                    _ => self.backlog.push_back((tid, event)),
                },
                Waited::NoTracees => drop(self.end(End::Killed(SIGKILL))),
                Waited::Nothing | Waited::Interrupted => {
                    // A thread that is stopped by us does not run out of this by itself.
                    let dying = self
                        .tracees
                        .keys()
                        .any(|tid| Status::of(*tid).map_or(true, |it| it.state != b't'));
                    if !dying || begun.elapsed() > DEATH_MAX {
                        break;
                    }
                    std::thread::sleep(PAUSE);
                }
            }
        }
        self.check_alive().err()
    }

    /// Waits for the end of a process that has been killed.
    fn await_end(&mut self) {
        let begun = Instant::now();
        while self.gone.is_none() && begun.elapsed() < KILL_MAX {
            match wait::any_now(&self.tracer) {
                Waited::Event(tid, event) => {
                    let ends =
                        matches!(event, Event::Exited { .. } | Event::Killed { .. });
                    if ends && tid.0 == self.pid {
                        self.end(End::Killed(SIGKILL));
                    } else if ends {
                        self.tracees.remove(&tid.0);
                    } else if !self.tracees.contains_key(&tid.0) {
                        self.newborn.insert(tid.0, event);
                    }
                }
                Waited::NoTracees => drop(self.end(End::Killed(SIGKILL))),
                Waited::Nothing | Waited::Interrupted => std::thread::sleep(PAUSE),
            }
        }
    }
}

const SIGKILL: i32 = 9;

impl Drop for Live {
    fn drop(&mut self) {
        let released = self.gone == Some(End::Released);
        if released {
            return;
        }
        let done = if self.launched { self.end_life() } else { self.let_go() };
        if let Err(err) = done {
            tracing::error!("letting go of process {}: {err}", self.pid);
        }
    }
}
