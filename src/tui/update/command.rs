//! The `:` line: what concerns the screen is done here; the rest is the command language
//! of the line mode, which the console's thread carries out.

use crate::frontend::command::table;
use crate::frontend::text::Line;
use crate::frontend::theme::Role;
use crate::tui::action::{ACTIONS, Action};
use crate::tui::layout::Class;
use crate::tui::pane::Pane;
use crate::tui::state::State;
use crate::tui::state::msg::{Ask, Effect, Leave};
use crate::tui::state::prompt::PromptKind;
use crate::tui::text;
use crate::tui::update;
use crate::tui::update::{
    breakpoints, connection, dialogs, keys, lists, select, source, variables,
};

/// Words of a line's completion.
const WORDS_MAX: usize = 200;

/// The aliases of Delve's terminal for what the TUI does itself.
const ALIASES: &[(&str, Action)] = &[
    ("c", Action::Continue),
    ("continue", Action::Continue),
    ("n", Action::Next),
    ("next", Action::Next),
    ("s", Action::Step),
    ("step", Action::Step),
    ("so", Action::StepOut),
    ("stepout", Action::StepOut),
    ("si", Action::StepInstruction),
    ("step-instruction", Action::StepInstruction),
    ("ni", Action::NextInstruction),
    ("next-instruction", Action::NextInstruction),
    ("up", Action::FrameUp),
    ("down", Action::FrameDown),
    ("r", Action::Restart),
    ("restart", Action::Restart),
    ("halt", Action::Halt),
    ("pause", Action::Halt),
    ("undo", Action::Undo),
    ("h", Action::Help),
    ("keys", Action::Help),
    ("ed", Action::Editor),
    ("edit", Action::Editor),
    ("grs", Action::Focus(Pane::Goroutines)),
    ("goroutines", Action::Focus(Pane::Goroutines)),
    ("bp", Action::Focus(Pane::Breakpoints)),
    ("breakpoints", Action::Focus(Pane::Breakpoints)),
    ("bt", Action::Focus(Pane::Stack)),
    ("stack", Action::Focus(Pane::Stack)),
    ("locals", Action::Focus(Pane::Variables)),
    ("args", Action::Focus(Pane::Variables)),
];

/// Commands that take a rest of the line, and what that is.
const WITH_ARGUMENT: &[(&str, &str)] = &[
    ("break", "<place> [if <condition>]"),
    ("b", "<place> [if <condition>]"),
    ("clear", "<number of a breakpoint>"),
    ("condition", "<number of a breakpoint> <expression>"),
    ("cond", "<number of a breakpoint> <expression>"),
    ("print", "<expression>"),
    ("p", "<expression>"),
    ("set", "<variable> = <value>"),
    ("watch-expr", "<expression>"),
    ("display", "<expression>"),
    ("goroutine", "<number of a goroutine>"),
    ("gr", "<number of a goroutine>"),
    ("frame", "<number of a frame>"),
    ("list", "<place>"),
    ("ls", "<place>"),
    ("l", "<place>"),
    ("theme", "<name>"),
    ("layout", "<tiny, compact, standard, wide, tall or auto>"),
    ("filter", "<filter>"),
    ("quit", ""),
    ("exit", ""),
    ("q", ""),
    ("q!", ""),
];

/// Carries a line out.
pub fn run(state: &mut State, line: &str, out: &mut Vec<Effect>) {
    let line = line.trim();
    if line.is_empty() {
        return;
    }
    state.log(Role::ConsoleInput, &format!("> {line}"));
    state.console.back = 0;
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    if let Ok(number) = name.parse::<usize>() {
        return go_to_line(state, number);
    }
    if with_argument(state, name, rest, out) {
        return;
    }
    let alias = ALIASES.iter().find(|(it, _)| *it == name).map(|(_, action)| *action);
    let action = alias.or_else(|| crate::tui::action::named(name).map(|it| it.action));
    match action {
        Some(action) if rest.is_empty() => keys::act(state, action, out),
        _ => by_line_mode(state, line, out),
    }
}

