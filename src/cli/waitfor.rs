//! `--waitfor`: attach to a process that is not there yet.

use std::collections::HashMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// How often to look at least; less would be a busy loop.
const INTERVAL_MIN: Duration = Duration::from_micros(100);

/// What to wait for, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitFor {
    pub prefix: String,
    pub interval: Duration,
    /// `None` is for ever.
    pub duration: Option<Duration>,
}

impl WaitFor {
    /// Times in milliseconds; a duration of zero is for ever.
    pub fn new(prefix: &str, interval: f64, duration: f64) -> Result<WaitFor, String> {
        let time = |name: &str, ms: f64| {
            Duration::try_from_secs_f64(ms / 1000.0)
                .map_err(|_| format!("--waitfor-{name} {ms} is no time in milliseconds"))
        };
        let duration = Some(time("duration", duration)?).filter(|it| !it.is_zero());
        let interval = time("interval", interval)?.max(INTERVAL_MIN);
        Ok(WaitFor { prefix: prefix.to_owned(), interval, duration })
    }

    /// Waits for a process whose command line begins with the prefix; its pid.
    ///
    /// A process is looked at again as long as its command line changes: between fork and
    /// exec it has its parent's.
    pub fn wait(&self) -> Result<i32, String> {
        let deadline = self.duration.map(|it| Instant::now() + it);
        let mut seen: HashMap<i32, Vec<u8>> = HashMap::new();
        loop {
            for pid in pids() {
                let Ok(words) = fs::read(format!("/proc/{pid}/cmdline")) else {
                    continue;
                };
                if seen.get(&pid) == Some(&words) {
                    continue;
                }
                if begins(&words, &self.prefix) {
                    return Ok(pid);
                }
                seen.insert(pid, words);
            }
            if deadline.is_some_and(|it| Instant::now() >= it) {
                let text = "could not attach to pid 0: waitfor duration expired";
                return Err(text.to_owned());
            }
            thread::sleep(self.interval);
        }
    }
}

/// All processes but this one.
fn pids() -> Vec<i32> {
    let own = i32::try_from(std::process::id()).ok();
    let names = fs::read_dir("/proc").into_iter().flatten().flatten();
    names
        .filter_map(|it| it.file_name().to_str()?.parse().ok())
        .filter(|pid| Some(*pid) != own)
        .collect()
}

/// Whether words that end in zero bytes, with blanks between them instead, begin so.
fn begins(words: &[u8], prefix: &str) -> bool {
    let line: Vec<u8> =
        words.iter().map(|byte| if *byte == 0 { b' ' } else { *byte }).collect();
    !line.is_empty() && line.starts_with(prefix.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{WaitFor, begins};

    #[test]
    fn a_command_line_is_compared_with_blanks_between_its_words() {
        assert!(begins(b"/bin/sleep\x0010\x00", "/bin/sleep 1"));
        assert!(!begins(b"/bin/sleep\x0010\x00", "sleep"));
        assert!(!begins(b"", ""));
    }

    #[test]
    fn a_process_that_comes_is_found_and_one_that_does_not_is_given_up() {
        let mut sleep = Command::new("sleep").arg("71.25").spawn().unwrap();
        let found = WaitFor::new("sleep 71.25", 1.0, 5000.0).unwrap().wait();
        sleep.kill().unwrap();
        sleep.wait().unwrap();
        assert_eq!(found, Ok(i32::try_from(sleep.id()).unwrap()));
        let none = WaitFor::new("no such process is there", 1.0, 5.0).unwrap().wait();
        assert!(none.unwrap_err().ends_with("waitfor duration expired"));
        assert!(WaitFor::new("x", -1.0, 0.0).is_err());
    }
}
