//! Where the bytes of a conversation come from: TCP, a unix socket, or this process.
//!
//! The three look alike from here on: a [`Stream`] that is split into a half to read and
//! a half to write, each for its own thread. An address is `host:port`, or `unix:PATH`.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What makes an address that of a unix socket.
const UNIX_PREFIX: &str = "unix:";

/// How long one resolved address may take to answer, so that a host that drops packets
/// becomes an error and not a wait of two minutes.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection, both ways.
#[derive(Debug)]
pub struct Stream(Socket);

/// The half of a [`Stream`] that receives.
#[derive(Debug)]
pub struct ReadHalf(Socket);

/// The half of a [`Stream`] that sends.
#[derive(Debug)]
pub struct WriteHalf(Socket);

/// Ends a [`Stream`] from outside: whoever reads or writes it is told at once.
#[derive(Debug)]
pub struct Hangup(Socket);

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// Two connected ends within this process.
    pub fn pair() -> io::Result<(Stream, Stream)> {
        let (one, other) = UnixStream::pair()?;
        Ok((Stream(Socket::Unix(one)), Stream(Socket::Unix(other))))
    }

    /// Connects to `host:port` or `unix:PATH`.
    pub fn dial(address: &str) -> io::Result<Stream> {
        if let Some(path) = address.strip_prefix(UNIX_PREFIX) {
            return Ok(Stream(Socket::Unix(UnixStream::connect(path)?)));
        }
        let mut last =
            io::Error::new(io::ErrorKind::InvalidInput, "the address names no host");
        for resolved in with_host(address).to_socket_addrs()? {
            match TcpStream::connect_timeout(&resolved, DIAL_TIMEOUT) {
                Ok(tcp) => return Stream::from_tcp(tcp),
                Err(err) => last = err,
            }
        }
        Err(last)
    }

    /// Requests are small and each is waited for: Nagle's delay would cost 40 ms.
    fn from_tcp(tcp: TcpStream) -> io::Result<Stream> {
        tcp.set_nodelay(true)?;
        Ok(Stream(Socket::Tcp(tcp)))
    }

    /// The two halves, each with its own descriptor; the connection ends when both are
    /// dropped, or by [`WriteHalf::hang_up`].
    pub fn split(self) -> io::Result<(ReadHalf, WriteHalf)> {
        let reading = self.0.try_clone()?;
        Ok((ReadHalf(reading), WriteHalf(self.0)))
    }

    /// Something to end this connection with, later and from any thread.
    pub fn hangup(&self) -> io::Result<Hangup> {
        Ok(Hangup(self.0.try_clone()?))
    }

    /// Our address and the peer's, if this is TCP.
    pub fn tcp_addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        match &self.0 {
            Socket::Tcp(tcp) => Some((tcp.local_addr().ok()?, tcp.peer_addr().ok()?)),
            Socket::Unix(_) => None,
        }
    }
}

/// `:4040` means this host, as it does for Go.
fn with_host(address: &str) -> String {
    match address.strip_prefix(':') {
        Some(port) => format!("127.0.0.1:{port}"),
        None => address.to_owned(),
    }
}

impl Socket {
    fn try_clone(&self) -> io::Result<Socket> {
        Ok(match self {
            Socket::Tcp(tcp) => Socket::Tcp(tcp.try_clone()?),
            Socket::Unix(unix) => Socket::Unix(unix.try_clone()?),
        })
    }

    /// Also ends a `read` that is under way in another thread. An error means that the
    /// connection has ended already.
    fn shutdown(&self) {
        let _ended = match self {
            Socket::Tcp(tcp) => tcp.shutdown(Shutdown::Both),
            Socket::Unix(unix) => unix.shutdown(Shutdown::Both),
        };
    }
}

impl Read for ReadHalf {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Socket::Tcp(tcp) => tcp.read(buf),
            Socket::Unix(unix) => unix.read(buf),
        }
    }
}

impl Write for WriteHalf {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Socket::Tcp(tcp) => tcp.write(buf),
            Socket::Unix(unix) => unix.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl WriteHalf {
    /// After this time a write that does not get on is an error.
    pub fn set_timeout(&self, timeout: Duration) -> io::Result<()> {
        match &self.0 {
            Socket::Tcp(tcp) => tcp.set_write_timeout(Some(timeout)),
            Socket::Unix(unix) => unix.set_write_timeout(Some(timeout)),
        }
    }

    /// Ends the connection, both ways, for both halves.
    pub fn hang_up(&self) {
        self.0.shutdown();
    }
}

impl Hangup {
    /// Ends the connection, both ways.
    pub fn hang_up(&self) {
        self.0.shutdown();
    }
}

/// Where connections are accepted.
#[derive(Debug)]
pub struct Listener {
    socket: ListeningSocket,
    closing: Arc<AtomicBool>,
}

#[derive(Debug)]
enum ListeningSocket {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixListener, PathBuf),
}

impl Listener {
    /// Listens at `host:port` (port 0: any free one) or `unix:PATH`.
    pub fn bind(address: &str) -> io::Result<Listener> {
        let socket = match address.strip_prefix(UNIX_PREFIX) {
            Some(path) => bind_unix(Path::new(path))?,
            None => bind_tcp(address)?,
        };
        Ok(Listener { socket, closing: Arc::new(AtomicBool::new(false)) })
    }

    /// The next connection; `None` once a [`Closer`] has been used.
    pub fn accept(&self) -> io::Result<Option<Stream>> {
        let stream = match &self.socket {
            ListeningSocket::Tcp(tcp, _) => Stream::from_tcp(tcp.accept()?.0)?,
            ListeningSocket::Unix(unix, _) => Stream(Socket::Unix(unix.accept()?.0)),
        };
        Ok(if self.closing.load(Ordering::Acquire) { None } else { Some(stream) })
    }

