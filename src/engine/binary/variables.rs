//! Which variables can be seen from a PC?

use std::sync::Arc;

use super::Binary;
use super::dies::Die;
use super::dies::DieReader;
use super::location::Piece;
use super::location::{FrameBase, Location};
use super::symbol_name;
use super::types::{TypeId, TypeKind};
use super::units::Unit;
use crate::engine::addr::FileAddr;
use crate::engine::error::Error;
use crate::engine::error::Result;

/// DIEs of one function; more are damage.
const DIES_MAX: usize = 1 << 20;
/// Blocks and inlined calls within each other; deeper ones are damage.
const NESTING_MAX: usize = 512;
/// Variables of one scope; more are damage.
const VARIABLES_MAX: usize = 1 << 13;

/// The variables of one function, physical or inlined, as seen from one PC.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// In the order of the declarations. Later and deeper ones hide earlier ones of the
    /// same name. Those whose declaration comes after the PC's line are left out.
    pub variables: Vec<VariableInfo>,
    /// What the compiler made for itself: `.dict`, `.closureptr`, `#yield1`.
    pub hidden: Vec<VariableInfo>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct VariableInfo {
    /// As written in the source: without the `&` of an escaped variable.
    pub name: Arc<str>,
    /// The type of what is at `location`: a pointer to the variable's type if `escaped`.
    pub ty: TypeId,
    pub kind: VariableKind,
    /// 0 if unknown.
    pub decl_line: u32,
    /// How many lexical blocks are around the declaration; 0 for the function itself.
    pub depth: u32,
    /// The variable lives on the heap (or, in a closure, was captured by reference), and
    /// `location` holds a pointer to it.
    pub escaped: bool,
    pub location: Location,
    /// The value of a variable that the compiler replaced by a constant.
    pub constant: Option<i64>,
    /// Where the variable is in the closure object that captured it (Go ≥ 1.23).
    pub closure_offset: Option<u64>,
    /// For a variable of a generic function: the word of the dictionary that holds its
    /// real type; `ty` is a shape then.
    pub dict_index: Option<u64>,
    /// Its place among the variables of the scope, as the file lists them.
    pub nth: usize,
    /// `DW_AT_location` in words, as Delve shows it (`LocationExpr` on the wire).
    pub location_text: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VariableKind {
    Argument,
    Result,
    Local,
    /// Declared outside of the closure that uses it.
    Captured,
}

/// A package variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    /// With the full import path: `net/http.DefaultClient`.
    pub name: String,
    pub ty: TypeId,
    pub addr: FileAddr,
}

/// A DIE of a function, with what is around it.
struct Node<'a> {
    die: Die<'a>,
    parent: usize,
    /// Whether the PC is in it or in something within it: parts of a call that was
    /// inlined into an inlined call can be outside of that.
    has_pc: bool,
}

