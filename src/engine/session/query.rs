//! Stacks and variables of the stopped program.

use regex::Regex;

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::eval::{Emitter, EvalScope, Found, LoadConfig, Sink, Variable};
use crate::engine::golang::{
    Defer, Frame, Goroutine, Spot, Stack, ThreadState, UnwindFrom, UnwindLimits,
};
use crate::engine::inferior::{Inferior, VectorRegisters};
use crate::engine::os::ptrace::Tid;
use crate::engine::registers::Registers;
use crate::engine::session::{Session, assign, deferred};

/// Frames that one request may ask for.
pub const DEPTH_MAX: usize = 1 << 20;

/// Which stack of a goroutine is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackKind {
    /// From where it is, through all stacks.
    Whole,
    /// The stack that it is on now and no other.
    One,
    /// From where the runtime saved it last, even if a thread runs it.
    Saved,
}

/// Where a question is asked: in which frame of which goroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// -1: the selected one.
    pub goroutine: i64,
    pub frame: usize,
    /// The deferred call of the frame that is meant, from 1; 0: the frame itself.
    pub deferred: usize,
}

impl Scope {
    pub fn frame(goroutine: i64, frame: usize) -> Scope {
        Scope { goroutine, frame, deferred: 0 }
    }
}

/// Frames beyond the one that is asked about: the body of a range-over-func loop is called
/// by the iterator, and shows the variables of the function around it.
const FRAMES_AROUND: usize = 16;

impl Session {
    /// The stack of a goroutine (-1: the selected one, or else the selected thread's).
    pub fn stack(&mut self, goroutine: i64, depth: usize) -> Result<Stack> {
        self.stack_as(goroutine, depth, StackKind::Whole)
    }

    pub fn stack_as(
        &mut self,
        goroutine: i64,
        depth: usize,
        kind: StackKind,
    ) -> Result<Stack> {
        let found = self.goroutine(goroutine)?;
        let limits = UnwindLimits {
            depth_max: depth.min(DEPTH_MAX),
            one_stack: kind == StackKind::One,
        };
        let memory = self.memory()?;
        let thread = self.thread_of(found.as_ref())?;
        let from = match (&thread, &found) {
            (_, Some(it)) if kind == StackKind::Saved => UnwindFrom::Saved(it),
            (Some(thread), _) => UnwindFrom::Thread(thread),
            (None, Some(it)) => UnwindFrom::Parked(it),
            (None, None) => return Err(Error::message("no selected goroutine")),
        };
        Ok(self.program.runtime.unwind(&*memory, &from, limits))
    }

    /// The thread that a goroutine is on; without a goroutine, the selected thread.
    fn thread_of(
        &mut self,
        goroutine: Option<&Goroutine>,
    ) -> Result<Option<ThreadState>> {
        match goroutine {
            Some(it) => match it.thread {
                Some(tid) => self.thread(tid),
                None => Ok(None),
            },
            None => self.selected_thread(),
        }
    }

