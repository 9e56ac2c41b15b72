//! Commands with options: stack, disassemble.

use crate::frontend::command::parse::{Words, integer, split_word, unsigned};
use crate::frontend::command::{Command, DisassembleArgs, ParseError, StackArgs};

/// How deep the stack of an ancestor is shown if nothing is said.
const ANCESTOR_DEPTH: i64 = 10;

pub fn stack(it: &Words<'_>) -> Result<Command, ParseError> {
    Ok(Command::Stack(stack_args(it)?))
}

pub fn stack_args(it: &Words<'_>) -> Result<StackArgs, ParseError> {
    let mut args = StackArgs::default();
    let mut depth = None;
    let mut words = it.rest.split_whitespace();
    while let Some(word) = words.next() {
        let mut number = |of: &str| {
            let value = words.next().and_then(|it| integer(it).ok());
            value.ok_or_else(|| it.error(format!("expected number after {of}")))
        };
        match word {
            "-full" => args.full = true,
            "-offsets" => args.offsets = true,
            "-defer" => args.defers = true,
            "-a" => args.n_ancestors = number("-a")?,
            "-adepth" => args.ancestor_depth = number("-adepth")?,
            "-mode" => {
                args.mode = match words.next() {
                    Some("normal") => 0,
                    Some("simple") => 2,
                    Some("fromg") => 6,
                    _ => {
                        let text = "expected normal, simple or fromg after -mode";
                        return Err(it.error(text));
                    }
                }
            }
            number => {
                let known = integer(number).ok().filter(|it| *it >= 0);
                depth = Some(known.ok_or_else(|| it.error("depth must be a number"))?);
            }
        }
    }
    args.depth = depth.unwrap_or(StackArgs::DEPTH);
    if args.n_ancestors > 0 && args.ancestor_depth == 0 {
        args.ancestor_depth = depth.unwrap_or(ANCESTOR_DEPTH);
    }
    Ok(args)
}

pub fn disassemble(it: &Words<'_>) -> Result<Command, ParseError> {
    let usage = || {
        it.error(
            "wrong number of arguments: disassemble [-a <start> <end>] [-l <locspec>]",
        )
    };
    let (flag, rest) = it.split();
    let args = match (flag, rest) {
        ("", _) => DisassembleArgs::Function,
        ("-l", spec) if !spec.is_empty() => DisassembleArgs::At { spec: spec.to_owned() },
        ("-a", range) => {
            let (start, end) = split_word(range);
            if start.is_empty() || end.is_empty() {
                return Err(usage());
            }
            let number = |text: &str| {
                unsigned(text)
                    .map_err(|err| it.error(format!("wrong argument: {}", err.0)))
            };
            DisassembleArgs::Range { start: number(start)?, end: number(end)? }
        }
        _ => return Err(usage()),
    };
    Ok(Command::Disassemble(args))
}
