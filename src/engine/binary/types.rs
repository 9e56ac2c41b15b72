//! What is a value made of? DWARF type DIEs as Go types, read when asked for.

/// A type: the offset of its DIE in `.debug_info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u32);

/// A Go type as the compiler describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoType {
    pub id: TypeId,
    /// In Go's spelling, with full import paths: `map[string]*net/http.Client`.
    pub name: String,
    /// In bytes.
    pub size: u64,
    pub kind: TypeKind,
    /// `reflect.Kind`, or 0 for types that the runtime has no descriptor of.
    pub go_kind: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeKind {
    Void,
    Bool,
    Int,
    Uint,
    Float,
    Complex,
    String,
    Slice {
        elem: TypeId,
    },
    Array {
        elem: TypeId,
        len: u64,
    },
    Struct {
        fields: Vec<Field>,
    },
    Pointer {
        target: Option<TypeId>,
    },
    UnsafePointer,
    /// `header` is the type of the one word that a map is: a pointer to `hash<K,V>`
    /// (`runtime.hmap`, Go ≤ 1.23) or to `map<K,V>` (`internal/runtime/maps.Map`).
    Map {
        key: TypeId,
        elem: TypeId,
        header: TypeId,
    },
    /// `header` is the type of the one word that a channel is: a pointer to `hchan<T>`.
    Chan {
        elem: TypeId,
        header: TypeId,
    },
    Func,
    Interface {
        empty: bool,
    },
    /// A type with a name for another: `type T U`.
    Named {
        underlying: TypeId,
    },
    Unsupported {
        why: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub ty: TypeId,
    /// In bytes from the start of the struct.
    pub offset: u64,
    pub embedded: bool,
}

impl GoType {
    /// The field called `name`, if this is a struct that has one itself (not through an
    /// embedded field).
    pub fn field(&self, name: &str) -> Option<&Field> {
        match &self.kind {
            TypeKind::Struct { fields } => fields.iter().find(|it| it.name == name),
            _ => None,
        }
    }
}
