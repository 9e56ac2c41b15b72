//! Quoting as Go's `strconv.Quote` does it, of bytes that need not be UTF-8.

use std::fmt::Write;

/// The bytes in double quotes: what cannot be printed is escaped, and bytes that are no
/// UTF-8 are `\xNN`.
pub fn quote(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push_escaped(&mut out, c, '"');
        }
        for byte in chunk.invalid() {
            push_hex(&mut out, *byte);
        }
    }
    out.push('"');
    out
}

/// A character in single quotes, as Go's `%q` shows an integer.
pub fn quote_char(c: char) -> String {
    let mut out = String::from("'");
    push_escaped(&mut out, c, '\'');
    out.push('\'');
    out
}

fn push_escaped(out: &mut String, c: char, delimiter: char) {
    match c {
        '\\' => out.push_str("\\\\"),
        _ if c == delimiter => {
            out.push('\\');
            out.push(c);
        }
        _ if is_printable(c) => out.push(c),
        _ => push_escape(out, c),
    }
}

/// A character that is not to be seen, as an escape.
pub fn push_escape(out: &mut String, c: char) {
    match c {
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        '\0'..='\x7f' => push_hex(out, c as u8),
        '\u{80}'..='\u{ffff}' => push_unicode(out, 'u', 4, c),
        _ => push_unicode(out, 'U', 8, c),
    }
}

fn push_hex(out: &mut String, byte: u8) {
    // Writing to a String cannot fail.
    let _infallible = write!(out, "\\x{byte:02x}");
}

fn push_unicode(out: &mut String, letter: char, width: usize, c: char) {
    let _infallible = write!(out, "\\{letter}{:0width$x}", u32::from(c));
}

/// Rust's own notion, which agrees with Go's but for a few marks that combine.
pub fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~') || (!c.is_ascii() && c.escape_debug().count() == 1)
}

/// The name of a type as it stands in an expression: quoted if it has a path in it.
pub fn type_in_expression(prefix: &str, type_name: &str) -> String {
    if type_name.contains('/') {
        format!("{prefix}{}", quote(type_name.as_bytes()))
    } else {
        format!("{prefix}{type_name}")
    }
}

#[cfg(test)]
mod tests {
    use super::{quote, quote_char};

    #[test]
    fn bytes_are_quoted_as_go_does() {
        let cases: &[(&[u8], &str)] = &[
            (b"", r#""""#),
            ("hello, 世界 <&>".as_bytes(), r#""hello, 世界 <&>""#),
            (b"ab\xff\xfecd", r#""ab\xff\xfecd""#),
            (b"a\"b\\c'\n\t\x00\x7f", r#""a\"b\\c'\n\t\x00\x7f""#),
            ("\u{a0}\u{200b}".as_bytes(), r#""\u00a0\u200b""#),
        ];
        for (bytes, expected) in cases {
            assert_eq!(quote(bytes), *expected);
        }
        assert_eq!(quote_char('\''), r"'\''");
        assert_eq!(quote_char('"'), "'\"'");
    }
}
