//! Commands with a little language of their own: on, condition, restart, config, target.

use crate::frontend::command::parse::{Words, args, data, integer, spec_of, split_word};
use crate::frontend::command::{
    Command, ConditionChange, ConfigArgs, DebugDirs, FollowExec, OnAction, ParseError,
    Prefix, RestartArgs, TargetArgs,
};

pub fn breakpoints(it: &Words<'_>) -> Result<Command, ParseError> {
    let (flag, rest) = it.split();
    Ok(match (flag, rest) {
        ("", _) => Command::Breakpoints { physical: false, save: None },
        ("-a", "") => Command::Breakpoints { physical: true, save: None },
        ("-save", "") => return Err(it.error("missing filename after -save flag")),
        ("-save", file) => {
            Command::Breakpoints { physical: false, save: Some(file.to_owned()) }
        }
        _ => return Err(it.error(format!("unknown argument {flag:?} to breakpoints"))),
    })
}

pub fn condition(it: &Words<'_>) -> Result<Command, ParseError> {
    let (first, rest) = it.split();
    if rest.is_empty() {
        return Err(it.error("not enough arguments"));
    }
    let (which, change) = match first {
        "-clear" => (rest, ConditionChange::Clear),
        "-hitcount" | "-per-g-hitcount" => {
            let (which, text) = split_word(rest);
            if text.is_empty() {
                return Err(it.error("not enough arguments"));
            }
            let per_goroutine = first == "-per-g-hitcount";
            (which, ConditionChange::Hits { text: text.to_owned(), per_goroutine })
        }
        which => (which, ConditionChange::Expr(rest.to_owned())),
    };
    Ok(Command::Condition { which: which.to_owned(), change })
}

pub fn on(it: &Words<'_>) -> Result<Command, ParseError> {
    let (which, command) = it.split();
    if command.is_empty() {
        return Err(it.error("not enough arguments"));
    }
    let action =
        if command == "-edit" { OnAction::Edit } else { on_action(it, command)? };
    Ok(Command::On { which: which.to_owned(), action })
}

/// Parses what follows `on <breakpoint>`, as `-edit` writes it too.
pub fn on_action(it: &Words<'_>, command: &str) -> Result<OnAction, ParseError> {
    let (name, rest) = split_word(command);
    let spec = spec_of(name, it.config).filter(|it| it.prefixes.contains(&Prefix::On));
    let Some(spec) = spec else { return Err(it.error("command not available")) };
    let inner = Words { rest, prefix: Prefix::On, config: it.config, depth: it.depth };
    let alone = |action: OnAction| match rest {
        "" => Ok(action),
        _ => Err(it.error(format!("too many arguments to {}", spec.name()))),
    };
    match spec.name() {
        "print" => data::collected(&inner),
        "stack" => Ok(OnAction::Stack { depth: args::stack_args(&inner)?.depth }),
        "goroutine" => alone(OnAction::Goroutine),
        "trace" => alone(OnAction::Trace),
        "args" | "locals" => {
            let list = inner.list_args();
            if !list.filter.is_empty() {
                return Err(it.error("filter not supported on breakpoint"));
            }
            let verbose = list.verbose;
            Ok(match spec.name() {
                "args" => OnAction::Args { verbose },
                _ => OnAction::Locals { verbose },
            })
        }
        "condition" => on_condition(&inner),
        _ => Err(it.error("command not available")),
    }
}

fn on_condition(it: &Words<'_>) -> Result<OnAction, ParseError> {
    let (first, rest) = it.split();
    let per_goroutine = first == "-per-g-hitcount";
    if per_goroutine || first == "-hitcount" {
        if rest.is_empty() {
            return Err(it.error("not enough arguments"));
        }
        return Ok(OnAction::HitCondition { text: rest.to_owned(), per_goroutine });
    }
    Ok(OnAction::Condition { text: it.required()? })
}

pub fn restart(it: &Words<'_>) -> Result<Command, ParseError> {
    if it.rest.is_empty() {
        return Ok(Command::Restart(RestartArgs::default()));
    }
    if it.rest.contains('`') {
        return Err(it.error(format!("Backtick not supported in '{}'", it.rest)));
    }
    let illegal = || it.error(format!("illegal commandline '{}'", it.rest));
    let mut words = shell_words(it.rest).ok_or_else(illegal)?;
    if words.iter().any(|it| it == "|") {
        return Err(illegal());
    }
    if words.first().is_some_and(|it| it == "-noargs") {
        if words.len() > 1 {
            return Err(it.error("too many arguments to restart"));
        }
        words.clear();
    }
    let redirects = take_redirects(it, &mut words)?;
    Ok(Command::Restart(RestartArgs { reset: true, args: words, redirects }))
}

