//! The console's thread: carries out commands of the line mode, which wait for answers.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};

use crate::api::types::DebuggerState;
use crate::client::Client;
use crate::frontend::command::session::{Flow, Front, Session};
use crate::frontend::config::Config;
use crate::frontend::text;
use crate::tui::effects::spawn;
use crate::tui::state::msg::{Msg, Resume};

/// A line to carry out, and the frame that is selected.
pub struct Line {
    pub line: String,
    pub frame: usize,
}

/// The thread, from outside.
pub struct Console {
    lines: Sender<Line>,
    interrupted: Arc<AtomicBool>,
}

impl Console {
    pub fn run(&self, line: Line) {
        drop(self.lines.send(line));
    }

    /// Has a command that takes long come to an end.
    pub fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Release);
    }
}

/// Starts the thread.
pub fn start(client: Arc<dyn Client>, msgs: Sender<Msg>) -> Console {
    let (lines, receive) = mpsc::channel::<Line>();
    let interrupted = Arc::new(AtomicBool::new(false));
    let console = Console { lines, interrupted: Arc::clone(&interrupted) };
    spawn("console", move || {
        let mut session = Session::new(client, Config::load().unwrap_or_default());
        while let Ok(Line { line, frame }) = receive.recv() {
            session.select_frame(i64::try_from(frame).unwrap_or(0));
            interrupted.store(false, Ordering::Release);
            let mut front =
                Screen { msgs: msgs.clone(), interrupted: Arc::clone(&interrupted) };
            let outcome = session.run_line(&line, &mut front);
            let exits = matches!(outcome, Ok(Flow::Exit(_)));
            let result = outcome.map(drop).map_err(|err| err.to_string());
            if msgs.send(Msg::CommandDone { line, result, exits }).is_err() {
                return;
            }
        }
    });
    console
}

/// The screen, as commands see it.
struct Screen {
    msgs: Sender<Msg>,
    interrupted: Arc<AtomicBool>,
}

impl Front for Screen {
    fn show(&mut self, line: text::Line) {
        drop(self.msgs.send(Msg::Printed(line)));
    }

    fn progress(&mut self, line: text::Line) {
        drop(self.msgs.send(Msg::HowFar(line)));
    }

    fn is_interrupted(&mut self) -> bool {
        self.interrupted.load(Ordering::Acquire)
    }

    /// Nobody is asked here: commands take what they take by default.
    fn ask(&mut self, _question: &str) -> Option<String> {
        None
    }

    fn edit(&mut self, _editor: &mut process::Command) -> Result<(), String> {
        Err("Ctrl-E opens the editor".to_owned())
    }

    fn resuming(&mut self) {
        drop(self.msgs.send(Msg::Resumed));
    }

    fn stopped(&mut self, state: &DebuggerState) {
        let result = Ok(Box::new(state.clone()));
        drop(self.msgs.send(Msg::Stopped { asked: Resume::Continue, result }));
    }
}
