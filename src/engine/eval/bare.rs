//! What can be told of a program that was built without debug information?
//!
//! Why it ends: the value that a goroutine panicked with, and the text of a fatal error.
//! Where they are is known of each release (`golang/layout`), and what they are, from the
//! program's own descriptors of types.

use crate::engine::addr::Addr;
use crate::engine::binary::{Location, Piece, PieceAt};
use crate::engine::eval::expr::Expr;
use crate::engine::eval::load::Cx;
use crate::engine::eval::operand::Operand;
use crate::engine::eval::types::{Shape, Type, Types};
use crate::engine::eval::value::{FAKE_ADDRESSES, Flags, Kind, Variable};
use crate::engine::golang::{Frame, Goroutine};

/// What `runtime.curg` is where the debug information does not say what a goroutine is, and
/// on a thread without a goroutine: something with a `goid`, 0 if there is none, so that
/// conditions that ask for a goroutine are false there, and not wrong.
pub(crate) fn goroutine(of: Option<&Goroutine>) -> Operand {
    let goid = Variable {
        name: "goid".into(),
        kind: Kind::Int,
        value: of.map_or(0, |it| it.id).to_string(),
        flags: Flags::CONSTANT,
        ..Variable::empty()
    };
    let g = Variable {
        addr: Addr(FAKE_ADDRESSES),
        kind: Kind::Struct,
        type_name: "runtime.g".into(),
        real_type: "runtime.g".into(),
        flags: Flags::FAKE_ADDRESS,
        children: Some(vec![goid]),
        ..Variable::empty()
    };
    Operand::loaded(g).named("curg")
}

/// `runtime.curg._panic.arg`, if that is what `x.name` says.
pub(crate) fn panic_value(
    cx: &Cx<'_>,
    of: Option<&Goroutine>,
    x: &Expr,
    name: &str,
) -> Option<Operand> {
    if name != "arg" || x.text() != "runtime.curg._panic" || knows_goroutines(cx) {
        return None;
    }
    let panics = cx.runtime.panics(&cx.reader, of?);
    let ty = cx.types.predeclared("interface {}")?;
    Some(Operand::at(ty, panics.first()?.arg).named("runtime.curg._panic.arg"))
}

fn knows_goroutines(cx: &Cx<'_>) -> bool {
    cx.types.binary.type_named("runtime.g").is_some()
}

/// The places of a string that is a function's first argument (Go's `abi-internal.md`):
/// its address in RAX and its length in RBX, by DWARF's numbers.
const FIRST_STRING: [u16; 2] = [0, 3];

/// The argument of `runtime.throw` or `runtime.fatal`, behind the prologue of it.
pub(crate) fn fatal_text(cx: &Cx<'_>, frame: &Frame) -> Option<(Type, Location)> {
    let function = frame.function.as_ref()?;
    let ends_program = ["runtime.throw", "runtime.fatal"].contains(&&*function.name);
    let begins =
        function.entry..=cx.bias.loaded(cx.types.binary.prologue_end(function.id?));
    if !ends_program || !begins.contains(&frame.lookup_pc) {
        return None;
    }
    let word = |it| Piece { size: Some(8), at: PieceAt::Register(it) };
    let pieces = FIRST_STRING.map(word).to_vec();
    Some((cx.types.predeclared("string")?, Location::Pieces(pieces)))
}

impl Types<'_> {
    /// A type of which only its descriptor is known: numbers, booleans and texts can be
    /// read all the same. `kind` is a `reflect.Kind`.
    pub fn undescribed(&self, kind: u8, name: &str, size: u64) -> Option<Type> {
        let shape = match kind {
            1 => Shape::Bool,
            2..=6 => Shape::Int,
            7..=12 => Shape::Uint,
            13..=14 => Shape::Float,
            15..=16 => Shape::Complex,
            24 => Shape::String,
            26 => Shape::UnsafePointer,
            _ => return None,
        };
        let fits = match shape {
            Shape::Bool => size == 1,
            Shape::String | Shape::Complex => matches!(size, 8 | 16),
            _ => matches!(size, 1 | 2 | 4 | 8),
        };
        fits.then(|| Type::named_anew(name.to_owned(), size, shape))
    }
}
