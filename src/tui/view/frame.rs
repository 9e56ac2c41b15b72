//! The frames around panes: borders, titles, tabs, scrollbars.

use ratatui::layout::Rect;

use crate::frontend::theme::Role;
use crate::tui::layout::Slot;
use crate::tui::pane::Pane;
use crate::tui::state::State;
use crate::tui::state::code::Face;
use crate::tui::state::lists::ListPosition;
use crate::tui::text;
use crate::tui::update::{lists, slow};
use crate::tui::view::canvas::Canvas;

pub fn view(state: &State, canvas: &mut Canvas<'_>, slot: &Slot, has_focus: bool) {
    let area = slot.area;
    if area.is_empty() {
        return;
    }
    if slot.bordered {
        border(
            canvas,
            area,
            has_focus,
            if has_focus { Role::BorderFocused } else { Role::Border },
        );
    } else if slot.inner() == area {
        return;
    } else {
        let rule = canvas.glyphs.border[0];
        let role = if has_focus { Role::BorderFocused } else { Role::Border };
        for x in area.left()..area.right() {
            canvas.put(x, area.y, 1, rule, role);
        }
    }
    let end = titles(state, canvas, slot, has_focus);
    let right = area.right().saturating_sub(2);
    if right > end + 1 {
        let about = about(state, slot.front);
        if !about.is_empty() {
            let room = right - end - 1;
            let about = match slot.front {
                Pane::Source => text::fit_end(
                    &about,
                    usize::from(room.saturating_sub(2)),
                    canvas.glyphs.ellipsis,
                ),
                _ => text::fit(
                    &about,
                    usize::from(room.saturating_sub(2)),
                    canvas.glyphs.ellipsis,
                ),
            };
            let role = if has_focus { Role::TitleFocused } else { Role::Title };
            canvas.put_right(right, area.y, room, &format!(" {about} "), role);
        }
    }
    if slot.bordered {
        footer(state, canvas, slot);
        scrollbar(state, canvas, slot);
    }
}

pub fn border(canvas: &mut Canvas<'_>, area: Rect, thick: bool, role: Role) {
    if area.width < 2 || area.height < 2 {
        return;
    }
    let [across, down, a, b, c, d] =
        if thick { canvas.glyphs.border_focused } else { canvas.glyphs.border };
    let (right, bottom) = (area.right() - 1, area.bottom() - 1);
    let style = canvas.theme.style(role);
    for x in area.x + 1..right {
        for y in [area.y, bottom] {
            canvas.buffer[(x, y)].set_symbol(across).set_style(style);
        }
    }
    for y in area.y + 1..bottom {
        for x in [area.x, right] {
            canvas.buffer[(x, y)].set_symbol(down).set_style(style);
        }
    }
    let corners = [
        (area.x, area.y, a),
        (right, area.y, b),
        (right, bottom, c),
        (area.x, bottom, d),
    ];
    for (x, y, corner) in corners {
        canvas.buffer[(x, y)].set_symbol(corner).set_style(style);
    }
}

/// The titles of a slot, and where each is.
fn tabs(state: &State, slot: &Slot) -> Vec<(Pane, String, u16)> {
    let room = slot.area.width.saturating_sub(4);
    let mut x = slot.area.x + u16::from(slot.bordered) + 1;
    let long: usize = slot.panes.iter().map(|it| it.title().len() + 5).sum();
    let is_long = slot.panes.len() == 1 || long < usize::from(room) * 2 / 3;
    let mut tabs = Vec::with_capacity(slot.panes.len());
    for pane in slot.panes {
        let [long, short] = match pane {
            Pane::Console if state.console.shows_output => ["Output", "Out"],
            Pane::Goroutines if state.goroutines.shows_threads => ["Threads", "Thr"],
            Pane::Stack => match state.code.face {
                Face::Frames => ["Stack", "Stack"],
                Face::Instructions => ["Instructions", "Instr"],
                Face::Registers => ["Registers", "Regs"],
            },
            pane => [pane.title(), pane.short_title()],
        };
        let name = if is_long { long } else { short };
        // What the program wrote waits to be seen.
        let is_new = *pane == Pane::Console
            && state.console.has_unseen
            && !state.console.shows_output;
        let mark = match (is_new, is_long) {
            (true, true) => " +output",
            (true, false) => "+out",
            (false, _) => "",
        };
        let text = format!(" {} {name}{mark} ", pane.number());
        let width = text.len() as u16;
        tabs.push((*pane, text, x));
        x += width;
    }
    tabs
}

