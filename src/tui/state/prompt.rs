//! The line that the user types into: commands, searches, filters, expressions.

use crate::tui::pane::Pane;

/// Lines that the history keeps.
const HISTORY_MAX: usize = crate::frontend::history::LINES_MAX;

/// A line of text with a cursor in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineEdit {
    pub text: String,
    /// In bytes, at the boundary of a character.
    pub cursor: usize,
}

impl LineEdit {
    pub fn new(text: impl Into<String>) -> LineEdit {
        let text = text.into();
        LineEdit { cursor: text.len(), text }
    }

    pub fn insert(&mut self, text: &str) {
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
    }

    pub fn left(&mut self) {
        self.cursor = self.before();
    }

    pub fn right(&mut self) {
        let next = self.text[self.cursor..].chars().next().map_or(0, char::len_utf8);
        self.cursor += next;
    }

    pub fn word_left(&mut self) {
        let before = self.text[..self.cursor].trim_end();
        self.cursor = before
            .rfind(|c: char| !is_word(c))
            .map_or(0, |it| it + before[it..].chars().next().map_or(0, char::len_utf8));
        if self.cursor == before.len() && !before.is_empty() {
            self.left();
        }
    }

    pub fn word_right(&mut self) {
        let after = &self.text[self.cursor..];
        let start = after.find(is_word).unwrap_or(after.len());
        let end = after[start..].find(|c| !is_word(c)).unwrap_or(after.len() - start);
        self.cursor += start + end;
    }

    pub fn backspace(&mut self) {
        let start = self.before();
        self.text.replace_range(start..self.cursor, "");
        self.cursor = start;
    }

    pub fn delete(&mut self) {
        let end = self.cursor;
        self.right();
        self.text.replace_range(end..self.cursor, "");
        self.cursor = end;
    }

    pub fn kill_word(&mut self) {
        let end = self.cursor;
        self.word_left();
        self.text.replace_range(self.cursor..end, "");
    }

    pub fn kill_to_start(&mut self) {
        self.text.replace_range(..self.cursor, "");
        self.cursor = 0;
    }

    pub fn kill_to_end(&mut self) {
        self.text.truncate(self.cursor);
    }

    fn before(&self) -> usize {
        let last = self.text[..self.cursor].chars().next_back();
        self.cursor - last.map_or(0, char::len_utf8)
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What a typed line is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromptKind {
    Command,
    Search,
    /// The list of a pane gets shorter while one types.
    Filter(Pane),
    AddWatch,
    EditWatch(usize),
    BreakAt,
    SetVariable(String),
}

impl PromptKind {
    pub fn label(&self) -> &'static str {
        match self {
            PromptKind::Command => ":",
            PromptKind::Search => "/",
            PromptKind::Filter(_) => "filter: ",
            PromptKind::AddWatch => "watch: ",
            PromptKind::EditWatch(_) => "watch: ",
            PromptKind::BreakAt => "break at: ",
            PromptKind::SetVariable(_) => "new value: ",
        }
    }
}

/// The line while it is being typed.
#[derive(Clone, Debug)]
pub struct Prompt {
    pub kind: PromptKind,
    pub line: LineEdit,
    /// What could stand there instead of the word before the cursor.
    pub completion: Option<Completion>,
    /// The place in the history, and what was typed before going there.
    pub recalled: Option<(usize, String)>,
    /// What there was before: Esc brings it back.
    pub before: String,
    /// Where the source was when a search began.
    pub origin: (usize, usize),
    /// The prompt opens again after each command.
    pub stays: bool,
}

impl Prompt {
    pub fn new(kind: PromptKind, text: impl Into<String>) -> Prompt {
        let line = LineEdit::new(text);
        Prompt {
            kind,
            before: line.text.clone(),
            line,
            completion: None,
            recalled: None,
            origin: (0, 0),
            stays: false,
        }
    }
}

/// The words that complete what was typed, one of them chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Where the word begins that is completed.
    pub start: usize,
    pub typed: String,
    pub words: Vec<String>,
    pub chosen: Option<usize>,
}

/// Lines that were entered before.
#[derive(Debug, Default)]
pub struct History {
    pub lines: Vec<String>,
}

impl History {
    /// Adds a line, unless it is the one before again. Says whether it did.
    pub fn add(&mut self, line: &str) -> bool {
        if line.is_empty() || self.lines.last().is_some_and(|it| it == line) {
            return false;
        }
        if self.lines.len() == HISTORY_MAX {
            self.lines.remove(0);
        }
        self.lines.push(line.to_owned());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_edited_by_characters_and_words() {
        let mut it = LineEdit::new("print wörker.id");
        it.word_left();
        assert_eq!(it.cursor, it.text.len() - 2);
        it.backspace();
        assert_eq!(it.text, "print wörkerid");
        it.kill_word();
        assert_eq!(it.text, "print id");
        it.kill_to_start();
        it.delete();
        it.right();
        it.right();
        assert_eq!((it.text.as_str(), it.cursor), ("d", 1));
        it.left();
        it.insert("ä");
        it.word_right();
        assert_eq!((it.text.as_str(), it.cursor), ("äd", 3));
    }

    #[test]
    fn the_history_keeps_no_line_twice_in_a_row() {
        let mut it = History::default();
        for line in ["next", "next", "", "step", "next"] {
            it.add(line);
        }
        assert_eq!(it.lines, ["next", "step", "next"]);
    }
}
