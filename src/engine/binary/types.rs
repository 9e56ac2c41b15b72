//! What is a value made of? DWARF type DIEs as Go types, read when asked for.

use std::sync::Arc;

use super::Binary;
use super::dies::Die;
use super::dies::DieReader;
use super::functions::HashedNames;
use super::functions::hash;
use super::native::PREFIX;
use super::symbol_name;
use super::units::Unit;

/// `reflect.Kind` (`$GOROOT/src/reflect/type.go`).
const KIND_CHAN: u64 = 18;
const KIND_INTERFACE: u64 = 20;
const KIND_MAP: u64 = 21;
const KIND_SLICE: u64 = 23;
const KIND_STRING: u64 = 24;

/// Sizes of types that are made of types; more levels are damage.
const SIZE_HOPS_MAX: usize = 32;
/// Fields of one struct; more are damage.
const FIELDS_MAX: usize = 1 << 16;
/// The size of a pointer.
const WORD: u64 = 8;

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
    /// A type of C.
    pub is_native: bool,
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
    /// C's array of arrays: its lengths, outermost first, two at least.
    Matrix {
        elem: TypeId,
        lens: Vec<u64>,
    },
    /// C's enumeration.
    Enum {
        signed: bool,
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
    /// Of a field of C that is some bits of a number.
    pub bits: Option<Bits>,
}

/// Where a number is that has no bytes of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits {
    /// From the start of the struct, lowest bits first.
    pub offset: u64,
    pub len: u32,
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

/// The types of a program by name and by runtime type: offsets of DIEs.
#[derive(Debug, Default)]
pub struct TypeIndex {
    names: HashedNames,
    /// The offset of the runtime's descriptor, and the DIE; sorted.
    runtime: Vec<(u32, u32)>,
}

impl TypeIndex {
    /// Reads all types once: tens of milliseconds on a large binary.
    fn build(binary: &Binary) -> TypeIndex {
        let mut names = Vec::new();
        let mut runtime = Vec::new();
        // Typedefs: what they name, and their own DIE.
        let mut typedefs = Vec::new();
        for unit in binary.type_units() {
            let mut reader = DieReader::new(binary, unit, unit.first_die);
            while let Some(die) = reader.next_if(|tag, depth| depth == 1 && is_type(tag))
            {
                let Ok(offset) = u32::try_from(die.offset) else { break };
                if let Some(name) = die.name.and_then(|it| std::str::from_utf8(it).ok()) {
                    names.push((hash(name), offset));
                }
                let descriptor =
                    die.go_runtime_type.and_then(|it| u32::try_from(it).ok());
                match (descriptor, die.ty.and_then(|it| u32::try_from(it).ok())) {
                    (Some(descriptor), _) if descriptor != 0 => {
                        runtime.push((descriptor, offset));
                    }
                    (None, Some(target)) if is_typedef(die.tag) => {
                        typedefs.push((target, offset));
                    }
                    _ => {}
                }
            }
        }
        typedefs.sort_unstable();
        for (_, offset) in &mut runtime {
            if let Ok(found) = typedefs.binary_search_by_key(offset, |it| it.0) {
                *offset = typedefs[found].1;
            }
        }
        runtime.sort_unstable();
        runtime.shrink_to_fit();
        TypeIndex { names: HashedNames::new(names), runtime }
    }
}

fn is_typedef(tag: u16) -> bool {
    tag == gimli::DW_TAG_typedef.0
}

pub fn is_type(tag: u16) -> bool {
    use gimli::constants as dw;
    matches!(
        gimli::DwTag(tag),
        dw::DW_TAG_base_type
            | dw::DW_TAG_structure_type
            | dw::DW_TAG_typedef
            | dw::DW_TAG_pointer_type
            | dw::DW_TAG_array_type
            | dw::DW_TAG_subroutine_type
            | dw::DW_TAG_union_type
            | dw::DW_TAG_enumeration_type
            | dw::DW_TAG_class_type
    )
}

