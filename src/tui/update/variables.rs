//! Variables and watches: opening, loading more, comparing with the stop before.

use crate::api::types::Variable;
use crate::frontend::theme::Role;
use crate::tui::pane::Pane;
use crate::tui::state::msg::{Ask, Effect};
use crate::tui::state::prompt::PromptKind;
use crate::tui::state::variables::{ScopeKey, Tree};
use crate::tui::state::{State, Undo};
use crate::tui::text;
use crate::tui::tree::{RowKind, WINDOW};
use crate::tui::update::{keys, source};

/// The tree of the pane that has the focus.
pub fn tree(state: &State) -> Option<&Tree> {
    match state.focus() {
        Pane::Variables => Some(&state.variables.tree),
        Pane::Watches => Some(&state.watches.tree),
        _ => None,
    }
}

fn tree_mut(state: &mut State, of_watch: bool) -> &mut Tree {
    if of_watch { &mut state.watches.tree } else { &mut state.variables.tree }
}

/// Arguments and locals have come, or why they have not.
pub fn on_frame(state: &mut State, out: &mut Vec<Effect>) {
    let name =
        state.frame().and_then(|it| it.function.as_ref()).map(|it| it.name.clone());
    // Before the stack is there, the function is the one of the goroutine that stopped.
    let name = name.or_else(|| {
        let at = state.stopped.current_goroutine.as_ref()?;
        Some(at.user_current_loc.function.as_ref()?.name.clone())
    });
    let function = (state.scope.goroutine, name.unwrap_or_default());
    let is_same = state.variables.function == function;
    state.variables.tree.turn(is_same);
    let before = std::mem::replace(&mut state.variables.function, function);
    if is_same {
        rebuild(state);
    } else {
        change_function(state, before.1);
    }
    load_open(state, false, out);
}

/// Functions whose cursor is remembered.
const CURSORS_MAX: usize = 200;

/// Another function's variables: the cursor goes where it was in it before.
fn change_function(state: &mut State, before: String) {
    let it = &mut state.variables;
    if let Some(row) = it.tree.row() {
        if it.cursors.len() >= CURSORS_MAX {
            it.cursors.clear();
        }
        it.cursors.insert(before, row.path.clone());
    }
    rebuild(state);
    let it = &mut state.variables;
    let path = it.cursors.get(&it.function.1);
    let at = path.and_then(|path| it.tree.rows.iter().position(|row| row.path == *path));
    if let Some(at) = at {
        it.tree.at.cursor = at;
    }
}

pub fn on_watches(state: &mut State, out: &mut Vec<Effect>) {
    state.watches.tree.turn(true);
    rebuild(state);
    load_open(state, true, out);
}

/// Lays out the rows of both trees.
pub fn rebuild(state: &mut State) {
    let it = &mut state.variables;
    if let Some(frame) = it.frame.value() {
        let sections = [("Arguments", &frame.args[..]), ("Locals", &frame.locals[..])];
        it.tree.rebuild(&sections, &it.filter);
    } else {
        it.tree.rows.clear();
    }
    let it = &mut state.watches;
    if let Some(values) = it.values.value() {
        it.tree.rebuild(&[("", values)], &it.filter);
    } else {
        it.tree.rows.clear();
    }
}

fn scope_key(state: &State) -> ScopeKey {
    (state.stop, state.scope.goroutine, state.scope.frame)
}

/// Asks for the children of all open rows whose children have not come.
fn load_open(state: &mut State, of_watch: bool, out: &mut Vec<Effect>) {
    if !state.is_stopped() {
        return;
    }
    let key = scope_key(state);
    let it = tree_mut(state, of_watch);
    let mut asks = Vec::new();
    for row in &it.rows {
        let wanted = it.shown.get(&row.path).copied();
        let is_due = row.needs_load || wanted.is_some() && !it.fresh.contains(&row.path);
        if row.is_open != Some(true) || !is_due || it.waiting.contains(&row.path) {
            continue;
        }
        asks.push((row.path.clone(), row.reload.clone(), wanted.unwrap_or(WINDOW)));
    }
    for (path, expr, count) in asks {
        it.waiting.insert(path.clone());
        out.push(Effect::Ask(Ask::Children { key, of_watch, path, expr, count }));
    }
}

