//! The answer to one request: sent once, from whatever thread has it.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::value::RawValue;

use crate::engine::host::Asker;
use crate::transport::envelope::{
    SUCCESS_END, encode_answer, encode_success, success_start,
};

/// Where the answers of one connection go: to its writer thread.
///
/// Bounded, so that a client that never reads costs a bounded amount of memory; whoever
/// finds it full waits, and that is never the tracer (see [`Reply::send`]).
pub type Outbox = SyncSender<Outgoing>;

/// What a connection's writer thread is handed.
pub enum Outgoing {
    /// An answer, without the end of its line.
    Answer(Vec<u8>),
    /// The same, piece by piece, as it is made.
    Pieces(Incoming),
    /// Says when all before it has been written.
    Flush(SyncSender<()>),
}

/// The right to answer a request. Dropped unused, it answers that the debugger failed,
/// so that no client ever waits in vain.
pub struct Reply {
    id: Box<RawValue>,
    outbox: Option<Outbox>,
    spare: Arc<Spare>,
    asker: Asker,
}

/// Buffers of a connection that are empty at the moment: new ones would have to be paged
/// in again for each answer.
#[derive(Default)]
pub struct Spare(Mutex<Vec<Vec<u8>>>);

impl Spare {
    /// What is kept: enough for a client that keeps up.
    const BUFFERS_MAX: usize = 8;

    fn take(&self) -> Vec<u8> {
        let kept = self.0.lock().ok().and_then(|mut it| it.pop());
        kept.unwrap_or_else(|| Vec::with_capacity(PIECE_LEN + PIECE_LEN / 4))
    }

    pub fn put(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        if let Ok(mut kept) = self.0.lock()
            && kept.len() < Spare::BUFFERS_MAX
            && (PIECE_LEN..4 * PIECE_LEN).contains(&buffer.capacity())
        {
            kept.push(buffer);
        }
    }
}

impl Reply {
    pub fn new(
        id: Box<RawValue>,
        outbox: Outbox,
        spare: Arc<Spare>,
        asker: Asker,
    ) -> Reply {
        Reply { id, outbox: Some(outbox), spare, asker }
    }

    /// Who waits for it.
    pub fn asker(&self) -> Asker {
        self.asker.clone()
    }

    /// Sends the answer. A client that is gone, or so far behind that its outbox is full,
    /// does not get it: the tracer must not wait for anybody.
    pub fn send<T: Serialize>(mut self, outcome: Result<T, String>) {
        self.send_once(&outcome);
    }

    /// Sends an answer whose result is JSON already.
    pub fn send_json(mut self, result: &[u8]) {
        let line = encode_success(&self.id, result);
        self.hand_over(Outgoing::Answer(line));
    }

    /// Begins an answer that is sent while it is being made.
    pub fn in_pieces(self) -> Pieces {
        Pieces { reply: self, link: None, n_out: 0, patience: PATIENCE }
    }

    fn hand_over(&mut self, outgoing: Outgoing) {
        let Some(outbox) = self.outbox.take() else { return };
        if outbox.try_send(outgoing).is_err() {
            tracing::warn!(target: "rpc", "an answer had nobody to take it");
        }
    }

    fn send_once<T: Serialize>(&mut self, outcome: &Result<T, String>) {
        let line = encode_answer(&self.id, outcome).or_else(|err| {
            let failed = format!("Internal debugger error: {err}");
            encode_answer::<()>(&self.id, &Err(failed))
        });
        match line {
            Ok(line) => self.hand_over(Outgoing::Answer(line)),
            Err(err) => tracing::error!(target: "rpc", "cannot encode an answer: {err}"),
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if self.outbox.is_some() && !self.asker.is_gone() {
            let why = "Internal debugger error: the request was dropped; the session \
                       may be over";
            self.send_once::<()>(&Err(why.to_owned()));
        }
    }
}

/// How long a piece gets before it is sent: waking the writer costs as much as writing
/// some kilobytes.
pub const PIECE_LEN: usize = 256 << 10;

/// Pieces that may be on their way before whoever makes them waits for the client.
const PIECES_OUT_MAX: usize = 96;

/// How long an answer may wait, all in all, for a client that reads slowly. The rest is
/// kept for it in memory: the tracer has others to serve.
const PATIENCE: Duration = Duration::from_millis(500);

/// The pieces of one answer, at the writer's end.
pub struct Incoming {
    pub pieces: Receiver<Piece>,
    /// Takes buffers back: that they come back is how the maker knows the client's pace.
    pub emptied: Sender<Vec<u8>>,
}

/// A part of an answer.
pub enum Piece {
    Bytes(Vec<u8>),
    /// The answer is complete.
    End,
}

/// An answer that is sent while it is being made, so that the client reads the beginning
/// while the end is not there yet, and hundreds of megabytes never lie in memory at once.
/// A short one is sent as any other.
pub struct Pieces {
    reply: Reply,
    link: Option<Link>,
    /// How many are on their way.
    n_out: usize,
    /// How much longer the client may keep us waiting.
    patience: Duration,
}

struct Link {
    pieces: Sender<Piece>,
    emptied: Receiver<Vec<u8>>,
}

impl Pieces {
    /// A buffer to begin with.
    pub fn buffer(&self) -> Vec<u8> {
        self.reply.spare.take()
    }

