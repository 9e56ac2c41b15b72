//! What is in a map? Both kinds of Go maps: hash tables with chained buckets
//! (`runtime.hmap`, up to Go 1.23) and Swiss tables (`internal/runtime/maps.Map`, from
//! Go 1.24), in every state of growth.
//!
//! Where things are comes from the types that the linker makes for each map
//! (`hash<K,V>`, `map<K,V>` and what they lead to), so that new versions that move fields
//! need nothing here. Tables are read in large chunks.

use std::collections::HashSet;

use crate::engine::addr::Addr;
use crate::engine::eval::facts::{
    CTRL_FREE, EVACUATED, MAP_DIRECT_MAX, MAP_SLOTS, MIN_TOP_HASH, SAME_SIZE_GROW,
};
use crate::engine::eval::load::{Cx, Loader};
use crate::engine::eval::reader::explain;
use crate::engine::eval::types::{Shape, Type};
use crate::engine::eval::value::{Kind, Variable};
use crate::engine::memory::Memory;

/// More entries than this, no map has.
const COUNT_MAX: u64 = 1 << 40;
/// How many groups one Swiss table may have (`maxTableCapacity` is 1024 slots).
const GROUPS_MAX: u64 = 1 << 16;
/// How many pages of overflow one bucket chain may have before it is taken to be damaged.
const OVERFLOW_MAX: usize = 1 << 16;
/// How much of a table is read at once, in bytes.
const CHUNK_LEN: u64 = 256 << 10;

/// Where an entry's key and element are.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub key: Addr,
    pub elem: Addr,
}

/// A map that is about to be walked.
pub(crate) struct MapView {
    pub key: Type,
    pub elem: Type,
    /// Where the header is; zero for a nil map.
    pub base: Addr,
    pub count: i64,
    header: Type,
}

/// Called with each entry; returns whether to go on.
type Visit<'f> = dyn FnMut(Entry) -> bool + 'f;
/// Whether the walk is to go on.
type Walked = Result<bool, String>;

/// Reads the header of the map variable at `at`.
pub(crate) fn open(cx: &Cx<'_>, ty: &Type, at: Addr) -> Result<MapView, String> {
    let &Shape::Map { key, elem, header } = ty.shape() else {
        return Err(format!("{} is not a map", ty.name()));
    };
    let types = &cx.types;
    let header = types.elem_of(&types.of(header)).unwrap_or_else(|| types.void());
    let base = Addr(cx.reader.read_word(at).map_err(explain)?);
    let mut view =
        MapView { key: types.of(key), elem: types.of(elem), base, count: 0, header };
    if base.0 != 0 {
        let name = if view.is_swiss() { "used" } else { "count" };
        let count = view.header_word(cx, name)?;
        if count > COUNT_MAX {
            return Err(format!("the map says it has {count} entries: damaged"));
        }
        view.count = count.cast_signed();
    }
    Ok(view)
}

impl MapView {
    fn is_swiss(&self) -> bool {
        self.header.member("dirPtr").is_some()
    }

    fn header_word(&self, cx: &Cx<'_>, name: &str) -> Result<u64, String> {
        field(cx, &self.header, self.base, name)
    }

    /// Visits all entries, in the order in which they lie in memory.
    pub fn walk(&self, cx: &Cx<'_>, visit: &mut Visit<'_>) -> Result<(), String> {
        if self.base.0 == 0 || self.count == 0 {
            return Ok(());
        }
        match self.is_swiss() {
            true => self.walk_swiss(cx, visit),
            false => self.walk_buckets(cx, visit),
        }
        .map(|_| ())
    }
}

/// Reads an integer field of a struct.
fn field(cx: &Cx<'_>, ty: &Type, at: Addr, name: &str) -> Result<u64, String> {
    let member =
        ty.member(name).ok_or_else(|| format!("{} has no field {name}", ty.name()))?;
    let size = cx.types.of(member.ty).size();
    let at = at.offset(member.offset.cast_signed());
    cx.reader.read_uint(at, size.clamp(1, 8)).map_err(explain)
}

fn member_type(cx: &Cx<'_>, ty: &Type, name: &str) -> Result<(u64, Type), String> {
    let member =
        ty.member(name).ok_or_else(|| format!("{} has no field {name}", ty.name()))?;
    Ok((member.offset, cx.types.of(member.ty)))
}

