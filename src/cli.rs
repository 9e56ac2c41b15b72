//! The grammar of the command line, and what becomes of what was asked for.
//!
//! clap takes the words apart; [`plan`] checks what goes with what, in Delve's words, and
//! says what is to be done; [`start`] does it.

pub mod plan;
pub mod redirect;
pub mod waitfor;
pub mod logging;
pub mod completion;
pub mod demo;
pub mod held;
pub mod keep;
pub mod remote;
pub mod start;
pub mod full_screen;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand};

/// A debugger for Go programs on linux/amd64.
///
/// `tinydbg tui ...` opens the full-screen UI; without `tui` the session is in line mode,
/// and with --headless it is a server that speaks Delve's JSON-RPC API.
#[derive(Debug, Parser)]
#[command(name = "tinydbg", version, propagate_version = false, max_term_width = 90)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Option<Sub>,
}

/// Flags that may stand before and after the command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Run as a server, without a session of its own.
    #[arg(long, global = true, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false",
          action = ArgAction::Set, hide_default_value = true, hide_possible_values = true,
          value_name = "BOOL")]
    pub headless: bool,
    /// Where the server listens: host:port, or unix:PATH.
    #[arg(
        short,
        long,
        global = true,
        default_value = "127.0.0.1:0",
        value_name = "ADDR"
    )]
    pub listen: String,
    /// Let the server have several clients, and outlive them.
    #[arg(long, global = true, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false",
          action = ArgAction::Set, hide_default_value = true, hide_possible_values = true,
          value_name = "BOOL")]
    pub accept_multiclient: bool,
    /// The version of the server's API; 2 is the only one.
    #[arg(long, global = true, default_value_t = 2, value_name = "N", hide = true)]
    pub api_version: i64,
    /// Over TCP on this host, accept clients of the same user only.
    #[arg(long, global = true, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "true",
          action = ArgAction::Set, hide_possible_values = true, value_name = "BOOL")]
    pub only_same_user: bool,
    /// Accepted for Delve's sake; every Go version is tried.
    #[arg(long, global = true, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "true",
          action = ArgAction::Set, hide = true)]
    pub check_go_version: bool,
    /// Accepted for Delve's sake: `default` and `native`.
    #[arg(long, global = true, default_value = "default", hide = true)]
    pub backend: String,
    /// Allow a session although standard input, output or error is no terminal.
    #[arg(long, global = true, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false",
          action = ArgAction::Set, hide_default_value = true, hide_possible_values = true,
          value_name = "BOOL")]
    pub allow_non_terminal_interactive: bool,
    /// A file of commands that the session begins with.
    #[arg(long, global = true, value_name = "FILE")]
    pub init: Option<PathBuf>,
    /// Write a log.
    #[arg(long, global = true, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false",
          action = ArgAction::Set, hide_default_value = true, hide_possible_values = true,
          value_name = "BOOL")]
    pub log: bool,
    /// What is logged: debugger, rpc, stack, fncall, debuglineerr; comma between.
    #[arg(
        long,
        global = true,
        value_name = "COMPONENTS",
        default_value = "",
        hide_default_value = true
    )]
    pub log_output: String,
    /// Where the log goes: a file, or the number of a descriptor.
    #[arg(
        long,
        global = true,
        value_name = "DEST",
        default_value = "",
        hide_default_value = true
    )]
    pub log_dest: String,
    /// More arguments for `go build`, in one word.
    #[arg(
        long,
        global = true,
        value_name = "FLAGS",
        default_value = "",
        allow_hyphen_values = true,
        hide_default_value = true
    )]
    pub build_flags: String,
    /// The working directory of the program.
    #[arg(long, global = true, value_name = "DIR")]
    pub wd: Option<PathBuf>,
    /// Lead a standard stream of the program to a file: [stdin:|stdout:|stderr:]PATH.
    #[arg(short, long, global = true, value_name = "RULE")]
    pub redirect: Vec<String>,
    /// Start the program without address randomization.
    #[arg(long, global = true, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", default_value = "false",
          action = ArgAction::Set, hide_default_value = true, hide_possible_values = true,
          value_name = "BOOL")]
    pub disable_aslr: bool,
}

