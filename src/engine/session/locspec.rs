//! Location specs: the text with which the user names places in the code.
//!
//! Parsing is here and needs no program; what a spec resolves to is in
//! [`crate::engine::session::resolve`]. The grammar is Delve's (`spec/system.md` §5.1).

use crate::engine::error::{Error, Result};

/// A location spec, understood as far as its text goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocationSpec {
    /// `file.go:12`, `pkg.Fn`, `pkg.Fn:2`: whether `base` is a file or a function only
    /// the program can tell.
    Named { base: String, line: Option<u32> },
    /// `/regex/`: every function whose name matches.
    Regex(String),
    /// `+n`, `-n`: lines after or before the current one.
    Offset(i64),
    /// `n`: a line of the current file.
    Line(u32),
    /// `*expression`: an address, or a function value.
    Address(String),
}

/// Parses a location spec.
///
/// # Errors
///
/// `Malformed breakpoint location "…" at N: reason`, as Delve words it.
pub fn parse(text: &str) -> Result<LocationSpec> {
    let malformed = |at: usize, reason: &str| {
        Error::message(format!(
            "Malformed breakpoint location {text:?} at {at}: {reason}"
        ))
    };
    let rest = text.trim();
    let Some(first) = rest.chars().next() else {
        return Err(malformed(0, "empty string"));
    };
    match first {
        '+' | '-' => match rest[1..].trim().parse::<i64>() {
            Ok(n) => Ok(LocationSpec::Offset(if first == '-' { -n } else { n })),
            Err(_) if first == '+' && rest.len() == 1 => Ok(LocationSpec::Offset(0)),
            Err(_) => Err(malformed(1, "line offset negative or not a number")),
        },
        '/' => parse_regex(rest).map_err(|(at, reason)| malformed(at, reason)),
        '*' => Ok(LocationSpec::Address(rest[1..].trim().to_owned())),
        _ => match parse_number(rest) {
            Some(line) => Ok(LocationSpec::Line(line)),
            None => parse_named(rest).map_err(|(at, reason)| malformed(at, reason)),
        },
    }
}

type Failure = (usize, &'static str);

/// `/regex/`; an absolute path such as `/src/main.go:12` also begins with a slash and is
/// told apart by what follows the last one.
fn parse_regex(text: &str) -> std::result::Result<LocationSpec, Failure> {
    let body = &text[1..];
    let mut pattern = String::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some((_, '/')) => pattern.push('/'),
                Some((_, other)) => pattern.extend(['\\', other]),
                None => pattern.push('\\'),
            },
            '/' if body[at + 1..].is_empty() => return Ok(LocationSpec::Regex(pattern)),
            '/' if body[at + 1..].starts_with(':') => {
                let reason =
                    "no line offset can be specified for regular expression locations";
                return Err((at + 2, reason));
            }
            '/' => return parse_named(text),
            _ => pattern.push(c),
        }
    }
    match text.rsplit_once(':') {
        Some(_) => parse_named(text),
        None => Err((text.len(), "non-terminated regular expression")),
    }
}

fn parse_named(text: &str) -> std::result::Result<LocationSpec, Failure> {
    let Some((base, line)) = text.rsplit_once(':') else {
        return Ok(LocationSpec::Named { base: text.to_owned(), line: None });
    };
    match parse_number(line) {
        Some(line) => Ok(LocationSpec::Named { base: base.to_owned(), line: Some(line) }),
        None => Err((base.len() + 1, "line offset negative or not a number")),
    }
}

/// A number as Go writes it: decimal, or with a prefix of its base.
fn parse_number(text: &str) -> Option<u32> {
    let lower = text.to_ascii_lowercase();
    match lower.as_bytes() {
        [b'0', b'x', ..] => u32::from_str_radix(&lower[2..], 16).ok(),
        [b'0', b'b', ..] => u32::from_str_radix(&lower[2..], 2).ok(),
        [b'0', b'o', ..] => u32::from_str_radix(&lower[2..], 8).ok(),
        [b'0'..=b'9', ..] => lower.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_are_told_apart_by_their_first_character() {
        let named = |base: &str, line| LocationSpec::Named { base: base.into(), line };
        let cases = [
            ("main.go:12", named("main.go", Some(12))),
            ("main.main", named("main.main", None)),
            ("pkg.(*T).M", named("pkg.(*T).M", None)),
            ("main.main:3", named("main.main", Some(3))),
            ("/src/a/main.go:7", named("/src/a/main.go", Some(7))),
            ("/main.*/", LocationSpec::Regex("main.*".into())),
            (r"/a\/b/", LocationSpec::Regex("a/b".into())),
            ("+3", LocationSpec::Offset(3)),
            ("-3", LocationSpec::Offset(-3)),
            ("+", LocationSpec::Offset(0)),
            ("14", LocationSpec::Line(14)),
            ("0x10", LocationSpec::Line(16)),
            ("*0x401000", LocationSpec::Address("0x401000".into())),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_malformed_spec_says_where_and_why() {
        let cases = [
            ("", r#"Malformed breakpoint location "" at 0: empty string"#),
            ("main.go:x", "line offset negative or not a number"),
            ("/unfinished", "non-terminated regular expression"),
        ];
        for (text, part) in cases {
            let said = parse(text).unwrap_err().to_string();
            assert!(said.contains(part), "{text}: {said}");
        }
    }
}
