//! What does a DIE (debugging information entry) say? Its attributes, those that matter
//! here, in one plain struct.

use gimli::AttributeValue;
use gimli::EndianSlice;
use gimli::LittleEndian;

use super::Binary;
use super::elf::c_string;
use super::units::Unit;

pub type Reader<'a> = EndianSlice<'a, LittleEndian>;

/// Attributes of the Go compiler (`$GOROOT/src/cmd/internal/dwarf/dwarf_defs.go`).
const GO_KIND: u16 = 0x2900;
const GO_KEY: u16 = 0x2901;
const GO_ELEM: u16 = 0x2902;
const GO_EMBEDDED_FIELD: u16 = 0x2903;
const GO_RUNTIME_TYPE: u16 = 0x2904;
const GO_PACKAGE_NAME: u16 = 0x2905;
const GO_DICT_INDEX: u16 = 0x2906;
const GO_CLOSURE_OFFSET: u16 = 0x2907;

/// A DIE. Offsets are in `.debug_info`; attributes that are not there are `None`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Die<'a> {
    pub offset: usize,
    pub tag: u16,
    pub has_children: bool,
    /// Relative to where reading began.
    pub depth: isize,
    pub name: Option<&'a [u8]>,
    pub producer: Option<&'a [u8]>,
    pub comp_dir: Option<&'a [u8]>,
    pub language: Option<u64>,
    pub low_pc: Option<Address>,
    pub high_pc: Option<Address>,
    pub ranges: Option<usize>,
    pub line_program: Option<usize>,
    pub addr_base: Option<usize>,
    pub origin: Option<usize>,
    pub ty: Option<usize>,
    pub location: Place<'a>,
    pub frame_base: Place<'a>,
    pub decl_file: Option<u64>,
    pub decl_line: Option<u64>,
    pub call_file: Option<u64>,
    pub call_line: Option<u64>,
    pub call_return_pc: Option<Address>,
    pub call_value: Place<'a>,
    pub is_tail_call: bool,
    pub is_abstract: bool,
    pub is_result: bool,
    pub is_trampoline: bool,
    pub is_declaration: bool,
    pub byte_size: Option<u64>,
    pub encoding: Option<u64>,
    pub count: Option<u64>,
    pub member_offset: Option<u64>,
    pub bit_size: Option<u64>,
    /// From the beginning of the struct.
    pub bit_offset: Option<u64>,
    /// The same before DWARF 4: from the highest bit of what holds the field.
    pub old_bit_offset: Option<u64>,
    pub const_value: Option<i64>,
    pub go_kind: Option<u64>,
    pub go_key: Option<usize>,
    pub go_elem: Option<usize>,
    pub go_embedded: bool,
    pub go_runtime_type: Option<u64>,
    pub go_package: Option<&'a [u8]>,
    pub go_dict_index: Option<u64>,
    pub go_closure_offset: Option<u64>,
}

/// An address, or how to get one.
#[derive(Clone, Copy, Debug)]
pub enum Address {
    Plain(u64),
    /// An index in the unit's part of `.debug_addr`.
    Index(usize),
    /// As a high PC: a length.
    Length(u64),
}

/// A location attribute.
#[derive(Clone, Copy, Debug, Default)]
pub enum Place<'a> {
    #[default]
    None,
    Expression(&'a [u8]),
    /// An offset in `.debug_loclists`, before DWARF 5 in `.debug_loc`.
    List(usize),
}

/// Reads DIEs one after the other, in the order of the file.
pub struct DieReader<'a> {
    entries: gimli::EntriesRaw<'a, Reader<'a>>,
    binary: &'a Binary,
    unit: &'a Unit,
}

