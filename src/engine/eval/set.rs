//! What must be written to change a variable?

use crate::engine::addr::Addr;
use crate::engine::error::Result;
use crate::engine::eval::Write;
use crate::engine::eval::arith::{fit, in_kind};
use crate::engine::eval::cpu::RegisterPlace;
use crate::engine::eval::expr::Expr;
use crate::engine::eval::load::OriginPlace;
use crate::engine::eval::operand::{Const, Data, Operand};
use crate::engine::eval::reader::explain;
use crate::engine::eval::run::{Evaluator, NO_CALLS, fail};
use crate::engine::eval::text::const_text;
use crate::engine::eval::types::{Shape, Type};
use crate::engine::eval::value::{FAKE_ADDRESSES, Kind};
use crate::engine::memory::Memory;

/// The largest value that is copied.
const COPY_LEN_MAX: u64 = 1 << 20;

/// Bytes, and where they go.
type Bytes = (Addr, Vec<u8>);

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
    if let Data::Register(_, place) = &to.data {
        return set_register(evaluator, place, &x, target);
    }
    let (Some(ty), Some(addr)) = (&to.ty, to.addr()) else {
        return fail(format!("can not assign to {}", target.text()));
    };
    let plan = Plan { evaluator, ty, addr };
    let writes = plan.assign(&x, source)?;
    if addr.0 < FAKE_ADDRESSES {
        let memory = |(addr, bytes)| Write::Memory { addr, bytes };
        return Ok(writes.into_iter().map(memory).collect());
    }
    let mut real = Vec::new();
    for write in &writes {
        where_it_came_from(evaluator, write, target, &mut real)?;
    }
    Ok(real)
}

/// Writes to a value that was put together go to where its pieces are.
fn where_it_came_from(
    evaluator: &Evaluator<'_, '_>,
    (addr, bytes): &Bytes,
    target: &Expr,
    out: &mut Vec<Write>,
) -> Result<()> {
    let origins = evaluator.cx.origins.borrow();
    let mut covered = 0;
    for origin in origins.iter() {
        let start = addr.0.max(origin.at.0);
        let end = (addr.0 + bytes.len() as u64).min(origin.at.0 + origin.len as u64);
        if start >= end {
            continue;
        }
        let index = |at: u64| usize::try_from(at - addr.0).unwrap_or(usize::MAX);
        let bytes = bytes.get(index(start)..index(end)).unwrap_or_default().to_vec();
        covered += bytes.len();
        let skipped = start - origin.at.0;
        out.push(match &origin.from {
            OriginPlace::Memory(at) => {
                Write::Memory { addr: at.offset(skipped.cast_signed()), bytes }
            }
            OriginPlace::Register(place) => {
                check_current(evaluator, target)?;
                let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
                Write::Register { place: place.after(skipped), bytes }
            }
        });
    }
    let target = target.text();
    match covered {
        n if n == bytes.len() => Ok(()),
        0 => fail(format!("can not assign to {target}: it is no place in the program")),
        _ => fail(format!("can not assign to {target}: part of it is kept nowhere")),
    }
}

