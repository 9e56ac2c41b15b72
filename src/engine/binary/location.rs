//! Where is the value of a variable? DWARF location expressions, reduced to what the
//! Go compiler says with them: pieces in registers, in the frame, or nowhere.

use std::fmt::Write as _;

use gimli::EndianSlice;
use gimli::LittleEndian;
use gimli::Operation;

use super::Binary;
use super::dies::Place;
use super::units::Unit;
use crate::engine::addr::FileAddr;

/// Pieces of one value; more are damage.
const PIECES_MAX: usize = 256;
/// Operations of one expression; more are damage.
const OPERATIONS_MAX: usize = 4096;
/// Entries of one location list; more are damage.
const LIST_MAX: usize = 1 << 16;

type Reader<'a> = EndianSlice<'a, LittleEndian>;

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
    /// Where the expression says that these bytes are: see
    /// [`expression`](super::expression).
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

/// What a location attribute says at one PC.
#[derive(Clone, Debug)]
pub(super) struct PlaceAtPc {
    pub location: Location,
    /// As Delve writes it: see [`describe`].
    pub text: String,
}

impl Binary {
    pub(super) fn locate(
        &self,
        unit: &Unit,
        place: Place<'_>,
        base: FrameBase,
        pc: u64,
    ) -> PlaceAtPc {
        match place {
            Place::None => {
                PlaceAtPc { location: Location::OptimizedOut, text: String::new() }
            }
            Place::Expression(bytes) => PlaceAtPc {
                location: parse_expression(self, unit, base, bytes),
                text: format!("[block] {}", describe(bytes, unit.encoding)),
            },
            Place::List(offset) => match self.list_entry(unit, offset, pc) {
                Some(bytes) => PlaceAtPc {
                    location: parse_expression(self, unit, base, bytes),
                    text: format!(
                        "[{offset:#x}:{pc:#x}] {}",
                        describe(bytes, unit.encoding)
                    ),
                },
                None => PlaceAtPc { location: Location::NotLive, text: String::new() },
            },
        }
    }

    /// The expression that a location list has for a PC.
    fn list_entry(&self, unit: &Unit, offset: usize, pc: u64) -> Option<&[u8]> {
        let reader = |bytes| EndianSlice::new(bytes, LittleEndian);
        let sections = &self.sections;
        let (old, new): (&[u8], &[u8]) = if unit.encoding.version < 5 {
            (sections.loc.bytes(&self.elf), &[])
        } else {
            (&[], sections.loclists.bytes(&self.elf))
        };
        let lists = gimli::LocationLists::new(reader(old).into(), reader(new).into());
        let addresses = gimli::DebugAddr::from(reader(sections.addr.bytes(&self.elf)));
        let mut list = lists
            .locations(
                gimli::LocationListsOffset(offset),
                unit.encoding,
                unit.low_pc,
                &addresses,
                gimli::DebugAddrBase(unit.addr_base),
            )
            .ok()?;
        for _ in 0..LIST_MAX {
            let entry = list.next().ok()??;
            if (entry.range.begin..entry.range.end).contains(&pc) {
                return Some(entry.data.0.slice());
            }
        }
        None
    }
}

/// What `DW_OP_fbreg` counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameBase {
    /// The canonical frame address: so do Go and gcc.
    Cfa,
    /// What a register holds, and this: so does clang.
    Register(u16, i64),
    Unknown,
}

impl FrameBase {
    /// Of a function (`DW_AT_frame_base`).
    pub fn of(place: Place<'_>, encoding: gimli::Encoding) -> FrameBase {
        let Place::Expression(bytes) = place else { return FrameBase::Unknown };
        let mut rest: Reader<'_> = EndianSlice::new(bytes, LittleEndian);
        let operation = Operation::parse(&mut rest, encoding);
        match operation.ok().filter(|_| rest.is_empty()) {
            Some(Operation::CallFrameCFA) => FrameBase::Cfa,
            Some(Operation::Register { register }) => FrameBase::Register(register.0, 0),
            Some(Operation::RegisterOffset { register, offset, .. }) => {
                FrameBase::Register(register.0, offset)
            }
            _ => FrameBase::Unknown,
        }
    }

