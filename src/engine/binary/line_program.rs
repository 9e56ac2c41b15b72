//! What does a unit's line program say? DWARF's state machine for line tables
//! (DWARF 5 §6.2.5), run once for a unit to find where its functions' parts begin, and
//! then for the one function that is asked for.
//!
//! The header is gimli's to read. The machine is our own because the Go compiler makes a
//! sequence for each function, and running only that one needs to know where in the
//! program it begins.

use std::path::PathBuf;

use gimli::EndianSlice;
use gimli::LittleEndian;
use gimli::Reader as _;

use super::Binary;
use super::dies::Reader;
use super::lines::FileIndex;
use super::lines::LineRow;
use super::units::Unit;
use crate::engine::addr::FileAddr;

/// Rows of one function; more is damage.
const ROWS_MAX: usize = 1 << 20;

/// A unit's line program, indexed.
#[derive(Debug)]
pub struct LineProgram {
    /// Where the program is in `.debug_line`.
    start: usize,
    end: usize,
    parameters: Parameters,
    /// What the file numbers of the program mean.
    files: Vec<FileIndex>,
    /// Sorted by address.
    sequences: Vec<Sequence>,
}

#[derive(Clone, Debug)]
struct Parameters {
    min_instruction_len: u64,
    default_is_stmt: bool,
    line_base: i64,
    line_range: u8,
    opcode_base: u8,
    opcode_lens: Vec<u8>,
    address_size: u8,
}

/// A part of the program: the rows of one function.
#[derive(Clone, Copy, Debug)]
struct Sequence {
    start: u64,
    end: u64,
    /// Where its instructions begin in `.debug_line`.
    at: usize,
}

/// The registers of the state machine.
#[derive(Clone, Copy, Debug)]
struct State {
    address: u64,
    file: u64,
    line: u64,
    is_stmt: bool,
    prologue_end: bool,
}

/// What an instruction did.
enum Step {
    Nothing,
    Row,
    EndSequence,
}

impl LineProgram {
    /// Reads the header, and runs the program once.
    pub fn load(binary: &Binary, unit: &Unit) -> Option<LineProgram> {
        let section = binary.sections.line.bytes(&binary.elf);
        let offset = gimli::DebugLineOffset(unit.line_program?);
        let lines = gimli::DebugLine::from(EndianSlice::new(section, LittleEndian));
        let address_size = unit.encoding.address_size;
        let program = lines.program(offset, address_size, None, None).ok()?;
        let header = program.header();
        let instructions = header.raw_program_buf();
        let start = instructions.offset_from(EndianSlice::new(section, LittleEndian));
        let opcode_lens = header.standard_opcode_lengths().slice().to_vec();
        let files = file_indexes(binary, unit, header);
        let mut program = LineProgram {
            start,
            end: start + instructions.len(),
            parameters: Parameters {
                min_instruction_len: u64::from(header.minimum_instruction_length()),
                default_is_stmt: header.default_is_stmt(),
                line_base: i64::from(header.line_base()),
                line_range: header.line_range(),
                opcode_base: header.opcode_base(),
                opcode_lens,
                address_size,
            },
            files,
            sequences: Vec::new(),
        };
        program.find_sequences(section);
        Some(program)
    }

    fn find_sequences(&mut self, section: &[u8]) {
        let mut input = self.instructions(section, self.start);
        let mut state = self.parameters.initial_state();
        let (mut at, mut first) = (self.start, None);
        while let Some(step) = self.parameters.step(&mut input, &mut state) {
            match step {
                Step::Nothing => {}
                Step::Row => {
                    first.get_or_insert(state.address);
                    state.prologue_end = false;
                }
                Step::EndSequence => {
                    let start = first.take().unwrap_or(state.address);
                    self.sequences.push(Sequence { start, end: state.address, at });
                    state = self.parameters.initial_state();
                    at = self.end - input.len();
                }
            }
        }
        self.sequences.sort_unstable_by_key(|it| it.start);
        self.sequences.shrink_to_fit();
    }

