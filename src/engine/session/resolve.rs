//! Which places in the code does a location spec mean?
//!
//! A function is found by any ending of its name that begins at a package, a receiver or
//! the name itself; a file by any ending of its path that begins at a slash. What is
//! found more than once is ambiguous, unless it is there to the letter (Delve:
//! `pkg/locspec`; `spec/system.md` §5.1).

use std::collections::BTreeSet;

use regex::Regex;

use crate::engine::addr::Addr;
use crate::engine::binary::LineSites;
use crate::engine::error::{Error, Result};
use crate::engine::eval::{Kind, LoadConfig, Variable};
use crate::engine::session::locspec::{self, LocationSpec};
use crate::engine::session::program::CodePlace;
use crate::engine::session::query::Scope;
use crate::engine::session::set::substituted;
use crate::engine::session::{Bench, Session};

/// Names shown when a spec is ambiguous.
const CANDIDATES_SHOWN_MAX: usize = 5;
/// Functions that a regular expression may match.
const MATCHES_MAX: usize = 10_000;

/// A place that a spec means: all addresses that implement it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    pub addrs: Vec<Addr>,
    pub file: String,
    pub line: u32,
    /// Without type parameters; empty if unknown.
    pub function: String,
}

/// What a spec means, and the spec to use for it later on, if that is another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub places: Vec<Resolved>,
    pub substitute: String,
}

impl Session {
    /// Resolves a location spec as it is meant in a frame of a goroutine: there lines are
    /// counted from, and expressions evaluated.
    pub fn find_in(
        &mut self,
        at: Scope,
        text: &str,
        rules: &[(String, String)],
        lines_without_code: bool,
    ) -> Result<Found> {
        let named = self.bench().find(text, rules, lines_without_code);
        if let LocationSpec::Address(expression) = locspec::parse(text)?
            && named.is_err()
        {
            let value = self.evaluate(at, &expression, &LoadConfig::SHORT)?;
            return self.bench().find_value(&expression, &value);
        }
        if at.frame == 0 && at.goroutine < 0 {
            return named;
        }
        let stack = self.stack(at.goroutine, at.frame.saturating_add(1));
        let frame = stack.ok().and_then(|it| it.frames.get(at.frame).cloned());
        let Some(frame) = frame else { return named };
        let mut bench = self.bench();
        bench.at = Some(CodePlace {
            pc: frame.pc,
            file: frame.file,
            line: frame.line,
            function: None,
        });
        bench.find(text, rules, lines_without_code)
    }
}