pub fn on_children(
    state: &mut State,
    key: ScopeKey,
    of_watch: bool,
    path: &str,
    answer: Result<Option<Variable>, String>,
    out: &mut Vec<Effect>,
) {
    if key != scope_key(state) {
        return;
    }
    let it = tree_mut(state, of_watch);
    it.waiting.remove(path);
    it.fresh.insert(path.to_owned());
    match answer {
        Ok(Some(value)) => {
            it.failed.remove(path);
            it.loaded.insert(path.to_owned(), value);
        }
        Ok(None) => {}
        Err(why) => {
            it.loaded.remove(path);
            it.failed.insert(path.to_owned(), why);
        }
    }
    rebuild(state);
    load_open(state, of_watch, out);
}

/// Opens or closes the row under the cursor, or loads more.
pub fn toggle(state: &mut State, out: &mut Vec<Effect>) {
    let Some(row) = tree(state).and_then(Tree::row) else { return };
    match (&row.kind, row.is_open) {
        (RowKind::More { .. }, _) => more(state, out),
        (_, Some(open)) => set_open(state, !open, out),
        (RowKind::Value, None) => show_full(state, out),
        _ => {}
    }
}

pub fn set_open(state: &mut State, open: bool, out: &mut Vec<Effect>) {
    let of_watch = state.focus() == Pane::Watches;
    let Some(row) = tree(state).and_then(Tree::row).cloned() else { return };
    let it = tree_mut(state, of_watch);
    let is_section = row.kind == RowKind::Section;
    match row.is_open {
        // A section is open unless its path is in the set of what the user changed.
        Some(now) if now != open => {
            if is_section != open {
                it.open.insert(row.path.clone());
            } else {
                it.open.remove(&row.path);
            }
            it.reveal = open.then(|| row.path.clone());
        }
        _ if !open => {
            // Closing what has no children goes to what it is a child of.
            let parent =
                it.rows[..it.at.cursor].iter().rposition(|it| it.depth < row.depth);
            if let Some(parent) = parent {
                it.at.cursor = parent;
            }
            return;
        }
        _ if matches!(row.kind, RowKind::More { .. }) => return more(state, out),
        _ => return,
    }
    rebuild(state);
    load_open(state, of_watch, out);
    let it = tree_mut(state, of_watch);
    let needs = it.rows.get(it.at.cursor).is_some_and(|it| it.needs_load);
    if open && needs && !state.is_stopped() {
        state.say(Role::Warning, "running: P pauses, then more can be loaded");
    }
}

fn more(state: &mut State, out: &mut Vec<Effect>) {
    let of_watch = state.focus() == Pane::Watches;
    let Some(row) = tree(state).and_then(Tree::row).cloned() else { return };
    let RowKind::More { parent, shown, .. } = row.kind else { return };
    if !state.is_stopped() {
        return state.say(Role::Warning, "running: P pauses, then more can be loaded");
    }
    let key = scope_key(state);
    let count = shown as i64 + WINDOW;
    let it = tree_mut(state, of_watch);
    it.shown.insert(parent.clone(), count);
    it.waiting.insert(parent.clone());
    let ask = Ask::Children { key, of_watch, path: parent, expr: row.reload, count };
    out.push(Effect::Ask(ask));
}

/// Asks for everything again.
pub fn reload(state: &mut State) {
    state.variables.frame.invalidate();
    state.watches.revision += 1;
}

pub fn next_format(state: &mut State) {
    let Some(row) = tree(state).and_then(Tree::row) else {
        return state.say(Role::Info, "f changes the format of a variable or a watch");
    };
    let path = row.path.clone();
    let it = tree_mut(state, state.focus() == Pane::Watches);
    let next = it.format_of(&path).next();
    it.formats.insert(path.clone(), next);
    rebuild(state);
    state.say(Role::Info, format!("{path}: {}", next.name()));
}