impl Binary {
    /// The variables that can be seen from `pc` in the frame that
    /// [`inline_stack`](Self::inline_stack)`(pc)[inline_depth]` is.
    pub fn scope_at(&self, pc: FileAddr, inline_depth: usize) -> Result<Scope> {
        if !self.has_dwarf() {
            return Err(Error::message(
                "the program was built without debug information (-ldflags=-w or -s), so \
                 that there are no variables to show",
            ));
        }
        let no_function =
            || Error::message(format!("no debug information for the code at {pc:?}"));
        let function = self.function_at(pc).ok_or_else(no_function)?;
        let entry = self.function(function).entry;
        let (unit, die) = self.function_die(entry).ok_or_else(no_function)?;
        let base = match unit.is_go {
            true => FrameBase::Cfa,
            false => FrameBase::of(die.frame_base, unit.encoding),
        };
        let nodes = self.function_nodes(unit, die, pc.0);
        let frames = self.inline_stack(pc);
        let line = frames.get(inline_depth).map_or(0, |it| it.line);
        let outside = frames.len().saturating_sub(inline_depth + 1);
        let root = frame_node(&nodes, outside);
        let mut scope = Scope::default();
        let mut groups = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let Some(depth) = depth_in(&nodes, index, root) else { continue };
            if groups.len() >= VARIABLES_MAX {
                break;
            }
            if let Some(variable) =
                self.variable((unit, base), &node.die, depth, pc.0, line)
            {
                groups.push((node.parent, variable));
            }
        }
        self.join_decomposed(&mut groups);
        drop_duplicates(&mut groups);
        for (nth, (_, mut variable)) in groups.into_iter().enumerate() {
            variable.nth = nth;
            match is_hidden(&variable.name) {
                true => scope.hidden.push(variable),
                false => scope.variables.push(variable),
            }
        }
        Ok(scope)
    }

    /// The parameters of the function that was inlined at `pc`, in their order, whether or
    /// not anything is known of their values there: the compiler leaves those out that it
    /// has no place for.
    pub fn inlined_parameters(
        &self,
        pc: FileAddr,
        inline_depth: usize,
    ) -> Vec<(String, TypeId)> {
        let entry = self.function_at(pc).map(|it| self.function(it).entry);
        let Some((unit, die)) = entry.and_then(|it| self.function_die(it)) else {
            return Vec::new();
        };
        let nodes = self.function_nodes(unit, die, pc.0);
        let outside = self.inline_stack(pc).len().saturating_sub(inline_depth + 1);
        let call = nodes.get(frame_node(&nodes, outside));
        let origin = call.and_then(|it| self.die_at(it.die.origin?));
        let Some((unit, of)) = origin.filter(|it| it.1.has_children) else {
            return Vec::new();
        };
        let parameter = gimli::DW_TAG_formal_parameter.0;
        let mut reader = DieReader::new(self, unit, of.offset);
        reader.next();
        let mut found = Vec::new();
        while found.len() < VARIABLES_MAX
            && let Some(die) = reader.next_if(|tag, at| at == 1 && tag == parameter)
        {
            let name = die.name.filter(|_| !die.is_result);
            let name = name.and_then(|it| std::str::from_utf8(it).ok());
            let ty = die.ty.and_then(|it| self.real_type(it));
            found.extend(name.zip(ty).map(|(name, ty)| (name.to_owned(), ty.0)));
        }
        found
    }

    /// All DIEs of a function, in their order.
    fn function_nodes<'a>(
        &'a self,
        unit: &'a Unit,
        function: Die<'a>,
        pc: u64,
    ) -> Vec<Node<'a>> {
        let mut nodes = vec![Node { die: function, parent: 0, has_pc: true }];
        let mut reader = DieReader::new(self, unit, function.offset);
        reader.next();
        // The indexes of the DIEs around the next one.
        let mut around = vec![0];
        while function.has_children
            && nodes.len() < DIES_MAX
            && let Some(die) = reader.next()
        {
            let depth = usize::try_from(die.depth).unwrap_or(0).max(1);
            if depth > NESTING_MAX {
                continue;
            }
            around.truncate(depth);
            let parent = around.last().copied().unwrap_or(0);
            around.push(nodes.len());
            let has_pc = is_block(die.tag)
                && unit.ranges_of(self, &die).iter().any(|it| it.contains(&pc));
            nodes.push(Node { die, parent, has_pc });
        }
        for index in (1..nodes.len()).rev() {
            if nodes[index].has_pc {
                let parent = nodes[index].parent;
                nodes[parent].has_pc = true;
            }
        }
        nodes
    }

    fn variable(
        &self,
        (unit, base): (&Unit, FrameBase),
        die: &Die<'_>,
        depth: u32,
        pc: u64,
        line: u32,
    ) -> Option<VariableInfo> {
        let is_parameter = die.tag == gimli::DW_TAG_formal_parameter.0;
        if !is_parameter && die.tag != gimli::DW_TAG_variable.0 {
            return None;
        }
        let die = self.with_origin(*die);
        let name = std::str::from_utf8(die.name?).ok()?;
        let decl_line = die.decl_line.and_then(|it| u32::try_from(it).ok()).unwrap_or(0);
        let captured = die.go_closure_offset.is_some();
        // A variable is there from the line after its declaration; before, its place holds
        // something else. A captured one is there all the time, and its line may be one
        // of another function, whose call was inlined where the closure was made.
        let is_declared = is_parameter || captured || decl_line == 0 || line > decl_line;
        if !is_declared {
            return None;
        }
        let place = self.locate(unit, die.location, base, pc);
        let (ty, dict_index) = self.real_type(die.ty?)?;
        let escaped = name.starts_with('&');
        let text = place.text + if escaped { " (escaped)" } else { "" };
        Some(VariableInfo {
            name: name.strip_prefix('&').unwrap_or(name).into(),
            ty,
            kind: match (is_parameter, die.is_result, captured) {
                // What a closure captured by reference; what was passed has its own DIE.
                (true, ..) if escaped => VariableKind::Captured,
                (true, false, _) => VariableKind::Argument,
                (true, true, _) => VariableKind::Result,
                (false, _, true) => VariableKind::Captured,
                (false, _, false) => VariableKind::Local,
            },
            decl_line,
            depth,
            escaped,
            location: place.location,
            constant: die.const_value,
            closure_offset: die.go_closure_offset,
            dict_index,
            nth: 0,
            location_text: text.into(),
        })
    }

    /// The type of a variable. In generic functions it is a typedef that says which word
    /// of the dictionary has the real type, for a shape type.
    fn real_type(&self, offset: usize) -> Option<(TypeId, Option<u64>)> {
        let plain = TypeId(u32::try_from(offset).ok()?);
        let Some((_, die)) = self.die_at(offset) else { return Some((plain, None)) };
        match (die.go_dict_index, die.ty) {
            (Some(index), Some(shape)) => {
                Some((TypeId(u32::try_from(shape).ok()?), Some(index)))
            }
            _ => Some((plain, None)),
        }
    }

    /// Go 1.27 shows the parts of a string, slice or interface that it keeps in several
    /// places also as variables `s.ptr`, `s.len`. They are left out; if `s` itself has no
    /// location, theirs are put together.
    fn join_decomposed(&self, variables: &mut Vec<(usize, VariableInfo)>) {
        let mut parts = Vec::new();
        for i in (0..variables.len()).rev() {
            let Some((whole, part)) = variables[i].1.name.split_once('.') else {
                continue;
            };
            let (block, whole) = (variables[i].0, whole.to_string());
            let Some(order) = PARTS.iter().find(|it| it.0 == part).map(|it| it.1) else {
                continue;
            };
            let is_whole =
                |it: &(usize, VariableInfo)| it.0 == block && *it.1.name == *whole;
            if variables.iter().any(is_whole) {
                parts.push((block, whole, order, variables.remove(i).1));
            }
        }
        for (block, variable) in variables {
            if matches!(variable.location, Location::Pieces(_)) {
                continue;
            }
            let mut own: Vec<_> = parts
                .iter()
                .filter(|it| it.0 == *block && *it.1 == *variable.name)
                .collect();
            own.sort_by_key(|it| it.2);
            let size = self.type_of(variable.ty).size;
            if let Some(location) = join_locations(&own, size) {
                variable.location = location;
            }
        }
    }

    /// A package variable by its full name (`net/http.DefaultClient`), or by the end of
    /// it (`http.DefaultClient`). Reads only the units of such packages.
    pub fn global(&self, name: &str) -> Option<Global> {
        if let Some(found) = self.native_global(name) {
            return Some(found);
        }
        let mut found = Vec::new();
        for (package, base) in symbol_name::splits(name) {
            let package = symbol_name::unescape(package);
            for unit in self.units().of_package(&package) {
                let variables = unit.contents(self).variables.iter();
                found.extend(
                    variables.filter_map(|it| self.global_at(unit, *it, Some(base))),
                );
            }
        }
        found.sort_by_key(|it| it.name != name);
        found.into_iter().next()
    }

    /// All package variables, sorted by name.
    pub fn globals(&self) -> Vec<Global> {
        let mut globals: Vec<_> = self
            .units()
            .all
            .iter()
            .filter(|it| it.is_go || self.may_be_native())
            .flat_map(|unit| {
                let variables = unit.contents(self).variables.iter();
                variables.filter_map(|it| self.global_at(unit, *it, None))
            })
            .collect();
        globals.sort_by(|a, b| a.name.cmp(&b.name));
        globals
    }

    pub(super) fn global_at(
        &self,
        unit: &Unit,
        offset: u32,
        base: Option<&str>,
    ) -> Option<Global> {
        let mut die = DieReader::new(self, unit, offset as usize).next()?;
        if !unit.is_go {
            die = self.with_origin(die);
        }
        let name = std::str::from_utf8(die.name?).ok()?;
        let own = if unit.is_go { symbol_name::base(name) } else { name };
        if base.is_some_and(|it| own != it) {
            return None;
        }
        let location = self.locate(unit, die.location, FrameBase::Cfa, 0).location;
        let Some(super::PieceAt::Addr(addr)) = location.single() else { return None };
        let ty = TypeId(u32::try_from(die.ty?).ok()?);
        Some(Global { name: name.to_string(), ty, addr: *addr })
    }

    /// The integer constants of a named type, for showing enumerations, in the order of
    /// their declarations. They are looked for in the package of the type.
    pub fn constants_of(&self, ty: TypeId) -> Arc<[(String, i64)]> {
        // One that another thread finds at the same time is the same.
        let known = self.constants.lock().ok().and_then(|it| it.get(&ty).cloned());
        known.unwrap_or_else(|| {
            let found: Arc<[_]> = self.find_constants(ty).into();
            if let Ok(mut known) = self.constants.lock() {
                known.insert(ty, found.clone());
            }
            found
        })
    }

    fn find_constants(&self, ty: TypeId) -> Vec<(String, i64)> {
        if matches!(self.type_of(ty).kind, TypeKind::Enum { .. }) {
            return self.enumerators(ty);
        }
        let name = self.type_of(ty).name.clone();
        let package = symbol_name::unescape(symbol_name::package(&name));
        if package.is_empty() {
            return Vec::new();
        }
        let constants = self.constants_in(&package);
        constants.into_iter().filter(|it| it.2 == ty).map(|it| (it.0, it.1)).collect()
    }

    /// An integer constant by its full name or by the end of it.
    pub fn constant(&self, name: &str) -> Option<(i64, TypeId)> {
        if let Some(found) = self.native_constant(name) {
            return Some(found);
        }
        symbol_name::splits(name).find_map(|(package, base)| {
            let constants = self.constants_in(&symbol_name::unescape(package));
            let found = constants.into_iter().find(|it| symbol_name::base(&it.0) == base);
            found.map(|it| (it.1, it.2))
        })
    }

    fn constants_in(&self, package: &str) -> Vec<(String, i64, TypeId)> {
        let read = |unit: &Unit, offset: u32| {
            let die = DieReader::new(self, unit, offset as usize).next()?;
            let name = std::str::from_utf8(die.name?).ok()?.to_string();
            Some((name, die.const_value?, TypeId(u32::try_from(die.ty?).ok()?)))
        };
        let units = self.units().of_package(package);
        units
            .flat_map(|unit| {
                let constants = unit.contents(self).constants.iter();
                constants.filter_map(move |it| read(unit, *it))
            })
            .collect()
    }
}

