//! The palette: one place to find files, functions, goroutines, commands, breakpoints.

use std::sync::Arc;

use crossterm::event::KeyCode;

use crate::frontend::theme::Role;
use crate::tui::action::ACTIONS;
use crate::tui::keymap::Key;
use crate::tui::pane::Pane;
use crate::tui::state::State;
use crate::tui::state::lists::ListPosition;
use crate::tui::state::msg::{Ask, Effect, Found, Process};
use crate::tui::state::overlay::{Overlay, Palette, PaletteKind, Then};
use crate::tui::state::source::Place;
use crate::tui::update;
use crate::tui::update::answers::place_text;
use crate::tui::update::{
    breakpoints, command, goroutines, keys, prompt, select, source,
};

/// Opens the palette with a query typed already.
pub fn open(state: &mut State, query: &str, out: &mut Vec<Effect>) {
    let (kind, _) = PaletteKind::of(query);
    state.overlays.push(Overlay::Palette(Palette::new(kind, query)));
    if state.symbols.error.take().is_some() {
        // Once more: it may have been given up on.
        state.symbols.asked = false;
    }
    ask_for_names(state, out);
    refill(state, out);
}

/// Asks for the names of files and functions, unless that was done.
pub fn ask_for_names(state: &mut State, out: &mut Vec<Effect>) {
    if !state.symbols.asked && (state.can_ask() || state.is_running()) {
        state.symbols.asked = true;
        update::ask(state, Ask::Symbols, out);
    }
}

/// The names have come that an open palette may be waiting for.
pub fn on_names(state: &mut State, out: &mut Vec<Effect>) {
    if std::mem::take(&mut state.symbols.then_definition) {
        return source::go_to_definition(state, out);
    }
    if matches!(state.overlays.last(), Some(Overlay::Palette(_))) {
        refill(state, out);
        do_then(state, out);
    } else {
        prompt::complete_again(state);
    }
}

fn top(state: &mut State) -> Option<&mut Palette> {
    match state.overlays.last_mut() {
        Some(Overlay::Palette(it)) => Some(it),
        _ => None,
    }
}

/// Looks for the query anew, after it or the names have changed.
fn refill(state: &mut State, out: &mut Vec<Effect>) {
    let Some(palette) = top(state) else { return };
    let query = palette.line.text.clone();
    let (kind, rest) = match palette.kind {
        PaletteKind::Processes => (PaletteKind::Processes, query.as_str()),
        _ => PaletteKind::of(&query),
    };
    let rest = rest.trim().to_owned();
    let (first, n_files, names) = names(state, kind);
    let Some(palette) = top(state) else { return };
    if palette.kind != kind {
        palette.found.clear();
    }
    palette.kind = kind;
    palette.names = names.clone();
    palette.first = first;
    palette.n_files = n_files;
    palette.generation += 1;
    // A number means the goroutine that has it, not digits in a path.
    if kind == PaletteKind::Goroutines && rest.parse::<u64>().is_ok() {
        let wanted = format!("g{rest}");
        let of = |name: &String| {
            name.split(' ').next().is_some_and(|it| it.starts_with(&wanted))
        };
        let mut found: Vec<usize> =
            (0..names.len()).filter(|at| of(&names[*at])).collect();
        found.sort_by_key(|at| names[*at].find(' '));
        let row = |index| Found { index, positions: (0..wanted.len()).collect() };
        palette.found = found.into_iter().map(row).collect();
        palette.is_searching = false;
        palette.at = ListPosition::default();
        return;
    }
    palette.is_searching = kind != PaletteKind::Line && !names.is_empty();
    if palette.is_searching {
        let generation = palette.generation;
        out.push(Effect::Match { generation, names, first, query: rest });
    } else {
        palette.found.clear();
    }
}

