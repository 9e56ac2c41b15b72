//! What does a program have from the last session? Its breakpoints and watches.
//!
//! A small JSON file for each program, below the user's state directory, for its owner's
//! eyes only. With each breakpoint goes the text of its line, so that it is found again
//! where the file was changed and the program built anew (gdlv does so too).

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::api::types::Breakpoint;
use crate::frontend::config::state_dir;

/// Largest file that is read: some thousand breakpoints.
const FILE_LEN_MAX: u64 = 1 << 20;
/// Breakpoints and watches that are set again at most.
pub const EACH_MAX: usize = 256;
/// Programs of which something is kept; the one that was not debugged for the longest
/// time makes room.
const PROGRAMS_MAX: usize = 256;
/// How many lines away the text of a line is looked for.
const LINES_MOVED_MAX: usize = 500;

/// What is kept of one program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// Which program it is: the file's name is only a digest of it.
    pub program: String,
    pub breakpoints: Vec<KeptBreakpoint>,
    pub watches: Vec<String>,
}

/// A breakpoint that is set again the next time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptBreakpoint {
    /// What the user called its place, if that will be right the next time too.
    pub spec: String,
    /// The text of its line.
    pub text: String,
    /// The line that it was on before that text was found elsewhere.
    #[serde(skip)]
    pub was_on: Option<i64>,
    pub breakpoint: Breakpoint,
}

impl KeptBreakpoint {
    /// What there is to keep of a breakpoint; nothing if its place is a matter of this
    /// process alone.
    pub fn of(it: &Breakpoint, spec: Option<&str>) -> Option<KeptBreakpoint> {
        let spec = spec.unwrap_or(&it.expr_string);
        let spec = if is_lasting(spec) { spec } else { "" };
        let is_here_only = !it.watch_expr.is_empty() || it.trace_return;
        let has_line = it.line > 0 && !it.file.starts_with('<');
        if is_here_only || spec.is_empty() && !has_line {
            return None;
        }
        // A number is what it is called when it has no name.
        let is_named = it.name.parse::<i64>().is_err();
        let breakpoint = Breakpoint {
            name: if is_named { it.name.clone() } else { String::new() },
            file: it.file.clone(),
            line: it.line,
            cond: it.cond.clone(),
            hit_cond: it.hit_cond.clone(),
            hit_cond_per_g: it.hit_cond_per_g,
            tracepoint: it.tracepoint,
            goroutine: it.goroutine,
            stacktrace: it.stacktrace,
            variables: it.variables.clone(),
            load_args: it.load_args,
            load_locals: it.load_locals,
            custom_commands: it.custom_commands.clone(),
            disabled: it.disabled,
            ..Breakpoint::default()
        };
        Some(KeptBreakpoint { spec: spec.to_owned(), breakpoint, ..Default::default() })
    }

    /// The breakpoint to ask for.
    pub fn wanted(&self) -> Breakpoint {
        let it = self.breakpoint.clone();
        match self.spec.as_str() {
            "" => it,
            spec => {
                let (file, line) = (String::new(), 0);
                Breakpoint { file, line, expr_string: spec.to_owned(), ..it }
            }
        }
    }

    /// Where it is, for people who know the program.
    pub fn place(&self) -> String {
        let file = self.breakpoint.file.rsplit('/').next().unwrap_or_default();
        match self.spec.as_str() {
            "" => format!("{file}:{}", self.breakpoint.line),
            spec => spec.to_owned(),
        }
    }
}

/// Whether a location spec means the same in the next session: a function or an
/// expression does, an address and a line do not (lines are found by their text).
fn is_lasting(spec: &str) -> bool {
    let is_line = |it: &str| it.parse::<u64>().is_ok();
    let last = spec.rsplit(':').next().unwrap_or_default();
    !spec.is_empty() && !spec.starts_with(['*', '+', '-']) && !is_line(last)
}

/// Where things of a program are kept.
#[derive(Clone, Debug)]
pub struct Shelf {
    pub file: PathBuf,
    pub program: String,
    /// When the program was built: the text of source that is newer says nothing of it.
    pub built: Option<SystemTime>,
}

impl Shelf {
    /// `None` if the user has no directory for such things.
    pub fn of(program: &str, built: Option<SystemTime>) -> Option<Shelf> {
        let name = Path::new(program).file_name()?.to_string_lossy().into_owned();
        let is_plain = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
        let name: String = name.chars().filter(is_plain).take(64).collect();
        let digest = digest(program);
        let file = state_dir()?.join(format!("sessions/{name}-{digest:016x}.json"));
        Some(Shelf { file, program: program.to_owned(), built })
    }

    /// What is kept; what cannot be read or is of another program is nothing.
    pub fn load(&self) -> Kept {
        let read = || -> io::Result<Kept> {
            let mut text = String::new();
            fs::File::open(&self.file)?.take(FILE_LEN_MAX).read_to_string(&mut text)?;
            serde_json::from_str(&text).map_err(io::Error::other)
        };
        let mut kept = read().ok().filter(|it| it.program == self.program);
        if let Some(it) = &mut kept {
            it.breakpoints.truncate(EACH_MAX);
            it.watches.truncate(EACH_MAX);
        }
        kept.unwrap_or_default()
    }

