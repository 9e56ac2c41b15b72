//! What goes with what on the command line, and what is to be done. The texts of what is
//! refused are Delve's (`spec/system.md` §1.4, §1.5).

use std::ffi::OsString;
use std::path::PathBuf;

use crate::cli::completion;
use crate::cli::redirect::{self, Redirects};
use crate::cli::waitfor::WaitFor;
use crate::cli::{
    AttachArgs, Cli, ConnectArgs, CoreArgs, DebugArgs, ExecArgs, Global, Sub, TraceArgs,
    TuiTarget, completions, help,
};
use crate::frontend::command::parse::other::shell_words;

/// What is to be done.
#[derive(Debug)]
pub enum Plan {
    Session {
        origin: Origin,
        global: Global,
    },
    Headless {
        origin: Origin,
        resume: bool,
        announce: bool,
        global: Global,
    },
    Tui {
        origin: Origin,
        theme: Option<String>,
        read_only: bool,
        resume: bool,
        global: Global,
    },
    Trace {
        args: TraceArgs,
        global: Global,
    },
    /// Nothing but text.
    Print(String),
}

/// Where the program comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    Attach {
        pid: i32,
        exe: Option<PathBuf>,
    },
    WaitFor(WaitFor, Option<PathBuf>),
    /// The user picks a process from a list.
    Pick,
    Exec {
        path: PathBuf,
        launch: Launch,
    },
    Debug {
        packages: Vec<String>,
        flags: Vec<String>,
        output: Option<PathBuf>,
        launch: Launch,
    },
    /// The example program; what it is launched with but for its path.
    Demo(Launch),
    Core {
        exe: PathBuf,
        core: PathBuf,
    },
    Connect {
        address: String,
    },
}

/// How the program is started.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    pub args: Vec<OsString>,
    pub wd: Option<PathBuf>,
    pub redirects: Redirects,
    pub tty: Option<PathBuf>,
    pub disable_aslr: bool,
}

/// Checks the command line.
pub fn plan(cli: Cli) -> Result<Plan, String> {
    let Cli { global, command } = cli;
    let Some(command) = command else {
        return Ok(Plan::Print(help()));
    };
    if !global.log && !global.log_output.is_empty() {
        return Err("--log-output specified without --log".to_owned());
    }
    let backends = ["default", "native"];
    if !backends.contains(&global.backend.as_str()) {
        return Err(format!(
            "unknown backend {:?}: there is only native",
            global.backend
        ));
    }
    let (origin, resume) = match command {
        Sub::Tui(tui) => {
            let resume = match &tui.target {
                TuiTarget::Attach(args) => args.resume,
                TuiTarget::Exec(args) => args.resume,
                TuiTarget::Debug(args) => args.resume,
                _ => false,
            };
            let origin = tui_origin(tui.target, &global)?;
            let (theme, read_only) = (tui.theme, tui.read_only);
            return Ok(Plan::Tui { origin, theme, read_only, resume, global });
        }
        Sub::Attach(args) => (attach(&args)?, args.resume),
        Sub::Exec(args) => (exec(&args, &global)?, args.resume),
        Sub::Debug(args) => (debug(&args, &global)?, args.resume),
        Sub::Core(args) => (core(&args)?, false),
        Sub::Connect(args) => {
            let origin = connect(&args)?;
            return Ok(Plan::Session { origin, global });
        }
        Sub::Trace(args) => return trace(args, global),
        Sub::Version => return Ok(Plan::Print(version())),
        Sub::Completion { shell } => {
            return completion::script(&shell, &completions()).map(Plan::Print);
        }
        Sub::Log => return Ok(Plan::Print(ABOUT_LOGGING.to_owned())),
        Sub::Redirect => return Ok(Plan::Print(ABOUT_REDIRECTING.to_owned())),
    };
    if resume && !global.headless {
        return Err(
            "Error: --continue only works with --headless; use an init file".to_owned()
        );
    }
    if resume && !global.accept_multiclient {
        return Err("Error: --continue requires --accept-multiclient".to_owned());
    }
    if global.headless {
        // A program that has a terminal of its own is not to write between our lines,
        // and nobody is to read them.
        let announce = !origin.has_tty();
        return Ok(Plan::Headless { origin, resume, announce, global });
    }
    Ok(Plan::Session { origin, global })
}

