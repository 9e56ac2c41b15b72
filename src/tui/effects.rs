//! Carrying effects out: calls to the service, files, the clipboard. Nothing here waits;
//! what comes of an effect is sent as a message.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;

use crate::api::methods::*;
use crate::client::{Client, ClientError, decode, encode};
use crate::frontend::history;
use crate::tui::ask;
use crate::tui::files;
use crate::tui::keeper::Keeper;
use crate::tui::state::State;
use crate::tui::state::msg::{Effect, Leave, Msg, Resume};
use crate::tui::worker::{self, Work};
use crate::tui::{Connect, Pick, Reconnect, ShelfOf, Start, console};

/// What effects need of the world.
pub struct Runner {
    pub msgs: Sender<Msg>,
    pub client: Option<Arc<dyn Client>>,
    /// Takes what is searched and styled; started when it is needed first.
    worker: Option<Sender<Work>>,
    console: Option<console::Console>,
    pick: Option<Pick>,
    pub reconnect: Option<Arc<Reconnect>>,
    /// Where the lines that are typed are kept.
    pub history: Option<PathBuf>,
    pub shelf_of: Option<Arc<ShelfOf>>,
    keeper: Keeper,
    started: Option<mpsc::Receiver<Arc<dyn Client>>>,
}

impl Runner {
    pub fn new(msgs: Sender<Msg>) -> Runner {
        Runner {
            msgs,
            client: None,
            worker: None,
            console: None,
            pick: None,
            reconnect: None,
            history: None,
            shelf_of: None,
            keeper: Keeper::default(),
            started: None,
        }
    }

    /// Begins to connect, on a thread of its own. Says whether a process must be picked.
    pub fn start(&mut self, start: Start) -> bool {
        match start {
            Start::Connect(connect) => {
                self.connect(connect, None);
                false
            }
            Start::Pick(pick) => {
                self.pick = Some(pick);
                true
            }
        }
    }

    fn connect(&mut self, connect: Connect, pid: Option<i32>) {
        let msgs = self.msgs.clone();
        let shelf = self.shelf_of.as_ref().and_then(|it| it(pid));
        let kept = shelf.map(|it| self.keeper.open(it));
        let (send, receive) = mpsc::channel();
        self.started = Some(receive);
        spawn("connect", move || {
            if let Some(kept) = kept {
                drop(msgs.send(Msg::Kept(Box::new(kept()))));
            }
            let tell = msgs.clone();
            let progress = move |text| drop(tell.send(Msg::Progress(text)));
            let result = connect(&progress).map(|client| drop(send.send(client)));
            drop(msgs.send(Msg::Started(result)));
        });
    }

    /// Takes the client that a thread has made.
    pub fn take_client(&mut self) {
        if let Some(started) = self.started.take() {
            self.client = started.try_recv().ok();
            if let Some(client) = &self.client {
                let msgs = self.msgs.clone();
                client.when_gone(Box::new(move |_| drop(msgs.send(Msg::Gone))));
            }
        }
    }

    /// Carries out an effect that needs no terminal.
    pub fn run(&mut self, state: &State, effect: Effect) {
        match effect {
            Effect::Ask(it) => match &self.client {
                Some(client) => ask::submit(client, &self.msgs, it),
                None => ask::gone(&self.msgs, it),
            },
            Effect::Resume(how) => self.resume(how),
            Effect::Halt => self.halt(),
            Effect::StopCommand => {
                if let Some(console) = &self.console {
                    console.interrupt();
                }
            }
            Effect::LoadFile(path) => self.load_file(path),
            Effect::Style { path, text, around } => {
                self.work(Work::Style { path, text, around });
            }
            Effect::Match { generation, names, first, query } => {
                self.work(Work::Match { generation, names, first, query });
            }
            Effect::ListProcesses => self.list_processes(),
            Effect::Attach(pid) => self.attach(pid),
            Effect::Reconnect => self.connect_again(),
            Effect::Remember(line) => self.remember(line),
            Effect::Keep(kept) => self.keeper.save(*kept),
            // Its thread ends with the command; the next one has a thread of its own.
            Effect::AbandonCommand => self.console = None,
            Effect::RunCommand { line, scope } => self.run_command(line, scope),
            Effect::Leave(how) => self.leave(how, state.settings.attached),
            Effect::Copy(_)
            | Effect::Edit { .. }
            | Effect::Theme(_)
            | Effect::Mouse(_)
            | Effect::Redraw
            | Effect::Suspend
            | Effect::Exit(_) => {}
        }
    }

    /// Waits until what is to be kept is written.
    pub fn finish(&mut self) {
        self.keeper.finish();
    }

