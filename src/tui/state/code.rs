//! The other sides of the stack pane: the instructions of the frame, and its registers.

use std::collections::HashMap;

use crate::api::types::{AsmInstruction, Register};
use crate::tui::state::fetched::Fetched;
use crate::tui::state::lists::ListPosition;
use crate::tui::state::variables::ScopeKey;

/// What the stack pane shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Face {
    #[default]
    Frames,
    Instructions,
    Registers,
}

impl Face {
    pub fn next(self) -> Face {
        match self {
            Face::Frames => Face::Instructions,
            Face::Instructions => Face::Registers,
            Face::Registers => Face::Frames,
        }
    }
}

/// Instructions and registers of the selected frame.
#[derive(Debug, Default)]
pub struct Code {
    pub face: Face,
    pub instructions: Fetched<ScopeKey, Vec<AsmInstruction>>,
    pub rows: Vec<CodeRow>,
    pub at: ListPosition,
    pub registers: Fetched<ScopeKey, Vec<Register>>,
    pub registers_at: ListPosition,
    /// The registers that have changed since they were read before, and what they held.
    pub was: HashMap<String, String>,
}

/// A row of the instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeRow {
    /// Those that follow are of the line of this instruction.
    Line(usize),
    Instruction(usize),
}
