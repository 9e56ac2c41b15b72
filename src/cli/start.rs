//! Carrying a plan out: a session of our own or somebody else's, with a front end or
//! without, and what happens when we are told to end.

use std::io::{self, IsTerminal};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::cli::demo::Demo;
use crate::cli::held::{Held, Scratch};
use crate::cli::plan::{Launch, Origin, Plan, launch};
use crate::cli::remote::{self, client_over, dial};
use crate::cli::{Global, TraceArgs};
use crate::cli::{full_screen, logging};
use crate::client::Client;
use crate::engine::inferior::{LaunchSpec, Stdio};
use crate::engine::os::signal::{let_suspend, on_termination};
use crate::engine::session::launch::{BuildSpec, TargetSpec};
use crate::frontend::config::Config;
use crate::line;
use crate::line::interrupt::{Interrupts, resume_and_forget};
use crate::service::{self, Options};
use crate::transport::stream::Listener;

/// SIGINT; the numbers of signals are the kernel's, on every architecture of ours.
const INTERRUPT: i32 = 2;

/// Does what was planned; the exit status.
pub fn start(plan: Plan) -> i32 {
    let outcome = match plan {
        Plan::Print(text) => {
            print!("{text}");
            Ok(0)
        }
        Plan::Session { origin, global } => session(origin, &global),
        Plan::Headless { origin, resume, announce, global } => {
            headless(origin, resume, announce, &global)
        }
        Plan::Tui { origin, theme, read_only, resume, global: _ } => {
            full_screen::run(origin, theme, read_only, resume)
        }
        Plan::Trace { args, global } => trace(args, &global),
    };
    outcome.unwrap_or_else(|refusal| {
        eprintln!("{refusal}");
        1
    })
}

fn session(origin: Origin, global: &Global) -> Result<i32, String> {
    let mut notes = Vec::new();
    if global.accept_multiclient {
        notes.push("Warning accept-multi: ignored".to_owned());
    }
    let config = Config::load().unwrap_or_else(|err| {
        notes.push(format!("The configuration is ignored: {err}"));
        Config::default()
    });
    let interrupts = Interrupts::new();
    let held = Held::default();
    end_on_signals(Arc::clone(&interrupts), held.clone())?;
    let is_remote = matches!(origin, Origin::Connect { .. });
    let client = match origin {
        Origin::Connect { address } => {
            remote::connect(&address, |waits| eprintln!("{waits}; Ctrl-C gives up"))?
        }
        origin => {
            let (spec, scratch) = target(origin, false)?;
            client_over(held.serve(spec, scratch)?)?
        }
    };
    // Only now: that there is no such program, or no such server, is the better reason.
    if !global.allow_non_terminal_interactive
        && let Err(refusal) = refuse_pipes()
    {
        client.hang_up();
        held.finish();
        return Err(refusal);
    }
    let for_quitting = Arc::clone(&client);
    interrupts.connect(Arc::clone(&client) as _, move || for_quitting.hang_up());
    let init = global.init.clone();
    let is_tracer = !is_remote;
    let let_suspend = Box::new(move |yes| {
        if is_tracer {
            let_suspend(yes);
        }
    });
    let options = line::Options { config, init, interrupts, notes, let_suspend };
    // Whatever becomes of the session, the program is let go before we are gone.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        line::run(Arc::clone(&client) as Arc<dyn Client>, options)
    }));
    client.hang_up();
    held.finish();
    outcome.map_err(|panic| resume_unwind(panic))
}

/// Ctrl-C is the session's own; other signals end the program under debug as leaving
/// would: let go, or killed if we started it.
fn end_on_signals(interrupts: Arc<Interrupts>, held: Held) -> Result<(), String> {
    let saved = crate::engine::os::terminal::Saved::of_stdin();
    on_termination(move |signal| {
        if signal == INTERRUPT && interrupts.press() {
            return;
        }
        interrupts.quit();
        held.finish();
        if let Some(saved) = &saved {
            saved.restore();
        }
        std::process::exit(1);
    })
    .map_err(|err| format!("cannot wait for signals: {err}"))
}

/// Without a terminal nobody may be there to see that a session waits for commands.
fn refuse_pipes() -> Result<(), String> {
    let streams = [
        ("Stdin", io::stdin().is_terminal()),
        ("Stdout", io::stdout().is_terminal()),
        ("Stderr", io::stderr().is_terminal()),
    ];
    match streams.iter().find(|it| !it.1) {
        None => Ok(()),
        Some((name, _)) => Err(format!(
            "{name} is not a terminal, use '-r' to specify redirects for the target \
             process or --allow-non-terminal-interactive=true if you really want to \
             specify a redirect for tinydbg"
        )),
    }
}

