//! What else is known of a goroutine? What it waits for, its labels, who started it.

use crate::engine::addr::Addr;
use crate::engine::golang::Runtime;
use crate::engine::golang::goroutine::Goroutine;
use crate::engine::golang::layout::Field;
use crate::engine::memory::{Fault, Memory};

/// One of the goroutines that started this one, and their ancestors
/// (`GODEBUG=tracebackancestors=N`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestor {
    pub id: i64,
    /// Return addresses, innermost first, of the time it executed the `go` statement.
    pub pcs: Vec<Addr>,
    pub go_pc: Addr,
}

/// Labels of a goroutine shown at most.
pub const LABELS_MAX: usize = 256;

/// Bytes of a label's key or value, or of a type's name.
pub const TEXT_MAX: u64 = 4096;

/// Bytes of a wait reason.
const WAIT_REASON_LEN_MAX: usize = 64;

/// Ancestors of a goroutine, and frames of one; the runtime has its own limits of 100.
pub const ANCESTORS_MAX: usize = 256;

/// Goroutines that wait for one channel.
pub const WAITERS_MAX: usize = 1 << 20;

/// A goroutine that waits for a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiter {
    /// Of its `g`.
    pub g: Addr,
    pub sends: bool,
}

impl Runtime {
    /// What a wait reason is called by the program itself: `chan receive`, `sleep`.
    pub fn wait_reason_text(&self, mem: &dyn Memory, reason: u8) -> String {
        let text = self.read_wait_reason(mem, reason);
        text.unwrap_or_else(|| format!("unknown wait reason {reason}"))
    }

    fn read_wait_reason(&self, mem: &dyn Memory, reason: u8) -> Option<String> {
        let text = |of: Addr, index: u8| {
            let text = read_string(mem, of.offset(16 * i64::from(index))).ok()?;
            (!text.is_empty() && text.len() <= WAIT_REASON_LEN_MAX).then_some(text)
        };
        let is_it = |of: &&(Addr, usize)| {
            text(of.0, 1).is_some_and(|it| it == "GC assist marking")
        };
        let &(array, len) = match self.globals().wait_reasons.as_slice() {
            [array] => array,
            candidates => candidates.iter().find(is_it)?,
        };
        // Without a symbol the length is not known.
        let is_in_array = len == 0 || usize::from(reason) < len;
        is_in_array.then(|| text(array, reason))?
    }

    /// The profiler labels of a goroutine, sorted by key.
    pub fn labels(
        &self,
        mem: &dyn Memory,
        goroutine: &Goroutine,
    ) -> Vec<(String, String)> {
        if goroutine.labels_addr.0 == 0 {
            return Vec::new();
        }
        // A map until Go 1.23, then a slice: in what a pointer to a struct points to.
        let labels = if self.version().minor >= 24 {
            read_label_slice(mem, goroutine.labels_addr)
        } else {
            read_label_map(mem, goroutine.labels_addr)
        };
        let mut labels = labels.unwrap_or_default();
        labels.sort();
        labels
    }

    /// The goroutines that started this one, nearest first, if the program was told to
    /// keep them; else none.
    pub fn ancestors(
        &self,
        mem: &dyn Memory,
        goroutine: &Goroutine,
    ) -> Result<Vec<Ancestor>, Fault> {
        if goroutine.ancestors_addr.0 == 0 {
            return Ok(Vec::new());
        }
        let (data, len) = read_slice(mem, goroutine.ancestors_addr)?;
        let layout = self.layout();
        // `ancestorInfo` is { pcs []uintptr; goid; gopc } in all versions.
        let stride = layout.offset(Field::AncestorGoPc) + 8;
        let ancestor = |index: usize| {
            let at = data.offset(stride * index as i64);
            let (pcs, n) = read_slice(mem, at.offset(layout.offset(Field::AncestorPcs)))?;
            let pcs = mem.read_bytes(pcs, n.min(ANCESTORS_MAX) * 8)?;
            let pcs = pcs.as_chunks::<8>().0.iter();
            Ok(Ancestor {
                id: mem.read_word(at.offset(layout.offset(Field::AncestorId)))? as i64,
                pcs: pcs.map(|it| Addr(u64::from_le_bytes(*it))).collect(),
                go_pc: Addr(
                    mem.read_word(at.offset(layout.offset(Field::AncestorGoPc)))?,
                ),
            })
        };
        (0..len.min(ANCESTORS_MAX)).map(ancestor).collect()
    }

