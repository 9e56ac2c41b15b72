//! Stopping all threads, so that none is left running and no trap of ours is pending.
//!
//! All are interrupted first, and then asked one by one whether they have stopped: the
//! kernel finds one by its id at once, but goes through all of them to find any, which
//! with a thousand threads is most of the work.

use crate::engine::inferior::event::Flow;
use crate::engine::inferior::judge::{Judge, RunEnd};
use crate::engine::inferior::leave::Ready;
use crate::engine::inferior::live::Live;
use crate::engine::inferior::remote::SIGTRAP;
use crate::engine::inferior::run::{Causes, Nobody};
use crate::engine::inferior::tracee::Role;
use crate::engine::os::process::Status;
use crate::engine::os::ptrace::{self, Queue, Tid};
use crate::engine::os::wait::{self, Event, Waited};
use std::time::{Duration, Instant};

/// How long to wait for threads to stop before those that do not are left behind: they
/// are in the kernel, and stop before they execute anything of the program.
const STOP_MAX: Duration = Duration::from_secs(3);

/// After how long without news to ask whether those waited for are still alive.
const DOUBT_AFTER: Duration = Duration::from_millis(5);

impl Live {
    /// Stops all threads. Returns how the run ended if that happens meanwhile.
    ///
    /// A thread that is stopped then has no trap of ours pending.
    pub(super) fn stop_all(
        &mut self,
        judge: &mut dyn Judge,
        causes: &mut Causes,
    ) -> Option<RunEnd> {
        for tid in self.unstopped() {
            // One that is gone has said so, or will.
            let _ = ptrace::interrupt(&self.tracer, tid);
        }
        let mut patience = Patience::new();
        loop {
            // Counted anew only when all that were counted have been asked.
            let unstopped = self.unstopped();
            if unstopped.is_empty() && self.backlog.is_empty() {
                break;
            }
            let news = match self.ask_each(&unstopped, judge, causes) {
                Ok(false) => self.ask_any(judge, causes),
                news => news,
            };
            match news {
                Ok(true) => patience.renew(),
                Ok(false) => {}
                Err(end) => return Some(end),
            }
            let all_stopped = self.tracees.values().all(|it| !it.can_stop());
            if !all_stopped && patience.pause() {
                self.bury_dead();
            }
            if patience.is_lost() {
                break;
            }
        }
        self.sort_out_newborn();
        None
    }

    fn unstopped(&self) -> Vec<Tid> {
        self.tracees.iter().filter(|(_, it)| it.can_stop()).map(|it| Tid(*it.0)).collect()
    }

    /// Takes what is kept back, and what each of `tids` has to say. Returns whether there
    /// was anything; an error is how the run ended.
    fn ask_each(
        &mut self,
        tids: &[Tid],
        judge: &mut dyn Judge,
        causes: &mut Causes,
    ) -> Result<bool, RunEnd> {
        let mut news = false;
        while let Some((tid, event)) = self.backlog.pop_front() {
            news = true;
            self.take_stopping(tid, event, judge, causes)?;
        }
        for tid in tids {
            match wait::one_now(&self.tracer, *tid) {
                Waited::Event(tid, event) => {
                    news = true;
                    self.take_stopping(tid, event, judge, causes)?;
                }
                // Gone without a word, as all but one thread are after an exec.
                Waited::NoTracees => drop(self.tracees.remove(&tid.0)),
                Waited::Nothing | Waited::Interrupted => {}
            }
        }
        Ok(news)
    }

    /// Takes what anybody else has to say: a child, or a process whose id was another's.
    fn ask_any(
        &mut self,
        judge: &mut dyn Judge,
        causes: &mut Causes,
    ) -> Result<bool, RunEnd> {
        match wait::any_now(&self.tracer) {
            Waited::Event(tid, event) => {
                self.take_stopping(tid, event, judge, causes)?;
                Ok(true)
            }
            Waited::NoTracees => {
                self.tracees.clear();
                Ok(false)
            }
            Waited::Nothing | Waited::Interrupted => Ok(false),
        }
    }

    fn take_stopping(
        &mut self,
        tid: Tid,
        event: Event,
        judge: &mut dyn Judge,
        causes: &mut Causes,
    ) -> Result<(), RunEnd> {
        match self.take(tid, event, judge) {
            Flow::End(end) => return Err(end),
            Flow::Stop(cause) => causes.add(cause),
            Flow::Nothing => {}
            Flow::Go => self.settle(tid, event),
        }
        Ok(())
    }

    /// A thread has reported while all are being stopped. A child of the process goes on;
    /// a thread stays, unless it has run into an `int3` of ours that it has not reported:
    /// an interrupt comes before a pending signal, and the trap must not stay pending.
    fn settle(&mut self, tid: Tid, event: Event) {
        match self.tracees.get(&tid.0).map(|it| it.role) {
            Some(Role::Thread) => {}
            Some(Role::Forked | Role::Vforked) => {
                if self.leave_site(tid) == Ready::Yes {
                    self.resume(tid);
                }
                return;
            }
            None => return,
        }
        let is_interrupt = matches!(event, Event::Stopped { .. });
        if is_interrupt && self.has_pending_trap(tid) {
            self.resume(tid);
        }
    }

    fn has_pending_trap(&mut self, tid: Tid) -> bool {
        let Ok(registers) = self.fetch(tid) else { return false };
        self.sites.has_been(registers.rip.wrapping_sub(1))
            && ptrace::pending_signals(&self.tracer, tid, Queue::OfThread).is_ok_and(
                |it| {
                    it.iter().any(|it| {
                        it.signal() == SIGTRAP && it.code() == ptrace::SI_KERNEL
                    })
                },
            )
    }

    /// Takes note of threads that will never stop: a leader that has exited before the
    /// others says nothing until they have too.
    fn bury_dead(&mut self) {
        for tid in self.unstopped() {
            match Status::of(tid.0) {
                Ok(status) if !matches!(status.state, b'Z' | b'X') => {}
                _ => drop(self.tracees.remove(&tid.0)),
            }
        }
    }

    /// Stops all threads with nobody being asked.
    pub(super) fn stop_quietly(&mut self) -> Option<RunEnd> {
        self.stop_all(&mut Nobody, &mut Causes::default())
    }
}

/// How a stop of all threads waits: eagerly at first, as most need microseconds.
struct Patience {
    begun: Instant,
    last_news: Instant,
    n_pauses: u32,
}

/// Pauses that only give the processor away.
const YIELDS: u32 = 100;
const PAUSE: Duration = Duration::from_micros(100);

impl Patience {
    fn new() -> Patience {
        let now = Instant::now();
        Patience { begun: now, last_news: now, n_pauses: 0 }
    }

    fn renew(&mut self) {
        self.n_pauses = 0;
        self.last_news = Instant::now();
    }

    /// Waits a little. `true` if nothing has happened for so long that something may be
    /// wrong.
    fn pause(&mut self) -> bool {
        self.n_pauses += 1;
        if self.n_pauses <= YIELDS {
            std::thread::yield_now();
        } else {
            std::thread::sleep(PAUSE);
        }
        self.last_news.elapsed() > DOUBT_AFTER
    }

    fn is_lost(&self) -> bool {
        self.begun.elapsed() > STOP_MAX && self.last_news.elapsed() > DOUBT_AFTER
    }
}
