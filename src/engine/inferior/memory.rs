//! The memory of a live process, without our `int3`s.

use crate::engine::addr::Addr;
use crate::engine::memory::{Fault, Memory, ReadPart};
use crate::engine::os::memory::{MemFile, PIECES_MAX, Piece, read, read_pieces};
use crate::engine::os::watcher::Watcher;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The instruction that makes a breakpoint.
pub(super) const INT3: u8 = 0xcc;

/// How often a read is tried that meets a change of sites, before it keeps changes off.
const TRIES_MAX: usize = 4;

/// Sites that are not further apart than this are changed in one write, so many at most.
const SPAN_GAP_MAX: u64 = 1024;
const SPAN_SITES_MAX: usize = 256;

/// What is to become of sites in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Patch,
    Unpatch,
}

/// The memory of a live process. It may be read from several threads at once, while the
/// process runs as well as while it is stopped.
#[derive(Debug)]
pub struct ProcessMemory {
    pid: i32,
    file: MemFile,
    patches: Patches,
}

/// The `int3`s in memory, and what they hide.
#[derive(Debug)]
struct Patches {
    hidden: Mutex<BTreeMap<u64, u8>>,
    /// Odd while the table and the memory differ.
    generation: AtomicU64,
    /// All patches there have ever been are within, so that reads of anything but text
    /// need no lock.
    lowest: AtomicU64,
    highest: AtomicU64,
}

impl ProcessMemory {
    /// The memory that `pid` has now; after an exec it has another.
    pub(super) fn open(pid: i32) -> io::Result<ProcessMemory> {
        Ok(ProcessMemory {
            pid,
            file: MemFile::open(pid)?,
            patches: Patches {
                hidden: Mutex::default(),
                generation: AtomicU64::new(0),
                lowest: AtomicU64::new(u64::MAX),
                highest: AtomicU64::new(0),
            },
        })
    }

    /// Reads what is really there.
    pub(super) fn read_raw(&self, addr: u64, buf: &mut [u8]) -> io::Result<()> {
        match read(self.pid, addr, buf) {
            Ok(n) if n == buf.len() => Ok(()),
            // Pages that the process may not read itself, or a leader that has exited.
            _ => self.file.read(addr, buf),
        }
    }

    /// Writes what shall really be there.
    pub(super) fn write_raw(&self, addr: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write(addr, bytes)
    }

    /// Starts the process that repairs this memory if we are killed.
    pub(super) fn watch(&self) -> io::Result<Watcher> {
        Watcher::start(&self.file)
    }

    /// Puts an `int3` at `addr`, and returns the byte it replaces.
    pub(super) fn patch(&self, addr: u64) -> io::Result<u8> {
        let mut hidden = self.patches.lock();
        if let Some(byte) = hidden.get(&addr) {
            return Ok(*byte);
        }
        let mut byte = [0];
        self.read_raw(addr, &mut byte)?;
        self.patches.lowest.fetch_min(addr, Ordering::SeqCst);
        self.patches.highest.fetch_max(addr, Ordering::SeqCst);
        self.patches.generation.fetch_add(1, Ordering::SeqCst);
        let written = self.write_raw(addr, &[INT3]);
        if written.is_ok() {
            hidden.insert(addr, byte[0]);
        }
        self.patches.generation.fetch_add(1, Ordering::SeqCst);
        written.map(|()| byte[0])
    }

    /// Whether there is an `int3` of ours at `addr`.
    pub(super) fn is_hidden(&self, addr: u64) -> bool {
        self.patches.lock().contains_key(&addr)
    }

    /// Puts the replaced byte back.
    pub(super) fn unpatch(&self, addr: u64) -> io::Result<()> {
        let mut hidden = self.patches.lock();
        let Some(byte) = hidden.get(&addr).copied() else { return Ok(()) };
        self.patches.generation.fetch_add(1, Ordering::SeqCst);
        let written = self.write_raw(addr, &[byte]);
        if written.is_ok() {
            hidden.remove(&addr);
        }
        self.patches.generation.fetch_add(1, Ordering::SeqCst);
        written
    }

    /// Puts `int3`s at `addrs`, or takes them out, with all threads stopped: those that
    /// lie close together in one write. Returns what could not be done.
    pub(super) fn change_all(
        &self,
        mut addrs: Vec<u64>,
        change: Change,
    ) -> Vec<(u64, io::Error)> {
        addrs.sort_unstable();
        let mut failed = Vec::new();
        let is_close = |a: &u64, b: &u64| b - a <= SPAN_GAP_MAX;
        for span in addrs.chunk_by(is_close).flat_map(|it| it.chunks(SPAN_SITES_MAX)) {
            if self.change_span(span, change).is_ok() {
                continue;
            }
            // A part of it may be mapped no more: the others are not to suffer from it.
            for addr in span {
                let changed = match change {
                    Change::Patch => self.patch(*addr).map(drop),
                    Change::Unpatch => self.unpatch(*addr),
                };
                failed.extend(changed.err().map(|err| (*addr, err)));
            }
        }
        failed
    }

