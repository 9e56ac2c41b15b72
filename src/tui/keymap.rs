//! Which action is behind a key? Reads the table of actions.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::tui::action::{ACTIONS, Action, ActionSpec};

/// A key with its modifiers, in one form: Shift is not kept where the character says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub code: KeyCode,
    pub modifiers: KeyModifiers,
}

impl Key {
    pub fn plain(code: KeyCode) -> Key {
        Key { code, modifiers: KeyModifiers::NONE }
    }

    pub fn char(c: char) -> Key {
        Key::plain(KeyCode::Char(c))
    }

    pub fn ctrl(c: char) -> Key {
        Key { code: KeyCode::Char(c), modifiers: KeyModifiers::CONTROL }
    }

    /// The character that this key writes into a text.
    pub fn text(self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if self.modifiers.is_empty() => Some(c),
            _ => None,
        }
    }
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Key {
        let mut modifiers = event.modifiers
            & (KeyModifiers::SHIFT | KeyModifiers::CONTROL | KeyModifiers::ALT);
        let code = match event.code {
            KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => {
                modifiers.remove(KeyModifiers::SHIFT);
                KeyCode::Char(c.to_ascii_lowercase())
            }
            KeyCode::Char(c) => {
                modifiers.remove(KeyModifiers::SHIFT);
                KeyCode::Char(c)
            }
            KeyCode::BackTab => {
                modifiers.insert(KeyModifiers::SHIFT);
                KeyCode::Tab
            }
            code => code,
        };
        Key { code, modifiers }
    }
}

/// Reads one key of the table: `n`, `Ctrl-P`, `Shift-F11`, `Space`.
pub fn parse_key(text: &str) -> Option<Key> {
    let mut modifiers = KeyModifiers::NONE;
    let mut rest = text;
    loop {
        let (modifier, after) = match rest.split_once('-') {
            Some(("Ctrl", after)) => (KeyModifiers::CONTROL, after),
            Some(("Shift", after)) => (KeyModifiers::SHIFT, after),
            Some(("Alt", after)) => (KeyModifiers::ALT, after),
            _ => break,
        };
        modifiers |= modifier;
        rest = after;
    }
    let code = match rest {
        "Space" => KeyCode::Char(' '),
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Tab" => KeyCode::Tab,
        "Delete" => KeyCode::Delete,
        "Home" => KeyCode::Home,
        "End" => KeyCode::End,
        "PageUp" => KeyCode::PageUp,
        "PageDown" => KeyCode::PageDown,
        "Up" => KeyCode::Up,
        "Down" => KeyCode::Down,
        "Left" => KeyCode::Left,
        "Right" => KeyCode::Right,
        "Backspace" => KeyCode::Backspace,
        _ => function_key(rest).or_else(|| single_char(rest, modifiers))?,
    };
    Some(Key { code, modifiers })
}

fn function_key(text: &str) -> Option<KeyCode> {
    let number = text.strip_prefix('F')?.parse().ok()?;
    (1..=12).contains(&number).then_some(KeyCode::F(number))
}

fn single_char(text: &str, modifiers: KeyModifiers) -> Option<KeyCode> {
    let mut chars = text.chars();
    let c = chars.next()?;
    if chars.next().is_some() {
        return None;
    }
    let control = modifiers.contains(KeyModifiers::CONTROL);
    Some(KeyCode::Char(if control { c.to_ascii_lowercase() } else { c }))
}

/// What a sequence of keys means.
#[derive(Debug, PartialEq, Eq)]
pub enum Meaning {
    Action(Action),
    /// The beginning of a longer sequence.
    Prefix,
    Nothing,
}

/// The sequences of the table, read once.
#[derive(Debug)]
pub struct Keymap {
    bindings: Vec<(Vec<Key>, Action)>,
}