/// The compiler repeats some results (Go 1.26); of those, the one with a value stays.
fn drop_duplicates(variables: &mut Vec<(usize, VariableInfo)>) {
    let mut i = 0;
    while i + 1 < variables.len() {
        let (a, b) = (&variables[i], &variables[i + 1]);
        let same = a.0 == b.0 && a.1.name == b.1.name && a.1.kind == b.1.kind;
        if !same || a.1.kind != VariableKind::Result || &*a.1.name == "_" {
            i += 1;
        } else if matches!(a.1.location, Location::Pieces(_)) {
            variables.remove(i + 1);
        } else {
            variables.remove(i);
        }
    }
}

/// The parts that Go 1.27 makes variables of, and which of them comes first in the
/// value (`cmd/compile/internal/ssa/decompose.go`).
const PARTS: &[(&str, u8)] = &[
    ("ptr", 0),
    ("len", 1),
    ("cap", 2),
    ("itab", 0),
    ("type", 0),
    ("data", 1),
    ("real", 0),
    ("imag", 1),
];

type Part = (usize, String, u8, VariableInfo);

/// Puts the locations of parts together, which must be parts of the same size.
fn join_locations(parts: &[&Part], size: u64) -> Option<Location> {
    let n_parts = u64::from(parts.last()?.2) + 1;
    let part_size = (size >= n_parts).then(|| size / n_parts.max(2))?.min(8);
    let n_parts = (size / part_size).min(3);
    let piece = |order: u64| {
        let part = parts.iter().find(|it| u64::from(it.2) == order);
        let at = part.and_then(|it| it.3.location.single()).cloned();
        Piece { size: Some(part_size), at: at.unwrap_or(super::PieceAt::Unavailable) }
    };
    let pieces: Vec<_> = (0..n_parts).map(piece).collect();
    let any = pieces.iter().any(|it| it.at != super::PieceAt::Unavailable);
    any.then_some(Location::Pieces(pieces))
}

