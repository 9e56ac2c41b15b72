//! The tree of variables: what is open, what was loaded, what has changed.
//!
//! A row is known by its path, which is the Go expression that names it; so what is open
//! and where the cursor is survive a step. The rows are laid out anew by [`Tree::rebuild`]
//! whenever something has come; drawing reads only the rows that are seen.

use std::collections::{HashMap, HashSet};

use crate::api::types::Variable;
use crate::tui::state::StopId;
use crate::tui::state::fetched::Fetched;
use crate::tui::state::lists::ListPosition;
use crate::tui::tree::{self, Change, Row};
use crate::tui::value::Format;

/// Stop, goroutine and frame that variables are of.
pub type ScopeKey = (StopId, i64, usize);

/// What is known of a tree beyond the variables themselves.
#[derive(Debug, Default)]
pub struct Tree {
    /// Paths of open rows.
    pub open: HashSet<String>,
    /// What was loaded for a path, with more in it than came by itself.
    pub loaded: HashMap<String, Variable>,
    /// Those of them that are of this stop.
    pub fresh: HashSet<String>,
    /// How many children of a path are wanted, if more than a window.
    pub shown: HashMap<String, i64>,
    /// Children that are being waited for.
    pub waiting: HashSet<String>,
    /// Why the children of a path could not be loaded.
    pub failed: HashMap<String, String>,
    pub formats: HashMap<String, Format>,
    pub rows: Vec<Row>,
    pub at: ListPosition,
    /// The row that was opened last: what is in it is to be seen.
    pub reveal: Option<String>,
    /// The values by path: of this stop, and of the one before it.
    values: HashMap<String, String>,
    before: HashMap<String, String>,
    /// Paths that were open at the stop before.
    open_before: HashSet<String>,
    /// How many children were wanted at the stop before.
    shown_before: HashMap<String, i64>,
}

impl Tree {
    /// Another stop: what was loaded is of the one before it.
    pub fn turn(&mut self, is_comparable: bool) {
        if is_comparable {
            self.before = std::mem::take(&mut self.values);
        } else {
            self.before.clear();
            self.values.clear();
        }
        self.open_before.clone_from(&self.open);
        self.shown_before.clone_from(&self.shown);
        self.fresh.clear();
        self.waiting.clear();
        self.failed.clear();
    }

    /// Lays the rows out, with the cursor on the row where it was.
    pub fn rebuild(&mut self, sections: &[(&'static str, &[Variable])], filter: &str) {
        let path = self.rows.get(self.at.cursor).map(|it| it.path.clone());
        let mut rows = tree::rows(self, sections);
        self.mark_changes(&mut rows);
        if !filter.is_empty() {
            tree::keep_matching(&mut rows, filter);
        }
        if let Some(path) = path
            && let Some(at) = rows.iter().position(|it| it.path == path)
        {
            self.at.cursor = at;
        }
        self.at.cursor = self.at.cursor.min(rows.len().saturating_sub(1));
        self.rows = rows;
    }

    /// Compares with the stop before. What was not shown then is new only if what it
    /// belongs to was open, as far as it is now: opening a row or asking for more of it
    /// makes nothing new.
    fn mark_changes(&mut self, rows: &mut [Row]) {
        let mut parents: Vec<String> = Vec::new();
        for row in rows {
            parents.truncate(row.depth);
            let is_comparable = match parents.last() {
                Some(parent) if parent.starts_with('§') => true,
                Some(parent) => {
                    self.open_before.contains(parent)
                        && self.shown_before.get(parent) == self.shown.get(parent)
                }
                None => false,
            };
            parents.resize(row.depth, String::new());
            parents.push(row.path.clone());
            if !row.is_value() {
                continue;
            }
            row.change = match self.before.get(&row.path) {
                None if is_comparable && !self.before.is_empty() => Change::New,
                Some(old) if *old != row.value => Change::Was(old.clone()),
                None | Some(_) => Change::None,
            };
            self.values.insert(row.path.clone(), row.value.clone());
        }
    }

    /// Scrolls so that what was opened shows as much as there is room for.
    pub fn reveal_opened(&mut self, height: usize) {
        let Some(row) = self.rows.get(self.at.cursor) else { return };
        if self.reveal.as_ref() != Some(&row.path) {
            return;
        }
        let below = self.rows[self.at.cursor + 1..].iter();
        let n = below.clone().take_while(|it| it.depth > row.depth).count();
        // One row alone may say that the others are on their way.
        if n > 1 || below.take(1).any(|it| it.is_value() && it.depth > row.depth) {
            self.reveal = None;
        }
        let last = self.at.cursor + n + 1;
        self.at.top = self.at.top.max(last.saturating_sub(height)).min(self.at.cursor);
    }

    pub fn row(&self) -> Option<&Row> {
        self.rows.get(self.at.cursor)
    }

    pub fn format_of(&self, path: &str) -> Format {
        self.formats.get(path).copied().unwrap_or_default()
    }
}

/// Arguments and locals, as they came.
#[derive(Debug, Default)]
pub struct FrameVariables {
    pub args: Vec<Variable>,
    pub locals: Vec<Variable>,
}

/// The variables pane.
#[derive(Debug, Default)]
pub struct Variables {
    pub frame: Fetched<ScopeKey, FrameVariables>,
    pub tree: Tree,
    /// The function that the values of the tree are of.
    pub function: (i64, String),
    /// Where the cursor was in the functions that have been seen.
    pub cursors: HashMap<String, String>,
    pub filter: String,
}

/// The watches pane.
#[derive(Debug, Default)]
pub struct Watches {
    pub exprs: Vec<String>,
    /// Counts the changes of the list.
    pub revision: u64,
    pub values: Fetched<(StopId, i64, usize, u64), Vec<Variable>>,
    pub tree: Tree,
    pub filter: String,
}
