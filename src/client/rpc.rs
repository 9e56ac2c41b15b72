//! A client over any byte stream: many requests in flight, each with its number.
//!
//! The caller's thread writes; one reader thread matches answers to requests by number
//! and calls what waits for them. Whatever happens to the connection, each request is
//! answered exactly once.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::api::methods::PREFIX;
use crate::client::{Client, ClientError, OnReply, Reply};
use crate::transport::envelope::{Answer, encode_request};
use crate::transport::framing::{ANSWER_MAX, FrameError, MessageReader, write_message};
use crate::transport::stream::{ReadHalf, Stream, WriteHalf};

/// How long the service may leave us with a full pipe. Its buffer takes a thousand
/// requests; a front end must not be held longer than this by a service that hangs.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to a service over a byte stream.
pub struct RpcClient {
    writer: Mutex<WriteHalf>,
    waiting: Arc<Waiting>,
    /// The connection ended because what came over it was no answer.
    heard_nonsense: Arc<AtomicBool>,
}

impl RpcClient {
    /// Takes the stream over, and starts the thread that reads it.
    pub fn new(stream: Stream) -> io::Result<RpcClient> {
        let (reading, writing) = stream.split()?;
        writing.set_timeout(WRITE_TIMEOUT)?;
        let waiting = Arc::new(Waiting::default());
        let for_reader = Arc::clone(&waiting);
        let heard_nonsense = Arc::new(AtomicBool::new(false));
        let nonsense = Arc::clone(&heard_nonsense);
        thread::Builder::new()
            .name("client-reader".to_owned())
            .spawn(move || read_answers(reading, &for_reader, &nonsense))?;
        Ok(RpcClient { writer: Mutex::new(writing), waiting, heard_nonsense })
    }

    /// Whether the other side has said what no debugging service says.
    pub fn heard_nonsense(&self) -> bool {
        self.heard_nonsense.load(Ordering::Acquire)
    }

    /// Ends the connection; what is in flight is answered with `Disconnected`.
    pub fn hang_up(&self) {
        lock(&self.writer).hang_up();
    }
}

impl Client for RpcClient {
    fn submit(&self, method: &'static str, params: Value, on_reply: OnReply) {
        let Some(id) = self.waiting.add(on_reply) else { return };
        let mut message = encode_request(&format!("{PREFIX}{method}"), &params, id);
        let mut writer = lock(&self.writer);
        if write_message(&mut *writer, &mut message).is_err() {
            // The reader sees the end and answers everybody, this request included.
            writer.hang_up();
        }
    }

    fn when_gone(&self, tell: OnReply) {
        // A request that is never sent is answered when the connection ends, if only then.
        self.waiting.add(tell);
    }
}

impl Drop for RpcClient {
    fn drop(&mut self) {
        self.hang_up();
    }
}

/// The requests that are not answered yet.
#[derive(Default)]
struct Waiting(Mutex<InFlight>);

#[derive(Default)]
struct InFlight {
    next_id: u64,
    replies: HashMap<u64, OnReply>,
    /// No answer will come any more.
    ended: bool,
}

impl Waiting {
    /// Remembers who waits; the number of the request. `None` if the connection has
    /// ended: then the request has been answered already.
    fn add(&self, on_reply: OnReply) -> Option<u64> {
        let mut in_flight = lock(&self.0);
        if in_flight.ended {
            drop(in_flight);
            on_reply(Err(ClientError::Disconnected));
            return None;
        }
        let id = in_flight.next_id;
        in_flight.next_id += 1;
        in_flight.replies.insert(id, on_reply);
        Some(id)
    }

    /// Answers with numbers that nobody waits for are ignored, as Go's client does.
    fn answer(&self, answer: Answer) {
        let on_reply = lock(&self.0).replies.remove(&answer.id);
        if let Some(on_reply) = on_reply {
            on_reply(answer.outcome.map(Reply::from).map_err(refusal));
        }
    }

    fn end(&self) {
        let left = {
            let mut in_flight = lock(&self.0);
            in_flight.ended = true;
            std::mem::take(&mut in_flight.replies)
        };
        for on_reply in left.into_values() {
            on_reply(Err(ClientError::Disconnected));
        }
    }
}

/// What the service said instead of an answer. That it lacks a method is said in the
/// words of a protocol, which are not the user's.
fn refusal(why: String) -> ClientError {
    let method = why.strip_prefix("unknown method: ").map(str::trim);
    ClientError::Service(match method {
        Some(method) => format!(
            "this debugging server cannot do that: it has no {}",
            method.trim_start_matches(PREFIX)
        ),
        None => why,
    })
}

