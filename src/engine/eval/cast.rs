//! Is `T(x)` a conversion, a builtin or a call, and what does it give?

use std::sync::Arc;

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::eval::arith::fit;
use crate::engine::eval::expr::{Expr, ExprKind, Literal, TypeExpr};
use crate::engine::eval::operand::{Const, Data, Operand};
use crate::engine::eval::reader::explain;
use crate::engine::eval::run::{Evaluator, NO_CALLS, Sequence, fail};
use crate::engine::eval::text::{lossy_text, quoted};
use crate::engine::eval::types::{Shape, Type};
use crate::engine::eval::value::{Kind, Variable};
use crate::engine::memory::Memory;

/// **wire**: how Delve says that a type is not known.
const NO_TYPE: &str = "no type entry found, use 'types' for a list of valid types";
/// How many pointers and brackets a quoted type name may begin with.
const PREFIXES_MAX: usize = 32;

impl Evaluator<'_, '_> {
    /// `f(args)`: a conversion, a builtin, or a call, which is refused.
    pub fn call(&self, f: &Expr, args: &[Expr]) -> Result<Operand> {
        let [arg] = args else { return self.builtin_or_refuse(f, args) };
        let mut inner = f.bare();
        while let ExprKind::Star(x) = &inner.kind {
            inner = x.bare();
        }
        match &inner.kind {
            ExprKind::Literal(..) | ExprKind::Type(_) => {
                let ty = self.cast_type(f)?;
                self.cast(ty, arg)
            }
            ExprKind::Ident(_) => match self.find_type(f) {
                Some(ty) => self.cast(ty, arg),
                None => self.builtin_or_refuse(f, args),
            },
            ExprKind::Selector(x, _)
                if matches!(x.kind, ExprKind::Ident(_) | ExprKind::Literal(..)) =>
            {
                match self.find_type(f) {
                    Some(ty) => self.cast(ty, arg),
                    None => match self.evaluate(f) {
                        Ok(_) => fail(NO_CALLS),
                        Err(error) => fail(format!(
                            "could not evaluate function or type {}: {error}",
                            f.text()
                        )),
                    },
                }
            }
            ExprKind::Index(..) => match self.find_type(f) {
                Some(ty) => self.cast(ty, arg),
                None => self.builtin_or_refuse(f, args),
            },
            _ => self.builtin_or_refuse(f, args),
        }
    }

    fn builtin_or_refuse(&self, f: &Expr, args: &[Expr]) -> Result<Operand> {
        if let Some(result) = f.ident().and_then(|name| self.builtin(name, args)) {
            return result;
        }
        // What cannot even be named is the more useful thing to say.
        self.evaluate(f)?;
        fail(NO_CALLS)
    }

    fn cast_type(&self, e: &Expr) -> Result<Type> {
        self.find_type(e).ok_or_else(|| Error::message(NO_TYPE))
    }

    pub fn type_or_fail(&self, e: &Expr) -> Result<Type> {
        self.cast_type(e)
    }

