//! Which function is this? Functions by PC and by name, and the calls inlined in them.

use crate::engine::addr::FileAddr;

/// A function with machine code of its own: its place in Go's function table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionId(pub u32);

/// A function with machine code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function<'a> {
    pub id: FunctionId,
    /// As Go prints it in tracebacks: `main.(*T).M`, `main.F[...]`, `main.F.func1`.
    pub name: &'a str,
    pub entry: FileAddr,
    /// The first address after it.
    pub end: FileAddr,
    /// The file it is declared in; empty if the table does not say.
    pub file: &'a str,
    /// The line of its `func` keyword; for Go before 1.20, the line of its entry.
    pub start_line: u32,
    pub flags: FunctionFlags,
    /// Where a recovered panic resumes: the call of `runtime.deferreturn`.
    pub deferreturn: Option<FileAddr>,
}

/// What the compiler says of a function: `abi.FuncFlag*` in
/// `$GOROOT/src/internal/abi/symtab.go`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FunctionFlags {
    /// The outermost function of a stack: unwinding ends here.
    pub top_frame: bool,
    /// Writes an arbitrary value to SP: cannot be unwound through by `pcsp` alone.
    pub sp_write: bool,
    /// Written in assembly.
    pub asm: bool,
}

/// A position in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceLine<'a> {
    pub file: &'a str,
    pub line: u32,
}

/// One of the frames that share a PC: the function itself, or a call inlined in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InlineFrame<'a> {
    pub function: &'a str,
    pub file: &'a str,
    /// Where execution is in this frame: for an outer frame, the line of the call.
    pub line: u32,
    /// The entry of the physical function, the same for all of the frames.
    pub entry: FileAddr,
    pub inlined: bool,
    /// The line where `function` begins; 0 if unknown.
    pub start_line: u32,
}
