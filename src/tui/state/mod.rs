//! Everything the TUI knows, in one tree.

pub mod code;
pub mod fetched;
pub mod goroutines;
pub mod kept;
pub mod lists;
pub mod msg;
pub mod overlay;
pub mod prompt;
pub mod source;
pub mod variables;

use std::collections::{HashMap, VecDeque};

use crate::api::types::{Breakpoint, DebuggerState, Stackframe};
use crate::frontend::text::Line;
use crate::frontend::theme::Role;
use crate::tui::keymap::{Key, Keymap};
use crate::tui::layout::{Areas, Arrangement, layout};
use crate::tui::pane::Pane;
use crate::tui::state::code::Code;
use crate::tui::state::fetched::Fetched;
use crate::tui::state::goroutines::Goroutines;
use crate::tui::state::kept::{Keeping, Missing};
use crate::tui::state::lists::ListPosition;
use crate::tui::state::msg::Effect;
use crate::tui::state::overlay::Overlay;
use crate::tui::state::prompt::{History, Prompt};
use crate::tui::state::source::{Files, SourcePane};
use crate::tui::state::variables::{Variables, Watches};

/// The number of a stop. What was asked for at an earlier one is out of date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StopId(pub u64);

/// What the program is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    /// Nobody has been asked yet: the text says what is being waited for.
    Starting(String),
    Stopped,
    Running,
    Exited {
        status: i64,
    },
    /// The service is gone; the text says how.
    Disconnected(String),
}

/// How long a program runs before it is shown to run.
pub const RUNNING_SHOWN_MS: u64 = 100;

/// What is known of the service, and what it can do.
#[derive(Clone, Debug, Default)]
pub struct Server {
    pub version: String,
    /// The minor version of the program's Go; 0 if unknown.
    pub go_minor: u32,
    /// It answers while the program runs: ours does, Delve does not.
    pub answers_while_running: bool,
    pub multiclient: bool,
    /// When the program was built.
    pub built: Option<std::time::SystemTime>,
    /// It was said that source is newer than that.
    pub said_stale: bool,
    /// What it serves is a core file: nothing in it runs or changes.
    pub is_core: bool,
}

/// What was fixed when the TUI was started.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub title: String,
    pub read_only: bool,
    /// The program runs on as soon as it is held.
    pub resume: bool,
    /// The program was running before us, and should go on after us.
    pub attached: bool,
    /// Over a network or a socket: the source and the processes may be elsewhere.
    pub remote: bool,
    pub ascii: bool,
    /// How instructions are written: 0 GNU, 1 Intel, 2 Go.
    pub flavour: i64,
    /// We launched the program, and see what it writes.
    pub has_output: bool,
}

/// Goroutine and frame that everything shown refers to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scope {
    /// -1 if there is no goroutine.
    pub goroutine: i64,
    pub frame: usize,
}

/// A line for the user, at the bottom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub text: String,
    pub role: Role,
}

/// A question that has no answer yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    pub ask: msg::Ask,
    pub since_ms: u64,
}

/// What can be taken back.
#[derive(Clone, Debug, PartialEq)]
pub enum Undo {
    SetBreakpoint(Box<Breakpoint>),
    AmendBreakpoint(Box<Breakpoint>),
    AddWatch {
        at: usize,
        expr: String,
    },
    /// A breakpoint of the last session that is not in this program.
    DropMissing(Box<Missing>),
}

/// Changes that may be taken back.
pub const UNDO_MAX: usize = 64;

/// The stack pane.
#[derive(Debug, Default)]
pub struct Stack {
    pub frames: Fetched<(StopId, i64), Vec<Stackframe>>,
    pub depth: usize,
    /// Whether the frames of the runtime are shown one by one.
    pub unfolded: bool,
    pub at: ListPosition,
}

/// The breakpoints pane.
#[derive(Debug, Default)]
pub struct Breakpoints {
    /// Counts the changes: the list is asked for again when it has moved.
    pub revision: u64,
    pub list: Fetched<u64, Vec<Breakpoint>>,
    /// File and line of addresses of breakpoints that have several places; no file if
    /// that is being asked or is not known.
    pub places: HashMap<u64, (String, i64)>,
    pub at: ListPosition,
    pub filter: String,
    /// Those that muting disabled.
    pub muted: Option<Vec<i64>>,
    /// When their hits were asked for while the program runs.
    pub counted_ms: u64,
    /// A temporary breakpoint, of a run to the cursor or to main: deleted at the next stop.
    pub temporary: Option<i64>,
    /// Where it is, in words, and whether the program has stopped there.
    pub goal: &'static str,
    pub is_at_goal: bool,
}