impl Origin {
    fn has_tty(&self) -> bool {
        match self {
            Origin::Exec { launch, .. } | Origin::Debug { launch, .. } => {
                launch.tty.is_some()
            }
            _ => false,
        }
    }

    /// What is being debugged, for titles.
    pub fn title(&self) -> String {
        match self {
            Origin::Attach { pid, .. } => format!("pid {pid}"),
            Origin::WaitFor(wanted, _) => format!("waiting for {:?}", wanted.prefix),
            Origin::Pick => "pick a process".to_owned(),
            Origin::Exec { path, .. } => path.display().to_string(),
            Origin::Debug { packages, .. } => match &packages[..] {
                [] => ".".to_owned(),
                packages => packages.join(" "),
            },
            Origin::Demo(_) => "demo".to_owned(),
            Origin::Core { core, .. } => core.display().to_string(),
            Origin::Connect { address } => address.clone(),
        }
    }
}

pub fn version() -> String {
    format!("tinydbg {}\n", env!("CARGO_PKG_VERSION"))
}

fn tui_origin(target: TuiTarget, global: &Global) -> Result<Origin, String> {
    if global.headless {
        return Err("--headless is for a server; the full-screen UI is a client: leave \
                    one of them out"
            .to_owned());
    }
    match target {
        TuiTarget::Attach(args) if args.pid.is_none() && args.waitfor.is_empty() => {
            Ok(Origin::Pick)
        }
        TuiTarget::Attach(args) => attach(&args),
        TuiTarget::Exec(args) => exec(&args, global),
        TuiTarget::Debug(args) => debug(&args, global),
        TuiTarget::Connect(args) => connect(&args),
        TuiTarget::Demo => Ok(Origin::Demo(launch(&[], None, global)?)),
        TuiTarget::Core(args) => core(&args),
    }
}

fn attach(args: &AttachArgs) -> Result<Origin, String> {
    let exe = args.executable.clone();
    let Some(text) = &args.pid else {
        if args.waitfor.is_empty() {
            return Err("Error: you must provide a PID".to_owned());
        }
        let wanted =
            WaitFor::new(&args.waitfor, args.waitfor_interval, args.waitfor_duration)?;
        return Ok(Origin::WaitFor(wanted, exe));
    };
    let pid: i32 = text.parse().map_err(|_| format!("Invalid pid: {text}"))?;
    if pid <= 0 {
        return Err(format!("invalid process ID: {pid}"));
    }
    Ok(Origin::Attach { pid, exe })
}

fn exec(args: &ExecArgs, global: &Global) -> Result<Origin, String> {
    let Some(path) = &args.path else {
        return Err("Error: you must provide a path to a binary".to_owned());
    };
    let launch = launch(&args.args, args.tty.as_ref(), global)?;
    Ok(Origin::Exec { path: path.clone(), launch })
}

fn debug(args: &DebugArgs, global: &Global) -> Result<Origin, String> {
    let flags = shell_words(&global.build_flags)
        .ok_or_else(|| "--build-flags: a quote is not closed".to_owned())?;
    Ok(Origin::Debug {
        packages: args.packages.clone(),
        flags,
        output: args.output.clone(),
        launch: launch(&args.args, args.tty.as_ref(), global)?,
    })
}

/// How a program with these arguments is started.
pub fn launch(
    args: &[OsString],
    tty: Option<&PathBuf>,
    global: &Global,
) -> Result<Launch, String> {
    if !global.redirect.is_empty() && tty.is_some() {
        return Err("Can not use -r and --tty together".to_owned());
    }
    Ok(Launch {
        args: args.to_vec(),
        wd: global.wd.clone(),
        redirects: redirect::parse(&global.redirect)?,
        tty: tty.cloned(),
        disable_aslr: global.disable_aslr,
    })
}

fn core(args: &CoreArgs) -> Result<Origin, String> {
    match (&args.executable, &args.core) {
        (Some(exe), Some(core)) => {
            Ok(Origin::Core { exe: exe.clone(), core: core.clone() })
        }
        _ => Err("Error: you must provide a core file and an executable".to_owned()),
    }
}

