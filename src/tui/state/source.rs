//! The source pane: files, the cursor, marks, the search, the jumps.

use std::collections::HashMap;
use std::sync::Arc;

use crate::frontend::highlight::StyledLine;
use crate::tui::state::msg::FileText;

/// Files that are kept; the one that was used longest ago goes first.
pub const FILES_MAX: usize = 48;
/// Places that the way back leads to.
pub const JUMPS_MAX: usize = 100;

/// A file as far as it has come.
#[derive(Debug)]
pub enum FileState {
    Loading,
    Ready(SourceFile),
    Missing(String),
}

#[derive(Debug)]
pub struct SourceFile {
    pub text: Arc<FileText>,
    /// One for each line; empty where the styles have not come.
    pub styles: Vec<StyledLine>,
    pub is_styled: bool,
}

/// The files that were looked at.
#[derive(Debug, Default)]
pub struct Files {
    by_path: HashMap<Arc<str>, FileState>,
    /// The one that was used last is last.
    order: Vec<Arc<str>>,
}

impl Files {
    pub fn state(&self, path: &str) -> Option<&FileState> {
        self.by_path.get(path)
    }

    pub fn ready(&self, path: &str) -> Option<&SourceFile> {
        match self.by_path.get(path)? {
            FileState::Ready(file) => Some(file),
            FileState::Loading | FileState::Missing(_) => None,
        }
    }

    pub fn ready_mut(&mut self, path: &str) -> Option<&mut SourceFile> {
        match self.by_path.get_mut(path)? {
            FileState::Ready(file) => Some(file),
            FileState::Loading | FileState::Missing(_) => None,
        }
    }

    /// Marks a file as used, and says whether it must be loaded.
    pub fn touch(&mut self, path: &Arc<str>) -> bool {
        self.order.retain(|it| it != path);
        self.order.push(path.clone());
        if self.order.len() > FILES_MAX {
            let oldest = self.order.remove(0);
            self.by_path.remove(&oldest);
        }
        if self.by_path.contains_key(path) {
            return false;
        }
        self.by_path.insert(path.clone(), FileState::Loading);
        true
    }

    pub fn put(&mut self, path: &Arc<str>, state: FileState) {
        if self.order.contains(path) {
            self.by_path.insert(path.clone(), state);
        }
    }

    /// Forgets a file, so that it is read again.
    pub fn forget(&mut self, path: &str) {
        self.by_path.remove(path);
    }
}

/// A place in a file; lines count from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub path: Arc<str>,
    pub line: usize,
}

/// The source pane.
#[derive(Debug, Default)]
pub struct SourcePane {
    pub path: Option<Arc<str>>,
    /// The line under the cursor, and the first that is seen; from 0.
    pub cursor: usize,
    pub top: usize,
    /// Columns that are scrolled off at the left.
    pub left: usize,
    /// The user has gone elsewhere since the last stop.
    pub browsing: bool,
    /// A place to go to once the file has come; centred.
    pub center: bool,
    /// The view stays where it is, however near its edge the cursor is: it was clicked.
    pub holds_still: bool,
    pub search: String,
    pub back: Vec<Place>,
    pub forward: Vec<Place>,
}

impl SourcePane {
    pub fn place(&self) -> Option<Place> {
        Some(Place { path: self.path.clone()?, line: self.cursor })
    }

    /// Goes to a place, and remembers this one for the way back.
    pub fn jump(&mut self, place: Place) {
        if let Some(here) = self.place()
            && here != place
        {
            if self.back.len() == JUMPS_MAX {
                self.back.remove(0);
            }
            self.back.push(here);
            self.forward.clear();
        }
        self.show(place);
    }

    /// Goes to a place; the view moves only if the line is not well within it.
    pub fn show(&mut self, place: Place) {
        if self.path.as_ref() != Some(&place.path) {
            self.path = Some(place.path);
            self.left = 0;
            self.top = usize::MAX;
        }
        self.cursor = place.line;
        self.center = true;
    }

    /// Brings the cursor into the file and into the view.
    pub fn settle(&mut self, len: usize, height: usize) {
        let height = height.max(1);
        if len == 0 {
            return;
        }
        self.cursor = self.cursor.min(len - 1);
        let highest = len.saturating_sub(height);
        // Lines that stay between the cursor and the edge of the view.
        let margin = match std::mem::take(&mut self.holds_still) {
            true => 0,
            false => 3.min(height.saturating_sub(1) / 2),
        };
        let far = self.cursor < self.top.saturating_add(margin)
            || self.cursor + margin >= self.top.saturating_add(height);
        if std::mem::take(&mut self.center) && far {
            self.top = self.cursor.saturating_sub(height / 2);
        } else if self.cursor < self.top.saturating_add(margin) {
            self.top = self.cursor.saturating_sub(margin);
        } else if self.cursor + margin >= self.top.saturating_add(height) {
            self.top = self.cursor + margin + 1 - height;
        }
        self.top = self.top.min(highest);
    }

    /// Scrolls the view, and takes the cursor along where it would leave it.
    pub fn scroll_by(&mut self, rows: isize, len: usize, height: usize) {
        let highest = len.saturating_sub(height.max(1));
        self.top = self.top.saturating_add_signed(rows).min(highest);
        let margin = 3.min(height.saturating_sub(1) / 2);
        let first = if self.top == 0 { 0 } else { self.top + margin };
        let bottom = (self.top + height).min(len).saturating_sub(1);
        let last = if self.top == highest { bottom } else { bottom - margin.min(bottom) };
        self.cursor = self.cursor.clamp(first.min(last), last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_seen_well_does_not_move_the_view() {
        let path: Arc<str> = "a.go".into();
        let mut pane = SourcePane::default();
        pane.show(Place { path: path.clone(), line: 100 });
        pane.settle(500, 20);
        assert_eq!((pane.top, pane.cursor), (90, 100));
        pane.show(Place { path: path.clone(), line: 103 });
        pane.settle(500, 20);
        assert_eq!((pane.top, pane.cursor), (90, 103));
        pane.show(Place { path, line: 300 });
        pane.settle(500, 20);
        assert_eq!((pane.top, pane.cursor), (290, 300));
    }

    #[test]
    fn the_file_used_longest_ago_is_forgotten() {
        let mut files = Files::default();
        for n in 0..=FILES_MAX {
            let path: Arc<str> = format!("{n}.go").into();
            assert!(files.touch(&path));
        }
        assert!(files.state("0.go").is_none());
        assert!(files.state("1.go").is_some());
    }
}
