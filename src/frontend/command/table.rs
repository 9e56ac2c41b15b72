//! All commands there are.

use crate::frontend::command::parse::{args, data, goroutines, other, words};
use crate::frontend::command::{Command, CommandSpec, ExitHow, Prefix, Topic};

const ALONE: &[Prefix] = &[Prefix::None];
const COLLECTED: &[Prefix] = &[Prefix::None, Prefix::On];
const ANYWHERE: &[Prefix] = &[Prefix::None, Prefix::On, Prefix::Deferred];

/// All commands, those of one topic next to each other.
pub fn commands() -> impl Iterator<Item = &'static CommandSpec> {
    GROUPS.iter().copied().flatten()
}

/// The row that answers to a name.
pub fn find(name: &str) -> Option<&'static CommandSpec> {
    commands().find(|it| it.names.contains(&name))
}

/// The table, a slice for each topic.
pub const GROUPS: &[&[CommandSpec]] =
    &[RUNNING, BREAKPOINTS, DATA, GOROUTINES, STACK, SOURCE, OTHER];

const RUNNING: &[CommandSpec] = &[
    CommandSpec {
        names: &["call"],
        topic: Topic::Running,
        prefixes: ALONE,
        usage: "[-unsafe] <expression>",
        summary: "Calls a function of the program, on the selected goroutine.",
        details: "The program runs while the function does; a breakpoint in it stops \
                  there, and `continue` finishes the call. Arguments must not point into \
                  the stack unless the function keeps no pointer to them; `-unsafe` \
                  leaves that check out.",
        parse: data::call,
    },
    CommandSpec {
        names: &["continue", "c"],
        topic: Topic::Running,
        prefixes: ALONE,
        usage: "[<locspec>]",
        summary: "Runs until a breakpoint or the end of the program.",
        details: "With a location, runs until there or the first breakpoint before it.",
        parse: |it| Ok(Command::Continue { to: it.rest.to_owned() }),
    },
    CommandSpec {
        names: &["next", "n"],
        topic: Topic::Running,
        prefixes: ALONE,
        usage: "[<count>]",
        summary: "Runs to the next source line, over calls.",
        details: "A count does it that many times.",
        parse: words::next,
    },
    CommandSpec {
        names: &["next-instruction", "ni", "nexti"],
        topic: Topic::Running,
        prefixes: ALONE,
        usage: "",
        summary: "Runs one instruction, over a call.",
        details: "",
        parse: |_| Ok(Command::NextInstruction),
    },
    CommandSpec {
        names: &["rebuild"],
        topic: Topic::Running,
        prefixes: ALONE,
        usage: "",
        summary: "Builds the program again and restarts it.",
        details: "Only for programs that the debugger has built itself (`debug`).",
        parse: |_| Ok(Command::Rebuild),
    },
    CommandSpec {
        names: &["restart", "r"],
        topic: Topic::Running,
        prefixes: ALONE,
        usage: "[-noargs | <argument>...] [<in] [>out] [2>err]",
        summary: "Starts the program again, from its beginning.",
        details: "Without arguments it gets those that it had; `-noargs` gives it none. \
                  Words may be quoted as in a shell.",
        parse: other::restart,
    },
    CommandSpec {
        names: &["step", "s"],
        topic: Topic::Running,
        prefixes: ALONE,
        usage: "",
        summary: "Runs to the next source line, into calls.",
        details: "",
        parse: |_| Ok(Command::Step),
    },
    CommandSpec {
        names: &["step-instruction", "si", "stepi"],
        topic: Topic::Running,
        prefixes: ALONE,
        usage: "",
        summary: "Runs one instruction.",
        details: "",
        parse: |_| Ok(Command::StepInstruction),
    },
    CommandSpec {
        names: &["stepout", "so"],
        topic: Topic::Running,
        prefixes: ALONE,
        usage: "",
        summary: "Runs until the current function has returned.",
        details: "",
        parse: |_| Ok(Command::StepOut),
    },
];

