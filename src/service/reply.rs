//! The answer to one request: sent once, from whatever thread has it.

use std::sync::mpsc::SyncSender;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::transport::envelope::{encode_answer, encode_success};

/// Where the answers of one connection go: to its writer thread.
///
/// Bounded, so that a client that never reads costs a bounded amount of memory; whoever
/// finds it full waits, and that is never the tracer (see [`Reply::send`]).
pub type Outbox = SyncSender<Outgoing>;

/// What a connection's writer thread is handed.
pub enum Outgoing {
    /// An answer, without the end of its line.
    Answer(Vec<u8>),
    /// Says when all before it has been written.
    Flush(SyncSender<()>),
}

/// The right to answer a request. Dropped unused, it answers that the debugger failed,
/// so that no client ever waits in vain.
pub struct Reply {
    id: Box<RawValue>,
    outbox: Option<Outbox>,
}

impl Reply {
    pub fn new(id: Box<RawValue>, outbox: Outbox) -> Reply {
        Reply { id, outbox: Some(outbox) }
    }

    /// Sends the answer. A client that is gone, or so far behind that its outbox is full,
    /// does not get it: the tracer must not wait for anybody.
    pub fn send<T: Serialize>(mut self, outcome: Result<T, String>) {
        self.send_once(&outcome);
    }

    /// Sends an answer whose result is JSON already.
    pub fn send_json(mut self, outcome: Result<Vec<u8>, String>) {
        match outcome {
            Ok(result) => {
                let Some(outbox) = self.outbox.take() else { return };
                let line = encode_success(&self.id, &result);
                if outbox.try_send(Outgoing::Answer(line)).is_err() {
                    tracing::warn!(target: "rpc", "an answer had nobody to take it");
                }
            }
            Err(why) => self.send_once::<()>(&Err(why)),
        }
    }

    fn send_once<T: Serialize>(&mut self, outcome: &Result<T, String>) {
        let Some(outbox) = self.outbox.take() else { return };
        let line = encode_answer(&self.id, outcome).or_else(|err| {
            let failed = format!("Internal debugger error: {err}");
            encode_answer::<()>(&self.id, &Err(failed))
        });
        match line {
            Ok(line) => {
                if outbox.try_send(Outgoing::Answer(line)).is_err() {
                    tracing::warn!(target: "rpc", "an answer had nobody to take it");
                }
            }
            Err(err) => tracing::error!(target: "rpc", "cannot encode an answer: {err}"),
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if self.outbox.is_some() {
            let why = "Internal debugger error: the request was dropped; the session \
                       may be over";
            self.send_once::<()>(&Err(why.to_owned()));
        }
    }
}