/// Where the keys or the elements of a group are.
struct Column {
    offset: u64,
    stride: u64,
    /// The group holds pointers, because what it stores is larger than 128 bytes
    /// (`abi.SwissMapMaxKeyBytes`).
    indirect: bool,
}

impl Column {
    fn new(offset: u64, stride: u64, stored: &Type, meant: &Type) -> Column {
        let indirect = stored.kind() == Kind::Pointer
            && stored.size() == 8
            && meant.size() > MAP_DIRECT_MAX;
        Column { offset, stride, indirect }
    }

    fn at(&self, cx: &Cx<'_>, group: Addr, slot: u64) -> Result<Addr, String> {
        let at = group.offset((self.offset + slot * self.stride).cast_signed());
        match self.indirect {
            false => Ok(at),
            true => cx.reader.read_word(at).map(Addr).map_err(explain),
        }
    }
}

/// The layout of a group of a Swiss map.
struct Group {
    size: u64,
    ctrl: u64,
    keys: Column,
    elems: Column,
}

impl Group {
    /// From Go 1.24 `{ctrl; slots [8]struct{key; elem}}`; with the experiment
    /// `mapsplitgroup` of Go 1.27 `{ctrl; keys [8]K; elems [8]V}`.
    fn find(cx: &Cx<'_>, ty: &Type, map: &MapView) -> Result<Group, String> {
        let (ctrl, _) = member_type(cx, ty, "ctrl")?;
        let elem_of = |array: &Type| {
            cx.types.elem_of(array).ok_or_else(|| format!("{} is no array", array.name()))
        };
        let (keys, elems) = match member_type(cx, ty, "slots") {
            Ok((at, slots)) => {
                let slot = elem_of(&slots)?;
                let (key_at, key) = member_type(cx, &slot, "key")?;
                let (elem_at, elem) = member_type(cx, &slot, "elem")?;
                (
                    Column::new(at + key_at, slot.size(), &key, &map.key),
                    Column::new(at + elem_at, slot.size(), &elem, &map.elem),
                )
            }
            Err(_) => {
                let (keys_at, keys) = member_type(cx, ty, "keys")?;
                let (elems_at, elems) = member_type(cx, ty, "elems")?;
                let (key, elem) = (elem_of(&keys)?, elem_of(&elems)?);
                (
                    Column::new(keys_at, key.size(), &key, &map.key),
                    Column::new(elems_at, elem.size(), &elem, &map.elem),
                )
            }
        };
        Ok(Group { size: ty.size(), ctrl, keys, elems })
    }

