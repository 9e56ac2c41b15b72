//! Goroutines in words: one, or a list of a hundred thousand.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use crate::engine::error::{Error, Result};
use crate::engine::eval::{Kind, LoadConfig};
use crate::engine::golang::{
    Frame, Goroutine, GoroutineTable, Location, Reach, Spot, StackSummary,
};
use crate::engine::memory::Pages;
use crate::engine::session::Session;
use crate::engine::session::query::Scope;
use crate::engine::session::resolve::without_type_parameters;
use rustc_hash::FxHashMap;

/// A goroutine, in words.
#[derive(Clone, Debug, Default)]
pub struct GoroutineView {
    pub goroutine: Goroutine,
    pub current: Arc<Location>,
    pub user: Arc<Location>,
    pub go_statement: Arc<Location>,
    pub start: Arc<Location>,
    pub labels: BTreeMap<String, String>,
}

/// Which of its places a filter or a group is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    Current,
    User,
    GoStatement,
    Start,
    Label,
    Running,
    UserGoroutine,
}

impl Aspect {
    /// The numbers that the wire uses (`api.GoroutineField`, `spec/rpc.md` §3.5).
    pub fn from_number(number: i64) -> Option<Aspect> {
        Some(match number {
            1 => Aspect::Current,
            2 => Aspect::User,
            3 => Aspect::GoStatement,
            4 => Aspect::Start,
            5 => Aspect::Label,
            6 => Aspect::Running,
            7 => Aspect::UserGoroutine,
            _ => return None,
        })
    }
}

/// A condition on a goroutine.
#[derive(Clone, Debug)]
pub struct Filter {
    pub aspect: Aspect,
    pub argument: String,
    pub negated: bool,
}

/// Goroutines that have something in common.
#[derive(Debug, Default)]
pub struct Group {
    pub name: String,
    pub members: Vec<GoroutineView>,
    pub total: usize,
}

impl Session {
    pub fn goroutine_view(&self, goroutine: &Goroutine) -> Result<GoroutineView> {
        let mut views = self.goroutine_views(std::slice::from_ref(goroutine))?;
        views.pop().ok_or_else(|| Error::message("the goroutine cannot be read"))
    }

    fn goroutine_views(&self, goroutines: &[Goroutine]) -> Result<Vec<GoroutineView>> {
        let mut views = Vec::with_capacity(goroutines.len());
        self.describe(goroutines, &mut |view| views.push(view))?;
        Ok(views)
    }

    /// Many, one after another: their stacks are read many at a time, and a place that
    /// many share is put into words once.
    fn describe(
        &self,
        goroutines: &[Goroutine],
        visit: &mut dyn FnMut(GoroutineView),
    ) -> Result<()> {
        let memory = self.memory()?;
        let runtime = &self.program.runtime;
        let threads = self.stop.threads.as_deref().unwrap_or_default();
        let mut known: FxHashMap<Spot, Arc<Location>> = FxHashMap::default();
        let mut locate = |spot: Spot| -> Arc<Location> {
            known.entry(spot).or_insert_with(|| Arc::new(runtime.locate(spot))).clone()
        };
        let mut take = |goroutines: &[Goroutine], summaries: &[StackSummary]| {
            let pages = Pages::new(&*memory);
            for (it, summary) in goroutines.iter().zip(summaries) {
                visit(GoroutineView {
                    goroutine: *it,
                    current: locate(it.spot()),
                    user: locate(summary.user),
                    go_statement: locate(it.go_spot()),
                    start: locate(summary.start),
                    labels: runtime.labels(&pages, it).into_iter().collect(),
                });
            }
        };
        let summarize = |batch: &[Goroutine]| {
            runtime.summarize(&*memory, batch, threads, Reach::ToUser)
        };
        let batches = goroutines.chunks(BATCH);
        // Reading the stacks is half of the work: with many, another thread is ahead.
        thread::scope(|scope| {
            let read_ahead = || {
                let (send, made) = sync_channel(1);
                let mut ahead = batches.clone().map(summarize);
                let read = move || ahead.try_for_each(|it| send.send(it));
                thread::Builder::new().spawn_scoped(scope, read).ok().map(|_| made)
            };
            let made = (goroutines.len() > BATCH).then(read_ahead).flatten();
            for batch in batches.clone() {
                self.check_wanted()?;
                let summaries = made.as_ref().and_then(|it| it.recv().ok());
                take(batch, &summaries.unwrap_or_else(|| summarize(batch)));
            }
            Ok(())
        })
    }

    /// What [`visit_goroutines`](Self::visit_goroutines) will visit.
    pub fn goroutine_page(&mut self, start: usize, count: usize) -> Result<Page> {
        self.check_alive()?;
        let table = self.goroutine_table()?.as_slice();
        let from = table.partition_point(|it| (it.index as usize) < start);
        let left = table.len() - from;
        let taken = if count == 0 { left } else { count.min(left) };
        let next = table.get(from + taken).map(|it| it.index as usize);
        Ok(Page { rows: from..from + taken, next })
    }