/// Whatever is not the screen's: the line mode's own commands.
fn by_line_mode(state: &mut State, line: &str, out: &mut Vec<Effect>) {
    if !state.can_ask() && state.is_running() {
        return needs_a_stop(state);
    }
    let scope = (state.scope.goroutine, state.scope.frame);
    state.console.since_ms = Some(state.now_ms);
    out.push(Effect::RunCommand { line: line.to_owned(), scope });
}

pub fn needs_a_stop(state: &mut State) {
    state
        .say(Role::Warning, "running: this service answers when it is stopped; P pauses");
}

/// The commands that take a rest. Says whether it was one.
fn with_argument(
    state: &mut State,
    name: &str,
    rest: &str,
    out: &mut Vec<Effect>,
) -> bool {
    match (name, rest) {
        ("q" | "quit" | "exit", "") => dialogs::open_quit(state, out),
        ("q!", _) => connection::leave(state, update::default_leave(state), out),
        ("q" | "quit" | "exit", "kill") => connection::leave(state, Leave::Kill, out),
        ("break" | "b", "") => breakpoints::set_here(state, out),
        ("break" | "b", rest) => break_at(state, rest, out),
        ("clear", id) => with_id(state, id, "clear", |state, id| {
            breakpoints::clear(state, id, out);
        }),
        ("condition" | "cond", rest) => condition(state, rest, out),
        ("print" | "p", "") => say_usage(state, name),
        // With a format it is the line mode's.
        ("print" | "p", expr) if expr.starts_with('%') => return false,
        ("print" | "p", expr) => print(state, expr, out),
        ("set", rest) => set(state, rest, out),
        ("watch-expr" | "display", expr) => {
            let expr = expr.strip_prefix("-a ").unwrap_or(expr);
            variables::add_watch(state, expr.to_owned(), None);
        }
        ("goroutine" | "gr", id) if !id.is_empty() => {
            with_id(state, id, name, |state, id| {
                select::select_goroutine(state, id, out)
            });
        }
        ("frame", id) => with_id(state, id, "frame", |state, id| {
            select::select_frame(state, usize::try_from(id).unwrap_or(0));
        }),
        ("list" | "ls" | "l", spec) if !spec.is_empty() => {
            update::ask(state, Ask::Find { spec: spec.to_owned() }, out);
        }
        ("theme", name) if !name.is_empty() => dialogs::set_theme(state, name, out),
        ("layout", name) if !name.is_empty() => layout(state, name),
        ("filter", text) => filter(state, text),
        _ => return false,
    }
    true
}

fn say_usage(state: &mut State, name: &str) {
    let usage = WITH_ARGUMENT.iter().find(|(it, _)| *it == name).map_or("", |it| it.1);
    state.say(Role::Warning, format!("{name} {usage}"));
}

fn with_id(
    state: &mut State,
    text: &str,
    name: &str,
    then: impl FnOnce(&mut State, i64),
) {
    match text.trim().trim_start_matches(['g', '#']).parse() {
        Ok(id) => then(state, id),
        Err(_) => say_usage(state, name),
    }
}

fn break_at(state: &mut State, rest: &str, out: &mut Vec<Effect>) {
    if let Some(why) = keys::disabled(state, Action::ToggleBreakpoint) {
        return state.say(Role::Warning, why);
    }
    let (spec, cond) = rest.split_once(" if ").unwrap_or((rest, ""));
    let spec = match spec.parse::<u32>() {
        // A line of the file that is shown.
        Ok(line) => {
            let path = state.source.path.as_deref().unwrap_or_default();
            format!("{path}:{line}")
        }
        Err(_) => spec.to_owned(),
    };
    breakpoints::set_at_spec(state, &spec, cond, out);
}

fn condition(state: &mut State, rest: &str, out: &mut Vec<Effect>) {
    let (id, cond) = rest.split_once(' ').unwrap_or((rest, ""));
    with_id(state, id, "condition", |state, id| {
        breakpoints::set_condition(state, id, cond.trim(), out);
    });
}

fn print(state: &mut State, expr: &str, out: &mut Vec<Effect>) {
    if let Some(why) = keys::disabled(state, Action::Print) {
        return state.say(Role::Warning, why);
    }
    let scope = (state.scope.goroutine, state.scope.frame);
    let (expr, title) = (expr.to_owned(), expr.to_owned());
    out.push(Effect::Ask(Ask::Print { expr, title, scope, popup: false }));
}

