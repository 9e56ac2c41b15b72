//! A file's bytes in our own address space, mapped and not copied.

use std::fs::File;
use std::io;
use std::ops::Deref;

/// A read-only, private mapping of a whole file.
#[derive(Debug)]
pub struct FileMap(memmap2::Mmap);

impl FileMap {
    /// Maps all of `file`. The mapping stays when the file is removed or replaced, as a
    /// Go build does with the executable it writes (it writes a new inode).
    #[allow(unsafe_code, reason = "mmap of a file; see SAFETY")]
    pub fn map(file: &File) -> io::Result<FileMap> {
        // SAFETY: the mapping is read-only, and its bytes are only ever read as plain
        // bytes that are checked before use, so that a writer who changes the file under
        // us can change answers but no invariant of ours. A file that is *truncated*
        // under us raises SIGBUS, as for every debugger that maps its symbol files;
        // compilers and package managers replace files and do not truncate them.
        let map = unsafe { memmap2::Mmap::map(file) }?;
        Ok(FileMap(map))
    }

    /// Says that what was looked at is not needed for now: its pages stop counting as our
    /// memory, and are the file's again.
    #[allow(unsafe_code, reason = "madvise; see SAFETY")]
    pub fn forget(&self) {
        let all = self.0.len();
        // SAFETY: the mapping is private and never written to, so a page that is dropped
        // comes back with the same bytes (those of the file) when it is looked at again.
        let done = unsafe {
            self.0.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, 0, all)
        };
        if let Err(err) = done {
            tracing::debug!(target: "engine", "pages of a file stay in memory: {err}");
        }
    }
}

impl Deref for FileMap {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
