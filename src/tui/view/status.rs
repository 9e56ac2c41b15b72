//! The lines that are always there: the state on top, hints and messages at the bottom.

use ratatui::layout::{Position, Rect};

use crate::frontend::theme::Role;
use crate::tui::action::{self, Action};
use crate::tui::keymap;
use crate::tui::layout::{Areas, Class};
use crate::tui::pane::Pane;
use crate::tui::state::code::Face;
use crate::tui::state::prompt::PromptKind;
use crate::tui::state::{Run, State};
use crate::tui::text;
use crate::tui::update::dialogs::program_name;
use crate::tui::update::{connection, keys, run, slow};
use crate::tui::view::canvas::Canvas;

/// How long a prefix is held before what could follow is shown.
pub const WHICH_KEY_MS: u64 = 300;

fn bar_role(state: &State) -> Role {
    match state.run {
        Run::Starting(_) => Role::StatusLoading,
        Run::Stopped => Role::StatusStopped,
        Run::Running if !state.looks_running() => Role::StatusStopped,
        Run::Running => Role::StatusRunning,
        Run::Exited { .. } => Role::StatusExited,
        Run::Disconnected(_) => Role::StatusDisconnected,
    }
}

/// The state, in words.
fn state_text(state: &State, is_short: bool) -> String {
    let elapsed = text::clock(state.now_ms.saturating_sub(state.since_ms));
    match &state.run {
        Run::Starting(what) if state.overlays.is_empty() => format!("LOADING {what}"),
        Run::Starting(what) => what.to_uppercase(),
        Run::Running if state.looks_running() => format!("RUNNING {elapsed}"),
        Run::Exited { status } => format!("EXITED {status}"),
        Run::Disconnected(_) => "DISCONNECTED".to_owned(),
        Run::Stopped | Run::Running => {
            let reason = run::reason(state);
            if is_short {
                format!("STOPPED {}", reason.replace("breakpoint ", "bp "))
            } else {
                format!("STOPPED {reason}")
            }
        }
    }
}

/// The line on top. What does not fit is left out, the least important first.
pub fn view(state: &State, canvas: &mut Canvas<'_>, area: Rect) {
    if area.is_empty() {
        return;
    }
    let role = bar_role(state);
    canvas.fill(area, role);
    let is_short = area.width < 100;
    // Each part with its rank: the highest go first when there is no room.
    let mut left: Vec<(u8, String)> = Vec::new();
    let name = program_name(state);
    let pid = if state.pid > 0 { format!(" {}", state.pid) } else { String::new() };
    let at = match state.settings.remote {
        true if !is_short => format!(" @{}", text::clean(&state.settings.title)),
        _ => String::new(),
    };
    left.push((3, format!("{name}{pid}{at}")));
    left.push((0, state_text(state, is_short)));
    if matches!(state.run, Run::Stopped | Run::Running) && state.stop.0 > 0 {
        place_parts(state, is_short, &mut left);
    }
    let mut right = meters(state, is_short);
    let bar = format!(" {} ", canvas.glyphs.bar);
    loop {
        let sum = |it: &[(u8, String)]| -> usize {
            it.iter().map(|it| text::width(&it.1) + 3).sum()
        };
        if sum(&left) + sum(&right) <= usize::from(area.width) + 2 {
            break;
        }
        let worst = left.iter().chain(&right).map(|it| it.0).max().unwrap_or(0);
        if worst == 0 {
            break;
        }
        left.retain(|it| it.0 != worst);
        right.retain(|it| it.0 != worst);
    }
    let join = |it: &[(u8, String)]| {
        it.iter().map(|it| it.1.as_str()).collect::<Vec<_>>().join(&bar)
    };
    canvas.put(area.x + 1, area.y, area.width.saturating_sub(1), &join(&left), role);
    canvas.put_right(
        area.right().saturating_sub(1),
        area.y,
        area.width,
        &join(&right),
        role,
    );
}

