//! Full screen: the loop, the terminal, the panes.
//!
//! A thread reads the keyboard, others wait for the service, for files and for what the
//! program writes; each sends [`Msg`]s to the one loop here, which alone owns the state and
//! the terminal. The state changes in [`update`], the screen is drawn by [`view`]; neither
//! waits for anything.

pub mod action;
pub mod ask;
mod console;
mod effects;
mod files;
mod keeper;
pub mod keymap;
pub mod layout;
mod paint;
pub mod pane;
pub mod script;
pub mod state;
mod suspend;
mod terminal;
pub mod text;
mod tick;
pub mod tree;
pub mod update;
pub mod value;
pub mod view;
pub mod wait_reason;
mod words;
#[cfg(test)]
mod tests;
mod worker;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyEventKind, MouseButton, MouseEventKind};

use crate::client::Client;
use crate::frontend::history;
use crate::frontend::kept::Shelf;
use crate::frontend::theme::{self, Colors, Theme};
use crate::tui::effects::{Runner, spawn};
use crate::tui::keymap::Key;
use crate::tui::state::msg::{Effect, Mouse, Msg, Process};
use crate::tui::state::{Settings, State};
use crate::tui::terminal::Screen;
use crate::tui::update::update;

pub use crate::tui::terminal::restore as restore_terminal;

/// Is told what a long wait is for.
pub type Progress<'a> = &'a dyn Fn(String);

