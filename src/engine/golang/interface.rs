//! What type is behind this interface?
//!
//! An interface is two words: what it is, and where it is. The first leads to an
//! `abi.Type` (`$GOROOT/src/internal/abi/type.go`), which the linker put into the binary,
//! and whose distance from `moduledata.types` the debug information knows as
//! `DW_AT_go_runtime_type`. Without debug information its name and kind can still be read.

use crate::engine::addr::Addr;
use crate::engine::binary::TypeId;
use crate::engine::golang::Runtime;
use crate::engine::golang::details::TEXT_MAX;
use crate::engine::golang::layout::{Field, abi_type};
use crate::engine::memory::Memory;

/// A type as the running program knows it: its `abi.Type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeType {
    /// Of the `abi.Type`.
    pub addr: Addr,
    /// What the debug information calls it; `None` for types made at run time by
    /// `reflect`, and without debug information.
    pub ty: Option<TypeId>,
    /// As the program itself prints it: `main.T`, with short package names.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// `reflect.Kind`.
    pub kind: u8,
    /// The data word of the interface is the value, not a pointer to it.
    pub direct: bool,
}

/// Modules of a program: the executable and its plugins.
const MODULES_MAX: usize = 256;

/// `abi.CurrentPCLnTabMagic`: of Go ≥ 1.20, and of 1.18 and 1.19.
const PCLNTAB_MAGIC: [u32; 2] = [0xffff_fff1, 0xffff_fff0];

impl Runtime {
    /// The type of the value in an interface, from the interface's first word: an
    /// `*itab`, or in an `interface {}` (`is_eface`) an `*abi.Type`.
    ///
    /// `None` for a nil interface and for what is no type.
    pub fn type_of_interface(
        &self,
        mem: &dyn Memory,
        itab_or_type: Addr,
        is_eface: bool,
    ) -> Option<RuntimeType> {
        if itab_or_type.0 == 0 {
            return None;
        }
        if is_eface {
            return self.runtime_type(mem, itab_or_type);
        }
        let addr = mem.read_word(itab_or_type.offset(abi_type::ITAB_TYPE)).ok()?;
        self.runtime_type(mem, Addr(addr))
    }

    /// The type whose `abi.Type` is at `addr`.
    pub fn runtime_type(&self, mem: &dyn Memory, addr: Addr) -> Option<RuntimeType> {
        let mut bytes = [0; abi_type::LEN];
        mem.read(addr, &mut bytes).ok()?;
        let (tflag, kind) = (bytes[abi_type::TFLAG], bytes[abi_type::KIND]);
        let direct = if self.version().minor >= 26 {
            tflag & abi_type::TFLAG_DIRECT != 0
        } else {
            kind & abi_type::KIND_DIRECT != 0
        };
        let size = bytes[abi_type::SIZE..].first_chunk().copied().unwrap_or_default();
        let types = self.types_around(mem, addr);
        let ty = types.and_then(|it| {
            // Only the executable's debug information is loaded.
            self.image().binary.type_of_runtime(addr.0 - it.0)
        });
        let name = types.and_then(|it| read_type_name(mem, it, &bytes));
        if ty.is_none() && name.is_none() && kind & abi_type::KIND_MASK == 0 {
            return None;
        }
        Some(RuntimeType {
            addr,
            ty,
            name: name.unwrap_or_default(),
            size: u64::from_le_bytes(size),
            kind: kind & abi_type::KIND_MASK,
            direct,
        })
    }

    /// The descriptor (`abi.Type`) of a type that the executable's file describes: what
    /// is in the first word of an `interface {}` that holds such a value.
    pub fn descriptor_of(&self, mem: &dyn Memory, ty: TypeId) -> Option<Addr> {
        let offset = self.image().binary.runtime_offset(ty)?;
        let module = self.first_module(mem)?;
        let types = module.offset(self.layout().offset(Field::ModuleTypes));
        let descriptor = Addr(mem.read_word(types).ok()?.checked_add(offset)?);
        let found = self.runtime_type(mem, descriptor)?;
        (found.ty == Some(ty)).then_some(descriptor)
    }

