//! A live process: attaching and launching, and what is known about it.

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::inferior::interrupt::{Bell, Interrupter};
use crate::engine::inferior::judge::RunEnd;
use crate::engine::inferior::memory::ProcessMemory;
use crate::engine::inferior::run::Causes;
use crate::engine::inferior::site::Sites;
use crate::engine::inferior::slots::Slots;
use crate::engine::inferior::tracee::{Role, Tracee};
use crate::engine::inferior::watch::Watches;
use crate::engine::os::process::{self, AT_ENTRY, Status};
use crate::engine::os::ptrace::{self, Orphans, Tid, Tracer};
use crate::engine::os::signal::Wakeable;
use crate::engine::os::wait::Event;
use crate::engine::os::watcher::Watcher;
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// A live process and all its threads, traced by this thread.
///
/// Dropping it lets go as [`Live::detach`] does if it was attached to, and kills it if it
/// was launched.
pub struct Live {
    pub(super) pid: i32,
    pub(super) launched: bool,
    /// Whether the terminal was given to it.
    pub(super) foreground: bool,
    pub(super) exe: PathBuf,
    pub(super) pty: Option<File>,
    pub(super) memory: Arc<ProcessMemory>,
    pub(super) interrupter: Interrupter,
    pub(super) tracees: FxHashMap<i32, Tracee>,
    /// Stopped children whose parent has not told about them yet.
    pub(super) newborn: FxHashMap<i32, Event>,
    /// Events that were reported while something else was waited for.
    pub(super) backlog: VecDeque<(Tid, Event)>,
    /// Reasons to stop that came together with others; each ends a run of its own.
    pub(super) deferred: VecDeque<RunEnd>,
    pub(super) sites: Sites,
    pub(super) slots: Slots,
    pub(super) watches: Watches,
    /// Where there is a `syscall` instruction, once it was needed.
    pub(super) syscall_at: Option<u64>,
    /// Repairs the process if we are killed; there once something has been written.
    pub(super) watcher: Option<Watcher>,
    pub(super) gone: Option<End>,
    pub(super) tracer: Tracer,
}

/// How the process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Exited(i32),
    Killed(i32),
    /// It has been let go.
    Released,
}

/// How often the list of threads is read until it shows none that is new. Each pass stops
/// all that it finds, so that fewer are left to make new ones.
const PASSES_MAX: usize = 1000;

impl Live {
    /// Attaches to all threads of `pid` and stops them. Nothing is written.
    pub fn attach(tracer: Tracer, pid: i32) -> Result<Live> {
        check_attachable(pid)?;
        let failed = |err: io::Error| attach_error(pid, &err);
        let own = process::own_tid();
        let memory = ProcessMemory::open(pid).map_err(failed)?;
        let mut live = Live::new(tracer, pid, memory).map_err(failed)?;
        for _ in 0..PASSES_MAX {
            if live.seize_all(own)? == 0 {
                break;
            }
            live.stop_quietly();
            live.check_alive()?;
        }
        if live.tids().is_empty() {
            return Err(attach_error(pid, &io::Error::from_raw_os_error(ESRCH)));
        }
        if live.tracees.values().all(|it| it.running) {
            return Err(Error::message(format!(
                "could not attach to pid {pid}: it does not stop; it is frozen, as in a \
                 container that is paused, or waits in the kernel for something that \
                 cannot be interrupted (state D)"
            )));
        }
        live.make_harmless(&Causes::default());
        Ok(live)
    }

    pub(super) fn new(
        tracer: Tracer,
        pid: i32,
        memory: ProcessMemory,
    ) -> io::Result<Live> {
        let bell = Arc::new(Bell::new(Wakeable::this_thread()?));
        Ok(Live {
            pid,
            launched: false,
            foreground: false,
            exe: process::exe(pid).unwrap_or_default(),
            pty: None,
            memory: Arc::new(memory),
            interrupter: Interrupter { bell },
            tracees: FxHashMap::default(),
            newborn: FxHashMap::default(),
            backlog: VecDeque::new(),
            deferred: VecDeque::new(),
            sites: Sites::default(),
            slots: Slots::default(),
            watches: Watches::default(),
            syscall_at: None,
            watcher: None,
            gone: None,
            tracer,
        })
    }

    /// Seizes the threads that are not traced yet; returns how many there were.
    fn seize_all(&mut self, own: i32) -> Result<usize> {
        let mut n_new = 0;
        let mut tids = process::tasks(self.pid);
        // The leader first: of two debuggers that come at once, one gets all threads.
        tids.sort_by_key(|it| *it != self.pid);
        for tid in tids {
            if self.tracees.contains_key(&tid) || self.newborn.contains_key(&tid) {
                continue;
            }
            match ptrace::seize(&self.tracer, Tid(tid), Orphans::RunOn) {
                Ok(()) => {}
                Err(err) if err.raw_os_error() == Some(ESRCH) => continue,
                // Born of a thread that is traced, hence traced itself, or dying.
                Err(_) => {
                    let tracer = Status::of(tid).map_or(0, |it| it.tracer_pid);
                    if tracer != own {
                        if tracer != 0 {
                            return Err(traced_already(self.pid, tracer));
                        }
                        if self.tracees.is_empty() {
                            return Err(self.seize_error(tid));
                        }
                        continue;
                    }
                }
            }
            self.adopt(Tid(tid), Role::Thread);
            n_new += 1;
        }
        Ok(n_new)
    }

