//! A program in a terminal of its own: keys go in, and what comes out is read by a terminal
//! emulator.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;

use super::PATIENCE;
use super::server::wait;

/// A terminal with a program in it. Dropping it hangs up, and kills the program.
pub struct Terminal {
    pub child: Child,
    master: File,
    /// Our own handle on the program's side, to look at its settings.
    slave: OwnedFd,
    pub emulator: vt100::Parser,
    /// All that the program has written.
    pub bytes: Vec<u8>,
}

impl Terminal {
    pub fn start(command: Command, columns: u16, rows: u16) -> Terminal {
        Terminal::start_typed(command, columns, rows, "")
    }

    /// Starts a program in a terminal in which keys have been pressed already.
    pub fn start_typed(
        mut command: Command,
        columns: u16,
        rows: u16,
        keys: &str,
    ) -> Terminal {
        // What is typed here is not for the user's history, and the breakpoints of one
        // test are not those of the next.
        if !command.get_envs().any(|it| it.0 == "XDG_STATE_HOME") {
            command.env("XDG_STATE_HOME", new_state_dir());
        }
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).expect("a pseudo-terminal");
        // Or every program that is started meanwhile would keep the terminal open.
        for end in [&pty.master, &pty.slave] {
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("a descriptor");
        }
        let mut master = File::from(pty.master);
        master.write_all(keys.as_bytes()).expect("the terminal takes keys");
        let child = spawn(command, &pty.slave);
        let [rows, columns] = [rows, columns].map(|it| it.try_into().expect("not zero"));
        Terminal {
            child,
            master,
            slave: pty.slave,
            emulator: vt100::Parser::new(rows, columns, 0),
            bytes: Vec::new(),
        }
    }

    /// Sends keys as a terminal would: `\r` is Enter, `\x1b` is Escape.
    pub fn keys(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Presses Escape alone: a key that follows at once would be one with Alt.
    pub fn escape(&mut self) {
        self.keys("\x1b");
        self.settle(Duration::from_millis(100));
    }

    /// What the screen shows, line by line.
    pub fn screen(&self) -> String {
        self.emulator.screen().contents()
    }

    /// What has been written since a number of bytes, as text: without what moves the
    /// cursor and sets colours.
    pub fn said_since(&self, start: usize) -> String {
        let mut said = String::new();
        let text = String::from_utf8_lossy(&self.bytes[start..]).into_owned();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('\x1b') {
            said.push_str(before);
            // CSI sequences end with a letter; others here have one character.
            rest = match after.strip_prefix('[') {
                Some(csi) => csi.trim_start_matches(|it: char| !it.is_ascii_alphabetic()),
                None => after,
            };
            rest = rest.get(1..).unwrap_or_default();
        }
        said + rest
    }

    /// Types a command and waits until this text comes behind its echo.
    #[track_caller]
    pub fn types(&mut self, command: &str, wanted: &str) {
        let start = self.bytes.len();
        self.keys(&format!("{command}\r"));
        self.wait_until(&format!("{command} -> {wanted}"), |it| {
            let said = it.said_since(start);
            said.split_once('\n').is_some_and(|it| it.1.contains(wanted))
        });
    }

    /// Reads until the screen shows this text.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |it| it.screen().contains(text));
    }

    /// Reads until the screen does not show this text any more.
    #[track_caller]
    pub fn wait_gone(&mut self, text: &str) {
        self.wait_until(text, |it| !it.screen().contains(text));
    }

    #[track_caller]
    pub fn wait_until(&mut self, what: &str, mut done: impl FnMut(&Terminal) -> bool) {
        let start = Instant::now();
        while !done(self) {
            let left = PATIENCE.saturating_sub(start.elapsed());
            if self.read(left).is_none() && !done(self) {
                panic!("no {what:?} on the screen:\n{}\n", self.screen());
            }
        }
    }

    /// Reads what comes within a time: how many bytes; `None` if nothing came, or the
    /// program has closed the terminal.
    pub fn read(&mut self, within: Duration) -> Option<usize> {
        let timeout = PollTimeout::try_from(within).unwrap_or(PollTimeout::MAX);
        let mut ready = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, timeout).expect("a terminal can be polled") == 0 {
            return None;
        }
        let mut chunk = [0; 1 << 16];
        let len = self.master.read(&mut chunk).ok().filter(|len| *len > 0)?;
        self.emulator.process(&chunk[..len]);
        self.bytes.extend_from_slice(&chunk[..len]);
        Some(len)
    }

    /// Reads until nothing has come for a while.
    pub fn settle(&mut self, quiet: Duration) {
        while self.read(quiet).is_some() {}
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        #[allow(unsafe_code, reason = "there is no safe way to resize a terminal")]
        // SAFETY: the descriptor is open, and the kernel only reads the record.
        let done =
            unsafe { libc::ioctl(self.master.as_raw_fd(), libc::TIOCSWINSZ, &size) };
        assert_eq!(done, 0, "the terminal can be resized");
        let [rows, columns] = [rows, columns].map(|it| it.try_into().expect("not zero"));
        self.emulator.screen_mut().set_size(rows, columns);
    }

    pub fn signal(&self, signal: Signal) {
        let _ = kill(Pid::from_raw(self.child.id() as i32), signal);
    }

    /// Waits for the program's end, and reads its last words.
    pub fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let came = self.read(Duration::from_millis(20)).is_some();
            if !came && let Ok(Some(status)) = self.child.try_wait() {
                return status;
            }
        }
        panic!("the program does not end:\n{}\n", self.screen());
    }

    /// Whether the terminal is as a shell wants it: lines are edited, input is echoed, the
    /// main screen is shown, and so is the cursor.
    pub fn is_restored(&self) -> bool {
        let flags = tcgetattr(&self.slave).expect("it is a terminal").local_flags;
        let screen = self.emulator.screen();
        flags.contains(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG)
            && !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.signal(Signal::SIGTERM);
        let _ = self.master.flush();
        // A program may wait for its terminal to take what it has written.
        while self.read(Duration::from_millis(50)).is_some() {}
        if wait(&mut self.child).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A directory for what a session leaves to the next: of nobody else.
pub fn new_state_dir() -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("state-{}-{n}", std::process::id());
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    // Of a process that had the same number once.
    let _ = std::fs::remove_dir_all(&dir);
    dir
}

/// Starts a program as the leader of a session whose terminal this is.
fn spawn(mut command: Command, slave: &OwnedFd) -> Child {
    let stdio = || Stdio::from(slave.try_clone().expect("a descriptor"));
    command.stdin(stdio()).stdout(stdio()).stderr(stdio());
    command.env("TERM", "xterm-256color").env("COLORTERM", "truecolor");
    for name in ["NO_COLOR", "TMUX", "LINES", "COLUMNS"] {
        command.env_remove(name);
    }
    #[allow(unsafe_code, reason = "a terminal is taken between fork and exec")]
    // SAFETY: between fork and exec only these two system calls are made, which are safe
    // to make there.
    unsafe {
        command.pre_exec(|| {
            nix::unistd::setsid()?;
            nix::errno::Errno::result(libc::ioctl(0, libc::TIOCSCTTY, 0))?;
            Ok(())
        });
    }
    command.spawn().expect("the program starts")
}
