//! Breakpoints: what the user asked for, as opposed to the sites that implement them.
//!
//! A *breakpoint* has a number, a place, a condition and a count of hits. It resolves to
//! one or more *sites*, addresses where the inferior traps; those are in
//! [`crate::engine::inferior`]. Two breakpoints, or a breakpoint and a step in progress,
//! may share a site.
//!
//! | here          | Delve             | LLDB               | GDB         |
//! |---------------|-------------------|--------------------|-------------|
//! | `Breakpoint`  | LogicalBreakpoint | Breakpoint         | breakpoint  |
//! | site          | Breakpoint        | BreakpointSite     | bp_location |
//! | `Owner`       | Breaklet          | BreakpointLocation | –           |

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::eval::{Compiled, Condition, EvalScope, HitCounts, LoadConfig, Trap};
use crate::engine::golang::{ThreadState, UnwindFrom, UnwindLimits};
use crate::engine::inferior::Hit;
use crate::engine::memory::Memory;
use crate::engine::session::program::Program;

/// The number of the breakpoint at which every panic that nobody recovers stops.
pub const UNRECOVERED_PANIC: i64 = -1;
/// The number of the breakpoint at which fatal errors of the runtime stop.
pub const FATAL_THROW: i64 = -2;

/// Frames that a condition can name (`runtime.frame(n).x`).
const CONDITION_FRAMES_MAX: usize = 16;

/// Goroutines whose hits are counted apart; more are counted in the total only.
const GOROUTINES_COUNTED_MAX: usize = 10_000;

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct Breakpoint {
    /// Positive for the user's own; see [`UNRECOVERED_PANIC`] and [`FATAL_THROW`].
    pub id: i64,
    pub name: String,
    /// Where it is set now; empty while it is disabled or not resolved.
    pub addrs: Vec<Addr>,
    pub file: String,
    pub line: u32,
    pub function: String,
    /// The location spec it was made from, to resolve it again.
    pub spec: String,
    pub settings: Settings,
    pub disabled: bool,
    pub total_hits: u64,
    pub hits_of: BTreeMap<i64, u64>,
}

/// What of a breakpoint an amendment replaces.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub condition: Option<Condition>,
    pub hit_condition: Option<HitCondition>,
    /// The hit condition counts each goroutine's hits apart.
    pub per_goroutine: bool,
    pub tracepoint: bool,
    pub trace_return: bool,
    pub collect: Collect,
    pub custom_commands: Option<Vec<String>>,
    pub root_function: String,
    pub follow_calls: i64,
}

/// What to read when it is hit.
#[derive(Clone, Debug, Default)]
pub struct Collect {
    pub goroutine: bool,
    /// Frames of the stack to read beyond the first; 0 reads none.
    pub stacktrace: usize,
    pub variables: Vec<String>,
    pub arguments: Option<LoadConfig>,
    pub locals: Option<LoadConfig>,
}

impl Collect {
    pub fn is_empty(&self) -> bool {
        !self.goroutine
            && self.stacktrace == 0
            && self.variables.is_empty()
            && self.arguments.is_none()
            && self.locals.is_none()
    }
}

impl Breakpoint {
    /// Counts a hit whose condition was true, and says whether its hit condition is too.
    pub fn count_hit(&mut self, goroutine: Option<i64>) -> bool {
        self.total_hits += 1;
        let mut of_goroutine = 0;
        if let Some(id) = goroutine
            && (self.hits_of.contains_key(&id)
                || self.hits_of.len() < GOROUTINES_COUNTED_MAX)
        {
            let count = self.hits_of.entry(id).or_default();
            *count += 1;
            of_goroutine = *count;
        }
        let counted =
            if self.settings.per_goroutine { of_goroutine } else { self.total_hits };
        self.settings.hit_condition.is_none_or(|it| it.holds(counted))
    }
}

/// A condition on the number of hits: `== 3`, `> 10`, `% 100`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HitCondition {
    pub op: HitOp,
    pub value: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HitOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Multiple,
}

const HIT_OPS: &[(&str, HitOp)] = &[
    ("==", HitOp::Eq),
    ("!=", HitOp::Ne),
    ("<=", HitOp::Le),
    (">=", HitOp::Ge),
    ("<", HitOp::Lt),
    (">", HitOp::Gt),
    ("%", HitOp::Multiple),
];

