//! Which names does a few typed characters mean?
//!
//! A wrapper around `fuzzy-matcher`. A cheap test for the characters in their order comes
//! first, so that a hundred thousand names are gone through in milliseconds.

use fuzzy_matcher::FuzzyMatcher;
use fuzzy_matcher::skim::SkimMatcherV2;

/// A name that matches, with how well and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    pub index: usize,
    pub score: i64,
    /// The characters that the query matched.
    pub positions: Vec<usize>,
}

/// Names that pass the cheap test and are scored; more cannot be told apart anyway.
const SCORED_MAX: usize = 20_000;

/// The best matches, best first. `is_old` is asked now and then, and ends the search.
pub fn best(
    names: &[String],
    query: &str,
    limit: usize,
    is_old: &dyn Fn() -> bool,
) -> Option<Vec<Match>> {
    let query: String = query.chars().filter(|it| !it.is_whitespace()).collect();
    if query.is_empty() {
        let first = |index| Match { index, score: 0, positions: Vec::new() };
        return Some((0..names.len().min(limit)).map(first).collect());
    }
    let matcher = SkimMatcherV2::default().smart_case();
    let case_counts = query.chars().any(char::is_uppercase);
    let mut found: Vec<(i64, usize)> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        if index % 1024 == 0 && is_old() {
            return None;
        }
        if !has_in_order(name, &query, case_counts) || found.len() == SCORED_MAX {
            continue;
        }
        if let Some(score) = matcher.fuzzy_match(name, &query) {
            let bonus = end_bonus(name, &query) - library_malus(name);
            found.push((score + bonus, index));
        }
    }
    found.sort_by_key(|(score, index)| (-score, names[*index].len(), *index));
    found.truncate(limit);
    let with_positions = |(score, index): (i64, usize)| {
        let indices = matcher.fuzzy_indices(&names[index], &query);
        let positions = indices.map(|(_, it)| it).unwrap_or_default();
        Match { index, score, positions }
    };
    Some(found.into_iter().map(with_positions).collect())
}

/// What stands at the end of a name, the file or the function itself, is what is meant
/// most often.
fn end_bonus(name: &str, query: &str) -> i64 {
    let end = name.rsplit(['/', '.']).next().unwrap_or(name);
    if end.eq_ignore_ascii_case(query) || name.ends_with(query) {
        200
    } else if end.len() >= query.len()
        && end.as_bytes()[..query.len()].eq_ignore_ascii_case(query.as_bytes())
    {
        60
    } else {
        0
    }
}

/// The folders of Go's own library (`$GOROOT/src`): what comes from there is looked for
/// less often than what people wrote themselves.
const LIBRARY: &[&str] = &[
    "archive",
    "bufio",
    "bytes",
    "cmp",
    "compress",
    "container",
    "context",
    "crypto",
    "database",
    "debug",
    "embed",
    "encoding",
    "errors",
    "expvar",
    "flag",
    "fmt",
    "go",
    "hash",
    "html",
    "image",
    "index",
    "internal",
    "io",
    "iter",
    "log",
    "maps",
    "math",
    "mime",
    "net",
    "os",
    "path",
    "plugin",
    "reflect",
    "regexp",
    "runtime",
    "slices",
    "sort",
    "strconv",
    "strings",
    "structs",
    "sync",
    "syscall",
    "testing",
    "text",
    "time",
    "unicode",
    "unique",
    "unsafe",
    "vendor",
    "weak",
];

fn library_malus(name: &str) -> i64 {
    let first = name.split(['/', '.']).next().unwrap_or(name);
    if LIBRARY.binary_search(&first).is_ok() { 50 } else { 0 }
}

fn has_in_order(name: &str, query: &str, case_counts: bool) -> bool {
    let mut rest = name.bytes();
    query.bytes().all(|wanted| {
        rest.any(|it| {
            if case_counts { it == wanted } else { it.eq_ignore_ascii_case(&wanted) }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(query: &str) -> Option<String> {
        let names: Vec<String> = [
            "main.main",
            "net/http.(*conn).serve",
            "net/http.(*Server).Serve",
            "store.(*Tx).commit",
            "store.(*Tx).Commit",
            "audit.commitBatch",
            "net/http.(*serveMux121).handle",
            "example.com/orders/api.(*Server).handle",
        ]
        .map(str::to_owned)
        .to_vec();
        let found = best(&names, query, 3, &|| false).unwrap();
        found.first().map(|it| names[it.index].clone())
    }

    #[test]
    fn the_best_match_is_the_one_that_is_meant() {
        let cases = [
            ("commit", Some("store.(*Tx).commit")),
            ("Commit", Some("store.(*Tx).Commit")),
            ("serve", Some("net/http.(*conn).serve")),
            ("cobat", Some("audit.commitBatch")),
            ("mm", Some("main.main")),
            ("handle", Some("example.com/orders/api.(*Server).handle")),
            ("zzz", None),
        ];
        for (query, expected) in cases {
            assert_eq!(first(query).as_deref(), expected, "{query}");
        }
    }

    #[test]
    fn an_old_search_ends() {
        assert_eq!(best(&["a".to_owned()], "a", 3, &|| true), None);
    }
}
