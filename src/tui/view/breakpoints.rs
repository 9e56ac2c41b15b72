//! The breakpoints pane: number, on or off, place, condition, hits.

use ratatui::layout::Rect;

use crate::api::types::Breakpoint;
use crate::frontend::theme::Role;
use crate::tui::state::kept::Missing;
use crate::tui::state::{Run, State};
use crate::tui::text;
use crate::tui::update::answers::place_text;
use crate::tui::update::breakpoints;
use crate::tui::view::canvas::{Canvas, selection};
use crate::tui::view::note;

pub fn view(state: &State, canvas: &mut Canvas<'_>, area: Rect, has_focus: bool) {
    if let Some(why) = state.breakpoints.list.error() {
        return note(canvas, area, &format!("{why} (r asks again)"), Role::Error);
    }
    let shown = breakpoints::shown(state);
    let missing = breakpoints::missing(state);
    if shown.is_empty() && missing.is_empty() {
        let text = match state.run {
            Run::Starting(_) => "waiting for the program...",
            _ if !state.breakpoints.filter.is_empty() => {
                "none matches the filter (Esc clears it)"
            }
            _ if state.server.is_core => "a core file never gets to one",
            _ => "b sets one on the line under the cursor, gb asks where",
        };
        return note(canvas, area, text, Role::Dim);
    }
    let at = state.breakpoints.at;
    let hit = state.stopped.current_thread.as_ref().and_then(|it| it.breakpoint.as_ref());
    let hit = hit.map(|it| it.id).filter(|_| !state.looks_stale());
    for row in 0..area.height {
        let index = at.top + usize::from(row);
        if index >= shown.len() + missing.len() {
            break;
        }
        let y = area.y + row;
        if index == at.cursor {
            canvas.row(area, y, selection(has_focus));
        }
        let area = Rect { y, height: 1, ..area };
        match shown.get(index) {
            Some(it) => self::row(canvas, area, it, hit == Some(it.id)),
            None => missing_row(canvas, area, &missing[index - shown.len()]),
        }
    }
}

/// One of the last session that is not in this program: where it was, and why not.
fn missing_row(canvas: &mut Canvas<'_>, area: Rect, it: &Missing) {
    let glyphs = canvas.glyphs;
    let until = |x: u16| area.right().saturating_sub(x);
    let x = area.x + 1;
    let x = canvas.put(x, area.y, until(x), glyphs.disabled, Role::GutterDisabled) + 4;
    let place = text::clean(&it.kept.place()).into_owned();
    let x = canvas.put(x, area.y, until(x), &place, Role::Dim) + 1;
    canvas.put(x, area.y, until(x), &text::clean(&it.why), Role::Warning);
}

fn row(canvas: &mut Canvas<'_>, area: Rect, it: &Breakpoint, is_hit: bool) {
    let glyphs = canvas.glyphs;
    let room = |x: u16| area.right().saturating_sub(x);
    if is_hit {
        canvas.put(area.x, area.y, 1, glyphs.pc, Role::GutterPc);
    }
    let (glyph, role) = if it.disabled {
        (glyphs.disabled, Role::GutterDisabled)
    } else if it.tracepoint {
        (glyphs.logpoint, Role::GutterConditional)
    } else if !it.cond.is_empty() || !it.hit_cond.is_empty() {
        (glyphs.conditional, Role::GutterConditional)
    } else {
        (glyphs.breakpoint, Role::GutterBreakpoint)
    };
    let x = canvas.put(area.x + 1, area.y, room(area.x + 1), glyph, role);
    let number = format!("{:>3}", it.id);
    let mut x = canvas.put(x, area.y, room(x), &number, Role::LineNumber) + 1;
    let hits = match it.total_hit_count {
        0 => String::new(),
        1 => "1 hit".to_owned(),
        n => format!("{} hits", text::thousands(i64::try_from(n).unwrap_or(i64::MAX))),
    };
    let right = area.right().saturating_sub(if hits.is_empty() {
        0
    } else {
        hits.len() as u16 + 1
    });
    let until = |x: u16| right.saturating_sub(x);
    let place = place_text(it);
    let role = if it.disabled { Role::Dim } else { Role::FunctionUser };
    x = canvas.put(x, area.y, until(x), &text::clean(&place), role) + 1;
    if it.disabled {
        x = canvas.put(x, area.y, until(x), "disabled", Role::Dim) + 1;
    }
    if !it.cond.is_empty() {
        let text = format!("if {}", text::clean(&it.cond));
        x = canvas.put(x, area.y, until(x), &text, Role::BreakpointCondition) + 1;
    }
    if !it.hit_cond.is_empty() {
        let text = format!("hits {}", text::clean(&it.hit_cond));
        x = canvas.put(x, area.y, until(x), &text, Role::BreakpointCondition) + 1;
    }
    let log = breakpoints::log_text(it);
    if log.len() > 1 {
        let text = format!("log {}", text::clean(&log));
        x = canvas.put(x, area.y, until(x), &text, Role::BreakpointCondition) + 1;
    }
    if !it.function_name.is_empty() && until(x) > 6 {
        let name = text::clean(text::short_function(&it.function_name));
        canvas.put(x, area.y, until(x), &name, Role::StackLocation);
    }
    if !hits.is_empty() {
        canvas.put_right(area.right(), area.y, room(area.x), &hits, Role::BreakpointHits);
    }
}
