//! Which steps evaluate this condition at this address? A tree and the debug information
//! in, a list of [`Step`]s out; `None` for what needs the general evaluator.
//!
//! The compiler knows numbers, truth values, strings, pointers, fields, elements and
//! lengths. Whatever else an expression uses, and whatever is wrong with it, is left to
//! the general evaluator, which also has the messages.

use crate::engine::addr::{Addr, LoadBias};
use crate::engine::binary::{Binary, Location, PieceAt, VariableInfo};
use crate::engine::eval::expr::{Expr, ExprKind, Literal, Op};
use crate::engine::eval::made::{Made, are_alike, fits_constant, number_of};
use crate::engine::eval::names::package_of;
use crate::engine::eval::ops::{Number, Program, STACK_MAX, Step};
use crate::engine::eval::scope::hiding_order;
use crate::engine::eval::types::{Shape, Type, Types};
use crate::engine::eval::value::Kind;

/// DWARF's number of RDX, in which Go passes the closure object.
const DWARF_RDX: u16 = 1;

/// Compiles the condition `tree` for the address `pc`.
pub(crate) fn compile(
    binary: &Binary,
    bias: LoadBias,
    pc: Addr,
    tree: &Expr,
) -> Option<Program> {
    let at = bias.stated(pc);
    let scope = binary.scope_at(at, 0).ok();
    let function = binary.inline_stack(at).first()?.function.to_owned();
    let id = binary.function_at(at)?;
    let in_prologue = at <= binary.prologue_end(id);
    let delta = binary.sp_delta(at)?;
    let mut compiler = Compiler {
        types: Types::new(binary),
        bias,
        package: package_of(&function).to_owned(),
        variables: scope.map(|it| it.variables).unwrap_or_default(),
        in_prologue,
        program: Program {
            cfa_from_sp: i64::try_from(delta).ok()?.checked_add(8)?,
            ..Program::default()
        },
    };
    let made = compiler.expr(tree)?;
    compiler.push(made.clone())?;
    let is_bool = match &made {
        Made::Bool(_) | Made::Value(None) => true,
        Made::Value(Some(ty)) | Made::Place(ty) | Made::InRegister(ty, _) => {
            ty.kind() == Kind::Bool
        }
        _ => false,
    };
    // An operand takes three places at most: pointer, length and index.
    let fits = 3 * depth(tree) + 3 <= STACK_MAX;
    (is_bool && fits).then_some(compiler.program)
}

/// How many operands of a tree are on the stack at once, at most.
fn depth(e: &Expr) -> usize {
    match &e.kind {
        ExprKind::Paren(x)
        | ExprKind::Selector(x, _)
        | ExprKind::Star(x)
        | ExprKind::Unary(_, x) => depth(x),
        ExprKind::Binary(_, x, y) => depth(x).max(depth(y) + 1),
        ExprKind::Index(x, y) => depth(x).max(y.first().map_or(0, depth) + 1),
        ExprKind::Call(_, args) => args.first().map_or(1, depth),
        _ => 1,
    }
}

struct Compiler<'a> {
    types: Types<'a>,
    bias: LoadBias,
    package: String,
    variables: Vec<VariableInfo>,
    in_prologue: bool,
    program: Program,
}

