//! Stacks and frames.

use crate::api::methods::*;
use crate::api::types::LoadConfig;
use crate::frontend::command::session::{
    CommandError, Front, Outcome, Scope, Session, complain, say, show,
};
use crate::frontend::command::{FrameMove, StackArgs};
use crate::frontend::text::stack;

/// The bit of `Stacktrace.Opts` that has deferred calls read.
const READ_DEFERS: u16 = 1;

impl Session {
    pub(super) fn stack(
        &self,
        args: &StackArgs,
        scope: Scope,
        front: &mut dyn Front,
    ) -> Outcome {
        let frames = self.call(StacktraceIn {
            id: scope.goroutine,
            depth: args.depth,
            opts: args.mode | if args.defers { READ_DEFERS } else { 0 },
            cfg: args.full.then_some(LoadConfig::SHORT),
            ..StacktraceIn::default()
        })?;
        let frames = frames.locations.unwrap_or_default();
        show(stack::frames(&frames, "", args.offsets, &self.paths), front);
        if args.n_ancestors == 0 {
            return Ok(());
        }
        let out = self.call(AncestorsIn {
            goroutine_id: scope.goroutine,
            num_ancestors: args.n_ancestors,
            depth: args.ancestor_depth,
        })?;
        for ancestor in out.ancestors.unwrap_or_default() {
            say(format!("Created by Goroutine {}:", ancestor.id), front);
            if !ancestor.unreadable.is_empty() {
                complain(format!("\t{}", ancestor.unreadable), front);
                continue;
            }
            let frames = ancestor.stack.unwrap_or_default();
            show(stack::frames(&frames, "\t", false, &self.paths), front);
        }
        Ok(())
    }

    pub(super) fn set_frame(
        &mut self,
        to: FrameMove,
        scope: Scope,
        front: &mut dyn Front,
    ) -> Outcome {
        let number = self.frame_of(to);
        let invalid = || CommandError::other(format!("Invalid frame {number}"));
        if number < 0 {
            return Err(invalid());
        }
        let out = self.call(StacktraceIn {
            id: scope.goroutine,
            depth: number,
            skip: number,
            ..StacktraceIn::default()
        })?;
        // Services that know no `Skip` give all frames up to this one.
        let frame = out.locations.unwrap_or_default().pop().ok_or_else(invalid)?;
        self.frame = number;
        let state = self.state()?;
        self.show_stop(&state, front);
        let place = format!("{}:{}", self.paths.show(&frame.file), frame.line);
        say(format!("Frame {number}: {place} (PC: {:x})", frame.pc), front);
        if let Err(err) = self.show_source(&frame.file, frame.line, true, front) {
            complain(format!("no source: {err}"), front);
        }
        Ok(())
    }
}
