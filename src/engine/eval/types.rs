//! What is the type of a value? The types of the file, with names resolved, and those
//! that an expression makes up: `*T`, `[]T`, `[N]T`.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::engine::binary::{Binary, Bits, TypeId, TypeKind};
use crate::engine::eval::value::Kind;

/// How many names may stand between a type and what it is.
const NAMES_MAX: usize = 64;

/// A type. Cheap to copy.
#[derive(Clone)]
pub(crate) struct Type(Rc<TypeData>);

struct TypeData {
    id: Option<TypeId>,
    name: Arc<str>,
    real_name: Arc<str>,
    size: u64,
    kind: Kind,
    shape: Shape,
    /// A type of C.
    is_native: bool,
}

/// What a type is when names are resolved.
pub(crate) enum Shape {
    Void,
    Bool,
    Int,
    Uint,
    Float,
    Complex,
    String,
    Slice(Elem),
    Array(Elem, u64),
    Struct(Vec<Member>),
    Pointer(Elem),
    UnsafePointer,
    Map { key: TypeId, elem: TypeId, header: TypeId },
    Chan { elem: TypeId, header: TypeId },
    Func,
    Interface { empty: bool },
    Unsupported(String),
}

/// The element type of a slice, array or pointer.
pub(crate) enum Elem {
    InFile(TypeId),
    MadeUp(Type),
}

/// A field of a struct.
pub(crate) struct Member {
    pub name: Arc<str>,
    pub ty: TypeId,
    pub offset: u64,
    pub embedded: bool,
    /// Of a field of C that is some bits of a number.
    pub bits: Option<Bits>,
}

impl Type {
    pub fn id(&self) -> Option<TypeId> {
        self.0.id
    }

    pub fn name(&self) -> &Arc<str> {
        &self.0.name
    }

    pub fn real_name(&self) -> &Arc<str> {
        &self.0.real_name
    }

    /// In bytes.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    pub fn shape(&self) -> &Shape {
        &self.0.shape
    }

    pub fn members(&self) -> &[Member] {
        match self.shape() {
            Shape::Struct(members) => members,
            _ => &[],
        }
    }

    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members().iter().find(|it| &*it.name == name)
    }

    /// Whether it is a type of C.
    pub fn is_native(&self) -> bool {
        self.0.is_native
    }

    /// Whether the type is one the user defined, whose constants are an enumeration.
    pub fn is_user_defined(&self) -> bool {
        self.name().contains('.') && !self.name().starts_with("C.")
    }
}

/// The types that one request deals with.
pub(crate) struct Types<'a> {
    pub binary: &'a Binary,
    known: RefCell<FxHashMap<TypeId, Type>>,
    enumerations: RefCell<FxHashMap<TypeId, Enumeration>>,
}

/// The constants of a type, with their names, by value.
type Enumeration = Rc<Vec<(String, i64)>>;

