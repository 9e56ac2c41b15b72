//! What are the instructions, and where do their calls lead?

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Formatter, GasFormatter, Instruction,
    IntelFormatter, MemorySizeOptions, OpKind, Register,
};

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::memory::Memory;
use crate::engine::registers::Registers;
use crate::engine::session::Session;
use crate::engine::session::program::CodePlace;

/// Bytes disassembled at most by one request.
const RANGE_MAX: u64 = 1 << 20;
/// The longest instruction of the architecture (Intel SDM vol. 2, §2.3.11).
const INSTRUCTION_MAX: usize = 15;

/// How instructions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    Gnu,
    Intel,
}

/// An instruction, in words.
#[derive(Clone, Debug)]
pub struct AsmLine {
    pub place: CodePlace,
    /// Where a call or jump leads, if the instruction says so.
    pub target: Option<CodePlace>,
    pub text: String,
    pub bytes: Vec<u8>,
    /// A breakpoint is set here.
    pub breakpoint: bool,
    /// The goroutine is here.
    pub at_pc: bool,
}

impl Session {
    /// The instructions from `start` up to `end`; with no `end`, of the whole function
    /// around `start`.
    pub fn disassemble(
        &mut self,
        goroutine: i64,
        start: Addr,
        end: Addr,
        flavour: Flavour,
    ) -> Result<Vec<AsmLine>> {
        self.check_alive()?;
        let whole = end.0 == 0;
        let (start, end) = self.instruction_range(start, end)?;
        let at = self.goroutine(goroutine).ok().flatten().map(|it| it.pc);
        let at = at.or(self.selected_thread()?.map(|it| it.registers.pc()));
        let memory = self.memory()?;
        let mut code = memory.read_bytes(start, (end.0 - start.0) as usize)?;
        // Between functions the linker leaves traps, which are none's instructions.
        while whole && code.last() == Some(&0xcc) {
            code.pop();
        }
        let decoder = Decoder::with_ip(64, &code, start.0, DecoderOptions::NONE);
        let mut format = Format::new(flavour);
        let mut lines = Vec::new();
        for instruction in decoder {
            let pc = Addr(instruction.ip());
            let offset = (pc.0 - start.0) as usize;
            let bytes = code.get(offset..offset + instruction.len()).unwrap_or_default();
            let target = direct_target(&instruction).map(|it| self.program.place(it));
            lines.push(AsmLine {
                place: self.program.place(pc),
                text: named(format.text(&instruction), target.as_ref()),
                target,
                bytes: bytes.to_vec(),
                breakpoint: self.breakpoints.at(pc).is_some(),
                at_pc: at == Some(pc),
            });
        }
        Ok(lines)
    }

    fn instruction_range(&self, start: Addr, end: Addr) -> Result<(Addr, Addr)> {
        let (start, end) = if end.0 == 0 {
            let id = self.program.function_at(start).ok_or_else(|| {
                Error::message(format!("address {start} does not belong to any function"))
            })?;
            let function = self.program.binary.function(id);
            (self.program.loaded(function.entry), self.program.loaded(function.end))
        } else {
            (start, end)
        };
        if start >= end {
            let (a, b) = (start.0, end.0);
            let text =
                format!("start address({a:x}) should be less than end address({b:x})");
            return Err(Error::message(text));
        }
        if end.0 - start.0 > RANGE_MAX {
            return Err(Error::message(format!(
                "the range from {start} to {end} is larger than {RANGE_MAX} bytes; ask for \
                 a part of it"
            )));
        }
        Ok((start, end))
    }
}

/// The text with the name of the function that it leads to, in place of its address.
fn named(text: String, target: Option<&CodePlace>) -> String {
    let function = target
        .and_then(|it| it.function.as_ref().filter(|function| function.entry == it.pc));
    match (function, text.split_once(char::is_whitespace)) {
        (Some(function), Some((mnemonic, _))) => format!("{mnemonic} {}", function.name),
        _ => text,
    }
}

/// The two syntaxes of the library that we offer.
enum Format {
    Gnu(GasFormatter),
    Intel(IntelFormatter),
}

