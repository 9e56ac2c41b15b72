//! A program under a debugger, with a connection to it: how most tests begin.

use std::path::Path;

use tinydbg::api::methods::{
    ClearBreakpointIn, Command, CreateBreakpointIn, EvalIn, FindLocationIn,
    ListFunctionArgsIn, ListGoroutinesIn, ListLocalVarsIn, StacktraceIn, StateIn,
    command,
};
use tinydbg::api::types::{
    Breakpoint, DebuggerState, EvalScope, Goroutine, LoadConfig, Location, Stackframe,
    Variable,
};

use super::fixture::Fixture;
use super::process::Program;
use super::server::{Peer, Server};
use super::wire::Wire;

/// More stops than any test makes: a step that goes round in circles ends here.
const STOPS_MAX: usize = 200;

/// How far tests load values.
pub const LOAD: LoadConfig = LoadConfig {
    follow_pointers: true,
    max_variable_recurse: 2,
    max_string_len: 200,
    max_array_values: 100,
    max_struct_fields: -1,
};

pub struct Debugged {
    // The connection first: it is closed before the server is ended.
    pub wire: Wire,
    pub server: Server,
}

impl Debugged {
    /// Launched and stopped before its first instruction.
    pub fn launch(fixture: &Fixture, args: &[&str]) -> Debugged {
        Debugged::launch_on(Peer::chosen(), &fixture.executable, args)
    }

    /// The same with more variables in the program's environment.
    pub fn launch_with(
        fixture: &Fixture,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> Debugged {
        let mut command = Server::command(Peer::chosen(), "exec");
        command.arg(&fixture.executable).arg("--").args(args).envs(env.iter().copied());
        let server = Server::start(command);
        Debugged { wire: server.connect(), server }
    }

    pub fn launch_on(peer: Peer, program: &Path, args: &[&str]) -> Debugged {
        let server = Server::exec(peer, program, args);
        Debugged { wire: server.connect(), server }
    }

    /// Launched and stopped at a breakpoint on this function or line.
    pub fn at(fixture: &Fixture, args: &[&str], location: &str) -> Debugged {
        let mut debugged = Debugged::launch(fixture, args);
        debugged.break_at(location);
        let state = debugged.resume(command::CONTINUE);
        assert_eq!(state.stop_reason, "breakpoint", "{state:?}");
        debugged
    }

    pub fn attach(program: &Program) -> Debugged {
        let server = Server::attach(Peer::chosen(), program.pid());
        Debugged { wire: server.connect(), server }
    }

    /// Where a location spec leads.
    #[track_caller]
    pub fn find(&mut self, location: &str) -> Vec<Location> {
        let scope = EvalScope::selected(0);
        let args = FindLocationIn { scope, loc: location.into(), ..Default::default() };
        self.wire.ask(args).locations.unwrap_or_default()
    }

    /// Sets a breakpoint as clients do: the place is found first.
    #[track_caller]
    pub fn break_at(&mut self, location: &str) -> Breakpoint {
        self.break_with(location, Breakpoint::default())
    }

    /// Sets a breakpoint with what else it should have.
    #[track_caller]
    pub fn break_with(&mut self, location: &str, mut with: Breakpoint) -> Breakpoint {
        let found = self.find(location);
        assert_eq!(found.len(), 1, "{location} is one place");
        with.addr = found[0].pc;
        with.addrs = found[0].pcs.clone();
        let args = CreateBreakpointIn { breakpoint: with, ..Default::default() };
        self.wire.ask(args).breakpoint
    }

    #[track_caller]
    pub fn clear_breakpoint(&mut self, id: i64) {
        self.wire.ask(ClearBreakpointIn { id, ..Default::default() });
    }

    pub fn state(&mut self) -> DebuggerState {
        self.wire.ask(StateIn::default()).state.expect("there is a state")
    }

    /// A command that runs the program, until the next stop.
    #[track_caller]
    pub fn resume(&mut self, name: &str) -> DebuggerState {
        self.wire.ask(command_named(name)).state
    }

    pub fn try_resume(&mut self, name: &str) -> Result<DebuggerState, String> {
        self.wire.try_ask(command_named(name)).map(|it| it.state)
    }

    /// Lets the program run, without waiting for its stop: `wire.reply` has that.
    pub fn resume_and_go(&mut self) -> u64 {
        let args = serde_json::to_value(command_named(command::CONTINUE));
        self.wire.send("Command", args.expect("plain data"))
    }

    /// Steps until the program is back in `main.main`, has left the fixture, or has ended:
    /// the lines where it stopped, in the fixture.
    pub fn lines_of(&mut self, name: &str, fixture: &Fixture) -> Vec<u32> {
        let mut lines = Vec::new();
        while lines.len() < STOPS_MAX {
            let state = self.resume(name);
            if state.exited {
                break;
            }
            let (file, line, function) = place(&state);
            if Path::new(&file) != fixture.main {
                break;
            }
            lines.push(line);
            if function == "main.main" {
                break;
            }
        }
        lines
    }

    #[track_caller]
    pub fn eval(&mut self, expr: &str) -> Variable {
        self.try_eval(expr).unwrap_or_else(|err| panic!("{expr}: {err}"))
    }

    pub fn try_eval(&mut self, expr: &str) -> Result<Variable, String> {
        let scope = EvalScope::selected(0);
        let args = EvalIn { scope, expr: expr.into(), cfg: Some(LOAD) };
        Ok(self.wire.try_ask(args)?.variable.expect("a value is there"))
    }

    pub fn locals(&mut self, scope: EvalScope) -> Vec<Variable> {
        let args = ListLocalVarsIn { scope, cfg: LOAD };
        self.wire.ask(args).variables.unwrap_or_default()
    }

    pub fn arguments(&mut self, scope: EvalScope) -> Vec<Variable> {
        let args = ListFunctionArgsIn { scope, cfg: LOAD };
        self.wire.ask(args).args.unwrap_or_default()
    }

    pub fn stack(&mut self, goroutine: i64, depth: i64) -> Vec<Stackframe> {
        let args = StacktraceIn { id: goroutine, depth, ..Default::default() };
        self.wire.ask(args).locations.unwrap_or_default()
    }

    pub fn goroutines(&mut self) -> Vec<Goroutine> {
        let args = ListGoroutinesIn { count: 1 << 20, ..Default::default() };
        self.wire.ask(args).goroutines.unwrap_or_default()
    }
}

pub fn command_named(name: &str) -> Command {
    Command {
        name: name.into(),
        return_info_load_config: Some(LoadConfig::FULL),
        ..Default::default()
    }
}

/// File, line and function where the program stopped.
pub fn place(state: &DebuggerState) -> (String, u32, String) {
    let thread = state.current_thread.as_ref().expect("a thread is selected");
    let function = thread.function.as_ref().map(|it| it.name.clone());
    (thread.file.clone(), thread.line as u32, function.unwrap_or_default())
}

/// The names of the functions of a stack.
pub fn functions(stack: &[Stackframe]) -> Vec<&str> {
    stack.iter().map(|it| it.function.as_ref().map_or("", |it| &it.name)).collect()
}
