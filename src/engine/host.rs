//! The tracer thread: the one thread that owns the [`Session`].
//!
//! Everything the engine does happens in jobs that run here, one after the other. A job
//! says when it may run. Most need a stopped inferior, and wait while it runs, as the
//! second client of a `dlv` server does. Some do not: setting a breakpoint, naming a
//! function, saying what the state is. Those run between two events of the running
//! inferior, for the run loop looks into the queue whenever it is woken.
//!
//! Stopping goes around the queue: see [`EngineHandle::halt`].

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::engine::error::{Error, Result};
use crate::engine::inferior::Interrupter;
use crate::engine::os::cpu::be_prompt;
use crate::engine::os::ptrace::Tracer;
use crate::engine::session::{Running, Session};

/// The session as a job finds it.
pub enum Access<'a, 'r> {
    Stopped(&'a mut Session),
    /// The inferior runs: what can be done without stopping it.
    Running(&'a mut Running<'r>),
}

/// When a job may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Only while the inferior is stopped (or gone); otherwise after the next stop.
    Stopped,
    /// At once, whether the inferior runs or not.
    Anytime,
}

/// The place of a job in the order in which all of them arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// Whoever asked for something that costs nothing but time. When they are gone, nobody
/// waits for it.
#[derive(Clone, Debug, Default)]
pub struct Asker(Arc<AtomicBool>);

