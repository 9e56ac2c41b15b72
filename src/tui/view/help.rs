//! The help: the table of actions, as it is.

use ratatui::layout::{Position, Rect};

use crate::frontend::theme::Role;
use crate::tui::action::{ACTIONS, Group};
use crate::tui::state::State;
use crate::tui::state::overlay::{Help, Overlay};
use crate::tui::text;
use crate::tui::update::keys;
use crate::tui::view::canvas::Canvas;
use crate::tui::view::{frame, status};

/// A line of the help.
pub enum HelpLine {
    Title(&'static str),
    Action { keys: String, summary: &'static str, is_enabled: bool },
}

/// The lines that match what was typed.
pub fn lines(state: &State) -> Vec<HelpLine> {
    let filter = match state.overlays.last() {
        Some(Overlay::Help(help)) => help.filter.text.trim(),
        _ => "",
    };
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
                lines.push(HelpLine::Action {
                    keys: keys.join(", "),
                    summary: it.summary,
                    is_enabled: keys::disabled(state, it.action).is_none(),
                });
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
    // On a narrow screen the first key has to do, so that the sentence can be read.
    let is_narrow = area.width < 70;
    let key_width = if is_narrow { 9 } else { 20 };
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
                let x = area.x + (key_width + 4).min(area.width);
                canvas.put(x, y, area.right().saturating_sub(x + 1), summary, role);
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
