//! The full-screen UI without a terminal, threads or a clock: keys go in, and the screen is
//! what a recorded service makes of them. The same keys give the same cells, always.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::{Value, json};
use tinydbg::api::methods::{Command, Method, command};
use tinydbg::client::{Client, ClientError, OnReply, Reply, decode, encode};
use tinydbg::frontend::fuzzy;
use tinydbg::frontend::highlight::Highlighter;
use tinydbg::frontend::theme::{self, Theme};
use tinydbg::tui::ask;
use tinydbg::tui::keymap::parse_key;
use tinydbg::tui::state::msg::{Effect, FileText, Found, Msg, Resume};
use tinydbg::tui::state::{Settings, State};
use tinydbg::tui::update::update;
use tinydbg::tui::view::view;

use super::wire::Wire;

/// Where recorded programs seem to be.
pub const HOME: &str = "/home/you";

/// A service that answers from a recording, or is asked while it is recorded.
pub struct Recorded {
    inner: Mutex<Inner>,
}

struct Inner {
    live: Option<Wire>,
    exchanges: Vec<Exchange>,
    /// What is written in the recording, and what the machine calls it.
    paths: Vec<(String, String)>,
}

struct Exchange {
    method: String,
    argument: Value,
    result: Result<Value, String>,
    used: bool,
}

impl Recorded {
    pub fn read(path: &Path) -> Recorded {
        let text = fs::read_to_string(path)
            .unwrap_or_else(|err| panic!("{}: {err}", path.display()));
        let exchanges = text
            .lines()
            .map(|line| {
                let mut line: Value = serde_json::from_str(line).expect("it is JSON");
                let result = match line["error"].take() {
                    Value::String(text) => Err(text),
                    _ => Ok(line["result"].take()),
                };
                Exchange {
                    method: line["method"].as_str().unwrap_or_default().to_owned(),
                    argument: line["argument"].take(),
                    result,
                    used: false,
                }
            })
            .collect();
        Recorded::of(None, exchanges, Vec::new())
    }

    /// Asks a service, and keeps what it says. `paths` are pairs of what the recording
    /// calls a directory and what it is.
    pub fn live(wire: Wire, paths: Vec<(String, String)>) -> Recorded {
        Recorded::of(Some(wire), Vec::new(), paths)
    }

    fn of(
        live: Option<Wire>,
        exchanges: Vec<Exchange>,
        paths: Vec<(String, String)>,
    ) -> Recorded {
        Recorded { inner: Mutex::new(Inner { live, exchanges, paths }) }
    }

    pub fn write(&self, path: &Path) {
        let mut text = String::new();
        for it in &self.inner.lock().unwrap().exchanges {
            let mut line = json!({"method": it.method, "argument": it.argument});
            match &it.result {
                Ok(result) => line["result"] = result.clone(),
                Err(error) => line["error"] = error.as_str().into(),
            }
            text.push_str(&format!("{line}\n"));
        }
        fs::write(path, text).expect("a recording can be written");
    }
}

impl Inner {
    fn answer(&mut self, method: &str, argument: Value) -> Result<Value, String> {
        if let Some(wire) = &mut self.live {
            let theirs =
                renamed(&argument, &self.paths, |(ours, machines)| (ours, machines));
            let result = wire.call(method, theirs).map(|it| shortened(method, it));
            let result = match result {
                Ok(it) => {
                    Ok(renamed(&it, &self.paths, |(ours, machines)| (machines, ours)))
                }
                Err(text) => Err(text),
            };
            self.exchanges.push(Exchange {
                method: method.to_owned(),
                argument,
                result: result.clone(),
                used: true,
            });
            return result;
        }
        let fits = |it: &&mut Exchange| it.method == method && it.argument == argument;
        let mut fitting: Vec<&mut Exchange> =
            self.exchanges.iter_mut().filter(fits).collect();
        // In the order of the recording, and then the last one again.
        let next =
            fitting.iter().position(|it| !it.used).or(fitting.len().checked_sub(1));
        match next {
            Some(next) => {
                fitting[next].used = true;
                fitting[next].result.clone()
            }
            None => Err(format!("unknown method: {method} (not in the recording)")),
        }
    }
}

/// Names of functions and files, only as many as pictures need.
fn shortened(method: &str, mut result: Value) -> Value {
    let list = match method {
        "ListFunctions" => &mut result["Funcs"],
        "ListSources" => &mut result["Sources"],
        _ => return result,
    };
    let is_kept = |it: &Value| {
        let name = it.as_str().unwrap_or_default();
        ["orders-api", "/demo/", "main.", "net/http.(*conn)"]
            .iter()
            .any(|it| name.contains(it))
    };
    if let Value::Array(names) = list {
        names.retain(is_kept);
    }
    result
}

type Names<'a> = (&'a String, &'a String);

fn renamed(
    value: &Value,
    paths: &[(String, String)],
    direction: impl for<'a> Fn(Names<'a>) -> Names<'a>,
) -> Value {
    let mut text = value.to_string();
    for (ours, machines) in paths {
        let (from, to) = direction((ours, machines));
        text = text.replace(from.as_str(), to);
    }
    serde_json::from_str(&text).expect("paths need no escapes")
}

