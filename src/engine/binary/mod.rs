//! What the file says: ELF, Go's line table, DWARF. Bytes in, tables out; no process.
//!
//! A [`Binary`] is one executable. Opening it reads little more than its headers; the
//! rest is read when a question needs it, and remembered. Two sources answer:
//!
//! - **Go's own table** (`.gopclntab`, [`pclntab`]): functions, lines, inlined calls,
//!   frame sizes. It is in every Go binary, stripped or not, is not compressed, and is
//!   used where it lies in the mapped file.
//! - **DWARF**: variables, types, and where statements begin. Its sections are compressed
//!   and are inflated in the background ([`Binary::start_loading`]); questions wait for
//!   the sections they need.
//!
//! Every address here is a [`FileAddr`].

pub mod build_info;
pub mod frames;
pub mod functions;
pub mod lines;
pub mod location;
pub mod types;
pub mod variables;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::engine::addr::FileAddr;
use crate::engine::error::Error;
use crate::engine::error::Result;

pub use build_info::{BuildInfo, GoVersion};
pub use frames::CfiRow;
pub use functions::{Function, FunctionFlags, FunctionId, InlineFrame, SourceLine};
pub use lines::{FileIndex, LineRow, LineSites};
pub use location::{Location, Piece, PieceAt};
pub use types::{Field, GoType, TypeId, TypeKind};
pub use variables::{Global, Scope, VariableInfo, VariableKind};

/// One ELF file of a Go program, with its debug information.
#[derive(Debug)]
pub struct Binary {
    path: PathBuf,
    build_info: BuildInfo,
}

/// An entry of the symbol table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol {
    pub addr: FileAddr,
    /// In bytes.
    pub size: u64,
}

impl Binary {
    /// Opens an executable: maps it and reads its headers, in a few milliseconds.
    ///
    /// Fails with [`Error::BadBinary`] if it is not an ELF file for amd64 or has no Go
    /// function table.
    pub fn open(path: &Path) -> Result<Arc<Binary>> {
        Err(Error::BadBinary {
            path: path.display().to_string(),
            problem: "cannot be read yet".into(),
        })
    }

    /// Begins to inflate and index DWARF on background threads. Without this the first
    /// question that needs DWARF does it.
    pub fn start_loading(self: &Arc<Self>) {}

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn build_info(&self) -> &BuildInfo {
        &self.build_info
    }

    /// `None` if the version is not of the form `go1.N`.
    pub fn go_version(&self) -> Option<GoVersion> {
        None
    }

    pub fn is_pie(&self) -> bool {
        false
    }

    /// Where the kernel or the dynamic linker starts the program.
    pub fn entry(&self) -> FileAddr {
        FileAddr(0)
    }

    /// The GNU build id in hexadecimal, else Go's build id, else empty.
    pub fn build_id(&self) -> &str {
        ""
    }

    pub fn has_dwarf(&self) -> bool {
        false
    }

    /// From `runtime.text` to `runtime.etext`: the machine code of Go functions.
    pub fn text_range(&self) -> Range<FileAddr> {
        FileAddr(0)..FileAddr(0)
    }

    /// Looks `name` up in `.symtab`; in a file without one, among the functions.
    pub fn symbol(&self, _name: &str) -> Option<Symbol> {
        None
    }

    /// The bytes that the file puts at an address; `None` unless it says all of them.
    pub fn loadable_bytes(&self, _at: FileAddr, _len: usize) -> Option<&[u8]> {
        None
    }

    /// The function that contains `pc`, its padding included.
    pub fn function_at(&self, _pc: FileAddr) -> Option<FunctionId> {
        None
    }

