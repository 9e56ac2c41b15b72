//! How does a scalar read? The text of numbers, of named constants and of times, as Delve
//! writes them.

use crate::calendar::date_of;
use crate::engine::eval::facts::{TIME_HAS_MONOTONIC, TIME_UNIX_EPOCH, TIME_WALL_EPOCH};
use crate::engine::eval::operand::Const;

/// The shortest decimal text that means the same number; never with an exponent
/// (`strconv.FormatFloat(x, 'f', -1, bits)`).
pub(crate) fn float_text(x: f64, is_single: bool) -> String {
    if x.is_nan() {
        return "NaN".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    // Go's constants know no negative zero.
    let x = x + 0.0;
    #[expect(clippy::cast_possible_truncation, reason = "the value came from a float32")]
    let single = x as f32;
    if is_single { format!("{single}") } else { format!("{x}") }
}

/// `(3.25 + 4.5i)`: what `constant.Value.String` makes of a complex constant, six digits
/// for each part.
pub(crate) fn complex_text(re: f64, im: f64) -> String {
    format!("({} + {}i)", short_float_text(re), short_float_text(im))
}

/// A float with six significant digits, as `%.6g` prints it; more only where it would
/// look like an integer without being one.
pub(crate) fn short_float_text(x: f64) -> String {
    if !x.is_finite() {
        return float_text(x, false);
    }
    let x = x + 0.0;
    let short = general_text(&format!("{x:.5e}"), 6);
    if x.fract() != 0.0 && !short.contains('.') {
        return general_text(&format!("{x:e}"), 21);
    }
    short
}

/// Turns `d.ddde±x` into what C's and Go's `%g` print: no trailing zeros, an exponent of
/// two digits where it is below −4 or reaches `precision`.
fn general_text(scientific: &str, precision: i32) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    let digits = match digits.trim_end_matches('0') {
        "" => "0",
        trimmed => trimmed,
    };
    if exponent < -4 || exponent >= precision {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let plus = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}{dot}{rest}e{plus}{:02}", exponent.abs());
    }
    if exponent < 0 {
        let zeros = "0".repeat(usize::try_from(-exponent - 1).unwrap_or(0));
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = usize::try_from(exponent).unwrap_or(0) + 1;
    match digits.len() > whole {
        true => format!("{sign}{}.{}", &digits[..whole], &digits[whole..]),
        false => format!("{sign}{digits}{}", "0".repeat(whole - digits.len())),
    }
}

/// The name of `n` among the constants of its type: the constant that equals it, or the
/// one-bit constants that make it up, as `A|B`.
pub(crate) fn constant_name(constants: &[(String, i64)], n: i64) -> Option<String> {
    if let Some((name, _)) = constants.iter().find(|(_, value)| *value == n) {
        return Some(name.clone());
    }
    let mut rest = n;
    let mut names: Vec<&str> = Vec::new();
    for (name, value) in constants {
        if value.count_ones() == 1 && rest & value != 0 {
            names.push(name);
            rest &= !value;
        }
    }
    (rest == 0 && n != 0).then(|| names.join("|"))
}

/// The text of bytes that should be UTF-8: each byte that is not becomes U+FFFD, as
/// Go's `encoding/json` does it. The flag tells whether there was such a byte.
pub(crate) fn lossy_text(bytes: &[u8]) -> (String, bool) {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    let mut lossy = false;
    loop {
        match std::str::from_utf8(rest) {
            Ok(valid) => {
                text.push_str(valid);
                return (text, lossy);
            }
            Err(error) => {
                let (valid, bad) = rest.split_at(error.valid_up_to());
                text.push_str(std::str::from_utf8(valid).unwrap_or_default());
                text.push('\u{fffd}');
                lossy = true;
                rest = bad.get(1..).unwrap_or_default();
            }
        }
    }
}

/// The text of a constant, as `constant.Value.String` gives it in messages.
pub(crate) fn const_text(value: &Const) -> String {
    match value {
        Const::Bool(b) => b.to_string(),
        Const::Int(n) => n.to_string(),
        Const::Float(x) => short_float_text(*x),
        Const::Complex(re, im) => complex_text(*re, *im),
        Const::String(bytes) => quoted(&lossy_text(bytes).0),
    }
}

/// Text in Go's quotes (`%q`, `strconv.Quote`).
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0b' => out.push_str("\\v"),
            '\x0c' => out.push_str("\\f"),
            c if c.is_ascii_control() => {
                out.push_str(&format!("\\x{:02x}", u32::from(c)));
            }
            c if c.is_ascii() || c.escape_debug().count() == 1 => out.push(c),
            c if u32::from(c) < 0x1_0000 => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

/// What `time.Time` holds, before it is text.
#[derive(Clone, Copy)]
pub(crate) struct Instant {
    pub wall: u64,
    pub ext: i64,
}

/// Days from the first of January of the year 1, from which `time.Time` counts, to 1970.
const DAYS_TO_1970: i64 = 719_162;

