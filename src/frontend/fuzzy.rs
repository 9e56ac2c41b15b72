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

/// Names that are scored; of more, those that have the characters only scattered are left
/// out.
const SCORED_MAX: usize = 20_000;

/// The best matches, best first. Each word of the query has to match. `is_old` is asked
/// now and then, and ends the search.
pub fn best(
    names: &[String],
    query: &str,
    limit: usize,
    is_old: &dyn Fn() -> bool,
) -> Option<Vec<Match>> {
    let words: Vec<&str> = query.split_whitespace().collect();
    if words.is_empty() {
        let first = |index| Match { index, score: 0, positions: Vec::new() };
        return Some((0..names.len().min(limit)).map(first).collect());
    }
    let mut found: Vec<(Fit, usize)> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        if index % 1024 == 0 && is_old() {
            return None;
        }
        found.extend(fit(name, &words).map(|fit| (fit, index)));
    }
    found.sort_by_key(|it| std::cmp::Reverse(it.0));
    found.truncate(SCORED_MAX);
    if found.first().is_some_and(|it| it.0 >= Fit::Within) {
        // Scattered letters are what one means only if nothing else has them.
        found.retain(|it| it.0 > Fit::Scattered);
    }
    let matcher = SkimMatcherV2::default().ignore_case();
    let score = |(fit, index): (Fit, usize)| {
        let name = &names[index];
        let score: i64 = words.iter().map(|it| score(&matcher, name, it)).sum();
        (fit, score - library_malus(name), index)
    };
    let mut found: Vec<(Fit, i64, usize)> = found.into_iter().map(score).collect();
    found.sort_by_key(|(fit, score, index)| {
        (std::cmp::Reverse((*fit, *score)), names[*index].len(), *index)
    });
    found.truncate(limit);
    let with_positions = |(_, score, index): (Fit, i64, usize)| {
        let of = |word: &&str| positions(&matcher, &names[index], word);
        let mut positions: Vec<usize> = words.iter().flat_map(of).collect();
        positions.sort_unstable();
        positions.dedup();
        Match { index, score, positions }
    };
    Some(found.into_iter().map(with_positions).collect())
}

/// How a name has what was typed, the better ones greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// The characters, in their order.
    Scattered,
    /// The characters, each run of them at the beginning of a word.
    Initials,
    /// In one piece.
    Within,
    /// In one piece, in the file's or the function's own name.
    InEnd,
    EndBegins,
    IsEnd,
}

/// How a name has all words: as well as the one that it has worst.
fn fit(name: &str, words: &[&str]) -> Option<Fit> {
    words.iter().map(|it| fit_word(name, it)).min_by_key(|it| *it)?
}

/// Two characters in one piece are chance as often as not.
const PIECE_MIN: usize = 3;

fn fit_word(name: &str, word: &str) -> Option<Fit> {
    if !has_in_order(name, word) {
        return None;
    }
    let end = end_of(name);
    let stem = end.strip_suffix(".go").unwrap_or(end);
    Some(if stem.eq_ignore_ascii_case(word) || end.eq_ignore_ascii_case(word) {
        Fit::IsEnd
    } else if find(end, word) == Some(0) {
        Fit::EndBegins
    } else if match word.len() {
        0..PIECE_MIN => has_at_words(name, word),
        _ => find(end, word).is_some(),
    } {
        Fit::InEnd
    } else if find(name, word).is_some() {
        Fit::Within
    } else if has_at_words(name, word) {
        Fit::Initials
    } else {
        Fit::Scattered
    })
}

/// A file's name, or a function's.
fn end_of(name: &str) -> &str {
    let file = name.rsplit('/').next().unwrap_or(name);
    match file.ends_with(".go") || file.ends_with(".s") {
        true => file,
        false => file.rsplit('.').next().unwrap_or(file),
    }
}

/// Where a name has a word, in whatever case.
fn find(name: &str, word: &str) -> Option<usize> {
    let mut windows = name.as_bytes().windows(word.len().max(1));
    windows.position(|it| it.eq_ignore_ascii_case(word.as_bytes()))
}

fn score(matcher: &SkimMatcherV2, name: &str, word: &str) -> i64 {
    // What has the case too is meant rather than what only has the letters.
    let exact = if name.contains(word) { 40 } else { 0 };
    let at_end = if end_of(name).contains(word) { 40 } else { 0 };
    matcher.fuzzy_match(name, word).unwrap_or(0) + exact + at_end
}

/// The characters that a word matched: of a piece, the last such.
fn positions(matcher: &SkimMatcherV2, name: &str, word: &str) -> Vec<usize> {
    let end = name.len() - end_of(name).len();
    let at = find(&name[end..], word).map(|it| end + it).or_else(|| find(name, word));
    if let Some(at) = at.filter(|at| name.is_char_boundary(*at)) {
        let first = name[..at].chars().count();
        return (first..first + word.chars().count()).collect();
    }
    matcher.fuzzy_indices(name, word).map(|(_, it)| it).unwrap_or_default()
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

/// Whether that is the first folder of a package of Go's own.
pub fn is_library(first: &str) -> bool {
    LIBRARY.binary_search(&first).is_ok()
}

fn library_malus(name: &str) -> i64 {
    let first = name.split(['/', '.']).next().unwrap_or(name);
    if is_library(first) { 50 } else { 0 }
}

fn has_in_order(name: &str, word: &str) -> bool {
    let mut rest = name.bytes();
    word.bytes().all(|wanted| rest.any(|it| it.eq_ignore_ascii_case(&wanted)))
}

/// Whether each character follows the one before it or begins a word of the name.
fn has_at_words(name: &str, word: &str) -> bool {
    let (name, word) = (name.as_bytes(), word.as_bytes());
    let begins = |at: usize| {
        let is_part = |it: u8| it.is_ascii_alphanumeric() || !it.is_ascii();
        let before = at.checked_sub(1).map(|it| name[it]);
        before.is_none_or(|it| {
            !is_part(it) || it.is_ascii_lowercase() && name[at].is_ascii_uppercase()
        })
    };
    let mut at = 0;
    let mut follows = false;
    for wanted in word {
        let fits = |it: usize| name[it].eq_ignore_ascii_case(wanted);
        if !(follows && at < name.len() && fits(at)) {
            let Some(next) = (at..name.len()).find(|it| fits(*it) && begins(*it)) else {
                return false;
            };
            at = next;
        }
        at += 1;
        follows = true;
    }
    true
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
            "github.com/caddy/modules/fileserver/staticfiles.go",
            "atomicfile.(*File).Close",
            "slices.SortFunc[go.shape.string]",
            "github.com/caddy/fileserver.(*FileServer).ServeHTTP",
            "github.com/caddy/caddyhttp.(*Server).ServeHTTP",
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
            ("staticFiles", Some("github.com/caddy/modules/fileserver/staticfiles.go")),
            (
                "FileServer ServeHTTP",
                Some("github.com/caddy/fileserver.(*FileServer).ServeHTTP"),
            ),
            ("fsse", Some("github.com/caddy/fileserver.(*FileServer).ServeHTTP")),
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