/// What a kind looks through: from which name on, how many are files, all names.
fn names(state: &mut State, kind: PaletteKind) -> (usize, usize, Arc<Vec<String>>) {
    let names: Vec<String> = match kind {
        PaletteKind::Files | PaletteKind::Functions => {
            let list = state.symbols.list.clone().unwrap_or_default();
            let first = if kind == PaletteKind::Files { 0 } else { list.n_files };
            return (first, list.n_files, list.names);
        }
        PaletteKind::Goroutines => goroutine_names(state),
        PaletteKind::Actions => {
            ACTIONS.iter().map(|it| format!("{}  {}", it.name, it.summary)).collect()
        }
        PaletteKind::Breakpoints => state
            .user_breakpoints()
            .map(|it| {
                format!("{} {} {} {}", it.id, place_text(it), it.function_name, it.cond)
            })
            .collect(),
        PaletteKind::Line => Vec::new(),
        PaletteKind::Processes => top(state)
            .map_or(Vec::new(), |it| it.processes.iter().map(process_name).collect()),
    };
    (0, 0, Arc::new(names))
}

fn process_name(it: &Process) -> String {
    format!("{:>7}  {}  {}", it.pid, it.name, it.detail)
}

fn goroutine_names(state: &State) -> Vec<String> {
    let list = state.goroutines.fetched.value();
    let all = list.iter().flat_map(|it| &it.list);
    all.map(|it| goroutines::row_text(it, state.server.go_minor)).collect()
}

pub fn on_matches(
    state: &mut State,
    generation: u64,
    found: Vec<Found>,
    out: &mut Vec<Effect>,
) {
    if let Some(palette) = top(state)
        && palette.generation == generation
    {
        palette.found = found;
        palette.is_searching = false;
        palette.at = ListPosition::default();
    }
    do_then(state, out);
}

/// Does what was asked before there was anything to do it with.
fn do_then(state: &mut State, out: &mut Vec<Effect>) {
    if is_pending(state) {
        return;
    }
    match top(state).and_then(|it| it.then.take()) {
        Some(Then::Choose) => choose(state, out),
        Some(Then::Break) => break_here(state, out),
        None => {}
    }
}

/// Whether what is listed is not yet what the query means: somebody types faster than we
/// search.
fn is_pending(state: &mut State) -> bool {
    let has_names = state.symbols.list.is_some() || state.symbols.error.is_some();
    let Some(palette) = top(state) else { return false };
    let wants_names = matches!(palette.kind, PaletteKind::Files | PaletteKind::Functions);
    palette.is_searching || wants_names && !has_names
}

/// Waits with what was asked, if need be. Says whether it does.
fn waits(state: &mut State, then: Then) -> bool {
    let is_pending = is_pending(state);
    if let Some(palette) = top(state).filter(|_| is_pending) {
        palette.then = Some(then);
    }
    is_pending
}

pub fn on_processes(state: &mut State, list: Vec<Process>, out: &mut Vec<Effect>) {
    if let Some(palette) = top(state) {
        palette.processes = list;
        refill(state, out);
    }
}

/// Rows of the list, as the overlay is drawn.
pub fn rows(state: &State) -> usize {
    usize::from(crate::tui::view::overlay::palette_area(state).height)
        .saturating_sub(5)
        .max(1)
}

pub fn on_key(state: &mut State, key: Key, out: &mut Vec<Effect>) {
    let page = rows(state);
    let Some(palette) = top(state) else { return };
    let len = palette.found.len();
    let is_picker = palette.kind == PaletteKind::Processes;
    palette.then = None;
    match key.code {
        KeyCode::Esc if is_picker && palette.line.text.is_empty() => {
            return out.push(Effect::Exit(None));
        }
        KeyCode::Esc if is_picker => palette.line.kill_to_start(),
        KeyCode::Esc => return drop(state.overlays.pop()),
        _ if key == Key::ctrl('c') && is_picker => return out.push(Effect::Exit(None)),
        _ if key == Key::ctrl('c') => return drop(state.overlays.pop()),
        KeyCode::Enter => return choose(state, out),
        _ if key == Key::ctrl('r') && is_picker => {
            return out.push(Effect::ListProcesses);
        }
        _ if key == Key::ctrl('b') && !is_picker => return break_here(state, out),
        KeyCode::Up => return palette.move_by(-1, len, page),
        KeyCode::Down => return palette.move_by(1, len, page),
        _ if key == Key::ctrl('p') => return palette.move_by(-1, len, page),
        _ if key == Key::ctrl('n') => return palette.move_by(1, len, page),
        KeyCode::PageUp => return palette.move_by(-(page as isize), len, page),
        KeyCode::PageDown => return palette.move_by(page as isize, len, page),
        _ => {
            if !prompt::edit(&mut palette.line, key) {
                return;
            }
        }
    }
    if let Some(palette) = top(state) {
        palette.error = None;
    }
    refill(state, out);
}