fn place_parts(state: &State, is_short: bool, left: &mut Vec<(u8, String)>) {
    let stopped = !state.looks_stale();
    let id = state.scope.goroutine;
    if stopped && id > 0 {
        let labels = labels_of(state, id);
        left.push((2, format!("g{id}{labels}")));
    } else if stopped {
        left.push((2, "no goroutine".to_owned()));
    }
    let thread = state.stopped.current_thread.as_ref();
    // A goroutine that is parked is on no thread.
    if let Some(thread) = thread.filter(|it| it.goroutine_id == id || id <= 0)
        && stopped
    {
        if is_short {
            let place = format!("{}:{}", text::file_name(&thread.file), thread.line);
            left.push((6, text::clean(&place).into_owned()));
        }
        left.push((7, format!("T{}", thread.id)));
    }
    let total = state.goroutines.total;
    let it = &state.goroutines.fetched;
    let is_of_now = it.is_waiting() || it.key().is_some_and(|it| it.0 == state.stop);
    if total > 0 && (is_of_now || !stopped) {
        let delta = state.goroutines.total_before.map_or(0, |it| total - it);
        let delta = if delta == 0 { String::new() } else { format!(" ({delta:+})") };
        let noun = if is_short { "g" } else { "goroutines" };
        left.push((5, format!("{} {noun}{delta}", text::thousands(total))));
    }
}

fn labels_of(state: &State, id: i64) -> String {
    let current = state.stopped.current_goroutine.as_ref().filter(|it| it.id == id);
    let list = state.goroutines.fetched.value();
    let listed = || list?.list.iter().find(|it| it.id == id);
    let Some(labels) = current.or_else(listed).and_then(|it| it.labels.as_ref()) else {
        return String::new();
    };
    let all = labels.iter().take(4).map(|(key, value)| format!(" {key}={value}"));
    text::clean(&all.collect::<String>()).into_owned()
}

fn meters(state: &State, is_short: bool) -> Vec<(u8, String)> {
    let mut right: Vec<(u8, String)> = Vec::new();
    let now = state.now_ms.saturating_sub(state.since_ms);
    if let Some(waited) = slow::any(state) {
        right.push((1, format!("no answer for {}, Esc", text::clock(waited))));
    }
    if state.settings.read_only {
        right.push((4, "READ-ONLY".to_owned()));
    }
    if state.has_newer_source() {
        right.push((4, "STALE SRC".to_owned()));
    }
    if state.breakpoints.muted.is_some() {
        right.push((4, "MUTED".to_owned()));
    }
    let is_optimized = state.frame().and_then(|it| it.function.as_ref());
    if !state.looks_stale() && is_optimized.is_some_and(|it| it.optimized) {
        right.push((8, "OPT".to_owned()));
    }
    match state.run {
        // Nobody waits for a core file.
        _ if state.server.is_core => {}
        Run::Running if !state.looks_running() => {
            right.push((1, "held 0s".to_owned()));
        }
        Run::Stopped => {
            let total = state.held_ms + now;
            let held = text::clock(now);
            if state.held_ms >= 1000 && !is_short {
                right.push((1, format!("held {held}, {} in all", text::clock(total))));
            } else {
                right.push((1, format!("held {held}")));
            }
        }
        Run::Running if state.held_ms >= 1000 && !is_short => {
            right.push((9, format!("held {} in all", text::clock(state.held_ms))));
        }
        _ => {}
    }
    if state.stop.0 > 0 {
        let stop = state.stop.0;
        right.push((
            3,
            if is_short { format!("#{stop}") } else { format!("stop {stop}") },
        ));
    }
    right
}

/// Hints and the message or the prompt. Returns where the cursor is.
pub fn bottom(state: &State, canvas: &mut Canvas<'_>, areas: &Areas) -> Option<Position> {
    let is_filter = matches!(
        state.prompt.as_ref().map(|it| &it.kind),
        Some(PromptKind::Filter(Pane::Goroutines))
    );
    if let Some(why) = state.goroutines.filter_error.as_ref().filter(|_| is_filter) {
        let area = areas.hints;
        canvas.put(area.x + 1, area.y, area.width.saturating_sub(1), why, Role::Error);
    } else if !areas.hints.is_empty() {
        match state.prompt.as_ref().and_then(|it| it.completion.as_ref()) {
            Some(completion) => {
                words(canvas, areas.hints, &completion.words, completion.chosen)
            }
            None => hints(state, canvas, areas),
        }
    }
    if areas.message.is_empty() {
        return None;
    }
    let area = areas.message;
    if let Some(prompt) = &state.prompt {
        return Some(prompt_line(canvas, area, prompt));
    }
    if let Some(why) = &state.goroutines.filter_error
        && state.focus() == Pane::Goroutines
    {
        canvas.put(area.x + 1, area.y, area.width.saturating_sub(1), why, Role::Error);
        return None;
    }
    if let Some(message) = state.message.as_ref().or(state.standing.as_ref()) {
        let text = message.text.lines().next().unwrap_or_default();
        let text = text::clean(text);
        canvas.put(area.x + 1, area.y, area.width.saturating_sub(1), &text, message.role);
    }
    None
}