impl HitCondition {
    /// Parses `OP number` or `number`; empty is no condition.
    ///
    /// # Errors
    ///
    /// In Delve's words, and for `% 0`, which no count can satisfy.
    pub fn parse(text: &str) -> Result<Option<HitCondition>> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Ok(None);
        }
        let unfit = |why: &str| {
            Error::message(format!(
                "unable to parse breakpoint hit condition: {text:?}\nhit conditions \
                 should be of the form \"number\" or \"OP number\"{why}"
            ))
        };
        let (op, number) = HIT_OPS
            .iter()
            .find_map(|(sign, op)| trimmed.strip_prefix(sign).map(|rest| (*op, rest)))
            .unwrap_or((HitOp::Eq, trimmed));
        let number = number.trim();
        let value: u64 = number.parse().map_err(|_| match number.split_once(' ') {
            Some((op, _)) => unfit(&format!("\ninvalid operator: {op:?}")),
            None if op == HitOp::Eq && !trimmed.starts_with("==") => unfit(""),
            None => unfit(&format!("\ninvalid number: {number:?}")),
        })?;
        if op == HitOp::Multiple && value == 0 {
            return Err(unfit("\na count of hits is never a multiple of 0"));
        }
        Ok(Some(HitCondition { op, value }))
    }

    pub fn holds(self, count: u64) -> bool {
        match self.op {
            HitOp::Eq => count == self.value,
            HitOp::Ne => count != self.value,
            HitOp::Lt => count < self.value,
            HitOp::Le => count <= self.value,
            HitOp::Gt => count > self.value,
            HitOp::Ge => count >= self.value,
            HitOp::Multiple => count.is_multiple_of(self.value),
        }
    }

    /// As the wire shows it: `== 3`.
    pub fn text(self) -> String {
        let sign = HIT_OPS.iter().find(|(_, op)| *op == self.op).map_or("", |it| it.0);
        format!("{sign} {}", self.value)
    }
}

/// All breakpoints of a session, by number.
#[derive(Debug, Default)]
pub struct Breakpoints {
    by_id: BTreeMap<i64, Breakpoint>,
    last_id: i64,
    /// Conditions made ready for the addresses where they were first met; `None` for one
    /// that only the general evaluator can answer.
    compiled: FxHashMap<(i64, Addr), Option<Compiled>>,
}

impl Breakpoints {
    pub fn iter(&self) -> impl Iterator<Item = &Breakpoint> {
        self.by_id.values()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Breakpoint> {
        self.by_id.values_mut()
    }

    pub fn get(&self, id: i64) -> Option<&Breakpoint> {
        self.by_id.get(&id)
    }

    pub fn get_mut(&mut self, id: i64) -> Option<&mut Breakpoint> {
        self.by_id.get_mut(&id)
    }

    /// The breakpoint that the user means by a name, or else by a number.
    pub fn find(&self, id: i64, name: &str) -> Result<i64> {
        if name.is_empty() {
            return match self.by_id.contains_key(&id) {
                true => Ok(id),
                false => Err(Error::message(format!("no breakpoint with id {id}"))),
            };
        }
        self.iter()
            .find(|it| it.name == name)
            .map(|it| it.id)
            .ok_or_else(|| Error::message(format!("no breakpoint with name {name}")))
    }

    /// The user's breakpoint that is set at `addr`.
    pub fn at(&self, addr: Addr) -> Option<&Breakpoint> {
        self.iter().find(|it| it.addrs.contains(&addr))
    }

    /// The number for a new breakpoint: the one asked for, or the next.
    pub fn next_id(&mut self, wanted: i64) -> i64 {
        self.last_id = if wanted > 0 { wanted } else { self.last_id + 1 };
        self.last_id
    }

    pub fn insert(&mut self, breakpoint: Breakpoint) {
        self.by_id.insert(breakpoint.id, breakpoint);
    }

    pub fn remove(&mut self, id: i64) -> Option<Breakpoint> {
        self.by_id.remove(&id)
    }

    /// The numbers of hits, for expressions.
    pub fn counts(&self) -> Counts<'_> {
        Counts(&self.by_id)
    }

    /// Forgets how the condition of a breakpoint was compiled, after it was changed.
    pub fn forget_compiled(&mut self, id: i64) {
        self.compiled.retain(|(of, _), _| *of != id);
    }

