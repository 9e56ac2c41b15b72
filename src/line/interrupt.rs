//! Ctrl-C in line mode: stop the program, or whatever takes long.
//!
//! The signal arrives on a thread of its own while the main thread waits for an answer;
//! all they share is here.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::api::methods::*;
use crate::client::{Client, OnReply};

/// What the two threads tell each other.
#[derive(Default)]
pub struct Interrupts {
    pressed: AtomicBool,
    quitting: AtomicBool,
    dumping: AtomicBool,
    multi: AtomicBool,
    active: AtomicBool,
    connection: Mutex<Option<Connection>>,
}

/// What Ctrl-C acts upon.
struct Connection {
    client: Arc<dyn Client>,
    hang_up: Box<dyn Fn() + Send + Sync>,
}

impl Interrupts {
    pub fn new() -> Arc<Interrupts> {
        Arc::default()
    }

    /// Says what to stop, and how to leave the service without ending it.
    pub fn connect(
        &self,
        client: Arc<dyn Client>,
        hang_up: impl Fn() + Send + Sync + 'static,
    ) {
        let hang_up = Box::new(hang_up);
        *self.lock() = Some(Connection { client, hang_up });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session begins; `multi`: the service has other clients too.
    pub fn begin(&self, multi: bool) {
        self.multi.store(multi, Ordering::Release);
        self.active.store(true, Ordering::Release);
    }

    pub fn end(&self) {
        self.active.store(false, Ordering::Release);
    }

    /// A new command: what was pressed before does not concern it.
    pub fn clear(&self) {
        self.pressed.store(false, Ordering::Release);
    }

    pub fn is_pressed(&self) -> bool {
        self.pressed.load(Ordering::Acquire)
    }

    pub fn is_quitting(&self) -> bool {
        self.quitting.load(Ordering::Acquire)
    }

    pub fn set_dumping(&self, under_way: bool) {
        self.dumping.store(under_way, Ordering::Release);
    }

    /// Leaves the service as it is; the session ends at the next opportunity.
    pub fn quit(&self) {
        self.quitting.store(true, Ordering::Release);
        if let Some(connection) = &*self.lock() {
            (connection.hang_up)();
        }
    }

    /// Ctrl-C was pressed; whether a session is there that minds it.
    pub fn press(&self) -> bool {
        if !self.active.load(Ordering::Acquire) {
            return false;
        }
        self.pressed.store(true, Ordering::Release);
        if self.dumping.load(Ordering::Acquire) {
            eprintln!("received SIGINT, stopping dump");
            return true;
        }
        let client = self.lock().as_ref().map(|it| Arc::clone(&it.client));
        let Some(client) = client else { return true };
        let state = client.call(StateIn { non_blocking: true });
        let is_running =
            state.is_ok_and(|it| it.state.is_some_and(|state| state.running));
        if !is_running {
            return true;
        }
        if self.multi.load(Ordering::Acquire) && io::stdin().is_terminal() {
            match pause_or_quit() {
                Some('p') => halt(&*client),
                Some('q') => self.quit(),
                _ => eprintln!("only p or q allowed"),
            }
        } else {
            eprintln!("received SIGINT, stopping process (will not forward signal)");
            halt(&*client);
        }
        true
    }
}

/// Asks for the program to stop. The answer to the command that made it run says where.
fn halt(client: &dyn Client) {
    let on_reply: OnReply = Box::new(|outcome| {
        if let Err(err) = outcome {
            eprintln!("could not halt: {err}");
        }
    });
    let name = command::HALT.to_owned();
    let params = crate::client::encode(&Command { name, ..Command::default() });
    client.submit(Command::NAME, params, on_reply);
}

fn pause_or_quit() -> Option<char> {
    let question = "Would you like to [p]ause the target (returning to the debugger's \
                    prompt) or [q]uit this client (leaving the target running) [p/q]? ";
    let mut out = io::stdout();
    let _broken_pipe = out.write_all(question.as_bytes()).and_then(|()| out.flush());
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).ok()?;
    answer.trim().to_lowercase().chars().next()
}

/// Lets the program run without waiting for it to stop.
pub fn resume_and_forget(client: &dyn Client) {
    let name = command::CONTINUE.to_owned();
    let params = crate::client::encode(&Command { name, ..Command::default() });
    client.submit(Command::NAME, params, Box::new(|_left| {}));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::Interrupts;
    use crate::api::methods::*;
    use crate::api::types::DebuggerState;
    use crate::client::fake::{Asked, FakeClient};

    fn running(running: bool) -> StateOut {
        let state = DebuggerState { running, ..DebuggerState::default() };
        StateOut { state: Some(state) }
    }

    #[test]
    fn a_running_program_is_halted_and_a_stopped_one_is_not() {
        for (is_running, n_asked) in [(true, 2), (false, 1)] {
            let fake = Arc::new(FakeClient::new());
            fake.always::<StateIn>(running(is_running));
            fake.always::<Command>(CommandOut::default());
            let interrupts = Interrupts::new();
            interrupts.connect(fake.clone(), || {});
            assert!(!interrupts.press(), "no session is there");
            interrupts.begin(false);
            assert!(interrupts.press());
            assert!(interrupts.is_pressed());
            let asked = fake.take_asked();
            assert_eq!(asked.len(), n_asked);
            if is_running {
                let halt = Command { name: "halt".into(), ..Command::default() };
                assert_eq!(asked[1], Asked::of(&halt));
            }
        }
    }

    #[test]
    fn a_service_that_dumps_is_asked_nothing() {
        let fake = Arc::new(FakeClient::new());
        let interrupts = Interrupts::new();
        interrupts.connect(fake.clone(), || {});
        interrupts.begin(false);
        interrupts.set_dumping(true);
        interrupts.press();
        assert!(interrupts.is_pressed());
        assert_eq!(fake.take_asked(), []);
    }

    #[test]
    fn quitting_hangs_up() {
        let hung_up = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&hung_up);
        let interrupts = Interrupts::new();
        interrupts.connect(Arc::new(FakeClient::new()), move || {
            seen.store(true, Ordering::Release);
        });
        interrupts.quit();
        assert!(interrupts.is_quitting() && hung_up.load(Ordering::Acquire));
    }
}
