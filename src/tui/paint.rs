//! From cells that have changed to as few bytes as will show them.
//!
//! The painter knows where the terminal's cursor is and which colours it writes in, from
//! one frame to the next: a clock that ticks costs a movement and a digit.

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

use crate::tui::text;

/// How the terminal writes at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifiers: Modifier,
}

/// What is known of the terminal's state.
#[derive(Debug, Default)]
pub struct Painter {
    /// `None`: unknown, to be set from the beginning.
    pen: Option<Pen>,
    at: Option<(u16, u16)>,
}

impl Painter {
    /// Nothing is known of the terminal any more.
    pub fn forget(&mut self) {
        *self = Painter::default();
    }

    /// The cursor has been moved by somebody else.
    pub fn moved(&mut self) {
        self.at = None;
    }

    /// Empties the screen, in the colours of a cell.
    pub fn erase(&mut self, out: &mut Vec<u8>, like: &Cell) {
        self.set_pen(out, like);
        out.extend_from_slice(b"\x1b[2J");
        self.at = None;
    }

    /// Writes cells, which come in the order of rows and columns.
    pub fn paint(
        &mut self,
        out: &mut Vec<u8>,
        changes: &[(u16, u16, &Cell)],
        width: u16,
    ) {
        for (x, y, cell) in changes {
            self.move_to(out, *x, *y);
            self.set_pen(out, cell);
            out.extend_from_slice(cell.symbol().as_bytes());
            // Terminals differ in where the cursor is after the last column, and after what
            // is wider than a cell or made of several characters.
            let is_plain = cell.symbol().chars().count() == 1
                && text::width(cell.symbol()) == 1
                && x + 1 < width;
            self.at = is_plain.then_some((x + 1, *y));
        }
    }

    fn move_to(&mut self, out: &mut Vec<u8>, x: u16, y: u16) {
        match self.at {
            Some(at) if at == (x, y) => {}
            Some((from, row)) if row == y && x > from => {
                let columns = x - from;
                if columns == 1 {
                    out.extend_from_slice(b"\x1b[C");
                } else {
                    out.extend_from_slice(format!("\x1b[{columns}C").as_bytes());
                }
            }
            _ => out.extend_from_slice(format!("\x1b[{};{}H", y + 1, x + 1).as_bytes()),
        }
    }

    fn set_pen(&mut self, out: &mut Vec<u8>, cell: &Cell) {
        let wanted = Pen { fg: cell.fg, bg: cell.bg, modifiers: cell.modifier };
        if self.pen == Some(wanted) {
            return;
        }
        let before = self.pen.filter(|it| wanted.modifiers.contains(it.modifiers));
        let mut codes = String::new();
        let base = before.unwrap_or_else(|| {
            // An attribute can be taken away only together with all others.
            codes.push_str("0;");
            Pen::default()
        });
        push_modifiers(&mut codes, wanted.modifiers - base.modifiers);
        if wanted.fg != base.fg {
            push_color(&mut codes, wanted.fg, 30);
        }
        if wanted.bg != base.bg {
            push_color(&mut codes, wanted.bg, 40);
        }
        self.pen = Some(wanted);
        // Without a code the sequence would mean to reset all.
        if codes.pop().is_some() {
            out.extend_from_slice(b"\x1b[");
            out.extend_from_slice(codes.as_bytes());
            out.push(b'm');
        }
    }
}

fn push_modifiers(codes: &mut String, modifiers: Modifier) {
    const CODES: [(Modifier, &str); 7] = [
        (Modifier::BOLD, "1;"),
        (Modifier::DIM, "2;"),
        (Modifier::ITALIC, "3;"),
        (Modifier::UNDERLINED, "4;"),
        (Modifier::REVERSED, "7;"),
        (Modifier::HIDDEN, "8;"),
        (Modifier::CROSSED_OUT, "9;"),
    ];
    for (modifier, code) in CODES {
        if modifiers.contains(modifier) {
            codes.push_str(code);
        }
    }
}

