//! A headless server: ours, or a real Delve.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::wire::Wire;
use super::{PATIENCE, dlv};

const ANNOUNCEMENT: &str = "API server listening at: ";

/// Whose server a test talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Ours,
    Delve,
}

impl Peer {
    /// Ours, unless `TINYDBG_TEST_PEER=dlv`.
    pub fn chosen() -> Peer {
        match std::env::var("TINYDBG_TEST_PEER").as_deref() {
            Ok("dlv") => Peer::Delve,
            _ => Peer::Ours,
        }
    }

    pub fn executable(self) -> PathBuf {
        match self {
            Peer::Ours => ours(),
            Peer::Delve => dlv::executable(),
        }
    }
}

/// Our own executable: the one under test, or the one that a benchmark was told of.
pub fn ours() -> PathBuf {
    std::env::var_os("TINYDBG_EXECUTABLE")
        .map_or_else(|| env!("CARGO_BIN_EXE_tinydbg").into(), PathBuf::from)
}

/// A server that is running. Dropping it ends it, and what it launched.
pub struct Server {
    pub child: Child,
    /// `127.0.0.1:…`, or the path of a unix socket.
    pub address: String,
    output: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Server {
    /// Starts `tinydbg exec program --headless … -- args`, or dlv's equal.
    pub fn exec(peer: Peer, program: impl AsRef<OsStr>, args: &[&str]) -> Server {
        let mut command = Server::command(peer, "exec");
        command.arg(program).arg("--").args(args);
        Server::start(command)
    }

    pub fn attach(peer: Peer, pid: u32) -> Server {
        let mut command = Server::command(peer, "attach");
        command.arg(pid.to_string());
        Server::start(command)
    }

    /// The command line up to the flags that every server here has.
    pub fn command(peer: Peer, verb: &str) -> Command {
        let mut command = Command::new(peer.executable());
        command.args([verb, "--headless", "--accept-multiclient"]);
        command.args(["--listen", "127.0.0.1:0"]);
        if peer == Peer::Delve {
            command.arg("--check-go-version=false");
        }
        command
    }

    /// Starts the server and waits for the line that says where it listens.
    pub fn start(mut command: Command) -> Server {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let stderr = child.stderr.take().expect("it is piped");
        let output = Arc::new(Mutex::new(String::new()));
        let mut readers = vec![collect(stderr, &output)];
        let mut address = None;
        while address.is_none() {
            let mut line = String::new();
            if stdout.read_line(&mut line).unwrap_or(0) == 0 {
                let _ = child.wait();
                drop(readers.pop().map(JoinHandle::join));
                panic!("no server: {command:?} said {:?}", output.lock().unwrap());
            }
            address = line.trim_end().strip_prefix(ANNOUNCEMENT).map(str::to_owned);
            output.lock().unwrap().push_str(&line);
        }
        readers.push(collect(stdout, &output));
        Server { child, address: address.unwrap_or_default(), output, readers }
    }

    pub fn connect(&self) -> Wire {
        Wire::connect(&self.address)
    }

    /// What the server, and the program it launched, have written so far.
    pub fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    pub fn signal(&self, signal: Signal) {
        let _ = kill(Pid::from_raw(self.child.id() as i32), signal);
    }

    /// Waits for the server to end by itself.
    pub fn wait(&mut self) -> ExitStatus {
        wait(&mut self.child).expect("the server ends")
    }

    /// Waits for the end of the server and returns all it has written.
    pub fn wait_output(mut self) -> (ExitStatus, String) {
        let status = self.wait();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        (status, self.output())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the server has written: {}", self.output());
        }
        self.signal(Signal::SIGTERM);
        if wait(&mut self.child).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Waits for a child's end; `None` if it does not come.
pub fn wait(child: &mut Child) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        std::thread::yield_now();
        nix::poll::poll(&mut [], 5u16).expect("a pause");
    }
    None
}

fn collect(
    from: impl Read + Send + 'static,
    into: &Arc<Mutex<String>>,
) -> JoinHandle<()> {
    let into = Arc::clone(into);
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|len| len > 0) {
            into.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}
