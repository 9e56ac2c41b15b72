//! How does one request read the inferior? Through a layer that reads ahead, that holds
//! values which live in registers, and that says stop when a request asks for too much.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use crate::engine::addr::Addr;
use crate::engine::eval::value::FAKE_ADDRESSES;
use crate::engine::memory::{Fault, Memory, ReadPart};

/// How many variables one request may produce. Each costs some 300 bytes here and as many
/// on the wire.
pub const NODES_MAX: u64 = 300_000;
/// How many bytes one request may read ahead.
pub const BYTES_MAX: u64 = 64 << 20;
/// How long one request may go on loading.
pub const TIME_MAX: Duration = Duration::from_secs(5);
/// The largest single range that is read ahead.
const RANGE_LEN_MAX: usize = 8 << 20;

const PAGE_LEN: usize = 4096;

/// Ranges that are remembered.
const RECENT: usize = 4;

/// Bytes of the inferior, shared with what was read ahead.
#[derive(Clone)]
pub(crate) struct View {
    range: Rc<Vec<u8>>,
    at: Range<usize>,
}

impl std::ops::Deref for View {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.range[self.at.clone()]
    }
}

/// The memory of the inferior as one request sees it.
pub(crate) struct Reader<'a> {
    memory: &'a dyn Memory,
    /// Bytes already read, and values put together from pieces, by their address.
    ranges: RefCell<BTreeMap<u64, View>>,
    /// The ranges that were found last: most searches end here.
    recent: RefCell<[Option<(u64, View)>; RECENT]>,
    /// Pages that something small was read from, by their number: what is read next is
    /// often near. `None`: the page cannot be read as a whole.
    pages: RefCell<FxHashMap<u64, Option<Rc<Vec<u8>>>>>,
    next_fake: Cell<u64>,
    bytes_left: Cell<u64>,
    nodes_left: Cell<u64>,
    deadline: Instant,
}

