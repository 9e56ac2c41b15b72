//! Which shared libraries are loaded, and where?
//!
//! A program that was linked with C has a dynamic linker in it, which keeps a list of what
//! it has loaded, for debuggers: `r_debug` and `link_map` in `<link.h>`.

use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::engine::addr::{Addr, LoadBias};
use crate::engine::binary::{CfiRow, Library};
use crate::engine::golang::Runtime;
use crate::engine::memory::{Fault, Memory};

/// A shared library as it lies in the memory of the inferior.
#[derive(Clone, Debug)]
pub struct LoadedLibrary {
    pub path: String,
    pub bias: LoadBias,
    /// What the file says, or why it cannot be read.
    pub file: Result<Arc<Library>, String>,
}

/// The libraries that were loaded when somebody last asked.
#[derive(Debug, Default)]
pub(super) struct Libraries(Mutex<Vec<LoadedLibrary>>);

/// Libraries of a program; more are damage.
const LIBRARIES_MAX: usize = 1024;
/// Entries of the dynamic section.
const ENTRIES_MAX: i64 = 256;
/// Bytes of a library's path (`PATH_MAX`).
const PATH_LEN_MAX: usize = 4096;

/// `DT_DEBUG` in `<elf.h>`: points to `struct r_debug`.
const DT_DEBUG: u64 = 21;
/// `r_debug.r_map`.
const R_MAP: i64 = 8;
/// Of `struct link_map`.
const L_NAME: i64 = 8;
const L_NEXT: i64 = 24;

impl Runtime {
    /// The shared libraries that are loaded now.
    pub fn libraries(&self, mem: &dyn Memory) -> Vec<LoadedLibrary> {
        let found = self.read_link_map(mem).unwrap_or_default();
        let Ok(mut known) = self.libraries.0.lock() else { return Vec::new() };
        let is_same = |it: &LoadedLibrary, (bias, path): &(LoadBias, String)| {
            it.bias == *bias && it.path == *path
        };
        let all = found.into_iter().map(|now| {
            match known.iter().find(|it| is_same(it, &now)) {
                Some(known) => known.clone(),
                None => LoadedLibrary {
                    file: Library::open(Path::new(&now.1))
                        .map(Arc::new)
                        .map_err(|err| err.to_string()),
                    bias: now.0,
                    path: now.1,
                },
            }
        });
        let all: Vec<LoadedLibrary> = all.collect();
        known.clone_from(&all);
        all
    }

    /// The library that has code at `pc`, of those that were loaded at the last question.
    pub fn library_at(&self, pc: Addr) -> Option<(LoadedLibrary, Arc<Library>)> {
        let known = self.libraries.0.lock().ok()?;
        known.iter().find_map(|it| {
            let file = it.file.as_ref().ok()?;
            file.contains(it.bias.stated(pc)).then(|| (it.clone(), Arc::clone(file)))
        })
    }

    /// How to find the caller of library code at `pc`. `look_again` says whether the list
    /// of libraries is to be read anew if none is known there.
    pub(super) fn unwind_library(
        &self,
        mem: &dyn Memory,
        pc: Addr,
        look_again: bool,
    ) -> Option<CfiRow> {
        let mut found = self.library_at(pc);
        if found.is_none() && look_again {
            self.libraries(mem);
            found = self.library_at(pc);
        }
        let (library, file) = found?;
        file.unwind(library.bias.stated(pc))
    }

    /// Where each library is, and its path: of those that have one.
    fn read_link_map(&self, mem: &dyn Memory) -> Result<Vec<(LoadBias, String)>, Fault> {
        let image = self.image();
        let mut found = Vec::new();
        let Some(dynamic) = image.binary.dynamic_section() else { return Ok(found) };
        let dynamic = image.bias.loaded(dynamic);
        let mut debug = 0;
        for index in 0..ENTRIES_MAX {
            let entry = dynamic.offset(16 * index);
            match mem.read_word(entry)? {
                0 => break,
                DT_DEBUG => debug = mem.read_word(entry.offset(8))?,
                _ => {}
            }
        }
        if debug == 0 {
            return Ok(found);
        }
        let mut at = mem.read_word(Addr(debug).offset(R_MAP))?;
        for _ in 0..LIBRARIES_MAX {
            if at == 0 {
                break;
            }
            let path = read_path(mem, Addr(mem.read_word(Addr(at).offset(L_NAME))?));
            // The executable has no name here, and the vDSO no file.
            if !path.is_empty() {
                found.push((LoadBias(mem.read_word(Addr(at))?), path));
            }
            at = mem.read_word(Addr(at).offset(L_NEXT))?;
        }
        Ok(found)
    }
}

/// The path at `at`; empty if there is none.
fn read_path(mem: &dyn Memory, at: Addr) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < PATH_LEN_MAX {
        let mut byte = [0];
        let next = at.offset(bytes.len() as i64);
        let is_read = mem.read(next, &mut byte).is_ok();
        let is_path = !bytes.is_empty() || byte[0] == b'/';
        if !is_read || byte[0] == 0 || !is_path {
            break;
        }
        bytes.push(byte[0]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::memory::FixedMemory;

    #[test]
    fn a_path_begins_with_a_slash_and_ends_with_a_nul() {
        let mem = FixedMemory::new().with(Addr(0x100), *b"/lib/a.so\0linux-vdso.so.1");
        assert_eq!(read_path(&mem, Addr(0x100)), "/lib/a.so");
        assert_eq!(read_path(&mem, Addr(0x10a)), "");
        assert_eq!(read_path(&mem, Addr(0x500)), "");
    }
}
