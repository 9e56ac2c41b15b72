//! The language of filters, one for all lists.
//!
//! Words are looked for in all that a row shows, capitals counting only if there are some;
//! `!word` must not be there; `key:value` looks in one part; `#1842` is a goroutine.
//! An unknown key is an error, not an empty list.

use std::collections::BTreeMap;

use crate::api::types::GoroutineFilter;

/// A part of a row that a key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Wait,
    Label,
    Function,
    File,
    Thread,
    Condition,
    Hits,
    Type,
}

const KEYS: &[(&str, Key)] = &[
    ("wait", Key::Wait),
    ("label", Key::Label),
    ("fn", Key::Function),
    ("file", Key::File),
    ("thread", Key::Thread),
    ("cond", Key::Condition),
    ("hits", Key::Hits),
    ("type", Key::Type),
];

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Word(String),
    Regex(String, Box<RegexTest>),
    Part(Key, String),
    More(Key, i64),
    Less(Key, i64),
    Goroutine(i64),
    /// `running`, `user`, `off`, `changed`: what a row is.
    Flag(&'static str),
}

#[derive(Clone, Debug)]
struct RegexTest(regex::Regex);

impl PartialEq for RegexTest {
    fn eq(&self, other: &RegexTest) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

const FLAGS: [&str; 4] = ["running", "user", "off", "changed"];

/// A filter: all of its terms must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    terms: Vec<(bool, Test)>,
}

/// What a row offers to a filter.
#[derive(Debug, Default)]
pub struct Subject<'a> {
    /// What the row shows.
    pub text: &'a str,
    pub id: i64,
    pub wait: &'a str,
    pub function: &'a str,
    pub file: &'a str,
    pub thread: i64,
    pub condition: &'a str,
    pub hits: i64,
    pub type_name: &'a str,
    pub labels: Option<&'a BTreeMap<String, String>>,
    pub flags: &'a [&'a str],
}

impl Filter {
    pub fn parse(text: &str) -> Result<Filter, String> {
        let term = |word: &str| {
            let (wanted, word) = match word.strip_prefix('!') {
                Some(rest) if !rest.is_empty() => (false, rest),
                _ => (true, word),
            };
            Ok((wanted, test(word)?))
        };
        let terms: Result<Vec<_>, String> = text.split_whitespace().map(term).collect();
        Ok(Filter { terms: terms? })
    }

    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    pub fn matches(&self, it: &Subject<'_>) -> bool {
        self.terms.iter().all(|(wanted, test)| holds(test, it) == *wanted)
    }

    /// The terms that the service can apply to goroutines, so that a list that was not
    /// loaded as a whole can be searched.
    pub fn for_service(&self) -> Vec<GoroutineFilter> {
        let translate = |(wanted, test): &(bool, Test)| {
            let (kind, arg) = match test {
                Test::Part(Key::Label, value)
                    if value.contains('=') && !value.contains('*') =>
                {
                    (5, value.clone())
                }
                Test::Part(Key::Function | Key::File, value) => (2, value.clone()),
                Test::Flag("running") => (6, String::new()),
                Test::Flag("user") => (7, String::new()),
                _ => return None,
            };
            Some(GoroutineFilter { kind, negated: !wanted, arg })
        };
        self.terms.iter().filter_map(translate).collect()
    }
}

fn test(word: &str) -> Result<Test, String> {
    if let Some(flag) = FLAGS.iter().find(|it| **it == word) {
        return Ok(Test::Flag(flag));
    }
    if let Some(id) = word.strip_prefix('#') {
        return id
            .parse()
            .map(Test::Goroutine)
            .map_err(|_| format!("#{id} is no goroutine"));
    }
    if let Some(pattern) = word.strip_prefix("re:") {
        let pattern = pattern.trim_matches('/');
        let regex = regex::RegexBuilder::new(pattern).size_limit(1 << 20).build();
        let regex =
            regex.map_err(|_| format!("/{pattern}/ is not a regular expression"))?;
        return Ok(Test::Regex(pattern.to_owned(), Box::new(RegexTest(regex))));
    }
    let Some(at) = word.find([':', '>', '<']) else {
        return Ok(Test::Word(word.to_owned()));
    };
    let (name, value) = (&word[..at], &word[at + 1..]);
    // A place in a file, a method of a package: words, not keys.
    if name.contains(['.', '/', '(']) {
        return Ok(Test::Word(word.to_owned()));
    }
    let Some((_, key)) = KEYS.iter().find(|(it, _)| *it == name) else {
        let known: Vec<_> = KEYS.iter().map(|(it, _)| *it).collect();
        return Err(format!("no key {name}; there are {}", known.join(", ")));
    };
    let number = || value.parse().map_err(|_| format!("{value} is no number"));
    match &word[at..=at] {
        ">" => Ok(Test::More(*key, number()?)),
        "<" => Ok(Test::Less(*key, number()?)),
        _ => Ok(Test::Part(*key, value.to_owned())),
    }
}