fn prompt_line(
    canvas: &mut Canvas<'_>,
    area: Rect,
    prompt: &crate::tui::state::prompt::Prompt,
) -> Position {
    let x = canvas.put(
        area.x + 1,
        area.y,
        area.width,
        prompt.kind.label(),
        Role::ConsolePrompt,
    );
    edit_line(
        canvas,
        Rect { x, width: area.right().saturating_sub(x), ..area },
        &prompt.line,
    )
}

/// A line that is typed into, scrolled so that its cursor is seen.
pub fn edit_line(
    canvas: &mut Canvas<'_>,
    area: Rect,
    line: &crate::tui::state::prompt::LineEdit,
) -> Position {
    let room = usize::from(area.width.saturating_sub(1));
    let before = text::clean(&line.text[..line.cursor]);
    let shown = text::fit_end(&before, room, canvas.glyphs.ellipsis);
    let x = canvas.put(area.x, area.y, area.width, &shown, Role::ConsoleInput);
    let after = text::clean(&line.text[line.cursor..]);
    canvas.put(x, area.y, area.right().saturating_sub(x), &after, Role::ConsoleInput);
    Position { x, y: area.y }
}

/// The words that complete a line, the chosen one marked.
fn words(canvas: &mut Canvas<'_>, area: Rect, words: &[String], chosen: Option<usize>) {
    // From the chosen word on, so that it is always seen.
    let mut first = 0;
    if let Some(chosen) = chosen {
        let mut used = 0;
        for (at, word) in words.iter().enumerate().take(chosen + 1).rev() {
            used += text::width(word) + 2;
            if used > usize::from(area.width) {
                break;
            }
            first = at;
        }
    }
    let mut x = area.x + 1;
    for (at, word) in words.iter().enumerate().skip(first) {
        if x >= area.right() {
            break;
        }
        let role = if chosen == Some(at) { Role::Selection } else { Role::Hint };
        x = canvas.put(x, area.y, area.right() - x, &text::clean(word), role) + 2;
    }
}

/// What is most likely to be pressed next.
fn hinted(state: &State) -> Vec<Action> {
    let mut actions = match state.run {
        Run::Starting(_) => return vec![Action::Quit],
        Run::Disconnected(_) if connection::can_reconnect(state) => {
            return vec![Action::Reconnect, Action::Quit];
        }
        Run::Disconnected(_) => return vec![Action::Quit],
        Run::Exited { .. } => vec![Action::Restart, Action::Quit],
        Run::Running if state.looks_running() => {
            vec![Action::Halt, Action::ToggleBreakpoint]
        }
        Run::Stopped | Run::Running => {
            vec![Action::Next, Action::Step, Action::StepOut, Action::Continue]
        }
    };
    let of_pane: &[Action] = match state.focus() {
        Pane::Source => {
            &[Action::ToggleBreakpoint, Action::RunToCursor, Action::Print, Action::Watch]
        }
        Pane::Goroutines => &[
            Action::Enter,
            Action::Search,
            Action::ToggleGrouping,
            Action::ToggleRuntime,
        ],
        Pane::Variables => &[
            Action::Enter,
            Action::Watch,
            Action::Edit,
            Action::CopyValue,
            Action::Format,
        ],
        Pane::Stack if state.code.face == Face::Instructions => &[
            Action::StepInstruction,
            Action::NextInstruction,
            Action::ToggleBreakpoint,
            Action::Enter,
        ],
        Pane::Stack => &[Action::Enter, Action::FrameUp, Action::FrameDown],
        Pane::Breakpoints => {
            &[Action::ToggleEnabled, Action::Edit, Action::Delete, Action::Undo]
        }
        Pane::Watches => &[Action::AddWatch, Action::Edit, Action::Delete, Action::Enter],
        Pane::Console => &[Action::Enter, Action::Focus(Pane::Console)],
    };
    actions.extend(
        of_pane.iter().filter(|it| !state.looks_stale() || **it != Action::Watch),
    );
    let mut seen = Vec::new();
    actions.retain(|it| {
        let is_new = !seen.contains(it);
        seen.push(*it);
        let is_short = state.is_running() && !state.looks_running();
        is_new && (is_short || keys::disabled(state, *it).is_none())
    });
    actions
}

