//! What lies over the panes: palette, help, dialogs. They form a stack; Esc pops one.

use std::sync::Arc;

use crate::tui::state::lists::ListPosition;
use crate::tui::state::msg::{Found, Leave, Process};
use crate::tui::state::prompt::LineEdit;

#[derive(Debug)]
pub enum Overlay {
    Palette(Palette),
    Help(Help),
    Quit(Choices),
    Themes(ThemePicker),
    Text(TextPopup),
    Form(BreakpointForm),
}

/// What the palette looks through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaletteKind {
    Files,
    Functions,
    Goroutines,
    Actions,
    Line,
    Breakpoints,
    /// Processes to attach to: nothing else can be done then.
    Processes,
}

impl PaletteKind {
    /// The kind that the first character of a query chooses, and the rest of the query.
    pub fn of(query: &str) -> (PaletteKind, &str) {
        let mut chars = query.chars();
        let kind = match chars.next() {
            Some('@') => PaletteKind::Functions,
            Some('#') => PaletteKind::Goroutines,
            Some('>') => PaletteKind::Actions,
            Some(':') => PaletteKind::Line,
            Some('!') => PaletteKind::Breakpoints,
            _ => return (PaletteKind::Files, query),
        };
        (kind, chars.as_str())
    }

    pub fn noun(self) -> &'static str {
        match self {
            PaletteKind::Files => "files and functions",
            PaletteKind::Functions => "functions",
            PaletteKind::Goroutines => "goroutines",
            PaletteKind::Actions => "commands",
            PaletteKind::Line => "lines",
            PaletteKind::Breakpoints => "breakpoints",
            PaletteKind::Processes => "Go processes",
        }
    }
}

/// What was asked of the palette before it had found what was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Choose,
    Break,
}

/// The palette, and the picker of processes, which looks the same.
#[derive(Debug)]
pub struct Palette {
    pub line: LineEdit,
    pub kind: PaletteKind,
    /// What is looked through; names only, so that a worker can.
    pub names: Arc<Vec<String>>,
    /// The first of the names that is looked at.
    pub first: usize,
    /// How many of the names, from the first, are files; the others are functions.
    pub n_files: usize,
    /// The number of the query; answers to earlier ones are dropped.
    pub generation: u64,
    pub found: Vec<Found>,
    pub at: ListPosition,
    pub is_searching: bool,
    /// What is to be done with the best match as soon as it has been found.
    pub then: Option<Then>,
    pub processes: Vec<Process>,
    /// Why the last try to attach failed.
    pub error: Option<String>,
}

impl Palette {
    pub fn new(kind: PaletteKind, query: &str) -> Palette {
        Palette {
            line: LineEdit::new(query),
            kind,
            names: Arc::default(),
            first: 0,
            n_files: 0,
            generation: 0,
            found: Vec::new(),
            at: ListPosition::default(),
            is_searching: false,
            then: None,
            processes: Vec::new(),
            error: None,
        }
    }

    pub fn chosen(&self) -> Option<usize> {
        self.found.get(self.at.cursor).map(|it| it.index)
    }
}

/// The help: all keys, those that match a word.
#[derive(Debug, Default)]
pub struct Help {
    pub filter: LineEdit,
    pub top: usize,
}

/// A question with a few answers, each with its key.
#[derive(Debug)]
pub struct Choices {
    pub title: String,
    pub lines: Vec<String>,
    pub choices: Vec<(char, Leave, String)>,
    pub cursor: usize,
}

/// The list of themes; the one under the cursor is shown at once.
#[derive(Debug, Default)]
pub struct ThemePicker {
    pub cursor: usize,
    /// What Esc goes back to.
    pub before: String,
}

/// A long text to read.
#[derive(Debug, Default)]
pub struct TextPopup {
    pub title: String,
    pub lines: Vec<String>,
    pub top: usize,
}

/// The conditions of a breakpoint, and what it logs.
#[derive(Debug)]
pub struct BreakpointForm {
    pub id: i64,
    pub place: String,
    /// Condition, hit condition, expressions to log.
    pub fields: [LineEdit; 3],
    pub field: usize,
    pub error: Option<String>,
}

/// The names of files and functions. They may be a hundred thousand: there is one list of
/// them, made once, which is only lent out.
#[derive(Clone, Debug, Default)]
pub struct NameList {
    /// Files, then functions.
    pub names: Arc<Vec<String>>,
    pub n_files: usize,
}

impl NameList {
    pub fn functions(&self) -> &[String] {
        self.names.get(self.n_files..).unwrap_or_default()
    }
}

/// The names that the palette knows, fetched once.
#[derive(Debug, Default)]
pub struct Symbols {
    pub list: Option<NameList>,
    pub asked: bool,
    pub error: Option<String>,
    /// The way to a definition waits for the names.
    pub then_definition: bool,
}