impl<'a> DieReader<'a> {
    /// Reads from `offset`, which must be of a DIE of `unit`.
    pub fn new(binary: &'a Binary, unit: &'a Unit, offset: usize) -> DieReader<'a> {
        let info = binary.sections.info.bytes(&binary.elf);
        let start = offset.clamp(unit.first_die, unit.end);
        let input = info.get(start..unit.end).unwrap_or_default();
        let input = EndianSlice::new(input, LittleEndian);
        let unit_offset = gimli::UnitOffset(start - unit.offset);
        let entries = gimli::EntriesRaw::new(
            input,
            unit.encoding,
            &unit.abbreviations,
            unit_offset,
        );
        DieReader { entries, binary, unit }
    }

    /// The next DIE; `None` at the end, and where the file is damaged. The ends of lists
    /// of children are passed over; [`Die::depth`] tells.
    pub fn next(&mut self) -> Option<Die<'a>> {
        self.next_if(|_, _| true)
    }

    /// The next DIE that `wanted` by its tag and depth. The attributes of others are not
    /// looked at, which is several times as fast.
    pub fn next_if(&mut self, wanted: impl Fn(u16, isize) -> bool) -> Option<Die<'a>> {
        loop {
            if self.entries.is_empty() {
                return None;
            }
            let offset = self.unit.offset + self.entries.next_offset().0;
            let depth = self.entries.next_depth();
            let Some(abbreviation) = self.entries.read_abbreviation().ok()? else {
                if self.entries.next_depth() <= 0 {
                    return None;
                }
                continue;
            };
            let tag = abbreviation.tag().0;
            if !wanted(tag, depth) {
                self.entries.skip_attributes(abbreviation.attributes()).ok()?;
                continue;
            }
            let has_children = abbreviation.has_children();
            let mut die = Die { offset, tag, has_children, depth, ..Die::default() };
            for spec in abbreviation.attributes() {
                let attribute = self.entries.read_attribute_inline(*spec).ok()?;
                self.take(&mut die, attribute.name().0, attribute.raw_value());
            }
            return Some(die);
        }
    }

    fn take(&self, die: &mut Die<'a>, name: u16, value: AttributeValue<Reader<'a>>) {
        use gimli::constants as dw;
        match gimli::DwAt(name) {
            dw::DW_AT_name => die.name = self.string(&value),
            dw::DW_AT_producer => die.producer = self.string(&value),
            dw::DW_AT_comp_dir => die.comp_dir = self.string(&value),
            dw::DW_AT_language => die.language = number(&value),
            dw::DW_AT_low_pc => die.low_pc = address(&value),
            dw::DW_AT_high_pc => die.high_pc = address(&value),
            dw::DW_AT_ranges => die.ranges = section_offset(&value),
            dw::DW_AT_stmt_list => die.line_program = section_offset(&value),
            dw::DW_AT_addr_base => die.addr_base = section_offset(&value),
            dw::DW_AT_abstract_origin
            | dw::DW_AT_specification
            | dw::DW_AT_call_origin => {
                die.origin = self.reference(&value);
            }
            dw::DW_AT_type => die.ty = self.reference(&value),
            dw::DW_AT_location => die.location = place(&value),
            dw::DW_AT_frame_base => die.frame_base = place(&value),
            dw::DW_AT_decl_file => die.decl_file = number(&value),
            dw::DW_AT_decl_line => die.decl_line = number(&value),
            dw::DW_AT_call_file => die.call_file = number(&value),
            dw::DW_AT_call_line => die.call_line = number(&value),
            dw::DW_AT_call_tail_call | dw::DW_AT_GNU_tail_call => {
                die.is_tail_call = flag(&value);
            }
            dw::DW_AT_call_return_pc => die.call_return_pc = address(&value),
            dw::DW_AT_call_value | dw::DW_AT_GNU_call_site_value => {
                die.call_value = place(&value);
            }
            dw::DW_AT_inline => die.is_abstract = number(&value) >= Some(1),
            dw::DW_AT_variable_parameter => die.is_result = flag(&value),
            dw::DW_AT_trampoline => die.is_trampoline = flag(&value),
            dw::DW_AT_declaration => die.is_declaration = flag(&value),
            dw::DW_AT_byte_size => die.byte_size = number(&value),
            dw::DW_AT_encoding => die.encoding = number(&value),
            dw::DW_AT_count => die.count = number(&value),
            dw::DW_AT_upper_bound => {
                die.count = number(&value).and_then(|it| it.checked_add(1));
            }
            dw::DW_AT_data_member_location => die.member_offset = member_offset(&value),
            dw::DW_AT_bit_size => die.bit_size = number(&value),
            dw::DW_AT_bit_offset => die.old_bit_offset = number(&value),
            dw::DW_AT_data_bit_offset => die.bit_offset = number(&value),
            dw::DW_AT_const_value => die.const_value = self.constant(&value),
            gimli::DwAt(GO_KIND) => die.go_kind = number(&value),
            gimli::DwAt(GO_KEY) => die.go_key = self.reference(&value),
            gimli::DwAt(GO_ELEM) => die.go_elem = self.reference(&value),
            gimli::DwAt(GO_EMBEDDED_FIELD) => die.go_embedded = flag(&value),
            gimli::DwAt(GO_RUNTIME_TYPE) => die.go_runtime_type = number(&value),
            gimli::DwAt(GO_PACKAGE_NAME) => die.go_package = self.string(&value),
            gimli::DwAt(GO_DICT_INDEX) => die.go_dict_index = number(&value),
            gimli::DwAt(GO_CLOSURE_OFFSET) => die.go_closure_offset = number(&value),
            _ => {}
        }
    }

    /// C's compilers write what is negative as `DW_FORM_sdata`; Go's need what it says of
    /// the type.
    fn constant(&self, value: &AttributeValue<Reader<'a>>) -> Option<i64> {
        match value {
            AttributeValue::Data1(it) if !self.unit.is_go => Some((*it).into()),
            AttributeValue::Data2(it) if !self.unit.is_go => Some((*it).into()),
            AttributeValue::Data4(it) if !self.unit.is_go => Some((*it).into()),
            other => other.sdata_value(),
        }
    }

    fn string(&self, value: &AttributeValue<Reader<'a>>) -> Option<&'a [u8]> {
        let (binary, sections) = (self.binary, &self.binary.sections);
        match value {
            AttributeValue::String(string) => Some(string.slice()),
            AttributeValue::DebugStrRef(at) => {
                c_string(sections.str.bytes(&binary.elf), at.0)
            }
            AttributeValue::DebugLineStrRef(at) => {
                c_string(sections.line_str.bytes(&binary.elf), at.0)
            }
            _ => None,
        }
    }

    fn reference(&self, value: &AttributeValue<Reader<'a>>) -> Option<usize> {
        match value {
            AttributeValue::DebugInfoRef(at) => Some(at.0),
            AttributeValue::UnitRef(at) => self.unit.offset.checked_add(at.0),
            _ => None,
        }
    }
}

