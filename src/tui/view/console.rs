//! The console: what commands printed, or what the program writes. Long lines go on in the
//! next row.

use std::collections::VecDeque;

use ratatui::layout::Rect;

use crate::frontend::text::{Line, Span};
use crate::frontend::theme::Role;
use crate::tui::state::State;
use crate::tui::text;
use crate::tui::view::canvas::Canvas;
use crate::tui::view::note;

/// Rows that one line takes at most: whole values are for a popup (`F`).
const LINE_ROWS_MAX: usize = 200;

pub fn view(state: &State, canvas: &mut Canvas<'_>, area: Rect) {
    let it = &state.console;
    if it.shows_output {
        if it.output.is_empty() && it.partial.is_empty() {
            let text = if state.settings.has_output {
                "the program has written nothing yet"
            } else {
                "what the program writes goes where it went before"
            };
            return note(canvas, area, text, Role::Dim);
        }
        let partial = (!it.partial.is_empty()).then_some(&it.partial);
        let lines = partial.into_iter().chain(it.output.iter().rev());
        let lines = lines.map(|it| Line::of(Role::ConsoleOutput, it));
        return put_last(canvas, area, lines.skip(it.back));
    }
    if it.lines.is_empty() {
        return note(canvas, area, ": or Enter opens the command line", Role::Dim);
    }
    put_last(canvas, area, it.lines.iter().rev().skip(it.back).cloned());
}

/// Puts as many lines as there is room for; the last one comes first.
fn put_last(canvas: &mut Canvas<'_>, area: Rect, lines: impl Iterator<Item = Line>) {
    let height = usize::from(area.height);
    let width = usize::from(area.width.saturating_sub(1)).max(1);
    let mut rows: VecDeque<Vec<Span>> = VecDeque::new();
    for line in lines {
        for row in wrap(&line, width).into_iter().rev() {
            rows.push_front(row);
        }
        if rows.len() >= height {
            break;
        }
    }
    let skip = rows.len().saturating_sub(height);
    for (y, row) in (area.y..).zip(rows.iter().skip(skip)) {
        let mut x = area.x + 1;
        for span in row {
            x = canvas.put(x, y, area.right().saturating_sub(x), &span.text, span.role);
        }
    }
}

/// The rows of a line, without what would draw on our screen.
fn wrap(line: &Line, width: usize) -> Vec<Vec<Span>> {
    let mut rows = vec![Vec::new()];
    let mut used = 0;
    for span in &line.spans {
        let mut part = String::new();
        for c in text::clean(&span.text.replace('\t', "    ")).chars() {
            let cells = text::char_width(c);
            if used + cells > width {
                let text = std::mem::take(&mut part);
                if let Some(row) = rows.last_mut() {
                    row.push(Span { text, role: span.role });
                }
                if rows.len() == LINE_ROWS_MAX {
                    return rows;
                }
                rows.push(Vec::new());
                used = 0;
            }
            used += cells;
            part.push(c);
        }
        if let Some(row) = rows.last_mut() {
            row.push(Span { text: part, role: span.role });
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_go_on_in_the_next_row() {
        let rows = |text: &str, width| -> Vec<String> {
            let line = Line::of(Role::Text, text);
            let text = |row: Vec<Span>| row.into_iter().map(|it| it.text).collect();
            wrap(&line, width).into_iter().map(text).collect()
        };
        assert_eq!(rows("", 5), [""]);
        assert_eq!(rows("12345", 5), ["12345"]);
        assert_eq!(rows("1234567", 5), ["12345", "67"]);
        assert_eq!(rows("世界世界", 5), ["世界", "世界"]);
        assert_eq!(rows("a\tb", 3), ["a  ", "  b"]);
        assert_eq!(rows("\u{1b}[", 3), ["\\x1", "b["]);
        assert_eq!(rows(&"x".repeat(9999), 1).len(), LINE_ROWS_MAX);
    }
}
