//! A screen as a picture: SVG for the README, PNG for everything else. The same cells give
//! the same bytes, on every machine.
//!
//! Lines of boxes are drawn as shapes, not as characters: fonts leave seams between them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::fixture::root;

const WIDTH: usize = 9;
const HEIGHT: usize = 18;
const BASELINE: usize = 14;

/// What a terminal shows where a program names no colour.
#[derive(Clone, Copy)]
pub struct Ground {
    pub text: Rgb,
    pub back: Rgb,
}

pub type Rgb = [u8; 3];

pub const DARK: Ground = Ground { text: [0xd4, 0xd4, 0xd4], back: [0x1e, 0x1e, 0x1e] };
pub const LIGHT: Ground = Ground { text: [0x24, 0x29, 0x2e], back: [0xff, 0xff, 0xff] };

/// The sixteen colours that terminals have by name.
const ANSI: [Rgb; 16] = [
    [0x00, 0x00, 0x00],
    [0xcd, 0x31, 0x31],
    [0x0d, 0xbc, 0x79],
    [0xd7, 0xba, 0x2d],
    [0x3b, 0x82, 0xe0],
    [0xbc, 0x3f, 0xbc],
    [0x11, 0xa8, 0xcd],
    [0xcc, 0xcc, 0xcc],
    [0x76, 0x76, 0x76],
    [0xf1, 0x4c, 0x4c],
    [0x23, 0xd1, 0x8b],
    [0xf5, 0xf5, 0x43],
    [0x6c, 0xb0, 0xff],
    [0xd6, 0x70, 0xd6],
    [0x29, 0xd8, 0xf0],
    [0xff, 0xff, 0xff],
];

/// How a cell looks, with every colour known.
#[derive(Clone, Copy, PartialEq)]
struct Look {
    text: Rgb,
    back: Rgb,
    bold: bool,
    italic: bool,
    underlined: bool,
}

fn look(cell: &Cell, ground: Ground) -> Look {
    let has = |it| cell.modifier.contains(it);
    let mut text = rgb(cell.fg, ground.text);
    let mut back = rgb(cell.bg, ground.back);
    if has(Modifier::REVERSED) {
        std::mem::swap(&mut text, &mut back);
    }
    if has(Modifier::DIM) {
        text = mix(text, back, 150);
    }
    Look {
        text,
        back,
        bold: has(Modifier::BOLD),
        italic: has(Modifier::ITALIC),
        underlined: has(Modifier::UNDERLINED),
    }
}

fn rgb(color: Color, default: Rgb) -> Rgb {
    let ansi = |index: usize| ANSI[index];
    match color {
        Color::Reset => default,
        Color::Rgb(r, g, b) => [r, g, b],
        Color::Black => ansi(0),
        Color::Red => ansi(1),
        Color::Green => ansi(2),
        Color::Yellow => ansi(3),
        Color::Blue => ansi(4),
        Color::Magenta => ansi(5),
        Color::Cyan => ansi(6),
        Color::Gray => ansi(7),
        Color::DarkGray => ansi(8),
        Color::LightRed => ansi(9),
        Color::LightGreen => ansi(10),
        Color::LightYellow => ansi(11),
        Color::LightBlue => ansi(12),
        Color::LightMagenta => ansi(13),
        Color::LightCyan => ansi(14),
        Color::White => ansi(15),
        Color::Indexed(index @ 0..16) => ansi(index.into()),
        Color::Indexed(index @ 16..232) => {
            let cube = |digit: u8| if digit == 0 { 0 } else { 55 + 40 * digit };
            let index = index - 16;
            [cube(index / 36), cube(index / 6 % 6), cube(index % 6)]
        }
        Color::Indexed(index) => [8 + 10 * (index - 232); 3],
    }
}

/// `weight` of 255 is all of `a`.
fn mix(a: Rgb, b: Rgb, weight: u32) -> Rgb {
    let one = |a: u8, b: u8| {
        ((u32::from(a) * weight + u32::from(b) * (255 - weight) + 127) / 255) as u8
    };
    [one(a[0], b[0]), one(a[1], b[1]), one(a[2], b[2])]
}

