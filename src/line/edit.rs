//! Reading lines: with editing, history and completion at a terminal, as they come from
//! a pipe.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Editor, Helper};

use crate::client::Client;
use crate::frontend::command::complete::{self, Names};
use crate::frontend::command::session::Session;
use crate::frontend::config::Config;
use crate::frontend::history;

/// Where commands come from.
pub struct Reader {
    /// `None` if standard input is no terminal.
    editor: Option<Box<Editor<LineHelper, FileHistory>>>,
    history: Option<PathBuf>,
    /// Complaints that wait for a prompt.
    complaint: Option<String>,
    /// The rest of what was pasted as one: lines that wait for their prompt.
    pasted: VecDeque<String>,
}

impl Reader {
    pub fn new(client: &Arc<dyn Client>, config: &Config) -> Reader {
        let at_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
        let mut reader = Reader {
            editor: None,
            history: None,
            complaint: None,
            pasted: VecDeque::new(),
        };
        if !at_terminal {
            return reader;
        }
        match editor(client, config) {
            Ok(editor) => reader.editor = Some(Box::new(editor)),
            Err(err) => reader.complaint = Some(format!("no line editing: {err}")),
        }
        reader.load_history();
        reader
    }

    /// The next line that was pasted, shown behind its prompt now.
    fn pasted(&mut self, prompt: &str) -> Option<String> {
        let line = self.pasted.pop_front()?;
        println!("{prompt}{line}");
        Some(line)
    }

    /// The first of the lines that were entered as one; the others wait.
    fn first_of(&mut self, entered: String) -> String {
        if !entered.contains('\n') {
            return entered;
        }
        let lines = entered.lines().map(str::trim_end).filter(|it| !it.is_empty());
        self.pasted.extend(lines.map(str::to_owned));
        self.pasted.pop_front().unwrap_or_default()
    }

    fn load_history(&mut self) {
        let Some(path) = history::path() else { return };
        let Some(editor) = &mut self.editor else { return };
        match editor.load_history(&path) {
            Ok(()) => {}
            Err(ReadlineError::Io(err)) if err.kind() == io::ErrorKind::NotFound => {}
            Err(err) => {
                self.complaint = Some(format!("Unable to load history file: {err}."));
            }
        }
        self.history = Some(path);
    }

    /// Writes the history for the next session, for its owner's eyes only.
    pub fn save_history(&mut self) {
        let (Some(path), Some(editor)) = (&self.history, &mut self.editor) else {
            return;
        };
        let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| {
            let mut options = fs::OpenOptions::new();
            options.write(true).create(true).truncate(false).mode(0o600).open(path)
        });
        let saved = match made {
            Ok(file) => {
                let _kept = file.set_permissions(fs::Permissions::from_mode(0o600));
                editor.save_history(path).map_err(|err| err.to_string())
            }
            Err(err) => Err(err.to_string()),
        };
        if let Err(err) = saved {
            eprintln!("readline history error: {err}");
        }
    }

    /// The next command; `None` if none will come. Ctrl-C empties the line.
    pub fn read(&mut self, prompt: &str, session: &Session) -> Option<String> {
        if let Some(complaint) = self.complaint.take() {
            eprintln!("{complaint}");
        }
        if self.editor.is_none() {
            return read_plainly(prompt);
        }
        let pasted = self.pasted(prompt);
        let editor = self.editor.as_mut()?;
        if let Some(line) = pasted {
            let _in_memory = editor.add_history_entry(line.trim());
            return Some(line);
        }
        if let Some(helper) = editor.helper_mut() {
            helper.config = session.config.clone();
            helper.frame = session.frame();
        }
        loop {
            match editor.readline(prompt) {
                Ok(entered) => {
                    let line = self.first_of(entered);
                    let _in_memory = self.editor.as_mut()?.add_history_entry(line.trim());
                    return Some(line);
                }
                Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => {}
                Err(ReadlineError::Eof) => return None,
                Err(err) => {
                    eprintln!("Prompt for input failed: {err}");
                    return None;
                }
            }
        }
    }

    /// The answer to a question, which is not kept; `None` if none will come.
    pub fn ask(&mut self, question: &str) -> Option<String> {
        if self.editor.is_none() {
            return read_plainly(question);
        }
        if let Some(line) = self.pasted(question) {
            return Some(line);
        }
        let entered = self.editor.as_mut()?.readline(question).ok()?;
        Some(self.first_of(entered))
    }

    /// The program may have moved: what was loaded for completion is old.
    pub fn forget_names(&mut self) {
        if let Some(helper) = self.editor.as_mut().and_then(|it| it.helper_mut()) {
            helper.variables.take();
        }
    }
}

fn editor(
    client: &Arc<dyn Client>,
    config: &Config,
) -> rustyline::Result<Editor<LineHelper, FileHistory>> {
    let settings = rustyline::Config::builder()
        .max_history_size(history::LINES_MAX)?
        .history_ignore_dups(true)?
        .completion_type(CompletionType::List)
        .auto_add_history(false)
        .build();
    let mut editor = Editor::with_config(settings)?;
    editor.set_helper(Some(LineHelper {
        client: Arc::clone(client),
        config: config.clone(),
        frame: 0,
        functions: std::cell::RefCell::default(),
        variables: std::cell::RefCell::default(),
    }));
    Ok(editor)
}

/// A line from a pipe, as it is; the prompt is shown all the same, for those who drive us.
fn read_plainly(prompt: &str) -> Option<String> {
    let mut out = io::stdout();
    let _broken_pipe = out.write_all(prompt.as_bytes()).and_then(|()| out.flush());
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim_end_matches(['\n', '\r']).to_owned()),
    }
}

/// What the line editor asks while a line is typed.
struct LineHelper {
    client: Arc<dyn Client>,
    config: Config,
    frame: i64,
    /// Loaded when they are first needed: there may be a hundred thousand.
    functions: std::cell::RefCell<Option<Vec<String>>>,
    /// Those of the stop at hand.
    variables: std::cell::RefCell<Option<Vec<String>>>,
}

impl Helper for LineHelper {}

impl Highlighter for LineHelper {}

impl Validator for LineHelper {}

impl Hinter for LineHelper {
    type Hint = String;
}

impl LineHelper {
    fn matching(&self, names: Names, word: &str) -> Vec<String> {
        let kept = match names {
            Names::Functions => &self.functions,
            Names::Variables => &self.variables,
            _ => {
                let list = complete::load(&*self.client, names, self.frame);
                return complete::matching(word, &list);
            }
        };
        let mut kept = kept.borrow_mut();
        let list =
            kept.get_or_insert_with(|| complete::load(&*self.client, names, self.frame));
        complete::matching(word, list)
    }
}

impl Completer for LineHelper {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        context: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = line.get(..pos).unwrap_or(line);
        let wanted = complete::wanted(typed, &self.config);
        if wanted.names == Names::Files {
            return FilenameCompleter::new().complete(line, pos, context);
        }
        let found = self.matching(wanted.names, &typed[wanted.begin..]);
        let pair = |it: String| Pair { display: it.clone(), replacement: it };
        Ok((wanted.begin, found.into_iter().map(pair).collect()))
    }
}
