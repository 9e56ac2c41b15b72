//! The panes of variables and of watches: a tree each.

use ratatui::layout::Rect;

use crate::frontend::theme::Role;
use crate::tui::pane::Pane;
use crate::tui::state::variables::Tree;
use crate::tui::state::{Run, State};
use crate::tui::text;
use crate::tui::tree::{Change, Row, RowKind};
use crate::tui::view::canvas::{Canvas, selection};
use crate::tui::view::note;

pub fn view(
    state: &State,
    canvas: &mut Canvas<'_>,
    area: Rect,
    has_focus: bool,
    of_watch: bool,
) {
    let tree = if of_watch { &state.watches.tree } else { &state.variables.tree };
    if let Some((text, role)) = instead(state, of_watch, tree) {
        return note(canvas, area, &text, role);
    }
    let names = name_width(tree, area);
    for row in 0..area.height {
        let index = tree.at.top + usize::from(row);
        let Some(it) = tree.rows.get(index) else { break };
        let y = area.y + row;
        if index == tree.at.cursor {
            canvas.row(area, y, selection(has_focus));
        }
        self::row(canvas, Rect { y, height: 1, ..area }, it, names);
    }
}

/// What is said where there are no rows.
fn instead(state: &State, of_watch: bool, tree: &Tree) -> Option<(String, Role)> {
    if of_watch {
        if state.watches.exprs.is_empty() {
            let text = "w pins what is under the cursor, a adds an expression";
            return Some((text.to_owned(), Role::Dim));
        }
        if let Some(why) = state.watches.values.error() {
            return Some((format!("{why} (r asks again)"), Role::Error));
        }
        if tree.rows.is_empty() {
            let text = state.watches.exprs.join("  ");
            return Some((text::clean(&text).into_owned(), Role::Dim));
        }
        return None;
    }
    if let Some(why) = state.variables.frame.error() {
        return Some((format!("{why} (r asks again)"), Role::Error));
    }
    if !tree.rows.is_empty() {
        return None;
    }
    let text = match (state.variables.frame.value(), &state.run) {
        (Some(_), _) if !state.variables.filter.is_empty() => {
            "none matches the filter (Esc clears it)"
        }
        (Some(_), _) => "this frame has no variables here",
        (None, Run::Stopped) => "reading the variables...",
        (None, Run::Starting(_)) => "waiting for the program...",
        (None, _) => "variables are read when the program is stopped",
    };
    Some((text.to_owned(), Role::Dim))
}

/// How wide the column of names is: as wide as those that are seen, up to a part of it.
fn name_width(tree: &Tree, area: Rect) -> usize {
    let seen = tree.rows.iter().skip(tree.at.top).take(usize::from(area.height));
    let values = seen.filter(|it| it.is_value());
    let widest = values.map(|it| it.depth * 2 + text::width(&it.name)).max().unwrap_or(0);
    widest.min(usize::from(area.width) * 2 / 5)
}

/// Cells before a row's name: indentation and the mark that opens it.
pub fn marker_width(state: &State, pane: Pane, index: usize) -> u16 {
    let tree = match pane {
        Pane::Watches => &state.watches.tree,
        _ => &state.variables.tree,
    };
    tree.rows.get(index).map_or(0, |it| it.depth as u16 * 2 + 4)
}

fn row(canvas: &mut Canvas<'_>, area: Rect, it: &Row, names: usize) {
    let room = |x: u16| area.right().saturating_sub(x);
    let (mark, mark_role) = match it.change {
        Change::None => (" ", Role::Text),
        Change::New => ("+", Role::VarNew),
        Change::Was(_) => ("~", Role::VarChanged),
    };
    canvas.put(area.x, area.y, 1, mark, mark_role);
    let mut x = area.x + 2 + (it.depth as u16 * 2).min(area.width / 2);
    if let Some(is_open) = it.is_open {
        let glyph = if is_open { canvas.glyphs.open } else { canvas.glyphs.closed };
        canvas.put(x, area.y, 1, glyph, Role::VarMeta);
    }
    x += 2;
    match &it.kind {
        RowKind::Section => {
            let text = format!("{} ({})", it.name, it.value);
            canvas.put(x, area.y, room(x), &text, Role::Dim);
        }
        RowKind::More { .. } => {
            let text = format!("{} (Enter loads them)", it.name);
            canvas.put(x, area.y, room(x), &text, Role::VarMeta);
        }
        RowKind::Note { is_error } => {
            let role = if *is_error { Role::VarUnreadable } else { Role::Dim };
            canvas.put(x, area.y, room(x), &it.name, role);
        }
        RowKind::Value => value(canvas, area, x, it, names),
    }
}

fn value(canvas: &mut Canvas<'_>, area: Rect, x: u16, it: &Row, names: usize) {
    let room = |x: u16| area.right().saturating_sub(x);
    let for_name = (names.saturating_sub(it.depth * 2)).max(3) as u16;
    let name = text::clean(&it.name);
    let end = canvas.put(x, area.y, for_name.min(room(x)), &name, Role::VarName);
    let mut x = end.max(x + for_name) + 1;
    // The value comes first: types are what one looks at when there is room.
    let was = match &it.change {
        Change::Was(old) => Some(old.as_str()),
        Change::None | Change::New => None,
    };
    let role = if was.is_some() { Role::VarChanged } else { it.role };
    let type_width = text::width(&it.type_name);
    let width = usize::from(room(x));
    let for_type = if width >= 40 { type_width.min(width / 3) } else { 0 };
    let for_value = width.saturating_sub(if for_type > 0 { for_type + 2 } else { 0 });
    x = canvas.put(x, area.y, for_value as u16, &it.value, role) + 2;
    if let Some(old) = was
        && usize::from(room(x)) > for_type + 8
    {
        let text = format!(
            "{} {}",
            canvas.glyphs.was,
            text::fit(old, 24, canvas.glyphs.ellipsis)
        );
        let cells = room(x) - for_type as u16 - 2;
        x = canvas.put(x, area.y, cells, &text, Role::VarMeta) + 2;
    }
    if !it.remark.is_empty() && usize::from(room(x)) > for_type + it.remark.len() + 3 {
        canvas.put(x, area.y, room(x), &format!("({})", it.remark), Role::VarMeta);
    }
    if for_type > 0 {
        canvas.put_right(
            area.right(),
            area.y,
            for_type as u16,
            &it.type_name,
            Role::VarType,
        );
    }
}
