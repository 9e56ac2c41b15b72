//! What do `len`, `cap`, `min`, `max`, `real`, `imag` and `complex` give?

use crate::engine::error::Result;
use crate::engine::eval::expr::{Expr, Op};
use crate::engine::eval::operand::{Const, Data, Operand};
use crate::engine::eval::reader::explain;
use crate::engine::eval::run::{Evaluator, fail};
use crate::engine::eval::text::quoted;
use crate::engine::eval::types::Shape;
use crate::engine::eval::value::Kind;
use crate::engine::memory::Memory;

impl Evaluator<'_, '_> {
    /// The result of a builtin; `None` if there is none of that name.
    pub fn builtin(&self, name: &str, args: &[Expr]) -> Option<Result<Operand>> {
        Some(match name {
            "len" | "cap" => self.length(name, args),
            "min" | "max" => self.extreme(name, args),
            "real" | "imag" => self.part(name, args),
            "complex" => self.complex(args),
            _ => return None,
        })
    }

    fn one_argument(&self, name: &str, args: &[Expr]) -> Result<Operand> {
        match args {
            [arg] => self.evaluate(arg),
            _ => fail(format!("wrong number of arguments to {name}: {}", args.len())),
        }
    }

    fn length(&self, name: &str, args: &[Expr]) -> Result<Operand> {
        let x = self.one_argument(name, args)?;
        let int = |n: i64| Ok(Operand::constant(Const::Int(n.into())));
        let text = args.first().map(Expr::text).unwrap_or_default();
        let refuse = |x: &Operand| {
            fail(format!("invalid argument {text} (type {}) for {name}", x.type_text()))
        };
        if let Some(why) = &x.unreadable {
            return fail(why.as_str());
        }
        let x = match (x.kind(), x.ty.as_ref().and_then(|ty| self.cx.types.elem_of(ty))) {
            (Kind::Pointer, Some(elem)) if elem.kind() == Kind::Array => self.follow(x),
            _ => x,
        };
        match (&x.data, x.kind()) {
            (Data::Const(Const::String(bytes)), _) if name == "len" => {
                int(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
            }
            (Data::Loaded(v), Kind::Slice | Kind::Array | Kind::String) => int(v.len),
            (_, Kind::Array) => match x.ty.as_ref().map(|ty| ty.shape()) {
                Some(Shape::Array(_, len)) => {
                    int(i64::try_from(*len).unwrap_or(i64::MAX))
                }
                _ => refuse(&x),
            },
            (_, Kind::String) if name == "cap" => refuse(&x),
            (_, Kind::String | Kind::Slice) => match self.sequence(&x)? {
                Some(it) => int(if name == "len" { it.len } else { it.cap }),
                None => refuse(&x),
            },
            (Data::At(at), Kind::Map) if name == "len" => {
                let Some(ty) = &x.ty else { return refuse(&x) };
                int(super::map::open(self.cx, ty, *at).or_else(fail)?.count)
            }
            (Data::At(_), Kind::Chan) => {
                let field = if name == "len" { "qcount" } else { "dataqsiz" };
                self.channel_word(&x, field)
            }
            _ => refuse(&x),
        }
    }

    fn channel_word(&self, x: &Operand, field: &str) -> Result<Operand> {
        let base = self.word_of(x)?;
        let int = |n: u64| Ok(Operand::constant(Const::Int(n.into())));
        if base.0 == 0 {
            return int(0);
        }
        let header = match x.ty.as_ref().map(|ty| ty.shape()) {
            Some(Shape::Chan { header, .. }) => {
                self.cx.types.elem_of(&self.cx.types.of(*header))
            }
            _ => None,
        };
        let offset = header.as_ref().and_then(|it| it.member(field)).map(|it| it.offset);
        let Some(offset) = offset else {
            return fail(format!("a channel here has no {field}"));
        };
        let word = self.cx.reader.read_word(base.offset(offset.cast_signed()));
        int(word.or_else(|fault| fail(explain(fault)))?)
    }

    fn extreme(&self, name: &str, args: &[Expr]) -> Result<Operand> {
        let op = if name == "min" { Op::Lt } else { Op::Gt };
        let mut best: Option<(Operand, &Expr)> = None;
        for arg in args {
            let x = self.evaluate(arg)?;
            if let Some(why) = &x.unreadable {
                return fail(format!("could not load {}: {why}", quoted(&arg.text())));
            }
            best = match best {
                None => Some((x, arg)),
                Some((old, old_e)) => {
                    // The rules of types are those of the comparison.
                    let better = self.binary(op, arg, old_e)?;
                    match better.data {
                        Data::Const(Const::Bool(true)) => Some((x, arg)),
                        _ => Some((old, old_e)),
                    }
                }
            };
        }
        match best {
            Some((best, _)) => Ok(best),
            None => fail(format!("not enough arguments to {name}")),
        }
    }

    fn part(&self, name: &str, args: &[Expr]) -> Result<Operand> {
        let x = self.one_argument(name, args)?;
        let value = match (name, self.value_of(&x)?) {
            ("real", Some(Const::Complex(re, _))) => Const::Float(re),
            ("imag", Some(Const::Complex(_, im))) => Const::Float(im),
            ("real", Some(value @ (Const::Int(_) | Const::Float(_)))) => value,
            _ => {
                let text = args.first().map(Expr::text).unwrap_or_default();
                let ty = x.type_text();
                return fail(format!("invalid argument {text} (type {ty}) to {name}"));
            }
        };
        Ok(Operand::constant(value))
    }

    fn complex(&self, args: &[Expr]) -> Result<Operand> {
        let [re, im] = args else {
            return fail(format!("wrong number of arguments to complex: {}", args.len()));
        };
        let mut parts = [0.0, 0.0];
        let mut size = 0;
        for (i, arg) in [re, im].into_iter().enumerate() {
            let x = self.evaluate(arg)?;
            #[expect(clippy::cast_precision_loss, reason = "Go rounds here too")]
            let part = match self.value_of(&x)? {
                Some(Const::Int(n)) => n as f64,
                Some(Const::Float(x)) => x,
                _ => {
                    let (n, text, ty) = (i + 1, arg.text(), x.type_text());
                    return fail(format!(
                        "invalid argument {n} {text} (type {ty}) to complex"
                    ));
                }
            };
            parts[i] = part;
            size = size.max(x.ty.as_ref().map_or(0, |ty| ty.size()));
        }
        let value = Const::Complex(parts[0], parts[1]);
        let name = if size == 4 { "complex64" } else { "complex128" };
        match self.cx.types.predeclared(name) {
            None => Ok(Operand::constant(value)),
            Some(ty) => Ok(Operand::typed(ty, value)),
        }
    }
}
