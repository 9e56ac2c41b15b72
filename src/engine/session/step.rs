//! Stepping by source line: `next`, `step` and `stepout`.
//!
//! Nothing here touches the inferior. A step is *planned* from what the file and the
//! stack say, as a set of places where it may end; the run loop carries the plan out.
//!
//! The rules, and why they are not GDB's:
//!
//! - A step belongs to a goroutine, not to a thread: the scheduler may move the goroutine
//!   while it runs, and others run through the same code. Every place is the goroutine's.
//! - A frame is told from its recursive namesakes by its CFA, which stays the same while
//!   the function runs. Go moves stacks when it grows them, so the CFA is kept as an
//!   offset from the top of the goroutine's stack.
//! - A panic runs deferred calls instead of the next line, so a step also ends in the
//!   topmost one.
//! - The body of a range-over-func loop is a function of its own, which the iterator
//!   calls. To the user it is part of the function around it, and so it is to a step.
//!
//! Start reading at [`plan`].

use std::rc::Rc;

use iced_x86::{Decoder, DecoderOptions, FlowControl, OpKind};

use rustc_hash::FxHashMap;

use crate::engine::addr::FileAddr;
use crate::engine::binary::{Binary, FunctionId, LineRow};

/// How many wrappers a call is followed through to the function that it means.
const WRAPPERS_MAX: usize = 5;
/// Rows whose inlining is looked at for one plan; a longer function steps more coarsely.
const ROWS_MAX: usize = 20_000;
/// Loop bodies of one function that a step may end in.
const RANGE_BODIES_MAX: usize = 64;
/// The bytes of a function that are searched for calls.
const CODE_MAX: u64 = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// To another line of this function, or out of it.
    Next,
    /// The same, but into the functions that the line calls.
    Into,
    /// Out of this function.
    Out,
}

/// What must be true of the frame that reaches a place, for the step to end there.
/// "Inside" is a frame that was called, directly or not, by the frame of the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InFrame {
    /// The frame that the step began in.
    Same,
    /// Its caller: the step's function has returned.
    Caller,
    /// Any frame inside it: a call or a deferred call was entered.
    Inside,
    /// Any frame around it: from the body of a range-over-func loop to its function.
    Around,
    /// A frame inside it that a panic runs: a deferred call that is not part of returning.
    Panicking,
    /// The step goes on: this is a call whose target is known only when it is reached.
    CallSite,
}

/// A place where a step may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub addr: FileAddr,
    pub frame: InFrame,
}

/// A row of the line table where a step may end, with the functions that it is in.
struct StepRow {
    addr: FileAddr,
    file: String,
    line: u32,
    /// Innermost first; inlined ones before the physical one.
    functions: Vec<String>,
}

/// The rows of functions that were stepped through, as [`plan`] wants them: finding out
/// what is inlined where is most of the price of a step.
#[derive(Default)]
pub struct RowCache(FxHashMap<FunctionId, Rc<[StepRow]>>);

/// Functions kept; a session that steps through more begins anew.
const FUNCTIONS_KEPT_MAX: usize = 256;

impl RowCache {
    /// The rows behind the prologue of a function at which to stop is sensible. The
    /// prologue runs again after the stack has grown: it is no place to stop.
    fn rows(&mut self, binary: &Binary, id: FunctionId) -> Rc<[StepRow]> {
        if let Some(known) = self.0.get(&id) {
            return Rc::clone(known);
        }
        let function = binary.function(id);
        let after_prologue = binary.prologue_end(id);
        let rows: Rc<[StepRow]> = binary
            .rows(id)
            .iter()
            .filter(|row| row.is_stmt)
            .filter(|row| row.addr >= after_prologue || row.addr < function.entry)
            .take(ROWS_MAX)
            .map(|row| {
                let stack = binary.inline_stack(row.addr);
                StepRow {
                    addr: row.addr,
                    file: stack.first().map_or(String::new(), |it| it.file.to_owned()),
                    line: row.line,
                    functions: stack.iter().map(|it| it.function.to_owned()).collect(),
                }
            })
            .collect();
        if self.0.len() >= FUNCTIONS_KEPT_MAX {
            self.0.clear();
        }
        self.0.insert(id, Rc::clone(&rows));
        rows
    }
}

