//! What is the value of an expression? A walk over its tree.
//!
//! Operators are in [`arith`](super::arith), conversions in [`cast`](super::cast), names
//! in [`names`](super::names). The recursion is as deep as the tree, which the parser
//! bounds.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::eval::EvalScope;
use crate::engine::eval::bare;
use crate::engine::eval::dynamic::Held;
use crate::engine::eval::expr::{Expr, ExprKind, Literal, TypeExpr};
use crate::engine::eval::load::{Cx, Loader};
use crate::engine::eval::names;
use crate::engine::eval::operand::{Const, Data, Operand};
use crate::engine::eval::reader::explain;
use crate::engine::eval::scope;
use crate::engine::eval::text::quoted;
use crate::engine::eval::types::{Shape, Type};
use crate::engine::eval::value::{Flags, Kind, LoadConfig};
use crate::engine::memory::Memory;

pub(crate) const NO_CALLS: &str = "function calls not allowed without using 'call'";

/// An error of the evaluator, in words.
pub(crate) fn fail<T>(text: impl Into<String>) -> Result<T> {
    Err(Error::message(text))
}

/// Evaluates expressions in one scope.
pub(crate) struct Evaluator<'c, 'a> {
    pub cx: &'c Cx<'a>,
    pub scope: &'c EvalScope<'a>,
    /// How far strings and arrays are loaded that an expression converts.
    pub config: LoadConfig,
    /// The variables of the frame that was asked for last.
    pub variables: RefCell<Option<(usize, Rc<Vec<Operand>>)>>,
}

/// A string, slice or array, by where its elements are.
pub(crate) struct Sequence {
    pub base: Addr,
    pub len: i64,
    pub cap: i64,
    /// `None` for strings.
    pub elem: Option<Type>,
}

impl<'c, 'a> Evaluator<'c, 'a> {
    pub fn new(
        cx: &'c Cx<'a>,
        scope: &'c EvalScope<'a>,
        config: LoadConfig,
    ) -> Evaluator<'c, 'a> {
        Evaluator { cx, scope, config, variables: RefCell::default() }
    }

    pub fn evaluate(&self, e: &Expr) -> Result<Operand> {
        match &e.kind {
            ExprKind::Ident(name) => match self.ident(name)? {
                Some(found) => Ok(found),
                None => fail(format!("could not find symbol value for {name}")),
            },
            ExprKind::Literal(value, _) => Ok(Operand::constant(literal(value))),
            ExprKind::Paren(inner) => self.evaluate(inner),
            ExprKind::Selector(x, name) => self.selector(x, name),
            ExprKind::Index(x, indices) => match indices.as_slice() {
                [index] => {
                    let operand = self.evaluate(x)?;
                    let index_value = self.evaluate(index)?;
                    self.index(x, operand, index, &index_value)
                }
                _ => fail("expression *ast.IndexListExpr not implemented"),
            },
            ExprKind::Slice(x, low, high) => {
                self.slice(x, low.as_deref(), high.as_deref())
            }
            ExprKind::Slice3(_) => fail("3-index slice expressions not supported"),
            ExprKind::Assert(x, ty) => self.assert(x, ty.as_deref()),
            ExprKind::Call(f, args) => self.call(f, args),
            ExprKind::Star(x) => {
                let pointer = self.evaluate(x)?;
                self.star(x, pointer)
            }
            ExprKind::Unary("&", x) => self.address_of(x),
            ExprKind::Unary("<-", _) => fail("channel receive is not supported"),
            ExprKind::Unary(op, x) => {
                let operand = self.evaluate(x)?;
                self.unary(op, x, operand)
            }
            ExprKind::Binary(op, x, y) => self.binary(*op, x, y),
            ExprKind::Type(ty) => fail(format!(
                "expression *ast.{} not implemented",
                match ty {
                    TypeExpr::Slice(_) | TypeExpr::Array(..) => "ArrayType",
                    TypeExpr::Map(..) => "MapType",
                    TypeExpr::Chan(..) => "ChanType",
                    TypeExpr::Text(text) if text.starts_with("struct") => "StructType",
                    TypeExpr::Text(text) if text.starts_with("func") => "FuncType",
                    TypeExpr::Text(_) => "InterfaceType",
                }
            )),
            ExprKind::Composite(ty, elements) => self.composite(ty.as_deref(), elements),
            ExprKind::FuncLit => fail("expression *ast.FuncLit not implemented"),
        }
    }

