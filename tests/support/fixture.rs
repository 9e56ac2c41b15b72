//! Go programs to debug, and what their comments say should happen.
//!
//! A fixture states its expectations on the lines they are about:
//!
//! ```go
//! total := 0  //@ next 1; stepOut 2
//! ```
//!
//! means that the first `next` stops here, and so does the second `stepOut`. A test that
//! fails shows the two lists of lines; a fixture that is edited keeps its expectations,
//! whatever the line numbers. Marks are written from what a real Delve does:
//! `TINYDBG_TEST_PEER=dlv TINYDBG_MARKS=write cargo test --test e2e stepping`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::fcntl::{Flock, FlockArg};

const MARK: &str = " //@ ";

#[derive(Clone, Debug)]
pub struct Fixture {
    pub executable: PathBuf,
    pub main: PathBuf,
    source: String,
}

/// How a fixture is compiled.
#[derive(Clone, Copy, Debug, Default)]
pub struct Build<'a> {
    /// As its author would ship it, not as a debugger likes it.
    pub optimized: bool,
    /// A Go release other than the one that is installed: `go1.23.12`.
    pub toolchain: Option<&'a str>,
    /// The package around the file, with its own `go.mod`, not the file alone.
    pub package: bool,
    /// Without C, whether or not there is a compiler for it, and without the paths of this
    /// machine: the same file everywhere.
    pub pure: bool,
    /// More arguments for `go build`.
    pub flags: &'a [&'a str],
}

impl Fixture {
    /// Builds `testdata/fixtures/<name>` without optimizations.
    pub fn build(name: &str) -> Fixture {
        Fixture::build_as(name, Build::default())
    }

    pub fn optimized(name: &str) -> Fixture {
        Fixture::build_as(name, Build { optimized: true, ..Build::default() })
    }

    /// Builds the fixture once for all tests that run at the same time; Go's own cache
    /// makes the next build a matter of milliseconds.
    pub fn build_as(name: &str, how: Build<'_>) -> Fixture {
        let main = root().join("testdata/fixtures").join(name).join("main.go");
        Fixture::build_file(&main, name, how)
    }

    pub fn build_file(main: &Path, name: &str, how: Build<'_>) -> Fixture {
        let mut flavor = String::new();
        flavor.push_str(if how.optimized { "-opt" } else { "" });
        flavor.push_str(if how.pure { "-pure" } else { "" });
        for part in how.toolchain.iter().chain(how.flags) {
            flavor.extend(part.chars().filter(|it| it.is_alphanumeric() || *it == '.'));
        }
        let dir = scratch("fixtures");
        let executable = dir.join(format!("{name}{flavor}"));
        let lock = File::create(dir.join(format!("{name}{flavor}.lock"))).unwrap();
        let _lock = Flock::lock(lock, FlockArg::LockExclusive).expect("a lock on a file");

        let mut go = Command::new("go");
        go.env("GOFLAGS", "").args(["build", "-buildvcs=false", "-o"]).arg(&executable);
        if !how.optimized {
            go.arg("-gcflags=all=-N -l");
        }
        if let Some(toolchain) = how.toolchain {
            go.env("GOTOOLCHAIN", toolchain);
        }
        if how.pure {
            go.env("CGO_ENABLED", "0").arg("-trimpath");
            go.env_remove("GOAMD64").env_remove("GOEXPERIMENT");
        }
        go.args(how.flags);
        match main.parent().filter(|_| how.package) {
            Some(dir) => go.current_dir(dir).arg("."),
            None => go.arg(main),
        };
        let built = go.status().expect("the tests need Go");
        assert!(built.success(), "cannot build {}", main.display());
        let source = fs::read_to_string(main).expect("the fixture is UTF-8");
        Fixture { executable, main: main.to_owned(), source }
    }

