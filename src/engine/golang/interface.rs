//! What type is behind this interface?

use crate::engine::addr::Addr;
use crate::engine::binary::TypeId;
use crate::engine::golang::Runtime;
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

impl Runtime {
    /// The type of the value in an interface, from the interface's first word: an
    /// `*itab`, or in an `interface {}` (`is_eface`) an `*abi.Type`.
    ///
    /// `None` for a nil interface and for what is no type.
    pub fn type_of_interface(
        &self,
        _mem: &dyn Memory,
        itab_or_type: Addr,
        _is_eface: bool,
    ) -> Option<RuntimeType> {
        let _ = itab_or_type;
        None
    }

    /// The type whose `abi.Type` is at `addr`.
    pub fn runtime_type(&self, _mem: &dyn Memory, _addr: Addr) -> Option<RuntimeType> {
        None
    }
}
