//! What do frames that are at the same code share? Most variables have a fixed distance
//! from the CFA, so the frames of a recursion are looked at once: the next ones are a
//! walk over [`Plan`](super::plan)s.

use std::rc::Rc;

use crate::engine::addr::{Addr, FileAddr};
use crate::engine::eval::EvalScope;
use crate::engine::eval::emit::{Emitter, Sink};
use crate::engine::eval::load::Cx;
use crate::engine::eval::operand::{Data, Operand};
use crate::engine::eval::plan::PlanId;
use crate::engine::eval::scope;
use crate::engine::eval::value::Flags;

/// The code that a frame is at: the PC, and which of the calls that are inlined there.
pub(super) type Code = (FileAddr, usize);

/// A variable of each frame at some code.
#[derive(Clone, Copy)]
pub(super) struct Placed {
    plan: PlanId,
    from_cfa: i64,
    pub flags: Flags,
}

impl Emitter {
    /// The variables of the frame, if they are where they are in each frame at this code.
    /// `all` are those of this one.
    pub(super) fn placed<'v>(
        &mut self,
        cx: &Cx<'_>,
        scope: &EvalScope<'_>,
        all: impl FnOnce() -> &'v [Operand],
    ) -> Option<Rc<[Placed]>> {
        let (code, cfa) = scope::shared_code(cx, scope)?;
        if let Some(known) = self.placed.get(&code) {
            return known.clone();
        }
        let found = match scope::has_fixed_places(cx, code) {
            true => all().iter().map(|it| self.place(cx, it, cfa)).collect(),
            false => None,
        };
        self.placed.insert(code, found.clone());
        found
    }

    fn place(&mut self, cx: &Cx<'_>, it: &Operand, cfa: Addr) -> Option<Placed> {
        let (Data::At(addr), None, Some(ty)) = (&it.data, &it.unreadable, &it.ty) else {
            return None;
        };
        let plan = self.root_plan(cx, it, ty, "")?;
        let from_cfa = addr.0.wrapping_sub(cfa.0).cast_signed();
        Some(Placed { plan, from_cfa, flags: it.flags })
    }

    /// Hands on such a variable of the frame with this CFA. False if it cannot be read,
    /// and nothing has been handed on.
    pub(super) fn emit_placed(
        &mut self,
        cx: &Cx<'_>,
        it: Placed,
        cfa: Addr,
        sink: &mut dyn Sink,
    ) -> bool {
        let at = cfa.offset(it.from_cfa);
        self.emit_planned(cx, it.plan, at, sink)
    }
}