    /// Keeps this; others see the old file or the new one, and no part of it.
    pub fn save(&self, kept: &Kept) -> io::Result<()> {
        if kept.breakpoints.is_empty() && kept.watches.is_empty() {
            return match fs::remove_file(&self.file) {
                Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
                done => done,
            };
        }
        let dir = self.file.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(dir)?;
        if !self.file.exists() {
            make_room(dir);
        }
        let kept = Kept { program: self.program.clone(), ..kept.clone() };
        let text = serde_json::to_string_pretty(&kept).map_err(io::Error::other)?;
        let new = self.file.with_extension(format!("{}", std::process::id()));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(&new)?.write_all(text.as_bytes())?;
        fs::rename(&new, &self.file)
    }

    fn is_newer(&self, file: Option<SystemTime>) -> bool {
        matches!((file, self.built), (Some(file), Some(built)) if file > built)
    }
}

/// Removes the oldest files until there is room for one more.
fn make_room(dir: &Path) {
    let files = fs::read_dir(dir).into_iter().flatten().flatten();
    let modified = |it: fs::DirEntry| Some((it.metadata().ok()?.modified().ok()?, it));
    let mut files: Vec<_> = files.filter_map(modified).collect();
    files.sort_by_key(|it| it.0);
    for (_, it) in files.iter().take((files.len() + 1).saturating_sub(PROGRAMS_MAX)) {
        let _kept = fs::remove_file(it.path());
    }
}

