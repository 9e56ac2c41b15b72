//! The stack pane: the frames of the selected goroutine, innermost first.

use ratatui::layout::Rect;

use crate::api::types::Stackframe;
use crate::frontend::theme::Role;
use crate::tui::state::{Run, State};
use crate::tui::text;
use crate::tui::update::lists::{self, StackRow};
use crate::tui::update::select;
use crate::tui::view::canvas::{Canvas, selection};
use crate::tui::view::note;

pub fn view(state: &State, canvas: &mut Canvas<'_>, area: Rect, has_focus: bool) {
    if let Some(why) = state.stack.frames.error() {
        return note(canvas, area, &format!("{why} (r asks again)"), Role::Error);
    }
    if state.stack.frames.value().is_none() {
        let text = match state.run {
            Run::Stopped => "unwinding...",
            Run::Starting(_) => "waiting for the program...",
            _ => "the stack is read when the program is stopped",
        };
        return note(canvas, area, text, Role::Dim);
    }
    let rows = lists::stack_rows(state);
    let at = state.stack.at;
    for row in 0..area.height {
        let index = at.top + usize::from(row);
        let Some(it) = rows.get(index) else { break };
        let y = area.y + row;
        if index == at.cursor {
            canvas.row(area, y, selection(has_focus));
        }
        let line = Rect { y, height: 1, ..area };
        match it {
            StackRow::Folded { from, to } => {
                let n = to - from;
                let noun = if n == 1 { "frame" } else { "frames" };
                let text = format!("{n} runtime {noun} (Enter)");
                let x = area.x + 4;
                canvas.put(area.x + 2, y, 1, canvas.glyphs.closed, Role::VarMeta);
                canvas.put(
                    x,
                    y,
                    area.right().saturating_sub(x),
                    &text,
                    Role::FunctionRuntime,
                );
            }
            StackRow::Frame(n) => {
                if let Some(frame) = state.frames().get(*n) {
                    self::frame(state, canvas, line, *n, frame);
                }
            }
        }
    }
}

fn frame(state: &State, canvas: &mut Canvas<'_>, area: Rect, n: usize, it: &Stackframe) {
    let is_selected = n == state.scope.frame;
    if is_selected {
        canvas.put(area.x, area.y, 1, canvas.glyphs.pc, Role::GutterPc);
    }
    let room = |x: u16| area.right().saturating_sub(x);
    let number = if is_selected { Role::GoroutineCurrent } else { Role::LineNumber };
    let mut x =
        canvas.put(area.x + 1, area.y, room(area.x + 1), &format!("{n:>2}"), number) + 1;
    let name = it.function.as_ref().map_or("?", |it| it.name.as_str());
    let role = match (select::is_runtime_frame(it), is_selected) {
        (_, true) => Role::Strong,
        (true, false) => Role::FunctionRuntime,
        (false, false) => Role::FunctionUser,
    };
    let mut style = canvas.theme.style(role);
    style.bg = None;
    let place =
        text::clean(&format!("{}:{}", text::file_name(&it.file), it.line)).into_owned();
    let name = text::clean(text::short_function(name));
    // The place is kept at the right edge, whatever the name's length.
    let place_width = text::width(&place) as u16;
    let for_name = room(x).saturating_sub(place_width + 1).max(room(x) / 2);
    x = canvas.put_styled(x, area.y, for_name, &name, style) + 1;
    x = canvas.put(x, area.y, room(x), &place, Role::StackLocation) + 1;
    if !it.err.is_empty() {
        canvas.put(x, area.y, room(x), &text::clean(&it.err), Role::VarUnreadable);
    } else if !it.defers.is_empty() && room(x) > 9 {
        let text = format!("{} deferred", it.defers.len());
        canvas.put(x, area.y, room(x), &text, Role::Dim);
    }
}
