//! How are 100,000 goroutines read at once?
//!
//! The runtime keeps a pointer to every `g` it ever made in `runtime.allgs`, and never
//! frees or moves a `g`. They were allocated in spans of equal size, so sorted by address
//! they lie close together, and the list is read as a few large runs of memory: that is
//! what makes it fast. One `process_vm_readv` for each `g` takes six times as long.

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::golang::Runtime;
use crate::engine::golang::goroutine::Goroutine;
use crate::engine::golang::layout::{Field, Layout, status};
use crate::engine::memory::{Memory, ReadPart};

/// Goroutines read at most; a program has used its memory up long before.
pub const GOROUTINES_MAX: usize = 1 << 22;

/// Two `g` less than this apart are read as one run: the pages between them are cheaper
/// than another place to read.
const GAP_MAX: u64 = 4096;

/// Bytes of a run at most, or nearly, so that one bad page costs little.
const RUN_MAX: u64 = 256 * 1024;

/// Bytes of the runs that are read at once, or nearly: they stay in the cache.
const BATCH_MAX: u64 = 2 * 1024 * 1024;

/// Runs that are read at once: as many as one `process_vm_readv` takes (`UIO_MAXIOV`).
const BATCH_RUNS_MAX: usize = 1024;

impl Runtime {
    /// The pointers in `runtime.allgs`, and why there are not all of them.
    pub(super) fn read_allgs(
        &self,
        mem: &dyn Memory,
    ) -> Result<(Vec<Addr>, Option<String>)> {
        let Some(allgs) = self.globals().allgs else {
            return Err(Error::message("could not find goroutine array"));
        };
        let data = Addr(mem.read_word(allgs)?);
        let len = mem.read_word(allgs.offset(8))?;
        let cap = mem.read_word(allgs.offset(16))?;
        if data.0 == 0 || len == 0 {
            return Ok((Vec::new(), None));
        }
        if len > cap {
            let text =
                format!("the list of goroutines is damaged: {len} of {cap} in use");
            return Err(Error::Message(text));
        }
        let len_read = (len as usize).min(GOROUTINES_MAX);
        let truncated = (len_read < len as usize)
            .then(|| format!("only the first {GOROUTINES_MAX} of {len} are shown"));
        // In pieces, so that a wild length is found out before it is allocated.
        let mut pointers = Vec::new();
        let mut piece = vec![0; BATCH_MAX as usize];
        while pointers.len() < len_read {
            let bytes = ((len_read - pointers.len()) * 8).min(piece.len());
            let from = data.offset(pointers.len() as i64 * 8);
            mem.read(from, &mut piece[..bytes])?;
            let (words, _) = piece[..bytes].as_chunks::<8>();
            pointers.extend(words.iter().map(|it| Addr(u64::from_le_bytes(*it))));
        }
        Ok((pointers, truncated))
    }

    /// Reads the `g` at each of `pointers`, in that order.
    pub(super) fn read_gs(&self, mem: &dyn Memory, pointers: &[Addr]) -> Vec<Goroutine> {
        let decoder = Decoder::new(self.layout());
        let unread = |(&addr, index)| Goroutine {
            addr,
            index,
            unreadable: true,
            status: status::WAITING,
            ..Goroutine::default()
        };
        let mut rows: Vec<Goroutine> = pointers.iter().zip(0..).map(unread).collect();
        let mut order: Vec<(Addr, u32)> = pointers.iter().copied().zip(0..).collect();
        order.retain(|it| it.0.0 != 0 && it.0.0.checked_add(decoder.len).is_some());
        order.sort_unstable();
        let mut buf = Vec::new();
        let mut rest = order.as_slice();
        while !rest.is_empty() {
            let mut runs = plan_runs(rest, decoder.len);
            read_runs(mem, &mut runs, &mut buf);
            let mut bytes = buf.as_slice();
            for run in &runs {
                let (run_bytes, later_bytes) = bytes.split_at(run.len());
                let (members, later) = rest.split_at(run.count);
                (bytes, rest) = (later_bytes, later);
                for &(addr, index) in members {
                    let row = &mut rows[index as usize];
                    if run.ok {
                        decoder.decode(&run_bytes[(addr.0 - run.start) as usize..], row);
                    } else {
                        decoder.read(mem, row);
                    }
                }
            }
        }
        rows
    }
}

/// A stretch of memory that holds the `g` of the next `count` goroutines.
struct Run {
    start: u64,
    end: u64,
    count: usize,
    ok: bool,
}

impl Run {
    fn len(&self) -> usize {
        (self.end - self.start) as usize
    }
}

/// Joins the first of the pointers, which are sorted, to runs: as many as one batch takes.
/// `len` is how much of a `g` is read.
fn plan_runs(order: &[(Addr, u32)], len: u64) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut bytes = 0;
    for (start, _) in order {
        let (start, end) = (start.0, start.0 + len);
        if let Some(run) = runs.last_mut() {
            let is_near = start.saturating_sub(run.end) <= GAP_MAX;
            if is_near && end - run.start <= RUN_MAX {
                bytes += end - run.end;
                run.end = end;
                run.count += 1;
                continue;
            }
            if bytes >= BATCH_MAX || runs.len() == BATCH_RUNS_MAX {
                break;
            }
        }
        bytes += len;
        runs.push(Run { start, end, count: 1, ok: false });
    }
    runs
}

