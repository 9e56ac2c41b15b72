//! From a question of the TUI to calls of the service, and from their answers to a message.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use crate::api::methods::*;
use crate::api::types::{
    Breakpoint, DebuggerState, EvalScope, GoroutineGroup, LoadConfig, Location, Variable,
};
use crate::client::{Client, ClientError, decode, encode};
use crate::frontend::source::parse_time;
use crate::frontend::text::stop::PANIC_VALUE;
use crate::tui::state::msg::{Answer, Ask, AskError, GoroutineQuery, Hello, Msg, Resume};
use crate::tui::state::overlay::NameList;

/// How much of arguments and locals is read at each stop: a line of each.
pub const TREE: LoadConfig = LoadConfig {
    follow_pointers: true,
    max_variable_recurse: 1,
    max_string_len: 128,
    max_array_values: 12,
    max_struct_fields: -1,
};

/// How much is read of one value that is looked at closely.
const WHOLE: LoadConfig = LoadConfig {
    follow_pointers: true,
    max_variable_recurse: 4,
    max_string_len: 100_000,
    max_array_values: 512,
    max_struct_fields: -1,
};

/// What waits for the answer to a question.
struct Waiting {
    msgs: Sender<Msg>,
    ask: Ask,
}

impl Waiting {
    fn answer(self, answer: Result<Answer, ClientError>) {
        let answer = answer.map_err(refusal);
        drop(self.msgs.send(Msg::Answer { ask: self.ask, answer }));
    }
}

fn refusal(err: ClientError) -> AskError {
    match err {
        ClientError::Disconnected => AskError::Gone,
        other => AskError::Refused(other.to_string()),
    }
}

/// The answer if there is no connection.
pub fn gone(msgs: &Sender<Msg>, ask: Ask) {
    drop(msgs.send(Msg::Answer { ask, answer: Err(AskError::Gone) }));
}

/// The message about a stop.
pub fn stopped(
    msgs: &Sender<Msg>,
    asked: Resume,
    state: Result<DebuggerState, ClientError>,
) {
    let result = state.map(Box::new).map_err(refusal);
    drop(msgs.send(Msg::Stopped { asked, result }));
}

/// Calls a method, and makes an answer of what comes.
fn call<M: Method>(
    client: &Arc<dyn Client>,
    waiting: Waiting,
    args: &M,
    convert: impl FnOnce(M::Out) -> Answer + Send + 'static,
) {
    let on_reply = Box::new(move |value: Result<_, ClientError>| {
        waiting.answer(value.and_then(decode::<M>).map(convert));
    });
    client.submit(M::NAME, encode(args), on_reply);
}

