//! Writing a core dump in the background: between two pieces of it the tracer thread
//! serves whoever waits.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::api::methods::*;
use crate::api::types::DumpState;
use crate::engine::error::Result;
use crate::engine::host::{Access, EngineHandle, When};
use crate::engine::inferior::{DumpEnd, Dumped};
use crate::service::Server;
use crate::service::events::ConnectionId;
use crate::service::reply::Reply;

/// Requests that wait for a dump to come further; more are answered at once.
const WAITING_MAX: usize = 256;

/// How long a request may wait.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The dump that is under way, or was last, and who waits for it.
#[derive(Default)]
pub struct Dumps {
    inner: Mutex<Inner>,
    canceled: AtomicBool,
}

#[derive(Default)]
struct Inner {
    state: DumpState,
    waiting: Vec<(Instant, Reply)>,
}

impl Dumps {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) {
        self.canceled.store(false, Ordering::Release);
        self.lock().state = DumpState { dumping: true, ..DumpState::default() };
    }

    /// Takes note of how far the dump is, and tells those who have waited long enough.
    fn update(&self, dumped: &Dumped) {
        let now = Instant::now();
        let mut inner = self.lock();
        inner.state = wire(dumped);
        let ended = !inner.state.dumping;
        let waiting = std::mem::take(&mut inner.waiting);
        let is_due = |it: &(Instant, Reply)| ended || it.0 <= now;
        let (due, later) = waiting.into_iter().partition::<Vec<_>, _>(is_due);
        inner.waiting = later;
        for (_, reply) in due {
            reply.send(Ok(DumpWaitOut { state: inner.state.clone() }));
        }
    }
}

fn wire(dumped: &Dumped) -> DumpState {
    let threads = dumped.n_threads as i64;
    DumpState {
        dumping: dumped.end.is_none(),
        all_done: dumped.end == Some(DumpEnd::Complete),
        threads_done: threads,
        threads_total: threads,
        mem_done: dumped.memory_done,
        mem_total: dumped.memory_total,
        err: match &dumped.end {
            Some(DumpEnd::Failed(why)) => why.clone(),
            Some(DumpEnd::Complete | DumpEnd::Canceled) | None => String::new(),
        },
    }
}

pub fn start(server: &Server, _: ConnectionId, args: DumpStartIn, reply: Reply) {
    let dumps = Arc::clone(&server.dumps);
    let engine = server.engine.clone();
    server.engine.submit(When::Stopped, move |access, _| {
        let Access::Stopped(session) = access else { return drop(reply) };
        match session.start_dump(&PathBuf::from(args.destination)) {
            Ok(()) => {
                dumps.begin();
                let state = dumps.lock().state.clone();
                reply.send(Ok(DumpStartOut { state }));
                go_on(engine, dumps);
            }
            Err(err) => reply.send::<()>(Err(err.to_string())),
        }
    });
}

/// Puts the next piece into the queue, behind what others want by now.
fn go_on(engine: EngineHandle, dumps: Arc<Dumps>) {
    let next = engine.clone();
    engine.submit(When::Stopped, move |access, _| {
        let Access::Stopped(session) = access else { return };
        if dumps.canceled.load(Ordering::Acquire) {
            session.cancel_dump();
        }
        let dumped = session.advance_dump();
        dumps.update(&dumped);
        if dumped.end.is_none() {
            go_on(next, dumps);
        }
    });
}

pub fn wait(server: &Server, _: ConnectionId, args: DumpWaitIn, reply: Reply) {
    let wait = u64::try_from(args.wait).unwrap_or(0);
    let wait = Duration::from_millis(wait).min(WAIT_MAX);
    let mut inner = server.dumps.lock();
    let is_full = inner.waiting.len() >= WAITING_MAX;
    if inner.state.dumping && !wait.is_zero() && !is_full {
        inner.waiting.push((Instant::now() + wait, reply));
        return;
    }
    reply.send(Ok(DumpWaitOut { state: inner.state.clone() }));
}

pub fn cancel(server: &Server, _: DumpCancelIn) -> Result<Empty> {
    server.dumps.canceled.store(true, Ordering::Release);
    Ok(Empty {})
}
