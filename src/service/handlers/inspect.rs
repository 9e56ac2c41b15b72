//! What a stopped program holds: threads, goroutines, stacks, variables, memory.

use std::ops::Range;

use crate::api::methods::*;
use crate::api::types::{self, EvalScope, LoadConfig};
use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::eval::{Emitter, Found, Sink, Variable};
use crate::engine::golang::Frame;
use crate::engine::registers::Registers;
use crate::engine::session::Session;
use crate::engine::session::disassembly::Flavour;
use crate::engine::session::goroutines::{
    self, Aspect, Filter, GoroutineView, GroupRequest, Grouping, Page,
};
use crate::engine::session::query::{FrameRegisters, Scope, StackKind};
use crate::service::handlers::filter;
use crate::service::json::{Goroutines, Json, Variables};
use crate::service::{convert, vectors};

/// Bytes that one request for memory may ask for (Delve's limit, and its text).
const MEMORY_MAX: i64 = 65536;

pub fn threads(session: &mut Session, _: ListThreadsIn) -> Result<ListThreadsOut> {
    let state = session.state()?;
    let threads =
        state.threads.iter().map(|it| convert::thread(it, session, false)).collect();
    Ok(ListThreadsOut { threads: Some(threads) })
}

pub fn thread(session: &mut Session, args: GetThreadIn) -> Result<GetThreadOut> {
    let state = session.state()?;
    let found = state.threads.iter().find(|it| i64::from(it.tid) == args.id);
    let Some(view) = found else {
        return Err(Error::message(format!("no thread with id {}", args.id)));
    };
    Ok(GetThreadOut { thread: Some(convert::thread(view, session, false)) })
}

pub fn targets(session: &mut Session, _: ListTargetsIn) -> Result<ListTargetsOut> {
    let Ok(state) = session.state() else {
        return Ok(ListTargetsOut { targets: Some(Vec::new()) });
    };
    let thread = state.current_thread.and_then(|at| state.threads.get(at));
    let target = types::Target {
        pid: state.pid.into(),
        command_line: state.command_line.clone(),
        current_thread: thread.map(|it| convert::thread(it, session, false)),
    };
    Ok(ListTargetsOut { targets: Some(vec![target]) })
}