impl Binary {
    /// The type whose DIE is `id`. Never fails: see [`TypeKind::Unsupported`].
    pub fn type_of(&self, id: TypeId) -> Arc<GoType> {
        let known = self.types.lock().unwrap_or_else(|it| it.into_inner());
        if let Some(found) = known.get(&id) {
            return found.clone();
        }
        drop(known);
        let ty = Arc::new(self.read_type(id));
        let mut known = self.types.lock().unwrap_or_else(|it| it.into_inner());
        known.entry(id).or_insert(ty).clone()
    }

    fn read_type(&self, id: TypeId) -> GoType {
        let unsupported = |name: String, why: &str| GoType {
            id,
            name,
            size: 0,
            kind: TypeKind::Unsupported { why: why.to_string() },
            go_kind: 0,
            is_native: false,
        };
        let Some((unit, die)) = self.die_at(id.0 as usize) else {
            let why = "the debug information refers to a type that it does not have";
            return unsupported("?".to_string(), why);
        };
        let name = String::from_utf8_lossy(die.name.unwrap_or_default()).into_owned();
        match self.kind_of(unit, &die) {
            Ok(kind) => GoType {
                id,
                name: match name.is_empty() {
                    true if kind == TypeKind::UnsafePointer => "unsafe.Pointer".into(),
                    true => self.native_type_name(&die),
                    false => name,
                },
                size: self.size_of(&die),
                kind,
                go_kind: die.go_kind.and_then(|it| u8::try_from(it).ok()).unwrap_or(0),
                is_native: !unit.is_go,
            },
            Err(why) => unsupported(name, &why),
        }
    }

    fn kind_of(&self, unit: &Unit, die: &Die<'_>) -> Result<TypeKind, String> {
        use gimli::constants as dw;
        let reference = |offset: Option<usize>| {
            let offset = offset.and_then(|it| u32::try_from(it).ok());
            offset.map(TypeId).ok_or_else(|| "a part of the type is missing".to_string())
        };
        Ok(match gimli::DwTag(die.tag) {
            dw::DW_TAG_base_type => base_kind(die)?,
            dw::DW_TAG_structure_type if die.go_kind == Some(KIND_STRING) => {
                TypeKind::String
            }
            dw::DW_TAG_structure_type
                if die.go_kind == Some(KIND_SLICE) && die.go_elem.is_some() =>
            {
                TypeKind::Slice { elem: reference(die.go_elem)? }
            }
            dw::DW_TAG_structure_type | dw::DW_TAG_union_type | dw::DW_TAG_class_type => {
                TypeKind::Struct { fields: self.fields(unit, die) }
            }
            dw::DW_TAG_array_type => {
                let (elem, lens) = (reference(die.ty)?, self.dimensions(unit, die));
                match lens.as_slice() {
                    [] | [_] => {
                        TypeKind::Array { elem, len: lens.first().copied().unwrap_or(0) }
                    }
                    _ => TypeKind::Matrix { elem, lens },
                }
            }
            dw::DW_TAG_pointer_type if die.name == Some(b"unsafe.Pointer") => {
                TypeKind::UnsafePointer
            }
            dw::DW_TAG_pointer_type if die.ty.is_none() => TypeKind::UnsafePointer,
            dw::DW_TAG_pointer_type
            | dw::DW_TAG_reference_type
            | dw::DW_TAG_rvalue_reference_type => {
                TypeKind::Pointer { target: reference(die.ty).ok() }
            }
            dw::DW_TAG_subroutine_type => TypeKind::Func,
            dw::DW_TAG_enumeration_type => {
                let underlying = die.ty.and_then(|it| self.die_at(it)).map(|it| it.1);
                let kind = base_kind(underlying.as_ref().unwrap_or(die));
                TypeKind::Enum { signed: kind != Ok(TypeKind::Uint) }
            }
            dw::DW_TAG_unspecified_type => TypeKind::Void,
            dw::DW_TAG_typedef if die.go_kind == Some(KIND_MAP) => TypeKind::Map {
                key: reference(die.go_key)?,
                elem: reference(die.go_elem)?,
                header: reference(die.ty)?,
            },
            dw::DW_TAG_typedef if die.go_kind == Some(KIND_CHAN) => TypeKind::Chan {
                elem: reference(die.go_elem)?,
                header: reference(die.ty)?,
            },
            dw::DW_TAG_typedef if die.go_kind == Some(KIND_INTERFACE) => {
                let target = die.ty.and_then(|it| self.die_at(it));
                let header = target.and_then(|it| it.1.name);
                TypeKind::Interface { empty: header == Some(b"runtime.eface") }
            }
            dw::DW_TAG_typedef
            | dw::DW_TAG_const_type
            | dw::DW_TAG_volatile_type
            | dw::DW_TAG_restrict_type
            | dw::DW_TAG_atomic_type => match die.ty {
                Some(_) => TypeKind::Named { underlying: reference(die.ty)? },
                None => TypeKind::Void,
            },
            tag => return Err(format!("a kind of type that Go does not have ({tag})")),
        })
    }

