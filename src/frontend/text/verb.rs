//! Formatting one value by a verb of Go's `fmt`: `print %#x n`.
//!
//! Sources: the documentation of Go's package `fmt`; what it prints was tried.

use crate::frontend::text::quote::{is_printable, quote, quote_char};

/// The widest field and the highest precision. Go has the same bound.
const WIDTH_MAX: usize = 1_000_000;
/// What we grant: a width is typed by hand, and a screen is narrower.
const WIDTH_USED_MAX: usize = 10_000;

/// A format with one verb, and what stands around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    before: String,
    verb: Verb,
    after: String,
    spelled: String,
}

/// `%-8.3f`, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Verb {
    minus: bool,
    plus: bool,
    sharp: bool,
    zero: bool,
    space: bool,
    width: usize,
    precision: Option<usize>,
    letter: char,
}

/// A value that has no parts.
#[derive(Clone, Copy, Debug)]
pub enum Scalar<'a> {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Complex(f64, f64),
    Str(&'a [u8]),
}

impl Format {
    /// Takes a format apart. One without a verb that we know is taken as text.
    pub fn parse(spelled: &str) -> Format {
        let (before, rest) = spelled.split_once('%').unwrap_or((spelled, "!"));
        let (verb, after) = parse_verb(rest);
        Format {
            before: before.to_owned(),
            verb,
            after: after.to_owned(),
            spelled: spelled.to_owned(),
        }
    }

    /// The format as it was typed.
    pub fn spelled(&self) -> &str {
        &self.spelled
    }

    pub fn apply(&self, value: Scalar<'_>) -> String {
        format!("{}{}{}", self.before, self.verb.apply(value), self.after)
    }
}

fn parse_verb(text: &str) -> (Verb, &str) {
    let mut verb = Verb { letter: '!', ..Verb::default() };
    let mut rest = text;
    while let Some(flag) = rest.chars().next() {
        match flag {
            '-' => verb.minus = true,
            '+' => verb.plus = true,
            '#' => verb.sharp = true,
            '0' => verb.zero = true,
            ' ' => verb.space = true,
            _ => break,
        }
        rest = &rest[1..];
    }
    let (width, after_width) = number(rest);
    verb.width = width.unwrap_or(0);
    rest = after_width;
    if let Some(after_dot) = rest.strip_prefix('.') {
        let (precision, after) = number(after_dot);
        verb.precision = Some(precision.unwrap_or(0));
        rest = after;
    }
    if let Some(letter) = rest.chars().next() {
        verb.letter = letter;
        rest = &rest[letter.len_utf8()..];
    }
    (verb, rest)
}

fn number(text: &str) -> (Option<usize>, &str) {
    let len = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(len);
    let number = digits.parse().ok().filter(|it| *it <= WIDTH_MAX);
    (number.map(|it: usize| it.min(WIDTH_USED_MAX)), rest)
}

impl Verb {
    fn apply(&self, value: Scalar<'_>) -> String {
        let formatted = match value {
            Scalar::Bool(it) => self.bool(it),
            Scalar::Int(it) => self.integer(it < 0, it.unsigned_abs(), false),
            Scalar::Uint(it) => self.integer(false, it, true),
            Scalar::Float(it) => self.float(it),
            Scalar::Complex(re, im) => self.complex(re, im),
            Scalar::Str(it) => self.string(it),
        };
        formatted.unwrap_or_else(|| self.bad(value))
    }

    /// What Go prints for a verb that does not fit: `%!d(string=hello)`.
    fn bad(&self, value: Scalar<'_>) -> String {
        let (kind, shown) = match value {
            Scalar::Bool(it) => ("bool", it.to_string()),
            Scalar::Int(it) => ("int64", it.to_string()),
            Scalar::Uint(it) => ("uint64", it.to_string()),
            Scalar::Float(it) => ("float64", shortest(it, 'g')),
            Scalar::Complex(re, im) => (
                "complex128",
                format!("({}{}i)", shortest(re, 'g'), signed(shortest(im, 'g'))),
            ),
            Scalar::Str(it) => ("string", String::from_utf8_lossy(it).into_owned()),
        };
        format!("%!{}({kind}={shown})", self.letter)
    }

