//! A program that has stopped for good, and its memory with some words changed.
//!
//! The memory comes from a file, so that a round is the same round every time:
//! `TINYDBG_FREEZE=1 cargo test --test e2e fuzz::` runs the fixture `hostile` and writes
//! what the tests read of it to `testdata/frozen`. The program is built by a certain Go,
//! for the same reason.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use tinydbg::engine::addr::{Addr, LoadBias};
use tinydbg::engine::binary::Binary;
use tinydbg::engine::eval::{EvalScope, Variable};
use tinydbg::engine::golang::{Goroutine, Runtime, Stack, UnwindFrom, UnwindLimits};
use tinydbg::engine::memory::{Fault, Memory, ReadPart};

use super::Dice;
use crate::support::fixture::{Build, Fixture, root};

const PAGE: u64 = 4096;

/// The newest Go, and the last with the old maps.
pub const NEW: &str = "go1.27.0";
pub const OLD: &str = "go1.23.12";

/// The fixture `hostile`, waiting in `main.hold`.
pub struct Frozen {
    /// Where pages come from while the file is being written.
    alive: Option<Alive>,
    pages: RefCell<BTreeMap<u64, Option<Vec<u8>>>>,
    pub runtime: Runtime,
    file: PathBuf,
}

/// The program itself.
struct Alive {
    child: Child,
    memory: File,
}

impl Drop for Alive {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_to_be_written() -> bool {
    std::env::var_os("TINYDBG_FREEZE").is_some()
}

/// A goroutine, where it is.
pub struct Place {
    pub goroutine: Goroutine,
    pub stack: Stack,
    pub frame: usize,
}

impl Frozen {
    pub fn of(toolchain: &str) -> Frozen {
        let how = Build { toolchain: Some(toolchain), pure: true, ..Build::default() };
        let fixture = Fixture::build_as("hostile", how);
        let binary = Binary::open(&fixture.executable).unwrap();
        let runtime = Runtime::new(binary, LoadBias(0)).unwrap();
        let file = root().join("testdata/frozen").join(format!("{toolchain}.z"));
        let mut frozen = Frozen { alive: None, pages: RefCell::default(), runtime, file };
        if !is_to_be_written() {
            frozen.thaw();
            if frozen.place(&frozen.intact()).is_some() {
                return frozen;
            }
            // A compiler that makes another program of it: the living one will do.
            println!("{} is of another program", frozen.file.display());
            frozen.pages.get_mut().clear();
        }
        let mut program = Command::new(&fixture.executable);
        let mut child = program.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // From the depths of the main goroutine, and from the other one.
        for _ in 0..2 {
            assert_eq!(lines.next().unwrap().unwrap(), "ready");
        }
        let memory = File::open(format!("/proc/{}/mem", child.id())).unwrap();
        frozen.alive = Some(Alive { child, memory });
        // It said so just before it went to sleep.
        while frozen.place(&frozen.intact()).is_none() {
            frozen.pages.borrow_mut().clear();
        }
        frozen
    }

    /// Reads the pages from the file: the number of each, and its bytes.
    fn thaw(&mut self) {
        let packed = fs::read(&self.file).unwrap();
        let mut bytes = Vec::new();
        ZlibDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
        for page in bytes.chunks_exact(8 + PAGE as usize) {
            let (number, page) = page.split_first_chunk().unwrap();
            let number = u64::from_le_bytes(*number);
            self.pages.get_mut().insert(number, Some(page.to_vec()));
        }
    }

    /// Writes the pages that have been read so far, if this is what is being done.
    pub fn freeze(&self) {
        if !is_to_be_written() {
            return;
        }
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
        for (number, page) in self.pages.borrow().iter() {
            let Some(page) = page else { continue };
            packed.write_all(&number.to_le_bytes()).unwrap();
            packed.write_all(page).unwrap();
        }
        fs::write(&self.file, packed.finish().unwrap()).unwrap();
    }

    /// Its memory as it is.
    pub fn intact(&self) -> Damaged<'_> {
        Damaged { frozen: self, changed: BTreeMap::new(), n_bytes: Cell::new(0) }
    }

    /// The main goroutine, if its innermost `main.hold` waits.
    pub fn place(&self, memory: &dyn Memory) -> Option<Place> {
        let table = self.runtime.goroutines(memory, &[]).ok()?;
        let goroutine = *table.by_id(1).filter(|it| it.is_waiting())?;
        let limits = UnwindLimits::frames(50);
        let stack = self.runtime.unwind(memory, &UnwindFrom::Saved(&goroutine), limits);
        let is_hold = |name: &str| name == "main.hold";
        let frame = stack
            .frames
            .iter()
            .position(|it| it.function.as_ref().is_some_and(|it| is_hold(&it.name)))?;
        Some(Place { goroutine, stack, frame })
    }