    fn fields(&self, unit: &Unit, die: &Die<'_>) -> Vec<Field> {
        let mut fields = Vec::new();
        if !die.has_children {
            return fields;
        }
        let mut reader = DieReader::new(self, unit, die.offset);
        reader.next();
        let member = gimli::DW_TAG_member.0;
        while let Some(die) = reader.next_if(|tag, depth| depth == 1 && tag == member) {
            let Some(Ok(ty)) = die.ty.map(u32::try_from) else { continue };
            if fields.len() >= FIELDS_MAX {
                break;
            }
            fields.push(Field {
                name: String::from_utf8_lossy(die.name.unwrap_or_default()).into_owned(),
                ty: TypeId(ty),
                offset: die.member_offset.unwrap_or(0),
                embedded: die.go_embedded,
                bits: self.bits_of(&die),
            });
        }
        fields
    }

    /// Where a field of some bits is (DWARF 5 §5.7.6, DWARF 3 §5.6.6).
    fn bits_of(&self, die: &Die<'_>) -> Option<Bits> {
        let len = u32::try_from(die.bit_size?).ok().filter(|it| (1..=64).contains(it))?;
        if let Some(offset) = die.bit_offset {
            return Some(Bits { offset, len });
        }
        let storage = match die.byte_size {
            Some(size) => size,
            None => self.size_of(&self.die_at(die.ty?)?.1),
        };
        let end = die.member_offset.unwrap_or(0).checked_add(storage)?.checked_mul(8)?;
        let offset = end.checked_sub(die.old_bit_offset?.checked_add(len.into())?)?;
        Some(Bits { offset, len })
    }

    fn size_of(&self, die: &Die<'_>) -> u64 {
        use gimli::constants as dw;
        let mut die = *die;
        let mut factor: u64 = 1;
        for _ in 0..SIZE_HOPS_MAX {
            if let Some(size) = die.byte_size {
                return size.saturating_mul(factor);
            }
            match gimli::DwTag(die.tag) {
                dw::DW_TAG_pointer_type | dw::DW_TAG_subroutine_type => {
                    return WORD.saturating_mul(factor);
                }
                dw::DW_TAG_array_type => {
                    let unit = self.units().at_offset(die.offset);
                    let lens = unit.map_or(Vec::new(), |it| self.dimensions(it, &die));
                    let len = lens.iter().fold(1, |all: u64, it| all.saturating_mul(*it));
                    factor = factor.saturating_mul(if lens.is_empty() { 0 } else { len });
                }
                _ => {}
            }
            let Some((_, target)) = die.ty.and_then(|it| self.die_at(it)) else {
                return 0;
            };
            die = target;
        }
        0
    }

    /// The units with types: the linker puts those of Go into one of the units called
    /// `runtime`, near the end (`$GOROOT/src/cmd/link/internal/ld/dwarf.go`).
    fn type_units(&self) -> Vec<&Unit> {
        let units = &self.units().all;
        let has_types = |unit: &&Unit| {
            let mut reader = DieReader::new(self, unit, unit.first_die);
            reader.next_if(|tag, depth| depth == 1 && is_type(tag)).is_some()
        };
        // From the end: the large unit with the code of the runtime takes long to read.
        let mut runtime =
            units.iter().rev().filter(|it| it.is_go && it.name == "runtime");
        match runtime.find(has_types) {
            Some(unit) => vec![unit],
            None => units.iter().filter(has_types).collect(),
        }
    }