    fn bool(&self, value: bool) -> Option<String> {
        matches!(self.letter, 't' | 'v').then(|| self.pad(value.to_string()))
    }

    fn integer(&self, negative: bool, size: u64, unsigned: bool) -> Option<String> {
        let (digits, prefix) = match self.letter {
            'v' if self.sharp && unsigned => (format!("{size:x}"), "0x"),
            'd' | 'v' => (size.to_string(), ""),
            'b' => (format!("{size:b}"), if self.sharp { "0b" } else { "" }),
            'o' => (format!("{size:o}"), if self.sharp { "0" } else { "" }),
            'O' => (format!("{size:o}"), "0o"),
            'x' => (format!("{size:x}"), if self.sharp { "0x" } else { "" }),
            'X' => (format!("{size:X}"), if self.sharp { "0X" } else { "" }),
            'c' | 'q' | 'U' => return Some(self.character(negative, size)),
            _ => return None,
        };
        let digits = match self.precision {
            Some(0) if size == 0 => String::new(),
            Some(precision) => format!("{digits:0>precision$}"),
            None => digits,
        };
        let sign = self.sign(negative);
        let fill = self.width.saturating_sub(sign.len() + prefix.len() + digits.len());
        if self.zero && !self.minus && self.precision.is_none() {
            return Some(format!("{sign}{prefix}{}{digits}", "0".repeat(fill)));
        }
        Some(self.pad(format!("{sign}{prefix}{digits}")))
    }

    fn character(&self, negative: bool, size: u64) -> String {
        let valid = u32::try_from(size).ok().filter(|_| !negative);
        let c = valid.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
        self.pad(match self.letter {
            'c' => c.to_string(),
            'q' => quote_char(c),
            _ if self.sharp && is_printable(c) => format!("U+{size:04X} '{c}'"),
            _ => format!("U+{size:04X}"),
        })
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        }
    }

    fn float(&self, value: f64) -> Option<String> {
        let size = value.abs();
        let digits = match (self.letter, self.precision) {
            _ if !value.is_finite() => {
                let sign = self.sign(value < 0.0);
                let sign = if value.is_nan() || sign == "-" { sign } else { "+" };
                let name = if value.is_nan() { "NaN" } else { "Inf" };
                return Some(self.pad(format!("{sign}{name}")));
            }
            ('f' | 'F', precision) => format!("{size:.*}", precision.unwrap_or(6)),
            ('e', precision) => exponent(format!("{size:.*e}", precision.unwrap_or(6))),
            ('E', precision) => {
                exponent(format!("{size:.*e}", precision.unwrap_or(6))).to_uppercase()
            }
            ('g' | 'v', None) => shortest(size, 'g'),
            ('G', None) => shortest(size, 'g').to_uppercase(),
            ('g' | 'v', Some(precision)) => general(size, precision),
            ('G', Some(precision)) => general(size, precision).to_uppercase(),
            ('x', _) => hexadecimal(size),
            ('X', _) => hexadecimal(size).to_uppercase(),
            ('b', _) => binary(size),
            _ => return None,
        };
        let sign = self.sign(value.is_sign_negative());
        let fill = self.width.saturating_sub(sign.len() + digits.len());
        if self.zero && !self.minus {
            return Some(format!("{sign}{}{digits}", "0".repeat(fill)));
        }
        Some(self.pad(format!("{sign}{digits}")))
    }

    fn complex(&self, re: f64, im: f64) -> Option<String> {
        let im = Verb { plus: true, ..self.clone() }.float(im)?;
        Some(format!("({}{im}i)", self.float(re)?))
    }

    fn string(&self, value: &[u8]) -> Option<String> {
        Some(match self.letter {
            's' | 'v' if self.sharp && self.letter == 'v' => self.pad(quote(value)),
            's' | 'v' => {
                let text = String::from_utf8_lossy(value);
                let shown = match self.precision {
                    Some(n_chars) => text.chars().take(n_chars).collect(),
                    None => text.into_owned(),
                };
                self.pad(shown)
            }
            'q' if self.sharp && !value.contains(&b'`') => {
                self.pad(format!("`{}`", String::from_utf8_lossy(value)))
            }
            'q' => self.pad(quote(value)),
            'x' => self.pad(self.bytes(value, |byte| format!("{byte:02x}"), "0x")),
            'X' => self.pad(self.bytes(value, |byte| format!("{byte:02X}"), "0X")),
            _ => return None,
        })
    }

    fn bytes(&self, value: &[u8], one: impl Fn(&u8) -> String, prefix: &str) -> String {
        let shown = &value[..value.len().min(self.precision.unwrap_or(usize::MAX))];
        let each: Vec<String> = shown.iter().map(one).collect();
        match (self.space, self.sharp) {
            (false, false) => each.concat(),
            (false, true) => format!("{prefix}{}", each.concat()),
            (true, false) => each.join(" "),
            (true, true) => each
                .iter()
                .map(|it| format!("{prefix}{it}"))
                .collect::<Vec<_>>()
                .join(" "),
        }
    }

    fn pad(&self, text: String) -> String {
        let width = self.width;
        if self.minus {
            format!("{text:<width$}")
        } else if self.zero {
            format!("{text:0>width$}")
        } else {
            format!("{text:>width$}")
        }
    }
}

