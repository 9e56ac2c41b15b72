//! Keeping breakpoints and watches for the next session, on a thread of its own: files are
//! read and written there, one after the other.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use crate::frontend::kept::{Kept, Shelf, Source, Texts};
use crate::tui::files;

enum Request {
    Load(Shelf, Sender<Kept>),
    Save(Kept),
}

/// The thread, once there is something to keep.
#[derive(Default)]
pub struct Keeper {
    thread: Option<(Sender<Request>, JoinHandle<()>)>,
}

impl Keeper {
    /// Begins with a program: what is to be called for what is kept of it. That waits, and
    /// must be called, or dropped, before [`Keeper::finish`].
    pub fn open(&mut self, shelf: Shelf) -> impl FnOnce() -> Kept + Send + use<> {
        self.finish();
        let (requests, inbox) = mpsc::channel();
        let keeper = thread::Builder::new().name("keeper".to_owned());
        if let Ok(thread) = keeper.spawn(move || keep(&inbox)) {
            self.thread = Some((requests.clone(), thread));
        }
        move || {
            let (send, receive) = mpsc::channel();
            drop(requests.send(Request::Load(shelf, send)));
            receive.recv().unwrap_or_default()
        }
    }

    pub fn save(&self, kept: Kept) {
        if let Some((requests, _)) = &self.thread {
            drop(requests.send(Request::Save(kept)));
        }
    }

    /// Waits until everything is written.
    pub fn finish(&mut self) {
        if let Some((requests, thread)) = self.thread.take() {
            drop(requests);
            drop(thread.join());
        }
    }
}

fn keep(inbox: &Receiver<Request>) {
    let mut texts = Texts::default();
    let mut shelf = None;
    while let Ok(request) = inbox.recv() {
        match request {
            Request::Load(from, answer) => {
                let mut kept = from.load();
                texts.find(&from, &mut kept, read);
                shelf = Some(from);
                drop(answer.send(kept));
            }
            Request::Save(mut kept) => {
                let Some(shelf) = &shelf else { continue };
                texts.add(shelf, &mut kept, read);
                // What cannot be written is not worth a word while one works.
                drop(shelf.save(&kept));
            }
        }
    }
}

fn read(path: &str) -> Option<Source> {
    let file = files::read(path).ok()?;
    let lines = (0..file.len()).map(|at| file.line(at).to_owned()).collect();
    Some((lines, file.modified))
}
