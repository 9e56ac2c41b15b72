//! Where is the value of a variable? DWARF location expressions, reduced to what the
//! Go compiler says with them: pieces in registers, in the frame, or nowhere.

use crate::engine::addr::FileAddr;

/// Where a variable's value is at one PC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// The compiler kept no trace of the variable: an empty expression, or none.
    OptimizedOut,
    /// The variable has a value elsewhere in the function, not at this PC.
    NotLive,
    /// The parts of the value in the order of its bytes. One piece without a size is the
    /// whole value.
    Pieces(Vec<Piece>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// In bytes; `None` for a value that is in one piece.
    pub size: Option<u64>,
    pub at: PieceAt,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PieceAt {
    /// In memory, so far from the canonical frame address.
    CfaOffset(i64),
    /// In the register that DWARF calls so: 0–16 as in
    /// [`Registers::by_dwarf`](crate::engine::registers::Registers::by_dwarf), 17–32 are
    /// XMM0–15.
    Register(u16),
    /// In memory, so far from what a register holds.
    RegisterOffset { register: u16, offset: i64 },
    /// In memory, at a fixed place.
    Addr(FileAddr),
    /// Not stored anywhere: this is the value itself (`DW_OP_stack_value`,
    /// `DW_OP_implicit_value`).
    Value(Vec<u8>),
    /// An expression that the Go compiler never makes (C code): its bytes.
    Computed(Vec<u8>),
    /// This part of the value is gone; other parts may be there.
    Unavailable,
}

impl Location {
    /// The one place in memory of a value in one piece, given the canonical frame
    /// address's offset or a fixed address; `None` for everything else.
    pub fn single(&self) -> Option<&PieceAt> {
        match self {
            Location::Pieces(pieces) => match pieces.as_slice() {
                [Piece { size: None, at }] => Some(at),
                _ => None,
            },
            _ => None,
        }
    }
}
