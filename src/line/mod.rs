//! Line mode: read a command, run it, print.
//!
//! The loop is here; [`edit`] reads lines, [`print`] writes them, [`interrupt`] is Ctrl-C,
//! [`leave`] asks what to do with the program at the end; [`trace`] is another loop.

pub mod edit;
pub mod print;
pub mod interrupt;
pub mod leave;
pub mod trace;

use std::path::PathBuf;
use std::process;
use std::sync::Arc;

use crate::api::methods::*;
use crate::api::types::{DebuggerState, EvalScope, LoadConfig};
use crate::client::{Client, ClientError};
use crate::frontend::command::session::{Flow, Front, Session};
use crate::frontend::config::Config;
use crate::frontend::text::Line;
use crate::frontend::text::stop::{PANIC_VALUE, panic_text};
use crate::line::edit::Reader;
use crate::line::interrupt::Interrupts;
use crate::line::print::Printer;

/// The version of the protocol that we speak.
const API_VERSION: i64 = 2;

/// Exit statuses of a session.
pub const OK: i32 = 0;
pub const FAILED: i32 = 1;
/// A question at the end got no answer.
pub const NO_ANSWER: i32 = 2;

/// What a session is told besides its client.
pub struct Options {
    pub config: Config,
    /// Commands to begin with.
    pub init: Option<PathBuf>,
    /// What Ctrl-C does; whoever receives the signal calls it.
    pub interrupts: Arc<Interrupts>,
    /// What came up while starting and is to be said first.
    pub notes: Vec<String>,
    /// Says whether Ctrl-Z may stop us: not while the program runs and we hold it.
    pub let_suspend: Box<dyn Fn(bool)>,
}

/// Runs a session until the user leaves it; the exit status.
pub fn run(client: Arc<dyn Client>, options: Options) -> i32 {
    let Options { config, init, interrupts, notes, let_suspend } = options;
    let mut terminal = Terminal::new(&client, &config, Arc::clone(&interrupts));
    terminal.let_suspend = Some(let_suspend);
    for note in notes {
        terminal.printer.error(&note);
    }
    let (multi, state) = match begin(&*client) {
        Ok(begun) => begun,
        Err(err) => {
            terminal.printer.error(&format!("could not halt: {err}"));
            return FAILED;
        }
    };
    if let Some(core) = state.and_then(|it| about_core(&it)) {
        terminal.printer.line(&Line::plain(core));
        if let Some(panic) = panic_of(&*client) {
            terminal.printer.line(&Line::plain(panic));
        }
    }
    interrupts.begin(multi);
    let mut session = Session::new(Arc::clone(&client), config);
    let status = converse(&mut session, &mut terminal, init);
    interrupts.end();
    terminal.reader.save_history();
    status
}

/// Says hello, and stops the program if others have it running; whether there may be
/// others, and what the program does.
fn begin(client: &dyn Client) -> Result<(bool, Option<DebuggerState>), ClientError> {
    // Services of old speak nothing else and know no such question.
    let _unknown_to_some = client.call(SetApiVersionIn { api_version: API_VERSION });
    let multi = client.call(IsMulticlientIn {}).is_ok_and(|it| it.is_multiclient);
    if multi {
        let state =
            client.call(StateIn { non_blocking: true })?.state.unwrap_or_default();
        if state.running {
            let name = command::HALT.to_owned();
            client.call(Command { name, ..Command::default() })?;
        }
    }
    match client.call(StateIn { non_blocking: false }) {
        Err(ClientError::Disconnected) => Err(ClientError::Disconnected),
        Ok(it) => Ok((multi, it.state)),
        // That the program has ended is for the user to find out.
        Err(_) => Ok((multi, None)),
    }
}

/// What is looked at, if it is a core file: how its process ended is what one wants to
/// know first.
fn about_core(state: &DebuggerState) -> Option<String> {
    let ending = state.stop_reason.strip_prefix("core")?;
    let ending = ending.strip_prefix(": ").map(|it| format!(", ended by {it}"));
    let (pid, line) = (state.pid, state.command_line.trim_end());
    Some(format!("Core file of process {pid} ({line}){}", ending.unwrap_or_default()))
}

/// What the goroutine of a core file had panicked with, if it had.
fn panic_of(client: &dyn Client) -> Option<String> {
    let expr = PANIC_VALUE.to_owned();
    let scope = EvalScope::selected(0);
    let cfg = Some(LoadConfig::FULL);
    panic_text(&client.call(EvalIn { scope, expr, cfg }).ok()?.variable?)
}

