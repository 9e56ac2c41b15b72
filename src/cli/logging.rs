//! `--log`: what is logged, and where to.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use crate::cli::Global;

/// The components of the log, as `--log-output` names them. They are the targets of our
/// log records.
const COMPONENTS: &[&str] = &["debugger", "rpc", "stack", "fncall", "debuglineerr"];

/// Where the log goes.
#[derive(Clone, Debug)]
pub enum Destination {
    Stderr,
    File(Arc<File>),
}

/// What to log, and where.
#[derive(Clone, Debug)]
pub struct Log {
    pub components: Vec<String>,
    pub destination: Destination,
    /// What is to be said about it on standard error.
    pub warnings: Vec<String>,
}

/// What the flags say; `None` if nothing is to be logged.
pub fn wanted(global: &Global) -> Result<Option<Log>, String> {
    let destination = destination(&global.log_dest)?;
    if !global.log {
        return Ok(None);
    }
    let mut log = Log { components: Vec::new(), destination, warnings: Vec::new() };
    for name in global.log_output.split(',').map(str::trim).filter(|it| !it.is_empty()) {
        if COMPONENTS.contains(&name) {
            log.components.push(name.to_owned());
        } else {
            log.warnings.push(format!(
                "Warning: unknown log output value {name:?}, run 'tinydbg log' for usage."
            ));
        }
    }
    if log.components.is_empty() {
        log.components.push("debugger".to_owned());
    }
    Ok(Some(log))
}

/// A number is a descriptor that is open already; anything else a file.
fn destination(text: &str) -> Result<Destination, String> {
    if text.is_empty() {
        return Ok(Destination::Stderr);
    }
    let path = match text.parse::<u32>() {
        Ok(number) => PathBuf::from(format!("/proc/self/fd/{number}")),
        Err(_) => PathBuf::from(text),
    };
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).open(path);
    let file = file.map_err(|err| format!("could not create log file: {err}"))?;
    Ok(Destination::File(Arc::new(file)))
}

impl Write for Destination {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Destination::Stderr => io::stderr().write(buf),
            Destination::File(file) => (&**file).write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