    fn selector(&self, x: &Expr, name: &str) -> Result<Operand> {
        match &x.kind {
            ExprKind::Ident(first) => {
                if let Some(special) = self.special(first, name)? {
                    return Ok(special);
                }
                self.variable_or_package(first, name)
            }
            ExprKind::Literal(Literal::String(path), text) => {
                let path = String::from_utf8_lossy(path);
                self.qualified(&path, name).ok_or_else(|| {
                    Error::message(format!(
                        "could not find symbol {}.{name}",
                        text.trim_matches(['"', '`'])
                    ))
                })
            }
            ExprKind::Call(f, args) if is_runtime_frame(f) => {
                self.variable_of_frame(args, name)
            }
            _ => {
                let panic = bare::panic_value(self.cx, self.scope.goroutine, x, name);
                if let Some(value) = panic {
                    return Ok(value);
                }
                let operand = self.evaluate(x)?;
                self.member(operand, name)
            }
        }
    }

    /// Names that no program defines.
    fn special(&self, first: &str, name: &str) -> Result<Option<Operand>> {
        let int = |n: i64| Operand::constant(Const::Int(n.into()));
        Ok(Some(match (first, name) {
            ("runtime", "curg") => {
                let g = self.scope.goroutine;
                let found = g.and_then(|g| names::at(self.cx, "runtime.g", g.addr));
                found.map_or_else(|| bare::goroutine(g), |it| it.named("runtime.curg"))
            }
            ("runtime", "frameoff") => {
                int(self.scope.frame().map_or(0, |frame| frame.cfa_offset()))
            }
            ("runtime", "threadid") => int(self.scope.thread_id.into()),
            ("runtime", "rangeParentOffset") => int(scope::parent_offset(self.scope)),
            ("delve", "bphitcount") => Operand::hit_counts(),
            _ => return Ok(None),
        }))
    }

    fn variable_or_package(&self, first: &str, name: &str) -> Result<Operand> {
        let selected = match self.ident(first) {
            Ok(Some(operand)) => Some(self.member(operand, name)),
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        };
        if let Some(Ok(operand)) = selected {
            return Ok(operand);
        }
        if let Some(global) = self.qualified(first, name) {
            return Ok(global);
        }
        match selected {
            Some(error) => error,
            None => fail(format!("could not find symbol {first}.{name}")),
        }
    }

    /// `runtime.frame(n).x`
    fn variable_of_frame(&self, args: &[Expr], name: &str) -> Result<Operand> {
        let [arg] = args else {
            return fail("wrong number of arguments for runtime.frame");
        };
        let ExprKind::Literal(Literal::Int(n), _) = arg.kind else {
            return fail(format!("expected integer value for frame, got {}", arg.text()));
        };
        let frame = usize::try_from(n).unwrap_or(usize::MAX);
        if frame >= self.scope.frames.len() {
            return fail(format!("Frame {n} does not exist in goroutine -1"));
        }
        match self.local(name, frame)? {
            Some(found) => Ok(found),
            None => fail(format!("could not find symbol value for {name}")),
        }
    }

