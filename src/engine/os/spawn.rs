//! Starting a program under trace: fork, terminal, streams, exec.
#![allow(unsafe_code, reason = "fork and exec; see each SAFETY")]

use crate::engine::os::ptrace::{Orphans, Tid, Tracer};
use crate::engine::os::{ptrace, wait};
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;

/// A program to be started, with everything prepared so that nothing is allocated
/// between fork and exec.
pub struct Command {
    pub program: CString,
    pub argv: Vec<CString>,
    pub envp: Vec<CString>,
    pub dir: Option<CString>,
    /// What becomes standard input, output and error; `None` leaves ours.
    pub streams: [Option<OwnedFd>; 3],
    /// Whether the first stream is a terminal that the program shall have for its own.
    pub own_terminal: bool,
    pub disable_aslr: bool,
    /// Whether to become the foreground job of the terminal at standard input.
    pub foreground: bool,
}

/// A text without a zero byte, which the kernel could not take.
pub fn c_string(text: &OsStr) -> io::Result<CString> {
    CString::new(text.as_bytes()).map_err(|_| {
        io::Error::new(io::ErrorKind::InvalidInput, "there is a zero byte in it")
    })
}

/// Starts `command` as a tracee, and waits until it stands before the first instruction
/// of the program.
pub fn spawn(tracer: &Tracer, command: &Command) -> io::Result<Tid> {
    let (go_read, mut go_write) = pipe()?;
    let (mut failure_read, failure_write) = pipe()?;
    let argv = pointers(&command.argv);
    let envp = pointers(&command.envp);
    let fds = command.streams.each_ref().map(|it| it.as_ref().map(AsRawFd::as_raw_fd));
    let child = Child {
        command,
        argv: &argv,
        envp: &envp,
        fds,
        go: go_read.as_raw_fd(),
        failure: failure_write.as_raw_fd(),
    };
    // SAFETY: the child calls nothing but `Child::run`, which allocates nothing and
    // takes no lock, so that it does not matter what other threads held.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => return Err(io::Error::last_os_error()),
        0 => child.run(),
        _ => {}
    }
    drop((go_read, failure_write));
    let tid = Tid(pid);
    let started = ptrace::seize(tracer, tid, Orphans::Die)
        .and_then(|()| go_write.write_all(&[1]))
        .and_then(|()| await_exec(tracer, tid, &mut failure_read));
    if started.is_err() {
        let _ = crate::engine::os::signal::kill(pid);
        while !matches!(
            wait::one(tracer, tid),
            wait::Waited::Event(
                _,
                wait::Event::Killed { .. } | wait::Event::Exited { .. }
            ) | wait::Waited::NoTracees
        ) {}
    }
    started.map(|()| tid)
}

/// Waits for the exec; if it fails the child says why on the pipe.
fn await_exec(tracer: &Tracer, tid: Tid, failure: &mut File) -> io::Result<()> {
    let mut execed = false;
    loop {
        match wait::one(tracer, tid) {
            // Still in the system call, whose result is yet to be stored in a register:
            // an interrupt stops it behind that, before anything is executed.
            wait::Waited::Event(_, wait::Event::Execed) => {
                ptrace::interrupt(tracer, tid)?;
                ptrace::cont(tracer, tid, 0)?;
                execed = true;
            }
            wait::Waited::Event(_, wait::Event::Stopped { .. }) if execed => {
                return Ok(());
            }
            wait::Waited::Event(
                _,
                wait::Event::Exited { .. } | wait::Event::Killed { .. },
            ) => {
                let mut errno = [0; 4];
                return Err(match failure.read_exact(&mut errno) {
                    Ok(()) => io::Error::from_raw_os_error(i32::from_le_bytes(errno)),
                    Err(_) => io::Error::other("it ended before it began"),
                });
            }
            wait::Waited::Event(_, wait::Event::Signaled { signal }) => {
                ptrace::cont(tracer, tid, signal)?;
            }
            wait::Waited::Event(..) => ptrace::cont(tracer, tid, 0)?,
            wait::Waited::Nothing | wait::Waited::Interrupted => {}
            wait::Waited::NoTracees => return Err(io::Error::other("it is gone")),
        }
    }
}

fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    texts.iter().map(|it| it.as_ptr()).chain([std::ptr::null()]).collect()
}

/// A pipe that is not handed on to the program.
fn pipe() -> io::Result<(File, File)> {
    let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    Ok((File::from(read), File::from(write)))
}

/// What the forked child needs.
struct Child<'a> {
    command: &'a Command,
    argv: &'a [*const libc::c_char],
    envp: &'a [*const libc::c_char],
    fds: [Option<RawFd>; 3],
    go: RawFd,
    failure: RawFd,
}

