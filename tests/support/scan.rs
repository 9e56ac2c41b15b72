//! What a Rust source says once comments, literals and tests are taken out: enough of a
//! lexer for rules about the code, and no more.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;

/// A source file, as it stands and as its code alone.
pub struct Source {
    pub path: PathBuf,
    pub text: String,
    /// The text with comments, literals and `#[cfg(test)]` items blanked out, line for
    /// line. Empty if the whole file is tests.
    code: String,
    /// How many lines are in `#[cfg(test)]` items.
    test_lines: usize,
}

impl Source {
    pub fn read(path: PathBuf) -> Source {
        let text = fs::read_to_string(&path).expect("sources are UTF-8");
        Source::new(path, text)
    }

    pub fn new(path: PathBuf, text: String) -> Source {
        let mut code = blank_comments_and_literals(&text);
        let mut test_lines = 0;
        while let Some(range) = find_test(&code) {
            test_lines += code[range.clone()].matches('\n').count() + 1;
            blank(&mut code, range);
        }
        if is_test_file(&path) {
            test_lines = text.lines().count();
            code.clear();
        }
        Source { path, text, code, test_lines }
    }

    /// The module that the file is: `["engine", "os", "map"]`; none for the crate's root.
    pub fn module(&self) -> Vec<String> {
        let path = self.path.with_extension("");
        let mut module: Vec<String> = path
            .components()
            .skip(1)
            .map(|it| it.as_os_str().to_string_lossy().into_owned())
            .collect();
        if module.last().is_some_and(|it| it == "mod" || it == "lib") {
            module.pop();
        }
        module
    }

    /// What the code names of this crate, each as a path from its root.
    pub fn uses(&self) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        for root in ["crate::", "tinydbg::"] {
            found.extend(self.after(root).map(path_segments));
        }
        for after in self.after("super::") {
            let mut path = self.module();
            path.pop();
            let mut after = after;
            while let Some(rest) = after.strip_prefix("super::") {
                path.pop();
                after = rest;
            }
            path.extend(path_segments(after));
            // The second `super` of a chain is met again on its own: harmless, for it
            // names a deeper module of the same layer.
            found.push(path);
        }
        found.retain(|it| !it.is_empty());
        found
    }

    /// The first segments that follow `prefix`, braces opened.
    pub fn paths_after(&self, prefix: &str) -> Vec<String> {
        let mut found = Vec::new();
        for after in self.after(prefix) {
            match after.strip_prefix('{') {
                None => found.push(word(after).to_owned()),
                Some(list) => {
                    let list = list.split('}').next().unwrap_or_default();
                    found.extend(list.split(',').map(|it| word(it.trim()).to_owned()));
                }
            }
        }
        found.retain(|it| !it.is_empty());
        found
    }

    /// Whether the code names this crate: in a path, or as a whole in a `use`.
    pub fn names_crate(&self, name: &str) -> bool {
        self.after(&format!("{name}::")).next().is_some()
            || self.code.contains(&format!("use {name};"))
    }

    /// Whether this word stands in the code.
    pub fn names(&self, name: &str) -> bool {
        self.after(name).any(|rest| !rest.starts_with(is_word))
    }

    /// The functions and the lines each takes, from `fn` to its closing brace.
    pub fn functions(&self) -> Vec<(String, usize)> {
        let mut found = Vec::new();
        for after in self.after("fn ") {
            let name = word(after);
            let start = self.code.len() - after.len();
            if name.is_empty() {
                continue;
            }
            let Some(end) = item_end(&self.code, start) else { continue };
            found
                .push((name.to_owned(), self.code[start..end].matches('\n').count() + 1));
        }
        found
    }

    pub fn lines_without_tests(&self) -> usize {
        self.text.lines().count() - self.test_lines
    }

    /// The `static` items that hold something that changes.
    pub fn statics_with_state(&self) -> Vec<String> {
        const CHANGING: &[&str] =
            &["Atomic", "Mutex", "RwLock", "Cell", "Lock", "Condvar", "Once"];
        let mut found = Vec::new();
        for after in self.after("static ") {
            let item = after.split(['=', ';']).next().unwrap_or_default().trim();
            let mutable = item.starts_with("mut ");
            if mutable || CHANGING.iter().any(|it| item.contains(it)) {
                found.push(format!("static {item}"));
            }
        }
        if self.after("thread_local!").next().is_some() {
            found.push("thread_local!".into());
        }
        found
    }

    /// The text after each whole-word occurrence of `prefix` in the code.
    fn after<'a>(&'a self, prefix: &str) -> impl Iterator<Item = &'a str> {
        let at: Vec<usize> = self
            .code
            .match_indices(prefix)
            .filter(|(at, _)| {
                let before = self.code[..*at].chars().next_back();
                !before.is_some_and(|it| is_word(it) || it == '\'' || it == ':')
            })
            .map(|(at, found)| at + found.len())
            .collect();
        at.into_iter().map(|at| &self.code[at..])
    }
}

fn is_word(it: char) -> bool {
    it.is_alphanumeric() || it == '_'
}

