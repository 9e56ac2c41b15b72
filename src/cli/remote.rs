//! Connecting to a debugging service of somebody else's: is there one, and is it one?

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::api::methods::{Method, SetApiVersionIn};
use crate::client::rpc::RpcClient;
use crate::client::{Client, ClientError, encode};
use crate::transport::stream::Stream;

/// How long a service may keep us waiting for its first word before we say so. One of
/// ours that still builds its program takes connections before it answers.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long we wait in all.
const ANSWER_MAX: Duration = Duration::from_secs(120);

/// Connects to a service, and makes sure that what is there is one. `waits` is called
/// with a sentence if that takes long.
pub fn connect(address: &str, waits: impl Fn(String)) -> Result<Arc<RpcClient>, String> {
    let client = client_over(dial(address)?)?;
    // What every client says first; a service that does not know it says so.
    let hello = encode(&SetApiVersionIn { api_version: 2 });
    let (send, answer) = sync_channel(1);
    let on_reply = Box::new(move |reply: Result<_, _>| drop(send.send(reply.err())));
    client.submit(SetApiVersionIn::NAME, hello, on_reply);
    let mut said = answer.recv_timeout(PATIENCE);
    if said == Err(RecvTimeoutError::Timeout) {
        waits(format!("{address} took the connection and has said nothing yet"));
        said = answer.recv_timeout(ANSWER_MAX - PATIENCE);
    }
    match said {
        Ok(None | Some(ClientError::Service(_) | ClientError::Malformed(_))) => {
            Ok(client)
        }
        Ok(Some(ClientError::Disconnected)) | Err(RecvTimeoutError::Disconnected) => {
            Err(refusal(address, client.heard_nonsense()))
        }
        Err(RecvTimeoutError::Timeout) => Err(format!(
            "{address} took the connection but has not answered for {} s: no debugging \
             server is there, or it hangs",
            ANSWER_MAX.as_secs()
        )),
    }
}

fn refusal(address: &str, heard_nonsense: bool) -> String {
    if heard_nonsense {
        format!(
            "what listens at {address} is no debugging server: it does not speak the \
             protocol of `tinydbg --headless` and `dlv --headless`"
        )
    } else {
        format!(
            "{address} hung up without a word: it is no debugging server, or it serves \
             another user (--only-same-user=false lets others in) or another client \
             (--accept-multiclient takes several)"
        )
    }
}

/// Connects to an address where a service should be.
pub fn dial(address: &str) -> Result<Stream, String> {
    Stream::dial(address).map_err(|err| {
        let what = match err.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
                "nothing listens there".to_owned()
            }
            io::ErrorKind::TimedOut => "no answer".to_owned(),
            _ => err.to_string(),
        };
        format!("could not connect to {address}: {what}; is a headless server there?")
    })
}

pub fn client_over(stream: Stream) -> Result<Arc<RpcClient>, String> {
    let client = RpcClient::new(stream);
    let client = client.map_err(|err| format!("cannot use the connection: {err}"))?;
    Ok(Arc::new(client))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use super::connect;

    /// What is said of a server that treats its one client so.
    fn connecting_to(serve: impl FnOnce(TcpStream) + Send + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serving = thread::spawn(move || serve(listener.accept().unwrap().0));
        let said = connect(&address, |_| {}).map(drop).unwrap_err();
        serving.join().unwrap();
        said.replace(&address, "HERE")
    }

    #[test]
    fn what_is_no_debugging_server_is_told_from_one_that_hangs_up() {
        let http = connecting_to(|mut it| {
            // As real ones do: unread bytes would make a reset of the end.
            let _request = BufReader::new(&it).read_until(b'}', &mut Vec::new());
            it.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        });
        assert!(http.contains("what listens at HERE is no debugging server"), "{http}");
        let shy = connecting_to(drop);
        assert!(shy.contains("HERE hung up without a word"), "{shy}");
        let nobody = connect("127.0.0.1:1", |_| {}).map(drop).unwrap_err();
        assert!(nobody.contains("nothing listens there"), "{nobody}");
    }

    #[test]
    fn a_service_that_does_not_know_the_question_is_one() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serving = thread::spawn(move || {
            let mut it = listener.accept().unwrap().0;
            // An answer that comes before its question is nobody's.
            let _request = BufReader::new(&it).read_until(b'}', &mut Vec::new());
            it.write_all(br#"{"id":0,"result":null,"error":"unknown method"}"#).unwrap();
            it
        });
        assert!(connect(&address, |_| {}).is_ok());
        drop(serving.join());
    }
}
