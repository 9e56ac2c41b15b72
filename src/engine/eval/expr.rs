//! What does an expression say? The tree of a Go expression, and its text in gofmt's form.

use std::fmt::Write as _;

/// A node of the tree, and where it starts in the text, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expr {
    pub kind: ExprKind,
    pub at: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ExprKind {
    Ident(String),
    /// A literal: its value, and its text as written.
    Literal(Literal, String),
    Paren(Box<Expr>),
    Selector(Box<Expr>, String),
    Index(Box<Expr>, Vec<Expr>),
    Slice(Box<Expr>, Option<Box<Expr>>, Option<Box<Expr>>),
    /// `x[a:b:c]`, which is understood only to be refused.
    Slice3(Box<Expr>),
    /// `x.(T)`; `None` for `x.(type)`.
    Assert(Box<Expr>, Option<Box<Expr>>),
    Call(Box<Expr>, Vec<Expr>),
    /// `*x`: a dereference or a pointer type.
    Star(Box<Expr>),
    Unary(&'static str, Box<Expr>),
    Binary(Op, Box<Expr>, Box<Expr>),
    /// A type that does not look like an expression, such as `[]int` or `map[K]V`, in
    /// the spelling that DWARF uses for it.
    Type(TypeExpr),
    /// `T{a, b}`, `T{X: a}`; the type is left out in elements of arrays.
    Composite(Option<Box<Expr>>, Vec<Element>),
    /// `func(…) {…}`, likewise.
    FuncLit,
}

/// An element of a composite literal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Element {
    /// The name of a field, an index, or the key of a map.
    pub key: Option<Expr>,
    pub value: Expr,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TypeExpr {
    Slice(Box<Expr>),
    Array(Box<Expr>, Box<Expr>),
    Map(Box<Expr>, Box<Expr>),
    Chan(&'static str, Box<Expr>),
    /// `func(…) …`, `struct {…}`, `interface {…}`: the text.
    Text(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    /// An integer or a rune. Go's constants are unbounded; more than 127 bits serve nobody
    /// in a debugger.
    Int(i128),
    Float(f64),
    Imaginary(f64),
    String(Vec<u8>),
}

/// The binary operators, in the order of the Go specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    LOr,
    LAnd,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Add,
    Sub,
    Or,
    Xor,
    Mul,
    Div,
    Rem,
    Shl,
    Shr,
    And,
    AndNot,
}

impl Op {
    /// 1 binds weakest (`||`), 5 strongest (`*`).
    pub fn precedence(self) -> u8 {
        match self {
            Op::LOr => 1,
            Op::LAnd => 2,
            Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge => 3,
            Op::Add | Op::Sub | Op::Or | Op::Xor => 4,
            Op::Mul | Op::Div | Op::Rem | Op::Shl | Op::Shr | Op::And | Op::AndNot => 5,
        }
    }

    pub fn text(self) -> &'static str {
        match self {
            Op::LOr => "||",
            Op::LAnd => "&&",
            Op::Eq => "==",
            Op::Ne => "!=",
            Op::Lt => "<",
            Op::Le => "<=",
            Op::Gt => ">",
            Op::Ge => ">=",
            Op::Add => "+",
            Op::Sub => "-",
            Op::Or => "|",
            Op::Xor => "^",
            Op::Mul => "*",
            Op::Div => "/",
            Op::Rem => "%",
            Op::Shl => "<<",
            Op::Shr => ">>",
            Op::And => "&",
            Op::AndNot => "&^",
        }
    }

    pub fn is_comparison(self) -> bool {
        self.precedence() == 3
    }
}

impl Expr {
    /// The expression without the parentheses around it.
    pub fn bare(&self) -> &Expr {
        let mut it = self;
        while let ExprKind::Paren(inner) = &it.kind {
            it = inner;
        }
        it
    }

    pub fn ident(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Ident(name) => Some(name),
            _ => None,
        }
    }

    /// The text of the expression as gofmt writes it, blanks around operators included
    /// (`go/printer`: weaker operators get blanks, stronger ones inside them do not).
    pub fn text(&self) -> String {
        let mut out = String::new();
        print(&mut out, self, 0, 1);
        out
    }
}

fn print(out: &mut String, e: &Expr, outer: u8, depth: u32) {
    match &e.kind {
        ExprKind::Ident(name) => out.push_str(name),
        ExprKind::Literal(_, text) => out.push_str(text),
        ExprKind::Paren(inner) => {
            out.push('(');
            print(out, inner.bare(), 0, depth.saturating_sub(1).max(1));
            out.push(')');
        }
        ExprKind::Selector(x, name) => {
            print(out, x, 6, depth);
            let _ = write!(out, ".{name}");
        }
        ExprKind::Index(x, indices) => {
            print(out, x, 6, 1);
            print_list(out, '[', indices, ']', depth + 1);
        }
        ExprKind::Slice(x, low, high) => {
            print(out, x, 6, 1);
            print_bounds(out, low.as_deref(), high.as_deref(), depth);
        }
        ExprKind::Slice3(x) => {
            print(out, x, 6, 1);
            out.push_str("[::]");
        }
        ExprKind::Assert(x, ty) => {
            print(out, x, 6, depth);
            out.push_str(".(");
            match ty {
                Some(ty) => print(out, ty, 0, 1),
                None => out.push_str("type"),
            }
            out.push(')');
        }
        ExprKind::Call(f, args) => {
            print(out, f, 6, depth);
            let inner = if args.len() > 1 { depth + 1 } else { depth };
            print_list(out, '(', args, ')', inner);
        }
        ExprKind::Star(x) => {
            out.push('*');
            print(out, x, 6, depth);
        }
        ExprKind::Unary(op, x) => {
            out.push_str(op);
            // `--x` would be another token.
            if matches!(&x.kind, ExprKind::Unary(inner, _) if inner == op && matches!(*op, "+" | "-"))
            {
                out.push(' ');
            }
            print(out, x, 6, depth);
        }
        ExprKind::Binary(op, x, y) => print_binary(out, (*op, x, y), e, outer, depth),
        ExprKind::Type(ty) => print_type(out, ty),
        ExprKind::Composite(ty, elements) => {
            print_composite(out, ty.as_deref(), elements)
        }
        ExprKind::FuncLit => out.push_str("func literal"),
    }
}