const BREAKPOINTS: &[CommandSpec] = &[
    CommandSpec {
        names: &["break", "b"],
        topic: Topic::Breakpoints,
        prefixes: ALONE,
        usage: "[<name>] [<locspec>] [if <condition>]",
        summary: "Sets a breakpoint.",
        details: "Locations are `file.go:12`, `pkg.Func`, `Type.Method`, `Func:3` (three \
                  lines below its first), `/regular expression/`, `+2`, `-2`, `12`, \
                  `*0x4a2b3c`. No location is the current line.",
        parse: |it| Ok(Command::Break { text: it.rest.to_owned() }),
    },
    CommandSpec {
        names: &["breakpoints", "bp"],
        topic: Topic::Breakpoints,
        prefixes: ALONE,
        usage: "[-a | -save <file>]",
        summary: "Lists breakpoints.",
        details: "`-a` lists each address, those of the debugger itself included. `-save` \
                  writes the commands that set them again, for `source`.",
        parse: other::breakpoints,
    },
    CommandSpec {
        names: &["clear"],
        topic: Topic::Breakpoints,
        prefixes: ALONE,
        usage: "<breakpoint>",
        summary: "Deletes a breakpoint, given its name or number.",
        details: "",
        parse: |it| Ok(Command::Clear { which: it.required()? }),
    },
    CommandSpec {
        names: &["clearall"],
        topic: Topic::Breakpoints,
        prefixes: ALONE,
        usage: "[<locspec>]",
        summary: "Deletes all breakpoints, or all at a location.",
        details: "",
        parse: |it| Ok(Command::ClearAll { at: it.rest.to_owned() }),
    },
    CommandSpec {
        names: &["condition", "cond"],
        topic: Topic::Breakpoints,
        prefixes: COLLECTED,
        usage: "<breakpoint> <expression> | -hitcount <breakpoint> <op> <n> | \
                -per-g-hitcount <breakpoint> <op> <n> | -clear <breakpoint>",
        summary: "Sets the condition of a breakpoint.",
        details: "The program stops there only if the expression is true. With \
                  `-hitcount`, only if the number of hits is `== n`, `!= n`, `> n`, \
                  `>= n`, `< n`, `<= n` or a multiple (`% n`); with `-per-g-hitcount`, \
                  hits of the same goroutine are counted.",
        parse: other::condition,
    },
    CommandSpec {
        names: &["on"],
        topic: Topic::Breakpoints,
        prefixes: ALONE,
        usage: "<breakpoint> <command> | <breakpoint> -edit",
        summary: "Has a command carried out whenever a breakpoint is hit.",
        details: "The commands are print, stack, goroutine, trace, cond, args and \
                  locals. `-edit` opens all of them in $EDITOR.",
        parse: other::on,
    },
    CommandSpec {
        names: &["toggle"],
        topic: Topic::Breakpoints,
        prefixes: ALONE,
        usage: "<breakpoint>",
        summary: "Disables a breakpoint, or enables it again.",
        details: "",
        parse: |it| Ok(Command::Toggle { which: it.required()? }),
    },
    CommandSpec {
        names: &["trace", "t"],
        topic: Topic::Breakpoints,
        prefixes: COLLECTED,
        usage: "[<name>] [<locspec>] [if <condition>]",
        summary: "Sets a tracepoint: it is shown when it is hit, and the program goes on.",
        details: "Of a function, returns are shown too. Locations are those of `break`.",
        parse: |it| Ok(Command::Trace { text: it.rest.to_owned() }),
    },
    CommandSpec {
        names: &["watch"],
        topic: Topic::Breakpoints,
        prefixes: ALONE,
        usage: "-r|-w|-rw <expression>",
        summary: "Stops when memory is read or written.",
        details: "The processor watches four places of at most eight bytes. A variable \
                  on the stack is watched until its function returns.",
        parse: words::watch,
    },
];

