//! Writing text into cells, in roles.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::frontend::theme::{Role, Theme};
use crate::tui::text;

/// The characters that are not letters. A terminal without UTF-8 gets others.
pub struct Glyphs {
    pub ellipsis: &'static str,
    pub breakpoint: &'static str,
    pub conditional: &'static str,
    pub disabled: &'static str,
    pub logpoint: &'static str,
    pub pc: &'static str,
    pub pc_stale: &'static str,
    pub open: &'static str,
    pub closed: &'static str,
    pub bar: &'static str,
    pub inlay: &'static str,
    pub scroll: &'static str,
    pub was: &'static str,
    /// Horizontal, vertical, corners from the upper left clockwise.
    pub border: [&'static str; 6],
    pub border_focused: [&'static str; 6],
}

const UNICODE: Glyphs = Glyphs {
    ellipsis: "…",
    breakpoint: "●",
    conditional: "◐",
    disabled: "○",
    logpoint: "◆",
    pc: "▶",
    pc_stale: "▷",
    open: "▾",
    closed: "▸",
    bar: "│",
    inlay: "◂",
    scroll: "▐",
    was: "←",
    border: ["─", "│", "╭", "╮", "╯", "╰"],
    border_focused: ["━", "┃", "┏", "┓", "┛", "┗"],
};

const ASCII: Glyphs = Glyphs {
    ellipsis: "~",
    breakpoint: "*",
    conditional: "?",
    disabled: "o",
    logpoint: "@",
    pc: ">",
    pc_stale: "-",
    open: "v",
    closed: ">",
    bar: "|",
    inlay: "<",
    scroll: "#",
    was: "was",
    border: ["-", "|", "+", "+", "+", "+"],
    border_focused: ["=", "|", "#", "#", "#", "#"],
};

/// A buffer with what is needed to write into it.
pub struct Canvas<'a> {
    pub buffer: &'a mut Buffer,
    pub theme: &'a Theme,
    pub glyphs: &'static Glyphs,
}

impl<'a> Canvas<'a> {
    pub fn new(buffer: &'a mut Buffer, theme: &'a Theme, ascii: bool) -> Canvas<'a> {
        Canvas { buffer, theme, glyphs: if ascii { &ASCII } else { &UNICODE } }
    }

    /// Empties an area and gives it a role.
    pub fn fill(&mut self, area: Rect, role: Role) {
        let style = self.theme.style(role);
        let area = area.intersection(self.buffer.area);
        for y in area.rows() {
            for position in y.positions() {
                let cell = &mut self.buffer[position];
                cell.reset();
                cell.set_style(style);
            }
        }
    }

    /// Gives a role to what is in an area.
    pub fn style(&mut self, area: Rect, role: Role) {
        let style = self.theme.style(role);
        self.buffer.set_style(area.intersection(self.buffer.area), style);
    }

    /// Writes a text, cut at some cells with an ellipsis. Says where it ended.
    pub fn put(&mut self, x: u16, y: u16, cells: u16, text: &str, role: Role) -> u16 {
        self.put_styled(x, y, cells, text, self.theme.style(role))
    }

    pub fn put_styled(
        &mut self,
        x: u16,
        y: u16,
        cells: u16,
        text: &str,
        style: Style,
    ) -> u16 {
        let area = self.buffer.area;
        if y < area.y || y >= area.bottom() || x >= area.right() || cells == 0 {
            return x;
        }
        let cells = cells.min(area.right() - x);
        let text = text::fit(text, usize::from(cells), self.glyphs.ellipsis);
        self.buffer.set_stringn(x, y, &*text, usize::from(cells), style).0
    }

    /// Writes a text that ends at a cell. Says where it began.
    pub fn put_right(
        &mut self,
        right: u16,
        y: u16,
        cells: u16,
        text: &str,
        role: Role,
    ) -> u16 {
        let text = text::fit(text, usize::from(cells), self.glyphs.ellipsis);
        let x = right.saturating_sub(text::width(&text) as u16);
        self.put(x, y, cells, &text, role);
        x
    }

    /// The background of a row: of the cursor, or of another that stands out.
    pub fn row(&mut self, area: Rect, y: u16, role: Role) {
        self.style(Rect { y, height: 1, ..area }, role);
    }
}

/// The role of the row under the cursor.
pub fn selection(has_focus: bool) -> Role {
    if has_focus { Role::Selection } else { Role::SelectionInactive }
}
