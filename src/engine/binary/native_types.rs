//! What are the types and variables of C called, and what do they have that Go's have not?
//!
//! DWARF names the types that C's source names, and describes the others by what they are
//! made of: a pointer to a `const char`. Their names are put together here as Delve does.

use super::Binary;
use super::dies::Die;
use super::dies::DieReader;
use super::native::{NAME_LEN_MAX, PREFIX};
use super::types::TypeId;
use super::units::Unit;
use super::variables::Global;

/// Types that the name of one is put together from; longer ones are cut.
const NAME_HOPS_MAX: usize = 24;
/// Parameters in the name of a function type.
const PARAMETERS_MAX: usize = 32;
/// Dimensions of an array, and values of an enumeration; more are damage.
const DIMENSIONS_MAX: usize = 16;
const ENUMERATORS_MAX: usize = 1 << 16;

impl Binary {
    /// The name of a type of C that DWARF gives none.
    pub(super) fn native_type_name(&self, die: &Die<'_>) -> String {
        let mut name = String::new();
        let mut budget = NAME_HOPS_MAX;
        self.write_native_name(die, &mut name, &mut budget);
        name
    }

    fn write_native_name(&self, die: &Die<'_>, name: &mut String, budget: &mut usize) {
        use gimli::constants as dw;
        if *budget == 0 {
            name.push('…');
            return;
        }
        *budget -= 1;
        let tag = gimli::DwTag(die.tag);
        let prefix = match tag {
            dw::DW_TAG_structure_type => "struct ",
            dw::DW_TAG_union_type => "union ",
            dw::DW_TAG_enumeration_type => "enum ",
            dw::DW_TAG_class_type => "class ",
            dw::DW_TAG_pointer_type => "*",
            dw::DW_TAG_reference_type | dw::DW_TAG_rvalue_reference_type => "&",
            dw::DW_TAG_const_type => "const ",
            dw::DW_TAG_volatile_type => "volatile ",
            dw::DW_TAG_restrict_type => "restrict ",
            dw::DW_TAG_atomic_type => "_Atomic ",
            _ => "",
        };
        name.push_str(prefix);
        if let Some(own) = die.name {
            let own = &own[..own.len().min(NAME_LEN_MAX)];
            name.push_str(&String::from_utf8_lossy(own));
            return;
        }
        match tag {
            dw::DW_TAG_array_type => {
                let unit = self.units().at_offset(die.offset);
                for len in unit.map_or(Vec::new(), |it| self.dimensions(it, die)) {
                    name.push_str(&format!("[{len}]"));
                }
            }
            dw::DW_TAG_subroutine_type => return self.write_function(die, name, budget),
            _ if die.ty.is_none() && prefix.ends_with(' ') && die.has_children => {
                name.push_str("{...}");
                return;
            }
            _ => {}
        }
        match die.ty.and_then(|it| self.die_at(it)) {
            Some((_, target)) => self.write_native_name(&target, name, budget),
            None => name.push_str("void"),
        }
    }

    /// `func(int, *char) double`
    fn write_function(&self, die: &Die<'_>, name: &mut String, budget: &mut usize) {
        name.push_str("func(");
        let unit = self.units().at_offset(die.offset).filter(|_| die.has_children);
        if let Some(unit) = unit {
            let mut reader = DieReader::new(self, unit, die.offset);
            reader.next();
            let parameter = gimli::DW_TAG_formal_parameter.0;
            let is_wanted = |tag: u16, depth: isize| depth == 1 && tag == parameter;
            for nth in 0..PARAMETERS_MAX {
                let Some(parameter) = reader.next_if(is_wanted) else { break };
                name.push_str(if nth > 0 { ", " } else { "" });
                if let Some((_, ty)) = parameter.ty.and_then(|it| self.die_at(it)) {
                    self.write_native_name(&ty, name, budget);
                }
            }
        }
        name.push(')');
        if let Some((_, result)) = die.ty.and_then(|it| self.die_at(it)) {
            name.push(' ');
            self.write_native_name(&result, name, budget);
        }
    }

    /// The lengths of an array in its dimensions, outermost first. One that is not known
    /// when the program is built is 0.
    pub(super) fn dimensions(&self, unit: &Unit, die: &Die<'_>) -> Vec<u64> {
        let mut lens = Vec::new();
        if !die.has_children {
            return lens;
        }
        let mut reader = DieReader::new(self, unit, die.offset);
        reader.next();
        let range = gimli::DW_TAG_subrange_type.0;
        while lens.len() < DIMENSIONS_MAX
            && let Some(die) = reader.next_if(|tag, depth| depth == 1 && tag == range)
        {
            lens.push(die.count.unwrap_or(0));
        }
        lens
    }