/// Sends what a question needs; returns at once.
pub fn submit(client: &Arc<dyn Client>, msgs: &Sender<Msg>, ask: Ask) {
    let waiting = Waiting { msgs: msgs.clone(), ask: ask.clone() };
    match ask {
        Ask::Hello => hello(client, waiting),
        Ask::State => call(client, waiting, &StateIn { non_blocking: true }, |it| {
            Answer::State(it.state.map(Box::new))
        }),
        Ask::Built => call(client, waiting, &LastModifiedIn {}, |it| {
            Answer::Built(parse_time(&it.time))
        }),
        Ask::Stack { key, depth } => {
            let args = StacktraceIn {
                id: key.1,
                depth: i64::try_from(depth).unwrap_or(i64::MAX),
                defers: false,
                ..Default::default()
            };
            call(client, waiting, &args, |it| {
                Answer::Stack(it.locations.unwrap_or_default())
            });
        }
        Ask::Variables { key } => variables(client, waiting, scope(key.1, key.2)),
        Ask::Instructions { key, pc, flavour } => {
            let scope = scope(key.1, key.2);
            let args = DisassembleIn { scope, start_pc: pc, end_pc: 0, flavour };
            call(client, waiting, &args, |it| {
                Answer::Instructions(it.disassemble.unwrap_or_default())
            });
        }
        Ask::Registers { key } => {
            let scope = Some(scope(key.1, key.2));
            let args = ListRegistersIn { thread_id: 0, include_fp: false, scope };
            call(client, waiting, &args, |it| {
                Answer::Registers(it.regs.unwrap_or_default())
            });
        }
        Ask::Children { key, expr, count, .. } => {
            let cfg = LoadConfig { max_array_values: count, max_string_len: 256, ..TREE };
            let args = EvalIn { scope: scope(key.1, key.2), expr, cfg: Some(cfg) };
            call(client, waiting, &args, |it| {
                Answer::Variable(it.variable.map(Box::new))
            });
        }
        Ask::Watches { key, exprs } => {
            watches(client, waiting, scope(key.1, key.2), &exprs)
        }
        Ask::Goroutines { query, .. } => goroutines(client, waiting, query),
        Ask::Breakpoints { .. } => {
            call(client, waiting, &ListBreakpointsIn { all: false }, |it| {
                Answer::Breakpoints(it.breakpoints.unwrap_or_default())
            });
        }
        Ask::SetBreakpoint { breakpoint, .. } => {
            set_breakpoint(client, waiting, *breakpoint)
        }
        Ask::AmendBreakpoint(it) => {
            let args = AmendBreakpointIn { breakpoint: *it };
            call(client, waiting, &args, |_| Answer::Done);
        }
        Ask::ClearBreakpoint { id, .. } => {
            let args = ClearBreakpointIn { id, name: String::new() };
            call(client, waiting, &args, |it| {
                Answer::Breakpoint(Box::new(it.breakpoint.unwrap_or_default()))
            });
        }
        ask => submit_more(client, waiting, ask),
    }
}

/// The rest of [`submit`]: what the user asks for rather than a stop.
fn submit_more(client: &Arc<dyn Client>, waiting: Waiting, ask: Ask) {
    match ask {
        Ask::SwitchGoroutine(id) => {
            let name = command::SWITCH_GOROUTINE.to_owned();
            let args = Command { name, goroutine_id: id, ..Default::default() };
            call(client, waiting, &args, |_| Answer::Done);
        }
        Ask::Places { addrs } => places(client, waiting, &addrs),
        Ask::CancelNext => call(client, waiting, &CancelNextIn {}, |_| Answer::Done),
        Ask::Symbols => symbols(client, waiting),
        Ask::Find { spec } => {
            let args = FindLocationIn {
                scope: EvalScope::selected(0),
                loc: spec,
                ..Default::default()
            };
            call(client, waiting, &args, |it| {
                Answer::Places(it.locations.unwrap_or_default())
            });
        }
        Ask::Print { expr, scope: at, popup, .. } => {
            let cfg = if popup {
                WHOLE
            } else {
                LoadConfig { max_variable_recurse: 3, ..WHOLE }
            };
            let args = EvalIn { scope: scope(at.0, at.1), expr, cfg: Some(cfg) };
            call(client, waiting, &args, |it| {
                Answer::Variable(it.variable.map(Box::new))
            });
        }
        // `runtime.throw` and `runtime.fatal` are given it in `s`.
        Ask::FatalError { .. } => {
            let args = EvalIn { scope: scope(-1, 0), expr: "s".into(), cfg: Some(TREE) };
            call(client, waiting, &args, |it| {
                Answer::Variable(it.variable.map(Box::new))
            });
        }
        Ask::PanicValue { .. } => {
            let expr = PANIC_VALUE.to_owned();
            let args = EvalIn { scope: scope(-1, 0), expr, cfg: Some(TREE) };
            call(client, waiting, &args, |it| {
                Answer::Variable(it.variable.map(Box::new))
            });
        }
        Ask::Set { symbol, value, scope: at } => {
            let args = SetIn { scope: scope(at.0, at.1), symbol, value };
            call(client, waiting, &args, |_| Answer::Done);
        }
        _ => {}
    }
}

fn scope(goroutine: i64, frame: usize) -> EvalScope {
    EvalScope {
        goroutine_id: goroutine,
        frame: i64::try_from(frame).unwrap_or(0),
        deferred_call: 0,
    }
}