impl<'a> Types<'a> {
    pub fn new(binary: &'a Binary) -> Types<'a> {
        Types { binary, known: RefCell::default(), enumerations: RefCell::default() }
    }

    pub fn of(&self, id: TypeId) -> Type {
        if let Some(known) = self.known.borrow().get(&id) {
            return known.clone();
        }
        let made = self.describe(id);
        self.known.borrow_mut().insert(id, made.clone());
        made
    }

    fn describe(&self, id: TypeId) -> Type {
        let outer = self.binary.type_of(id);
        let mut real = outer.clone();
        for _ in 0..NAMES_MAX {
            let TypeKind::Named { underlying } = real.kind else { break };
            real = self.binary.type_of(underlying);
        }
        let shape = match &real.kind {
            TypeKind::Void => Shape::Void,
            TypeKind::Bool => Shape::Bool,
            TypeKind::Int => Shape::Int,
            TypeKind::Uint => Shape::Uint,
            TypeKind::Float => Shape::Float,
            TypeKind::Complex => Shape::Complex,
            TypeKind::String => Shape::String,
            TypeKind::Slice { elem } => Shape::Slice(Elem::InFile(*elem)),
            TypeKind::Matrix { elem, lens } => self.matrix(*elem, lens),
            TypeKind::Enum { signed: true } => Shape::Int,
            TypeKind::Enum { signed: false } => Shape::Uint,
            TypeKind::Array { elem, len } => Shape::Array(Elem::InFile(*elem), *len),
            TypeKind::Struct { fields } => Shape::Struct(
                fields
                    .iter()
                    .map(|field| Member {
                        name: Arc::from(field.name.as_str()),
                        ty: field.ty,
                        offset: field.offset,
                        embedded: field.embedded,
                        bits: field.bits,
                    })
                    .collect(),
            ),
            TypeKind::Pointer { target: Some(target) } => {
                Shape::Pointer(Elem::InFile(*target))
            }
            TypeKind::Pointer { target: None } | TypeKind::UnsafePointer => {
                Shape::UnsafePointer
            }
            TypeKind::Map { key, elem, header } => {
                Shape::Map { key: *key, elem: *elem, header: *header }
            }
            TypeKind::Chan { elem, header } => {
                Shape::Chan { elem: *elem, header: *header }
            }
            TypeKind::Func => Shape::Func,
            TypeKind::Interface { empty } => Shape::Interface { empty: *empty },
            TypeKind::Named { .. } => {
                Shape::Unsupported(format!("{} is a name without an end", outer.name))
            }
            TypeKind::Unsupported { why } => Shape::Unsupported(why.clone()),
        };
        let name: Arc<str> = Arc::from(outer.name.as_str());
        // Delve takes an interface type to be its own real type.
        let keeps_name =
            real.name == outer.name || matches!(shape, Shape::Interface { .. });
        let real_name =
            if keeps_name { name.clone() } else { Arc::from(real.name.as_str()) };
        let size = if real.size == 0 { outer.size } else { real.size };
        let made = Type::made(Some(id), name, real_name, size, shape);
        if outer.is_native { made.of_c() } else { made }
    }

    /// C's array of arrays.
    fn matrix(&self, elem: TypeId, lens: &[u64]) -> Shape {
        let [first, inner @ .., last] = lens else {
            return Shape::Unsupported("an array without dimensions".into());
        };
        let mut row = self.array_of(&self.of(elem), *last);
        for len in inner.iter().rev() {
            row = row.and_then(|it| self.array_of(&it, *len));
        }
        match row {
            Some(row) => Shape::Array(Elem::MadeUp(row), *first),
            None => Shape::Unsupported("an array larger than any memory".into()),
        }
    }

    pub fn elem(&self, elem: &Elem) -> Type {
        match elem {
            Elem::InFile(id) => self.of(*id),
            Elem::MadeUp(ty) => ty.clone(),
        }
    }

    /// The type that a pointer points to, or that a slice or array consists of.
    pub fn elem_of(&self, ty: &Type) -> Option<Type> {
        match ty.shape() {
            Shape::Slice(elem) | Shape::Array(elem, _) | Shape::Pointer(elem) => {
                Some(self.elem(elem))
            }
            _ => None,
        }
    }

    pub fn pointer_to(&self, target: &Type) -> Type {
        let name = format!("*{}", target.name());
        Type::named_anew(name, 8, Shape::Pointer(Elem::MadeUp(target.clone())))
    }

    pub fn slice_of(&self, elem: &Type) -> Type {
        let name = format!("[]{}", elem.name());
        Type::named_anew(name, 24, Shape::Slice(Elem::MadeUp(elem.clone())))
    }

    /// `None` if the array would be larger than the address space.
    pub fn array_of(&self, elem: &Type, len: u64) -> Option<Type> {
        let size = elem.size().checked_mul(len).filter(|it| *it < 1 << 48)?;
        let name = format!("[{len}]{}", elem.name());
        Some(Type::named_anew(name, size, Shape::Array(Elem::MadeUp(elem.clone()), len)))
    }

    /// A type that every Go program has, whether or not the file describes it.
    pub fn predeclared(&self, name: &str) -> Option<Type> {
        let (name, size, shape) = match name {
            "bool" => ("bool", 1, Shape::Bool),
            "int" => ("int", 8, Shape::Int),
            "int8" => ("int8", 1, Shape::Int),
            "int16" => ("int16", 2, Shape::Int),
            "int32" | "rune" => ("int32", 4, Shape::Int),
            "int64" => ("int64", 8, Shape::Int),
            "uint" => ("uint", 8, Shape::Uint),
            "uint8" | "byte" => ("uint8", 1, Shape::Uint),
            "uint16" => ("uint16", 2, Shape::Uint),
            "uint32" => ("uint32", 4, Shape::Uint),
            "uint64" => ("uint64", 8, Shape::Uint),
            "uintptr" => ("uintptr", 8, Shape::Uint),
            "float32" => ("float32", 4, Shape::Float),
            "float64" => ("float64", 8, Shape::Float),
            "complex64" => ("complex64", 8, Shape::Complex),
            "complex128" => ("complex128", 16, Shape::Complex),
            "string" => ("string", 16, Shape::String),
            "unsafe.Pointer" => ("unsafe.Pointer", 8, Shape::UnsafePointer),
            "interface {}" | "any" => {
                ("interface {}", 16, Shape::Interface { empty: true })
            }
            _ => return None,
        };
        // The file's own description is preferred: it has an id.
        match self.binary.type_named(name) {
            Some(id) => Some(self.of(id)),
            None => Some(Type::named_anew(name.to_owned(), size, shape)),
        }
    }

    pub fn void(&self) -> Type {
        Type::named_anew("void".into(), 0, Shape::Void)
    }

    /// The constants of a named type, by value.
    pub fn enumeration(&self, ty: &Type) -> Enumeration {
        let may_have = ty.is_user_defined() || ty.is_native();
        let Some(id) = ty.id().filter(|_| may_have) else {
            return Rc::default();
        };
        if let Some(known) = self.enumerations.borrow().get(&id) {
            return known.clone();
        }
        let mut constants = self.binary.constants_of(id).to_vec();
        let package = ty.name().rsplit_once('.').map_or("", |(package, _)| package);
        for (name, _) in &mut constants {
            let rest = name.strip_prefix(package);
            if let Some(short) = rest.and_then(|it| it.strip_prefix('.')) {
                *name = short.to_owned();
            }
        }
        constants.sort_by_key(|(_, value)| *value);
        let constants = Rc::new(constants);
        self.enumerations.borrow_mut().insert(id, constants.clone());
        constants
    }

    /// Whether it is a pointer to C's characters, which is how C has strings.
    pub fn is_c_string(&self, ty: &Type) -> bool {
        let Shape::Pointer(elem) = ty.shape() else { return false };
        ty.is_native() && &**self.elem(elem).real_name() == "char"
    }

    /// Whether two types are the same one, be they described by the file or made up.
    pub fn same(&self, a: &Type, b: &Type) -> bool {
        if a.id().is_some() && a.id() == b.id() {
            return true;
        }
        a.real_name() == b.real_name() && a.kind() == b.kind()
    }
}

impl Type {
    pub fn named_anew(name: String, size: u64, shape: Shape) -> Type {
        let name: Arc<str> = Arc::from(name);
        Type::made(None, name.clone(), name, size, shape)
    }