fn connect(args: &ConnectArgs) -> Result<Origin, String> {
    match args.address.as_deref() {
        None => {
            Err("Error: you must provide an address as the first argument".to_owned())
        }
        Some("") => Err("An empty address was provided. You must provide an address as \
                         the first argument."
            .to_owned()),
        Some(address) => Ok(Origin::Connect { address: address.to_owned() }),
    }
}

fn trace(args: TraceArgs, global: Global) -> Result<Plan, String> {
    if args.regexp.len() != 1 {
        return Err("Error: you must supply a regexp for functions to trace".to_owned());
    }
    if args.pid.is_none() && args.exec.is_none() {
        return Err("Error: Either --pid or --exec must be specified".to_owned());
    }
    Ok(Plan::Trace { args, global })
}

const ABOUT_LOGGING: &str = "\
--log switches the log on, --log-output says what is in it, with commas between:

    debugger        what the debugger does (if nothing else is named)
    rpc             every message to and from clients
    stack           unwinding of stacks
    fncall          calls of functions of the program
    debuglineerr    problems with line tables

--log-dest says where it goes: the path of a file, or the number of a descriptor that is
open already. It is standard error otherwise.
";

const ABOUT_REDIRECTING: &str = "\
-r leads a standard stream of the program to a file:

    -r PATH, -r stdin:PATH      what it reads
    -r stdout:PATH              what it writes
    -r stderr:PATH              what it writes as errors

Files that are written are made anew. --tty PATH gives the program another terminal for all
three. Neither goes with attach, core and connect.
";

#[cfg(test)]
mod tests {
    use super::{Origin, Plan, plan};
    use crate::cli::parse;

    fn planned(line: &str) -> Result<Plan, String> {
        let words = std::iter::once("tinydbg").chain(line.split_whitespace());
        plan(parse(words.map(Into::into)).unwrap())
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let cases = [
            ("attach", "Error: you must provide a PID"),
            ("attach x", "Invalid pid: x"),
            ("attach 0", "invalid process ID: 0"),
            ("exec", "Error: you must provide a path to a binary"),
            ("connect", "Error: you must provide an address as the first argument"),
            ("core a", "Error: you must provide a core file and an executable"),
            (
                "exec a --continue",
                "Error: --continue only works with --headless; use an init file",
            ),
            (
                "exec a --headless --continue",
                "Error: --continue requires --accept-multiclient",
            ),
            ("exec a --tty b -r c", "Can not use -r and --tty together"),
            ("exec a -r b -r c", "redirect error: stdin redirected twice"),
            ("exec a --log-output rpc", "--log-output specified without --log"),
            ("trace", "Error: you must supply a regexp for functions to trace"),
            ("trace x", "Error: Either --pid or --exec must be specified"),
        ];
        for (line, text) in cases {
            assert_eq!(planned(line).unwrap_err(), text, "{line}");
        }
    }

    #[test]
    fn what_was_asked_for_is_planned() {
        assert!(matches!(
            planned("attach 12"),
            Ok(Plan::Session { origin: Origin::Attach { pid: 12, .. }, .. })
        ));
        assert!(matches!(
            planned("tui attach"),
            Ok(Plan::Tui { origin: Origin::Pick, .. })
        ));
        assert!(matches!(
            planned("tui --theme mono exec ./x -- -a"),
            Ok(Plan::Tui { origin: Origin::Exec { .. }, theme: Some(_), .. })
        ));
        assert!(matches!(
            planned("exec a --headless --tty /dev/pts/9"),
            Ok(Plan::Headless { announce: false, .. })
        ));
        let Ok(Plan::Session {
            origin: Origin::Debug { packages, flags, launch, .. },
            ..
        }) = planned("debug ./cmd --build-flags=-tags=x --wd /tmp -- -p 1")
        else {
            panic!("no debug session");
        };
        assert_eq!((packages, flags), (vec!["./cmd".into()], vec!["-tags=x".into()]));
        assert_eq!(launch.args, ["-p", "1"]);
    }
}
