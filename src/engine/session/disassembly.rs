//! What are the instructions, and where do their calls lead?

use iced_x86::{
    CC_a, CC_ae, CC_e, CC_g, CC_ge, CC_ne, Decoder, DecoderOptions, FlowControl,
    Formatter, GasFormatter, Instruction, IntelFormatter, MemorySizeOptions, OpKind,
    Register,
};

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::memory::Memory;
use crate::engine::registers::Registers;
use crate::engine::session::program::{CodePlace, Program};
use crate::engine::session::{Session, plan9};

/// Bytes disassembled at most by one request.
const RANGE_MAX: u64 = 1 << 20;
/// The longest instruction of the architecture (Intel SDM vol. 2, §2.3.11).
const INSTRUCTION_MAX: usize = 15;

/// What the linker fills the space between functions with.
const INT3: u8 = 0xcc;

/// How instructions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    Gnu,
    Intel,
    /// Of Go's own assembler.
    Go,
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
        let code = memory.read_bytes(start, (end.0 - start.0) as usize)?;
        let registers = self.registers_at(goroutine, at)?;
        let mut decoder = Decoder::with_ip(64, &code, start.0, DecoderOptions::NONE);
        let mut format = Format::new(flavour);
        let mut lines = Vec::new();
        while decoder.can_decode() {
            let offset = decoder.position();
            let mut instruction = decoder.decode();
            if instruction.is_invalid() {
                // Data, or an instruction that the end of the range cuts off.
                instruction.set_len(1);
                let _ = decoder.set_position(offset + 1);
                decoder.set_ip(instruction.ip() + 1);
            }
            let pc = Addr(instruction.ip());
            let target = direct_target(&instruction).or_else(|| {
                let registers = registers.as_ref().filter(|_| at == Some(pc))?;
                call_target(&*memory, registers, pc)
            });
            let bytes = code.get(offset..offset + instruction.len());
            lines.push(AsmLine {
                place: self.program.place(pc),
                text: format.text(&instruction, &self.program),
                target: target.map(|it| self.program.place(it)),
                bytes: bytes.unwrap_or_default().to_vec(),
                breakpoint: self.breakpoints.at(pc).is_some(),
                at_pc: at == Some(pc),
            });
        }
        // Between functions the linker leaves traps, which are none's instructions.
        while whole && lines.last().is_some_and(|it| it.bytes == [INT3] && !it.at_pc) {
            lines.pop();
        }
        Ok(lines)
    }

    /// The registers of the thread that a goroutine is on, if it is at `at`.
    fn registers_at(
        &mut self,
        goroutine: i64,
        at: Option<Addr>,
    ) -> Result<Option<Registers>> {
        let thread = match self.goroutine(goroutine).ok().flatten() {
            Some(it) => match it.thread {
                Some(tid) => self.thread(tid)?,
                None => None,
            },
            None => self.selected_thread()?,
        };
        let registers = thread.map(|it| it.registers);
        Ok(registers.filter(|it| Some(it.pc()) == at))
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
        if start > end {
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

/// The name of the function that begins at an address, or of the variable that it is in.
fn name_at(program: &Program, addr: u64) -> Option<String> {
    let stated = program.stated(Addr(addr));
    let function = program.function_at(Addr(addr)).map(|id| program.binary.function(id));
    match function {
        Some(it) => (it.entry == stated).then(|| it.name.to_owned()),
        None => {
            let (name, offset) = program.binary.data_symbol_at(stated)?;
            Some(match offset {
                0 => name.to_owned(),
                offset => format!("{name}+{offset}"),
            })
        }
    }
}

/// The syntaxes that we offer: two of the library, and Go's.
enum Format {
    Gnu(GasFormatter),
    Intel(IntelFormatter),
    Go,
}

impl Format {
    fn new(flavour: Flavour) -> Format {
        match flavour {
            Flavour::Go => Format::Go,
            Flavour::Gnu => {
                let mut formatter = GasFormatter::new();
                let options = formatter.options_mut();
                options.set_uppercase_hex(false);
                options.set_signed_immediate_operands(true);
                options.set_branch_leading_zeros(false);
                options.set_small_hex_numbers_in_decimal(false);
                Format::Gnu(formatter)
            }
            Flavour::Intel => {
                let mut formatter = IntelFormatter::new();
                let options = formatter.options_mut();
                options.set_hex_prefix("0x");
                options.set_hex_suffix("");
                options.set_uppercase_hex(false);
                options.set_signed_immediate_operands(true);
                options.set_space_after_operand_separator(true);
                options.set_memory_size_options(MemorySizeOptions::Always);
                options.set_show_branch_size(false);
                options.set_branch_leading_zeros(false);
                options.set_small_hex_numbers_in_decimal(false);
                // The names of conditions that are in Intel's tables of opcodes.
                options.set_cc_e(CC_e::z);
                options.set_cc_ne(CC_ne::nz);
                options.set_cc_a(CC_a::nbe);
                options.set_cc_ae(CC_ae::nb);
                options.set_cc_g(CC_g::nle);
                options.set_cc_ge(CC_ge::nl);
                Format::Intel(formatter)
            }
        }
    }

    fn text(&mut self, instruction: &Instruction, program: &Program) -> String {
        if instruction.is_invalid() {
            return "?".to_owned();
        }
        let mut text = String::new();
        match self {
            Format::Gnu(it) => it.format(instruction, &mut text),
            Format::Intel(it) => it.format(instruction, &mut text),
            Format::Go => return plan9::text(instruction, &|at| name_at(program, at)),
        }
        if matches!(self, Format::Gnu(_)) {
            text = with_size(text, instruction);
        }
        // Both write an address in full, and nothing else that looks like it.
        let addr = match direct_target(instruction) {
            Some(target) => Some(target.0),
            None if instruction.is_ip_rel_memory_operand() => {
                Some(instruction.ip_rel_memory_address())
            }
            None => None,
        };
        match addr.and_then(|it| Some((it, name_at(program, it)?))) {
            Some((addr, name)) => text.replace(&format!("{addr:#x}"), &name),
            None => text,
        }
    }
}

/// GNU's assembler says of these how large an address they push or pop.
fn with_size(text: String, instruction: &Instruction) -> String {
    match text.split_once(' ') {
        None if text == "ret" => "retq".to_owned(),
        Some(("call", operand)) if direct_target(instruction).is_some() => {
            format!("callq {operand}")
        }
        _ => text,
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
