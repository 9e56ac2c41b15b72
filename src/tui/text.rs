//! Text of the debugged program, made fit for the screen.
//!
//! A program that is debugged must not be able to draw on our screen: control characters
//! and those that change the direction of writing are shown as escapes. Width is counted
//! in cells.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub use crate::frontend::filter::{contains, find};
use crate::frontend::text::quote;

/// The text with everything visible that would not be.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        push_clean(&mut safe, c);
    }
    Cow::Owned(safe)
}

/// Adds a character, escaped if it must be.
pub fn push_clean(text: &mut String, c: char) {
    match c {
        c if is_unsafe(c) => quote::push_escape(text, c),
        c => text.push(c),
    }
}

/// Control characters, and those that are invisible or turn the direction of writing.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// How many cells a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

pub fn char_width(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// The beginning of a text that fits into some cells, with an ellipsis if it is cut.
pub fn fit<'a>(text: &'a str, cells: usize, ellipsis: &str) -> Cow<'a, str> {
    if text.len() <= cells || width(text) <= cells {
        return Cow::Borrowed(text);
    }
    let room = cells.saturating_sub(width(ellipsis));
    let mut used = 0;
    let mut end = 0;
    for (at, c) in text.char_indices() {
        used += char_width(c);
        if used > room {
            break;
        }
        end = at + c.len_utf8();
    }
    Cow::Owned(format!("{}{}", &text[..end], if cells > 0 { ellipsis } else { "" }))
}

/// The end of a text that fits into some cells: of paths, the file is at the end.
pub fn fit_end<'a>(text: &'a str, cells: usize, ellipsis: &str) -> Cow<'a, str> {
    if text.len() <= cells || width(text) <= cells {
        return Cow::Borrowed(text);
    }
    let room = cells.saturating_sub(width(ellipsis));
    let mut used = 0;
    let mut start = text.len();
    for (at, c) in text.char_indices().rev() {
        used += char_width(c);
        if used > room {
            break;
        }
        start = at;
    }
    Cow::Owned(format!("{}{}", if cells > 0 { ellipsis } else { "" }, &text[start..]))
}

/// The last part of a path.
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A file and its folder, which is the package: enough to recognise it.
pub fn short_path(path: &str) -> &str {
    let mut slashes = path.rmatch_indices('/');
    slashes.next();
    slashes.next().map_or(path, |(at, _)| &path[at + 1..])
}

/// A function without the path of its package: `http.(*conn).serve`.
pub fn short_function(name: &str) -> &str {
    // Slashes within type arguments are not of the package's path.
    let end = name.find('[').unwrap_or(name.len());
    name[..end].rfind('/').map_or(name, |at| &name[at + 1..])
}

/// Whether a function is the runtime's own.
pub fn is_runtime(function: &str) -> bool {
    const OWN: [&str; 4] =
        ["runtime.", "runtime/internal/", "internal/runtime/", "internal/poll.runtime_"];
    OWN.iter().any(|it| function.starts_with(it))
}

/// Whether code is the runtime's own. `time.Sleep` and others that other packages link to
/// are written in its folder.
pub fn is_runtime_code(function: &str, file: &str) -> bool {
    let folder = file.rsplit_once('/').map_or("", |it| it.0);
    is_runtime(function) || folder == "runtime" || folder.ends_with("/src/runtime")
}

/// Whether a source file came with Go: it is in the folder of its library, or, of a program
/// built with -trimpath, in one of that library's packages.
pub fn comes_with_go(file: &str, library: Option<&str>) -> bool {
    let first = file.split_once('/').map_or("", |it| it.0);
    let is_trimmed = crate::frontend::fuzzy::is_library(first);
    is_trimmed || library.is_some_and(|it| file.starts_with(it))
}

/// A duration for a clock: `4s`, `02:31`, `1:02:03`.
pub fn clock(ms: u64) -> String {
    let seconds = ms / 1000;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{rest:02}")
    } else if minutes > 0 {
        format!("{minutes}:{rest:02}")
    } else {
        format!("{rest}s")
    }
}