/// What the engine is to debug, built if need be.
pub fn target(origin: Origin, foreground: bool) -> Result<(TargetSpec, Scratch), String> {
    let nothing = Scratch::default();
    match origin {
        Origin::Attach { pid, exe } => Ok((TargetSpec::Attach { pid, exe }, nothing)),
        Origin::WaitFor(wanted, exe) => {
            let pid = wanted.wait()?;
            Ok((TargetSpec::Attach { pid, exe }, nothing))
        }
        Origin::Exec { path, launch } => {
            let program = executable(&path)?;
            let spec = launch_spec(program, launch, foreground);
            Ok((TargetSpec::Launch { spec, build: None }, nothing))
        }
        Origin::Debug { packages, flags, output, launch } => {
            let output = output.map_or_else(scratch_binary, Ok)?;
            let output = std::path::absolute(&output)
                .map_err(|err| format!("{}: {err}", output.display()))?;
            let build = BuildSpec { packages, flags, output, dir: None };
            let scratch = Scratch { binary: Some(build.output.clone()), demo: None };
            built(build, launch, foreground, scratch)
        }
        Origin::Demo(launch) => {
            let demo = Demo::unpack()?;
            let build = BuildSpec {
                output: demo.binary(),
                // Without C code it is quick to build, and is all Go from its first
                // instruction on.
                flags: vec!["-tags=netgo,osusergo".to_owned()],
                dir: Some(demo.source_dir()),
                ..BuildSpec::default()
            };
            let launch = Launch { wd: Some(demo.source_dir()), ..launch };
            let scratch = Scratch { binary: None, demo: Some(demo) };
            built(build, launch, foreground, scratch)
        }
        Origin::Core { exe, core } => Ok((TargetSpec::Core { exe, core }, nothing)),
        Origin::Pick => Err("Error: you must provide a PID".to_owned()),
        Origin::Connect { address } => {
            Err(format!("{address} is a server: connect to it without --headless"))
        }
    }
}

fn built(
    build: BuildSpec,
    launch: Launch,
    foreground: bool,
    scratch: Scratch,
) -> Result<(TargetSpec, Scratch), String> {
    build.build().map_err(|err| err.to_string())?;
    let path = build.output.clone();
    let program =
        executable(&path).map_err(|_| "Can not debug non-main package".to_owned())?;
    let spec = launch_spec(program, launch, foreground);
    Ok((TargetSpec::Launch { spec, build: Some(build) }, scratch))
}

fn launch_spec(program: PathBuf, launch: Launch, foreground: bool) -> LaunchSpec {
    let stdio = match launch.tty {
        Some(tty) => Stdio::Tty(tty),
        None if launch.redirects.iter().all(Option::is_none) => Stdio::Inherit,
        None => Stdio::Redirect(launch.redirects),
    };
    let foreground = foreground && stdio == Stdio::Inherit;
    LaunchSpec {
        program,
        args: launch.args,
        env: None,
        dir: launch.wd,
        stdio,
        disable_aslr: launch.disable_aslr,
        foreground,
    }
}

/// The whole path of a file that can be run.
fn executable(path: &Path) -> Result<PathBuf, String> {
    use std::os::unix::fs::PermissionsExt;
    let shown = path.display();
    let info = std::fs::metadata(path).map_err(|err| match err.kind() {
        io::ErrorKind::NotFound => {
            format!("could not launch process: open {shown}: no such file or directory")
        }
        _ => format!("could not launch process: {shown}: {err}"),
    })?;
    if !info.is_file() || info.permissions().mode() & 0o111 == 0 {
        return Err(format!("{shown} is not executable"));
    }
    std::path::absolute(path).map_err(|err| format!("{shown}: {err}"))
}

/// A name for a binary that is built to be debugged: here, or where temporary files go.
fn scratch_binary() -> Result<PathBuf, String> {
    let name = format!("__debug_bin{}", std::process::id());
    let here = std::env::current_dir().map_err(|err| err.to_string())?;
    for dir in [here, std::env::temp_dir()] {
        let path = dir.join(&name);
        let mut options = std::fs::OpenOptions::new();
        if options.write(true).create_new(true).open(&path).is_ok() {
            return Ok(path);
        }
    }
    Err(format!("no directory to build {name} in can be written to"))
}

