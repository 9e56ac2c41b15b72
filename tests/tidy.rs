//! Rules about the code itself, checked like any other behaviour: who may use whom, which
//! crate may be named where, how long a function and a file may be.
//!
//! The tables below are the architecture. A new dependency between layers, or a new home
//! for a crate, shows in a review as a changed line here.

#[path = "support/scan.rs"]
mod scan;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use scan::Source;

/// The layers of the program, and what each may use. `main` speaks of the library as
/// `tinydbg::`, everything else as `crate::`.
const LAYERS: &[(&str, &[&str])] = &[
    ("api", &[]),
    ("calendar", &[]),
    ("engine", &["calendar"]),
    ("transport", &[]),
    ("service", &["api", "calendar", "engine", "transport"]),
    ("client", &["api", "transport"]),
    ("frontend", &["api", "calendar", "client"]),
    ("line", &["api", "client", "frontend"]),
    ("tui", &["api", "client", "frontend"]),
    (
        "cli",
        &["api", "client", "engine", "frontend", "line", "service", "transport", "tui"],
    ),
    (
        "main",
        &["cli", "client", "engine", "frontend", "line", "service", "transport", "tui"],
    ),
];

/// The layers within the engine.
const ENGINE: &[(&str, &[&str])] = &[
    ("os", &[]),
    ("binary", &["os::map"]),
    ("inferior", &["os"]),
    ("golang", &["binary"]),
    ("eval", &["golang", "binary"]),
    (
        "session",
        // The names of threads and processes, and the proof of being the tracer.
        &["eval", "golang", "binary", "inferior", "host", "os::process", "os::ptrace"],
    ),
    // The thread and what it owns are one thing in two files: each knows the other.
    ("host", &["session", "inferior", "os"]),
];

/// What every layer of the engine may use: its vocabulary.
const ENGINE_VOCABULARY: &[&str] = &["addr", "error", "memory", "registers"];

/// The crates we depend on, and the only places that may name each. Everybody else goes
/// through those places. `*` is everywhere.
const CRATES: &[(&str, &[&str])] = &[
    ("anyhow", &["src/main.rs", "src/cli.rs"]),
    ("clap", &["src/cli.rs", "src/main.rs"]),
    ("crossterm", &["src/tui"]),
    ("flate2", &["src/engine/binary"]),
    ("fuzzy_matcher", &["src/frontend"]),
    ("gimli", &["src/engine/binary", "src/engine/error.rs"]),
    ("iced_x86", &["src/engine"]),
    ("libc", &["src/engine/os"]),
    ("memmap2", &["src/engine/os"]),
    ("nix", &["src/engine/os"]),
    ("object", &["src/engine/binary", "src/engine/error.rs"]),
    ("ratatui", &["src/frontend", "src/line", "src/tui"]),
    ("regex", &["src/engine", "src/frontend", "src/service", "src/tui/filter.rs"]),
    ("rustc_hash", &["*"]),
    ("rustyline", &["src/line"]),
    ("serde", &["src/api", "src/transport", "src/service", "src/client", "src/frontend"]),
    (
        "serde_json",
        &["src/api", "src/transport", "src/service", "src/client", "src/frontend"],
    ),
    ("syntect", &["src/frontend"]),
    ("thiserror", &["*"]),
    ("toml", &["src/frontend"]),
    ("tracing", &["*"]),
    ("tracing_subscriber", &["src/main.rs", "src/cli.rs"]),
    ("unicode_width", &["src/frontend", "src/line", "src/tui"]),
];

/// Outside the full-screen UI, ratatui is only the vocabulary of styled text.
const STYLED_TEXT: &[&str] = &["style", "text"];

/// Types whose values change behind a shared reference, where only some code may have
/// them: a cache that is filled once has its home in the reader of files, and in what
/// must not make the start wait for that.
const ONCE: &[(&str, &[&str])] = &[
    ("OnceLock", &["src/engine/binary", "src/engine/golang/mod.rs"]),
    ("LazyLock", &[]),
];

/// What stands at the top of the repository, besides dotfiles and `target`.
const TOP_LEVEL: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "screenshots",
    "src",
    "testdata",
    "tests",
    "themes",
];

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 600;
const LINE_LENGTH_MAX: usize = 100;

/// Functions that are longer, with their length. Rows may shrink or go, never come.
const LONG_FUNCTIONS: &[(&str, &str, usize)] = &[];

