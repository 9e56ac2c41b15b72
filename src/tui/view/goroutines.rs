//! The goroutines pane: groups of equal stacks, single goroutines, or threads.

use ratatui::layout::Rect;

use crate::api::types::{Goroutine, Location};
use crate::frontend::theme::Role;
use crate::tui::state::goroutines::GoroutineRow;
use crate::tui::state::{Run, State};
use crate::tui::text;
use crate::tui::view::canvas::{Canvas, selection};
use crate::tui::view::note;
use crate::tui::wait_reason;

pub fn view(state: &State, canvas: &mut Canvas<'_>, area: Rect, has_focus: bool) {
    if state.goroutines.shows_threads {
        return threads(state, canvas, area, has_focus);
    }
    let it = &state.goroutines;
    if let Some(why) = it.fetched.error() {
        return note(canvas, area, &format!("{why} (r asks again)"), Role::Error);
    }
    if it.fetched.value().is_none() {
        let text = match state.run {
            Run::Stopped => "listing the goroutines...",
            Run::Starting(_) => "waiting for the program...",
            _ => "goroutines are listed when the program is stopped",
        };
        return note(canvas, area, text, Role::Dim);
    }
    if it.rows.is_empty() {
        let text = match it.filter.is_empty() {
            true => "there are no goroutines yet",
            false => "none matches the filter (Esc clears it)",
        };
        return note(canvas, area, text, Role::Dim);
    }
    for row in 0..area.height {
        let index = it.at.top + usize::from(row);
        let Some(it) = it.rows.get(index) else { break };
        let y = area.y + row;
        if index == state.goroutines.at.cursor {
            canvas.row(area, y, selection(has_focus));
        }
        self::row(state, canvas, Rect { y, height: 1, ..area }, it);
    }
}

fn row(state: &State, canvas: &mut Canvas<'_>, area: Rect, row: &GoroutineRow) {
    let it = &state.goroutines;
    match row {
        GoroutineRow::Pinned => pinned(state, canvas, area),
        GoroutineRow::Group(at) => group(state, canvas, area, *at),
        GoroutineRow::Member { group, .. } => {
            if let Some(goroutine) = it.goroutine(row) {
                let indent = if group.is_some() { 4 } else { 1 };
                single(state, canvas, area, goroutine, indent, group.is_some());
            }
        }
        GoroutineRow::More { missing, .. } => {
            let text = format!("{} more (Enter loads them)", text::thousands(*missing));
            canvas.put(
                area.x + 6,
                area.y,
                area.width.saturating_sub(6),
                &text,
                Role::VarMeta,
            );
        }
        GoroutineRow::Hidden(n) => {
            let noun = if *n == 1 { "goroutine" } else { "goroutines" };
            let text = format!("{n} {noun} of the runtime hidden (H)");
            canvas.put(
                area.x + 1,
                area.y,
                area.width.saturating_sub(1),
                &text,
                Role::Dim,
            );
        }
        GoroutineRow::NextPage => {
            let text = "there are more (Enter loads the next page)";
            canvas.put(area.x + 1, area.y, area.width.saturating_sub(1), text, Role::Dim);
        }
    }
}

/// The selected goroutine, which is always on top.
fn pinned(state: &State, canvas: &mut Canvas<'_>, area: Rect) {
    let id = state.scope.goroutine;
    let list = state.goroutines.fetched.value();
    let current = state.stopped.current_goroutine.as_ref().filter(|it| it.id == id);
    let listed = list.and_then(|it| it.list.iter().find(|it| it.id == id));
    let extra = || state.goroutines.extra.values().flatten().find(|it| it.id == id);
    canvas.put(area.x, area.y, 1, canvas.glyphs.pc, Role::GoroutineCurrent);
    match current.or(listed).or_else(extra) {
        Some(it) => single(state, canvas, area, it, 2, false),
        None => {
            let text = format!("g{id}");
            canvas.put(area.x + 2, area.y, area.width, &text, Role::GoroutineCurrent);
        }
    }
}

fn group(state: &State, canvas: &mut Canvas<'_>, area: Rect, at: usize) {
    let it = &state.goroutines;
    let Some(group) = it.groups.get(at) else { return };
    let Some(list) = it.fetched.value() else { return };
    let Some(first) = group.members.first().and_then(|it| list.list.get(*it)) else {
        return;
    };
    let is_open = it.open.contains(&group.name);
    if group.count == 1 && !is_open {
        return single(state, canvas, area, first, 2, false);
    }
    let glyph = if is_open { canvas.glyphs.open } else { canvas.glyphs.closed };
    canvas.put(area.x, area.y, 1, glyph, Role::VarMeta);
    let count = text::thousands(group.count);
    let x = area.x + 2;
    let mut x =
        canvas.put(x, area.y, area.width, &format!("{count:>5}"), Role::Strong) + 1;
    if let Some(before) = it.before.get(&group.name)
        && *before != group.count
    {
        let delta = format!("{:+}", group.count - before);
        x = canvas.put(x, area.y, area.width, &delta, Role::GoroutineDelta) + 1;
    }
    let area = Rect { x, width: area.right().saturating_sub(x), ..area };
    let x = place(state, canvas, area, first, true);
    let members: Vec<&Goroutine> =
        group.members.iter().filter_map(|it| list.list.get(*it)).collect();
    // Those that have not come may have others.
    if members.len() as i64 == group.count {
        labels(
            canvas,
            Rect { x, width: area.right().saturating_sub(x), ..area },
            &members,
        );
    }
}

