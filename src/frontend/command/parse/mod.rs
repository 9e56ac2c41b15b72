//! From a line to a [`Command`]. No line is sent anywhere before all of it is understood.

pub mod words;
pub mod args;
pub mod data;
pub mod goroutines;
pub mod other;

use crate::frontend::command::{
    Command, CommandSpec, ListArgs, OnAction, ParseError, Prefix, table,
};
use crate::frontend::config::Config;

/// How deep commands may be within commands: `goroutine 1 frame 2 deferred 3 print x`.
const NESTING_MAX: usize = 16;

/// What follows the name of a command, and what it takes to understand it.
pub struct Words<'a> {
    /// Without the blanks around it.
    pub rest: &'a str,
    pub prefix: Prefix,
    config: &'a Config,
    depth: usize,
}

/// Parses a line that the user typed. `config` has names of the user's own.
pub fn parse(line: &str, config: &Config) -> Result<Command, ParseError> {
    let top = Words { rest: line.trim(), prefix: Prefix::None, config, depth: 0 };
    top.command(top.rest, Prefix::None)
}

/// Parses what follows `on <breakpoint>`.
pub fn parse_on(line: &str, config: &Config) -> Result<OnAction, ParseError> {
    let top = Words { rest: line.trim(), prefix: Prefix::On, config, depth: 0 };
    other::on_action(&top, top.rest)
}

/// The row that a word stands for, by itself or as a name of the user's own.
pub fn spec_of(word: &str, config: &Config) -> Option<&'static CommandSpec> {
    table::find(word).or_else(|| table::find(config.aliased(word)))
}

impl<'a> Words<'a> {
    /// Parses a command within this one.
    pub fn command(&self, text: &'a str, prefix: Prefix) -> Result<Command, ParseError> {
        let (name, rest) = split_word(text);
        if self.depth >= NESTING_MAX {
            return Err(self.error("too many commands within each other"));
        }
        let known = spec_of(name, self.config).filter(|it| it.prefixes.contains(&prefix));
        let Some(spec) = known else {
            return Err(self.error("command not available"));
        };
        let config = self.config;
        (spec.parse)(&Words { rest, prefix, config, depth: self.depth + 1 })
    }

    pub fn error(&self, text: impl Into<String>) -> ParseError {
        ParseError::new(text)
    }

    /// Everything, which must not be nothing.
    pub fn required(&self) -> Result<String, ParseError> {
        match self.rest {
            "" => Err(self.error("not enough arguments")),
            rest => Ok(rest.to_owned()),
        }
    }

    /// The first word, and what follows it.
    pub fn split(&self) -> (&'a str, &'a str) {
        split_word(self.rest)
    }

    /// `[-v] [filter]`.
    pub fn list_args(&self) -> ListArgs {
        let (first, rest) = self.split();
        if first == "-v" {
            ListArgs { verbose: true, filter: rest.to_owned() }
        } else {
            ListArgs { verbose: false, filter: self.rest.to_owned() }
        }
    }
}

/// The first word of a text and the rest, without blanks around them.
pub fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim();
    match text.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim_start()),
        None => (text, ""),
    }
}

/// An integer, in decimal or with a prefix of Go's: `0x10`, `0b1`, `0o7`.
pub fn integer(text: &str) -> Result<i64, ParseError> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let size = unsigned(digits)?;
    let value = i128::from(size) * if negative { -1 } else { 1 };
    i64::try_from(value).map_err(|_| not_a_number(text))
}

/// An address or another number without a sign.
pub fn unsigned(text: &str) -> Result<u64, ParseError> {
    let clean = text.replace('_', "");
    let lower = clean.to_ascii_lowercase();
    let parsed = if let Some(digits) = lower.strip_prefix("0x") {
        u64::from_str_radix(digits, 16)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        u64::from_str_radix(digits, 2)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        u64::from_str_radix(digits, 8)
    } else {
        lower.parse()
    };
    parsed.map_err(|_| not_a_number(text))
}

fn not_a_number(text: &str) -> ParseError {
    ParseError::new(format!("{text:?} is not a number"))
}

#[cfg(test)]
mod tests {
    use super::{integer, parse};
    use crate::frontend::command::*;
    use crate::frontend::config::Config;

    fn ok(line: &str) -> Command {
        parse(line, &Config::default()).unwrap_or_else(|err| panic!("{line}: {err}"))
    }

    fn refused(line: &str) -> String {
        parse(line, &Config::default()).expect_err(line).to_string()
    }

