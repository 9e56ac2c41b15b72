//! Commands about goroutines and threads.

use crate::frontend::command::parse::{Words, integer};
use crate::frontend::command::{
    Command, Filter, GoroutinesArgs, Group, ParseError, Prefix,
};
use crate::frontend::text::goroutine::Place;

/// The depth of `goroutines -t` without a number.
const STACK_DEPTH: i64 = 10;

/// The numbers of `ListGoroutinesFilter.Kind`.
pub const LABEL: i64 = 5;
pub const RUNNING: i64 = 6;
pub const USER: i64 = 7;
pub const WAITING_ON_CHANNEL: i64 = 8;

pub fn goroutine(it: &Words<'_>) -> Result<Command, ParseError> {
    let (number, command) = it.split();
    if number.is_empty() {
        return Ok(Command::Goroutine { id: None, then: None });
    }
    let id = Some(integer(number)?);
    let then = match command {
        "" => None,
        command => Some(Box::new(it.command(command, Prefix::None)?)),
    };
    Ok(Command::Goroutine { id, then })
}

pub fn thread(it: &Words<'_>) -> Result<Command, ParseError> {
    if it.rest.is_empty() {
        return Err(it.error("you must specify a thread"));
    }
    Ok(Command::Thread { id: integer(it.rest)? })
}

pub fn goroutines(it: &Words<'_>) -> Result<Command, ParseError> {
    let mut args = GoroutinesArgs::default();
    let words: Vec<&str> = it.rest.split_whitespace().collect();
    let mut left = &words[..];
    while let [word, rest @ ..] = left {
        left = rest;
        let wrong = || it.error(format!("wrong argument: '{word}'"));
        match *word {
            "-u" => args.place = Place::User,
            "-r" => args.place = Place::Current,
            "-g" => args.place = Place::Go,
            "-s" => args.place = Place::Start,
            "-l" => args.labels = true,
            "-t" => {
                let number = left.first().and_then(|it| integer(it).ok());
                left = &left[usize::from(number.is_some())..];
                args.stack_depth = Some(number.unwrap_or(STACK_DEPTH));
            }
            "-w" | "-with" | "-wo" | "-without" => {
                let negated = word.starts_with("-wo") || *word == "-without";
                let filter = filter(&mut left, negated).ok_or_else(wrong)?;
                args.filters.push(filter);
            }
            "-group" => args.group = Some(group(&mut left).ok_or_else(wrong)?),
            "-chan" => {
                let expr = take(&mut left)
                    .ok_or_else(|| it.error("not enough arguments after -chan"))?;
                let arg = expr.to_owned();
                args.filters.push(Filter {
                    kind: WAITING_ON_CHANNEL,
                    negated: false,
                    arg,
                });
            }
            "-exec" => {
                let (_, command) = it.rest.split_once("-exec").unwrap_or_default();
                args.each = Some(it.command(command, Prefix::None)?);
                left = &[];
            }
            _ => return Err(wrong()),
        }
    }
    Ok(Command::Goroutines(Box::new(args)))
}

fn take<'a>(words: &mut &[&'a str]) -> Option<&'a str> {
    let (first, rest) = words.split_first()?;
    *words = rest;
    Some(first)
}

fn kind(words: &mut &[&str]) -> Option<i64> {
    Some(match take(words)? {
        "curloc" => 1,
        "userloc" => 2,
        "goloc" => 3,
        "startloc" => 4,
        "label" => LABEL,
        "running" => RUNNING,
        "user" => USER,
        _ => return None,
    })
}

fn filter(words: &mut &[&str], negated: bool) -> Option<Filter> {
    let kind = kind(words)?;
    let arg = match kind {
        RUNNING | USER => String::new(),
        _ => take(words)?.to_owned(),
    };
    Some(Filter { kind, negated, arg })
}

fn group(words: &mut &[&str]) -> Option<Group> {
    let kind = kind(words)?;
    let key = match kind {
        LABEL => take(words)?.to_owned(),
        _ => String::new(),
    };
    Some(Group { kind, key })
}
