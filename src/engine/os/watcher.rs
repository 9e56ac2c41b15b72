//! A small process that repairs the inferior when the debugger is killed.
//!
//! Nothing can be done on the way out of a `kill -9`. So before anything is written to a
//! process that was attached to, a child is started that does nothing but wait for the
//! end of a pipe whose other end only the debugger has. When that end comes, however it
//! comes, the child puts back the bytes that are still replaced. What was replaced is in
//! memory that both share.
//!
//! What it cannot do: the kernel lets go of the threads before the child runs. A thread
//! that meets an `int3` between the two, some 100 µs, dies of it, and so does one that had
//! met one that we had not waited for, or that was being judged. While the program is held
//! none of that is so: there are no sites in memory, and no thread is stopped for a trap
//! (see `inferior/harmless.rs`). A program that runs into sites all the time, with
//! conditions that are false, is in danger of a `kill -9`, and of nothing else.
#![allow(unsafe_code, reason = "fork and shared memory; see each SAFETY")]

use crate::engine::os::memory::MemFile;
use rustc_hash::FxHashMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

/// How many sites are on record; those beyond are not repaired after a `kill -9`.
const ENTRIES_MAX: usize = 1 << 16;

/// The instruction that makes a breakpoint.
const INT3: u8 = 0xcc;

/// A replaced byte. An address of 0 means that there is none.
#[repr(C)]
struct Entry {
    addr: AtomicU64,
    original: AtomicU64,
}

/// The child, for as long as this is kept.
#[derive(Debug)]
pub struct Watcher {
    table: Table,
    /// Closed when this process ends, or lets go of it.
    _pipe: File,
    index_of: FxHashMap<u64, usize>,
    free: Vec<usize>,
    /// How many entries have ever been used.
    n_used: usize,
}

impl Watcher {
    /// Starts the child, which will write to `memory`.
    pub fn start(memory: &MemFile) -> io::Result<Watcher> {
        let table = Table::new()?;
        let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        let (pipe, memory) = (read.as_raw_fd(), memory.as_raw_fd());
        // SAFETY: the child calls nothing but `intermediate`, which allocates nothing and
        // takes no lock, so that it does not matter what other threads held.
        match unsafe { libc::fork() } {
            -1 => return Err(io::Error::last_os_error()),
            0 => intermediate(pipe, memory, &table),
            child => {
                // SAFETY: the child ends at once; no status is asked for.
                unsafe { libc::waitpid(child, std::ptr::null_mut(), libc::__WALL) };
            }
        }
        Ok(Watcher {
            table,
            _pipe: File::from(write),
            index_of: FxHashMap::default(),
            free: Vec::new(),
            n_used: 0,
        })
    }

    /// The byte at `addr` is about to be replaced. `false` if the record is full.
    pub fn note(&mut self, addr: u64, original: u8) -> bool {
        let index = match self.index_of.get(&addr) {
            Some(index) => *index,
            None => match self.free.pop() {
                Some(index) => index,
                None if self.n_used < ENTRIES_MAX => {
                    self.n_used += 1;
                    self.n_used - 1
                }
                None => return false,
            },
        };
        self.index_of.insert(addr, index);
        let entry = &self.table.entries()[index];
        // The address makes it valid, so it comes last.
        entry.original.store(u64::from(original), Ordering::SeqCst);
        entry.addr.store(addr, Ordering::SeqCst);
        true
    }

    /// The byte at `addr` is as it was.
    pub fn forget(&mut self, addr: u64) {
        if let Some(index) = self.index_of.remove(&addr) {
            self.table.entries()[index].addr.store(0, Ordering::SeqCst);
            self.free.push(index);
        }
    }
}

/// Memory that stays shared over a fork.
#[derive(Debug)]
struct Table(*const Entry);

impl Table {
    const LEN: usize = ENTRIES_MAX * size_of::<Entry>();

    fn new() -> io::Result<Table> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: new memory, at a place of the kernel's choice.
        let at = unsafe {
            libc::mmap(std::ptr::null_mut(), Table::LEN, protection, flags, -1, 0)
        };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Table(at.cast()))
    }

    fn entries(&self) -> &[Entry] {
        // SAFETY: the mapping holds so many entries, is zeroed, which is a value of
        // `Entry`, and lives as long as `self`. Both processes only use atomics.
        unsafe { std::slice::from_raw_parts(self.0, ENTRIES_MAX) }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, and no reference into it outlives `self`.
        unsafe { libc::munmap(self.0.cast_mut().cast(), Table::LEN) };
    }
}

/// In the child: starts a child of its own and ends, so that the watcher is nobody's
/// child whose end would have to be waited for. Only system calls from here on.
fn intermediate(pipe: RawFd, memory: RawFd, table: &Table) -> ! {
    // SAFETY: as for the first fork.
    if unsafe { libc::fork() } == 0 {
        watch(pipe, memory, table);
    }
    // SAFETY: ends the child without running anything of the parent's.
    unsafe { libc::_exit(0) }
}

fn watch(pipe: RawFd, memory: RawFd, table: &Table) -> ! {
    let (pipe, memory) = keep_only(pipe, memory);
    // SAFETY: numbers only. Nobody's terminal shall send it signals.
    unsafe { libc::setsid() };
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
        // SAFETY: ignoring a signal runs no code.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    // SAFETY: a text that ends in zero.
    unsafe { libc::prctl(libc::PR_SET_NAME, c"tinydbg-watch".as_ptr()) };
    let mut byte = 0u8;
    // Nothing is ever written: this ends with the last writer.
    loop {
        // SAFETY: reads at most one byte into one byte.
        let n = unsafe { libc::read(pipe, (&raw mut byte).cast(), 1) };
        if n == 0 || (n < 0 && nix::errno::Errno::last_raw() != libc::EINTR) {
            break;
        }
    }
    for entry in table.entries() {
        repair(memory, entry);
    }
    // SAFETY: ends the process without running anything of the parent's.
    unsafe { libc::_exit(0) }
}

/// Closes everything else: a socket or a terminal that stays open here would never end
/// for those at its other end.
fn keep_only(pipe: RawFd, memory: RawFd) -> (RawFd, RawFd) {
    const FIRST: RawFd = 100;
    // SAFETY: numbers only.
    let pipe = unsafe { libc::fcntl(pipe, libc::F_DUPFD, FIRST) };
    // SAFETY: numbers only.
    let memory = unsafe { libc::fcntl(memory, libc::F_DUPFD, FIRST) };
    let (low, high) = (pipe.min(memory), pipe.max(memory));
    for (from, to) in [(0, low - 1), (low + 1, high - 1), (high + 1, RawFd::MAX)] {
        if from <= to {
            // SAFETY: numbers only; no object of the parent's is used any more.
            unsafe { libc::syscall(libc::SYS_close_range, from, to, 0) };
        }
    }
    (pipe, memory)
}

/// Puts a byte back, if an `int3` is still there.
fn repair(memory: RawFd, entry: &Entry) {
    let addr = entry.addr.load(Ordering::SeqCst);
    let Ok(offset) = i64::try_from(addr) else { return };
    if addr == 0 {
        return;
    }
    let mut byte = 0u8;
    // SAFETY: reads at most one byte into one byte.
    let n = unsafe { libc::pread64(memory, (&raw mut byte).cast(), 1, offset) };
    if n == 1 && byte == INT3 {
        let original = entry.original.load(Ordering::SeqCst) as u8;
        // SAFETY: writes one byte of the stack.
        unsafe { libc::pwrite64(memory, (&raw const original).cast(), 1, offset) };
    }
}
