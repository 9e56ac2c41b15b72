//! The settings of the terminal, to be put back as they were.

use std::os::fd::AsFd;

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