/// Files that are longer, with their length. Rows may shrink or go, never come.
const LONG_FILES: &[(&str, usize)] = &[];

#[test]
fn layers_use_only_the_layers_below_them() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        let module = source.module();
        let Some(layer) = module.first().cloned() else { continue };
        let layer = if source.path.ends_with("src/main.rs") { "main" } else { &layer };
        let Some(allowed) = row(LAYERS, layer) else {
            wrong.push(format!("{}: no such layer is known", source.path.display()));
            continue;
        };
        for used in source.uses() {
            let Some(other) = used.first() else { continue };
            if other != layer && !allowed.contains(&other.as_str()) {
                wrong.push(format!(
                    "{}: `{layer}` must not use `{other}`",
                    source.path.display()
                ));
            }
        }
    }
    none(wrong);
}

#[test]
fn layers_of_the_engine_use_only_the_layers_below_them() {
    let mut wrong = Vec::new();
    for source in sources("src/engine") {
        let module = source.module();
        let Some(layer) = module.get(1).cloned() else { continue };
        let allowed = match row(ENGINE, &layer) {
            Some(allowed) => allowed,
            None if ENGINE_VOCABULARY.contains(&layer.as_str()) => &[],
            None => {
                wrong.push(format!("{}: no such layer is known", source.path.display()));
                continue;
            }
        };
        for used in source.uses() {
            let [engine, other, rest @ ..] = &used[..] else { continue };
            let inner = rest.first().map(|it| format!("{other}::{it}"));
            let open = |name: &str| ENGINE_VOCABULARY.contains(&name);
            let fine = engine != "engine"
                || *other == layer
                || open(other)
                || !starts_lower(other)
                || allowed.contains(&other.as_str())
                || inner.is_some_and(|it| allowed.contains(&it.as_str()));
            if !fine {
                wrong.push(format!(
                    "{}: `engine::{layer}` must not use `engine::{other}`",
                    source.path.display()
                ));
            }
        }
    }
    none(wrong);
}

#[test]
fn crates_stay_where_they_are_wrapped() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        for (name, homes) in CRATES {
            let home = homes.iter().any(|it| *it == "*" || source.path.starts_with(it));
            if !home && source.names_crate(name) {
                wrong.push(format!("{}: names `{name}`", source.path.display()));
            }
        }
    }
    none(wrong);
}

#[test]
fn outside_the_full_screen_ratatui_is_only_styled_text() {
    let mut wrong = Vec::new();
    for source in ["src/frontend", "src/line"].into_iter().flat_map(sources) {
        for module in source.paths_after("ratatui::") {
            if !STYLED_TEXT.contains(&module.as_str()) {
                let path = source.path.display();
                wrong.push(format!("{path}: uses `ratatui::{module}`"));
            }
        }
    }
    none(wrong);
}

#[test]
fn every_dependency_has_a_row() {
    let manifest = fs::read_to_string("Cargo.toml").unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let declared: BTreeSet<String> = manifest["dependencies"]
        .as_table()
        .unwrap()
        .keys()
        .map(|it| it.replace('-', "_"))
        .collect();
    let listed: BTreeSet<String> =
        CRATES.iter().map(|(name, _)| (*name).into()).collect();
    assert_eq!(declared, listed);
}

#[test]
fn every_file_opens_with_the_question_it_answers() {
    let mut wrong = Vec::new();
    for source in ["src", "tests"].into_iter().flat_map(sources) {
        let first = source.text.lines().next().unwrap_or_default();
        if first.strip_prefix("//! ").is_none_or(|it| it.trim().len() < 10) {
            wrong.push(format!("{}: does not open with `//! …`", source.path.display()));
        }
    }
    none(wrong);
}

#[test]
fn functions_fit_on_a_screen() {
    let mut wrong = Vec::new();
    let mut unused = LONG_FUNCTIONS.to_vec();
    for source in ["src", "tests"].into_iter().flat_map(sources) {
        for (name, lines) in source.functions() {
            if lines <= FUNCTION_LINES_MAX {
                continue;
            }
            let path = source.path.to_str().unwrap();
            let exception =
                LONG_FUNCTIONS.iter().find(|it| (it.0, it.1) == (path, &name));
            unused.retain(|it| (it.0, it.1) != (path, &name));
            if exception.is_none_or(|it| lines > it.2) {
                wrong.push(format!("{path}: `{name}` has {lines} lines"));
            }
        }
    }
    wrong.extend(unused.iter().map(|it| format!("no longer an exception: {it:?}")));
    none(wrong);
}