/// Takes `<in`, `>out` and `2>err` off the end, the blank after the sign allowed.
fn take_redirects(
    it: &Words<'_>,
    words: &mut Vec<String>,
) -> Result<[String; 3], ParseError> {
    const SIGNS: [&str; 3] = ["<", ">", "2>"];
    const NAMES: [&str; 3] = ["stdin", "stdout", "stderr"];
    let mut redirects: [String; 3] = Default::default();
    loop {
        if let [.., sign, file] = &words[..]
            && SIGNS.contains(&sign.as_str())
        {
            let joined = format!("{sign}{file}");
            words.truncate(words.len() - 2);
            words.push(joined);
        }
        let Some(last) = words.last() else { return Ok(redirects) };
        let found = SIGNS.iter().position(|sign| last.starts_with(sign));
        let Some(stream) = found else { return Ok(redirects) };
        if !redirects[stream].is_empty() {
            let name = NAMES[stream];
            return Err(it.error(format!("redirect error: {name} redirected twice")));
        }
        redirects[stream] = last[SIGNS[stream].len()..].to_owned();
        words.pop();
    }
}

/// Words as a shell takes them apart: blanks between them, quotes and backslashes. `None`
/// if a quote is not closed.
pub fn shell_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(chars.next()?),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        end if end == c => break,
                        '\\' if c == '"' => word.push(chars.next()?),
                        inner => word.push(inner),
                    }
                }
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

pub fn source(it: &Words<'_>) -> Result<Command, ParseError> {
    match it.rest {
        "" => Err(it.error("wrong number of arguments: source <filename>")),
        path => Ok(Command::Source { path: path.to_owned() }),
    }
}

pub fn target(it: &Words<'_>) -> Result<Command, ParseError> {
    let (first, rest) = it.split();
    let args = match first {
        "list" => TargetArgs::List,
        "follow-exec" => {
            let (flag, regex) = split_word(rest);
            TargetArgs::FollowExec(match flag {
                "" => None,
                "-on" => Some(FollowExec::On { regex: regex.to_owned() }),
                "-off" if regex.is_empty() => Some(FollowExec::Off),
                "-off" => return Err(it.error("too many arguments")),
                _ => {
                    let text =
                        format!("unknown argument {flag:?} to 'target follow-exec'");
                    return Err(it.error(text));
                }
            })
        }
        "switch" => TargetArgs::Switch { pid: integer(rest)? },
        "" => return Err(it.error("not enough arguments for 'target'")),
        other => return Err(it.error(format!("unknown command 'target {other}'"))),
    };
    Ok(Command::Target(args))
}

pub fn config(it: &Words<'_>) -> Result<Command, ParseError> {
    let wrong = || it.error("wrong number of arguments to \"config\"");
    let (key, rest) = it.split();
    let words = shell_words(rest).ok_or_else(wrong)?;
    let args = match (key, &words[..]) {
        ("-list", []) => ConfigArgs::List,
        ("-save", []) => ConfigArgs::Save,
        ("alias", [alias]) => ConfigArgs::Unalias { alias: alias.clone() },
        ("alias", [command, alias]) => {
            ConfigArgs::Alias { command: command.clone(), alias: alias.clone() }
        }
        ("alias", _) | ("", _) => return Err(wrong()),
        ("substitute-path", []) => ConfigArgs::ShowRules,
        ("substitute-path", [flag]) if flag == "-clear" => ConfigArgs::ClearRules,
        ("substitute-path", [from]) => ConfigArgs::RemoveRule { from: from.clone() },
        ("substitute-path", [from, to]) => {
            ConfigArgs::AddRule { from: from.clone(), to: to.clone() }
        }
        ("substitute-path", _) => {
            return Err(it.error("too many arguments to \"config substitute-path\""));
        }
        ("debug-info-directories", []) => ConfigArgs::DebugDirs(DebugDirs::Show),
        ("debug-info-directories", [flag]) if flag == "-clear" => {
            ConfigArgs::DebugDirs(DebugDirs::Clear)
        }
        ("debug-info-directories", [flag, dir]) if flag == "-add" => {
            ConfigArgs::DebugDirs(DebugDirs::Add(dir.clone()))
        }
        ("debug-info-directories", [flag, dir]) if flag == "-rm" => {
            ConfigArgs::DebugDirs(DebugDirs::Remove(dir.clone()))
        }
        (_, [value]) => ConfigArgs::Set { key: key.to_owned(), value: value.clone() },
        _ => return Err(wrong()),
    };
    Ok(Command::Config(args))
}
