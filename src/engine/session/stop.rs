//! Why the inferior stopped, and what that selects.

use std::borrow::Cow;

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::eval::Variable;
use crate::engine::golang::{Goroutine, GoroutineTable, Reach, ThreadState};
use crate::engine::inferior::Ending;
use crate::engine::memory::{Memory, Pages};
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
    /// It is a core file.
    Core(Ending),
}

impl StopReason {
    /// **wire**: as Delve words it (`spec/rpc.md` §4.5).
    pub fn text(self) -> Cow<'static, str> {
        let text = match self {
            StopReason::Unknown => "",
            StopReason::Launched => "launched",
            StopReason::Attached => "attached",
            StopReason::Breakpoint => "breakpoint",
            StopReason::HardcodedBreakpoint => "hardcoded breakpoint",
            StopReason::Manual => "manual",
            StopReason::StepDone => "next finished",
            StopReason::Core(ending) => return ending.to_string().into(),
        };
        text.into()
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
    /// The thread that caused the stop wins. If none did (after attaching, or a halt), it
    /// is one that is in the user's own code; else the goroutine that was selected before
    /// is kept; else it is the main goroutine, where it waits.
    pub(super) fn ensure_selection(&mut self) -> Result<()> {
        self.check_alive()?;
        if self.stop.selected {
            return Ok(());
        }
        let memory = self.memory()?;
        let threads = self.threads()?.to_vec();
        self.stop.selected = true;
        if let Some(cause) = self.stop.thread {
            let thread = threads.iter().find(|it| it.tid == cause);
            let runtime = &self.program.runtime;
            self.stop.goroutine =
                thread.and_then(|thread| runtime.goroutine_on(&*memory, thread));
            // Whoever wrote a core file had not to select a goroutine.
            let says_nothing = self.stop.goroutine.is_none()
                && matches!(self.stop.reason, StopReason::Core(Ending { signal: 0, .. }));
            if thread.is_some() && !says_nothing {
                return Ok(());
            }
        }
        if let Some((tid, goroutine)) = self.thread_in_user_code(&*memory, &threads) {
            self.stop.thread = Some(tid);
            self.stop.goroutine = Some(goroutine);
            return Ok(());
        }
        let before = self.last_goroutine;
        let table = self.goroutine_table()?;
        let kept =
            before.and_then(|id| table.by_id(id)).or_else(|| table.by_id(1)).copied();
        let leader = threads.iter().find(|it| it.tid == self.pid);
        let of_goroutine = kept.and_then(|it| it.thread);
        self.stop.thread = of_goroutine.or(leader.or(threads.first()).map(|it| it.tid));
        self.stop.goroutine = kept;
        Ok(())
    }

    /// A thread whose goroutine is, in its innermost frame that is not the runtime's, in
    /// code that did not come with Go.
    fn thread_in_user_code(
        &self,
        memory: &dyn Memory,
        threads: &[ThreadState],
    ) -> Option<(i32, Goroutine)> {
        let runtime = &self.program.runtime;
        let standard = self.program.standard_library();
        let pages = Pages::new(memory);
        threads.iter().find_map(|thread| {
            let goroutine = runtime.goroutine_on(&pages, thread)?;
            if goroutine.system {
                return None;
            }
            let one = std::slice::from_ref(&goroutine);
            let summary = runtime.summarize(&pages, one, threads, Reach::ToUser);
            let user = runtime.locate(summary.first()?.user);
            let theirs = !user.file.is_empty()
                && standard.as_ref().is_none_or(|it| !user.file.starts_with(it));
            theirs.then_some((thread.tid, goroutine))
        })
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
