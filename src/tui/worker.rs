//! The thread that styles source and searches names, so that no key waits for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};

use crate::frontend::fuzzy;
use crate::frontend::highlight::Highlighter;
use crate::tui::effects::spawn;
use crate::tui::state::msg::{FileText, Found, Msg};

/// Something to do.
pub enum Work {
    /// Styles for a file; the lines around one first.
    Style {
        path: Arc<str>,
        text: Arc<FileText>,
        around: usize,
    },
    Match {
        generation: u64,
        names: Arc<Vec<String>>,
        first: usize,
        query: String,
    },
}

/// Rows that the palette gets.
const FOUND_MAX: usize = 500;
/// Lines that are styled first, before and after the one that is looked at.
const AROUND: usize = 120;
/// Lines that are styled between two looks at what else there is to do.
const CHUNK: usize = 400;

/// Starts the thread.
pub fn start(msgs: Sender<Msg>) -> Sender<Work> {
    let (send, receive) = mpsc::channel();
    spawn("worker", move || run(&receive, &msgs));
    send
}

/// A file that is being styled from its beginning on.
struct Styling {
    path: Arc<str>,
    text: Arc<FileText>,
    next: usize,
    styler: crate::frontend::highlight::FileStyler,
}

struct Search {
    generation: u64,
    names: Arc<Vec<String>>,
    first: usize,
    query: String,
}

/// What is to be done, the search first: somebody is typing.
#[derive(Default)]
struct Queue {
    search: Option<Search>,
    files: VecDeque<(Arc<str>, Arc<FileText>, usize)>,
}

impl Queue {
    fn add(&mut self, work: Work) {
        match work {
            Work::Style { path, text, around } => {
                self.files.push_front((path, text, around))
            }
            Work::Match { generation, names, first, query } => {
                self.search = Some(Search { generation, names, first, query });
            }
        }
    }
}

fn run(work: &Receiver<Work>, msgs: &Sender<Msg>) {
    let mut queue = Queue::default();
    let mut highlighter: Option<Highlighter> = None;
    let mut unfinished: Vec<Styling> = Vec::new();
    loop {
        let is_idle =
            queue.search.is_none() && queue.files.is_empty() && unfinished.is_empty();
        if is_idle {
            let Ok(next) = work.recv() else { return };
            queue.add(next);
        }
        while let Ok(next) = work.try_recv() {
            queue.add(next);
        }
        if let Some(it) = queue.search.take() {
            if !search(&it, work, &mut queue, msgs) {
                return;
            }
            continue;
        }
        let highlighter = highlighter.get_or_insert_with(Highlighter::new);
        if let Some((path, text, around)) = queue.files.pop_front() {
            if let Some(styling) = begin(highlighter, path, text, around, msgs) {
                unfinished.push(styling);
            }
            continue;
        }
        if let Some(mut it) = unfinished.pop()
            && go_on(highlighter, &mut it, msgs)
        {
            unfinished.push(it);
        }
    }
}

/// Searches; what arrives meanwhile is queued, and a newer query ends this one.
fn search(
    it: &Search,
    work: &Receiver<Work>,
    queue: &mut Queue,
    msgs: &Sender<Msg>,
) -> bool {
    let queue = std::cell::RefCell::new(queue);
    let is_old = || {
        let mut queue = queue.borrow_mut();
        while let Ok(next) = work.try_recv() {
            queue.add(next);
        }
        queue.search.is_some()
    };
    let names = it.names.get(it.first..).unwrap_or_default();
    let Some(found) = fuzzy::best(names, &it.query, FOUND_MAX, &is_old) else {
        return true;
    };
    let (first, found) = (it.first, found.into_iter());
    let found = found
        .map(|it| Found { index: first + it.index, positions: it.positions })
        .collect();
    msgs.send(Msg::Matches { generation: it.generation, found }).is_ok()
}

/// Styles the lines that are looked at, as if the file began a little before them.
fn begin(
    highlighter: &mut Highlighter,
    path: Arc<str>,
    text: Arc<FileText>,
    around: usize,
    msgs: &Sender<Msg>,
) -> Option<Styling> {
    let styler = highlighter.start(&path)?;
    let first = around.saturating_sub(AROUND);
    if first > 0 {
        let mut guess = highlighter.start(&path)?;
        let last = (around + AROUND).min(text.len());
        let lines = (first..last)
            .map(|at| highlighter.line(&mut guess, whole_line(&text, at)))
            .collect();
        let msg = Msg::Styled { path: path.clone(), first_line: first, lines };
        msgs.send(msg).ok()?;
    }
    Some(Styling { path, text, next: 0, styler })
}

/// Styles the next lines; says whether there are more.
fn go_on(highlighter: &mut Highlighter, it: &mut Styling, msgs: &Sender<Msg>) -> bool {
    let last = (it.next + CHUNK).min(it.text.len());
    let lines = (it.next..last)
        .map(|at| highlighter.line(&mut it.styler, whole_line(&it.text, at)))
        .collect();
    let first_line = std::mem::replace(&mut it.next, last);
    let path = it.path.clone();
    let is_wanted = msgs.send(Msg::Styled { path, first_line, lines }).is_ok();
    is_wanted && last < it.text.len()
}

/// A line with its end, which the grammars want.
fn whole_line(text: &FileText, at: usize) -> &str {
    let (Some(start), Some(end)) = (text.starts.get(at), text.starts.get(at + 1)) else {
        return "";
    };
    &text.text[*start as usize..*end as usize]
}