    fn resume(&self, how: Resume) {
        let Some(client) = &self.client else { return };
        let msgs = self.msgs.clone();
        if how == Resume::Restart {
            let then = Arc::clone(client);
            let on_reply = Box::new(move |value: Result<_, ClientError>| match value {
                Ok(_) => wait_for_stop(&then, msgs, Resume::Restart),
                Err(err) => ask::stopped(&msgs, how, Err(err)),
            });
            return client.submit(
                RestartIn::NAME,
                encode(&RestartIn::default()),
                on_reply,
            );
        }
        let name = match how {
            Resume::Continue => command::CONTINUE,
            Resume::Next => command::NEXT,
            Resume::Step => command::STEP,
            Resume::StepOut => command::STEP_OUT,
            Resume::StepInstruction => command::STEP_INSTRUCTION,
            Resume::NextInstruction => command::NEXT_INSTRUCTION,
            Resume::Wait | Resume::Restart => return wait_for_stop(client, msgs, how),
        };
        let args = Command {
            name: name.to_owned(),
            return_info_load_config: Some(ask::TREE),
            ..Default::default()
        };
        let on_reply = Box::new(move |value: Result<_, ClientError>| {
            let state = value.and_then(decode::<Command>).map(|it| it.state);
            ask::stopped(&msgs, how, state);
        });
        client.submit(Command::NAME, encode(&args), on_reply);
    }

    fn halt(&self) {
        let Some(client) = &self.client else { return };
        let args = Command { name: command::HALT.to_owned(), ..Default::default() };
        // The command that let it run is the one that answers with the stop.
        client.submit(Command::NAME, encode(&args), Box::new(|_| {}));
    }

    fn load_file(&self, path: Arc<str>) {
        let msgs = self.msgs.clone();
        spawn("file", move || {
            let text = files::read(&path).map(Arc::new);
            drop(msgs.send(Msg::File { path, text }));
        });
    }

    fn work(&mut self, work: Work) {
        let worker = self.worker.get_or_insert_with(|| worker::start(self.msgs.clone()));
        drop(worker.send(work));
    }

    fn list_processes(&self) {
        let Some(pick) = &self.pick else { return };
        let (list, msgs) = (Arc::clone(&pick.list), self.msgs.clone());
        spawn("processes", move || drop(msgs.send(Msg::Processes(list()))));
    }

    fn attach(&mut self, pid: i32) {
        let Some(pick) = &self.pick else { return };
        let attach = Arc::clone(&pick.attach);
        self.connect(Box::new(move |_| attach(pid)), Some(pid));
    }

    fn remember(&self, line: String) {
        let Some(path) = self.history.clone() else { return };
        // A history that cannot be written is not worth a word while one works.
        spawn("history", move || drop(history::append(&path, &line)));
    }

    fn connect_again(&mut self) {
        let Some(reconnect) = &self.reconnect else { return };
        let reconnect = Arc::clone(reconnect);
        // Commands go to the new connection too.
        self.console = None;
        self.connect(Box::new(move |progress| reconnect(progress)), None);
    }

    fn run_command(&mut self, line: String, scope: (i64, usize)) {
        let Some(client) = &self.client else { return };
        let console = self
            .console
            .get_or_insert_with(|| console::start(Arc::clone(client), self.msgs.clone()));
        console.run(console::Line { line, frame: scope.1 });
    }

    fn leave(&self, how: Leave, _attached: bool) {
        let msgs = self.msgs.clone();
        let kill = match how {
            Leave::Detach => false,
            Leave::Kill => true,
            Leave::Disconnect => return drop(msgs.send(Msg::Left(None))),
        };
        let Some(client) = &self.client else { return drop(msgs.send(Msg::Left(None))) };
        let on_reply = Box::new(move |value: Result<_, ClientError>| {
            let why = match value {
                Err(ClientError::Service(why)) if !why.contains("has exited") => {
                    Some(why)
                }
                // A service that is gone has let go of everything.
                _ => None,
            };
            drop(msgs.send(Msg::Left(why)));
        });
        client.submit(DetachIn::NAME, encode(&DetachIn { kill }), on_reply);
    }
}

fn wait_for_stop(client: &Arc<dyn Client>, msgs: Sender<Msg>, how: Resume) {
    let args = StateIn { non_blocking: false };
    let on_reply = Box::new(move |value: Result<_, ClientError>| {
        let state = value.and_then(decode::<StateIn>);
        let state = state.map(|it| it.state.unwrap_or_default());
        ask::stopped(&msgs, how, state);
    });
    client.submit(StateIn::NAME, encode(&args), on_reply);
}

pub fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    // Without a thread the effect is lost; the machine has other worries then.
    drop(thread::Builder::new().name(name.to_owned()).spawn(work));
}
