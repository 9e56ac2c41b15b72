//! Why the inferior stopped, and what that selects.

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::eval::Variable;
use crate::engine::golang::{Goroutine, GoroutineTable, ThreadState};
use crate::engine::session::{Session, tid};

/// Why the inferior is stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StopReason {
    #[default]
    Unknown,
    Launched,
    Attached,
    Breakpoint,
    /// An `int3` of the program's own, such as `runtime.Breakpoint`.
    HardcodedBreakpoint,
    Manual,
    StepDone,
}

impl StopReason {
    /// **wire**: as Delve words it (`spec/rpc.md` §4.5).
    pub fn text(self) -> &'static str {
        match self {
            StopReason::Unknown => "",
            StopReason::Launched => "launched",
            StopReason::Attached => "attached",
            StopReason::Breakpoint => "breakpoint",
            StopReason::HardcodedBreakpoint => "hardcoded breakpoint",
            StopReason::Manual => "manual",
            StopReason::StepDone => "next finished",
        }
    }
}

/// The number that a trap of the program's own has in the list of what was hit.
pub const HARDCODED: i64 = 0;

/// A thread that stands at a breakpoint whose condition was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakpointHit {
    pub tid: i32,
    pub addr: Addr,
    /// A breakpoint's number, or [`HARDCODED`].
    pub breakpoint: i64,
}

/// One stop of the inferior: why, who, and what was read of it so far.
#[derive(Default)]
pub struct Stop {
    pub reason: StopReason,
    pub hits: Vec<BreakpointHit>,
    /// The selected thread; see [`Session::selected_thread`].
    pub thread: Option<i32>,
    pub goroutine: Option<Goroutine>,
    /// Whether `thread` and `goroutine` have been chosen.
    pub selected: bool,
    pub threads: Option<Vec<ThreadState>>,
    pub goroutines: Option<GoroutineTable>,
    /// What the function returned that a step has just left.
    pub returned: Option<Vec<Variable>>,
}

impl Stop {
    pub fn new(reason: StopReason, thread: Option<i32>) -> Stop {
        Stop { reason, thread, ..Stop::default() }
    }
}

impl Session {
    /// Chooses thread and goroutine of this stop, if that has not been done.
    ///
    /// The thread that caused the stop wins. If none did (after attaching, or a halt),
    /// it is one that runs a goroutine of the user's, and if there is none, the main
    /// goroutine is selected where it waits.
    pub(super) fn ensure_selection(&mut self) -> Result<()> {
        self.check_alive()?;
        if self.stop.selected {
            return Ok(());
        }
        let memory = self.memory()?;
        let threads = self.threads()?.to_vec();
        let cause = self.stop.thread;
        let candidates = match cause {
            Some(tid) => threads.iter().filter(|it| it.tid == tid).collect::<Vec<_>>(),
            None => threads.iter().collect(),
        };
        let runtime = &self.program.runtime;
        let chosen = candidates.iter().find_map(|thread| {
            let goroutine = runtime.goroutine_on(&*memory, thread)?;
            (cause.is_some() || !goroutine.system).then_some((thread.tid, goroutine))
        });
        self.stop.selected = true;
        match chosen {
            Some((tid, goroutine)) => {
                self.stop.thread = Some(tid);
                self.stop.goroutine = Some(goroutine);
            }
            None => {
                let leader = threads.iter().find(|it| it.tid == self.pid);
                let any = leader.or(threads.first());
                self.stop.thread = self.stop.thread.or(any.map(|it| it.tid));
                if cause.is_none() {
                    let main = self.goroutine_table()?.by_id(1).copied();
                    self.stop.goroutine = main;
                }
            }
        }
        Ok(())
    }

    /// All goroutines, read once a stop. Empty before the runtime has started.
    pub fn goroutine_table(&mut self) -> Result<&GoroutineTable> {
        if self.stop.goroutines.is_none() {
            let memory = self.memory()?;
            let threads = self.threads()?.to_vec();
            let table = self.program.runtime.goroutines(&*memory, &threads)?;
            self.stop.goroutines = Some(table);
        }
        self.stop
            .goroutines
            .as_ref()
            .ok_or_else(|| Error::message("could not find goroutine array"))
    }

    /// The goroutine that a client means: -1 is the selected one.
    pub fn goroutine(&mut self, id: i64) -> Result<Option<Goroutine>> {
        self.ensure_selection()?;
        let selected = self.stop.goroutine;
        if id == -1 || id == 0 && selected.is_none() {
            return Ok(selected);
        }
        if let Some(selected) = selected.filter(|it| it.id == id) {
            return Ok(Some(selected));
        }
        match self.goroutine_table()?.by_id(id) {
            Some(found) => Ok(Some(*found)),
            None => Err(Error::message(format!("unknown goroutine {id}"))),
        }
    }

    pub fn select_thread(&mut self, id: i64) -> Result<()> {
        self.check_alive()?;
        let found = match tid(id) {
            Some(tid) => self.thread(tid.0)?,
            None => None,
        };
        let Some(thread) = found else {
            return Err(Error::message(format!("thread {id} does not exist")));
        };
        let memory = self.memory()?;
        self.stop.goroutine = self.program.runtime.goroutine_on(&*memory, &thread);
        self.stop.thread = Some(thread.tid);
        self.stop.selected = true;
        Ok(())
    }

    /// A goroutine that waits has no thread: then the selected thread stays.
    pub fn select_goroutine(&mut self, id: i64) -> Result<()> {
        let found = self.goroutine(id)?;
        let Some(goroutine) = found else {
            return Err(Error::message(format!("unknown goroutine {id}")));
        };
        if let Some(thread) = goroutine.thread {
            self.stop.thread = Some(thread);
        }
        self.stop.goroutine = Some(goroutine);
        self.stop.selected = true;
        Ok(())
    }
}
