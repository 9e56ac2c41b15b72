//! `on`: what is collected whenever a breakpoint is hit.

use std::fs;
use std::path::PathBuf;

use crate::api::methods::AmendBreakpointIn;
use crate::api::types::{Breakpoint, LoadConfig};
use crate::frontend::command::parse::parse_on;
use crate::frontend::command::session::{
    CommandError, Front, Outcome, Session, complain,
};
use crate::frontend::command::{OnAction, run::other};
use crate::frontend::text::breakpoint;

impl Session {
    pub(super) fn on(
        &mut self,
        which: &str,
        action: &OnAction,
        front: &mut dyn Front,
    ) -> Outcome {
        let mut bp = self.get_breakpoint(which)?;
        match action {
            OnAction::Edit => self.edit_actions(&mut bp, front)?,
            action => self.apply(&mut bp, action),
        }
        self.call(AmendBreakpointIn { breakpoint: bp })?;
        Ok(())
    }

    /// Changes the record of a breakpoint as an action says.
    fn apply(&self, bp: &mut Breakpoint, action: &OnAction) {
        let how = |verbose: &bool| match verbose {
            true => self.config.load_config(),
            false => LoadConfig::SHORT,
        };
        match action {
            OnAction::Edit => {}
            OnAction::Print { expr } => {
                bp.variables.get_or_insert_default().push(expr.clone());
            }
            OnAction::Stack { depth } => bp.stacktrace = *depth,
            OnAction::Goroutine => bp.goroutine = true,
            OnAction::Trace => bp.tracepoint = true,
            OnAction::Args { verbose } => bp.load_args = Some(how(verbose)),
            OnAction::Locals { verbose } => bp.load_locals = Some(how(verbose)),
            OnAction::Condition { text } => bp.cond.clone_from(text),
            OnAction::HitCondition { text, per_goroutine } => {
                bp.hit_cond.clone_from(text);
                bp.hit_cond_per_g = *per_goroutine;
            }
        }
    }

    /// Lets the user edit all that is done at a breakpoint, a command a line.
    fn edit_actions(&self, bp: &mut Breakpoint, front: &mut dyn Front) -> Outcome {
        let file = ScratchFile::new("tinydbg-on-cmd", &lines(bp))?;
        let mut editor = other::editor()?;
        editor.arg(&file.0);
        front.edit(&mut editor).map_err(CommandError::Other)?;
        let text = fs::read_to_string(&file.0)
            .map_err(|err| CommandError::other(format!("cannot read it back: {err}")))?;
        bp.tracepoint = false;
        bp.goroutine = false;
        bp.stacktrace = 0;
        bp.variables = None;
        bp.load_args = None;
        bp.load_locals = None;
        bp.cond.clear();
        bp.hit_cond.clear();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            match parse_on(line, &self.config) {
                Ok(action) => self.apply(bp, &action),
                Err(err) => complain(format!("{}: {err}", number + 1), front),
            }
        }
        Ok(())
    }
}

fn lines(bp: &Breakpoint) -> String {
    breakpoint::attributes(bp, true).into_iter().map(|it| it + "\n").collect()
}

/// A file that is gone when this is.
struct ScratchFile(PathBuf);

impl ScratchFile {
    fn new(name: &str, text: &str) -> Outcome<ScratchFile> {
        let failed =
            |err: std::io::Error| CommandError::other(format!("no file to edit: {err}"));
        for n in 0.. {
            let path =
                std::env::temp_dir().join(format!("{name}-{}-{n}", std::process::id()));
            // Somebody else's file, or a link to one, is left alone.
            match fs::File::options().write(true).create_new(true).open(&path) {
                Err(err) if err.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(err) => return Err(failed(err)),
                Ok(_) => {
                    let file = ScratchFile(path);
                    fs::write(&file.0, text).map_err(failed)?;
                    return Ok(file);
                }
            }
        }
        Err(CommandError::other("no file to edit: all names are taken"))
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        let _gone = fs::remove_file(&self.0);
    }
}