/// The pane whose title is at a column.
pub fn tab_at(state: &State, slot: &Slot, x: u16) -> Option<Pane> {
    let hit = |(_, text, start): &&(Pane, String, u16)| {
        (*start..*start + text.len() as u16).contains(&x)
    };
    tabs(state, slot).iter().find(hit).map(|it| it.0)
}

fn titles(state: &State, canvas: &mut Canvas<'_>, slot: &Slot, has_focus: bool) -> u16 {
    let right = slot.area.right().saturating_sub(1);
    let mut end = slot.area.x;
    let is_alone = slot.panes.len() == 1;
    for (pane, title, x) in tabs(state, slot) {
        let role = match (pane == slot.front, has_focus) {
            (true, true) => Role::TitleFocused,
            (true, false) if is_alone => Role::Title,
            (true, false) => Role::TabActive,
            (false, _) => Role::Tab,
        };
        end = canvas.put(x, slot.area.y, right.saturating_sub(x), &title, role);
    }
    end
}

/// What the title says beside the name.
fn about(state: &State, pane: Pane) -> String {
    let mut about = match pane {
        Pane::Source => {
            let path = state.source.path.as_deref().unwrap_or_default();
            let path = text::clean(path);
            return match state.looks_running()
                && state.stop.0 > 0
                && !state.source.browsing
            {
                true => format!("{path}, as of stop {}", state.stop.0),
                false => path.into_owned(),
            };
        }
        Pane::Goroutines if state.goroutines.shows_threads => String::new(),
        Pane::Goroutines if state.goroutines.total == 0 => String::new(),
        Pane::Goroutines => {
            let it = &state.goroutines;
            let how = if it.grouped { "by stack" } else { "one by one" };
            format!("{} {how}", text::thousands(it.total))
        }
        Pane::Variables => {
            let it = &state.variables;
            let function = state.frame().and_then(|it| it.function.as_ref());
            let name = match it.frame.key().filter(|_| it.frame.is_waiting()) {
                // Those of before are there until they have come.
                Some(_) => it.function.1.as_str(),
                None => function.map_or("", |it| it.name.as_str()),
            };
            let name = text::short_function(name);
            match state.scope.frame {
                0 => text::clean(name).into_owned(),
                frame => format!("{} frame {frame}", text::clean(name)),
            }
        }
        Pane::Stack if state.code.face != Face::Frames => {
            let frame = state.frame().and_then(|it| it.function.as_ref());
            let name = frame.map_or("", |it| text::short_function(&it.name));
            text::clean(name).into_owned()
        }
        Pane::Stack if state.scope.goroutine > 0 => format!("g{}", state.scope.goroutine),
        Pane::Breakpoints if state.breakpoints.muted.is_some() => "MUTED".to_owned(),
        Pane::Console if state.console.shows_output => {
            "what the program writes".to_owned()
        }
        Pane::Stack | Pane::Breakpoints | Pane::Watches | Pane::Console => String::new(),
    };
    let is_of_stop =
        matches!(pane, Pane::Goroutines | Pane::Variables | Pane::Stack | Pane::Watches);
    if is_of_stop && state.looks_stale() && state.stop.0 > 0 {
        if !about.is_empty() {
            about.push_str(", ");
        }
        about.push_str(&format!("as of stop {}", state.stop.0));
    } else if let Some(waited) = slow::of_pane(state, pane) {
        let waited = match waited {
            0..slow::SLOW_MS => String::new(),
            _ => format!(" {}, Esc gives up", text::clock(waited)),
        };
        about.push_str(&format!("  waiting...{waited}"));
    }
    about
}

