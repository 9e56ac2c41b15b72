//! What happens to the inferior, for clients that poll with `GetEvents`.
//!
//! Delve's clients wait for a `stopped` event after every command that resumes and hang
//! without it, so a stop is never dropped, and a poll left behind by a connection that is
//! gone swallows nothing (`spec/rpc.md` §4.6).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::api::methods::GetEventsOut;
use crate::api::types::Event;
use crate::service::reply::Reply;

/// Events kept for a client that is slow to ask; the oldest ones that are not stops go.
const EVENTS_MAX: usize = 100;

pub const RESUMED: i64 = 0;
pub const STOPPED: i64 = 1;

/// Identifies a connection, so that its polls end with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionId(pub u64);

#[derive(Default)]
struct Kept {
    events: VecDeque<Event>,
    polls: VecDeque<(ConnectionId, Reply)>,
}

/// The events of one session.
#[derive(Clone, Default)]
pub struct Events(Arc<Mutex<Kept>>);

impl Events {
    pub fn push(&self, kind: i64) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.events.len() >= EVENTS_MAX {
            let droppable = kept.events.iter().position(|it| it.kind != STOPPED);
            kept.events.remove(droppable.unwrap_or(0));
        }
        kept.events.push_back(Event { kind, breakpoint: None });
        let ready = kept.polls.pop_front();
        let events = ready.as_ref().map(|_| kept.events.drain(..).collect::<Vec<_>>());
        drop(kept);
        if let (Some((_, reply)), Some(events)) = (ready, events) {
            reply.send(Ok(GetEventsOut { events: Some(events) }));
        }
    }

    /// Answers `reply` as soon as there is an event.
    pub fn poll(&self, connection: ConnectionId, reply: Reply) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.events.is_empty() {
            kept.polls.push_back((connection, reply));
            return;
        }
        let events = kept.events.drain(..).collect();
        drop(kept);
        reply.send(Ok(GetEventsOut { events: Some(events) }));
    }

    /// Forgets the polls of a connection that is gone.
    pub fn forget(&self, connection: ConnectionId) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.polls.retain(|(of, _)| *of != connection);
    }
}
