//! Under what name are a program's breakpoints kept for the next session?
//!
//! Under the path of its executable; a program that is built to be debugged is known by the
//! directory it was started in and its packages. A server keeps its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::cli::plan::Origin;
use crate::frontend::kept::Shelf;
use crate::tui::ShelfOf;

/// Where to keep what belongs to a program; `None` where nothing can be kept.
pub fn shelf_of(origin: &Origin) -> Option<Arc<ShelfOf>> {
    match origin {
        Origin::Exec { path, .. } => {
            let path = fs::canonicalize(path).ok()?;
            Some(Arc::new(move |_| of_executable(&path, modified(&path))))
        }
        Origin::Attach { pid, .. } => {
            let attached = *pid;
            Some(Arc::new(move |_| of_process(attached)))
        }
        Origin::Pick => Some(Arc::new(|picked| of_process(picked?))),
        Origin::Debug { packages, .. } => {
            let here = std::env::current_dir().ok()?;
            let name = format!("{} {}", here.display(), packages.join(" "));
            // It is built of the source that is there now.
            Some(Arc::new(move |_| Shelf::of(name.trim_end(), None)))
        }
        Origin::WaitFor(..)
        | Origin::Demo(_)
        | Origin::Core { .. }
        | Origin::Connect { .. } => None,
    }
}

fn of_executable(path: &Path, built: Option<SystemTime>) -> Option<Shelf> {
    Shelf::of(path.to_str()?, built)
}

/// An executable that was replaced while it runs is still the same program.
fn of_process(pid: i32) -> Option<Shelf> {
    let exe = PathBuf::from(format!("/proc/{pid}/exe"));
    let path = fs::read_link(&exe).ok()?;
    let path = path.to_str()?;
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    of_executable(Path::new(path), modified(&exe))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}