/// The whole of a value, in a popup.
pub fn show_full(state: &mut State, out: &mut Vec<Effect>) {
    let Some(row) = tree(state).and_then(Tree::row).filter(|it| it.is_value()) else {
        return state.say(Role::Info, "F shows the whole of a variable or a watch");
    };
    if !state.is_stopped() {
        return state.say(Role::Warning, "running: P pauses, then values can be read");
    }
    let scope = (state.scope.goroutine, state.scope.frame);
    let expr = if row.reload.is_empty() { row.expr.clone() } else { row.reload.clone() };
    let title = row.expr.clone();
    out.push(Effect::Ask(Ask::Print { expr, title, scope, popup: true }));
}

/// What `p` and `w` take: the row under the cursor, or a name on the line under it.
pub fn expression_under_cursor(state: &State) -> Option<String> {
    if let Some(tree) = tree(state) {
        return Some(tree.row()?.expr.clone()).filter(|it| !it.is_empty());
    }
    if state.focus() != Pane::Source {
        return None;
    }
    let line = source::text(state)?.line(state.source.cursor);
    let frame = state.variables.frame.value()?;
    let names = frame.args.iter().chain(&frame.locals).map(|it| it.name.as_str());
    let names: Vec<&str> = names.collect();
    let mut at = 0;
    while let Some(step) = line[at..].find(|c: char| c.is_alphabetic() || c == '_') {
        let start = at + step;
        let len = line[start..]
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.')));
        let end = len.map_or(line.len(), |it| start + it);
        let word = line[start..end].trim_end_matches('.');
        let is_call = line[end..].starts_with('(');
        let root = word.split('.').next().unwrap_or(word);
        if names.contains(&root) && !is_call {
            return Some(word.to_owned());
        }
        at = end;
    }
    None
}

pub fn watch_this(state: &mut State) {
    match expression_under_cursor(state) {
        Some(expr) => add_watch(state, expr, None),
        None => keys::open_prompt(state, PromptKind::AddWatch, ""),
    }
}

pub fn add_watch(state: &mut State, expr: String, at: Option<usize>) {
    let expr = expr.trim().to_owned();
    if expr.is_empty() {
        return;
    }
    if state.watches.exprs.contains(&expr) {
        return state
            .say(Role::Info, format!("{} is watched already", text::clean(&expr)));
    }
    let at = at.unwrap_or(state.watches.exprs.len()).min(state.watches.exprs.len());
    state.say(
        Role::Info,
        format!("watching {} (6 shows it, x deletes it)", text::clean(&expr)),
    );
    state.watches.exprs.insert(at, expr);
    state.watches.revision += 1;
}

/// The watch that the row under the cursor belongs to.
fn watch_under_cursor(state: &State) -> Option<usize> {
    let it = &state.watches.tree;
    let top = it.rows.get(..=it.at.cursor)?.iter().rev().find(|it| it.depth == 0)?;
    state.watches.exprs.iter().position(|expr| *expr == top.name)
}

pub fn delete_watch(state: &mut State) {
    let Some(at) = watch_under_cursor(state) else {
        return state.say(Role::Info, "there is no watch under the cursor");
    };
    let expr = state.watches.exprs.remove(at);
    state.watches.revision += 1;
    if state.watches.exprs.is_empty() {
        state.watches.values.clear();
        rebuild(state);
    }
    state.say(
        Role::Info,
        format!("{} is no longer watched (U undoes)", text::clean(&expr)),
    );
    state.remember(Undo::AddWatch { at, expr });
}

pub fn edit_watch(state: &mut State) {
    match watch_under_cursor(state) {
        Some(at) => {
            let expr = state.watches.exprs[at].clone();
            keys::open_prompt(state, PromptKind::EditWatch(at), &expr);
        }
        None => keys::open_prompt(state, PromptKind::AddWatch, ""),
    }
}

pub fn edit_value(state: &mut State) {
    if state.settings.read_only {
        return state.say(Role::Warning, "read-only: values are not changed");
    }
    if !state.is_stopped() {
        return state.say(Role::Warning, "running: P pauses, then values can be set");
    }
    let Some(row) = tree(state).and_then(Tree::row).filter(|it| it.is_value()) else {
        return state.say(Role::Info, "there is no variable under the cursor");
    };
    let value = row.raw.as_ref().unwrap_or(&row.value);
    let (expr, value) = (row.expr.clone(), value.clone());
    keys::open_prompt(state, PromptKind::SetVariable(expr), &value);
}
