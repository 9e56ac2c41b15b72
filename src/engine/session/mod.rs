//! What the user is doing: breakpoints, steps, selection, over one inferior.
//!
//! A [`Session`] is an inferior (a process, or a core file), what is known of its program,
//! and what was asked for. It lives on the tracer thread (see [`crate::engine::host`]).
//! While the inferior runs, the run loop borrows it, and what is left is a [`Running`];
//! what works either way is a [`Bench`].
//!
//! | file           | question                                              |
//! |----------------|-------------------------------------------------------|
//! | [`launch`]     | how does an inferior come about?                      |
//! | [`program`]    | what is debugged?                                     |
//! | [`breakpoint`] | what did the user ask for?                            |
//! | [`set`]        | how does it become sites?                             |
//! | [`locspec`]    | what does a location spec say?                        |
//! | [`resolve`]    | which places does it mean?                            |
//! | [`step`]       | where may a step end?                                 |
//! | [`run`]        | resume, until there is something to say               |
//! | [`judge`]      | is this hit something to say?                         |
//! | [`stop`]       | why did we stop, and what does that select?           |
//! | [`returned`]   | what did the function return that a step has left?    |
//! | [`state`]      | what is everything doing?                             |
//! | [`query`]      | stacks, variables, goroutines of the stopped program  |
//! | [`deferred`]   | with what will a deferred call be called?             |
//! | [`code`]       | how do the parts of the program hang together?        |
//! | [`disassembly`]| what are the instructions?                            |
//! | [`dump`]       | a core file of the process                            |
//! | [`plan9`]      | how does Go's own assembler write them?               |

pub mod launch;
pub mod program;
pub mod breakpoint;
pub mod set;
pub mod locspec;
pub mod resolve;
pub mod step;
pub mod run;
pub mod judge;
pub mod stop;
pub mod returned;
pub mod state;
pub mod query;
mod deferred;
mod assign;
pub mod goroutines;
pub mod code;
pub mod disassembly;
pub mod dump;
mod plan9;

use std::sync::Arc;

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::golang::{Goroutine, ThreadState};
use crate::engine::host::{Asker, Inbox, Ticket};
use crate::engine::inferior::{Dump, Inferior, Live, Owner, RunningView};
use crate::engine::memory::Memory;
use crate::engine::os::ptrace::Tid;
use crate::engine::session::breakpoint::Breakpoints;
use crate::engine::session::launch::TargetSpec;
use crate::engine::session::program::{CodePlace, Program};
use crate::engine::session::run::Step;
use crate::engine::session::step::RowCache;
use crate::engine::session::stop::Stop;

pub use run::Resume;

/// One debugging of one inferior.
pub struct Session {
    inbox: Arc<Inbox>,
    spec: TargetSpec,
    pid: i32,
    /// `None` once the process is gone, or let go.
    inferior: Option<Inferior>,
    /// The exit status, negative for a signal; meaningful without `inferior`.
    exit_status: i32,
    program: Program,
    breakpoints: Breakpoints,
    stop: Stop,
    /// A step that something else interrupted and that may still be finished.
    step: Option<Step>,
    step_rows: RowCache,
    /// Of the resume that was carried out last.
    ticket: Ticket,
    /// The breakpoints that every session has are set.
    watched: bool,
    /// The goroutine that was selected when the inferior was resumed last.
    last_goroutine: Option<i64>,
    /// The core file that is being written.
    dump: Option<Dump>,
    /// Who waits for what is being found out.
    asker: Asker,
}

impl Session {
    pub fn pid(&self) -> i32 {
        self.pid
    }

    pub fn program(&self) -> &Program {
        &self.program
    }

    pub fn breakpoints(&self) -> &Breakpoints {
        &self.breakpoints
    }