    fn made(
        id: Option<TypeId>,
        name: Arc<str>,
        real_name: Arc<str>,
        size: u64,
        shape: Shape,
    ) -> Type {
        let kind = match &shape {
            Shape::Void | Shape::Unsupported(_) => Kind::Invalid,
            Shape::Bool => Kind::Bool,
            Shape::Int => Kind::Int,
            Shape::Uint => Kind::Uint,
            Shape::Float if size == 4 => Kind::Float32,
            Shape::Float => Kind::Float64,
            Shape::Complex if size == 8 => Kind::Complex64,
            Shape::Complex => Kind::Complex128,
            Shape::String => Kind::String,
            Shape::Slice(_) => Kind::Slice,
            Shape::Array(..) => Kind::Array,
            Shape::Struct(_) => Kind::Struct,
            Shape::Pointer(_) => Kind::Pointer,
            Shape::UnsafePointer => Kind::UnsafePointer,
            Shape::Map { .. } => Kind::Map,
            Shape::Chan { .. } => Kind::Chan,
            Shape::Func => Kind::Func,
            Shape::Interface { .. } => Kind::Interface,
        };
        let is_native = false;
        Type(Rc::new(TypeData { id, name, real_name, size, kind, shape, is_native }))
    }

    /// The same as a type of C; of a type that nobody else has yet.
    fn of_c(mut self) -> Type {
        if let Some(it) = Rc::get_mut(&mut self.0) {
            it.is_native = true;
        }
        self
    }
}
