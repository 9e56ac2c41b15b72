//! What does a shared library say? How its code is unwound, and what its functions are
//! called. It is C's, and nobody debugs it here: its lines and variables are left alone.

use std::path::{Path, PathBuf};

use super::elf::ElfFile;
use super::frames::CfiRow;
use crate::engine::addr::FileAddr;
use crate::engine::error::Result;

/// Where distributions put the symbols that they have taken out of libraries, by build id.
const DEBUG_FILES: &str = "/usr/lib/debug/.build-id";

/// One shared library.
#[derive(Debug)]
pub struct Library {
    path: PathBuf,
    elf: ElfFile,
    /// Start, end and name of functions; sorted.
    functions: Vec<(u64, u64, String)>,
}

impl Library {
    /// Opens a library and reads the names of its functions.
    pub fn open(path: &Path) -> Result<Library> {
        let elf = ElfFile::open(path)?;
        let mut functions = functions_of(&elf, ".symtab");
        if functions.is_empty() {
            functions = functions_of(&elf, ".dynsym");
            functions.extend(in_debug_file(&elf.build_id()).unwrap_or_default());
        }
        functions.sort_unstable();
        Ok(Library { path: path.to_owned(), elf, functions })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether `at` is in what is loaded of the file.
    pub fn contains(&self, at: FileAddr) -> bool {
        self.elf.bytes_at(at, 1).is_some()
    }

    /// How to find the caller of code at `pc`.
    pub fn unwind(&self, pc: FileAddr) -> Option<CfiRow> {
        self.elf.c_unwind(pc)
    }

    /// The function around `pc`, and where it begins.
    pub fn function_at(&self, pc: FileAddr) -> Option<(&str, FileAddr)> {
        let after = self.functions.partition_point(|it| it.0 <= pc.0);
        let (start, end, name) = self.functions[..after].last()?;
        (pc.0 < *end).then_some((name.as_str(), FileAddr(*start)))
    }
}

fn functions_of(elf: &ElfFile, section: &str) -> Vec<(u64, u64, String)> {
    let symbols = elf.symbols_of(section);
    let functions = symbols.indexes().filter(|it| symbols.is_function(*it));
    let function = |index: usize| {
        let (start, size) = symbols.place(index)?;
        let name = String::from_utf8_lossy(symbols.name(index)?);
        // The C library says of which of its versions each is.
        let name = name.split('@').next().unwrap_or_default().to_owned();
        (size > 0).then(|| (start, start.saturating_add(size), name))
    };
    functions.filter_map(function).collect()
}

fn in_debug_file(build_id: &str) -> Option<Vec<(u64, u64, String)>> {
    let (first, rest) = build_id.split_at_checked(2)?;
    let is_hex = |it: &str| it.bytes().all(|it| it.is_ascii_hexdigit());
    if !is_hex(build_id) || rest.is_empty() {
        return None;
    }
    let path = Path::new(DEBUG_FILES).join(first).join(format!("{rest}.debug"));
    let elf = ElfFile::open(&path).ok()?;
    Some(functions_of(&elf, ".symtab"))
}
