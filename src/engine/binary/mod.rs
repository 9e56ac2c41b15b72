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

pub mod elf;
mod sections;
mod dies;
mod units;
mod line_program;
pub mod build_info;
pub mod frames;
pub mod pclntab;
pub mod functions;
pub mod lines;
pub mod library;
pub mod location;
pub mod expression;
pub mod types;
pub mod variables;
pub mod symbols;
pub mod symbol_name;
pub mod sources;
mod native;
mod native_lines;
mod native_types;
mod native_calls;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use crate::engine::addr::FileAddr;
use crate::engine::error::Error;
use crate::engine::error::Result;

use elf::ElfFile;
use pclntab::Pclntab;
use sections::Sections;
use types::TypeIndex;
use units::Units;

pub use build_info::{BuildInfo, GoVersion};
pub use frames::CfiRow;
pub use functions::{Function, FunctionFlags, FunctionId, InlineFrame, SourceLine};
pub use library::Library;
pub use lines::{FileIndex, LineRow, LineSites};
pub use location::{Location, Piece, PieceAt};
pub use sources::Package;
pub use symbols::Symbol;
pub use types::{Bits, Field, GoType, TypeId, TypeKind};
pub use variables::{Global, Scope, VariableInfo, VariableKind};

/// One ELF file of a Go program, with its debug information.
#[derive(Debug)]
pub struct Binary {
    path: PathBuf,
    elf: ElfFile,
    build_info: BuildInfo,
    build_id: String,
    go_version: Option<GoVersion>,
    pclntab: Pclntab,
    names: OnceLock<functions::NameIndex>,
    sorted_names: OnceLock<functions::Names>,
    source_files: OnceLock<Vec<String>>,
    symbols: OnceLock<functions::HashedNames>,
    /// Address and index of the symbols of functions; sorted.
    code_symbols: OnceLock<Vec<(u64, u32)>>,
    data_symbols: OnceLock<Vec<(u64, u32)>>,
    files: OnceLock<lines::Files>,
    native: OnceLock<native::NativeCode>,
    /// Of the functions of C that were asked for last.
    native_bodies: Mutex<FxHashMap<FunctionId, Arc<native_lines::Body>>>,
    sections: Sections,
    units: OnceLock<Units>,
    type_index: OnceLock<TypeIndex>,
    /// The types that have been asked for.
    types: Mutex<FxHashMap<TypeId, Arc<GoType>>>,
    constants: Mutex<FxHashMap<TypeId, Arc<[(String, i64)]>>>,
}

impl Binary {
    /// Opens an executable: maps it and reads its headers, in a few milliseconds.
    ///
    /// Fails with [`Error::BadBinary`] if it is not an ELF file for amd64 or has no Go
    /// function table.
    pub fn open(path: &Path) -> Result<Arc<Binary>> {
        let elf = ElfFile::open(path)?;
        let Some(pclntab) = Pclntab::find(&elf) else {
            let problem = "not a Go program, or built with a Go before 1.19: there is no \
                 function table in it (.gopclntab)";
            let path = path.display().to_string();
            let problem = match elf.section(".gopclntab") {
                Some(_) if elf.damage.is_none() => {
                    "its function table (.gopclntab) cannot be read: the file is damaged, \
                     or built with a Go before 1.19"
                }
                _ => problem,
            };
            let problem = elf.damage.clone().unwrap_or_else(|| problem.to_owned());
            return Err(Error::BadBinary { path, problem });
        };
        let build_info = build_info::parse_build_info(elf.bytes_of(".go.buildinfo"));
        Ok(Arc::new(Binary {
            path: path.to_path_buf(),
            go_version: GoVersion::parse(&build_info.go_version),
            build_info,
            build_id: elf.build_id(),
            pclntab,
            sections: Sections::find(&elf),
            elf,
            files: OnceLock::new(),
            native: OnceLock::new(),
            native_bodies: Mutex::default(),
            units: OnceLock::new(),
            type_index: OnceLock::new(),
            types: Mutex::default(),
            constants: Mutex::default(),
            names: OnceLock::new(),
            sorted_names: OnceLock::new(),
            source_files: OnceLock::new(),
            symbols: OnceLock::new(),
            code_symbols: OnceLock::new(),
            data_symbols: OnceLock::new(),
        }))
    }