/// Reads and runs commands until one of them ends the session.
fn converse(
    session: &mut Session,
    terminal: &mut Terminal,
    init: Option<PathBuf>,
) -> i32 {
    terminal.printer.line(&Line::plain("Type 'help' for list of commands."));
    if let Some(path) = init {
        terminal.interrupts.clear();
        let outcome = session.run_file(&path.display().to_string(), terminal);
        terminal.suspend(true);
        match outcome {
            Ok(Flow::Next) => {}
            Ok(Flow::Exit(how)) => {
                if let Some(status) = leave::leave(session, terminal, how) {
                    return status;
                }
            }
            Err(err) => {
                terminal.printer.error(&format!("Error executing init file: {err}"));
            }
        }
    }
    let mut last = String::new();
    loop {
        if terminal.interrupts.is_quitting() {
            return OK;
        }
        let prompt = prompt(session);
        terminal.printer.flush();
        let Some(line) = terminal.reader.read(&prompt, session) else {
            terminal.printer.line(&Line::plain("exit"));
            let how = crate::frontend::command::ExitHow::Ask;
            return leave::leave(session, terminal, how).unwrap_or(OK);
        };
        if !line.trim().is_empty() {
            last = line;
        }
        if last.is_empty() {
            continue;
        }
        if let Some(status) = obey(session, terminal, &last) {
            return status;
        }
    }
}

/// Runs one line; the exit status if it ends the session.
fn obey(session: &mut Session, terminal: &mut Terminal, line: &str) -> Option<i32> {
    terminal.interrupts.clear();
    terminal.reader.forget_names();
    let outcome = session.run_line(line, terminal);
    terminal.suspend(true);
    match outcome {
        Ok(Flow::Next) => None,
        Ok(Flow::Exit(how)) => leave::leave(session, terminal, how),
        Err(_) if terminal.interrupts.is_quitting() => Some(OK),
        Err(err) if err.is_exited() => {
            terminal.printer.error(&err.to_string());
            None
        }
        Err(err) => {
            terminal.printer.error(&format!("Command failed: {err}"));
            let gone = ClientError::Disconnected.to_string();
            (err.to_string() == gone).then_some(FAILED)
        }
    }
}

/// `(tinydbg) `, or what the user has configured: `$f` is the frame, `$$` a dollar.
fn prompt(session: &Session) -> String {
    match session.config.prompt.as_str() {
        "" => "(tinydbg) ".to_owned(),
        text => text.replace("$f", &session.frame().to_string()).replace("$$", "$"),
    }
}

/// The terminal as commands see it.
pub struct Terminal {
    pub reader: Reader,
    pub printer: Printer,
    pub interrupts: Arc<Interrupts>,
    let_suspend: Option<Box<dyn Fn(bool)>>,
}

impl Terminal {
    fn suspend(&self, may: bool) {
        if let Some(let_suspend) = &self.let_suspend {
            let_suspend(may);
        }
    }

    fn new(
        client: &Arc<dyn Client>,
        config: &Config,
        interrupts: Arc<Interrupts>,
    ) -> Terminal {
        Terminal {
            reader: Reader::new(client, config),
            printer: Printer::new(),
            interrupts,
            let_suspend: None,
        }
    }
}

impl Front for Terminal {
    fn show(&mut self, line: Line) {
        self.printer.line(&line);
    }

    fn progress(&mut self, line: Line) {
        self.printer.progress(&line);
    }

    fn ask(&mut self, question: &str) -> Option<String> {
        self.printer.flush();
        self.reader.ask(question)
    }

    fn edit(&mut self, editor: &mut process::Command) -> Result<(), String> {
        self.printer.flush();
        let name = editor.get_program().to_string_lossy().into_owned();
        match editor.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{name}: {status}")),
            Err(err) => Err(format!("cannot run {name}: {err}")),
        }
    }

    fn show_raw(&mut self, bytes: &[u8]) {
        self.printer.raw(bytes);
    }

    fn is_interrupted(&mut self) -> bool {
        self.interrupts.is_pressed()
    }

    fn dumping(&mut self, under_way: bool) {
        self.interrupts.set_dumping(under_way);
    }

    fn resuming(&mut self) {
        self.suspend(false);
        self.printer.flush();
    }

    fn stopped(&mut self, _state: &DebuggerState) {}
}
