//! Is a hit something to tell the user?
//!
//! Asked for every arrival at a site, on the tracer thread, while the other threads run
//! on. So it reads registers and a few words of memory, and decides; a false condition or
//! a step's place that another goroutine runs through costs microseconds.

use crate::engine::addr::Addr;
use crate::engine::golang::layout::Field;
use crate::engine::golang::{Frame, ThreadState, UnwindFrom, UnwindLimits};
use crate::engine::host::Inbox;
use crate::engine::inferior::{Hit, Judge, Owner, RunningView, SiteRequest, Verdict};
use crate::engine::memory::Memory;
use crate::engine::registers::Registers;
use crate::engine::session::Running;
use crate::engine::session::breakpoint::{Breakpoints, FATAL_THROW, UNRECOVERED_PANIC};
use crate::engine::session::program::Program;
use crate::engine::session::run::Step;
use crate::engine::session::step::{InFrame, callee_place, is_hidden_runtime};
use crate::engine::session::stop::{BreakpointHit, HARDCODED};

/// The owners of the sites that the session itself places.
pub const OWNER_PANIC: u32 = 1;
pub const OWNER_THROW: u32 = 2;

/// Judges the hits of one run.
pub struct RunJudge<'a> {
    pub program: &'a Program,
    pub breakpoints: &'a mut Breakpoints,
    pub step: Option<&'a mut Step>,
    pub inbox: &'a Inbox,
    pub found: Found,
}

/// What a run was stopped for.
#[derive(Default)]
pub struct Found {
    pub hits: Vec<BreakpointHit>,
    /// The thread on which the step ended.
    pub step_done: Option<i32>,
    /// The step ended in the caller of the frame that it began in.
    pub left_frame: bool,
    /// A condition that could not be evaluated, in words.
    pub condition_error: Option<String>,
}

impl Judge for RunJudge<'_> {
    fn hit(&mut self, hit: &mut Hit<'_>) -> Verdict {
        let mut stop = false;
        for owner in hit.owners {
            stop |= match *owner {
                Owner::User(id) => self.user_hit(i64::from(id), hit),
                Owner::Step => self.step_hit(hit),
                Owner::Runtime(OWNER_PANIC) => self.note(UNRECOVERED_PANIC, hit),
                Owner::Runtime(OWNER_THROW) => self.note(FATAL_THROW, hit),
                Owner::Runtime(_) => false,
            };
        }
        if stop { Verdict::Stop } else { Verdict::Resume }
    }

    fn trapped(&mut self, trap: &mut Hit<'_>) -> Verdict {
        self.note(HARDCODED, trap);
        Verdict::Stop
    }

    fn woken(&mut self, live: &mut RunningView<'_>) -> Verdict {
        let mut running = Running {
            program: self.program,
            breakpoints: self.breakpoints,
            view: live.reborrow(),
        };
        self.inbox.run_anytime(&mut running);
        Verdict::Resume
    }
}

