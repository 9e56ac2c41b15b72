//! How does one find the caller of C code? Rows of `.eh_frame`.
//!
//! Go code does not need this: see [`sp_delta`](super::Binary::sp_delta).

/// How to find a caller's registers from a PC in C code (DWARF 5 §6.4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CfiRow {
    pub cfa: CfaRule,
    /// By DWARF register number; 16 is the return address. Registers not named here are
    /// unchanged, except SP, which is the CFA.
    pub rules: Vec<(u16, SavedAt)>,
    /// The PC was interrupted, not called from: the caller's PC is not a return address.
    pub signal_frame: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CfaRule {
    RegisterOffset {
        register: u16,
        offset: i64,
    },
    /// An expression, for [`location::PieceAt::Computed`](super::location::PieceAt).
    Expression(Vec<u8>),
}

/// Where the caller's value of a register is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SavedAt {
    Undefined,
    Unchanged,
    /// In memory, so far from the CFA.
    CfaOffset(i64),
    /// It *is* the CFA plus this.
    CfaValue(i64),
    Register(u16),
    /// In memory, where the expression says (the CFA is on its stack at the start).
    Expression(Vec<u8>),
    /// It is what the expression says.
    ExpressionValue(Vec<u8>),
}