/// Several answers that become one.
struct Parts<T> {
    parts: Vec<Option<Result<T, ClientError>>>,
    waiting: Option<Waiting>,
}

impl<T> Parts<T> {
    fn new(n: usize, waiting: Waiting) -> Arc<Mutex<Parts<T>>> {
        let parts = (0..n).map(|_| None).collect();
        Arc::new(Mutex::new(Parts { parts, waiting: Some(waiting) }))
    }
}

/// Puts a part in its place; the last one makes the answer.
fn put<T>(
    shared: &Mutex<Parts<T>>,
    at: usize,
    part: Result<T, ClientError>,
    join: impl FnOnce(Vec<Result<T, ClientError>>) -> Result<Answer, ClientError>,
) {
    let mut it = shared.lock().unwrap_or_else(PoisonError::into_inner);
    it.parts[at] = Some(part);
    if it.parts.iter().any(Option::is_none) {
        return;
    }
    let parts = std::mem::take(&mut it.parts).into_iter().flatten().collect();
    if let Some(waiting) = it.waiting.take() {
        waiting.answer(join(parts));
    }
}

fn variables(client: &Arc<dyn Client>, waiting: Waiting, scope: EvalScope) {
    let join = |mut parts: Vec<Result<Vec<Variable>, ClientError>>| {
        let locals = parts.pop().unwrap_or(Ok(Vec::new()))?;
        let args = parts.pop().unwrap_or(Ok(Vec::new()))?;
        Ok(Answer::Variables { args, locals })
    };
    let shared = Parts::new(2, waiting);
    let other = Arc::clone(&shared);
    let args = encode(&ListFunctionArgsIn { scope: scope.clone(), cfg: TREE });
    let on_reply = Box::new(move |value: Result<_, ClientError>| {
        let part = value.and_then(decode::<ListFunctionArgsIn>);
        put(&other, 0, part.map(|it| it.args.unwrap_or_default()), join);
    });
    client.submit(ListFunctionArgsIn::NAME, args, on_reply);
    let args = encode(&ListLocalVarsIn { scope, cfg: TREE });
    let on_reply = Box::new(move |value: Result<_, ClientError>| {
        let part = value.and_then(decode::<ListLocalVarsIn>);
        put(&shared, 1, part.map(|it| it.variables.unwrap_or_default()), join);
    });
    client.submit(ListLocalVarsIn::NAME, args, on_reply);
}

/// Where addresses are in the source.
fn places(client: &Arc<dyn Client>, waiting: Waiting, addrs: &[u64]) {
    let join = |parts: Vec<Result<Vec<Location>, ClientError>>| {
        if parts.contains(&Err(ClientError::Disconnected)) {
            return Err(ClientError::Disconnected);
        }
        let first = |it: Result<Vec<Location>, _>| it.ok()?.into_iter().next();
        Ok(Answer::PlaceOf(parts.into_iter().map(first).collect()))
    };
    let shared = Parts::new(addrs.len(), waiting);
    for (at, addr) in addrs.iter().enumerate() {
        let shared = Arc::clone(&shared);
        let on_reply = Box::new(move |value: Result<_, ClientError>| {
            let part = value.and_then(decode::<FindLocationIn>);
            put(&shared, at, part.map(|it| it.locations.unwrap_or_default()), join);
        });
        let args = FindLocationIn {
            scope: EvalScope::selected(0),
            loc: format!("*{addr:#x}"),
            ..Default::default()
        };
        client.submit(FindLocationIn::NAME, encode(&args), on_reply);
    }
}

