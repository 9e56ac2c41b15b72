//! Writing a core file of a stopped process: a piece at a time, so that others are served
//! in between.
//!
//! | file       | question                                     |
//! |------------|----------------------------------------------|
//! | [`plan`]   | which memory goes into the file?             |
//! | [`layout`] | what stands where in it?                     |
//! | [`notes`]  | what is said of the threads and the process? |
//!
//! The file is what the kernel would have written (`fs/binfmt_elf.c`), so that whoever
//! reads core files reads it. Pages of zeros are holes in it.

mod layout;
mod notes;
mod plan;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::inferior::live::Live;
use crate::engine::inferior::memory::ProcessMemory;
use crate::engine::memory::Memory;
use crate::engine::os::process::{PAGE_LEN, PageMap, Status, dumpable_mappings};
use crate::engine::os::ptrace::Tid;

use layout::Layout;
use plan::{Part, Plan};

/// How much is read and written at once.
const WINDOW_LEN: u64 = 1 << 20;

/// How long one call of [`Dump::advance`] works, and keeps others waiting.
const TURN: Duration = Duration::from_millis(20);

/// A core file that is being written. Dropped before its end, it removes the file.
pub struct Dump {
    pid: i32,
    path: PathBuf,
    file: File,
    memory: Arc<ProcessMemory>,
    pages: Option<PageMap>,
    layout: Layout,
    /// The part that is written next, and how much of it has been.
    next: (usize, u64),
    done: Dumped,
}

/// How far a dump has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dumped {
    pub n_threads: usize,
    pub memory_done: u64,
    pub memory_total: u64,
    /// `None` while it goes on.
    pub end: Option<DumpEnd>,
}

/// How a dump has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DumpEnd {
    Complete,
    Canceled,
    Failed(String),
}

impl Live {
    /// Begins to write a core file, with `first` as its first thread. The file must not
    /// be there yet: only its owner may read it.
    pub fn dump(&mut self, path: &Path, first: Option<Tid>) -> Result<Dump> {
        self.check_alive()?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(path).map_err(|err| {
            Error::message(format!("open {}: {}", path.display(), words(&err)))
        })?;
        self.begin_dump(path, file, first).inspect_err(|_| remove(path))
    }

    fn begin_dump(
        &mut self,
        path: &Path,
        file: File,
        first: Option<Tid>,
    ) -> Result<Dump> {
        let pid = self.pid();
        let pages = PageMap::open(pid).ok();
        let mappings = dumpable_mappings(pid)
            .map_err(|err| Error::os(format!("cannot see the memory of {pid}"), err))?;
        let plan = Plan::new(&mappings, &self.exe(), pages.as_ref());
        let (notes, n_threads) = notes::all(self, first, &plan.files);
        let layout = Layout::new(plan.parts, notes);
        let failed = |err| Error::message(write_failed(path, &err));
        file.write_all_at(&layout.headers(), 0).map_err(failed)?;
        file.write_all_at(&layout.notes, layout.notes_at).map_err(failed)?;
        let memory_total = layout.parts.iter().map(|it| it.file_len).sum();
        let done = Dumped { n_threads, memory_total, ..Dumped::default() };
        let (path, memory) = (path.to_owned(), self.memory.clone());
        Ok(Dump { pid, path, file, memory, pages, layout, next: (0, 0), done })
    }
}

impl Dump {
    pub fn progress(&self) -> &Dumped {
        &self.done
    }

    /// Goes on for a moment.
    pub fn advance(&mut self) -> &Dumped {
        let begun = Instant::now();
        while self.done.end.is_none() && begun.elapsed() < TURN {
            match self.write_window() {
                Ok(true) => {}
                Ok(false) => self.done.end = Some(DumpEnd::Complete),
                Err(why) => self.end(DumpEnd::Failed(why)),
            }
        }
        &self.done
    }

    /// Gives up, and removes the file.
    pub fn cancel(&mut self) {
        if self.done.end.is_none() {
            self.end(DumpEnd::Canceled);
        }
    }

