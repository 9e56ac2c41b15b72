//! Is this condition true? Asked for each hit of a breakpoint, so it is answered from the
//! registers and a few words of memory where that can be.

use crate::engine::addr::Addr;
use crate::engine::error::Result;
use crate::engine::eval::expr::Expr;
use crate::engine::eval::operand::Const;
use crate::engine::eval::parse::parse_expr;
use crate::engine::eval::run::{Evaluator, fail};
use crate::engine::eval::{EvalScope, LoadConfig};
use crate::engine::golang::Runtime;

/// A condition of a breakpoint.
#[derive(Clone, Debug)]
pub struct Condition {
    text: String,
    tree: Expr,
}

/// A condition made ready for one address: see [`Condition::bind`].
#[derive(Clone, Debug)]
pub struct Compiled {
    _ops: (),
}

impl Condition {
    /// Parses a condition. Whether it makes sense where the breakpoint is shows when it
    /// is bound or evaluated.
    pub fn parse(text: &str) -> Result<Condition> {
        let tree = parse_expr(text)?;
        Ok(Condition { text: tree.text(), tree })
    }

    /// The condition as gofmt would write it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Makes the condition ready for a breakpoint site, so that
    /// [`Compiled::eval`](Compiled) needs neither debug information nor a stack. `None` if
    /// it needs more than that: then [`evaluate`](Self::evaluate) answers, slowly.
    pub fn bind(&self, _runtime: &Runtime, _pc: Addr) -> Option<Compiled> {
        None
    }

    /// Evaluates the condition in a scope, the general way.
    pub fn evaluate(&self, scope: &EvalScope<'_>) -> Result<bool> {
        let cx = scope.cx();
        let evaluator = Evaluator::new(&cx, scope, LoadConfig::FULL);
        let operand = evaluator.evaluate(&self.tree)?;
        if let Some(why) = operand.unreadable {
            return fail(format!("condition expression unreadable: {why}"));
        }
        match evaluator.value_of(&operand)? {
            Some(Const::Bool(value)) => Ok(value),
            _ => fail("condition expression not boolean"),
        }
    }
}
