//! Carrying commands out: calls through a client, and styled text for a front end.
//!
//! Both front ends run commands by [`Session::run`]; what differs between them is behind
//! [`Front`]. It waits for answers, so the full-screen UI calls it on another thread.

use std::process;
use std::sync::Arc;

use crate::api::methods::*;
use crate::api::types::{DebuggerState, EvalScope};
use crate::client::{Client, ClientError};
use crate::frontend::command::{Command, ExitHow, ParseError, parse};
use crate::frontend::config::{Config, PathStyle};
use crate::frontend::source::{SourceCache, SourceError};
use crate::frontend::text::stop::{self, StopStyle};
use crate::frontend::text::verb::Format;
use crate::frontend::text::wait_reason::go_minor;
use crate::frontend::text::{Line, Text};
use crate::frontend::theme::Role;

/// Who shows what commands say, and answers what they ask.
pub trait Front {
    fn show(&mut self, line: Line);

    /// Shows a line in place of the one shown last by this function.
    fn progress(&mut self, line: Line) {
        self.show(line);
    }

    /// Asks the user for a line; `None` if none can come any more.
    fn ask(&mut self, question: &str) -> Option<String>;

    /// Runs an editor, which takes the terminal meanwhile.
    fn edit(&mut self, editor: &mut process::Command) -> Result<(), String>;

    /// Writes bytes as they are.
    fn show_raw(&mut self, bytes: &[u8]) {
        self.show(Line::plain(String::from_utf8_lossy(bytes)));
    }

    /// Whether the user wants a command that takes long to end.
    fn is_interrupted(&mut self) -> bool {
        false
    }

    /// A core dump is under way, or has ended. Some services must not be asked for their
    /// state meanwhile.
    fn dumping(&mut self, _under_way: bool) {}

    /// The program is about to run.
    fn resuming(&mut self) {}

    /// The program has stopped, or ended.
    fn stopped(&mut self, _state: &DebuggerState) {}
}

/// What comes after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Next,
    Exit(ExitHow),
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    Parse(#[from] ParseError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("{0}")]
    Other(String),
}

impl CommandError {
    pub fn other(text: impl Into<String>) -> CommandError {
        CommandError::Other(text.into())
    }

    /// Whether the reason is that the program has ended.
    pub fn is_exited(&self) -> bool {
        self.to_string().contains("has exited with status")
    }
}

impl From<SourceError> for CommandError {
    fn from(err: SourceError) -> CommandError {
        CommandError::Other(err.to_string())
    }
}

pub type Outcome<T = ()> = Result<T, CommandError>;

/// One user's view of the program being debugged.
pub struct Session {
    pub(super) client: Arc<dyn Client>,
    pub config: Config,
    pub(super) paths: PathStyle,
    pub(super) sources: SourceCache,
    /// The selected frame, which the service knows nothing of.
    pub(super) frame: i64,
    pub(super) displays: Vec<Option<Display>>,
    /// The process of the last stop, to tell when another is selected.
    pub(super) pid: i64,
    pub(super) go_minor: Option<u32>,
    /// Commands in files that are being carried out.
    pub(super) source_depth: usize,
    /// Nothing is shown but hits of tracepoints.
    pub trace_only: bool,
}

/// An expression that is shown at each stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Display {
    pub format: Option<Format>,
    pub expr: String,
}

/// Where a command has its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// -1 is the selected one.
    pub goroutine: i64,
    pub frame: i64,
    pub deferred: i64,
}

impl Scope {
    pub fn wire(self) -> EvalScope {
        EvalScope {
            goroutine_id: self.goroutine,
            frame: self.frame,
            deferred_call: self.deferred,
        }
    }

    /// Whether it is another than where the program stopped.
    pub fn is_elsewhere(self) -> bool {
        self.goroutine > 0 || self.frame > 0
    }
}

impl Session {
    pub fn new(client: Arc<dyn Client>, config: Config) -> Session {
        let paths = config.path_style();
        Session {
            client,
            config,
            paths,
            sources: SourceCache::new(),
            frame: 0,
            displays: Vec::new(),
            pid: 0,
            go_minor: None,
            source_depth: 0,
            trace_only: false,
        }
    }