impl RunJudge<'_> {
    /// Notes a hit, counts it, and says that it stops.
    fn note(&mut self, breakpoint: i64, hit: &Hit<'_>) -> bool {
        let memory: &dyn Memory = &**hit.memory;
        let goroutine = self.program.runtime.goroutine_id_fast(memory, hit.registers);
        if let Some(it) = self.breakpoints.get_mut(breakpoint) {
            it.count_hit(goroutine);
        }
        self.found.hits.push(BreakpointHit {
            tid: hit.tid.0,
            addr: hit.addr,
            breakpoint,
        });
        true
    }

    fn user_hit(&mut self, id: i64, hit: &Hit<'_>) -> bool {
        let (program, breakpoints) = (self.program, &mut *self.breakpoints);
        let Some(breakpoint) = breakpoints.get(id) else { return false };
        if breakpoint.disabled {
            return false;
        }
        let met = match breakpoint.settings.condition {
            None => true,
            Some(_) => match breakpoints.condition_holds(id, program, hit) {
                Ok(met) => met,
                Err(err) => {
                    self.found.condition_error = Some(err.to_string());
                    true
                }
            },
        };
        if !met {
            return false;
        }
        let memory: &dyn Memory = &**hit.memory;
        let goroutine = program.runtime.goroutine_id_fast(memory, hit.registers);
        let Some(breakpoint) = self.breakpoints.get_mut(id) else { return false };
        if !breakpoint.count_hit(goroutine) {
            return false;
        }
        self.found.hits.push(BreakpointHit {
            tid: hit.tid.0,
            addr: hit.addr,
            breakpoint: id,
        });
        true
    }

    fn step_hit(&mut self, hit: &mut Hit<'_>) -> bool {
        let Some(step) = self.step.as_deref_mut() else { return false };
        let memory: &dyn Memory = &**hit.memory;
        let runtime = &self.program.runtime;
        let same_goroutine = match step.goroutine {
            Some(id) => runtime.goroutine_id_fast(memory, hit.registers) == Some(id),
            None => hit.tid.0 == step.tid,
        };
        if !same_goroutine {
            return false;
        }
        let offset = frame_offset(self.program, memory, hit.registers, hit.addr);
        let Some(offset) = offset else { return false };
        let mut done = false;
        for frame in step.places_at(hit.addr) {
            match frame {
                InFrame::Same => done |= offset == step.frame,
                InFrame::Caller if step.is_caller(offset) => {
                    self.found.left_frame = true;
                    done = true;
                }
                InFrame::Caller => {}
                InFrame::Inside => done |= offset < step.frame,
                InFrame::Panicking if offset < step.frame => {
                    done |= called_by_panic(self.program, memory, hit);
                }
                InFrame::Panicking => {}
                InFrame::Around => done |= offset > step.frame,
                InFrame::CallSite if offset == step.frame => {
                    if let Some(addr) = called(self.program, memory, hit) {
                        step.places.push((addr, InFrame::Inside));
                        hit.requests.push(SiteRequest::Place(addr, Owner::Step));
                    }
                }
                InFrame::CallSite => {}
            }
        }
        if done {
            self.found.step_done = Some(hit.tid.0);
        }
        done
    }
}

/// CFA less the top of the stack: what tells one frame from another even after the stack
/// was moved. Negative; a callee's is less than its caller's.
pub fn frame_offset(
    program: &Program,
    memory: &dyn Memory,
    registers: &Registers,
    pc: Addr,
) -> Option<i64> {
    let Some(delta) = program.binary.sp_delta(program.stated(pc)) else {
        return native_frame_offset(program, memory, registers, pc);
    };
    let cfa = registers.rsp.wrapping_add(delta).wrapping_add(8);
    // At a site in Go code, R14 is the goroutine's `g` (Go's ABIInternal).
    let at_top = program.runtime.layout().offset(Field::GStackHi);
    let top = memory.read_word(Addr(registers.r14).offset(at_top)).unwrap_or(0);
    Some(cfa.wrapping_sub(top) as i64)
}

/// The same in C, whose frames only its own tables tell.
fn native_frame_offset(
    program: &Program,
    memory: &dyn Memory,
    registers: &Registers,
    pc: Addr,
) -> Option<i64> {
    let thread = ThreadState { tid: 0, registers: Registers { rip: pc.0, ..*registers } };
    let from = UnwindFrom::Thread(&thread);
    let stack = program.runtime.unwind(memory, &from, UnwindLimits::frames(1));
    stack.frames.first().map(Frame::cfa_offset)
}

/// Whether the function that has just been entered at `hit` was called by a panic.
fn called_by_panic(program: &Program, memory: &dyn Memory, hit: &Hit<'_>) -> bool {
    let delta = program.binary.sp_delta(program.stated(hit.addr));
    let Some(delta) = delta else { return false };
    let return_to = memory.read_word(Addr(hit.registers.rsp.wrapping_add(delta)));
    let caller = return_to.ok().and_then(|it| program.function_at(Addr(it)));
    caller.is_some_and(|id| program.binary.function(id).name.contains("panic"))
}

/// Where a step into the call instruction at `hit` ends.
fn called(program: &Program, memory: &dyn Memory, hit: &Hit<'_>) -> Option<Addr> {
    let target = super::disassembly::call_target(memory, hit.registers, hit.addr)?;
    let from_runtime = program
        .function_at(hit.addr)
        .is_some_and(|id| is_hidden_runtime(program.binary.function(id).name));
    let place = callee_place(&program.binary, program.stated(target), from_runtime)?;
    Some(program.loaded(place))
}
