//! Moving in panes, opening what is under the cursor, copying it; the program's output.

use crate::frontend::theme::Role;
use crate::tui::action::Action;
use crate::tui::pane::Pane;
use crate::tui::state::code::Face;
use crate::tui::state::lists::ListPosition;
use crate::tui::state::msg::Effect;
use crate::tui::state::prompt::PromptKind;
use crate::tui::state::source::Place;
use crate::tui::state::{CONSOLE_LINES_MAX, State};
use crate::tui::text;
use crate::tui::update::answers::place_text;
use crate::tui::update::{
    breakpoints, code, goroutines, keys, select, source, variables,
};

/// A row of the stack pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackRow {
    Frame(usize),
    /// Frames of the runtime, from one to before another.
    Folded {
        from: usize,
        to: usize,
    },
}

impl StackRow {
    pub fn contains(self, frame: usize) -> bool {
        match self {
            StackRow::Frame(it) => it == frame,
            StackRow::Folded { from, to } => (from..to).contains(&frame),
        }
    }
}

/// The rows of the stack: frames of the runtime are folded, unless one is selected.
pub fn stack_rows(state: &State) -> Vec<StackRow> {
    let frames = state.frames();
    let mut rows = Vec::with_capacity(frames.len());
    let mut at = 0;
    while at < frames.len() {
        let own = |it: &usize| !select::is_runtime_frame(&frames[*it]);
        let end = (at..frames.len()).find(own).unwrap_or(frames.len());
        let holds_selected = (at..end).contains(&state.scope.frame);
        if end > at && !state.stack.unfolded && !holds_selected {
            rows.push(StackRow::Folded { from: at, to: end });
            at = end;
        } else {
            let end = end.max(at + 1);
            rows.extend((at..end).map(StackRow::Frame));
            at = end;
        }
    }
    rows
}

/// How many rows a list has.
pub fn len(state: &State, pane: Pane) -> usize {
    match pane {
        Pane::Source => 0,
        Pane::Goroutines if state.goroutines.shows_threads => {
            state.stopped.threads.as_ref().map_or(0, Vec::len)
        }
        Pane::Goroutines => state.goroutines.rows.len(),
        Pane::Variables => state.variables.tree.rows.len(),
        Pane::Stack => match state.code.face {
            Face::Frames => stack_rows(state).len(),
            Face::Instructions => state.code.rows.len(),
            Face::Registers => state.code.registers.value().map_or(0, Vec::len),
        },
        Pane::Breakpoints => {
            breakpoints::shown(state).len() + breakpoints::missing(state).len()
        }
        Pane::Watches => state.watches.tree.rows.len(),
        Pane::Console => 0,
    }
}

/// Where a list's cursor is.
pub fn position(state: &mut State, pane: Pane) -> Option<&mut ListPosition> {
    match pane {
        Pane::Source | Pane::Console => None,
        Pane::Goroutines if state.goroutines.shows_threads => {
            Some(&mut state.goroutines.threads_at)
        }
        Pane::Goroutines => Some(&mut state.goroutines.at),
        Pane::Variables => Some(&mut state.variables.tree.at),
        Pane::Stack => Some(match state.code.face {
            Face::Frames => &mut state.stack.at,
            Face::Instructions => &mut state.code.at,
            Face::Registers => &mut state.code.registers_at,
        }),
        Pane::Breakpoints => Some(&mut state.breakpoints.at),
        Pane::Watches => Some(&mut state.watches.tree.at),
    }
}

/// The filter of a pane, if it has one.
pub fn filter(state: &mut State, pane: Pane) -> Option<&mut String> {
    match pane {
        Pane::Goroutines => Some(&mut state.goroutines.filter),
        Pane::Variables => Some(&mut state.variables.filter),
        Pane::Breakpoints => Some(&mut state.breakpoints.filter),
        Pane::Watches => Some(&mut state.watches.filter),
        Pane::Source | Pane::Stack | Pane::Console => None,
    }
}

/// Lays out what a filter changed.
pub fn filter_changed(state: &mut State, pane: Pane) {
    match pane {
        Pane::Goroutines => goroutines::rebuild(state),
        Pane::Variables | Pane::Watches => variables::rebuild(state),
        Pane::Breakpoints | Pane::Source | Pane::Stack | Pane::Console => {}
    }
}

pub fn height(state: &State, pane: Pane) -> usize {
    state.areas().inner_of(pane).map_or(1, |it| usize::from(it.height)).max(1)
}

/// Moves in the pane that has the focus.
pub fn go(state: &mut State, action: Action, out: &mut Vec<Effect>) {
    let pane = state.focus();
    let page = height(state, pane) as isize;
    let rows = match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::PageUp => -(page - 1).max(1),
        Action::PageDown => (page - 1).max(1),
        Action::HalfPageUp => -(page / 2).max(1),
        Action::HalfPageDown => (page / 2).max(1),
        Action::Top => isize::MIN,
        Action::Bottom => isize::MAX,
        Action::Left => return sideways(state, false, out),
        Action::Right => return sideways(state, true, out),
        _ => return,
    };
    match pane {
        Pane::Source => source::move_by(state, rows),
        Pane::Console => scroll_console(state, rows.saturating_neg()),
        _ => {
            let len = len(state, pane);
            if let Some(at) = position(state, pane) {
                at.move_by(rows, len);
            }
            if pane == Pane::Goroutines {
                goroutines::on_cursor(state, out);
            }
        }
    }
}

/// Scrolls the pane under the mouse, focused or not.
pub fn scroll(state: &mut State, pane: Pane, rows: isize) {
    let height = height(state, pane);
    match pane {
        Pane::Source => source::scroll_by(state, rows, height),
        Pane::Console => scroll_console(state, -rows),
        _ => {
            let len = len(state, pane);
            if let Some(at) = position(state, pane) {
                at.scroll_by(rows, len, height);
            }
        }
    }
}

