//! From the engine's types to the wire's, in one direction but for load configurations.
//!
//! The engine's types are not serializable, on purpose: what Delve's clients expect must
//! not decide how the engine is written. Shapes: `spec/rpc.md` §3.

use crate::api::types::{self, DebuggerState};
use crate::engine::addr::Addr;
use crate::engine::eval::{self, Flags};
use crate::engine::golang::{Defer, Frame, FunctionName, Location};
use crate::engine::registers::Registers;
use crate::engine::session::Session;
use crate::engine::session::breakpoint::Breakpoint;
use crate::engine::session::disassembly::AsmLine;
use crate::engine::session::goroutines::GoroutineView;
use crate::engine::session::program::{CodePlace, FunctionInfo, Program};
use crate::engine::session::resolve::Resolved;
use crate::engine::session::state::{Collected, State, ThreadView};
use crate::engine::session::stop::HARDCODED;

pub fn state(state: &State, session: &mut Session, with_info: bool) -> DebuggerState {
    let threads: Vec<types::Thread> =
        state.threads.iter().map(|it| thread(it, session, with_info)).collect();
    let current = state.current_thread.and_then(|at| threads.get(at).cloned());
    DebuggerState {
        pid: state.pid.into(),
        command_line: state.command_line.clone(),
        current_thread: current,
        current_goroutine: state
            .goroutine
            .as_ref()
            .map(|it| goroutine(it, session.program())),
        threads: Some(threads),
        next_in_progress: state.step_in_progress,
        stop_reason: state.reason.text().into_owned(),
        ..DebuggerState::default()
    }
}

pub fn exited(pid: i32, status: i32) -> DebuggerState {
    DebuggerState {
        pid: pid.into(),
        exited: true,
        exit_status: status.into(),
        ..DebuggerState::default()
    }
}

pub fn thread(
    view: &ThreadView,
    session: &mut Session,
    with_info: bool,
) -> types::Thread {
    let pid = session.pid();
    let breakpoint = view.breakpoint.and_then(|id| match session.breakpoints().get(id) {
        Some(it) => Some(self::breakpoint(it, pid)),
        // Any other was deleted since this thread stopped at it.
        None => (id == HARDCODED).then(hardcoded),
    });
    let mut returned = view.returned.clone();
    let info = view.breakpoint.filter(|_| with_info).map(|_| {
        let collected = session.collect(view).unwrap_or_default();
        if breakpoint.as_ref().is_some_and(|it| it.trace_return) {
            let is_result = |it: &&eval::Variable| it.flags.contains(Flags::RESULT);
            let all = collected.arguments.iter().flatten();
            returned = Some(all.filter(is_result).cloned().collect());
        }
        breakpoint_info(collected, session.program())
    });
    types::Thread {
        id: view.tid.into(),
        pc: view.place.pc.0,
        file: view.place.file.clone(),
        line: view.place.line.into(),
        function: view.place.function.as_ref().map(function),
        goroutine_id: view.goroutine,
        breakpoint,
        breakpoint_info: info,
        return_values: returned.map(variables),
        call_return: false,
    }
}

fn hardcoded() -> types::Breakpoint {
    types::Breakpoint {
        name: "hardcoded-breakpoint".to_owned(),
        hit_count: Some(Default::default()),
        disabled: true,
        ..types::Breakpoint::default()
    }
}

fn breakpoint_info(collected: Collected, program: &Program) -> types::BreakpointInfo {
    let frames = |stack: Vec<Frame>| {
        stack.iter().map(|it| stackframe(it, None, program)).collect::<Vec<_>>()
    };
    types::BreakpointInfo {
        stacktrace: collected.stack.map(frames),
        goroutine: collected.goroutine.map(|it| goroutine(&it, program)),
        variables: collected.variables.map(variables),
        arguments: collected.arguments.map(variables),
        locals: collected.locals.map(variables),
    }
}

