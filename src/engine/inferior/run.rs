//! Running: all threads go on until one has something to say that its judge wants to stop
//! for; then all are stopped.

use crate::engine::addr::Addr;
use crate::engine::error::Result;
use crate::engine::inferior::event::Flow;
use crate::engine::inferior::judge::{Hit, Judge, RunEnd, RunningView, Verdict};
use crate::engine::inferior::leave::Ready;
use crate::engine::inferior::live::{End, Live};
use crate::engine::inferior::near::Nearness;
use crate::engine::inferior::remote::SIGTRAP;
use crate::engine::os::ptrace::{self, Tid};
use crate::engine::os::wait::{self, Event, Waited};

/// What the wait for the next event ended with.
enum Next {
    Event(Tid, Event),
    /// Somebody wants something.
    Rung,
    NoTracees,
}

/// The reasons for which a run is being ended.
#[derive(Debug, Default)]
pub(super) struct Causes {
    hits: Vec<(Tid, Addr)>,
    pub(super) others: Vec<RunEnd>,
    halted: bool,
}

impl Causes {
    pub(super) fn add(&mut self, cause: RunEnd) {
        match cause {
            RunEnd::Stopped { hits } => self.hits.extend(hits),
            RunEnd::Halted => self.halted = true,
            other => self.others.push(other),
        }
    }

    fn is_empty(&self) -> bool {
        self.hits.is_empty() && self.others.is_empty() && !self.halted
    }
}

/// The judge for times when nobody is asked.
pub(super) struct Nobody;

impl Judge for Nobody {
    fn hit(&mut self, _: &mut Hit<'_>) -> Verdict {
        Verdict::Resume
    }

    fn trapped(&mut self, _: &mut Hit<'_>) -> Verdict {
        Verdict::Resume
    }
}

impl Live {
    /// Resumes all threads, and stops all of them when `judge` says so.
    pub fn run(&mut self, judge: &mut dyn Judge) -> Result<RunEnd> {
        self.check_alive()?;
        if let Some(end) = self.deferred.pop_front() {
            return Ok(end);
        }
        loop {
            self.resume_all();
            let mut causes = Causes::default();
            if let Some(end) = self.run_until_cause(judge, &mut causes) {
                return Ok(end);
            }
            // As soon as can be; stopping the others takes its time.
            self.make_harmless(&causes);
            if let Some(end) = self.stop_all(judge, &mut causes) {
                return Ok(end);
            }
            // Without a cause it was only a site to be left with all threads stopped.
            if !causes.is_empty() {
                self.disarm();
                self.make_harmless(&causes);
                return Ok(self.end_of_run(causes));
            }
        }
    }

    /// One reason is told; traps and signals behind it are told by the next runs.
    fn end_of_run(&mut self, causes: Causes) -> RunEnd {
        let Causes { hits, others, halted: _ } = causes;
        let mut others = others.into_iter();
        let end = match hits.is_empty() {
            false => RunEnd::Stopped { hits },
            true => others.next().unwrap_or(RunEnd::Halted),
        };
        self.deferred.extend(others);
        end
    }

    /// Resumes every thread that is stopped.
    fn resume_all(&mut self) {
        let mut stopped: Vec<i32> =
            self.tracees.iter().filter(|(_, it)| !it.running).map(|it| *it.0).collect();
        stopped.sort_unstable();
        // All of this first, as some of it needs everybody to be stopped.
        for tid in &stopped {
            if self.leave_site(Tid(*tid)) == Ready::NeedsPause {
                self.leave_site_paused(Tid(*tid));
            }
        }
        self.arm();
        for tid in stopped {
            self.resume(Tid(tid));
        }
    }

    /// Resumes a thread that is ready. One that has gone meanwhile will say so.
    pub(super) fn resume(&mut self, tid: Tid) {
        let _ = self.write_back(tid);
        let _ = self.write_watches(tid);
        let Some(tracee) = self.tracees.get_mut(&tid.0) else { return };
        tracee.running = true;
        tracee.arrived = None;
        if !tracee.vforking {
            tracee.registers = None;
        }
        let held = tracee.held.take();
        let _ = match (held, tracee.group_stopped) {
            (Some(info), _) if tracee.signal == 0 => {
                let _ = ptrace::set_signal_info(&self.tracer, tid, &info);
                ptrace::cont(&self.tracer, tid, info.signal())
            }
            (_, true) => ptrace::listen(&self.tracer, tid),
            _ => ptrace::cont(&self.tracer, tid, tracee.signal),
        };
    }

    /// Goes from event to event until there is a reason to stop, which is added to
    /// `causes`; none if all threads must be stopped for a moment. Returns how the run
    /// ended if that leaves nothing to be stopped.
    fn run_until_cause(
        &mut self,
        judge: &mut dyn Judge,
        causes: &mut Causes,
    ) -> Option<RunEnd> {
        let mut near = Nearness::new();
        let mut spins = 0;
        loop {
            let (tid, event) = match self.next(spins) {
                Next::Event(tid, event) => (tid, event),
                Next::NoTracees => return Some(self.end(End::Exited(0))),
                Next::Rung => {
                    if self.answer(judge) == Verdict::Stop {
                        causes.add(RunEnd::Halted);
                        return None;
                    }
                    continue;
                }
            };
            spins = 0;
            match self.take(tid, event, judge) {
                Flow::Nothing => {}
                Flow::Go => {
                    if self.leave_site(tid) == Ready::NeedsPause {
                        return None;
                    }
                    self.resume(tid);
                    // In a hot loop the next hit is near, and waking up costs more.
                    if event == (Event::Signaled { signal: SIGTRAP }) {
                        near.round(self.pid, tid.0);
                        spins = near.spins();
                    }
                }
                Flow::Stop(cause) => {
                    causes.add(cause);
                    return None;
                }
                Flow::End(end) => return Some(end),
            }
        }
    }

    /// Somebody has rung the bell.
    fn answer(&mut self, judge: &mut dyn Judge) -> Verdict {
        let bell = self.interrupter.bell.clone();
        if bell.take_wake()
            && judge.woken(&mut RunningView { live: self }) == Verdict::Stop
        {
            return Verdict::Stop;
        }
        if bell.take_halt() { Verdict::Stop } else { Verdict::Resume }
    }

    /// The next event, or the bell.
    fn next(&mut self, spins: u32) -> Next {
        if let Some((tid, event)) = self.backlog.pop_front() {
            return Next::Event(tid, event);
        }
        let bell = self.interrupter.bell.clone();
        for nth in 0..spins {
            if nth % 16 == 15 {
                std::thread::yield_now();
            }
            if let Waited::Event(tid, event) = wait::any_now(&self.tracer) {
                // In a hot loop the bell would never be looked at otherwise.
                if !bell.is_rung() {
                    return Next::Event(tid, event);
                }
                self.backlog.push_back((tid, event));
                return Next::Rung;
            }
        }
        loop {
            if !bell.begin_wait() {
                return Next::Rung;
            }
            let waited = wait::any(&self.tracer);
            bell.end_wait();
            match waited {
                Waited::Event(tid, event) => return Next::Event(tid, event),
                Waited::NoTracees => return Next::NoTracees,
                Waited::Nothing | Waited::Interrupted => {}
            }
        }
    }
}
