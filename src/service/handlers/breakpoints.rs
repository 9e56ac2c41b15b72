//! Breakpoints: set, changed and removed, also while the program runs.

use crate::api::methods::*;
use crate::api::types;
use crate::engine::addr::Addr;
use crate::engine::error::Result;
use crate::engine::eval::Condition;
use crate::engine::session::Bench;
use crate::engine::session::breakpoint::{Collect, HitCondition, Settings};
use crate::engine::session::set::{Request, Wanted};
use crate::service::convert;

pub fn create(
    bench: &mut Bench<'_>,
    args: CreateBreakpointIn,
) -> Result<CreateBreakpointOut> {
    let wanted = &args.breakpoint;
    let place = if wanted.trace_return {
        Wanted::Addrs(vec![Addr(wanted.addr)])
    } else if !wanted.file.is_empty() {
        Wanted::Line { file: wanted.file.clone(), line: line_number(wanted.line) }
    } else if !wanted.function_name.is_empty() {
        let offset = u32::try_from(wanted.line).unwrap_or(0);
        Wanted::Function { name: wanted.function_name.clone(), offset }
    } else if let Some(addrs) = wanted.addrs.as_ref().filter(|it| !it.is_empty()) {
        Wanted::Addrs(addrs.iter().map(|it| Addr(*it)).collect())
    } else if wanted.addr != 0 {
        Wanted::Addrs(vec![Addr(wanted.addr)])
    } else {
        Wanted::Spec
    };
    let rules = args.substitute_path_rules.unwrap_or_default();
    let request = Request {
        id: wanted.id,
        name: wanted.name.clone(),
        place,
        spec: args.loc_expr,
        rules,
        settings: settings(wanted)?,
        disabled: wanted.disabled,
        suspended: args.suspended,
    };
    let id = bench.create_breakpoint(request)?;
    Ok(CreateBreakpointOut { breakpoint: on_wire(bench, id)? })
}

fn line_number(line: i64) -> u32 {
    u32::try_from(line).unwrap_or(0)
}

/// What an amendment replaces, from the wire.
fn settings(wanted: &types::Breakpoint) -> Result<Settings> {
    let condition = match wanted.cond.trim().is_empty() {
        true => None,
        false => Some(Condition::parse(&wanted.cond)?),
    };
    Ok(Settings {
        condition,
        hit_condition: HitCondition::parse(&wanted.hit_cond)?,
        per_goroutine: wanted.hit_cond_per_g && !wanted.hit_cond.trim().is_empty(),
        tracepoint: wanted.tracepoint,
        trace_return: wanted.trace_return,
        collect: Collect {
            goroutine: wanted.goroutine,
            stacktrace: usize::try_from(wanted.stacktrace).unwrap_or(0),
            variables: wanted.variables.clone().unwrap_or_default(),
            arguments: wanted.load_args.map(convert::load_config_in),
            locals: wanted.load_locals.map(convert::load_config_in),
        },
        custom_commands: wanted.custom_commands.clone(),
        root_function: wanted.root_func_name.clone(),
        follow_calls: wanted.trace_follow_calls,
    })
}

fn on_wire(bench: &Bench<'_>, id: i64) -> Result<types::Breakpoint> {
    let found = bench.breakpoints.find(id, "")?;
    let breakpoint = bench.breakpoints.get(found);
    Ok(breakpoint.map(|it| convert::breakpoint(it, bench.pid)).unwrap_or_default())
}

pub fn get(bench: &mut Bench<'_>, args: GetBreakpointIn) -> Result<GetBreakpointOut> {
    let id = bench.breakpoints.find(args.id, &args.name)?;
    Ok(GetBreakpointOut { breakpoint: on_wire(bench, id)? })
}

pub fn list(
    bench: &mut Bench<'_>,
    args: ListBreakpointsIn,
) -> Result<ListBreakpointsOut> {
    let all = bench.breakpoints.iter();
    let breakpoints = if args.all {
        all.flat_map(|it| convert::sites(it, bench.pid)).collect()
    } else {
        all.map(|it| convert::breakpoint(it, bench.pid)).collect()
    };
    Ok(ListBreakpointsOut { breakpoints: Some(breakpoints) })
}

pub fn amend(bench: &mut Bench<'_>, args: AmendBreakpointIn) -> Result<Empty> {
    let wanted = &args.breakpoint;
    let settings = settings(wanted)?;
    bench.amend_breakpoint(wanted.id, &wanted.name, settings, wanted.disabled)?;
    Ok(Empty {})
}

/// The answer shows the addresses from before, as Delve's does.
pub fn toggle(
    bench: &mut Bench<'_>,
    args: ToggleBreakpointIn,
) -> Result<ToggleBreakpointOut> {
    let id = bench.breakpoints.find(args.id, &args.name)?;
    let mut breakpoint = on_wire(bench, id)?;
    breakpoint.disabled = !breakpoint.disabled;
    bench.enable_breakpoint(id, !breakpoint.disabled)?;
    Ok(ToggleBreakpointOut { breakpoint })
}

pub fn clear(
    bench: &mut Bench<'_>,
    args: ClearBreakpointIn,
) -> Result<ClearBreakpointOut> {
    let id = bench.breakpoints.find(args.id, &args.name)?;
    let breakpoint = on_wire(bench, id)?;
    bench.clear_breakpoint(id)?;
    Ok(ClearBreakpointOut { breakpoint: Some(breakpoint) })
}