/// The arms of a character that is made of lines: up, right, down, left; 1 is a thin line
/// and 2 a thick one.
fn arms(symbol: &str) -> Option<([u8; 4], bool)> {
    let (arms, round) = match symbol {
        "─" => ([0, 1, 0, 1], false),
        "│" => ([1, 0, 1, 0], false),
        "┌" => ([0, 1, 1, 0], false),
        "┐" => ([0, 0, 1, 1], false),
        "└" => ([1, 1, 0, 0], false),
        "┘" => ([1, 0, 0, 1], false),
        "├" => ([1, 1, 1, 0], false),
        "┤" => ([1, 0, 1, 1], false),
        "┬" => ([0, 1, 1, 1], false),
        "┴" => ([1, 1, 0, 1], false),
        "┼" => ([1, 1, 1, 1], false),
        "╭" => ([0, 1, 1, 0], true),
        "╮" => ([0, 0, 1, 1], true),
        "╰" => ([1, 1, 0, 0], true),
        "╯" => ([1, 0, 0, 1], true),
        "━" => ([0, 2, 0, 2], false),
        "┃" => ([2, 0, 2, 0], false),
        "┏" => ([0, 2, 2, 0], false),
        "┓" => ([0, 0, 2, 2], false),
        "┗" => ([2, 2, 0, 0], false),
        "┛" => ([2, 0, 0, 2], false),
        "┣" => ([2, 2, 2, 0], false),
        "┫" => ([2, 0, 2, 2], false),
        _ => return None,
    };
    Some((arms, round))
}

/// The part of a cell that a block character fills: x, y, width, height.
fn block(symbol: &str) -> Option<[usize; 4]> {
    Some(match symbol {
        "█" => [0, 0, WIDTH, HEIGHT],
        "▐" => [WIDTH / 2, 0, WIDTH - WIDTH / 2, HEIGHT],
        "▌" => [0, 0, WIDTH / 2, HEIGHT],
        "▀" => [0, 0, WIDTH, HEIGHT / 2],
        "▄" => [0, HEIGHT / 2, WIDTH, HEIGHT / 2],
        "▏" => [0, 0, 1, HEIGHT],
        "▎" => [0, 0, 2, HEIGHT],
        "▕" => [WIDTH - 1, 0, 1, HEIGHT],
        "▁" => [0, HEIGHT - 2, WIDTH, 2],
        "▔" => [0, 0, WIDTH, 2],
        _ => return None,
    })
}

/// The rectangles that arms are made of, in pixels of the cell.
fn bars(arms: [u8; 4]) -> Vec<[usize; 4]> {
    let (cx, cy) = (WIDTH / 2, HEIGHT / 2);
    let mut bars = Vec::new();
    for (side, weight) in arms.into_iter().enumerate() {
        let thick = usize::from(weight);
        if thick == 0 {
            continue;
        }
        bars.push(match side {
            0 => [cx, 0, thick, cy + thick],
            1 => [cx, cy, WIDTH - cx, thick],
            2 => [cx, cy, thick, HEIGHT - cy],
            _ => [0, cy, cx + thick, thick],
        });
    }
    bars
}

/// The screen as SVG, with its text as the description.
pub fn svg(buffer: &Buffer, title: &str, ground: Ground) -> String {
    let (columns, rows) = (buffer.area.width as usize, buffer.area.height as usize);
    let (width, height) = (columns * WIDTH, rows * HEIGHT);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n<title>{}</title>\n<desc>{}</desc>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"{}\"/>\n\
         <g font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"15\" \
         xml:space=\"preserve\">\n",
        escape(title),
        escape(&text(buffer)),
        hex(ground.back),
    );
    let mut shapes: BTreeMap<String, String> = BTreeMap::new();
    for row in 0..rows {
        backs(&mut out, buffer, row, ground);
        words(&mut out, &mut shapes, buffer, row, ground);
    }
    for (color, path) in shapes {
        let _ = writeln!(out, "<path fill=\"{color}\" d=\"{path}\"/>");
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// The backgrounds of a row, each run of one colour as a rectangle.
fn backs(out: &mut String, buffer: &Buffer, row: usize, ground: Ground) {
    let mut column = 0;
    while column < buffer.area.width as usize {
        let color = look(cell(buffer, column, row), ground).back;
        let start = column;
        while column < buffer.area.width as usize
            && look(cell(buffer, column, row), ground).back == color
        {
            column += 1;
        }
        if color != ground.back {
            let _ = writeln!(
                out,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{HEIGHT}\" fill=\"{}\"/>",
                start * WIDTH,
                row * HEIGHT,
                (column - start) * WIDTH,
                hex(color),
            );
        }
    }
}

/// The characters of a row, each run of one look as a text; lines go to the shapes.
fn words(
    out: &mut String,
    shapes: &mut BTreeMap<String, String>,
    buffer: &Buffer,
    row: usize,
    ground: Ground,
) {
    let mut column = 0;
    while column < buffer.area.width as usize {
        let it = cell(buffer, column, row);
        let style = look(it, ground);
        if let Some(rects) = shape(it.symbol()) {
            for [x, y, w, h] in rects {
                let (x, y) = (column * WIDTH + x, row * HEIGHT + y);
                let path = shapes.entry(hex(style.text)).or_default();
                let _ = write!(path, "M{x} {y}h{w}v{h}h-{w}z");
            }
            column += 1;
            continue;
        }
        let start = column;
        let mut run = String::new();
        while column < buffer.area.width as usize {
            let it = cell(buffer, column, row);
            if look(it, ground) != style || shape(it.symbol()).is_some() {
                break;
            }
            run.push_str(it.symbol());
            column += 1;
        }
        if run.trim().is_empty() && !style.underlined {
            continue;
        }
        let leading = run.chars().take_while(|it| *it == ' ').count();
        let shown = run.trim();
        let mut attributes = String::new();
        for (is_so, attribute) in [
            (style.bold, " font-weight=\"bold\""),
            (style.italic, " font-style=\"italic\""),
            (style.underlined, " text-decoration=\"underline\""),
        ] {
            attributes.push_str(if is_so { attribute } else { "" });
        }
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" fill=\"{}\" textLength=\"{}\"{attributes}>{}</text>",
            (start + leading) * WIDTH,
            row * HEIGHT + BASELINE,
            hex(style.text),
            shown.chars().count() * WIDTH,
            escape(shown),
        );
    }
}