fn addrs_of(addrs: &[Addr]) -> Option<Vec<u64>> {
    (!addrs.is_empty()).then(|| addrs.iter().map(|it| it.0).collect())
}

pub fn breakpoint(it: &Breakpoint, pid: i32) -> types::Breakpoint {
    let settings = &it.settings;
    let collect = &settings.collect;
    let hits = it.hits_of.iter().map(|(id, hits)| (id.to_string(), *hits)).collect();
    types::Breakpoint {
        id: it.id,
        name: it.name.clone(),
        addr: it.addrs.first().map_or(0, |it| it.0),
        addrs: addrs_of(&it.addrs),
        addr_pids: addrs_of(&it.addrs).map(|it| vec![pid.into(); it.len()]),
        file: it.file.clone(),
        line: it.line.into(),
        function_name: it.function.clone(),
        expr_string: if it.addrs.is_empty() { it.spec.clone() } else { String::new() },
        cond: settings
            .condition
            .as_ref()
            .map_or(String::new(), |it| it.text().to_owned()),
        hit_cond: settings.hit_condition.map_or(String::new(), |it| it.text()),
        hit_cond_per_g: settings.per_goroutine,
        tracepoint: settings.tracepoint,
        trace_return: settings.trace_return,
        goroutine: collect.goroutine,
        stacktrace: collect.stacktrace as i64,
        variables: (!collect.variables.is_empty()).then(|| collect.variables.clone()),
        load_args: collect.arguments.map(load_config_out),
        load_locals: collect.locals.map(load_config_out),
        custom_commands: settings.custom_commands.clone(),
        watch_expr: String::new(),
        watch_type: 0,
        verbose_descr: None,
        hit_count: Some(hits),
        total_hit_count: it.total_hits,
        disabled: it.disabled,
        root_func_name: settings.root_function.clone(),
        trace_follow_calls: settings.follow_calls,
    }
}

/// One record for each address of a breakpoint (`ListBreakpoints{All:true}`).
pub fn sites(it: &Breakpoint, pid: i32) -> Vec<types::Breakpoint> {
    let whole = breakpoint(it, pid);
    let site = |addr: &Addr| types::Breakpoint {
        addr: addr.0,
        addrs: Some(vec![addr.0]),
        addr_pids: Some(vec![pid.into()]),
        verbose_descr: Some(vec![format!("User breakpoint {}", it.id)]),
        ..whole.clone()
    };
    match it.addrs.is_empty() {
        true => vec![whole.clone()],
        false => it.addrs.iter().map(site).collect(),
    }
}

pub fn discarded(it: &Breakpoint, pid: i64, why: &str) -> types::DiscardedBreakpoint {
    let pid = i32::try_from(pid).unwrap_or(0);
    types::DiscardedBreakpoint {
        breakpoint: Some(breakpoint(it, pid)),
        reason: why.to_owned(),
    }
}

pub fn function(it: &FunctionInfo) -> types::Function {
    types::Function {
        name: it.name.clone(),
        value: it.entry.0,
        kind: 0,
        go_type: 0,
        optimized: it.optimized,
    }
}

fn function_name(it: &FunctionName, program: &Program) -> types::Function {
    function(&program.function_info(&it.name, it.entry))
}

pub fn location(it: &Location, program: &Program) -> types::Location {
    types::Location {
        pc: it.pc.0,
        file: it.file.clone(),
        line: it.line.into(),
        function: it.function.as_ref().map(|it| function_name(it, program)),
        pcs: None,
        pc_pids: None,
    }
}

pub fn code_place(it: &CodePlace) -> types::Location {
    types::Location {
        pc: it.pc.0,
        file: it.file.clone(),
        line: it.line.into(),
        function: it.function.as_ref().map(function),
        pcs: None,
        pc_pids: None,
    }
}

