//! The mouse: clicks choose, double clicks open, the wheel scrolls, the gutter breaks,
//! borders are dragged.

use ratatui::layout::{Position, Rect};

use crate::tui::pane::Pane;
use crate::tui::state::State;
use crate::tui::state::msg::{Effect, Mouse};
use crate::tui::state::overlay::Overlay;
use crate::tui::update::{breakpoints, keys, lists, palette};
use crate::tui::view;

/// Two clicks on one cell within this time are one double click.
const DOUBLE_CLICK_MS: u64 = 400;
/// Rows that one notch of the wheel scrolls.
const WHEEL_ROWS: isize = 3;

pub fn on_mouse(state: &mut State, mouse: Mouse, out: &mut Vec<Effect>) {
    if state.leaving {
        return;
    }
    match mouse {
        Mouse::Press(x, y) => press(state, x, y, out),
        Mouse::Wheel(x, y, rows) => wheel(state, x, y, rows, out),
        Mouse::Drag(x, y) => drag(state, x, y),
        Mouse::Release(..) => state.dragged = None,
    }
}

/// Moves the border that was pressed to where the mouse is.
fn drag(state: &mut State, x: u16, y: u16) {
    let Some(nth) = state.dragged else { return };
    let areas = state.areas();
    let Some(divider) = areas.dividers.get(nth) else { return };
    let at = if divider.is_column { x } else { y };
    state.screen.dragged[areas.class as usize][nth] = divider.dragged_to(at);
}

fn press(state: &mut State, x: u16, y: u16, out: &mut Vec<Effect>) {
    let is_double = state.last_click.is_some_and(|(at, last_x, last_y)| {
        (last_x, last_y) == (x, y) && state.now_ms.saturating_sub(at) <= DOUBLE_CLICK_MS
    });
    state.last_click = (!is_double).then_some((state.now_ms, x, y));
    if !state.overlays.is_empty() {
        return press_overlay(state, x, y, out);
    }
    state.prompt = None;
    let areas = state.areas();
    let at = Position { x, y };
    state.dragged = areas.dividers.iter().find(|it| it.is_hit(x, y)).map(|it| it.nth);
    let Some(slot) = areas.slots.iter().find(|it| it.area.contains(at)).cloned() else {
        return;
    };
    if y == slot.area.y && slot.panes.len() > 1 {
        // The title: its tabs.
        if let Some(pane) = view::frame::tab_at(state, &slot, x) {
            state.screen.set_focus(pane);
        }
        return;
    }
    let turns = matches!(slot.front, Pane::Goroutines | Pane::Stack);
    if turns && y == slot.area.y && state.focus() == slot.front {
        return keys::focus(state, slot.front);
    }
    state.screen.set_focus(slot.front);
    let inner = slot.inner();
    if !inner.contains(at) {
        return;
    }
    let row = usize::from(y - inner.y);
    match slot.front {
        Pane::Source => press_source(state, inner, x, row, is_double, out),
        Pane::Console => {
            if is_double {
                lists::enter(state, out);
            }
        }
        pane => {
            let len = lists::len(state, pane);
            let Some(at) = lists::position(state, pane).map(|it| *it) else { return };
            let index = at.top + row;
            if index >= len {
                return;
            }
            let is_marker = at.cursor == index
                && matches!(pane, Pane::Variables | Pane::Watches)
                && x < inner.x + view::variables::marker_width(state, pane, index);
            if let Some(position) = lists::position(state, pane) {
                position.cursor = index;
            }
            if is_double || is_marker {
                lists::enter(state, out);
            }
        }
    }
}

fn press_source(
    state: &mut State,
    inner: Rect,
    x: u16,
    row: usize,
    is_double: bool,
    out: &mut Vec<Effect>,
) {
    let Some(len) = crate::tui::update::source::text(state).map(|it| it.len()) else {
        return;
    };
    let line = state.source.top + row;
    if line >= len {
        return;
    }
    state.source.cursor = line;
    state.source.holds_still = true;
    if x < inner.x + view::source::gutter_width(len) {
        if keys::disabled(state, crate::tui::action::Action::ToggleBreakpoint).is_none() {
            breakpoints::toggle(state, out);
        }
    } else if is_double {
        lists::enter(state, out);
    }
}

fn press_overlay(state: &mut State, x: u16, y: u16, out: &mut Vec<Effect>) {
    let at = Position { x, y };
    match state.overlays.last() {
        Some(Overlay::Palette(it)) => {
            let area = view::overlay::palette_area(state);
            let list_top = area.y + 3;
            if !area.contains(at) {
                if it.kind != crate::tui::state::overlay::PaletteKind::Processes {
                    state.overlays.pop();
                }
            } else if y >= list_top && y + 2 < area.bottom() {
                palette::on_click(state, usize::from(y - list_top), out);
            }
        }
        Some(Overlay::Help(_) | Overlay::Text(_)) => {
            state.overlays.pop();
        }
        Some(Overlay::Quit(_) | Overlay::Themes(_) | Overlay::Form(_)) | None => {}
    }
}

fn wheel(state: &mut State, x: u16, y: u16, rows: i16, out: &mut Vec<Effect>) {
    let rows = isize::from(rows) * WHEEL_ROWS;
    let screen = usize::from(state.height);
    let page = palette::rows(state);
    let help_lines = view::help::lines(state).len();
    match state.overlays.last_mut() {
        Some(Overlay::Palette(it)) => {
            let len = it.found.len();
            it.at.scroll_by(rows, len, page);
        }
        Some(Overlay::Help(it)) => {
            let highest = help_lines.saturating_sub(screen.saturating_sub(6));
            it.top = it.top.saturating_add_signed(rows).min(highest);
        }
        Some(Overlay::Text(it)) => {
            let highest = it.lines.len().saturating_sub(screen.saturating_sub(6));
            it.top = it.top.saturating_add_signed(rows).min(highest);
        }
        Some(Overlay::Quit(_) | Overlay::Themes(_) | Overlay::Form(_)) => {}
        None => {
            let areas = state.areas();
            let at = Position { x, y };
            let slot = areas.slots.iter().find(|it| it.area.contains(at));
            if let Some(pane) = slot.map(|it| it.front) {
                lists::scroll(state, pane, rows);
                if pane == Pane::Goroutines {
                    crate::tui::update::goroutines::on_cursor(state, out);
                }
            }
        }
    }
}