    /// Sends what is in the buffer, and leaves an empty one.
    pub fn push(&mut self, bytes: &mut Vec<u8>) {
        let link = match self.link.take() {
            Some(link) => link,
            None => self.begin(),
        };
        // That nobody takes it is found out when the answer is at its end.
        self.n_out += 1;
        let mut spare = link.emptied.try_recv().ok();
        if spare.is_none() && self.n_out > PIECES_OUT_MAX && !self.patience.is_zero() {
            let begun = Instant::now();
            spare = link.emptied.recv_timeout(self.patience).ok();
            self.patience = self.patience.saturating_sub(begun.elapsed());
        }
        self.n_out -= usize::from(spare.is_some());
        let next = spare.unwrap_or_else(|| self.reply.spare.take());
        let full = std::mem::replace(bytes, next);
        let _ = link.pieces.send(Piece::Bytes(full));
        self.link = Some(link);
    }

    fn begin(&mut self) -> Link {
        let (pieces, incoming) = channel();
        let (emptied, ours) = channel();
        let _ = pieces.send(Piece::Bytes(success_start(&self.reply.id)));
        self.reply.hand_over(Outgoing::Pieces(Incoming { pieces: incoming, emptied }));
        Link { pieces, emptied: ours }
    }

    /// Sends the last piece.
    pub fn finish(mut self, mut rest: Vec<u8>) {
        match self.link.take() {
            None => {
                let spare = Arc::clone(&self.reply.spare);
                self.reply.send_json(&rest);
                spare.put(rest);
            }
            Some(link) => {
                rest.extend_from_slice(SUCCESS_END);
                let _ = link.pieces.send(Piece::Bytes(rest));
                let _ = link.pieces.send(Piece::End);
                link.emptied.try_iter().for_each(|it| self.reply.spare.put(it));
            }
        }
    }

    /// There is no answer. If a part of it has been sent, the connection ends: that is
    /// all that can still be said to the client.
    pub fn fail(mut self, why: String) {
        if self.link.is_some() {
            tracing::error!(target: "rpc", "an answer broke off: {why}");
            return;
        }
        self.reply.send_once::<()>(&Err(why));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    fn pieces() -> (Pieces, Receiver<Outgoing>) {
        let (outbox, sent) = sync_channel(4);
        let id = RawValue::from_string("7".into()).unwrap();
        (Reply::new(id, outbox, Arc::default(), Asker::default()).in_pieces(), sent)
    }

    fn received(sent: &Receiver<Outgoing>) -> (String, bool) {
        match sent.recv().unwrap() {
            Outgoing::Answer(line) => (String::from_utf8(line).unwrap(), true),
            Outgoing::Flush(_) => panic!("nothing was flushed"),
            Outgoing::Pieces(incoming) => {
                let mut text = String::new();
                for piece in incoming.pieces {
                    match piece {
                        Piece::Bytes(bytes) => {
                            text += std::str::from_utf8(&bytes).unwrap()
                        }
                        Piece::End => return (text, true),
                    }
                }
                (text, false)
            }
        }
    }

    #[test]
    fn a_client_that_does_not_read_is_not_waited_for_again_and_misses_nothing() {
        let (mut pieces, sent) = pieces();
        let n_pieces = PIECES_OUT_MAX + 100;
        for _ in 0..n_pieces {
            pieces.push(&mut b"1,".to_vec());
        }
        assert!(pieces.patience.is_zero());
        pieces.finish(b"2".to_vec());
        let body = "1,".repeat(n_pieces);
        let line = format!(r#"{{"id":7,"result":{body}2,"error":null}}"#);
        assert_eq!(received(&sent), (line, true));
    }

    #[test]
    fn an_answer_that_breaks_off_has_no_end() {
        let (mut pieces, sent) = pieces();
        pieces.push(&mut b"[1,".to_vec());
        pieces.fail("why".into());
        assert_eq!(received(&sent), (r#"{"id":7,"result":[1,"#.to_owned(), false));
    }

    #[test]
    fn an_answer_that_fails_before_it_begins_is_an_error() {
        let (pieces, sent) = pieces();
        pieces.fail("why".into());
        let line = r#"{"id":7,"result":null,"error":"why"}"#;
        assert_eq!(received(&sent), (line.to_owned(), true));
    }
}