    /// Begins to inflate and index DWARF on background threads, which hold on to the
    /// binary until they are done. Without this the first question that needs DWARF does
    /// it. What a question needs that is not ready yet, it waits for or does itself.
    pub fn start_loading(self: &Arc<Self>) {
        let loader = |name: &str, load: fn(&Binary)| {
            let binary = Arc::clone(self);
            let thread = std::thread::Builder::new().name(name.to_string());
            if let Err(error) = thread.spawn(move || load(&binary)) {
                tracing::warn!(%error, "no background loading");
            }
        };
        // The largest section by itself; meanwhile what reading it will need, and lines.
        loader("load-units", |binary| {
            binary.sections.info.bytes(&binary.elf);
            binary.units();
            binary.type_index();
        });
        loader("load-lines", |binary| {
            let sections = &binary.sections;
            sections.addr.bytes(&binary.elf);
            sections.rnglists.bytes(&binary.elf);
            sections.ranges.bytes(&binary.elf);
            sections.line.bytes(&binary.elf);
            binary.files();
            binary.name_index();
            binary.native();
        });
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn build_info(&self) -> &BuildInfo {
        &self.build_info
    }

    /// Where the program has its build information in memory, and how it is in the file.
    pub fn raw_build_info(&self) -> Option<(FileAddr, &[u8])> {
        let section = self.elf.section(".go.buildinfo")?;
        Some((FileAddr(section.addr), self.elf.section_bytes(section)))
    }

    /// `None` if the version is not of the form `go1.N`.
    pub fn go_version(&self) -> Option<GoVersion> {
        self.go_version
    }

    pub fn is_pie(&self) -> bool {
        self.elf.is_pie
    }

    /// Where the kernel or the dynamic linker starts the program.
    pub fn entry(&self) -> FileAddr {
        self.elf.entry
    }

    /// The GNU build id in hexadecimal, else Go's build id, else empty.
    pub fn build_id(&self) -> &str {
        &self.build_id
    }

    /// Where the dynamic linker finds what it needs to know; `None` in a program that
    /// needs none.
    pub fn dynamic_section(&self) -> Option<FileAddr> {
        let section = self.elf.section(".dynamic")?;
        (section.addr != 0).then_some(FileAddr(section.addr))
    }

    pub fn has_dwarf(&self) -> bool {
        self.sections.info.exists()
    }

    /// The bytes that the file puts at an address; `None` unless it says all of them.
    pub fn loadable_bytes(&self, at: FileAddr, len: usize) -> Option<&[u8]> {
        self.elf.bytes_at(at, len)
    }

    fn table(&self) -> pclntab::Table<'_> {
        self.pclntab.table(&self.elf)
    }

    /// Whether the function was compiled with optimizations (without `-N`); without DWARF
    /// nobody knows, and most are.
    ///
    /// Waits for nothing: until the units are known, the flags that the program was built
    /// with answer. The compiler keeps to them but for the runtime, which it always
    /// optimizes.
    pub fn is_optimized(&self, id: FunctionId) -> bool {
        let function = self.function(id);
        match self.units.get() {
            Some(units) => units.at_pc(function.entry.0).is_none_or(|it| it.is_optimized),
            None => {
                let flags = self.build_info.settings.iter();
                let unoptimized = flags
                    .filter(|(key, _)| key == "-gcflags")
                    .any(|(_, value)| value.split(['=', ' ', '"']).any(|it| it == "-N"));
                let runtime = function.name.starts_with("runtime.")
                    || function.name.starts_with("internal/runtime/");
                !unoptimized || runtime
            }
        }
    }
}

#[cfg(test)]
mod tests;
