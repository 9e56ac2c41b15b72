//! Styled text as data: what commands answer, and what both front ends show.
//!
//! A [`Span`] names its [`Role`]; what that looks like is the business of a theme, and of
//! whoever shows it. The modules here turn the wire's records into such text, in the
//! formats that users of Delve's terminal know.

pub mod quote;
pub mod verb;
pub mod variable;
pub mod stack;
pub mod goroutine;
pub mod wait_reason;
pub mod breakpoint;
pub mod stop;
pub mod disassembly;
pub mod memory;
pub mod listing;
pub mod table;

use std::fmt;

use crate::frontend::theme::Role;

/// A piece of text that looks the same all over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub text: String,
    pub role: Role,
}

/// One line, without its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub spans: Vec<Span>,
}

impl Line {
    /// A line that is all in one role.
    pub fn of(role: Role, text: impl Into<String>) -> Line {
        let mut line = Line::default();
        line.push(role, text);
        line
    }

    /// An ordinary line.
    pub fn plain(text: impl Into<String>) -> Line {
        Line::of(Role::Text, text)
    }

    /// Adds to the end; pieces of the same role become one.
    pub fn push(&mut self, role: Role, text: impl Into<String>) {
        let text = text.into();
        match self.spans.last_mut() {
            _ if text.is_empty() => {}
            Some(last) if last.role == role => last.text.push_str(&text),
            _ => self.spans.push(Span { text, role }),
        }
    }
}

/// The text alone.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spans.iter().try_for_each(|span| f.write_str(&span.text))
    }
}

/// Lines under construction: the last is still open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    done: Vec<Line>,
    open: Line,
}

impl Text {
    pub fn new() -> Text {
        Text::default()
    }

    /// Adds to the open line; each line feed in `text` ends one.
    pub fn push(&mut self, role: Role, text: impl AsRef<str>) {
        let mut parts = text.as_ref().split('\n');
        self.open.push(role, parts.next().unwrap_or_default());
        for part in parts {
            self.end_line();
            self.open.push(role, part);
        }
    }

    /// Adds ordinary text.
    pub fn plain(&mut self, text: impl AsRef<str>) {
        self.push(Role::Text, text);
    }

    /// Ends the open line.
    pub fn end_line(&mut self) {
        self.done.push(std::mem::take(&mut self.open));
    }

    /// Adds a whole ordinary line.
    pub fn line(&mut self, text: impl AsRef<str>) {
        self.plain(text);
        self.end_line();
    }

    /// Adds the lines of another text; the first goes to the end of the open line.
    pub fn append(&mut self, other: Text) {
        for line in other.done {
            self.append_line(line);
            self.end_line();
        }
        self.append_line(other.open);
    }

    /// Adds to the end of the open line.
    pub fn append_line(&mut self, line: Line) {
        for span in line.spans {
            self.open.push(span.role, span.text);
        }
    }

    /// All lines; one that is open and empty is none.
    pub fn into_lines(mut self) -> Vec<Line> {
        if !self.open.spans.is_empty() {
            self.end_line();
        }
        self.done
    }
}

/// The text alone, with a line feed between lines.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.done {
            writeln!(f, "{line}")?;
        }
        write!(f, "{}", self.open)
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, Text};
    use crate::frontend::theme::Role;

    #[test]
    fn a_line_feed_ends_a_line_and_keeps_the_role() {
        let mut text = Text::new();
        text.plain("a");
        text.push(Role::VarName, "b\nc");
        let lines = text.into_lines();
        let mut first = Line::plain("a");
        first.push(Role::VarName, "b");
        assert_eq!(lines, [first, Line::of(Role::VarName, "c")]);
    }
}
