//! Commands whose arguments are a word or two: next, watch, frame, up, down, deferred.

use crate::frontend::command::parse::{Words, integer};
use crate::frontend::command::{Command, FrameMove, ParseError, Prefix};

pub fn next(it: &Words<'_>) -> Result<Command, ParseError> {
    let count = if it.rest.is_empty() { 1 } else { integer(it.rest)? };
    if count <= 0 {
        return Err(it.error("Invalid next count"));
    }
    Ok(Command::Next { count })
}

pub fn watch(it: &Words<'_>) -> Result<Command, ParseError> {
    let (flag, expr) = it.split();
    if expr.is_empty() {
        return Err(it.error("wrong number of arguments: watch [-r|-w|-rw] <expr>"));
    }
    let access = match flag {
        "-r" => 1,
        "-w" => 2,
        "-rw" => 3,
        _ => return Err(it.error(format!("wrong argument {flag:?} to watch"))),
    };
    Ok(Command::Watch { access, expr: expr.to_owned() })
}

pub fn frame(it: &Words<'_>) -> Result<Command, ParseError> {
    if it.rest.is_empty() {
        return Err(it.error("not enough arguments"));
    }
    frame_move(it, FrameMove::To)
}

pub fn up(it: &Words<'_>) -> Result<Command, ParseError> {
    frame_move(it, FrameMove::Up)
}

pub fn down(it: &Words<'_>) -> Result<Command, ParseError> {
    frame_move(it, FrameMove::Down)
}

fn frame_move(it: &Words<'_>, way: fn(i64) -> FrameMove) -> Result<Command, ParseError> {
    let (number, command) = it.split();
    let n = if number.is_empty() { 1 } else { integer(number)? };
    let then = match command {
        "" => None,
        command => Some(Box::new(it.command(command, Prefix::None)?)),
    };
    Ok(Command::Frame { to: way(n), then })
}

pub fn deferred(it: &Words<'_>) -> Result<Command, ParseError> {
    let (number, command) = it.split();
    if command.is_empty() {
        return Err(it.error("not enough arguments"));
    }
    let nth = integer(number)?;
    if nth <= 0 {
        return Err(it.error(
            "argument of deferred must be a number greater than 0 (use 'stack -defer' to \
             see the list of deferred calls)",
        ));
    }
    let then = Box::new(it.command(command, Prefix::Deferred)?);
    Ok(Command::Deferred { nth, then })
}