#[derive(Debug, Subcommand)]
pub enum Sub {
    /// Debug in the full-screen UI.
    Tui(TuiCommand),
    /// Take hold of a running process.
    Attach(AttachArgs),
    /// Run a binary.
    Exec(ExecArgs),
    /// Build a package without optimizations and run it.
    Debug(DebugArgs),
    /// Look at a core dump.
    Core(CoreArgs),
    /// Connect to a headless server, ours or Delve's.
    Connect(ConnectArgs),
    /// Print calls of functions while the program runs.
    Trace(TraceArgs),
    /// Print the version.
    Version,
    /// Print a script that lets a shell complete command lines.
    Completion {
        /// bash, zsh or fish.
        #[arg(default_value = "bash")]
        shell: String,
    },
    /// About logging.
    Log,
    /// About redirecting the program's standard streams.
    Redirect,
}

#[derive(Args, Debug)]
pub struct TuiCommand {
    /// The theme: a name, or the path of a file.
    #[arg(long, global = true)]
    pub theme: Option<String>,
    /// Nothing that changes the program can be done.
    #[arg(long, global = true)]
    pub read_only: bool,
    #[command(subcommand)]
    pub target: TuiTarget,
}

#[derive(Debug, Subcommand)]
pub enum TuiTarget {
    /// Take hold of a running process; without a pid, pick one from a list.
    Attach(AttachArgs),
    /// Run a binary.
    Exec(ExecArgs),
    /// Build a package without optimizations and run it.
    Debug(DebugArgs),
    /// Connect to a headless server, ours or Delve's.
    Connect(ConnectArgs),
    /// Build and run the example program.
    Demo,
    /// Look at a core dump.
    Core(CoreArgs),
}

#[derive(Args, Clone, Debug, Default)]
pub struct AttachArgs {
    pub pid: Option<String>,
    /// The executable, where /proc/PID/exe is not the right one.
    pub executable: Option<PathBuf>,
    /// Let the program run on at once.
    #[arg(long = "continue")]
    pub resume: bool,
    /// Wait for a process whose command line begins so.
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    pub waitfor: String,
    /// Milliseconds between two looks for it.
    #[arg(long, value_name = "MS", default_value_t = 1.0)]
    pub waitfor_interval: f64,
    /// Milliseconds to wait in all; 0 is for ever.
    #[arg(long, value_name = "MS", default_value_t = 0.0)]
    pub waitfor_duration: f64,
}

#[derive(Args, Clone, Debug, Default)]
pub struct ExecArgs {
    pub path: Option<PathBuf>,
    /// The program's arguments; those that begin with a dash after `--`.
    pub args: Vec<OsString>,
    /// Let the program run on at once.
    #[arg(long = "continue")]
    pub resume: bool,
    /// The terminal for the program's standard streams.
    #[arg(long, value_name = "PATH")]
    pub tty: Option<PathBuf>,
}

#[derive(Args, Clone, Debug, Default)]
pub struct DebugArgs {
    /// The package; the current directory if none is named.
    pub packages: Vec<String>,
    /// The program's arguments.
    #[arg(last = true)]
    pub args: Vec<OsString>,
    /// Let the program run on at once.
    #[arg(long = "continue")]
    pub resume: bool,
    /// Where the binary is built.
    #[arg(long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// The terminal for the program's standard streams.
    #[arg(long, value_name = "PATH")]
    pub tty: Option<PathBuf>,
}

#[derive(Args, Clone, Debug, Default)]
pub struct CoreArgs {
    pub executable: Option<PathBuf>,
    pub core: Option<PathBuf>,
    /// Accepted for the sake of coredumpctl, which calls debuggers so.
    #[arg(short = 'c', long = "core", hide = true)]
    pub as_of_gdb: bool,
}

#[derive(Args, Clone, Debug, Default)]
pub struct ConnectArgs {
    /// host:port, or unix:PATH.
    pub address: Option<String>,
}