const DATA: &[CommandSpec] = &[
    CommandSpec {
        names: &["args"],
        topic: Topic::Data,
        prefixes: ANYWHERE,
        usage: "[-v] [<regular expression>]",
        summary: "Prints the arguments of the function.",
        details: "`-v` prints them in full.",
        parse: |it| Ok(Command::Args(it.list_args())),
    },
    CommandSpec {
        names: &["display"],
        topic: Topic::Data,
        prefixes: ALONE,
        usage: "-a [%format] <expression> | -d <number>",
        summary: "Prints an expression whenever the program stops.",
        details: "`-a` adds one, `-d` deletes one. Without arguments prints all.",
        parse: data::display,
    },
    CommandSpec {
        names: &["examinemem", "x"],
        topic: Topic::Data,
        prefixes: ALONE,
        usage: "[-fmt <format>] [-count|-len <n>] [-size <n>] <address> | -x <expression>",
        summary: "Prints memory.",
        details: "Formats are bin, oct, dec, hex and raw. `-size` is that of each number, \
                  1 to 8 bytes.",
        parse: data::examine_memory,
    },
    CommandSpec {
        names: &["locals"],
        topic: Topic::Data,
        prefixes: ANYWHERE,
        usage: "[-v] [<regular expression>]",
        summary: "Prints local variables.",
        details: "One that another of the same name hides is in parentheses. `-v` prints \
                  them in full.",
        parse: |it| Ok(Command::Locals(it.list_args())),
    },
    CommandSpec {
        names: &["print", "p"],
        topic: Topic::Data,
        prefixes: ANYWHERE,
        usage: "[%format] <expression>",
        summary: "Evaluates an expression.",
        details: "Go expressions, without calls. A format is a verb of Go's fmt, as \
                  `print %x n`, and applies to each number and string. Import paths \
                  are quoted, as in `\"net/http\".DefaultClient`; registers have names \
                  in capitals, as `RIP` or `XMM0.uint8`; structs can be written out, as \
                  in `p == main.Point{1, 2}`; `*(*main.T)(0xc000012345)` is what is at an \
                  address.",
        parse: data::print,
    },
    CommandSpec {
        names: &["regs"],
        topic: Topic::Data,
        prefixes: ALONE,
        usage: "[-a]",
        summary: "Prints registers.",
        details: "`-a` prints floating point and vector registers too.",
        parse: |it| Ok(Command::Registers { all: it.rest == "-a" }),
    },
    CommandSpec {
        names: &["set"],
        topic: Topic::Data,
        prefixes: ALONE,
        usage: "<variable> = <expression>",
        summary: "Changes a variable.",
        details: "Strings, slices and whatever else would have to be allocated are \
                  copied from other variables, or become `nil`. Registers have names \
                  in capitals, as in `set RAX = 1`.",
        parse: data::set,
    },
    CommandSpec {
        names: &["vars"],
        topic: Topic::Data,
        prefixes: ALONE,
        usage: "[-v] [<regular expression>]",
        summary: "Prints package variables.",
        details: "`-v` prints them in full.",
        parse: |it| Ok(Command::Vars(it.list_args())),
    },
    CommandSpec {
        names: &["whatis"],
        topic: Topic::Data,
        prefixes: ALONE,
        usage: "<expression or type>",
        summary: "Prints the type of an expression, or what a type consists of.",
        details: "",
        parse: |it| Ok(Command::WhatIs { expr: it.required()? }),
    },
];

const GOROUTINES: &[CommandSpec] = &[
    CommandSpec {
        names: &["goroutine", "gr"],
        topic: Topic::Goroutines,
        prefixes: COLLECTED,
        usage: "[<id> [<command>]]",
        summary: "Shows the selected goroutine, selects another, or runs a command on it.",
        details: "",
        parse: goroutines::goroutine,
    },
    CommandSpec {
        names: &["goroutines", "grs"],
        topic: Topic::Goroutines,
        prefixes: ALONE,
        usage: "[-u|-r|-g|-s] [-t [<depth>]] [-l] [-with <filter>] [-without <filter>] \
                [-group <kind>] [-chan <expression>] [-exec <command>]",
        summary: "Lists goroutines.",
        details: "They are shown where they are in the user's code (`-u`), in the runtime \
                  (`-r`), at their go statement (`-g`) or at the function they began with \
                  (`-s`); with their stacks (`-t`) and labels (`-l`). Filters are \
                  userloc, curloc, goloc, startloc with a part of the location, label \
                  with key or key=value, running, and user; they group too. `-chan` \
                  lists those that wait for a channel. `-exec`, last, runs a command on \
                  each.",
        parse: goroutines::goroutines,
    },
    CommandSpec {
        names: &["thread", "tr"],
        topic: Topic::Goroutines,
        prefixes: ALONE,
        usage: "<id>",
        summary: "Selects a thread.",
        details: "",
        parse: goroutines::thread,
    },
    CommandSpec {
        names: &["threads"],
        topic: Topic::Goroutines,
        prefixes: ALONE,
        usage: "",
        summary: "Lists threads.",
        details: "",
        parse: |_| Ok(Command::Threads),
    },
];