    /// The value behind a pointer; anything else as it is. A pointer that cannot be read
    /// leads to an unreadable value.
    pub fn follow(&self, x: Operand) -> Operand {
        let target = match &x.ty {
            Some(ty) => match ty.shape() {
                Shape::Pointer(elem) => self.cx.types.elem(elem),
                _ => return x,
            },
            None => return x,
        };
        if x.unreadable.is_some() {
            return x;
        }
        match x.data {
            Data::Pointer(target) => *target,
            Data::At(at) => {
                let name = String::new();
                match self.cx.reader.read_word(at) {
                    Ok(word) => Operand::at(target, Addr(word)).named(name),
                    Err(fault) => {
                        let mut it = Operand::at(target, Addr(0));
                        it.unreadable = Some(explain(fault));
                        it
                    }
                }
            }
            _ => Operand::at(target, Addr(0)),
        }
    }

    fn star(&self, e: &Expr, x: Operand) -> Result<Operand> {
        if x.is_nil_literal() {
            return fail("nil can not be dereferenced");
        }
        if x.kind() != Kind::Pointer {
            return fail(format!(
                "expression {} ({}) can not be dereferenced",
                quoted(&e.text()),
                x.type_text()
            ));
        }
        if let Some(why) = x.unreadable {
            return fail(format!("couldn't read pointer: {why}"));
        }
        let is_cast = matches!(x.data, Data::Pointer(_));
        let mut target = self.follow(x);
        if !is_cast && target.unreadable.is_none() && target.addr().is_none() {
            return fail("nil pointer dereference");
        }
        if is_cast {
            // A name of its own would hide the text of the expression.
            target.name = Arc::default();
        }
        Ok(target)
    }

    fn address_of(&self, e: &Expr) -> Result<Operand> {
        let x = self.evaluate(e)?;
        match (&x.ty, x.addr()) {
            (Some(ty), Some(_)) => {
                let pointer = self.cx.types.pointer_to(ty);
                Ok(Operand::with(pointer, Data::Pointer(Box::new(x))))
            }
            _ => fail(format!("can not take address of {}", quoted(&e.text()))),
        }
    }

    /// Where the elements of a string, slice or array are.
    pub fn sequence(&self, x: &Operand) -> Result<Option<Sequence>> {
        let Some(ty) = &x.ty else { return Ok(None) };
        if !matches!(ty.kind(), Kind::String | Kind::Slice | Kind::Array) {
            return Ok(None);
        }
        let elem = self.cx.types.elem_of(ty);
        match &x.data {
            Data::Cut { base, len, cap } => {
                Ok(Some(Sequence { base: *base, len: *len, cap: *cap, elem }))
            }
            Data::At(at) => {
                let header = Loader::new(self.cx, LoadConfig::SINGLE).header(ty, *at);
                if let Some(why) = header.unreadable {
                    return fail(why);
                }
                let (base, len, cap) = (header.base, header.len, header.cap);
                Ok(Some(Sequence { base, len, cap, elem }))
            }
            _ => Ok(None),
        }
    }

    fn index(
        &self,
        e: &Expr,
        x: Operand,
        index_e: &Expr,
        index: &Operand,
    ) -> Result<Operand> {
        if let Some(why) = x.unreadable {
            return fail(why);
        }
        if matches!(x.data, Data::HitCounts) {
            return self.hit_count(index_e, index);
        }
        if let Some(found) = self.c_element(&x, index)? {
            return Ok(found);
        }
        let mut x = self.follow(x);
        if let Some(why) = x.unreadable {
            return fail(why);
        }
        // `p[i]` with a pointer to a pointer to an array.
        let to_array = x.ty.as_ref().and_then(|ty| self.cx.types.elem_of(ty));
        if x.kind() == Kind::Pointer
            && to_array.is_some_and(|it| it.kind() == Kind::Array)
        {
            x = self.follow(x);
        }
        if x.kind() == Kind::Map {
            return self.map_element(&x, index);
        }
        if let Some(found) = self.known_element(&x, index)? {
            return Ok(found);
        }
        let Some(sequence) = self.sequence(&x)? else {
            return fail(format!(
                "expression {} ({}) does not support indexing",
                quoted(&e.text()),
                x.type_text()
            ));
        };
        if sequence.base.0 == 0 {
            return fail(format!("can not index {}", quoted(&e.text())));
        }
        let n = self.as_int(index)?;
        if !(0..sequence.len).contains(&n) {
            return fail("index out of bounds");
        }
        let elem = match sequence.elem {
            Some(elem) => elem,
            None => self
                .cx
                .types
                .predeclared("uint8")
                .ok_or_else(|| Error::message("the type uint8 is unknown"))?,
        };
        let offset = elem.size().wrapping_mul(n.cast_unsigned()).cast_signed();
        Ok(Operand::at(elem, sequence.base.offset(offset)))
    }

