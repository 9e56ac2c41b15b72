//! Which bytes are where? The memory of a core file: what is in it, and behind that what
//! can be taken from files that were mapped.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::engine::addr::Addr;
use crate::engine::memory::{Fault, Memory};
use crate::engine::os::map::FileMap;

/// Addresses that have their bytes from one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) source: Source,
}

/// Where the bytes of a range come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// One of [`CoreMemory::files`], from this offset on.
    File {
        index: usize,
        offset: u64,
    },
    Zeros,
}

/// A file that ranges have their bytes from.
#[derive(Debug)]
pub(super) enum Bytes {
    Mapped(Arc<FileMap>),
    Read(File),
}

/// The memory of a core file. Ranges that are found later never hide earlier ones.
#[derive(Debug, Default)]
pub struct CoreMemory {
    /// Ascending, without overlaps.
    ranges: Vec<Range>,
    files: Vec<Bytes>,
}

impl CoreMemory {
    /// Takes a file, to have ranges in it.
    pub(super) fn add_file(&mut self, bytes: Bytes) -> usize {
        self.files.push(bytes);
        self.files.len() - 1
    }

    /// Adds what `more` says of addresses of which nothing has been said yet. Where they
    /// overlap each other, the one that begins first wins.
    pub(super) fn add(&mut self, mut more: Vec<Range>) {
        more.retain(|it| it.start < it.end);
        more.sort_by_key(|it| it.start);
        let mut added = Vec::with_capacity(more.len());
        let mut done = 0;
        for range in more {
            let mut at = range.start.max(done);
            let first = self.ranges.partition_point(|it| it.end <= at);
            for known in &self.ranges[first..] {
                if known.start >= range.end {
                    break;
                }
                added.extend(range.part(at, known.start));
                at = at.max(known.end);
            }
            added.extend(range.part(at, range.end));
            done = done.max(range.end);
        }
        self.ranges.append(&mut added);
        self.ranges.sort_unstable_by_key(|it| it.start);
    }

    /// Whether nothing is said about some address from `start` up to `end`.
    pub(super) fn has_gap(&self, start: u64, end: u64) -> bool {
        let first = self.ranges.partition_point(|it| it.end <= start);
        let mut at = start;
        for range in &self.ranges[first..] {
            if range.start > at {
                break;
            }
            at = range.end;
        }
        at < end
    }

    fn read_into(&self, addr: u64, buf: &mut [u8]) -> Option<()> {
        let mut index = self.ranges.partition_point(|it| it.end <= addr);
        let (mut at, mut rest) = (addr, buf);
        while !rest.is_empty() {
            let range = self.ranges.get(index).filter(|it| it.start <= at)?;
            let there = usize::try_from(range.end - at).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at_mut(there.min(rest.len()));
            self.fetch(range, at, now)?;
            at = range.end;
            index += 1;
            rest = later;
        }
        Some(())
    }

    fn fetch(&self, range: &Range, at: u64, buf: &mut [u8]) -> Option<()> {
        let Source::File { index, offset } = range.source else {
            buf.fill(0);
            return Some(());
        };
        let offset = offset.checked_add(at - range.start)?;
        match self.files.get(index)? {
            Bytes::Mapped(map) => {
                let tail = map.get(usize::try_from(offset).ok()?..)?;
                buf.copy_from_slice(tail.get(..buf.len())?);
            }
            Bytes::Read(file) => file.read_exact_at(buf, offset).ok()?,
        }
        Some(())
    }
}

impl Range {
    /// The part from `start` up to `end`, if there is any.
    fn part(&self, start: u64, end: u64) -> Option<Range> {
        if start >= end {
            return None;
        }
        let source = match self.source {
            Source::File { index, offset } => {
                Source::File { index, offset: offset.checked_add(start - self.start)? }
            }
            Source::Zeros => Source::Zeros,
        };
        Some(Range { start, end, source })
    }
}

impl Memory for CoreMemory {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), Fault> {
        let len = buf.len();
        self.read_into(addr.0, buf).ok_or(Fault { addr, len })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zeros(start: u64, end: u64) -> Range {
        Range { start, end, source: Source::Zeros }
    }

    fn file(start: u64, end: u64, offset: u64) -> Range {
        Range { start, end, source: Source::File { index: 0, offset } }
    }

    #[test]
    fn what_is_known_stays_and_gaps_are_filled() {
        let mut memory = CoreMemory::default();
        memory.add(vec![zeros(30, 40), zeros(10, 20), zeros(15, 25), zeros(5, 5)]);
        memory.add(vec![file(0, 50, 100), file(45, 60, 0), zeros(u64::MAX, u64::MAX)]);
        let wanted = [
            file(0, 10, 100),
            zeros(10, 20),
            zeros(20, 25),
            file(25, 30, 125),
            zeros(30, 40),
            file(40, 50, 140),
            file(50, 60, 5),
        ];
        assert_eq!(memory.ranges, wanted);
        assert!(!memory.has_gap(0, 60) && memory.has_gap(59, 61));
        assert!(memory.has_gap(60, 61) && !memory.has_gap(60, 60));
    }

    #[test]
    fn a_read_goes_through_ranges_that_touch_and_fails_as_a_whole() {
        let mut memory = CoreMemory::default();
        memory.add(vec![zeros(10, 20), zeros(20, 30), zeros(31, 40)]);
        let mut buf = [1; 15];
        assert!(memory.read(Addr(12), &mut buf).is_ok());
        assert_eq!(buf, [0; 15]);
        for addr in [5, 20, 39, u64::MAX - 3, u64::MAX] {
            assert!(memory.read(Addr(addr), &mut buf).is_err(), "{addr}");
        }
        // An offset that no file has.
        memory.add(vec![file(100, 200, u64::MAX)]);
        assert!(memory.read(Addr(150), &mut buf).is_err());
    }
}
