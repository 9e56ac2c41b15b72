//! What is `m[k]`? The entries of a map are gone through, without making values of those
//! that are not meant.

use crate::engine::addr::Addr;
use crate::engine::error::Result;
use crate::engine::eval::arith::in_kind;
use crate::engine::eval::expr::Op;
use crate::engine::eval::load::read_scalar;
use crate::engine::eval::operand::{Const, Operand};
use crate::engine::eval::reader::explain;
use crate::engine::eval::run::{Evaluator, fail};
use crate::engine::eval::types::{Shape, Type};
use crate::engine::eval::value::{Flags, Kind};
use crate::engine::memory::Memory;

impl Evaluator<'_, '_> {
    /// `m[k]`
    pub fn map_element(&self, x: &Operand, key: &Operand) -> Result<Operand> {
        let (Some(ty), Some(at)) = (&x.ty, x.addr()) else {
            return fail("can not access a map behind a nil pointer");
        };
        let view = super::map::open(self.cx, ty, at)
            .or_else(|why| fail(format!("can not access unreadable map: {why}")))?;
        match &key.ty {
            None => self.check_constant(key, &view.key)?,
            Some(key_ty) if !self.cx.types.same(key_ty, &view.key) => {
                let (from, to) = (key_ty.name(), view.key.name());
                return fail(format!("can not convert value of type {from} to {to}"));
            }
            Some(_) => {}
        }
        let wanted = self.value_of(key)?;
        let mut found = None;
        let mut failed = None;
        let walked = view.walk(self.cx, &mut |entry| {
            let candidate = Operand::at(view.key.clone(), entry.key);
            let equal = match &wanted {
                Some(wanted) => self.is_key(&view.key, entry.key, wanted),
                None => self.compare(Op::Eq, &candidate, key, 0),
            };
            match equal {
                Ok(false) => true,
                Ok(true) => {
                    found = Some(entry.elem);
                    false
                }
                Err(error) => {
                    failed = Some(error);
                    false
                }
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        walked.or_else(|why| fail(format!("can not access unreadable map: {why}")))?;
        match found {
            Some(elem) => {
                let mut it = Operand::at(view.elem, elem);
                it.flags = Flags::default();
                Ok(it)
            }
            // **wire**: the scripting of Delve's clients compares this text.
            None => fail("key not found"),
        }
    }

    /// Whether the key at an address is `wanted`: without making values of the many that
    /// are not.
    fn is_key(&self, ty: &Type, at: Addr, wanted: &Const) -> Result<bool> {
        let reader = &self.cx.reader;
        match (wanted, ty.kind()) {
            (Const::String(wanted), Kind::String) => {
                let len = reader.read_word(at.offset(8)).or_else(|f| fail(explain(f)))?;
                if len != wanted.len() as u64 {
                    return Ok(false);
                }
                let base = reader.read_word(at).or_else(|f| fail(explain(f)))?;
                let bytes = reader.read_bytes(Addr(base), wanted.len());
                Ok(bytes.or_else(|f| fail(explain(f)))? == *wanted)
            }
            (wanted, Kind::Interface) => {
                // The key is compared with what the interface holds.
                let empty = matches!(ty.shape(), Shape::Interface { empty: true });
                match self.cx.held_by(at, empty).or_else(fail)? {
                    super::dynamic::Held::Value { ty, at } => {
                        let held = self.value_of(&Operand::at(ty, at))?;
                        Ok(held.as_ref() == Some(wanted))
                    }
                    _ => Ok(false),
                }
            }
            _ => {
                let key = read_scalar(reader, ty, at).or_else(fail)?;
                Ok(key == in_kind(wanted, Some(ty)))
            }
        }
    }
}