/// What a step starts from.
pub struct Start<'a> {
    pub binary: &'a Binary,
    /// Where the goroutine is.
    pub pc: FileAddr,
    /// Where the frame returns to; `None` at the top of a stack.
    pub return_to: Option<FileAddr>,
    /// The function that a panic would run next.
    pub deferred: Option<FileAddr>,
}

/// Plans a step of `kind`.
///
/// A row marked `is_stmt` is a place to stop (DWARF 5 §6.2.2), unless it is of the line
/// that the goroutine is on, or of a call that was inlined and is to be stepped over.
/// Delve: `next` in `pkg/proc/target_exec.go`.
pub fn plan(start: &Start<'_>, kind: StepKind, rows: &mut RowCache) -> Vec<Place> {
    let binary = start.binary;
    let mut places = Vec::new();
    let function = binary.function_at(start.pc);
    if let Some(id) = function {
        let here = Here::at(binary, start.pc, kind);
        plan_rows(&rows.rows(binary, id), &here, &mut places);
        if kind == StepKind::Into {
            plan_calls(binary, id, start.pc, &mut places);
        }
        plan_range_bodies(binary, id, start, kind, &mut places);
    }
    let in_body = function.is_some_and(|id| is_range_body(binary.function(id).name));
    if let Some(addr) = start.return_to
        && (!in_body || kind == StepKind::Out)
    {
        places.push(Place { addr, frame: InFrame::Caller });
    }
    if let Some(entry) = start.deferred
        && let Some(addr) = callee_place(binary, entry, true)
    {
        // Returning runs deferred calls too: those are entered like any other call.
        let frame = match kind {
            StepKind::Next | StepKind::Out => InFrame::Panicking,
            StepKind::Into => InFrame::Inside,
        };
        places.push(Place { addr, frame });
    }
    places.sort_by_key(|place| place.addr);
    places.dedup();
    places
}

/// The line that a step starts from, in the innermost frame, inlined or not.
struct Here {
    file: String,
    line: u32,
    /// The functions that the position is in, outermost first; inlined ones follow the
    /// physical one.
    functions: Vec<String>,
    kind: StepKind,
}

impl Here {
    fn at(binary: &Binary, pc: FileAddr, kind: StepKind) -> Here {
        let stack = binary.inline_stack(pc);
        let (file, line) =
            stack.first().map_or((String::new(), 0), |it| (it.file.to_owned(), it.line));
        let functions = stack.iter().rev().map(|it| it.function.to_owned()).collect();
        Here { file, line, functions, kind }
    }

    /// Whether a step that starts here may end at a row of `line`, whose position is in
    /// the functions `stack`, innermost first.
    fn may_end(&self, file: &str, line: u32, stack: &[impl AsRef<str>]) -> bool {
        let depth = self.functions.len();
        let common = stack
            .iter()
            .rev()
            .zip(&self.functions)
            .take_while(|(a, b)| a.as_ref() == b.as_str())
            .count();
        let same = common == depth && stack.len() == depth;
        let deeper = stack.len() > depth && common == depth;
        let shallower = stack.len() < depth && common == stack.len();
        match self.kind {
            StepKind::Next => {
                shallower || same && !(line == self.line && file == self.file)
            }
            StepKind::Into => {
                shallower || deeper || same && !(line == self.line && file == self.file)
            }
            StepKind::Out => shallower,
        }
    }
}

fn plan_rows(rows: &[StepRow], here: &Here, places: &mut Vec<Place>) {
    for row in rows {
        if here.may_end(&row.file, row.line, &row.functions) {
            places.push(Place { addr: row.addr, frame: InFrame::Same });
        }
    }
}

/// The calls on the line of `pc`: direct ones end the step behind the callee's prologue,
/// others are looked at when they are reached.
fn plan_calls(binary: &Binary, id: FunctionId, pc: FileAddr, places: &mut Vec<Place>) {
    let from_runtime = is_hidden_runtime(binary.function(id).name);
    for call in calls_on_line(binary, id, pc) {
        match call.target {
            Some(target) => {
                if let Some(addr) = callee_place(binary, target, from_runtime) {
                    places.push(Place { addr, frame: InFrame::Inside });
                }
            }
            None => places.push(Place { addr: call.at, frame: InFrame::CallSite }),
        }
    }
}

