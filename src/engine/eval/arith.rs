//! What do operators do? Arithmetic, comparison and logic on constants and on values of
//! the program, with Go's rules of types.

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::eval::expr::{Expr, Op};
use crate::engine::eval::load::read_scalar;
use crate::engine::eval::operand::{Const, Data, Operand};
use crate::engine::eval::reader::explain;
use crate::engine::eval::run::{Evaluator, fail};
use crate::engine::eval::text::{const_text, quoted};
use crate::engine::eval::types::{Shape, Type};
use crate::engine::eval::value::Kind;
use crate::engine::memory::Memory;

/// How long strings may be that are compared or joined, in bytes.
const STRING_LEN_MAX: i64 = 1 << 20;
/// How far a constant may be shifted: it must stay within 127 bits anyway.
const SHIFT_MAX: i128 = 126;
/// How deep structs and arrays are compared.
const COMPARE_DEPTH_MAX: u32 = 32;

impl Evaluator<'_, '_> {
    /// The value of a scalar or string; an error if it has none or cannot be read.
    pub fn value_of(&self, x: &Operand) -> Result<Option<Const>> {
        if let Some(why) = &x.unreadable {
            return fail(why.as_str());
        }
        match (&x.data, &x.ty) {
            (Data::Const(value), ty) => Ok(Some(in_kind(value, ty.as_ref()))),
            (Data::Register(bytes, _), _) => {
                match <[u8; 8]>::try_from(bytes.as_slice()) {
                    Ok(word) => Ok(Some(Const::Int(u64::from_le_bytes(word).into()))),
                    Err(_) => {
                        let hex: String =
                            bytes.iter().map(|b| format!("{b:02x}")).collect();
                        Ok(Some(Const::String(hex.into_bytes())))
                    }
                }
            }
            (Data::Loaded(v), _) => Ok(match v.kind {
                Kind::Int | Kind::Uint => v.value.parse().ok().map(Const::Int),
                Kind::Float32 | Kind::Float64 => v.value.parse().ok().map(Const::Float),
                Kind::String => Some(Const::String(
                    v.string_bytes.clone().unwrap_or(v.value.clone().into_bytes()),
                )),
                _ => None,
            }),
            (_, Some(ty)) if ty.kind() == Kind::String => {
                let Some(it) = self.sequence(x)? else { return Ok(None) };
                if it.len > STRING_LEN_MAX {
                    return fail(format!(
                        "a string of {} bytes is too long for this",
                        it.len
                    ));
                }
                let len = usize::try_from(it.len).unwrap_or(0);
                let bytes = self.cx.reader.read_bytes(it.base, len);
                Ok(Some(Const::String(bytes.or_else(|it| fail(explain(it)))?)))
            }
            (Data::At(at), Some(ty))
                if matches!(
                    ty.shape(),
                    Shape::Bool
                        | Shape::Int
                        | Shape::Uint
                        | Shape::Float
                        | Shape::Complex
                ) =>
            {
                if at.0 == 0 {
                    return fail("nil pointer dereference");
                }
                Ok(Some(read_scalar(&self.cx.reader, ty, *at).or_else(fail)?))
            }
            _ => Ok(None),
        }
    }

    /// An index or bound.
    pub fn as_int(&self, x: &Operand) -> Result<i64> {
        match (self.value_of(x)?, &x.ty) {
            (Some(Const::Int(n)), _) => {
                i64::try_from(n).or_else(|_| fail(format!("{n} is too large for an int")))
            }
            (Some(value), None) => {
                fail(format!("can not convert constant {} to int", const_text(&value)))
            }
            _ => fail(format!("can not convert value of type {} to int", x.type_text())),
        }
    }

