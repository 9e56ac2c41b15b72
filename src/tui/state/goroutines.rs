//! The goroutines pane: groups of equal stacks, single ones, threads.

use std::collections::{HashMap, HashSet};

use crate::api::types::{Goroutine, GoroutineGroup};
use crate::tui::state::StopId;
use crate::tui::state::fetched::Fetched;
use crate::tui::state::lists::ListPosition;

/// Goroutines to ask for at once when they are listed one by one.
pub const PAGE: i64 = 500;
/// Members of a group to ask for along with the groups.
pub const GROUP_MEMBERS: i64 = 12;
/// Members to ask for when a group is to show all of them.
pub const MEMBERS_MAX: i64 = 2000;
/// Groups to ask for.
pub const GROUPS_MAX: i64 = 1000;

/// What the service answered.
#[derive(Debug, Default)]
pub struct GoroutineList {
    pub list: Vec<Goroutine>,
    pub groups: Vec<GoroutineGroup>,
    /// Where the next page begins, or -1.
    pub next: i64,
}

/// A row of the pane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GoroutineRow {
    /// The selected goroutine, on top of all others.
    Pinned,
    /// An index into `groups`.
    Group(usize),
    /// An index into the list, or into the members that were loaded later.
    Member { group: Option<usize>, index: usize, is_extra: bool },
    /// More members of a group than have come.
    More { group: usize, missing: i64 },
    /// How many of the runtime's are hidden.
    Hidden(usize),
    /// There is another page.
    NextPage,
}

/// Goroutines that share where they are and where they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What identifies it from stop to stop.
    pub name: String,
    /// The name that the service gave it.
    pub wire_name: String,
    pub count: i64,
    /// Its members, as indices into the list.
    pub members: Vec<usize>,
    pub is_runtime: bool,
}

/// The pane.
#[derive(Debug)]
pub struct Goroutines {
    pub fetched: Fetched<(StopId, u64), GoroutineList>,
    /// Counts what changes the question: grouping, filters on the service's side.
    pub revision: u64,
    pub grouped: bool,
    pub shows_runtime: bool,
    pub shows_threads: bool,
    pub filter: String,
    /// Why the filter cannot be used.
    pub filter_error: Option<String>,
    pub open: HashSet<String>,
    pub groups: Vec<Group>,
    /// Members of a group that were asked for by themselves.
    pub extra: HashMap<String, Vec<Goroutine>>,
    pub rows: Vec<GoroutineRow>,
    /// Something changed that the rows depend on.
    pub rows_are_old: bool,
    pub at: ListPosition,
    pub threads_at: ListPosition,
    /// How many there were in each group at the stop before.
    pub before: HashMap<String, i64>,
    pub total: i64,
    pub total_before: Option<i64>,
}

impl Default for Goroutines {
    fn default() -> Goroutines {
        Goroutines {
            fetched: Fetched::default(),
            revision: 0,
            grouped: true,
            shows_runtime: false,
            shows_threads: false,
            filter: String::new(),
            filter_error: None,
            open: HashSet::new(),
            groups: Vec::new(),
            extra: HashMap::new(),
            rows: Vec::new(),
            rows_are_old: false,
            at: ListPosition::default(),
            threads_at: ListPosition::default(),
            before: HashMap::new(),
            total: 0,
            total_before: None,
        }
    }
}

impl Goroutines {
    /// The goroutine of a row; `None` for rows that are none, and for the pinned one.
    pub fn goroutine(&self, row: &GoroutineRow) -> Option<&Goroutine> {
        let list = &self.fetched.value()?.list;
        match row {
            GoroutineRow::Member { group: Some(group), index, is_extra: true } => {
                self.extra.get(&self.groups.get(*group)?.name)?.get(*index)
            }
            GoroutineRow::Member { index, .. } => list.get(*index),
            GoroutineRow::Group(group) => {
                let first = *self.groups.get(*group)?.members.first()?;
                list.get(first)
            }
            GoroutineRow::Pinned
            | GoroutineRow::More { .. }
            | GoroutineRow::Hidden(_)
            | GoroutineRow::NextPage => None,
        }
    }
}