fn headless(
    origin: Origin,
    resume: bool,
    announce: bool,
    global: &Global,
) -> Result<i32, String> {
    if global.init.is_some() {
        eprintln!("Warning: init file ignored with --headless");
    }
    let listener = Listener::bind(&global.listen)
        .map_err(|err| listener_refused(&global.listen, &err))?;
    if announce {
        announce_address(&listener, global)?;
    }
    match global.api_version {
        2 => {}
        1 => return Err("unknown API version".to_owned()),
        other => {
            println!("Unknown API version: {other}");
            return Ok(1);
        }
    }
    // Scripts that drive a server wait for this line of its log.
    tracing::info!(target: "rpc", "API server pid = {}", std::process::id());
    let dial = listener.dial_address();
    let only_same_user =
        global.only_same_user && listener.is_local() && !listener.is_unix();
    let accept_multiclient = global.accept_multiclient;
    let ending = Ending::default();
    let for_signal = ending.clone();
    on_termination(move |_signal| for_signal.finish())
        .map_err(|err| format!("cannot wait for signals: {err}"))?;
    let (spec, _scratch) = target(origin, announce)?;
    let options = Options { accept_multiclient, only_same_user };
    let serving =
        service::serve(spec, listener, options).map_err(|err| err.to_string())?;
    ending.arm(serving.ender());
    if resume {
        resume_at(&dial)?;
    }
    serving.wait();
    Ok(0)
}

/// Why nothing can listen at an address.
fn listener_refused(address: &str, err: &io::Error) -> String {
    let why = match err.kind() {
        io::ErrorKind::AddrInUse => {
            "it is in use by another program; --listen takes another address, and with \
             port 0 any that is free"
                .to_owned()
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine does not have that address".to_owned()
        }
        io::ErrorKind::NotFound => "there is no such directory".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not listen there".to_owned(),
        _ => err.to_string(),
    };
    format!("couldn't start listener at {address}: {why}")
}

/// Ends a server, whether it serves already or not.
#[derive(Clone, Default)]
struct Ending(Arc<Mutex<(Option<service::Ender>, bool)>>);

impl Ending {
    fn arm(&self, ender: service::Ender) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.1 {
            ender.finish();
        }
        inner.0 = Some(ender);
    }

    fn finish(&self) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.1 = true;
        if let Some(ender) = &inner.0 {
            ender.finish();
        }
    }
}

/// The line that scripts and editors wait for; it is the first.
fn announce_address(listener: &Listener, global: &Global) -> Result<(), String> {
    use std::io::Write;
    let line = format!("API server listening at: {}\n", listener.address());
    let written = match logging::wanted(global)?.map(|it| it.destination) {
        Some(mut file @ logging::Destination::File(_)) => file.write_all(line.as_bytes()),
        _ => io::stdout().write_all(line.as_bytes()).and_then(|()| io::stdout().flush()),
    };
    written.map_err(|err| format!("cannot announce the address: {err}"))?;
    if !listener.is_local() {
        eprintln!(
            "Listening for remote connections (connections are not authenticated nor \
             encrypted)"
        );
    }
    Ok(())
}

/// Lets the program run, as a client that leaves at once would.
fn resume_at(address: &str) -> Result<(), String> {
    let client = client_over(dial(address)?)?;
    resume_and_forget(&*client);
    Ok(())
}

fn trace(args: TraceArgs, global: &Global) -> Result<i32, String> {
    if global.headless {
        eprintln!("Warning: headless mode not supported with trace");
    }
    if global.accept_multiclient {
        eprintln!("Warning: accept multiclient mode not supported with trace");
    }
    let attached = args.pid.is_some();
    let origin = traced(&args, global)?;
    let interrupts = Interrupts::new();
    let held = Held::default();
    end_on_signals(Arc::clone(&interrupts), held.clone())?;
    let (spec, scratch) = target(origin, false)?;
    let client = client_over(held.serve(spec, scratch)?)?;
    let for_quitting = Arc::clone(&client);
    interrupts.connect(Arc::clone(&client) as _, move || for_quitting.hang_up());
    let options = line::trace::Options {
        config: Config::load().unwrap_or_default(),
        functions: args.regexp.into_iter().next().unwrap_or_default(),
        follow_calls: args.follow_calls,
        stack_depth: args.stack,
        timestamp: args.timestamp,
        attached,
        interrupts,
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        line::trace::run(Arc::clone(&client) as Arc<dyn Client>, &options)
    }));
    client.hang_up();
    held.finish();
    outcome.map_err(|panic| resume_unwind(panic))
}

fn traced(args: &TraceArgs, global: &Global) -> Result<Origin, String> {
    if let Some(pid) = args.pid {
        return Ok(Origin::Attach { pid, exe: None });
    }
    let path = args.exec.clone().unwrap_or_default();
    let launch = launch(&args.args, None, global)?;
    Ok(Origin::Exec { path, launch })
}
