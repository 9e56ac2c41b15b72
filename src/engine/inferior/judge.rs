//! What the run loop asks the layer above, and what it answers in the end.

use crate::engine::addr::Addr;
use crate::engine::error::Result;
use crate::engine::inferior::live::Live;
use crate::engine::inferior::memory::ProcessMemory;
use crate::engine::inferior::site::Owner;
use crate::engine::os::ptrace::Tid;
use crate::engine::registers::Registers;
use std::sync::Arc;

/// Decides what a run stops for. Called on the tracer thread.
///
/// Nothing here may wait: the thread that is asked about stands still meanwhile, though
/// the others keep running.
pub trait Judge {
    /// A thread ran into a site. Its PC has been set back to the site already.
    ///
    /// Asked once for each arrival. While the process is being stopped for another
    /// reason, threads that arrive at a site are asked about too; whatever the answer,
    /// they then stand at the site and leave it in the next run without being counted
    /// again.
    fn hit(&mut self, hit: &mut Hit<'_>) -> Verdict;

    /// A thread ran into an `int3` of the program's own (`runtime.Breakpoint`), or hit a
    /// watchpoint of the hardware. The PC is behind it, as the processor left it.
    fn trapped(&mut self, trap: &mut Hit<'_>) -> Verdict {
        let _ = trap;
        Verdict::Stop
    }

    /// [`Interrupter::wake`](crate::engine::inferior::Interrupter::wake) was called:
    /// jobs are waiting.
    fn woken(&mut self, live: &mut RunningView<'_>) -> Verdict {
        let _ = live;
        Verdict::Resume
    }

    /// A thread is about to receive a signal. [`Verdict::Stop`] stops before the
    /// delivery; the signal is delivered in the next run. SIGURG, SIGPROF, SIGCHLD,
    /// SIGPIPE and SIGWINCH pass without this being asked.
    fn signaled(&mut self, tid: Tid, signal: i32) -> Verdict {
        let _ = (tid, signal);
        Verdict::Resume
    }

    /// A thread of the process has been born; it is traced and about to run.
    fn thread_started(&mut self, tid: Tid) {
        let _ = tid;
    }

    /// A thread of the process is gone.
    fn thread_exited(&mut self, tid: Tid) {
        let _ = tid;
    }
}

/// The answer of a [`Judge`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Resume,
    Stop,
}

/// A thread at a site, or behind a trap of the program's own.
pub struct Hit<'a> {
    pub tid: Tid,
    /// The site; for a trap of the program's own, the address of the `int3`.
    pub addr: Addr,
    /// Whose site it is; empty for a trap of the program's own.
    pub owners: &'a [Owner],
    pub registers: &'a Registers,
    pub memory: &'a Arc<ProcessMemory>,
    /// For a watchpoint of the hardware, which one.
    pub watch: Option<usize>,
    /// Changes of sites to be made after the verdict, before any thread is resumed.
    pub requests: Vec<SiteRequest>,
}

/// A change of sites asked for while a hit is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteRequest {
    Place(Addr, Owner),
    Lift(Addr, Owner),
}

/// The process while it runs: what can be done without stopping it.
pub struct RunningView<'a> {
    pub(super) live: &'a mut Live,
}

impl RunningView<'_> {
    /// The same view, lent for a shorter time.
    pub fn reborrow(&mut self) -> RunningView<'_> {
        RunningView { live: self.live }
    }

    pub fn pid(&self) -> i32 {
        self.live.pid()
    }

    pub fn tids(&self) -> Vec<Tid> {
        self.live.tids()
    }

    pub fn memory(&self) -> Arc<ProcessMemory> {
        self.live.memory()
    }

    pub fn sites(&self) -> Vec<crate::engine::inferior::SiteInfo> {
        self.live.sites()
    }

    pub fn place(&mut self, addr: Addr, owner: Owner) -> Result<()> {
        self.live.place(addr, owner)
    }

    pub fn lift(&mut self, addr: Addr, owner: Owner) -> Result<()> {
        self.live.lift(addr, owner)
    }

    pub fn lift_all(&mut self, which: impl Fn(Owner) -> bool) -> Result<()> {
        self.live.lift_all(which)
    }
}

/// How a run ended. But for `Exited` and `Killed` all threads are stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// At least one hit was judged `Stop`. All such hits, the first being the cause.
    Stopped {
        hits: Vec<(Tid, Addr)>,
    },
    /// A trap of the program's own was judged `Stop`; `pc` is behind it.
    Trapped {
        tid: Tid,
        pc: Addr,
        watch: Option<usize>,
    },
    /// A signal was judged `Stop`; it is delivered in the next run.
    Signaled {
        tid: Tid,
        signal: i32,
    },
    /// [`Interrupter::halt`](crate::engine::inferior::Interrupter::halt), or `woken`
    /// said stop.
    Halted,
    /// The one instruction of `step_instruction` has been executed.
    Stepped {
        tid: Tid,
    },
    /// The process replaced its program. Sites, and memory handed out before, are gone.
    Execed,
    Exited {
        status: i32,
    },
    Killed {
        signal: i32,
    },
}
