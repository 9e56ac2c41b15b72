//! Writing lines to the terminal: colours if it shows them, plain text if not.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use crate::frontend::text::Line;
use crate::frontend::theme::Role;

/// Standard output, with lines gathered until the next prompt or pause.
pub struct Printer {
    out: BufWriter<Stdout>,
    in_colour: bool,
    /// A line of progress stands on the screen, without an end.
    progress_open: bool,
}

impl Printer {
    pub fn new() -> Printer {
        let is_wanted = std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
        let is_dumb = std::env::var_os("TERM").is_none_or(|it| it == "dumb");
        Printer {
            in_colour: is_wanted && !is_dumb && io::stdout().is_terminal(),
            out: BufWriter::new(io::stdout()),
            progress_open: false,
        }
    }

    /// Writes a line. A closed pipe is noticed by the next read, not here.
    pub fn line(&mut self, line: &Line) {
        self.end_progress();
        let text = self.render(line);
        let _broken_pipe = writeln!(self.out, "{text}");
    }

    /// Writes a line over the one of progress before it.
    pub fn progress(&mut self, line: &Line) {
        let text = self.render(line);
        let _broken_pipe = write!(self.out, "\r{text}");
        self.progress_open = true;
        self.flush();
    }

    fn end_progress(&mut self) {
        if std::mem::take(&mut self.progress_open) {
            let _broken_pipe = writeln!(self.out);
        }
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        let _broken_pipe = self.out.write_all(bytes);
    }

    /// Writes to standard error, after all that was written before.
    pub fn error(&mut self, text: &str) {
        self.end_progress();
        self.flush();
        eprintln!("{text}");
    }

    /// Puts on the screen all that was written.
    pub fn flush(&mut self) {
        let _broken_pipe = self.out.flush();
    }

    fn render(&self, line: &Line) -> String {
        if !self.in_colour {
            return line.to_string();
        }
        let paint = |role, text: &str| match colour(role) {
            Some(code) => format!("\x1b[{code}m{text}\x1b[0m"),
            None => text.to_owned(),
        };
        line.spans.iter().map(|span| paint(span.role, &span.text)).collect()
    }
}

impl Default for Printer {
    fn default() -> Printer {
        Printer::new()
    }
}

/// The terminal's own colours, so that they fit whatever the user has chosen.
fn colour(role: Role) -> Option<&'static str> {
    Some(match role {
        Role::Strong | Role::Key => "1",
        Role::Dim | Role::VarMeta | Role::LineNumber => "2",
        Role::GutterPc | Role::LineNumberCurrent => "1;33",
        Role::GutterBreakpoint | Role::Error | Role::VarUnreadable => "31",
        Role::Warning => "33",
        Role::FunctionUser | Role::VarName => "1",
        Role::StackLocation | Role::GoroutineLabel => "36",
        Role::VarString => "32",
        _ => return None,
    })
}
