//! Where and why the program stopped, as text, in the format of Delve's terminal.

use crate::api::types::{
    Breakpoint, BreakpointInfo, DebuggerState, Function, LoadConfig, Location, Thread,
    Variable, VariableFlags,
};
use crate::frontend::config::PathStyle;
use crate::frontend::text::variable::{Style, kind_name, render, single_line};
use crate::frontend::text::{Text, breakpoint, goroutine, listing, stack};
use crate::frontend::theme::Role;

/// How stops are to be shown.
#[derive(Clone, Copy, Debug)]
pub struct StopStyle<'a> {
    pub paths: &'a PathStyle,
    pub raw_strings: bool,
    /// Written before each hit of a tracepoint: the time, or nothing.
    pub timestamp: &'a str,
    /// Nothing but hits of tracepoints, as `trace` wants it.
    pub trace_only: bool,
}

/// Whether breakpoints were hit, and all of them only report.
pub fn is_at_tracepoints_only(state: &DebuggerState) -> bool {
    let threads = state.threads.as_deref().unwrap_or_default();
    let mut hit = threads.iter().filter_map(|it| it.breakpoint.as_ref()).peekable();
    let reports = |it: &Breakpoint| it.tracepoint || it.trace_return;
    hit.peek().is_some() && hit.all(reports)
}

/// All that happened at a stop; the selected goroutine's thread comes last.
pub fn context(state: &DebuggerState, style: &StopStyle<'_>) -> Text {
    let mut out = Text::new();
    let threads = state.threads.as_deref().unwrap_or_default();
    if style.trace_only {
        for thread in threads.iter().filter(|it| it.breakpoint.is_some()) {
            out.append(at_thread(thread, style));
        }
        return out;
    }
    if state.stop_reason == "shared library loaded" {
        out.line("Go shared library loaded. You can now set breakpoints in Go code.");
    }
    let current_id = state.current_thread.as_ref().map(|it| it.id);
    for thread in threads {
        if thread.breakpoint.is_some() && Some(thread.id) != current_id {
            out.append(at_thread(thread, style));
        }
    }
    match &state.current_thread {
        None => out.push(Role::Warning, "No current thread available\n"),
        Some(current) => out.append(selected(state, threads, current, style)),
    }
    for watchpoint in state.watch_out_of_scope.iter().flatten() {
        let title = breakpoint::title(watchpoint);
        out.line(format!("{title} went out of scope and was cleared"));
    }
    out
}

/// Where the selected goroutine is, or the current thread if there is none.
fn selected(
    state: &DebuggerState,
    threads: &[Thread],
    current: &Thread,
    style: &StopStyle<'_>,
) -> Text {
    let thread = match &state.current_goroutine {
        None => current,
        Some(g) => match threads.iter().find(|it| it.id == g.thread_id) {
            Some(thread) => thread,
            None => return at_location(&g.current_loc, style.paths),
        },
    };
    if thread.file.is_empty() {
        let mut out = Text::new();
        out.line(format!("Stopped at: {:#x}", current.pc));
        out.append(listing::no_source());
        return out;
    }
    at_thread(thread, style)
}

fn at_location(loc: &Location, paths: &PathStyle) -> Text {
    let mut out = Text::new();
    out.push(Role::GutterPc, "> ");
    let name = stack::function_name(loc);
    out.push(stack::function_role(name), format!("{name}()"));
    out.plain(" ");
    place(&mut out, &loc.file, loc.line, paths);
    out.line(format!(" (PC: {:#x})", loc.pc));
    optimized(&mut out, loc.function.as_ref());
    out
}

fn place(out: &mut Text, file: &str, line: i64, paths: &PathStyle) {
    out.push(Role::StackLocation, format!("{}:{line}", paths.show(file)));
}

fn optimized(out: &mut Text, function: Option<&Function>) {
    if function.is_some_and(|it| it.optimized) {
        out.push(Role::Warning, "Warning: debugging optimized function\n");
    }
}

