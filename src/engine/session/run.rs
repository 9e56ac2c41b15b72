//! Resume the inferior, until there is something to say.

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::eval::LoadConfig;
use crate::engine::golang::{Frame, Goroutine};
use crate::engine::host::Ticket;
use crate::engine::inferior::{Owner, RunEnd};
use crate::engine::os::ptrace::Tid;
use crate::engine::session::Session;
use crate::engine::session::disassembly::is_call;
use crate::engine::session::judge::{Found, RunJudge};
use crate::engine::session::step::{
    InFrame, Start, StepKind, is_hidden_runtime, is_wrapper, plan, range_parent,
};
use crate::engine::session::stop::{Stop, StopReason};

/// Frames looked at to find where a step's function returns to.
const CALLERS_MAX: usize = 32;

/// The ways to run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    Continue,
    Next,
    Step,
    StepOut,
    StepInstruction,
    NextInstruction,
}

/// A step in progress.
#[derive(Clone, Debug)]
pub struct Step {
    /// Whose step it is; `None` for a thread that runs no goroutine.
    pub goroutine: Option<i64>,
    pub tid: i32,
    /// The frame it began in: its CFA less the top of the stack.
    pub frame: i64,
    /// The frame that it returns to, if that may be on another stack: C called by Go.
    pub caller: Option<i64>,
    pub places: Vec<(Addr, InFrame)>,
    /// The innermost frame when it began.
    pub origin: Frame,
    /// How to load what the function returned, if the step leaves it.
    pub results: Option<LoadConfig>,
}

impl Step {
    /// Whether a frame is, or is around, the caller of the one that the step began in.
    pub fn is_caller(&self, frame: i64) -> bool {
        self.caller.map_or(frame > self.frame, |it| frame == it)
    }

    pub fn places_at(&self, addr: Addr) -> Vec<InFrame> {
        self.places.iter().filter(|it| it.0 == addr).map(|it| it.1).collect()
    }
}

impl Session {
    /// Runs on as `resume` says, until the inferior stops or ends.
    ///
    /// `results` says how to load what a function returned that the step leaves.
    ///
    /// # Errors
    ///
    /// The exit of the process is none: [`Session::state`] tells it.
    pub fn resume(
        &mut self,
        resume: Resume,
        ticket: Ticket,
        results: Option<LoadConfig>,
    ) -> Result<()> {
        if self.inferior.is_none() {
            return Ok(());
        }
        self.live()?;
        self.check_not_dumping()?;
        let stepping = |kind| Some(kind);
        let kind = match resume {
            Resume::Continue => return self.run(ticket),
            Resume::Next => stepping(StepKind::Next),
            Resume::Step => stepping(StepKind::Into),
            Resume::StepOut => stepping(StepKind::Out),
            Resume::StepInstruction | Resume::NextInstruction => None,
        };
        match kind {
            None => self.step_instruction(resume == Resume::NextInstruction, ticket),
            Some(_) if self.step.is_some() => Err(Error::message("next while nexting")),
            Some(kind) => {
                let mut step = self.plan_step(kind)?;
                step.results = results;
                self.run_step(step, ticket)
            }
        }
    }

    /// Forgets a step that was interrupted.
    pub fn cancel_step(&mut self) -> Result<()> {
        self.step = None;
        match &mut self.inferior {
            Some(inferior) => inferior.lift_all(|owner| owner == Owner::Step),
            None => Ok(()),
        }
    }

    pub fn step_in_progress(&self) -> bool {
        self.step.is_some()
    }

    fn run_step(&mut self, step: Step, ticket: Ticket) -> Result<()> {
        let live = self.live()?;
        for (addr, _) in &step.places {
            if let Err(err) = live.place(*addr, Owner::Step) {
                live.lift_all(|owner| owner == Owner::Step)?;
                return Err(err);
            }
        }
        self.step = Some(step);
        self.run(ticket)
    }

    /// Runs all threads, with the breakpoints and the step that are set.
    fn run(&mut self, ticket: Ticket) -> Result<()> {
        self.watch_runtime();
        self.ticket = ticket;
        if let Some(selected) = &self.stop.goroutine {
            self.last_goroutine = Some(selected.id);
        }
        let Some(inferior) = self.inferior.as_mut() else { return Ok(()) };
        let live = inferior.live()?;
        let interrupter = live.interrupter();
        interrupter.forget_halt();
        if self.inbox.begin_run(ticket, interrupter) {
            self.inbox.end_run();
            self.cancel_step()?;
            let thread = self.stop.thread;
            self.stop = Stop::new(StopReason::Manual, thread);
            return Ok(());
        }
        let mut judge = RunJudge {
            program: &self.program,
            breakpoints: &mut self.breakpoints,
            step: self.step.as_mut(),
            inbox: &self.inbox,
            found: Found::default(),
        };
        let end = live.run(&mut judge);
        let found = judge.found;
        self.inbox.end_run();
        self.stop = Stop::new(StopReason::Unknown, None);
        self.ended(end?, found)
    }

