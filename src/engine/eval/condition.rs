//! Is this condition true? Asked for each hit of a breakpoint, so it is answered from the
//! registers and a few words of memory where that can be.
//!
//! A condition is parsed once, and [bound](Condition::bind) once for each address that the
//! breakpoint has. What comes of it is evaluated for each hit, by
//! [`ops`](super::ops), in less time than it takes to read the registers.

use crate::engine::addr::Addr;
use crate::engine::error::Result;
use crate::engine::eval::compile::compile;
use crate::engine::eval::expr::{Expr, ExprKind};
use crate::engine::eval::operand::Const;
use crate::engine::eval::ops::{Program, Trap};
use crate::engine::eval::parse::parse_expr;
use crate::engine::eval::run::{Evaluator, fail};
use crate::engine::eval::{EvalScope, LoadConfig};
use crate::engine::golang::Runtime;

/// A condition of a breakpoint.
#[derive(Clone, Debug)]
pub struct Condition {
    text: String,
    tree: Expr,
    /// It was `delve.catch(…)`: what cannot be evaluated is false.
    catches: bool,
}

/// A condition made ready for one address: see [`Condition::bind`].
#[derive(Clone, Debug)]
pub struct Compiled {
    program: Program,
    catches: bool,
}

impl Condition {
    /// Parses a condition. Whether it makes sense where the breakpoint is shows when it
    /// is bound or evaluated.
    pub fn parse(text: &str) -> Result<Condition> {
        let tree = parse_expr(text)?;
        let text = tree.text();
        Ok(match caught(&tree) {
            Some(inner) => Condition { text, tree: inner.clone(), catches: true },
            None => Condition { text, tree, catches: false },
        })
    }

    /// The condition as gofmt would write it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Makes the condition ready for a breakpoint site at `pc`, so that
    /// [`Compiled::eval`] needs neither debug information nor a stack. `None` if it needs
    /// more than that: then [`evaluate`](Self::evaluate) answers, slowly.
    pub fn bind(&self, runtime: &Runtime, pc: Addr) -> Option<Compiled> {
        let image = runtime.image();
        let program = compile(&image.binary, image.bias, pc, &self.tree)?;
        Some(Compiled { program, catches: self.catches })
    }

    /// Evaluates the condition in a scope, the general way.
    pub fn evaluate(&self, scope: &EvalScope<'_>) -> Result<bool> {
        judged(self.evaluate_in(scope), self.catches)
    }

    fn evaluate_in(&self, scope: &EvalScope<'_>) -> Result<bool> {
        let cx = scope.cx();
        let evaluator = Evaluator::new(&cx, scope, LoadConfig::FULL);
        let operand = evaluator.evaluate(&self.tree)?;
        if let Some(why) = operand.unreadable {
            return fail(format!("{UNREADABLE}{why}"));
        }
        match evaluator.value_of(&operand)? {
            Some(Const::Bool(value)) => Ok(value),
            _ => fail(NOT_BOOLEAN),
        }
    }
}

impl Compiled {
    /// Whether the condition holds for a thread that is stopped at the address it was
    /// bound for.
    pub fn eval(&self, trap: &Trap<'_>) -> Result<bool> {
        judged(self.program.run(trap), self.catches)
    }
}

const UNREADABLE: &str = "condition expression unreadable: ";
pub(crate) const NOT_BOOLEAN: &str = "condition expression not boolean";

/// An evaluation with its errors as Delve words them for conditions.
fn judged(result: Result<bool>, catches: bool) -> Result<bool> {
    result.or_else(|error| {
        let text = error.to_string();
        match catches {
            true => Ok(false),
            false if text == NOT_BOOLEAN || text.starts_with(UNREADABLE) => Err(error),
            false => fail(format!("error evaluating expression: {text}")),
        }
    })
}

/// The `x` of `delve.catch(x)`.
fn caught(tree: &Expr) -> Option<&Expr> {
    let ExprKind::Call(f, args) = &tree.kind else { return None };
    let ExprKind::Selector(x, name) = &f.kind else { return None };
    match args.as_slice() {
        [arg] if x.ident() == Some("delve") && name == "catch" => Some(arg),
        _ => None,
    }
}