/// Times further away than this many seconds are not put into words.
const SECONDS_MAX: i64 = 9_223_372_036_000;

impl Instant {
    /// Seconds since 1970.
    pub fn unix(self) -> i64 {
        self.seconds().wrapping_sub(TIME_UNIX_EPOCH)
    }

    fn seconds(self) -> i64 {
        match self.wall & TIME_HAS_MONOTONIC {
            0 => self.ext,
            _ => (self.wall << 1 >> 31).cast_signed() + TIME_WALL_EPOCH,
        }
    }

    /// The time in RFC 3339's form, `offset` seconds east of UTC, with the reading of the
    /// monotonic clock if there is one; `None` if it is out of range.
    pub fn text(self, offset: i64) -> Option<String> {
        let seconds = self.seconds();
        if !(-SECONDS_MAX..=SECONDS_MAX).contains(&seconds) {
            return None;
        }
        let offset = offset.clamp(-86_400, 86_400);
        let local = seconds + offset;
        let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = date_of(days - DAYS_TO_1970);
        let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
        let zone = match offset {
            0 => "Z".to_owned(),
            _ => {
                let sign = if offset < 0 { '-' } else { '+' };
                let minutes = offset.abs() / 60;
                format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        };
        // Go does not count the sign.
        let year = format!("{}{:04}", if year < 0 { "-" } else { "" }, year.abs());
        let mut text = format!("{year}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}{zone}");
        if self.wall & TIME_HAS_MONOTONIC != 0 {
            text.push_str(&format!(", {:+}", self.ext));
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_as_go_quotes_it() {
        let cases = [
            ("a\"\\b", r#""a\"\\b""#),
            ("\x07\x08\x0b\x0c\n\r\t\x00\x1b\x7f", r#""\a\b\v\f\n\r\t\x00\x1b\x7f""#),
            ("日本\u{200d}\u{e000}\u{e0001}é", r#""日本\u200d\ue000\U000e0001é""#),
        ];
        for (text, wanted) in cases {
            assert_eq!(quoted(text), wanted);
        }
    }

    #[test]
    fn floats_read_as_go_writes_them() {
        let cases = [
            (std::f64::consts::PI, "3.141592653589793"),
            (1e21, "1000000000000000000000"),
            (-12345.0, "-12345"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
            (-0.0, "0"),
            (5e-7, "0.0000005"),
        ];
        for (x, text) in cases {
            assert_eq!(float_text(x, false), text);
        }
        assert_eq!(float_text(f64::from(0.1f32), true), "0.1");
    }

    #[test]
    fn complex_parts_have_six_digits() {
        let cases = [
            (3.25, "3.25"),
            (-2.0, "-2"),
            (100_000.0, "100000"),
            (1e6, "1e+06"),
            (1234567.0, "1.23457e+06"),
            (0.00001, "1e-05"),
            (0.000123, "0.000123"),
            (std::f64::consts::PI, "3.14159"),
            (999_999.5, "999999.5"),
            (0.0, "0"),
        ];
        for (x, text) in cases {
            assert_eq!(short_float_text(x), text);
        }
        assert_eq!(complex_text(1.0, -2.0), "(1 + -2i)");
    }

    #[test]
    fn a_number_is_named_by_its_constant_or_by_its_bits() {
        let plain = [("Red".into(), 0), ("Green".into(), 1), ("Blue".into(), 2)];
        assert_eq!(constant_name(&plain, 1).as_deref(), Some("Green"));
        assert_eq!(constant_name(&plain, 7), None);
        let bits = [("A".into(), 1), ("B".into(), 2), ("C".into(), 4)];
        assert_eq!(constant_name(&bits, 5).as_deref(), Some("A|C"));
        assert_eq!(constant_name(&bits, 8), None);
        assert_eq!(constant_name(&bits, 0), None);
    }

    #[test]
    fn every_bad_byte_is_one_replacement() {
        assert_eq!(lossy_text(b"ab\xff\xfecd"), ("ab\u{fffd}\u{fffd}cd".into(), true));
        assert_eq!(lossy_text("世".as_bytes()), ("世".into(), false));
        let cut = &"世".as_bytes()[..2];
        assert_eq!(lossy_text(cut), ("\u{fffd}\u{fffd}".into(), true));
    }

    #[test]
    fn times_read_as_rfc_3339() {
        let cases = [
            (0, 63_835_596_800, 0, Some("2023-11-14T22:13:20Z")),
            (0, 63_835_596_800, 3600, Some("2023-11-14T23:13:20+01:00")),
            (0, 63_835_596_800, -12_600, Some("2023-11-14T18:43:20-03:30")),
            (0, 0, 0, Some("0001-01-01T00:00:00Z")),
            (0, i64::MAX, 0, None),
            (1 << 63 | 4_382_812_800 << 30, 12, 0, Some("2023-11-21T00:00:00Z, +12")),
        ];
        for (wall, ext, offset, text) in cases {
            assert_eq!(Instant { wall, ext }.text(offset).as_deref(), text);
        }
    }
}
