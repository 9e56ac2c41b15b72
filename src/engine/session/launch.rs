//! How an inferior comes about: attached to, started, built and started, or read from a
//! core file; and restart.
//!
//! What the file says is read before the process is touched, so that a process that was
//! running stands still for as short a time as possible.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crate::engine::addr::FileAddr;
use crate::engine::error::{Error, Result};
use crate::engine::host::{self, EngineHandle, Inbox, Ticket, TracerThread};
use crate::engine::inferior::{Core, Inferior, LaunchSpec, Live, Owner, Stdio};
use crate::engine::memory::Memory;
use crate::engine::os::process;
use crate::engine::os::ptrace::Tracer;
use crate::engine::session::Session;
use crate::engine::session::breakpoint::{
    Breakpoint, Breakpoints, FATAL_THROW, UNRECOVERED_PANIC,
};
use crate::engine::session::judge::{OWNER_PANIC, OWNER_THROW};
use crate::engine::session::program::Program;
use crate::engine::session::step::RowCache;
use crate::engine::session::stop::{Stop, StopReason};

/// What to debug, and how it comes about.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one of it, made once")]
pub enum TargetSpec {
    Attach {
        pid: i32,
        /// The executable to read, where `/proc/<pid>/exe` is not the right one.
        exe: Option<PathBuf>,
    },
    Launch {
        spec: LaunchSpec,
        /// How the program was built, to build it again.
        build: Option<BuildSpec>,
    },
    /// The core file that a process of this executable left behind.
    Core { exe: PathBuf, core: PathBuf },
}

/// How a program is built to be debugged.
#[derive(Clone, Debug, Default)]
pub struct BuildSpec {
    /// Packages or files, as `go build` takes them; none is the current directory.
    pub packages: Vec<String>,
    /// More arguments for `go build`.
    pub flags: Vec<String>,
    pub output: PathBuf,
    pub dir: Option<PathBuf>,
}

impl BuildSpec {
    /// Builds without optimizations. What the compiler says goes into the error.
    pub fn build(&self) -> Result<()> {
        // `-C` has to come first among the arguments of `go build`.
        let (first, others): (Vec<&String>, Vec<&String>) = match self.flags.first() {
            Some(flag) if flag == "-C" => {
                (self.flags.iter().take(2).collect(), self.flags.iter().skip(2).collect())
            }
            Some(flag) if flag.starts_with("-C=") => {
                (self.flags.iter().take(1).collect(), self.flags.iter().skip(1).collect())
            }
            _ => (vec![], self.flags.iter().collect()),
        };
        let mut command = Command::new("go");
        command.arg("build").args(first).arg("-o").arg(&self.output);
        command.args(["-gcflags", "all=-N -l"]).args(others).args(&self.packages);
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        if std::env::var_os("CGO_CFLAGS").is_none_or(|it| it.is_empty()) {
            command.env("CGO_CFLAGS", "-O0 -g");
        }
        let output = command.output().map_err(|err| {
            Error::os("could not run go build; is Go installed and in PATH?", err)
        })?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Error::message(format!("go build failed:\n{}", said.trim_end())))
    }
}

impl TargetSpec {
    pub fn is_attach(&self) -> bool {
        matches!(self, TargetSpec::Attach { .. })
    }

    pub fn is_core(&self) -> bool {
        matches!(self, TargetSpec::Core { .. })
    }

    /// Starts the tracer thread with a session for this target.
    pub fn start(self) -> Result<(EngineHandle, TracerThread)> {
        host::spawn(move |tracer, inbox| Session::start(tracer, inbox, self))
    }
}

impl Session {
    fn start(tracer: Tracer, inbox: Arc<Inbox>, spec: TargetSpec) -> Result<Session> {
        let (inferior, program) = begin(tracer, &spec)?;
        let (reason, thread) = match &inferior {
            Inferior::Core(core) => (
                StopReason::Core(core.ending()),
                core.thread_of_interest().map(|it| it.0),
            ),
            Inferior::Live(_) if spec.is_attach() => (StopReason::Attached, None),
            Inferior::Live(live) => (StopReason::Launched, Some(live.pid())),
        };
        let session = Session {
            inbox,
            spec,
            pid: inferior.pid(),
            inferior: Some(inferior),
            exit_status: 0,
            program,
            breakpoints: Breakpoints::default(),
            stop: Stop::new(reason, thread),
            step: None,
            step_rows: RowCache::default(),
            ticket: Ticket::default(),
            watched: false,
            last_goroutine: None,
            dump: None,
            asker: Default::default(),
        };
        Ok(session)
    }

