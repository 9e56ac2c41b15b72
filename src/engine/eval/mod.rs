//! What the user asks: expressions, and values loaded as far as wanted.
//!
//! An [`EvalScope`] says where a question is asked: in which frame, of which goroutine.
//!
//! | question                              | answer                            |
//! |---------------------------------------|-----------------------------------|
//! | which variables are here?             | [`EvalScope::locals`], [`EvalScope::arguments`] |
//! | what is the value of this expression? | [`EvalScope::evaluate`]           |
//! | which package variables are there?    | [`EvalScope::package_variables`]  |
//! | what must be written to set this?     | [`EvalScope::set`]                |
//! | is this condition true?               | [`Condition`]                     |
//!
//! Text becomes a tree ([`parse`]), the tree is walked with [`operand`]s, which are loaded
//! no further than an operation needs ([`run`]), and the result is loaded as far as a
//! [`LoadConfig`] says ([`load`]). Nothing here writes, and nothing runs the inferior.
//!
//! Whatever the inferior claims, an answer comes in bounded time and space: [`reader`] has
//! the limits of a request, [`load`] the depth, [`parse`] the size of an expression.

pub mod value;
pub(crate) mod expr;
pub(crate) mod lex;
pub mod parse;
pub(crate) mod types;
pub(crate) mod operand;
pub mod reader;
pub(crate) mod text;
pub(crate) mod load;
pub(crate) mod prefetch;
pub(crate) mod dynamic;
pub(crate) mod captured;
pub(crate) mod native;
pub(crate) mod bare;
pub(crate) mod caller;
pub mod facts;
pub(crate) mod map;
pub mod emit;
mod plan;
mod placed;
pub(crate) mod zone;
pub mod scope;
pub(crate) mod names;
pub(crate) mod run;
pub(crate) mod member;
pub(crate) mod arith;
pub(crate) mod lookup;
pub(crate) mod cast;
pub(crate) mod builtin;
pub(crate) mod set;
pub(crate) mod composite;
pub mod cpu;
pub mod ops;
pub(crate) mod made;
pub(crate) mod compile;
pub mod condition;

use std::cell::OnceCell;

use regex::Regex;

use crate::engine::addr::Addr;
use crate::engine::error::Result;
use crate::engine::eval::load::{Cx, load};
use crate::engine::eval::run::Evaluator;
use crate::engine::golang::{Frame, Goroutine, Runtime};
use crate::engine::memory::Memory;

pub use condition::{Compiled, Condition};
pub use cpu::RegisterPlace;
pub use emit::{Emitter, Sink};
pub use ops::Trap;
pub use parse::split_assignment;
pub use value::{Flags, Kind, LoadConfig, Variable};

/// Where an expression is evaluated.
#[derive(Clone, Copy)]
pub struct EvalScope<'a> {
    pub runtime: &'a Runtime,
    pub memory: &'a dyn Memory,
    /// The stack, innermost frame first, as far as it is known. Empty where there is none:
    /// then only package variables can be named.
    pub frames: &'a [Frame],
    /// Index into `frames` of the frame whose variables are meant.
    pub frame_index: usize,
    pub goroutine: Option<&'a Goroutine>,
    /// The registers of the thread in the layout of XSAVE (Intel SDM, "XSAVE Area"): for
    /// values in XMM registers of the innermost frame.
    pub xsave: Option<&'a [u8]>,
    /// The thread that runs the goroutine; 0 if none does.
    pub thread_id: i32,
    /// What `delve.bphitcount[…]` means here.
    pub hit_counts: Option<&'a dyn HitCounts>,
    /// Parameters of which nothing is known are variables too.
    pub all_parameters: bool,
}

/// See [`EvalScope::request`].
pub struct Request<'a>(Cx<'a>);

impl Request<'_> {
    /// Reads the stack that these frames are on: most of their variables are there.
    pub fn read_ahead(&self, frames: &[Frame]) {
        /// Larger frames are not read as a whole.
        const FRAME_LEN_MAX: u64 = 64 << 10;
        let place = |it: &Frame| {
            let len = it.cfa.0.checked_sub(it.sp.0)?;
            (len <= FRAME_LEN_MAX).then_some((it.sp, usize::try_from(len).ok()?))
        };
        let places: Vec<_> = frames.iter().filter_map(place).collect();
        self.0.reader.read_ahead(&places);
    }
}

/// The variables of a frame, not loaded yet.
pub struct Found<'c, 'a> {
    cx: &'c Cx<'a>,
    scope: EvalScope<'a>,
    all: OnceCell<Vec<operand::Operand>>,
}

impl Found<'_, '_> {
    /// Hands on the arguments and results.
    pub fn emit_arguments(&self, emitter: &mut Emitter, sink: &mut dyn Sink) {
        self.emit(emitter, sink, is_argument);
    }

    /// Hands on the local variables, in the order of depth and declaration.
    pub fn emit_locals(&self, emitter: &mut Emitter, sink: &mut dyn Sink) {
        self.emit(emitter, sink, |it| !is_argument(it));
    }

