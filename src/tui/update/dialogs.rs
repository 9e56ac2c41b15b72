//! Keys for what lies over the panes: help, dialogs, popups.

use crossterm::event::{KeyCode, KeyModifiers};

use crate::frontend::theme::{self, Role};
use crate::tui::keymap::Key;
use crate::tui::state::msg::{Effect, Leave};
use crate::tui::state::overlay::{
    BreakpointForm, Choices, Help, Overlay, TextPopup, ThemePicker,
};
use crate::tui::state::{Run, State};
use crate::tui::text;
use crate::tui::update::{breakpoints, connection, keys, palette, prompt};

pub fn on_key(state: &mut State, key: Key, out: &mut Vec<Effect>) {
    match state.overlays.last_mut() {
        Some(Overlay::Palette(_)) => palette::on_key(state, key, out),
        Some(Overlay::Help(_)) => help_key(state, key),
        Some(Overlay::Quit(_)) => quit_key(state, key, out),
        Some(Overlay::Themes(_)) => themes_key(state, key, out),
        Some(Overlay::Text(_)) => text_key(state, key, out),
        Some(Overlay::Form(_)) => form_key(state, key, out),
        None => {}
    }
}

pub fn on_paste(state: &mut State, line: &str, out: &mut Vec<Effect>) {
    match state.overlays.last_mut() {
        Some(Overlay::Palette(_)) => palette::on_paste(state, line, out),
        Some(Overlay::Help(help)) => help.filter.insert(line),
        Some(Overlay::Form(form)) => form.fields[form.field].insert(line),
        Some(Overlay::Quit(_) | Overlay::Themes(_) | Overlay::Text(_)) | None => {}
    }
}

fn closes(key: Key) -> bool {
    key.code == KeyCode::Esc || key == Key::ctrl('c')
}

/// A step through a list by the keys that move, if it is one.
fn step(key: Key, page: usize) -> Option<isize> {
    let page = page.max(2) as isize - 1;
    Some(match key.code {
        KeyCode::Up | KeyCode::Char('k') => -1,
        KeyCode::Down | KeyCode::Char('j') => 1,
        KeyCode::PageUp => -page,
        KeyCode::PageDown | KeyCode::Char(' ') => page,
        KeyCode::Home => isize::MIN,
        KeyCode::End => isize::MAX,
        _ => return None,
    })
}

pub fn open_help(state: &mut State) {
    state.overlays.push(Overlay::Help(Help::default()));
}

fn help_key(state: &mut State, key: Key) {
    let page = usize::from(state.height).saturating_sub(6);
    let lines = crate::tui::view::help::lines(state).len();
    let Some(Overlay::Help(help)) = state.overlays.last_mut() else { return };
    let is_text = key.text().is_some();
    if closes(key) || key.code == KeyCode::Enter || key.code == KeyCode::F(1) {
        if key.code == KeyCode::Esc && !help.filter.text.is_empty() {
            help.filter.kill_to_start();
            help.filter.kill_to_end();
            help.top = 0;
            return;
        }
        state.overlays.pop();
    } else if key == Key::char('?') {
        state.overlays.pop();
    } else if let Some(rows) = step(key, page).filter(|_| !is_text) {
        let highest = lines.saturating_sub(page);
        help.top = help.top.saturating_add_signed(rows).min(highest);
    } else if prompt::edit(&mut help.filter, key) {
        help.top = 0;
    }
}

pub fn open_text(state: &mut State, title: &str, lines: Vec<String>) {
    let popup = TextPopup { title: title.to_owned(), lines, top: 0 };
    state.overlays.push(Overlay::Text(popup));
}

fn text_key(state: &mut State, key: Key, out: &mut Vec<Effect>) {
    let page = usize::from(state.height).saturating_sub(6);
    let Some(Overlay::Text(popup)) = state.overlays.last_mut() else { return };
    if closes(key) || matches!(key.code, KeyCode::Enter | KeyCode::Char('q' | 'F')) {
        state.overlays.pop();
    } else if key == Key::char('y') {
        out.push(Effect::Copy(popup.lines.join("\n")));
        let n = popup.lines.len();
        state.say(
            Role::Success,
            format!("copied {n} lines through the terminal (OSC 52)"),
        );
    } else if let Some(rows) = step(key, page) {
        let highest = popup.lines.len().saturating_sub(page);
        popup.top = popup.top.saturating_add_signed(rows).min(highest);
    } else {
        // Whoever steps on has read it.
        state.overlays.pop();
        keys::on_key(state, key, out);
    }
}

