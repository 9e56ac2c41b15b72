//! What is everything doing? The answer to `State`, in the engine's own types.

use crate::engine::addr::Addr;
use crate::engine::error::Result;
use crate::engine::eval::{LoadConfig, Variable};
use crate::engine::golang::{Frame, Goroutine, ThreadState};
use crate::engine::memory::Pages;
use crate::engine::session::Session;
use crate::engine::session::breakpoint::Collect;
use crate::engine::session::goroutines::GoroutineView;
use crate::engine::session::program::CodePlace;
use crate::engine::session::query::Scope;
use crate::engine::session::stop::StopReason;
use rustc_hash::FxHashMap;

/// Everything that is said of a stopped inferior at once.
pub struct State {
    pub pid: i32,
    pub command_line: String,
    pub reason: StopReason,
    pub threads: Vec<ThreadView>,
    /// Index into `threads`.
    pub current_thread: Option<usize>,
    pub goroutine: Option<GoroutineView>,
    pub step_in_progress: bool,
}

/// A stopped thread, in words.
pub struct ThreadView {
    pub tid: i32,
    pub place: CodePlace,
    /// 0 if it runs none.
    pub goroutine: i64,
    /// The breakpoint that it stands at, if its condition was met.
    pub breakpoint: Option<i64>,
    pub returned: Option<Vec<Variable>>,
}

/// What a breakpoint asked to be read when it was hit.
#[derive(Default)]
pub struct Collected {
    pub goroutine: Option<GoroutineView>,
    pub stack: Option<Vec<Frame>>,
    pub variables: Option<Vec<Variable>>,
    pub arguments: Option<Vec<Variable>>,
    pub locals: Option<Vec<Variable>>,
}

impl Session {
    /// The state of the stopped inferior.
    ///
    /// # Errors
    ///
    /// [`Error::Exited`](crate::engine::error::Error::Exited) once the process is gone.
    pub fn state(&mut self) -> Result<State> {
        self.ensure_selection()?;
        let threads = self.threads()?.to_vec();
        self.look_for_libraries(&threads)?;
        let views = self.thread_views(&threads)?;
        let current = self.stop.thread;
        let goroutine = self.stop.goroutine;
        Ok(State {
            pid: self.pid,
            command_line: self.program.command_line.clone(),
            reason: self.stop.reason,
            current_thread: views.iter().position(|it| Some(it.tid) == current),
            threads: views,
            goroutine: goroutine.map(|it| self.goroutine_view(&it)).transpose()?,
            step_in_progress: self.step_in_progress(),
        })
    }

    /// Threads in code that is not the program's may be in a library that is not known
    /// yet.
    fn look_for_libraries(&self, threads: &[ThreadState]) -> Result<()> {
        let runtime = &self.program.runtime;
        let is_foreign = |it: &ThreadState| {
            let pc = it.registers.pc();
            runtime.images().find(pc).is_none() && runtime.library_at(pc).is_none()
        };
        if self.program.binary.dynamic_section().is_some()
            && threads.iter().any(is_foreign)
        {
            runtime.libraries(&*self.memory()?);
        }
        Ok(())
    }

    /// What a thousand threads are, and where, is read a page at a time, and most of them
    /// are at a few places.
    fn thread_views(&self, threads: &[ThreadState]) -> Result<Vec<ThreadView>> {
        let memory = self.memory()?;
        let pages = Pages::new(&*memory);
        let mut places: FxHashMap<Addr, CodePlace> = FxHashMap::default();
        let view = |thread: &ThreadState| {
            let goroutine = self.program.runtime.goroutine_on(&pages, thread);
            let hit = self.stop.hits.iter().find(|it| it.tid == thread.tid);
            let current = self.stop.thread == Some(thread.tid);
            let pc = thread.registers.pc();
            let place = places.entry(pc).or_insert_with(|| self.program.place(pc));
            ThreadView {
                tid: thread.tid,
                place: place.clone(),
                goroutine: goroutine.map_or(0, |it| it.id),
                breakpoint: hit.map(|it| it.breakpoint),
                returned: self.stop.returned.clone().filter(|_| current),
            }
        };
        Ok(threads.iter().map(view).collect())
    }

    /// Reads what the breakpoint that `thread` stands at asks for.
    pub fn collect(&mut self, thread: &ThreadView) -> Result<Collected> {
        let wanted = thread
            .breakpoint
            .and_then(|id| self.breakpoints.get(id))
            .map(|it| it.settings.collect.clone())
            .unwrap_or_default();
        let mut collected = Collected::default();
        if wanted.is_empty() {
            return Ok(collected);
        }
        let goroutine = self.goroutine_of(thread)?;
        let id = goroutine.map_or(-1, |it| it.id);
        if wanted.goroutine
            && let Some(it) = goroutine
        {
            collected.goroutine = Some(self.goroutine_view(&it)?);
        }
        if wanted.stacktrace > 0 {
            let stack = self.stack(id, wanted.stacktrace + 1)?;
            collected.stack = Some(stack.frames);
        }
        self.collect_variables(id, &wanted, &mut collected);
        Ok(collected)
    }

    fn collect_variables(&mut self, id: i64, wanted: &Collect, into: &mut Collected) {
        let at = Scope::frame(id, 0);
        if !wanted.variables.is_empty() {
            let read = wanted.variables.iter().map(|expression| {
                self.evaluate(at, expression, &LoadConfig::FULL).unwrap_or_else(|err| {
                    let mut failed = Variable::empty();
                    failed.name = expression.as_str().into();
                    failed.unreadable = Some(format!("eval error: {err}"));
                    failed.children = None;
                    failed
                })
            });
            into.variables = Some(read.collect());
        }
        // What cannot be read here is left out, as Delve does.
        if let Some(config) = &wanted.arguments {
            into.arguments = self.arguments(at, config).ok();
        }
        if let Some(config) = &wanted.locals {
            into.locals = self.locals(at, config).ok();
        }
    }

    fn goroutine_of(&mut self, thread: &ThreadView) -> Result<Option<Goroutine>> {
        let memory = self.memory()?;
        let state = self.thread(thread.tid)?;
        let runtime = &self.program.runtime;
        Ok(state.and_then(|it| runtime.goroutine_on(&*memory, &it)))
    }

    /// Whether a breakpoint of the user's is set at `addr`.
    pub fn has_breakpoint_at(&self, addr: Addr) -> bool {
        self.breakpoints.at(addr).is_some()
    }
}
