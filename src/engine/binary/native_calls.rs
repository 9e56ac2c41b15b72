//! With what did code of C call a function? Optimized code forgets what it was passed;
//! its compiler notes what the caller would have to compute to say it again.

use super::Binary;
use super::FunctionId;
use super::dies::{Address, Die, DieReader, Place};
use super::location::FrameBase;
use super::native::PREFIX;
use super::units::Unit;
use crate::engine::addr::FileAddr;

impl Binary {
    /// The expression for what the call of `callee` that returns to `return_to` passes in
    /// a register, in terms of the caller's frame (`DW_TAG_call_site_parameter`, DWARF 5
    /// §3.4.2, and what gcc and clang have instead in DWARF 4). `None` if that is not
    /// noted, or if it may have been another call that led to `callee`, by a jump.
    pub fn passed_in(
        &self,
        callee: FunctionId,
        return_to: FileAddr,
        register: u16,
    ) -> Option<&[u8]> {
        let name = self.function(callee).name.strip_prefix(PREFIX)?;
        let call = FileAddr(return_to.0.checked_sub(1)?);
        let caller = self.function_at(call).filter(|it| self.is_native(*it))?;
        if self.jumps_away(callee) {
            return None;
        }
        let (unit, function) = self.function_die(self.function(caller).entry)?;
        let base = FrameBase::of(function.frame_base, unit.encoding);
        if base != FrameBase::Cfa || !function.has_children {
            return None;
        }
        let mut calls = self.calls_of(unit, &function);
        let mut is_here = false;
        while let Some(die) = calls.next_if(|tag, _| is_call(tag) || is_parameter(tag)) {
            if is_call(die.tag) {
                if is_here {
                    return None;
                }
                let of = die.origin.and_then(|it| self.die_at(it));
                let of = of.and_then(|it| self.with_origin(it.1).name);
                is_here = self.returns_to(unit, &die) == Some(return_to.0)
                    && of == Some(name.as_bytes());
            } else if is_here
                && is_register(die.location, register)
                && let Place::Expression(value) = die.call_value
            {
                return Some(value);
            }
        }
        None
    }

    /// Whether a function of C may end by jumping to another: that may lead to itself,
    /// with other arguments.
    fn jumps_away(&self, id: FunctionId) -> bool {
        let Some((unit, function)) = self.function_die(self.function(id).entry) else {
            return true;
        };
        if !function.has_children {
            return false;
        }
        let mut calls = self.calls_of(unit, &function);
        while let Some(die) = calls.next_if(|tag, _| is_call(tag)) {
            if die.is_tail_call {
                return true;
            }
        }
        false
    }

    /// Reads what is in a function.
    fn calls_of<'a>(&'a self, unit: &'a Unit, function: &Die<'a>) -> DieReader<'a> {
        let mut reader = DieReader::new(self, unit, function.offset);
        reader.next();
        reader
    }

    fn returns_to(&self, unit: &Unit, call: &Die<'_>) -> Option<u64> {
        match call.call_return_pc.or(call.low_pc)? {
            Address::Length(at) => Some(at),
            at => unit.address(self, at),
        }
    }
}

fn is_call(tag: u16) -> bool {
    use gimli::constants as dw;
    [dw::DW_TAG_call_site, dw::DW_TAG_GNU_call_site].iter().any(|it| it.0 == tag)
}

fn is_parameter(tag: u16) -> bool {
    use gimli::constants as dw;
    let tags = [dw::DW_TAG_call_site_parameter, dw::DW_TAG_GNU_call_site_parameter];
    tags.iter().any(|it| it.0 == tag)
}

/// Whether a place is this register (`DW_OP_reg0` to `DW_OP_reg31`).
fn is_register(place: Place<'_>, register: u16) -> bool {
    let Place::Expression([op]) = place else { return false };
    op.checked_sub(gimli::DW_OP_reg0.0).map(u16::from) == Some(register)
}
