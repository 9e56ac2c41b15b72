//! A connection to a server, as raw bytes, as JSON, or as the typed calls of the API.
//!
//! It reads on the caller's thread, so that a round trip measures the server and not our
//! own threads.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};
use tinydbg::api::methods::{Method, PREFIX};

use super::PATIENCE;

/// How much is read at once.
const CHUNK_LEN: usize = 1 << 18;

pub type Reply = Result<Value, String>;

pub struct Wire {
    socket: Socket,
    /// `buffer[taken..filled]` has been received and not been looked at; what is before
    /// it is the line that was read last. It never shrinks: its pages are there already.
    buffer: Vec<u8>,
    taken: usize,
    filled: usize,
    early: HashMap<u64, Reply>,
    next_id: u64,
}

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Wire {
    pub fn connect(address: &str) -> Wire {
        let socket = if address.starts_with('/') {
            Socket::Unix(UnixStream::connect(address).expect("the server listens"))
        } else {
            let stream = TcpStream::connect(address).expect("the server listens");
            stream.set_nodelay(true).expect("a socket option");
            Socket::Tcp(stream)
        };
        let mut wire = Wire {
            socket,
            buffer: Vec::new(),
            filled: 0,
            taken: 0,
            early: HashMap::new(),
            next_id: 0,
        };
        wire.set_patience(PATIENCE);
        wire
    }

    pub fn set_patience(&mut self, patience: Duration) {
        match &self.socket {
            Socket::Tcp(it) => it.set_read_timeout(Some(patience)),
            Socket::Unix(it) => it.set_read_timeout(Some(patience)),
        }
        .expect("a socket option");
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).expect("the server takes it");
    }

    /// Says that nothing more will be asked; answers can still come.
    pub fn end_requests(&self) {
        match &self.socket {
            Socket::Tcp(it) => it.shutdown(Shutdown::Write),
            Socket::Unix(it) => it.shutdown(Shutdown::Write),
        }
        .expect("the connection is there");
    }

    /// The next line that the server sends; `None` when it has closed the connection.
    pub fn read_line(&mut self) -> Option<String> {
        let line = self.read_line_bytes()?;
        Some(String::from_utf8(line.to_vec()).expect("JSON is UTF-8"))
    }

    /// The same, unchecked, in the buffer that it was read into: answers may have 100 MB,
    /// and a benchmark is to measure those who make them.
    pub fn read_line_bytes(&mut self) -> Option<&[u8]> {
        self.buffer.copy_within(self.taken..self.filled, 0);
        self.filled -= self.taken;
        self.taken = 0;
        let mut seen = 0;
        loop {
            if let Some(end) = memchr(&self.buffer[seen..self.filled]) {
                self.taken = seen + end + 1;
                return Some(&self.buffer[..self.taken]);
            }
            seen = self.filled;
            if self.buffer.len() < self.filled + CHUNK_LEN {
                self.buffer.resize((self.filled + CHUNK_LEN) * 2, 0);
            }
            match self.socket.read(&mut self.buffer[self.filled..]) {
                Ok(0) => return None,
                Ok(len) => self.filled += len,
                Err(err) if err.kind() == std::io::ErrorKind::ConnectionReset => {
                    return None;
                }
                Err(err) => panic!("the server does not answer: {err}"),
            }
        }
    }

    /// Sends a request and returns its id.
    pub fn send(&mut self, method: &str, argument: Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let method = format!("{PREFIX}{method}");
        let request = json!({"method": method, "params": [argument], "id": id});
        self.send_bytes(format!("{request}\n").as_bytes());
        id
    }

    /// Waits for the answer to a request.
    pub fn reply(&mut self, id: u64) -> Reply {
        loop {
            if let Some(reply) = self.early.remove(&id) {
                return reply;
            }
            let line = self.read_line().ok_or("the server has closed the connection")?;
            let mut line: Value = serde_json::from_str(&line).expect("an answer is JSON");
            let reply = match &line["error"] {
                Value::Null => Ok(line["result"].take()),
                Value::String(text) => Err(text.clone()),
                other => panic!("an error is a text, not {other}"),
            };
            self.early.insert(line["id"].as_u64().expect("ids are echoed"), reply);
        }
    }

    pub fn call(&mut self, method: &str, argument: Value) -> Reply {
        let id = self.send(method, argument);
        self.reply(id)
    }

    /// A typed call that may be refused.
    pub fn try_ask<M: Method>(&mut self, argument: M) -> Result<M::Out, String> {
        let argument = serde_json::to_value(&argument).expect("arguments are plain data");
        let value = self.call(M::NAME, argument)?;
        let shown = value.to_string();
        Ok(serde_json::from_value(value)
            .unwrap_or_else(|err| panic!("{}: {err} in {shown:.2000}", M::NAME)))
    }

    /// A typed call that must succeed.
    #[track_caller]
    pub fn ask<M: Method>(&mut self, argument: M) -> M::Out {
        self.try_ask(argument).unwrap_or_else(|err| panic!("{}: {err}", M::NAME))
    }

    pub fn close(&mut self) {
        let _ = match &self.socket {
            Socket::Tcp(it) => it.shutdown(Shutdown::Both),
            Socket::Unix(it) => it.shutdown(Shutdown::Both),
        };
    }
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Socket::Tcp(it) => it.read(into),
            Socket::Unix(it) => it.read(into),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Socket::Tcp(it) => it.write(bytes),
            Socket::Unix(it) => it.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Where the line ends. A benchmark may not be slow at it, even when it is not optimized.
fn memchr(bytes: &[u8]) -> Option<usize> {
    const CHUNK: usize = 1 << 12;
    let chunks = bytes.chunks(CHUNK).enumerate();
    let mut found = chunks.filter(|(_, it)| it.contains(&b'\n'));
    let (nth, chunk) = found.next()?;
    Some(nth * CHUNK + chunk.iter().position(|it| *it == b'\n')?)
}
