//! Measurements of the full-screen UI, from outside: a program in a terminal of 160x45.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::programs::Site;
use crate::rows::{Goal, Sample, Unit};
use crate::support::fixture::Fixture;
use crate::support::pty::Terminal;
use crate::support::server::Peer;

const SIZE: (u16, u16) = (160, 45);

/// A frame is complete when nothing has come for this long.
const QUIET: Duration = Duration::from_millis(60);

fn tinydbg(args: &[&str]) -> Terminal {
    let mut command = Command::new(Peer::Ours.executable());
    command.arg("tui").args(args);
    Terminal::start(command, SIZE.0, SIZE.1)
}

/// Whether the screen shows numbered lines of source.
fn shows_source(terminal: &Terminal) -> bool {
    let screen = terminal.screen();
    let numbered = screen.lines().filter(|line| {
        let mut words = line.split(['│', '┃', ' ', '▶', '●']);
        words.any(|it| it.len() > 1 && it.parse::<u32>().is_ok())
    });
    numbered.count() > 10
}

/// From the start on a large server to the first text, and to a frame with source.
pub fn start() -> Vec<Sample> {
    let site = Site::serve();
    let pid = site.program.pid().to_string();
    let (mut first, mut usable) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        let start = Instant::now();
        let mut terminal = tinydbg(&["attach", &pid]);
        terminal.wait_until("text", |it| !it.screen().trim().is_empty());
        first.push(start.elapsed());
        terminal.wait_until("source", shows_source);
        usable.push(start.elapsed());
        drop(terminal);
    }
    vec![
        Sample::median("screen: first text (caddy)", &mut first, Goal::AtMost(20.0)),
        Sample::median("screen: frame with source", &mut usable, Goal::AtMost(150.0)),
    ]
}

/// What the screen shows, with its colours, without the status line.
fn without_clock(terminal: &Terminal) -> Vec<String> {
    let screen = terminal.emulator.screen();
    let columns = screen.size().1.get();
    let rows = screen.rows(0, columns).zip(screen.rows_formatted(0, columns));
    rows.filter(|(plain, _)| !plain.contains("STOPPED")).map(|(_, row)| row).collect()
}

/// From a key to the last byte of what it changes. The clock of the status line, which may
/// move on by chance before all is quiet, is none of that.
fn key(terminal: &mut Terminal, key: &str) -> Option<Duration> {
    let mut before = without_clock(terminal);
    let start = Instant::now();
    terminal.keys(key);
    let mut last = None;
    while terminal.read(QUIET).is_some() {
        let came = start.elapsed();
        let after = without_clock(terminal);
        if after != before {
            (last, before) = (Some(came), after);
        }
    }
    last
}

fn stopped() -> Terminal {
    let fixture = Fixture::build("busy");
    let program = fixture.executable.to_str().unwrap();
    let mut terminal = tinydbg(&["exec", program, "--", "8", "0"]);
    terminal.wait_for("STOPPED");
    terminal.keys(":break main.work\r");
    terminal.settle(QUIET * 5);
    terminal.keys("c");
    terminal.wait_for("round");
    terminal.settle(QUIET * 5);
    terminal
}

/// A key that moves a cursor: to the last byte of the frame.
pub fn keys() -> Vec<Sample> {
    let mut terminal = stopped();
    let mut times = Vec::new();
    for nth in 0..300 {
        let down = nth % 20 < 10;
        times.extend(key(&mut terminal, if down { "j" } else { "k" }));
    }
    assert!(times.len() > 200, "most keys change something: {}", terminal.screen());
    vec![
        Sample::median("screen: moving key, median", &mut times, Goal::AtMost(2.0)),
        Sample::quantile(
            "screen: moving key, 99 %",
            &mut times,
            0.99,
            Goal::AtMost(16.0),
        ),
    ]
}

/// `n` to the settled screen: new line, variables, stack, goroutines.
pub fn next() -> Vec<Sample> {
    let mut terminal = stopped();
    let mut times: Vec<Duration> =
        (0..60).filter_map(|_| key(&mut terminal, "n")).collect();
    vec![Sample::median("screen: n to settled", &mut times, Goal::AtMost(10.0))]
}

/// Ten seconds of doing nothing.
pub fn idle() -> Vec<Sample> {
    const SECONDS: u64 = 10;
    let mut terminal = stopped();
    let pid = terminal.child.id();
    let before = usage(pid);
    let start = Instant::now();
    let (mut bytes, mut writes) = (0, 0);
    while let Some(left) = Duration::from_secs(SECONDS).checked_sub(start.elapsed()) {
        if let Some(len) = terminal.read(left) {
            bytes += len;
            writes += 1;
        }
    }
    let after = usage(pid);
    let each = |name, value: u64| {
        Sample::new(name, Unit::Count, value as f64 / SECONDS as f64, Goal::None)
    };
    let cpu = (after.ticks - before.ticks) as f64 * 10.0 / SECONDS as f64;
    vec![
        each("screen: idle, bytes a second", bytes as u64),
        each("screen: idle, writes a second", writes),
        each("screen: idle, wake-ups a second", after.switches - before.switches),
        Sample::new("screen: idle, CPU a second", Unit::Milliseconds, cpu, Goal::None),
    ]
}

struct Usage {
    /// Hundredths of a second.
    ticks: u64,
    /// How often a thread of it has gone to sleep, and so woken up.
    switches: u64,
}

fn usage(pid: u32) -> Usage {
    let mut usage = Usage { ticks: 0, switches: 0 };
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let task = task.unwrap().path();
        let stat = std::fs::read_to_string(task.join("stat")).unwrap();
        let fields: Vec<&str> =
            stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks = |index: usize| fields[index].parse::<u64>().unwrap();
        usage.ticks += ticks(11) + ticks(12);
        let status = std::fs::read_to_string(task.join("status")).unwrap();
        let line = status.lines().find(|it| it.starts_with("voluntary_ctxt")).unwrap();
        usage.switches += line.rsplit('\t').next().unwrap().parse::<u64>().unwrap();
    }
    usage
}