fn hints(state: &State, canvas: &mut Canvas<'_>, areas: &Areas) {
    let area = areas.hints;
    let mut right = area.right().saturating_sub(1);
    let last: &[Action] = match areas.class {
        Class::Tiny => &[Action::Help],
        Class::Compact | Class::Standard | Class::Wide | Class::Tall => {
            &[Action::Help, Action::Command, Action::Palette]
        }
    };
    for it in last {
        let text = hint_text(*it);
        let width = text::width(&text.0) + text::width(text.1) + 1;
        right = right.saturating_sub(width as u16);
        let x = canvas.put(right, area.y, area.width, &text.0, Role::Key);
        canvas.put(x + 1, area.y, area.width, text.1, Role::Hint);
        right = right.saturating_sub(2);
    }
    let mut x = area.x + 1;
    for it in hinted(state) {
        let (key, word) = hint_text(it);
        // In the console, its number leads to its other side.
        let is_other = it == Action::Focus(Pane::Console) && !state.console.shows_output;
        let word = if is_other { "output" } else { word };
        let width = (text::width(&key) + text::width(word) + 1) as u16;
        if x + width > right {
            break;
        }
        x = canvas.put(x, area.y, area.width, &key, Role::Key);
        x = canvas.put(x + 1, area.y, area.width, word, Role::Hint) + 2;
    }
}

fn hint_text(it: Action) -> (String, &'static str) {
    (keymap::key_of(it), action::spec(it).map_or("", |it| it.hint))
}

/// What could follow the keys that were pressed, once they are held for a while.
pub fn which_key(state: &State, canvas: &mut Canvas<'_>, areas: &Areas) {
    if state.keys.is_empty()
        || state.now_ms.saturating_sub(state.keys_since_ms) < WHICH_KEY_MS
    {
        return;
    }
    let next = state.keymap.continuations(&state.keys);
    let rows: Vec<(String, &str, bool)> = next
        .iter()
        .map(|(key, action)| {
            let summary = action::spec(*action).map_or("", |it| it.summary);
            let enabled = keys::disabled(state, *action).is_none();
            (keymap::label(*key), summary, enabled)
        })
        .collect();
    let height = (rows.len() as u16 + 2).min(areas.screen.height);
    let width = 72.min(areas.screen.width);
    let area = Rect {
        x: areas.screen.width - width,
        y: areas.screen.height.saturating_sub(height + 2),
        width,
        height,
    };
    canvas.fill(area, Role::Overlay);
    crate::tui::view::frame::border(canvas, area, false, Role::OverlayBorder);
    let title: String = state.keys.iter().map(|it| keymap::label(*it)).collect();
    canvas.put(
        area.x + 2,
        area.y,
        width.saturating_sub(4),
        &format!(" {title} "),
        Role::Key,
    );
    for (at, (key, summary, enabled)) in rows.iter().enumerate() {
        let y = area.y + 1 + at as u16;
        if y + 1 >= area.bottom() {
            break;
        }
        let (key_role, role) = if *enabled {
            (Role::Key, Role::Text)
        } else {
            (Role::KeyDisabled, Role::KeyDisabled)
        };
        canvas.put(area.x + 2, y, 8, key, key_role);
        let style = canvas.theme.style(role).fg;
        let style = ratatui::style::Style { fg: style, ..Default::default() };
        canvas.put_styled(area.x + 10, y, width.saturating_sub(12), summary, style);
    }
}
