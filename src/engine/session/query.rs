//! Stacks and variables of the stopped program.

use regex::Regex;

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::eval::{EvalScope, LoadConfig, Variable};
use crate::engine::golang::{
    Defer, Frame, Goroutine, Stack, ThreadState, UnwindFrom, UnwindLimits,
};
use crate::engine::inferior::Inferior;
use crate::engine::os::ptrace::Tid;
use crate::engine::registers::Registers;
use crate::engine::session::Session;

/// Frames that one request may ask for.
pub const DEPTH_MAX: usize = 1 << 20;

/// Frames beyond the one that is asked about: the body of a range-over-func loop is called
/// by the iterator, and shows the variables of the function around it.
const FRAMES_AROUND: usize = 16;

impl Session {
    /// The stack of a goroutine (-1: the selected one, or else the selected thread's).
    pub fn stack(&mut self, goroutine: i64, depth: usize) -> Result<Stack> {
        let found = self.goroutine(goroutine)?;
        let limits = UnwindLimits { depth_max: depth.min(DEPTH_MAX) };
        let memory = self.memory()?;
        let thread = self.thread_of(found.as_ref())?;
        let runtime = &self.program.runtime;
        Ok(match (&thread, &found) {
            (Some(thread), _) => {
                runtime.unwind(&*memory, &UnwindFrom::Thread(thread), limits)
            }
            (None, Some(it)) => runtime.unwind(&*memory, &UnwindFrom::Parked(it), limits),
            (None, None) => return Err(Error::message("no selected goroutine")),
        })
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

    /// Calls `ask` with the scope of a frame.
    fn in_scope<T>(
        &mut self,
        goroutine: i64,
        frame: usize,
        ask: impl FnOnce(&EvalScope<'_>) -> Result<T>,
    ) -> Result<T> {
        let stack = self.stack(goroutine, frame.saturating_add(1 + FRAMES_AROUND))?;
        if frame >= stack.frames.len() {
            return Err(no_frame(frame, goroutine));
        }
        let goroutine = self.goroutine(goroutine)?;
        let memory = self.memory()?;
        let thread = self.thread_of(goroutine.as_ref())?;
        let xsave = match &thread {
            Some(thread) => self.inferior()?.xsave(Tid(thread.tid)).ok(),
            None => None,
        };
        let mut scope = EvalScope::new(&self.program.runtime, &*memory);
        scope.frames = &stack.frames;
        scope.frame_index = frame;
        scope.goroutine = goroutine.as_ref();
        scope.xsave = xsave.as_deref();
        scope.thread_id = thread.map_or(0, |it| it.tid);
        let counts = self.breakpoints.counts();
        scope.hit_counts = Some(&counts);
        ask(&scope)
    }

    pub fn locals(
        &mut self,
        goroutine: i64,
        frame: usize,
        config: &LoadConfig,
    ) -> Result<Vec<Variable>> {
        self.in_scope(goroutine, frame, |scope| scope.locals(*config))
    }

    pub fn arguments(
        &mut self,
        goroutine: i64,
        frame: usize,
        config: &LoadConfig,
    ) -> Result<Vec<Variable>> {
        self.in_scope(goroutine, frame, |scope| scope.arguments(*config))
    }

    pub fn evaluate(
        &mut self,
        goroutine: i64,
        frame: usize,
        expression: &str,
        config: &LoadConfig,
    ) -> Result<Variable> {
        self.in_scope(goroutine, frame, |scope| scope.evaluate(expression, *config))
    }

    /// Assigns; both sides are expressions.
    pub fn assign(
        &mut self,
        goroutine: i64,
        frame: usize,
        symbol: &str,
        value: &str,
    ) -> Result<()> {
        let writes = self.in_scope(goroutine, frame, |scope| scope.set(symbol, value))?;
        self.check_not_dumping()?;
        let live = match self.inferior()? {
            Inferior::Live(live) => live,
            Inferior::Core(_) => return Err(Error::CoreCannotChange),
        };
        writes.iter().try_for_each(|it| live.write_memory(it.addr, &it.bytes))
    }

    /// Arguments and locals of frames that are known already.
    pub fn stack_variables(
        &mut self,
        goroutine: i64,
        frames: &[Frame],
        config: &LoadConfig,
    ) -> Result<Vec<(Vec<Variable>, Vec<Variable>)>> {
        let goroutine = self.goroutine(goroutine)?;
        let memory = self.memory()?;
        let thread = self.thread_of(goroutine.as_ref())?;
        let mut scope = EvalScope::new(&self.program.runtime, &*memory);
        scope.frames = frames;
        scope.goroutine = goroutine.as_ref();
        scope.thread_id = thread.map_or(0, |it| it.tid);
        let counts = self.breakpoints.counts();
        scope.hit_counts = Some(&counts);
        let read = |index| {
            scope.frame_index = index;
            let arguments = scope.arguments(*config).unwrap_or_default();
            (arguments, scope.locals(*config).unwrap_or_default())
        };
        Ok((0..frames.len()).map(read).collect())
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

    /// The vector registers of a thread, as the raw XSAVE area.
    pub fn vector_registers(&mut self, thread: i64) -> Result<Vec<u8>> {
        let tid = match i32::try_from(thread) {
            Ok(0) => self.selected_thread()?.map(|it| it.tid),
            Ok(tid) => Some(tid),
            Err(_) => None,
        };
        let tid =
            tid.ok_or_else(|| Error::message(format!("couldn't find thread {thread}")))?;
        self.inferior()?.xsave(Tid(tid))
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
