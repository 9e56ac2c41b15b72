//! How are values of C read, where they are not as Go's? Strings that end in a zero byte,
//! fields of some bits, pointers to functions, and pointers that are arrays.

use std::sync::Arc;

use crate::engine::addr::Addr;
use crate::engine::binary::Bits;
use crate::engine::error::Result;
use crate::engine::eval::load::{Cx, Loader, set_string};
use crate::engine::eval::operand::{Const, Operand};
use crate::engine::eval::reader::explain;
use crate::engine::eval::run::{Evaluator, fail};
use crate::engine::eval::types::{Shape, Type};
use crate::engine::eval::value::{Kind, Variable};
use crate::engine::memory::Memory;

/// How much of a string is read at a time. Pages are multiples of it, so that what is
/// behind the string need not be readable.
const CHUNK_LEN: u64 = 64;
/// The longest string that is looked for the end of.
const STRING_LEN_MAX: usize = 1 << 20;

impl Cx<'_> {
    /// A field that is some bits of a number, in the struct at `at`.
    pub fn bits_operand(&self, ty: Type, at: Addr, bits: Bits) -> Operand {
        match self.read_bits(&ty, at, bits) {
            Ok(value) => Operand::typed(ty, value),
            Err(why) => {
                let mut it = Operand::at(ty, Addr(0));
                it.unreadable = Some(why);
                it
            }
        }
    }

    fn read_bits(
        &self,
        ty: &Type,
        at: Addr,
        bits: Bits,
    ) -> std::result::Result<Const, String> {
        let (start, shift) = (bits.offset / 8, (bits.offset % 8) as u32);
        let len = (shift + bits.len).div_ceil(8) as usize;
        let bytes = self.reader.read_bytes(at.offset(start.cast_signed()), len);
        let bytes = bytes.map_err(explain)?;
        let word =
            bytes.iter().rev().fold(0_u128, |word, it| word << 8 | u128::from(*it));
        let unused = 128 - bits.len.clamp(1, 64);
        let at_top = (word >> shift) << unused;
        Ok(match ty.kind() {
            Kind::Bool => Const::Bool(at_top != 0),
            Kind::Int => Const::Int(at_top.cast_signed() >> unused),
            _ => Const::Int((at_top >> unused).cast_signed()),
        })
    }

    /// What is at `at` up to a zero byte, or up to `max` bytes.
    fn read_c_string(
        &self,
        at: Addr,
        max: usize,
    ) -> std::result::Result<Vec<u8>, String> {
        let mut text = Vec::new();
        while text.len() < max.min(STRING_LEN_MAX) {
            let next = at.offset(text.len() as i64);
            let len = CHUNK_LEN - next.0 % CHUNK_LEN;
            let chunk = self.reader.read_bytes(next, len as usize).map_err(explain)?;
            let end = chunk.iter().position(|it| *it == 0);
            text.extend_from_slice(&chunk[..end.unwrap_or(chunk.len())]);
            if end.is_some() {
                break;
            }
        }
        text.truncate(max);
        Ok(text)
    }
}

impl Loader<'_, '_> {
    /// A field that is some bits of a number.
    pub fn bits(&mut self, name: &Arc<str>, ty: &Type, at: Addr, bits: Bits) -> Variable {
        let operand = self.cx.bits_operand(ty.clone(), at, bits);
        let mut v = super::load::load(self.cx, &operand, self.config);
        v.name = Arc::clone(name);
        v
    }

    /// A pointer to characters, shown as the text that it points to.
    pub fn c_string(&mut self, v: &mut Variable) {
        let max = usize::try_from(self.config.string_len_max).unwrap_or(0);
        let at = self.cx.reader.read_word(v.addr).map(Addr).map_err(explain);
        let text = at.and_then(|at| {
            v.base = at;
            match at.0 {
                0 => Ok(Vec::new()),
                _ => self.cx.read_c_string(at, max),
            }
        });
        match text {
            Ok(text) => match self.cx.reader.affords(v.base, text.len()) {
                Ok(()) => {
                    v.len = text.len() as i64;
                    set_string(v, &text);
                }
                Err(why) => v.unreadable = Some(why),
            },
            Err(why) => v.unreadable = Some(why),
        }
    }

    /// A function, whose code is where a pointer to it leads.
    pub fn c_function(&mut self, v: &mut Variable) {
        v.base = v.addr;
        v.value = self.cx.runtime.function_name(v.addr).to_owned();
    }
}

impl Evaluator<'_, '_> {
    /// `p[i]` of a pointer of C, which may be one to an array.
    pub fn c_element(&self, x: &Operand, index: &Operand) -> Result<Option<Operand>> {
        let (Some(ty), Some(at)) = (&x.ty, x.addr()) else { return Ok(None) };
        let Shape::Pointer(elem) = ty.shape() else { return Ok(None) };
        if !ty.is_native() {
            return Ok(None);
        }
        let elem = self.cx.types.elem(elem);
        let base = self.cx.reader.read_word(at).or_else(|fault| fail(explain(fault)))?;
        if base == 0 {
            return fail(format!("{} is NULL", x.name));
        }
        let n = self.as_int(index)?;
        let offset = elem.size().cast_signed().wrapping_mul(n);
        Ok(Some(Operand::at(elem, Addr(base).offset(offset))))
    }
}

/// A variable that the compiler has replaced by its value.
pub(crate) fn constant(ty: Type, value: i64) -> Operand {
    let unused = 64 - 8 * ty.size().clamp(1, 8) as u32;
    let value = match ty.kind() {
        Kind::Bool => Const::Bool(value != 0),
        Kind::Uint => {
            let value = value.cast_unsigned() << unused >> unused;
            Const::Int(value.into())
        }
        _ => Const::Int(value.into()),
    };
    Operand::typed(ty, value)
}
