//! What lies over the panes: palette, dialogs, popups.

use ratatui::layout::{Position, Rect};

use crate::frontend::theme::Role;
use crate::tui::state::State;
use crate::tui::state::overlay::{
    BreakpointForm, Choices, Overlay, Palette, PaletteKind, TextPopup, ThemePicker,
};
use crate::tui::text;
use crate::tui::view::canvas::Canvas;
use crate::tui::view::{frame, help, status};

/// Draws an overlay; says where the cursor is.
pub fn view(state: &State, canvas: &mut Canvas<'_>, it: &Overlay) -> Option<Position> {
    let screen = Rect::new(0, 0, state.width, state.height);
    if screen.width < 10 || screen.height < 5 {
        return None;
    }
    match it {
        Overlay::Palette(it) => Some(palette(state, canvas, it)),
        Overlay::Help(it) => {
            let area = centered(screen, help::WIDTH_MAX, screen.height.saturating_sub(2));
            Some(help::view(state, canvas, area, it))
        }
        Overlay::Quit(it) => {
            quit(canvas, screen, it);
            None
        }
        Overlay::Themes(it) => {
            themes(state, canvas, screen, it);
            None
        }
        Overlay::Text(it) => {
            popup(canvas, screen, it);
            None
        }
        Overlay::Form(it) => Some(form(canvas, screen, it)),
    }
}

/// A rectangle in the middle of the screen, as large as it may be.
fn centered(screen: Rect, width: u16, height: u16) -> Rect {
    let width = width.min(screen.width);
    let height = height.min(screen.height);
    Rect::new((screen.width - width) / 2, (screen.height - height) / 2, width, height)
}

fn open(canvas: &mut Canvas<'_>, area: Rect, title: &str) {
    canvas.fill(area, Role::Overlay);
    frame::border(canvas, area, true, Role::OverlayBorder);
    let title = format!(" {} ", text::clean(title));
    canvas.put(area.x + 2, area.y, area.width.saturating_sub(4), &title, Role::Key);
}

/// Where the palette is.
pub fn palette_area(state: &State) -> Rect {
    let screen = Rect::new(0, 0, state.width, state.height);
    let height = (screen.height * 2 / 3).max(12).min(screen.height);
    let mut area = centered(screen, (screen.width * 3 / 4).clamp(60, 110), height);
    area.y = (screen.height / 12).min(screen.height - area.height);
    area
}

fn palette(state: &State, canvas: &mut Canvas<'_>, it: &Palette) -> Position {
    let area = palette_area(state);
    let is_picker = it.kind == PaletteKind::Processes;
    open(canvas, area, if is_picker { "Attach to" } else { "Find" });
    let x = canvas.put(area.x + 2, area.y + 1, 4, "> ", Role::ConsolePrompt);
    let kinds =
        if is_picker { "" } else { "@func #goroutine >command :line !breakpoint" };
    let kinds_width = if area.width > 76 { kinds.len() as u16 + 2 } else { 0 };
    let width = area.right().saturating_sub(x + 2 + kinds_width);
    let line = Rect { x, y: area.y + 1, width, height: 1 };
    let cursor = status::edit_line(canvas, line, &it.line);
    if kinds_width > 0 {
        canvas.put_right(area.right() - 2, area.y + 1, kinds_width, kinds, Role::Dim);
    }
    let rule = canvas.glyphs.border[0];
    for x in area.x + 1..area.right() - 1 {
        canvas.put(x, area.y + 2, 1, rule, Role::OverlayBorder);
    }
    let rows = area.height.saturating_sub(5);
    for row in 0..rows {
        let index = it.at.top + usize::from(row);
        let Some(found) = it.found.get(index) else { break };
        let y = area.y + 3 + row;
        let line = Rect { x: area.x + 1, y, width: area.width - 2, height: 1 };
        if index == it.at.cursor {
            canvas.style(line, Role::Selection);
        }
        if let Some(name) = it.names.get(found.index) {
            let is_file = it.kind == PaletteKind::Files && found.index < it.n_files;
            let elides = matches!(it.kind, PaletteKind::Files | PaletteKind::Functions);
            found_row(canvas, line, name, &found.positions, (is_file, elides));
        }
    }
    palette_footer(state, canvas, area, it);
    cursor
}

