//! Goroutines and threads: listing and selecting.

use crate::api::methods::*;
use crate::api::types::{EvalScope, Goroutine, GoroutineFilter};
use crate::frontend::command::GoroutinesArgs;
use crate::frontend::command::parse::goroutines::WAITING_ON_CHANNEL;
use crate::frontend::command::run::data::all_wait;
use crate::frontend::command::session::{
    CommandError, Front, Outcome, Scope, Session, say, show,
};
use crate::frontend::text::goroutine::{self, Place};
use crate::frontend::text::{Text, stack};
use crate::frontend::theme::Role;

/// How many goroutines are asked for at once; between two requests the user can end it.
const BATCH: i64 = 10_000;
/// How many members of a group, and how many groups, are shown.
const GROUP_MEMBERS_MAX: i64 = 5;
const GROUPS_MAX: i64 = 50;

impl Session {
    pub(super) fn list_goroutines(
        &mut self,
        args: &GoroutinesArgs,
        front: &mut dyn Front,
    ) -> Outcome {
        let state = self.state()?;
        let selected = state.current_goroutine.map(|it| it.id);
        let mut start = 0;
        let mut n_shown = 0;
        while start >= 0 {
            if front.is_interrupted() {
                say("interrupted", front);
                return Ok(());
            }
            let out = self.call(self.request(args, start))?;
            // A service that does not get on must not keep us here.
            start = if out.nextg > start { out.nextg } else { -1 };
            let mut list = out.goroutines.unwrap_or_default();
            if args.filters.iter().any(|it| it.kind == WAITING_ON_CHANNEL) {
                list = all_wait(list)?;
            }
            let groups = out.groups.unwrap_or_default();
            if groups.is_empty() {
                list.sort_by_key(|g| g.id);
                n_shown += list.len();
                self.show_goroutines(&list, args, "", selected, front)?;
                continue;
            }
            for (i, group) in groups.iter().enumerate() {
                say(&group.name, front);
                let begin = usize::try_from(group.offset).unwrap_or(0).min(list.len());
                let count = usize::try_from(group.count).unwrap_or(0);
                let end = begin.saturating_add(count).min(list.len());
                self.show_goroutines(&list[begin..end], args, "\t", selected, front)?;
                say(format!("\tTotal: {}", group.total), front);
                if i + 1 != groups.len() {
                    say("", front);
                }
            }
            if out.too_many_groups {
                say("Too many groups", front);
            }
        }
        if n_shown > 0 {
            say(format!("[{n_shown} goroutines]"), front);
        }
        Ok(())
    }

    fn request(&self, args: &GoroutinesArgs, start: i64) -> ListGoroutinesIn {
        let group = args.group.as_ref();
        ListGoroutinesIn {
            start,
            // Groups are of one batch, so that must be everything.
            count: if group.is_some() { 0 } else { BATCH },
            filters: Some(args.filters.iter().map(GoroutineFilter::from).collect()),
            group_by: group.map_or(0, |it| it.kind),
            group_by_key: group.map(|it| it.key.clone()).unwrap_or_default(),
            max_group_members: GROUP_MEMBERS_MAX,
            max_groups: GROUPS_MAX,
            eval_scope: Some(EvalScope::selected(self.frame)),
        }
    }

    fn show_goroutines(
        &mut self,
        list: &[Goroutine],
        args: &GoroutinesArgs,
        indent: &str,
        selected: Option<i64>,
        front: &mut dyn Front,
    ) -> Outcome {
        for g in list {
            if front.is_interrupted() {
                return Ok(());
            }
            self.show_one_goroutine(g, args.place, indent, selected, front);
            if args.labels {
                show(goroutine::labels(g, indent.len() + 1), front);
            }
            if let Some(depth) = args.stack_depth {
                let args = StacktraceIn { id: g.id, depth, ..StacktraceIn::default() };
                let frames = self.call(args)?.locations.unwrap_or_default();
                let margin = format!("{indent}\t");
                show(stack::frames(&frames, &margin, false, &self.paths), front);
            }
            if let Some(command) = &args.each {
                let scope = Scope { goroutine: g.id, frame: 0, deferred: 0 };
                self.run_in(command, scope, front)?;
            }
        }
        Ok(())
    }

