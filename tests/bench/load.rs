//! Requests on a server, one after the other, with the time of each answer.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// One request on a connection of its own.
pub fn get(port: u16) -> io::Result<()> {
    ask(&mut TcpStream::connect(("127.0.0.1", port))?)
}

/// One request on an open connection; the answer has to be right.
fn ask(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"GET /hello.txt HTTP/1.1\r\nHost: here\r\n\r\n")?;
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while !answer.ends_with(b"hello\n") {
        match stream.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            len => answer.extend_from_slice(&chunk[..len]),
        }
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"), "a wrong answer");
    Ok(())
}

/// Requests without a pause, on a thread, until it is stopped.
pub struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<Vec<Duration>>>,
}

impl Load {
    pub fn start(port: u16) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut stream = TcpStream::connect(("127.0.0.1", port))?;
            stream.set_nodelay(true)?;
            let mut times = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                let start = Instant::now();
                ask(&mut stream)?;
                times.push(start.elapsed());
            }
            Ok(times)
        });
        Load { stop, thread }
    }

    /// The time of each answer.
    pub fn stop(self) -> Vec<Duration> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap().expect("the server has answered each request")
    }
}