/// A name with the characters that matched marked.
fn found_row(
    canvas: &mut Canvas<'_>,
    area: Rect,
    name: &str,
    positions: &[usize],
    (is_file, elides): (bool, bool),
) {
    let room = usize::from(area.width.saturating_sub(3));
    let n = name.chars().count();
    // Of long paths the end says more than the beginning; so does a function's name.
    let skip = if elides { n.saturating_sub(room) } else { 0 };
    let mut x = area.x + 2;
    if skip > 0 {
        x = canvas.put(x, area.y, 1, canvas.glyphs.ellipsis, Role::Dim);
    }
    let skip = skip + usize::from(skip > 0);
    let plain = if is_file { Role::StackLocation } else { Role::FunctionUser };
    let plain = canvas.theme.style(plain).fg;
    let matched = canvas.theme.style(Role::Key);
    for (at, c) in name.chars().enumerate().skip(skip) {
        if x >= area.right().saturating_sub(1) {
            break;
        }
        let mut safe = String::new();
        text::push_clean(&mut safe, c);
        let style = if positions.binary_search(&at).is_ok() {
            ratatui::style::Style { bg: None, ..matched }
        } else {
            ratatui::style::Style { fg: plain, ..Default::default() }
        };
        x = canvas.put_styled(x, area.y, area.right() - x, &safe, style);
    }
}

fn palette_footer(state: &State, canvas: &mut Canvas<'_>, area: Rect, it: &Palette) {
    let y = area.bottom() - 2;
    let room = area.width.saturating_sub(4);
    let is_picker = it.kind == PaletteKind::Processes;
    if let Some(why) = &it.error {
        canvas.put(area.x + 2, y, room, &text::clean(why), Role::Error);
    } else {
        let text = match it.kind {
            PaletteKind::Line => "Enter goes to the line".to_owned(),
            PaletteKind::Processes => {
                "Enter attaches, Ctrl-R lists anew, Esc leaves".to_owned()
            }
            PaletteKind::Functions | PaletteKind::Files => {
                "Enter shows it, Ctrl-B breaks at a function, Esc closes".to_owned()
            }
            _ => "Enter chooses, Esc closes".to_owned(),
        };
        canvas.put(area.x + 2, y, room, &text, Role::Dim);
    }
    let is_loading = !is_picker
        && it.names.is_empty()
        && state.symbols.list.is_none()
        && matches!(it.kind, PaletteKind::Files | PaletteKind::Functions);
    let count = if let Some(why) = state.symbols.error.as_deref().filter(|_| is_loading) {
        format!(" {} ", text::clean(why))
    } else if is_loading {
        " loading the names... ".to_owned()
    } else if it.kind == PaletteKind::Line {
        String::new()
    } else {
        let n = text::thousands(it.found.len() as i64);
        let of = text::thousands(it.names.len().saturating_sub(it.first) as i64);
        format!(" {n} of {of} {} ", it.kind.noun())
    };
    canvas.put_right(area.right() - 2, area.bottom() - 1, room, &count, Role::Dim);
}

fn quit(canvas: &mut Canvas<'_>, screen: Rect, it: &Choices) {
    let longest = it.choices.iter().map(|it| it.2.len() + 20);
    let lines = it.lines.iter().map(|it| text::width(it) + 6);
    let width = longest.chain(lines).chain([text::width(&it.title) + 8, 44]).max();
    let height = it.lines.len() + it.choices.len() + 5;
    let area = centered(screen, width.unwrap_or(44) as u16, height as u16);
    open(canvas, area, &it.title);
    let room = area.width.saturating_sub(4);
    let mut y = area.y + 1;
    for line in &it.lines {
        canvas.put(area.x + 2, y, room, line, Role::Overlay);
        y += 1;
    }
    y += 1;
    for (at, (key, _, text)) in it.choices.iter().enumerate() {
        let line = Rect { x: area.x + 1, y, width: area.width - 2, height: 1 };
        if y + 1 >= area.bottom() {
            return;
        }
        canvas.put(area.x + 4, y, 1, &key.to_string(), Role::Key);
        let end = canvas.put(area.x + 7, y, room.saturating_sub(5), text, Role::Overlay);
        if at == it.cursor {
            let left = area.right().saturating_sub(end + 2);
            if left >= 8 {
                canvas.put(end + 1, y, left, "(Enter)", Role::Dim);
            }
            canvas.style(line, Role::Selection);
        }
        y += 1;
    }
    canvas.put(area.x + 3, y, 3, "Esc", Role::Key);
    canvas.put(area.x + 7, y, room.saturating_sub(5), "stay", Role::Overlay);
}

