//! Lines that were typed, kept from session to session; line mode and the screen share
//! them.
//!
//! The file is rustyline's: `#V2`, then a line for each, with `\n` and `\\` escaped.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::frontend::config::state_dir;

/// How many lines are kept.
pub const LINES_MAX: usize = 1000;
/// Bytes from which on the file is cut down to that many lines.
const FILE_MAX: u64 = 256 << 10;
const FIRST_LINE: &str = "#V2";

/// Where the file is, or would be.
pub fn path() -> Option<PathBuf> {
    Some(state_dir()?.join("history"))
}

/// The lines that are there, oldest first. What cannot be read is no history.
pub fn load(path: &Path) -> Vec<String> {
    let text = tail(path).unwrap_or_default();
    let lines = text.lines().filter(|it| !it.is_empty() && *it != FIRST_LINE);
    let mut lines: Vec<String> = lines.map(unescape).collect();
    lines.drain(..lines.len().saturating_sub(LINES_MAX));
    lines
}

/// The end of the file, however long it is.
fn tail(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let len = file.metadata()?.len();
    let start = len.saturating_sub(2 * FILE_MAX);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(2 * FILE_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // In the middle of the file, the first line is but a part of one.
    Ok(match text.split_once('\n').filter(|_| start > 0) {
        Some((_, rest)) => rest.to_owned(),
        None => text,
    })
}

/// Adds a line, for its owner's eyes only.
pub fn append(path: &Path, line: &str) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    let mut file = owned().append(true).open(path)?;
    let len = file.metadata()?.len();
    if len > FILE_MAX {
        shorten(path)?;
        file = owned().append(true).open(path)?;
    }
    let first = if len == 0 { format!("{FIRST_LINE}\n") } else { String::new() };
    file.write_all(format!("{first}{}\n", escape(line)).as_bytes())
}

fn owned() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).mode(0o600);
    options
}

/// Leaves the newest lines; others see the old file or the new one, and no part of it.
fn shorten(path: &Path) -> io::Result<()> {
    let kept: String = load(path).iter().map(|it| format!("{}\n", escape(it))).collect();
    let new = path.with_extension(format!("{}", std::process::id()));
    let mut file = owned().write(true).truncate(true).open(&new)?;
    file.write_all(format!("{FIRST_LINE}\n{kept}").as_bytes())?;
    fs::rename(&new, path)
}

fn escape(line: &str) -> String {
    line.replace('\\', "\\\\").replace('\n', "\\n")
}

fn unescape(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some(other) => out.push(other),
                None => {}
            },
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{FILE_MAX, LINES_MAX, append, load};

    #[test]
    fn lines_are_there_the_next_time_and_never_too_many() {
        let dir = std::env::temp_dir();
        let dir = dir.join(format!("tinydbg-history-{}", std::process::id()));
        let path = dir.join("below/history");
        assert!(load(&path).is_empty());
        let odd = "print \"a\\n\"";
        for line in ["next", odd] {
            append(&path, line).unwrap();
        }
        assert_eq!(load(&path), ["next", odd]);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "#V2\nnext\nprint \"a\\\\n\"\n");
        let long = format!("{}\n", "x".repeat(200)).repeat(3 * FILE_MAX as usize / 200);
        std::fs::write(&path, long).unwrap();
        append(&path, "last").unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() <= FILE_MAX);
        let lines = load(&path);
        assert_eq!(lines.len(), LINES_MAX);
        assert_eq!(lines.last().map(String::as_str), Some("last"));
        std::fs::remove_dir_all(dir).unwrap();
    }
}
