//! The console: what commands printed, or what the program writes.

use ratatui::layout::Rect;

use crate::frontend::theme::Role;
use crate::tui::state::State;
use crate::tui::text;
use crate::tui::view::canvas::Canvas;
use crate::tui::view::note;

pub fn view(state: &State, canvas: &mut Canvas<'_>, area: Rect) {
    let it = &state.console;
    let height = usize::from(area.height);
    if it.shows_output {
        if it.output.is_empty() && it.partial.is_empty() {
            let text = if state.settings.has_output {
                "the program has written nothing yet"
            } else {
                "what the program writes goes where it went before"
            };
            return note(canvas, area, text, Role::Dim);
        }
        let partial = (!it.partial.is_empty()).then_some(it.partial.as_str());
        let lines = it.output.iter().map(String::as_str).chain(partial);
        let len = it.output.len() + usize::from(partial.is_some());
        let skip = len.saturating_sub(height + it.back);
        for (row, line) in lines.skip(skip).take(height).enumerate() {
            put(canvas, area, row, line, Role::ConsoleOutput);
        }
        return;
    }
    if it.lines.is_empty() {
        return note(canvas, area, ": or Enter opens the command line", Role::Dim);
    }
    let skip = it.lines.len().saturating_sub(height + it.back);
    for (row, line) in it.lines.iter().skip(skip).take(height).enumerate() {
        let mut x = area.x + 1;
        let y = area.y + row as u16;
        for span in &line.spans {
            let text = span.text.replace('\t', "    ");
            x = canvas.put(
                x,
                y,
                area.right().saturating_sub(x),
                &text::clean(&text),
                span.role,
            );
        }
    }
}

fn put(canvas: &mut Canvas<'_>, area: Rect, row: usize, line: &str, role: Role) {
    let x = area.x + 1;
    let y = area.y + row as u16;
    let line = line.replace('\t', "    ");
    canvas.put(x, y, area.right().saturating_sub(x), &text::clean(&line), role);
}