/// Asks how to leave; if there is nothing to decide, leaves.
pub fn open_quit(state: &mut State, out: &mut Vec<Effect>) {
    let is_live = match &state.run {
        Run::Starting(_) | Run::Disconnected(_) => {
            return connection::leave(state, Leave::Disconnect, out);
        }
        Run::Exited { .. } => false,
        Run::Stopped | Run::Running => !state.server.is_core,
    };
    if !is_live && !state.server.multiclient {
        return connection::leave(state, Leave::Detach, out);
    }
    let n = state.user_breakpoints().count();
    let now = if state.is_running() { "RUNNING" } else { "STOPPED" };
    let breakpoints =
        if n == 1 { "1 breakpoint is".into() } else { format!("{n} breakpoints are") };
    let line = match state.width {
        0..60 => format!("{now}, {breakpoints} set."),
        _ => format!("The program is {now}. {breakpoints} set."),
    };
    // A service kills what it launched when it is left: to promise more would be a lie.
    let mut choices = Vec::new();
    if state.settings.attached {
        let text = "leave it running, without our breakpoints".to_owned();
        choices.push(('d', Leave::Detach, text));
    }
    if state.server.multiclient {
        let text = "leave it and the server as they are".to_owned();
        choices.push(('s', Leave::Disconnect, text));
    }
    choices.push(('k', Leave::Kill, "kill it".to_owned()));
    if state.settings.read_only {
        let others = choices.len() > 1;
        choices.retain(|it| it.1 != Leave::Kill || !others);
    }
    let is_default = |it: &(char, Leave, String)| match state.settings.attached {
        true => it.1 == Leave::Detach,
        false => {
            it.1 == Leave::Kill || state.server.multiclient && it.1 == Leave::Disconnect
        }
    };
    let cursor = choices.iter().position(is_default).unwrap_or(0);
    let name = program_name(state);
    let title = if state.pid > 0 {
        format!("Leave {name} ({})?", state.pid)
    } else {
        "Leave?".into()
    };
    let dialog = Choices { title, lines: vec![line], choices, cursor };
    state.overlays.push(Overlay::Quit(dialog));
}

/// The name of the program: of its file, or what we were told.
pub fn program_name(state: &State) -> String {
    let first = state.command_line.split(' ').next().unwrap_or_default();
    let name = text::file_name(first.trim_matches('"'));
    let name = if name.is_empty() { &state.settings.title } else { name };
    text::clean(name).into_owned()
}

fn quit_key(state: &mut State, key: Key, out: &mut Vec<Effect>) {
    let Some(Overlay::Quit(dialog)) = state.overlays.last_mut() else { return };
    let n = dialog.choices.len();
    let chosen = match key.code {
        _ if closes(key) => {
            state.overlays.pop();
            return;
        }
        KeyCode::Up | KeyCode::Char('k') if key.code == KeyCode::Up => {
            dialog.cursor = dialog.cursor.saturating_sub(1);
            return;
        }
        KeyCode::Down | KeyCode::Tab | KeyCode::Char('j') => {
            dialog.cursor = (dialog.cursor + 1) % n.max(1);
            return;
        }
        KeyCode::Enter => dialog.choices.get(dialog.cursor),
        KeyCode::Char(c) => dialog.choices.iter().find(|it| it.0 == c),
        _ => None,
    };
    if let Some((_, how, _)) = chosen {
        let how = *how;
        state.overlays.pop();
        connection::leave(state, how, out);
    }
}

pub fn open_themes(state: &mut State) {
    let cursor = state.theme_names.iter().position(|it| *it == state.theme).unwrap_or(0);
    let before = state.theme.clone();
    state.overlays.push(Overlay::Themes(ThemePicker { cursor, before }));
}

fn themes_key(state: &mut State, key: Key, out: &mut Vec<Effect>) {
    let n = state.theme_names.len();
    let Some(Overlay::Themes(picker)) = state.overlays.last_mut() else { return };
    if closes(key) {
        let before = picker.before.clone();
        state.overlays.pop();
        apply_theme(state, &before, out);
    } else if key.code == KeyCode::Enter {
        state.overlays.pop();
        state.say(Role::Info, format!("theme: {}", state.theme));
    } else if let Some(rows) = step(key, n) {
        picker.cursor =
            picker.cursor.saturating_add_signed(rows).min(n.saturating_sub(1));
        let name = state.theme_names[picker.cursor].clone();
        apply_theme(state, &name, out);
    }
}

fn apply_theme(state: &mut State, name: &str, out: &mut Vec<Effect>) {
    if state.theme != name {
        name.clone_into(&mut state.theme);
        out.push(Effect::Theme(name.to_owned()));
    }
}

/// `:theme NAME`.
pub fn set_theme(state: &mut State, name: &str, out: &mut Vec<Effect>) {
    if theme::builtin(name).is_some() || state.theme_names.iter().any(|it| it == name) {
        apply_theme(state, name, out);
        state.say(Role::Info, format!("theme: {name}"));
    } else {
        let known = state.theme_names.join(", ");
        state.say(Role::Error, format!("no theme {name}; there are {known}"));
    }
}

fn form_key(state: &mut State, key: Key, out: &mut Vec<Effect>) {
    let Some(Overlay::Form(form)) = state.overlays.last_mut() else { return };
    match key.code {
        _ if closes(key) => drop(state.overlays.pop()),
        KeyCode::Tab | KeyCode::Down | KeyCode::Up => {
            let n = form.fields.len();
            let is_back =
                key.code == KeyCode::Up || key.modifiers.contains(KeyModifiers::SHIFT);
            form.field = (form.field + if is_back { n - 1 } else { 1 }) % n;
        }
        KeyCode::Enter => {
            let Some(Overlay::Form(form)) = state.overlays.pop() else { return };
            let BreakpointForm { id, fields, .. } = form;
            breakpoints::on_form(state, id, fields.map(|it| it.text), out);
        }
        _ => {
            prompt::edit(&mut form.fields[form.field], key);
        }
    }
}