    /// Visits the goroutines of a page that the filters let through.
    pub fn visit_goroutines(
        &self,
        page: &Page,
        filters: &[Filter],
        visit: &mut dyn FnMut(GoroutineView),
    ) -> Result<()> {
        let table = self.stop.goroutines.as_ref().map(GoroutineTable::as_slice);
        let rows = table.and_then(|it| it.get(page.rows.clone())).unwrap_or_default();
        self.describe(rows, &mut |view| {
            if filters.iter().all(|filter| filter.accepts(&view)) {
                visit(view);
            }
        })
    }
}

/// Goroutines that are described at a time: what was read for them may then go.
const BATCH: usize = 8192;

/// A page of the list of goroutines, which is in the order of `runtime.allgs`. Filters
/// apply to the page, as Delve's do.
#[derive(Debug, Default)]
pub struct Page {
    rows: Range<usize>,
    /// Where the next page starts, in `runtime.allgs`; `None` at the end.
    pub next: Option<usize>,
}

impl Session {
    /// The goroutines that wait to receive from or send to the channel that an expression
    /// means, in the order in which they will be served: those of a page, and where the
    /// next page starts.
    pub fn channel_waiters(
        &mut self,
        scope: Scope,
        channel: &str,
        page: Range<usize>,
    ) -> Result<(Vec<GoroutineView>, Option<usize>)> {
        let value = self.evaluate(scope, channel, &LoadConfig::SHORT)?;
        if value.kind != Kind::Chan {
            return Err(Error::message(format!("{channel} is not a channel")));
        }
        let memory = self.memory()?;
        let waiters = self.program.runtime.channel_waiters(&*memory, value.base);
        let table = self.goroutine_table()?;
        let found: Vec<Goroutine> = waiters
            .iter()
            .take(page.end)
            .skip(page.start)
            .filter_map(|it| table.by_addr(it.g).copied())
            .collect();
        let next = (waiters.len() > page.end).then_some(page.end);
        Ok((self.goroutine_views(&found)?, next))
    }
}

/// Goroutines with identical stacks.
#[derive(Debug, Default)]
pub struct StackGroup {
    pub count: usize,
    pub members: Vec<GoroutineView>,
    /// The stack of the first member, innermost frame first.
    pub frames: Vec<Frame>,
}

/// All goroutines, by their stacks.
#[derive(Debug, Default)]
pub struct StackGroups {
    /// The largest first.
    pub groups: Vec<StackGroup>,
    pub n_groups: usize,
    pub n_goroutines: usize,
    pub n_system_hidden: usize,
}

/// How stacks are to be grouped.
#[derive(Clone, Debug, Default)]
pub struct GroupRequest {
    /// 0: all.
    pub groups_max: usize,
    pub members_max: usize,
    pub include_system: bool,
    pub filters: Vec<Filter>,
}

/// Frames answered for a group: those that its members were compared by.
const GROUP_FRAMES_MAX: usize = 32;

impl Session {
    /// Groups all goroutines by their stacks. Only what is answered is put into words.
    pub fn stack_groups(&mut self, request: &GroupRequest) -> Result<StackGroups> {
        self.goroutine_table()?;
        let memory = self.memory()?;
        let all = self.goroutine_table()?.as_slice().to_vec();
        let (mut all, n_system_hidden) = match request.include_system {
            true => (all, 0),
            false => {
                let n = all.len();
                let mut all = all;
                all.retain(|it| !it.system);
                let hidden = n - all.len();
                (all, hidden)
            }
        };
        if !request.filters.is_empty() {
            let views = self.goroutine_views(&all)?;
            let kept = views
                .into_iter()
                .filter(|it| request.filters.iter().all(|filter| filter.accepts(it)));
            all = kept.map(|it| it.goroutine).collect();
        }
        let threads = self.stop.threads.as_deref().unwrap_or_default();
        let summaries =
            self.program.runtime.summarize(&*memory, &all, threads, Reach::Far);
        let mut by_stack: FxHashMap<u64, Vec<usize>> = FxHashMap::default();
        for (at, summary) in summaries.iter().enumerate() {
            by_stack.entry(summary.signature).or_default().push(at);
        }
        let n_groups = by_stack.len();
        let mut groups: Vec<Vec<usize>> = by_stack.into_values().collect();
        for group in &mut groups {
            group.sort_by_key(|at| all[*at].id);
        }
        groups.sort_by_key(|it| (std::cmp::Reverse(it.len()), all[it[0]].id));
        if request.groups_max > 0 {
            groups.truncate(request.groups_max);
        }
        let groups = groups
            .iter()
            .map(|group| self.stack_group(group, &all, request.members_max))
            .collect::<Result<_>>()?;
        Ok(StackGroups { groups, n_groups, n_goroutines: all.len(), n_system_hidden })
    }