    pub fn unary(&self, op: &str, e: &Expr, x: Operand) -> Result<Operand> {
        let Some(value) = self.value_of(&x)? else {
            let e = quoted(&e.text());
            return fail(format!("operator {op} can not be applied to {e}"));
        };
        let result = match (op, value) {
            ("+", value @ (Const::Int(_) | Const::Float(_) | Const::Complex(..))) => {
                value
            }
            ("-", Const::Int(n)) => Const::Int(n.checked_neg().ok_or_else(overflow)?),
            ("-", Const::Float(x)) => Const::Float(-x),
            ("-", Const::Complex(re, im)) => Const::Complex(-re, -im),
            ("!", Const::Bool(b)) => Const::Bool(!b),
            ("^", Const::Int(n)) => Const::Int(!n),
            (_, value) => {
                let value = const_text(&value);
                return fail(format!("invalid unary operation {op}{value}"));
            }
        };
        self.result(result, x.ty)
    }

    fn result(&self, value: Const, ty: Option<Type>) -> Result<Operand> {
        match ty {
            None => Ok(Operand::constant(value)),
            Some(ty) => {
                let value = fit(value, &ty);
                Ok(Operand::typed(ty, value))
            }
        }
    }

    pub fn binary(&self, op: Op, x_e: &Expr, y_e: &Expr) -> Result<Operand> {
        let x = self.evaluate(x_e)?;
        if matches!(op, Op::LAnd | Op::LOr) {
            let x = self.truth(x_e, &x)?;
            if x == (op == Op::LOr) {
                return Ok(Operand::bool(x));
            }
            let y = self.evaluate(y_e)?;
            return Ok(Operand::bool(self.truth(y_e, &y)?));
        }
        let y = self.evaluate(y_e)?;
        for operand in [&x, &y] {
            if let Some(why) = &operand.unreadable {
                return fail(why.as_str());
            }
        }
        let ty = self.common_type(op, &x, &y)?;
        if op.is_comparison() {
            return Ok(Operand::bool(self.compare(op, &x, &y, 0)?));
        }
        let refuse = |e: &Expr| {
            let (op, e) = (op.text(), quoted(&e.text()));
            fail(format!("operator {op} can not be applied to {e}"))
        };
        let Some(a) = self.value_of(&x)? else { return refuse(x_e) };
        let Some(b) = self.value_of(&y)? else { return refuse(y_e) };
        let value = match (&ty, shifted_out(op, &a, &b)) {
            (Some(_), Some(value)) => value,
            _ => arithmetic(op, a, b)?,
        };
        self.result(value, ty)
    }

    fn truth(&self, e: &Expr, x: &Operand) -> Result<bool> {
        match self.value_of(x)? {
            Some(Const::Bool(b)) => Ok(b),
            _ => fail(format!(
                "expression {} should be boolean not {}",
                quoted(&e.text()),
                x.kind().word()
            )),
        }
    }

    /// The type that an operation has; `None` for untyped constants.
    fn common_type(&self, op: Op, x: &Operand, y: &Operand) -> Result<Option<Type>> {
        for (nil, other) in [(x, y), (y, x)] {
            if !nil.is_nil_literal() {
                continue;
            }
            if !matches!(op, Op::Eq | Op::Ne) {
                let op = op.text();
                return fail(format!("operator {op} can not be applied to \"nil\""));
            }
            if !other.kind().is_nillable() {
                let kind = other.kind().word();
                return fail(format!("can not compare {kind} to nil"));
            }
            return Ok(None);
        }
        if matches!(op, Op::Shl | Op::Shr) {
            if !matches!(x.kind(), Kind::Int | Kind::Uint) {
                return fail(format!("shift of type {}", x.kind().word()));
            }
            if !matches!(y.kind(), Kind::Int | Kind::Uint) {
                let kind = y.kind().word();
                return fail(format!(
                    "shift count type {kind}, must be unsigned integer"
                ));
            }
            return Ok(x.ty.clone());
        }
        match (&x.ty, &y.ty) {
            (None, None) => Ok(None),
            (Some(a), Some(b)) if self.cx.types.same(a, b) && a.name() == b.name() => {
                Ok(Some(a.clone()))
            }
            (Some(a), Some(b)) => {
                let (a, b) = (a.name(), b.name());
                fail(format!("mismatched types \"{a}\" and \"{b}\""))
            }
            (Some(ty), None) => self.check_constant(y, ty).map(|()| Some(ty.clone())),
            (None, Some(ty)) => self.check_constant(x, ty).map(|()| Some(ty.clone())),
        }
    }