/// A panic of another thread leaves these data whole: each change is one operation.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read_answers(reading: ReadHalf, waiting: &Waiting, nonsense: &AtomicBool) {
    /// Answers everybody however this thread ends, by a panic in a reply too.
    struct EndOnDrop<'a>(&'a Waiting);
    impl Drop for EndOnDrop<'_> {
        fn drop(&mut self) {
            self.0.end();
        }
    }
    let _end = EndOnDrop(waiting);
    let mut messages = MessageReader::new(reading, ANSWER_MAX);
    loop {
        match messages.next_message() {
            Ok(Some(message)) => match Answer::decode(message) {
                Ok(Some(answer)) => waiting.answer(answer),
                Ok(None) => {}
                Err(err) => {
                    nonsense.store(true, Ordering::Release);
                    return tracing::warn!(target: "rpc", "{err}");
                }
            },
            Ok(None) => return,
            Err(err) => {
                let broke_off = matches!(err, FrameError::Io(_));
                nonsense.fetch_or(!broke_off, Ordering::AcqRel);
                return tracing::warn!(target: "rpc", "{err}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc;

    use serde_json::json;
    use serde_json::value::RawValue;

    use super::RpcClient;
    use crate::api::methods::*;
    use crate::client::{Client, ClientError, decode};
    use crate::transport::envelope::Request;
    use crate::transport::framing::MessageReader;
    use crate::transport::stream::Stream;

    #[test]
    fn answers_find_their_requests_in_any_order() {
        let (ours, theirs) = Stream::pair().unwrap();
        let client = RpcClient::new(ours).unwrap();
        let (replies, answers) = mpsc::channel();
        for _ in 0..3 {
            let replies = replies.clone();
            let on_reply = Box::new(move |it| replies.send(it).unwrap());
            client.submit(StateIn::NAME, json!({}), on_reply);
        }
        let (reading, mut writing) = theirs.split().unwrap();
        let mut messages = MessageReader::new(reading, 1000);
        let mut ids = Vec::new();
        for _ in 0..3 {
            let message = messages.next_message().unwrap().unwrap();
            let request = Request::decode(message).unwrap();
            assert_eq!(request.method, "RPCServer.State");
            ids.push(request.id.get().to_owned());
        }
        for id in ids.iter().rev() {
            writeln!(writing, r#"{{"id":{id},"result":{{"n":{id}}},"error":null}}"#)
                .unwrap();
        }
        for id in [2, 1, 0] {
            let reply = answers.recv().unwrap().unwrap();
            assert_eq!(reply.into_value(), Ok(json!({"n": id})));
        }
    }

    #[test]
    fn an_answer_may_have_null_anywhere_and_more_than_we_know() {
        let answers = [
            r#"{"Breakpoint":{"id":3,"name":"b","addrs":null}}"#,
            r#"{"Breakpoint":{"id":3,"name":"b","Cond":null,"later":1}}"#,
        ];
        for answer in answers {
            let text = RawValue::from_string(answer.to_owned()).unwrap();
            let out = decode::<GetBreakpointIn>(text.into()).unwrap();
            assert_eq!((out.breakpoint.id, &*out.breakpoint.name), (3, "b"), "{answer}");
        }
        let wrong = RawValue::from_string(r#"{"Breakpoint":7}"#.to_owned()).unwrap();
        assert!(decode::<GetBreakpointIn>(wrong.into()).is_err());
    }

    #[test]
    fn when_the_service_goes_away_each_request_is_told_once() {
        let (ours, theirs) = Stream::pair().unwrap();
        let client = RpcClient::new(ours).unwrap();
        let (replies, answers) = mpsc::channel();
        for _ in 0..2 {
            let replies = replies.clone();
            let on_reply = Box::new(move |it| replies.send(it).unwrap());
            client.submit(StateIn::NAME, json!({}), on_reply);
        }
        drop(theirs);
        drop(replies);
        let told: Vec<_> = answers.iter().map(Result::unwrap_err).collect();
        assert_eq!(told, [ClientError::Disconnected, ClientError::Disconnected]);
        let client: &dyn Client = &client;
        let late = client.call(StateIn::default());
        assert_eq!(late.unwrap_err(), ClientError::Disconnected);
    }

    #[test]
    fn an_answer_that_is_garbage_ends_the_connection() {
        let (ours, theirs) = Stream::pair().unwrap();
        let client = RpcClient::new(ours).unwrap();
        let (_reading, mut writing) = theirs.split().unwrap();
        writing.write_all(b"hello\n").unwrap();
        let client: &dyn Client = &client;
        let answer = client.call(StateIn::default());
        assert_eq!(answer.unwrap_err(), ClientError::Disconnected);
    }
}
