//! Answering: a debugging session, offered to clients over streams.
//!
//! [`serve_local`] is for one client in this process, over a pipe; [`serve`] accepts
//! clients from outside. Both serve the same requests in the same way. Start reading at
//! [`dispatch`].

pub mod reply;
pub mod events;
pub mod connection;
pub mod dispatch;
pub mod convert;
pub mod vectors;
pub mod json;
pub mod handlers;
pub mod peer;

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::engine::error::Result;
use crate::engine::host::{EngineHandle, TracerThread};
use crate::engine::session::launch::TargetSpec;
use crate::service::events::{ConnectionId, Events};
use crate::service::handlers::dump::Dumps;
use crate::service::handlers::run::Known;
use crate::service::reply::{Outbox, Outgoing};
use crate::transport::stream::{Closer, Hangup, Listener, Stream};

/// How long the end of a session waits for a client to take its last answers.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// What a server is told about its clients.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Clients may come and go; without it the first one's leaving ends the session.
    pub accept_multiclient: bool,
    /// Over TCP on this host, only processes of the same user are let in.
    pub only_same_user: bool,
}

/// Says that the session is over: whoever waits for its end goes on.
#[derive(Clone)]
pub struct Ender {
    over: Arc<AtomicBool>,
    ended: SyncSender<()>,
}

impl Ender {
    pub fn finish(&self) {
        self.over.store(true, Ordering::Release);
        let _already_said = self.ended.try_send(());
    }
}

/// A session and all who are connected to it.
pub struct Server {
    pub engine: EngineHandle,
    pub events: Events,
    pub options: Options,
    /// The process was there before us, so it outlives us.
    pub attached: bool,
    pub dumps: Arc<Dumps>,
    /// The state of the inferior that was told last.
    pub known: Known,
    ender: Ender,
    connections: Mutex<HashMap<u64, (Outbox, Hangup)>>,
    last_connection: AtomicU64,
}

impl Server {
    fn new(
        engine: EngineHandle,
        spec: &TargetSpec,
        options: Options,
    ) -> (Arc<Server>, Receiver<()>) {
        let (ended, end) = sync_channel(1);
        let server = Server {
            engine,
            events: Events::default(),
            options,
            attached: spec.is_attach(),
            dumps: Arc::default(),
            known: Known::default(),
            ender: Ender { over: Arc::default(), ended },
            connections: Mutex::default(),
            last_connection: AtomicU64::new(0),
        };
        (Arc::new(server), end)
    }

    pub fn finish(&self) {
        self.ender.finish();
    }

    pub fn ender(&self) -> Ender {
        self.ender.clone()
    }

    pub fn is_over(&self) -> bool {
        self.ender.over.load(Ordering::Acquire)
    }

    pub fn n_connections(&self) -> usize {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn remember(&self, id: ConnectionId, outbox: Outbox, hangup: Hangup) {
        let mut all = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(id.0, (outbox, hangup));
    }

    fn forget(&self, id: ConnectionId) {
        self.events.forget(id);
        let mut all = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&id.0);
    }

    fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.last_connection.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Lets every client have what it was sent, then hangs up.
    fn hang_up_all(&self) {
        let all: Vec<(Outbox, Hangup)> = {
            let mut all = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
            all.drain().map(|(_, it)| it).collect()
        };
        for (outbox, hangup) in all {
            let (done, flushed) = sync_channel(1);
            if outbox.try_send(Outgoing::Flush(done)).is_ok() {
                let _late = flushed.recv_timeout(FLUSH_TIMEOUT);
            }
            hangup.hang_up();
        }
    }
}

/// A session whose one client is in this process.
pub struct LocalService {
    server: Arc<Server>,
    tracer: Option<TracerThread>,
}

impl LocalService {
    /// Ends the session, unless the client has done so, and waits until the inferior has
    /// been let go.
    pub fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let Some(tracer) = self.tracer.take() else { return };
        self.server.finish();
        self.server.engine.close();
        tracer.join();
        self.server.hang_up_all();
    }
}

impl Drop for LocalService {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts a session for a client in this process: its end of the pipe, and the session.
pub fn serve_local(spec: TargetSpec) -> Result<(Stream, LocalService)> {
    let attached_spec = spec.clone();
    let (engine, tracer) = spec.start()?;
    let (server, _end) = Server::new(engine, &attached_spec, Options::default());
    let (ours, theirs) = Stream::pair().map_err(|err| {
        crate::engine::error::Error::os("cannot make a pipe to the debugger", err)
    })?;
    let of_thread = Arc::clone(&server);
    thread::Builder::new()
        .name("rpc-reader".into())
        .spawn(move || {
            connection::serve(&of_thread, ours, of_thread.next_connection());
            of_thread.engine.close();
        })
        .map_err(|err| {
            crate::engine::error::Error::os("cannot start the server thread", err)
        })?;
    Ok((theirs, LocalService { server, tracer: Some(tracer) }))
}

/// A server that is accepting clients.
pub struct Serving {
    server: Arc<Server>,
    tracer: Option<TracerThread>,
    closer: Closer,
    end: Receiver<()>,
}

impl Serving {
    /// Waits until a client ends the session, or the only client leaves, or
    /// [`Ender::finish`].
    pub fn wait(mut self) {
        // An error means that nobody can end the session any more.
        let _ended = self.end.recv();
        self.end_session();
    }

    /// What ends this from another thread.
    pub fn ender(&self) -> Ender {
        self.server.ender()
    }

    fn end_session(&mut self) {
        let Some(tracer) = self.tracer.take() else { return };
        self.server.finish();
        self.closer.close();
        self.server.engine.close();
        tracer.join();
        self.server.hang_up_all();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.end_session();
    }
}

/// Starts a session and accepts clients for it.
pub fn serve(spec: TargetSpec, listener: Listener, options: Options) -> Result<Serving> {
    let attached_spec = spec.clone();
    let (engine, tracer) = spec.start()?;
    let (server, end) = Server::new(engine, &attached_spec, options);
    let closer = listener.closer();
    let of_thread = Arc::clone(&server);
    thread::Builder::new()
        .name("acceptor".into())
        .spawn(move || accept(&of_thread, &listener))
        .map_err(|err| {
            crate::engine::error::Error::os("cannot start the server thread", err)
        })?;
    Ok(Serving { server, tracer: Some(tracer), closer, end })
}

fn accept(server: &Arc<Server>, listener: &Listener) {
    while !server.is_over() {
        let stream = match listener.accept() {
            Ok(Some(stream)) => stream,
            Ok(None) => return,
            Err(err) => {
                tracing::error!(target: "rpc", "cannot accept a client: {err}");
                return;
            }
        };
        if server.options.only_same_user
            && let Some(why) = peer::refusal(&stream)
        {
            tracing::error!(target: "rpc", "{why}");
            eprintln!("{why}");
            continue;
        }
        if !server.options.accept_multiclient {
            connection::serve(server, stream, server.next_connection());
            server.finish();
            return;
        }
        if let Err(err) = serve_aside(server, stream) {
            tracing::error!(target: "rpc", "cannot serve a client: {err}");
        }
    }
}

fn serve_aside(server: &Arc<Server>, stream: Stream) -> io::Result<()> {
    let server = Arc::clone(server);
    thread::Builder::new().name("rpc-reader".into()).spawn(move || {
        let id = server.next_connection();
        connection::serve(&server, stream, id);
    })?;
    Ok(())
}