impl Child<'_> {
    /// Runs in the child: only system calls from here on.
    fn run(&self) -> ! {
        let errno = self.become_program();
        let bytes = errno.to_le_bytes();
        // SAFETY: writes four bytes of the stack to a pipe.
        unsafe { libc::write(self.failure, bytes.as_ptr().cast(), bytes.len()) };
        // SAFETY: ends the child without running anything of the parent's.
        unsafe { libc::_exit(127) }
    }

    /// Executes the program; returns the error number if it cannot.
    fn become_program(&self) -> i32 {
        let steps: [fn(&Self) -> i32; 6] = [
            Self::reset_signals,
            Self::await_tracer,
            Self::take_group,
            Self::take_streams,
            Self::take_dir,
            Self::place_memory,
        ];
        for step in steps {
            if step(self) == -1 {
                return errno();
            }
        }
        let program = self.command.program.as_ptr();
        // SAFETY: the arrays end in null and their texts in zero, and all live on.
        unsafe { libc::execve(program, self.argv.as_ptr(), self.envp.as_ptr()) };
        errno()
    }

    /// Undoes what we have done to our own signals: handlers go with the exec, but what
    /// is blocked or ignored stays.
    fn reset_signals(&self) -> i32 {
        for signal in 1..=64 {
            // SAFETY: sets a default; refused for SIGKILL and SIGSTOP, which is fine.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
        // SAFETY: a signal set may hold anything; it is emptied before it is used.
        let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: `set` is a signal set of ours.
        unsafe { libc::sigemptyset(&raw mut set) };
        // SAFETY: as above.
        unsafe {
            libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut())
        }
    }

    /// Waits until the parent traces us.
    fn await_tracer(&self) -> i32 {
        let mut byte = 0u8;
        loop {
            // SAFETY: reads at most one byte into one byte.
            let n = unsafe { libc::read(self.go, (&raw mut byte).cast(), 1) };
            match n {
                1 => return 0,
                -1 if errno() == libc::EINTR => {}
                _ => return -1,
            }
        }
    }

    fn take_group(&self) -> i32 {
        if self.command.own_terminal {
            // SAFETY: numbers only.
            return unsafe { libc::setsid() };
        }
        // SAFETY: numbers only.
        let result = unsafe { libc::setpgid(0, 0) };
        if result == 0 && self.command.foreground {
            // The terminal stops whoever asks from the background, unless ignored.
            // SAFETY: ignoring runs no code.
            unsafe { libc::signal(libc::SIGTTOU, libc::SIG_IGN) };
            // SAFETY: numbers only. Fails if standard input is no terminal of ours.
            unsafe { libc::tcsetpgrp(0, libc::getpid()) };
            // SAFETY: sets a default.
            unsafe { libc::signal(libc::SIGTTOU, libc::SIG_DFL) };
        }
        result
    }

    fn take_streams(&self) -> i32 {
        if let (true, Some(terminal)) = (self.command.own_terminal, self.fds[0]) {
            // SAFETY: numbers only. That it is somebody else's terminal is no obstacle.
            unsafe { libc::ioctl(terminal, libc::TIOCSCTTY, 0) };
        }
        for (number, fd) in (0..).zip(self.fds) {
            let Some(fd) = fd else { continue };
            // SAFETY: numbers only. The copy survives the exec, the original does not.
            if unsafe { libc::dup2(fd, number) } == -1 {
                return -1;
            }
        }
        0
    }

    fn take_dir(&self) -> i32 {
        let Some(dir) = &self.command.dir else { return 0 };
        // SAFETY: a text that ends in zero.
        unsafe { libc::chdir(dir.as_ptr()) }
    }

    fn place_memory(&self) -> i32 {
        if self.command.disable_aslr {
            // SAFETY: numbers only. A sandbox may refuse; the program runs all the same.
            unsafe { libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong) };
        }
        0
    }
}

fn errno() -> i32 {
    nix::errno::Errno::last_raw()
}

/// A new pseudo-terminal: our end, and the program's.
pub fn open_pty() -> io::Result<(File, OwnedFd)> {
    let pty = nix::pty::openpty(None, None)?;
    for fd in [&pty.master, &pty.slave] {
        // SAFETY: numbers only: neither end shall be handed on as such.
        unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    Ok((File::from(pty.master), pty.slave))
}

/// Tells a pseudo-terminal how large its window is.
pub fn resize_pty(pty: &File, columns: u16, rows: u16) -> io::Result<()> {
    let size =
        libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel reads one `winsize` through the pointer.
    let result =
        unsafe { libc::ioctl(pty.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Makes our own process group the foreground job of the terminal at standard input
/// again. Needs [`crate::engine::os::signal::ignore_terminal_stops`].
pub fn take_back_terminal() {
    // SAFETY: numbers only. Fails if standard input is no terminal of ours.
    unsafe { libc::tcsetpgrp(0, libc::getpgrp()) };
}
