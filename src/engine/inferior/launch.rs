//! How a program is started to be debugged.

use crate::engine::error::{Error, Result};
use crate::engine::inferior::live::Live;
use crate::engine::inferior::memory::ProcessMemory;
use crate::engine::inferior::tracee::{Role, Tracee};
use crate::engine::os::ptrace::Tracer;
use crate::engine::os::{signal, spawn};
use std::ffi::{CString, OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// What to start, and how.
#[derive(Clone, Debug, Default)]
pub struct LaunchSpec {
    pub program: PathBuf,
    /// The arguments, without the program's own name.
    pub args: Vec<OsString>,
    /// The whole environment; `None` means ours.
    pub env: Option<Vec<(OsString, OsString)>>,
    /// The directory to start in; `None` means ours.
    pub dir: Option<PathBuf>,
    pub stdio: Stdio,
    /// Whether to place stack, heap and libraries where they always are.
    pub disable_aslr: bool,
    /// Whether to make the program the foreground job of our terminal, if standard input
    /// is one.
    pub foreground: bool,
}

/// Where the standard streams of a launched program lead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stdio {
    #[default]
    Inherit,
    /// A new pseudo-terminal, whose other end is
    /// [`Live::take_pty`](crate::engine::inferior::Live::take_pty).
    Pty,
    /// A terminal that is there already (`--tty`).
    Tty(PathBuf),
    /// Files for input, output and errors; `None` leaves a stream as it is. Files that
    /// are written are made anew.
    Redirect([Option<PathBuf>; 3]),
}

impl Live {
    /// Starts a program; it stands before its first instruction.
    pub fn launch(tracer: Tracer, spec: LaunchSpec) -> Result<Live> {
        let (streams, pty) = open_streams(&spec.stdio)?;
        let command = command(&spec, streams).map_err(|err| launch_error(&err))?;
        if spec.foreground {
            signal::ignore_terminal_stops().map_err(|err| launch_error(&err))?;
        }
        let tid = spawn::spawn(&tracer, &command).map_err(|err| launch_error(&err))?;
        let memory = ProcessMemory::open(tid.0);
        let live = memory.and_then(|it| Live::new(tracer, tid.0, it));
        let mut live = live.map_err(|err| {
            let _ = signal::kill(tid.0);
            launch_error(&err)
        })?;
        let mut leader = Tracee::new(Role::Thread);
        leader.stopped();
        live.tracees.insert(tid.0, leader);
        live.launched = true;
        live.foreground = spec.foreground;
        live.pty = pty;
        Ok(live)
    }
}

fn launch_error(err: &io::Error) -> Error {
    const EPERM: i32 = 1;
    if err.raw_os_error() == Some(EPERM) {
        return Error::message(
            "could not launch process: the kernel refuses ptrace; in a container it takes \
             --cap-add=SYS_PTRACE and a seccomp profile that lets it through",
        );
    }
    Error::message(format!("could not launch process: {err}"))
}

fn command(
    spec: &LaunchSpec,
    streams: [Option<OwnedFd>; 3],
) -> io::Result<spawn::Command> {
    // The program changes directory before it looks for itself.
    let program = std::path::absolute(&spec.program)?;
    let argv: io::Result<Vec<CString>> = [spec.program.as_os_str()]
        .into_iter()
        .chain(spec.args.iter().map(OsString::as_os_str))
        .map(spawn::c_string)
        .collect();
    let env = spec.env.clone().unwrap_or_else(|| std::env::vars_os().collect());
    let envp: io::Result<Vec<CString>> = env
        .into_iter()
        .map(|(name, value)| {
            let mut text = name;
            text.push("=");
            text.push(value);
            spawn::c_string(&text)
        })
        .collect();
    let dir =
        spec.dir.as_deref().map(|it| spawn::c_string(it.as_os_str())).transpose()?;
    Ok(spawn::Command {
        program: spawn::c_string(program.as_os_str())?,
        argv: argv?,
        envp: envp?,
        dir,
        streams,
        own_terminal: matches!(spec.stdio, Stdio::Pty | Stdio::Tty(_)),
        disable_aslr: spec.disable_aslr,
        foreground: spec.foreground,
    })
}

/// Opens what becomes the standard streams, and our end of a pseudo-terminal.
fn open_streams(stdio: &Stdio) -> Result<([Option<OwnedFd>; 3], Option<File>)> {
    match stdio {
        Stdio::Inherit => Ok(([None, None, None], None)),
        Stdio::Pty => {
            let (ours, theirs) = spawn::open_pty().map_err(|source| {
                Error::os("cannot make a terminal for the program", source)
            })?;
            Ok((three_of(theirs)?, Some(ours)))
        }
        Stdio::Tty(path) => {
            let file = open(path, OpenOptions::new().read(true).write(true))?;
            Ok((three_of(file.into())?, None))
        }
        Stdio::Redirect([input, output, error]) => {
            let read = |path: &PathBuf| open(path, OpenOptions::new().read(true));
            let write = |path: &PathBuf| {
                open(path, OpenOptions::new().write(true).create(true).truncate(true))
            };
            let input = input.as_ref().map(read).transpose()?;
            let output_file = output.as_ref().map(write).transpose()?;
            // Both streams in one file must not write over each other.
            let error = match (error, &output_file) {
                (Some(path), Some(file)) if Some(path) == output.as_ref() => {
                    Some(file.try_clone().map_err(|it| cannot_open(path, it))?)
                }
                (error, _) => error.as_ref().map(write).transpose()?,
            };
            let streams = [input, output_file, error];
            Ok((streams.map(|it| it.map(OwnedFd::from)), None))
        }
    }
}

fn three_of(fd: OwnedFd) -> Result<[Option<OwnedFd>; 3]> {
    let copy = || {
        fd.try_clone()
            .map(Some)
            .map_err(|it| Error::os("cannot make a terminal for the program", it))
    };
    Ok([copy()?, copy()?, copy()?])
}

fn open(path: &Path, options: &OpenOptions) -> Result<File> {
    options.open(path).map_err(|source| cannot_open(path, source))
}

fn cannot_open(path: &Path, source: io::Error) -> Error {
    let path: &OsStr = path.as_os_str();
    Error::os(format!("cannot open {} for the program", path.display()), source)
}