    /// Calls `ask` with the scope of a frame, or of a call that it has deferred.
    fn in_scope<T>(
        &mut self,
        at: Scope,
        ask: impl FnOnce(&EvalScope<'_>) -> Result<T>,
    ) -> Result<T> {
        let stack =
            self.stack(at.goroutine, at.frame.saturating_add(1 + FRAMES_AROUND))?;
        let Some(frame) = stack.frames.get(at.frame) else {
            return Err(no_frame(at.frame, at.goroutine));
        };
        let goroutine = self.goroutine(at.goroutine)?;
        let memory = self.memory()?;
        if at.deferred > 0 {
            let defer = self.deferred_call(at.goroutine, at.frame, frame, at.deferred)?;
            let g = goroutine.map(|it| it.addr).unwrap_or_default();
            let made = deferred::rehearse(&self.program, &*memory, &defer, g)?;
            let frames = [made.frame];
            let mut scope = EvalScope::new(&self.program.runtime, &made.memory);
            scope.frames = &frames;
            scope.goroutine = goroutine.as_ref();
            scope.xsave = Some(&made.xsave);
            scope.all_parameters = true;
            let counts = self.breakpoints.counts();
            scope.hit_counts = Some(&counts);
            return ask(&scope);
        }
        let thread = self.thread_of(goroutine.as_ref())?;
        let xsave = match &thread {
            Some(thread) => self.inferior()?.xsave(Tid(thread.tid)).ok(),
            None => None,
        };
        let mut scope = EvalScope::new(&self.program.runtime, &*memory);
        scope.frames = &stack.frames;
        scope.frame_index = at.frame;
        scope.goroutine = goroutine.as_ref();
        scope.xsave = xsave.as_deref();
        scope.thread_id = thread.map_or(0, |it| it.tid);
        let counts = self.breakpoints.counts();
        scope.hit_counts = Some(&counts);
        ask(&scope)
    }

    pub fn locals(&mut self, at: Scope, config: &LoadConfig) -> Result<Vec<Variable>> {
        self.in_scope(at, |scope| scope.locals(*config))
    }

    pub fn arguments(&mut self, at: Scope, config: &LoadConfig) -> Result<Vec<Variable>> {
        self.in_scope(at, |scope| scope.arguments(*config))
    }

    pub fn evaluate(
        &mut self,
        at: Scope,
        expression: &str,
        config: &LoadConfig,
    ) -> Result<Variable> {
        self.in_scope(at, |scope| scope.evaluate(expression, *config))
    }

    /// Hands on the value of an expression as it is loaded.
    pub fn emit_value(
        &mut self,
        at: Scope,
        expression: &str,
        emitter: &mut Emitter,
        sink: &mut dyn Sink,
    ) -> Result<()> {
        self.in_scope(at, |scope| scope.emit_value(expression, emitter, sink))
    }

    /// Calls `take` with the variables of a frame.
    pub fn with_variables(
        &mut self,
        at: Scope,
        take: impl FnOnce(&Found<'_, '_>),
    ) -> Result<()> {
        self.in_scope(at, |scope| {
            let request = scope.request();
            take(&scope.found(&request)?);
            Ok(())
        })
    }

    /// Assigns; both sides are expressions.
    pub fn assign(&mut self, at: Scope, symbol: &str, value: &str) -> Result<()> {
        if at.deferred > 0 {
            return Err(Error::message(
                "the arguments of a deferred call cannot be set; set the variables that \
                 it uses in its frame",
            ));
        }
        let writes = self.in_scope(at, |scope| scope.set(symbol, value))?;
        self.check_not_dumping()?;
        let thread = match self.goroutine(at.goroutine)? {
            Some(it) => it.thread,
            None => self.selected_thread()?.map(|it| it.tid),
        };
        let live = match self.inferior()? {
            Inferior::Live(live) => live,
            Inferior::Core(_) => return Err(Error::CoreCannotChange),
        };
        let done = writes.iter().try_for_each(|it| assign::write(live, thread, it));
        self.look_again(thread)?;
        done
    }

    /// Calls `take` for each of some frames that are known already, with its index and
    /// its variables if they can be had.
    pub fn with_stack_variables(
        &mut self,
        goroutine: i64,
        frames: &[Frame],
        mut take: impl FnMut(usize, Option<&Found<'_, '_>>),
    ) -> Result<()> {
        let goroutine = self.goroutine(goroutine)?;
        let memory = self.memory()?;
        let thread = self.thread_of(goroutine.as_ref())?;
        let xsave = match &thread {
            Some(thread) => self.inferior()?.xsave(Tid(thread.tid)).ok(),
            None => None,
        };
        let mut scope = EvalScope::new(&self.program.runtime, &*memory);
        scope.frames = frames;
        scope.goroutine = goroutine.as_ref();
        scope.xsave = xsave.as_deref();
        scope.thread_id = thread.map_or(0, |it| it.tid);
        let counts = self.breakpoints.counts();
        scope.hit_counts = Some(&counts);
        let request = scope.request();
        request.read_ahead(frames);
        for index in 0..frames.len() {
            self.check_wanted()?;
            scope.frame_index = index;
            take(index, scope.found(&request).ok().as_ref());
        }
        Ok(())
    }

    /// The package variables whose full name matches.
    pub fn package_variables(
        &mut self,
        filter: &Regex,
        config: &LoadConfig,
    ) -> Result<Vec<Variable>> {
        let memory = self.memory()?;
        EvalScope::new(&self.program.runtime, &*memory)
            .package_variables(Some(filter), *config)
    }

    /// The deferred calls of frames of one goroutine.
    pub fn deferred_calls(
        &mut self,
        goroutine: i64,
        frames: &[Frame],
    ) -> Result<Vec<Vec<Defer>>> {
        let found = self.goroutine(goroutine)?;
        let memory = self.memory()?;
        let runtime = &self.program.runtime;
        let all = found.map(|it| runtime.defers(&*memory, &it)).unwrap_or_default();
        Ok(frames.iter().map(|it| runtime.defers_of(&*memory, it, &all)).collect())
    }

    /// The goroutines that started a goroutine, `count` of them at most, nearest first:
    /// their ids, and `depth` frames of where each was then.
    pub fn ancestors(
        &mut self,
        goroutine: i64,
        count: usize,
        depth: usize,
    ) -> Result<Vec<(i64, Vec<Frame>)>> {
        let found = self.goroutine(goroutine)?;
        let found = found.ok_or_else(|| Error::message("no selected goroutine"))?;
        let memory = self.memory()?;
        let runtime = &self.program.runtime;
        let scope = EvalScope::new(runtime, &*memory);
        let kept = scope.evaluate("runtime.debug.tracebackancestors", LoadConfig::SHORT);
        let is_kept = kept.is_ok_and(|it| it.value != "0");
        if !is_kept && found.ancestors_addr.0 == 0 {
            return Err(Error::message("tracebackancestors is disabled"));
        }
        let all = runtime.ancestors(&*memory, &found).map_err(|fault| {
            Error::message(format!("the ancestors of the goroutine are lost: {fault}"))
        })?;
        // What the runtime has kept are return addresses, also of inlined calls.
        let frame = |pc: &Addr| {
            let lookup_pc = pc.offset(-1);
            let at = runtime.locate(Spot { pc: *pc, lookup_pc, inline_depth: 0 });
            let (file, line, function) = (at.file, at.line, at.function);
            Frame { pc: *pc, lookup_pc, file, line, function, ..Frame::default() }
        };
        let stack = |pcs: &[Addr]| pcs.iter().take(depth).map(frame).collect();
        Ok(all.iter().take(count).map(|it| (it.id, stack(&it.pcs))).collect())
    }

    /// The registers of a thread (0: the selected one).
    pub fn registers_of(&mut self, thread: i64) -> Result<Registers> {
        let found = match i32::try_from(thread) {
            Ok(0) => self.selected_thread()?,
            Ok(tid) => self.thread(tid)?,
            Err(_) => None,
        };
        found
            .map(|it| it.registers)
            .ok_or_else(|| Error::message(format!("couldn't find thread {thread}")))
    }

    /// The registers of a frame, as far as its callee saved them.
    pub fn registers_of_frame(
        &mut self,
        goroutine: i64,
        frame: usize,
    ) -> Result<FrameRegisters> {
        let stack = self.stack(goroutine, frame.saturating_add(1))?;
        let Some(found) = stack.frames.get(frame) else {
            return Err(no_frame(frame, goroutine));
        };
        Ok(match found.registers {
            Some(all) => FrameRegisters::All(all),
            None => FrameRegisters::Few { pc: found.pc, sp: found.sp, bp: found.bp },
        })
    }

    /// The registers for floats and vectors of a thread (0: the selected one); `None` if
    /// they are not known, as in a core file without them.
    pub fn vector_registers(&mut self, thread: i64) -> Result<Option<VectorRegisters>> {
        let tid = match i32::try_from(thread) {
            Ok(0) => self.selected_thread()?.map(|it| it.tid),
            Ok(tid) => Some(tid),
            Err(_) => None,
        };
        let tid =
            tid.ok_or_else(|| Error::message(format!("couldn't find thread {thread}")))?;
        let area = self.inferior()?.xsave(Tid(tid));
        Ok(area.ok().and_then(|it| VectorRegisters::read(&it)))
    }

    /// The thread that the innermost frame of a goroutine is on; 0 if it is on none.
    pub fn thread_id_of(&mut self, goroutine: i64) -> Result<i64> {
        let found = self.goroutine(goroutine)?;
        let thread = self.thread_of(found.as_ref())?;
        Ok(thread.map_or(0, |it| it.tid.into()))
    }

    /// Memory as it is, with the breakpoints that are in it, as Delve shows it.
    pub fn raw_memory(&mut self, addr: Addr, len: usize) -> Result<Vec<u8>> {
        let memory = self.memory()?;
        let mut bytes = memory
            .read_bytes(addr, len)
            .map_err(|_| Error::message("input/output error"))?;
        for site in self.inferior()?.sites() {
            let offset = site.addr.0.checked_sub(addr.0).map(|it| it as usize);
            if let Some(byte) = offset.and_then(|it| bytes.get_mut(it)) {
                *byte = 0xcc;
            }
        }
        Ok(bytes)
    }
}

/// **wire**: tests of Delve's clients look for this text.
fn no_frame(frame: usize, goroutine: i64) -> Error {
    Error::message(format!("Frame {frame} does not exist in goroutine {goroutine}"))
}

/// What is known of a frame's registers.
pub enum FrameRegisters {
    All(Registers),
    Few { pc: Addr, sp: Addr, bp: Addr },
}