pub fn on_paste(state: &mut State, text: &str, out: &mut Vec<Effect>) {
    if let Some(palette) = top(state) {
        palette.line.insert(text);
    }
    refill(state, out);
}

impl Palette {
    pub fn move_by(&mut self, rows: isize, len: usize, page: usize) {
        self.at.move_by(rows, len);
        self.at.settle(len, page);
    }
}

/// Goes where the chosen row leads.
pub fn choose(state: &mut State, out: &mut Vec<Effect>) {
    if waits(state, Then::Choose) {
        return;
    }
    let Some(palette) = top(state) else { return };
    let (kind, chosen) = (palette.kind, palette.chosen());
    let n_files = palette.n_files;
    let name = chosen.and_then(|at| palette.names.get(at)).cloned();
    let query = palette.line.text.clone();
    if kind == PaletteKind::Processes {
        return attach(state, chosen, out);
    }
    state.overlays.pop();
    match (kind, chosen, name) {
        (PaletteKind::Line, ..) => match query[1..].trim().parse() {
            Ok(number) => command::go_to_line(state, number),
            Err(_) => state.say(Role::Info, ": and a number go to that line"),
        },
        (PaletteKind::Files, Some(at), Some(path)) if at < n_files => {
            state.screen.set_focus(Pane::Source);
            source::jump(state, Place { path: Arc::from(path), line: 0 });
        }
        (PaletteKind::Files | PaletteKind::Functions, _, Some(spec)) => {
            update::ask(state, Ask::Find { spec }, out);
        }
        (PaletteKind::Goroutines, at, name) => {
            let typed = query[1..].trim().parse().ok();
            let listed = name.and_then(|it| {
                it.strip_prefix('g')?.split(' ').next()?.parse::<i64>().ok()
            });
            let id = if at.is_some() { listed } else { typed };
            match id {
                Some(id) => select::select_goroutine(state, id, out),
                None => state.say(Role::Info, "no such goroutine in the list"),
            }
        }
        (PaletteKind::Actions, Some(at), _) => keys::act(state, ACTIONS[at].action, out),
        (PaletteKind::Breakpoints, Some(at), _) => {
            state.screen.set_focus(Pane::Breakpoints);
            state.breakpoints.filter.clear();
            state.breakpoints.at.cursor = at;
            breakpoints::show_chosen(state);
        }
        _ => {}
    }
}

fn attach(state: &mut State, chosen: Option<usize>, out: &mut Vec<Effect>) {
    let Some(palette) = top(state) else { return };
    let Some(process) = chosen.and_then(|at| palette.processes.get(at)) else { return };
    let (pid, name) = (process.pid, process.name.clone());
    state.overlays.pop();
    state.settings.title = name;
    state.pid = i64::from(pid);
    state.run = crate::tui::state::Run::Starting(format!("attaching to {pid}"));
    out.push(Effect::Attach(pid));
}

/// Ctrl-B: a breakpoint on the function that is chosen, without going there.
fn break_here(state: &mut State, out: &mut Vec<Effect>) {
    if waits(state, Then::Break) {
        return;
    }
    let Some(palette) = top(state) else { return };
    let is_function = match palette.kind {
        PaletteKind::Functions => true,
        PaletteKind::Files => palette.chosen().is_some_and(|at| at >= palette.n_files),
        _ => false,
    };
    let name = palette.chosen().and_then(|at| palette.names.get(at)).cloned();
    let Some(name) = name.filter(|_| is_function) else { return };
    state.overlays.pop();
    if let Some(why) = keys::disabled(state, crate::tui::action::Action::ToggleBreakpoint)
    {
        return state.say(Role::Warning, why);
    }
    breakpoints::set_at_spec(state, &name, "", out);
}

/// A click on a row of the list.
pub fn on_click(state: &mut State, row: usize, out: &mut Vec<Effect>) {
    let Some(palette) = top(state) else { return };
    let at = palette.at.top + row;
    if at < palette.found.len() {
        palette.at.cursor = at;
        choose(state, out);
    }
}