impl<'a> Reader<'a> {
    pub fn new(memory: &'a dyn Memory) -> Reader<'a> {
        Reader {
            memory,
            ranges: RefCell::default(),
            recent: RefCell::default(),
            pages: RefCell::default(),
            next_fake: Cell::new(FAKE_ADDRESSES),
            bytes_left: Cell::new(BYTES_MAX),
            nodes_left: Cell::new(NODES_MAX),
            deadline: Instant::now() + TIME_MAX,
        }
    }

    /// Counts one more variable; an error, for the user, if that was one too many.
    pub fn count_node(&self) -> Result<(), String> {
        let left = self.nodes_left.get();
        if left == 0 {
            return Err(format!(
                "not loaded: the limit of {NODES_MAX} values for one request is reached; \
                 ask for a part of it"
            ));
        }
        self.nodes_left.set(left - 1);
        // The clock is read now and then only: it costs as much as the value does.
        if left.is_multiple_of(256) && Instant::now() > self.deadline {
            self.nodes_left.set(0);
            let seconds = TIME_MAX.as_secs();
            return Err(format!(
                "not loaded: the request took longer than {seconds} s; \
                 ask for a part of it"
            ));
        }
        Ok(())
    }

    /// Takes `len` bytes off the request's budget; false if they are not there.
    fn take_bytes(&self, len: usize) -> bool {
        let left = self.bytes_left.get().checked_sub(len as u64);
        self.bytes_left.set(left.unwrap_or(0));
        left.is_some()
    }

    /// Whether the request may still read this much: what was read ahead has been paid
    /// for.
    pub fn affords(&self, addr: Addr, len: usize) -> Result<(), String> {
        if self.is_held(addr, len) || self.take_bytes(len) {
            return Ok(());
        }
        Err(format!(
            "not loaded: the limit of {} MB for one request is reached; ask for a part \
             of it",
            BYTES_MAX >> 20
        ))
    }

    fn is_held(&self, addr: Addr, len: usize) -> bool {
        self.find(addr, len).is_some()
    }

    /// Lays out a value of `size` bytes at an address of its own. Parts that are `None`
    /// cannot be read.
    pub fn place_pieces(&self, size: u64, parts: &[(u64, Option<Vec<u8>>)]) -> Addr {
        let at = self.next_fake.get();
        // A hole between values keeps one from being read as the rest of another.
        let step = size.min(1 << 32).next_multiple_of(16) + 16;
        self.next_fake.set(at + step);
        // Parts that touch are joined, so that a read across them succeeds.
        let mut joined: Vec<(u64, Vec<u8>)> = Vec::new();
        for (offset, bytes) in parts {
            let Some(bytes) = bytes else { continue };
            match joined.last_mut() {
                Some((start, run)) if *start + run.len() as u64 == *offset => {
                    run.extend_from_slice(bytes);
                }
                _ => joined.push((*offset, bytes.clone())),
            }
        }
        let mut ranges = self.ranges.borrow_mut();
        for (offset, bytes) in joined {
            let view = View { at: 0..bytes.len(), range: Rc::new(bytes) };
            ranges.insert(at + offset, view);
        }
        Addr(at)
    }

    /// Reads ahead what a loader is about to ask for: all at once, a few system calls
    /// instead of one for each. Places that cannot be read are left for later to fail.
    pub fn read_ahead(&self, places: &[(Addr, usize)]) {
        let mut wanted: Vec<(Addr, usize)> = places
            .iter()
            .copied()
            .filter(|(addr, len)| {
                addr.0 != 0
                    && (1..=RANGE_LEN_MAX).contains(len)
                    && !self.is_held(*addr, *len)
            })
            .collect();
        if wanted.is_empty() {
            return;
        }
        wanted.sort_unstable();
        let merged = merge(&wanted);
        let mut parts: Vec<ReadPart<'_>> = Vec::with_capacity(merged.len());
        let affordable = merged.iter().take_while(|(_, len)| self.take_bytes(*len));
        let affordable: Vec<_> = affordable.copied().collect();
        // All of them in one piece: there are many, and most are small.
        let mut bytes = vec![0; affordable.iter().map(|it| it.1).sum()];
        let mut rest = bytes.as_mut_slice();
        for (addr, len) in &affordable {
            let (buf, others) = rest.split_at_mut(*len);
            parts.push(ReadPart { addr: *addr, buf, ok: false });
            rest = others;
        }
        self.memory.read_many(&mut parts);
        let is_read: Vec<bool> = parts.iter().map(|part| part.ok).collect();
        let range = Rc::new(bytes);
        let mut ranges = self.ranges.borrow_mut();
        let mut start = 0;
        for ((addr, len), is_read) in affordable.into_iter().zip(is_read) {
            if is_read {
                let at = start..start + len;
                ranges.insert(addr.0, View { range: Rc::clone(&range), at });
            }
            start += len;
        }
    }

    /// Reads an unsigned integer of 1, 2, 4 or 8 bytes.
    pub fn read_uint(&self, addr: Addr, size: u64) -> Result<u64, Fault> {
        let mut word = [0; 8];
        let size = usize::try_from(size).unwrap_or(8).min(8);
        self.read(addr, &mut word[..size])?;
        Ok(u64::from_le_bytes(word))
    }

    /// Reads a signed integer of 1, 2, 4 or 8 bytes.
    pub fn read_int(&self, addr: Addr, size: u64) -> Result<i64, Fault> {
        let unsigned = self.read_uint(addr, size)?;
        let unused = 64 - 8 * u32::try_from(size.clamp(1, 8)).unwrap_or(8);
        Ok((unsigned << unused).cast_signed() >> unused)
    }
}

impl Memory for Reader<'_> {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), Fault> {
        if self.copy_recent(addr, buf) {
            return Ok(());
        }
        if let Some(view) = self.find(addr, buf.len()) {
            buf.copy_from_slice(&view);
            return Ok(());
        }
        if addr.0 >= FAKE_ADDRESSES {
            return Err(Fault { addr, len: buf.len() });
        }
        match self.read_from_page(addr, buf) {
            true => Ok(()),
            false => self.memory.read(addr, buf),
        }
    }
}

impl Reader<'_> {
    /// The bytes at a place, copied only if they were not read ahead.
    pub fn view(&self, addr: Addr, len: usize) -> Option<View> {
        if len == 0 {
            return Some(View { range: Rc::default(), at: 0..0 });
        }
        if let Some(view) = self.find_in_page(addr, len) {
            return Some(view);
        }
        if let Some(view) = self.find(addr, len) {
            return Some(view);
        }
        if len > RANGE_LEN_MAX || len > PAGE_LEN && !self.take_bytes(len) {
            return None;
        }
        let bytes = self.read_bytes(addr, len).ok()?;
        if let Some(view) = self.find_in_page(addr, len) {
            return Some(view);
        }
        Some(View { range: Rc::new(bytes), at: 0..len })
    }

    fn copy_recent(&self, addr: Addr, buf: &mut [u8]) -> bool {
        let recent = self.recent.borrow();
        let found = recent.iter().flatten().find_map(|(start, view)| {
            let offset = usize::try_from(addr.0.checked_sub(*start)?).ok()?;
            view.get(offset..offset.checked_add(buf.len())?)
        });
        found.map(|bytes| buf.copy_from_slice(bytes)).is_some()
    }

    /// The bytes of a held range that covers all of the place.
    fn find(&self, addr: Addr, len: usize) -> Option<View> {
        let within = |start: u64, it: &View| {
            let offset = usize::try_from(addr.0.checked_sub(start)?).ok()?;
            let end = offset.checked_add(len).filter(|end| *end <= it.at.len())?;
            let at = it.at.start + offset..it.at.start + end;
            Some(View { range: Rc::clone(&it.range), at })
        };
        let mut recent = self.recent.borrow_mut();
        let known = recent.iter().flatten().find_map(|(start, it)| within(*start, it));
        if known.is_some() {
            return known;
        }
        let ranges = self.ranges.borrow();
        // The nearest range may be a small one within a larger: look a little further
        // back.
        for (start, held) in ranges.range(..=addr.0).rev().take(3) {
            if let Some(view) = within(*start, held) {
                recent.rotate_right(1);
                recent[0] = Some((*start, held.clone()));
                return Some(view);
            }
        }
        None
    }

    /// Reads a few bytes by way of the page that they are in: the system call costs the
    /// same. False if that does not work.
    fn read_from_page(&self, addr: Addr, buf: &mut [u8]) -> bool {
        let number = addr.0 / PAGE_LEN as u64;
        let last = addr.0.saturating_add(buf.len().saturating_sub(1) as u64);
        if last / PAGE_LEN as u64 != number {
            return false;
        }
        self.pages.borrow_mut().entry(number).or_insert_with(|| {
            let mut page = vec![0; PAGE_LEN];
            let at = Addr(number * PAGE_LEN as u64);
            let is_read =
                self.take_bytes(PAGE_LEN) && self.memory.read(at, &mut page).is_ok();
            is_read.then(|| Rc::new(page))
        });
        let view = self.find_in_page(addr, buf.len());
        view.map(|it| buf.copy_from_slice(&it)).is_some()
    }

    /// The bytes at a place within a page that has been read.
    fn find_in_page(&self, addr: Addr, len: usize) -> Option<View> {
        let start = usize::try_from(addr.0 % PAGE_LEN as u64).ok()?;
        let end = start.checked_add(len).filter(|it| *it <= PAGE_LEN)?;
        let pages = self.pages.borrow();
        let page = pages.get(&(addr.0 / PAGE_LEN as u64))?.as_ref()?;
        Some(View { range: Rc::clone(page), at: start..end })
    }
}