    /// The values of an enumeration of C, in the order of the source.
    pub(super) fn enumerators(&self, ty: TypeId) -> Vec<(String, i64)> {
        let mut found = Vec::new();
        let Some((unit, die)) = self.die_at(ty.0 as usize) else { return found };
        let is_enumeration = die.tag == gimli::DW_TAG_enumeration_type.0;
        if !is_enumeration || !die.has_children {
            return found;
        }
        let mut reader = DieReader::new(self, unit, die.offset);
        reader.next();
        let enumerator = gimli::DW_TAG_enumerator.0;
        let is_wanted = |tag: u16, depth: isize| depth == 1 && tag == enumerator;
        while found.len() < ENUMERATORS_MAX
            && let Some(die) = reader.next_if(is_wanted)
        {
            let name = die.name.filter(|it| it.len() <= NAME_LEN_MAX);
            let name = String::from_utf8_lossy(name.unwrap_or_default());
            found.extend(die.const_value.map(|value| (name.into_owned(), value)));
        }
        found
    }

    /// The units of C. None in a program that Go's linker has made alone.
    pub(super) fn native_units(&self) -> impl Iterator<Item = &Unit> {
        let units = self.may_be_native().then(|| &self.units().all);
        units.into_iter().flatten().filter(|it| !it.is_go)
    }

    /// The named types of C, as `C.name`, with their DIEs.
    pub(super) fn each_native_type(&self, mut show: impl FnMut(&Die<'_>, &str)) {
        for unit in self.native_units() {
            let mut reader = DieReader::new(self, unit, unit.first_die);
            let is_wanted = |tag, depth| depth == 1 && super::types::is_type(tag);
            while let Some(die) = reader.next_if(is_wanted) {
                let name = die.name.filter(|it| it.len() <= NAME_LEN_MAX);
                if let Some(name) = name.and_then(|it| std::str::from_utf8(it).ok()) {
                    show(&die, name);
                }
            }
        }
    }

    /// The type that Go source calls `C.name`, `C.struct_name`, `C.union_name` or
    /// `C.enum_name`; one that is defined before one that is only declared.
    pub(super) fn native_type(&self, name: &str) -> Option<TypeId> {
        use gimli::constants as dw;
        let name = name.strip_prefix(PREFIX)?;
        let tagged = [
            ("struct_", dw::DW_TAG_structure_type),
            ("union_", dw::DW_TAG_union_type),
            ("enum_", dw::DW_TAG_enumeration_type),
        ];
        let tagged =
            tagged.iter().find_map(|it| Some((name.strip_prefix(it.0)?, it.1.0)));
        let mut found: Option<(bool, TypeId)> = None;
        self.each_native_type(|die, it| {
            let is_it = it == name
                || tagged.is_some_and(|(name, tag)| it == name && die.tag == tag);
            let is_better = found.is_none_or(|it| it.0 && !die.is_declaration);
            if is_it
                && is_better
                && let Ok(offset) = u32::try_from(die.offset)
            {
                found = Some((die.is_declaration, TypeId(offset)));
            }
        });
        found.map(|it| it.1)
    }

    /// A value of an enumeration of C by its name, `C.name`.
    pub(super) fn native_constant(&self, name: &str) -> Option<(i64, TypeId)> {
        let base = name.strip_prefix(PREFIX)?;
        let enumeration = gimli::DW_TAG_enumeration_type.0;
        self.native_units().find_map(|unit| {
            let mut reader = DieReader::new(self, unit, unit.first_die);
            let is_wanted = |tag, depth| depth == 1 && tag == enumeration;
            while let Some(die) = reader.next_if(is_wanted) {
                let id = TypeId(u32::try_from(die.offset).ok()?);
                let found = self.enumerators(id).into_iter().find(|it| it.0 == base);
                if let Some((_, value)) = found {
                    return Some((value, id));
                }
            }
            None
        })
    }

    /// A variable of C by its name, `C.name`.
    pub(super) fn native_global(&self, name: &str) -> Option<Global> {
        let base = name.strip_prefix(PREFIX)?;
        self.native_units().find_map(|unit| {
            let variables = unit.contents(self).variables.iter();
            variables.filter_map(|it| self.global_at(unit, *it, Some(base))).next()
        })
    }
}