    pub(super) fn type_index(&self) -> &TypeIndex {
        self.type_index.get_or_init(|| TypeIndex::build(self))
    }

    /// A type by its name with full import path; the named type, not its underlying. In
    /// the path, dots may be written as the linker does (`%2e`) or plainly.
    pub fn type_named(&self, name: &str) -> Option<TypeId> {
        if name.starts_with(PREFIX) {
            return self.native_type(name);
        }
        self.type_exactly(name).or_else(|| {
            let mut readings = symbol_name::splits(name);
            readings.find_map(|(package, base)| {
                let package = symbol_name::escape(package);
                self.type_exactly(&format!("{package}.{base}"))
            })
        })
    }

    /// The distance of a type's descriptor from `moduledata.types`, the reverse of
    /// [`type_of_runtime`](Self::type_of_runtime); `None` if the program has none.
    pub fn runtime_offset(&self, ty: TypeId) -> Option<u64> {
        let runtime = &self.type_index().runtime;
        runtime.iter().find(|it| it.1 == ty.0).map(|it| it.0.into())
    }

    /// The import paths of the packages that `package` may mean: itself, or what ends in
    /// it, or what calls itself so.
    pub fn paths_of_package(&self, package: &str) -> Vec<String> {
        let mut paths: Vec<String> =
            self.units().of_package(package).map(|it| it.name.clone()).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    fn type_exactly(&self, name: &str) -> Option<TypeId> {
        let found = self.type_index().names.places(name).filter_map(|offset| {
            let (_, die) = self.die_at(offset as usize)?;
            let wraps = is_typedef(die.tag) && die.go_kind.is_none();
            (die.name == Some(name.as_bytes())).then_some((wraps, offset))
        });
        found.max_by_key(|it| it.0).map(|it| TypeId(it.1))
    }

    /// The names of all types, sorted.
    pub fn type_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for unit in self.type_units() {
            let mut reader = DieReader::new(self, unit, unit.first_die);
            while let Some(die) = reader.next_if(|tag, depth| depth == 1 && is_type(tag))
            {
                names.extend(die.name.map(|it| String::from_utf8_lossy(it).into_owned()));
            }
        }
        self.each_native_type(|_, name| names.push(format!("{PREFIX}{name}")));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The type of a runtime type descriptor, by its distance from `moduledata.types`;
    /// the named type where there is one.
    pub fn type_of_runtime(&self, offset: u64) -> Option<TypeId> {
        let offset = u32::try_from(offset).ok()?;
        let runtime = &self.type_index().runtime;
        let found = runtime.binary_search_by_key(&offset, |it| it.0).ok()?;
        runtime.get(found).map(|it| TypeId(it.1))
    }

    /// The struct that a named type is, with its fields: `runtime.g`.
    pub fn struct_layout(&self, type_name: &str) -> Option<Arc<GoType>> {
        let mut ty = self.type_of(self.type_named(type_name)?);
        for _ in 0..SIZE_HOPS_MAX {
            match ty.kind {
                TypeKind::Struct { .. } => return Some(ty),
                TypeKind::Named { underlying } => ty = self.type_of(underlying),
                _ => return None,
            }
        }
        None
    }
}

fn base_kind(die: &Die<'_>) -> Result<TypeKind, String> {
    use gimli::constants as dw;
    let encoding = die.encoding.and_then(|it| u8::try_from(it).ok()).unwrap_or(0);
    Ok(match gimli::DwAte(encoding) {
        dw::DW_ATE_boolean => TypeKind::Bool,
        dw::DW_ATE_signed | dw::DW_ATE_signed_char => TypeKind::Int,
        dw::DW_ATE_unsigned | dw::DW_ATE_unsigned_char | dw::DW_ATE_UTF => TypeKind::Uint,
        dw::DW_ATE_float => TypeKind::Float,
        dw::DW_ATE_complex_float => TypeKind::Complex,
        other => return Err(format!("an encoding that Go does not have ({other})")),
    })
}
