//! Commands that make the program run.

use crate::api::methods::*;
use crate::api::types::{DebuggerState, DiscardedBreakpoint};
use crate::frontend::command::RestartArgs;
use crate::frontend::command::session::{
    CommandError, Front, Outcome, Scope, Session, complain, say,
};
use crate::frontend::text::breakpoint;
use crate::frontend::text::stop::is_at_tracepoints_only;

impl Session {
    pub(super) fn continue_to(
        &mut self,
        to: &str,
        scope: Scope,
        front: &mut dyn Front,
    ) -> Outcome {
        let temporary = match to {
            "" => Vec::new(),
            spec => match self.set_breakpoint(spec, false, scope, front) {
                Ok(created) => created,
                Err(err) if err.to_string().contains("Breakpoint exists") => Vec::new(),
                Err(err) => return Err(err),
            },
        };
        self.frame = 0;
        let outcome = self.run_until_stop(command::CONTINUE, front);
        for bp in temporary {
            let cleared = self.call(ClearBreakpointIn { id: bp.id, name: String::new() });
            if let Err(err) = cleared
                && !err.is_exited()
            {
                let text = format!("failed to clear temporary breakpoint: {}", bp.id);
                complain(text, front);
            }
        }
        let state = outcome?;
        self.show_position(&state, false, front);
        self.show_displays(front);
        Ok(())
    }