/// Joins sorted places that touch or nearly touch.
fn merge(places: &[(Addr, usize)]) -> Vec<(Addr, usize)> {
    const GAP_MAX: u64 = 256;
    let mut merged: Vec<(Addr, usize)> = Vec::new();
    for &(addr, len) in places {
        if let Some((start, total)) = merged.last_mut() {
            let end = start.0 + *total as u64;
            let joined = addr.0.saturating_add(len as u64).saturating_sub(start.0);
            // A gap is only bridged within a page: the next may not be mapped.
            let near = addr.0 <= end
                || (addr.0 - end <= GAP_MAX && (end - 1) >> 12 == addr.0 >> 12);
            if near && joined <= RANGE_LEN_MAX as u64 {
                *total = (*total).max(usize::try_from(joined).unwrap_or(*total));
                continue;
            }
        }
        merged.push((addr, len));
    }
    merged
}

/// What to tell the user about memory that cannot be read.
pub(crate) fn explain(fault: Fault) -> String {
    if fault.addr.0 >= FAKE_ADDRESSES {
        return "optimized out: this part of the value is kept nowhere".into();
    }
    match fault.len {
        1 => format!("could not read 1 byte at {}", fault.addr),
        len => format!("could not read {len} bytes at {}", fault.addr),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::memory::FixedMemory;

    #[test]
    fn pieces_that_touch_can_be_read_as_one_and_gaps_cannot() {
        let memory = FixedMemory::new();
        let reader = Reader::new(&memory);
        let at = reader.place_pieces(
            24,
            &[(0, Some(vec![1; 8])), (8, Some(vec![2; 8])), (16, None)],
        );
        assert_eq!(reader.read_bytes(at, 16).unwrap()[7..9], [1, 2]);
        assert!(reader.read_word(at.offset(16)).is_err());
        assert!(reader.read_bytes(at, 24).is_err());
    }

    #[test]
    fn reading_ahead_never_hides_what_can_be_read() {
        let memory = FixedMemory::new().with(Addr(0x1000), vec![7; 64]);
        let reader = Reader::new(&memory);
        reader.read_ahead(&[(Addr(0x1000), 16), (Addr(0x1030), 4), (Addr(0x9000), 8)]);
        assert_eq!(reader.read_bytes(Addr(0x1008), 40).unwrap(), vec![7; 40]);
        assert!(reader.read_word(Addr(0x9000)).is_err());
    }

    #[test]
    fn integers_are_extended_by_their_sign() {
        let memory = FixedMemory::new().with(Addr(16), vec![0xf8, 0xff, 0xff, 0xff]);
        let reader = Reader::new(&memory);
        assert_eq!(reader.read_int(Addr(16), 1), Ok(-8));
        assert_eq!(reader.read_int(Addr(16), 4), Ok(-8));
        assert_eq!(reader.read_uint(Addr(16), 1), Ok(248));
    }

    #[test]
    fn a_request_ends_at_its_limit_of_values_and_says_so() {
        let memory = FixedMemory::new();
        let reader = Reader::new(&memory);
        for _ in 0..NODES_MAX {
            reader.count_node().unwrap();
        }
        assert!(reader.count_node().unwrap_err().contains("limit of 300000 values"));
    }
}
