//! The frame: reads the state, writes cells, and does nothing else.

pub mod breakpoints;
pub mod canvas;
pub mod code;
pub mod console;
pub mod frame;
pub mod goroutines;
pub mod help;
pub mod overlay;
pub mod source;
pub mod stack;
pub mod status;
pub mod variables;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

use crate::frontend::theme::{Role, Theme};
use crate::tui::layout::Slot;
use crate::tui::pane::Pane;
use crate::tui::state::State;
use crate::tui::state::code::Face;
use crate::tui::view::canvas::Canvas;

/// Draws everything. Returns where the cursor is, if there is one to see.
pub fn view(state: &State, theme: &Theme, buffer: &mut Buffer) -> Option<Position> {
    let areas = state.areas();
    let mut canvas = Canvas::new(buffer, theme, state.settings.ascii);
    canvas.fill(areas.screen, Role::Background);
    status::view(state, &mut canvas, areas.status);
    for slot in &areas.slots {
        pane(state, &mut canvas, slot);
    }
    let mut cursor = status::bottom(state, &mut canvas, &areas);
    for (depth, it) in state.overlays.iter().enumerate() {
        let is_top = depth + 1 == state.overlays.len();
        let position = overlay::view(state, &mut canvas, it);
        if is_top {
            cursor = position;
        }
    }
    if state.overlays.is_empty() {
        status::which_key(state, &mut canvas, &areas);
    }
    cursor.filter(|it| areas.screen.contains(*it))
}

fn pane(state: &State, canvas: &mut Canvas<'_>, slot: &Slot) {
    let has_focus = state.focus() == slot.front && state.overlays.is_empty();
    frame::view(state, canvas, slot, has_focus);
    let inner = slot.inner();
    if inner.is_empty() {
        return;
    }
    match slot.front {
        Pane::Source => source::view(state, canvas, inner, has_focus),
        Pane::Goroutines => goroutines::view(state, canvas, inner, has_focus),
        Pane::Variables => variables::view(state, canvas, inner, has_focus, false),
        Pane::Stack => match state.code.face {
            Face::Frames => stack::view(state, canvas, inner, has_focus),
            Face::Instructions => code::instructions(state, canvas, inner, has_focus),
            Face::Registers => code::registers(state, canvas, inner, has_focus),
        },
        Pane::Breakpoints => breakpoints::view(state, canvas, inner, has_focus),
        Pane::Watches => variables::view(state, canvas, inner, has_focus, true),
        Pane::Console => console::view(state, canvas, inner),
    }
    // What is of an earlier stop is dimmed as a whole, so that it is never taken for now.
    let is_of_stop =
        !matches!(slot.front, Pane::Source | Pane::Console | Pane::Breakpoints);
    if is_of_stop && state.looks_stale() && state.stop.0 > 0 {
        canvas.style(inner, Role::Stale);
    }
    // Source stays true while the program runs; that execution is elsewhere is shown by
    // less light, unless the user is reading.
    if slot.front == Pane::Source && state.looks_running() && !state.source.browsing {
        let dim = Style::new().add_modifier(Modifier::DIM);
        canvas.buffer.set_style(inner, dim);
    }
}

/// What a pane without contents says instead.
pub fn note(canvas: &mut Canvas<'_>, area: Rect, text: &str, role: Role) {
    let indent = u16::from(area.width > 2);
    let width = usize::from(area.width.saturating_sub(indent));
    let mut y = area.y;
    let mut rest = text;
    while !rest.is_empty() && y < area.bottom() && width > 0 {
        let (line, after) = wrap(rest, width);
        canvas.put(area.x + indent, y, area.width - indent, line, role);
        rest = after;
        y += 1;
    }
}

/// The words of a text that fit into a line, and the rest.
fn wrap(text: &str, width: usize) -> (&str, &str) {
    if crate::tui::text::width(text) <= width {
        return (text, "");
    }
    let mut used = 0;
    let mut space = None;
    for (at, c) in text.char_indices() {
        if c == ' ' {
            space = Some(at);
        }
        used += crate::tui::text::char_width(c);
        if used > width {
            let at = space.unwrap_or(at.max(c.len_utf8()));
            return (&text[..at], text[at..].trim_start());
        }
    }
    (text, "")
}