    /// Why the first thread could not be seized.
    fn seize_error(&self, tid: i32) -> Error {
        match ptrace::seize(&self.tracer, Tid(tid), Orphans::RunOn) {
            Err(err) => attach_error(self.pid, &err),
            Ok(()) => {
                let _ = ptrace::interrupt(&self.tracer, Tid(tid));
                attach_error(self.pid, &io::Error::from_raw_os_error(ESRCH))
            }
        }
    }

    pub fn pid(&self) -> i32 {
        self.pid
    }

    pub fn launched(&self) -> bool {
        self.launched
    }

    /// The executable, as `/proc/<pid>/exe` names it.
    pub fn exe(&self) -> PathBuf {
        self.exe.clone()
    }

    /// Where execution began (`AT_ENTRY`): the load bias is this less the entry that the
    /// file states.
    pub fn auxv_entry(&self) -> Option<Addr> {
        process::auxv(self.pid, AT_ENTRY).map(Addr)
    }

    /// Our end of the pseudo-terminal of a program launched with
    /// [`Stdio::Pty`](crate::engine::inferior::Stdio).
    pub fn take_pty(&mut self) -> Option<File> {
        self.pty.take()
    }

    /// The memory of the process; to be asked for again after [`RunEnd::Execed`].
    pub fn memory(&self) -> Arc<ProcessMemory> {
        self.memory.clone()
    }

    pub fn interrupter(&self) -> Interrupter {
        self.interrupter.clone()
    }

    /// Whether the process has ended.
    pub fn is_gone(&self) -> bool {
        self.gone.is_some()
    }

    pub(super) fn check_alive(&self) -> Result<()> {
        let pid = self.pid;
        match self.gone {
            None => Ok(()),
            Some(End::Exited(status)) => Err(Error::Exited { pid, status }),
            Some(End::Killed(signal)) => Err(Error::Exited { pid, status: -signal }),
            Some(End::Released) => {
                Err(Error::message(format!("process {pid} has been let go")))
            }
        }
    }
}

const ESRCH: i32 = 3;
const EPERM: i32 = 1;

/// Refuses what cannot be attached to before anything is done to it.
fn check_attachable(pid: i32) -> Result<()> {
    let status = Status::of(pid)
        .map_err(|_| attach_error(pid, &io::Error::from_raw_os_error(ESRCH)))?;
    if status.tracer_pid != 0 {
        return Err(traced_already(pid, status.tracer_pid));
    }
    if status.state == b'Z' {
        let why = match status.n_threads {
            0 | 1 => "it has ended, and its parent has not taken note of that yet",
            _ => {
                "its first thread has ended, without which the kernel shows neither its \
                 memory nor its executable"
            }
        };
        return Err(Error::message(format!("could not attach to pid {pid}: {why}")));
    }
    if status.tgid != pid {
        return Err(Error::message(format!(
            "could not attach to pid {pid}: it is a thread of process {}",
            status.tgid
        )));
    }
    if u32::try_from(pid) == Ok(std::process::id()) {
        return Err(Error::message(format!(
            "could not attach to pid {pid}: that is this debugger itself"
        )));
    }
    Ok(())
}

/// `tracer` may be a thread: people know its process.
fn traced_already(pid: i32, tracer: i32) -> Error {
    let tracer = Status::of(tracer).map_or(tracer, |it| it.tgid);
    Error::message(format!(
        "could not attach to pid {pid}: already being debugged by pid {tracer}"
    ))
}

/// The texts are Delve's, as people search for them.
fn attach_error(pid: i32, err: &io::Error) -> Error {
    if err.raw_os_error() == Some(EPERM) || err.kind() == io::ErrorKind::PermissionDenied
    {
        let status = Status::of(pid).unwrap_or_default();
        if status.tracer_pid != 0 {
            return traced_already(pid, status.tracer_pid);
        }
        if status.uid != process::own_uid() && process::own_uid() != 0 {
            return Error::message(format!(
                "Could not attach to pid {pid}: current user does not own the process"
            ));
        }
        let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
        if scope.as_ref().is_ok_and(|it| it.trim() == "3") {
            return Error::message(format!(
                "could not attach to pid {pid}: this kernel lets nobody attach until the \
                 next boot (/proc/sys/kernel/yama/ptrace_scope is 3); programs that the \
                 debugger starts are not concerned"
            ));
        }
        if scope.is_ok_and(|it| it.trim() != "0") {
            return Error::message(format!(
                "Could not attach to pid {pid}: this could be caused by a kernel \
                 security setting, try writing \"0\" to \
                 /proc/sys/kernel/yama/ptrace_scope"
            ));
        }
    }
    if err.raw_os_error() == Some(ESRCH) {
        return Error::message(format!("could not attach to pid {pid}: no such process"));
    }
    if err.kind() == io::ErrorKind::PermissionDenied {
        return Error::message(format!(
            "could not attach to pid {pid}: the kernel refuses ptrace, although the user \
             is the right one; in a container it takes --cap-add=SYS_PTRACE and a \
             seccomp profile that lets it through, and processes outside are out of reach"
        ));
    }
    Error::message(format!("could not attach to pid {pid}: {err}"))
}
