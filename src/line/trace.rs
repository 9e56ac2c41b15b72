//! `tinydbg trace`: calls and returns of functions, printed while the program runs.

use std::process;
use std::sync::Arc;

use crate::api::methods::*;
use crate::api::types::{Breakpoint, LoadConfig};
use crate::client::{Client, ClientError};
use crate::frontend::command::Command as SessionCommand;
use crate::frontend::command::session::{Front, Session};
use crate::frontend::config::Config;
use crate::frontend::text::Line;
use crate::line::interrupt::Interrupts;
use crate::line::{FAILED, OK};

/// How deep a stack has to be known to tell how deep a followed call is.
const FOLLOWED_STACK_DEPTH: i64 = 20;

/// What to trace.
pub struct Options {
    pub config: Config,
    /// A regular expression for the functions.
    pub functions: String,
    /// Also what they call, to this depth.
    pub follow_calls: i64,
    /// Frames of the stack that are printed at each call.
    pub stack_depth: i64,
    pub timestamp: bool,
    /// The program was there before us: it is left running.
    pub attached: bool,
    pub interrupts: Arc<Interrupts>,
}

/// Traces until the program ends or the user has seen enough; the exit status.
pub fn run(client: Arc<dyn Client>, options: &Options) -> i32 {
    let status = match set_tracepoints(&*client, options) {
        Ok(0) => {
            eprintln!("no breakpoints set");
            FAILED
        }
        Ok(_) => follow(Arc::clone(&client), options),
        Err(err) => {
            eprintln!("{err}");
            FAILED
        }
    };
    // A program that has ended, or a service that is gone, needs no letting go.
    let _ended = client.call(DetachIn { kill: !options.attached });
    status
}

/// Lets the program run, as often as something else than a trace stops it.
fn follow(client: Arc<dyn Client>, options: &Options) -> i32 {
    let mut config = options.config.clone();
    config.trace_show_timestamp |= options.timestamp;
    let mut session = Session::new(client, config);
    session.trace_only = true;
    let mut front = Stderr { interrupts: Arc::clone(&options.interrupts) };
    options.interrupts.begin(false);
    let go_on = SessionCommand::Continue { to: String::new() };
    let outcome = session.run(&go_on, &mut front);
    options.interrupts.end();
    match outcome {
        Ok(_) => OK,
        Err(err) if err.is_exited() => OK,
        Err(err) => {
            eprintln!("{err}");
            FAILED
        }
    }
}

/// Sets tracepoints where the functions begin and return; how many functions have one.
fn set_tracepoints(client: &dyn Client, options: &Options) -> Result<usize, ClientError> {
    let functions = client.call(ListFunctionsIn {
        filter: options.functions.clone(),
        follow_calls: options.follow_calls,
    })?;
    let template = Breakpoint {
        line: -1,
        load_args: Some(LoadConfig::SHORT),
        stacktrace: match options.stack_depth {
            0 if options.follow_calls > 0 => FOLLOWED_STACK_DEPTH,
            depth => depth,
        },
        trace_follow_calls: options.follow_calls,
        root_func_name: options.functions.clone(),
        ..Breakpoint::default()
    };
    let mut n_set = 0;
    for function in functions.funcs.unwrap_or_default() {
        match set_on(client, &function, &template) {
            Ok(()) => n_set += 1,
            Err(ClientError::Disconnected) => return Err(ClientError::Disconnected),
            Err(err) => {
                eprintln!("unable to set tracepoint on function {function}: {err}");
            }
        }
    }
    Ok(n_set)
}

fn set_on(
    client: &dyn Client,
    function: &str,
    template: &Breakpoint,
) -> Result<(), ClientError> {
    create(
        client,
        Breakpoint {
            function_name: function.to_owned(),
            tracepoint: true,
            ..template.clone()
        },
    )?;
    let fn_name = function.to_owned();
    let returns = client.call(FunctionReturnLocationsIn { fn_name })?;
    for addr in returns.addrs.unwrap_or_default() {
        create(client, Breakpoint { addr, trace_return: true, ..template.clone() })?;
    }
    Ok(())
}

/// Two names may stand for one place, which is traced once.
fn create(client: &dyn Client, breakpoint: Breakpoint) -> Result<(), ClientError> {
    let args = CreateBreakpointIn { breakpoint, ..CreateBreakpointIn::default() };
    match client.call(args) {
        Err(ClientError::Service(text)) if text.contains("Breakpoint exists") => Ok(()),
        outcome => outcome.map(drop),
    }
}

/// Standard error: standard output is the program's.
struct Stderr {
    interrupts: Arc<Interrupts>,
}

impl Front for Stderr {
    fn show(&mut self, line: Line) {
        eprintln!("{line}");
    }

    fn ask(&mut self, _question: &str) -> Option<String> {
        None
    }

    fn edit(&mut self, _editor: &mut process::Command) -> Result<(), String> {
        Err("nothing can be edited while a program is traced".to_owned())
    }

    fn is_interrupted(&mut self) -> bool {
        self.interrupts.is_pressed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Options, run};
    use crate::api::methods::*;
    use crate::api::types::DebuggerState;
    use crate::client::fake::FakeClient;
    use crate::frontend::config::Config;
    use crate::line::interrupt::Interrupts;

    fn options(attached: bool) -> Options {
        Options {
            config: Config::default(),
            functions: "main.add".into(),
            follow_calls: 0,
            stack_depth: 0,
            timestamp: false,
            attached,
            interrupts: Interrupts::new(),
        }
    }

    #[test]
    fn functions_are_traced_at_their_beginning_and_at_each_return() {
        let fake = Arc::new(FakeClient::new());
        let funcs = Some(vec!["main.add".to_owned()]);
        fake.always::<ListFunctionsIn>(ListFunctionsOut { funcs });
        let addrs = Some(vec![16, 32]);
        fake.always::<FunctionReturnLocationsIn>(FunctionReturnLocationsOut { addrs });
        fake.always::<CreateBreakpointIn>(CreateBreakpointOut::default());
        let state = DebuggerState { exited: true, ..DebuggerState::default() };
        fake.always::<Command>(CommandOut { state });
        fake.always::<DetachIn>(Empty {});
        assert_eq!(run(fake.clone(), &options(true)), 0);
        let asked = fake.take_asked();
        let created: Vec<_> = asked
            .iter()
            .filter(|it| it.method == CreateBreakpointIn::NAME)
            .map(|it| &it.params["Breakpoint"])
            .collect();
        assert_eq!(created.len(), 3);
        assert_eq!(created[0]["functionName"], "main.add");
        assert_eq!(created[0]["continue"], true);
        assert_eq!(
            (&created[2]["addr"], &created[2]["traceReturn"]),
            (&serde_json::json!(32), &serde_json::json!(true))
        );
        let detach = asked.last().unwrap();
        assert_eq!(detach.method, DetachIn::NAME);
        assert_eq!(detach.params["Kill"], false, "what was attached to lives on");
    }

    #[test]
    fn nothing_to_trace_is_a_failure() {
        let fake = Arc::new(FakeClient::new());
        fake.always::<ListFunctionsIn>(ListFunctionsOut::default());
        assert_eq!(run(fake, &options(false)), 1);
    }
}