/// Reads runs into `buf`, one behind the other.
fn read_runs(mem: &dyn Memory, runs: &mut [Run], buf: &mut Vec<u8>) {
    buf.resize(runs.iter().map(Run::len).sum(), 0);
    let mut rest = buf.as_mut_slice();
    let mut parts = Vec::with_capacity(runs.len());
    for run in runs.iter() {
        let (part, later) = rest.split_at_mut(run.len());
        rest = later;
        parts.push(ReadPart { addr: Addr(run.start), buf: part, ok: false });
    }
    mem.read_many(&mut parts);
    for (run, part) in runs.iter_mut().zip(&parts) {
        run.ok = part.ok;
    }
}

/// Makes a [`Goroutine`] of the bytes of a `g`.
struct Decoder<'a> {
    layout: &'a Layout,
    /// How many bytes of a `g` are needed.
    len: u64,
}

/// The fields that [`Decoder::decode`] reads.
const DECODED: &[Field] = &[
    Field::GStackHi,
    Field::GSchedBp,
    Field::GSyscallBp,
    Field::GId,
    Field::GWaitReason,
    Field::GParentId,
    Field::GAncestors,
    Field::GStartPc,
    Field::GWaiting,
    Field::GLabels,
];

/// No `g` is larger: it is about 456 bytes, and an offset from damaged debug information
/// must not make us read more.
const G_LEN_MAX: u64 = 4096;

impl Decoder<'_> {
    fn new(layout: &Layout) -> Decoder<'_> {
        let ends = DECODED.iter().filter_map(|it| layout.find_offset(*it));
        let len = ends.max().unwrap_or(0) as u64 + 8;
        Decoder { layout, len: len.min(G_LEN_MAX) }
    }

    /// Reads the one `g` of a row.
    fn read(&self, mem: &dyn Memory, row: &mut Goroutine) {
        if let Ok(bytes) = mem.read_bytes(row.addr, self.len as usize) {
            self.decode(&bytes, row);
        }
    }

    fn decode(&self, g: &[u8], row: &mut Goroutine) {
        let word = |field| {
            let at = self.layout.find_offset(field).unwrap_or(i64::MAX) as usize;
            let bytes = at.checked_add(8).and_then(|end| g.get(at..end));
            bytes.map_or(0, |it| u64::from_le_bytes(it.try_into().unwrap_or_default()))
        };
        let addr = |field| Addr(word(field));
        row.unreadable = false;
        row.id = word(Field::GId) as i64;
        row.status = word(Field::GStatus) as u32 & !status::SCAN;
        row.wait_reason = word(Field::GWaitReason) as u8;
        row.wait_since = word(Field::GWaitSince) as i64;
        (row.pc, row.sp) = (addr(Field::GSchedPc), addr(Field::GSchedSp));
        row.bp = addr(Field::GSchedBp);
        let syscall_sp = addr(Field::GSyscallSp);
        if row.status == status::SYSCALL && syscall_sp.0 != 0 {
            (row.pc, row.sp) = (addr(Field::GSyscallPc), syscall_sp);
            row.bp = addr(Field::GSyscallBp);
        }
        row.go_pc = addr(Field::GGoPc);
        row.start_pc = addr(Field::GStartPc);
        (row.stack_lo, row.stack_hi) = (addr(Field::GStackLo), addr(Field::GStackHi));
        row.labels_addr = addr(Field::GLabels);
        row.parent_id = word(Field::GParentId) as i64;
        row.ancestors_addr = addr(Field::GAncestors);
        row.m_addr = addr(Field::GM);
        row.defer_addr = addr(Field::GDefer);
        row.panic_addr = addr(Field::GPanic);
        row.waiting_addr = addr(Field::GWaiting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_pointers_are_joined_to_runs_and_far_ones_are_not() {
        let order: Vec<(Addr, u32)> =
            [0x1000, 0x1200, 0x1400, 0x9000_0000, u64::MAX - 400]
                .into_iter()
                .map(|it| (Addr(it), 0))
                .collect();
        let runs = plan_runs(&order, 360);
        let shape: Vec<_> = runs.iter().map(|it| (it.start, it.count)).collect();
        assert_eq!(shape, [(0x1000, 3), (0x9000_0000, 1), (u64::MAX - 400, 1)]);
        assert_eq!(runs[0].len(), 0x400 + 360);
    }

    #[test]
    fn a_batch_and_its_runs_are_not_larger_than_they_may_be() {
        let order: Vec<(Addr, u32)> =
            (0..100_000).map(|it| (Addr(0x10_0000 + it * 480), 0)).collect();
        let runs = plan_runs(&order, 360);
        assert!(runs.iter().all(|it| it.len() as u64 <= RUN_MAX));
        let bytes: usize = runs.iter().map(Run::len).sum();
        assert!((bytes as u64) < BATCH_MAX + RUN_MAX);
        assert!(runs.iter().map(|it| it.count).sum::<usize>() > 4000);
    }

    #[test]
    fn the_same_pointer_twice_is_one_run() {
        let order = [(Addr(0x1000), 0), (Addr(0x1000), 1)];
        let runs = plan_runs(&order, 360);
        assert_eq!((runs.len(), runs[0].len(), runs[0].count), (1, 360, 2));
    }
}
