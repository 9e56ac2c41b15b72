//! What lives as long as a session and must be ended with it: the service, if it is ours,
//! and files that were made for it.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cli::demo::Demo;
use crate::engine::session::launch::TargetSpec;
use crate::service::{self, LocalService};
use crate::transport::stream::Stream;

/// The session's own, shared by whoever may have to end it: the front end that returns,
/// and the thread that is told of signals.
#[derive(Clone, Default)]
pub struct Held(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    holding: Option<Holding>,
    /// What starts from now on is too late.
    closed: bool,
}

struct Holding {
    service: LocalService,
    _scratch: Scratch,
}

/// Files that are gone when the session is.
#[derive(Debug, Default)]
pub struct Scratch {
    pub binary: Option<PathBuf>,
    pub demo: Option<Demo>,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let Some(path) = &self.binary else { return };
        if let Err(err) = std::fs::remove_file(path)
            && err.kind() != io::ErrorKind::NotFound
        {
            eprintln!("could not remove {}: {err}", path.display());
        }
    }
}

impl Held {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the service for a program; the client's end of its pipe. Whoever ends the
    /// session meanwhile waits until the program can be let go.
    pub fn serve(&self, spec: TargetSpec, scratch: Scratch) -> Result<Stream, String> {
        let mut inner = self.lock();
        if inner.closed {
            return Err("the session has ended".to_owned());
        }
        let (stream, service) =
            service::serve_local(spec).map_err(|err| err.to_string())?;
        inner.holding = Some(Holding { service, _scratch: scratch });
        Ok(stream)
    }

    /// Ends the service, and waits until the program is let go. Whoever comes second
    /// waits for the first.
    pub fn finish(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        if let Some(holding) = inner.holding.take() {
            holding.service.finish();
        }
    }
}