fn is_block(tag: u16) -> bool {
    tag == gimli::DW_TAG_lexical_block.0 || tag == gimli::DW_TAG_inlined_subroutine.0
}

fn is_call(tag: u16) -> bool {
    tag == gimli::DW_TAG_inlined_subroutine.0
}

/// The node of the frame that is so many frames inside of the function.
fn frame_node(nodes: &[Node<'_>], inside: usize) -> usize {
    let mut calls = 0;
    let mut found = 0;
    for (index, node) in nodes.iter().enumerate() {
        let is_next = node.has_pc && is_call(node.die.tag);
        if calls < inside && is_next && is_within(nodes, index, found) {
            calls += 1;
            found = index;
        }
    }
    found
}

fn is_within(nodes: &[Node<'_>], index: usize, root: usize) -> bool {
    let mut at = index;
    while at != root && at != 0 {
        at = nodes[at].parent;
    }
    at == root
}

/// How many lexical blocks are between a node and its frame's node; `None` if the node
/// cannot be seen from there.
fn depth_in(nodes: &[Node<'_>], index: usize, root: usize) -> Option<u32> {
    let mut depth = 0;
    let mut at = index;
    while at != root {
        at = nodes.get(at)?.parent;
        if at == root {
            return Some(depth);
        }
        let around = nodes.get(at)?;
        if at == 0 || !around.has_pc || is_call(around.die.tag) {
            return None;
        }
        depth += 1;
    }
    None
}

/// What the compiler makes for itself. No name in a Go program has a dot.
fn is_hidden(name: &str) -> bool {
    name.contains('.') || name.starts_with("#yield") || name.starts_with("~p")
}