    /// Whether the condition of a breakpoint is true of the thread that hit it.
    pub fn condition_holds(
        &mut self,
        id: i64,
        program: &Program,
        hit: &Hit<'_>,
    ) -> Result<bool> {
        let Some(breakpoint) = self.by_id.get(&id) else { return Ok(false) };
        let Some(condition) = &breakpoint.settings.condition else { return Ok(true) };
        let compiled = self
            .compiled
            .entry((id, hit.addr))
            .or_insert_with(|| condition.bind(&program.runtime, hit.addr));
        if let Some(compiled) = compiled {
            let counts = Counts(&self.by_id);
            let memory: &dyn Memory = &**hit.memory;
            let runtime = &program.runtime;
            let holds = compiled.eval(&Trap {
                registers: hit.registers,
                memory,
                thread_id: hit.tid.0,
                goroutine_id: &|| runtime.goroutine_id_fast(memory, hit.registers),
                hit_counts: Some(&counts),
            });
            // If it has none, the other way says what is wrong with which part of it.
            if holds.is_ok() {
                return holds;
            }
        }
        self.holds_generally(condition, program, hit)
    }

    /// Evaluates a condition with the stack and the goroutine of the thread.
    fn holds_generally(
        &self,
        condition: &Condition,
        program: &Program,
        hit: &Hit<'_>,
    ) -> Result<bool> {
        let memory: &dyn Memory = &**hit.memory;
        let thread = ThreadState { tid: hit.tid.0, registers: *hit.registers };
        let limits = UnwindLimits::frames(CONDITION_FRAMES_MAX);
        let runtime = &program.runtime;
        let stack = runtime.unwind(memory, &UnwindFrom::Thread(&thread), limits);
        let goroutine = runtime.goroutine_on(memory, &thread);
        let mut scope = EvalScope::new(runtime, memory);
        scope.frames = &stack.frames;
        scope.goroutine = goroutine.as_ref();
        scope.thread_id = thread.tid;
        let counts = self.counts();
        scope.hit_counts = Some(&counts);
        condition.evaluate(&scope)
    }

    /// Refuses a name that the command language could not tell from a number or a place.
    pub fn check_name(&self, name: &str, but: i64) -> Result<()> {
        if name.is_empty() {
            return Ok(());
        }
        if name.parse::<i64>().is_ok() {
            return Err(Error::message("breakpoint name can not be a number"));
        }
        if let Some(odd) = name.chars().find(|c| !c.is_alphanumeric()) {
            return Err(Error::message(format!(
                "invalid character in breakpoint name '{odd}'"
            )));
        }
        match self.iter().any(|it| it.name == name && it.id != but) {
            true => Err(Error::message("breakpoint name already exists")),
            false => Ok(()),
        }
    }
}

/// What conditions may ask of all breakpoints.
pub struct Counts<'a>(&'a BTreeMap<i64, Breakpoint>);

impl HitCounts for Counts<'_> {
    fn by_id(&self, id: i64) -> Option<u64> {
        self.0.get(&id).map(|it| it.total_hits)
    }

    fn by_name(&self, name: &str) -> Option<u64> {
        self.0.values().find(|it| it.name == name).map(|it| it.total_hits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hit_conditions_are_read_and_written_as_delve_does() {
        let cases = [
            ("2", Some("== 2")),
            (" %2", Some("% 2")),
            ("> 10", Some("> 10")),
            (">=1", Some(">= 1")),
            ("", None),
        ];
        for (text, written) in cases {
            let parsed = HitCondition::parse(text).unwrap();
            assert_eq!(parsed.map(HitCondition::text).as_deref(), written, "{text:?}");
        }
        for text in ["foo", "x 3", "> y", "% 0"] {
            assert!(HitCondition::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_hit_condition_per_goroutine_counts_each_apart() {
        let mut it = Breakpoint::default();
        it.settings.hit_condition = HitCondition::parse("== 2").unwrap();
        it.settings.per_goroutine = true;
        let said: Vec<bool> =
            [1, 7, 1, 7].map(|goroutine| it.count_hit(Some(goroutine))).to_vec();
        assert_eq!(said, [false, false, true, true]);
        assert_eq!(it.total_hits, 4);
    }

    #[test]
    fn names_that_could_be_taken_for_something_else_are_refused() {
        let mut all = Breakpoints::default();
        all.insert(Breakpoint { id: 1, name: "here".into(), ..Breakpoint::default() });
        for name in ["12", "a b", "a.b", "here"] {
            assert!(all.check_name(name, 0).is_err(), "{name}");
        }
        assert!(all.check_name("here", 1).is_ok(), "its own name stays");
    }
}