    pub(super) fn next(
        &mut self,
        count: i64,
        scope: Scope,
        front: &mut dyn Front,
    ) -> Outcome {
        self.prepare_step(scope, true)?;
        for left in (0..count).rev() {
            let state = self.resume_or_show(command::NEXT, front)?;
            if left == 0 {
                self.show_stop(&state, front);
            }
            self.finish_step(state, "next", left == 0, front)?;
            if front.is_interrupted() {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn step(&mut self, scope: Scope, front: &mut dyn Front) -> Outcome {
        self.prepare_step(scope, false)?;
        self.frame = 0;
        self.stepped(command::STEP, "step", front)
    }

    pub(super) fn step_out(&mut self, scope: Scope, front: &mut dyn Front) -> Outcome {
        self.prepare_step(scope, true)?;
        self.stepped(command::STEP_OUT, "stepout", front)
    }

    fn stepped(&mut self, name: &str, shown: &str, front: &mut dyn Front) -> Outcome {
        let state = self.resume_or_show(name, front)?;
        self.show_stop(&state, front);
        self.finish_step(state, shown, true, front)
    }

    pub(super) fn step_instruction(
        &mut self,
        over_calls: bool,
        scope: Scope,
        front: &mut dyn Front,
    ) -> Outcome {
        self.prepare_step(scope, true)?;
        let name = match over_calls {
            true => command::NEXT_INSTRUCTION,
            false => command::STEP_INSTRUCTION,
        };
        let state = self.resume_or_show(name, front)?;
        self.show_stop(&state, front);
        self.show_position(&state, true, front);
        self.show_displays(front);
        Ok(())
    }

    pub(super) fn call_function(
        &mut self,
        expr: &str,
        unchecked: bool,
        scope: Scope,
        front: &mut dyn Front,
    ) -> Outcome {
        self.prepare_step(scope, false)?;
        let request = Command {
            goroutine_id: scope.goroutine,
            expr: expr.to_owned(),
            unsafe_call: unchecked,
            ..self.resuming(command::CALL)
        };
        let outcome = self.resume(request, front);
        self.frame = 0;
        let state = self.or_show(outcome, front)?;
        self.show_stop(&state, front);
        self.finish_step(state, "call", true, front)
    }

    /// Selects the goroutine that is to be stepped. What steps lines needs the topmost
    /// frame, or it would surprise by stepping another function than is shown.
    fn prepare_step(&mut self, scope: Scope, needs_top: bool) -> Outcome {
        if scope.goroutine > 0 {
            self.call(Command {
                name: command::SWITCH_GOROUTINE.to_owned(),
                goroutine_id: scope.goroutine,
                ..Command::default()
            })?;
        }
        if needs_top && self.frame != 0 {
            return Err(CommandError::other("not on topmost frame"));
        }
        Ok(())
    }

    fn resuming(&self, name: &str) -> Command {
        Command {
            name: name.to_owned(),
            return_info_load_config: Some(self.config.load_config()),
            ..Command::default()
        }
    }

    /// Lets the program run until it stops; that it has ended is an error.
    fn resume(
        &mut self,
        request: Command,
        front: &mut dyn Front,
    ) -> Outcome<DebuggerState> {
        front.resuming();
        let state = self.call(request)?.state;
        front.stopped(&state);
        if state.exited {
            return Err(CommandError::other(format!(
                "Process {} has exited with status {}",
                state.pid, state.exit_status
            )));
        }
        Ok(state)
    }

    /// The same; if it fails, shows where the program is instead.
    fn resume_or_show(
        &mut self,
        name: &str,
        front: &mut dyn Front,
    ) -> Outcome<DebuggerState> {
        let outcome = self.resume(self.resuming(name), front);
        self.or_show(outcome, front)
    }

    fn or_show(
        &mut self,
        outcome: Outcome<DebuggerState>,
        front: &mut dyn Front,
    ) -> Outcome<DebuggerState> {
        let is_alive = outcome.as_ref().is_err_and(|err| !err.is_exited());
        if is_alive
            && let Ok(state) = self.state()
            && state.current_thread.is_some()
        {
            front.stopped(&state);
            self.show_stop(&state, front);
        }
        outcome
    }

    /// Runs on as long as only tracepoints are hit, which the service leaves to clients.
    fn run_until_stop(
        &mut self,
        name: &str,
        front: &mut dyn Front,
    ) -> Outcome<DebuggerState> {
        loop {
            let state = self.resume_or_show(name, front)?;
            self.show_stop(&state, front);
            if !is_at_tracepoints_only(&state) || front.is_interrupted() {
                return Ok(state);
            }
        }
    }

    /// Ends a step: when a breakpoint of another goroutine was in its way, asks what to
    /// do about it.
    fn finish_step(
        &mut self,
        state: DebuggerState,
        what: &str,
        show_source: bool,
        front: &mut dyn Front,
    ) -> Outcome {
        let outcome = self.finish_step_inner(state, what, show_source, front);
        self.show_displays(front);
        outcome
    }

    fn finish_step_inner(
        &mut self,
        mut state: DebuggerState,
        what: &str,
        show_source: bool,
        front: &mut dyn Front,
    ) -> Outcome {
        if !state.next_in_progress {
            if show_source {
                self.show_position(&state, false, front);
            }
            return Ok(());
        }
        let mut skip_breakpoints = false;
        while state.next_in_progress {
            if skip_breakpoints {
                say(format!("\tbreakpoint hit during {what}, continuing..."), front);
            } else {
                say(format!("\tbreakpoint hit during {what}"), front);
                match ask_how_on(what, front) {
                    HowOn::Finish => skip_breakpoints = true,
                    HowOn::Continue => {}
                    HowOn::Stop => {
                        self.call(CancelNextIn {})?;
                        break;
                    }
                }
                say("continuing...", front);
            }
            state = self.run_until_stop(command::DIRECTION_CONGRUENT_CONTINUE, front)?;
        }
        self.show_position(&state, false, front);
        Ok(())
    }

    pub(super) fn restart(
        &mut self,
        args: &RestartArgs,
        front: &mut dyn Front,
    ) -> Outcome {
        self.pid = 0;
        let [input, output, error] = &args.redirects;
        let redirects = vec![input.clone(), output.clone(), error.clone()];
        front.resuming();
        let out = self.call(RestartIn {
            reset_args: args.reset,
            new_args: Some(args.args.clone()).filter(|it| !it.is_empty()),
            new_redirects: Some(redirects),
            ..RestartIn::default()
        });
        self.after_restart(front);
        let discarded = out?.discarded_breakpoints.unwrap_or_default();
        for DiscardedBreakpoint { breakpoint, reason } in discarded {
            let bp = breakpoint.unwrap_or_default();
            let place = breakpoint::location(&bp, &self.paths);
            say(
                format!("Discarded {} at {place}: {reason}", breakpoint::name(&bp)),
                front,
            );
        }
        let pid = self.call(ProcessPidIn {})?.pid;
        say(format!("Process restarted with PID {pid}"), front);
        Ok(())
    }

    pub(super) fn rebuild(&mut self, front: &mut dyn Front) -> Outcome {
        self.pid = 0;
        front.resuming();
        let out = self.call(RestartIn { rebuild: true, ..RestartIn::default() });
        self.after_restart(front);
        let discarded = out?.discarded_breakpoints.unwrap_or_default();
        if !discarded.is_empty() {
            say("not all breakpoints could be restored.", front);
        }
        let pid = self.call(ProcessPidIn {})?.pid;
        say(format!("Process rebuilt and restarted with PID {pid}"), front);
        self.show_displays(front);
        Ok(())
    }

    fn after_restart(&mut self, front: &mut dyn Front) {
        self.frame = 0;
        self.go_minor = None;
        if let Ok(state) = self.state() {
            front.stopped(&state);
        }
    }

    /// Shows where the program is: source, or instructions as the user has it.
    fn show_position(
        &mut self,
        state: &DebuggerState,
        after_instruction: bool,
        front: &mut dyn Front,
    ) {
        let Some((pc, file, line)) = position(state) else { return };
        let config = self.config.position.as_str();
        let as_source = config == "source"
            || (config != "disassembly" && !after_instruction)
            || self.trace_only;
        let shown = if as_source {
            self.show_source(file, line, true, front)
        } else {
            self.show_instructions(pc, front)
        };
        if let Err(err) = shown
            && !file.is_empty()
        {
            complain(format!("no source: {err}"), front);
        }
    }
}

/// Where the selected goroutine is: on the current thread, or parked.
fn position(state: &DebuggerState) -> Option<(u64, &str, i64)> {
    let thread = state.current_thread.as_ref()?;
    match &state.current_goroutine {
        Some(g) if g.thread_id != thread.id => {
            let loc = &g.current_loc;
            Some((loc.pc, &loc.file, loc.line))
        }
        _ => Some((thread.pc, &thread.file, thread.line)),
    }
}

enum HowOn {
    Continue,
    Stop,
    Finish,
}

fn ask_how_on(what: &str, front: &mut dyn Front) -> HowOn {
    let question = format!(
        "[c] continue [s] stop here and cancel {what}, [f] finish {what} skipping all \
         breakpoints? "
    );
    loop {
        let Some(answer) = front.ask(&question) else { return HowOn::Stop };
        match answer.trim().to_lowercase().as_str() {
            "c" => return HowOn::Continue,
            "s" => return HowOn::Stop,
            "f" => return HowOn::Finish,
            _ => {}
        }
    }
}
