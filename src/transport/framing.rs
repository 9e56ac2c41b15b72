//! Cutting a stream of bytes into JSON values, which follow each other without a mark
//! between them.
//!
//! A value may arrive in pieces, or two in one; its end is found by counting brackets
//! outside of strings. Whether it is valid JSON is found out by who decodes it. Sources:
//! Go's `net/rpc/jsonrpc`, `spec/rpc.md` §1.2.

use std::io::{self, Read, Write};

/// The most bytes of a request. Clients send a few hundred; the largest are lists of
/// path rules.
pub const REQUEST_MAX: usize = 16 << 20;

/// The most bytes of an answer. Ten thousand goroutines with their locations take 10 MB,
/// and a client may ask for all of them at once.
pub const ANSWER_MAX: usize = 1 << 30;

/// The deepest nesting of brackets. Two levels a pointer that is followed.
pub const NESTING_MAX: usize = 10_000;

/// How much is read at once.
const CHUNK_LEN: usize = 64 << 10;

/// Why a stream yields no more values. There is no way to find where the next one would
/// begin, so the connection is at its end.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the connection ended in the middle of a message")]
    Cut,
    #[error("byte {0:#04x} begins no JSON value")]
    Garbage(u8),
    #[error("a message is longer than {0} bytes")]
    TooLong(usize),
    #[error("a message is nested deeper than {NESTING_MAX} brackets")]
    TooDeep,
}

/// Yields the JSON values of a stream, one after another.
pub struct MessageReader<R> {
    source: R,
    len_max: usize,
    /// What has arrived: `buffer[start..]` is not yet handed out.
    buffer: Vec<u8>,
    start: usize,
}

impl<R: Read> MessageReader<R> {
    pub fn new(source: R, len_max: usize) -> MessageReader<R> {
        MessageReader { source, len_max, buffer: Vec::new(), start: 0 }
    }

    /// The text of the next value; `None` at the end of the stream between two values.
    ///
    /// Only objects, arrays and `null` are told apart from garbage here: a request is an
    /// object, and Go takes `null` for an empty one.
    pub fn next_message(&mut self) -> Result<Option<&[u8]>, FrameError> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let mut scan = Scan::default();
        loop {
            if let Some(end) = scan.advance(&self.buffer)? {
                self.start = end;
                return Ok(Some(&self.buffer[scan.begin..end]));
            }
            if self.buffer.len() - scan.begin > self.len_max {
                return Err(FrameError::TooLong(self.len_max));
            }
            if !self.fill()? {
                return if scan.begin == self.buffer.len() {
                    Ok(None)
                } else {
                    Err(FrameError::Cut)
                };
            }
        }
    }

    /// Whether anything more came.
    fn fill(&mut self) -> io::Result<bool> {
        let len = self.buffer.len();
        self.buffer.resize(len + CHUNK_LEN, 0);
        let outcome = loop {
            match self.source.read(&mut self.buffer[len..]) {
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome,
            }
        };
        let n_read = *outcome.as_ref().unwrap_or(&0);
        self.buffer.truncate(len + n_read);
        outcome.map(|n| n > 0)
    }
}

/// How far a value has been looked at. Each byte is looked at once, however small the
/// pieces are in which it comes.
#[derive(Default)]
struct Scan {
    /// Where the value begins: after the white space before it.
    begin: usize,
    at: usize,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

const NULL: &[u8] = b"null";

impl Scan {
    /// Looks at what is new in `buffer`; the end of the value, if it is there.
    fn advance(&mut self, buffer: &[u8]) -> Result<Option<usize>, FrameError> {
        if self.depth == 0 {
            while self.at < buffer.len() && buffer[self.at].is_ascii_whitespace() {
                self.at += 1;
            }
            self.begin = self.at;
            match buffer.get(self.at) {
                None => return Ok(None),
                Some(b'{' | b'[') => {}
                Some(_) => return null_end(buffer, self.at),
            }
        }
        while self.at < buffer.len() {
            let byte = buffer[self.at];
            self.at += 1;
            if self.ends_with(byte)? {
                return Ok(Some(self.at));
            }
        }
        Ok(None)
    }