fn scroll_console(state: &mut State, back: isize) {
    let lines = if state.console.shows_output {
        state.console.output.len()
    } else {
        state.console.lines.len()
    };
    // Lines may take several rows: the first one can always be brought to the end.
    let most = lines.saturating_sub(1);
    state.console.back = state.console.back.saturating_add_signed(back).min(most);
}

fn sideways(state: &mut State, right: bool, out: &mut Vec<Effect>) {
    const COLUMNS: usize = 8;
    match state.focus() {
        Pane::Source if right => state.source.left += COLUMNS,
        Pane::Source => state.source.left = state.source.left.saturating_sub(COLUMNS),
        Pane::Variables | Pane::Watches => variables::set_open(state, right, out),
        Pane::Goroutines => goroutines::set_open(state, right, out),
        Pane::Stack if state.code.face != Face::Frames => {}
        Pane::Stack => {
            state.stack.unfolded = right;
            let frame = state.scope.frame;
            let rows = stack_rows(state);
            if let Some(at) = rows.iter().position(|it| it.contains(frame)) {
                state.stack.at.cursor = at;
            }
        }
        Pane::Breakpoints | Pane::Console => {}
    }
}

/// Opens, selects or shows what is under the cursor.
pub fn enter(state: &mut State, out: &mut Vec<Effect>) {
    match state.focus() {
        Pane::Source => source::go_to_definition(state, out),
        Pane::Goroutines => goroutines::enter(state, out),
        Pane::Variables | Pane::Watches => variables::toggle(state, out),
        Pane::Stack if state.code.face != Face::Frames => code::enter(state),
        Pane::Stack => {
            let rows = stack_rows(state);
            match rows.get(state.stack.at.cursor) {
                Some(StackRow::Frame(frame)) => {
                    state.source.browsing = false;
                    select::select_frame(state, *frame);
                }
                Some(StackRow::Folded { .. }) => state.stack.unfolded = true,
                None => {}
            }
        }
        Pane::Breakpoints => breakpoints::show_chosen(state),
        Pane::Console => {
            keys::open_prompt(state, PromptKind::Command, "");
            if let Some(prompt) = &mut state.prompt {
                prompt.stays = true;
            }
        }
    }
}

/// Copies what is under the cursor: the thing itself, or what names it.
pub fn copy(state: &mut State, expression: bool, out: &mut Vec<Effect>) {
    let Some(text) = text_to_copy(state, expression) else {
        return state.say(Role::Info, "there is nothing here to copy");
    };
    let n = text.chars().count();
    state.say(
        Role::Success,
        format!("copied {n} characters through the terminal (OSC 52)"),
    );
    out.push(Effect::Copy(text));
}

fn text_to_copy(state: &State, expression: bool) -> Option<String> {
    match state.focus() {
        Pane::Source => {
            let place = state.source.place()?;
            let file = state.files.ready(&place.path)?;
            Some(if expression {
                format!("{}:{}", place.path, place.line + 1)
            } else {
                file.text.line(place.line).trim().to_owned()
            })
        }
        Pane::Variables | Pane::Watches => {
            let row = variables::tree(state)?.row()?;
            Some(if expression { row.expr.clone() } else { row.value.clone() })
        }
        Pane::Stack if state.code.face != Face::Frames => {
            code::text_to_copy(state, expression)
        }
        Pane::Stack if expression => {
            let lines = state.frames().iter().enumerate().map(|(n, it)| {
                let name = it.function.as_ref().map_or("?", |it| it.name.as_str());
                format!("{n}  {name}\n      {}:{}", it.file, it.line)
            });
            Some(lines.collect::<Vec<_>>().join("\n"))
        }
        Pane::Stack => {
            let it = state.frame()?;
            let name = it.function.as_ref().map_or("?", |it| it.name.as_str());
            Some(format!("{name} {}:{}", it.file, it.line))
        }
        Pane::Goroutines => goroutines::chosen(state).map(|it| format!("{it}")),
        Pane::Breakpoints => breakpoints::chosen(state).map(|it| match expression {
            true => format!("{}:{}", it.file, it.line),
            false => place_text(it),
        }),
        Pane::Console => {
            let lines = if state.console.shows_output {
                state.console.output.iter().cloned().collect::<Vec<_>>()
            } else {
                state.console.lines.iter().map(ToString::to_string).collect()
            };
            Some(if expression { lines.join("\n") } else { lines.last()?.clone() })
        }
    }
}

/// Takes in what the program wrote.
pub fn on_output(state: &mut State, bytes: &[u8]) {
    state.console.has_unseen = true;
    let written = String::from_utf8_lossy(bytes);
    for piece in written.split_inclusive('\n') {
        state.console.partial.push_str(piece);
        // A line without an end must not grow for ever.
        let is_whole = piece.ends_with('\n') || state.console.partial.len() > 8192;
        if is_whole {
            let line = std::mem::take(&mut state.console.partial);
            if state.console.output.len() == CONSOLE_LINES_MAX {
                state.console.output.pop_front();
            }
            state
                .console
                .output
                .push_back(line.trim_end_matches(['\n', '\r']).to_owned());
            if state.console.shows_output && state.console.back > 0 {
                state.console.back += 1;
            }
        }
    }
}

/// The place in the source that a row of a pane means.
pub fn place_of(file: &str, line: i64) -> Option<Place> {
    let line = usize::try_from(line - 1).ok()?;
    (!file.is_empty()).then(|| Place { path: text::clean(file).as_ref().into(), line })
}
