//! Where in the machine code does a source line begin, and where may one stop?

use crate::engine::addr::FileAddr;

/// A source file: an index into [`Binary::files`](super::Binary::files).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileIndex(pub u32);

/// A row of a function's line table: from `addr` up to the next row's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineRow {
    pub addr: FileAddr,
    pub file: FileIndex,
    pub line: u32,
    /// A recommended place to stop (DWARF 5 §6.2.2).
    pub is_stmt: bool,
    /// Where the function's frame is ready.
    pub prologue_end: bool,
}

/// Where a breakpoint on a source line belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineSites {
    /// One for each function that the line has code in (generic instances, inlined
    /// copies); sorted, never empty.
    Sites(Vec<FileAddr>),
    /// The file is known, the line has no code. `next` is the next line that has, in the
    /// function around the line.
    NoStatement { next: Option<u32> },
    /// No function of the program comes from such a file.
    NoFile,
}
