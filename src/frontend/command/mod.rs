//! The command language, which the line mode and the full-screen UI's prompt share.
//!
//! [`table::GROUPS`] is the only list of commands there is: parsing, completion, `help`,
//! the README's table and the tests all read it. [`parse`] makes a [`Command`] of a line,
//! [`session::Session`] carries it out: calls through a client, and styled text.

pub mod table;
pub mod parse;
pub mod complete;
pub mod help;
pub mod session;
mod run;

use crate::api::types::GoroutineFilter;
use crate::frontend::text::goroutine::Place;
use crate::frontend::text::memory::Base;

/// A command, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Continue { to: String },
    Next { count: i64 },
    Step,
    StepOut,
    StepInstruction,
    NextInstruction,
    Call { expr: String, unchecked: bool },
    Restart(RestartArgs),
    Rebuild,
    Break { text: String },
    Trace { text: String },
    Watch { access: i64, expr: String },
    Clear { which: String },
    ClearAll { at: String },
    Toggle { which: String },
    Breakpoints { physical: bool, save: Option<String> },
    On { which: String, action: OnAction },
    Condition { which: String, change: ConditionChange },
    Args(ListArgs),
    Locals(ListArgs),
    Vars(ListArgs),
    Print { format: Option<String>, expr: String },
    WhatIs { expr: String },
    Set { target: String, value: String },
    Display(DisplayArgs),
    ExamineMemory(MemoryArgs),
    Registers { all: bool },
    Stack(StackArgs),
    Frame { to: FrameMove, then: Option<Box<Command>> },
    Deferred { nth: i64, then: Box<Command> },
    List { at: String },
    Disassemble(DisassembleArgs),
    Edit { at: String },
    Functions { filter: String },
    Types { filter: String },
    Sources { filter: String },
    Packages { filter: String },
    Libraries,
    Threads,
    Thread { id: i64 },
    Goroutines(Box<GoroutinesArgs>),
    Goroutine { id: Option<i64>, then: Option<Box<Command>> },
    Target(TargetArgs),
    Source { path: String },
    Config(ConfigArgs),
    Dump { path: String },
    Exit(ExitHow),
    Help { about: String },
}

/// What `restart` starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestartArgs {
    /// The arguments are replaced, by none if `args` is empty.
    pub reset: bool,
    pub args: Vec<String>,
    /// Standard input, output and error.
    pub redirects: [String; 3],
}

/// What is to be collected at a breakpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnAction {
    Edit,
    Print { expr: String },
    Stack { depth: i64 },
    Goroutine,
    Trace,
    Args { verbose: bool },
    Locals { verbose: bool },
    Condition { text: String },
    HitCondition { text: String, per_goroutine: bool },
}

/// What `condition` changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConditionChange {
    Clear,
    Expr(String),
    Hits { text: String, per_goroutine: bool },
}

/// Which variables are listed, and how fully.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListArgs {
    pub verbose: bool,
    pub filter: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisplayArgs {
    Show,
    Add { format: Option<String>, expr: String },
    Delete { index: usize },
}

/// What `examinemem` reads and how it shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryArgs {
    pub operand: MemoryOperand,
    pub base: Base,
    /// The bytes as they are.
    pub raw: bool,
    pub count: i64,
    /// Bytes of each number, 1 to 8.
    pub size: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemoryOperand {
    Address(u64),
    Expr(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackArgs {
    pub depth: i64,
    pub full: bool,
    pub offsets: bool,
    pub defers: bool,
    /// Bits of the wire: 0 normal, 2 simple, 6 simple from the saved registers.
    pub mode: u16,
    pub n_ancestors: i64,
    pub ancestor_depth: i64,
}

impl StackArgs {
    pub const DEPTH: i64 = 50;
}

impl Default for StackArgs {
    fn default() -> StackArgs {
        StackArgs {
            depth: StackArgs::DEPTH,
            full: false,
            offsets: false,
            defers: false,
            mode: 0,
            n_ancestors: 0,
            ancestor_depth: 0,
        }
    }
}

/// A frame, or a way from the selected one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameMove {
    To(i64),
    Up(i64),
    Down(i64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisassembleArgs {
    Function,
    Range { start: u64, end: u64 },
    At { spec: String },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoroutinesArgs {
    pub place: Place,
    pub filters: Vec<Filter>,
    pub group: Option<Group>,
    pub stack_depth: Option<i64>,
    pub labels: bool,
    pub each: Option<Command>,
}

/// A condition on goroutines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    pub kind: i64,
    pub negated: bool,
    pub arg: String,
}

impl From<&Filter> for GoroutineFilter {
    fn from(it: &Filter) -> GoroutineFilter {
        GoroutineFilter { kind: it.kind, negated: it.negated, arg: it.arg.clone() }
    }
}

/// What goroutines are grouped by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub kind: i64,
    pub key: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetArgs {
    List,
    FollowExec(Option<FollowExec>),
    Switch { pid: i64 },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FollowExec {
    On { regex: String },
    Off,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigArgs {
    List,
    Save,
    Set { key: String, value: String },
    Alias { command: String, alias: String },
    Unalias { alias: String },
    ShowRules,
    ClearRules,
    AddRule { from: String, to: String },
    RemoveRule { from: String },
    DebugDirs(DebugDirs),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DebugDirs {
    Show,
    Clear,
    Add(String),
    Remove(String),
}

/// How a session is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitHow {
    /// Asking what to do with the program.
    Ask,
    /// The program runs on, the server stays.
    Continue,
    /// Detached, running.
    Detach,
    /// Killed.
    Kill,
}

/// Where a command has a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    None,
    /// After `on`: collected at a breakpoint.
    On,
    /// After `deferred`.
    Deferred,
}

/// The heading that a command stands under in `help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    Running,
    Breakpoints,
    Data,
    Goroutines,
    Stack,
    Source,
    Other,
}

impl Topic {
    pub const ALL: &[Topic] = &[
        Topic::Running,
        Topic::Breakpoints,
        Topic::Data,
        Topic::Goroutines,
        Topic::Stack,
        Topic::Source,
        Topic::Other,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Topic::Running => "Running the program",
            Topic::Breakpoints => "Manipulating breakpoints",
            Topic::Data => "Viewing program variables and memory",
            Topic::Goroutines => "Listing and switching between threads and goroutines",
            Topic::Stack => "Viewing the call stack and selecting frames",
            Topic::Source => {
                "Viewing source and disassembly, listing packages, functions, types"
            }
            Topic::Other => "Other commands",
        }
    }
}

/// Why a line is no command. The texts are Delve's where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(pub String);

impl ParseError {
    pub fn new(text: impl Into<String>) -> ParseError {
        ParseError(text.into())
    }
}

/// One row of the table of commands.
pub struct CommandSpec {
    /// The name first, then what else it answers to.
    pub names: &'static [&'static str],
    pub topic: Topic,
    pub prefixes: &'static [Prefix],
    /// The arguments, as `help` shows them; empty if there are none.
    pub usage: &'static str,
    /// One sentence that says what the command does.
    pub summary: &'static str,
    /// What else there is to know.
    pub details: &'static str,
    pub parse: fn(&parse::Words<'_>) -> Result<Command, ParseError>,
}

impl CommandSpec {
    pub fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }

    pub fn aliases(&self) -> &'static [&'static str] {
        self.names.get(1..).unwrap_or_default()
    }
}
