//! Which variables can be seen from a PC?

use super::location::Location;
use super::types::TypeId;
use crate::engine::addr::FileAddr;

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
    pub name: String,
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
    /// `DW_AT_location` in words, as Delve shows it (`LocationExpr` on the wire).
    pub location_text: String,
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