pub fn goroutines(
    session: &mut Session,
    args: ListGoroutinesIn,
    json: &mut Json,
) -> Result<()> {
    let (start, count) = (at_least_zero(args.start), at_least_zero(args.count));
    let (on_channel, others) = split_channel(args.filters.unwrap_or_default());
    let filters = filters(Some(others))?;
    let page;
    let (next, waiting) = match on_channel {
        None => {
            page = session.goroutine_page(start, count)?;
            (page.next, None)
        }
        Some(wanted) => {
            page = Page::default();
            let rows = start..start.saturating_add(count);
            let scope = args.eval_scope.as_ref();
            let (views, next) = waiting_on(session, &wanted, scope, rows, &filters)?;
            (next, Some(views))
        }
    };
    let session = &*session;
    let visit = |visit: &mut dyn FnMut(GoroutineView)| match waiting {
        None => session.visit_goroutines(&page, &filters, visit),
        Some(waiting) => {
            waiting.into_iter().for_each(visit);
            Ok(())
        }
    };
    let mut write = Goroutines::new(session.program());
    let nextg = next.map_or(-1, |it| it as i64);
    json.raw(r#"{"Goroutines":"#);
    let Some(aspect) = Aspect::from_number(args.group_by) else {
        let mut list = json.begin_list();
        visit(&mut |it| write.write(list.element(), &it))?;
        list.end();
        json.raw(r#","Nextg":"#).int(nextg);
        json.raw(r#","Groups":null,"TooManyGroups":false}"#);
        return Ok(());
    };
    let members_max = at_least_zero(args.max_group_members);
    let mut groups = Grouping::default();
    visit(&mut |it| groups.add(it, aspect, &args.group_by_key, members_max))?;
    let mut groups = groups.finish();
    let too_many_groups = args.max_groups > 0 && groups.len() as i64 > args.max_groups;
    if too_many_groups {
        groups.truncate(at_least_zero(args.max_groups));
    }
    if members_max == 0 {
        groups.clear();
    }
    let too_many_groups = too_many_groups && members_max > 0;
    let mut offset = 0;
    let mut on_wire = Vec::new();
    for group in &groups {
        let count = group.members.len() as i64;
        let (name, total) = (group.name.clone(), group.total as i64);
        on_wire.push(types::GoroutineGroup { name, offset, count, total });
        offset += count;
    }
    let members = groups.iter().flat_map(|it| &it.members);
    json.list(members, |json, it| write.write(json, it));
    json.raw(r#","Nextg":"#).int(nextg).raw(r#","Groups":"#).value(&on_wire);
    json.raw(r#","TooManyGroups":"#).bool(too_many_groups).raw("}");
    Ok(())
}

/// The number of the filter for goroutines that wait on a channel.
const WAITING_ON_CHANNEL: i64 = 8;

fn split_channel(
    all: Vec<types::GoroutineFilter>,
) -> (Option<types::GoroutineFilter>, Vec<types::GoroutineFilter>) {
    let (mut on_channel, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|it| it.kind == WAITING_ON_CHANNEL);
    (on_channel.pop(), others)
}

fn waiting_on(
    session: &mut Session,
    wanted: &types::GoroutineFilter,
    scope: Option<&EvalScope>,
    rows: Range<usize>,
    filters: &[Filter],
) -> Result<(Vec<GoroutineView>, Option<usize>)> {
    if wanted.negated {
        return Err(Error::message("channel filter can not be negated"));
    }
    if rows.is_empty() {
        return Err(Error::message("count == 0 not allowed with a channel filter"));
    }
    let scope =
        scope.ok_or_else(|| Error::message("channel filter without eval scope"))?;
    let (mut goroutines, next) =
        session.channel_waiters(place(scope)?, &wanted.arg, rows)?;
    goroutines.retain(|it| filters.iter().all(|filter| filter.accepts(it)));
    Ok((goroutines, next))
}

fn filters(wanted: Option<Vec<types::GoroutineFilter>>) -> Result<Vec<Filter>> {
    let mut filters = Vec::new();
    for wanted in wanted.unwrap_or_default() {
        match Aspect::from_number(wanted.kind) {
            Some(aspect) => filters.push(Filter {
                aspect,
                argument: wanted.arg,
                negated: wanted.negated,
            }),
            None if wanted.kind == 0 => {}
            None => {
                return Err(Error::message(format!(
                    "there is no goroutine filter of kind {}",
                    wanted.kind
                )));
            }
        }
    }
    Ok(filters)
}

pub fn stack_groups(
    session: &mut Session,
    args: ListStackGroupsIn,
) -> Result<ListStackGroupsOut> {
    let request = GroupRequest {
        groups_max: at_least_zero(args.max_groups),
        members_max: at_least_zero(args.max_members),
        include_system: args.include_system,
        filters: filters(args.filters)?,
    };
    let found = session.stack_groups(&request)?;
    let program = session.program();
    let group = |it: &goroutines::StackGroup| types::StackGroup {
        count: it.count as i64,
        members: it.members.iter().map(|it| convert::goroutine(it, program)).collect(),
        frames: it
            .frames
            .iter()
            .map(|it| convert::location(&it.location(), program))
            .collect(),
    };
    Ok(ListStackGroupsOut {
        groups: found.groups.iter().map(group).collect(),
        total_groups: found.n_groups as i64,
        total: found.n_goroutines as i64,
        system_hidden: found.n_system_hidden as i64,
    })
}

fn at_least_zero(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

/// `api.StacktraceReadDefers`, `StacktraceSimple` and `StacktraceG`.
const WITH_DEFERS: u16 = 1;
const ONE_STACK: u16 = 2;
const FROM_SAVED: u16 = 4;

pub fn stacktrace(
    session: &mut Session,
    args: StacktraceIn,
    json: &mut Json,
) -> Result<()> {
    if args.depth < 0 {
        return Err(Error::message("negative maximum stack depth"));
    }
    // Delve answers one frame more than it is asked for.
    let depth = at_least_zero(args.depth).saturating_add(1);
    let kind = match args.opts {
        opts if opts & FROM_SAVED != 0 => StackKind::Saved,
        opts if opts & ONE_STACK != 0 => StackKind::One,
        _ => StackKind::Whole,
    };
    let stack = session.stack_as(args.id, depth, kind)?;
    let skip = at_least_zero(args.skip).min(stack.frames.len());
    let frames = &stack.frames[skip..];
    let mut wire: Vec<types::Stackframe> = Vec::with_capacity(frames.len());
    for (nth, it) in frames.iter().enumerate() {
        // A function that calls itself is looked up once.
        let before = nth.checked_sub(1).map(|nth| (&frames[nth], &wire[nth].function));
        let known = before.filter(|(frame, _)| frame.function == it.function);
        let function = known.map(|(_, function)| function.clone());
        wire.push(convert::stackframe(it, function, session.program()));
    }
    if args.defers || args.opts & WITH_DEFERS != 0 {
        let defers = session.deferred_calls(args.id, frames)?;
        for (out, defers) in wire.iter_mut().zip(defers) {
            let program = session.program();
            out.defers = defers.iter().map(|it| convert::defer(it, program)).collect();
        }
    }
    let full = args.full.then_some(LoadConfig::FULL);
    let Some(config) = args.cfg.or(full) else {
        json.raw(r#"{"Locations":"#);
        json.list(&wire, |json, it| {
            json.frame_start(it).raw(r#""Locals":null,"Arguments":null"#).frame_end(it);
        });
        json.raw("}");
        return Ok(());
    };
    json.raw(r#"{"Locations":["#);
    let mut values = Variables::new(json);
    let mut emitter = Emitter::new(convert::load_config_in(config));
    session.with_stack_variables(args.id, frames, |nth, found| {
        values.json().raw(if nth > 0 { "," } else { "" }).frame_start(&wire[nth]);
        values.begin_list(r#""Locals""#);
        if let Some(found) = found {
            found.emit_locals(&mut emitter, &mut values);
        }
        values.end_list().raw(",");
        values.begin_list(r#""Arguments""#);
        if let Some(found) = found {
            found.emit_arguments(&mut emitter, &mut values);
        }
        values.end_list().frame_end(&wire[nth]);
    })?;
    json.raw("]}");
    Ok(())
}

pub fn ancestors(session: &mut Session, args: AncestorsIn) -> Result<AncestorsOut> {
    session.check_alive()?;
    let (count, depth) = (at_least_zero(args.num_ancestors), at_least_zero(args.depth));
    let found = session.ancestors(args.goroutine_id, count, depth)?;
    let program = session.program();
    let frames = |all: &[Frame]| {
        all.iter().map(|it| convert::stackframe(it, None, program)).collect()
    };
    let ancestor = |(id, stack): &(i64, Vec<Frame>)| types::Ancestor {
        id: *id,
        stack: Some(frames(stack)),
        unreadable: String::new(),
    };
    Ok(AncestorsOut { ancestors: Some(found.iter().map(ancestor).collect()) })
}

/// An answer that is a list of variables.
fn variables(json: &mut Json, key: &str, found: &[Variable]) {
    json.raw("{").text(key).raw(":").variables(found).raw("}");
}

/// What a scope of the wire means.
pub fn place(scope: &EvalScope) -> Result<Scope> {
    let frame = usize::try_from(scope.frame).map_err(|_| {
        let (frame, goroutine) = (scope.frame, scope.goroutine_id);
        Error::message(format!("Frame {frame} does not exist in goroutine {goroutine}"))
    })?;
    let deferred = at_least_zero(scope.deferred_call);
    Ok(Scope { goroutine: scope.goroutine_id, frame, deferred })
}

pub fn locals(
    session: &mut Session,
    args: ListLocalVarsIn,
    json: &mut Json,
) -> Result<()> {
    let key = r#""Variables""#;
    frame_variables(session, &args.scope, args.cfg, key, json, |found, emitter, sink| {
        found.emit_locals(emitter, sink);
    })
}

pub fn arguments(
    session: &mut Session,
    args: ListFunctionArgsIn,
    json: &mut Json,
) -> Result<()> {
    let key = r#""Args""#;
    frame_variables(session, &args.scope, args.cfg, key, json, |found, emitter, sink| {
        found.emit_arguments(emitter, sink);
    })
}

fn frame_variables(
    session: &mut Session,
    scope: &types::EvalScope,
    config: types::LoadConfig,
    key: &str,
    json: &mut Json,
    emit: impl FnOnce(&Found<'_, '_>, &mut Emitter, &mut dyn Sink),
) -> Result<()> {
    let at = place(scope)?;
    let mut emitter = Emitter::new(convert::load_config_in(config));
    session.with_variables(at, |found| {
        let mut values = Variables::new(json);
        values.json().raw("{");
        values.begin_list(key);
        emit(found, &mut emitter, &mut values);
        values.end_list().raw("}");
    })
}

pub fn package_variables(
    session: &mut Session,
    args: ListPackageVarsIn,
    json: &mut Json,
) -> Result<()> {
    session.check_alive()?;
    let regex = filter(&args.filter, "invalid filter argument: ")?;
    let config = convert::load_config_in(args.cfg);
    let found = session.package_variables(&regex, &config)?;
    variables(json, "Variables", &found);
    Ok(())
}

pub fn eval(session: &mut Session, args: EvalIn, json: &mut Json) -> Result<()> {
    session.check_alive()?;
    let at = place(&args.scope)?;
    let config = convert::load_config_in(args.cfg.unwrap_or(LoadConfig::FULL));
    let mut value = Variables::new(json);
    value.json().raw(r#"{"Variable":"#);
    session.emit_value(at, &args.expr, &mut Emitter::new(config), &mut value)?;
    value.json().raw("}");
    Ok(())
}

pub fn set(session: &mut Session, args: SetIn) -> Result<Empty> {
    session.check_alive()?;
    let at = place(&args.scope)?;
    session.assign(at, &args.symbol, &args.value)?;
    Ok(Empty {})
}

/// All registers in Delve's order: vectors are between the general ones and the flags.
fn all_registers(
    session: &mut Session,
    general: &Registers,
    thread: i64,
    with_vectors: bool,
) -> Result<Vec<types::Register>> {
    let mut all = convert::registers(general);
    if !with_vectors {
        return Ok(all);
    }
    if let Some(found) = session.vector_registers(thread)? {
        let (first, last) = vectors::registers(&found);
        let flags = all.iter().position(|it| it.name == "Rflags").unwrap_or(all.len());
        all.splice(flags..flags, first);
        all.extend(last);
    }
    Ok(all)
}

pub fn registers(
    session: &mut Session,
    args: ListRegistersIn,
) -> Result<ListRegistersOut> {
    session.check_alive()?;
    let regs = match &args.scope {
        None => {
            let general = session.registers_of(args.thread_id)?;
            all_registers(session, &general, args.thread_id, args.include_fp)?
        }
        Some(scope) => {
            let at = place(scope)?;
            match session.registers_of_frame(at.goroutine, at.frame)? {
                FrameRegisters::All(all) => {
                    let thread = session.thread_id_of(at.goroutine)?;
                    let with_vectors = args.include_fp && thread != 0;
                    all_registers(session, &all, thread, with_vectors)?
                }
                FrameRegisters::Few { pc, sp, bp } => vec![
                    convert::register("Rip", pc.0, 16),
                    convert::register("Rsp", sp.0, 7),
                    convert::register("Rbp", bp.0, 6),
                ],
            }
        }
    };
    let registers = convert::registers_text(&regs);
    Ok(ListRegistersOut { registers, regs: Some(regs) })
}

pub fn memory(session: &mut Session, args: ExamineMemoryIn) -> Result<ExamineMemoryOut> {
    session.check_alive()?;
    if args.length > MEMORY_MAX {
        return Err(Error::message("len must be less than or equal to 65536"));
    }
    let len = usize::try_from(args.length)
        .map_err(|_| Error::message("the length must not be negative"))?;
    let bytes = session.raw_memory(Addr(args.address), len)?;
    Ok(ExamineMemoryOut { mem: convert::base64(&bytes), is_little_endian: true })
}

pub fn disassemble(session: &mut Session, args: DisassembleIn) -> Result<DisassembleOut> {
    let flavour = match args.flavour {
        0 => Flavour::Gnu,
        2 => Flavour::Go,
        _ => Flavour::Intel,
    };
    let (start, end) = (Addr(args.start_pc), Addr(args.end_pc));
    let lines = session.disassemble(args.scope.goroutine_id, start, end, flavour)?;
    Ok(DisassembleOut {
        disassemble: Some(lines.into_iter().map(convert::asm).collect()),
    })
}