fn print_list(out: &mut String, open: char, items: &[Expr], close: char, depth: u32) {
    out.push(open);
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        print(out, item, 0, depth);
    }
    out.push(close);
}

fn print_composite(out: &mut String, ty: Option<&Expr>, elements: &[Element]) {
    if let Some(ty) = ty {
        print(out, ty, 6, 1);
    }
    out.push('{');
    for (i, element) in elements.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        if let Some(key) = &element.key {
            print(out, key, 0, 1);
            out.push_str(": ");
        }
        print(out, &element.value, 0, 1);
    }
    out.push('}');
}

fn print_bounds(out: &mut String, low: Option<&Expr>, high: Option<&Expr>, depth: u32) {
    let is_binary =
        |e: Option<&Expr>| e.is_some_and(|e| matches!(e.kind, ExprKind::Binary(..)));
    let (spaced_low, spaced_high) = (is_binary(low), is_binary(high));
    let blanks = depth <= 1 && (spaced_low || spaced_high);
    out.push('[');
    if let Some(low) = low {
        print(out, low, 0, depth + 1);
        if blanks && high.is_some() {
            out.push(' ');
        }
    }
    out.push(':');
    if let Some(high) = high {
        if blanks && low.is_some() {
            out.push(' ');
        }
        print(out, high, 0, depth + 1);
    }
    out.push(']');
}

fn print_binary(
    out: &mut String,
    (op, x, y): (Op, &Expr, &Expr),
    whole: &Expr,
    outer: u8,
    depth: u32,
) {
    let depth = depth.max(1);
    let precedence = op.precedence();
    if precedence < outer {
        // Only trees that no parser made get here; the text must still mean the same.
        out.push('(');
        print(out, whole, 0, depth.saturating_sub(1));
        out.push(')');
        return;
    }
    let blanks = precedence < cutoff(whole, depth);
    let same = matches!(&x.kind, ExprKind::Binary(o, ..) if o.precedence() == precedence);
    print(out, x, precedence, depth + u32::from(!same));
    if blanks {
        let _ = write!(out, " {} ", op.text());
    } else {
        out.push_str(op.text());
    }
    print(out, y, precedence + 1, depth + 1);
}

/// Operators weaker than this get blanks around them.
fn cutoff(e: &Expr, depth: u32) -> u8 {
    let mut seen = Seen::default();
    seen.walk(e);
    match (seen.problem, seen.four && seen.five, depth) {
        (problem, _, _) if problem > 0 => problem + 1,
        (_, true, 1) => 5,
        (_, false, 1) => 6,
        _ => 4,
    }
}

/// What a tree of binary operators contains: operators of precedence 4 and 5, and pairs of
/// signs that would run together without a blank.
#[derive(Default)]
struct Seen {
    four: bool,
    five: bool,
    problem: u8,
}

impl Seen {
    fn walk(&mut self, e: &Expr) {
        let ExprKind::Binary(op, x, y) = &e.kind else { return };
        self.four |= op.precedence() == 4;
        self.five |= op.precedence() == 5;
        if matches!(&x.kind, ExprKind::Binary(o, ..) if o.precedence() >= op.precedence())
        {
            self.walk(x);
        }
        match &y.kind {
            ExprKind::Binary(o, ..) if o.precedence() > op.precedence() => self.walk(y),
            ExprKind::Star(_) if *op == Op::Div => self.problem = 5,
            ExprKind::Unary(sign, _) => match (op, *sign) {
                (Op::And, "&" | "^") => self.problem = 5,
                (Op::Add, "+") | (Op::Sub, "-") => self.problem = self.problem.max(4),
                _ => {}
            },
            _ => {}
        }
    }
}

fn print_type(out: &mut String, ty: &TypeExpr) {
    match ty {
        TypeExpr::Slice(elem) => {
            out.push_str("[]");
            print(out, elem, 0, 1);
        }
        TypeExpr::Array(len, elem) => {
            out.push('[');
            print(out, len, 0, 1);
            out.push(']');
            print(out, elem, 0, 1);
        }
        TypeExpr::Map(key, elem) => {
            out.push_str("map[");
            print(out, key, 0, 1);
            out.push(']');
            print(out, elem, 0, 1);
        }
        TypeExpr::Chan(word, elem) => {
            let _ = write!(out, "{word} ");
            print(out, elem, 0, 1);
        }
        TypeExpr::Text(text) => out.push_str(text),
    }
}