/// Where a step into the function at `target` ends; `None` if it is one that users do
/// not step into.
pub fn callee_place(
    binary: &Binary,
    target: FileAddr,
    from_runtime: bool,
) -> Option<FileAddr> {
    let mut target = target;
    for _ in 0..WRAPPERS_MAX {
        let id = binary.function_at(target)?;
        let function = binary.function(id);
        if is_hidden_runtime(function.name) && !from_runtime {
            return None;
        }
        if !is_wrapper(binary, id) {
            // A call into the middle, as of duffzero, is no call of the function.
            let whole = function.entry == target;
            return whole.then(|| binary.prologue_end(id));
        }
        let inner = calls_in(binary, function.entry, function.end);
        let user = |it: &Call| {
            let name = binary.function(binary.function_at(it.target?)?).name;
            (!is_hidden_runtime(name)).then_some(it.target?)
        };
        target = inner.iter().find_map(user)?;
    }
    None
}

/// Method wrappers, method values, `go` and `defer` wrappers: compiled by Go for itself.
pub fn is_wrapper(binary: &Binary, id: FunctionId) -> bool {
    let function = binary.function(id);
    function.file == "<autogenerated>"
        || function.name.contains(".deferwrap")
        || function.name.contains(".gowrap")
        || function.name.ends_with("-fm")
}

/// The parts of the runtime and of its internals that a step goes over.
pub fn is_hidden_runtime(name: &str) -> bool {
    let unexported = |rest: &str| !rest.starts_with(|c: char| c.is_uppercase());
    name.strip_prefix("runtime.").is_some_and(unexported)
        || name.starts_with("internal/runtime/")
        || name.starts_with("runtime/internal/")
        || name.starts_with("internal/abi.")
        || name.starts_with("gcWriteBarrier")
}

/// A call instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    pub at: FileAddr,
    /// The address after it.
    pub next: FileAddr,
    /// `None` for a call through a register or memory.
    pub target: Option<FileAddr>,
}

/// The calls of the function `id` on the source line of `pc`.
fn calls_on_line(binary: &Binary, id: FunctionId, pc: FileAddr) -> Vec<Call> {
    let function = binary.function(id);
    let Some(here) = binary.line_at(pc) else { return Vec::new() };
    let rows = binary.rows(id);
    let ranges = rows.iter().enumerate().filter(|(_, row)| row.line == here.line);
    let mut calls = Vec::new();
    for (at, row) in ranges {
        let end = rows.get(at + 1).map_or(function.end, |next: &LineRow| next.addr);
        if row.addr < end && binary.file(row.file) == here.file {
            calls.extend(calls_in(binary, row.addr, end));
        }
    }
    calls
}

/// The call instructions from `start` up to `end`.
pub fn calls_in(binary: &Binary, start: FileAddr, end: FileAddr) -> Vec<Call> {
    let len = end.0.saturating_sub(start.0).min(CODE_MAX);
    let Some(code) = binary.loadable_bytes(start, len as usize) else {
        return Vec::new();
    };
    let decoder = Decoder::with_ip(64, code, start.0, DecoderOptions::NONE);
    let mut calls = Vec::new();
    for instruction in decoder {
        let indirect = match instruction.flow_control() {
            FlowControl::Call => false,
            FlowControl::IndirectCall => true,
            _ => continue,
        };
        let near = instruction.op0_kind() == OpKind::NearBranch64;
        let target =
            (!indirect && near).then(|| FileAddr(instruction.near_branch_target()));
        let (at, next) = (FileAddr(instruction.ip()), FileAddr(instruction.next_ip()));
        calls.push(Call { at, next, target });
    }
    calls
}

/// The return instructions from `start` up to `end`.
pub fn returns_in(binary: &Binary, start: FileAddr, end: FileAddr) -> Vec<FileAddr> {
    let len = end.0.saturating_sub(start.0).min(CODE_MAX);
    let Some(code) = binary.loadable_bytes(start, len as usize) else {
        return Vec::new();
    };
    Decoder::with_ip(64, code, start.0, DecoderOptions::NONE)
        .iter()
        .filter(|it| it.flow_control() == FlowControl::Return)
        .map(|it| FileAddr(it.ip()))
        .collect()
}

/// Whether `name` is the body of a range-over-func loop: `main.f-range1`,
/// `main.f.func2-range1-range2` (Go 1.23 and later).
pub fn is_range_body(name: &str) -> bool {
    range_parent(name).is_some()
}

/// The function whose loop `name` is the body of.
pub fn range_parent(name: &str) -> Option<&str> {
    let (mut parent, mut found) = (name, false);
    while let Some((before, number)) = parent.rsplit_once("-range")
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
    {
        (parent, found) = (before, true);
    }
    found.then_some(parent)
}

