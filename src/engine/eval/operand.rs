//! What does an expression work with? Values that are known, or known to be somewhere,
//! and not loaded further than needed.

use std::sync::Arc;

use crate::engine::addr::Addr;
use crate::engine::eval::cpu::RegisterPlace;
use crate::engine::eval::types::Type;
use crate::engine::eval::value::{Flags, Kind, Variable};

/// A value that an expression came by.
#[derive(Clone)]
pub(crate) struct Operand {
    pub name: Arc<str>,
    /// `None` for untyped constants and `nil`.
    pub ty: Option<Type>,
    pub data: Data,
    pub flags: Flags,
    pub unreadable: Option<String>,
    pub location: Arc<str>,
    pub decl_line: i64,
}

/// What is known of a value.
#[derive(Clone)]
pub(crate) enum Data {
    /// It is in memory; zero if a nil pointer led to it.
    At(Addr),
    /// It is this one.
    Const(Const),
    Nil,
    /// A pointer to a value that is known by more than its address.
    Pointer(Box<Operand>),
    /// A string or slice that an expression cut out of another.
    Cut {
        base: Addr,
        len: i64,
        cap: i64,
    },
    /// A map of which the first entries are left out.
    MapTail {
        at: Addr,
        skip: u64,
    },
    /// A CPU register: its bytes, and where they are.
    Register(Vec<u8>, RegisterPlace),
    /// A value that exists only here, loaded.
    Loaded(Box<Variable>),
    /// `delve.bphitcount`, which can only be indexed.
    HitCounts,
}

/// A computed scalar or string.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Const {
    Bool(bool),
    Int(i128),
    Float(f64),
    Complex(f64, f64),
    String(Vec<u8>),
}

impl Const {
    /// The kind of an untyped constant.
    pub fn kind(&self) -> Kind {
        match self {
            Const::Bool(_) => Kind::Bool,
            Const::Int(n) if *n > i128::from(i64::MAX) => Kind::Uint,
            Const::Int(_) => Kind::Int,
            Const::Float(_) => Kind::Float64,
            Const::Complex(..) => Kind::Complex128,
            Const::String(_) => Kind::String,
        }
    }
}

impl Operand {
    fn of(ty: Option<Type>, data: Data) -> Operand {
        Operand {
            name: Arc::default(),
            ty,
            data,
            flags: Flags::default(),
            unreadable: None,
            location: Arc::default(),
            decl_line: 0,
        }
    }

    /// The value of type `ty` in memory at `addr`.
    pub fn at(ty: Type, addr: Addr) -> Operand {
        Operand::of(Some(ty), Data::At(addr))
    }

    /// A computed value of a type.
    pub fn typed(ty: Type, value: Const) -> Operand {
        Operand::of(Some(ty), Data::Const(value))
    }

    pub fn constant(value: Const) -> Operand {
        let mut it = Operand::of(None, Data::Const(value));
        it.flags = Flags::CONSTANT;
        it
    }

    pub fn bool(value: bool) -> Operand {
        Operand::constant(Const::Bool(value))
    }

    /// A value that exists only here.
    pub fn loaded(value: Variable) -> Operand {
        let flags = value.flags;
        let mut it = Operand::of(None, Data::Loaded(Box::new(value)));
        it.flags = flags;
        it
    }

    pub fn nil() -> Operand {
        Operand::of(None, Data::Nil).named("nil")
    }

    pub fn with(ty: Type, data: Data) -> Operand {
        Operand::of(Some(ty), data)
    }

    pub fn hit_counts() -> Operand {
        Operand::of(None, Data::HitCounts).named("delve.bphitcount")
    }

    pub fn named(mut self, name: impl Into<Arc<str>>) -> Operand {
        self.name = name.into();
        self
    }

    pub fn kind(&self) -> Kind {
        match (&self.ty, &self.data) {
            (_, Data::Loaded(variable)) => variable.kind,
            (Some(ty), _) => ty.kind(),
            (None, Data::Const(value)) => value.kind(),
            (None, Data::Nil) => Kind::Pointer,
            (None, _) => Kind::Invalid,
        }
    }

    pub fn is_nil_literal(&self) -> bool {
        matches!(self.data, Data::Nil) && self.ty.is_none()
    }

    /// The address, if the value is in the inferior's memory or laid out as if it were.
    pub fn addr(&self) -> Option<Addr> {
        match &self.data {
            Data::At(addr) | Data::MapTail { at: addr, .. } if addr.0 != 0 => Some(*addr),
            _ => None,
        }
    }

    /// The type in words, for messages.
    pub fn type_text(&self) -> String {
        match &self.ty {
            Some(ty) => ty.name().to_string(),
            None if self.is_nil_literal() => "nil".into(),
            None => self.kind().word().into(),
        }
    }
}
