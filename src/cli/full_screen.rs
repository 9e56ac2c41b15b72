//! Starting the full-screen UI: it is on the screen at once, and what it shows comes to be
//! behind it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::cli::held::Held;
use crate::cli::keep::shelf_of;
use crate::cli::plan::{Launch, Origin};
use crate::cli::remote::{self, client_over};
use crate::cli::start::target;
use crate::client::Client;
use crate::engine::binary::Binary;
use crate::engine::os::process::{Candidate, go_candidates, own_uid};
use crate::engine::os::signal::on_termination;
use crate::engine::session::launch::TargetSpec;
use crate::frontend::config::Config;
use crate::frontend::history;
use crate::tui::state::msg::Process;
use crate::tui::{self, Pick, Start};

/// How much of the program's output is taken at once.
const OUTPUT_CHUNK: usize = 16 << 10;

/// Runs the UI until the user leaves it; the exit status.
pub fn run(
    mut origin: Origin,
    theme: Option<String>,
    read_only: bool,
    resume: bool,
) -> Result<i32, String> {
    need_terminal()?;
    let mut notes = Vec::new();
    let config = Config::load().unwrap_or_else(|err| {
        notes.push(format!("the configuration is ignored: {err}"));
        Config::default()
    });
    let held = Held::default();
    let terminate = end_on_signals(held.clone())?;
    let output = capture_output(&mut origin)?;
    let flavour = config.flavour();
    let configured = Some(config.theme).filter(|it| !it.is_empty());
    let mut options = tui::Options::new(origin.title(), Start::Pick(pick(&held)));
    options.theme = theme.or(configured);
    options.read_only = read_only;
    options.resume = resume;
    options.flavour = flavour;
    options.notes = notes;
    options.history = history::path();
    options.shelf_of = shelf_of(&origin).filter(|_| !config.forget_breakpoints);
    options.terminate = Some(terminate);
    let (output, _pipe_kept_open) = output.unzip();
    options.output = output;
    match &origin {
        Origin::Attach { pid, .. } => {
            options.pid = Some(*pid);
            options.attached = true;
        }
        Origin::WaitFor(..) | Origin::Pick => options.attached = true,
        Origin::Connect { address } => {
            options.remote = true;
            let address = address.clone();
            options.reconnect =
                Some(Arc::new(move |tell| Ok(remote::connect(&address, tell)?)));
        }
        Origin::Exec { .. }
        | Origin::Debug { .. }
        | Origin::Demo(_)
        | Origin::Core { .. } => {}
    }
    if !matches!(origin, Origin::Pick) {
        let for_thread = held.clone();
        options.start =
            Start::Connect(Box::new(move |tell| connect(origin, &for_thread, tell)));
    }
    // Whatever becomes of the UI, the program is let go before we are gone.
    let outcome = catch_unwind(AssertUnwindSafe(|| tui::run(options)));
    held.finish();
    outcome.map_err(|panic| resume_unwind(panic))
}

/// Without a screen there is nothing to open; line mode and the server do without.
fn need_terminal() -> Result<(), String> {
    let missing = match (io::stdin().is_terminal(), io::stdout().is_terminal()) {
        (true, true) => return Ok(()),
        (false, _) => "standard input",
        (true, false) => "standard output",
    };
    Err(format!(
        "the full-screen UI needs a terminal, and {missing} is none; line mode (without \
         `tui`) and --headless do without"
    ))
}

fn connect(
    origin: Origin,
    held: &Held,
    tell: tui::Progress<'_>,
) -> Result<Arc<dyn Client>, String> {
    Ok(match origin {
        Origin::Connect { address } => remote::connect(&address, tell)?,
        origin => {
            let (spec, scratch) = target(origin, false)?;
            client_over(held.serve(spec, scratch)?)?
        }
    })
}

/// Says when a signal wants us to end. The UI does it in good order; if it does not, the
/// second signal ends us without it.
fn end_on_signals(held: Held) -> Result<Receiver<()>, String> {
    let (send, receive) = channel();
    let asked = AtomicBool::new(false);
    on_termination(move |_signal| {
        let is_second = asked.swap(true, Ordering::AcqRel);
        if !is_second && send.send(()).is_ok() {
            return;
        }
        held.finish();
        // A terminal that is gone needs nothing.
        let _restored = tui::restore_terminal();
        std::process::exit(1);
    })
    .map_err(|err| format!("cannot wait for signals: {err}"))?;
    Ok(receive)
}

/// What the program writes, and the end of the pipe that it writes to.
type Captured = (Receiver<Vec<u8>>, io::PipeWriter);