/// `RAX = 1`
fn set_register(
    evaluator: &Evaluator<'_, '_>,
    place: &RegisterPlace,
    x: &Operand,
    target: &Expr,
) -> Result<Vec<Write>> {
    check_current(evaluator, target)?;
    let name = target.text();
    let bytes = match evaluator.value_of(x)? {
        Some(Const::Int(n)) if place.size() <= 8 => {
            let bits = 8 * u32::try_from(place.size()).unwrap_or(8);
            if n < -(1 << (bits - 1)) || n >= 1 << bits {
                return fail(format!(
                    "{n} does not fit in {name}, which has {bits} bits"
                ));
            }
            n.to_le_bytes()[..place.size()].to_vec()
        }
        // As such a register is shown: two digits for each byte.
        Some(Const::String(digits)) if place.size() > 8 => {
            match bytes_of_hex(&digits).filter(|it| it.len() == place.size()) {
                Some(bytes) => bytes,
                None => {
                    let n = 2 * place.size();
                    return fail(format!(
                        "{name} is set with a string of {n} hexadecimal digits"
                    ));
                }
            }
        }
        Some(Const::Int(n)) => {
            let mut bytes = n.to_le_bytes().to_vec();
            bytes.resize(place.size(), 0);
            bytes
        }
        Some(value) => {
            let value = const_text(&value);
            return fail(format!("can not convert {value} constant to uint64"));
        }
        None => match x.kind() {
            Kind::Pointer | Kind::UnsafePointer if place.size() == 8 => {
                evaluator.word_of(x)?.0.to_le_bytes().to_vec()
            }
            _ => return fail(format!("can not convert {} to uint64", x.type_text())),
        },
    };
    Ok(vec![Write::Register { place: place.clone(), bytes }])
}

fn bytes_of_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(digits).ok().filter(|it| it.is_ascii())?;
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(pair).collect()
}

/// Registers can be changed only where they are in use: in the innermost frame of a
/// goroutine that has a thread.
fn check_current(evaluator: &Evaluator<'_, '_>, target: &Expr) -> Result<()> {
    let scope = evaluator.scope;
    let current = scope.frames.first().and_then(|it| it.registers);
    let here = scope.frame().and_then(|it| it.registers);
    match current.is_some() && current == here && scope.thread_id != 0 {
        true => Ok(()),
        false => fail(format!(
            "can not set {}: its register has been saved by now; only the innermost frame \
             of a running goroutine has registers to change",
            target.text()
        )),
    }
}

/// A place that is about to be given a value.
pub(crate) struct Plan<'e, 'c, 'a> {
    pub evaluator: &'e Evaluator<'c, 'a>,
    pub ty: &'e Type,
    pub addr: Addr,
}