const STACK: &[CommandSpec] = &[
    CommandSpec {
        names: &["deferred"],
        topic: Topic::Stack,
        prefixes: ALONE,
        usage: "<n> <command>",
        summary: "Runs a command in the scope of a deferred call of the frame.",
        details: "The commands are print, args and locals; `stack -defer` lists the calls.",
        parse: words::deferred,
    },
    CommandSpec {
        names: &["down"],
        topic: Topic::Stack,
        prefixes: ALONE,
        usage: "[<n>] [<command>]",
        summary: "Selects a frame further in, or runs a command there.",
        details: "",
        parse: words::down,
    },
    CommandSpec {
        names: &["frame"],
        topic: Topic::Stack,
        prefixes: ALONE,
        usage: "<n> [<command>]",
        summary: "Selects a frame, or runs a command there.",
        details: "",
        parse: words::frame,
    },
    CommandSpec {
        names: &["stack", "bt"],
        topic: Topic::Stack,
        prefixes: COLLECTED,
        usage: "[<depth>] [-full] [-offsets] [-defer] [-a <n>] [-adepth <n>] \
                [-mode normal|simple|fromg]",
        summary: "Prints the stack.",
        details: "`-full` with variables, `-offsets` with the offsets of frames, `-defer` \
                  with deferred calls, `-a` with the stacks of the goroutines that made \
                  this one.",
        parse: args::stack,
    },
    CommandSpec {
        names: &["up"],
        topic: Topic::Stack,
        prefixes: ALONE,
        usage: "[<n>] [<command>]",
        summary: "Selects a frame further out, or runs a command there.",
        details: "",
        parse: words::up,
    },
];

const SOURCE: &[CommandSpec] = &[
    CommandSpec {
        names: &["disassemble", "disass"],
        topic: Topic::Source,
        prefixes: ALONE,
        usage: "[-a <start> <end>] [-l <locspec>]",
        summary: "Prints instructions: of the current function, of a range, or at a location.",
        details: "",
        parse: args::disassemble,
    },
    CommandSpec {
        names: &["funcs"],
        topic: Topic::Source,
        prefixes: ALONE,
        usage: "[<regular expression>]",
        summary: "Lists functions.",
        details: "",
        parse: |it| Ok(Command::Functions { filter: it.rest.to_owned() }),
    },
    CommandSpec {
        names: &["libraries"],
        topic: Topic::Source,
        prefixes: ALONE,
        usage: "",
        summary: "Lists shared libraries.",
        details: "",
        parse: |_| Ok(Command::Libraries),
    },
    CommandSpec {
        names: &["list", "ls", "l"],
        topic: Topic::Source,
        prefixes: ALONE,
        usage: "[<locspec>]",
        summary: "Shows source.",
        details: "",
        parse: |it| Ok(Command::List { at: it.rest.to_owned() }),
    },
    CommandSpec {
        names: &["packages"],
        topic: Topic::Source,
        prefixes: ALONE,
        usage: "[<regular expression>]",
        summary: "Lists packages.",
        details: "",
        parse: |it| Ok(Command::Packages { filter: it.rest.to_owned() }),
    },
    CommandSpec {
        names: &["sources"],
        topic: Topic::Source,
        prefixes: ALONE,
        usage: "[<regular expression>]",
        summary: "Lists source files.",
        details: "",
        parse: |it| Ok(Command::Sources { filter: it.rest.to_owned() }),
    },
    CommandSpec {
        names: &["types"],
        topic: Topic::Source,
        prefixes: ALONE,
        usage: "[<regular expression>]",
        summary: "Lists types.",
        details: "",
        parse: |it| Ok(Command::Types { filter: it.rest.to_owned() }),
    },
];