    #[test]
    fn lines_are_understood() {
        let text = str::to_owned;
        let cases = [
            ("c", Command::Continue { to: text("") }),
            ("continue main.go:3 ", Command::Continue { to: text("main.go:3") }),
            ("next", Command::Next { count: 1 }),
            ("n 0x10", Command::Next { count: 16 }),
            ("call -unsafe f(1)", Command::Call { expr: text("f(1)"), unchecked: true }),
            ("b x if y == 1", Command::Break { text: text("x if y == 1") }),
            ("watch -rw a.b", Command::Watch { access: 3, expr: text("a.b") }),
            (
                "print %x a + b",
                Command::Print { format: Some(text("%x")), expr: text("a + b") },
            ),
            ("p a", Command::Print { format: None, expr: text("a") }),
            ("set a = b == c", Command::Set { target: text("a"), value: text("b == c") }),
            (
                "set a[\"=\"] = 1",
                Command::Set { target: text("a[\"=\"]"), value: text("1") },
            ),
            (
                "locals -v x",
                Command::Locals(ListArgs { verbose: true, filter: text("x") }),
            ),
            ("args", Command::Args(ListArgs::default())),
            ("frame 2", Command::Frame { to: FrameMove::To(2), then: None }),
            ("up", Command::Frame { to: FrameMove::Up(1), then: None }),
            (
                "down 2 args",
                Command::Frame {
                    to: FrameMove::Down(2),
                    then: Some(Box::new(Command::Args(ListArgs::default()))),
                },
            ),
            (
                "goroutine 4 frame 1 threads",
                Command::Goroutine {
                    id: Some(4),
                    then: Some(Box::new(Command::Frame {
                        to: FrameMove::To(1),
                        then: Some(Box::new(Command::Threads)),
                    })),
                },
            ),
            (
                "deferred 1 p x",
                Command::Deferred {
                    nth: 1,
                    then: Box::new(Command::Print { format: None, expr: text("x") }),
                },
            ),
            (
                "stack 3 -full -a 2 -adepth 5 -mode simple",
                Command::Stack(StackArgs {
                    depth: 3,
                    full: true,
                    n_ancestors: 2,
                    ancestor_depth: 5,
                    mode: 2,
                    ..StackArgs::default()
                }),
            ),
            (
                "x -fmt bin -len 4 0xff",
                Command::ExamineMemory(MemoryArgs {
                    operand: MemoryOperand::Address(255),
                    base: Base::Binary,
                    raw: false,
                    count: 4,
                    size: 1,
                }),
            ),
            (
                "x -size 8 -x &a + 1",
                Command::ExamineMemory(MemoryArgs {
                    operand: MemoryOperand::Expr(text("&a + 1")),
                    base: Base::Hexadecimal,
                    raw: false,
                    count: 1,
                    size: 8,
                }),
            ),
            (
                "display -a %d i",
                Command::Display(DisplayArgs::Add {
                    format: Some(text("%d")),
                    expr: text("i"),
                }),
            ),
            ("display -d 2", Command::Display(DisplayArgs::Delete { index: 2 })),
            ("exit -c", Command::Exit(ExitHow::Continue)),
            (
                "on 1 print x",
                Command::On {
                    which: text("1"),
                    action: OnAction::Print { expr: text("x") },
                },
            ),
            (
                "on b stack 3",
                Command::On { which: text("b"), action: OnAction::Stack { depth: 3 } },
            ),
            (
                "on 1 cond -hitcount > 2",
                Command::On {
                    which: text("1"),
                    action: OnAction::HitCondition {
                        text: text("> 2"),
                        per_goroutine: false,
                    },
                },
            ),
            (
                "cond 1 a == b",
                Command::Condition {
                    which: text("1"),
                    change: ConditionChange::Expr(text("a == b")),
                },
            ),
            (
                "cond -per-g-hitcount b % 3",
                Command::Condition {
                    which: text("b"),
                    change: ConditionChange::Hits {
                        text: text("% 3"),
                        per_goroutine: true,
                    },
                },
            ),
            (
                "cond -clear 1",
                Command::Condition { which: text("1"), change: ConditionChange::Clear },
            ),
            (
                "disass -a 0x10 32",
                Command::Disassemble(DisassembleArgs::Range { start: 16, end: 32 }),
            ),
            (
                "target follow-exec -on x",
                Command::Target(TargetArgs::FollowExec(Some(FollowExec::On {
                    regex: text("x"),
                }))),
            ),
            (
                "config substitute-path \"a b\" /c",
                Command::Config(ConfigArgs::AddRule {
                    from: text("a b"),
                    to: text("/c"),
                }),
            ),
            (
                "config tab \"  \"",
                Command::Config(ConfigArgs::Set { key: text("tab"), value: text("  ") }),
            ),
        ];
        for (line, expected) in cases {
            assert_eq!(ok(line), expected, "{line}");
        }
    }

