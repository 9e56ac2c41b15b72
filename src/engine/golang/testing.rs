//! A running Go program to test with, and memory that is not as it should be.

use std::cell::Cell;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use crate::engine::addr::{Addr, LoadBias};
use crate::engine::binary::Binary;
use crate::engine::golang::Runtime;
use crate::engine::golang::goroutine::Goroutine;
use crate::engine::golang::stack::{Frame, Stack, UnwindFrom, UnwindLimits};
use crate::engine::memory::{Fault, Memory};

/// A program all of whose goroutines are parked, each in a function of its own.
pub const PARKED: &str = include_str!("testing.go");

/// 3000 goroutines that wait in two places.
pub const CROWD: &str = r#"package main

import (
	"fmt"
	"os"
	"sync"
	"time"
)

func main() {
	never := make(chan int)
	var all sync.WaitGroup
	all.Add(3000)
	for range 2000 {
		go func() { all.Done(); <-never }()
	}
	for range 1000 {
		go func() { all.Done(); time.Sleep(time.Hour) }()
	}
	all.Wait()
	time.Sleep(100 * time.Millisecond)
	fmt.Println("parked")
	os.Stdin.Read(make([]byte, 1))
}
"#;

/// Builds a Go program once, and opens it.
pub fn open(source: &str, flags: &[&str]) -> Arc<Binary> {
    Binary::open(&build(source, flags)).unwrap()
}

/// The same with another release of Go than the one that is installed: `go1.23.12`.
pub fn open_built_by(toolchain: &str, source: &str) -> Arc<Binary> {
    Binary::open(&build_by(Some(toolchain), source, &[])).unwrap()
}

fn build(source: &str, flags: &[&str]) -> PathBuf {
    build_by(None, source, flags)
}

/// Builds a Go program, or finds it built.
fn build_by(toolchain: Option<&str>, source: &str, flags: &[&str]) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    (toolchain, source, flags).hash(&mut hasher);
    let name = format!("golang-{:x}", hasher.finish());
    let dir = std::env::temp_dir().join("tinydbg-tests").join(name);
    let built = dir.join("program");
    if built.exists() {
        return built;
    }
    std::fs::create_dir_all(&dir).unwrap();
    // Tests that run at the same time build it twice; renaming is atomic.
    let id = std::thread::current().id();
    let own = dir.join(format!("{}-{id:?}", std::process::id()));
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("main.go"), source).unwrap();
    let mut go = Command::new("go");
    if let Some(toolchain) = toolchain {
        go.env("GOTOOLCHAIN", toolchain);
    }
    go.arg("build").args(flags).args(["-o", "program", "main.go"]).current_dir(&own);
    let output = go.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::rename(own.join("program"), &built).unwrap();
    std::fs::remove_dir_all(&own).unwrap();
    built
}

/// A Go program that runs, and is killed in the end.
pub struct Program {
    child: Child,
    pub runtime: Runtime,
    pub memory: FileMemory,
}

impl Program {
    /// Builds and starts a program, and waits until it prints a line.
    pub fn start(source: &str, flags: &[&str]) -> Program {
        let path = build(source, flags);
        let mut command = Command::new(&path);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let binary = Binary::open(&path).unwrap();
        let entry = auxv_entry(child.id());
        let bias = LoadBias(entry.wrapping_sub(binary.entry().0));
        let memory = File::open(format!("/proc/{}/mem", child.id())).unwrap();
        let runtime = Runtime::new(binary, bias).unwrap();
        Program { child, runtime, memory: FileMemory(memory) }
    }

    /// The goroutine whose innermost function outside the runtime is this.
    #[track_caller]
    pub fn goroutine_in(&self, function: &str) -> Goroutine {
        let table = self.runtime.goroutines(&self.memory, &[]).unwrap();
        let is_in = |it: &&Goroutine| {
            let stack = self.unwind(it);
            stack.frames.iter().any(|it| name(it) == function)
        };
        *table.iter().find(is_in).unwrap_or_else(|| panic!("nobody is in {function}"))
    }

    pub fn unwind(&self, goroutine: &Goroutine) -> Stack {
        let limits = UnwindLimits::frames(10_000);
        self.runtime.unwind(&self.memory, &UnwindFrom::Parked(goroutine), limits)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn name(frame: &Frame) -> &str {
    frame.function.as_ref().map_or("", |it| it.name.as_str())
}

/// `AT_ENTRY` of a process.
fn auxv_entry(pid: u32) -> u64 {
    const AT_ENTRY: u64 = 9;
    let bytes = std::fs::read(format!("/proc/{pid}/auxv")).unwrap();
    let words = bytes.as_chunks::<8>().0.iter().map(|it| u64::from_le_bytes(*it));
    let words: Vec<u64> = words.collect();
    words.chunks(2).find(|it| it[0] == AT_ENTRY).unwrap()[1]
}

/// The memory of a process, by way of its file.
pub struct FileMemory(File);

impl Memory for FileMemory {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), Fault> {
        let read = self.0.read_exact_at(buf, addr.0);
        read.map_err(|_| Fault { addr, len: buf.len() })
    }
}

/// Memory with something everywhere: words that may be anything, among them many that
/// point to code and to other such words.
pub struct Noise<'a> {
    program: &'a Program,
    seed: u64,
    /// What the program really has, with some words replaced.
    over: bool,
    /// Bytes that may still be read: a walk without end would use them up.
    left: Cell<u64>,
}

impl Noise<'_> {
    pub fn new(program: &Program, seed: u64) -> Noise<'_> {
        Noise { program, seed, over: false, left: Cell::new(1 << 30) }
    }

    pub fn over(program: &Program, seed: u64) -> Noise<'_> {
        Noise { over: true, ..Noise::new(program, seed) }
    }

    pub fn word(&self, at: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.seed, at).hash(&mut hasher);
        let random = hasher.finish();
        let image = self.program.runtime.image();
        let text = image.binary.text_range();
        match random % 8 {
            0..3 => {
                image.bias.loaded(text.start).0
                    + (random >> 3) % (text.end.0 - text.start.0)
            }
            3..6 => 0x1_0000 + (random >> 3) % 0x1000 * 8,
            6 => (random >> 3) % 300,
            _ => random,
        }
    }
}

impl Memory for Noise<'_> {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), Fault> {
        let left = self.left.get().checked_sub(buf.len() as u64);
        self.left.set(left.expect("no walk reads a gigabyte"));
        if self.over {
            self.program.memory.read(addr, buf)?;
        }
        for (byte, offset) in buf.iter_mut().zip(0..) {
            let at = addr.0.wrapping_add(offset);
            let word = self.word(at & !7);
            if !self.over || (word >> 40) % 50 == 7 {
                *byte = word.to_le_bytes()[at as usize % 8];
            }
        }
        Ok(())
    }
}