/// Makes the connection to a service. Runs on a thread of its own: loading may take long.
pub type Connect =
    Box<dyn FnOnce(Progress<'_>) -> Result<Arc<dyn Client>, String> + Send>;

/// Attaches to a process that was picked, perhaps after others could not be had.
pub type Attach = dyn Fn(i32) -> Result<Arc<dyn Client>, String> + Send + Sync;

/// Makes a connection that was lost again.
pub type Reconnect =
    dyn Fn(Progress<'_>) -> Result<Arc<dyn Client>, String> + Send + Sync;

/// Where breakpoints and watches of a program are kept, given the process if one was picked.
pub type ShelfOf = dyn Fn(Option<i32>) -> Option<Shelf> + Send + Sync;

/// How the connection comes about.
pub enum Start {
    Connect(Connect),
    /// The user picks a process first.
    Pick(Pick),
}

/// The processes to pick from, and how to attach to one.
#[derive(Clone)]
pub struct Pick {
    pub list: Arc<dyn Fn() -> Vec<Process> + Send + Sync>,
    pub attach: Arc<Attach>,
}

/// What the TUI is started with.
pub struct Options {
    pub start: Start,
    /// What is being debugged, until the service says: a program's path, an address.
    pub title: String,
    /// The process, if it is known before the service says so.
    pub pid: Option<i32>,
    /// A theme's name; without one, what the terminal can show decides.
    pub theme: Option<String>,
    pub read_only: bool,
    /// The program runs on as soon as it is held.
    pub resume: bool,
    /// The program was running before us, and goes on after us.
    pub attached: bool,
    /// The service is another process: sources may be elsewhere.
    pub remote: bool,
    /// Only ASCII characters, whatever the locale says.
    pub ascii: bool,
    /// Makes the connection again after it was lost.
    pub reconnect: Option<Arc<Reconnect>>,
    /// How instructions are written: 0 GNU, 1 Intel, 2 Go.
    pub flavour: i64,
    /// What came up while starting and is to be said first.
    pub notes: Vec<String>,
    /// Where the lines that are typed are kept for the next time.
    pub history: Option<PathBuf>,
    /// Where breakpoints and watches are kept for the next time.
    pub shelf_of: Option<Arc<ShelfOf>>,
    /// What the launched program writes, if we hold its terminal.
    pub output: Option<Receiver<Vec<u8>>>,
    /// Says something when a signal asks us to leave.
    pub terminate: Option<Receiver<()>>,
}

impl Options {
    pub fn new(title: impl Into<String>, start: Start) -> Options {
        Options {
            start,
            title: title.into(),
            pid: None,
            theme: None,
            read_only: false,
            resume: false,
            attached: false,
            remote: false,
            ascii: false,
            reconnect: None,
            flavour: 1,
            notes: Vec::new(),
            history: None,
            shelf_of: None,
            output: None,
            terminate: None,
        }
    }
}

/// Runs the TUI until the user leaves. Returns the exit status; what went wrong is said on
/// stderr, after the terminal has been given back.
pub fn run(options: Options) -> i32 {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        eprintln!(
            "tinydbg: the full-screen UI needs a terminal for input and output; without \
             `tui` the session is in line mode"
        );
        return 1;
    }
    let mut screen = match Screen::enter() {
        Ok(screen) => screen,
        Err(err) => {
            eprintln!("tinydbg: the terminal cannot be taken over: {err}");
            return 1;
        }
    };
    let ended = Loop::new(options, &screen).and_then(|mut it| {
        let ended = it.run(&mut screen);
        it.runner.finish();
        ended
    });
    drop(screen);
    match ended {
        Ok(None) => 0,
        Ok(Some(why)) => {
            eprintln!("tinydbg: {why}");
            1
        }
        Err(err) => {
            eprintln!("tinydbg: the terminal is gone: {err}");
            1
        }
    }
}

struct Loop {
    state: State,
    theme: Theme,
    colors: Colors,
    runner: Runner,
    msgs: Receiver<Msg>,
    /// Lets the input thread read on: it waits after each event, so that an editor that
    /// runs meanwhile gets all keys.
    read_on: Sender<()>,
    began: Instant,
    ended: Option<Option<String>>,
}

impl Loop {
    fn new(options: Options, screen: &Screen) -> io::Result<Loop> {
        let (send, msgs) = mpsc::channel();
        let (read_on, may_read) = mpsc::channel();
        let ascii = options.ascii || !locale_is_utf8();
        let mut state = State::new(Settings {
            title: options.title,
            read_only: options.read_only,
            resume: options.resume,
            attached: options.attached,
            remote: options.remote,
            ascii,
            flavour: options.flavour,
            has_output: options.output.is_some(),
        });
        (state.width, state.height) = screen.size();
        state.pid = options.pid.map_or(0, i64::from);
        state.notes = options.notes;
        if let Some(path) = &options.history {
            state.console.history.lines = history::load(path);
        }
        let colors = terminal_colors();
        let name = options.theme.unwrap_or_else(default_theme);
        let chosen = load_theme(&name).unwrap_or_else(|why| {
            state.notes.push(why);
            load_theme(theme::DEFAULT).unwrap_or_else(|_| Theme::plain())
        });
        state.theme.clone_from(&chosen.name);
        for name in user_themes() {
            if !state.theme_names.contains(&name) {
                state.theme_names.push(name);
            }
        }
        let mut it = Loop {
            state,
            theme: chosen.reduced_to(colors),
            colors,
            runner: Runner::new(send.clone()),
            msgs,
            read_on,
            began: Instant::now(),
            ended: None,
        };
        it.runner.reconnect = options.reconnect;
        it.runner.history = options.history;
        it.runner.shelf_of = options.shelf_of;
        let picks = it.runner.start(options.start);
        if picks {
            let effects = update::pick_process(&mut it.state);
            for effect in effects {
                it.runner.run(&it.state, effect);
            }
        } else {
            it.state.run =
                state::Run::Starting(format!("starting {}", it.state.settings.title));
        }
        forward(options.output, send.clone(), Msg::Output);
        forward(options.terminate, send.clone(), |()| Msg::Terminate);
        spawn("input", move || read_input(&send, &may_read));
        Ok(it)
    }

    fn run(&mut self, screen: &mut Screen) -> io::Result<Option<String>> {
        self.draw(screen)?;
        loop {
            let Some(first) = self.next_msg() else {
                // A clock has moved on.
                self.take(None, screen)?;
                self.draw(screen)?;
                continue;
            };
            self.take(Some(first), screen)?;
            // What has arrived together is drawn together.
            const BATCH_MAX: usize = 256;
            for _ in 0..BATCH_MAX {
                if self.ended.is_some() {
                    break;
                }
                let Ok(msg) = self.msgs.try_recv() else { break };
                self.take(Some(msg), screen)?;
            }
            if let Some(ended) = self.ended.take() {
                return Ok(ended);
            }
            self.draw(screen)?;
        }
    }

    /// Waits for a message, or until a clock on the screen moves.
    fn next_msg(&mut self) -> Option<Msg> {
        match tick::next_tick_ms(&self.state) {
            None => self.msgs.recv().ok(),
            Some(at) => {
                let at = self.began + Duration::from_millis(at);
                let wait = at.saturating_duration_since(Instant::now());
                self.msgs.recv_timeout(wait).ok()
            }
        }
    }

    fn take(&mut self, msg: Option<Msg>, screen: &mut Screen) -> io::Result<()> {
        let now = self.began.elapsed().as_millis();
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        update(&mut self.state, Msg::Clock(now));
        let Some(msg) = msg else { return Ok(()) };
        if matches!(msg, Msg::Started(Ok(()))) {
            self.runner.take_client();
        }
        if let Msg::Left(why) = msg {
            self.ended = Some(why);
            return Ok(());
        }
        let is_input =
            matches!(msg, Msg::Key(_) | Msg::Paste(_) | Msg::Mouse(_) | Msg::Resize(..));
        let effects = update(&mut self.state, msg);
        for effect in effects {
            self.carry_out(effect, screen)?;
        }
        if is_input {
            // The thread ends with the loop; nobody needs to know.
            let _ = self.read_on.send(());
        }
        Ok(())
    }

    fn carry_out(&mut self, effect: Effect, screen: &mut Screen) -> io::Result<()> {
        match effect {
            Effect::Copy(text) => screen.copy(&text)?,
            Effect::Mouse(on) => screen.set_mouse(on)?,
            Effect::Redraw => screen.forget(),
            Effect::Theme(name) => match load_theme(&name) {
                Ok(theme) => self.theme = theme.reduced_to(self.colors),
                Err(why) => self.state.say(theme::Role::Error, why),
            },
            Effect::Edit { path, line } => {
                let back = suspend::edit(screen, &path, line)?;
                self.come_back(back)?;
            }
            Effect::Suspend => {
                let back = suspend::stop(screen)?;
                self.come_back(back)?;
            }
            Effect::Exit(why) => self.ended = Some(why),
            other => self.runner.run(&self.state, other),
        }
        Ok(())
    }

    /// The terminal is ours again; it may have another size.
    fn come_back(&mut self, why: Option<String>) -> io::Result<()> {
        let (width, height) = Screen::measure()?;
        for msg in [Msg::Resize(width, height), Msg::Back(why)] {
            // None of the effects of these needs the terminal.
            for effect in update(&mut self.state, msg) {
                self.runner.run(&self.state, effect);
            }
        }
        Ok(())
    }

    fn draw(&mut self, screen: &mut Screen) -> io::Result<()> {
        let size = (self.state.width, self.state.height);
        screen.draw(size, |buffer| view::view(&self.state, &self.theme, buffer))
    }
}

/// Hands on what comes from a channel.
fn forward<T: Send + 'static>(
    from: Option<Receiver<T>>,
    to: Sender<Msg>,
    wrap: impl Fn(T) -> Msg + Send + 'static,
) {
    let Some(from) = from else { return };
    spawn("forward", move || {
        while let Ok(it) = from.recv() {
            if to.send(wrap(it)).is_err() {
                return;
            }
        }
    });
}