    pub fn scope<'a>(
        &'a self,
        place: &'a Place,
        memory: &'a dyn Memory,
    ) -> EvalScope<'a> {
        EvalScope {
            frames: &place.stack.frames,
            frame_index: place.frame,
            goroutine: Some(&place.goroutine),
            ..EvalScope::new(&self.runtime, memory)
        }
    }

    fn page(&self, number: u64) -> Option<Vec<u8>> {
        let mut bytes = vec![0; PAGE as usize];
        let memory = &self.alive.as_ref()?.memory;
        memory.read_exact_at(&mut bytes, number * PAGE).ok()?;
        Some(bytes)
    }
}

/// The memory of the program with some words of it changed.
pub struct Damaged<'a> {
    frozen: &'a Frozen,
    changed: BTreeMap<u64, [u8; 8]>,
    /// How much was asked for.
    pub n_bytes: Cell<u64>,
}

impl Damaged<'_> {
    pub fn change(&mut self, at: u64, word: u64) {
        self.changed.insert(at, word.to_le_bytes());
    }

    fn read_intact(&self, addr: u64, buf: &mut [u8]) -> Option<()> {
        let end = addr.checked_add(buf.len() as u64)?;
        let mut pages = self.frozen.pages.borrow_mut();
        let mut at = addr;
        while at < end {
            let page = pages
                .entry(at / PAGE)
                .or_insert_with(|| self.frozen.page(at / PAGE))
                .as_ref()?;
            let n = (PAGE - at % PAGE).min(end - at) as usize;
            let (from, to) = ((at % PAGE) as usize, (at - addr) as usize);
            buf[to..to + n].copy_from_slice(&page[from..from + n]);
            at += n as u64;
        }
        Some(())
    }
}

impl Memory for Damaged<'_> {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), Fault> {
        let len = buf.len();
        self.n_bytes.set(self.n_bytes.get() + len as u64);
        self.read_intact(addr.0, buf).ok_or(Fault { addr, len })?;
        let end = addr.0.saturating_add(len as u64);
        for (at, word) in self.changed.range(addr.0.saturating_sub(7)..end) {
            for (i, byte) in (*at..).zip(word) {
                let place = i.checked_sub(addr.0);
                if let Some(place) = place.and_then(|it| buf.get_mut(it as usize)) {
                    *place = *byte;
                }
            }
        }
        Ok(())
    }

    fn read_many(&self, parts: &mut [ReadPart<'_>]) {
        for part in parts {
            part.ok = self.read(part.addr, part.buf).is_ok();
        }
    }
}

/// The words that some values are made of, and those that they lead to.
pub fn words_of(frozen: &Frozen, values: &[Variable]) -> Vec<u64> {
    let mut words = Vec::new();
    for value in values {
        places_in(value, &mut words);
    }
    let intact = frozen.intact();
    let mut from = 0;
    for _ in 0..2 {
        words.sort_unstable();
        words.dedup();
        for i in from..words.len().min(4000) {
            let Ok(to) = intact.read_word(Addr(words[i])) else { continue };
            if to > 1 << 16 && intact.read_word(Addr(to)).is_ok() {
                words.extend((0..12).map(|n| to + 8 * n));
            }
        }
        from = 0;
    }
    words.sort_unstable();
    words.dedup();
    words.retain(|at| intact.read_word(Addr(*at)).is_ok());
    words
}

fn places_in(value: &Variable, words: &mut Vec<u64>) {
    for (start, n) in [(value.addr.0, 3), (value.base.0, 8)] {
        if start > 1 << 16 {
            words.extend((0..n).map(|n| start + 8 * n));
        }
    }
    for child in value.children() {
        places_in(child, words);
    }
}

/// Changes a few words to what programs break with.
pub fn damage<'a>(frozen: &'a Frozen, words: &[u64], dice: &mut Dice) -> Damaged<'a> {
    let mut damaged = frozen.intact();
    let intact = frozen.intact();
    for _ in 0..1 + dice.below(4) {
        let at = *dice.one_of(words);
        let was = intact.read_word(Addr(at)).unwrap_or(0);
        let word = match dice.below(12) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << dice.below(64),
            3 => was.wrapping_add(1),
            4 => was.wrapping_sub(1),
            5 => was ^ 1 << dice.below(64),
            6 => at,
            7 => i64::MIN as u64,
            8 => dice.number(),
            9 => (1 << 40) + dice.number() % 4096,
            _ => *dice.one_of(words),
        };
        damaged.change(at, word);
    }
    damaged
}