    /// The type that an expression names, if it names one.
    pub fn find_type(&self, e: &Expr) -> Option<Type> {
        let types = &self.cx.types;
        let e = e.bare();
        match &e.kind {
            ExprKind::Literal(Literal::String(name), _) => {
                self.type_by_text(&String::from_utf8_lossy(name), 0)
            }
            ExprKind::Star(target) => Some(types.pointer_to(&self.find_type(target)?)),
            ExprKind::Type(TypeExpr::Slice(elem)) => {
                let elem = self.find_type(elem)?;
                let known = types.binary.type_named(&format!("[]{}", elem.name()));
                Some(known.map_or_else(|| types.slice_of(&elem), |id| types.of(id)))
            }
            ExprKind::Type(TypeExpr::Array(len, elem)) => {
                let ExprKind::Literal(Literal::Int(len), _) = len.bare().kind else {
                    return None;
                };
                types.array_of(&self.find_type(elem)?, u64::try_from(len).ok()?)
            }
            ExprKind::Type(TypeExpr::Map(key, elem)) => {
                let (key, elem) = (self.find_type(key)?, self.find_type(elem)?);
                self.type_by_text(&format!("map[{}]{}", key.name(), elem.name()), 0)
            }
            ExprKind::Type(TypeExpr::Chan(word, elem)) => {
                let elem = self.find_type(elem)?;
                self.type_by_text(&format!("{word} {}", elem.name()), 0)
            }
            ExprKind::Type(TypeExpr::Text(text)) => self.type_by_text(text, 0),
            ExprKind::Ident(name) => self.type_by_text(name, 0),
            ExprKind::Selector(x, name) => match &x.kind {
                ExprKind::Ident(package) => self.type_in_package(package, name),
                ExprKind::Literal(Literal::String(path), _) => {
                    let path = String::from_utf8_lossy(path);
                    self.type_by_text(&format!("{path}.{name}"), 0)
                }
                _ => None,
            },
            ExprKind::Index(base, args) => {
                let args: Vec<String> = args
                    .iter()
                    .map(|arg| match self.find_type(arg) {
                        Some(ty) => ty.name().to_string(),
                        None => arg.text(),
                    })
                    .collect();
                let with_args = |name: &str| format!("{name}[{}]", args.join(","));
                match &base.kind {
                    ExprKind::Selector(x, name) => match &x.kind {
                        ExprKind::Ident(package) => {
                            self.type_in_package(package, &with_args(name))
                        }
                        ExprKind::Literal(Literal::String(path), _) => {
                            let path = String::from_utf8_lossy(path);
                            let name = with_args(name);
                            self.type_by_text(&format!("{path}.{name}"), 0)
                        }
                        _ => None,
                    },
                    _ => self.type_by_text(&with_args(&base.text()), 0),
                }
            }
            _ => None,
        }
    }

    /// `package` is a full import path, or only the last part of one.
    fn type_in_package(&self, package: &str, name: &str) -> Option<Type> {
        if let Some(found) = self.type_by_text(&format!("{package}.{name}"), 0) {
            return Some(found);
        }
        let binary = self.cx.types.binary;
        let id = binary
            .paths_of_package(package)
            .iter()
            .find_map(|path| binary.type_named(&format!("{path}.{name}")))?;
        Some(self.cx.types.of(id))
    }

    /// A type by its name as Go spells it, pointers, slices and arrays of named types
    /// included, whether or not the program has them.
    fn type_by_text(&self, name: &str, n_prefixes: usize) -> Option<Type> {
        let types = &self.cx.types;
        let name = name.trim();
        if n_prefixes > PREFIXES_MAX {
            return None;
        }
        if let Some(predeclared) = types.predeclared(name) {
            return Some(predeclared);
        }
        if let Some(id) = types.binary.type_named(name) {
            return Some(types.of(id));
        }
        if let Some(target) = name.strip_prefix('*') {
            return Some(types.pointer_to(&self.type_by_text(target, n_prefixes + 1)?));
        }
        let (len, elem) = name.strip_prefix('[')?.split_once(']')?;
        let elem = self.type_by_text(elem, n_prefixes + 1)?;
        match len {
            "" => Some(types.slice_of(&elem)),
            _ => types.array_of(&elem, len.parse().ok()?),
        }
    }

    fn cast(&self, ty: Type, arg: &Expr) -> Result<Operand> {
        let x = self.evaluate(arg)?;
        if let Some(why) = x.unreadable {
            return fail(why);
        }
        let to = ty.name().clone();
        let refuse =
            || fail(format!("can not convert {} to {}", quoted(&arg.text()), to));
        if x.ty.as_ref().is_some_and(|from| self.have_one_layout(from, &ty)) {
            return Ok(retyped(x, ty, &self.cx.types));
        }
        match ty.shape() {
            Shape::Pointer(_) | Shape::UnsafePointer => {
                self.cast_to_pointer(ty, x, refuse)
            }
            Shape::Int | Shape::Uint | Shape::Float | Shape::Complex => {
                self.cast_to_number(ty, &x, refuse)
            }
            Shape::Bool => match self.value_of(&x)? {
                Some(value @ Const::Bool(_)) => Ok(Operand::typed(ty, value)),
                _ => refuse(),
            },
            Shape::String => self.cast_to_string(ty, &x, refuse),
            Shape::Slice(elem) => {
                let elem = self.cx.types.elem(elem);
                self.cast_to_slice(&ty, &elem, &x, refuse)
            }
            _ => refuse(),
        }
    }