    /// Whether an untyped constant can become a value of a type.
    pub fn check_constant(&self, x: &Operand, ty: &Type) -> Result<()> {
        if x.is_nil_literal() {
            return match ty.kind().is_nillable() {
                true => Ok(()),
                false => fail(format!("mismatched types nil and {}", ty.name())),
            };
        }
        let value = match self.value_of(x)? {
            Some(value) => value,
            None => {
                let ty = ty.name();
                return fail(format!("can not convert {} to {ty}", x.type_text()));
            }
        };
        let fits = match (&value, ty.kind()) {
            (Const::Int(_), Kind::Int | Kind::Uint) => true,
            (Const::Float(x), Kind::Int | Kind::Uint) => x.fract() == 0.0,
            (Const::Int(_) | Const::Float(_), Kind::Float32 | Kind::Float64) => true,
            (Const::Bool(_), Kind::Bool) => true,
            (Const::String(_), Kind::String) => true,
            (
                Const::Int(_) | Const::Float(_) | Const::Complex(..),
                Kind::Complex64 | Kind::Complex128,
            ) => true,
            _ => false,
        };
        match fits {
            true => Ok(()),
            false => fail(format!(
                "can not convert {} constant to {}",
                const_text(&value),
                ty.name()
            )),
        }
    }

    /// The pointer that a value of a nillable kind is.
    pub fn word_of(&self, x: &Operand) -> Result<Addr> {
        match &x.data {
            Data::Nil => Ok(Addr(0)),
            Data::Pointer(target) => Ok(target.addr().unwrap_or(Addr(0))),
            Data::Cut { base, .. } => Ok(*base),
            Data::Loaded(v) => Ok(v.base),
            Data::At(at) | Data::MapTail { at, .. } if at.0 != 0 => {
                let word = self.cx.reader.read_word(*at);
                word.map(Addr).or_else(|fault| fail(explain(fault)))
            }
            _ => fail("nil pointer dereference"),
        }
    }

    /// Compares two values of one type.
    pub fn compare(&self, op: Op, x: &Operand, y: &Operand, depth: u32) -> Result<bool> {
        if let (Some(a), Some(b)) = (self.text_len(x)?, self.text_len(y)?) {
            // Strings of different lengths differ, however long they are.
            if a != b && matches!(op, Op::Eq | Op::Ne) {
                return Ok(op == Op::Ne);
            }
        }
        if let (Some(a), Some(b)) = (self.value_of(x)?, self.value_of(y)?) {
            return compare_constants(op, &a, &b);
        }
        if !matches!(op, Op::Eq | Op::Ne) {
            let (op, kind) = (op.text(), x.kind().word());
            return fail(format!("operator {op} not defined on {kind}"));
        }
        let equal = self.equal(x, y, depth)?;
        Ok(equal == (op == Op::Eq))
    }

    fn text_len(&self, x: &Operand) -> Result<Option<i64>> {
        match (&x.data, x.kind()) {
            (Data::At(_) | Data::Cut { .. }, Kind::String) if x.unreadable.is_none() => {
                Ok(self.sequence(x)?.map(|it| it.len))
            }
            (Data::Const(Const::String(bytes)), _) => Ok(i64::try_from(bytes.len()).ok()),
            _ => Ok(None),
        }
    }

