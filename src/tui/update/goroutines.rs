//! The goroutines pane: what to ask, how to group, which rows a filter leaves.

use std::collections::HashMap;

use crate::api::types::{Goroutine, GoroutineFilter, GoroutineGroup, Location};
use crate::frontend::filter::{Filter, Subject};
use crate::frontend::theme::Role;
use crate::tui::state::goroutines::MEMBERS_MAX;
use crate::tui::state::goroutines::{
    GROUP_MEMBERS, GROUPS_MAX, GoroutineList, GoroutineRow, Goroutines, Group, PAGE,
};
use crate::tui::state::msg::{Ask, Effect, GoroutineQuery};
use crate::tui::state::{State, StopId};
use crate::tui::text;
use crate::tui::update;
use crate::tui::update::select;
use crate::tui::wait_reason;

/// What the pane asks for at a stop.
pub fn query(state: &State) -> GoroutineQuery {
    let filters = match Filter::parse(&state.goroutines.filter) {
        // Only a list that is not here as a whole is searched by the service.
        Ok(filter) if state.goroutines.is_partial() => filter.for_service(),
        _ => Vec::new(),
    };
    let grouped = state.goroutines.grouped;
    GoroutineQuery {
        start: 0,
        count: if grouped { 0 } else { PAGE },
        grouped,
        by_stack: grouped && state.server.answers_while_running,
        max_members: if grouped { GROUP_MEMBERS } else { 0 },
        max_groups: if grouped { GROUPS_MAX } else { 0 },
        filters,
        of_group: None,
    }
}

impl Goroutines {
    /// Whether there are goroutines that the list does not hold.
    pub fn is_partial(&self) -> bool {
        let Some(it) = self.fetched.value() else { return false };
        it.next > 0 || self.groups.iter().any(|it| it.count > it.members.len() as i64)
    }
}

pub fn on_list(
    state: &mut State,
    key: (StopId, u64),
    query: GoroutineQuery,
    (list, groups, next): (Vec<Goroutine>, Vec<GoroutineGroup>, i64),
) {
    if let Some(name) = query.of_group {
        if state.goroutines.fetched.key() == Some(key) {
            let members = match groups.iter().find(|it| it.name == name) {
                Some(group) => {
                    members_of(group, list.len()).map(|at| list[at].clone()).collect()
                }
                None => list,
            };
            state.goroutines.extra.insert(name, members);
            rebuild(state);
        }
        return;
    }
    if query.start > 0 {
        if state.goroutines.fetched.key() == Some(key)
            && let Some(have) = state.goroutines.fetched.value_mut()
        {
            have.list.extend(list);
            have.next = next;
            rebuild(state);
        }
        return;
    }
    let before = state.goroutines.fetched.key();
    let answer = GoroutineList { list, groups, next };
    if !state.goroutines.fetched.accept(key, Ok(answer)) {
        return;
    }
    if before.is_some_and(|it| it.0 != key.0) {
        let it = &mut state.goroutines;
        it.before = it.groups.iter().map(|it| (it.name.clone(), it.count)).collect();
        it.total_before = Some(it.total).filter(|it| *it > 0);
    }
    state.goroutines.extra.clear();
    regroup(&mut state.goroutines, query.by_stack, state.server.go_minor);
    rebuild(state);
}

/// Goroutines of a stack that is the same as far as is known: where they are, in the
/// runtime and in the user's code, where they began, and what they wait for.
fn regroup(it: &mut Goroutines, is_by_stack: bool, go_minor: u32) {
    let Some(answer) = it.fetched.value() else { return };
    let mut groups: Vec<Group> = Vec::new();
    if answer.groups.is_empty() {
        it.total = answer.list.len() as i64;
        let all: Vec<usize> = (0..answer.list.len()).collect();
        if it.grouped {
            split(&mut groups, "", &all, &answer.list, go_minor);
        }
        it.groups = groups;
        return sort(&mut it.groups);
    }
    it.total = answer.groups.iter().map(|it| it.total).sum();
    for group in &answer.groups {
        let members: Vec<usize> = members_of(group, answer.list.len()).collect();
        if is_by_stack || group.total > members.len() as i64 {
            // Not all of them are here: they cannot be told apart further.
            let first = members.first().and_then(|at| answer.list.get(*at));
            groups.push(Group {
                name: group.name.clone(),
                wire_name: group.name.clone(),
                count: group.total,
                is_runtime: first.is_some_and(is_runtime),
                members,
            });
        } else {
            split(&mut groups, &group.name, &members, &answer.list, go_minor);
        }
    }
    sort(&mut groups);
    it.groups = groups;
}