impl Bench<'_> {
    /// The place that the value of an expression means: an address or a function.
    fn find_value(&self, expression: &str, value: &Variable) -> Result<Found> {
        if let Some(why) = &value.unreadable {
            return Err(Error::message(why.clone()));
        }
        let number = value.value.parse::<u64>().ok();
        match (value.kind, number) {
            (Kind::Func, _) if value.base.0 != 0 => {
                let entry = self.program.runtime.function_name(value.base).to_owned();
                let place = self.resolve_function(&entry, 0)?;
                Ok(Found { places: vec![place], substitute: entry })
            }
            (Kind::Int | Kind::Uint | Kind::Pointer, Some(addr)) => {
                let place = self.described(vec![Addr(addr)]);
                Ok(Found { places: vec![place], substitute: String::new() })
            }
            _ => Err(Error::message(format!(
                "{expression} is neither an address nor a function"
            ))),
        }
    }

    /// Resolves a location spec. `lines_without_code` accepts a line that has none, as a
    /// place without addresses.
    pub fn find(
        &self,
        text: &str,
        rules: &[(String, String)],
        lines_without_code: bool,
    ) -> Result<Found> {
        let spec = locspec::parse(text)?;
        match spec {
            LocationSpec::Named { base, line } => {
                self.find_named(text, &base, line, rules, lines_without_code)
            }
            LocationSpec::Regex(pattern) => self.find_matching(text, &pattern),
            LocationSpec::Offset(0) => {
                let place = self.described(vec![self.current()?.pc]);
                let substitute = format!("{}:{}", place.file, place.line);
                Ok(Found { places: vec![place], substitute })
            }
            LocationSpec::Offset(n) => {
                let place = self.current()?;
                let line = i64::from(place.line).saturating_add(n);
                let line = u32::try_from(line).unwrap_or(0);
                self.find_in_file(&place.file, line, lines_without_code)
            }
            LocationSpec::Line(line) => {
                let place = self.current()?;
                self.find_in_file(&place.file, line, lines_without_code)
            }
            LocationSpec::Address(expression) => self.find_address(&expression),
        }
    }

    /// The first place that a spec means, for those who want one.
    pub fn resolve_first(
        &self,
        text: &str,
        rules: &[(String, String)],
    ) -> Result<Resolved> {
        let found = self.find(text, rules, false)?;
        found.places.into_iter().next().ok_or_else(|| not_found(text))
    }

    fn current(&self) -> Result<&CodePlace> {
        self.at.as_ref().ok_or_else(|| {
            Error::message("could not determine current location (scope is nil)")
        })
    }

    fn find_named(
        &self,
        text: &str,
        base: &str,
        line: Option<u32>,
        rules: &[(String, String)],
        lines_without_code: bool,
    ) -> Result<Found> {
        let functions = self.functions_ending_in(base);
        let file = substituted(base, rules);
        let files = if line.is_some() { self.files_ending_in(&file) } else { vec![] };
        let exact_file = files.iter().find(|it| **it == file);
        if let (Some(file), Some(line)) = (exact_file, line) {
            return self.found_line(file, line, lines_without_code);
        }
        if functions.len() + files.len() > 1 && !functions.iter().any(|it| it == base) {
            let all = functions.iter().map(String::as_str).chain(files);
            return Err(ambiguous(base, all));
        }
        if let (Some(file), Some(line)) = (files.first(), line) {
            return self.found_line(file, line, lines_without_code);
        }
        let exact = functions.iter().find(|it| *it == base).or(functions.first());
        if let Some(function) = exact {
            let place = self.resolve_function(function, line.unwrap_or(0))?;
            return Ok(Found { places: vec![place], substitute: String::new() });
        }
        if base.contains(".go") && line.is_none() {
            let known = self.files_ending_in(&file);
            if !known.is_empty() {
                let text = "Malformed breakpoint location, no line offset specified";
                return Err(Error::message(text));
            }
        }
        self.find_address(text).map_err(|_| not_found(text))
    }

    fn found_line(&self, file: &str, line: u32, without_code: bool) -> Result<Found> {
        let mut found = self.find_in_file(file, line, without_code)?;
        found.substitute = String::new();
        Ok(found)
    }

    fn find_in_file(&self, file: &str, line: u32, without_code: bool) -> Result<Found> {
        let place = match self.resolve_line(file, line) {
            Err(Error::NoStatement { file, line }) if without_code => {
                Resolved { file, line, ..Resolved::default() }
            }
            other => other?,
        };
        let substitute = format!("{file}:{line}");
        Ok(Found { places: vec![place], substitute })
    }

    fn find_matching(&self, text: &str, pattern: &str) -> Result<Found> {
        let regex = Regex::new(pattern).map_err(|err| {
            let why = err.to_string().lines().last().unwrap_or_default().to_owned();
            Error::message(format!(
                "the regular expression /{pattern}/ is not one: {why}"
            ))
        })?;
        let names = self.program.binary.function_names();
        let places: Vec<Resolved> = names
            .filter(|name| regex.is_match(name))
            .take(MATCHES_MAX)
            .filter_map(|name| self.resolve_function(name, 0).ok())
            .collect();
        if places.is_empty() {
            return Err(not_found(text));
        }
        Ok(Found { places, substitute: String::new() })
    }

    /// `*0x45a3f0`, in decimal too; or a function, which is the address behind its
    /// prologue.
    fn find_address(&self, expression: &str) -> Result<Found> {
        let text = expression.trim().to_ascii_lowercase();
        let number = match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        };
        if let Some(addr) = number {
            let place = self.described(vec![Addr(addr)]);
            return Ok(Found { places: vec![place], substitute: String::new() });
        }
        let place = self.resolve_function(expression.trim(), 0)?;
        Ok(Found { places: vec![place], substitute: expression.trim().to_owned() })
    }

    /// All addresses at which a breakpoint on a line is set.
    pub fn resolve_line(&self, file: &str, line: u32) -> Result<Resolved> {
        match self.program.binary.line_sites(file, line) {
            LineSites::Sites(sites) if !sites.is_empty() => {
                let addrs = sites.iter().map(|it| self.program.loaded(*it)).collect();
                let mut place = self.described(addrs);
                (place.file, place.line) = (file.to_owned(), line);
                Ok(place)
            }
            LineSites::Sites(_) | LineSites::NoStatement { .. } => {
                Err(Error::NoStatement { file: file.to_owned(), line })
            }
            LineSites::NoFile => {
                Err(Error::message(format!("could not find file {file}")))
            }
        }
    }

    /// All addresses at which a breakpoint on a function is set: behind the prologues of
    /// all its instances, or so many lines below where it begins.
    pub fn resolve_function(&self, name: &str, offset: u32) -> Result<Resolved> {
        // **wire**: the text ends in a newline.
        let unknown = || Error::message(format!("could not find function {name}\n"));
        let binary = &self.program.binary;
        if offset > 0 {
            let ids = binary.functions_named(name);
            let id = ids.first().ok_or_else(unknown)?;
            let function = binary.function(*id);
            let line = function.start_line.saturating_add(offset);
            return self.resolve_line(function.file, line);
        }
        let addrs: Vec<Addr> = binary
            .function_sites(name)
            .iter()
            .map(|it| self.program.loaded(*it))
            .collect();
        match addrs.is_empty() {
            true => Err(unknown()),
            false => Ok(self.described(addrs)),
        }
    }

    pub fn resolve_addrs(&self, addrs: &[Addr]) -> Result<Resolved> {
        Ok(self.described(addrs.to_vec()))
    }

    /// Names a place by its addresses. Places that differ are named as Delve does.
    fn described(&self, addrs: Vec<Addr>) -> Resolved {
        let places: Vec<_> = addrs.iter().map(|it| self.program.place(*it)).collect();
        let Some(first) = places.first() else { return Resolved::default() };
        let name = |it: &crate::engine::session::program::CodePlace| {
            it.function.as_ref().map(|it| without_type_parameters(&it.name))
        };
        let one_line =
            places.iter().all(|it| it.file == first.file && it.line == first.line);
        let one_function = places.iter().all(|it| name(it) == name(first));
        let (file, line) = match one_line {
            true => (first.file.clone(), first.line),
            false => ("<multiple locations>".to_owned(), 0),
        };
        let function = match one_function {
            true => name(first).unwrap_or_default(),
            false => "(multiple functions)".to_owned(),
        };
        Resolved { addrs, file, line, function }
    }

    fn files_ending_in(&self, path: &str) -> Vec<&str> {
        let path = path.strip_prefix("./").unwrap_or(path);
        let mut found: BTreeSet<&str> = BTreeSet::new();
        let binary = &self.program.binary;
        for file in binary.files().iter().chain(binary.native_files()) {
            let ends = file
                .strip_suffix(path)
                .is_some_and(|before| before.is_empty() || before.ends_with('/'));
            if ends {
                found.insert(file);
            }
        }
        found.into_iter().collect()
    }

    /// The functions that `text` may name, without type parameters, each once.
    fn functions_ending_in(&self, text: &str) -> Vec<String> {
        let binary = &self.program.binary;
        if !binary.functions_named(text).is_empty() {
            return vec![text.to_owned()];
        }
        let wanted = normalized(text);
        let mut found = BTreeSet::new();
        for name in binary.function_names() {
            let plain = without_type_parameters(name);
            if name_ends_in(&plain, text) || name_ends_in(&normalized(&plain), &wanted) {
                found.insert(plain);
            }
        }
        found.into_iter().collect()
    }
}

