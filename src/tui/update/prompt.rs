//! Typing into the line at the bottom: editing, history, completion, entering.

use crossterm::event::{KeyCode, KeyModifiers};

use crate::frontend::theme::Role;
use crate::tui::keymap::Key;
use crate::tui::pane::Pane;
use crate::tui::state::State;
use crate::tui::state::msg::{Ask, Effect};
use crate::tui::state::prompt::{Completion, LineEdit, Prompt, PromptKind};
use crate::tui::update;
use crate::tui::update::{
    breakpoints, command, goroutines, lists, palette, source, variables,
};

/// Edits a line by a key. Says whether the key was one for that.
pub fn edit(line: &mut LineEdit, key: Key) -> bool {
    if let Some(c) = key.text() {
        line.insert(c.encode_utf8(&mut [0; 4]));
        return true;
    }
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Left if alt || ctrl => line.word_left(),
        KeyCode::Right if alt || ctrl => line.word_right(),
        KeyCode::Char('b') if alt => line.word_left(),
        KeyCode::Char('f') if alt => line.word_right(),
        KeyCode::Left => line.left(),
        KeyCode::Right => line.right(),
        KeyCode::Char('b') if ctrl => line.left(),
        KeyCode::Char('f') if ctrl => line.right(),
        KeyCode::Home => line.cursor = 0,
        KeyCode::End => line.cursor = line.text.len(),
        KeyCode::Char('a') if ctrl => line.cursor = 0,
        KeyCode::Char('e') if ctrl => line.cursor = line.text.len(),
        KeyCode::Backspace if alt => line.kill_word(),
        KeyCode::Backspace => line.backspace(),
        KeyCode::Char('h') if ctrl => line.backspace(),
        KeyCode::Delete => line.delete(),
        KeyCode::Char('d') if ctrl => line.delete(),
        KeyCode::Char('w') if ctrl => line.kill_word(),
        KeyCode::Char('u') if ctrl => line.kill_to_start(),
        KeyCode::Char('k') if ctrl => line.kill_to_end(),
        _ => return false,
    }
    true
}

pub fn on_key(state: &mut State, key: Key, out: &mut Vec<Effect>) {
    let Some(mut prompt) = state.prompt.take() else { return };
    let is_control_c = key == Key::ctrl('c') || key == Key::ctrl('g');
    match key.code {
        KeyCode::Esc => return leave(state, prompt),
        _ if is_control_c => return leave(state, prompt),
        KeyCode::Enter => return enter(state, prompt, out),
        KeyCode::Tab if needs_names(state, &prompt) => {
            palette::ask_for_names(state, out);
        }
        KeyCode::Tab => {
            complete(state, &mut prompt, !key.modifiers.contains(KeyModifiers::SHIFT))
        }
        KeyCode::Up => recall(state, &mut prompt, true),
        KeyCode::Down => recall(state, &mut prompt, false),
        KeyCode::Char('r') if key == Key::ctrl('r') => search_history(state, &mut prompt),
        KeyCode::Backspace if prompt.line.text.is_empty() => return leave(state, prompt),
        _ => {
            if !edit(&mut prompt.line, key) {
                state.prompt = Some(prompt);
                return;
            }
            prompt.completion = None;
            prompt.recalled = None;
        }
    }
    changed(state, &prompt);
    state.prompt = Some(prompt);
}

pub fn on_paste(state: &mut State, text: &str) {
    let Some(mut prompt) = state.prompt.take() else { return };
    prompt.line.insert(text);
    prompt.completion = None;
    changed(state, &prompt);
    state.prompt = Some(prompt);
}

/// Searches and filters act while they are typed.
fn changed(state: &mut State, prompt: &Prompt) {
    match prompt.kind {
        PromptKind::Search => {
            source::search_as_typed(state, &prompt.line.text, prompt.origin);
        }
        PromptKind::Filter(pane) => {
            if let Some(filter) = lists::filter(state, pane) {
                filter.clone_from(&prompt.line.text);
            }
            lists::filter_changed(state, pane);
        }
        _ => {}
    }
}

/// Esc: what there was before is there again.
fn leave(state: &mut State, prompt: Prompt) {
    match prompt.kind {
        PromptKind::Search => {
            state.source.search.clone_from(&prompt.before);
            (state.source.cursor, state.source.top) = prompt.origin;
        }
        PromptKind::Filter(pane) => {
            if let Some(filter) = lists::filter(state, pane) {
                filter.clear();
            }
            lists::filter_changed(state, pane);
        }
        _ => {}
    }
}

fn enter(state: &mut State, prompt: Prompt, out: &mut Vec<Effect>) {
    let text = prompt.line.text.trim().to_owned();
    match prompt.kind {
        PromptKind::Command => {
            if state.console.history.add(&text) {
                out.push(Effect::Remember(text.clone()));
            }
            if prompt.stays {
                let mut next = Prompt::new(PromptKind::Command, "");
                next.stays = true;
                state.prompt = Some(next);
            }
            command::run(state, &text, out);
        }
        PromptKind::Search => entered_search(state, &text),
        PromptKind::Filter(Pane::Goroutines) => goroutines::on_filter_entered(state),
        PromptKind::Filter(_) => {}
        PromptKind::AddWatch => variables::add_watch(state, text, None),
        PromptKind::EditWatch(at) => {
            if !text.is_empty() && at < state.watches.exprs.len() {
                state.watches.exprs[at] = text;
                state.watches.revision += 1;
            }
        }
        PromptKind::BreakAt if text.is_empty() => {}
        PromptKind::BreakAt => breakpoints::set_at_spec(state, &text, "", out),
        PromptKind::SetVariable(symbol) => {
            let scope = (state.scope.goroutine, state.scope.frame);
            update::ask(state, Ask::Set { symbol, value: text, scope }, out);
        }
    }
}