impl Client for Recorded {
    fn submit(&self, method: &'static str, params: Value, on_reply: OnReply) {
        let result = self.inner.lock().unwrap().answer(method, params);
        on_reply(result.map(Value::into).map_err(ClientError::Service));
    }
}

/// The UI, with everything that it needs of the world.
pub struct Stage {
    pub state: State,
    client: Arc<dyn Client>,
    msgs: Receiver<Msg>,
    send: Sender<Msg>,
    highlighter: Highlighter,
    /// Where files below [`HOME`] are.
    files: PathBuf,
    now_ms: u64,
    /// Commands that run the program are not answered.
    pub holds: bool,
}

impl Stage {
    pub fn new(
        client: Arc<dyn Client>,
        settings: Settings,
        size: (u16, u16),
        files: &Path,
    ) -> Stage {
        let (send, msgs) = mpsc::channel();
        let mut state = State::new(settings);
        (state.width, state.height) = size;
        state.theme = theme::DEFAULT.to_owned();
        let mut stage = Stage {
            state,
            client,
            msgs,
            send,
            highlighter: Highlighter::new(),
            files: files.to_owned(),
            now_ms: 0,
            holds: false,
        };
        stage.send(Msg::Started(Ok(())));
        stage
    }

    /// Presses keys, written as in the table of actions; `"text"` is typed.
    pub fn keys(&mut self, keys: &str) {
        for key in keys.split_whitespace() {
            match key.strip_prefix('"') {
                Some(text) => {
                    for letter in text.trim_end_matches('"').chars() {
                        self.send(Msg::Key(tinydbg::tui::keymap::Key::char(letter)));
                    }
                }
                None => {
                    let key = parse_key(key).unwrap_or_else(|| panic!("no key {key}"));
                    self.send(Msg::Key(key));
                }
            }
        }
    }

    pub fn wait_ms(&mut self, ms: u64) {
        self.now_ms += ms;
        let _ = update(&mut self.state, Msg::Clock(self.now_ms));
    }

    /// Something happens, and everything that follows from it.
    pub fn send(&mut self, msg: Msg) {
        self.wait_ms(20);
        let effects = update(&mut self.state, msg);
        self.carry_out(effects);
        while let Ok(msg) = self.msgs.try_recv() {
            let effects = update(&mut self.state, msg);
            self.carry_out(effects);
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ask(it) => ask::submit(&self.client, &self.send, it),
                Effect::Resume(how) if !self.holds => self.resume(how),
                Effect::LoadFile(path) => {
                    let text = self.load(&path);
                    self.post(Msg::File { path, text });
                }
                Effect::Style { path, text, .. } => self.style(path, &text),
                Effect::Match { generation, names, first, query } => {
                    let looked_at = names.get(first..).unwrap_or_default();
                    let found = fuzzy::best(looked_at, &query, 500, &|| false);
                    let found = found.unwrap_or_default().into_iter();
                    let found = found
                        .map(|it| Found {
                            index: first + it.index,
                            positions: it.positions,
                        })
                        .collect();
                    self.post(Msg::Matches { generation, found });
                }
                // The rest needs a terminal or another process.
                _ => {}
            }
        }
    }

    fn post(&self, msg: Msg) {
        self.send.send(msg).expect("the stage reads it");
    }

    fn resume(&self, how: Resume) {
        let name = match how {
            Resume::Next => command::NEXT,
            Resume::Step => command::STEP,
            Resume::StepOut => command::STEP_OUT,
            _ => command::CONTINUE,
        };
        let args = Command {
            name: name.to_owned(),
            return_info_load_config: Some(ask::TREE),
            ..Default::default()
        };
        let send = self.send.clone();
        let on_reply = move |value: Result<Reply, ClientError>| {
            let state = value.and_then(decode::<Command>).map(|it| it.state);
            ask::stopped(&send, how, state);
        };
        self.client.submit(Command::NAME, encode(&args), Box::new(on_reply));
    }

    fn load(&self, path: &str) -> Result<Arc<FileText>, String> {
        let below = path.strip_prefix(HOME).map(|it| it.trim_start_matches('/'));
        let text = below.and_then(|it| fs::read_to_string(self.files.join(it)).ok());
        let missing = || format!("the source is not on this machine: {path}");
        text.map(|it| Arc::new(FileText::new(it))).ok_or_else(missing)
    }

    fn style(&mut self, path: Arc<str>, text: &FileText) {
        let Some(mut styler) = self.highlighter.start(&path) else { return };
        let lines = text.text.split_inclusive('\n');
        let lines = lines.map(|it| self.highlighter.line(&mut styler, it)).collect();
        self.post(Msg::Styled { path, first_line: 0, lines });
    }

    /// What the screen shows.
    pub fn draw(&self, theme: &Theme) -> Buffer {
        let mut buffer =
            Buffer::empty(Rect::new(0, 0, self.state.width, self.state.height));
        view(&self.state, theme, &mut buffer);
        buffer
    }
}
