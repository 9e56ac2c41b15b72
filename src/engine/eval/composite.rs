//! What is `T{a, b}`? A struct or an array put together here, where it can be compared,
//! looked into, and copied to a variable like any other value.

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::eval::expr::{Element, Expr, ExprKind};
use crate::engine::eval::operand::Operand;
use crate::engine::eval::run::{Evaluator, fail};
use crate::engine::eval::set::Plan;
use crate::engine::eval::types::{Shape, Type};
use crate::engine::eval::value::Flags;

/// The largest value that is put together, in bytes.
const LITERAL_LEN_MAX: u64 = 64 << 10;

impl Evaluator<'_, '_> {
    /// `T{a, b}` or `T{X: a}`, of a struct or array type.
    pub fn composite(&self, ty: Option<&Expr>, elements: &[Element]) -> Result<Operand> {
        let Some(ty) = ty else {
            return fail("a literal without a type is only for elements of arrays");
        };
        let ty = self.type_or_fail(ty)?;
        let size = usize::try_from(ty.size().min(LITERAL_LEN_MAX + 1)).unwrap_or(0);
        if size as u64 > LITERAL_LEN_MAX {
            return fail(format!("a literal of {} bytes is too large", ty.size()));
        }
        let mut bytes = vec![0; size];
        self.fill(&ty, elements, 0, &mut bytes)?;
        let at = self.cx.reader.place_pieces(ty.size(), &[(0, Some(bytes))]);
        let mut it = Operand::at(ty, at);
        it.flags = Flags::FAKE_ADDRESS;
        Ok(it)
    }

    fn fill(
        &self,
        ty: &Type,
        elements: &[Element],
        at: u64,
        out: &mut [u8],
    ) -> Result<()> {
        match ty.shape() {
            Shape::Struct(members) => {
                let is_keyed = elements.iter().any(|it| it.key.is_some());
                if !is_keyed && !elements.is_empty() && elements.len() != members.len() {
                    return fail(format!("wrong number of values for {}", ty.name()));
                }
                for (i, element) in elements.iter().enumerate() {
                    let member = match &element.key {
                        None if is_keyed => None,
                        None => members.get(i),
                        Some(key) => {
                            members.iter().find(|it| key.ident() == Some(&*it.name))
                        }
                    };
                    let named = || {
                        let key = element.key.as_ref().map_or(String::new(), Expr::text);
                        Error::message(format!("{} has no field {key}", ty.name()))
                    };
                    let member = member.ok_or_else(named)?;
                    let field = self.cx.types.of(member.ty);
                    self.fill_one(&field, &element.value, at + member.offset, out)?;
                }
                Ok(())
            }
            Shape::Array(elem, len) => {
                let elem = self.cx.types.elem(elem);
                let mut index = 0;
                for element in elements {
                    if let Some(key) = &element.key {
                        index = self.as_int(&self.evaluate(key)?)?.cast_unsigned();
                    }
                    if index >= *len {
                        return fail("index out of bounds");
                    }
                    self.fill_one(&elem, &element.value, at + index * elem.size(), out)?;
                    index += 1;
                }
                Ok(())
            }
            _ => fail(format!(
                "only structs and arrays can be made by an expression, not {}",
                ty.name()
            )),
        }
    }

    fn fill_one(&self, ty: &Type, value: &Expr, at: u64, out: &mut [u8]) -> Result<()> {
        if let ExprKind::Composite(None, elements) = &value.kind {
            return self.fill(ty, elements, at, out);
        }
        let x = self.evaluate(value)?;
        let plan = Plan { evaluator: self, ty, addr: Addr(at) };
        for (at, bytes) in plan.assign(&x, value)? {
            let start = usize::try_from(at.0).unwrap_or(usize::MAX);
            let end = start.saturating_add(bytes.len());
            if let Some(place) = out.get_mut(start..end) {
                place.copy_from_slice(&bytes);
            }
        }
        Ok(())
    }
}