impl Plan<'_, '_, '_> {
    /// The bytes that make the place have the value of `x`, which is written `source`.
    pub fn assign(&self, x: &Operand, source: &Expr) -> Result<Vec<Bytes>> {
        if !self.accepts(x)? {
            return self.to_empty_interface(x);
        }
        if let Some(why) = &x.unreadable {
            let text = source.text();
            return fail(format!("Expression \"{text}\" is unreadable: {why}"));
        }
        self.write(x)
    }

    /// Whether a value of `x`'s type can be stored as it is; an error if a constant can
    /// not be.
    fn accepts(&self, x: &Operand) -> Result<bool> {
        match &x.ty {
            Some(from) => Ok(self.is_assignable(from)),
            None if matches!(x.data, Data::Loaded(_)) => Ok(false),
            None => self.evaluator.check_constant(x, self.ty).map(|()| true),
        }
    }

    /// Go specification, "Assignability": types are the same, or what is behind them is
    /// and one of them has no name.
    fn is_assignable(&self, from: &Type) -> bool {
        if self.evaluator.cx.types.same(from, self.ty) {
            return true;
        }
        (is_unnamed(from) || is_unnamed(self.ty))
            && self.evaluator.are_identical(from, self.ty)
    }

    fn bytes(&self, bytes: impl Into<Vec<u8>>) -> Result<Vec<Bytes>> {
        Ok(vec![(self.addr, bytes.into())])
    }

    fn words(&self, words: &[u64]) -> Result<Vec<Bytes>> {
        self.bytes(words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>())
    }

    fn write(&self, x: &Operand) -> Result<Vec<Bytes>> {
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
                Data::Const(_) | Data::Loaded(_) | Data::Register(..) => fail(
                    "literal string can not be allocated because function calls are \
                     not allowed without using 'call'",
                ),
                _ => match self.evaluator.sequence(x)? {
                    Some(it) if it.base.0 >= FAKE_ADDRESSES => fail(NO_CALLS),
                    Some(it) => self.words(&[it.base.0, it.len.cast_unsigned()]),
                    None => self.refuse(),
                },
            },
            Shape::Slice(_) => match self.evaluator.sequence(x)? {
                Some(it) if it.base.0 >= FAKE_ADDRESSES => fail(NO_CALLS),
                Some(it) => {
                    let (len, cap) = (it.len.cast_unsigned(), it.cap.cast_unsigned());
                    self.words(&[it.base.0, len, cap])
                }
                None => self.refuse(),
            },
            Shape::Pointer(_) | Shape::UnsafePointer => self.words(&[self.pointer(x)?]),
            _ => self.copy(x),
        }
    }

    fn scalar(&self, x: &Operand) -> Result<Vec<Bytes>> {
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
    fn copy(&self, x: &Operand) -> Result<Vec<Bytes>> {
        let Some(from) = x.addr() else { return self.refuse() };
        let size = self.ty.size();
        if size > COPY_LEN_MAX {
            return fail(format!("{size} bytes are too many to copy"));
        }
        let len = usize::try_from(size).unwrap_or(0);
        let bytes = self.evaluator.cx.reader.read_bytes(from, len);
        self.bytes(bytes.or_else(|fault| fail(explain(fault)))?)
    }

    /// `interface {}` takes what another interface holds, and pointers.
    fn to_empty_interface(&self, x: &Operand) -> Result<Vec<Bytes>> {
        let from = x.type_text();
        let to = match self.ty.shape() {
            Shape::Struct(_) => format!("struct {}", self.ty.name()),
            _ => self.ty.name().to_string(),
        };
        let refuse = || fail(format!("can not convert value of type {from} to {to}"));
        if !matches!(self.ty.shape(), Shape::Interface { empty: true }) {
            return refuse();
        }
        let Some(ty) = &x.ty else { return refuse() };
        if let Some(descriptor) = self.descriptor(ty) {
            return self.words(&[descriptor.0, self.pointer(x)?]);
        }
        let Shape::Interface { empty: false } = ty.shape() else { return refuse() };
        let Some(at) = x.addr() else { return refuse() };
        let reader = &self.evaluator.cx.reader;
        let word = |at: Addr| reader.read_word(at).or_else(|f| fail(explain(f)));
        let (tab, data) = (word(at)?, word(at.offset(8))?);
        if tab == 0 {
            return self.words(&[0, 0]);
        }
        // `abi.ITab`: the type is its second word, in all versions.
        self.words(&[word(Addr(tab).offset(8))?, data])
    }

    /// The address in a pointer, which must be one of the program's.
    fn pointer(&self, x: &Operand) -> Result<u64> {
        match self.evaluator.word_of(x)?.0 {
            FAKE_ADDRESSES.. => fail(format!(
                "there is nothing in the program's memory to point to: {NO_CALLS}"
            )),
            word => Ok(word),
        }
    }

    /// What says in an interface that it holds a pointer of such a type; `None` for
    /// other types, whose values would have to be allocated.
    fn descriptor(&self, ty: &Type) -> Option<Addr> {
        let is_pointer = matches!(
            ty.kind(),
            Kind::Pointer | Kind::UnsafePointer | Kind::Map | Kind::Chan | Kind::Func
        );
        let cx = self.evaluator.cx;
        let id = ty.id().or_else(|| cx.types.binary.type_named(ty.name()));
        id.filter(|_| is_pointer).and_then(|id| cx.runtime.descriptor_of(&cx.reader, id))
    }

    fn refuse(&self) -> Result<Vec<Bytes>> {
        let kind = self.ty.kind().word();
        fail(format!("can not set variables of type {kind} (not implemented)"))
    }
}

/// Whether a type is written out, as `[]int` is, and not by a name.
fn is_unnamed(ty: &Type) -> bool {
    let starts = ["*", "[", "map[", "chan ", "<-chan ", "chan<- ", "func(", "struct {"];
    starts.iter().any(|it| ty.name().starts_with(it))
}