    /// An element of a value that exists only here.
    fn known_element(&self, x: &Operand, index: &Operand) -> Result<Option<Operand>> {
        let place = |n: i64| usize::try_from(n).ok();
        let found = match &x.data {
            Data::Loaded(loaded) => {
                let n = place(self.as_int(index)?);
                n.and_then(|n| loaded.children().get(n))
                    .map(|child| Operand::loaded(child.clone()))
            }
            Data::Const(Const::String(bytes)) => {
                let n = place(self.as_int(index)?);
                let byte = n.and_then(|n| bytes.get(n).copied());
                byte.zip(self.cx.types.predeclared("uint8"))
                    .map(|(byte, ty)| Operand::typed(ty, Const::Int(byte.into())))
            }
            _ => return Ok(None),
        };
        match found {
            Some(found) => Ok(Some(found)),
            None => fail("index out of bounds"),
        }
    }

    fn hit_count(&self, e: &Expr, index: &Operand) -> Result<Operand> {
        let counts = self.scope.hit_counts;
        let found = match &index.data {
            Data::Const(Const::String(name)) => {
                let name = String::from_utf8_lossy(name);
                counts.and_then(|it| it.by_name(&name)).ok_or_else(|| {
                    Error::message(format!(
                        "could not find breakpoint named {}",
                        quoted(&name)
                    ))
                })?
            }
            _ => {
                let Ok(n) = self.as_int(index) else {
                    return fail(format!(
                        "can not index delve.bphitcount with {}",
                        e.text()
                    ));
                };
                counts.and_then(|it| it.by_id(n)).ok_or_else(|| {
                    Error::message(format!("could not find breakpoint with ID = {n}"))
                })?
            }
        };
        Ok(Operand::constant(Const::Int(found.into())))
    }

    fn slice(
        &self,
        e: &Expr,
        low: Option<&Expr>,
        high: Option<&Expr>,
    ) -> Result<Operand> {
        let x = self.evaluate(e)?;
        let bound =
            |e: Option<&Expr>| e.map(|e| self.as_int(&self.evaluate(e)?)).transpose();
        let (high_value, low_value) = (bound(high)?, bound(low)?.unwrap_or(0));
        if let Some(why) = x.unreadable {
            return fail(why);
        }
        let x = match (x.kind(), x.ty.as_ref().and_then(|ty| self.cx.types.elem_of(ty))) {
            (Kind::Pointer, Some(elem)) if elem.kind() == Kind::Array => self.follow(x),
            _ => x,
        };
        if x.kind() == Kind::Map {
            return self.map_tail(x, low_value, high.is_some());
        }
        let sequence = match &x.data {
            Data::Const(Const::String(bytes)) => {
                let n = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
                let high = high_value.unwrap_or(n);
                let range = usize::try_from(low_value)
                    .ok()
                    .zip(usize::try_from(high).ok())
                    .and_then(|(low, high)| bytes.get(low..high));
                return match range {
                    Some(part) => Ok(Operand::constant(Const::String(part.to_vec()))),
                    None => fail("index out of bounds"),
                };
            }
            _ => self.sequence(&x)?,
        };
        let (Some(sequence), Some(ty)) = (sequence, &x.ty) else {
            return fail(format!(
                "can not slice {} (type {})",
                quoted(&e.text()),
                x.type_text()
            ));
        };
        if sequence.base.0 == 0 {
            return fail(format!("can not slice {}", quoted(&e.text())));
        }
        let high_value = high_value.unwrap_or(sequence.len);
        let max = if ty.kind() == Kind::Slice { sequence.cap } else { sequence.len };
        if low_value < 0 || low_value > high_value || high_value > max {
            return fail("index out of bounds");
        }
        let stride = sequence.elem.as_ref().map_or(1, Type::size);
        let offset = stride.wrapping_mul(low_value.cast_unsigned()).cast_signed();
        let base = sequence.base.offset(offset);
        let (len, cap) = (high_value - low_value, sequence.cap - low_value);
        let result = match (ty.kind(), &sequence.elem) {
            (Kind::Array, Some(elem)) => self.cx.types.slice_of(elem),
            _ => ty.clone(),
        };
        let cap = if ty.kind() == Kind::String { 0 } else { cap };
        let mut it = Operand::with(result, Data::Cut { base, len, cap });
        let is_literal =
            |e: Option<&Expr>| e.is_some_and(|e| matches!(e.kind, ExprKind::Literal(..)));
        if is_literal(high) && (low.is_none() || is_literal(low)) {
            it.flags |= Flags::TRUST_LEN;
        }
        Ok(it)
    }