    fn instructions<'a>(&self, section: &'a [u8], at: usize) -> Reader<'a> {
        let bytes = section.get(at..self.end).unwrap_or_default();
        EndianSlice::new(bytes, LittleEndian)
    }

    /// The rows from `start` up to `end`, in the order of the program.
    pub fn rows(&self, binary: &Binary, start: u64, end: u64) -> Vec<LineRow> {
        let first = self.sequences.partition_point(|it| it.end <= start);
        let after = self.sequences.partition_point(|it| it.start < end);
        let sequences = self.sequences.get(first..after).unwrap_or_default();
        self.rows_like(binary, sequences, |it| (start..end).contains(&it.address))
    }

    /// The rows of a line of a file.
    pub fn rows_of_line(
        &self,
        binary: &Binary,
        file: FileIndex,
        line: u32,
    ) -> Vec<LineRow> {
        let numbers: Vec<u64> = self.numbers_of(file).collect();
        self.rows_like(binary, &self.sequences, |it| {
            it.line == u64::from(line) && numbers.contains(&it.file)
        })
    }

    fn rows_like(
        &self,
        binary: &Binary,
        sequences: &[Sequence],
        is_wanted: impl Fn(&State) -> bool,
    ) -> Vec<LineRow> {
        let section = binary.sections.line.bytes(&binary.elf);
        let mut rows = Vec::new();
        for sequence in sequences {
            let mut input = self.instructions(section, sequence.at);
            let mut state = self.parameters.initial_state();
            while let Some(step) = self.parameters.step(&mut input, &mut state) {
                match step {
                    Step::Nothing => continue,
                    Step::EndSequence => break,
                    Step::Row => {}
                }
                if is_wanted(&state) && rows.len() < ROWS_MAX {
                    rows.push(self.row(&state));
                }
                state.prologue_end = false;
            }
        }
        rows
    }

    /// The source position of a PC.
    pub fn position(&self, binary: &Binary, pc: u64) -> Option<(FileIndex, u32)> {
        let section = binary.sections.line.bytes(&binary.elf);
        let after = self.sequences.partition_point(|it| it.start <= pc);
        let sequence = self.sequences[..after].last().filter(|it| pc < it.end)?;
        let mut input = self.instructions(section, sequence.at);
        let mut state = self.parameters.initial_state();
        let mut found: Option<State> = None;
        while let Some(step) = self.parameters.step(&mut input, &mut state) {
            match step {
                Step::Row if state.address <= pc => found = Some(state),
                Step::Nothing => {}
                Step::Row | Step::EndSequence => break,
            }
        }
        let found = found?;
        let file = self.file(found.file);
        let line = u32::try_from(found.line).ok()?;
        (file != FileIndex::UNKNOWN).then_some((file, line))
    }

    /// The file that the unit's DIEs and rows call `number`.
    pub fn file(&self, number: u64) -> FileIndex {
        let file = usize::try_from(number).ok().and_then(|it| self.files.get(it));
        file.copied().unwrap_or(FileIndex::UNKNOWN)
    }

    fn row(&self, state: &State) -> LineRow {
        LineRow {
            addr: FileAddr(state.address),
            file: self.file(state.file),
            line: u32::try_from(state.line).unwrap_or(0),
            is_stmt: state.is_stmt,
            prologue_end: state.prologue_end,
        }
    }

    /// The numbers that the unit's DIEs and rows have for a file.
    pub fn numbers_of(&self, file: FileIndex) -> impl Iterator<Item = u64> {
        let files = self.files.iter().zip(0..);
        files.filter(move |it| *it.0 == file).map(|it| it.1)
    }
}

impl Parameters {
    fn initial_state(&self) -> State {
        State {
            address: 0,
            file: 1,
            line: 1,
            is_stmt: self.default_is_stmt,
            prologue_end: false,
        }
    }

    /// Executes one instruction; `None` at the end of the program or of its sense.
    fn step(&self, input: &mut Reader<'_>, state: &mut State) -> Option<Step> {
        use gimli::constants as dw;
        if input.is_empty() {
            return None;
        }
        let opcode = input.read_u8().ok()?;
        if opcode >= self.opcode_base {
            let adjusted = opcode - self.opcode_base;
            let advance = adjusted.checked_div(self.line_range)?;
            self.advance(state, u64::from(advance));
            let delta = self.line_base + i64::from(adjusted % self.line_range);
            state.line = state.line.wrapping_add_signed(delta);
            return Some(Step::Row);
        }
        if opcode == 0 {
            return self.extended(input, state);
        }
        match gimli::DwLns(opcode) {
            dw::DW_LNS_copy => return Some(Step::Row),
            dw::DW_LNS_advance_pc => {
                let advance = input.read_uleb128().ok()?;
                self.advance(state, advance);
            }
            dw::DW_LNS_advance_line => {
                let delta = input.read_sleb128().ok()?;
                state.line = state.line.wrapping_add_signed(delta);
            }
            dw::DW_LNS_set_file => state.file = input.read_uleb128().ok()?,
            dw::DW_LNS_negate_stmt => state.is_stmt = !state.is_stmt,
            dw::DW_LNS_const_add_pc => {
                let adjusted = 255 - self.opcode_base;
                let advance = adjusted.checked_div(self.line_range)?;
                self.advance(state, u64::from(advance));
            }
            dw::DW_LNS_fixed_advance_pc => {
                let advance = input.read_u16().ok()?;
                state.address = state.address.wrapping_add(u64::from(advance));
            }
            dw::DW_LNS_set_prologue_end => state.prologue_end = true,
            _ => {
                let n_operands = *self.opcode_lens.get(usize::from(opcode) - 1)?;
                for _ in 0..n_operands {
                    input.read_uleb128().ok()?;
                }
            }
        }
        Some(Step::Nothing)
    }