    fn end(&mut self, end: DumpEnd) {
        remove(&self.path);
        self.done.end = Some(end);
    }

    /// Writes the next piece; `false` if there is none.
    fn write_window(&mut self) -> std::result::Result<bool, String> {
        let (index, offset) = self.next;
        let Some(part) = self.layout.parts.get(index).copied() else {
            let whole = self.file.set_len(self.layout.file_len);
            return whole.map(|()| false).map_err(|err| write_failed(&self.path, &err));
        };
        let len = (part.file_len - offset).min(WINDOW_LEN);
        if len == 0 {
            self.next = (index + 1, 0);
            return Ok(true);
        }
        self.check_alive()?;
        self.copy(&part, offset, len).map_err(|err| write_failed(&self.path, &err))?;
        self.next = (index, offset + len);
        self.done.memory_done += len;
        Ok(true)
    }

    /// Copies those pages of a piece that are there and are more than zeros.
    fn copy(&self, part: &Part, offset: u64, len: u64) -> io::Result<()> {
        let start = part.start + offset;
        let n_pages = (len / PAGE_LEN) as usize;
        let there = match &self.pages {
            Some(pages) if part.is_anonymous => {
                let pages = pages.pages(start, n_pages).unwrap_or_default();
                pages.iter().map(|it| it.exists).collect()
            }
            _ => Vec::new(),
        };
        let is_there = |page: usize| there.get(page).copied().unwrap_or(true);
        let mut page = 0;
        while page < n_pages {
            let wanted = is_there(page);
            let run = (page..n_pages).take_while(|it| is_there(*it) == wanted).count();
            if wanted {
                let at = page as u64 * PAGE_LEN;
                let to = part.file_offset + offset + at;
                self.copy_run(start + at, run as u64 * PAGE_LEN, to)?;
            }
            page += run;
        }
        Ok(())
    }

    fn copy_run(&self, addr: u64, len: u64, to: u64) -> io::Result<()> {
        if let Ok(bytes) = self.memory.read_bytes(Addr(addr), len as usize) {
            return self.write_pages(&bytes, to);
        }
        // What cannot be read is left out: it is zeros in the file.
        for offset in (0..len).step_by(PAGE_LEN as usize) {
            let page = self.memory.read_bytes(Addr(addr + offset), PAGE_LEN as usize);
            if let Ok(bytes) = page {
                self.write_pages(&bytes, to + offset)?;
            }
        }
        Ok(())
    }

    fn write_pages(&self, bytes: &[u8], to: u64) -> io::Result<()> {
        let (pages, _) = bytes.as_chunks::<{ PAGE_LEN as usize }>();
        let is_zeros = |page: usize| pages[page].iter().all(|it| *it == 0);
        let mut page = 0;
        while page < pages.len() {
            if is_zeros(page) {
                page += 1;
                continue;
            }
            let run = (page..pages.len()).take_while(|it| !is_zeros(*it)).count();
            let at = page * PAGE_LEN as usize;
            let end = at + run * PAGE_LEN as usize;
            self.file.write_all_at(&bytes[at..end], to + at as u64)?;
            page += run;
        }
        Ok(())
    }

    fn check_alive(&self) -> std::result::Result<(), String> {
        match Status::of(self.pid) {
            Ok(status) if !matches!(status.state, b'Z' | b'X') => Ok(()),
            _ => Err(format!("process {} has ended meanwhile", self.pid)),
        }
    }
}

impl Drop for Dump {
    fn drop(&mut self) {
        self.cancel();
    }
}

fn remove(path: &Path) {
    if let Err(err) = std::fs::remove_file(path) {
        tracing::warn!(target: "engine", "cannot remove {}: {err}", path.display());
    }
}

fn write_failed(path: &Path, err: &io::Error) -> String {
    format!("write {}: {}", path.display(), words(err))
}

/// **wire**: the kernel's reason as Go words it.
fn words(err: &io::Error) -> String {
    let text = err.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |it| {
        it.to_lowercase().collect::<String>() + letters.as_str()
    })
}