/// FNV-1a: the same in every build of ours, as a file's name has to be.
fn digest(text: &str) -> u64 {
    let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

/// The lines of a source file, and when it was changed.
pub type Source = (Vec<String>, Option<SystemTime>);

/// The texts of lines that breakpoints are on, as they were when they were first looked at:
/// a file may be changed while the program that was built of it is debugged.
#[derive(Debug, Default)]
pub struct Texts {
    known: HashMap<(String, i64), String>,
}

impl Texts {
    /// Puts breakpoints on the lines that have their text now.
    pub fn find(
        &mut self,
        shelf: &Shelf,
        kept: &mut Kept,
        read: impl Fn(&str) -> Option<Source>,
    ) {
        let mut sources = HashMap::new();
        for it in kept.breakpoints.iter_mut().filter(|it| !it.text.is_empty()) {
            let file = &it.breakpoint.file;
            let source = sources.entry(file.clone()).or_insert_with(|| read(file));
            let line = it.breakpoint.line;
            if let Some((lines, modified)) = source
                && !shelf.is_newer(*modified)
                && let Some(now) = nearest(lines, line, &it.text)
            {
                it.was_on = (now != line).then_some(line);
                it.breakpoint.line = now;
            }
            self.known.insert((file.clone(), it.breakpoint.line), it.text.clone());
        }
    }

    /// Adds the texts of their lines to breakpoints.
    pub fn add(
        &mut self,
        shelf: &Shelf,
        kept: &mut Kept,
        read: impl Fn(&str) -> Option<Source>,
    ) {
        let mut sources = HashMap::new();
        for it in kept.breakpoints.iter_mut().filter(|it| it.spec.is_empty()) {
            let (file, line) = (&it.breakpoint.file, it.breakpoint.line);
            let known = self.known.entry((file.clone(), line)).or_insert_with(|| {
                let source = sources.entry(file.clone()).or_insert_with(|| read(file));
                let source = source.as_ref().filter(|it| !shelf.is_newer(it.1));
                let at = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
                let text = source.and_then(|it| it.0.get(at));
                text.map(|it| it.trim().to_owned()).unwrap_or_default()
            });
            it.text.clone_from(known);
        }
    }
}

/// The line with a text that is nearest to one; lines count from 1.
fn nearest(lines: &[String], line: i64, text: &str) -> Option<i64> {
    let at = usize::try_from(line.checked_sub(1)?).ok()?;
    let has_text = |at: &usize| lines.get(*at).is_some_and(|it| it.trim() == text);
    let around = |by: usize| [at.checked_add(by), at.checked_sub(by)];
    let mut all = (0..=LINES_MOVED_MAX).flat_map(around).flatten();
    i64::try_from(all.find(has_text)? + 1).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(line: i64, text: &str) -> KeptBreakpoint {
        let file = "/src/a.go".to_owned();
        let breakpoint = Breakpoint { file, line, ..Default::default() };
        KeptBreakpoint { text: text.into(), breakpoint, ..Default::default() }
    }

    fn shelf(name: &str, built: Option<SystemTime>) -> Shelf {
        let name = format!("tinydbg-kept-{}-{name}/sessions/a.json", std::process::id());
        let file = std::env::temp_dir().join(name);
        Shelf { file, program: "/bin/a".into(), built }
    }

    #[test]
    fn what_is_kept_is_there_the_next_time_and_for_that_program_only() {
        let shelf = shelf("again", None);
        assert_eq!(shelf.load(), Kept::default());
        let program = shelf.program.clone();
        let watches = vec!["x.y".to_owned()];
        let kept = Kept { program, breakpoints: vec![at(3, "f()")], watches };
        shelf.save(&kept).unwrap();
        assert_eq!(shelf.load(), kept);
        let other = Shelf { program: "/bin/b".into(), ..shelf.clone() };
        assert_eq!(other.load(), Kept::default());
        for garbage in ["", "{", "[]", "{\"program\":\"/bin/a\",\"watches\":7}"] {
            fs::write(&shelf.file, garbage).unwrap();
            assert_eq!(shelf.load(), Kept::default(), "{garbage}");
        }
        shelf.save(&Kept::default()).unwrap();
        assert!(!shelf.file.exists(), "nothing needs no file");
        shelf.save(&Kept::default()).unwrap();
        fs::remove_dir_all(shelf.file.parent().unwrap().parent().unwrap()).unwrap();
    }

    #[test]
    fn the_oldest_make_room() {
        let shelf = shelf("room", None);
        let dir = shelf.file.parent().unwrap();
        fs::create_dir_all(dir).unwrap();
        for at in 0..PROGRAMS_MAX + 5 {
            let file = fs::File::create(dir.join(at.to_string())).unwrap();
            let age = Duration::from_secs(9999 - at as u64);
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        let kept = Kept { watches: vec!["x".into()], ..Default::default() };
        shelf.save(&kept).unwrap();
        assert_eq!(fs::read_dir(dir).unwrap().count(), PROGRAMS_MAX);
        assert!(!dir.join("5").exists());
        assert!(dir.join("6").exists());
        fs::remove_dir_all(dir.parent().unwrap()).unwrap();
    }

    #[test]
    fn a_breakpoint_moves_with_the_text_of_its_line() {
        let now = SystemTime::now();
        let lines = ["a()", "", "\tf()", "}", "f()", "x"].map(str::to_owned).to_vec();
        let read = |modified: Option<SystemTime>| {
            let lines = lines.clone();
            move |_: &str| Some((lines.clone(), modified))
        };
        let cases = [
            (at(3, "f()"), 3),
            (at(4, "f()"), 5),
            (at(1, "f()"), 3),
            (at(900, "f()"), 900),
            (at(2, "gone"), 2),
            (at(i64::MIN, "f()"), i64::MIN),
            (at(6, ""), 6),
        ];
        for (it, line) in cases {
            let mut kept = Kept { breakpoints: vec![it], ..Default::default() };
            let before = kept.clone();
            Texts::default().find(&shelf("x", Some(now)), &mut kept, read(Some(now)));
            assert_eq!(kept.breakpoints[0].breakpoint.line, line);
            // Where the source is newer than the program, it says nothing of it.
            let mut newer = before.clone();
            let old = now - Duration::from_secs(9);
            Texts::default().find(&shelf("x", Some(old)), &mut newer, read(Some(now)));
            assert_eq!(newer, before);
        }
    }

    #[test]
    fn the_text_of_a_line_is_the_first_that_was_seen() {
        let shelf = shelf("x", None);
        let mut texts = Texts::default();
        let mut kept = Kept { breakpoints: vec![at(1, "")], ..Default::default() };
        let read =
            |text: &'static str| move |_: &str| Some((vec![text.to_owned()], None));
        texts.add(&shelf, &mut kept, read("\tfirst()"));
        assert_eq!(kept.breakpoints[0].text, "first()");
        texts.add(&shelf, &mut kept, read("later()"));
        assert_eq!(kept.breakpoints[0].text, "first()");
    }

    #[test]
    fn what_means_something_else_the_next_time_is_not_kept() {
        let bp = |file: &str, line| Breakpoint {
            file: file.into(),
            line,
            name: "7".into(),
            total_hit_count: 3,
            addrs: Some(vec![1]),
            ..Default::default()
        };
        let kept = |it: &Breakpoint, spec| KeptBreakpoint::of(it, spec);
        let line = kept(&bp("/a.go", 3), None).unwrap();
        let clean = Breakpoint { file: "/a.go".into(), line: 3, ..Default::default() };
        assert_eq!((line.place().as_str(), line.wanted()), ("a.go:3", clean));
        for spec in ["main.go:3", "*0x10", "+2", "12"] {
            assert_eq!(kept(&bp("/a.go", 3), Some(spec)).unwrap().spec, "", "{spec}");
        }
        let many = bp("<multiple locations>", 0);
        assert_eq!(kept(&many, None), None);
        let spec = kept(&many, Some("/look/")).unwrap();
        assert_eq!(spec.wanted().expr_string, "/look/");
        let watch = Breakpoint { watch_expr: "x".into(), ..bp("/a.go", 3) };
        assert_eq!(kept(&watch, None), None);
    }
}
