//! Keys that are typed ahead of what they are about.
//!
//! Whoever chooses a function and presses `b` means that function, though its place may not
//! have come yet: such keys wait for it. All others are acted upon at once.

use crossterm::event::KeyCode;

use crate::tui::keymap::Key;
use crate::tui::state::State;
use crate::tui::state::msg::{Ask, Effect};
use crate::tui::state::overlay::Overlay;
use crate::tui::update::keys;

/// Keys that wait at most.
const KEYS_MAX: usize = 256;

/// Takes a key: now, or when what is under way has come. Esc and Ctrl-C never wait.
pub fn on_key(state: &mut State, key: Key, out: &mut Vec<Effect>) {
    if key.code == KeyCode::Esc || key == Key::ctrl('c') {
        state.ahead.clear();
        // A program that cannot be held for a moment must not hold the keys.
        state.at_stop.retain(|it| !asks(it));
        return keys::on_key(state, key, out);
    }
    if !is_due(state, out) {
        if state.ahead.len() < KEYS_MAX {
            state.ahead.push_back(key);
        }
        return;
    }
    keys::on_key(state, key, out);
}

/// Presses the keys that have waited, as far as nothing new is to be waited for.
pub fn go_on(state: &mut State, out: &mut Vec<Effect>) {
    while is_due(state, out)
        && let Some(key) = state.ahead.pop_front()
    {
        keys::on_key(state, key, out);
    }
}

/// Whether a question leads elsewhere, to what the next key is about.
fn leads_on(ask: &Ask) -> bool {
    matches!(ask, Ask::Find { .. })
}

fn asks(effect: &Effect) -> bool {
    matches!(effect, Effect::Ask(ask) if leads_on(ask))
}

/// Whether it is known what the next key is about.
fn is_due(state: &State, out: &[Effect]) -> bool {
    let chooses = match state.overlays.last() {
        Some(Overlay::Palette(it)) => it.then.is_some(),
        _ => false,
    };
    !chooses
        && !state.waiting.iter().any(|it| leads_on(&it.ask))
        && !out.iter().chain(&state.at_stop).any(asks)
}
