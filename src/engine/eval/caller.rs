//! Where are the variables of a function that waits for a call to return?
//!
//! At the call, the debug information often says that a value is in a register, which the
//! callee may have overwritten since: Go's functions save none (`abi-internal.md`); or it
//! says nothing. What is needed after the call was put on the stack before it, and of that
//! the debug information speaks from the return address on. Nothing is executed between.

use std::rc::Rc;

use crate::engine::addr::FileAddr;
use crate::engine::binary::{Location, Piece, PieceAt, Scope, VariableInfo};
use crate::engine::error::Result;
use crate::engine::eval::load::Cx;
use crate::engine::golang::Frame;

/// The table of which inlined call an instruction is of (`abi.PCDATA_InlTreeIndex`).
const INLINE_TREE_INDEX: u32 = 2;

impl Cx<'_> {
    /// The variables at the place of a frame, those of a caller where they are while it
    /// waits.
    pub fn scope_of(&self, frame: &Frame) -> Result<Rc<Scope>> {
        let at_call = self.bias.stated(frame.lookup_pc);
        let found = self.scope_at(at_call, frame.inline_depth)?;
        let after = self.bias.stated(frame.pc);
        let mut all = found.variables.iter().chain(&found.hidden);
        if after == at_call
            || frame.registers.is_some()
            || !all.any(|it| is_lost(&it.location))
        {
            return Ok(found);
        }
        Ok(self.waiting_scope((after, frame.inline_depth), || {
            let depth = self.inline_depth_after(at_call, after, frame.inline_depth);
            let later = depth.and_then(|it| self.scope_at(after, it).ok());
            let Some(later) = later else { return found.clone() };
            let mut scope = (*found).clone();
            for it in &mut scope.variables {
                settle(it, &later.variables);
            }
            for it in &mut scope.hidden {
                settle(it, &later.hidden);
            }
            Rc::new(scope)
        }))
    }

    /// The depth at `after` of a frame that has `depth` at the call before it. Behind the
    /// last instruction of an inlined call, its frame is no more.
    fn inline_depth_after(
        &self,
        at_call: FileAddr,
        after: FileAddr,
        depth: usize,
    ) -> Option<usize> {
        let binary = self.types.binary;
        let inlined_in = |pc| binary.pcdata(pc, INLINE_TREE_INDEX);
        if inlined_in(at_call) == inlined_in(after) {
            return Some(depth);
        }
        let is_physical = depth + 1 == binary.inline_stack(at_call).len();
        if is_physical { binary.inline_stack(after).len().checked_sub(1) } else { None }
    }
}

/// Takes the place on the stack that a variable has after the call, if it has none before.
fn settle(it: &mut VariableInfo, later: &[VariableInfo]) {
    if !is_lost(&it.location) {
        return;
    }
    let same = |other: &&VariableInfo| {
        let key =
            |it: &VariableInfo| (it.kind, it.decl_line, it.depth, it.ty, it.escaped);
        other.name == it.name && key(other) == key(it)
    };
    let mut known = later.iter().filter(same);
    if let (Some(found), None) = (known.next(), known.next())
        && is_on_stack(&found.location)
    {
        it.location = found.location.clone();
        it.location_text.clone_from(&found.location_text);
    }
}

/// Whether a value that is there at the call is not, while the callee runs.
fn is_lost(location: &Location) -> bool {
    let is_register = |it: &Piece| matches!(it.at, PieceAt::Register(_));
    match location {
        Location::OptimizedOut => false,
        Location::NotLive => true,
        Location::Pieces(pieces) => pieces.iter().any(is_register),
    }
}

fn is_on_stack(location: &Location) -> bool {
    matches!(location, Location::Pieces(pieces)
        if pieces.iter().all(|it| matches!(it.at, PieceAt::CfaOffset(_))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_the_stack_is_wholly_there() {
        let at = |pieces: &[PieceAt]| {
            let piece = |at: &PieceAt| Piece { size: Some(8), at: at.clone() };
            Location::Pieces(pieces.iter().map(piece).collect())
        };
        let (slot, register) = (PieceAt::CfaOffset(-16), PieceAt::Register(0));
        let cases = [
            (vec![slot.clone()], false, true),
            (vec![slot.clone(), slot.clone()], false, true),
            (vec![slot.clone(), register.clone()], true, false),
            (vec![register], true, false),
            (vec![slot, PieceAt::Unavailable], false, false),
        ];
        for (pieces, lost, on_stack) in cases {
            let location = at(&pieces);
            assert_eq!(is_lost(&location), lost, "{pieces:?}");
            assert_eq!(is_on_stack(&location), on_stack, "{pieces:?}");
        }
    }
}