/// Where the members of a group are in the list.
fn members_of(group: &GoroutineGroup, len: usize) -> std::ops::Range<usize> {
    let from = usize::try_from(group.offset).unwrap_or(0);
    let count = usize::try_from(group.count).unwrap_or(0);
    let to = from.saturating_add(count).min(len);
    from.min(to)..to
}

fn sort(groups: &mut [Group]) {
    groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
}

fn split(
    groups: &mut Vec<Group>,
    wire_name: &str,
    members: &[usize],
    list: &[Goroutine],
    go_minor: u32,
) {
    let mut by_stack: HashMap<String, Vec<usize>> = HashMap::new();
    for at in members {
        let it = &list[*at];
        let key = format!(
            "{} {} {} {}",
            place(&it.user_current_loc),
            place(&it.current_loc),
            place(&it.start_loc),
            wait_reason::state_text(go_minor, it),
        );
        by_stack.entry(key).or_default().push(*at);
    }
    groups.extend(by_stack.into_iter().map(|(name, members)| Group {
        name,
        wire_name: wire_name.to_owned(),
        count: members.len() as i64,
        is_runtime: members.first().is_some_and(|at| is_runtime(&list[*at])),
        members,
    }));
}

fn place(at: &Location) -> String {
    let function = at.function.as_ref().map_or("?", |it| it.name.as_str());
    format!("{function}:{}", at.line)
}

/// Whether a goroutine is the runtime's own: began in it, and is not the main one.
pub fn is_runtime(it: &Goroutine) -> bool {
    let start = it.start_loc.function.as_ref().map_or("", |it| it.name.as_str());
    text::is_runtime(start) && start != "runtime.main"
}

/// The text that a filter looks through.
pub fn row_text(it: &Goroutine, go_minor: u32) -> String {
    let state = wait_reason::state_text(go_minor, it);
    let at = &it.user_current_loc;
    let function = at.function.as_ref().map_or("?", |it| it.name.as_str());
    format!("g{} {state} {function} {}:{}", it.id, at.file, at.line)
}

fn passes(it: &Goroutine, filter: &Filter, go_minor: u32) -> bool {
    if filter.is_empty() {
        return true;
    }
    let shown = row_text(it, go_minor);
    let at = &it.user_current_loc;
    let mut flags = Vec::new();
    if it.thread_id != 0 {
        flags.push("running");
    }
    if !is_runtime(it) {
        flags.push("user");
    }
    filter.matches(&Subject {
        text: &shown,
        id: it.id,
        wait: &wait_reason::state_text(go_minor, it),
        function: at.function.as_ref().map_or("", |it| it.name.as_str()),
        file: &at.file,
        thread: it.thread_id,
        labels: it.labels.as_ref(),
        flags: &flags,
        ..Default::default()
    })
}

/// Lays out the rows, with the cursor on what it was on.
pub fn rebuild(state: &mut State) {
    let filter = match Filter::parse(&state.goroutines.filter) {
        Ok(filter) => {
            state.goroutines.filter_error = None;
            filter
        }
        Err(why) => return state.goroutines.filter_error = Some(why),
    };
    let go_minor = state.server.go_minor;
    let chosen = identity(
        &state.goroutines,
        state.goroutines.rows.get(state.goroutines.at.cursor),
    );
    let it = &state.goroutines;
    let mut rows = Vec::new();
    if state.scope.goroutine > 0 {
        rows.push(GoroutineRow::Pinned);
    }
    let mut hidden = 0;
    if let Some(answer) = it.fetched.value() {
        if it.grouped {
            let about = (go_minor, state.scope.goroutine);
            hidden = group_rows(it, answer, &filter, about, &mut rows);
        } else {
            for (index, goroutine) in answer.list.iter().enumerate() {
                if !it.shows_runtime && is_runtime(goroutine) {
                    hidden += 1;
                } else if passes(goroutine, &filter, go_minor) {
                    rows.push(GoroutineRow::Member {
                        group: None,
                        index,
                        is_extra: false,
                    });
                }
            }
            if answer.next > 0 {
                rows.push(GoroutineRow::NextPage);
            }
        }
    }
    if hidden > 0 && filter.is_empty() {
        rows.push(GoroutineRow::Hidden(hidden));
    }
    let find = |row: &GoroutineRow| identity(it, Some(row)) == chosen;
    let at = chosen.as_ref().and_then(|_| rows.iter().position(find));
    state.goroutines.rows = rows;
    if let Some(at) = at {
        state.goroutines.at.cursor = at;
    }
    state.goroutines.rows_are_old = false;
}

