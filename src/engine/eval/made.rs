//! What does the compiler of conditions know of a value while it makes steps for it?

use crate::engine::eval::ops::Number;
use crate::engine::eval::types::Type;
use crate::engine::eval::value::Kind;

/// What is known of a value while steps are made for it.
#[derive(Clone)]
pub(crate) enum Made {
    /// An untyped constant, not yet pushed.
    Int(i128),
    Float(f64),
    Bool(bool),
    Text(Vec<u8>),
    Nil,
    /// On the stack: the address of a value of this type.
    Place(Type),
    /// On the stack: a value of this type; no type for the results of comparisons.
    Value(Option<Type>),
    /// On the stack: an integer that has no type, such as a length.
    Number,
    /// On the stack: pointer and length of a string or slice.
    Parts(Type),
    /// In a register: a value of this type, not yet pushed.
    InRegister(Type, u16),
}

/// How a value of a type is loaded as a number, if it can be.
pub(crate) fn number_of(ty: &Type) -> Option<Number> {
    let size = u8::try_from(ty.size()).ok().filter(|it| matches!(it, 1 | 2 | 4 | 8));
    Some(match ty.kind() {
        Kind::Bool => Number::Bool,
        Kind::Int => Number::Int { size: size?, signed: true },
        Kind::Uint => Number::Int { size: size?, signed: false },
        Kind::Float32 => Number::Float32,
        Kind::Float64 => Number::Float64,
        Kind::Pointer | Kind::UnsafePointer | Kind::Chan | Kind::Map | Kind::Func => {
            Number::Int { size: 8, signed: false }
        }
        _ => return None,
    })
}

/// Whether an untyped constant, or the untyped result of an operation, can be compared
/// with values of a type.
pub(crate) fn fits_constant(made: &Made, ty: &Type) -> bool {
    match (made, ty.kind()) {
        (Made::Nil, kind) => kind.is_nillable(),
        (Made::Int(_), Kind::Int | Kind::Uint | Kind::Float32 | Kind::Float64) => true,
        (Made::Number, Kind::Int | Kind::Uint) => true,
        (Made::Float(_), Kind::Float32 | Kind::Float64) => true,
        (Made::Bool(_) | Made::Value(None), Kind::Bool) => true,
        (Made::Text(_), Kind::String) => true,
        _ => false,
    }
}

/// Whether two values without a type can be operands of one operator.
pub(crate) fn are_alike(a: &Made, b: &Made) -> bool {
    let class = |it: &Made| match it {
        Made::Int(_) | Made::Float(_) | Made::Number => Some(0),
        Made::Bool(_) | Made::Value(None) => Some(1),
        Made::Text(_) => Some(2),
        _ => None,
    };
    class(a).is_some() && class(a) == class(b)
}
