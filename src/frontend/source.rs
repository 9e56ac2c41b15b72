//! Where are the sources, and what is in them? Files on this machine, read once.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::calendar::{date_of, days_since_1970};

/// The largest file that is read. Generated Go files of 10 MB exist.
pub const SOURCE_LEN_MAX: u64 = 64 << 20;

/// A source file as it was when it was read.
#[derive(Debug)]
pub struct SourceFile {
    pub path: PathBuf,
    pub modified: SystemTime,
    /// Without their ends; bytes that are no UTF-8 are replaced.
    pub lines: Vec<String>,
}

/// Why there is no source.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("open {path}: {reason}")]
    Unreadable { path: String, reason: String },
    #[error("{0} is larger than 64 MB")]
    TooLarge(String),
    #[error("the program says nothing about its source here")]
    NoFile,
}

/// Source files, read when they are asked for and again when they have changed.
#[derive(Debug, Default)]
pub struct SourceCache {
    files: HashMap<PathBuf, Arc<SourceFile>>,
}

impl SourceCache {
    pub fn new() -> SourceCache {
        SourceCache::default()
    }

    /// The file at `path`, which is a path of this machine.
    pub fn read(&mut self, path: &str) -> Result<Arc<SourceFile>, SourceError> {
        if path.is_empty() {
            return Err(SourceError::NoFile);
        }
        let key = PathBuf::from(path);
        let info = fs::metadata(&key).map_err(|err| unreadable(path, &err))?;
        let modified = info.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        if let Some(known) = self.files.get(&key).filter(|it| it.modified == modified) {
            return Ok(Arc::clone(known));
        }
        // Opening a pipe would wait for somebody to write to it.
        if !info.is_file() {
            let reason = "not a regular file".to_owned();
            return Err(SourceError::Unreadable { path: path.to_owned(), reason });
        }
        let text = read_bounded(&key)?;
        let lines = text.lines().map(str::to_owned).collect();
        let file = Arc::new(SourceFile { path: key.clone(), modified, lines });
        self.files.insert(key, Arc::clone(&file));
        Ok(file)
    }
}

fn unreadable(path: &str, err: &std::io::Error) -> SourceError {
    let reason = match err.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => err.to_string(),
    };
    SourceError::Unreadable { path: path.to_owned(), reason }
}

fn read_bounded(path: &Path) -> Result<String, SourceError> {
    let shown = path.display().to_string();
    let file = fs::File::open(path).map_err(|err| unreadable(&shown, &err))?;
    let mut bytes = Vec::new();
    file.take(SOURCE_LEN_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|err| unreadable(&shown, &err))?;
    if bytes.len() as u64 > SOURCE_LEN_MAX {
        return Err(SourceError::TooLarge(shown));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A time as Go writes it in JSON (RFC 3339, with nanoseconds); `None` before 1970 and
/// for the zero time.
pub fn parse_time(text: &str) -> Option<SystemTime> {
    let (date, rest) = text.split_once('T')?;
    let zone_at = rest.find(['Z', '+', '-'])?;
    let (time, zone) = rest.split_at(zone_at);
    // Small numbers: what a service says must not overflow the sums below.
    let mut days = date.splitn(3, '-').map(small_number);
    let (year, month, day) = (days.next()??, days.next()??, days.next()??);
    let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut clock = whole.splitn(3, ':').map(small_number);
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let nanos: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    let seconds =
        days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
            - zone_offset(zone)?;
    let since = Duration::new(u64::try_from(seconds).ok()?, nanos);
    SystemTime::UNIX_EPOCH.checked_add(since)
}

/// A time since 1970 as Go writes it: RFC 3339 in UTC, with nanoseconds.
pub fn format_time(since: Duration) -> String {
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date_of(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let nanos = since.subsec_nanos();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
}

fn small_number(text: &str) -> Option<i64> {
    text.parse::<u16>().ok().map(i64::from)
}

/// Seconds east of UTC.
fn zone_offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let seconds = small_number(hours)? * 3600 + small_number(minutes)? * 60;
    Some(if zone.starts_with('-') { -seconds } else { seconds })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use super::{SourceCache, SourceError, format_time, parse_time};

    #[test]
    fn a_file_is_read_once_until_it_changes() {
        let dir = std::env::temp_dir().join("tinydbg-tests");
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join(format!("source-{}.go", std::process::id()));
        fs::write(&path, "package main\n\nfunc main() {}\n").unwrap();
        let name = path.display().to_string();
        let mut cache = SourceCache::new();
        let first = cache.read(&name).unwrap();
        assert_eq!(first.lines, ["package main", "", "func main() {}"]);
        assert!(Arc::ptr_eq(&first, &cache.read(&name).unwrap()));
        fs::write(&path, "new").unwrap();
        let later = SystemTime::now() + Duration::from_secs(5);
        fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        assert_eq!(cache.read(&name).unwrap().lines, ["new"]);
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_is_not_there_is_said_in_a_sentence() {
        let mut cache = SourceCache::new();
        let text = |it: Result<_, SourceError>| it.unwrap_err().to_string();
        assert_eq!(
            text(cache.read("/nosuch/a.go")),
            "open /nosuch/a.go: no such file or directory"
        );
        assert_eq!(text(cache.read("/dev/null")), "open /dev/null: not a regular file");
    }

    #[test]
    fn times_of_go_are_understood() {
        let at =
            |seconds, nanos| Some(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos));
        let cases = [
            ("1970-01-01T00:00:00Z", at(0, 0)),
            ("2023-11-14T22:13:20Z", at(1_700_000_000, 0)),
            ("2023-11-14T23:13:20.5+01:00", at(1_700_000_000, 500_000_000)),
            ("2024-02-29T00:00:00.623089427Z", at(1_709_164_800, 623_089_427)),
            ("0001-01-01T00:00:00Z", None),
            ("yesterday", None),
            ("2023-11-99999999999999999T00:00:00Z", None),
            ("2023-11-14T99999999999999999:00:00Z", None),
            ("2023-11-14T00:00:00.é000Z", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_time(text), expected, "{text}");
        }
        for seconds in [0, 951_782_400, 1_700_000_000, 4_102_444_800] {
            let since = Duration::new(seconds, 5);
            assert_eq!(parse_time(&format_time(since)), at(seconds, 5));
        }
    }
}
