//! The source pane: line numbers, marks, colours, and values beside the lines.

use std::collections::HashMap;

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::api::types::{Breakpoint, Variable};
use crate::frontend::theme::Role;
use crate::tui::state::source::{FileState, SourceFile};
use crate::tui::state::{Run, State};
use crate::tui::text;
use crate::tui::tree::Change;
use crate::tui::update::breakpoints;
use crate::tui::value::{self, Format};
use crate::tui::view::canvas::Canvas;
use crate::tui::view::note;

/// Columns that a tab goes to.
const TAB: usize = 4;

/// Marks, the number, a space.
pub fn gutter_width(n_lines: usize) -> u16 {
    digits(n_lines) + 4
}

fn digits(n: usize) -> u16 {
    (n.max(1).ilog10() as u16 + 1).max(3)
}

pub fn view(state: &State, canvas: &mut Canvas<'_>, area: Rect, has_focus: bool) {
    let Some(path) = state.source.path.as_deref() else {
        let text = match &state.run {
            Run::Starting(what) => format!("{what}..."),
            Run::Running => "running; the source is shown at the first stop".to_owned(),
            _ => "no source is known for this place; Ctrl-P finds files and functions"
                .to_owned(),
        };
        return note(canvas, area, &text, Role::Dim);
    };
    match state.files.state(path) {
        None | Some(FileState::Loading) => {
            note(canvas, area, "reading the file...", Role::Dim)
        }
        Some(FileState::Missing(why)) => note(canvas, area, why, Role::Warning),
        Some(FileState::Ready(file)) => lines(state, canvas, area, path, file, has_focus),
    }
}

/// What is marked in a file.
struct Marks<'a> {
    breakpoints: HashMap<i64, &'a Breakpoint>,
    /// The line of the selected frame, from 1.
    current: Option<i64>,
    /// Whether that is where execution is: in the innermost frame.
    is_innermost: bool,
    inlays: HashMap<i64, Vec<(String, bool)>>,
}

fn marks<'a>(state: &'a State, path: &str) -> Marks<'a> {
    let breakpoints = state
        .user_breakpoints()
        .flat_map(|it| {
            breakpoints::lines_in(state, it, path).into_iter().map(move |at| (at, it))
        })
        .collect();
    let place = state.current_place();
    let is_known = state.stop.0 > 0;
    let current = place.filter(|it| is_known && it.0 == path).map(|it| it.1);
    let inlays = current.map(|line| inlays(state, path, line)).unwrap_or_default();
    Marks { breakpoints, current, is_innermost: state.scope.frame == 0, inlays }
}

/// Values beside the lines that declare them, and beside the current line.
fn inlays(state: &State, path: &str, current: i64) -> HashMap<i64, Vec<(String, bool)>> {
    let mut found: HashMap<i64, Vec<(String, bool)>> = HashMap::new();
    let Some(frame) = state.variables.frame.value() else { return found };
    let is_of_frame = state.variables.frame.key().is_some_and(|(_, goroutine, frame)| {
        (goroutine, frame) == (state.scope.goroutine, state.scope.frame)
    });
    let Some(file) = state.files.ready(path).filter(|_| is_of_frame) else {
        return found;
    };
    let changed = |it: &Variable| {
        let rows = &state.variables.tree.rows;
        let row = rows.iter().find(|row| row.path == it.name);
        row.is_some_and(|it| matches!(it.change, Change::Was(_)))
    };
    let line_text = |line: i64| file.text.line(usize::try_from(line - 1).unwrap_or(0));
    for it in frame.args.iter().chain(&frame.locals) {
        if it.name.starts_with('~') || it.decl_line <= 0 {
            continue;
        }
        let text = format!("{} = {}", text::clean(&it.name), short(it));
        let changed = changed(it);
        if it.decl_line < current {
            found.entry(it.decl_line).or_default().push((text.clone(), changed));
        }
        if mentions(line_text(current), &it.name) && it.decl_line != current {
            found.entry(current).or_default().push((text, changed));
        }
    }
    found
}

fn short(it: &Variable) -> String {
    const CELLS: usize = 48;
    let text = value::summary(it, Format::Decimal);
    text::fit(&text, CELLS, "…").into_owned()
}

/// Whether a line names a variable, as a word.
fn mentions(line: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + name.len()..].chars().next();
        !before.is_some_and(|c| is_part(c) || c == '.') && !after.is_some_and(is_part)
    })
}

fn lines(
    state: &State,
    canvas: &mut Canvas<'_>,
    area: Rect,
    path: &str,
    file: &SourceFile,
    has_focus: bool,
) {
    let marks = marks(state, path);
    let len = file.text.len();
    for row in 0..area.height {
        let index = state.source.top + usize::from(row);
        if index >= len {
            break;
        }
        let y = area.y + row;
        let number = index as i64 + 1;
        let is_current = marks.current == Some(number);
        let line = Rect { y, height: 1, ..area };
        if is_current {
            let role = if marks.is_innermost && !state.looks_running() {
                Role::CurrentLine
            } else {
                Role::CurrentFrameLine
            };
            canvas.style(line, role);
        }
        if index == state.source.cursor && has_focus && !is_current {
            canvas.style(line, Role::CursorLine);
        }
        gutter(
            state,
            canvas,
            line,
            len,
            number,
            &marks,
            index == state.source.cursor && has_focus,
        );
        let x = area.x + gutter_width(len);
        let code = Rect { x, width: area.right().saturating_sub(x), ..line };
        let end = code_line(state, canvas, code, file, index);
        inlay(state, canvas, code, end, &marks, number);
    }
}