    fn map_tail(&self, x: Operand, low: i64, has_high: bool) -> Result<Operand> {
        if has_high {
            return fail("second slice argument must be empty for maps");
        }
        let (Some(ty), Some(at)) = (x.ty.clone(), x.addr()) else {
            return fail("map index out of bounds");
        };
        let before = match x.data {
            Data::MapTail { skip, .. } => skip,
            _ => 0,
        };
        let view = super::map::open(self.cx, &ty, at).or_else(fail)?;
        let skip = u64::try_from(low)
            .ok()
            .and_then(|low| before.checked_add(low))
            .filter(|skip| *skip < view.count.cast_unsigned());
        match skip {
            Some(skip) => Ok(Operand::with(ty, Data::MapTail { at, skip })),
            None => fail("map index out of bounds"),
        }
    }

    fn assert(&self, e: &Expr, wanted: Option<&Expr>) -> Result<Operand> {
        let x = self.evaluate(e)?;
        let Some(wanted) = wanted else {
            return fail("expression x.(type) is only for switch statements");
        };
        // `.(data)` is Delve's way to say "whatever it is".
        let (wanted_ty, word) = match wanted.ident() {
            Some("data") => (None, "data".to_owned()),
            _ => (Some(self.type_or_fail(wanted)?), wanted.text()),
        };
        let (Some(ty), Some(at)) = (&x.ty, x.addr()) else {
            return fail(format!("expression {} not an interface", quoted(&e.text())));
        };
        let &Shape::Interface { empty } = ty.shape() else {
            return fail(format!("expression {} not an interface", quoted(&e.text())));
        };
        if let Some(why) = x.unreadable {
            return fail(why);
        }
        let iface = ty.name();
        match self.cx.held_by(at, empty).or_else(fail)? {
            Held::Nil => {
                fail(format!("interface conversion: {iface} is nil, not {word}"))
            }
            Held::Unknown { name, .. } => {
                fail(format!("there is no debug information on {name}"))
            }
            Held::Value { ty, at } => match wanted_ty {
                Some(wanted) if wanted.name() != ty.name() => fail(format!(
                    "interface conversion: {iface} is {}, not {}",
                    ty.name(),
                    wanted.name()
                )),
                _ => Ok(Operand::at(ty, at).named("data")),
            },
        }
    }
}

fn literal(value: &Literal) -> Const {
    match value {
        Literal::Int(n) => Const::Int(*n),
        Literal::Float(x) => Const::Float(*x),
        Literal::Imaginary(x) => Const::Complex(0.0, *x),
        Literal::String(bytes) => Const::String(bytes.clone()),
    }
}

/// Whether `f` is `runtime.frame`.
fn is_runtime_frame(f: &Expr) -> bool {
    match &f.kind {
        ExprKind::Selector(x, name) => x.ident() == Some("runtime") && name == "frame",
        _ => false,
    }
}