    fn emit(
        &self,
        emitter: &mut Emitter,
        sink: &mut dyn Sink,
        wanted: impl Fn(Flags) -> bool,
    ) {
        let placed = emitter.placed(self.cx, &self.scope, || self.all());
        let cfa = self.scope.frame().map_or(Addr(0), |it| it.cfa);
        let Some(placed) = placed else {
            for it in self.all().iter().filter(|it| wanted(it.flags)) {
                emitter.operand(self.cx, it, "", sink);
            }
            return;
        };
        for (nth, it) in placed.iter().enumerate().filter(|(_, it)| wanted(it.flags)) {
            if !emitter.emit_placed(self.cx, *it, cfa, sink)
                && let Some(operand) = self.all().get(nth)
            {
                emitter.operand(self.cx, operand, "", sink);
            }
        }
    }

    fn all(&self) -> &[operand::Operand] {
        let find = || scope::variables(self.cx, &self.scope, self.scope.frame_index);
        self.all.get_or_init(|| find().unwrap_or_default())
    }
}

/// How often breakpoints were hit, for `delve.bphitcount`.
pub trait HitCounts {
    fn by_id(&self, id: i64) -> Option<u64>;
    fn by_name(&self, name: &str) -> Option<u64>;
}

impl<'a> EvalScope<'a> {
    /// A scope without a frame; fill in what else is known.
    pub fn new(runtime: &'a Runtime, memory: &'a dyn Memory) -> EvalScope<'a> {
        EvalScope {
            runtime,
            memory,
            frames: &[],
            frame_index: 0,
            goroutine: None,
            xsave: None,
            thread_id: 0,
            hit_counts: None,
            all_parameters: false,
        }
    }

    pub fn frame(&self) -> Option<&'a Frame> {
        self.frames.get(self.frame_index)
    }

    fn cx(&self) -> Cx<'a> {
        let image = self.runtime.image();
        Cx::new(&image.binary, image.bias, self.runtime, self.memory)
    }

    /// The local variables, those hidden by others included, in the order of depth and
    /// declaration.
    pub fn locals(&self, config: LoadConfig) -> Result<Vec<Variable>> {
        self.variables(config, |it| !is_argument(it))
    }

    /// The arguments and results of the frame's function.
    pub fn arguments(&self, config: LoadConfig) -> Result<Vec<Variable>> {
        self.variables(config, is_argument)
    }

    fn variables(
        &self,
        config: LoadConfig,
        wanted: impl Fn(Flags) -> bool,
    ) -> Result<Vec<Variable>> {
        let cx = self.cx();
        let variables = scope::variables(&cx, self, self.frame_index)?;
        Ok(variables
            .iter()
            .filter(|it| wanted(it.flags))
            .map(|it| load(&cx, it, config))
            .collect())
    }

    /// What several questions of one request share: what was read for one is there for
    /// the next.
    pub fn request(&self) -> Request<'a> {
        Request(self.cx())
    }

    /// The variables of the frame, to be handed on as they are loaded.
    pub fn found<'c>(&self, request: &'c Request<'a>) -> Result<Found<'c, 'a>> {
        let found = Found { cx: &request.0, scope: *self, all: OnceCell::new() };
        if scope::shared_code(&request.0, self).is_none() {
            let all = scope::variables(&request.0, self, self.frame_index)?;
            return Ok(Found { all: all.into(), ..found });
        }
        Ok(found)
    }

    /// Hands on the value of an expression as it is loaded.
    pub fn emit_value(
        &self,
        text: &str,
        emitter: &mut Emitter,
        sink: &mut dyn Sink,
    ) -> Result<()> {
        let tree = parse::parse_expr(text)?;
        let cx = self.cx();
        let operand = Evaluator::new(&cx, self, emitter.config()).evaluate(&tree)?;
        emitter.operand(&cx, &operand, text, sink);
        Ok(())
    }

    /// The value of an expression.
    pub fn evaluate(&self, text: &str, config: LoadConfig) -> Result<Variable> {
        let tree = parse::parse_expr(text)?;
        let cx = self.cx();
        let operand = Evaluator::new(&cx, self, config).evaluate(&tree)?;
        let mut v = load(&cx, &operand, config);
        if v.name.is_empty() {
            v.name = text.into();
        }
        Ok(v)
    }

    /// The package variables whose full name `filter` matches, sorted by name.
    pub fn package_variables(
        &self,
        filter: Option<&Regex>,
        config: LoadConfig,
    ) -> Result<Vec<Variable>> {
        let cx = self.cx();
        let globals = cx.types.binary.globals();
        let wanted = globals.into_iter().filter(|it| match filter {
            Some(filter) => filter.is_match(&it.name),
            None => true,
        });
        Ok(wanted
            .map(|it| names::global_operand(&cx, &it))
            .filter(|it| it.kind() != Kind::Invalid)
            .map(|it| load(&cx, &it, config))
            .collect())
    }

    /// What must be written where to give the value of the expression `value` to the
    /// variable, field or element `symbol`.
    pub fn set(&self, symbol: &str, value: &str) -> Result<Vec<Write>> {
        let target = parse::parse_expr(symbol)?;
        let source = parse::parse_expr(value)?;
        let cx = self.cx();
        let evaluator = Evaluator::new(&cx, self, LoadConfig::FULL);
        set::plan_set(&evaluator, &target, &source)
    }
}

/// Bytes that a [`set`](EvalScope::set) wants written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    Memory {
        addr: Addr,
        bytes: Vec<u8>,
    },
    /// The first bytes of a register of the thread that runs the goroutine.
    Register {
        place: RegisterPlace,
        bytes: Vec<u8>,
    },
}

fn is_argument(flags: Flags) -> bool {
    flags.intersects(Flags::ARGUMENT | Flags::RESULT)
}

#[cfg(test)]
mod tests;
