//! What is a value, once loaded? Everything a front end or the wire may want to say of it.
//!
//! A [`Variable`] is plain data: it holds no reference to the inferior and stays true
//! after the inferior has gone on. Its fields are those of Delve's `api.Variable`, with
//! types of ours (`service/api/types.go` of Delve; `spec/rpc.md` §3.8).

use std::sync::Arc;

use crate::engine::addr::Addr;
use crate::engine::binary::TypeId;

/// A value, loaded as far as a [`LoadConfig`] says.
#[derive(Clone, Debug)]
pub struct Variable {
    /// The name of a variable or field, or the text of an expression. Empty for elements.
    pub name: Arc<str>,
    /// Where the value is; zero for computed values, [`FAKE_ADDRESSES`] and up for values
    /// put together from registers.
    pub addr: Addr,
    /// Whether only the address is known, because the value was not asked for.
    pub only_addr: bool,
    /// The type as Go spells it; empty for untyped constants.
    pub type_name: Arc<str>,
    /// The type behind names: for `type Celsius map[string]int`, the map.
    pub real_type: Arc<str>,
    /// Where the type is described; `None` for types made up by an expression.
    pub ty: Option<TypeId>,
    pub flags: Flags,
    pub kind: Kind,
    /// The value as text; empty for what has none of its own, such as a slice.
    pub value: String,
    /// All loaded bytes of a string that is not valid UTF-8; `value` then has U+FFFD.
    pub string_bytes: Option<Vec<u8>>,
    pub len: i64,
    pub cap: i64,
    /// Elements, fields, the target of a pointer, keys and values in turn. `None` where
    /// Delve says `null`.
    pub children: Option<Vec<Variable>>,
    /// Where a slice, string, map, channel or function has its data.
    pub base: Addr,
    /// Why the value could not be read.
    pub unreadable: Option<String>,
    /// Where the debug information says the value is (`show-location-expr`).
    pub location: Arc<str>,
    /// The line of the declaration; zero for globals and children.
    pub decl_line: i64,
}

impl Variable {
    /// A variable of which nothing is known yet.
    pub fn empty() -> Variable {
        let nothing: Arc<str> = Arc::from("");
        Variable {
            name: nothing.clone(),
            addr: Addr(0),
            only_addr: false,
            type_name: nothing.clone(),
            real_type: nothing,
            ty: None,
            flags: Flags::default(),
            kind: Kind::Invalid,
            value: String::new(),
            string_bytes: None,
            len: 0,
            cap: 0,
            children: Some(Vec::new()),
            base: Addr(0),
            unreadable: None,
            location: Arc::default(),
            decl_line: 0,
        }
    }

    /// The children, none if the wire says `null`.
    pub fn children(&self) -> &[Variable] {
        self.children.as_deref().unwrap_or_default()
    }
}

/// The first of the addresses that stand for no memory of the inferior: a value that
/// lives in registers, or in pieces, is laid out from here on while a request lasts.
pub const FAKE_ADDRESSES: u64 = 0xbeed_0000_0000_0000;

/// What kind of value it is. The numbers are those of Go's `reflect.Kind`; like Delve we
/// do not tell the widths of integers apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    #[default]
    Invalid = 0,
    Bool = 1,
    Int = 2,
    Uint = 7,
    Float32 = 13,
    Float64 = 14,
    Complex64 = 15,
    Complex128 = 16,
    Array = 17,
    Chan = 18,
    Func = 19,
    Interface = 20,
    Map = 21,
    Pointer = 22,
    Slice = 23,
    String = 24,
    Struct = 25,
    UnsafePointer = 26,
}

impl Kind {
    /// The number of `reflect.Kind`.
    pub fn number(self) -> u32 {
        self as u32
    }

    /// The word that `reflect.Kind` uses for it, for messages.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Invalid => "invalid",
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Uint => "uint",
            Kind::Float32 => "float32",
            Kind::Float64 => "float64",
            Kind::Complex64 => "complex64",
            Kind::Complex128 => "complex128",
            Kind::Array => "array",
            Kind::Chan => "chan",
            Kind::Func => "func",
            Kind::Interface => "interface",
            Kind::Map => "map",
            Kind::Pointer => "ptr",
            Kind::Slice => "slice",
            Kind::String => "string",
            Kind::Struct => "struct",
            Kind::UnsafePointer => "unsafe.Pointer",
        }
    }

    /// Whether values of this kind can be compared with `nil`.
    pub fn is_nillable(self) -> bool {
        matches!(
            self,
            Kind::Pointer
                | Kind::UnsafePointer
                | Kind::Chan
                | Kind::Map
                | Kind::Interface
                | Kind::Slice
                | Kind::Func
        )
    }
}

/// Properties of a variable, with the bits of Delve's `VariableFlags`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u16);

impl Flags {
    /// The variable was moved to the heap: its slot holds a pointer to it.
    pub const ESCAPED: Flags = Flags(1);
    /// A variable of the same name hides it.
    pub const SHADOWED: Flags = Flags(2);
    pub const CONSTANT: Flags = Flags(4);
    pub const ARGUMENT: Flags = Flags(8);
    pub const RESULT: Flags = Flags(16);
    /// The address is not one of the inferior.
    pub const FAKE_ADDRESS: Flags = Flags(32);
    pub const C_POINTER: Flags = Flags(64);
    pub const CPU_REGISTER: Flags = Flags(128);
    /// The length comes from literal bounds of a slice expression. Delve's internal
    /// `variableTrustLen`, which it lets out on the wire.
    pub const TRUST_LEN: Flags = Flags(256);

    pub fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn intersects(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }
}

impl std::ops::BitOr for Flags {
    type Output = Flags;
    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Flags) {
        self.0 |= other.0;
    }
}

/// How much of a value to load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadConfig {
    pub follow_pointers: bool,
    /// How deep to go into structs, arrays, maps and interfaces.
    pub recurse_max: i64,
    /// How many bytes of a string to load.
    pub string_len_max: i64,
    /// How many elements of an array, slice or map to load.
    pub array_values_max: i64,
    /// How many fields of a struct to load; negative: all.
    pub struct_fields_max: i64,
}

impl LoadConfig {
    /// What `Eval` and `Stacktrace` use when they are given none.
    pub const FULL: LoadConfig = LoadConfig {
        follow_pointers: true,
        recurse_max: 1,
        string_len_max: 64,
        array_values_max: 64,
        struct_fields_max: -1,
    };
    /// What a terminal uses where a line must do.
    pub const SHORT: LoadConfig = LoadConfig {
        follow_pointers: false,
        recurse_max: 0,
        string_len_max: 64,
        array_values_max: 0,
        struct_fields_max: 3,
    };
    /// Only the value itself, for operands.
    pub const SINGLE: LoadConfig = LoadConfig {
        follow_pointers: false,
        recurse_max: 0,
        string_len_max: 64,
        array_values_max: 0,
        struct_fields_max: 0,
    };
}

impl Default for LoadConfig {
    fn default() -> LoadConfig {
        LoadConfig::FULL
    }
}