fn set(state: &mut State, rest: &str, out: &mut Vec<Effect>) {
    if state.settings.read_only {
        return state.say(Role::Warning, "read-only: values are not changed");
    }
    if let Some(why) = keys::disabled(state, Action::Print) {
        return state.say(Role::Warning, why);
    }
    let Some((symbol, value)) = rest.split_once('=') else {
        return say_usage(state, "set");
    };
    let scope = (state.scope.goroutine, state.scope.frame);
    let (symbol, value) = (symbol.trim().to_owned(), value.trim().to_owned());
    out.push(Effect::Ask(Ask::Set { symbol, value, scope }));
}

pub fn go_to_line(state: &mut State, number: usize) {
    let Some(mut place) = state.source.place() else {
        return state.say(Role::Info, "no file is shown");
    };
    place.line = number.saturating_sub(1);
    state.screen.set_focus(Pane::Source);
    source::jump(state, place);
}

fn layout(state: &mut State, name: &str) {
    if name == "auto" {
        state.screen.class = None;
        return;
    }
    match Class::ALL.into_iter().find(|it| it.name() == name) {
        Some(class) => {
            state.screen.class = Some(class);
            let (width, height) = class.smallest();
            if state.width < width || state.height < height {
                let text = format!("{name} needs {width}x{height} cells");
                state.say(Role::Warning, text);
            }
        }
        None => say_usage(state, "layout"),
    }
}

fn filter(state: &mut State, text: &str) {
    let pane = state.focus();
    match lists::filter(state, pane) {
        Some(filter) => {
            text.clone_into(filter);
            lists::filter_changed(state, pane);
        }
        None => state.say(Role::Info, "this pane has no filter"),
    }
}

/// A command of the line mode has printed a line.
pub fn on_printed(state: &mut State, line: Line) {
    state.log_line(line);
    state.console.back = 0;
    state.console.printed += 1;
}

/// A command of the line mode says how far it is.
pub fn on_progress(state: &mut State, line: &Line) {
    state.console.goes_on = true;
    let said = text::clean(&line.to_string()).into_owned();
    state.say(Role::Info, format!("{said}  (Esc gives up)"));
}

/// A command of the line mode is done. What it printed is in the console, which may not be
/// seen: its first line is said too.
pub fn on_done(
    state: &mut State,
    line: &str,
    result: Result<(), String>,
    exits: bool,
    out: &mut Vec<Effect>,
) {
    state.console.since_ms = None;
    let n = std::mem::take(&mut state.console.printed);
    state.console.goes_on = false;
    if let Err(why) = result {
        state.log(Role::ConsoleError, &why);
        return state.say(Role::Error, text::clean(why.trim()).into_owned());
    }
    if exits {
        return dialogs::open_quit(state, out);
    }
    // It may have set anything.
    state.breakpoints.revision += 1;
    let name = line.split_whitespace().next().unwrap_or_default();
    if matches!(name, "set" | "call") {
        variables::reload(state);
    }
    let lines = &state.console.lines;
    let first = lines.get(lines.len().saturating_sub(n)).map(ToString::to_string);
    let Some(first) = first.filter(|_| n > 0) else { return };
    let mut said = text::clean(first.trim()).into_owned();
    if n > 1 && !state.areas().is_visible(Pane::Console) {
        said += &format!("  (and {} more lines: 7)", n - 1);
    }
    state.say(Role::Info, said);
}

