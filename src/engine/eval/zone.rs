//! How far from UTC is a `time.Time`? What the program's own `time.Location` says.

use crate::engine::addr::Addr;
use crate::engine::eval::load::Loader;
use crate::engine::eval::types::Type;
use crate::engine::memory::Memory;

/// How many transitions a zone may have; the largest in the tz database have some 250.
const TRANSITIONS_MAX: u64 = 4096;

impl Loader<'_, '_> {
    /// Seconds east of UTC at a time, in the `time.Location` at `location`; `None` if it
    /// cannot be told, as for UTC itself.
    ///
    /// The program's own tables are read (`Location.cacheZone`, `tx`, `zone`), not those
    /// of the machine that the debugger runs on.
    pub fn zone_offset(&self, location: Addr, unix: i64) -> Option<i64> {
        if location.0 == 0 {
            return None;
        }
        let types = &self.cx.types;
        let reader = &self.cx.reader;
        let ty = types.of(types.binary.type_named("time.Location")?);
        let zone_ty = types.of(types.binary.type_named("time.zone")?);
        let change_ty = types.of(types.binary.type_named("time.zoneTrans")?);
        // The same location is asked for again and again.
        reader.read_ahead(&[(location, usize::try_from(ty.size()).unwrap_or(0))]);
        let word = |ty: &Type, base: Addr, name: &str| {
            let at = base.offset(ty.member(name)?.offset.cast_signed());
            reader.read_word(at).ok()
        };
        let offset_of = |zone: Addr| Some(word(&zone_ty, zone, "offset")?.cast_signed());
        let start = word(&ty, location, "cacheStart")?.cast_signed();
        let end = word(&ty, location, "cacheEnd")?.cast_signed();
        let cached = Addr(word(&ty, location, "cacheZone")?);
        if cached.0 != 0 && (start..end).contains(&unix) {
            return offset_of(cached);
        }
        let changes = Addr(word(&ty, location, "tx")?);
        let at = ty.member("tx")?.offset.cast_signed();
        let n = reader.read_word(location.offset(at + 8)).ok()?.min(TRANSITIONS_MAX);
        let size = change_ty.size();
        let len = usize::try_from(size.checked_mul(n)?).ok()?;
        reader.read_ahead(&[(changes, len)]);
        let change_at = |i: u64| changes.offset((i * size).cast_signed());
        let when = |i: u64| Some(word(&change_ty, change_at(i), "when")?.cast_signed());
        let (mut low, mut high) = (0, n);
        while low < high {
            let middle = low + (high - low) / 2;
            if when(middle)? <= unix { low = middle + 1 } else { high = middle }
        }
        let last = change_at(low.checked_sub(1)?);
        let index_at = last.offset(change_ty.member("index")?.offset.cast_signed());
        let index = reader.read_uint(index_at, 1).ok()?;
        let zones = Addr(word(&ty, location, "zone")?);
        offset_of(zones.offset((index * zone_ty.size()).cast_signed()))
    }
}