/// A number with its thousands apart: `84,212`.
pub fn thousands(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + 6);
    if n < 0 {
        text.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The identifier, with the fields that precede it, around a place in a line.
pub fn expression_at(line: &str, at: usize) -> Option<&str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let start = line[..at.min(line.len())]
        .rfind(|c: char| !(is_part(c) || c == '.'))
        .map_or(0, |it| it + line[it..].chars().next().map_or(0, char::len_utf8));
    let rest = &line[at.min(line.len())..];
    let end = at.min(line.len()) + rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let word = line.get(start..end)?.trim_matches('.');
    (!word.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit())).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_cannot_draw_on_our_screen() {
        let cases = [
            ("plain", "plain"),
            ("a\x1b[2Jb", "a\\x1b[2Jb"),
            ("tab\tnew\nline", "tab\\tnew\\nline"),
            ("\u{202e}gnp", "\\u202egnp"),
            ("zero\u{200b}width", "zero\\u200bwidth"),
            ("wörld 世界", "wörld 世界"),
            ("\u{9b}31m", "\\u009b31m"),
        ];
        for (text, safe) in cases {
            assert_eq!(clean(text), safe);
        }
    }

    #[test]
    fn a_text_is_cut_at_cells_not_at_bytes() {
        let cases = [
            ("short", 10, "short"),
            ("exactly ten", 10, "exactly t…"),
            ("世界世界", 5, "世界…"),
            ("世界世界", 4, "世…"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
        ];
        for (text, cells, expected) in cases {
            assert_eq!(fit(text, cells, "…"), expected, "{text} in {cells}");
        }
        assert_eq!(
            fit_end("internal/pool/worker.go", 12, "…"),
            "…l/worker.go".to_owned()
        );
    }

    #[test]
    fn numbers_and_times_are_written_for_people() {
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(-12), "-12");
        assert_eq!(thousands(999), "999");
        assert_eq!(clock(4_200), "4s");
        assert_eq!(clock(151_000), "2:31");
        assert_eq!(clock(3_723_000), "1:02:03");
    }

    #[test]
    fn small_letters_find_capitals_too() {
        assert_eq!(find("func Commit()", "commit", 0), Some(5));
        assert_eq!(find("func commit()", "Commit", 0), None);
        assert_eq!(find("aaa", "a", 1), Some(1));
        assert_eq!(find("äa", "a", 0), Some(2));
        assert_eq!(find("a", "", 0), None);
    }

    #[test]
    fn the_word_under_the_cursor_takes_its_fields_along() {
        let line = "\tw.jobs[job.ID] = job";
        assert_eq!(expression_at(line, 4), Some("w.jobs"));
        assert_eq!(expression_at(line, 13), Some("job.ID"));
        assert_eq!(expression_at(line, 17), None);
        assert_eq!(expression_at("x := 42", 6), None);
    }

    #[test]
    fn what_came_with_go_is_told_from_the_users_own() {
        let library = Some("/usr/local/go/src/");
        let cases = [
            ("/usr/local/go/src/net/http/server.go", library, true),
            ("/home/me/app/net/http/server.go", library, false),
            ("net/http/server.go", None, true),
            ("network/http/server.go", None, false),
            ("github.com/a/b@v1/net/x.go", None, false),
            ("./main.go", None, false),
            ("main.go", None, false),
        ];
        for (file, library, expected) in cases {
            assert_eq!(comes_with_go(file, library), expected, "{file}");
        }
        assert!(is_runtime_code("time.Sleep", "/usr/local/go/src/runtime/time.go"));
        assert!(!is_runtime_code("main.f", "/home/me/runtime/main.go"));
    }

    #[test]
    fn names_are_shortened_to_what_tells_them_apart() {
        assert_eq!(short_function("net/http.(*conn).serve"), "http.(*conn).serve");
        assert_eq!(short_function("main.F[a/b.T]"), "main.F[a/b.T]");
        assert_eq!(short_path("/home/x/src/pool/worker.go"), "pool/worker.go");
        assert_eq!(file_name("main.go"), "main.go");
    }
}