fn signed(number: String) -> String {
    if number.starts_with('-') { number } else { format!("+{number}") }
}

/// Go writes at least two digits of the exponent, and its sign.
fn exponent(text: String) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// `%g` without a precision: the fewest digits that mean this number.
fn shortest(value: f64, _letter: char) -> String {
    let scientific = format!("{value:e}");
    let power: i32 =
        scientific.split_once('e').and_then(|(_, it)| it.parse().ok()).unwrap_or(0);
    if value != 0.0 && !(-4..21).contains(&power) {
        exponent(scientific)
    } else {
        value.to_string()
    }
}

/// `%g` with a precision: that many significant digits, without zeros at the end.
fn general(value: f64, precision: usize) -> String {
    let n_digits = precision.max(1);
    let scientific = format!("{value:.*e}", n_digits - 1);
    let power: i32 =
        scientific.split_once('e').and_then(|(_, it)| it.parse().ok()).unwrap_or(0);
    let n_digits = i32::try_from(n_digits).unwrap_or(i32::MAX);
    if power < -4 || power >= n_digits {
        let Some((mantissa, rest)) = scientific.split_once('e') else {
            return scientific;
        };
        return exponent(format!("{}e{rest}", trim_zeros(mantissa)));
    }
    let n_decimals = usize::try_from(n_digits - 1 - power).unwrap_or(0);
    trim_zeros(&format!("{value:.n_decimals$}")).to_owned()
}

fn trim_zeros(decimal: &str) -> &str {
    if decimal.contains('.') {
        decimal.trim_end_matches('0').trim_end_matches('.')
    } else {
        decimal
    }
}

const MANTISSA_BITS: i32 = 52;
const EXPONENT_BIAS: i32 = 1023;

/// `%x` of a float: `0x1.ap+01`.
fn hexadecimal(value: f64) -> String {
    if value == 0.0 {
        return "0x0p+00".to_owned();
    }
    // A subnormal number becomes a normal one by a power of two that is taken off again.
    let (scaled, shift) =
        if value < f64::MIN_POSITIVE { (value * 2f64.powi(64), 64) } else { (value, 0) };
    let bits = scaled.to_bits();
    let power = (bits >> MANTISSA_BITS) as i32 - EXPONENT_BIAS - shift;
    let mantissa = format!("{:013x}", bits & ((1 << MANTISSA_BITS) - 1));
    let mantissa = mantissa.trim_end_matches('0');
    let dot = if mantissa.is_empty() { "" } else { "." };
    let sign = if power < 0 { '-' } else { '+' };
    format!("0x1{dot}{mantissa}p{sign}{:02}", power.abs())
}