impl Asker {
    pub fn leave(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_gone(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

type Work = Box<dyn FnOnce(Access<'_, '_>, Ticket) + Send>;

struct Job {
    ticket: Ticket,
    when: When,
    work: Work,
    /// `None` for what is done whether its asker is there or not.
    asker: Option<Asker>,
}

impl Job {
    fn is_wanted(&self) -> bool {
        self.asker.as_ref().is_none_or(|it| !it.is_gone())
    }
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    last: u64,
    /// No more jobs are taken: every handle is gone, or the session is over.
    closed: bool,
    /// The inferior runs, so that a new job has to wake the run loop.
    running: Option<Interrupter>,
    /// The last halt that was asked for: a resume that was asked for earlier stops.
    halt: Ticket,
    /// The last job that was queued and is no mere question.
    last_change: Ticket,
    /// A job is being done.
    busy: bool,
}

/// The queue of the tracer thread, and how to reach it while it waits for events.
#[derive(Default)]
pub struct Inbox {
    queue: Mutex<Queue>,
    arrived: Condvar,
}

impl Inbox {
    /// A panic while the lock was held leaves plain data behind, so poison says nothing.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the inferior is about to run for the resume with `ticket`, and whether
    /// a halt that was asked for after it has overtaken it.
    pub fn begin_run(&self, ticket: Ticket, interrupter: Interrupter) -> bool {
        let mut queue = self.lock();
        // Whoever closed the session before this could not halt what did not run yet.
        let overtaken = queue.halt > ticket || queue.closed;
        queue.running = Some(interrupter.clone());
        // Jobs that arrived behind the resume, before there was anybody to be woken.
        if queue.jobs.iter().any(|job| job.when == When::Anytime) {
            interrupter.wake();
        }
        overtaken
    }

    /// Says that the inferior is stopped again, or gone.
    pub fn end_run(&self) {
        self.lock().running = None;
    }

    /// Runs the jobs that need no stop. Called by the run loop when it was woken.
    pub fn run_anytime(&self, running: &mut Running<'_>) {
        while let Some(job) = self.take_anytime() {
            run_guarded(|| (job.work)(Access::Running(running), job.ticket));
        }
    }

    fn take_anytime(&self) -> Option<Job> {
        let mut queue = self.lock();
        let at = queue.jobs.iter().position(|job| job.when == When::Anytime)?;
        queue.jobs.remove(at)
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.lock();
        queue.busy = false;
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                if job.is_wanted() {
                    queue.busy = true;
                    return Some(job);
                }
                continue;
            }
            if queue.closed {
                return None;
            }
            queue = self.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A bug in one query must not end the session: the query's reply says that it failed
/// (it does so when it is dropped unanswered), and the next job finds the session there.
fn run_guarded(work: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(work)).is_err() {
        tracing::error!(target: "engine", "a job panicked; the session goes on");
    }
}

/// How the rest of the program reaches the engine. The session ends, and lets its
/// inferior go, when the last clone is dropped.
#[derive(Clone)]
pub struct EngineHandle {
    inbox: Arc<Inbox>,
    _alive: Arc<Alive>,
}

struct Alive(Arc<Inbox>);

impl Drop for Alive {
    fn drop(&mut self) {
        let running = {
            let mut queue = self.0.lock();
            queue.closed = true;
            queue.running.clone()
        };
        if let Some(interrupter) = running {
            interrupter.halt();
        }
        self.0.arrived.notify_all();
    }
}

impl EngineHandle {
    /// Queues `work`; returns at once. Dropped unrun once the session is over.
    pub fn submit(
        &self,
        when: When,
        work: impl FnOnce(Access<'_, '_>, Ticket) + Send + 'static,
    ) {
        self.queue(when, None, Box::new(work));
    }

    /// The same for a question that nobody wants answered once `asker` is gone.
    pub fn submit_for(
        &self,
        asker: Asker,
        when: When,
        work: impl FnOnce(Access<'_, '_>, Ticket) + Send + 'static,
    ) {
        self.queue(when, Some(asker), Box::new(work));
    }

    fn queue(&self, when: When, asker: Option<Asker>, work: Work) {
        let mut queue = self.inbox.lock();
        if queue.closed {
            return;
        }
        queue.last += 1;
        let ticket = Ticket(queue.last);
        if asker.is_none() {
            queue.last_change = ticket;
        }
        queue.jobs.push_back(Job { ticket, when, work, asker });
        let wake = queue.running.clone().filter(|_| when == When::Anytime);
        drop(queue);
        self.inbox.arrived.notify_all();
        if let Some(interrupter) = wake {
            interrupter.wake();
        }
    }

    /// Stops the inferior if it runs, or as soon as a resume that is already in the queue
    /// lets it run; a resume that is asked for later is not touched.
    pub fn halt(&self) {
        let running = {
            let mut queue = self.inbox.lock();
            queue.last += 1;
            queue.halt = Ticket(queue.last);
            queue.running.clone()
        };
        if let Some(interrupter) = running {
            interrupter.halt();
        }
    }

    /// While nothing but questions keeps the tracer thread busy, or will: the job before
    /// them. What was found out by it holds until another one is queued.
    pub fn before_questions(&self) -> Option<Ticket> {
        let queue = self.inbox.lock();
        (queue.busy && queue.running.is_none()).then_some(queue.last_change)
    }

    pub fn is_running(&self) -> bool {
        self.inbox.lock().running.is_some()
    }

    /// Ends the session after the jobs that are queued: its inferior is let go, or
    /// killed if it was launched.
    pub fn close(&self) {
        let running = {
            let mut queue = self.inbox.lock();
            queue.closed = true;
            queue.running.clone()
        };
        if let Some(interrupter) = running {
            interrupter.halt();
        }
        self.inbox.arrived.notify_all();
    }
}

/// The tracer thread, to be waited for.
pub struct TracerThread(thread::JoinHandle<()>);

impl TracerThread {
    /// Waits until the session has ended and its inferior has been let go.
    pub fn join(self) {
        if self.0.join().is_err() {
            tracing::error!(target: "engine", "the tracer thread panicked");
        }
    }
}

/// Starts the tracer thread and, on it, the session.
///
/// `start` forks or attaches to the inferior, which has to happen on the thread that will
/// trace it; that is why it takes the [`Tracer`] and runs there.
pub fn spawn<Start>(start: Start) -> Result<(EngineHandle, TracerThread)>
where
    Start: FnOnce(Tracer, Arc<Inbox>) -> Result<Session> + Send + 'static,
{
    let inbox = Arc::new(Inbox::default());
    let of_thread = Arc::clone(&inbox);
    let (started, starting) = std::sync::mpsc::sync_channel(1);
    let thread = thread::Builder::new()
        .name("tracer".into())
        .spawn(move || {
            be_prompt();
            let mut session = match start(Tracer::for_this_thread(), of_thread.clone()) {
                Ok(session) => session,
                Err(err) => return drop(started.send(Err(err))),
            };
            drop(started.send(Ok(())));
            while let Some(job) = of_thread.next() {
                session.asked_by(job.asker.clone().unwrap_or_default());
                run_guarded(|| (job.work)(Access::Stopped(&mut session), job.ticket));
            }
        })
        .map_err(|source| Error::os("cannot start the tracer thread", source))?;
    match starting.recv() {
        Ok(Ok(())) => {}
        Ok(Err(err)) => return Err(err),
        Err(_) => return Err(Error::message("the debugger failed while it started")),
    }
    let alive = Arc::new(Alive(Arc::clone(&inbox)));
    Ok((EngineHandle { inbox, _alive: alive }, TracerThread(thread)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_waits_for_any_more_is_not_begun() {
        let inbox = Arc::new(Inbox::default());
        let alive = Arc::new(Alive(Arc::clone(&inbox)));
        let handle = EngineHandle { inbox: Arc::clone(&inbox), _alive: alive };
        let (gone, there) = (Asker::default(), Asker::default());
        handle.submit_for(gone.clone(), When::Stopped, |_, _| {});
        handle.submit_for(there, When::Stopped, |_, _| {});
        handle.submit_for(gone.clone(), When::Stopped, |_, _| {});
        handle.submit(When::Stopped, |_, _| {});
        gone.leave();
        drop(handle);
        let begun: Vec<u64> =
            std::iter::from_fn(|| inbox.next()).map(|it| it.ticket.0).collect();
        assert_eq!(begun, [2, 4]);
    }

    #[test]
    fn questions_change_nothing_and_the_rest_may() {
        let inbox = Arc::new(Inbox::default());
        let alive = Arc::new(Alive(Arc::clone(&inbox)));
        let handle = EngineHandle { inbox: Arc::clone(&inbox), _alive: alive };
        handle.submit(When::Stopped, |_, _| {});
        handle.submit_for(Asker::default(), When::Stopped, |_, _| {});
        assert_eq!(handle.before_questions(), None, "nothing is being done");
        inbox.next().unwrap();
        inbox.next().unwrap();
        assert_eq!(handle.before_questions(), Some(Ticket(1)));
        handle.halt();
        assert_eq!(handle.before_questions(), Some(Ticket(1)));
        handle.submit(When::Stopped, |_, _| {});
        assert_eq!(handle.before_questions(), Some(Ticket(4)));
    }
}