    pub(super) fn show_one_goroutine(
        &mut self,
        g: &Goroutine,
        place: Place,
        indent: &str,
        selected: Option<i64>,
        front: &mut dyn Front,
    ) {
        let go_minor = self.go_minor();
        let mut text = Text::new();
        text.plain(indent);
        if selected == Some(g.id) {
            text.push(Role::GoroutineCurrent, "* ");
        } else {
            text.plain("  ");
        }
        text.plain("Goroutine ");
        text.append_line(goroutine::one_line(g, place, go_minor, &self.paths));
        show(text, front);
    }

    pub(super) fn show_goroutine(&self, front: &mut dyn Front) -> Outcome {
        let state = self.state()?;
        let thread = state.current_thread.as_ref();
        let thread =
            thread.map_or("<nil>".to_owned(), |it| goroutine::thread(it, &self.paths));
        say(format!("Thread {thread}"), front);
        if let Some(g) = &state.current_goroutine {
            show(goroutine::long(g, 0, &self.paths), front);
        }
        Ok(())
    }

    pub(super) fn select_goroutine(&mut self, id: i64, front: &mut dyn Front) -> Outcome {
        let old = self.state()?.current_goroutine.map_or(0, |it| it.id);
        let state = self.call(Command {
            name: command::SWITCH_GOROUTINE.to_owned(),
            goroutine_id: id,
            ..Command::default()
        })?;
        self.frame = 0;
        front.stopped(&state.state);
        let thread = state.state.current_thread.map_or(0, |it| it.id);
        say(format!("Switched from {old} to {id} (thread {thread})"), front);
        Ok(())
    }

    pub(super) fn list_threads(&self, front: &mut dyn Front) -> Outcome {
        let mut list = self.call(ListThreadsIn {})?.threads.unwrap_or_default();
        let current = self.state()?.current_thread.map(|it| it.id);
        list.sort_by_key(|it| it.id);
        for thread in &list {
            let mark = if current == Some(thread.id) { "* " } else { "  " };
            let text = match &thread.function {
                None => goroutine::thread(thread, &self.paths),
                Some(function) => format!(
                    "{} at {:#x} {}:{} {}",
                    thread.id,
                    thread.pc,
                    self.paths.show(&thread.file),
                    thread.line,
                    function.name
                ),
            };
            say(format!("{mark}Thread {text}"), front);
        }
        Ok(())
    }

    pub(super) fn select_thread(&mut self, id: i64, front: &mut dyn Front) -> Outcome {
        let old = self.state()?.current_thread;
        let new = self.switch_thread(id)?;
        front.stopped(&new);
        let name = |id: Option<i64>| id.map_or("<none>".to_owned(), |it| it.to_string());
        let old = name(old.map(|it| it.id));
        let new = name(new.current_thread.map(|it| it.id));
        say(format!("Switched from {old} to {new}"), front);
        Ok(())
    }

    pub(super) fn switch_thread(
        &mut self,
        id: i64,
    ) -> Outcome<crate::api::types::DebuggerState> {
        let out = self.call(Command {
            name: command::SWITCH_THREAD.to_owned(),
            thread_id: id,
            ..Command::default()
        })?;
        self.frame = 0;
        Ok(out.state)
    }

    /// Selects the current thread of another process.
    pub(super) fn switch_target(&mut self, pid: i64, front: &mut dyn Front) -> Outcome {
        let list = self.call(ListTargetsIn {})?.targets.unwrap_or_default();
        let target = list.into_iter().find(|it| it.pid == pid);
        let thread = target.and_then(|it| it.current_thread);
        let Some(thread) = thread else {
            return Err(CommandError::other(format!("could not find target {pid}")));
        };
        let state = self.switch_thread(thread.id)?;
        front.stopped(&state);
        self.show_stop(&state, front);
        Ok(())
    }
}