fn state_role(it: &Goroutine) -> Role {
    match it.status & !0x1000 {
        _ if it.thread_id != 0 => Role::GoroutineRunning,
        1 | 2 => Role::GoroutineRunning,
        3 => Role::GoroutineSyscall,
        _ => Role::GoroutineWaiting,
    }
}

fn single(
    state: &State,
    canvas: &mut Canvas<'_>,
    area: Rect,
    it: &Goroutine,
    indent: u16,
    in_group: bool,
) {
    let is_selected = it.id == state.scope.goroutine;
    let role = if is_selected { Role::GoroutineCurrent } else { Role::GoroutineId };
    let x = area.x + indent;
    let x = canvas.put(
        x,
        area.y,
        area.right().saturating_sub(x),
        &format!("g{}", it.id),
        role,
    ) + 1;
    let rest = Rect { x, width: area.right().saturating_sub(x), ..area };
    if !it.unreadable.is_empty() {
        let text = format!("unreadable: {}", text::clean(&it.unreadable));
        canvas.put(x, area.y, rest.width, &text, Role::VarUnreadable);
        return;
    }
    let x = place(state, canvas, rest, it, !in_group);
    labels(canvas, Rect { x, width: area.right().saturating_sub(x), ..area }, &[it]);
}

/// What a goroutine does and where; in a group that says so, only what is its own.
/// Says the next column.
fn place(
    state: &State,
    canvas: &mut Canvas<'_>,
    area: Rect,
    it: &Goroutine,
    full: bool,
) -> u16 {
    let go_minor = state.server.go_minor;
    let mut x = area.x;
    let room = |x: u16| area.right().saturating_sub(x);
    if full {
        let doing = wait_reason::state_text(go_minor, it);
        x = canvas.put(x, area.y, room(x), &doing, state_role(it)) + 1;
        let at = &it.user_current_loc;
        let name = function_name(at);
        let is_runtime = text::is_runtime(at.function.as_ref().map_or("", |it| &it.name));
        let role = if is_runtime { Role::FunctionRuntime } else { Role::FunctionUser };
        x = canvas.put(x, area.y, room(x), &name, role) + 1;
        let place = format!("{}:{}", text::file_name(&at.file), at.line);
        if usize::from(room(x)) >= place.len() / 2 {
            x = canvas.put(x, area.y, room(x), &text::clean(&place), Role::StackLocation)
                + 1;
        }
    } else if it.thread_id != 0 {
        x = canvas.put(x, area.y, room(x), "running", Role::GoroutineRunning) + 1;
    } else {
        let from = format!("from {}", function_name(&it.go_statement_loc));
        x = canvas.put(x, area.y, room(x), &from, Role::Dim) + 1;
    }
    x
}

/// The labels that all of some goroutines have.
fn labels(canvas: &mut Canvas<'_>, area: Rect, of: &[&Goroutine]) {
    let mut x = area.x;
    let room = |x: u16| area.right().saturating_sub(x);
    let Some((first, others)) = of.split_first() else { return };
    for (key, value) in first.labels.iter().flatten() {
        let has = |it: &&Goroutine| {
            it.labels.as_ref().and_then(|it| it.get(key)).is_some_and(|it| it == value)
        };
        if !others.iter().all(has) {
            continue;
        }
        if room(x) < 4 {
            break;
        }
        let label = text::clean(&format!("{key}={value}")).into_owned();
        x = canvas.put(x, area.y, room(x), &label, Role::GoroutineLabel) + 1;
    }
}

fn function_name(at: &Location) -> String {
    let name = at.function.as_ref().map_or("?", |it| it.name.as_str());
    text::clean(text::short_function(name)).into_owned()
}

fn threads(state: &State, canvas: &mut Canvas<'_>, area: Rect, has_focus: bool) {
    let threads = state.stopped.threads.as_deref().unwrap_or_default();
    if threads.is_empty() {
        return note(
            canvas,
            area,
            "threads are known when the program is stopped",
            Role::Dim,
        );
    }
    let at = state.goroutines.threads_at;
    let current = state.stopped.current_thread.as_ref().map(|it| it.id);
    for row in 0..area.height {
        let index = at.top + usize::from(row);
        let Some(it) = threads.get(index) else { break };
        let y = area.y + row;
        if index == at.cursor {
            canvas.row(area, y, selection(has_focus));
        }
        let room = |x: u16| area.right().saturating_sub(x);
        if current == Some(it.id) {
            canvas.put(area.x, y, 1, canvas.glyphs.pc, Role::GoroutineCurrent);
        }
        let x = area.x + 2;
        let mut x =
            canvas.put(x, y, room(x), &format!("T{}", it.id), Role::GoroutineId) + 1;
        if it.goroutine_id > 0 {
            let id = format!("g{}", it.goroutine_id);
            x = canvas.put(x, y, room(x), &id, Role::GoroutineCurrent) + 1;
        }
        if let Some(breakpoint) = &it.breakpoint {
            let id = format!("bp {}", breakpoint.id);
            x = canvas.put(x, y, room(x), &id, Role::GutterBreakpoint) + 1;
        }
        let name = it.function.as_ref().map_or("?", |it| it.name.as_str());
        let name = text::clean(text::short_function(name));
        x = canvas.put(x, y, room(x), &name, Role::FunctionUser) + 1;
        let place = format!("{}:{}", text::file_name(&it.file), it.line);
        canvas.put(x, y, room(x), &text::clean(&place), Role::StackLocation);
    }
}