fn holds(test: &Test, it: &Subject<'_>) -> bool {
    match test {
        Test::Word(word) => contains(it.text, word) || has_label(it, word),
        Test::Regex(_, regex) => regex.0.is_match(it.text),
        Test::Goroutine(id) => it.id == *id,
        Test::Flag(flag) => it.flags.contains(flag),
        Test::Part(key, value) => match key {
            Key::Wait => contains(it.wait, value),
            Key::Function => contains(it.function, value),
            Key::File => contains(it.file, value),
            Key::Condition => contains(it.condition, value),
            Key::Type => contains(it.type_name, value.trim_start_matches('*')),
            Key::Thread => value.parse() == Ok(it.thread),
            Key::Hits => value.parse() == Ok(it.hits),
            Key::Label => has_label(it, value),
        },
        Test::More(key, n) => number_of(*key, it).is_some_and(|it| it > *n),
        Test::Less(key, n) => number_of(*key, it).is_some_and(|it| it < *n),
    }
}

fn number_of(key: Key, it: &Subject<'_>) -> Option<i64> {
    match key {
        Key::Hits => Some(it.hits),
        Key::Thread => Some(it.thread),
        _ => None,
    }
}

/// `key`, `key=value`, `key=*`: a part of a label is enough.
fn has_label(it: &Subject<'_>, wanted: &str) -> bool {
    let wanted = wanted.trim_end_matches('*');
    let is_it =
        |(key, value): (&String, &String)| contains(&format!("{key}={value}"), wanted);
    it.labels.is_some_and(|labels| labels.iter().any(is_it))
}

/// Whether a text contains another; capitals count only if the other has some.
pub fn contains(text: &str, wanted: &str) -> bool {
    find(text, wanted, 0).is_some()
}

/// Where a text contains another, from a byte on; capitals count if there are some.
pub fn find(text: &str, wanted: &str, from: usize) -> Option<usize> {
    if wanted.is_empty() || from > text.len() {
        return None;
    }
    if wanted.chars().any(char::is_uppercase) {
        return text.get(from..)?.find(wanted).map(|at| at + from);
    }
    let wanted = wanted.as_bytes();
    let bytes = text.as_bytes();
    let last = bytes.len().checked_sub(wanted.len())?;
    (from..=last).find(|at| {
        text.is_char_boundary(*at)
            && bytes[*at..at + wanted.len()].eq_ignore_ascii_case(wanted)
            && text.is_char_boundary(at + wanted.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_select_rows() {
        let labels = BTreeMap::from([("req".to_owned(), "9f3a".to_owned())]);
        let it = Subject {
            text: "g1842 chan receive pool.(*Worker).run worker.go:88",
            id: 1842,
            wait: "chan receive",
            function: "pool.(*Worker).run",
            file: "/src/pool/worker.go",
            hits: 120,
            labels: Some(&labels),
            flags: &["user"],
            ..Default::default()
        };
        let cases = [
            ("worker", true),
            ("Worker", true),
            ("WORKER", false),
            ("!worker", false),
            ("wait:chan fn:run", true),
            ("wait:select", false),
            ("label:req=9f3a", true),
            ("label:req=*", true),
            ("9f3a", true),
            ("#1842", true),
            ("#1", false),
            ("user !running", true),
            ("hits>100", true),
            ("hits<100", false),
            ("re:/Work.*run/", true),
            ("worker.go:88", true),
            ("", true),
        ];
        for (text, expected) in cases {
            let filter = Filter::parse(text).unwrap();
            assert_eq!(filter.matches(&it), expected, "{text}");
        }
    }

    #[test]
    fn an_unknown_key_is_an_error_that_helps() {
        let err = Filter::parse("state:running").unwrap_err();
        assert!(err.starts_with("no key state; there are wait, label"), "{err}");
        assert!(Filter::parse("re:(").is_err());
        assert!(Filter::parse("hits>x").is_err());
    }

    #[test]
    fn the_service_is_asked_for_what_it_can_do() {
        let filter = Filter::parse("label:req=1 !fn:run wait:select").unwrap();
        let sent = filter.for_service();
        assert_eq!(sent.len(), 2);
        assert_eq!((sent[0].kind, sent[1].kind, sent[1].negated), (5, 2, true));
    }
}