/// A place that a location spec means; without addresses if the line has no code.
pub fn resolved(it: &Resolved, pid: i32, program: &Program) -> types::Location {
    let Some(first) = it.addrs.first() else {
        let line = it.line.into();
        return types::Location {
            file: it.file.clone(),
            line,
            ..types::Location::default()
        };
    };
    let place = program.place(*first);
    types::Location {
        pcs: addrs_of(&it.addrs),
        pc_pids: Some(vec![pid.into(); it.addrs.len()]),
        ..code_place(&place)
    }
}

pub fn goroutine(it: &GoroutineView, program: &Program) -> types::Goroutine {
    let g = &it.goroutine;
    if g.unreadable {
        return types::Goroutine {
            unreadable: format!("the goroutine at {} cannot be read", g.addr),
            ..types::Goroutine::default()
        };
    }
    types::Goroutine {
        id: g.id,
        current_loc: location(&it.current, program),
        user_current_loc: location(&it.user, program),
        go_statement_loc: location(&it.go_statement, program),
        start_loc: location(&it.start, program),
        thread_id: g.thread.unwrap_or(0).into(),
        status: g.status.into(),
        wait_since: g.wait_since,
        wait_reason: g.wait_reason.into(),
        unreadable: String::new(),
        labels: (!it.labels.is_empty()).then(|| it.labels.clone()),
    }
}

/// `function` is what the wire says of its function, if that is known already.
pub fn stackframe(
    it: &Frame,
    function: Option<Option<types::Function>>,
    program: &Program,
) -> types::Stackframe {
    let name = || it.function.as_ref().map(|it| function_name(it, program));
    types::Stackframe {
        pc: it.pc.0,
        file: it.file.clone(),
        line: it.line.into(),
        function: function.unwrap_or_else(name),
        pcs: None,
        pc_pids: None,
        locals: None,
        arguments: None,
        frame_offset: it.cfa_offset(),
        frame_pointer_offset: it.bp_offset(),
        defers: Vec::new(),
        bottom: it.bottom,
        err: it.err.clone().unwrap_or_default(),
    }
}

pub fn defer(it: &Defer, program: &Program) -> types::Defer {
    let deferred = program.runtime.unwrap_function(it.deferred_pc);
    types::Defer {
        deferred_loc: code_place(&program.place(deferred)),
        defer_loc: code_place(&program.place(it.defer_pc)),
        sp: it.sp.0,
        unreadable: it.unreadable.clone().unwrap_or_default(),
    }
}

pub fn load_config_in(it: types::LoadConfig) -> eval::LoadConfig {
    eval::LoadConfig {
        follow_pointers: it.follow_pointers,
        recurse_max: it.max_variable_recurse,
        string_len_max: it.max_string_len,
        array_values_max: it.max_array_values,
        struct_fields_max: it.max_struct_fields,
    }
}

fn load_config_out(it: eval::LoadConfig) -> types::LoadConfig {
    types::LoadConfig {
        follow_pointers: it.follow_pointers,
        max_variable_recurse: it.recurse_max,
        max_string_len: it.string_len_max,
        max_array_values: it.array_values_max,
        max_struct_fields: it.struct_fields_max,
    }
}

pub fn variables(all: Vec<eval::Variable>) -> Vec<types::Variable> {
    all.into_iter().map(variable).collect()
}

/// Loading bounds the depth of a value, so this recursion is bounded too.
pub fn variable(it: eval::Variable) -> types::Variable {
    types::Variable {
        name: it.name.to_string(),
        addr: it.addr.0,
        only_addr: it.only_addr,
        type_name: it.type_name.to_string(),
        real_type: it.real_type.to_string(),
        flags: it.flags.0,
        kind: it.kind.number(),
        value: it.value,
        string_value_bytes: it.string_bytes.map(|it| base64(&it)),
        len: it.len,
        cap: it.cap,
        children: it.children.map(variables),
        base: it.base.0,
        unreadable: it.unreadable.unwrap_or_default(),
        location_expr: it.location.to_string(),
        decl_line: it.decl_line,
    }
}