    fn cast_to_pointer(
        &self,
        ty: Type,
        x: Operand,
        refuse: impl Fn() -> Result<Operand>,
    ) -> Result<Operand> {
        let to = match x.kind() {
            Kind::Int | Kind::Uint => match self.value_of(&x)? {
                Some(Const::Int(n)) => {
                    // Negative numbers are addresses in two's complement.
                    let n = i64::try_from(n).map(i64::cast_unsigned).or(u64::try_from(n));
                    Addr(n.or_else(|_| fail("the address has more than 64 bits"))?)
                }
                _ => return refuse(),
            },
            Kind::Pointer | Kind::UnsafePointer => self.word_of(&x)?,
            _ => return refuse(),
        };
        let target = self.cx.types.elem_of(&ty).unwrap_or_else(|| self.cx.types.void());
        let target = Operand::at(target, to);
        Ok(Operand::with(ty, Data::Pointer(Box::new(target))))
    }

    fn cast_to_number(
        &self,
        ty: Type,
        x: &Operand,
        refuse: impl Fn() -> Result<Operand>,
    ) -> Result<Operand> {
        let is_integer = matches!(ty.kind(), Kind::Int | Kind::Uint);
        let value = match (x.kind(), self.value_of(x)?) {
            (_, Some(Const::Float(x))) if is_integer => {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "conversion to an integer drops the fraction, as in Go"
                )]
                let whole = x as i128;
                Const::Int(whole)
            }
            (_, Some(value @ (Const::Int(_) | Const::Float(_)))) => value,
            (Kind::Complex64 | Kind::Complex128, Some(value)) if !is_integer => value,
            (Kind::Pointer | Kind::UnsafePointer, None) if is_integer => {
                Const::Int(self.word_of(x)?.0.into())
            }
            _ => return refuse(),
        };
        if matches!(value, Const::Complex(..))
            && !matches!(ty.kind(), Kind::Complex64 | Kind::Complex128)
        {
            return refuse();
        }
        let value = fit(value, &ty);
        Ok(Operand::typed(ty, value))
    }

    fn cast_to_string(
        &self,
        ty: Type,
        x: &Operand,
        refuse: impl Fn() -> Result<Operand>,
    ) -> Result<Operand> {
        let text = |bytes: Vec<u8>| Ok(Operand::typed(ty.clone(), Const::String(bytes)));
        match x.kind() {
            Kind::String => match self.value_of(x)? {
                Some(Const::String(bytes)) => text(bytes),
                _ => refuse(),
            },
            Kind::Int | Kind::Uint => match self.value_of(x)? {
                Some(Const::Int(n)) => {
                    let c = u32::try_from(n).ok().and_then(char::from_u32);
                    text(c.unwrap_or(char::REPLACEMENT_CHARACTER).to_string().into())
                }
                _ => refuse(),
            },
            Kind::Slice | Kind::Array => {
                let Some(Sequence { base, len, elem: Some(elem), .. }) =
                    self.sequence(x)?
                else {
                    return refuse();
                };
                let count = len.min(self.config.string_len_max).max(0);
                let count = usize::try_from(count).unwrap_or(0);
                let read = |len: usize| {
                    let bytes = self.cx.reader.read_bytes(base, len);
                    bytes.or_else(|fault| fail(explain(fault)))
                };
                match (elem.kind(), elem.size()) {
                    (Kind::Uint, 1) => {
                        let bytes = read(count)?;
                        let mut it = text(bytes.clone())?;
                        if len > i64::try_from(count).unwrap_or(0) {
                            it.data =
                                Data::Loaded(Box::new(cut_string(&ty, &bytes, len)));
                        }
                        Ok(it)
                    }
                    (Kind::Int, 4) => {
                        let bytes = read(count.saturating_mul(4))?;
                        let runes = bytes.chunks_exact(4).map(|it| {
                            let code = it.try_into().map_or(0, u32::from_le_bytes);
                            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
                        });
                        text(runes.collect::<String>().into_bytes())
                    }
                    _ => refuse(),
                }
            }
            _ => refuse(),
        }
    }

    /// `[]byte("…")` and `[]rune("…")`.
    fn cast_to_slice(
        &self,
        ty: &Type,
        elem: &Type,
        x: &Operand,
        refuse: impl Fn() -> Result<Operand>,
    ) -> Result<Operand> {
        if x.kind() != Kind::String {
            return refuse();
        }
        let Some(Const::String(bytes)) = self.value_of(x)? else { return refuse() };
        let codes: Vec<u32> = match (elem.kind(), elem.size()) {
            (Kind::Uint, 1) => bytes.iter().map(|byte| u32::from(*byte)).collect(),
            (Kind::Int, 4) => lossy_text(&bytes).0.chars().map(u32::from).collect(),
            _ => return refuse(),
        };
        let max = usize::try_from(self.config.array_values_max).unwrap_or(0);
        let children = codes
            .iter()
            .take(max)
            .map(|code| Variable { value: code.to_string(), ..super::load::typed(elem) })
            .collect();
        let len = i64::try_from(codes.len()).unwrap_or(i64::MAX);
        let v = Variable {
            len,
            cap: len,
            children: Some(children),
            ..super::load::typed(ty)
        };
        Ok(Operand::with(ty.clone(), Data::Loaded(Box::new(v))))
    }

    /// Whether what is behind the names of two types is the same.
    pub fn are_identical(&self, a: &Type, b: &Type) -> bool {
        let types = &self.cx.types;
        match (a.shape(), b.shape()) {
            (Shape::Slice(x), Shape::Slice(y)) => {
                types.elem(x).name() == types.elem(y).name()
            }
            (Shape::Array(x, n), Shape::Array(y, m)) => {
                n == m && types.elem(x).name() == types.elem(y).name()
            }
            (Shape::Map { .. }, Shape::Map { .. }) => a.real_name() == b.real_name(),
            (Shape::Chan { .. }, Shape::Chan { .. })
            | (Shape::Func, Shape::Func)
            | (Shape::Struct(_), Shape::Struct(_))
            | (Shape::Pointer(_), Shape::Pointer(_)) => self.have_one_layout(a, b),
            _ => false,
        }
    }

    /// Whether values of two types have the same bits, so that a conversion only changes
    /// the type.
    fn have_one_layout(&self, a: &Type, b: &Type) -> bool {
        if a.size() != b.size() || a.kind() != b.kind() {
            return a.kind() == Kind::UnsafePointer && b.kind() == Kind::Pointer
                || a.kind() == Kind::Pointer && b.kind() == Kind::UnsafePointer;
        }
        if a.real_name() == b.real_name() {
            return true;
        }
        let types = &self.cx.types;
        match (a.shape(), b.shape()) {
            (Shape::Pointer(x), Shape::Pointer(y)) => {
                types.elem(x).real_name() == types.elem(y).real_name()
            }
            (Shape::Slice(x), Shape::Slice(y)) => {
                types.elem(x).name() == types.elem(y).name()
            }
            (Shape::Struct(x), Shape::Struct(y)) => {
                x.len() == y.len()
                    && x.iter().zip(y).all(|(x, y)| {
                        x.name == y.name && x.ty == y.ty && x.offset == y.offset
                    })
            }
            (Shape::String, _)
            | (Shape::Bool, _)
            | (Shape::Int, _)
            | (Shape::Uint, _)
            | (Shape::Float, _)
            | (Shape::Complex, _) => true,
            _ => false,
        }
    }
}

/// The same value with another type.
fn retyped(mut x: Operand, ty: Type, types: &super::types::Types<'_>) -> Operand {
    if let (Data::Pointer(target), Some(elem)) = (&mut x.data, types.elem_of(&ty)) {
        target.ty = Some(elem);
    }
    x.ty = Some(ty);
    x.name = Arc::default();
    x
}

/// A string of which only the beginning is known.
fn cut_string(ty: &Type, bytes: &[u8], len: i64) -> Variable {
    let (value, lossy) = lossy_text(bytes);
    Variable {
        value,
        string_bytes: lossy.then(|| bytes.to_vec()),
        len,
        ..super::load::typed(ty)
    }
}