/// Files and functions, as one list.
fn symbols(client: &Arc<dyn Client>, waiting: Waiting) {
    let join = |mut parts: Vec<Result<Vec<String>, ClientError>>| {
        let functions = parts.pop().unwrap_or(Ok(Vec::new()))?;
        let mut names = parts.pop().unwrap_or(Ok(Vec::new()))?;
        let n_files = names.len();
        // What the compiler made for itself is nothing to go to.
        let is_made =
            |it: &String| ["type:", "go:"].iter().any(|made| it.starts_with(made));
        names.extend(functions.into_iter().filter(|it| !is_made(it)));
        names.shrink_to_fit();
        Ok(Answer::Names(NameList { names: Arc::new(names), n_files }))
    };
    let shared = Parts::new(2, waiting);
    let other = Arc::clone(&shared);
    let on_reply = Box::new(move |value: Result<_, ClientError>| {
        let part = value.and_then(decode::<ListSourcesIn>);
        put(&other, 0, part.map(|it| it.sources.unwrap_or_default()), join);
    });
    client.submit(ListSourcesIn::NAME, encode(&ListSourcesIn::default()), on_reply);
    let on_reply = Box::new(move |value: Result<_, ClientError>| {
        let part = value.and_then(decode::<ListFunctionsIn>);
        put(&shared, 1, part.map(|it| it.funcs.unwrap_or_default()), join);
    });
    client.submit(ListFunctionsIn::NAME, encode(&ListFunctionsIn::default()), on_reply);
}

fn watches(
    client: &Arc<dyn Client>,
    waiting: Waiting,
    scope: EvalScope,
    exprs: &[String],
) {
    let shared = Parts::new(exprs.len(), waiting);
    for (at, expr) in exprs.iter().enumerate() {
        let shared = Arc::clone(&shared);
        let on_reply = Box::new(move |value: Result<_, ClientError>| {
            let part = value.and_then(decode::<EvalIn>).map(|it| it.variable);
            put(&shared, at, part, |parts| {
                if parts.contains(&Err(ClientError::Disconnected)) {
                    return Err(ClientError::Disconnected);
                }
                let value = |it: Result<Option<Variable>, ClientError>| {
                    it.map(Option::unwrap_or_default).map_err(|err| err.to_string())
                };
                Ok(Answer::Watches(parts.into_iter().map(value).collect()))
            });
        });
        let args = EvalIn { scope: scope.clone(), expr: expr.clone(), cfg: Some(TREE) };
        client.submit(EvalIn::NAME, encode(&args), on_reply);
    }
}

/// Groups by the place in the user's code (2 on the wire).
const BY_USER_LOCATION: i64 = 2;

fn goroutines(client: &Arc<dyn Client>, waiting: Waiting, query: GoroutineQuery) {
    let filters = (!query.filters.is_empty()).then_some(query.filters);
    if query.by_stack {
        let args = ListStackGroupsIn {
            max_groups: query.max_groups,
            max_members: query.max_members,
            include_system: true,
            filters,
        };
        return call(client, waiting, &args, stack_groups);
    }
    let args = ListGoroutinesIn {
        start: query.start,
        count: query.count,
        filters,
        group_by: if query.grouped { BY_USER_LOCATION } else { 0 },
        max_group_members: query.max_members,
        max_groups: query.max_groups,
        ..Default::default()
    };
    call(client, waiting, &args, |it| Answer::Goroutines {
        list: it.goroutines.unwrap_or_default(),
        groups: it.groups.unwrap_or_default(),
        next: it.nextg,
    });
}

/// Groups of identical stacks in the form of Delve's groups: named by their frames.
fn stack_groups(answer: ListStackGroupsOut) -> Answer {
    let mut list = Vec::new();
    let mut groups = Vec::with_capacity(answer.groups.len());
    for it in answer.groups {
        let frames = it.frames.iter().map(|at| {
            let name = at.function.as_ref().map_or("?", |it| it.name.as_str());
            format!("{name}:{}", at.line)
        });
        groups.push(GoroutineGroup {
            name: frames.collect::<Vec<_>>().join(" "),
            offset: list.len() as i64,
            count: it.members.len() as i64,
            total: it.count,
        });
        list.extend(it.members);
    }
    Answer::Goroutines { list, groups, next: -1 }
}

