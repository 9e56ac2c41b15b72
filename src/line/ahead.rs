//! What was typed before there was a prompt for it.
//!
//! The line editor reads all that the terminal has and keeps the first line of it. So what
//! is there already is read before the editor begins: whole lines are the next commands,
//! the beginning of one is where the editor goes on.

/// Bytes that are kept at most: nobody types more ahead, and what is pasted comes marked.
const BYTES_MAX: usize = 64 << 10;

/// Reads what was typed, without waiting for more.
pub type TypedAhead = Box<dyn Fn() -> Vec<u8>>;

/// Lines that wait for their turn.
#[derive(Debug, Default)]
pub struct Ahead {
    bytes: Vec<u8>,
}

impl Ahead {
    pub fn add(&mut self, bytes: &[u8]) {
        let room = BYTES_MAX.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// The next whole line. Enter is a carriage return if the terminal was raw when it was
    /// pressed, and else a line feed.
    pub fn line(&mut self) -> Option<String> {
        let end = self.bytes.iter().position(|it| matches!(it, b'\r' | b'\n'))?;
        let line = edited(&self.bytes[..end]);
        self.bytes.drain(..=end);
        Some(line)
    }

    /// The beginning of a line; nothing is left then.
    pub fn rest(&mut self) -> String {
        edited(&std::mem::take(&mut self.bytes))
    }
}

/// The text that was meant: with what was rubbed out gone, and without keys that have no
/// meaning yet.
fn edited(bytes: &[u8]) -> String {
    let mut out = String::new();
    let text = String::from_utf8_lossy(bytes);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\x7f' | '\x08' => drop(out.pop()),
            '\x15' => out.clear(),
            // A key as an escape sequence: to its last letter.
            '\x1b' => drop(chars.find(|it| it.is_ascii_alphabetic() || *it == '~')),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Ahead, BYTES_MAX};

    #[test]
    fn whole_lines_are_commands_and_the_rest_is_the_beginning_of_one() {
        let mut ahead = Ahead::default();
        ahead.add(b"next\rprint x\nste");
        ahead.add(b"x\x7fp\x1b[A");
        assert_eq!(ahead.line().as_deref(), Some("next"));
        assert_eq!(ahead.line().as_deref(), Some("print x"));
        assert_eq!(ahead.line(), None);
        assert_eq!(ahead.rest(), "step");
        assert_eq!(ahead.rest(), "");
        ahead.add(&vec![b'x'; 2 * BYTES_MAX]);
        assert_eq!(ahead.rest().len(), BYTES_MAX);
    }
}
