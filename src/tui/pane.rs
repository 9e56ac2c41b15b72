//! The panes there are, and what they are called.

/// A part of the screen that shows one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pane {
    Source,
    Goroutines,
    Variables,
    Stack,
    Breakpoints,
    Watches,
    Console,
}

impl Pane {
    /// In the order of their number keys.
    pub const ALL: [Pane; 7] = [
        Pane::Source,
        Pane::Goroutines,
        Pane::Variables,
        Pane::Stack,
        Pane::Breakpoints,
        Pane::Watches,
        Pane::Console,
    ];

    pub fn index(self) -> usize {
        self as usize
    }

    /// The number key that goes to it.
    pub fn number(self) -> usize {
        self.index() + 1
    }

    pub fn title(self) -> &'static str {
        match self {
            Pane::Source => "Source",
            Pane::Goroutines => "Goroutines",
            Pane::Variables => "Variables",
            Pane::Stack => "Stack",
            Pane::Breakpoints => "Breakpoints",
            Pane::Watches => "Watches",
            Pane::Console => "Console",
        }
    }

    /// The title where there is little room.
    pub fn short_title(self) -> &'static str {
        match self {
            Pane::Source => "Src",
            Pane::Goroutines => "Gor",
            Pane::Variables => "Vars",
            Pane::Stack => "Stack",
            Pane::Breakpoints => "Brk",
            Pane::Watches => "Watch",
            Pane::Console => "Con",
        }
    }
}