/// Lines of the console, and of the program's output, that are kept.
pub const CONSOLE_LINES_MAX: usize = 10_000;

/// The console, and what the program writes.
#[derive(Debug, Default)]
pub struct Console {
    pub lines: VecDeque<Line>,
    pub output: VecDeque<String>,
    /// The program has written something that was not seen.
    pub has_unseen: bool,
    /// The last line of the output that has no end yet.
    pub partial: String,
    /// The program's output instead of the console.
    pub shows_output: bool,
    /// How many lines above the end the view is.
    pub back: usize,
    /// Since when a command is in progress.
    pub since_ms: Option<u64>,
    /// Lines that the command in progress has printed.
    pub printed: usize,
    /// It takes long, says how far it is, and can be given up.
    pub goes_on: bool,
    pub history: History,
}

/// Everything.
#[derive(Debug)]
pub struct State {
    pub settings: Settings,
    /// Why the service says that the last resume failed, though the program has stopped.
    pub refused: Option<String>,
    pub width: u16,
    pub height: u16,
    /// Milliseconds since the start, as of the last message.
    pub now_ms: u64,
    pub keymap: Keymap,
    pub theme: String,
    pub theme_names: Vec<String>,

    pub server: Server,
    pub run: Run,
    pub stop: StopId,
    pub pid: i64,
    pub command_line: String,
    /// The state that came with the last stop.
    pub stopped: DebuggerState,
    /// When the program was last stopped or let go.
    pub since_ms: u64,
    /// How long it was held, the stop that lasts not counted.
    pub held_ms: u64,
    pub scope: Scope,
    /// Whether the frame of the scope is the one to show: not until the stack has come, if
    /// the innermost frames are the runtime's.
    pub scope_is_settled: bool,
    /// No goroutine has stopped: one is looked for that is in the user's code.
    pub seeks_goroutine: bool,
    /// What the runtime gave as the reason of a fatal error.
    pub fatal: Option<String>,
    /// What let the program run before this stop.
    pub verb: &'static str,
    /// The user wants it to stand still.
    pub halts: bool,
    /// Steps that were asked for while one was being made.
    pub steps: VecDeque<msg::Resume>,
    /// How to leave as soon as the program stands still.
    pub leave_at_stop: Option<msg::Leave>,
    /// Effects that need a stopped program, kept until it is, and whether to go on then.
    pub at_stop: Vec<Effect>,
    pub resume_after: bool,

    pub screen: Arrangement,
    pub source: SourcePane,
    pub files: Files,
    /// Files that have come and have no colours yet.
    pub unstyled: Vec<std::sync::Arc<str>>,
    pub stack: Stack,
    pub code: Code,
    pub variables: Variables,
    pub goroutines: Goroutines,
    pub breakpoints: Breakpoints,
    pub keeping: Keeping,
    pub watches: Watches,
    pub console: Console,
    pub symbols: overlay::Symbols,

    pub overlays: Vec<Overlay>,
    pub prompt: Option<Prompt>,
    pub keys: Vec<Key>,
    /// Keys that wait for what they are about.
    pub ahead: VecDeque<Key>,
    pub keys_since_ms: u64,
    /// What came up while starting: said once there is something to see.
    pub notes: Vec<String>,
    /// What the last key or answer has to say; the next key takes it away.
    pub message: Option<Message>,
    /// What is true until the program runs again: shown while there is no message.
    pub standing: Option<Message>,
    pub undo: Vec<Undo>,
    pub mouse: bool,
    /// The border that is being dragged, by its number.
    pub dragged: Option<usize>,
    pub last_click: Option<(u64, u16, u16)>,
    /// Questions without an answer.
    pub waiting: Vec<Waiting>,
    pub leaving: bool,
}

impl State {
    pub fn new(settings: Settings) -> State {
        State {
            settings,
            refused: None,
            width: 80,
            height: 24,
            now_ms: 0,
            keymap: Keymap::default(),
            theme: crate::frontend::theme::DEFAULT.to_owned(),
            theme_names: crate::frontend::theme::names().map(str::to_owned).collect(),
            server: Server::default(),
            run: Run::Starting("starting".to_owned()),
            stop: StopId(0),
            pid: 0,
            command_line: String::new(),
            stopped: DebuggerState::default(),
            since_ms: 0,
            held_ms: 0,
            scope: Scope { goroutine: -1, frame: 0 },
            scope_is_settled: false,
            seeks_goroutine: false,
            fatal: None,
            verb: "",
            halts: false,
            steps: VecDeque::new(),
            leave_at_stop: None,
            at_stop: Vec::new(),
            resume_after: false,
            screen: Arrangement::default(),
            source: SourcePane::default(),
            files: Files::default(),
            unstyled: Vec::new(),
            stack: Stack::default(),
            code: Code::default(),
            variables: Variables::default(),
            goroutines: Goroutines::default(),
            breakpoints: Breakpoints::default(),
            keeping: Keeping::default(),
            watches: Watches::default(),
            console: Console::default(),
            symbols: overlay::Symbols::default(),
            overlays: Vec::new(),
            prompt: None,
            keys: Vec::new(),
            ahead: VecDeque::new(),
            keys_since_ms: 0,
            notes: Vec::new(),
            message: None,
            standing: None,
            undo: Vec::new(),
            mouse: true,
            dragged: None,
            last_click: None,
            waiting: Vec::new(),
            leaving: false,
        }
    }