    /// Takes one byte of the value; whether it was the last.
    fn ends_with(&mut self, byte: u8) -> Result<bool, FrameError> {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return Ok(false);
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => {
                self.depth += 1;
                if self.depth > NESTING_MAX {
                    return Err(FrameError::TooDeep);
                }
            }
            b'}' | b']' => self.depth -= 1,
            _ => {}
        }
        Ok(self.depth == 0)
    }
}

/// The end of a `null` at `at`.
fn null_end(buffer: &[u8], at: usize) -> Result<Option<usize>, FrameError> {
    let there = &buffer[at..buffer.len().min(at + NULL.len())];
    if there == NULL {
        Ok(Some(at + NULL.len()))
    } else if NULL.starts_with(there) {
        Ok(None)
    } else {
        Err(FrameError::Garbage(buffer[at]))
    }
}

/// Writes one message: a compact line, in one write, so that messages of several threads
/// cannot mix as long as they hold the writer.
pub fn write_message(out: &mut impl Write, message: &mut Vec<u8>) -> io::Result<()> {
    message.push(b'\n');
    out.write_all(message)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};

    use super::{FrameError, MessageReader};

    /// Gives what it has in pieces of `piece_len`.
    struct Pieces<'a> {
        left: &'a [u8],
        piece_len: usize,
    }

    impl Read for Pieces<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let len = self.left.len().min(self.piece_len).min(buf.len());
            let (now, later) = self.left.split_at(len);
            buf[..len].copy_from_slice(now);
            self.left = later;
            Ok(len)
        }
    }

    fn messages(text: &str, piece_len: usize) -> (Vec<String>, Option<FrameError>) {
        let source = Pieces { left: text.as_bytes(), piece_len };
        let mut reader = MessageReader::new(source, 1000);
        let mut found = Vec::new();
        loop {
            match reader.next_message() {
                Ok(Some(message)) => {
                    found.push(String::from_utf8(message.to_vec()).unwrap());
                }
                Ok(None) => return (found, None),
                Err(err) => return (found, Some(err)),
            }
        }
    }

    #[test]
    fn values_are_cut_apart_however_they_arrive() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            (" \n\t", &[]),
            (r#"{"a":1}{"b":2}"#, &[r#"{"a":1}"#, r#"{"b":2}"#]),
            ("  \n{\"a\": [1,\n 2]} \n", &["{\"a\": [1,\n 2]}"]),
            (r#"{"a":"}{\"]["}[]"#, &[r#"{"a":"}{\"]["}"#, "[]"]),
            (r#"{"a":"\\"}{}"#, &[r#"{"a":"\\"}"#, "{}"]),
            ("null{}", &["null", "{}"]),
        ];
        for (text, expected) in cases {
            for piece_len in [1, 2, 7, 1000] {
                let (found, err) = messages(text, piece_len);
                assert_eq!(&found, expected, "{text:?} in pieces of {piece_len}");
                assert!(err.is_none(), "{text:?}: {err:?}");
            }
        }
    }

    #[test]
    fn garbage_ends_the_stream_after_the_values_before_it() {
        for text in ["hello", "GET / HTTP/1.1\r\n", "\u{feff}{}", "5", "nil", "}"] {
            let (found, err) = messages(&format!("{{}}{text}"), 3);
            assert_eq!(found, ["{}"]);
            assert!(matches!(err, Some(FrameError::Garbage(_))), "{text:?}: {err:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn bytes_of_any_kind_are_cut_the_same_however_they_arrive(
            text in r#"[{}\[\]",:a\\ \n0-9nul]{0,60}"#,
            piece_len in 1usize..9,
        ) {
            let (whole, whole_err) = messages(&text, 1000);
            let (pieces, pieces_err) = messages(&text, piece_len);
            assert_eq!(whole, pieces);
            assert_eq!(whole_err.is_some(), pieces_err.is_some());
        }
    }

    #[test]
    fn a_message_has_bounds() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(100_000));
        assert!(matches!(messages(&long, 500).1, Some(FrameError::TooLong(1000))));
        let source = Pieces { left: &[b'['; 20_000], piece_len: 1000 };
        let mut reader = MessageReader::new(source, 1 << 20);
        assert!(matches!(reader.next_message(), Err(FrameError::TooDeep)));
        assert!(matches!(messages("{\"a\":", 2).1, Some(FrameError::Cut)));
    }
}