    fn advance(&self, state: &mut State, operations: u64) {
        let bytes = operations.wrapping_mul(self.min_instruction_len);
        state.address = state.address.wrapping_add(bytes);
    }

    fn extended(&self, input: &mut Reader<'_>, state: &mut State) -> Option<Step> {
        use gimli::constants as dw;
        let len = usize::try_from(input.read_uleb128().ok()?).ok()?;
        let mut operands = input.split(len).ok()?;
        if len == 0 {
            return Some(Step::Nothing);
        }
        match gimli::DwLne(operands.read_u8().ok()?) {
            dw::DW_LNE_end_sequence => return Some(Step::EndSequence),
            dw::DW_LNE_set_address => {
                state.address = operands.read_address(self.address_size).ok()?;
            }
            _ => {}
        }
        Some(Step::Nothing)
    }
}

/// The paths of all files that the line table of a unit names, whether they have code or
/// not.
pub fn paths(binary: &Binary, unit: &Unit) -> Vec<String> {
    let mut paths = numbered_paths(binary, unit);
    paths.retain(|it| !it.is_empty());
    paths
}

/// The same by the numbers that the unit has for them: empty where a number means none.
pub fn numbered_paths(binary: &Binary, unit: &Unit) -> Vec<String> {
    let section = binary.sections.line.bytes(&binary.elf);
    let lines = gimli::DebugLine::from(EndianSlice::new(section, LittleEndian));
    let address_size = unit.encoding.address_size;
    let Some(offset) = unit.line_program.map(gimli::DebugLineOffset) else {
        return Vec::new();
    };
    let Ok(program) = lines.program(offset, address_size, None, None) else {
        return Vec::new();
    };
    let named =
        named_files(binary, unit, program.header(), |it| binary.go_file_index(it));
    let path = |named: Named| match named {
        Named::Known(index) => binary.file(index).to_owned(),
        Named::Other(path) => path,
    };
    named.into_iter().map(path).collect()
}

/// What the file numbers mean, by number.
fn file_indexes(
    binary: &Binary,
    unit: &Unit,
    header: &gimli::LineProgramHeader<Reader<'_>>,
) -> Vec<FileIndex> {
    let find = |path: &str| match unit.is_go {
        true => binary.go_file_index(path),
        false => binary.file_index(path),
    };
    let index = |named: Named| match named {
        Named::Known(index) => index,
        Named::Other(_) => FileIndex::UNKNOWN,
    };
    named_files(binary, unit, header, find).into_iter().map(index).collect()
}

/// A file of a line table.
enum Named {
    Known(FileIndex),
    /// Its path.
    Other(String),
}

/// The files of a line table by number, looked up with `find`.
fn named_files(
    binary: &Binary,
    unit: &Unit,
    header: &gimli::LineProgramHeader<Reader<'_>>,
    find: impl Fn(&str) -> Option<FileIndex>,
) -> Vec<Named> {
    let text = |value: gimli::AttributeValue<Reader<'_>>| -> String {
        let (sections, elf) = (&binary.sections, &binary.elf);
        let bytes = match value {
            gimli::AttributeValue::String(bytes) => Some(bytes.slice()),
            gimli::AttributeValue::DebugLineStrRef(at) => {
                super::elf::c_string(sections.line_str.bytes(elf), at.0)
            }
            gimli::AttributeValue::DebugStrRef(at) => {
                super::elf::c_string(sections.str.bytes(elf), at.0)
            }
            _ => None,
        };
        String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
    };
    let index = |file: &gimli::FileEntry<Reader<'_>>| {
        let name = text(file.path_name());
        if let Some(found) = find(&name) {
            return Named::Known(found);
        }
        let directory = file.directory(header).map(text).unwrap_or_default();
        // The directory of Go's units is `.`; with -trimpath all paths are relative.
        let around = if unit.comp_dir == "." { "" } else { &unit.comp_dir };
        let mut path = PathBuf::from(around);
        path.push(if directory == "." { "" } else { &directory });
        path.push(name);
        let path = path.to_string_lossy().into_owned();
        // `go build main.go` with -trimpath has `./main.go` in Go's own table.
        let found = find(&path).or_else(|| find(&format!("./{path}")));
        found.map_or(Named::Other(path), Named::Known)
    };
    let first = (header.version() < 5).then(|| Named::Other(String::new()));
    first.into_iter().chain(header.file_names().iter().map(index)).collect()
}
