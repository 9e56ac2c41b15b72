//! Leaving a session: what is to become of the program?
//!
//! What was attached to is left running unless the user says otherwise; what was launched
//! is killed. Delve asks the same questions, but kills by default.

use crate::api::methods::*;
use crate::api::types::Breakpoint;
use crate::client::{Client, ClientError};
use crate::frontend::command::ExitHow;
use crate::frontend::command::session::{Front, Session, confirm};
use crate::line::interrupt::resume_and_forget;
use crate::line::{FAILED, NO_ANSWER, OK, Terminal};

/// Ends the session; the exit status, or `None` if the user wants to stay after all.
pub fn leave(session: &Session, terminal: &mut Terminal, how: ExitHow) -> Option<i32> {
    if terminal.interrupts.is_quitting() {
        return Some(OK);
    }
    let client = session.client();
    let multi = client.call(IsMulticlientIn {}).is_ok_and(|it| it.is_multiclient);
    match how {
        ExitHow::Continue if !multi => {
            let text = "Command failed: not connected to an --accept-multiclient server";
            terminal.printer.error(text);
            None
        }
        ExitHow::Continue => leave_running(client, terminal),
        ExitHow::Detach => Some(detach(client, terminal, false)),
        ExitHow::Kill => Some(detach(client, terminal, true)),
        ExitHow::Ask => Some(ask_and_leave(client, terminal, multi)),
    }
}

/// The program runs on, the server stays, and so do the breakpoints.
fn leave_running(client: &dyn Client, terminal: &mut Terminal) -> Option<i32> {
    let list = client.call(ListBreakpointsIn { all: false }).unwrap_or_default();
    let is_own = |bp: &Breakpoint| bp.id > 0;
    if list.breakpoints.iter().flatten().any(is_own) {
        let question = "There are breakpoints set, do you wish to quit and continue \
                        without clearing breakpoints? [Y/n] ";
        match confirm(terminal, question, true) {
            Some(true) => {}
            Some(false) => return None,
            None => return Some(NO_ANSWER),
        }
    }
    resume_and_forget(client);
    terminal.interrupts.quit();
    Some(OK)
}

fn ask_and_leave(client: &dyn Client, terminal: &mut Terminal, multi: bool) -> i32 {
    match client.call(StateIn { non_blocking: false }) {
        Ok(_) => {}
        Err(ClientError::Service(text)) if text.contains("has exited with status") => {
            return leave_exited(client, terminal, multi);
        }
        Err(ClientError::Disconnected) => return OK,
        Err(err) => terminal.printer.error(&err.to_string()),
    }
    if multi {
        let question = "Would you like to kill the headless instance? [y/N] ";
        match confirm(terminal, question, false) {
            Some(true) => {}
            Some(false) => return OK,
            None => return NO_ANSWER,
        }
    }
    let attached = client.call(AttachedToExistingProcessIn {}).is_ok_and(|it| it.answer);
    if !attached {
        return detach(client, terminal, true);
    }
    let question = "Would you like to kill the process? [y/N] ";
    match confirm(terminal, question, false) {
        Some(kill) => detach(client, terminal, kill),
        None => {
            detach(client, terminal, false);
            NO_ANSWER
        }
    }
}

fn leave_exited(client: &dyn Client, terminal: &mut Terminal, multi: bool) -> i32 {
    if !multi {
        return OK;
    }
    let question = "Remote process has exited. Would you like to kill the headless \
                    instance? [Y/n] ";
    match confirm(terminal, question, true) {
        Some(true) => detach(client, terminal, true),
        Some(false) => OK,
        None => NO_ANSWER,
    }
}

fn detach(client: &dyn Client, terminal: &mut Terminal, kill: bool) -> i32 {
    terminal.resuming();
    match client.call(DetachIn { kill }) {
        // A service that ends quickly may be gone before its answer is.
        Ok(_) | Err(ClientError::Disconnected) => OK,
        Err(err) => {
            terminal.printer.error(&err.to_string());
            FAILED
        }
    }
}