impl Format {
    fn new(flavour: Flavour) -> Format {
        match flavour {
            Flavour::Gnu => Format::Gnu(GasFormatter::new()),
            Flavour::Intel => {
                let mut formatter = IntelFormatter::new();
                let options = formatter.options_mut();
                options.set_hex_prefix("0x");
                options.set_hex_suffix("");
                options.set_uppercase_hex(false);
                options.set_space_after_operand_separator(true);
                options.set_memory_size_options(MemorySizeOptions::Always);
                options.set_show_branch_size(false);
                options.set_branch_leading_zeros(false);
                options.set_small_hex_numbers_in_decimal(false);
                Format::Intel(formatter)
            }
        }
    }

    fn text(&mut self, instruction: &Instruction) -> String {
        let mut text = String::new();
        match self {
            Format::Gnu(it) => it.format(instruction, &mut text),
            Format::Intel(it) => it.format(instruction, &mut text),
        }
        text
    }
}

fn direct_target(instruction: &Instruction) -> Option<Addr> {
    let near = instruction.op0_kind() == OpKind::NearBranch64;
    near.then(|| Addr(instruction.near_branch_target()))
}

fn decode_at(memory: &dyn Memory, pc: Addr) -> Option<Instruction> {
    // An instruction at the end of a mapping is shorter than the longest one.
    let code =
        (1..=INSTRUCTION_MAX).rev().find_map(|len| memory.read_bytes(pc, len).ok())?;
    let instruction = Decoder::with_ip(64, &code, pc.0, DecoderOptions::NONE).decode();
    (!instruction.is_invalid()).then_some(instruction)
}

/// The address after the instruction at `pc`, if it is a call.
pub fn is_call(memory: &dyn Memory, pc: Addr) -> Option<Addr> {
    let instruction = decode_at(memory, pc)?;
    let call = matches!(
        instruction.flow_control(),
        FlowControl::Call | FlowControl::IndirectCall
    );
    call.then(|| Addr(instruction.next_ip()))
}

/// Where the call instruction at `pc` leads with these registers.
pub fn call_target(memory: &dyn Memory, registers: &Registers, pc: Addr) -> Option<Addr> {
    let instruction = decode_at(memory, pc)?;
    match instruction.flow_control() {
        FlowControl::Call => direct_target(&instruction),
        FlowControl::IndirectCall if instruction.op0_kind() == OpKind::Register => {
            register(registers, instruction.op0_register()).map(Addr)
        }
        FlowControl::IndirectCall if instruction.op0_kind() == OpKind::Memory => {
            let value = |it, _, _| match it {
                // Segment bases are zero in 64-bit code, but for FS and GS.
                Register::CS | Register::DS | Register::SS | Register::ES => Some(0),
                it => register(registers, it),
            };
            let at = instruction.virtual_address(0, 0, value)?;
            memory.read_word(Addr(at)).ok().map(Addr)
        }
        _ => None,
    }
}

pub(super) fn register(registers: &Registers, name: Register) -> Option<u64> {
    Some(match name {
        Register::RAX => registers.rax,
        Register::RBX => registers.rbx,
        Register::RCX => registers.rcx,
        Register::RDX => registers.rdx,
        Register::RSI => registers.rsi,
        Register::RDI => registers.rdi,
        Register::RBP => registers.rbp,
        Register::RSP => registers.rsp,
        Register::R8 => registers.r8,
        Register::R9 => registers.r9,
        Register::R10 => registers.r10,
        Register::R11 => registers.r11,
        Register::R12 => registers.r12,
        Register::R13 => registers.r13,
        Register::R14 => registers.r14,
        Register::R15 => registers.r15,
        Register::RIP => registers.rip,
        Register::FS => registers.fs_base,
        Register::GS => registers.gs_base,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::memory::FixedMemory;

    #[test]
    fn a_call_leads_where_its_operand_says() {
        let registers = Registers { rdx: 0x5000, rcx: 0x4242, ..Registers::default() };
        let cases: &[(&[u8], Option<u64>)] = &[
            (&[0xe8, 0x10, 0, 0, 0], Some(0x1015)),
            (&[0xff, 0xd1], Some(0x4242)),
            (&[0xff, 0x12], Some(0x7777)),
            (&[0x90], None),
        ];
        for (code, target) in cases {
            let memory = FixedMemory::new()
                .with(Addr(0x5000), 0x7777_u64.to_le_bytes())
                .with(Addr(0x1000), *code);
            let said = call_target(&memory, &registers, Addr(0x1000));
            assert_eq!(said, target.map(Addr), "{code:x?}");
        }
    }
}