/// One thread: at its breakpoint, if it is at one.
fn at_thread(thread: &Thread, style: &StopStyle<'_>) -> Text {
    let Some(bp) = &thread.breakpoint else {
        let loc = Location {
            pc: thread.pc,
            file: thread.file.clone(),
            line: thread.line,
            function: thread.function.clone(),
            ..Location::default()
        };
        let mut out = at_location(&loc, style.paths);
        returned(&mut out, thread, style);
        return out;
    };
    if bp.tracepoint || bp.trace_return {
        return trace(thread, bp, style);
    }
    let mut out = Text::new();
    let hits = match bp.hit_count.iter().flatten().find(|it| *it.0 == gid(thread)) {
        Some((gid, count)) => {
            format!("hits goroutine({gid}):{count} total:{}", bp.total_hit_count)
        }
        None => format!("hits total:{}", bp.total_hit_count),
    };
    out.push(Role::GutterPc, "> ");
    out.push(Role::GutterBreakpoint, bracketed(bp));
    let name = thread.function.as_ref().map_or("???", |it| &it.name);
    let args = short_arguments(thread, bp).join(", ");
    out.push(stack::function_role(name), format!("{name}({args})"));
    out.plain(" ");
    place(&mut out, &thread.file, thread.line, style.paths);
    out.push(Role::BreakpointHits, format!(" ({hits})"));
    out.line(format!(" (PC: {:#x})", thread.pc));
    optimized(&mut out, thread.function.as_ref());
    returned(&mut out, thread, style);
    out.append(collected(thread, bp, style));
    out
}

fn gid(thread: &Thread) -> String {
    thread.goroutine_id.to_string()
}

/// `[Breakpoint 1] `, `[name] `, or nothing for a tracepoint without a name.
fn bracketed(bp: &Breakpoint) -> String {
    if !bp.watch_expr.is_empty() {
        format!("watchpoint on [{}] ", bp.watch_expr)
    } else if !bp.name.is_empty() {
        format!("[{}] ", bp.name)
    } else if bp.tracepoint || bp.trace_return {
        String::new()
    } else {
        format!("[Breakpoint {}] ", bp.id)
    }
}

/// The arguments that go between the parentheses of a call; results do not.
fn short_arguments(thread: &Thread, bp: &Breakpoint) -> Vec<String> {
    if bp.load_args != Some(LoadConfig::SHORT) {
        return Vec::new();
    }
    arguments(thread)
        .iter()
        .filter(|it| it.flags & VariableFlags::ARGUMENT != 0)
        .map(single_line)
        .collect()
}

fn arguments(thread: &Thread) -> &[Variable] {
    let info = thread.breakpoint_info.as_ref();
    info.and_then(|it| it.arguments.as_deref()).unwrap_or_default()
}

/// What a function that was just left gave back.
fn returned(out: &mut Text, thread: &Thread, style: &StopStyle<'_>) {
    let values = thread.return_values.as_deref().unwrap_or_default();
    if values.is_empty() {
        return;
    }
    out.line("Values returned:");
    for value in values {
        variable(out, value, Some(style.raw_strings));
    }
    out.end_line();
}

/// `\tname: value`; over several lines if `raw_strings` says how.
fn variable(out: &mut Text, value: &Variable, raw_strings: Option<bool>) {
    out.plain("\t");
    out.push(Role::VarName, &value.name);
    out.plain(": ");
    let style = Style {
        multi_line: raw_strings.is_some(),
        indent: 1,
        raw_strings: raw_strings.unwrap_or(false),
        format: None,
    };
    out.append(render(value, &style));
    out.end_line();
}

