//! What can happen, and what can be asked of the world.

use std::sync::Arc;
use std::time::SystemTime;

use crate::api::types::{
    AsmInstruction, Breakpoint, DebuggerState, Goroutine, GoroutineFilter,
    GoroutineGroup, Location, Register, Stackframe, Variable,
};
use crate::frontend::highlight::StyledLine;
use crate::frontend::kept::{Kept, KeptBreakpoint};
use crate::frontend::text::Line;
use crate::tui::keymap::Key;
use crate::tui::state::StopId;
use crate::tui::state::overlay::NameList;

/// Everything that can happen.
#[derive(Debug)]
pub enum Msg {
    /// Milliseconds since the start: precedes every other message of a batch.
    Clock(u64),
    Key(Key),
    Paste(String),
    Mouse(Mouse),
    Resize(u16, u16),
    /// What is kept of the last session with the program.
    Kept(Box<Kept>),
    /// The connection is there, or why it is not.
    Started(Result<(), String>),
    /// The service is gone.
    Gone,
    /// What the program says about itself while it is started.
    Progress(String),
    Answer {
        ask: Ask,
        answer: Result<Answer, AskError>,
    },
    /// The program has stopped, or could not be run.
    Stopped {
        asked: Resume,
        result: Result<Box<DebuggerState>, AskError>,
    },
    File {
        path: Arc<str>,
        text: Result<Arc<FileText>, String>,
    },
    Styled {
        path: Arc<str>,
        first_line: usize,
        lines: Vec<StyledLine>,
    },
    Matches {
        generation: u64,
        found: Vec<Found>,
    },
    Processes(Vec<Process>),
    /// What the program wrote.
    Output(Vec<u8>),
    /// A line that a command printed.
    Printed(Line),
    /// How far a command has come.
    HowFar(Line),
    /// A command of the console lets the program run.
    Resumed,
    /// A command of the console is done, or why it failed.
    CommandDone {
        line: String,
        result: Result<(), String>,
        exits: bool,
    },
    /// The editor or the shell has given the terminal back.
    Back(Option<String>),
    /// The program has been let go, or why it has not.
    Left(Option<String>),
    /// A signal asks us to leave.
    Terminate,
}

/// Something that the mouse did, in cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mouse {
    Press(u16, u16),
    Drag(u16, u16),
    Release(u16, u16),
    /// Rows, downwards positive.
    Wheel(u16, u16, i16),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskError {
    /// The service said no, and why.
    Refused(String),
    Gone,
}

impl std::fmt::Display for AskError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AskError::Refused(why) => f.write_str(why),
            AskError::Gone => f.write_str("the debugging service is gone"),
        }
    }
}

/// A source file's text, with where its lines begin.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FileText {
    pub text: String,
    /// Where each line begins, and the end of the text.
    pub starts: Vec<u32>,
    /// Where the file was found, if not where the program says.
    pub found_at: Option<String>,
    /// When it was written last.
    pub modified: Option<SystemTime>,
}

impl FileText {
    pub fn new(text: String) -> FileText {
        let mut starts = vec![0];
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        starts.extend(ends.map(|(at, _)| at as u32 + 1));
        if starts.last() != Some(&(text.len() as u32)) {
            starts.push(text.len() as u32);
        }
        FileText { text, starts, found_at: None, modified: None }
    }

    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A line without its end; `index` counts from 0.
    pub fn line(&self, index: usize) -> &str {
        let Some([start, end]) = self.starts.get(index..index + 2) else { return "" };
        let line = &self.text[*start as usize..*end as usize];
        line.strip_suffix('\n').map_or(line, |it| it.strip_suffix('\r').unwrap_or(it))
    }
}

/// A thing that the palette found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub index: usize,
    /// The characters of the name that the query matched.
    pub positions: Vec<usize>,
}

/// A process that could be attached to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    pub name: String,
    /// The command line, the user, the Go version: whatever tells it from others.
    pub detail: String,
}

/// The ways to run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resume {
    Continue,
    Next,
    Step,
    StepOut,
    StepInstruction,
    NextInstruction,
    /// Waits for the stop of a program that somebody else let go.
    Wait,
    Restart,
}

impl Resume {
    /// What the state line says of a stop that came of it.
    pub fn verb(&self) -> &'static str {
        match self {
            Resume::Continue | Resume::Wait => "continue",
            Resume::Next => "next",
            Resume::Step => "step",
            Resume::StepOut => "step out",
            Resume::StepInstruction | Resume::NextInstruction => "instruction",
            Resume::Restart => "restart",
        }
    }
}