/// Has what a launched program writes come to us: the screen is not its own any more.
///
/// A pipe and not a terminal, so that it need not be made again when the program is
/// restarted: the program's streams are opened anew by the pipe's name. The pipe's end
/// that is returned has to be kept for that.
fn capture_output(origin: &mut Origin) -> Result<Option<Captured>, String> {
    let launch = match origin {
        Origin::Exec { launch, .. }
        | Origin::Debug { launch, .. }
        | Origin::Demo(launch) => launch,
        Origin::Attach { .. }
        | Origin::WaitFor(..)
        | Origin::Pick
        | Origin::Core { .. }
        | Origin::Connect { .. } => return Ok(None),
    };
    if launch.tty.is_some() {
        return Ok(None);
    }
    let failed = |err: io::Error| format!("cannot make a pipe for the program: {err}");
    let (reader, writer) = io::pipe().map_err(failed)?;
    let name = PathBuf::from(format!("/proc/self/fd/{}", writer.as_raw_fd()));
    redirect(launch, &name);
    let (send, receive) = channel();
    thread::Builder::new()
        .name("output".to_owned())
        .spawn(move || forward(reader, &send))
        .map_err(failed)?;
    Ok(Some((receive, writer)))
}

/// What the user has redirected stays so.
fn redirect(launch: &mut Launch, pipe: &Path) {
    let [input, output, error] = &mut launch.redirects;
    input.get_or_insert_with(|| PathBuf::from("/dev/null"));
    output.get_or_insert_with(|| pipe.to_owned());
    error.get_or_insert_with(|| pipe.to_owned());
}

fn forward(mut reader: io::PipeReader, send: &Sender<Vec<u8>>) {
    let mut chunk = vec![0; OUTPUT_CHUNK];
    loop {
        match reader.read(&mut chunk) {
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return,
            // The UI is gone: read on, or the program would have to wait.
            Ok(len) => drop(send.send(chunk[..len].to_vec())),
        }
    }
}

/// The processes that one can attach to, and how.
fn pick(held: &Held) -> Pick {
    let held = held.clone();
    Pick {
        list: Arc::new(go_processes),
        attach: Arc::new(move |pid| {
            let spec = TargetSpec::Attach { pid, exe: None };
            let stream = held.serve(spec, Default::default())?;
            Ok(client_over(stream)?)
        }),
    }
}

/// The Go programs that run on this machine and that we may trace, the youngest first.
fn go_processes() -> Vec<Process> {
    let me = own_uid();
    let mut versions: HashMap<PathBuf, Option<String>> = HashMap::new();
    let mut found: Vec<(u64, Process)> = Vec::new();
    for it in go_candidates() {
        if (me != 0 && it.uid != me) || it.exe.as_os_str().is_empty() {
            continue;
        }
        let version =
            versions.entry(it.exe.clone()).or_insert_with(|| go_version(it.pid));
        if let Some(version) = version {
            found.push((it.age_secs, describe(&it, version)));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.pid.cmp(&b.1.pid)));
    found.into_iter().map(|it| it.1).collect()
}

/// The version of Go that a process was made with, if it was.
fn go_version(pid: i32) -> Option<String> {
    let path = PathBuf::from(format!("/proc/{pid}/exe"));
    // Most processes are no Go programs, and that is told by their first bytes and the
    // names of their sections.
    File::open(&path).ok()?;
    let binary = Binary::open(&path).ok()?;
    Some(binary.build_info().go_version.clone())
}

fn describe(it: &Candidate, version: &str) -> Process {
    let name = it.exe.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let args: Vec<_> = it.cmdline.iter().skip(1).map(|it| it.to_string_lossy()).collect();
    let traced = match it.tracer_pid {
        0 => String::new(),
        tracer => format!(", traced by {tracer}"),
    };
    let (age, n_threads) = (age(it.age_secs), it.n_threads);
    let facts = format!("up {age}, {n_threads} threads, {version}{traced}");
    Process { pid: it.pid, name, detail: format!("{facts}  {}", args.join(" ")) }
}

fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use super::{age, capture_output};
    use crate::cli::plan::{Launch, Origin};

    #[test]
    fn what_a_program_writes_to_its_streams_comes_to_us() {
        let log = Some(PathBuf::from("/tmp/log"));
        let launch = Launch { redirects: [None, None, log.clone()], ..Launch::default() };
        let mut origin = Origin::Exec { path: "x".into(), launch };
        let (output, _kept) = capture_output(&mut origin).unwrap().unwrap();
        let Origin::Exec { launch, .. } = origin else { panic!() };
        assert_eq!(launch.redirects[0], Some(PathBuf::from("/dev/null")));
        assert_eq!(launch.redirects[2], log, "what the user redirected stays so");
        let path = launch.redirects[1].clone().unwrap();
        for text in ["first", "after a restart"] {
            let mut file =
                std::fs::File::options().write(true).truncate(true).open(&path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            drop(file);
            assert_eq!(output.recv().unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn ages_are_short() {
        assert_eq!([age(5), age(61), age(7300), age(90_000)], ["5s", "1m", "2h", "1d"]);
    }
}
