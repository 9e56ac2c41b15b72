//! What a line that is not finished may become.

use crate::api::methods::*;
use crate::api::types::{EvalScope, LoadConfig};
use crate::client::Client;
use crate::frontend::command::parse::{spec_of, split_word};
use crate::frontend::command::table;
use crate::frontend::config::Config;

/// The most candidates that are worth showing.
const CANDIDATES_MAX: usize = 200;

/// What the words of an argument are names of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Names {
    Commands,
    Functions,
    Variables,
    Breakpoints,
    Types,
    Files,
    Settings,
    Nothing,
}

/// What is being completed: the names it is one of, and where in the line it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub names: Names,
    pub begin: usize,
}

/// What the word that ends at the end of `line` may be.
pub fn wanted(line: &str, config: &Config) -> Wanted {
    let begin = line
        .rfind(char::is_whitespace)
        .map_or(0, |at| at + line[at..].chars().next().map_or(1, char::len_utf8));
    let mut rest = line.trim_start();
    let is_first = rest.is_empty() || !rest.contains(char::is_whitespace);
    if is_first {
        return Wanted { names: Names::Commands, begin };
    }
    // Commands within commands: the last one decides.
    loop {
        let (name, args) = split_word(rest);
        let Some(spec) = spec_of(name, config) else {
            return Wanted { names: Names::Nothing, begin };
        };
        let skip = match spec.name() {
            "frame" | "up" | "down" | "goroutine" | "deferred" | "on" => 1,
            _ => return Wanted { names: names_of(spec.name()), begin },
        };
        let mut inner = args;
        for _ in 0..skip {
            inner = split_word(inner).1;
        }
        if !inner.contains(char::is_whitespace) {
            let at_command = !args.is_empty()
                && (!inner.is_empty() || line.ends_with(char::is_whitespace));
            let names = match (at_command, spec.name()) {
                (true, _) => Names::Commands,
                (false, "on") => Names::Breakpoints,
                (false, _) => Names::Nothing,
            };
            return Wanted { names, begin };
        }
        rest = inner;
    }
}

fn names_of(command: &str) -> Names {
    match command {
        "break" | "trace" | "continue" | "list" | "edit" | "disassemble" | "clearall"
        | "funcs" => Names::Functions,
        "print" | "whatis" | "set" | "display" | "examinemem" | "watch" | "call"
        | "args" | "locals" => Names::Variables,
        "clear" | "toggle" | "condition" => Names::Breakpoints,
        "types" => Names::Types,
        "source" | "dump" => Names::Files,
        "config" => Names::Settings,
        "help" => Names::Commands,
        _ => Names::Nothing,
    }
}

/// The names of a kind that there are now. What cannot be had is no error here.
pub fn load(client: &dyn Client, names: Names, frame: i64) -> Vec<String> {
    match names {
        Names::Commands => {
            table::commands().flat_map(|it| it.names).map(|it| (*it).to_owned()).collect()
        }
        Names::Functions => {
            let out = client.call(ListFunctionsIn::default());
            out.ok().and_then(|it| it.funcs).unwrap_or_default()
        }
        Names::Variables => variables(client, frame),
        Names::Breakpoints => {
            let out = client.call(ListBreakpointsIn { all: false });
            let list = out.ok().and_then(|it| it.breakpoints).unwrap_or_default();
            let own = list.iter().filter(|it| it.id > 0);
            own.map(crate::frontend::text::breakpoint::label).collect()
        }
        Names::Types => {
            let out = client.call(ListTypesIn::default());
            out.ok().and_then(|it| it.types).unwrap_or_default()
        }
        Names::Settings => SETTINGS.iter().map(|it| (*it).to_owned()).collect(),
        Names::Files | Names::Nothing => Vec::new(),
    }
}

const SETTINGS: &[&str] = &[
    "-list",
    "-save",
    "alias",
    "debug-info-directories",
    "disassemble-flavor",
    "forget-breakpoints",
    "max-array-values",
    "max-string-len",
    "max-variable-recurse",
    "position",
    "prompt",
    "show-location-expr",
    "show-raw-strings",
    "source-list-line-count",
    "substitute-path",
    "tab",
    "theme",
    "trace-show-timestamp",
];

fn variables(client: &dyn Client, frame: i64) -> Vec<String> {
    let scope = EvalScope::selected(frame);
    let cfg = LoadConfig::default();
    let locals = client.call(ListLocalVarsIn { scope: scope.clone(), cfg });
    let args = client.call(ListFunctionArgsIn { scope, cfg });
    let locals = locals.ok().and_then(|it| it.variables).unwrap_or_default();
    let args = args.ok().and_then(|it| it.args).unwrap_or_default();
    locals.into_iter().chain(args).map(|it| it.name).collect()
}

/// The names that `word` may become: those that begin with it; if there are none, those
/// that have it in them; else those that have its letters in their order. Short ones
/// come first.
pub fn matching(word: &str, names: &[String]) -> Vec<String> {
    let lower = word.to_lowercase();
    let fits: [&dyn Fn(&str) -> bool; 3] =
        [&|name| name.starts_with(&lower), &|name| name.contains(&lower), &|name| {
            is_subsequence(&lower, name)
        }];
    for fits in fits {
        let mut found: Vec<&String> =
            names.iter().filter(|name| fits(&name.to_lowercase())).collect();
        if !found.is_empty() {
            found.sort_by_key(|name| (name.len(), *name));
            found.dedup();
            return found.into_iter().take(CANDIDATES_MAX).cloned().collect();
        }
    }
    Vec::new()
}

fn is_subsequence(word: &str, name: &str) -> bool {
    let mut letters = name.chars();
    word.chars().all(|c| letters.any(|it| it == c))
}

#[cfg(test)]
mod tests {
    use super::{Names, Wanted, matching, wanted};
    use crate::frontend::config::Config;

    #[test]
    fn the_command_says_what_its_words_are() {
        let cases = [
            ("", Names::Commands, 0),
            ("br", Names::Commands, 0),
            ("b main.", Names::Functions, 2),
            ("break x main.", Names::Functions, 8),
            ("print a + b", Names::Variables, 10),
            ("frame 1 pri", Names::Commands, 8),
            ("frame 1 print x", Names::Variables, 14),
            ("goroutine 2 frame 1 p x", Names::Variables, 22),
            ("frame 1 ", Names::Commands, 8),
            ("frame ", Names::Nothing, 6),
            ("on ", Names::Breakpoints, 3),
            ("on 1 pr", Names::Commands, 5),
            ("nosuch x", Names::Nothing, 7),
            ("clear ", Names::Breakpoints, 6),
            ("help st", Names::Commands, 5),
        ];
        for (line, names, begin) in cases {
            let found = wanted(line, &Config::default());
            assert_eq!(found, Wanted { names, begin }, "{line:?}");
        }
    }

    #[test]
    fn what_begins_with_the_word_hides_what_only_resembles_it() {
        let names: Vec<String> = ["main.add", "main.main", "x.mainly", "main", "m.a.i.n"]
            .map(str::to_owned)
            .into();
        let cases: &[(&str, &[&str])] = &[
            ("main", &["main", "main.add", "main.main"]),
            ("ainl", &["x.mainly"]),
            ("mdd", &["main.add"]),
            ("zz", &[]),
        ];
        for (word, expected) in cases {
            assert_eq!(matching(word, &names), *expected, "{word}");
        }
    }
}