fn shape(symbol: &str) -> Option<Vec<[usize; 4]>> {
    arms(symbol).map(|it| bars(it.0)).or_else(|| block(symbol).map(|it| vec![it]))
}

fn cell(buffer: &Buffer, column: usize, row: usize) -> &Cell {
    &buffer[(column as u16, row as u16)]
}

/// The screen as plain text, without the spaces at the ends of its lines.
pub fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in 0..buffer.area.height as usize {
        let line: String = (0..buffer.area.width as usize)
            .map(|it| cell(buffer, it, row).symbol())
            .collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The screen as PNG.
pub fn png(buffer: &Buffer, ground: Ground) -> Vec<u8> {
    let font = Font::read();
    let (columns, rows) = (buffer.area.width as usize, buffer.area.height as usize);
    let (width, height) = (columns * WIDTH, rows * HEIGHT);
    let mut pixels = vec![[0; 3]; width * height];
    for row in 0..rows {
        for column in 0..columns {
            let it = cell(buffer, column, row);
            let style = look(it, ground);
            let alpha = |x, y| font.alpha(it.symbol(), style, x, y);
            for y in 0..HEIGHT {
                for x in 0..WIDTH {
                    let at = (row * HEIGHT + y) * width + column * WIDTH + x;
                    pixels[at] = mix(style.text, style.back, alpha(x, y));
                }
            }
        }
    }
    encode(width, height, &pixels)
}

/// Pictures of characters.
struct Font {
    characters: Vec<char>,
    /// Rows of all characters side by side, regular above bold.
    pixels: Vec<u8>,
}

impl Font {
    fn read() -> Font {
        let dir = root().join("testdata/font");
        let characters = fs::read_to_string(dir.join("characters.txt")).expect("a font");
        let characters: Vec<char> = characters.trim_end().chars().collect();
        let file = fs::read(dir.join("glyphs.pgm")).expect("a font");
        let pixels = file[file.len() - characters.len() * WIDTH * HEIGHT * 2..].to_vec();
        Font { characters, pixels }
    }

    /// How much of a pixel of a cell is covered, of 255.
    fn alpha(&self, symbol: &str, style: Look, x: usize, y: usize) -> u32 {
        if style.underlined && y == BASELINE + 2 {
            return 255;
        }
        if let Some(rects) = shape(symbol) {
            let inside = |[left, top, w, h]: &[usize; 4]| {
                (*left..left + w).contains(&x) && (*top..top + h).contains(&y)
            };
            return if rects.iter().any(inside) { 255 } else { 0 };
        }
        let first = symbol.chars().next().unwrap_or(' ');
        if first == ' ' {
            return 0;
        }
        let unknown =
            self.characters.iter().position(|it| *it == '?').expect("a font has it");
        let index = self.characters.iter().position(|it| *it == first).unwrap_or(unknown);
        let row = y + if style.bold { HEIGHT } else { 0 };
        self.pixels[row * self.characters.len() * WIDTH + index * WIDTH + x].into()
    }
}

fn encode(width: usize, height: usize, pixels: &[Rgb]) -> Vec<u8> {
    let mut raw = Vec::with_capacity(pixels.len() * 3 + height);
    for line in pixels.chunks(width) {
        raw.push(0);
        raw.extend(line.iter().flatten());
    }
    let mut data = ZlibEncoder::new(Vec::new(), Compression::best());
    data.write_all(&raw).expect("memory takes it");
    let data = data.finish().expect("memory takes it");
    let mut head = Vec::new();
    head.extend((width as u32).to_be_bytes());
    head.extend((height as u32).to_be_bytes());
    head.extend([8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", &head), (b"IDAT", &data), (b"IEND", &Vec::new())] {
        png.extend((data.len() as u32).to_be_bytes());
        let start = png.len();
        png.extend(kind);
        png.extend(data);
        let sum = crc(&png[start..]);
        png.extend(sum.to_be_bytes());
    }
    png
}

/// The check sum of PNG (ISO 3309).
fn crc(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg());
        }
    }
    !sum
}
