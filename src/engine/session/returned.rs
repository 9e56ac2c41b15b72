//! What did the function return that a step has just left?
//!
//! Its frame is gone, but nothing has run since: what it wrote below the caller's stack
//! pointer is still there, and the registers are as it left them. So its results are read
//! as its debug information describes them at its last return.

use crate::engine::addr::Addr;
use crate::engine::error::Result;
use crate::engine::eval::{EvalScope, Flags, LoadConfig, Variable};
use crate::engine::golang::{Frame, Goroutine};
use crate::engine::session::Session;
use crate::engine::session::step::returns_in;

impl Session {
    /// The results of `left`, the frame that a step began in, now that `goroutine` is in
    /// its caller. Those that cannot be read are left out.
    pub(super) fn returned_values(
        &mut self,
        left: &Frame,
        goroutine: &Goroutine,
        config: LoadConfig,
    ) -> Result<Vec<Variable>> {
        let memory = self.memory()?;
        let program = &self.program;
        let Some(id) = program.function_at(left.pc) else { return Ok(Vec::new()) };
        let function = program.binary.function(id);
        let returns = returns_in(&program.binary, function.entry, function.end);
        let Some(last) = returns.last() else { return Ok(Vec::new()) };
        let thread = match goroutine.thread {
            Some(tid) => self.thread(tid)?,
            None => None,
        };
        // The stack may have been moved since the step began.
        let cfa = goroutine.stack_hi.offset(left.cfa_offset());
        let pc = self.program.loaded(*last);
        let frame = Frame {
            pc,
            lookup_pc: pc,
            cfa,
            sp: Addr(cfa.0.wrapping_sub(8)),
            registers: thread.map(|it| it.registers),
            stack_hi: goroutine.stack_hi,
            inline_depth: 0,
            ..left.clone()
        };
        let frames = [frame];
        let mut scope = EvalScope::new(&self.program.runtime, &*memory);
        scope.frames = &frames;
        scope.goroutine = Some(goroutine);
        let mut results = scope.arguments(config)?;
        results.retain(|it| it.flags.contains(Flags::RESULT) && it.unreadable.is_none());
        Ok(results)
    }
}