    /// Sets the breakpoints that every session has: where a panic that nobody recovers
    /// ends, and where the runtime gives up.
    ///
    /// Not before the first run or the first question about breakpoints: finding their
    /// places takes longer than everything else that attaching needs, and a process that
    /// is only looked at is not written to at all.
    pub(super) fn watch_runtime(&mut self) {
        let is_core = matches!(self.inferior, Some(Inferior::Core(_)));
        if is_core || std::mem::replace(&mut self.watched, true) {
            return;
        }
        let watched = [
            (
                UNRECOVERED_PANIC,
                "unrecovered-panic",
                OWNER_PANIC,
                &["runtime.fatalpanic"] as &[&str],
                &["runtime.curg._panic.arg"] as &[&str],
            ),
            (
                FATAL_THROW,
                "runtime-fatal-throw",
                OWNER_THROW,
                &["runtime.throw", "runtime.fatal", "runtime.fatalsignal"],
                &[],
            ),
        ];
        for (id, name, owner, functions, variables) in watched {
            let sites: Vec<FileAddr> = functions
                .iter()
                .flat_map(|it| self.program.binary.function_sites(it))
                .collect();
            let addrs: Vec<_> = sites.iter().map(|it| self.program.loaded(*it)).collect();
            let Some(inferior) = &mut self.inferior else { return };
            let placed = addrs
                .iter()
                .copied()
                .filter(|addr| inferior.place(*addr, Owner::Runtime(owner)).is_ok())
                .collect::<Vec<_>>();
            let Ok(described) = self.bench().resolve_addrs(&placed) else { return };
            let mut breakpoint = Breakpoint {
                id,
                name: name.to_owned(),
                addrs: placed,
                file: described.file,
                line: described.line,
                function: described.function,
                ..Breakpoint::default()
            };
            breakpoint.settings.collect.variables =
                variables.iter().map(|it| (*it).to_owned()).collect();
            self.breakpoints.insert(breakpoint);
        }
    }

    /// Kills the process and starts its program again, at its first instruction.
    ///
    /// Returns the breakpoints that could not be set again, with the reasons.
    pub fn restart(
        &mut self,
        arguments: Option<Vec<String>>,
        redirects: Option<Vec<String>>,
        rebuild: bool,
    ) -> Result<Vec<(Breakpoint, String)>> {
        if let Some(inferior) = &mut self.inferior {
            inferior.live()?;
        }
        self.check_not_dumping()?;
        let TargetSpec::Launch { spec, build } = &mut self.spec else {
            return Err(Error::message("cannot restart process Delve did not create"));
        };
        if rebuild {
            // Before the old process is killed: a program that does not build is no
            // reason to lose the one that runs.
            let build = build
                .as_ref()
                .ok_or_else(|| Error::message("cannot rebuild a binary"))?;
            build.build().map_err(|err| {
                Error::message(format!("could not rebuild process: {err}"))
            })?;
        }
        if let Some(arguments) = arguments {
            spec.args = arguments.into_iter().map(OsString::from).collect();
        }
        if let Some(redirects) = redirects {
            let file = |n: usize| redirects.get(n).filter(|it| !it.is_empty());
            let files = [file(0), file(1), file(2)].map(|it| it.map(PathBuf::from));
            if files.iter().any(Option::is_some) {
                spec.stdio = Stdio::Redirect(files);
            }
        }
        if let Some(inferior) = self.inferior.take() {
            inferior.leave(true)?;
        }
        let (inferior, program) = begin(Tracer::for_this_thread(), &self.spec)?;
        (self.pid, self.program, self.exit_status) = (inferior.pid(), program, 0);
        self.step_rows = RowCache::default();
        self.inferior = Some(inferior);
        self.step = None;
        self.stop = Stop::new(StopReason::Launched, Some(self.pid));
        self.watched = false;
        self.watch_runtime();
        Ok(self.set_all_again())
    }

    /// Sets the user's breakpoints in a process that has none of them yet.
    fn set_all_again(&mut self) -> Vec<(Breakpoint, String)> {
        let ids: Vec<i64> =
            self.breakpoints.iter().map(|it| it.id).filter(|it| *it > 0).collect();
        let mut discarded = Vec::new();
        for id in ids {
            let Some(breakpoint) = self.breakpoints.get_mut(id) else { continue };
            breakpoint.addrs.clear();
            breakpoint.total_hits = 0;
            breakpoint.hits_of.clear();
            self.breakpoints.forget_compiled(id);
            let disabled = self.breakpoints.get(id).is_some_and(|it| it.disabled);
            if disabled {
                continue;
            }
            if let Err(err) = self.bench().enable_breakpoint(id, true)
                && let Some(lost) = self.breakpoints.remove(id)
            {
                discarded.push((lost, err.to_string()));
            }
        }
        discarded
    }