#[derive(Args, Clone, Debug, Default)]
pub struct TraceArgs {
    /// A regular expression for the functions.
    pub regexp: Vec<String>,
    /// The process to trace.
    #[arg(short, long, value_name = "PID")]
    pub pid: Option<i32>,
    /// The binary to run and trace.
    #[arg(short, long, value_name = "PATH")]
    pub exec: Option<PathBuf>,
    /// Trace what the functions call too, to this depth.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub follow_calls: i64,
    /// Print this many frames of the stack at each call.
    #[arg(short, long, value_name = "N", default_value_t = 0)]
    pub stack: i64,
    /// Print the time of each call.
    #[arg(long)]
    pub timestamp: bool,
    /// The program's arguments.
    #[arg(last = true)]
    pub args: Vec<OsString>,
}

/// Takes the words of a command line apart.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(args)
}

/// What `--help` says.
pub fn help() -> String {
    Cli::command().render_help().to_string()
}

/// What may follow each command, for shells.
pub fn completions() -> Vec<completion::Entry> {
    let mut root = Cli::command();
    root.build();
    let mut entries = Vec::new();
    gather(&root, "", &mut entries);
    entries
}

fn gather(command: &clap::Command, path: &str, entries: &mut Vec<completion::Entry>) {
    let subs = command.get_subcommands().map(|it| it.get_name().to_owned());
    let flags = command
        .get_arguments()
        .filter(|it| !it.is_hide_set())
        .filter_map(|it| it.get_long())
        .map(|it| format!("--{it}"));
    let words = subs.chain(flags).collect();
    entries.push(completion::Entry { command: path.to_owned(), words });
    for sub in command.get_subcommands().filter(|it| it.get_name() != "help") {
        let path = format!("{path} {}", sub.get_name());
        gather(sub, path.trim_start(), entries);
    }
}

/// Starts the log. What is wanted of it was checked before; a second start changes
/// nothing.
fn start_log(log: logging::Log) {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    for warning in &log.warnings {
        eprintln!("{warning}");
    }
    let levels = log.components.iter().map(|it| (it.as_str(), LevelFilter::DEBUG));
    let targets = Targets::new().with_default(LevelFilter::WARN).with_targets(levels);
    let destination = log.destination.clone();
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(move || destination.clone());
    let _already = tracing_subscriber::registry().with(lines).with(targets).try_init();
}

/// Parses the command line, carries it out, and says the exit status.
pub fn main(args: impl IntoIterator<Item = OsString>) -> i32 {
    let cli = match parse(args) {
        Ok(cli) => cli,
        Err(err) => {
            // To a closed pipe there is nothing to say.
            let _printed = err.print();
            return i32::from(err.use_stderr());
        }
    };
    match logging::wanted(&cli.global) {
        Ok(Some(log)) => start_log(log),
        Ok(None) => {}
        Err(refusal) => {
            eprintln!("{refusal}");
            return 1;
        }
    }
    let plan = match plan::plan(cli) {
        Ok(plan) => plan,
        Err(refusal) => {
            eprintln!("{refusal}");
            return 1;
        }
    };
    start::start(plan)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Cli, Sub};

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_may_stand_before_and_after_the_command() {
        let docker = "tinydbg --listen=:2345 --headless=true --api-version=2 \
                      --accept-multiclient exec ./prog -- -x 1";
        let cli = Cli::try_parse_from(docker.split_whitespace()).unwrap();
        assert!(cli.global.headless && cli.global.accept_multiclient);
        assert_eq!(cli.global.listen, ":2345");
        let Some(Sub::Exec(exec)) = cli.command else { panic!("{:?}", cli.command) };
        assert_eq!(exec.args, ["-x", "1"]);
        let late = "tinydbg attach 12 --headless -l unix:/tmp/x --log --log-output=rpc";
        let cli = Cli::try_parse_from(late.split_whitespace()).unwrap();
        assert!(cli.global.headless && cli.global.log);
        let off = "tinydbg exec --headless=false x";
        assert!(!Cli::try_parse_from(off.split(' ')).unwrap().global.headless);
    }
}