    fn equal(&self, x: &Operand, y: &Operand, depth: u32) -> Result<bool> {
        if depth > COMPARE_DEPTH_MAX {
            return fail("structure too deep for comparison");
        }
        self.cx.reader.count_node().or_else(fail)?;
        if x.is_nil_literal() || y.is_nil_literal() {
            let other = if x.is_nil_literal() { y } else { x };
            return Ok(self.word_of(other)?.0 == 0);
        }
        let (Some(ty), Some(other)) = (&x.ty, &y.ty) else {
            return fail(format!("can not compare {} variables", x.kind().word()));
        };
        match ty.shape() {
            Shape::Pointer(_) | Shape::UnsafePointer => {
                Ok(self.word_of(x)? == self.word_of(y)?)
            }
            Shape::Chan { .. } => Ok(self.word_of(x)? == self.word_of(y)?),
            Shape::Struct(members) => {
                if !self.cx.types.same(ty, other) {
                    return Ok(false);
                }
                for member in members {
                    let field = self.cx.types.of(member.ty);
                    let offset = member.offset.cast_signed();
                    if !self.parts_equal((x, y), &field, offset, depth)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Shape::Array(elem, len) => {
                if !self.cx.types.same(ty, other) {
                    return Ok(false);
                }
                let elem = self.cx.types.elem(elem);
                for i in 0..*len {
                    let offset = elem.size().wrapping_mul(i).cast_signed();
                    if !self.parts_equal((x, y), &elem, offset, depth)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Shape::Interface { .. } => self.interfaces_equal(x, y, depth),
            _ => fail(format!("can not compare {} variables", x.kind().word())),
        }
    }

    fn parts_equal(
        &self,
        (x, y): (&Operand, &Operand),
        ty: &Type,
        offset: i64,
        depth: u32,
    ) -> Result<bool> {
        let (Some(x), Some(y)) = (x.addr(), y.addr()) else {
            return fail("nil pointer dereference");
        };
        let part = |at: Addr| Operand::at(ty.clone(), at.offset(offset));
        self.compare(Op::Eq, &part(x), &part(y), depth + 1)
    }

    fn interfaces_equal(&self, x: &Operand, y: &Operand, depth: u32) -> Result<bool> {
        use crate::engine::eval::dynamic::Held;
        let held = |it: &Operand| match (it.addr(), it.ty.as_ref().map(Type::shape)) {
            (Some(at), Some(Shape::Interface { empty })) => {
                self.cx.held_by(at, *empty).or_else(fail)
            }
            _ => fail("nil pointer dereference"),
        };
        match (held(x)?, held(y)?) {
            (Held::Nil, Held::Nil) => Ok(true),
            (Held::Value { ty: a, at: x }, Held::Value { ty: b, at: y }) => {
                if a.name() != b.name() {
                    return Ok(false);
                }
                let (x, y) = (Operand::at(a, x), Operand::at(b, y));
                self.compare(Op::Eq, &x, &y, depth + 1)
            }
            (Held::Unknown { name, .. }, _) | (_, Held::Unknown { name, .. }) => {
                fail(format!("there is no debug information on {name}"))
            }
            _ => Ok(false),
        }
    }
}

fn overflow() -> Error {
    Error::message("constant overflow: the value needs more than 127 bits")
}

/// A constant as a value of its type's kind: integers that stand for floats are floats.
pub(crate) fn in_kind(value: &Const, ty: Option<&Type>) -> Const {
    #[expect(clippy::cast_precision_loss, reason = "Go rounds here too")]
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole before")]
    match (value, ty.map(Type::kind)) {
        (Const::Int(n), Some(Kind::Float32 | Kind::Float64)) => Const::Float(*n as f64),
        (Const::Int(n), Some(Kind::Complex64 | Kind::Complex128)) => {
            Const::Complex(*n as f64, 0.0)
        }
        (Const::Float(x), Some(Kind::Complex64 | Kind::Complex128)) => {
            Const::Complex(*x, 0.0)
        }
        (Const::Float(x), Some(Kind::Int | Kind::Uint)) => Const::Int(*x as i128),
        _ => value.clone(),
    }
}

/// Cuts an integer to the width of its type, as Go's arithmetic does.
pub(crate) fn fit(value: Const, ty: &Type) -> Const {
    let bits = u32::try_from(ty.size().clamp(1, 8) * 8).unwrap_or(64);
    match (in_kind(&value, Some(ty)), ty.kind()) {
        (Const::Int(n), Kind::Int) => {
            let unused = 128 - bits;
            Const::Int((n << unused) >> unused)
        }
        (Const::Int(n), Kind::Uint) => Const::Int(n & ((1 << bits) - 1)),
        #[expect(clippy::cast_possible_truncation, reason = "this is what float32 does")]
        (Const::Float(x), Kind::Float32) => Const::Float(f64::from(x as f32)),
        (value, _) => value,
    }
}

/// What is left of a value that is shifted by more than the width of any type: of
/// variables nothing, where constants would grow.
fn shifted_out(op: Op, a: &Const, b: &Const) -> Option<Const> {
    match (op, a, b) {
        (Op::Shl, Const::Int(_), Const::Int(n)) if *n >= 64 => Some(Const::Int(0)),
        _ => None,
    }
}

fn arithmetic(op: Op, a: Const, b: Const) -> Result<Const> {
    #[expect(clippy::cast_precision_loss, reason = "constants become floats as in Go")]
    let widen = |n: i128| n as f64;
    let invalid = |a: &Const, b: &Const| {
        let (a, b, op) = (const_text(a), const_text(b), op.text());
        fail(format!("invalid binary operation {a} {op} {b}"))
    };
    let for_floats = matches!(op, Op::Add | Op::Sub | Op::Mul | Op::Div);
    match (a, b) {
        (Const::Int(a), Const::Int(b)) => integers(op, a, b).map(Const::Int),
        (a @ (Const::Float(_) | Const::Complex(..)), b)
        | (a, b @ (Const::Float(_) | Const::Complex(..)))
            if !for_floats =>
        {
            invalid(&a, &b)
        }
        (Const::Float(a), Const::Float(b)) => floats(op, a, b).map(Const::Float),
        (Const::Int(a), Const::Float(b)) => floats(op, widen(a), b).map(Const::Float),
        (Const::Float(a), Const::Int(b)) => floats(op, a, widen(b)).map(Const::Float),
        (Const::String(mut a), Const::String(b)) if op == Op::Add => {
            a.extend_from_slice(&b);
            Ok(Const::String(a))
        }
        (a, b) => {
            let parts = |it: &Const| match it {
                Const::Int(n) => Some((widen(*n), 0.0)),
                Const::Float(x) => Some((*x, 0.0)),
                Const::Complex(re, im) => Some((*re, *im)),
                Const::Bool(_) | Const::String(_) => None,
            };
            match (parts(&a), parts(&b)) {
                (Some(a), Some(b)) => complexes(op, a, b),
                _ => invalid(&a, &b),
            }
        }
    }
}

pub(crate) fn integers(op: Op, a: i128, b: i128) -> Result<i128> {
    let result = match op {
        Op::Add => a.checked_add(b),
        Op::Sub => a.checked_sub(b),
        Op::Mul => a.checked_mul(b),
        Op::Div | Op::Rem if b == 0 => {
            return fail("runtime error: integer divide by zero");
        }
        Op::Div => a.checked_div(b),
        Op::Rem => a.checked_rem(b),
        Op::And => Some(a & b),
        Op::Or => Some(a | b),
        Op::Xor => Some(a ^ b),
        Op::AndNot => Some(a & !b),
        Op::Shl | Op::Shr if b < 0 => return fail("shift count must not be negative"),
        Op::Shr => Some(a >> b.min(SHIFT_MAX)),
        Op::Shl if a == 0 => Some(0),
        Op::Shl if b > SHIFT_MAX => None,
        Op::Shl => a.checked_mul(1 << b),
        _ => return fail(format!("operator {} needs truth values", op.text())),
    };
    result.ok_or_else(overflow)
}

pub(crate) fn floats(op: Op, a: f64, b: f64) -> Result<f64> {
    match op {
        Op::Add => Ok(a + b),
        Op::Sub => Ok(a - b),
        Op::Mul => Ok(a * b),
        Op::Div if b == 0.0 => fail("division by zero"),
        Op::Div => Ok(a / b),
        _ => fail(format!("operator {} not defined on floats", op.text())),
    }
}

fn complexes(op: Op, (a, b): (f64, f64), (c, d): (f64, f64)) -> Result<Const> {
    let (re, im) = match op {
        Op::Add => (a + c, b + d),
        Op::Sub => (a - c, b - d),
        Op::Mul => (a * c - b * d, a * d + b * c),
        Op::Div => {
            let norm = c * c + d * d;
            if norm == 0.0 {
                return fail("division by zero");
            }
            ((a * c + b * d) / norm, (b * c - a * d) / norm)
        }
        _ => return fail(format!("operator {} not defined on complex", op.text())),
    };
    Ok(Const::Complex(re, im))
}

pub(crate) fn compare_constants(op: Op, a: &Const, b: &Const) -> Result<bool> {
    use std::cmp::Ordering;
    #[expect(clippy::cast_precision_loss, reason = "constants become floats as in Go")]
    let order = match (a, b) {
        (Const::Int(a), Const::Int(b)) => Some(a.cmp(b)),
        (Const::Float(a), Const::Float(b)) => a.partial_cmp(b),
        (Const::Int(a), Const::Float(b)) => (*a as f64).partial_cmp(b),
        (Const::Float(a), Const::Int(b)) => a.partial_cmp(&(*b as f64)),
        (Const::String(a), Const::String(b)) => Some(a.cmp(b)),
        (Const::Bool(_), Const::Bool(_)) | (Const::Complex(..), Const::Complex(..))
            if matches!(op, Op::Eq | Op::Ne) =>
        {
            return Ok((a == b) == (op == Op::Eq));
        }
        _ => {
            let (a, b, op) = (const_text(a), const_text(b), op.text());
            return fail(format!("invalid comparison {a} {op} {b}"));
        }
    };
    Ok(match op {
        Op::Eq => order == Some(Ordering::Equal),
        Op::Ne => order != Some(Ordering::Equal),
        Op::Lt => order == Some(Ordering::Less),
        Op::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Op::Gt => order == Some(Ordering::Greater),
        Op::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_arithmetic_is_go_s_and_never_overflows() {
        let cases = [
            (Op::Add, 1, 2, Ok(3)),
            (Op::Div, -7, 2, Ok(-3)),
            (Op::Rem, -7, 2, Ok(-1)),
            (Op::Div, 1, 0, Err("runtime error: integer divide by zero")),
            (Op::Shl, 1, 40, Ok(1 << 40)),
            (Op::Shl, 1, 1_099_511_627_776, Err("constant overflow")),
            (Op::Shl, 0, 1_099_511_627_776, Ok(0)),
            (Op::Shr, 256, 1_099_511_627_776, Ok(0)),
            (Op::Shl, 1, -1, Err("shift count must not be negative")),
            (Op::Mul, i128::MAX, 2, Err("constant overflow")),
            (Op::AndNot, 7, 2, Ok(5)),
            (Op::Xor, 6, 3, Ok(5)),
        ];
        for (op, a, b, expected) in cases {
            match (integers(op, a, b), expected) {
                (Ok(found), expected) => assert_eq!(Ok(found), expected),
                (Err(error), Err(text)) => assert!(error.to_string().starts_with(text)),
                (Err(error), Ok(_)) => panic!("{a} {op:?} {b}: {error}"),
            }
        }
    }

    #[test]
    fn nan_equals_nothing() {
        let nan = Const::Float(f64::NAN);
        assert!(!compare_constants(Op::Eq, &nan, &nan).unwrap());
        assert!(compare_constants(Op::Ne, &nan, &nan).unwrap());
        assert!(!compare_constants(Op::Lt, &nan, &Const::Int(1)).unwrap());
    }
}