    /// Where the types of the module begin that has a type at `addr`.
    fn types_around(&self, mem: &dyn Memory, addr: Addr) -> Option<Addr> {
        let layout = self.layout();
        let mut module = self.first_module(mem)?;
        for _ in 0..MODULES_MAX {
            let word = |field| mem.read_word(module.offset(layout.offset(field))).ok();
            let (types, end) = (word(Field::ModuleTypes)?, word(Field::ModuleEtypes)?);
            if types <= addr.0 && addr.0 < end {
                return Some(Addr(types));
            }
            module = Addr(word(Field::ModuleNext)?);
            if module.0 == 0 {
                break;
            }
        }
        None
    }

    fn first_module(&self, mem: &dyn Memory) -> Option<Addr> {
        let is_module = |at: &&Addr| {
            let mut magic = [0; 4];
            let header = mem.read_word(**at).unwrap_or(0);
            mem.read(Addr(header), &mut magic).is_ok()
                && PCLNTAB_MAGIC.contains(&u32::from_le_bytes(magic))
        };
        match self.globals().modules.as_slice() {
            [module] => Some(*module),
            candidates => candidates.iter().find(is_module).copied(),
        }
    }
}

/// Reads the name of a type: `abi.Type.Str` is its distance from the module's types, and a
/// name is a byte of flags, its length in groups of seven bits, and its bytes
/// (`abi.Name`).
fn read_type_name(mem: &dyn Memory, types: Addr, of: &[u8]) -> Option<String> {
    let offset = of[abi_type::STR..].first_chunk().copied()?;
    let at = types.offset(i64::from(i32::from_le_bytes(offset)));
    let mut head = [0; 3];
    mem.read(at, &mut head).ok()?;
    let (len, head_len) = match head[1] {
        short if short & 0x80 == 0 => (u64::from(short), 2),
        low => (u64::from(low & 0x7f) | u64::from(head[2] & 0x7f) << 7, 3),
    };
    let bytes = mem.read_bytes(at.offset(head_len), len.min(TEXT_MAX) as usize).ok()?;
    let name = String::from_utf8_lossy(&bytes);
    let name = match of[abi_type::TFLAG] & abi_type::TFLAG_EXTRA_STAR {
        0 => &name,
        _ => name.strip_prefix('*').unwrap_or(&name),
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::golang::testing::{self, Program};

    /// The type in the global variable `name`.
    fn type_in(program: &Program, name: &str, is_eface: bool) -> Option<RuntimeType> {
        let image = program.runtime.image();
        let at = image.bias.loaded(image.binary.symbol(name).unwrap().addr);
        let first = Addr(program.memory.read_word(at).unwrap());
        program.runtime.type_of_interface(&program.memory, first, is_eface)
    }

    #[test]
    fn types_behind_interfaces_are_named_as_the_program_prints_them() {
        let program = Program::start(testing::PARKED, &[]);
        let cases = [
            ("main.pointer", Some(("*main.T", 8, true))),
            ("main.value", Some(("main.T", 16, false))),
            ("main.number", Some(("int", 8, false))),
            ("main.function", Some(("func(int) string", 8, true))),
            ("main.nothing", None),
        ];
        for (name, expected) in cases {
            let found = type_in(&program, name, true);
            let found = found.as_ref().map(|it| (it.name.as_str(), it.size, it.direct));
            assert_eq!(found, expected, "{name}");
        }
        let found = type_in(&program, "main.failure", false).unwrap();
        assert_eq!((found.name.as_str(), found.kind), ("*errors.errorString", 22));
    }

    #[test]
    fn debug_information_has_the_same_types() {
        let program = Program::start(testing::PARKED, &[]);
        let found = type_in(&program, "main.value", true).unwrap();
        let Some(ty) = found.ty else { panic!("{found:?}") };
        assert_eq!(program.runtime.image().binary.type_of(ty).name, "main.T");
    }
}
