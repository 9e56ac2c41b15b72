//! `examinemem`: raw memory.

use crate::api::base64;
use crate::api::methods::{EvalIn, ExamineMemoryIn};
use crate::api::types::{Kind, Variable};
use crate::frontend::command::parse::unsigned;
use crate::frontend::command::session::{
    CommandError, Front, Outcome, Scope, Session, say,
};
use crate::frontend::command::{MemoryArgs, MemoryOperand};
use crate::frontend::text::memory::dump;
use crate::frontend::text::variable::{kind_name, number_of};

/// The most bytes that a service gives at once.
const REQUEST_LEN_MAX: i64 = 1 << 16;

impl Session {
    pub(super) fn examine_memory(
        &self,
        args: &MemoryArgs,
        scope: Scope,
        front: &mut dyn Front,
    ) -> Outcome {
        let mut address = match &args.operand {
            MemoryOperand::Address(address) => *address,
            MemoryOperand::Expr(expr) => self.address_of(expr, scope)?,
        };
        let size = usize::try_from(args.size).unwrap_or(1);
        // A multiple of the row, so that rows go on as if it were one piece.
        let piece_max = REQUEST_LEN_MAX / (8 * args.size) * (8 * args.size);
        let mut left = args.count.saturating_mul(args.size);
        while left > 0 && !front.is_interrupted() {
            let length = left.min(piece_max);
            let out = self.call(ExamineMemoryIn { address, length })?;
            let memory = base64::decode(&out.mem)
                .ok_or_else(|| CommandError::other("the service sent no base64"))?;
            if args.raw {
                front.show_raw(&memory);
            } else {
                for line in dump(address, &memory, args.base, size) {
                    say(line, front);
                }
            }
            address = address.wrapping_add(length.unsigned_abs());
            left -= length;
        }
        Ok(())
    }

    /// What a pointer points to, or an integer itself.
    fn address_of(&self, expr: &str, scope: Scope) -> Outcome<u64> {
        let cfg = Some(self.config.load_config());
        let args = EvalIn { scope: scope.wire(), expr: expr.to_owned(), cfg };
        let value: Variable = self.call(args)?.variable.unwrap_or_default();
        match value.kind {
            Kind::PTR => {
                let target = value.children.iter().flatten().next();
                let target = target
                    .ok_or_else(|| CommandError::other(format!("{expr} is nil")))?;
                Ok(target.addr)
            }
            2..=12 => Ok(unsigned(number_of(&value.value))?),
            kind => {
                let text = format!("unsupported expression type: {}", kind_name(kind));
                Err(CommandError::Other(text))
            }
        }
    }
}