/// What could stand in place of the last word, and where that begins.
pub fn completions(
    state: &State,
    kind: &PromptKind,
    before: &str,
) -> Option<(usize, Vec<String>)> {
    let start = before.rfind([' ', '\t']).map_or(0, |at| at + 1);
    let word = &before[start..];
    let command = before.split_whitespace().next().unwrap_or("");
    let mut words = match kind {
        PromptKind::Command if start == 0 => command_names(),
        PromptKind::Command => match command {
            "theme" => state.theme_names.clone(),
            "layout" => Class::ALL
                .iter()
                .map(|it| it.name())
                .chain(["auto"])
                .map(str::to_owned)
                .collect(),
            "break" | "b" | "list" | "ls" | "l" => places(state, word),
            "clear" | "cond" | "condition" => {
                state.user_breakpoints().map(|it| it.id.to_string()).collect()
            }
            "goroutine" | "gr" => {
                let list = state.goroutines.fetched.value();
                list.iter().flat_map(|it| &it.list).map(|it| it.id.to_string()).collect()
            }
            _ => return expressions(state, before),
        },
        PromptKind::BreakAt => places(state, word),
        PromptKind::AddWatch | PromptKind::EditWatch(_) | PromptKind::SetVariable(_) => {
            return expressions(state, before);
        }
        PromptKind::Filter(_) => {
            let keys = ["wait:", "label:", "fn:", "file:", "thread:", "running", "user"];
            keys.map(str::to_owned).to_vec()
        }
        PromptKind::Search => return None,
    };
    words.retain(|it| fits(it, word));
    // What begins with the word comes before what only has it further on.
    words.sort_by_key(|it| (!it.starts_with(word), it.len(), it.clone()));
    words.dedup();
    words.truncate(WORDS_MAX);
    (!words.is_empty()).then_some((start, words))
}

/// The names of all commands of the screen.
pub fn command_names() -> Vec<String> {
    let actions = ACTIONS.iter().map(|it| it.name);
    let aliases = ALIASES.iter().map(|it| it.0).filter(|it| it.len() > 2);
    let others = WITH_ARGUMENT.iter().map(|it| it.0).filter(|it| it.len() > 2);
    let of_line_mode = table::commands().map(|it| it.name());
    actions.chain(aliases).chain(others).chain(of_line_mode).map(str::to_owned).collect()
}

/// Whether a name begins with a word; of a function, the package's path, the package and
/// the type may be left out.
fn fits(name: &str, word: &str) -> bool {
    let after = |separator| {
        name.match_indices(separator)
            .any(|(at, it)| name[at + it.len()..].starts_with(word))
    };
    name.starts_with(word) || word.len() >= 2 && (after("/") || after(".") || after("(*"))
}

/// Whether completing a line needs the names of functions.
pub fn wants_names(kind: &PromptKind, line: &str) -> bool {
    const COMMANDS: [&str; 7] = ["b", "break", "l", "ls", "list", "tbreak", "trace"];
    let command = line.split_whitespace().next().unwrap_or("");
    match kind {
        PromptKind::BreakAt => true,
        PromptKind::Command => COMMANDS.contains(&command) && line.contains(' '),
        _ => false,
    }
}

fn places(state: &State, word: &str) -> Vec<String> {
    let Some(list) = &state.symbols.list else { return Vec::new() };
    let fits = |it: &&String| fits(it, word);
    list.functions().iter().filter(fits).take(WORDS_MAX).cloned().collect()
}

/// Variables of the frame, and the fields of those whose type is known.
fn expressions(state: &State, before: &str) -> Option<(usize, Vec<String>)> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    let start = before
        .rfind(|c| !is_part(c))
        .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let word = &before[start..];
    let frame = state.variables.frame.value()?;
    let mut words = Vec::new();
    let variables = || frame.args.iter().chain(&frame.locals);
    match word.rfind('.') {
        None => words.extend(variables().map(|it| it.name.clone())),
        Some(dot) => {
            let mut path = word[..dot].split('.');
            let root = path.next().unwrap_or_default();
            let mut at = variables().find(|it| it.name == root);
            for field in path {
                at = at.and_then(|it| field_of(it, field));
            }
            let holder = at.map(|it| crate::tui::value::target(it).unwrap_or(it))?;
            let fields = holder.children.as_deref().unwrap_or_default();
            words.extend(fields.iter().map(|it| format!("{}.{}", &word[..dot], it.name)));
        }
    }
    words.retain(|it| it.starts_with(word));
    words.sort();
    words.dedup();
    (!words.is_empty()).then_some((start, words))
}

fn field_of<'a>(
    it: &'a crate::api::types::Variable,
    name: &str,
) -> Option<&'a crate::api::types::Variable> {
    let holder = crate::tui::value::target(it).unwrap_or(it);
    holder.children.as_deref()?.iter().find(|it| it.name == name)
}
