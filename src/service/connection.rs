//! One client: a thread that reads its requests and one that writes its answers.
//!
//! Reading never waits for the debugger: a request that has to wait for a stop waits in
//! the engine's queue, and the `halt` behind it is read all the same.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use serde_json::Value;

use crate::engine::host::Asker;
use crate::engine::os::cpu::be_prompt;
use crate::service::Server;
use crate::service::dispatch::{Call, dispatch};
use crate::service::events::ConnectionId;
use crate::service::reply::{Incoming, Outbox, Outgoing, Piece, Reply, Spare};
use crate::transport::envelope::Request;
use crate::transport::framing::{MessageReader, REQUEST_MAX, write_message};
use crate::transport::stream::{Stream, WriteHalf};

/// Answers that wait for a client to read them.
const OUTBOX_MAX: usize = 4096;

/// Serves one client until it leaves, or sends what is no request.
pub fn serve(server: &Server, stream: Stream, id: ConnectionId) {
    be_prompt();
    let Ok(hangup) = stream.hangup() else { return };
    let Ok((read, write)) = stream.split() else { return };
    let (outbox, answers) = sync_channel(OUTBOX_MAX);
    let spare = Arc::<Spare>::default();
    let kept = Arc::clone(&spare);
    server.remember(id, outbox.clone(), hangup);
    let asker = Asker::default();
    let waits = asker.clone();
    let writer = thread::Builder::new()
        .name("rpc-writer".into())
        .spawn(move || write_answers(write, answers, &kept, &waits));
    let mut reader = MessageReader::new(read, REQUEST_MAX);
    loop {
        let request = match reader.next_message() {
            Ok(Some(message)) => Request::decode(message),
            // It has nothing more to ask, and may still wait for what it has asked.
            Ok(None) => break,
            Err(err) => {
                tracing::debug!(target: "rpc", "connection {}: {err}", id.0);
                asker.leave();
                break;
            }
        };
        match request {
            Ok(request) => answer(server, id, request, (&outbox, &spare, &asker)),
            Err(err) => {
                tracing::debug!(target: "rpc", "connection {}: {err}", id.0);
                break;
            }
        }
    }
    server.forget(id);
    if let Err(err) = writer {
        tracing::error!(target: "rpc", "cannot start a writer thread: {err}");
    }
}

fn answer(
    server: &Server,
    connection: ConnectionId,
    request: Request,
    (outbox, spare, asker): (&Outbox, &Arc<Spare>, &Asker),
) {
    let method = request.method.clone();
    let (id, params) = request.into_argument();
    tracing::debug!(target: "rpc", "<- {method}({params:?})");
    let reply = Reply::new(id, outbox.clone(), Arc::clone(spare), asker.clone());
    // An unknown method is said to be unknown whatever its argument is like.
    match params {
        Ok(params) => dispatch(&method, Call { server, connection, params, reply }),
        Err(_) if !is_known(&method) => {
            let call = Call { server, connection, params: Value::Null, reply };
            dispatch(&method, call);
        }
        Err(why) => reply.send::<()>(Err(why)),
    }
}

fn is_known(method: &str) -> bool {
    use crate::api::methods::{NAMES, PREFIX};
    method.strip_prefix(PREFIX).is_some_and(|name| NAMES.contains(&name))
}

/// Writes answers until the last one who could send one is gone, or the client is.
fn write_answers(
    mut stream: WriteHalf,
    answers: Receiver<Outgoing>,
    spare: &Spare,
    client: &Asker,
) {
    be_prompt();
    for outgoing in answers {
        match outgoing {
            Outgoing::Answer(mut line) => {
                if let Err(err) = write_message(&mut stream, &mut line) {
                    tracing::debug!(target: "rpc", "a client went away: {err}");
                    client.leave();
                    return;
                }
            }
            Outgoing::Pieces(incoming) => {
                if let Err(err) = write_pieces(&mut stream, &incoming, spare) {
                    tracing::debug!(target: "rpc", "an answer cannot be sent: {err}");
                    // What follows would be taken for the rest of it.
                    stream.hang_up();
                    client.leave();
                    return;
                }
            }
            Outgoing::Flush(done) => drop(done.send(())),
        }
    }
}

fn write_pieces(
    stream: &mut WriteHalf,
    incoming: &Incoming,
    spare: &Spare,
) -> io::Result<()> {
    while let Ok(piece) = incoming.pieces.recv() {
        match piece {
            Piece::End => return stream.write_all(b"\n"),
            Piece::Bytes(mut bytes) => {
                stream.write_all(&bytes)?;
                bytes.clear();
                // Its maker takes it back, unless that was the last one.
                if let Err(unwanted) = incoming.emptied.send(bytes) {
                    spare.put(unwanted.0);
                }
            }
        }
    }
    Err(io::Error::other("it broke off"))
}