/// The lower border: a filter, or where one is.
fn footer(state: &State, canvas: &mut Canvas<'_>, slot: &Slot) {
    let area = slot.area;
    let y = area.bottom().saturating_sub(1);
    let room = area.width.saturating_sub(4);
    let filter = match slot.front {
        Pane::Goroutines => &state.goroutines.filter,
        Pane::Variables => &state.variables.filter,
        Pane::Breakpoints => &state.breakpoints.filter,
        Pane::Watches => &state.watches.filter,
        Pane::Source => &state.source.search,
        Pane::Stack | Pane::Console => "",
    };
    let mut x = area.x + 2;
    if !filter.is_empty() && room > 4 {
        let text = format!(" /{} ", text::clean(filter));
        x = canvas.put(x, y, room, &text, Role::Match);
    }
    let place = match slot.front {
        Pane::Source => {
            let path = state.source.path.as_deref();
            let file = path.and_then(|it| state.files.ready(it));
            file.map(|it| format!(" {}/{} ", state.source.cursor + 1, it.text.len()))
        }
        pane => {
            let len = lists::len(state, pane);
            let height = usize::from(slot.inner().height);
            let cursor = match pane {
                Pane::Goroutines if state.goroutines.shows_threads => {
                    state.goroutines.threads_at.cursor
                }
                Pane::Goroutines => state.goroutines.at.cursor,
                Pane::Variables => state.variables.tree.at.cursor,
                Pane::Watches => state.watches.tree.at.cursor,
                Pane::Stack => stack_at(state).cursor,
                Pane::Breakpoints => state.breakpoints.at.cursor,
                Pane::Source | Pane::Console => 0,
            };
            (len > height).then(|| format!(" {}/{len} ", cursor + 1))
        }
    };
    if let Some(place) = place
        && area.right() > x + place.len() as u16 + 2
    {
        canvas.put_right(area.right() - 2, y, room, &place, Role::Title);
    }
}

fn stack_at(state: &State) -> ListPosition {
    match state.code.face {
        Face::Frames => state.stack.at,
        Face::Instructions => state.code.at,
        Face::Registers => state.code.registers_at,
    }
}

/// How much is shown of how much, in the right border.
fn scrollbar(state: &State, canvas: &mut Canvas<'_>, slot: &Slot) {
    let height = usize::from(slot.inner().height);
    let (top, len) = match slot.front {
        Pane::Source => {
            let path = state.source.path.as_deref();
            let file = path.and_then(|it| state.files.ready(it));
            (state.source.top, file.map_or(0, |it| it.text.len()))
        }
        Pane::Goroutines if state.goroutines.shows_threads => {
            (state.goroutines.threads_at.top, lists::len(state, slot.front))
        }
        Pane::Goroutines => (state.goroutines.at.top, state.goroutines.rows.len()),
        Pane::Variables => (state.variables.tree.at.top, state.variables.tree.rows.len()),
        Pane::Watches => (state.watches.tree.at.top, state.watches.tree.rows.len()),
        Pane::Stack => (stack_at(state).top, lists::len(state, slot.front)),
        Pane::Breakpoints => (state.breakpoints.at.top, lists::len(state, slot.front)),
        Pane::Console => {
            let lines = if state.console.shows_output {
                state.console.output.len()
            } else {
                state.console.lines.len()
            };
            (lines.saturating_sub(height + state.console.back), lines)
        }
    };
    if len <= height || height < 2 {
        return;
    }
    let size = (height * height / len).max(1);
    let at = top.min(len - height) * (height - size) / (len - height);
    let x = slot.area.right() - 1;
    for row in at..at + size {
        let y = slot.inner().y + row as u16;
        canvas.put(x, y, 1, canvas.glyphs.scroll, Role::Scrollbar);
    }
}