    /// Takes in how a run ended.
    fn ended(&mut self, end: RunEnd, found: Found) -> Result<()> {
        match end {
            RunEnd::Stopped { hits } => {
                let first = hits.first().map(|(tid, _)| tid.0);
                self.stopped(first, found)
            }
            RunEnd::Trapped { tid, .. } => self.trapped(tid.0, found),
            RunEnd::Signaled { tid, .. } => {
                self.cancel_step()?;
                self.stop = Stop::new(StopReason::Manual, Some(tid.0));
                Ok(())
            }
            RunEnd::Halted => {
                self.cancel_step()?;
                self.stop = Stop::new(StopReason::Manual, None);
                self.stop.hits = found.hits;
                Ok(())
            }
            RunEnd::Stepped { tid } => {
                self.stop = Stop::new(StopReason::StepDone, Some(tid.0));
                Ok(())
            }
            RunEnd::Execed => self.execed(),
            RunEnd::Exited { status } => self.gone(status),
            RunEnd::Killed { signal } => self.gone(-signal),
        }
    }

    /// A trap of the program's own. One that `runtime.Breakpoint` made is told where that
    /// was called, so the thread is let out of it first.
    fn trapped(&mut self, tid: i32, found: Found) -> Result<()> {
        self.cancel_step()?;
        self.stop = Stop::new(StopReason::HardcodedBreakpoint, Some(tid));
        self.stop.hits = found.hits;
        let (goroutine, tid, frames) = self.step_origin()?;
        let caller = match frames.first().map(name_of) {
            Some("runtime.breakpoint" | "runtime.Breakpoint") => {
                frames.iter().find(|it| !name_of(it).starts_with("runtime."))
            }
            Some(_) | None => None,
        };
        let Some(caller) = caller else { return Ok(()) };
        let step = Step {
            caller: None,
            goroutine: goroutine.map(|it| it.id),
            tid,
            frame: caller.cfa_offset(),
            places: vec![(caller.pc, InFrame::Same)],
            origin: caller.clone(),
            results: None,
        };
        let hits = self.stop.hits.clone();
        self.run_step(step, self.ticket)?;
        if self.stop.reason == StopReason::StepDone {
            self.stop.reason = StopReason::HardcodedBreakpoint;
            self.stop.hits = hits;
        }
        Ok(())
    }

    fn gone(&mut self, status: i32) -> Result<()> {
        self.inferior = None;
        self.step = None;
        self.exit_status = status;
        for breakpoint in self.breakpoints.iter_mut() {
            breakpoint.addrs.clear();
        }
        Ok(())
    }

    /// A breakpoint on the goroutine that steps ends its step; one on another leaves it
    /// in progress, for the user to say what becomes of it.
    fn stopped(&mut self, first: Option<i32>, found: Found) -> Result<()> {
        let winner = found.step_done.or(first);
        let reason = match found.step_done {
            Some(_) => StopReason::StepDone,
            None => StopReason::Breakpoint,
        };
        self.stop = Stop::new(reason, winner);
        self.stop.hits = found.hits;
        let of_step = match (&self.step, found.step_done) {
            (Some(_), Some(_)) | (None, _) => true,
            (Some(step), None) => {
                let goroutine = step.goroutine;
                let hits = self.stop.hits.clone();
                let fatal = hits.iter().any(|hit| hit.breakpoint < 0);
                let threads = self.threads()?.to_vec();
                let memory = self.memory()?;
                fatal
                    || threads
                        .iter()
                        .filter(|thread| hits.iter().any(|hit| hit.tid == thread.tid))
                        .any(|thread| {
                            let runtime = &self.program.runtime;
                            let on = runtime.goroutine_on(&*memory, thread);
                            on.map(|it| it.id) == goroutine
                        })
            }
        };
        if found.left_frame {
            self.note_returned()?;
        }
        if of_step {
            self.cancel_step()?;
        }
        match found.condition_error {
            Some(why) => Err(Error::message(why)),
            None => Ok(()),
        }
    }

    fn note_returned(&mut self) -> Result<()> {
        let Some(step) = &self.step else { return Ok(()) };
        let (origin, Some(config)) = (step.origin.clone(), step.results) else {
            return Ok(());
        };
        if let Some(goroutine) = self.selected_goroutine()? {
            self.stop.returned = self.returned_values(&origin, &goroutine, config).ok();
        }
        Ok(())
    }

    /// The goroutine and thread that a step is for, and its innermost frames.
    fn step_origin(&mut self) -> Result<(Option<Goroutine>, i32, Vec<Frame>)> {
        let goroutine = self.selected_goroutine()?;
        let thread = self.selected_thread()?;
        let tid = goroutine.and_then(|it| it.thread).or(thread.map(|it| it.tid));
        let id = goroutine.map_or(-1, |it| it.id);
        let stack = self.stack(id, CALLERS_MAX)?;
        Ok((goroutine, tid.unwrap_or(self.pid), stack.frames))
    }