#[test]
fn files_are_short() {
    let mut wrong = Vec::new();
    let mut unused = LONG_FILES.to_vec();
    for source in ["src", "tests"].into_iter().flat_map(sources) {
        let lines = source.lines_without_tests();
        if lines <= FILE_LINES_MAX {
            continue;
        }
        let path = source.path.to_str().unwrap();
        unused.retain(|it| it.0 != path);
        let exception = LONG_FILES.iter().find(|it| it.0 == path);
        if exception.is_none_or(|it| lines > it.1) {
            wrong.push(format!("{path}: {lines} lines without its tests"));
        }
    }
    wrong.extend(unused.iter().map(|it| format!("no longer an exception: {it:?}")));
    none(wrong);
}

#[test]
fn lines_are_short() {
    let mut wrong = Vec::new();
    for source in ["src", "tests"].into_iter().flat_map(sources) {
        for (number, line) in (1..).zip(source.text.lines()) {
            // A literal, a link or a picture of a screen cannot be broken: rustfmt leaves
            // it alone, and so do we.
            let whole = line.contains(['"', '|', '│', '─', '━'])
                || line.contains("http")
                || line.contains("Ctrl-P find");
            if line.chars().count() > LINE_LENGTH_MAX && !whole {
                wrong.push(format!("{}:{number}: too long", source.path.display()));
            }
        }
    }
    none(wrong);
}

#[test]
fn no_static_has_state() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        for line in source.statics_with_state() {
            wrong.push(format!("{}: `{line}`", source.path.display()));
        }
        for (name, homes) in ONCE {
            let home = homes.iter().any(|it| source.path.starts_with(it));
            if !home && source.names(name) {
                wrong.push(format!("{}: uses `{name}`", source.path.display()));
            }
        }
    }
    none(wrong);
}

#[test]
fn unsafe_code_is_in_the_layer_of_the_kernel_alone() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        if !source.path.starts_with("src/engine/os") && source.names("unsafe") {
            wrong.push(source.path.display().to_string());
        }
    }
    none(wrong);
}

#[test]
fn the_top_level_is_what_the_readme_shows() {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(".").unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.starts_with('.') && name != "target" {
            found.insert(name);
        }
    }
    let wanted: BTreeSet<String> = TOP_LEVEL.iter().map(|it| (*it).into()).collect();
    assert_eq!(found, wanted);
}

/// The README's tables are the program's. `TINYDBG_README=write` writes them.
#[test]
fn the_readme_has_the_keys_and_the_commands() {
    let readme = fs::read_to_string("README.md").unwrap();
    let wanted = with_table(&readme, "keys", &tinydbg::tui::action::markdown());
    let commands = tinydbg::frontend::command::help::markdown();
    let wanted = with_table(&wanted, "commands", &commands);
    if std::env::var("TINYDBG_README").is_ok_and(|it| it == "write") {
        fs::write("README.md", wanted).unwrap();
    } else {
        assert!(readme == wanted, "run this with TINYDBG_README=write");
    }
}

/// A text with the part between two marks replaced.
fn with_table(text: &str, mark: &str, table: &str) -> String {
    let (before, rest) =
        text.split_once(&format!("<!-- {mark}: begin")).expect("the README has the mark");
    let (note, rest) = rest.split_once("-->").expect("the mark is a comment");
    let end = format!("<!-- {mark}: end -->");
    let (_, after) = rest.split_once(&end).expect("the table has an end");
    let table = table.trim();
    format!("{before}<!-- {mark}: begin{note}-->\n\n{table}\n\n{end}{after}")
}

fn row<'a>(table: &[(&str, &'a [&'a str])], name: &str) -> Option<&'a [&'a str]> {
    table.iter().find(|it| it.0 == name).map(|it| it.1)
}

fn starts_lower(name: &str) -> bool {
    name.starts_with(|it: char| it.is_ascii_lowercase())
}

/// Fails with all that is wrong, not with the first of it.
fn none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "\n  {}\n", wrong.join("\n  "));
}

/// The Rust files at or under `root`, in a fixed order.
fn sources(root: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    collect(Path::new(root), &mut paths);
    paths.sort();
    paths.into_iter().map(Source::read).collect()
}

fn collect(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("the source tree is readable") {
        let path = entry.expect("the source tree is readable").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
}
