//! Which memory goes into a core file? What the kernel takes by default (core(5),
//! `coredump_filter` 0x33), and the code of shared libraries besides, so that the file can
//! be read where those are others.

use std::path::Path;

use crate::engine::os::process::{Mapping, PAGE_LEN, PageMap};

/// Addresses from here on are the kernel's: `[vsyscall]`.
const KERNEL_START: u64 = 1 << 47;

/// A mapping, and how much of it is in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) start: u64,
    pub(super) end: u64,
    /// `PF_R`, `PF_W`, `PF_X`.
    pub(super) flags: u32,
    /// From `start` on.
    pub(super) file_len: u64,
    pub(super) file_offset: u64,
    /// Pages that do not exist are zeros.
    pub(super) is_anonymous: bool,
}

/// A mapping of a file, for the note that lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OfFile {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) offset: u64,
    pub(super) path: String,
}

pub(super) struct Plan {
    pub(super) parts: Vec<Part>,
    pub(super) files: Vec<OfFile>,
}

impl Plan {
    pub(super) fn new(mappings: &[Mapping], exe: &Path, pages: Option<&PageMap>) -> Plan {
        let mut plan = Plan { parts: Vec::new(), files: Vec::new() };
        for mapping in mappings.iter().filter(|it| it.start < KERNEL_START) {
            let is_file = mapping.name.starts_with('/');
            if is_file {
                plan.files.push(OfFile {
                    start: mapping.start,
                    end: mapping.end,
                    offset: mapping.file_offset,
                    path: mapping.name.clone(),
                });
            }
            let of_others = is_file && mapping.shared && !mapping.is_deleted();
            if !mapping.readable || of_others {
                continue;
            }
            let flags = [(true, 4), (mapping.writable, 2), (mapping.executable, 1)];
            let flags = flags.iter().filter(|it| it.0).map(|it| it.1).sum();
            let is_code = Path::new(&mapping.name) == exe && !mapping.writable;
            let file_len = match is_code && is_unchanged(mapping, pages) {
                // The first page has the build id: it tells which file it is.
                true if mapping.file_offset == 0 => PAGE_LEN,
                true => 0,
                false => mapping.end - mapping.start,
            };
            plan.parts.push(Part {
                start: mapping.start,
                end: mapping.end,
                flags,
                file_len,
                file_offset: 0,
                is_anonymous: !is_file && !mapping.shared,
            });
        }
        plan
    }
}

/// Whether all pages of a mapping are those of its file. The kernel does not say so of
/// pages that were never used; those are.
fn is_unchanged(mapping: &Mapping, pages: Option<&PageMap>) -> bool {
    let n_pages = (mapping.end - mapping.start) / PAGE_LEN;
    let known = pages.and_then(|it| it.pages(mapping.start, n_pages as usize).ok());
    known.is_some_and(|it| it.iter().all(|page| page.of_file || !page.exists))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(permissions: &str, name: &str) -> Mapping {
        let is = |c| permissions.contains(c);
        Mapping {
            start: 0x1000,
            end: 0x3000,
            readable: is('r'),
            writable: is('w'),
            executable: is('x'),
            shared: is('s'),
            file_offset: 0,
            name: name.to_owned(),
        }
    }

    #[test]
    fn what_belongs_to_others_or_cannot_be_read_is_left_out() {
        let cases = [
            ("rw-p", "", Some(0x2000)),
            ("---p", "", None),
            ("rw-s", "/data/shared.db", None),
            ("rw-s", "/memfd:x (deleted)", Some(0x2000)),
            ("rw-s", "/dev/zero (deleted)", Some(0x2000)),
            ("r-xp", "/lib/libc.so", Some(0x2000)),
            // Nothing is known of its pages.
            ("r-xp", "/exe", Some(0x2000)),
            ("r-xp", "[vdso]", Some(0x2000)),
        ];
        for (permissions, name, len) in cases {
            let plan = Plan::new(&[mapping(permissions, name)], Path::new("/exe"), None);
            let found = plan.parts.first().map(|it| it.file_len);
            assert_eq!(found, len, "{permissions} {name}");
            assert_eq!(plan.files.len(), usize::from(name.starts_with('/')));
        }
    }
}