    fn place(self, offset: i64) -> Option<PieceAt> {
        match self {
            FrameBase::Cfa => Some(PieceAt::CfaOffset(offset)),
            FrameBase::Register(register, more) => {
                let offset = more.wrapping_add(offset);
                Some(PieceAt::RegisterOffset { register, offset })
            }
            FrameBase::Unknown => None,
        }
    }
}

/// Reduces an expression to pieces, without running it.
fn parse_expression(
    binary: &Binary,
    unit: &Unit,
    base: FrameBase,
    bytes: &[u8],
) -> Location {
    if bytes.is_empty() {
        return Location::OptimizedOut;
    }
    let mut pieces = Vec::new();
    let mut rest: Reader<'_> = EndianSlice::new(bytes, LittleEndian);
    let (mut start, mut is_whole) = (bytes, true);
    loop {
        let before = rest;
        let Ok(operation) = Operation::parse(&mut rest, unit.encoding) else { break };
        if let Operation::Piece { size_in_bits, .. } = operation {
            let size = Some(size_in_bits / 8);
            let len = start.len().saturating_sub(before.len());
            pieces
                .push(Piece { size, at: parse_piece(binary, unit, base, &start[..len]) });
            (start, is_whole) = (rest.slice(), false);
        }
        if pieces.len() >= PIECES_MAX {
            break;
        }
    }
    if is_whole {
        pieces.push(Piece { size: None, at: parse_piece(binary, unit, base, bytes) });
    }
    if pieces.iter().all(|it| it.at == PieceAt::Unavailable) {
        return Location::OptimizedOut;
    }
    Location::Pieces(pieces)
}

/// The place of one piece. What cannot be said without running the expression is kept as
/// [`PieceAt::Computed`].
fn parse_piece(binary: &Binary, unit: &Unit, base: FrameBase, bytes: &[u8]) -> PieceAt {
    if bytes.is_empty() {
        return PieceAt::Unavailable;
    }
    let simple = simple_piece(binary, unit, base, bytes);
    // Where the frame base is not the CFA, only this knows what `DW_OP_fbreg` means.
    simple.unwrap_or_else(|| {
        match base == FrameBase::Cfa || !has_frame_offset(unit, bytes) {
            true => PieceAt::Computed(bytes.to_vec()),
            false => PieceAt::Unavailable,
        }
    })
}

fn has_frame_offset(unit: &Unit, bytes: &[u8]) -> bool {
    let mut rest: Reader<'_> = EndianSlice::new(bytes, LittleEndian);
    while let Ok(operation) = Operation::parse(&mut rest, unit.encoding) {
        if matches!(operation, Operation::FrameOffset { .. }) {
            return true;
        }
    }
    false
}

/// `None` if the expression computes something.
fn simple_piece(
    binary: &Binary,
    unit: &Unit,
    base: FrameBase,
    bytes: &[u8],
) -> Option<PieceAt> {
    let input: Reader<'_> = EndianSlice::new(bytes, LittleEndian);
    let mut operations = gimli::Expression(input).operations(unit.encoding);
    let mut at: Option<PieceAt> = None;
    while let Some(operation) = operations.next().ok()? {
        let next = match (operation, at.take()) {
            (Operation::FrameOffset { offset }, None) => base.place(offset)?,
            (Operation::CallFrameCFA, None) => PieceAt::CfaOffset(0),
            (Operation::PlusConstant { value }, Some(PieceAt::CfaOffset(offset))) => {
                PieceAt::CfaOffset(offset.wrapping_add(value as i64))
            }
            (Operation::Register { register }, None) => PieceAt::Register(register.0),
            (Operation::RegisterOffset { register, offset, .. }, None) => {
                PieceAt::RegisterOffset { register: register.0, offset }
            }
            (Operation::Address { address }, None) => PieceAt::Addr(FileAddr(address)),
            (Operation::AddressIndex { index }, None) => {
                let index = super::dies::Address::Index(index.0);
                PieceAt::Addr(FileAddr(unit.address(binary, index)?))
            }
            (Operation::UnsignedConstant { value }, None) => {
                let value = value.to_le_bytes().to_vec();
                stack_value(&mut operations, value)?
            }
            (Operation::SignedConstant { value }, None) => {
                let value = value.to_le_bytes().to_vec();
                stack_value(&mut operations, value)?
            }
            (Operation::ImplicitValue { data }, None) => {
                PieceAt::Value(data.slice().to_vec())
            }
            _ => return None,
        };
        at = Some(next);
    }
    at
}