/// A question to the service; it comes back with its answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// What the service is, and what state the program is in.
    Hello,
    State,
    /// When the program was built.
    Built,
    Stack {
        key: (StopId, i64),
        depth: usize,
    },
    /// Arguments and locals of a frame.
    Variables {
        key: (StopId, i64, usize),
    },
    /// The instructions of the function that a frame is in.
    Instructions {
        key: (StopId, i64, usize),
        pc: u64,
        flavour: i64,
    },
    Registers {
        key: (StopId, i64, usize),
    },
    /// A value with so many of its children, for a row of a tree.
    Children {
        key: (StopId, i64, usize),
        of_watch: bool,
        path: String,
        expr: String,
        count: i64,
    },
    Watches {
        key: (StopId, i64, usize, u64),
        exprs: Vec<String>,
    },
    Goroutines {
        key: (StopId, u64),
        query: GoroutineQuery,
    },
    Breakpoints {
        revision: u64,
    },
    /// Where addresses of breakpoints are in the source.
    Places {
        addrs: Vec<u64>,
    },
    SetBreakpoint {
        breakpoint: Box<Breakpoint>,
        purpose: Purpose,
    },
    AmendBreakpoint(Box<Breakpoint>),
    ClearBreakpoint {
        id: i64,
        is_temporary: bool,
    },
    SwitchGoroutine(i64),
    CancelNext,
    /// The names of all files and functions.
    Symbols,
    /// Where a location spec is; the place is then shown.
    Find {
        spec: String,
    },
    /// An expression for the console, the message line or a popup.
    Print {
        expr: String,
        title: String,
        scope: (i64, usize),
        popup: bool,
    },
    Set {
        symbol: String,
        value: String,
        scope: (i64, usize),
    },
    /// Why the runtime ends the program.
    FatalError {
        stop: StopId,
    },
    /// What the goroutine of a core file had panicked with.
    PanicValue {
        stop: StopId,
    },
}

/// What a breakpoint is set for.
#[derive(Clone, Debug, PartialEq)]
pub enum Purpose {
    User,
    Undo,
    /// It was there in the last session.
    Kept(Box<KeptBreakpoint>),
    /// To run to it, and to delete it then.
    RunTo,
}

/// Which goroutines to list, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GoroutineQuery {
    pub start: i64,
    pub count: i64,
    pub grouped: bool,
    /// By the whole stack, which a service of ours can do.
    pub by_stack: bool,
    /// Members to answer of each group, and groups.
    pub max_members: i64,
    pub max_groups: i64,
    pub filters: Vec<GoroutineFilter>,
    /// The members of one group, for that group alone.
    pub of_group: Option<String>,
}

/// The answer to an [`Ask`].
#[derive(Debug)]
pub enum Answer {
    Hello(Box<Hello>),
    State(Option<Box<DebuggerState>>),
    Built(Option<SystemTime>),
    Stack(Vec<Stackframe>),
    Variables {
        args: Vec<Variable>,
        locals: Vec<Variable>,
    },
    Variable(Option<Box<Variable>>),
    Instructions(Vec<AsmInstruction>),
    Registers(Vec<Register>),
    Watches(Vec<Result<Variable, String>>),
    Goroutines {
        list: Vec<Goroutine>,
        groups: Vec<GoroutineGroup>,
        next: i64,
    },
    Breakpoints(Vec<Breakpoint>),
    Breakpoint(Box<Breakpoint>),
    Names(NameList),
    Places(Vec<Location>),
    /// For each address that was asked about, where it is.
    PlaceOf(Vec<Option<Location>>),
    Done,
}

/// What is asked first.
#[derive(Debug, Default)]
pub struct Hello {
    pub version: String,
    pub backend: String,
    pub go_version: String,
    pub multiclient: bool,
    pub attached: bool,
    pub state: Option<DebuggerState>,
    /// What `State` said instead: the program has ended.
    pub refused: Option<String>,
}

/// How to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Breakpoints out, the program goes on.
    Detach,
    Kill,
    /// The connection ends, the service and the program stay as they are.
    Disconnect,
}

/// Everything the TUI can ask of the world.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Ask(Ask),
    Resume(Resume),
    Halt,
    /// The command of the console that says how far it is shall end.
    StopCommand,
    LoadFile(Arc<str>),
    /// Styles for a file, the lines around one first.
    Style {
        path: Arc<str>,
        text: Arc<FileText>,
        around: usize,
    },
    Match {
        generation: u64,
        names: Arc<Vec<String>>,
        first: usize,
        query: String,
    },
    ListProcesses,
    Attach(i32),
    /// Makes the connection again after it was lost.
    Reconnect,
    Copy(String),
    Edit {
        path: String,
        line: usize,
    },
    /// A line of the command language, for the console's thread.
    RunCommand {
        line: String,
        scope: (i64, usize),
    },
    /// Keeps a line that was typed for the next time.
    Remember(String),
    /// Keeps breakpoints and watches for the next session.
    Keep(Box<Kept>),
    /// No longer waits for the command in progress.
    AbandonCommand,
    Theme(String),
    Mouse(bool),
    Redraw,
    Suspend,
    Leave(Leave),
    /// Leave at once: nothing is connected any more.
    Exit(Option<String>),
}