/// `%b` of a float: an integer and a power of two.
fn binary(value: f64) -> String {
    let bits = value.to_bits();
    let mantissa = bits & ((1 << MANTISSA_BITS) - 1);
    let (mantissa, power) = match (bits >> MANTISSA_BITS) as i32 {
        0 => (mantissa, 1),
        power => (mantissa | 1 << MANTISSA_BITS, power),
    };
    let power = power - EXPONENT_BIAS - MANTISSA_BITS;
    format!("{mantissa}p{power:+}")
}

#[cfg(test)]
mod tests {
    use super::{Format, Scalar};

    #[test]
    fn verbs_do_what_gos_do() {
        use Scalar::{Bool, Complex, Float, Int, Str, Uint};
        let pi = Float(std::f64::consts::PI);
        let cases: &[(&str, Scalar<'_>, &str)] = &[
            ("%x", Int(-12345), "-3039"),
            ("%#x", Uint(77), "0x4d"),
            ("%08b", Uint(200), "11001000"),
            ("%08b", Int(-5), "-0000101"),
            ("%+d", Int(5), "+5"),
            ("%5d|", Int(5), "    5|"),
            ("%-5d|", Int(5), "5    |"),
            ("%#o", Int(8), "010"),
            ("%.3d", Int(5), "005"),
            ("%c", Uint(200), "È"),
            ("%q", Int(65), "'A'"),
            ("%U", Uint(200), "U+00C8"),
            ("%v", Int(3), "3"),
            ("%s", Int(3), "%!s(int64=3)"),
            ("%8.3f", pi, "   3.142"),
            ("%e", pi, "3.141593e+00"),
            ("%g", Float(1e21), "1e+21"),
            ("%g", Float(0.00001), "1e-05"),
            ("%g", Float(100000.0), "100000"),
            ("%.3g", pi, "3.14"),
            ("%.3g", Float(1234567.0), "1.23e+06"),
            ("%08.2f", Float(-1.5), "-0001.50"),
            ("%x", Float(3.25), "0x1.ap+01"),
            ("%v", Float(f64::INFINITY), "+Inf"),
            ("%f", Float(f64::NAN), "NaN"),
            ("%x", Complex(3.25, 4.5), "(0x1.ap+01+0x1.2p+02i)"),
            ("%.1f", Complex(1.0, -2.0), "(1.0-2.0i)"),
            ("%t", Bool(true), "true"),
            ("%d", Bool(true), "%!d(bool=true)"),
            ("%s", Str(b"hi"), "hi"),
            ("%q", Str(b"h\"i"), "\"h\\\"i\""),
            ("%x", Str(b"ab\xff\xfecd"), "6162fffe6364"),
            ("% x", Str(b"ab"), "61 62"),
            ("%.2s", Str("世界x".as_bytes()), "世界"),
            ("%d", Str(b"hi"), "%!d(string=hi)"),
            ("<%d>", Int(1), "<1>"),
        ];
        for (format, value, expected) in cases {
            assert_eq!(Format::parse(format).apply(*value), *expected, "{format}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_format_is_too_strange(
            format in "[-+# 0]{0,4}[0-9]{0,4}(\\.[0-9]{0,3})?[a-zA-Zé%]?",
            int in proptest::num::i64::ANY,
            float in proptest::num::f64::ANY,
        ) {
            let format = Format::parse(&format!("%{format}"));
            let _int = format.apply(Scalar::Int(int));
            let _float = format.apply(Scalar::Float(float));
            let _complex = format.apply(Scalar::Complex(float, -float));
            let _text = format.apply(Scalar::Str(&int.to_le_bytes()));
        }
    }
}
