//! What each command does: [`Session::run_in`] is the list.

mod resume;
mod breakpoints;
mod on;
mod data;
mod memory;
mod stack;
mod source;
mod goroutines;
mod config;
mod other;

use crate::frontend::command::session::{
    CommandError, Flow, Front, Outcome, Scope, Session,
};
use crate::frontend::command::{Command, FrameMove, help};

impl Session {
    /// Carries a command out in a scope.
    pub(in crate::frontend::command) fn run_in(
        &mut self,
        command: &Command,
        scope: Scope,
        front: &mut dyn Front,
    ) -> Outcome<Flow> {
        match command {
            Command::Exit(how) => return Ok(Flow::Exit(*how)),
            Command::Source { path } => return self.run_file(path, front),
            Command::Frame { to, then: Some(then) } => {
                let frame = self.frame_of(*to);
                return self.run_in(then, Scope { frame, ..scope }, front);
            }
            Command::Deferred { nth, then } => {
                return self.run_in(then, Scope { deferred: *nth, ..scope }, front);
            }
            Command::Goroutine { id: Some(id), then: Some(then) } => {
                let scope = Scope { goroutine: *id, frame: 0, deferred: 0 };
                return self.run_in(then, scope, front);
            }
            _ => {}
        }
        self.run_simple(command, scope, front)?;
        Ok(Flow::Next)
    }

    /// The commands that have no other within them, and after which the session goes on.
    fn run_simple(
        &mut self,
        command: &Command,
        scope: Scope,
        front: &mut dyn Front,
    ) -> Outcome {
        match command {
            Command::Continue { to } => self.continue_to(to, scope, front),
            Command::Next { count } => self.next(*count, scope, front),
            Command::Step => self.step(scope, front),
            Command::StepOut => self.step_out(scope, front),
            Command::StepInstruction => self.step_instruction(false, scope, front),
            Command::NextInstruction => self.step_instruction(true, scope, front),
            Command::Call { expr, unchecked } => {
                self.call_function(expr, *unchecked, scope, front)
            }
            Command::Restart(args) => self.restart(args, front),
            Command::Rebuild => self.rebuild(front),
            Command::Break { text } => {
                self.set_breakpoint(text, false, scope, front).map(drop)
            }
            Command::Trace { text } => {
                self.set_breakpoint(text, true, scope, front).map(drop)
            }
            Command::Watch { access, expr } => self.watch(*access, expr, scope, front),
            Command::Clear { which } => self.clear(which, front),
            Command::ClearAll { at } => self.clear_all(at, scope, front),
            Command::Toggle { which } => self.toggle(which, front),
            Command::Breakpoints { physical, save: None } => {
                self.list_breakpoints(*physical, front)
            }
            Command::Breakpoints { save: Some(file), .. } => {
                self.save_breakpoints(file, front)
            }
            Command::On { which, action } => self.on(which, action, front),
            Command::Condition { which, change } => self.condition(which, change),
            Command::Args(args) => self.list_args(args, scope, front),
            Command::Locals(args) => self.list_locals(args, scope, front),
            Command::Vars(args) => self.list_package_variables(args, front),
            Command::Print { format, expr } => {
                self.print(format.as_deref(), expr, scope, front)
            }
            Command::WhatIs { expr } => self.what_is(expr, scope, front),
            Command::Set { target, value } => self.set(target, value, scope),
            Command::Display(args) => self.display(args, front),
            Command::ExamineMemory(args) => self.examine_memory(args, scope, front),
            Command::Registers { all } => self.registers(*all, scope, front),
            other => self.run_look(other, scope, front),
        }
    }

    /// The commands that look at the program and at the session.
    fn run_look(
        &mut self,
        command: &Command,
        scope: Scope,
        front: &mut dyn Front,
    ) -> Outcome {
        match command {
            Command::Stack(args) => self.stack(args, scope, front),
            Command::Frame { to, .. } => self.set_frame(*to, scope, front),
            Command::List { at } => self.list(at, scope, front),
            Command::Disassemble(args) => self.disassemble(args, scope, front),
            Command::Edit { at } => self.edit(at, scope, front),
            Command::Functions { filter } => self.list_functions(filter, front),
            Command::Types { filter } => self.list_types(filter, front),
            Command::Sources { filter } => self.list_sources(filter, front),
            Command::Packages { filter } => self.list_packages(filter, front),
            Command::Libraries => self.list_libraries(front),
            Command::Threads => self.list_threads(front),
            Command::Thread { id } => self.select_thread(*id, front),
            Command::Goroutines(args) => self.list_goroutines(args, front),
            Command::Goroutine { id: Some(id), .. } => self.select_goroutine(*id, front),
            Command::Goroutine { id: None, .. } => self.show_goroutine(front),
            Command::Target(args) => self.target(args, front),
            Command::Config(args) => self.configure(args, front),
            Command::Dump { path } => self.dump(path, front),
            Command::Help { about } => help::show(about, &self.config, front),
            _ => Err(CommandError::other("command not available")),
        }
    }

    /// The number of the frame that a move leads to.
    fn frame_of(&self, to: FrameMove) -> i64 {
        match to {
            FrameMove::To(frame) => frame,
            FrameMove::Up(n) => self.frame.saturating_add(n),
            FrameMove::Down(n) => self.frame.saturating_sub(n),
        }
    }
}