fn not_found(text: &str) -> Error {
    Error::message(format!("location {text:?} not found"))
}

fn ambiguous<'a>(base: &str, all: impl Iterator<Item = &'a str>) -> Error {
    let all: Vec<&str> = all.collect();
    let mut shown = all.iter().take(CANDIDATES_SHOWN_MAX).copied().collect::<Vec<_>>();
    let more = all.len() > shown.len();
    let last = shown.pop().unwrap_or_default();
    let dots = if more { "…" } else { "" };
    let list = shown
        .iter()
        .map(|it| format!("{it}, "))
        .chain([last.to_owned()])
        .collect::<String>();
    Error::message(format!("Location {base:?} ambiguous: {list}{dots}"))
}

/// `(*T).M` may be written `T.M`.
fn normalized(name: &str) -> String {
    name.replace("(*", "").replace(')', "")
}

/// Whether `wanted` is an ending of `name` that begins at a package path's element, a
/// receiver or a name.
fn name_ends_in(name: &str, wanted: &str) -> bool {
    name.strip_suffix(wanted).is_some_and(|before| {
        before.is_empty() || before.ends_with('/') || before.ends_with('.')
    })
}

/// `main.F[go.shape.int]` is an instance of `main.F`.
pub fn without_type_parameters(name: &str) -> String {
    let (mut plain, mut depth) = (String::with_capacity(name.len()), 0_u32);
    for c in name.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_by_an_ending_of_its_name() {
        let cases = [
            ("net/http.(*conn).serve", "http.(*conn).serve", true),
            ("net/http.(*conn).serve", "(*conn).serve", true),
            ("net/http.(*conn).serve", "serve", true),
            ("net/http.(*conn).serve", "erve", false),
            ("main.main", "main", true),
        ];
        for (name, wanted, expected) in cases {
            assert_eq!(name_ends_in(name, wanted), expected, "{wanted} of {name}");
        }
        assert!(name_ends_in(&normalized("main.(*T).M"), "T.M"));
    }

    #[test]
    fn instances_are_named_by_their_function() {
        let cases = [
            ("main.F[go.shape.int]", "main.F"),
            ("main.(*P[go.shape.[]int]).Get", "main.(*P).Get"),
            ("main.f.func1", "main.f.func1"),
        ];
        for (name, plain) in cases {
            assert_eq!(without_type_parameters(name), plain);
        }
    }
}