/// Reads the keyboard and the mouse, one event at a time.
fn read_input(msgs: &Sender<Msg>, may_read: &Receiver<()>) {
    // The first look makes resizing heard.
    let _ = crossterm::event::poll(Duration::ZERO);
    let hand_on = |msg| msgs.send(msg).is_ok() && may_read.recv().is_ok();
    let mut known = None;
    loop {
        // One that came before that, or together with a key (crossterm forgets it then),
        // has to be looked for.
        let size = Screen::measure().ok();
        if size != known
            && let Some((width, height)) = size
        {
            known = size;
            if !hand_on(Msg::Resize(width, height)) {
                return;
            }
        }
        let Ok(event) = crossterm::event::read() else {
            // The terminal has gone.
            drop(msgs.send(Msg::Terminate));
            return;
        };
        if matches!(event, Event::Resize(..)) {
            // The look above sees it.
            continue;
        }
        if let Some(msg) = msg_of(event)
            && !hand_on(msg)
        {
            return;
        }
    }
}

fn msg_of(event: Event) -> Option<Msg> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            Some(Msg::Key(Key::from(key)))
        }
        Event::Key(_) | Event::Resize(..) | Event::FocusGained | Event::FocusLost => None,
        Event::Paste(text) => Some(Msg::Paste(text)),
        Event::Mouse(it) => {
            let (x, y) = (it.column, it.row);
            Some(Msg::Mouse(match it.kind {
                MouseEventKind::Down(MouseButton::Left) => Mouse::Press(x, y),
                MouseEventKind::Drag(MouseButton::Left) => Mouse::Drag(x, y),
                MouseEventKind::Up(MouseButton::Left) => Mouse::Release(x, y),
                MouseEventKind::ScrollUp => Mouse::Wheel(x, y, -1),
                MouseEventKind::ScrollDown => Mouse::Wheel(x, y, 1),
                _ => return None,
            }))
        }
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn locale_is_utf8() -> bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable);
    let locale = names.iter().find(|it| !it.is_empty()).cloned().unwrap_or_default();
    let locale = locale.to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// What the terminal says of its colours.