    /// The lines marked `//@ <mark> n…`, in the order of their numbers.
    pub fn marked(&self, mark: &str) -> Vec<u32> {
        let mut numbered = Vec::new();
        for (line, words) in self.marks() {
            if words[0] == mark {
                for number in &words[1..] {
                    let number: u32 = number.parse().expect("a mark is a number");
                    numbered.push((number, line));
                }
            }
        }
        numbered.sort_unstable();
        numbered.into_iter().map(|(_, line)| line).collect()
    }

    /// The one line that contains this text.
    pub fn line(&self, text: &str) -> u32 {
        let mut found = (1..).zip(self.source.lines()).filter(|it| it.1.contains(text));
        let (line, _) = found.next().unwrap_or_else(|| panic!("no line has {text:?}"));
        assert_eq!(found.next(), None, "more than one line has {text:?}");
        line
    }

    /// The text of a line, without its marks.
    pub fn text(&self, line: u32) -> &str {
        let line = self.source.lines().nth(line as usize - 1).unwrap_or("(no such line)");
        line.split(MARK).next().unwrap_or_default().trim()
    }

    /// A location spec for the one line that contains this text.
    pub fn at(&self, text: &str) -> String {
        format!("{}:{}", self.main.display(), self.line(text))
    }

    /// Compares stops with marks; or, if `TINYDBG_MARKS=write`, makes the marks.
    pub fn check(&mut self, mark: &str, stops: &[u32]) {
        let wrong = self.differs(mark, stops);
        assert!(wrong.is_none(), "{}", wrong.unwrap_or_default());
    }

    /// The same, for those that have more to check.
    pub fn differs(&mut self, mark: &str, stops: &[u32]) -> Option<String> {
        if std::env::var("TINYDBG_MARKS").is_ok_and(|it| it == "write") {
            self.write(mark, stops);
        }
        let show = |lines: &[u32]| -> String {
            let show = |it: &u32| format!("\n    {it}: {}", self.text(*it));
            lines.iter().map(show).collect()
        };
        let marked = self.marked(mark);
        (stops != marked).then(|| {
            format!("{mark}: it stopped at{}\n  and not at{}", show(stops), show(&marked))
        })
    }

    fn marks(&self) -> impl Iterator<Item = (u32, Vec<&str>)> {
        (1..).zip(self.source.lines()).flat_map(|(line, text)| {
            let marks = text.split_once(MARK).map(|it| it.1).unwrap_or_default();
            let marks = marks.split(';').map(|it| it.split_whitespace().collect());
            marks.map(move |words: Vec<&str>| (line, words)).filter(|it| !it.1.is_empty())
        })
    }

    fn write(&mut self, mark: &str, stops: &[u32]) {
        let mut lines: Vec<(String, BTreeMap<String, String>)> = Vec::new();
        for (number, text) in (1..).zip(self.source.lines()) {
            let code = text.split(MARK).next().unwrap_or_default().trim_end().to_owned();
            let mut marks = BTreeMap::new();
            for (line, words) in self.marks() {
                if line == number && words[0] != mark {
                    marks.insert(words[0].to_owned(), words[1..].join(" "));
                }
            }
            lines.push((code, marks));
        }
        for (nth, stop) in (1..).zip(stops) {
            let marks = &mut lines[*stop as usize - 1].1;
            let numbers = marks.entry(mark.to_owned()).or_default();
            *numbers = format!("{numbers} {nth}").trim().to_owned();
        }
        let mut source = String::new();
        for (code, marks) in lines {
            let marks: Vec<String> =
                marks.iter().map(|(mark, numbers)| format!("{mark} {numbers}")).collect();
            source.push_str(&code);
            if !marks.is_empty() {
                source.push_str(MARK);
                source.push_str(&marks.join("; "));
            }
            source.push('\n');
        }
        fs::write(&self.main, &source).expect("the fixture can be written");
        self.source = source;
    }
}

/// The project's directory.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A directory for what tests make, under `target/`.
pub fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&dir).expect("target/ can be written");
    dir
}