/// From a function into the bodies of its range-over-func loops, and from a body back to
/// the function around it or into the next round.
fn plan_range_bodies(
    binary: &Binary,
    id: FunctionId,
    start: &Start<'_>,
    kind: StepKind,
    places: &mut Vec<Place>,
) {
    let name = binary.function(id).name;
    let parent = range_parent(name);
    if kind == StepKind::Out {
        return;
    }
    let around = parent.unwrap_or(name);
    for body in range_bodies(binary, around) {
        let addr = binary.prologue_end(body);
        let frame = InFrame::Inside;
        // From a body, the next round is a new frame at the depth of this one.
        places.push(Place { addr, frame });
        if parent.is_some() {
            places.push(Place { addr, frame: InFrame::Same });
        }
    }
    if parent.is_some() {
        for outer in binary.functions_named(around) {
            let here = Here::at(binary, start.pc, StepKind::Next);
            let rows = binary.rows(outer);
            let after_prologue = binary.prologue_end(outer);
            let stops = rows.iter().filter(|row| {
                row.is_stmt && row.addr >= after_prologue && row.line != here.line
            });
            places.extend(
                stops.map(|row| Place { addr: row.addr, frame: InFrame::Around }),
            );
        }
    }
}

/// The bodies of the range-over-func loops of `function`. Loops within loops are numbered
/// on up to Go 1.26 and named one after the other (`-range1-range1`) since 1.27.
fn range_bodies(binary: &Binary, function: &str) -> Vec<FunctionId> {
    let mut found = Vec::new();
    let mut outer = vec![function.to_owned()];
    while let Some(name) = outer.pop() {
        for n in 1..=RANGE_BODIES_MAX {
            let body = format!("{name}-range{n}");
            let ids = binary.functions_named(&body);
            if ids.is_empty() || found.len() >= RANGE_BODIES_MAX {
                break;
            }
            found.extend(ids);
            outer.push(body);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here(functions: &[&str], kind: StepKind) -> Here {
        let functions = functions.iter().map(|it| (*it).to_owned()).collect();
        Here { file: "a.go".into(), line: 10, functions, kind }
    }

    #[test]
    fn a_step_ends_on_another_line_but_not_in_what_was_inlined() {
        use StepKind::{Into, Next, Out};
        let cases: &[(&[&str], StepKind, u32, &[&str], bool)] = &[
            (&["f"], Next, 10, &["f"], false),
            (&["f"], Next, 11, &["f"], true),
            (&["f"], Next, 99, &["inlined", "f"], false),
            (&["f"], Into, 99, &["inlined", "f"], true),
            (&["f", "inlined"], Next, 10, &["f"], true),
            (&["f", "inlined"], Next, 99, &["sibling", "f"], false),
            (&["f", "inlined"], Next, 98, &["inlined", "f"], true),
            (&["f"], Out, 11, &["f"], false),
            (&["f", "inlined"], Out, 11, &["f"], true),
            (&["f", "inlined"], Out, 98, &["inlined", "f"], false),
        ];
        for (from, kind, line, stack, expected) in cases {
            let said = here(from, *kind).may_end("a.go", *line, stack);
            assert_eq!(said, *expected, "{kind:?} from {from:?} at {line} in {stack:?}");
        }
    }

    #[test]
    fn the_same_line_of_another_file_is_another_line() {
        assert!(here(&["f"], StepKind::Next).may_end("b.go", 10, &["f"]));
    }

    #[test]
    fn loop_bodies_know_the_function_around_them() {
        let cases = [
            ("main.f-range1", Some("main.f")),
            ("main.f-range1-range2", Some("main.f")),
            ("main.f.func2-range1", Some("main.f.func2")),
            ("main.f", None),
            ("main.f-range", None),
            ("main.out-ranged", None),
        ];
        for (name, parent) in cases {
            assert_eq!(range_parent(name), parent, "{name}");
        }
    }

    #[test]
    fn steps_go_over_the_runtime_but_not_over_what_it_exports() {
        for hidden in ["runtime.mallocgc", "internal/runtime/maps.newGroup"] {
            assert!(is_hidden_runtime(hidden), "{hidden}");
        }
        for shown in ["runtime.GC", "main.f", "runtime/pprof.Do", "strings.Index"] {
            assert!(!is_hidden_runtime(shown), "{shown}");
        }
    }
}