/// What `on` had collected at the breakpoint.
fn collected(thread: &Thread, bp: &Breakpoint, style: &StopStyle<'_>) -> Text {
    let mut out = Text::new();
    let Some(info) = &thread.breakpoint_info else { return out };
    if bp.trace_return {
        return out;
    }
    if let Some(g) = &info.goroutine {
        out.append(goroutine::long(g, 1, style.paths));
    }
    let several = Some(style.raw_strings);
    for value in info.variables.iter().flatten() {
        variable(&mut out, value, several);
    }
    let is_long = bp.load_locals == Some(LoadConfig::FULL);
    for value in info.locals.iter().flatten() {
        variable(&mut out, value, several.filter(|_| is_long));
    }
    if bp.load_args == Some(LoadConfig::FULL) {
        for value in info.arguments.iter().flatten() {
            variable(&mut out, value, several);
        }
    }
    if bp.trace_follow_calls <= 0 {
        out.append(collected_stack(info, style));
    }
    out
}

fn collected_stack(info: &BreakpointInfo, style: &StopStyle<'_>) -> Text {
    let mut out = Text::new();
    if let Some(frames) = &info.stacktrace {
        out.line("\tStack:");
        out.append(stack::frames(frames, "\t\t", false, style.paths));
    }
    out
}

/// A call or a return that is traced: `> goroutine(1): main.add(1, 2)`,
/// `>> goroutine(1): main.add => (3)`.
fn trace(thread: &Thread, bp: &Breakpoint, style: &StopStyle<'_>) -> Text {
    let mut out = Text::new();
    let name = thread.function.as_ref().map_or("???", |it| &it.name);
    let follows = bp.trace_follow_calls > 0;
    let depth = if follows { depth_below_root(thread, bp) } else { None };
    if follows && depth.is_none() {
        return out;
    }
    let margin = " ".repeat(depth.unwrap_or(1).saturating_sub(1));
    let who = match depth {
        Some(depth) => format!("goroutine({}):frame({depth})", thread.goroutine_id),
        None => format!("goroutine({}):", thread.goroutine_id),
    };
    if !style.timestamp.is_empty() {
        out.push(Role::Dim, format!("{} ", style.timestamp));
    }
    if bp.tracepoint {
        let args = short_arguments(thread, bp).join(", ");
        out.line(format!("{margin}> {who} {}{name}({args})", bracketed(bp)));
        out.append(collected(thread, bp, style));
    }
    if bp.trace_return {
        let results: Vec<String> = results(thread).map(single_line).collect();
        out.line(format!("{margin}>> {who} {name} => ({})", results.join(",")));
    }
    if !follows
        && bp.trace_return
        && let Some(info) = &thread.breakpoint_info
    {
        out.append(collected_stack(info, style));
    }
    out
}

/// What a function that is about to return gives back. Services copy it to the thread;
/// one that does not has it among the arguments.
fn results(thread: &Thread) -> impl Iterator<Item = &Variable> {
    let copied = thread.return_values.as_deref().unwrap_or_default();
    let is_result = |it: &&Variable| it.flags & VariableFlags::RETURN_ARGUMENT != 0;
    let own = if copied.is_empty() { arguments(thread) } else { &[] };
    copied.iter().chain(own.iter().filter(is_result))
}

/// How deep below the function whose calls are followed; `None` if not below it.
fn depth_below_root(thread: &Thread, bp: &Breakpoint) -> Option<usize> {
    let frames = thread.breakpoint_info.as_ref()?.stacktrace.as_ref()?;
    let is_root = |function: &Function| function.name == bp.root_func_name;
    let root = frames.iter().rposition(|it| it.function.as_ref().is_some_and(is_root))?;
    Some(root + 1)
}

/// The expression for what the selected goroutine has panicked with.
pub const PANIC_VALUE: &str = "runtime.curg._panic.arg";

