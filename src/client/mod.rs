//! Asking: the service as its clients see it.
//!
//! Front ends see this module and `api`, and nothing below them: a UI in the same process
//! as the engine and one across a network run the same code.

pub mod rpc;
pub mod fake;

use std::sync::mpsc;

pub use serde_json::Value;
use serde_json::value::RawValue;

use crate::api::lenient;
use crate::api::methods::Method;

/// The answer to a request, which [`decode`] understands.
#[derive(Clone, Debug)]
pub struct Reply(Form);

#[derive(Clone, Debug)]
enum Form {
    /// As it came. A hundred thousand goroutines are 60 MB, and quickest read once.
    Text(Box<RawValue>),
    Value(Value),
}

impl From<Box<RawValue>> for Reply {
    fn from(text: Box<RawValue>) -> Reply {
        Reply(Form::Text(text))
    }
}

impl From<Value> for Reply {
    fn from(value: Value) -> Reply {
        Reply(Form::Value(value))
    }
}

impl Reply {
    /// The answer as plain JSON.
    pub fn into_value(self) -> Result<Value, ClientError> {
        match self.0 {
            Form::Value(value) => Ok(value),
            Form::Text(text) => serde_json::from_str(text.get())
                .map_err(|err| ClientError::Malformed(err.to_string())),
        }
    }
}

/// What a client does with the answer to a request. It runs on the client's reader
/// thread, so it must be short: in practice it sends a message to the front end.
pub type OnReply = Box<dyn FnOnce(Result<Reply, ClientError>) + Send>;

/// A connection to a debugging service.
///
/// `RpcClient` is one over any byte stream (TCP, a unix socket, a pipe within the
/// process); `FakeClient` is one that answers from a list, for tests.
pub trait Client: Send + Sync {
    /// Sends a request and returns at once. `method` is without its prefix. `on_reply` is
    /// called exactly once, with [`ClientError::Disconnected`] if the service goes away
    /// first.
    fn submit(&self, method: &'static str, params: Value, on_reply: OnReply);

    /// Has `tell` called once the service is gone, though nobody waits for an answer.
    /// A client that cannot tell, as one in a test, drops it.
    fn when_gone(&self, tell: OnReply) {
        drop(tell);
    }
}

impl dyn Client + '_ {
    /// Sends a request and waits for its answer. For the line mode and for tests; the TUI
    /// must not wait.
    pub fn call<M: Method>(&self, args: M) -> Result<M::Out, ClientError> {
        let (reply, answer) = mpsc::sync_channel(1);
        let on_reply = Box::new(move |it| drop(reply.send(it)));
        self.submit(M::NAME, encode(&args), on_reply);
        let reply = answer.recv().map_err(|_| ClientError::Disconnected)??;
        decode::<M>(reply)
    }
}

/// The argument of a request, as JSON.
pub fn encode<M: Method>(args: &M) -> Value {
    serde_json::to_value(args).expect("wire types are plain data, which always encodes")
}

/// The answer to a request, from JSON. Older and newer services leave fields out or send
/// `null`: that is the zero value.
///
/// Most answers are as we would write them and are read in one go; what does not fit is
/// looked at again with more patience.
pub fn decode<M: Method>(reply: Reply) -> Result<M::Out, ClientError> {
    if let Form::Text(text) = &reply.0
        && let Ok(out) = serde_json::from_str(text.get())
    {
        return Ok(out);
    }
    lenient::from_value(reply.into_value()?)
        .map_err(|err| ClientError::Malformed(err.to_string()))
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The service refused or failed; the text is the service's own.
    #[error("{0}")]
    Service(String),
    #[error("the answer is not what was asked for: {0}")]
    Malformed(String),
    #[error("the debugging service is gone")]
    Disconnected,
}