    #[test]
    fn goroutines_has_a_language_of_its_own() {
        let args = |line| match ok(line) {
            Command::Goroutines(args) => *args,
            other => panic!("{other:?}"),
        };
        assert_eq!(args("goroutines"), GoroutinesArgs::default());
        let rich = args("grs -s -t 3 -l -with label a=b -wo running -exec print x y");
        assert_eq!(rich.place, Place::Start);
        assert_eq!(rich.stack_depth, Some(3));
        assert!(rich.labels);
        let filter = |kind, negated, arg: &str| Filter { kind, negated, arg: arg.into() };
        assert_eq!(rich.filters, [filter(5, false, "a=b"), filter(6, true, "")]);
        assert!(matches!(rich.each, Some(Command::Print { .. })));
        let grouped = args("goroutines -group label k");
        assert_eq!(grouped.group, Some(Group { kind: 5, key: "k".into() }));
        assert_eq!(args("goroutines -t").stack_depth, Some(10));
        assert_eq!(args("goroutines -t -l").stack_depth, Some(10));
        assert_eq!(refused("goroutines -x"), "wrong argument: '-x'");
        assert_eq!(refused("goroutines -with"), "wrong argument: '-with'");
        assert_eq!(refused("goroutines -chan"), "not enough arguments after -chan");
    }

    #[test]
    fn restart_understands_a_shells_words() {
        let args = |line| match ok(line) {
            Command::Restart(args) => args,
            other => panic!("{other:?}"),
        };
        assert_eq!(args("restart"), RestartArgs::default());
        assert!(args("r -noargs").reset);
        let full = args("restart 'a b' c\\ d \"e\\\"f\" <in >out 2> err");
        assert_eq!(full.args, ["a b", "c d", "e\"f"]);
        assert_eq!(full.redirects, ["in", "out", "err"]);
        let cases = [
            ("restart -noargs x", "too many arguments to restart"),
            ("restart a | b", "illegal commandline 'a | b'"),
            ("restart `a`", "Backtick not supported in '`a`'"),
            ("restart <a <b", "redirect error: stdin redirected twice"),
        ];
        for (line, text) in cases {
            assert_eq!(refused(line), text);
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_in_delves_words() {
        let cases = [
            ("nosuch", "command not available"),
            ("clear", "not enough arguments"),
            ("next 0", "Invalid next count"),
            ("watch x", "wrong number of arguments: watch [-r|-w|-rw] <expr>"),
            ("watch -q x", "wrong argument \"-q\" to watch"),
            ("set x", "syntax error '=' not found"),
            ("exit -x", "unknown argument \"-x\" to exit"),
            ("deferred 0 args", DEFERRED),
            ("deferred 1 stack", "command not available"),
            ("on 1 continue", "command not available"),
            ("on", "not enough arguments"),
            ("stack x", "depth must be a number"),
            ("stack -mode x", "expected normal, simple or fromg after -mode"),
            ("stack -a", "expected number after -a"),
            ("disass -a 1", DISASS),
            ("disass -a 1 z", "wrong argument: \"z\" is not a number"),
            ("x -fmt foo 1", "\"foo\" is not a valid format"),
            ("x -size 9 1", "size must be a positive integer (<=8)"),
            ("x -count 0 1", "count/len must be a positive integer"),
            ("x", "no address specified"),
            ("x -q 1", "unknown option \"-q\""),
            ("thread", "you must specify a thread"),
            ("target", "not enough arguments for 'target'"),
            ("target x", "unknown command 'target x'"),
            ("display -d x", "\"x\" is not a number"),
            ("on 1 trace x", "too many arguments to trace"),
            ("on 1 args x", "filter not supported on breakpoint"),
        ];
        for (line, text) in cases {
            assert_eq!(refused(line), text, "{line}");
        }
        let nested = "frame 0 ".repeat(50) + "args";
        assert_eq!(refused(&nested), "too many commands within each other");
    }

    const DEFERRED: &str = "argument of deferred must be a number greater than 0 (use \
                            'stack -defer' to see the list of deferred calls)";
    const DISASS: &str =
        "wrong number of arguments: disassemble [-a <start> <end>] [-l <locspec>]";

    #[test]
    fn a_user_may_have_names_of_their_own() {
        let mut config = Config::default();
        config.aliases.insert("print".into(), vec!["pp".into()]);
        assert!(matches!(parse("pp x", &config), Ok(Command::Print { .. })));
        assert!(matches!(parse("frame 1 pp x", &config), Ok(Command::Frame { .. })));
    }

    #[test]
    fn numbers_may_have_gos_prefixes() {
        assert_eq!(integer("-0x10"), Ok(-16));
        assert_eq!(integer("0b11"), Ok(3));
        assert!(integer("9223372036854775808").is_err());
        assert_eq!(integer("-9223372036854775808"), Ok(i64::MIN));
        assert!(integer("").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_line_is_too_strange(
            spec in 0usize..64,
            rest in r#"[-a-z0-9%<>"'`|=.\\ é]{0,40}"#,
        ) {
            let names: Vec<_> = table::commands().map(CommandSpec::name).collect();
            let line = format!("{} {rest}", names[spec % names.len()]);
            let _understood = parse(&line, &Config::default());
            let _wanted = crate::frontend::command::complete::wanted(&line, &Config::default());
        }
    }
}
