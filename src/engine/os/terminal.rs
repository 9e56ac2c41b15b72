//! The settings of the terminal, to be put back as they were.

use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};

/// How the terminal was set up when we began.
#[derive(Clone)]
pub struct Saved(Termios);

impl Saved {
    /// `None` if standard input is no terminal.
    pub fn of_stdin() -> Option<Saved> {
        tcgetattr(std::io::stdin().as_fd()).ok().map(Saved)
    }

    /// Puts the settings back. A terminal that is gone needs none.
    pub fn restore(&self) {
        let _gone = tcsetattr(std::io::stdin().as_fd(), SetArg::TCSANOW, &self.0);
    }
}

/// What was typed and nobody has read, without waiting for more.
pub fn typed_ahead() -> Vec<u8> {
    /// More is left for the next time.
    const LEN_MAX: usize = 64 << 10;
    let mut typed = Vec::new();
    let mut chunk = [0; 4096];
    while typed.len() < LEN_MAX {
        let stdin = std::io::stdin();
        let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        let is_there = poll(&mut fds, PollTimeout::ZERO).is_ok_and(|it| it > 0);
        let is_there =
            is_there && fds[0].revents().is_some_and(|it| it.contains(PollFlags::POLLIN));
        // Not through Rust's own reader, which would take more than it gives.
        match is_there.then(|| nix::unistd::read(stdin.as_fd(), &mut chunk)) {
            Some(Ok(len)) if len > 0 => typed.extend_from_slice(&chunk[..len]),
            _ => break,
        }
    }
    typed
}