    /// The address as the announcement shows it: `127.0.0.1:41535`, or the bare path.
    pub fn address(&self) -> String {
        match &self.socket {
            ListeningSocket::Tcp(_, address) => address.to_string(),
            ListeningSocket::Unix(_, path) => path.display().to_string(),
        }
    }

    /// Whether only this host can connect.
    pub fn is_local(&self) -> bool {
        match &self.socket {
            ListeningSocket::Tcp(_, address) => address.ip().is_loopback(),
            ListeningSocket::Unix(..) => true,
        }
    }

    pub fn is_unix(&self) -> bool {
        matches!(self.socket, ListeningSocket::Unix(..))
    }

    /// The address in the form that [`Stream::dial`] takes, from this host.
    pub fn dial_address(&self) -> String {
        match &self.socket {
            ListeningSocket::Tcp(_, address) if address.ip().is_unspecified() => {
                format!("localhost:{}", address.port())
            }
            ListeningSocket::Tcp(_, address) => address.to_string(),
            ListeningSocket::Unix(_, path) => format!("{UNIX_PREFIX}{}", path.display()),
        }
    }

    /// Ends a wait in [`Listener::accept`] from another thread.
    pub fn closer(&self) -> Closer {
        Closer { closing: Arc::clone(&self.closing), address: self.dial_address() }
    }
}

/// Ends the wait of a [`Listener`].
#[derive(Clone, Debug)]
pub struct Closer {
    closing: Arc<AtomicBool>,
    address: String,
}

impl Closer {
    /// Makes the next return of [`Listener::accept`] the last one.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Release);
        // The wait in accept(2) ends when somebody connects. A failure means that the
        // listener is gone already.
        drop(Stream::dial(&self.address));
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let ListeningSocket::Unix(_, path) = &self.socket {
            // Nothing is left to do for one who removed it before us.
            let _gone = fs::remove_file(path);
        }
    }
}

/// A port alone listens everywhere, as it does for Go.
fn bind_tcp(address: &str) -> io::Result<ListeningSocket> {
    let tcp = match address.strip_prefix(':') {
        Some(port) => TcpListener::bind(format!("[::]:{port}"))
            .or_else(|_no_ipv6| TcpListener::bind(format!("0.0.0.0:{port}")))?,
        None => TcpListener::bind(address)?,
    };
    let bound = tcp.local_addr()?;
    Ok(ListeningSocket::Tcp(tcp, bound))
}

/// A socket that only its owner may connect to.
///
/// Between bind and chmod the mode is what the umask says; connecting needs write
/// permission, which every usual umask denies to others already.
fn bind_unix(path: &Path) -> io::Result<ListeningSocket> {
    remove_stale_socket(path);
    let unix = UnixListener::bind(path)?;
    let listening = ListeningSocket::Unix(unix, path.to_owned());
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listening)
}

/// What a server left behind that was killed: a socket that nobody listens to.
fn remove_stale_socket(path: &Path) {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket());
    if !is_socket {
        return;
    }
    let refused = UnixStream::connect(path)
        .is_err_and(|err| err.kind() == io::ErrorKind::ConnectionRefused);
    if refused {
        // If it cannot be removed, bind(2) says so better.
        let _kept = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::fs::PermissionsExt;
    use std::thread;

    use super::{Listener, Stream};

    fn scratch(name: &str) -> String {
        let dir = std::env::temp_dir().join("tinydbg-tests");
        std::fs::create_dir_all(&dir).unwrap();
        format!("{}/{name}-{}", dir.display(), std::process::id())
    }

    fn talk(listener: &Listener) {
        let address = listener.dial_address();
        let client = thread::spawn(move || {
            let (_reading, mut writing) =
                Stream::dial(&address).unwrap().split().unwrap();
            writing.write_all(b"hello").unwrap();
        });
        let (mut reading, _writing) =
            listener.accept().unwrap().unwrap().split().unwrap();
        let mut text = String::new();
        reading.read_to_string(&mut text).unwrap();
        client.join().unwrap();
        assert_eq!(text, "hello");
    }

    #[test]
    fn what_is_dialed_arrives_over_tcp_and_over_a_unix_socket() {
        let path = scratch("talk");
        talk(&Listener::bind("127.0.0.1:0").unwrap());
        talk(&Listener::bind(&format!("unix:{path}")).unwrap());
        assert!(!std::path::Path::new(&path).exists(), "the socket is removed");
    }

    #[test]
    fn a_unix_socket_is_its_owners_alone() {
        let path = scratch("mode");
        let listener = Listener::bind(&format!("unix:{path}")).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(listener.address(), path);
    }

    #[test]
    fn a_socket_that_a_killed_server_left_is_replaced_and_a_live_one_is_not() {
        let path = scratch("stale");
        let _gone = std::fs::remove_file(&path);
        // std's own listener leaves the file behind when it is dropped.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let first = Listener::bind(&format!("unix:{path}")).unwrap();
        assert!(Listener::bind(&format!("unix:{path}")).is_err());
        drop(first);
    }

    #[test]
    fn closing_ends_a_wait_for_connections() {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let closer = listener.closer();
        let waiting = thread::spawn(move || listener.accept().unwrap().is_none());
        closer.close();
        assert!(waiting.join().unwrap());
    }

    #[test]
    fn hanging_up_ends_a_read_under_way() {
        let (ours, _theirs) = Stream::pair().unwrap();
        let (mut reading, writing) = ours.split().unwrap();
        let waiting = thread::spawn(move || reading.read(&mut [0; 8]).unwrap());
        writing.hang_up();
        assert_eq!(waiting.join().unwrap(), 0);
    }
}