    /// Panics if `id` is not of this binary.
    pub fn function(&self, id: FunctionId) -> Function<'_> {
        Function {
            id,
            name: "",
            entry: FileAddr(0),
            end: FileAddr(0),
            file: "",
            start_line: 0,
            flags: FunctionFlags::default(),
            deferreturn: None,
        }
    }

    /// All functions in the order of their addresses.
    pub fn functions(&self) -> impl Iterator<Item = FunctionId> {
        (0..0).map(FunctionId)
    }

    /// The functions with exactly this name.
    pub fn functions_named(&self, _name: &str) -> Vec<FunctionId> {
        Vec::new()
    }

    /// The names of all functions, those included that exist only inlined; sorted,
    /// without duplicates.
    pub fn function_names(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Whether the function was compiled with optimizations (without `-N`).
    pub fn is_optimized(&self, _id: FunctionId) -> bool {
        true
    }

    /// The source position of `pc`, that of the innermost inlined call.
    pub fn line_at(&self, _pc: FileAddr) -> Option<SourceLine<'_>> {
        None
    }

    /// The frames at `pc`, innermost first; the last is the physical function. Empty if
    /// `pc` is in no Go function.
    pub fn inline_stack(&self, _pc: FileAddr) -> Vec<InlineFrame<'_>> {
        Vec::new()
    }

    /// The line table of a function, sorted by address. Without DWARF, rows are made from
    /// Go's own table, all of them `is_stmt`.
    pub fn rows(&self, _id: FunctionId) -> Vec<LineRow> {
        Vec::new()
    }

    /// Where a breakpoint on the function belongs: after its prologue.
    pub fn prologue_end(&self, id: FunctionId) -> FileAddr {
        self.function(id).entry
    }

    /// Where a breakpoint on a source line belongs. `file` is exactly one of
    /// [`files`](Self::files).
    pub fn line_sites(&self, _file: &str, _line: u32) -> LineSites {
        LineSites::NoFile
    }

    /// Where a breakpoint on a function belongs: after the prologue of each of its
    /// instances (`name` may leave out type arguments), and at each inlined copy.
    pub fn function_sites(&self, _name: &str) -> Vec<FileAddr> {
        Vec::new()
    }

    /// The paths of all source files, sorted.
    pub fn files(&self) -> &[Arc<str>] {
        &[]
    }

    pub fn file(&self, index: FileIndex) -> &str {
        self.files().get(index.0 as usize).map_or("", |it| it)
    }

    /// The import paths of all packages, sorted.
    pub fn packages(&self) -> Vec<String> {
        Vec::new()
    }

    /// How far SP is below its value at the function's entry: the canonical frame address
    /// is SP + this + 8, and the return address is the word below it.
    pub fn sp_delta(&self, _pc: FileAddr) -> Option<u64> {
        None
    }

    /// The value of one of the function's `PCDATA` tables at `pc` (`abi.PCDATA_*`); −1
    /// where the function has no such table, `None` where there is no function.
    pub fn pcdata(&self, _pc: FileAddr, _table: u32) -> Option<i32> {
        None
    }

    /// The address of one of the function's `FUNCDATA` (`abi.FUNCDATA_*`).
    pub fn funcdata(&self, _id: FunctionId, _index: u32) -> Option<FileAddr> {
        None
    }

    /// How to find the caller of C code at `pc`, from `.eh_frame`.
    pub fn c_unwind(&self, _pc: FileAddr) -> Option<CfiRow> {
        None
    }

    /// The variables that can be seen from `pc` in the frame that
    /// [`inline_stack`](Self::inline_stack)`(pc)[inline_depth]` is.
    pub fn scope_at(&self, _pc: FileAddr, _inline_depth: usize) -> Result<Scope> {
        Err(Error::message("the binary has no debug information"))
    }

    /// A package variable by its full name (`net/http.DefaultClient`), or by the end of
    /// it (`http.DefaultClient`).
    pub fn global(&self, _name: &str) -> Option<Global> {
        None
    }

    /// All package variables, sorted by name.
    pub fn globals(&self) -> Vec<Global> {
        Vec::new()
    }

    /// The integer constants of a named type, for showing enumerations.
    pub fn constants_of(&self, _ty: TypeId) -> Vec<(String, i64)> {
        Vec::new()
    }

    /// An integer constant by its full name or by the end of it.
    pub fn constant(&self, _name: &str) -> Option<(i64, TypeId)> {
        None
    }

    /// The type whose DIE is `id`. Never fails: see [`TypeKind::Unsupported`].
    pub fn type_of(&self, id: TypeId) -> Arc<GoType> {
        Arc::new(GoType {
            id,
            name: String::new(),
            size: 0,
            kind: TypeKind::Unsupported { why: "cannot be read yet".into() },
            go_kind: 0,
        })
    }

    /// A type by its name with full import path; the named type, not its underlying.
    pub fn type_named(&self, _name: &str) -> Option<TypeId> {
        None
    }

    /// The names of all types, sorted.
    pub fn type_names(&self) -> Vec<String> {
        Vec::new()
    }

    /// The type of a runtime type descriptor, by its distance from `moduledata.types`.
    pub fn type_of_runtime(&self, _offset: u64) -> Option<TypeId> {
        None
    }

    /// The struct that a named type is, with its fields: `runtime.g`.
    pub fn struct_layout(&self, _type_name: &str) -> Option<Arc<GoType>> {
        None
    }
}