    /// The goroutines that wait to receive from or to send to the channel whose `hchan`
    /// is at `channel`, in the order in which they will be served.
    pub fn channel_waiters(&self, mem: &dyn Memory, channel: Addr) -> Vec<Waiter> {
        let layout = self.layout();
        let mut waiters = Vec::new();
        for (field, sends) in [(Field::RecvFirst, false), (Field::SendFirst, true)] {
            let Some(first) = layout.find_offset(field) else { continue };
            let mut at = mem.read_word(channel.offset(first)).unwrap_or(0);
            while at != 0 && waiters.len() < WAITERS_MAX {
                let word = |field| mem.read_word(Addr(at).offset(layout.offset(field)));
                let (Ok(g), Ok(next)) = (word(Field::SudogG), word(Field::SudogNext))
                else {
                    break;
                };
                waiters.push(Waiter { g: Addr(g), sends });
                at = next;
            }
        }
        waiters
    }
}

/// Reads a slice header: where it is and its length.
fn read_slice(mem: &dyn Memory, at: Addr) -> Result<(Addr, usize), Fault> {
    let (data, len) = (mem.read_word(at)?, mem.read_word(at.offset(8))?);
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    Ok((Addr(data), if data == 0 { 0 } else { len }))
}

/// Reads a Go string whose header is at `at`, up to [`TEXT_MAX`] bytes.
pub(super) fn read_string(mem: &dyn Memory, at: Addr) -> Result<String, Fault> {
    let (data, len) = (Addr(mem.read_word(at)?), mem.read_word(at.offset(8))?);
    let bytes = mem.read_bytes(data, len.min(TEXT_MAX) as usize)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

type Labels = Vec<(String, String)>;

/// `LabelSet` of Go ≥ 1.24: a slice of pairs of strings. Other things are stored here by
/// some libraries, so nothing is shown unless all of it can be read.
fn read_label_slice(mem: &dyn Memory, at: Addr) -> Result<Labels, Fault> {
    let (data, len) = read_slice(mem, at)?;
    let label = |index: usize| {
        let at = data.offset(32 * index as i64);
        Ok((read_string(mem, at)?, read_string(mem, at.offset(16))?))
    };
    (0..len.min(LABELS_MAX)).map(label).collect()
}

/// `map[string]string` of Go ≤ 1.23 (`runtime/map.go`: `hmap`, `bmap`): 2^B buckets of
/// eight slots, each bucket with a chain of more.
fn read_label_map(mem: &dyn Memory, at: Addr) -> Result<Labels, Fault> {
    /// Offset of the pointer to the next bucket of the chain: after 8 hashes, 8 keys
    /// and 8 values.
    const OVERFLOW: i64 = 8 + 8 * 32;
    /// Hashes below this mark empty slots (`minTopHash`).
    const TOP_HASH_MIN: u8 = 5;
    let map = Addr(mem.read_word(at)?);
    let mut labels = Vec::new();
    if map.0 == 0 {
        return Ok(labels);
    }
    let mut log2 = [0];
    mem.read(map.offset(9), &mut log2)?;
    let buckets = Addr(mem.read_word(map.offset(16))?);
    // A map of labels is filled once and small: it is not caught while it grows.
    for index in 0..1i64 << log2[0].min(8) {
        let mut bucket = buckets.offset(index * (OVERFLOW + 8));
        for _ in 0..LABELS_MAX {
            let mut hashes = [0; 8];
            mem.read(bucket, &mut hashes)?;
            for slot in (0..8).filter(|&it| hashes[it] >= TOP_HASH_MIN) {
                let at = bucket.offset(8 + 16 * slot as i64);
                let label = (read_string(mem, at)?, read_string(mem, at.offset(8 * 16))?);
                labels.push(label);
            }
            bucket = Addr(mem.read_word(bucket.offset(OVERFLOW))?);
            if bucket.0 == 0 || labels.len() >= LABELS_MAX {
                break;
            }
        }
    }
    Ok(labels)
}