fn gutter(
    state: &State,
    canvas: &mut Canvas<'_>,
    line: Rect,
    len: usize,
    number: i64,
    marks: &Marks<'_>,
    is_cursor: bool,
) {
    let glyphs = canvas.glyphs;
    if let Some(it) = marks.breakpoints.get(&number) {
        let (glyph, role) = if it.disabled {
            (glyphs.disabled, Role::GutterDisabled)
        } else if it.tracepoint {
            (glyphs.logpoint, Role::GutterConditional)
        } else if !it.cond.is_empty() || !it.hit_cond.is_empty() {
            (glyphs.conditional, Role::GutterConditional)
        } else {
            (glyphs.breakpoint, Role::GutterBreakpoint)
        };
        canvas.put(line.x, line.y, 1, glyph, role);
    }
    let is_current = marks.current == Some(number);
    let text = format!("{number:>width$}", width = usize::from(digits(len)));
    let role =
        if is_current || is_cursor { Role::LineNumberCurrent } else { Role::LineNumber };
    canvas.put(line.x + 1, line.y, line.width.saturating_sub(1), &text, role);
    if is_current {
        let glyph = if !state.looks_stale() { glyphs.pc } else { glyphs.pc_stale };
        let x = line.x + 1 + digits(len);
        if x < line.right() {
            canvas.put(x, line.y, 1, glyph, Role::GutterPc);
        }
    }
}

/// Writes a line of code; says in which column it ended.
fn code_line(
    state: &State,
    canvas: &mut Canvas<'_>,
    area: Rect,
    file: &SourceFile,
    index: usize,
) -> u16 {
    let line = file.text.line(index);
    let runs = file.styles.get(index).map_or(&[][..], |it| it);
    let hits = matches(line, &state.source.search);
    let left = state.source.left;
    let width = usize::from(area.width);
    let mut column = 0;
    let mut run = 0;
    for (at, c) in line.char_indices() {
        while run < runs.len() && usize::from(runs[run].end) <= at {
            run += 1;
        }
        let role =
            runs.get(run).filter(|it| usize::from(it.start) <= at).map(|it| it.role);
        let mut style = canvas.theme.style(role.unwrap_or(Role::Text));
        // The ground of the line stays: only the search has one of its own.
        style.bg = None;
        if hits.iter().any(|(from, to)| (*from..*to).contains(&at)) {
            let is_here = index == state.source.cursor;
            let role = if is_here { Role::MatchCurrent } else { Role::Match };
            style = canvas.theme.style(role);
        }
        column = put_char(canvas, area, column, left, c, style);
        if column >= left + width {
            break;
        }
    }
    area.x + column.saturating_sub(left).min(width) as u16
}

fn matches(line: &str, pattern: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text::find(line, pattern, from) {
        found.push((at, at + pattern.len()));
        from = at + pattern.len();
    }
    found
}

/// Writes a character at a column of the line; says the next column.
fn put_char(
    canvas: &mut Canvas<'_>,
    area: Rect,
    column: usize,
    left: usize,
    c: char,
    style: Style,
) -> usize {
    if c == '\t' {
        let next = column - column % TAB + TAB;
        if style.bg.is_some() {
            for at in column..next {
                put_cell(canvas, area, at, left, ' ', 1, style);
            }
        }
        return next;
    }
    if text::is_unsafe(c) {
        let mut escaped = String::new();
        text::push_clean(&mut escaped, c);
        let style = style.add_modifier(Modifier::REVERSED);
        for (n, c) in escaped.chars().enumerate() {
            put_cell(canvas, area, column + n, left, c, 1, style);
        }
        return column + escaped.len();
    }
    let width = text::char_width(c);
    put_cell(canvas, area, column, left, c, width, style);
    column + width
}

fn put_cell(
    canvas: &mut Canvas<'_>,
    area: Rect,
    column: usize,
    left: usize,
    c: char,
    width: usize,
    style: Style,
) {
    let Some(x) = column.checked_sub(left) else { return };
    if width == 0 || x + width > usize::from(area.width) {
        return;
    }
    let x = area.x + x as u16;
    let cell = &mut canvas.buffer[(x, area.y)];
    cell.set_char(c).set_style(style);
    for covered in 1..width as u16 {
        canvas.buffer[(x + covered, area.y)].reset();
    }
}

fn inlay(
    state: &State,
    canvas: &mut Canvas<'_>,
    area: Rect,
    end: u16,
    marks: &Marks<'_>,
    number: i64,
) {
    // Fewer cells than this say nothing.
    const CELLS_MIN: u16 = 10;
    let breakpoint = marks.breakpoints.get(&number).filter(|it| !it.cond.is_empty());
    let values = marks.inlays.get(&number);
    if values.is_none() && breakpoint.is_none() {
        return;
    }
    let mut x = end.max(area.x) + 3;
    if x + CELLS_MIN > area.right() {
        return;
    }
    if let Some(it) = breakpoint {
        let text = format!("[{}: if {}]", it.id, text::clean(&it.cond));
        x = canvas.put(x, area.y, area.right() - x, &text, Role::BreakpointCondition) + 2;
    }
    let Some(values) = values else { return };
    let glyph = canvas.glyphs.inlay;
    if x + CELLS_MIN > area.right() {
        return;
    }
    x = canvas.put(x, area.y, 2, glyph, Role::Inlay) + 1;
    for (text, changed) in values {
        if x + 4 > area.right() {
            break;
        }
        let role = match (state.looks_stale(), changed) {
            (true, _) => Role::Stale,
            (_, true) => Role::InlayChanged,
            (_, false) => Role::Inlay,
        };
        x = canvas.put(x, area.y, area.right() - x, text, role) + 2;
    }
}
