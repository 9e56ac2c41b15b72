//! What does the symbol table say? Names of places, for what Go's own table leaves out.

use super::Binary;
use super::elf::SectionInfo;
use super::functions::HashedNames;
use super::functions::hash;
use crate::engine::addr::FileAddr;

/// An entry of the symbol table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol {
    pub addr: FileAddr,
    /// In bytes; 0 if unknown.
    pub size: u64,
}

impl Binary {
    /// Looks `name` up in `.symtab`; in a file without one, among the functions and the
    /// package variables. A function in assembly is found without its `.abi0`.
    pub fn symbol(&self, name: &str) -> Option<Symbol> {
        if let Some(found) = self.symbol_exactly(name) {
            return Some(found);
        }
        if let Some(found) = self.symbol_exactly(&format!("{name}.abi0")) {
            return Some(found);
        }
        if let Some(id) = self.functions_named(name).first() {
            let function = self.function(*id);
            let size = function.end.0.saturating_sub(function.entry.0);
            return Some(Symbol { addr: function.entry, size });
        }
        let global = self.global(name).filter(|it| it.name == name)?;
        Some(Symbol { addr: global.addr, size: self.type_of(global.ty).size })
    }

    /// The function of C or assembly whose code contains `pc`, from `.symtab`. For Go's
    /// functions see [`function_at`](Self::function_at).
    pub fn symbol_at(&self, pc: FileAddr) -> Option<(&str, Symbol)> {
        let symbols = self.elf.symbols();
        let by_addr = self.code_symbols.get_or_init(|| {
            let code = symbols.indexes().filter(|it| symbols.is_function(*it));
            let mut code: Vec<_> = code
                .filter_map(|it| Some((symbols.place(it)?.0, u32::try_from(it).ok()?)))
                .collect();
            code.sort_unstable();
            code
        });
        let after = by_addr.partition_point(|it| it.0 <= pc.0);
        let (addr, index) = *by_addr[..after].last()?;
        let (_, size) = symbols.place(index as usize)?;
        let name = std::str::from_utf8(symbols.name(index as usize)?).ok()?;
        // Assembly often does not say how long it is, but no longer than its section.
        let section_of = |at: u64| {
            let sections = self.elf.sections.iter();
            let within = |it: &&SectionInfo| {
                it.addr != 0
                    && (it.addr..it.addr.saturating_add(it.file_range.len() as u64))
                        .contains(&at)
            };
            sections.into_iter().find(within).map(|it| it.addr)
        };
        let is_inside =
            pc.0 - addr < size || size == 0 && section_of(addr) == section_of(pc.0);
        is_inside.then_some((name, Symbol { addr: FileAddr(addr), size }))
    }

    /// The variable that `at` is in, from `.symtab`, and how far in it.
    pub fn data_symbol_at(&self, at: FileAddr) -> Option<(&str, u64)> {
        let symbols = self.elf.symbols();
        let by_addr = self.data_symbols.get_or_init(|| {
            let data = symbols.indexes().filter(|it| !symbols.is_function(*it));
            let mut data: Vec<_> = data
                .filter_map(|it| Some((symbols.place(it)?, u32::try_from(it).ok()?)))
                // Marks of the linker, as `runtime.data`, have no size.
                .filter(|((addr, size), _)| *addr > 0 && *size > 0)
                .map(|((addr, _), index)| (addr, index))
                .collect();
            data.sort_unstable();
            data
        });
        let after = by_addr.partition_point(|it| it.0 <= at.0);
        let (addr, index) = *by_addr[..after].last()?;
        let (_, size) = symbols.place(index as usize)?;
        let name = std::str::from_utf8(symbols.name(index as usize)?).ok()?;
        // What the linker puts together without names of their own.
        let is_collection = super::symbol_name::is_made_by_compiler(name);
        let offset = at.0 - addr;
        (offset < size && !is_collection).then_some((name, offset))
    }

    fn symbol_exactly(&self, name: &str) -> Option<Symbol> {
        let symbols = self.elf.symbols();
        let index = self.symbols.get_or_init(|| {
            let names = symbols.indexes().filter_map(|it| {
                let name = std::str::from_utf8(symbols.name(it)?).ok()?;
                Some((hash(name), u32::try_from(it).ok()?))
            });
            HashedNames::new(names.collect())
        });
        let mut places = index.places(name).map(|it| it as usize);
        let found = places.find_map(|it| {
            let named = symbols.name(it) == Some(name.as_bytes());
            named.then(|| symbols.place(it)).flatten()
        })?;
        Some(Symbol { addr: FileAddr(found.0), size: found.1 })
    }
}