fn entered_search(state: &mut State, text: &str) {
    if text.is_empty() {
        return;
    }
    let n = source::count_matches(state);
    if n == 0 {
        state.say(Role::Warning, format!("{text} is not in this file"));
    } else {
        let lines = if n == 1 { "line has it" } else { "lines have it" };
        state.say(
            Role::Info,
            format!("{n} {lines}; . and , go to the next and the previous"),
        );
    }
}

/// Whether Tab has to fetch the names of functions first.
fn needs_names(state: &State, prompt: &Prompt) -> bool {
    state.symbols.list.is_none() && command::wants_names(&prompt.kind, &prompt.line.text)
}

/// Up and Down: lines that were entered before and begin with what was typed.
fn recall(state: &State, prompt: &mut Prompt, older: bool) {
    if let Some(completion) = &mut prompt.completion {
        return choose(&mut prompt.line, completion, !older);
    }
    if prompt.kind != PromptKind::Command {
        return;
    }
    let lines = &state.console.history.lines;
    let (at, typed) = match &prompt.recalled {
        Some((at, typed)) => (*at, typed.clone()),
        None => (lines.len(), prompt.line.text.clone()),
    };
    let fits = |it: &usize| lines[*it].starts_with(&typed);
    let found =
        if older { (0..at).rev().find(fits) } else { (at + 1..lines.len()).find(fits) };
    match found {
        Some(at) => {
            prompt.line = LineEdit::new(lines[at].clone());
            prompt.recalled = Some((at, typed));
        }
        None if !older => {
            prompt.line = LineEdit::new(typed);
            prompt.recalled = None;
        }
        None => {}
    }
}

/// Ctrl-R: the lines of the history that contain what was typed, newest first.
fn search_history(state: &State, prompt: &mut Prompt) {
    let typed = prompt.line.text.clone();
    let mut words: Vec<String> = Vec::new();
    for line in state.console.history.lines.iter().rev() {
        if line.contains(&typed) && !words.contains(line) {
            words.push(line.clone());
        }
    }
    if words.is_empty() {
        return;
    }
    let mut completion = Completion { start: 0, typed, words, chosen: None };
    choose(&mut prompt.line, &mut completion, true);
    prompt.completion = Some(completion);
}

/// The names have come that Tab waited for.
pub fn complete_again(state: &mut State) {
    let Some(mut prompt) = state.prompt.take() else { return };
    if command::wants_names(&prompt.kind, &prompt.line.text) {
        complete(state, &mut prompt, true);
    }
    state.prompt = Some(prompt);
}

fn complete(state: &State, prompt: &mut Prompt, forward: bool) {
    if let Some(completion) = &mut prompt.completion {
        return choose(&mut prompt.line, completion, forward);
    }
    let before = &prompt.line.text[..prompt.line.cursor];
    let Some((start, words)) = command::completions(state, &prompt.kind, before) else {
        return;
    };
    let typed = before[start..].to_owned();
    if let [only] = words.as_slice() {
        prompt.line.text.replace_range(start..prompt.line.cursor, only);
        prompt.line.cursor = start + only.len();
        return;
    }
    let common = common_prefix(&words);
    if common.len() > typed.len() && common.starts_with(&typed) {
        prompt.line.text.replace_range(start..prompt.line.cursor, &common);
        prompt.line.cursor = start + common.len();
        let typed = common;
        prompt.completion = Some(Completion { start, typed, words, chosen: None });
        return;
    }
    let mut completion = Completion { start, typed, words, chosen: None };
    choose(&mut prompt.line, &mut completion, forward);
    prompt.completion = Some(completion);
}

/// Takes the next word into the line; after the last, what was typed.
fn choose(line: &mut LineEdit, completion: &mut Completion, forward: bool) {
    let n = completion.words.len();
    completion.chosen = match (completion.chosen, forward) {
        (None, true) => Some(0),
        (None, false) => n.checked_sub(1),
        (Some(at), true) => Some(at + 1).filter(|it| *it < n),
        (Some(at), false) => at.checked_sub(1),
    };
    let word = completion.chosen.map_or(&completion.typed, |at| &completion.words[at]);
    let start = completion.start.min(line.text.len());
    let end = line.cursor.max(start);
    line.text.replace_range(start..end, word);
    line.cursor = start + word.len();
}

fn common_prefix(words: &[String]) -> String {
    let Some(first) = words.first() else { return String::new() };
    let mut len = first.len();
    for word in words {
        let same = first.bytes().zip(word.bytes()).take_while(|(a, b)| a == b).count();
        len = len.min(same);
    }
    while !first.is_char_boundary(len) {
        len -= 1;
    }
    first[..len].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_chosen_in_turn_and_what_was_typed_comes_back() {
        let mut line = LineEdit::new("print w");
        let mut completion = Completion {
            start: 6,
            typed: "w".into(),
            words: vec!["worker".into(), "wg".into()],
            chosen: None,
        };
        let mut seen = Vec::new();
        for _ in 0..3 {
            choose(&mut line, &mut completion, true);
            seen.push(line.text.clone());
        }
        assert_eq!(seen, ["print worker", "print wg", "print w"]);
    }

    #[test]
    fn what_all_words_begin_with_is_taken_at_once() {
        let words = ["continue", "cond"].map(str::to_owned);
        assert_eq!(common_prefix(&words), "con");
        assert_eq!(common_prefix(&[]), "");
    }
}
