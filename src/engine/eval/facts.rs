//! What do we take for granted about how Go lays values out? What debug information does
//! not say, with the line of Go's own source that does.
//!
//! Where fields are, is never taken for granted: for maps and channels the linker
//! describes the types that they are made of (`hash<K,V>`, `map<K,V>`, `hchan<T>`).
//! [`SOURCES`] is compared with the sources of every Go release that tests build with.

/// Slots of a bucket of a map up to Go 1.23, and of a group of one from Go 1.24.
pub const MAP_SLOTS: u64 = 8;
/// Keys and elements above this size are kept elsewhere, and a pointer to them here.
pub const MAP_DIRECT_MAX: u64 = 128;
/// Values of `tophash` below this are no hashes but states.
pub const MIN_TOP_HASH: u8 = 5;
/// The bucket's entries have moved to the new table.
pub const EVACUATED: std::ops::RangeInclusive<u8> = 2..=4;
/// `hmap.flags`: the table is being rewritten at the same size.
pub const SAME_SIZE_GROW: u64 = 8;
/// Set in the control bytes of slots that hold nothing.
pub const CTRL_FREE: u8 = 0x80;
/// The second word of an interface value, of either kind.
pub const INTERFACE_DATA: i64 = 8;
/// `time.Time.wall`: there is a reading of the monotonic clock.
pub const TIME_HAS_MONOTONIC: u64 = 1 << 63;
/// Seconds from the year 1 to 1885, the epoch of `wall` with such a reading.
pub const TIME_WALL_EPOCH: i64 =
    (1884 * 365 + 1884 / 4 - 1884 / 100 + 1884 / 400) * 86_400;
/// Seconds from the year 1 to 1970.
pub const TIME_UNIX_EPOCH: i64 =
    (1969 * 365 + 1969 / 4 - 1969 / 100 + 1969 / 400) * 86_400;

/// A line of Go's source.
pub struct Source {
    /// From which to which minor release it is there.
    pub releases: std::ops::RangeInclusive<u32>,
    /// Below `$GOROOT/src`.
    pub file: &'static str,
    /// The beginning of the line, with single blanks.
    pub line: &'static str,
}

const fn source(from: u32, to: u32, file: &'static str, line: &'static str) -> Source {
    Source { releases: from..=to, file, line }
}

const MAP: &str = "runtime/map.go";
const OLD_MAP: &str = "runtime/map_noswiss.go";
const GROUP: &str = "internal/runtime/maps/group.go";
const TIME: &str = "time/time.go";
const RUNTIME2: &str = "runtime/runtime2.go";
/// No release that is known of.
const LATEST: u32 = 99;

/// Where the constants above come from. Go 1.24 and 1.25 still had the old maps
/// (`GOEXPERIMENT=noswissmap`).
pub const SOURCES: &[Source] = &[
    source(19, 20, MAP, "bucketCntBits = 3"),
    source(21, 23, "internal/abi/map.go", "MapBucketCountBits = 3"),
    source(24, 25, "internal/abi/map_noswiss.go", "OldMapBucketCountBits = 3"),
    source(24, 25, "internal/abi/map_swiss.go", "SwissMapGroupSlotsBits = 3"),
    source(26, LATEST, "internal/abi/map.go", "MapGroupSlotsBits = 3"),
    source(19, 20, MAP, "maxKeySize = 128"),
    source(21, 23, "internal/abi/map.go", "MapMaxKeyBytes = 128"),
    source(24, 25, "internal/abi/map_noswiss.go", "OldMapMaxKeyBytes = 128"),
    source(24, 25, "internal/abi/map_swiss.go", "SwissMapMaxKeyBytes = 128"),
    source(26, LATEST, "internal/abi/map.go", "MapMaxKeyBytes = 128"),
    source(19, 23, MAP, "evacuatedX = 2 "),
    source(24, 25, OLD_MAP, "evacuatedX = 2 "),
    source(19, 23, MAP, "evacuatedEmpty = 4 "),
    source(24, 25, OLD_MAP, "evacuatedEmpty = 4 "),
    source(19, 23, MAP, "minTopHash = 5 "),
    source(24, 25, OLD_MAP, "minTopHash = 5 "),
    source(19, 23, MAP, "sameSizeGrow = 8 "),
    source(24, 25, OLD_MAP, "sameSizeGrow = 8 "),
    source(24, LATEST, GROUP, "ctrlEmpty ctrl = 0b10000000"),
    source(24, LATEST, GROUP, "ctrlDeleted ctrl = 0b11111110"),
    source(19, LATEST, RUNTIME2, "type iface struct { tab *itab data unsafe.Pointer }"),
    source(
        19,
        LATEST,
        RUNTIME2,
        "type eface struct { _type *_type data unsafe.Pointer }",
    ),
    source(19, LATEST, RUNTIME2, "type funcval struct { fn uintptr"),
    source(
        19,
        LATEST,
        "runtime/string.go",
        "type stringStruct struct { str unsafe.Pointer len int }",
    ),
    source(
        19,
        LATEST,
        "runtime/slice.go",
        "type slice struct { array unsafe.Pointer len int cap int }",
    ),
    source(19, LATEST, TIME, "hasMonotonic = 1 << 63"),
    source(19, LATEST, TIME, "nsecShift = 30"),
    source(
        19,
        LATEST,
        TIME,
        "unixToInternal int64 = (1969*365 + 1969/4 - 1969/100 + 1969/400) * secondsPerDay",
    ),
    source(
        19,
        LATEST,
        TIME,
        "wallToInternal int64 = (1884*365 + 1884/4 - 1884/100 + 1884/400) * secondsPerDay",
    ),
];
