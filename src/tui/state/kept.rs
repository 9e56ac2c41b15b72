//! What the program had in the last session, and what the next one is to have.

use std::collections::HashMap;

use crate::api::types::DebuggerState;
use crate::frontend::kept::{Kept, KeptBreakpoint};

/// A breakpoint of the last session that could not be set.
#[derive(Clone, Debug, PartialEq)]
pub struct Missing {
    pub kept: KeptBreakpoint,
    pub why: String,
}

/// Keeping breakpoints and watches from session to session.
#[derive(Debug, Default)]
pub struct Keeping {
    /// What was kept has come: from now on, what there is is kept.
    pub is_on: bool,
    /// What is kept, without the texts of lines.
    pub saved: Kept,
    /// The revisions of breakpoints and watches that that is of.
    pub seen: Option<(u64, u64)>,
    /// Breakpoints to set as soon as there is a program.
    pub to_set: Vec<KeptBreakpoint>,
    /// Nothing has been said of the last session yet.
    pub is_first: bool,
    /// What the program does: the session begins with it when they are set.
    pub begins: Option<Option<DebuggerState>>,
    /// How many were asked for and are not answered, and what has come of the others.
    pub open: usize,
    pub n_set: usize,
    pub missing: Vec<Missing>,
    /// What the user called the places of breakpoints, by their numbers.
    pub specs: HashMap<i64, String>,
    /// What has come of it, to be said when there is something to see.
    pub said: Option<String>,
}
