//! Whether the tracer should be on the tracee's processor.
//!
//! When one thread runs into a site over and over, most of the time goes into waking the
//! tracer on an idle processor and then the tracee again. Two threads that take turns
//! need only one processor, and there nobody has to be woken elsewhere. Whether it pays
//! depends on the machine and on what else it does, so it is tried, measured, and given
//! up when it does not. The program's own threads are never moved.

use crate::engine::os::cpu::Affinity;
use crate::engine::os::process;
use std::time::{Duration, Instant};

/// How many rounds are measured together.
const WINDOW: u32 = 256;

/// How many rounds of a window may be about other threads.
const STRAYS_MAX: u32 = 16;

/// A window that takes longer is not a hot loop.
const WINDOW_MAX: Duration = Duration::from_millis(25);

/// It must be better by this factor to be kept.
const GAIN: f64 = 0.85;

/// One window that is worse may be somebody else's doing.
const BAD_MAX: u32 = 2;

/// After how many windows a trial that failed is made again; doubled each time.
const RETRY_AFTER: u32 = 4;
const RETRY_AFTER_MAX: u32 = 1024;

/// How often to look for the next event before sleeping, while the tracee runs on another
/// processor.
const SPINS: u32 = 50;

/// The same while hits follow each other closely, as those of a loaded server do: long
/// enough to be awake when the next one comes. Whoever else wants the processor gets it.
const SPINS_FREQUENT: u32 = 800;

/// Hits that are, on average, not further apart than this are frequent.
const FREQUENT: Duration = Duration::from_micros(250);

#[derive(Debug)]
pub(super) struct Nearness {
    tid: i32,
    n_rounds: u32,
    n_strays: u32,
    begun: Instant,
    /// When the last round was, and how far apart rounds are, on average.
    last: Instant,
    gap: Duration,
    /// What a window took when we were free to run anywhere.
    free: Option<Duration>,
    /// Where we may run, while we are kept on one processor.
    kept: Option<(Affinity, usize)>,
    /// How many windows in a row were worse.
    n_bad: u32,
    /// Windows to go before the next trial.
    rest: u32,
    retry_after: u32,
}

impl Nearness {
    pub(super) fn new() -> Nearness {
        Nearness {
            tid: 0,
            n_rounds: 0,
            n_strays: 0,
            begun: Instant::now(),
            last: Instant::now(),
            gap: Duration::from_secs(1),
            free: None,
            kept: None,
            n_bad: 0,
            rest: 0,
            retry_after: RETRY_AFTER,
        }
    }

    /// How often to look for the next event before sleeping. On the tracee's own
    /// processor looking would only keep it from running.
    pub(super) fn spins(&self) -> u32 {
        match self.kept {
            Some(_) => 0,
            None if self.gap <= FREQUENT => SPINS_FREQUENT,
            None => SPINS,
        }
    }

    /// `tid` has been resumed from a hit that was not worth stopping for.
    pub(super) fn round(&mut self, pid: i32, tid: i32) {
        let now = Instant::now();
        self.gap = (self.gap * 15 + (now - self.last).min(FREQUENT * 8)) / 16;
        self.last = now;
        self.n_rounds += 1;
        if tid != self.tid {
            self.n_strays += 1;
            self.tid = tid;
        }
        if self.n_rounds < WINDOW {
            return;
        }
        let took = self.begun.elapsed();
        let alone = self.n_strays <= STRAYS_MAX && took < WINDOW_MAX;
        self.judge(pid, took, alone);
        self.n_rounds = 0;
        self.n_strays = 0;
        self.begun = Instant::now();
    }

    fn judge(&mut self, pid: i32, took: Duration, alone: bool) {
        if self.kept.is_some() {
            let pays = self.free.is_some_and(|it| took < it.mul_f64(GAIN));
            self.n_bad = if pays { 0 } else { self.n_bad + 1 };
            if alone && self.n_bad < BAD_MAX {
                self.follow(pid);
            } else {
                self.n_bad = 0;
                self.release();
                self.rest = self.retry_after;
                self.retry_after = (self.retry_after * 2).min(RETRY_AFTER_MAX);
            }
            return;
        }
        self.free = Some(self.free.map_or(took, |it| (it + took) / 2));
        self.rest = self.rest.saturating_sub(1);
        if alone && self.rest == 0 {
            self.approach(pid);
        }
    }

    fn approach(&mut self, pid: i32) {
        let Some(cpu) = process::last_cpu(pid, self.tid) else { return };
        let Ok(affinity) = Affinity::of_this_thread() else { return };
        if affinity.move_to(cpu).is_ok() {
            self.kept = Some((affinity, cpu));
        }
    }

    /// The tracee may have been moved.
    fn follow(&mut self, pid: i32) {
        let Some((affinity, cpu)) = self.kept else { return };
        match process::last_cpu(pid, self.tid) {
            Some(now) if now != cpu && affinity.move_to(now).is_ok() => {
                self.kept = Some((affinity, now));
            }
            _ => {}
        }
    }

    /// Runs anywhere again.
    pub(super) fn release(&mut self) {
        if let Some((affinity, _)) = self.kept.take() {
            let _ = affinity.restore();
        }
        self.n_rounds = 0;
        self.n_strays = 0;
        self.begun = Instant::now();
    }
}

impl Drop for Nearness {
    fn drop(&mut self) {
        self.release();
    }
}