    /// The process runs another program now: breakpoints are set again where their specs
    /// lead in it, and those that lead nowhere stay, unset.
    pub(super) fn execed(&mut self) -> Result<()> {
        let pid = self.pid;
        let opened = process::exe(pid)
            .map_err(|err| Error::os(format!("cannot tell what {pid} runs now"), err))
            .and_then(|exe| Program::open(&exe));
        let (binary, modified) = match opened {
            Ok(opened) => opened,
            Err(err) => {
                // Nothing of ours is in the new image, so it can be let go as it is.
                // Launched or not, it goes on: the program is not ours to end.
                if let Some(Inferior::Live(live)) = self.inferior.take() {
                    live.detach()?;
                }
                self.exit_status = 0;
                return Err(Error::message(format!(
                    "process {pid} replaced its program by one that cannot be debugged, \
                     and was let go: {err}"
                )));
            }
        };
        let live = self.live()?;
        let entry = live.auxv_entry();
        self.program = Program::new(binary, modified, entry, command_line(pid))?;
        self.step = None;
        self.step_rows = RowCache::default();
        self.stop = Stop::new(StopReason::Launched, Some(pid));
        self.watched = false;
        self.watch_runtime();
        for (mut lost, why) in self.set_all_again() {
            tracing::info!(target: "engine", "breakpoint {} is not in the new program: {why}", lost.id);
            lost.addrs.clear();
            self.breakpoints.insert(lost);
        }
        Ok(())
    }
}

/// Attaches or starts, after the executable has been opened.
fn begin(tracer: Tracer, spec: &TargetSpec) -> Result<(Inferior, Program)> {
    let (live, program) = match spec {
        TargetSpec::Attach { pid, exe } => attach(tracer, *pid, exe.as_deref())?,
        TargetSpec::Launch { spec, .. } => launch(tracer, spec)?,
        TargetSpec::Core { exe, core } => return open_core(exe, core),
    };
    Ok((Inferior::Live(Box::new(live)), program))
}

fn attach(tracer: Tracer, pid: i32, exe: Option<&Path>) -> Result<(Live, Program)> {
    let failed =
        |why: String| Error::message(format!("could not attach to pid {pid}: {why}"));
    if pid <= 0 {
        return Err(failed(format!("invalid process ID: {pid}")));
    }
    if let Err(err) = process::Status::of(pid)
        && err.kind() == std::io::ErrorKind::NotFound
    {
        return Err(failed("no such process".to_owned()));
    }
    // Through /proc, so that the file is found even if it was replaced or is in another
    // mount namespace.
    let through_proc = PathBuf::from(format!("/proc/{pid}/exe"));
    let path = exe.map_or(through_proc, Path::to_owned);
    let opened = Program::open(&path);
    let (binary, modified) = match opened {
        Ok(opened) => opened,
        // Who may not read it may not attach either; say why in the words for that.
        Err(err) => match Live::attach(tracer, pid) {
            Err(refused) => return Err(refused),
            Ok(live) => {
                live.detach()?;
                return Err(failed(err.to_string()));
            }
        },
    };
    let live = Live::attach(tracer, pid)?;
    let program = Program::new(binary, modified, live.auxv_entry(), command_line(pid))?;
    Ok((live, program))
}

fn launch(tracer: Tracer, spec: &LaunchSpec) -> Result<(Live, Program)> {
    let failed = |why: &dyn std::fmt::Display| {
        Error::message(format!("could not launch process: {why}"))
    };
    let (binary, modified) = Program::open(&spec.program).map_err(|err| failed(&err))?;
    let live = Live::launch(tracer, spec.clone()).map_err(|err| failed(&err))?;
    let entry = live.auxv_entry();
    let words =
        std::iter::once(spec.program.as_os_str()).chain(spec.args.iter().map(|it| &**it));
    let line = words.map(|it| it.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let program = Program::new(binary, modified, entry, line)?;
    Ok((live, program))
}

fn open_core(exe: &Path, core: &Path) -> Result<(Inferior, Program)> {
    let (binary, modified) = Program::open(exe)?;
    let path = core;
    let core = Core::open(path, exe)?;
    let line = core.command_line().to_owned();
    let program = Program::new(binary, modified, Some(core.entry()), line)?;
    if !has_build_info_of(&program, &core) {
        let (path, exe) = (path.display(), exe.display());
        return Err(Error::message(format!(
            "{path} is not a core file of {exe}: it was built otherwise"
        )));
    }
    // Much may be missing and the rest be of use, but not without the runtime's own data.
    if let Some(problem) = core.damage()
        && program.runtime.goroutines(&*core.memory(), &[]).is_err()
    {
        let path = path.display().to_string();
        return Err(Error::BadBinary { path, problem });
    }
    Ok((Inferior::Core(Box::new(core)), program))
}

/// Whether a core file has the build information of a program, as far as it has any: there
/// are some without the build id.
fn has_build_info_of(program: &Program, core: &Core) -> bool {
    let Some((at, wanted)) = program.binary.raw_build_info() else { return true };
    let found = core.memory().read_bytes(program.loaded(at), wanted.len());
    found.map_or(true, |it| it == wanted)
}

fn command_line(pid: i32) -> String {
    let words = process::cmdline(pid).unwrap_or_default();
    words.iter().map(|it| it.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