    /// What can be done whether the inferior runs or not.
    pub fn bench(&mut self) -> Bench<'_> {
        self.watch_runtime();
        let at = self.selected_pc().map(|pc| self.program.place(pc));
        Bench {
            program: &self.program,
            breakpoints: &mut self.breakpoints,
            sites: self.inferior.as_mut().map(Sites::Stopped),
            pid: self.pid,
            exit_status: self.exit_status,
            at,
        }
    }

    /// Says who waits for what is found out from now on.
    pub fn asked_by(&mut self, asker: Asker) {
        self.asker = asker;
    }

    /// Fails once nobody waits for the answer: to be asked by whatever takes long.
    fn check_wanted(&self) -> Result<()> {
        match self.asker.is_gone() {
            true => Err(Error::message("the client has left; the answer was given up")),
            false => Ok(()),
        }
    }

    /// Fails once the process is gone.
    pub fn check_alive(&self) -> Result<()> {
        match self.inferior {
            Some(_) => Ok(()),
            None => Err(Error::Exited { pid: self.pid, status: self.exit_status }),
        }
    }

    fn inferior(&mut self) -> Result<&mut Inferior> {
        let gone = Error::Exited { pid: self.pid, status: self.exit_status };
        self.inferior.as_mut().ok_or(gone)
    }

    /// The process, to be run or changed: a core file refuses here.
    fn live(&mut self) -> Result<&mut Live> {
        self.inferior()?.live()
    }

    pub fn memory(&self) -> Result<Arc<dyn Memory + Send + Sync>> {
        let gone = Error::Exited { pid: self.pid, status: self.exit_status };
        self.inferior.as_ref().map(Inferior::memory).ok_or(gone)
    }

    /// The stopped threads with their registers, read once a stop.
    pub fn threads(&mut self) -> Result<&[ThreadState]> {
        if self.stop.threads.is_none() {
            let inferior = self.inferior()?;
            let mut threads = Vec::new();
            for tid in inferior.tids() {
                match inferior.registers(tid) {
                    Ok(registers) => threads.push(ThreadState { tid: tid.0, registers }),
                    // It was on its way out; its end is told by the next run.
                    Err(err) => tracing::debug!(target: "engine", "thread {tid}: {err}"),
                }
            }
            self.stop.threads = Some(threads);
        }
        Ok(self.stop.threads.as_deref().unwrap_or_default())
    }

    fn thread(&mut self, tid: i32) -> Result<Option<ThreadState>> {
        Ok(self.threads()?.iter().find(|it| it.tid == tid).copied())
    }

    /// The goroutine that queries refer to by default.
    pub fn selected_goroutine(&mut self) -> Result<Option<Goroutine>> {
        self.ensure_selection()?;
        Ok(self.stop.goroutine)
    }

    /// The thread that queries refer to by default.
    pub fn selected_thread(&mut self) -> Result<Option<ThreadState>> {
        self.ensure_selection()?;
        match self.stop.thread {
            Some(tid) => self.thread(tid),
            None => Ok(None),
        }
    }

    fn selected_pc(&mut self) -> Option<Addr> {
        let goroutine = self.selected_goroutine().ok()?;
        let thread = self.selected_thread().ok()?;
        goroutine.map(|it| it.pc).or(thread.map(|it| it.registers.pc()))
    }

    /// Lets the process go, or kills it: always if it was launched, else if asked to.
    pub fn detach(&mut self, kill: bool) -> Result<()> {
        self.check_alive().or_else(|err| match self.spec.is_attach() {
            true => Err(err),
            false => Ok(()),
        })?;
        self.cancel_dump();
        let Some(inferior) = self.inferior.take() else { return Ok(()) };
        self.exit_status = 0;
        inferior.leave(kill)
    }
}

/// A session whose inferior runs: what the run loop does not need itself.
pub struct Running<'r> {
    program: &'r Program,
    breakpoints: &'r mut Breakpoints,
    view: RunningView<'r>,
}

impl Running<'_> {
    pub fn bench(&mut self) -> Bench<'_> {
        Bench {
            program: self.program,
            breakpoints: self.breakpoints,
            pid: self.view.pid(),
            sites: Some(Sites::Running(self.view.reborrow())),
            exit_status: 0,
            at: None,
        }
    }
}

/// What can be done whether the inferior runs or not: questions about the program, and
/// breakpoints.
pub struct Bench<'a> {
    pub program: &'a Program,
    pub breakpoints: &'a mut Breakpoints,
    /// `None` once the process is gone.
    sites: Option<Sites<'a>>,
    pub pid: i32,
    exit_status: i32,
    /// Where the selected goroutine is; `None` while it runs.
    pub at: Option<CodePlace>,
}

/// Where sites are placed: in a stopped inferior, or in one that runs.
enum Sites<'a> {
    Stopped(&'a mut Inferior),
    Running(RunningView<'a>),
}

impl Sites<'_> {
    fn place(&mut self, addr: Addr, owner: Owner) -> Result<()> {
        match self {
            Sites::Stopped(inferior) => inferior.place(addr, owner),
            Sites::Running(view) => view.place(addr, owner),
        }
    }

    fn lift(&mut self, addr: Addr, owner: Owner) -> Result<()> {
        match self {
            Sites::Stopped(inferior) => inferior.lift(addr, owner),
            Sites::Running(view) => view.lift(addr, owner),
        }
    }

    fn memory(&self) -> Arc<dyn Memory + Send + Sync> {
        match self {
            Sites::Stopped(inferior) => inferior.memory(),
            Sites::Running(view) => view.memory(),
        }
    }
}

impl Bench<'_> {
    pub fn check_alive(&self) -> Result<()> {
        match self.sites {
            Some(_) => Ok(()),
            None => Err(Error::Exited { pid: self.pid, status: self.exit_status }),
        }
    }

    /// Whether it is a core file.
    pub fn is_core(&self) -> bool {
        matches!(&self.sites, Some(Sites::Stopped(Inferior::Core(_))))
    }

    /// The memory of the process, which may be running.
    pub fn memory(&self) -> Result<Arc<dyn Memory + Send + Sync>> {
        let gone = Error::Exited { pid: self.pid, status: self.exit_status };
        self.sites.as_ref().map(Sites::memory).ok_or(gone)
    }
}

/// The kernel's id of a thread, from the wire's number.
fn tid(number: i64) -> Option<Tid> {
    i32::try_from(number).ok().map(Tid)
}
