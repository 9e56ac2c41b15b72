//! Commands about values: print, set, display, call, examinemem.

use crate::frontend::command::parse::{Words, integer, split_word, unsigned};
use crate::frontend::command::{
    Command, DisplayArgs, MemoryArgs, MemoryOperand, OnAction, ParseError,
};
use crate::frontend::text::memory::Base;

/// The largest number of `examinemem -size`.
const NUMBER_LEN_MAX: i64 = 8;

pub fn print(it: &Words<'_>) -> Result<Command, ParseError> {
    let (format, expr) = format_and_expr(it.rest);
    if expr.is_empty() {
        return Err(it.error("not enough arguments"));
    }
    Ok(Command::Print { format, expr })
}

/// What `on N print` collects.
pub fn collected(it: &Words<'_>) -> Result<OnAction, ParseError> {
    Ok(OnAction::Print { expr: it.required()? })
}

/// `[%verb] expression`.
fn format_and_expr(text: &str) -> (Option<String>, String) {
    let (first, rest) = split_word(text);
    if first.starts_with('%') {
        (Some(first.to_owned()), rest.to_owned())
    } else {
        (None, text.to_owned())
    }
}

pub fn call(it: &Words<'_>) -> Result<Command, ParseError> {
    let (first, rest) = it.split();
    let (expr, unchecked) =
        if first == "-unsafe" { (rest, true) } else { (it.rest, false) };
    Ok(Command::Call { expr: expr.to_owned(), unchecked })
}

pub fn set(it: &Words<'_>) -> Result<Command, ParseError> {
    match assignment(it.rest) {
        Some((target, value)) => Ok(Command::Set {
            target: target.trim().to_owned(),
            value: value.trim().to_owned(),
        }),
        None => Err(it.error("syntax error '=' not found")),
    }
}

/// What is before and after the first `=` that is an assignment: not in quotes, and not
/// part of a comparison.
fn assignment(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let mut quote = None;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (quote, byte) {
            (Some('"' | '\''), b'\\') => at += 1,
            (Some(open), byte) if char::from(*byte) == open => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'' | b'`') => quote = Some(char::from(*byte)),
            (None, b'=') => {
                let before = at.checked_sub(1).and_then(|it| bytes.get(it));
                let compares = matches!(before, Some(b'=' | b'!' | b'<' | b'>'));
                if !compares && bytes.get(at + 1) != Some(&b'=') {
                    return Some((&text[..at], &text[at + 1..]));
                }
            }
            (None, _) => {}
        }
        at += 1;
    }
    None
}

pub fn display(it: &Words<'_>) -> Result<Command, ParseError> {
    let (flag, rest) = it.split();
    let args = match (flag, rest) {
        ("", _) => DisplayArgs::Show,
        ("-a", "") => return Err(it.error("not enough arguments")),
        ("-a", rest) => {
            let (format, expr) = format_and_expr(rest);
            DisplayArgs::Add { format, expr }
        }
        ("-d", number) => {
            let index = number.parse();
            let index =
                index.map_err(|_| it.error(format!("{number:?} is not a number")))?;
            DisplayArgs::Delete { index }
        }
        _ => return Err(it.error("wrong arguments")),
    };
    Ok(Command::Display(args))
}

pub fn examine_memory(it: &Words<'_>) -> Result<Command, ParseError> {
    let mut args = MemoryArgs {
        operand: MemoryOperand::Address(0),
        base: Base::Hexadecimal,
        raw: false,
        count: 1,
        size: 1,
    };
    let mut rest = it.rest;
    loop {
        let (word, after) = split_word(rest);
        rest = after;
        let mut value = |of: &str| {
            let (value, after) = split_word(rest);
            rest = after;
            if value.is_empty() {
                return Err(it.error(format!("expected argument after {of}")));
            }
            Ok(value)
        };
        match word {
            "" => return Err(it.error("no address specified")),
            "-fmt" => match value("-fmt")? {
                "raw" => args.raw = true,
                name => args.base = base(it, name)?,
            },
            "-count" | "-len" => {
                let count = integer(value("-count/-len")?).ok().filter(|it| *it > 0);
                args.count = count
                    .ok_or_else(|| it.error("count/len must be a positive integer"))?;
            }
            "-size" => {
                let fits = |it: &i64| (1..=NUMBER_LEN_MAX).contains(it);
                let size = integer(value("-size")?).ok().filter(fits);
                args.size = size
                    .ok_or_else(|| it.error("size must be a positive integer (<=8)"))?;
            }
            "-x" if rest.is_empty() => return Err(it.error("no address specified")),
            "-x" => {
                args.operand = MemoryOperand::Expr(rest.to_owned());
                return Ok(Command::ExamineMemory(args));
            }
            option if option.starts_with('-') => {
                return Err(it.error(format!("unknown option {option:?}")));
            }
            address if rest.is_empty() => {
                let address = unsigned(address).map_err(|err| {
                    let text = "convert address into uintptr type failed";
                    it.error(format!("{text}, {}", err.0))
                })?;
                args.operand = MemoryOperand::Address(address);
                return Ok(Command::ExamineMemory(args));
            }
            _ => return Err(it.error(format!("unknown option {:?}", split_word(rest).0))),
        }
    }
}

fn base(it: &Words<'_>, name: &str) -> Result<Base, ParseError> {
    Ok(match name {
        "bin" | "binary" => Base::Binary,
        "oct" | "octal" => Base::Octal,
        "dec" | "decimal" => Base::Decimal,
        "hex" | "hexadecimal" => Base::Hexadecimal,
        _ => return Err(it.error(format!("{name:?} is not a valid format"))),
    })
}