/// `base` is 30 for letters and 40 for their ground.
fn push_color(codes: &mut String, color: Color, base: u8) {
    let (number, is_bright) = match color {
        Color::Reset => return codes.push_str(&format!("{};", base + 9)),
        Color::Rgb(r, g, b) => {
            return codes.push_str(&format!("{};2;{r};{g};{b};", base + 8));
        }
        Color::Indexed(n) => return codes.push_str(&format!("{};5;{n};", base + 8)),
        Color::Black => (0, false),
        Color::Red => (1, false),
        Color::Green => (2, false),
        Color::Yellow => (3, false),
        Color::Blue => (4, false),
        Color::Magenta => (5, false),
        Color::Cyan => (6, false),
        Color::Gray => (7, false),
        Color::DarkGray => (0, true),
        Color::LightRed => (1, true),
        Color::LightGreen => (2, true),
        Color::LightYellow => (3, true),
        Color::LightBlue => (4, true),
        Color::LightMagenta => (5, true),
        Color::LightCyan => (6, true),
        Color::White => (7, true),
    };
    let base = if is_bright { base + 60 } else { base };
    codes.push_str(&format!("{};", base + number));
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use proptest::prelude::*;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    const AREA: Rect = Rect { x: 0, y: 0, width: 20, height: 4 };

    fn style() -> impl Strategy<Value = Style> {
        let colors = [Color::Reset, Color::Red, Color::LightBlue, Color::Indexed(99)];
        let colors = prop_oneof![
            (0..colors.len()).prop_map(move |at| colors[at]),
            any::<[u8; 3]>().prop_map(|[r, g, b]| Color::Rgb(r, g, b)),
        ];
        (colors.clone(), colors, 0u16..32).prop_map(|(fg, bg, bits)| {
            let bits = Modifier::from_bits_truncate(bits & 0b1_0101);
            Style::new().fg(fg).bg(bg).add_modifier(bits)
        })
    }

    fn frame() -> impl Strategy<Value = Buffer> {
        let piece = (0u16..20, 0u16..4, "[a-z 世界]{0,12}", style());
        proptest::collection::vec(piece, 0..8).prop_map(|pieces| {
            let mut buffer = Buffer::empty(AREA);
            for (x, y, text, style) in pieces {
                buffer.set_stringn(x, y, text, usize::from(20 - x), style);
            }
            buffer
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(64)
        })]

        #[test]
        fn a_terminal_shows_each_frame_whatever_was_there_before(
            frames in proptest::collection::vec(frame(), 1..6),
        ) {
            let size = |n| NonZeroU16::new(n).unwrap();
            let mut terminal = vt100::Parser::new(size(4), size(20), 0);
            let mut painter = Painter::default();
            let mut shown = Buffer::empty(AREA);
            for frame in &frames {
                let mut out = Vec::new();
                let changes = shown.diff(frame);
                painter.paint(&mut out, &changes, AREA.width);
                terminal.process(&out);
                for y in 0..4 {
                    let mut x = 0;
                    while x < 20 {
                        let cell = &frame[(x, y)];
                        let seen = terminal.screen().cell(y, x).unwrap();
                        let symbol = if seen.has_contents() { seen.contents() } else { " " };
                        prop_assert_eq!(symbol, cell.symbol(), "at {},{}", x, y);
                        prop_assert_eq!(
                            seen.bold() && cell.symbol() != " ",
                            cell.modifier.contains(Modifier::BOLD) && cell.symbol() != " "
                        );
                        x += text::width(cell.symbol()).max(1) as u16;
                    }
                }
                shown = frame.clone();
            }
        }
    }

    #[test]
    fn a_digit_that_changes_costs_a_movement_and_itself() {
        let mut painter = Painter::default();
        let mut cell = Cell::default();
        cell.set_char('1').set_style(Style::new().fg(Color::Rgb(1, 2, 3)));
        let mut out = Vec::new();
        painter.paint(&mut out, &[(50, 0, &cell)], 80);
        out.clear();
        cell.set_char('2');
        painter.paint(&mut out, &[(50, 0, &cell)], 80);
        assert_eq!(String::from_utf8_lossy(&out), "\x1b[1;51H2");
    }
}