/// A breakpoint at a line is set as it is; one at a place in words is looked for first.
fn set_breakpoint(client: &Arc<dyn Client>, waiting: Waiting, it: Breakpoint) {
    if it.line > 0 || it.expr_string.is_empty() {
        let args = CreateBreakpointIn {
            breakpoint: Breakpoint { trace_follow_calls: 0, ..it },
            ..Default::default()
        };
        return call(client, waiting, &args, |it| {
            Answer::Breakpoint(Box::new(it.breakpoint))
        });
    }
    let find = FindLocationIn {
        scope: EvalScope::selected(0),
        loc: it.expr_string.clone(),
        ..Default::default()
    };
    let then = Arc::clone(client);
    let on_reply = Box::new(move |value: Result<_, ClientError>| {
        let found = value.and_then(decode::<FindLocationIn>);
        let places = match found {
            Ok(found) => found.locations.unwrap_or_default(),
            Err(err) => return waiting.answer(Err(err)),
        };
        let pcs: Vec<u64> = places
            .iter()
            .flat_map(|it| it.pcs.clone().unwrap_or_else(|| vec![it.pc]))
            .filter(|it| *it != 0)
            .collect();
        let loc_expr = it.expr_string.clone();
        if pcs.is_empty() {
            let text = format!("{loc_expr} is nowhere in the program");
            return waiting.answer(Err(ClientError::Service(text)));
        }
        let pids = places.iter().flat_map(|it| it.pc_pids.clone().unwrap_or_default());
        let pids: Vec<i64> = pids.collect();
        let breakpoint = Breakpoint {
            addr: pcs[0],
            addr_pids: (pids.len() == pcs.len()).then_some(pids),
            addrs: Some(pcs),
            expr_string: String::new(),
            ..it
        };
        let args = CreateBreakpointIn { breakpoint, loc_expr, ..Default::default() };
        call(&then, waiting, &args, |it| Answer::Breakpoint(Box::new(it.breakpoint)));
    });
    client.submit(FindLocationIn::NAME, encode(&find), on_reply);
}

/// What the service is and how the program is: one question of five calls.
fn hello(client: &Arc<dyn Client>, waiting: Waiting) {
    let shared = Parts::new(5, waiting);
    let join = |parts: Vec<Result<_, ClientError>>| {
        if parts.iter().all(|it| matches!(it, Err(ClientError::Disconnected))) {
            return Err(ClientError::Disconnected);
        }
        let mut parts = parts.into_iter();
        let mut next = || parts.next().unwrap_or(Err(ClientError::Disconnected));
        // An old service may not know them all: what it does not say stays empty.
        drop(next());
        let version = next().and_then(decode::<GetVersionIn>).unwrap_or_default();
        let multi = next().and_then(decode::<IsMulticlientIn>).unwrap_or_default();
        let attached = next().and_then(decode::<AttachedToExistingProcessIn>);
        let state = next().and_then(decode::<StateIn>);
        let refused = state.as_ref().err().map(ToString::to_string);
        Ok(Answer::Hello(Box::new(Hello {
            version: version.delve_version,
            backend: version.backend,
            go_version: version.target_go_version,
            multiclient: multi.is_multiclient,
            attached: attached.unwrap_or_default().answer,
            state: state.unwrap_or_default().state,
            refused,
        })))
    };
    let calls = [
        (SetApiVersionIn::NAME, encode(&SetApiVersionIn { api_version: 2 })),
        (GetVersionIn::NAME, encode(&GetVersionIn {})),
        (IsMulticlientIn::NAME, encode(&IsMulticlientIn {})),
        (AttachedToExistingProcessIn::NAME, encode(&AttachedToExistingProcessIn {})),
        (StateIn::NAME, encode(&StateIn { non_blocking: true })),
    ];
    for (at, (method, args)) in calls.into_iter().enumerate() {
        let shared = Arc::clone(&shared);
        let on_reply =
            Box::new(move |value: Result<_, ClientError>| put(&shared, at, value, join));
        client.submit(method, args, on_reply);
    }
}