    fn plan_step(&mut self, kind: StepKind) -> Result<Step> {
        let (goroutine, tid, frames) = self.step_origin()?;
        let Some(top) = frames.first() else {
            return Err(Error::message("cannot step: the stack cannot be read"));
        };
        if top.file.is_empty() {
            return Err(Error::message(format!("no source for PC {:#x}", top.pc.0)));
        }
        let left = if kind == StepKind::Out { function_frame(&frames) } else { 0 };
        let return_to = self.return_place(&frames[left], &frames[left + 1..]);
        if kind == StepKind::Out && return_to.is_none() {
            return Err(Error::message("nothing to stepout to"));
        }
        let deferred = match goroutine {
            Some(it) => self.topmost_deferred(&it, top)?,
            None => None,
        };
        let program = &self.program;
        let start = Start {
            binary: &program.binary,
            pc: program.stated(top.pc),
            return_to: return_to.map(|at| program.stated(at)),
            deferred: deferred.map(|at| program.stated(at)),
        };
        let caller = frames[left + 1..].iter().find(|it| Some(it.pc) == return_to);
        let caller = caller.filter(|it| it.system_stack != frames[left].system_stack);
        let caller = caller.map(Frame::cfa_offset);
        let places = plan(&start, kind, &mut self.step_rows)
            .into_iter()
            .map(|place| (program.loaded(place.addr), place.frame))
            .collect();
        let frame = top.cfa_offset();
        let origin = frames[left].clone();
        let goroutine = goroutine.map(|it| it.id);
        Ok(Step { goroutine, tid, frame, caller, places, origin, results: None })
    }

    /// Where the frame `top` returns to, as far as users care: not in a wrapper that Go
    /// made, nor in the runtime's handling of panics and deferred calls.
    fn return_place(&self, top: &Frame, outer: &[Frame]) -> Option<Addr> {
        let binary = &self.program.binary;
        let from_runtime = is_hidden_runtime(name_of(top));
        // C runs on a stack of its own, which may be above that of its caller.
        let is_outside =
            |it: &&Frame| it.system_stack != top.system_stack || it.cfa > top.cfa;
        for frame in outer.iter().filter(is_outside) {
            let name = name_of(frame);
            if name == "runtime.goexit" || name.is_empty() {
                return None;
            }
            let wrapper = self
                .program
                .function_at(frame.lookup_pc)
                .is_some_and(|id| is_wrapper(binary, id));
            let hidden =
                is_hidden_runtime(name) && name != "runtime.main" && !from_runtime;
            if !wrapper && !hidden {
                return Some(frame.pc);
            }
        }
        None
    }

    /// The entry of the function that a panic in `top` would run first.
    fn topmost_deferred(
        &self,
        goroutine: &Goroutine,
        top: &Frame,
    ) -> Result<Option<Addr>> {
        let memory = self.memory()?;
        let defers = self.program.runtime.defers(&*memory, goroutine);
        let all = self.program.runtime.defers_of(&*memory, top, &defers);
        let first = all.first().or(defers.first());
        Ok(first.map(|it| it.deferred_pc).filter(|it| it.0 != 0))
    }

    /// One instruction of the selected goroutine. One that waits for its turn has no
    /// thread to step, so it is waited for where it will go on.
    fn step_instruction(&mut self, over_calls: bool, ticket: Ticket) -> Result<()> {
        let (goroutine, tid, frames) = self.step_origin()?;
        let Some(top) = frames.first() else {
            return Err(Error::message("cannot step: the stack cannot be read"));
        };
        let waits = goroutine.is_some_and(|it| it.thread.is_none());
        let memory = self.memory()?;
        let over = is_call(&*memory, top.pc).filter(|_| over_calls);
        let place = match over {
            _ if waits => Some(top.pc),
            Some(after) => Some(after),
            None => None,
        };
        if let Some(addr) = place {
            let step = Step {
                caller: None,
                goroutine: goroutine.map(|it| it.id),
                tid,
                frame: top.cfa_offset(),
                places: vec![(addr, InFrame::Same)],
                origin: top.clone(),
                results: None,
            };
            return self.run_step(step, ticket);
        }
        let Some(inferior) = self.inferior.as_mut() else { return Ok(()) };
        let live = inferior.live()?;
        let interrupter = live.interrupter();
        interrupter.forget_halt();
        self.inbox.begin_run(ticket, interrupter);
        let mut judge = RunJudge {
            program: &self.program,
            breakpoints: &mut self.breakpoints,
            step: None,
            inbox: &self.inbox,
            found: Found::default(),
        };
        let end = live.step_instruction(Tid(tid), &mut judge);
        let found = judge.found;
        self.inbox.end_run();
        let step = self.step.take();
        let outcome = self.ended(end?, found);
        // A step that was interrupted stays in progress (`spec/rpc.md` §4.1).
        self.step = step.filter(|_| self.inferior.is_some());
        outcome
    }
}

/// Which frame is of the function that the innermost frame is in, for users: the body of
/// a range-over-func loop belongs to the function around it.
fn function_frame(frames: &[Frame]) -> usize {
    let Some(around) = frames.first().and_then(|it| range_parent(name_of(it))) else {
        return 0;
    };
    frames.iter().position(|it| name_of(it) == around).unwrap_or(0)
}

fn name_of(frame: &Frame) -> &str {
    frame.function.as_ref().map_or("", |it| it.name.as_str())
}