impl Compiler<'_> {
    fn add(&mut self, step: Step) {
        self.program.steps.push(step);
    }

    fn expr(&mut self, e: &Expr) -> Option<Made> {
        match &e.kind {
            ExprKind::Paren(inner) => self.expr(inner),
            ExprKind::Literal(value, _) => match value {
                Literal::Int(n) => Some(Made::Int(*n)),
                Literal::Float(x) => Some(Made::Float(*x)),
                Literal::String(bytes) => Some(Made::Text(bytes.clone())),
                Literal::Imaginary(_) => None,
            },
            ExprKind::Ident(name) => self.ident(name),
            ExprKind::Selector(x, name) => self.selector(x, name),
            ExprKind::Index(x, index) => match index.as_slice() {
                [index] => self.index(x, index),
                _ => None,
            },
            ExprKind::Call(f, args) => match (f.ident()?, args.as_slice()) {
                ("len", [arg]) => self.length(arg),
                _ => None,
            },
            ExprKind::Star(x) => {
                let made = self.expr(x)?;
                let target = self.follow(made)?;
                Some(Made::Place(target))
            }
            ExprKind::Unary("&", _) => None,
            ExprKind::Unary(op, x) => self.unary(op, x),
            ExprKind::Binary(op @ (Op::LAnd | Op::LOr), x, y) => self.logic(*op, x, y),
            ExprKind::Binary(op, x, y) => self.binary(*op, x, y),
            _ => None,
        }
    }

    fn ident(&mut self, name: &str) -> Option<Made> {
        let named = self.variables.iter().filter(|it| *it.name == *name);
        if let Some(info) = named.max_by_key(|it| hiding_order(it)) {
            return self.variable(&info.clone());
        }
        match name {
            "true" | "false" => Some(Made::Bool(name == "true")),
            "nil" => Some(Made::Nil),
            _ => self.global(&format!("{}.{name}", self.package)),
        }
    }

    fn global(&mut self, full: &str) -> Option<Made> {
        let binary = self.types.binary;
        if let Some(global) = binary.global(full) {
            self.add(Step::Fixed(self.bias.loaded(global.addr)));
            return Some(Made::Place(self.types.of(global.ty)));
        }
        if !binary.functions_named(full).is_empty() {
            return None;
        }
        let (value, ty) = binary.constant(full)?;
        let ty = self.types.of(ty);
        let value = match ty.kind() {
            Kind::Uint => i128::from(value.cast_unsigned()),
            Kind::Int => i128::from(value),
            _ => return None,
        };
        self.add(Step::Int(value));
        Some(Made::Value(Some(ty)))
    }

    fn variable(&mut self, info: &VariableInfo) -> Option<Made> {
        if info.dict_index.is_some() || info.constant.is_some() {
            return None;
        }
        let ty = self.types.of(info.ty);
        let made = match (info.closure_offset, self.in_prologue) {
            (Some(offset), true) => {
                let offset = i64::try_from(offset).ok()?;
                self.add(Step::FromRegister(DWARF_RDX, offset));
                Made::Place(ty)
            }
            _ => self.located(ty, &info.location)?,
        };
        match info.escaped {
            true => self.follow(made).map(Made::Place),
            false => Some(made),
        }
    }

    fn located(&mut self, ty: Type, location: &Location) -> Option<Made> {
        let Location::Pieces(pieces) = location else { return None };
        match pieces.as_slice() {
            [piece] if piece.size.is_none_or(|it| it >= ty.size()) => {
                if let PieceAt::Register(number) = piece.at {
                    // Only the general registers: 0 to 16.
                    return (number <= 16).then_some(Made::InRegister(ty, number));
                }
                let step = place_step(&piece.at, self.bias)?;
                self.add(step);
                Some(Made::Place(ty))
            }
            [pointer, len, ..] if matches!(ty.kind(), Kind::String | Kind::Slice) => {
                for piece in [pointer, len] {
                    if piece.size != Some(8) {
                        return None;
                    }
                    self.word(&piece.at)?;
                }
                Some(Made::Parts(ty))
            }
            _ => None,
        }
    }

    /// Pushes a word that is a piece of a value.
    fn word(&mut self, at: &PieceAt) -> Option<()> {
        let word = Number::Int { size: 8, signed: false };
        match at {
            PieceAt::Register(number) if *number <= 16 => {
                self.add(Step::Register { number: *number, number_type: word });
            }
            _ => {
                let step = place_step(at, self.bias)?;
                self.add(step);
                self.add(Step::Load(word));
            }
        }
        Some(())
    }

    fn selector(&mut self, x: &Expr, name: &str) -> Option<Made> {
        if let Some(first) = x.ident() {
            let is_variable = self.variables.iter().any(|it| *it.name == *first);
            match (first, name, is_variable) {
                ("runtime", "threadid", false) => {
                    self.add(Step::ThreadId);
                    return Some(Made::Number);
                }
                ("runtime" | "delve", "curg" | "frameoff" | "bphitcount", _) => {
                    return None;
                }
                (package, _, false) => {
                    let in_this = self.global(&format!("{}.{package}", self.package));
                    return match in_this {
                        Some(made) => self.field(made, name),
                        None => self.global(&format!("{package}.{name}")),
                    };
                }
                (_, _, true) => {}
            }
        }
        if name == "goid" && is_special(x, "runtime", "curg") {
            self.add(Step::GoroutineId);
            let ty = self.types.predeclared("uint64")?;
            return Some(Made::Value(Some(ty)));
        }
        let made = self.expr(x)?;
        self.field(made, name)
    }

    /// A field of the struct itself, or of a struct that is embedded without a pointer.
    fn field(&mut self, made: Made, name: &str) -> Option<Made> {
        let pointer = match &made {
            Made::Place(ty) | Made::InRegister(ty, _) | Made::Value(Some(ty)) => {
                ty.kind() == Kind::Pointer
            }
            _ => return None,
        };
        let ty = match (pointer, made) {
            (true, made) => self.follow(made)?,
            (false, Made::Place(ty)) => ty,
            _ => return None,
        };
        let (offset, field) = self.find_field(&ty, name, 0)?;
        if offset != 0 {
            self.add(Step::Offset(i64::try_from(offset).ok()?));
        }
        Some(Made::Place(field))
    }

    fn find_field(&self, ty: &Type, name: &str, depth: u32) -> Option<(u64, Type)> {
        if let Some(member) = ty.member(name) {
            return Some((member.offset, self.types.of(member.ty)));
        }
        let mut found = None;
        for member in ty.members().iter().filter(|it| it.embedded) {
            let inner = self.types.of(member.ty);
            // What could be found in two ways, or through a pointer, is not for here.
            if inner.kind() != Kind::Struct || depth > 8 {
                return None;
            }
            if let Some((offset, field)) = self.find_field(&inner, name, depth + 1) {
                if found.is_some() {
                    return None;
                }
                found = Some((member.offset + offset, field));
            }
        }
        found
    }

    /// Replaces a pointer on the stack by the address that it holds.
    fn follow(&mut self, made: Made) -> Option<Type> {
        let ty = match &made {
            Made::Place(ty) | Made::InRegister(ty, _) => ty.clone(),
            _ => return None,
        };
        let Shape::Pointer(elem) = ty.shape() else { return None };
        let target = self.types.elem(elem);
        match made {
            Made::Place(_) => self.add(Step::Follow { checked: true }),
            Made::InRegister(_, number) => {
                self.add(Step::FromRegister(number, 0));
                self.add(Step::NotNil);
            }
            _ => return None,
        }
        Some(target)
    }

    fn index(&mut self, x: &Expr, index: &Expr) -> Option<Made> {
        if is_special(x, "delve", "bphitcount") {
            let ExprKind::Literal(Literal::Int(n), _) = index.kind else { return None };
            self.add(Step::HitCount(i64::try_from(n).ok()?));
            return Some(Made::Number);
        }
        let made = self.expr(x)?;
        let (ty, is_array) = match made {
            Made::Place(ty) => match ty.shape() {
                Shape::Slice(_) | Shape::String => {
                    self.add(Step::Header);
                    (ty, false)
                }
                Shape::Array(..) => (ty, true),
                Shape::Pointer(elem) => {
                    let array = self.types.elem(elem);
                    self.add(Step::Follow { checked: true });
                    if array.kind() != Kind::Array {
                        return None;
                    }
                    (array, true)
                }
                _ => return None,
            },
            Made::Parts(ty) => (ty, false),
            _ => return None,
        };
        let index = self.expr(index)?;
        self.push_int(index)?;
        let elem = match ty.shape() {
            Shape::String => self.types.predeclared("uint8")?,
            _ => self.types.elem_of(&ty)?,
        };
        let stride = elem.size();
        match (is_array, ty.shape()) {
            (true, Shape::Array(_, len)) => {
                self.add(Step::IndexArray { stride, len: *len });
            }
            _ => self.add(Step::Index { stride }),
        }
        Some(Made::Place(elem))
    }

    fn push_int(&mut self, made: Made) -> Option<()> {
        let is_int = match &made {
            Made::Int(_) | Made::Number => true,
            Made::Place(ty) | Made::InRegister(ty, _) | Made::Value(Some(ty)) => {
                matches!(ty.kind(), Kind::Int | Kind::Uint)
            }
            _ => false,
        };
        if is_int { self.push(made).map(|_| ()) } else { None }
    }

    fn length(&mut self, arg: &Expr) -> Option<Made> {
        let made = self.expr(arg)?;
        match made {
            Made::Place(ty) if matches!(ty.kind(), Kind::Slice | Kind::String) => {
                self.add(Step::Header);
                self.add(Step::KeepLen);
            }
            Made::Parts(_) => self.add(Step::KeepLen),
            Made::Text(bytes) => return Some(Made::Int(bytes.len() as i128)),
            _ => return None,
        }
        Some(Made::Number)
    }

    /// Makes sure that the value itself is on the stack; its type, if it has one.
    fn push(&mut self, made: Made) -> Option<Option<Type>> {
        match made {
            Made::Int(n) => self.add(Step::Int(n)),
            Made::Float(x) => self.add(Step::Float(x)),
            Made::Bool(b) => self.add(Step::Bool(b)),
            Made::Text(bytes) => {
                self.program.literals.push(bytes);
                self.add(Step::Literal(self.program.literals.len() - 1));
            }
            Made::Nil => self.add(Step::Int(0)),
            Made::Value(ty) => return Some(ty),
            Made::Number => {}
            Made::Parts(ty) => {
                match ty.kind() {
                    Kind::String => self.add(Step::MakeString),
                    _ => self.add(Step::DropLen),
                }
                return Some(Some(ty));
            }
            Made::InRegister(ty, number) => {
                let number_type = number_of(&ty)?;
                // A float in a general register is not one.
                if matches!(number_type, Number::Float32 | Number::Float64) {
                    return None;
                }
                self.add(Step::Register { number, number_type });
                return Some(Some(ty));
            }
            Made::Place(ty) => {
                match ty.kind() {
                    Kind::String => {
                        self.add(Step::Header);
                        self.add(Step::MakeString);
                    }
                    _ => {
                        let number = number_of(&ty)?;
                        self.add(Step::Load(number));
                    }
                }
                return Some(Some(ty));
            }
        }
        Some(None)
    }

    fn unary(&mut self, op: &'static str, x: &Expr) -> Option<Made> {
        let made = self.expr(x)?;
        match (op, &made) {
            ("-", Made::Int(n)) => return n.checked_neg().map(Made::Int),
            ("-", Made::Float(x)) => return Some(Made::Float(-x)),
            ("+", Made::Int(_) | Made::Float(_)) => return Some(made),
            ("!", Made::Bool(b)) => return Some(Made::Bool(!b)),
            _ => {}
        }
        let is_truth = matches!(made, Made::Value(None));
        let ty = self.push(made)?;
        let kind = ty.as_ref().map(Type::kind);
        let fits = match op {
            "!" => is_truth || kind == Some(Kind::Bool),
            "^" => matches!(kind, Some(Kind::Int | Kind::Uint)),
            "-" | "+" => matches!(
                kind,
                Some(Kind::Int | Kind::Uint | Kind::Float32 | Kind::Float64)
            ),
            _ => false,
        };
        self.add(Step::Unary(op, ty.as_ref().and_then(number_of)));
        fits.then_some(Made::Value(ty))
    }

    fn logic(&mut self, op: Op, x: &Expr, y: &Expr) -> Option<Made> {
        self.truth(x)?;
        let jump = self.program.steps.len();
        self.add(Step::JumpIf(op == Op::LOr, 0));
        self.truth(y)?;
        let end = self.program.steps.len();
        self.program.steps[jump] = Step::JumpIf(op == Op::LOr, end);
        Some(Made::Value(None))
    }

    fn truth(&mut self, e: &Expr) -> Option<()> {
        let made = self.expr(e)?;
        let fits = match &made {
            Made::Bool(_) => true,
            Made::Value(None) => true,
            Made::Value(Some(ty)) | Made::Place(ty) | Made::InRegister(ty, _) => {
                ty.kind() == Kind::Bool
            }
            _ => false,
        };
        if fits { self.push(made).map(|_| ()) } else { None }
    }

    fn binary(&mut self, op: Op, x: &Expr, y: &Expr) -> Option<Made> {
        let a = self.expr(x)?;
        // What is nil is not loaded but looked at.
        let a_made = a.clone();
        let a_ty = self.push_operand(a)?;
        let b = self.expr(y)?;
        let b_made = b.clone();
        let b_ty = self.push_operand(b)?;
        let ty = match (a_ty, b_ty) {
            (Some(a), Some(b)) if a.name() == b.name() => Some(a),
            (Some(_), Some(_)) => return None,
            (Some(ty), None) => fits_constant(&b_made, &ty).then_some(Some(ty))?,
            (None, Some(ty)) => fits_constant(&a_made, &ty).then_some(Some(ty))?,
            (None, None) => are_alike(&a_made, &b_made).then_some(None)?,
        };
        let is_nil = matches!(a_made, Made::Nil) || matches!(b_made, Made::Nil);
        let kind = ty.as_ref().map(Type::kind);
        let allowed = match kind {
            _ if is_nil => matches!(op, Op::Eq | Op::Ne) && ty.is_some(),
            Some(Kind::Bool | Kind::Pointer | Kind::UnsafePointer | Kind::Chan) => {
                matches!(op, Op::Eq | Op::Ne)
            }
            Some(Kind::String) => op.is_comparison(),
            Some(Kind::Int | Kind::Uint) => true,
            None => match a_made {
                Made::Int(_) | Made::Float(_) | Made::Number => true,
                Made::Text(_) => op.is_comparison(),
                _ => matches!(op, Op::Eq | Op::Ne),
            },
            Some(Kind::Float32) => op.is_comparison(),
            Some(Kind::Float64) => {
                op.is_comparison() || matches!(op, Op::Add | Op::Sub | Op::Mul | Op::Div)
            }
            _ => false,
        };
        let shifts = matches!(op, Op::Shl | Op::Shr);
        if !allowed || shifts {
            return None;
        }
        self.add(Step::Binary(op, ty.as_ref().and_then(number_of)));
        Some(match ty {
            _ if op.is_comparison() => Made::Value(None),
            Some(ty) => Made::Value(Some(ty)),
            None => Made::Number,
        })
    }

    /// Pushes an operand; of slices, maps, interfaces and functions the word that is zero
    /// if they are nil.
    fn push_operand(&mut self, made: Made) -> Option<Option<Type>> {
        if let Made::Place(ty) = &made {
            let first_word = matches!(
                ty.kind(),
                Kind::Slice | Kind::Map | Kind::Interface | Kind::Func
            );
            if first_word {
                self.add(Step::Follow { checked: false });
                return Some(Some(ty.clone()));
            }
        }
        self.push(made)
    }
}

/// Whether `x` is the name `first.second`.
fn is_special(x: &Expr, first: &str, second: &str) -> bool {
    match &x.bare().kind {
        ExprKind::Selector(x, name) => x.ident() == Some(first) && name == second,
        _ => false,
    }
}

fn place_step(at: &PieceAt, bias: LoadBias) -> Option<Step> {
    Some(match at {
        PieceAt::CfaOffset(offset) => Step::FromCfa(*offset),
        PieceAt::RegisterOffset { register, offset } if *register <= 16 => {
            Step::FromRegister(*register, *offset)
        }
        PieceAt::Addr(addr) => Step::Fixed(bias.loaded(*addr)),
        _ => return None,
    })
}