fn number(value: &AttributeValue<Reader<'_>>) -> Option<u64> {
    match value {
        // The value of `DW_AT_go_runtime_type`: see go-internals §1.4.
        AttributeValue::Addr(value) => Some(*value),
        AttributeValue::SecOffset(value) => Some(*value as u64),
        AttributeValue::Sdata(value) => u64::try_from(*value).ok(),
        other => other.udata_value(),
    }
}

fn flag(value: &AttributeValue<Reader<'_>>) -> bool {
    match value {
        AttributeValue::Flag(flag) => *flag,
        other => number(other).is_some_and(|it| it != 0),
    }
}

fn section_offset(value: &AttributeValue<Reader<'_>>) -> Option<usize> {
    match value {
        AttributeValue::SecOffset(offset) => Some(*offset),
        // Before DWARF 4 there was no form for offsets.
        AttributeValue::Data4(offset) => Some(*offset as usize),
        AttributeValue::Data8(offset) => usize::try_from(*offset).ok(),
        _ => None,
    }
}

fn address(value: &AttributeValue<Reader<'_>>) -> Option<Address> {
    match value {
        AttributeValue::Addr(address) => Some(Address::Plain(*address)),
        AttributeValue::DebugAddrIndex(index) => Some(Address::Index(index.0)),
        other => number(other).map(Address::Length),
    }
}

fn place<'a>(value: &AttributeValue<Reader<'a>>) -> Place<'a> {
    match value {
        AttributeValue::Exprloc(expression) => Place::Expression(expression.0.slice()),
        AttributeValue::Block(bytes) => Place::Expression(bytes.slice()),
        other => section_offset(other).map_or(Place::None, Place::List),
    }
}

/// A constant, or an expression `DW_OP_plus_uconst N` as old compilers write it.
fn member_offset(value: &AttributeValue<Reader<'_>>) -> Option<u64> {
    let Place::Expression(bytes) = place(value) else { return number(value) };
    let mut input = EndianSlice::new(bytes, LittleEndian);
    let operation = gimli::Reader::read_u8(&mut input).ok()?;
    if gimli::DwOp(operation) != gimli::DW_OP_plus_uconst {
        return None;
    }
    gimli::Reader::read_uleb128(&mut input).ok()
}