/// The value of [`PANIC_VALUE`] in the runtime's words; `None` if it is no panic.
pub fn panic_text(value: &Variable) -> Option<String> {
    let inner = value.children.as_ref()?.first()?;
    match kind_name(inner.kind) {
        "invalid" => None,
        "string" => Some(format!("panic: {}", inner.value)),
        _ => Some(format!("panic: {}", single_line(value))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{StopStyle, context};
    use crate::api::types::*;
    use crate::frontend::config::PathStyle;

    fn thread(id: i64, line: i64) -> Thread {
        let function = Function { name: "main.f".into(), ..Function::default() };
        Thread {
            id,
            pc: 0x10,
            file: "/src/f.go".into(),
            line,
            function: Some(function),
            goroutine_id: 1,
            ..Thread::default()
        }
    }

    fn shown(state: &DebuggerState) -> String {
        let paths = PathStyle::new(&[], Some("/src"));
        let style = StopStyle {
            paths: &paths,
            raw_strings: false,
            timestamp: "",
            trace_only: false,
        };
        context(state, &style).to_string()
    }

    fn at(threads: Vec<Thread>) -> DebuggerState {
        DebuggerState {
            current_thread: threads.first().cloned(),
            threads: Some(threads),
            ..DebuggerState::default()
        }
    }

    fn value(name: &str, value: &str, flags: u16) -> Variable {
        Variable {
            name: name.into(),
            kind: 2,
            value: value.into(),
            flags,
            addr: 1,
            ..Variable::default()
        }
    }

    #[test]
    fn a_stop_elsewhere_says_where_and_what_was_returned() {
        let mut it = thread(7, 11);
        assert_eq!(shown(&at(vec![it.clone()])), "> main.f() ./f.go:11 (PC: 0x10)\n");
        it.return_values = Some(vec![value("sum", "3", 48)]);
        assert_eq!(
            shown(&at(vec![it])),
            "> main.f() ./f.go:11 (PC: 0x10)\nValues returned:\n\tsum: 3\n\n"
        );
        assert_eq!(shown(&at(vec![])), "No current thread available\n");
    }

    #[test]
    fn a_breakpoint_shows_its_hits_and_what_was_collected() {
        let mut it = thread(7, 10);
        let mut bp = Breakpoint {
            id: 1,
            hit_count: Some(BTreeMap::from([("1".to_owned(), 2)])),
            total_hit_count: 5,
            ..Breakpoint::default()
        };
        bp.variables = Some(vec!["i".into()]);
        it.breakpoint = Some(bp);
        it.breakpoint_info = Some(BreakpointInfo {
            variables: Some(vec![value("i", "4", 0)]),
            ..BreakpointInfo::default()
        });
        let other = Thread { id: 8, ..it.clone() };
        let mut state = at(vec![it, other]);
        let one = "> [Breakpoint 1] main.f() ./f.go:10 (hits goroutine(1):2 total:5) \
                   (PC: 0x10)\n\ti: 4\n";
        assert_eq!(shown(&state), format!("{one}{one}"));
        state.watch_out_of_scope = Some(vec![Breakpoint {
            name: "x".into(),
            watch_expr: "x".into(),
            ..Breakpoint::default()
        }]);
        assert!(
            shown(&state).ends_with("Watchpoint x went out of scope and was cleared\n")
        );
    }

    #[test]
    fn calls_and_returns_are_traced() {
        let mut call = thread(7, 10);
        call.breakpoint = Some(Breakpoint {
            tracepoint: true,
            load_args: Some(LoadConfig::SHORT),
            ..Breakpoint::default()
        });
        call.breakpoint_info = Some(BreakpointInfo {
            arguments: Some(vec![value("a", "1", 8), value("r", "0", 16)]),
            ..BreakpointInfo::default()
        });
        assert_eq!(shown(&at(vec![call.clone()])), "> goroutine(1): main.f(1)\n");
        call.breakpoint =
            Some(Breakpoint { trace_return: true, ..Breakpoint::default() });
        call.return_values = Some(vec![value("r", "3", 16), value("e", "4", 16)]);
        assert_eq!(shown(&at(vec![call])), ">> goroutine(1): main.f => (3,4)\n");
    }
}