    /// Visits the live slots: those whose control byte has its top bit clear
    /// (`ctrlEmpty` is 0x80, `ctrlDeleted` 0xfe).
    fn walk(&self, cx: &Cx<'_>, at: Addr, visit: &mut Visit<'_>) -> Walked {
        let ctrl = cx.reader.read_word(at.offset(self.ctrl.cast_signed()));
        let ctrl = ctrl.map_err(explain)?.to_le_bytes();
        for (slot, byte) in (0u64..).zip(ctrl) {
            if byte & CTRL_FREE != 0 {
                continue;
            }
            let entry = Entry {
                key: self.keys.at(cx, at, slot)?,
                elem: self.elems.at(cx, at, slot)?,
            };
            if !visit(entry) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl MapView {
    fn walk_swiss(&self, cx: &Cx<'_>, visit: &mut Visit<'_>) -> Walked {
        let types = &cx.types;
        let (_, dir_ptr) = member_type(cx, &self.header, "dirPtr")?;
        let table = types
            .elem_of(&dir_ptr)
            .and_then(|it| types.elem_of(&it))
            .ok_or("the type of the map's tables is unknown")?;
        let (groups_at, groups) = member_type(cx, &table, "groups")?;
        let (_, data) = member_type(cx, &groups, "data")?;
        let group =
            types.elem_of(&data).ok_or("the type of the map's groups is unknown")?;
        let group = Group::find(cx, &group, self)?;
        let dir = Addr(self.header_word(cx, "dirPtr")?);
        let n_tables = self.header_word(cx, "dirLen")?;
        if n_tables == 0 {
            // A small map: one group, without a table.
            return if dir.0 == 0 { Ok(true) } else { group.walk(cx, dir, visit) };
        }
        let mut last = 0;
        for i in 0..n_tables {
            let at = dir.offset((i * 8).cast_signed());
            if i % 512 == 0 {
                let len = (n_tables - i).min(512) * 8;
                cx.reader.read_ahead(&[(at, usize::try_from(len).unwrap_or(0))]);
                cx.reader.count_node()?;
            }
            let word = cx.reader.read_word(at).map_err(explain)?;
            // A table with fewer bits than the directory fills several entries in a row.
            if word == std::mem::replace(&mut last, word) || word == 0 {
                continue;
            }
            let groups_at = Addr(word).offset(groups_at.cast_signed());
            let data = Addr(field(cx, &groups, groups_at, "data")?);
            let n_groups = field(cx, &groups, groups_at, "lengthMask")?.wrapping_add(1);
            if !(1..=GROUPS_MAX).contains(&n_groups) {
                return Err(format!("a table says it has {n_groups} groups: damaged"));
            }
            if !walk_groups(cx, &group, data, n_groups, visit)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn walk_groups(
    cx: &Cx<'_>,
    group: &Group,
    data: Addr,
    n_groups: u64,
    visit: &mut Visit<'_>,
) -> Walked {
    let per_chunk = (CHUNK_LEN / group.size.max(1)).max(1);
    for i in 0..n_groups {
        let at = data.offset((i * group.size).cast_signed());
        if i % per_chunk == 0 {
            let len = (n_groups - i).min(per_chunk) * group.size;
            cx.reader.read_ahead(&[(at, usize::try_from(len).unwrap_or(0))]);
            cx.reader.count_node()?;
        }
        if !group.walk(cx, at, visit)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The layout of a bucket (`bucket<K,V>`).
struct Bucket {
    size: u64,
    tophash: u64,
    keys: Column,
    elems: Column,
    overflow: u64,
}

impl Bucket {
    fn find(cx: &Cx<'_>, ty: &Type, map: &MapView) -> Result<Bucket, String> {
        let column = |name: &str, meant: &Type| {
            let (at, array) = member_type(cx, ty, name)?;
            let stored = cx
                .types
                .elem_of(&array)
                .ok_or_else(|| format!("{} is no array", array.name()))?;
            Ok::<_, String>(Column::new(at, stored.size(), &stored, meant))
        };
        Ok(Bucket {
            size: ty.size(),
            tophash: member_type(cx, ty, "tophash")?.0,
            keys: column("keys", &map.key)?,
            elems: column("values", &map.elem).or_else(|_| column("elems", &map.elem))?,
            overflow: member_type(cx, ty, "overflow")?.0,
        })
    }

    fn top_hashes(&self, cx: &Cx<'_>, at: Addr) -> Result<[u8; 8], String> {
        let word = cx.reader.read_word(at.offset(self.tophash.cast_signed()));
        Ok(word.map_err(explain)?.to_le_bytes())
    }

    fn is_evacuated(&self, cx: &Cx<'_>, at: Addr) -> Result<bool, String> {
        Ok(EVACUATED.contains(&self.top_hashes(cx, at)?[0]))
    }

    /// Visits a bucket and those that it overflows into.
    fn walk(&self, cx: &Cx<'_>, at: Addr, visit: &mut Visit<'_>) -> Walked {
        let mut at = at;
        let mut seen = HashSet::new();
        for _ in 0..OVERFLOW_MAX {
            for (slot, hash) in (0..MAP_SLOTS).zip(self.top_hashes(cx, at)?) {
                if hash < MIN_TOP_HASH {
                    continue;
                }
                let entry = Entry {
                    key: self.keys.at(cx, at, slot)?,
                    elem: self.elems.at(cx, at, slot)?,
                };
                if !visit(entry) {
                    return Ok(false);
                }
            }
            let next = cx.reader.read_word(at.offset(self.overflow.cast_signed()));
            at = Addr(next.map_err(explain)?);
            if at.0 == 0 {
                return Ok(true);
            }
            if !seen.insert(at) {
                break;
            }
            cx.reader.read_ahead(&[(at, usize::try_from(self.size).unwrap_or(0))]);
        }
        Err("the chain of a map's buckets does not end: damaged".into())
    }
}

impl MapView {
    fn walk_buckets(&self, cx: &Cx<'_>, visit: &mut Visit<'_>) -> Walked {
        let (_, buckets) = member_type(cx, &self.header, "buckets")?;
        let bucket = cx
            .types
            .elem_of(&buckets)
            .ok_or("the type of the map's buckets is unknown")?;
        let bucket = Bucket::find(cx, &bucket, self)?;
        let bits = self.header_word(cx, "B")?;
        if bits > 40 {
            return Err(format!("the map says it has 2^{bits} buckets: damaged"));
        }
        let n_buckets = 1u64 << bits;
        let new = Addr(self.header_word(cx, "buckets")?);
        let old = Addr(self.header_word(cx, "oldbuckets")?);
        let n_old = match self.header_word(cx, "flags")? & SAME_SIZE_GROW {
            0 => n_buckets / 2,
            _ => n_buckets,
        };
        let per_chunk = (CHUNK_LEN / bucket.size.max(1)).max(1);
        let read_ahead = |table: Addr, i: u64, n: u64| {
            let at = table.offset((i * bucket.size).cast_signed());
            let len = (n - i).min(per_chunk) * bucket.size;
            cx.reader.read_ahead(&[(at, usize::try_from(len).unwrap_or(0))]);
        };
        // While the table grows, an old bucket holds its entries until it is evacuated
        // to the new buckets that correspond to it.
        let n_old = if old.0 == 0 { 0 } else { n_old };
        for i in 0..n_buckets {
            if i % per_chunk == 0 {
                cx.reader.count_node()?;
                read_ahead(new, i, n_buckets);
                if i < n_old {
                    read_ahead(old, i, n_old);
                }
            }
            let at = new.offset((i * bucket.size).cast_signed());
            if !bucket.walk(cx, at, visit)? {
                return Ok(false);
            }
            if i < n_old {
                let at = old.offset((i * bucket.size).cast_signed());
                if !bucket.is_evacuated(cx, at)? && !bucket.walk(cx, at, visit)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// The entries of a map that are to be loaded, and what ended the search if that was no
/// good end.
pub(crate) struct Entries {
    pub found: Vec<Entry>,
    pub end: Result<(), String>,
}

impl Loader<'_, '_> {
    /// Finds the entries of a map that the configuration asks for, and reads ahead what
    /// they consist of.
    pub fn map_entries(&self, view: &MapView, level: i64, skip: u64) -> Entries {
        let max = self.config.array_values_max.min(view.count);
        if level > self.config.recurse_max || max <= 0 {
            return Entries { found: Vec::new(), end: Ok(()) };
        }
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let mut found: Vec<Entry> = Vec::new();
        let mut left_out = skip;
        let end = view.walk(self.cx, &mut |entry| {
            if left_out > 0 {
                left_out -= 1;
                return true;
            }
            found.push(entry);
            found.len() < max
        });
        if found.len() >= super::prefetch::WORTHWHILE {
            let keys: Vec<Addr> = found.iter().map(|it| it.key).collect();
            let elems: Vec<Addr> = found.iter().map(|it| it.elem).collect();
            self.read_ahead_at(&view.key, &keys, level + 1);
            self.read_ahead_at(&view.elem, &elems, level + 1);
        }
        Entries { found, end }
    }

    pub fn map(&mut self, v: &mut Variable, ty: &Type, level: i64, skip: u64) {
        let view = match open(self.cx, ty, v.addr) {
            Ok(view) => view,
            Err(why) => {
                v.base = Addr(self.cx.reader.read_word(v.addr).unwrap_or(0));
                v.unreadable = Some(why);
                return;
            }
        };
        v.base = view.base;
        v.len = view.count;
        let entries = self.map_entries(&view, level, skip);
        let Entries { found, end } = entries;
        if found.is_empty() && end.is_ok() {
            return;
        }
        let mut children = Vec::new();
        let mut n_bad = 0;
        for entry in found {
            let key = self.value("".into(), &view.key, entry.key, level + 1);
            let elem = self.value("".into(), &view.elem, entry.elem, level + 1);
            n_bad += usize::from(key.unreadable.is_some() || elem.unreadable.is_some());
            children.push(key);
            children.push(elem);
            if n_bad > super::load::BAD_ELEMENTS_MAX {
                break;
            }
        }
        v.children = Some(children);
        if let Err(why) = end {
            v.unreadable = Some(why);
        }
    }
}