fn terminal_colors() -> Colors {
    let (color, term) = (variable("COLORTERM"), variable("TERM"));
    if matches!(color.as_str(), "truecolor" | "24bit") {
        Colors::True
    } else if term.contains("256color") {
        Colors::Palette256
    } else {
        Colors::Ansi16
    }
}

fn default_theme() -> String {
    let term = variable("TERM");
    let is_mono =
        !variable("NO_COLOR").is_empty() || matches!(term.as_str(), "dumb" | "vt100");
    if is_mono {
        return theme::MONO.to_owned();
    }
    match term.as_str() {
        "linux" => "ansi16".to_owned(),
        _ => theme::DEFAULT.to_owned(),
    }
}

/// Where a user's own themes are.
fn themes_dir() -> Option<std::path::PathBuf> {
    crate::frontend::config::config_dir().map(|it| it.join("themes"))
}

fn user_themes() -> Vec<String> {
    let entries = themes_dir().and_then(|it| std::fs::read_dir(it).ok());
    let name = |it: std::fs::DirEntry| {
        Some(it.file_name().to_str()?.strip_suffix(".toml")?.to_owned())
    };
    let mut names: Vec<String> =
        entries.into_iter().flatten().flatten().filter_map(name).collect();
    names.sort();
    names
}

/// A theme of the program, or of the user.
fn load_theme(name: &str) -> Result<Theme, String> {
    if let Some(theme) = theme::builtin(name) {
        return Ok(theme);
    }
    let known = || theme::names().collect::<Vec<_>>().join(", ");
    let unknown = || format!("there is no theme {name}; there are {}", known());
    let is_name = !name.contains(['/', '.']);
    let path = themes_dir().filter(|_| is_name).ok_or_else(unknown)?;
    let text = std::fs::read_to_string(path.join(format!("{name}.toml")))
        .map_err(|_| unknown())?;
    theme::parse(name, &text)
}