impl Default for Keymap {
    fn default() -> Keymap {
        let sequences = |it: &'static ActionSpec| {
            it.keys.iter().filter_map(|keys| Some((sequence(keys)?, it.action)))
        };
        Keymap { bindings: ACTIONS.iter().flat_map(sequences).collect() }
    }
}

impl Keymap {
    pub fn meaning(&self, keys: &[Key]) -> Meaning {
        let mut meaning = Meaning::Nothing;
        for (sequence, action) in &self.bindings {
            if sequence == keys {
                return Meaning::Action(*action);
            }
            if sequence.starts_with(keys) {
                meaning = Meaning::Prefix;
            }
        }
        meaning
    }

    /// The sequences that go on from a prefix: the next key, and the action.
    pub fn continuations(&self, prefix: &[Key]) -> Vec<(Key, Action)> {
        let next = |(sequence, action): &(Vec<Key>, Action)| {
            let rest = sequence.strip_prefix(prefix)?;
            Some((*rest.first()?, *action))
        };
        self.bindings.iter().filter_map(next).collect()
    }
}

fn sequence(text: &str) -> Option<Vec<Key>> {
    text.split(' ').map(parse_key).collect()
}

/// How a key is written for the user.
pub fn label(key: Key) -> String {
    let mut text = String::new();
    for (modifier, name) in [
        (KeyModifiers::CONTROL, "Ctrl-"),
        (KeyModifiers::ALT, "Alt-"),
        (KeyModifiers::SHIFT, "Shift-"),
    ] {
        if key.modifiers.contains(modifier) {
            text += name;
        }
    }
    match key.code {
        KeyCode::Char(' ') => text += "Space",
        KeyCode::Char(c) if key.modifiers.contains(KeyModifiers::CONTROL) => {
            text.extend(c.to_uppercase());
        }
        KeyCode::Char(c) => text.push(c),
        code => text += &code.to_string(),
    }
    text
}

/// The first key of an action, as hints show it.
pub fn key_of(action: Action) -> String {
    let spec = crate::tui::action::spec(action);
    spec.and_then(|it| it.keys.first()).map(|it| it.replace(' ', "")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn every_key_of_the_table_can_be_read() {
        for it in ACTIONS {
            for keys in it.keys {
                assert!(sequence(keys).is_some(), "{keys} of {}", it.name);
            }
        }
    }

    #[test]
    fn no_key_has_two_meanings_and_none_is_the_beginning_of_another() {
        let map = Keymap::default();
        let mut seen: HashMap<&[Key], Action> = HashMap::new();
        for (keys, action) in &map.bindings {
            let other = seen.insert(keys, *action);
            assert!(other.is_none(), "{keys:?}: {action:?} and {other:?}");
        }
        for (keys, action) in &map.bindings {
            for n in 1..keys.len() {
                assert!(!seen.contains_key(&keys[..n]), "{action:?} cannot be reached");
            }
        }
    }

    #[test]
    fn keys_are_read_as_they_are_written() {
        let cases = [
            ("n", Key::char('n')),
            ("G", Key::char('G')),
            ("-", Key::char('-')),
            ("Ctrl-P", Key::ctrl('p')),
            ("Space", Key::char(' ')),
            ("F5", Key::plain(KeyCode::F(5))),
            ("Shift-F11", Key { code: KeyCode::F(11), modifiers: KeyModifiers::SHIFT }),
        ];
        for (text, key) in cases {
            assert_eq!(parse_key(text), Some(key), "{text}");
            assert_eq!(label(key), text);
        }
    }

    #[test]
    fn a_prefix_waits_for_its_second_key() {
        let map = Keymap::default();
        assert_eq!(map.meaning(&[Key::char('g')]), Meaning::Prefix);
        let two = [Key::char('g'), Key::char('g')];
        assert_eq!(map.meaning(&two), Meaning::Action(Action::Top));
        assert_eq!(map.meaning(&[Key::char('Q')]), Meaning::Nothing);
        assert!(map.continuations(&[Key::char('g')]).len() > 4);
    }
}