fn themes(state: &State, canvas: &mut Canvas<'_>, screen: Rect, it: &ThemePicker) {
    let height = state.theme_names.len() as u16 + 4;
    let mut area = centered(screen, 34, height);
    // At the side, so that the theme can be seen.
    area.x = screen.width.saturating_sub(area.width + 2);
    area.y = 1.min(screen.height - area.height);
    open(canvas, area, "Theme");
    for (at, name) in state.theme_names.iter().enumerate() {
        let y = area.y + 1 + at as u16;
        if y + 2 >= area.bottom() {
            break;
        }
        if at == it.cursor {
            let line = Rect { x: area.x + 1, y, width: area.width - 2, height: 1 };
            canvas.style(line, Role::Selection);
        }
        canvas.put(
            area.x + 3,
            y,
            area.width.saturating_sub(5),
            &text::clean(name),
            Role::Text,
        );
    }
    let text = "Enter takes it, Esc goes back";
    canvas.put(
        area.x + 2,
        area.bottom() - 2,
        area.width.saturating_sub(4),
        text,
        Role::Dim,
    );
}

fn popup(canvas: &mut Canvas<'_>, screen: Rect, it: &TextPopup) {
    let widest = it.lines.iter().map(|it| text::width(it)).max().unwrap_or(0);
    let widest = widest.max(text::width(&it.title) + 6).max(40) + 6;
    let width = (widest as u16).min(screen.width.saturating_sub(4));
    let height = (it.lines.len() as u16 + 3).min(screen.height.saturating_sub(3)).max(4);
    let area = centered(screen, width, height);
    open(canvas, area, &it.title);
    let rows = area.height.saturating_sub(2);
    for row in 0..rows {
        let Some(line) = it.lines.get(it.top + usize::from(row)) else { break };
        let y = area.y + 1 + row;
        canvas.put(
            area.x + 2,
            y,
            area.width.saturating_sub(4),
            &text::clean(line),
            Role::Overlay,
        );
    }
    let (y, mut room) = (area.bottom() - 1, area.width.saturating_sub(4));
    let more = it.lines.len().saturating_sub(it.top + usize::from(rows));
    if more > 0 {
        let text = if room > 44 { "more lines" } else { "more" };
        let text = format!(" {more} {text} ");
        canvas.put_right(area.right() - 2, y, room, &text, Role::Dim);
        room = room.saturating_sub(text.len() as u16);
    }
    let all = [" y copies, Enter closes ", " Enter closes "];
    let fits = all.into_iter().find(|it| it.len() <= usize::from(room));
    canvas.put(area.x + 2, y, room, fits.unwrap_or_default(), Role::Dim);
}

fn form(canvas: &mut Canvas<'_>, screen: Rect, it: &BreakpointForm) -> Position {
    let area = centered(screen, 76, 9);
    open(canvas, area, &format!("Breakpoint {}  {}", it.id, it.place));
    let mut cursor = Position::default();
    for (at, label) in ["condition", "hit count", "log"].into_iter().enumerate() {
        let y = area.y + 1 + at as u16;
        let role = if at == it.field { Role::Key } else { Role::Dim };
        canvas.put(area.x + 2, y, 10, label, role);
        let x = area.x + 13;
        let line = Rect { x, y, width: area.right().saturating_sub(x + 2), height: 1 };
        canvas.style(line, Role::CursorLine);
        let position = status::edit_line(canvas, line, &it.fields[at]);
        if at == it.field {
            cursor = position;
        }
    }
    let room = area.width.saturating_sub(4);
    let (text, role) = match (&it.error, it.field) {
        (Some(why), _) => (text::clean(why).into_owned(), Role::Error),
        (None, 0) => {
            ("a Go expression: job.ID == 42 && len(items) > 3".to_owned(), Role::Dim)
        }
        (None, 1) => {
            ("a number, or an operator and a number: > 100, % 10".to_owned(), Role::Dim)
        }
        (None, _) => {
            let text = "expressions to log, and not to stop: job.ID, err; - logs the hit";
            (text.to_owned(), Role::Dim)
        }
    };
    canvas.put(area.x + 2, area.y + 5, room, &text, role);
    let keys = "Tab goes to the next, Enter sets all, Esc leaves all as it was";
    canvas.put(area.x + 2, area.bottom() - 2, room, keys, Role::Dim);
    cursor
}
