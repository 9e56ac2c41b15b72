//! The process layer against real programs: see `testdata/inferior/victim.go`.
//!
//! Every test has a bound in time: a watchdog halts a run that takes too long, and the
//! test then fails for what it got instead.

mod dumps;
mod hits;
mod processor;
mod release;
mod signals;
mod speed;
mod threads;

use crate::engine::addr::Addr;
use crate::engine::inferior::{
    Hit, Judge, LaunchSpec, Live, Owner, RunEnd, Stdio, Tid, Tracer, Verdict,
};
use crate::engine::memory::Memory;
use iced_x86::{Decoder, DecoderOptions};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio as Pipe};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

/// How long a run may take on a machine that is busy with other things.
const RUN_MAX: Duration = Duration::from_secs(60);

/// A program built for the tests, and where its functions are.
pub(super) struct Program {
    pub(super) path: PathBuf,
    symbols: HashMap<String, (u64, u64)>,
}

impl Program {
    /// Builds the victim without optimization.
    pub(super) fn victim() -> Program {
        Program::build("victim", &["-gcflags=-N -l"])
    }

    /// Builds the victim as users' programs are built.
    pub(super) fn optimized_victim() -> Program {
        Program::build("victim", &[])
    }

    /// Builds a C program, at a fixed address.
    pub(super) fn c(name: &str) -> Program {
        let (source, path) = Program::paths(name, "c", "");
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-no-pie", "-o"]).args([&path, &source]);
        Program::made_by(compiler, path)
    }

    fn build(name: &str, flags: &[&str]) -> Program {
        let (source, path) = Program::paths(name, "go", &flags.concat());
        let mut compiler = Command::new("go");
        compiler.arg("build").args(flags).arg("-o").args([&path, &source]);
        Program::made_by(compiler, path)
    }

    fn paths(name: &str, language: &str, variant: &str) -> (PathBuf, PathBuf) {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("testdata/inferior")
            .join(format!("{name}.{language}"));
        let dir = std::env::temp_dir().join("tinydbg-tests");
        std::fs::create_dir_all(&dir).unwrap();
        // One file for each thread, so that no test runs what another is writing.
        let thread = std::thread::current().name().unwrap_or("main").replace("::", "-");
        let file = format!("{name}-{}-{thread}{variant}", std::process::id());
        (source, dir.join(file))
    }

    fn made_by(mut compiler: Command, path: PathBuf) -> Program {
        let built = compiler.status().expect("the tests need Go and a C compiler");
        assert!(built.success(), "cannot build {}", path.display());
        let symbols = symbols(&path);
        Program { path, symbols }
    }

    pub(super) fn addr(&self, function: &str) -> Addr {
        Addr(self.symbols[function].0)
    }

    /// The addresses of all instructions of a function.
    pub(super) fn instructions(&self, live: &Live, function: &str) -> Vec<Addr> {
        let (addr, size) = self.symbols[function];
        let code = live.memory().read_bytes(Addr(addr), size as usize).unwrap();
        let decoder = Decoder::with_ip(64, &code, addr, DecoderOptions::NONE);
        decoder
            .into_iter()
            .filter(|it| it.mnemonic() != iced_x86::Mnemonic::Int3)
            .map(|it| Addr(it.ip()))
            .collect()
    }

    pub(super) fn launch(&self, args: &[&str]) -> (Live, PathBuf) {
        let output = self.path.with_extension("out");
        let spec = LaunchSpec {
            program: self.path.clone(),
            args: args.iter().map(Into::into).collect(),
            stdio: Stdio::Redirect([None, Some(output.clone()), None]),
            ..LaunchSpec::default()
        };
        let live = Live::launch(Tracer::for_this_thread(), spec).unwrap();
        (live, output)
    }

    /// What the program prints when nobody interferes.
    pub(super) fn undisturbed(&self, args: &[&str]) -> String {
        let output = Command::new(&self.path).args(args).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        let _ = std::fs::remove_file(self.path.with_extension("out"));
    }
}

fn symbols(path: &Path) -> HashMap<String, (u64, u64)> {
    let listed =
        Command::new("go").args(["tool", "nm", "-size"]).arg(path).output().unwrap();
    let text = String::from_utf8(listed.stdout).unwrap();
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let addr = u64::from_str_radix(words.next()?, 16).ok()?;
            let size = words.next()?.parse().ok()?;
            Some((words.nth(1)?.to_owned(), (addr, size)))
        })
        .collect()
}

/// The victim as a process of its own, to be attached to.
pub(super) struct Target {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Target {
    /// Starts the program and waits until it says that it is ready.
    pub(super) fn start(program: &Program, args: &[&str]) -> Target {
        let mut command = Command::new(&program.path);
        command.args(args).stdin(Pipe::piped()).stdout(Pipe::piped());
        // On a thread of its own: the tracer takes the exits of its own children.
        let mut child = std::thread::spawn(move || command.spawn().unwrap())
            .join()
            .expect("the program starts");
        let output = BufReader::new(child.stdout.take().unwrap());
        let input = child.stdin.take();
        let mut target = Target { child, input, output };
        assert_eq!(target.line(), "ready");
        target
    }

    pub(super) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    pub(super) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Has the program finish, and returns the rest of what it says.
    pub(super) fn finish(&mut self) -> String {
        self.input.take().unwrap().write_all(b"\n").unwrap();
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        rest
    }

    pub(super) fn attach(&self) -> Live {
        Live::attach(Tracer::for_this_thread(), self.pid()).unwrap()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Halts a run that takes too long.
pub(super) struct Watchdog(#[expect(dead_code, reason = "ends the thread")] Sender<()>);

pub(super) fn watchdog(live: &Live) -> Watchdog {
    let interrupter = live.interrupter();
    let (keep, kept) = channel::<()>();
    std::thread::spawn(move || {
        if kept.recv_timeout(RUN_MAX) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            interrupter.halt();
        }
    });
    Watchdog(keep)
}

/// Counts hits, and stops at some of them.
#[derive(Default)]
pub(super) struct Counting {
    pub(super) hits: HashMap<Addr, u64>,
    pub(super) n_hits: u64,
    /// Stop at every hit whose number is a multiple.
    pub(super) stop_every: Option<u64>,
    pub(super) signals: Vec<i32>,
}

impl Judge for Counting {
    fn hit(&mut self, hit: &mut Hit<'_>) -> Verdict {
        assert_eq!(hit.registers.pc(), hit.addr);
        *self.hits.entry(hit.addr).or_default() += 1;
        self.n_hits += 1;
        match self.stop_every {
            Some(n) if self.n_hits.is_multiple_of(n) => Verdict::Stop,
            _ => Verdict::Resume,
        }
    }

    fn signaled(&mut self, _: Tid, signal: i32) -> Verdict {
        self.signals.push(signal);
        Verdict::Resume
    }
}

/// Runs until the program ends, however often it stops; returns how, and how often.
pub(super) fn run_to_end(live: &mut Live, judge: &mut dyn Judge) -> (RunEnd, u64) {
    let mut n_stops = 0;
    loop {
        match live.run(judge).unwrap() {
            RunEnd::Stopped { .. } => n_stops += 1,
            end => return (end, n_stops),
        }
    }
}

pub(super) fn place_all(live: &mut Live, addrs: &[Addr]) {
    for addr in addrs {
        live.place(*addr, Owner::User(1)).unwrap();
    }
}

/// Waits for something that another process brings about.
pub(super) fn until(mut condition: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !condition() {
        assert!(begun.elapsed() < RUN_MAX, "it never came about");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}
