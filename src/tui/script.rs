//! The TUI without a terminal: keys in, screens out. For tests, and for pictures.
//!
//! Everything happens on the calling thread and in order, so a script's screens are the
//! same each time: files are read, styled and searched at once, and the clock stands still
//! unless it is told to move.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::client::Client;
use crate::frontend::fuzzy;
use crate::frontend::highlight::Highlighter;
use crate::frontend::theme::Theme;
use crate::tui::effects::Runner;
use crate::tui::files;
use crate::tui::keymap::{Key, parse_key};
use crate::tui::state::State;
use crate::tui::state::msg::{Effect, FileText, Found, Mouse, Msg};
use crate::tui::update::update;
use crate::tui::view;

/// A TUI that is driven by a script.
pub struct Script {
    pub state: State,
    pub theme: Theme,
    /// What was copied to the clipboard.
    pub copied: Vec<String>,
    /// Set when the TUI has ended, with why.
    pub ended: Option<Option<String>>,
    /// Effects that only a terminal could carry out.
    pub for_terminal: Vec<Effect>,
    runner: Runner,
    msgs: Receiver<Msg>,
    highlighter: Option<Highlighter>,
    files: Vec<(String, String)>,
}

impl Script {
    /// Starts the TUI on a service. Sources are on this machine, or given by [`Script::file`].
    pub fn new(mut state: State, client: Arc<dyn Client>, size: (u16, u16)) -> Script {
        let (send, msgs) = mpsc::channel();
        let mut runner = Runner::new(send);
        runner.client = Some(client);
        (state.width, state.height) = size;
        Script {
            state,
            theme: Theme::plain(),
            copied: Vec::new(),
            ended: None,
            for_terminal: Vec::new(),
            runner,
            msgs,
            highlighter: None,
            files: Vec::new(),
        }
    }

    /// Colours source, as the real one does; takes a while to load.
    pub fn with_highlighting(mut self) -> Script {
        self.highlighter = Some(Highlighter::new());
        self
    }

    /// A source file that exists for the script alone.
    pub fn file(mut self, path: &str, text: &str) -> Script {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    /// Takes a message, and all that follows from it.
    pub fn send(&mut self, msg: Msg) {
        let effects = update(&mut self.state, msg);
        for effect in effects {
            self.carry_out(effect);
        }
        while let Ok(msg) = self.msgs.try_recv() {
            let effects = update(&mut self.state, msg);
            for effect in effects {
                self.carry_out(effect);
            }
        }
    }

    /// Says that the connection is there.
    pub fn start(&mut self) {
        self.send(Msg::Started(Ok(())));
    }

    /// Takes what has arrived meanwhile.
    pub fn pump(&mut self) {
        let now = self.state.now_ms;
        self.send(Msg::Clock(now));
    }

    /// Presses keys: words are typed, `<Enter>` and `<Ctrl-P>` are keys; blanks outside of
    /// `<...>` only part them, `<Space>` is the blank.
    pub fn keys(&mut self, keys: &str) {
        let mut rest = keys;
        while let Some(c) = rest.chars().next() {
            let named = rest.strip_prefix('<').and_then(|it| it.split_once('>'));
            let key =
                match named.and_then(|(name, after)| Some((parse_key(name)?, after))) {
                    Some((key, after)) => {
                        rest = after;
                        key
                    }
                    None => {
                        rest = &rest[c.len_utf8()..];
                        if c == ' ' {
                            continue;
                        }
                        Key::char(c)
                    }
                };
            self.key(key);
        }
    }

    /// Types a text as it stands.
    pub fn text(&mut self, text: &str) {
        for c in text.chars() {
            self.key(Key::char(c));
        }
    }

    pub fn key(&mut self, key: Key) {
        self.send(Msg::Key(key));
    }

    pub fn click(&mut self, x: u16, y: u16) {
        self.send(Msg::Mouse(Mouse::Press(x, y)));
    }

    /// Moves the clock on.
    pub fn wait(&mut self, ms: u64) {
        let now = self.state.now_ms + ms;
        self.send(Msg::Clock(now));
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::LoadFile(path) => {
                let given = self.files.iter().find(|(it, _)| **it == *path);
                let text = match given {
                    Some((_, text)) => Ok(FileText::new(text.clone())),
                    None => files::read(&path),
                };
                let msg = Msg::File { path, text: text.map(Arc::new) };
                self.runner.msgs.send(msg).unwrap_or_default();
            }
            Effect::Style { path, text, .. } => self.style(path, &text),
            Effect::Match { generation, names, first, query } => {
                let found = fuzzy::best(
                    names.get(first..).unwrap_or_default(),
                    &query,
                    500,
                    &|| false,
                )
                .unwrap_or_default();
                let found = found
                    .into_iter()
                    .map(|it| Found { index: first + it.index, positions: it.positions })
                    .collect();
                let msg = Msg::Matches { generation, found };
                self.runner.msgs.send(msg).unwrap_or_default();
            }
            Effect::Copy(text) => self.copied.push(text),
            Effect::Exit(why) => self.ended = Some(why),
            Effect::Edit { .. }
            | Effect::Theme(_)
            | Effect::Mouse(_)
            | Effect::Redraw
            | Effect::Suspend => self.for_terminal.push(effect),
            other => self.runner.run(&self.state, other),
        }
    }

    fn style(&mut self, path: Arc<str>, text: &FileText) {
        let Some(highlighter) = &mut self.highlighter else { return };
        let Some(mut styler) = highlighter.start(&path) else { return };
        let line = |at| format!("{}\n", text.line(at));
        let lines =
            (0..text.len()).map(|at| highlighter.line(&mut styler, &line(at))).collect();
        let msg = Msg::Styled { path, first_line: 0, lines };
        self.runner.msgs.send(msg).unwrap_or_default();
    }

    /// The frame, as cells.
    pub fn buffer(&self) -> Buffer {
        let area = Rect::new(0, 0, self.state.width, self.state.height);
        let mut buffer = Buffer::empty(area);
        view::view(&self.state, &self.theme, &mut buffer);
        buffer
    }

    /// The frame, as text.
    pub fn screen(&self) -> String {
        let buffer = self.buffer();
        let mut text = String::new();
        for row in buffer.area.rows() {
            let mut line = String::new();
            let mut skip = 0;
            for position in row.positions() {
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                let symbol = buffer[position].symbol();
                skip = crate::tui::text::width(symbol).saturating_sub(1);
                line.push_str(symbol);
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}
