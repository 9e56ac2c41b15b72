//! A core file of the stopped process, written a moment at a time.

use std::path::Path;

use crate::engine::error::{Error, Result};
use crate::engine::inferior::{DumpEnd, Dumped, Inferior, Tid};
use crate::engine::session::Session;

impl Session {
    /// Begins to write a core file; [`Session::advance_dump`] goes on.
    pub fn start_dump(&mut self, path: &Path) -> Result<()> {
        self.check_alive()?;
        if self.is_dumping() {
            return Err(Error::message("core dump in progress"));
        }
        let selected = self.selected_thread().ok().flatten().map(|it| Tid(it.tid));
        self.dump = Some(match self.inferior()? {
            Inferior::Live(live) => live.dump(path, selected)?,
            Inferior::Core(_) => {
                return Err(Error::message("core dumping not supported"));
            }
        });
        Ok(())
    }

    pub fn is_dumping(&self) -> bool {
        self.dump.as_ref().is_some_and(|it| it.progress().end.is_none())
    }

    /// Goes on with the dump for a moment; says how far it has come.
    pub fn advance_dump(&mut self) -> Dumped {
        let Some(dump) = &mut self.dump else {
            return Dumped { end: Some(DumpEnd::Canceled), ..Dumped::default() };
        };
        let dumped = dump.advance().clone();
        if dumped.end.is_some() {
            self.dump = None;
        }
        dumped
    }

    pub fn cancel_dump(&mut self) {
        if let Some(dump) = &mut self.dump {
            dump.cancel();
        }
    }

    /// What changes the process has to wait: the file is to show one moment of it.
    pub(super) fn check_not_dumping(&self) -> Result<()> {
        match self.is_dumping() {
            false => Ok(()),
            true => Err(Error::message(
                "core dump in progress: the program can go on when it is written, or \
                 canceled",
            )),
        }
    }
}
