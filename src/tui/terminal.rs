//! The terminal: raw mode and the other screen, given back whatever happens.

use std::io::{self, IsTerminal, Write};
use std::panic;

use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::style::{Attribute, SetAttribute};
use crossterm::terminal::{
    self, BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen,
};
use crossterm::{cursor, queue};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::tui::paint::Painter;

/// Characters that are copied at most: terminals refuse more.
const COPY_LEN_MAX: usize = 100_000;

/// What is on the screen, and what is about to be.
pub struct Screen {
    shown: Buffer,
    next: Buffer,
    cursor: Option<Position>,
    painter: Painter,
    mouse: bool,
    /// Everything must be written: the terminal's contents are unknown.
    is_unknown: bool,
}

impl Screen {
    /// Takes the terminal over.
    pub fn enter() -> io::Result<Screen> {
        // Before anything is written: what is no terminal shall not get our sequences.
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(io::Error::other("standard input or output is something else"));
        }
        let (width, height) = terminal::size()?;
        let area = Rect::new(0, 0, width, height);
        let mut screen = Screen {
            shown: Buffer::empty(area),
            next: Buffer::empty(area),
            cursor: None,
            painter: Painter::default(),
            mouse: true,
            is_unknown: true,
        };
        restore_on_panic();
        screen.resume()?;
        Ok(screen)
    }

    pub fn size(&self) -> (u16, u16) {
        (self.next.area.width, self.next.area.height)
    }

    /// Takes the terminal again after it was given away.
    pub fn resume(&mut self) -> io::Result<()> {
        terminal::enable_raw_mode()?;
        let mut bytes = Vec::new();
        queue!(bytes, EnterAlternateScreen, cursor::Hide, EnableBracketedPaste)?;
        if self.mouse {
            queue!(bytes, EnableMouseCapture)?;
        }
        self.is_unknown = true;
        self.cursor = None;
        write(&bytes)
    }

    /// Gives the terminal back.
    pub fn leave(&mut self) -> io::Result<()> {
        restore()
    }

    pub fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        let mut bytes = Vec::new();
        if on {
            queue!(bytes, EnableMouseCapture)?;
        } else {
            queue!(bytes, DisableMouseCapture)?;
        }
        write(&bytes)
    }

    pub fn forget(&mut self) {
        self.is_unknown = true;
    }

    /// The size that the terminal has now.
    pub fn measure() -> io::Result<(u16, u16)> {
        terminal::size()
    }

    /// Draws a frame, and writes what differs from what is shown, in one go.
    pub fn draw(
        &mut self,
        size: (u16, u16),
        view: impl FnOnce(&mut Buffer) -> Option<Position>,
    ) -> io::Result<()> {
        let area = Rect::new(0, 0, size.0, size.1);
        if self.next.area != area {
            self.shown = Buffer::empty(area);
            self.next = Buffer::empty(area);
            self.is_unknown = true;
        }
        let cursor = view(&mut self.next);
        let mut bytes = Vec::new();
        if self.is_unknown {
            // The last line has the ground of the theme: nothing flashes.
            let last = Position { x: 0, y: area.height.saturating_sub(1) };
            self.painter.forget();
            if let Some(cell) = self.next.cell(last) {
                self.painter.erase(&mut bytes, cell);
            }
            self.shown.reset();
            self.is_unknown = false;
        }
        let changes = self.shown.diff(&self.next);
        if !changes.is_empty() {
            if self.cursor.is_some() {
                queue!(bytes, cursor::Hide)?;
            }
            self.painter.paint(&mut bytes, &changes, area.width);
            self.place_cursor(&mut bytes, cursor)?;
        } else if cursor != self.cursor {
            self.place_cursor(&mut bytes, cursor)?;
        }
        self.cursor = cursor;
        std::mem::swap(&mut self.shown, &mut self.next);
        if bytes.is_empty() {
            return Ok(());
        }
        // A clock's few cells need no brackets around them.
        const SMALL: usize = 160;
        if bytes.len() <= SMALL {
            return write(&bytes);
        }
        let mut framed = Vec::with_capacity(bytes.len() + 24);
        queue!(framed, BeginSynchronizedUpdate)?;
        framed.extend_from_slice(&bytes);
        queue!(framed, EndSynchronizedUpdate)?;
        write(&framed)
    }

    fn place_cursor(
        &mut self,
        bytes: &mut Vec<u8>,
        cursor: Option<Position>,
    ) -> io::Result<()> {
        if cursor.is_some() {
            self.painter.moved();
        }
        match cursor {
            Some(at) => queue!(bytes, cursor::MoveTo(at.x, at.y), cursor::Show),
            None if self.cursor.is_some() => queue!(bytes, cursor::Hide),
            None => Ok(()),
        }
    }

    /// Hands a text to the terminal's clipboard (OSC 52).
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        let end = text.char_indices().map(|(at, c)| at + c.len_utf8());
        let end = end.take_while(|it| *it <= COPY_LEN_MAX).last().unwrap_or(0);
        let content = text[..end].to_owned();
        let mut bytes = Vec::new();
        let copy = crossterm::clipboard::CopyToClipboard::to_clipboard_from(content);
        queue!(bytes, copy)?;
        write(&bytes)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        drop(restore());
    }
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Gives the terminal back as it was. May be called more than once, and from any thread.
pub fn restore() -> io::Result<()> {
    let mut bytes = Vec::new();
    queue!(
        bytes,
        SetAttribute(Attribute::Reset),
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    )?;
    let written = write(&bytes);
    terminal::disable_raw_mode()?;
    written
}

/// A panic, on any thread, is shown on a terminal that can show it.
fn restore_on_panic() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let name = std::thread::current().name().map(str::to_owned);
        // Elsewhere a panic ends one job or one thread, whose absence is noticed; its text
        // would only be written over the screen.
        if name.as_deref() == Some("main") {
            drop(restore());
            before(info);
        }
    }));
}