    fn change_span(&self, addrs: &[u64], change: Change) -> io::Result<()> {
        let (Some(first), Some(last)) = (addrs.first(), addrs.last()) else {
            return Ok(());
        };
        let mut hidden = self.patches.lock();
        let mut bytes = vec![0; (last - first) as usize + 1];
        self.read_raw(*first, &mut bytes)?;
        let mut replaced = Vec::with_capacity(addrs.len());
        for addr in addrs {
            let byte = &mut bytes[(addr - first) as usize];
            match (change, hidden.get(addr)) {
                (Change::Patch, None) => {
                    replaced.push((*addr, std::mem::replace(byte, INT3)));
                }
                (Change::Unpatch, Some(original)) => *byte = *original,
                (Change::Patch, Some(_)) | (Change::Unpatch, None) => {}
            }
        }
        self.patches.lowest.fetch_min(*first, Ordering::SeqCst);
        self.patches.highest.fetch_max(*last, Ordering::SeqCst);
        self.patches.generation.fetch_add(1, Ordering::SeqCst);
        let written = self.write_raw(*first, &bytes);
        if written.is_ok() {
            hidden.extend(replaced);
            if change == Change::Unpatch {
                for addr in addrs {
                    hidden.remove(addr);
                }
            }
        }
        self.patches.generation.fetch_add(1, Ordering::SeqCst);
        written
    }

    /// Writes `bytes` as the user means them: under our `int3`s, not over them.
    pub(super) fn write_under(&self, addr: u64, bytes: &[u8]) -> io::Result<()> {
        let mut hidden = self.patches.lock();
        let mut bytes = bytes.to_vec();
        let end = addr.saturating_add(bytes.len() as u64);
        let mut changed = Vec::new();
        for (at, _) in hidden.range(addr..end) {
            let byte = &mut bytes[(at - addr) as usize];
            changed.push((*at, *byte));
            *byte = INT3;
        }
        self.patches.generation.fetch_add(1, Ordering::SeqCst);
        let written = self.write_raw(addr, &bytes);
        if written.is_ok() {
            hidden.extend(changed);
        }
        self.patches.generation.fetch_add(1, Ordering::SeqCst);
        written
    }

    fn read_consistent(&self, addr: u64, buf: &mut [u8]) -> io::Result<()> {
        for _ in 0..TRIES_MAX {
            let before = self.patches.generation.load(Ordering::SeqCst);
            self.read_raw(addr, buf)?;
            if !self.patches.may_touch(addr, buf.len()) {
                return Ok(());
            }
            self.patches.hide(&self.patches.lock(), addr, buf);
            let unchanged = self.patches.generation.load(Ordering::SeqCst) == before;
            if unchanged && before.is_multiple_of(2) {
                return Ok(());
            }
        }
        let hidden = self.patches.lock();
        self.read_raw(addr, buf)?;
        self.patches.hide(&hidden, addr, buf);
        Ok(())
    }

    /// Reads as many of `parts` as one call can, from the first on; returns how many.
    /// The one behind them cannot be read this way.
    fn read_batch(&self, parts: &mut [ReadPart<'_>]) -> usize {
        let mut pieces: Vec<Piece<'_>> = parts
            .iter_mut()
            .take(PIECES_MAX)
            .map(|it| Piece { addr: it.addr.0, buf: &mut *it.buf })
            .collect();
        let Ok(mut n_bytes) = read_pieces(self.pid, &mut pieces) else { return 0 };
        let mut n_parts = 0;
        for piece in &pieces {
            let Some(rest) = n_bytes.checked_sub(piece.buf.len()) else { break };
            n_bytes = rest;
            n_parts += 1;
        }
        n_parts
    }
}

impl Memory for ProcessMemory {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), Fault> {
        let len = buf.len();
        self.read_consistent(addr.0, buf).map_err(|_| Fault { addr, len })
    }

    fn read_many(&self, parts: &mut [ReadPart<'_>]) {
        let mut rest = parts;
        while !rest.is_empty() {
            let n_read = self.read_batch(rest);
            let (read, unread) = std::mem::take(&mut rest).split_at_mut(n_read);
            for part in read {
                part.ok = true;
                if self.patches.may_touch(part.addr.0, part.buf.len()) {
                    part.ok = self.read(part.addr, part.buf).is_ok();
                }
            }
            // A batch that was full has nothing unreadable behind it.
            let n_retried = usize::from(n_read < PIECES_MAX && !unread.is_empty());
            let (retried, behind) = unread.split_at_mut(n_retried);
            for part in retried {
                part.ok = self.read(part.addr, part.buf).is_ok();
            }
            rest = behind;
        }
    }
}

impl Patches {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, u8>> {
        // The table is never left half changed, so a panic elsewhere does not matter.
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn may_touch(&self, addr: u64, len: usize) -> bool {
        let end = addr.saturating_add(len as u64);
        addr <= self.highest.load(Ordering::SeqCst)
            && end > self.lowest.load(Ordering::SeqCst)
    }

    fn hide(&self, hidden: &BTreeMap<u64, u8>, addr: u64, buf: &mut [u8]) {
        let end = addr.saturating_add(buf.len() as u64);
        for (at, byte) in hidden.range(addr..end) {
            buf[(at - addr) as usize] = *byte;
        }
    }
}