fn word(text: &str) -> &str {
    text.split(|it| !is_word(it)).next().unwrap_or_default()
}

/// `a::b::{c, d}` is `["a", "b"]`: what a path names for certain.
fn path_segments(text: &str) -> Vec<String> {
    let mut segments = Vec::new();
    let mut rest = text;
    loop {
        let segment = word(rest);
        if segment.is_empty() {
            return segments;
        }
        segments.push(segment.to_owned());
        match rest[segment.len()..].strip_prefix("::") {
            Some(more) => rest = more,
            None => return segments,
        }
    }
}

/// Files that hold tests only, named so.
fn is_test_file(path: &std::path::Path) -> bool {
    let stem = path.file_stem().and_then(|it| it.to_str()).unwrap_or_default();
    let in_tests = path.components().skip(1).any(|it| it.as_os_str() == "tests");
    stem == "tests" || stem.ends_with("_tests") || stem == "test_support" || in_tests
}

/// The first `#[cfg(test)]` with the item it is on.
fn find_test(code: &str) -> Option<Range<usize>> {
    let start = code.find("#[cfg(test)]")?;
    let end = item_end(code, start).unwrap_or(code.len());
    Some(start..end)
}

/// Where the item that starts here ends: after its block, or its semicolon.
fn item_end(code: &str, start: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (at, it) in code[start..].char_indices() {
        match it {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' => depth = depth.checked_sub(1)?,
            '}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(start + at + 1);
                }
            }
            ';' if depth == 0 => return Some(start + at + 1),
            _ => {}
        }
    }
    None
}

/// Replaces everything but line ends by spaces.
fn blank(code: &mut String, range: Range<usize>) {
    let blanked: String = code[range.clone()]
        .chars()
        .map(|it| if it == '\n' { '\n' } else { ' ' })
        .collect();
    code.replace_range(range, &blanked);
}

/// The text with comments gone and literals emptied, line for line.
fn blank_comments_and_literals(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment_len(rest),
            '"' => string_len(rest),
            'r' | 'b' | 'c' if !code.ends_with(is_word) => prefixed_len(rest),
            '\'' => char_len(rest),
            _ => 0,
        };
        if len == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        code.extend(rest[..len].chars().map(|it| if it == '\n' { '\n' } else { ' ' }));
        rest = &rest[len..];
    }
    code
}

fn block_comment_len(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

fn string_len(text: &str) -> usize {
    let mut escaped = false;
    for (at, it) in text.char_indices().skip(1) {
        match it {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a literal with a prefix (`b"…"`, `r#"…"#`, `b'…'`); 0 if it is none.
fn prefixed_len(text: &str) -> usize {
    let letters = text.find(|it| !matches!(it, 'r' | 'b' | 'c')).unwrap_or(text.len());
    let (prefix, rest) = text.split_at(letters);
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    let quoted = rest[hashes..].starts_with('"');
    match (prefix, quoted) {
        ("r" | "br" | "cr", true) => {
            let close = format!("\"{}", "#".repeat(hashes));
            let body = letters + hashes + 1;
            text[body..].find(&close).map_or(text.len(), |at| body + at + close.len())
        }
        ("b" | "c", true) if hashes == 0 => letters + string_len(rest),
        ("b", false) if rest.starts_with('\'') => letters + char_len(rest),
        _ => 0,
    }
}

/// The length of a character literal; 0 if the quote begins a lifetime.
fn char_len(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => {
            chars.next();
            text[3..].find('\'').map_or(0, |at| at + 4)
        }
        Some(_) => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 0,
        },
        None => 0,
    }
}

mod rules_of_the_scanner {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new("src/engine/os/map.rs".into(), text.into())
    }

    #[test]
    fn comments_literals_and_tests_are_no_code() {
        let text = "// crate::a::b\nfn f() { g(\"crate::c\", 'x', b'\\'', r#\"\"crate::d\"#) }\n\
                    /* crate::e /* */ */\n#[cfg(test)]\nmod tests { use crate::f::g; }\n\
                    use crate::h::{i, j};\n";
        assert_eq!(source(text).uses(), [["h"]]);
    }

    #[test]
    fn super_is_resolved() {
        let uses = source("use super::wait::Event; use super::super::golang;").uses();
        assert_eq!(
            uses,
            [vec!["engine", "os", "wait", "Event"], vec!["engine", "golang"]]
        );
    }

    #[test]
    fn a_function_is_measured_from_its_name_to_its_brace() {
        let text =
            "fn f<'a>(x: &'a [u8; 4]) -> [u8; 2]\n{\n  [0; 2]\n}\ntrait T { fn g(); }";
        assert_eq!(source(text).functions(), [("f".into(), 4), ("g".into(), 1)]);
    }

    #[test]
    fn statics_with_state_are_found() {
        let text = "static A: &[u8] = &[]; static B: AtomicU32 = AtomicU32::new(0); \
                    fn f(x: &'static str) {} static mut C: u8 = 0;";
        assert_eq!(source(text).statics_with_state().len(), 2);
    }
}