/// Adds groups and the members of open ones; says how many goroutines are hidden.
fn group_rows(
    it: &Goroutines,
    answer: &GoroutineList,
    filter: &Filter,
    (go_minor, selected): (u32, i64),
    rows: &mut Vec<GoroutineRow>,
) -> usize {
    let mut hidden = 0;
    for (at, group) in it.groups.iter().enumerate() {
        if group.is_runtime && !it.shows_runtime && filter.is_empty() {
            hidden += usize::try_from(group.count).unwrap_or(0);
            continue;
        }
        let extra = it.extra.get(&group.name);
        let passes = |it: &Goroutine| passes(it, filter, go_minor);
        let here: Vec<GoroutineRow> = match extra {
            Some(extra) => (0..extra.len())
                .filter(|index| passes(&extra[*index]))
                .map(|index| GoroutineRow::Member {
                    group: Some(at),
                    index,
                    is_extra: true,
                })
                .collect(),
            None => (group.members.iter().copied())
                .filter(|index| passes(&answer.list[*index]))
                .map(|index| GoroutineRow::Member {
                    group: Some(at),
                    index,
                    is_extra: false,
                })
                .collect(),
        };
        if here.is_empty() && !filter.is_empty() {
            continue;
        }
        // The selected goroutine is on top already.
        let is_pinned = |at: &usize| answer.list[*at].id == selected;
        if group.count == 1 && group.members.first().is_some_and(is_pinned) {
            continue;
        }
        rows.push(GoroutineRow::Group(at));
        if !it.open.contains(&group.name) {
            continue;
        }
        let n = extra.map_or(group.members.len(), Vec::len) as i64;
        rows.extend(here);
        if group.count > n {
            rows.push(GoroutineRow::More { group: at, missing: group.count - n });
        }
    }
    hidden
}

/// What a row is, independent of where it is.
fn identity(it: &Goroutines, row: Option<&GoroutineRow>) -> Option<String> {
    Some(match row? {
        GoroutineRow::Pinned => "pinned".to_owned(),
        GoroutineRow::Group(group) => format!("group {}", it.groups.get(*group)?.name),
        GoroutineRow::More { group, .. } => {
            format!("more {}", it.groups.get(*group)?.name)
        }
        row @ GoroutineRow::Member { .. } => format!("g{}", it.goroutine(row)?.id),
        GoroutineRow::Hidden(_) => "hidden".to_owned(),
        GoroutineRow::NextPage => "next".to_owned(),
    })
}

/// The goroutine or thread's goroutine under the cursor.
pub fn chosen(state: &State) -> Option<i64> {
    if state.goroutines.shows_threads {
        let threads = state.stopped.threads.as_ref()?;
        return Some(threads.get(state.goroutines.threads_at.cursor)?.goroutine_id);
    }
    match state.goroutines.rows.get(state.goroutines.at.cursor)? {
        GoroutineRow::Pinned => Some(state.scope.goroutine),
        row => state.goroutines.goroutine(row).map(|it| it.id),
    }
}

pub fn enter(state: &mut State, out: &mut Vec<Effect>) {
    if state.goroutines.shows_threads {
        match chosen(state) {
            Some(id) if id > 0 => select::select_goroutine(state, id, out),
            _ => state.say(Role::Info, "this thread runs no goroutine"),
        }
        return;
    }
    match state.goroutines.rows.get(state.goroutines.at.cursor).cloned() {
        Some(GoroutineRow::Group(group)) => {
            let Some(group) = state.goroutines.groups.get(group) else { return };
            let name = group.name.clone();
            let is_single = group.count == 1;
            if is_single && let Some(id) = chosen(state) {
                return select::select_goroutine(state, id, out);
            }
            if !state.goroutines.open.remove(&name) {
                state.goroutines.open.insert(name);
            }
            rebuild(state);
        }
        Some(GoroutineRow::More { group, .. }) => load_members(state, group, out),
        Some(GoroutineRow::Hidden(_)) => toggle_runtime(state),
        Some(GoroutineRow::NextPage) => load_page(state, out),
        Some(GoroutineRow::Pinned) => select::go_to_current(state),
        Some(GoroutineRow::Member { .. }) => {
            if let Some(id) = chosen(state) {
                select::select_goroutine(state, id, out);
            }
        }
        None => {}
    }
}