    pub fn client(&self) -> &dyn Client {
        &*self.client
    }

    /// The frame that the user selected.
    pub fn frame(&self) -> i64 {
        self.frame
    }

    /// Selects a frame, as a front end with other means than commands does.
    pub fn select_frame(&mut self, frame: i64) {
        self.frame = frame.max(0);
    }

    /// Parses a line and carries it out.
    pub fn run_line(&mut self, line: &str, front: &mut dyn Front) -> Outcome<Flow> {
        let command = parse::parse(line, &self.config)?;
        self.run(&command, front)
    }

    /// Carries a command out.
    pub fn run(&mut self, command: &Command, front: &mut dyn Front) -> Outcome<Flow> {
        let scope = Scope { goroutine: -1, frame: self.frame, deferred: 0 };
        self.run_in(command, scope, front)
    }

    pub(super) fn call<M: Method>(&self, args: M) -> Outcome<M::Out> {
        let client: &dyn Client = &*self.client;
        Ok(client.call(args)?)
    }

    /// The state, once the program is stopped.
    pub(super) fn state(&self) -> Outcome<DebuggerState> {
        let out = self.call(StateIn { non_blocking: false })?;
        out.state.ok_or_else(|| CommandError::other("the service told no state"))
    }

    /// The minor version of the program's Go, asked for once.
    pub(super) fn go_minor(&mut self) -> u32 {
        if let Some(minor) = self.go_minor {
            return minor;
        }
        let Ok(version) = self.call(GetVersionIn {}) else { return go_minor("") };
        // The program is stopped wherever this is needed, so an empty answer stays empty.
        let minor = go_minor(&version.target_go_version);
        self.go_minor = Some(minor);
        minor
    }

    /// After a change of the configuration.
    pub(super) fn configured(&mut self) {
        self.paths = self.config.path_style();
    }

    /// Shows all that is to be said about a stop.
    pub(super) fn show_stop(&mut self, state: &DebuggerState, front: &mut dyn Front) {
        if self.pid != 0 && self.pid != state.pid && !self.trace_only {
            let (old, new) = (self.pid, state.pid);
            let command = &state.command_line;
            let text = format!("Switch target process from {old} to {new} ({command})");
            front.show(Line::plain(text));
        }
        self.pid = state.pid;
        let timestamp = match self.config.trace_show_timestamp {
            true => now(),
            false => String::new(),
        };
        let style = StopStyle {
            paths: &self.paths,
            raw_strings: self.config.show_raw_strings,
            timestamp: &timestamp,
            trace_only: self.trace_only,
        };
        show(stop::context(state, &style), front);
    }

    /// The names that complete the words of a line, loaded when they are needed.
    pub fn names(&self, kind: super::complete::Names) -> Vec<String> {
        super::complete::load(&*self.client, kind, self.frame)
    }
}

/// Shows all lines of a text.
pub(super) fn show(text: Text, front: &mut dyn Front) {
    for line in text.into_lines() {
        front.show(line);
    }
}

/// Shows one ordinary line.
pub(super) fn say(text: impl Into<String>, front: &mut dyn Front) {
    front.show(Line::plain(text));
}

/// Shows what went wrong where the command goes on nevertheless.
pub(super) fn complain(text: impl Into<String>, front: &mut dyn Front) {
    front.show(Line::of(Role::Error, text));
}

/// Asks a question whose answer is yes or no; `None` if no answer can come. An empty
/// answer is `default`.
pub fn confirm(front: &mut dyn Front, question: &str, default: bool) -> Option<bool> {
    loop {
        match front.ask(question)?.trim().to_lowercase().as_str() {
            "" => return Some(default),
            "y" | "yes" => return Some(true),
            "n" | "no" => return Some(false),
            _ => {}
        }
    }
}

/// The time in RFC 3339, in UTC, with nanoseconds.
fn now() -> String {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
    crate::frontend::source::format_time(since)
}
