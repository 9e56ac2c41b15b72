//! The help: the table of actions, as it is.

use ratatui::layout::{Position, Rect};

use crate::frontend::theme::Role;
use crate::tui::action::{ACTIONS, Group};
use crate::tui::state::State;
use crate::tui::state::overlay::{Help, Overlay};
use crate::tui::text;
use crate::tui::update::keys;
use crate::tui::view::canvas::Canvas;
use crate::tui::view::{frame, status, wrap};

/// A line of the help.
pub enum HelpLine {
    Title(&'static str),
    Action {
        keys: String,
        summary: &'static str,
        is_enabled: bool,
    },
    /// The sentence of the action above goes on.
    More {
        summary: &'static str,
        is_enabled: bool,
    },
}

/// The widest that the help is.
pub const WIDTH_MAX: u16 = 100;

/// Columns for keys, and for sentences. On a narrow screen the first key has to do.
fn columns(width: u16) -> (u16, u16) {
    let keys = if width < 70 { 9 } else { 20 };
    (keys, width.saturating_sub(keys + 5))
}

/// The lines that match what was typed.
pub fn lines(state: &State) -> Vec<HelpLine> {
    let filter = match state.overlays.last() {
        Some(Overlay::Help(help)) => help.filter.text.trim(),
        _ => "",
    };
    let width = usize::from(columns(state.width.min(WIDTH_MAX)).1);
    let mut lines = Vec::new();
    for group in Group::ALL {
        let title = lines.len();
        for it in ACTIONS.iter().filter(|it| it.group == group) {
            let keys: Vec<_> = it.keys.iter().map(|it| it.replace(' ', "")).collect();
            let is_key = it.keys.iter().any(|it| it.replace(' ', "") == filter);
            let matches = filter.is_empty()
                || is_key
                || text::contains(it.name, filter)
                || text::contains(it.summary, filter);
            if matches {
                let is_enabled = keys::disabled(state, it.action).is_none();
                let (summary, mut rest) = wrap(it.summary, width);
                let keys = keys.join(", ");
                lines.push(HelpLine::Action { keys, summary, is_enabled });
                while !rest.is_empty() && width > 0 {
                    let (summary, after) = wrap(rest, width);
                    lines.push(HelpLine::More { summary, is_enabled });
                    rest = after;
                }
            }
        }
        if lines.len() > title {
            lines.insert(title, HelpLine::Title(group.title()));
        }
    }
    lines
}

pub fn view(state: &State, canvas: &mut Canvas<'_>, area: Rect, help: &Help) -> Position {
    canvas.fill(area, Role::Overlay);
    frame::border(canvas, area, true, Role::OverlayBorder);
    canvas.put(area.x + 2, area.y, area.width.saturating_sub(4), " Keys ", Role::Key);
    let x = canvas.put(area.x + 2, area.y + 1, 20, "type to filter: ", Role::Dim);
    let line =
        Rect { x, y: area.y + 1, width: area.right().saturating_sub(x + 2), height: 1 };
    let cursor = status::edit_line(canvas, line, &help.filter);
    let lines = lines(state);
    let (key_width, text_width) = columns(area.width);
    let is_narrow = key_width < 20;
    let text_x = area.x + (key_width + 4).min(area.width);
    let height = area.height.saturating_sub(4);
    for row in 0..height {
        let Some(line) = lines.get(help.top + usize::from(row)) else { break };
        let y = area.y + 2 + row;
        match line {
            HelpLine::Title(title) => {
                canvas.put(
                    area.x + 2,
                    y,
                    area.width.saturating_sub(4),
                    title,
                    Role::TitleFocused,
                );
            }
            HelpLine::Action { keys, summary, is_enabled } => {
                let key = if *is_enabled { Role::Key } else { Role::KeyDisabled };
                let role = if *is_enabled { Role::Overlay } else { Role::KeyDisabled };
                let shown = match is_narrow {
                    true => keys.split(", ").next().unwrap_or(keys),
                    false => keys,
                };
                canvas.put(area.x + 3, y, key_width, shown, key);
                canvas.put(text_x, y, text_width, summary, role);
            }
            HelpLine::More { summary, is_enabled } => {
                let role = if *is_enabled { Role::Overlay } else { Role::KeyDisabled };
                canvas.put(text_x, y, text_width, summary, role);
            }
        }
    }
    let more = lines.len().saturating_sub(help.top + usize::from(height));
    let footer = if more > 0 {
        format!(" {more} more: PageDown, arrows; Esc closes ")
    } else {
        " Esc closes ".to_owned()
    };
    canvas.put(
        area.x + 2,
        area.bottom() - 1,
        area.width.saturating_sub(4),
        &footer,
        Role::Dim,
    );
    cursor
}
