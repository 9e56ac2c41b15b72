//! Two kinds of address, so that one is never taken for the other.
//!
//! The Go linker places an ordinary executable at its final address, so the two kinds are
//! usually equal, and mixing them up shows only when somebody debugs a
//! position-independent build. Here the mix-up does not compile.

use std::fmt;

/// An address in the memory of the inferior.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Addr(pub u64);

/// An address as an ELF file and its DWARF state it ("file address" in LLDB).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileAddr(pub u64);

/// How far the loader moved an image from where its file says it is, in bytes.
/// Zero unless the executable is position-independent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadBias(pub u64);

impl LoadBias {
    pub fn loaded(self, at: FileAddr) -> Addr {
        Addr(at.0.wrapping_add(self.0))
    }

    pub fn stated(self, at: Addr) -> FileAddr {
        FileAddr(at.0.wrapping_sub(self.0))
    }
}

impl Addr {
    /// The address `bytes` further on; wraps like the machine's own arithmetic.
    pub fn offset(self, bytes: i64) -> Addr {
        Addr(self.0.wrapping_add_signed(bytes))
    }
}

impl FileAddr {
    pub fn offset(self, bytes: i64) -> FileAddr {
        FileAddr(self.0.wrapping_add_signed(bytes))
    }
}

impl fmt::Debug for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for FileAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file:{:#x}", self.0)
    }
}