/// Opens or closes the group under the cursor, or the one of the member under it.
pub fn set_open(state: &mut State, open: bool, _out: &mut Vec<Effect>) {
    let it = &mut state.goroutines;
    let group = match it.rows.get(it.at.cursor) {
        Some(GoroutineRow::Group(group) | GoroutineRow::More { group, .. }) => *group,
        Some(GoroutineRow::Member { group: Some(group), .. }) => *group,
        _ => return,
    };
    let Some(name) = it.groups.get(group).map(|it| it.name.clone()) else { return };
    if open {
        it.open.insert(name);
    } else {
        it.open.remove(&name);
        if let Some(at) = it.rows.iter().position(|it| *it == GoroutineRow::Group(group))
        {
            it.at.cursor = at;
        }
    }
    rebuild(state);
}

/// More members of a group than came with it: all that the service has at its place.
fn load_members(state: &mut State, group: usize, out: &mut Vec<Effect>) {
    let Some(group) = state.goroutines.groups.get(group) else { return };
    let Some(key) = state.goroutines.fetched.key() else { return };
    if key.0 != state.stop || !state.is_stopped() {
        return state.say(Role::Warning, "running: P pauses, then more can be loaded");
    }
    const USER_LOCATION: i64 = 2;
    let by_stack = state.server.answers_while_running;
    // Where the members of a group are is the same for all of them.
    let list = state.goroutines.fetched.value();
    let first = group.members.first().and_then(|at| list?.list.get(*at));
    let arg = match first.filter(|_| by_stack) {
        Some(first) => wire_place(&first.user_current_loc),
        None => group.wire_name.clone(),
    };
    let filter = GoroutineFilter { kind: USER_LOCATION, negated: false, arg };
    let query = GoroutineQuery {
        by_stack,
        max_members: if by_stack { MEMBERS_MAX } else { 0 },
        filters: vec![filter],
        of_group: Some(group.name.clone()),
        ..Default::default()
    };
    out.push(Effect::Ask(Ask::Goroutines { key, query }));
}

/// A place as filters and groups have it on the wire.
fn wire_place(at: &Location) -> String {
    let function = at.function.as_ref().map_or("?", |it| it.name.as_str());
    format!("{}:{} in {function}", at.file, at.line)
}

fn load_page(state: &mut State, out: &mut Vec<Effect>) {
    let Some(key) = state.goroutines.fetched.key() else { return };
    let next = state.goroutines.fetched.value().map_or(0, |it| it.next);
    if key.0 != state.stop || next <= 0 || !state.is_stopped() {
        return;
    }
    let query = GoroutineQuery { start: next, ..query(state) };
    update::ask(state, Ask::Goroutines { key, query }, out);
}

/// The cursor on the last row of a page asks for the next one.
pub fn on_cursor(state: &mut State, out: &mut Vec<Effect>) {
    let it = &state.goroutines;
    if !it.shows_threads && it.rows.get(it.at.cursor) == Some(&GoroutineRow::NextPage) {
        load_page(state, out);
    }
}

pub fn toggle_grouping(state: &mut State) {
    let it = &mut state.goroutines;
    it.grouped = !it.grouped;
    it.shows_threads = false;
    it.revision += 1;
    it.at = Default::default();
    let how = if it.grouped { "grouped by where they are" } else { "one by one" };
    state.say(Role::Info, format!("goroutines {how}"));
}

pub fn toggle_runtime(state: &mut State) {
    let shows = !state.goroutines.shows_runtime;
    state.goroutines.shows_runtime = shows;
    rebuild(state);
    let how = if shows { "shown" } else { "hidden" };
    state.say(Role::Info, format!("the runtime's own goroutines are {how}"));
}

/// A filter was entered: the service searches what is not here.
pub fn on_filter_entered(state: &mut State) {
    let Ok(filter) = Filter::parse(&state.goroutines.filter) else { return };
    if state.goroutines.is_partial() && !filter.for_service().is_empty() {
        state.goroutines.revision += 1;
    }
}
