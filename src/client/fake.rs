//! A client that answers from functions, without a service: for tests of front ends.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::api::lenient;
use crate::api::methods::Method;
use crate::client::{Client, ClientError, OnReply, encode};

/// What answers a method.
type Handler = Box<dyn FnMut(Value) -> Result<Value, ClientError> + Send>;

/// A request that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub method: &'static str,
    pub params: Value,
}

/// Answers each method from a function or from a list, and remembers what was asked. A
/// method that nothing was said about gets the answer of a service that lacks it.
#[derive(Default)]
pub struct FakeClient {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    handlers: HashMap<&'static str, Handler>,
    held: HashMap<&'static str, VecDeque<OnReply>>,
    asked: Vec<Asked>,
}

impl FakeClient {
    pub fn new() -> FakeClient {
        FakeClient::default()
    }

    /// Answers a method by what `answer` makes of its argument.
    pub fn on<M: Method>(
        &self,
        mut answer: impl FnMut(M) -> Result<M::Out, String> + Send + 'static,
    ) -> &FakeClient {
        self.on_name(M::NAME, move |params| {
            let args = lenient::from_value(params)
                .map_err(|err| ClientError::Malformed(err.to_string()))?;
            let out = answer(args).map_err(ClientError::Service)?;
            serde_json::to_value(out)
                .map_err(|err| ClientError::Malformed(err.to_string()))
        })
    }

    /// Always answers a method the same.
    pub fn always<M: Method>(&self, out: M::Out) -> &FakeClient {
        let value = serde_json::to_value(out).unwrap_or_default();
        self.on_name(M::NAME, move |_| Ok(value.clone()))
    }

    /// Answers a method from a list, and then with the last of it.
    pub fn in_turn<M: Method>(&self, outs: Vec<M::Out>) -> &FakeClient {
        let mut left: VecDeque<M::Out> = outs.into();
        self.on_name(M::NAME, move |_| {
            let value = left.front().map(serde_json::to_value);
            if left.len() > 1 {
                left.pop_front();
            }
            match value {
                Some(Ok(value)) => Ok(value),
                _ => Err(ClientError::Malformed("nothing left to answer".to_owned())),
            }
        })
    }

    /// Answers a method by name, on the level of JSON.
    pub fn on_name(
        &self,
        method: &'static str,
        answer: impl FnMut(Value) -> Result<Value, ClientError> + Send + 'static,
    ) -> &FakeClient {
        self.lock().handlers.insert(method, Box::new(answer));
        self
    }

    /// Keeps the requests of a method unanswered until [`FakeClient::release`].
    pub fn hold<M: Method>(&self) -> &FakeClient {
        self.lock().held.entry(M::NAME).or_default();
        self
    }

    /// Answers the oldest request that is held; whether there was one.
    pub fn release<M: Method>(&self, outcome: Result<M::Out, ClientError>) -> bool {
        let oldest = self.lock().held.get_mut(M::NAME).and_then(VecDeque::pop_front);
        let Some(on_reply) = oldest else { return false };
        let value = |out| serde_json::to_value(out).unwrap_or_default().into();
        on_reply(outcome.map(value));
        true
    }

    /// What was asked since the last time this was called.
    pub fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.lock().asked)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asked {
    /// What [`FakeClient::take_asked`] gives for a request.
    pub fn of<M: Method>(args: &M) -> Asked {
        Asked { method: M::NAME, params: encode(args) }
    }
}

impl Client for FakeClient {
    fn submit(&self, method: &'static str, params: Value, on_reply: OnReply) {
        let mut inner = self.lock();
        inner.asked.push(Asked { method, params: params.clone() });
        if let Some(held) = inner.held.get_mut(method) {
            held.push_back(on_reply);
            return;
        }
        let answer = match inner.handlers.get_mut(method) {
            Some(handler) => handler(params),
            None => {
                Err(ClientError::Service(format!("unknown method: RPCServer.{method}")))
            }
        };
        // The reply may ask the next thing at once.
        drop(inner);
        on_reply(answer.map(Value::into));
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, FakeClient};
    use crate::api::methods::*;
    use crate::client::{Client, ClientError};

    #[test]
    fn a_fake_answers_from_functions_and_lists_and_remembers() {
        let fake = FakeClient::new();
        fake.on(|args: GetThreadIn| {
            if args.id == 1 {
                Ok(GetThreadOut::default())
            } else {
                Err("no thread".into())
            }
        })
        .in_turn::<ProcessPidIn>(vec![
            ProcessPidOut { pid: 1 },
            ProcessPidOut { pid: 2 },
        ]);
        let client: &dyn Client = &fake;
        assert!(client.call(GetThreadIn { id: 1 }).is_ok());
        assert_eq!(
            client.call(GetThreadIn { id: 2 }).unwrap_err(),
            ClientError::Service("no thread".to_owned())
        );
        let pids: Vec<i64> =
            (0..3).map(|_| client.call(ProcessPidIn {}).unwrap().pid).collect();
        assert_eq!(pids, [1, 2, 2]);
        assert!(client.call(StateIn::default()).is_err());
        assert_eq!(fake.take_asked()[1], Asked::of(&GetThreadIn { id: 2 }));
    }
}