/// A constant is a value if `DW_OP_stack_value` follows, and an address otherwise.
fn stack_value(
    operations: &mut gimli::OperationIter<Reader<'_>>,
    value: Vec<u8>,
) -> Option<PieceAt> {
    match operations.next().ok()?? {
        Operation::StackValue => Some(PieceAt::Value(value)),
        _ => None,
    }
}

/// An expression in words: `DW_OP_fbreg -0x50 `, `DW_OP_reg0(Rax) DW_OP_piece 0x8 `, each
/// operation and operand followed by a space, as Delve's clients have it.
fn describe(bytes: &[u8], encoding: gimli::Encoding) -> String {
    let mut text = String::new();
    let mut rest: Reader<'_> = EndianSlice::new(bytes, LittleEndian);
    for _ in 0..OPERATIONS_MAX {
        let before = rest;
        if rest.is_empty() {
            break;
        }
        let Ok(operation) = Operation::parse(&mut rest, encoding) else { break };
        let opcode = before.slice().first().copied().unwrap_or(0);
        let _ = write_operation(&mut text, opcode, &operation);
    }
    text
}

fn write_operation(
    text: &mut String,
    opcode: u8,
    operation: &Operation<Reader<'_>>,
) -> std::fmt::Result {
    let name = gimli::DwOp(opcode);
    match name.static_string() {
        Some(name) => write!(text, "{name}")?,
        None => write!(text, "{opcode:#x}")?,
    }
    let hex = |value: i64| {
        let sign = if value < 0 { "-" } else { "" };
        format!("{sign}{:#x}", value.unsigned_abs())
    };
    match operation {
        Operation::Register { register } if opcode != gimli::DW_OP_regx.0 => {
            write!(text, "({}) ", register_name(register.0))
        }
        Operation::Register { register } => {
            write!(text, " {:#x}({}) ", register.0, register_name(register.0))
        }
        Operation::RegisterOffset { register, offset, .. } => {
            write!(text, "({}) {} ", register_name(register.0), hex(*offset))
        }
        Operation::FrameOffset { offset } => write!(text, " {} ", hex(*offset)),
        Operation::Piece { size_in_bits, .. } => {
            write!(text, " {:#x} ", size_in_bits / 8)
        }
        Operation::Address { address } => write!(text, " {address:#x} "),
        Operation::AddressIndex { index } => write!(text, " {:#x} ", index.0),
        Operation::PlusConstant { value } => write!(text, " {value:#x} "),
        Operation::UnsignedConstant { .. } if (0x30..=0x4f).contains(&opcode) => {
            write!(text, " ")
        }
        Operation::UnsignedConstant { value } => write!(text, " {value:#x} "),
        Operation::SignedConstant { value } => write!(text, " {} ", hex(*value)),
        _ => write!(text, " "),
    }
}

/// The registers by their DWARF numbers (System V ABI amd64, figure 3.36), as Delve
/// spells them.
fn register_name(number: u16) -> String {
    const NAMES: [&str; 17] = [
        "Rax", "Rdx", "Rcx", "Rbx", "Rsi", "Rdi", "Rbp", "Rsp", "R8", "R9", "R10", "R11",
        "R12", "R13", "R14", "R15", "Rip",
    ];
    match NAMES.get(usize::from(number)) {
        Some(name) => name.to_string(),
        None if (17..=32).contains(&number) => format!("XMM{}", number - 17),
        None => format!("unknown{number}"),
    }
}