const OTHER: &[CommandSpec] = &[
    CommandSpec {
        names: &["config"],
        topic: Topic::Other,
        prefixes: ALONE,
        usage: "-list | -save | <key> <value> | alias <command> <name> | alias <name> | \
                substitute-path [-clear | <from> [<to>]] | \
                debug-info-directories [-clear | -add <dir> | -rm <dir>]",
        summary: "Shows and changes settings.",
        details: "",
        parse: other::config,
    },
    CommandSpec {
        names: &["dump"],
        topic: Topic::Other,
        prefixes: ALONE,
        usage: "<file>",
        summary: "Writes a core dump.",
        details: "The file must not be there yet; only you may read it. `tinydbg core`, \
                  `dlv core` and gdb open it. Ctrl-C gives up.",
        parse: |it| Ok(Command::Dump { path: it.required()? }),
    },
    CommandSpec {
        names: &["edit", "ed"],
        topic: Topic::Other,
        prefixes: ALONE,
        usage: "[<locspec>]",
        summary: "Opens the source in $DELVE_EDITOR or $EDITOR.",
        details: "",
        parse: |it| Ok(Command::Edit { at: it.rest.to_owned() }),
    },
    CommandSpec {
        names: &["exit", "quit", "q"],
        topic: Topic::Other,
        prefixes: ALONE,
        usage: "[-c | -d | -k]",
        summary: "Leaves the debugger.",
        details: "A program that was launched is killed. One that was attached to is left \
                  running, unless the question is answered otherwise. `-d` detaches and \
                  leaves it running without a question, `-k` kills it, `-c` lets it run \
                  on under a server that accepts several clients.",
        parse: |it| {
            Ok(Command::Exit(match it.rest {
                "" => ExitHow::Ask,
                "-c" => ExitHow::Continue,
                "-d" => ExitHow::Detach,
                "-k" => ExitHow::Kill,
                other => {
                    return Err(it.error(format!("unknown argument {other:?} to exit")));
                }
            }))
        },
    },
    CommandSpec {
        names: &["help", "h"],
        topic: Topic::Other,
        prefixes: ALONE,
        usage: "[<command>]",
        summary: "Lists the commands, or explains one.",
        details: "",
        parse: |it| Ok(Command::Help { about: it.rest.to_owned() }),
    },
    CommandSpec {
        names: &["source"],
        topic: Topic::Other,
        prefixes: ALONE,
        usage: "<file>",
        summary: "Carries out the commands in a file.",
        details: "Empty lines and lines that begin with # are skipped.",
        parse: other::source,
    },
    CommandSpec {
        names: &["target"],
        topic: Topic::Other,
        prefixes: ALONE,
        usage: "list | follow-exec [-on [<regular expression>] | -off] | switch <pid>",
        summary: "Lists and selects processes, and follows child processes.",
        details: "",
        parse: other::target,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{GROUPS, commands};

    #[test]
    fn no_two_commands_answer_to_one_name() {
        let mut seen = HashSet::new();
        for name in commands().flat_map(|it| it.names) {
            assert!(seen.insert(*name), "`{name}` is taken twice");
        }
    }

    #[test]
    fn commands_are_sorted_within_their_topic_and_every_summary_is_a_sentence() {
        for group in GROUPS {
            assert!(group.is_sorted_by_key(|it| it.name()));
            assert!(group.iter().all(|it| it.topic == group[0].topic));
        }
        for spec in commands() {
            assert!(spec.summary.ends_with('.'), "`{}`", spec.name());
            assert!(spec.details.is_empty() || spec.details.ends_with('.'));
        }
    }
}
