//! Command files, editors, child processes, core dumps.

use std::{env, fs, process};

use crate::api::methods::*;
use crate::api::types::DumpState;
use crate::frontend::command::session::{
    CommandError, Flow, Front, Outcome, Session, complain, say,
};
use crate::frontend::command::{FollowExec, TargetArgs};
use crate::frontend::text::Line;

/// How deep command files may call each other.
const SOURCE_DEPTH_MAX: usize = 20;

/// How long one question about a dump under way is waited for.
const DUMP_WAIT_MS: i64 = 200;

impl Session {
    /// Carries out the commands in a file; those that fail are shown, with their line.
    pub fn run_file(&mut self, path: &str, front: &mut dyn Front) -> Outcome<Flow> {
        if self.source_depth >= SOURCE_DEPTH_MAX {
            return Err(CommandError::other(format!("{path} is read by itself")));
        }
        let text = fs::read_to_string(with_home(path)).map_err(|err| {
            let reason = match err.kind() {
                std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
                _ => err.to_string(),
            };
            CommandError::other(format!("open {path}: {reason}"))
        })?;
        self.source_depth += 1;
        let flow = self.run_lines(path, &text, front);
        self.source_depth -= 1;
        Ok(flow)
    }

    fn run_lines(&mut self, path: &str, text: &str, front: &mut dyn Front) -> Flow {
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match self.run_line(line, front) {
                Ok(Flow::Next) => {}
                Ok(exit) => return exit,
                Err(err) => complain(format!("{path}:{}: {err}", number + 1), front),
            }
        }
        Flow::Next
    }

    pub(super) fn target(&mut self, args: &TargetArgs, front: &mut dyn Front) -> Outcome {
        match args {
            TargetArgs::List => self.list_targets(front),
            TargetArgs::Switch { pid } => self.switch_target(*pid, front),
            TargetArgs::FollowExec(None) => {
                let enabled = self.call(FollowExecEnabledIn {})?.enabled;
                let state = if enabled { "enabled" } else { "disabled" };
                say(format!("Follow exec is {state}."), front);
                Ok(())
            }
            TargetArgs::FollowExec(Some(change)) => {
                let (enable, regex) = match change {
                    FollowExec::On { regex } => (true, regex.clone()),
                    FollowExec::Off => (false, String::new()),
                };
                self.call(FollowExecIn { enable, regex })?;
                Ok(())
            }
        }
    }

    fn list_targets(&self, front: &mut dyn Front) -> Outcome {
        let list = self.call(ListTargetsIn {})?.targets.unwrap_or_default();
        let selected = self.state().ok().map(|it| it.pid);
        for target in list {
            let mark = if selected == Some(target.pid) { "*" } else { " " };
            say(format!("{mark}   {}  {}", target.pid, target.command_line), front);
        }
        Ok(())
    }

    pub(super) fn dump(&self, path: &str, front: &mut dyn Front) -> Outcome {
        let destination = path.to_owned();
        let mut dump = self.call(DumpStartIn { destination })?.state;
        front.dumping(true);
        let outcome = self.watch_dump(&mut dump, front);
        front.dumping(false);
        outcome?;
        if !dump.err.is_empty() {
            complain(format!("error dumping: {}", dump.err), front);
        } else if !dump.all_done {
            say("canceled", front);
        } else if dump.threads_done != dump.threads_total
            || dump.mem_done != dump.mem_total
        {
            say("Core dump could be incomplete", front);
        } else {
            say(format!("Core dump written to {path}"), front);
        }
        Ok(())
    }
}

impl Session {
    fn watch_dump(&self, dump: &mut DumpState, front: &mut dyn Front) -> Outcome {
        loop {
            front.progress(Line::plain(progress(dump)));
            if !dump.dumping {
                return Ok(());
            }
            if front.is_interrupted() {
                self.call(DumpCancelIn {})?;
            }
            *dump = self.call(DumpWaitIn { wait: DUMP_WAIT_MS })?.state;
        }
    }
}

fn progress(dump: &DumpState) -> String {
    if dump.threads_done != dump.threads_total {
        format!("Dumping threads {} / {}...", dump.threads_done, dump.threads_total)
    } else {
        format!("Dumping memory {} / {}...", dump.mem_done, dump.mem_total)
    }
}

/// A path that may begin with the home directory's sign.
fn with_home(path: &str) -> String {
    let rest = match path.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        _ => return path.to_owned(),
    };
    env::var("HOME").map_or_else(|_| path.to_owned(), |home| home + rest)
}

/// The user's editor.
pub(super) fn editor() -> Outcome<process::Command> {
    let set = |name| env::var(name).ok().filter(|it| !it.trim().is_empty());
    let editor = set("DELVE_EDITOR").or_else(|| set("EDITOR"));
    let editor = editor
        .ok_or_else(|| CommandError::other("Neither DELVE_EDITOR or EDITOR is set"))?;
    let mut words = editor.split_whitespace();
    let mut command = process::Command::new(words.next().unwrap_or_default());
    command.args(words);
    Ok(command)
}

/// The user's editor at a line of a file, as that editor wants to be told.
pub(super) fn editor_at(file: &str, line: i64) -> Outcome<process::Command> {
    let mut command = editor()?;
    let program = command.get_program().to_string_lossy().into_owned();
    match program.rsplit('/').next().unwrap_or_default() {
        "code" => command.arg("--goto").arg(format!("{file}:{line}")),
        "zed" => command.arg(format!("{file}:{line}:0")),
        "hx" => command.arg(format!("{file}:{line}")),
        _ => command.arg(format!("+{line}")).arg(file),
    };
    Ok(command)
}