    pub fn areas(&self) -> Areas {
        layout(self.width, self.height, &self.screen)
    }

    pub fn is_stopped(&self) -> bool {
        self.run == Run::Stopped
    }

    pub fn is_running(&self) -> bool {
        self.run == Run::Running
    }

    /// Whether the program has run long enough for it to be shown. A step that takes a
    /// few milliseconds must not make the whole screen change its colours twice.
    pub fn looks_running(&self) -> bool {
        let elapsed = self.now_ms.saturating_sub(self.since_ms);
        self.is_running() && (self.stop.0 == 0 || elapsed >= RUNNING_SHOWN_MS)
    }

    /// What is shown is of an earlier time, and has to look so.
    pub fn looks_stale(&self) -> bool {
        !self.is_stopped() && (!self.is_running() || self.looks_running())
    }

    /// Whether the source that is shown was changed after the program was built.
    pub fn has_newer_source(&self) -> bool {
        let file = self.source.path.as_deref().and_then(|it| self.files.ready(it));
        let modified = file.and_then(|it| it.text.modified);
        matches!((modified, self.server.built), (Some(file), Some(built)) if file > built)
    }

    /// Whether the program can still be stopped or run.
    pub fn is_alive(&self) -> bool {
        self.is_stopped() || self.is_running()
    }

    /// Whether questions about the program are answered now.
    pub fn can_ask(&self) -> bool {
        match self.run {
            Run::Stopped => true,
            Run::Running => self.server.answers_while_running,
            Run::Starting(_) | Run::Exited { .. } | Run::Disconnected(_) => false,
        }
    }

    /// The stack of the selected goroutine, as last read.
    pub fn frames(&self) -> &[Stackframe] {
        self.stack.frames.value().map_or(&[], Vec::as_slice)
    }

    /// Where execution is in the selected frame: by its stack, or, before that has come, by
    /// what the stop said.
    pub fn current_place(&self) -> Option<(&str, i64)> {
        let is_of_now = |key: (StopId, i64)| key == (self.stop, self.scope.goroutine);
        if self.stack.frames.key().is_some_and(is_of_now) || !self.is_stopped() {
            return self.frame().map(|it| (it.file.as_str(), it.line));
        }
        let goroutine = self.stopped.current_goroutine.as_ref();
        let at = &goroutine.filter(|it| it.id == self.scope.goroutine)?.user_current_loc;
        Some((at.file.as_str(), at.line))
    }

    /// The selected frame, if its stack has come.
    pub fn frame(&self) -> Option<&Stackframe> {
        self.frames().get(self.scope.frame)
    }

    pub fn say(&mut self, role: Role, text: impl Into<String>) {
        self.message = Some(Message { text: text.into(), role });
    }

    /// Says what stays true until the program runs again.
    pub fn stand(&mut self, role: Role, text: impl Into<String>) {
        self.message = None;
        self.standing = Some(Message { text: text.into(), role });
    }

    /// Adds lines to the console.
    pub fn log(&mut self, role: Role, text: &str) {
        for line in text.lines() {
            self.log_line(Line::of(role, line));
        }
    }

    pub fn log_line(&mut self, line: Line) {
        if self.console.lines.len() == CONSOLE_LINES_MAX {
            self.console.lines.pop_front();
        }
        self.console.lines.push_back(line);
    }

    /// Remembers how to take something back.
    pub fn remember(&mut self, undo: Undo) {
        if self.undo.len() == UNDO_MAX {
            self.undo.remove(0);
        }
        self.undo.push(undo);
    }

    pub fn focus(&self) -> Pane {
        self.screen.focus
    }

    /// The breakpoints that are the user's.
    pub fn user_breakpoints(&self) -> impl Iterator<Item = &Breakpoint> {
        let list = self.breakpoints.list.value().map_or(&[][..], Vec::as_slice);
        list.iter().filter(|it| it.id > 0)
    }
}
