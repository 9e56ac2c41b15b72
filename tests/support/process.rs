//! A process seen from outside: started, watched, and compared with the file it came from.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::yield_now;

use object::{Object, ObjectSection};

use super::server::wait;

/// A program that runs on its own, to be attached to. Dropping it kills it.
pub struct Program {
    pub child: Child,
    output: BufReader<ChildStdout>,
}

impl Program {
    pub fn start(executable: &Path, args: &[&str]) -> Program {
        let mut child = Command::new(executable)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        Program { child, output }
    }

    /// Started, and so far that it has said this.
    pub fn until(executable: &Path, args: &[&str], said: &str) -> Program {
        let mut program = Program::start(executable, args);
        while !program.read_line().contains(said) {}
        program
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line it writes: proof that it runs.
    pub fn read_line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the program's output is text");
        assert!(!line.is_empty(), "the program has ended: {:?}", self.child.try_wait());
        line.trim_end().to_owned()
    }

    /// All it writes until its end, and how it ended.
    pub fn finish(&mut self) -> (String, ExitStatus) {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("the program's output is text");
        (rest, wait(&mut self.child).expect("the program ends"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tries to start a program that was written just now. Another test may have forked
/// meanwhile, and so hold the file open for writing until its child has begun.
const SPAWN_TRIES_MAX: usize = 1_000;

fn spawn(command: &mut Command) -> Child {
    for _ in 0..SPAWN_TRIES_MAX {
        match command.spawn() {
            Err(err) if err.kind() == ErrorKind::ExecutableFileBusy => yield_now(),
            other => return other.expect("the program starts"),
        }
    }
    panic!("somebody keeps the program open for writing: {command:?}")
}

/// Runs a program to its end: how it ended, and all it wrote to both its outputs.
pub fn run(mut command: Command) -> (ExitStatus, String) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(&mut command);
    let Some(status) = wait(&mut child) else {
        let _ = child.kill();
        let _ = child.wait();
        panic!("the program does not end: {command:?}");
    };
    let mut text = String::new();
    for mut output in [
        child.stdout.take().map(|it| Box::new(it) as Box<dyn Read>),
        child.stderr.take().map(|it| Box::new(it) as Box<dyn Read>),
    ]
    .into_iter()
    .flatten()
    {
        output.read_to_string(&mut text).expect("the program's output is text");
    }
    (status, text)
}

/// A line of `/proc/<pid>/status`.
pub fn status(pid: u32, field: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it is alive");
    let line = status.lines().find(|it| it.starts_with(field)).unwrap_or_default();
    line.trim_start_matches(field).trim_start_matches(':').trim().to_owned()
}

/// Whether nobody traces it and it is not stopped.
pub fn is_free(pid: u32) -> bool {
    let stopped = status(pid, "State").starts_with(['t', 'T']);
    status(pid, "TracerPid") == "0" && !stopped
}

/// Compares the machine code in memory with the file's: where they first differ.
pub fn changed_code(pid: u32, executable: &Path) -> Option<u64> {
    let file = fs::read(executable).expect("the executable is readable");
    let elf = object::File::parse(&*file).expect("the executable is sound");
    assert_eq!(elf.kind(), object::ObjectKind::Executable, "addresses are the file's");
    let text = elf.section_by_name(".text").expect("there is code");
    let wanted = text.data().expect("the code is not compressed");
    let mut memory = fs::File::open(format!("/proc/{pid}/mem")).expect("it is alive");
    memory.seek(SeekFrom::Start(text.address())).expect("addresses are offsets");
    let mut found = vec![0; wanted.len()];
    memory.read_exact(&mut found).expect("the code is mapped");
    let at = found.iter().zip(wanted).position(|(a, b)| a != b)?;
    Some(text.address() + at as u64)
}

/// The most memory it ever had, in KB.
pub fn peak_memory_kb(pid: u32) -> u64 {
    let text = status(pid, "VmHWM");
    text.trim_end_matches("kB").trim().parse().expect("a number of kB")
}