pub fn asm(it: AsmLine) -> types::AsmInstruction {
    types::AsmInstruction {
        loc: code_place(&it.place),
        dest_loc: it.target.as_ref().map(code_place),
        text: it.text,
        bytes: base64(&it.bytes),
        breakpoint: it.breakpoint,
        at_pc: it.at_pc,
    }
}

/// The general registers in Delve's order and spelling.
pub fn registers(it: &Registers) -> Vec<types::Register> {
    let named: [(&str, u64, i64); 25] = [
        ("Rip", it.rip, 16),
        ("Rsp", it.rsp, 7),
        ("Rax", it.rax, 0),
        ("Rbx", it.rbx, 3),
        ("Rcx", it.rcx, 2),
        ("Rdx", it.rdx, 1),
        ("Rsi", it.rsi, 4),
        ("Rdi", it.rdi, 5),
        ("Rbp", it.rbp, 6),
        ("R8", it.r8, 8),
        ("R9", it.r9, 9),
        ("R10", it.r10, 10),
        ("R11", it.r11, 11),
        ("R12", it.r12, 12),
        ("R13", it.r13, 13),
        ("R14", it.r14, 14),
        ("R15", it.r15, 15),
        ("Rflags", it.rflags, 49),
        ("Es", it.es, 50),
        ("Cs", it.cs, 51),
        ("Ss", it.ss, 52),
        ("Ds", it.ds, 53),
        ("Fs", it.fs, 54),
        ("Gs", it.gs, 55),
        ("Fs_base", it.fs_base, 58),
    ];
    let last = ("Gs_base", it.gs_base, 59);
    named
        .into_iter()
        .chain([last])
        .map(|(name, value, number)| register(name, value, number))
        .collect()
}

pub fn register(name: &str, value: u64, dwarf_number: i64) -> types::Register {
    let mut text = format!("{value:#018x}");
    if name == "Rflags" {
        text.push('\t');
        text.push_str(&flags(value));
    }
    types::Register { name: name.to_owned(), value: text, dwarf_number }
}

/// The flags that are set, by their names (Intel SDM vol. 1, §3.4.3).
fn flags(value: u64) -> String {
    const NAMES: [(u64, &str); 13] = [
        (0, "CF"),
        (2, "PF"),
        (4, "AF"),
        (6, "ZF"),
        (7, "SF"),
        (8, "TF"),
        (9, "IF"),
        (10, "DF"),
        (11, "OF"),
        (14, "NT"),
        (16, "RF"),
        (17, "VM"),
        (18, "AC"),
    ];
    let set = NAMES.iter().filter(|(bit, _)| value >> bit & 1 == 1).map(|it| it.1);
    let iopl = format!("IOPL={}", value >> 12 & 3);
    let all: Vec<&str> = set.chain([iopl.as_str()]).collect();
    format!("[{}]", all.join(" "))
}

/// The registers as the terminal prints them: `Rip = 0x…`, names flush right.
pub fn registers_text(all: &[types::Register]) -> String {
    let width = all.iter().map(|it| it.name.len()).max().unwrap_or(0);
    all.iter().map(|it| format!("{:>width$} = {}\n", it.name, it.value)).collect()
}

/// Base64 with padding (RFC 4648 §4), as Go's `encoding/json` writes bytes.
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |acc, it| acc << 8 | u32::from(*it))
            << (8 * (3 - chunk.len()));
        for n in 0..4 {
            let digit = DIGITS[(group >> (18 - 6 * n) & 63) as usize];
            text.push(if n <= chunk.len() { digit.into() } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded() {
        let cases = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ];
        for (bytes, text) in cases {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn flags_are_named() {
        assert_eq!(flags(0x246), "[PF ZF IF IOPL=0]");
    }
}