    fn stack_group(
        &mut self,
        group: &[usize],
        all: &[Goroutine],
        members_max: usize,
    ) -> Result<StackGroup> {
        let members: Vec<Goroutine> =
            group.iter().take(members_max).map(|at| all[*at]).collect();
        let first = group.first().map(|at| all[*at].id).unwrap_or_default();
        let stack = self.stack(first, GROUP_FRAMES_MAX)?;
        Ok(StackGroup {
            count: group.len(),
            members: self.goroutine_views(&members)?,
            frames: stack.frames,
        })
    }
}

impl Filter {
    pub fn accepts(&self, view: &GoroutineView) -> bool {
        let argument = self.argument.as_str();
        let place = |at: &Location| described(at).contains(argument);
        let holds = match self.aspect {
            Aspect::Current => place(&view.current),
            Aspect::User => place(&view.user),
            Aspect::GoStatement => place(&view.go_statement),
            Aspect::Start => place(&view.start),
            Aspect::Label => match argument.split_once('=') {
                Some((key, value)) => view.labels.get(key).is_some_and(|it| it == value),
                None => view.labels.contains_key(argument),
            },
            Aspect::Running => view.goroutine.thread.is_some(),
            Aspect::UserGoroutine => !view.goroutine.system,
        };
        holds != self.negated
    }
}

/// What a group of this goroutine is called. Those without the label have a group too.
fn group_name(view: &GoroutineView, aspect: Aspect, key: &str) -> String {
    match aspect {
        Aspect::Current => described(&view.current),
        Aspect::User => described(&view.user),
        Aspect::GoStatement => described(&view.go_statement),
        Aspect::Start => described(&view.start),
        Aspect::Label => {
            format!("{key}={}", view.labels.get(key).map_or("", String::as_str))
        }
        Aspect::Running => format!("running={}", view.goroutine.thread.is_some()),
        Aspect::UserGoroutine => format!("user={}", !view.goroutine.system),
    }
}

/// `FILE:LINE in FUNC`: what filters search and groups are named by.
fn described(at: &Location) -> String {
    let function = at.function.as_ref().map_or("?", |it| it.name.as_str());
    format!("{}:{} in {}", at.file, at.line, without_type_parameters(function))
}

/// Sorts goroutines into groups, by name, with so many members of each.
#[derive(Debug, Default)]
pub struct Grouping {
    groups: BTreeMap<String, Group>,
}

impl Grouping {
    /// Adds one; `members_max` of each group are kept, the others are only counted.
    pub fn add(
        &mut self,
        view: GoroutineView,
        aspect: Aspect,
        key: &str,
        members_max: usize,
    ) {
        let name = group_name(&view, aspect, key);
        let group = self.groups.entry(name).or_default();
        group.total += 1;
        if group.members.len() < members_max {
            group.members.push(view);
        }
    }

    /// The groups, with their names, by name.
    pub fn finish(self) -> Vec<Group> {
        let named = self.groups.into_iter();
        named.map(|(name, group)| Group { name, ..group }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(thread: Option<i32>, label: &str) -> GoroutineView {
        GoroutineView {
            goroutine: Goroutine { thread, ..Goroutine::default() },
            labels: [("req".to_owned(), label.to_owned())].into(),
            ..GoroutineView::default()
        }
    }

    #[test]
    fn filters_look_at_one_aspect_and_may_be_negated() {
        let view = on(Some(7), "9f3a");
        let cases = [
            (Aspect::Label, "req", false, true),
            (Aspect::Label, "req=9f3a", false, true),
            (Aspect::Label, "req=other", false, false),
            (Aspect::Label, "req=other", true, true),
            (Aspect::Running, "", false, true),
        ];
        for (aspect, argument, negated, expected) in cases {
            let filter = Filter { aspect, argument: argument.into(), negated };
            assert_eq!(filter.accepts(&view), expected, "{filter:?}");
        }
    }

    #[test]
    fn groups_are_sorted_and_count_those_that_they_do_not_show() {
        let unlabelled = GoroutineView::default();
        let all = vec![on(None, "b"), on(None, "a"), unlabelled, on(None, "b")];
        let mut grouping = Grouping::default();
        for view in all {
            grouping.add(view, Aspect::Label, "req", 1);
        }
        let groups = grouping.finish();
        let said: Vec<_> = groups
            .iter()
            .map(|it| (it.name.as_str(), it.members.len(), it.total))
            .collect();
        assert_eq!(said, [("req=", 1, 1), ("req=a", 1, 1), ("req=b", 1, 2)]);
    }
}
