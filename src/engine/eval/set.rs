//! What must be written to change a variable?

use crate::engine::addr::Addr;
use crate::engine::error::Result;
use crate::engine::eval::Write;
use crate::engine::eval::arith::{fit, in_kind};
use crate::engine::eval::expr::Expr;
use crate::engine::eval::operand::{Const, Data, Operand};
use crate::engine::eval::reader::explain;
use crate::engine::eval::run::{Evaluator, fail};
use crate::engine::eval::types::{Shape, Type};
use crate::engine::eval::value::{FAKE_ADDRESSES, Kind};
use crate::engine::memory::Memory;

/// The largest value that is copied.
const COPY_LEN_MAX: u64 = 1 << 20;

/// The bytes that give the value of `source` to `target`.
///
/// Numbers, truth values, pointers and `nil` are made here; strings, slices, structs and
/// the rest are copied from another variable, because new ones would have to be allocated
/// by the program itself.
pub(crate) fn plan_set(
    evaluator: &Evaluator<'_, '_>,
    target: &Expr,
    source: &Expr,
) -> Result<Vec<Write>> {
    let x = evaluator.evaluate(source)?;
    let to = evaluator.evaluate(target)?;
    if let Some(why) = &to.unreadable {
        return fail(format!("can not set {}: {why}", target.text()));
    }
    let (Some(ty), Some(addr)) = (&to.ty, to.addr()) else {
        return fail(format!("can not assign to {}", target.text()));
    };
    if addr.0 >= FAKE_ADDRESSES {
        return fail(format!(
            "can not set {}: it is in registers, which this cannot change",
            target.text()
        ));
    }
    let plan = Plan { evaluator, ty, addr };
    if !plan.accepts(&x)? {
        return plan.to_empty_interface(&x);
    }
    if let Some(why) = &x.unreadable {
        let text = source.text();
        return fail(format!("Expression \"{text}\" is unreadable: {why}"));
    }
    plan.write(&x)
}

struct Plan<'e, 'c, 'a> {
    evaluator: &'e Evaluator<'c, 'a>,
    ty: &'e Type,
    addr: Addr,
}

impl Plan<'_, '_, '_> {
    /// Whether a value of `x`'s type can be stored as it is; an error if a constant can
    /// not be.
    fn accepts(&self, x: &Operand) -> Result<bool> {
        match &x.ty {
            Some(from) => Ok(self.evaluator.cx.types.same(from, self.ty)),
            None if matches!(x.data, Data::Loaded(_)) => Ok(false),
            None => self.evaluator.check_constant(x, self.ty).map(|()| true),
        }
    }

    fn bytes(&self, bytes: impl Into<Vec<u8>>) -> Result<Vec<Write>> {
        Ok(vec![Write { addr: self.addr, bytes: bytes.into() }])
    }

    fn words(&self, words: &[u64]) -> Result<Vec<Write>> {
        self.bytes(words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>())
    }

    fn write(&self, x: &Operand) -> Result<Vec<Write>> {
        let size = usize::try_from(self.ty.size()).unwrap_or(0);
        if x.is_nil_literal() {
            return self.bytes(vec![0; size]);
        }
        match self.ty.shape() {
            Shape::Bool | Shape::Int | Shape::Uint | Shape::Float | Shape::Complex => {
                self.scalar(x)
            }
            Shape::String => match &x.data {
                Data::Const(Const::String(bytes)) if bytes.is_empty() => {
                    self.words(&[0, 0])
                }
                Data::Const(_) | Data::Loaded(_) | Data::Register(_) => fail(
                    "literal string can not be allocated because function calls are \
                     not allowed without using 'call'",
                ),
                _ => match self.evaluator.sequence(x)? {
                    Some(it) => self.words(&[it.base.0, it.len.cast_unsigned()]),
                    None => self.refuse(),
                },
            },
            Shape::Slice(_) => match self.evaluator.sequence(x)? {
                Some(it) => {
                    let (len, cap) = (it.len.cast_unsigned(), it.cap.cast_unsigned());
                    self.words(&[it.base.0, len, cap])
                }
                None => self.refuse(),
            },
            Shape::Pointer(_) | Shape::UnsafePointer => {
                self.words(&[self.evaluator.word_of(x)?.0])
            }
            _ => self.copy(x),
        }
    }

    fn scalar(&self, x: &Operand) -> Result<Vec<Write>> {
        let Some(value) = self.evaluator.value_of(x)? else { return self.refuse() };
        let size = usize::try_from(self.ty.size()).unwrap_or(0).min(16);
        let float = |x: f64, size: usize| match size {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "this is what float32 does"
            )]
            4 => (x as f32).to_le_bytes().to_vec(),
            _ => x.to_le_bytes().to_vec(),
        };
        let value = fit(in_kind(&value, Some(self.ty)), self.ty);
        let bytes = match (value, self.ty.kind()) {
            (Const::Bool(b), Kind::Bool) => vec![u8::from(b)],
            (Const::Int(n), Kind::Int | Kind::Uint) => {
                n.to_le_bytes().get(..size).unwrap_or_default().to_vec()
            }
            (Const::Float(x), Kind::Float32 | Kind::Float64) => float(x, size),
            (Const::Complex(re, im), Kind::Complex64 | Kind::Complex128) => {
                [float(re, size / 2), float(im, size / 2)].concat()
            }
            _ => return self.refuse(),
        };
        self.bytes(bytes)
    }

    /// The bytes of another variable of the same type.
    fn copy(&self, x: &Operand) -> Result<Vec<Write>> {
        let Some(from) = x.addr() else { return self.refuse() };
        let size = self.ty.size();
        if size > COPY_LEN_MAX {
            return fail(format!("{size} bytes are too many to copy"));
        }
        let len = usize::try_from(size).unwrap_or(0);
        let bytes = self.evaluator.cx.reader.read_bytes(from, len);
        self.bytes(bytes.or_else(|fault| fail(explain(fault)))?)
    }

    /// `interface {}` takes what another interface holds.
    fn to_empty_interface(&self, x: &Operand) -> Result<Vec<Write>> {
        let from = x.type_text();
        let to = match self.ty.shape() {
            Shape::Struct(_) => format!("struct {}", self.ty.name()),
            _ => self.ty.name().to_string(),
        };
        let refuse = || fail(format!("can not convert value of type {from} to {to}"));
        if !matches!(self.ty.shape(), Shape::Interface { empty: true }) {
            return refuse();
        }
        let (Some(ty), Some(at)) = (&x.ty, x.addr()) else { return refuse() };
        let Shape::Interface { empty: false } = ty.shape() else { return refuse() };
        let reader = &self.evaluator.cx.reader;
        let word = |at: Addr| reader.read_word(at).or_else(|f| fail(explain(f)));
        let (tab, data) = (word(at)?, word(at.offset(8))?);
        if tab == 0 {
            return self.words(&[0, 0]);
        }
        // `abi.ITab`: the type is its second word, in all versions.
        self.words(&[word(Addr(tab).offset(8))?, data])
    }

    fn refuse(&self) -> Result<Vec<Write>> {
        let kind = self.ty.kind().word();
        fail(format!("can not set variables of type {kind} (not implemented)"))
    }
}
