//! Which tokens is an expression made of? Go's lexical rules (Go specification, "Lexical
//! elements"), with the messages of `go/scanner`.

use crate::engine::eval::expr::Literal;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Ident(String),
    /// Value and spelling.
    Literal(Literal, String),
    Keyword(&'static str),
    /// An operator or a delimiter.
    Sign(&'static str),
    /// A semicolon that the lexer put at the end of a line.
    Newline,
    End,
}

impl Token {
    /// How `go/parser` names the token after "found".
    pub fn found(&self) -> String {
        match self {
            Token::Ident(name) => name.clone(),
            Token::Literal(_, text) => text.clone(),
            Token::Keyword(word) => format!("'{word}'"),
            Token::Sign(sign) => format!("'{sign}'"),
            Token::Newline => "newline".into(),
            Token::End => "'EOF'".into(),
        }
    }

    pub fn is(&self, sign: &str) -> bool {
        matches!(self, Token::Sign(it) if *it == sign)
    }
}

/// Where in the text something is wrong, and what.
#[derive(Debug, PartialEq)]
pub(crate) struct SyntaxError {
    pub at: usize,
    pub text: String,
}

impl SyntaxError {
    /// The message with line and column, as `go/scanner` gives them: both from one, the
    /// column in bytes.
    pub fn message(&self, source: &str) -> String {
        let before = source.as_bytes().get(..self.at).unwrap_or(source.as_bytes());
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        format!("{line}:{}: {}", before.len() - start + 1, self.text)
    }
}

const KEYWORDS: [&str; 25] = [
    "break",
    "case",
    "chan",
    "const",
    "continue",
    "default",
    "defer",
    "else",
    "fallthrough",
    "for",
    "func",
    "go",
    "goto",
    "if",
    "import",
    "interface",
    "map",
    "package",
    "range",
    "return",
    "select",
    "struct",
    "switch",
    "type",
    "var",
];

/// Longest first: the first that fits is the token.
const SIGNS: [&str; 49] = [
    "<<=", ">>=", "&^=", "...", "&&", "||", "<-", "++", "--", "==", "!=", "<=", ">=",
    ":=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<", ">>", "&^", "+", "-",
    "*", "/", "%", "&", "|", "^", "<", ">", "=", "!", "(", ")", "[", "]", "{", "}", ",",
    ";", ".", ":", "~", "@",
];

pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Whether a line that ended here would end with a semicolon.
    ends_statement: bool,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, at: 0, ends_statement: false }
    }

    /// The next token and where it starts.
    pub fn next(&mut self) -> Result<(usize, Token), SyntaxError> {
        if let Some(at) = self.skip_blanks()? {
            self.ends_statement = false;
            return Ok((at, Token::Newline));
        }
        let start = self.at;
        let rest = &self.text[start..];
        let Some(first) = rest.chars().next() else {
            if std::mem::take(&mut self.ends_statement) {
                return Ok((start, Token::Newline));
            }
            return Ok((start, Token::End));
        };
        let second = rest.as_bytes().get(1).copied().unwrap_or(0);
        let token = if first.is_alphabetic() || first == '_' {
            self.word()
        } else if first.is_ascii_digit() || first == '.' && second.is_ascii_digit() {
            self.number()?
        } else if first == '"' || first == '`' {
            self.string(first)?
        } else if first == '\'' {
            self.rune()?
        } else {
            self.sign(first)?
        };
        self.ends_statement = matches!(
            &token,
            Token::Ident(_)
                | Token::Literal(..)
                | Token::Keyword("break" | "continue" | "fallthrough" | "return")
                | Token::Sign(")" | "]" | "}" | "++" | "--")
        );
        Ok((start, token))
    }

    /// Skips blanks and comments; `Some` where a semicolon belongs.
    fn skip_blanks(&mut self) -> Result<Option<usize>, SyntaxError> {
        loop {
            let rest = &self.text[self.at..];
            match rest.as_bytes().first() {
                Some(b'\n') if self.ends_statement => {
                    self.at += 1;
                    return Ok(Some(self.at - 1));
                }
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                Some(b'/') if rest.starts_with("//") => {
                    self.at += rest.find('\n').unwrap_or(rest.len());
                }
                Some(b'/') if rest.starts_with("/*") => match rest.find("*/") {
                    Some(end) => self.at += end + 2,
                    None => return Err(self.error(self.at, "comment not terminated")),
                },
                _ => return Ok(None),
            }
        }
    }

    fn error(&self, at: usize, text: impl Into<String>) -> SyntaxError {
        SyntaxError { at, text: text.into() }
    }

    /// The text from `start` to here.
    fn since(&self, start: usize) -> String {
        self.text[start..self.at].to_owned()
    }

    fn word(&mut self) -> Token {
        let rest = &self.text[self.at..];
        let len =
            rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        self.at += len;
        let word = &rest[..len];
        match KEYWORDS.iter().find(|it| **it == word) {
            Some(keyword) => Token::Keyword(keyword),
            None => Token::Ident(word.to_owned()),
        }
    }

    fn sign(&mut self, first: char) -> Result<Token, SyntaxError> {
        let rest = &self.text[self.at..];
        match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            Some(sign) if *sign != "@" => {
                self.at += sign.len();
                Ok(Token::Sign(sign))
            }
            _ => {
                let code = u32::from(first);
                let text = format!("illegal character U+{code:04X} '{first}'");
                Err(self.error(self.at, text))
            }
        }
    }

    fn number(&mut self) -> Result<Token, SyntaxError> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let hex = matches!(bytes.get(start + 1), Some(b'x' | b'X'));
        let mut fraction = false;
        while let Some(&b) = bytes.get(self.at) {
            let exponent = if hex { b"pP" } else { b"eE" };
            let sign_follows = matches!(bytes.get(self.at + 1), Some(b'+' | b'-'));
            match b {
                b'.' if fraction => break,
                b'.' => fraction = true,
                b if exponent.contains(&b) => {
                    fraction = true;
                    self.at += usize::from(sign_follows);
                }
                b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {}
                _ => break,
            }
            self.at += 1;
        }
        let spelling = self.since(start);
        let (digits, imaginary) = match spelling.strip_suffix('i') {
            Some(digits) => (digits, true),
            None => (spelling.as_str(), false),
        };
        let number = match fraction {
            true => float(digits).map(Literal::Float),
            false => integer(digits).map(Literal::Int),
        };
        let number = number.map_err(|(at, text)| self.error(start + at, text))?;
        let literal = match (imaginary, number) {
            (true, Literal::Int(n)) => Literal::Imaginary(n as f64),
            (true, Literal::Float(x)) => Literal::Imaginary(x),
            (_, other) => other,
        };
        Ok(Token::Literal(literal, spelling))
    }

    fn string(&mut self, quote: char) -> Result<Token, SyntaxError> {
        let start = self.at;
        self.at += 1;
        let mut value = Vec::new();
        loop {
            let Some(c) = self.text[self.at..].chars().next() else {
                let what = if quote == '`' { "raw string" } else { "string" };
                return Err(self.error(start, format!("{what} literal not terminated")));
            };
            match c {
                c if c == quote => break,
                '\n' if quote == '"' => {
                    return Err(self.error(start, "string literal not terminated"));
                }
                '\\' if quote == '"' => self.escape('"', &mut value)?,
                c => {
                    self.at += c.len_utf8();
                    value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        }
        self.at += 1;
        Ok(Token::Literal(Literal::String(value), self.since(start)))
    }

    fn rune(&mut self) -> Result<Token, SyntaxError> {
        let start = self.at;
        self.at += 1;
        let mut value = Vec::new();
        let mut n_runes = 0;
        let mut single_byte = false;
        loop {
            let c = self.text[self.at..].chars().next();
            match c {
                Some('\'') => break,
                None | Some('\n') => {
                    return Err(self.error(start, "rune literal not terminated"));
                }
                Some('\\') => {
                    let before = value.len();
                    self.escape('\'', &mut value)?;
                    single_byte = value.len() == before + 1;
                }
                Some(c) => {
                    self.at += c.len_utf8();
                    value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
            n_runes += 1;
        }
        self.at += 1;
        let code = match std::str::from_utf8(&value) {
            Ok(text) => text.chars().next().map(u32::from),
            Err(_) if single_byte => value.first().copied().map(u32::from),
            Err(_) => None,
        };
        match code {
            Some(code) if n_runes == 1 => {
                Ok(Token::Literal(Literal::Int(code.into()), self.since(start)))
            }
            _ => Err(self.error(start, "illegal rune literal")),
        }
    }

    /// Reads one escape sequence; the cursor is at the backslash.
    fn escape(&mut self, quote: char, out: &mut Vec<u8>) -> Result<(), SyntaxError> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let kind = bytes.get(start + 1).copied().unwrap_or(0);
        self.at += 2;
        let simple = match kind {
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'n' => 10,
            b'r' => 13,
            b't' => 9,
            b'v' => 11,
            b'\\' => b'\\',
            k if u32::from(k) == u32::from(quote) => k,
            _ => 0,
        };
        if simple != 0 {
            out.push(simple);
            return Ok(());
        }
        let (n_digits, radix, is_rune) = match kind {
            b'x' => (2, 16, false),
            b'u' => (4, 16, true),
            b'U' => (8, 16, true),
            b'0'..=b'7' => {
                self.at -= 1;
                (3, 8, false)
            }
            _ => return Err(self.error(start + 1, "unknown escape sequence")),
        };
        let digits = self.text.get(self.at..self.at + n_digits).unwrap_or("");
        let code = u32::from_str_radix(digits, radix)
            .map_err(|_| self.error(start, "illegal character in escape sequence"))?;
        self.at += n_digits;
        match (is_rune, char::from_u32(code), u8::try_from(code)) {
            (true, Some(c), _) => {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            (false, _, Ok(byte)) => out.push(byte),
            _ => {
                let text = "escape sequence is invalid Unicode code point";
                return Err(self.error(start, text));
            }
        }
        Ok(())
    }
}

/// What is wrong with a number, and where in it.
type BadNumber = (usize, String);

fn integer(text: &str) -> Result<i128, BadNumber> {
    let lower = text.to_ascii_lowercase();
    let (name, radix, prefix) = match lower.get(..2) {
        Some("0x") => ("hexadecimal", 16, 2),
        Some("0b") => ("binary", 2, 2),
        Some("0o") => ("octal", 8, 2),
        _ if lower.len() > 1 && lower.starts_with('0') => ("octal", 8, 1),
        _ => ("decimal", 10, 0),
    };
    let body = lower.get(prefix..).unwrap_or_default();
    let is_digit = |c: char| c.is_digit(radix) || c == '_';
    if let Some(at) = body.find(|c| !is_digit(c)) {
        let bad = body[at..].chars().next().unwrap_or_default();
        return Err((prefix + at, format!("invalid digit '{bad}' in {name} literal")));
    }
    let plain: String = body.chars().filter(|c| *c != '_').collect();
    if plain.is_empty() {
        return Err((text.len(), format!("{name} literal has no digits")));
    }
    if body.ends_with('_') || body.contains("__") {
        return Err((text.len() - 1, "'_' must separate successive digits".into()));
    }
    i128::from_str_radix(&plain, radix)
        .map_err(|_| (0, format!("the integer {text} is too large")))
}

fn float(text: &str) -> Result<f64, BadNumber> {
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    let lower = plain.to_ascii_lowercase();
    let bad = || (0, format!("invalid floating-point literal {text}"));
    let Some(body) = lower.strip_prefix("0x") else {
        if lower.ends_with(['e', '+', '-']) {
            return Err((text.len(), "exponent has no digits".into()));
        }
        return lower.parse().map_err(|_| bad());
    };
    let Some((mantissa, exponent)) = body.split_once('p') else {
        let what = "hexadecimal mantissa requires a 'p' exponent";
        return Err((text.len(), what.into()));
    };
    let exponent: i32 = exponent.parse().map_err(|_| bad())?;
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut value = 0.0;
    for digit in whole.chars().chain(part.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16).ok_or_else(bad)?);
    }
    let scale = exponent.saturating_sub(4 * i32::try_from(part.len()).unwrap_or(0));
    Ok(value * 2f64.powi(scale))
}
