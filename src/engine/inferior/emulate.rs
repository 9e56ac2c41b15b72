//! What the common instructions do, so that a thread can be put behind one without
//! executing it.
//!
//! A thread that stands at a site has an `int3` before it. Most instructions at which Go
//! statements begin do nothing but move words between registers and the thread's own
//! stack; those are carried out here. Memory that other threads may change at the same
//! time is left to the processor, which does in one go what we would do in two.
//!
//! The meaning of the instructions, flags included: Intel SDM vol. 2.

use crate::engine::registers::Registers;
use iced_x86::{ConditionCode, Instruction, Mnemonic, OpKind, Register};

/// The memory that an emulated instruction may touch.
pub(in crate::engine) trait Words {
    /// The `len` (1, 2, 4 or 8) bytes at `addr`, zero-extended.
    fn load(&mut self, addr: u64, len: usize) -> Option<u64>;
    /// Stores the low `len` bytes of `value`.
    fn store(&mut self, addr: u64, len: usize, value: u64) -> Option<()>;
    /// Whether nobody else changes the memory that `base` points to.
    fn is_private(&self, base: Register) -> bool {
        matches!(base, Register::RSP | Register::RBP)
    }
}

const CF: u64 = 1;
const PF: u64 = 1 << 2;
const AF: u64 = 1 << 4;
const ZF: u64 = 1 << 6;
const SF: u64 = 1 << 7;
const OF: u64 = 1 << 11;
const ARITHMETIC: u64 = CF | PF | AF | ZF | SF | OF;

/// Carries out `instruction`, which `registers` is about to execute.
///
/// `None` if this is not known how to be done, or memory could not be accessed; then
/// nothing has changed.
pub(in crate::engine) fn emulate(
    instruction: &Instruction,
    registers: &mut Registers,
    words: &mut dyn Words,
) -> Option<()> {
    let prefixed = instruction.has_lock_prefix()
        || instruction.has_rep_prefix()
        || instruction.has_repne_prefix();
    if prefixed {
        return None;
    }
    let mut machine = Machine { instruction, registers: *registers, words };
    machine.registers.rip = instruction.next_ip();
    machine.execute()?;
    *registers = machine.registers;
    Some(())
}

struct Machine<'a> {
    instruction: &'a Instruction,
    /// As they will be.
    registers: Registers,
    words: &'a mut dyn Words,
}

impl Machine<'_> {
    fn execute(&mut self) -> Option<()> {
        match self.instruction.mnemonic() {
            Mnemonic::Nop | Mnemonic::Endbr64 => Some(()),
            Mnemonic::Mov | Mnemonic::Movzx => self.move_value(false),
            Mnemonic::Movsx | Mnemonic::Movsxd => self.move_value(true),
            Mnemonic::Lea => {
                let addr = self.effective_address()?;
                self.write(0, addr)
            }
            Mnemonic::Push => {
                let value = self.read(0)?;
                self.push(value)
            }
            Mnemonic::Pop => self.pop(),
            Mnemonic::Add
            | Mnemonic::Sub
            | Mnemonic::Cmp
            | Mnemonic::And
            | Mnemonic::Or
            | Mnemonic::Xor
            | Mnemonic::Test => self.arithmetic(),
            Mnemonic::Inc | Mnemonic::Dec => self.step_by_one(),
            Mnemonic::Jmp => {
                self.registers.rip = self.branch_target()?;
                Some(())
            }
            Mnemonic::Call => {
                let target = self.branch_target()?;
                self.push(self.registers.rip)?;
                self.registers.rip = target;
                Some(())
            }
            Mnemonic::Ret => self.ret(),
            _ if self.instruction.is_jcc_short_or_near() => self.jump_if(),
            _ => None,
        }
    }

    fn move_value(&mut self, signed: bool) -> Option<()> {
        // Control and segment registers have no place in `read`, which refuses them.
        let value = self.read(1)?;
        let value = if signed { sign_extend(value, self.len(1)?) } else { value };
        self.write(0, value)
    }

    /// 8-byte pushes only; `read` has sign-extended an immediate.
    fn push(&mut self, value: u64) -> Option<()> {
        let is_operand = matches!(self.instruction.mnemonic(), Mnemonic::Push);
        if is_operand && self.instruction.stack_pointer_increment() != -8 {
            return None;
        }
        let sp = self.registers.rsp.wrapping_sub(8);
        self.words.store(sp, 8, value)?;
        self.registers.rsp = sp;
        Some(())
    }

    fn pop(&mut self) -> Option<()> {
        let to_register = self.instruction.op0_kind() == OpKind::Register;
        if !to_register || self.instruction.stack_pointer_increment() != 8 {
            return None;
        }
        let value = self.words.load(self.registers.rsp, 8)?;
        self.registers.rsp = self.registers.rsp.wrapping_add(8);
        self.write(0, value)
    }

    fn ret(&mut self) -> Option<()> {
        let extra = match self.instruction.op_count() {
            0 => 0,
            _ => self.instruction.immediate(0),
        };
        if i64::from(self.instruction.stack_pointer_increment()) != 8 + extra as i64 {
            return None;
        }
        self.registers.rip = self.words.load(self.registers.rsp, 8)?;
        self.registers.rsp = self.registers.rsp.wrapping_add(8).wrapping_add(extra);
        Some(())
    }

    fn branch_target(&mut self) -> Option<u64> {
        match self.instruction.op0_kind() {
            OpKind::NearBranch64 => Some(self.instruction.near_branch_target()),
            OpKind::Register if self.len(0)? == 8 => self.read(0),
            // Tables of functions do not change while they are used.
            OpKind::Memory
                if self.len(0)? == 8
                    && self.instruction.segment_prefix() == Register::None =>
            {
                self.words.load(self.effective_address()?, 8)
            }
            _ => None,
        }
    }

    fn jump_if(&mut self) -> Option<()> {
        if condition(self.instruction.condition_code(), self.registers.rflags)? {
            self.registers.rip = self.branch_target()?;
        }
        Some(())
    }

    fn arithmetic(&mut self) -> Option<()> {
        let len = self.len(0)?;
        let (a, b) = (self.read(0)?, self.read(1)? & mask(len));
        let (result, flags) = match self.instruction.mnemonic() {
            Mnemonic::Add => add(a, b, len),
            Mnemonic::Sub | Mnemonic::Cmp => sub(a, b, len),
            Mnemonic::And | Mnemonic::Test => (a & b, logic_flags(a & b, len)),
            Mnemonic::Or => (a | b, logic_flags(a | b, len)),
            Mnemonic::Xor => (a ^ b, logic_flags(a ^ b, len)),
            _ => return None,
        };
        self.set_flags(ARITHMETIC, flags);
        match self.instruction.mnemonic() {
            Mnemonic::Cmp | Mnemonic::Test => Some(()),
            _ => self.write(0, result),
        }
    }

    /// INC and DEC, which leave the carry as it is.
    fn step_by_one(&mut self) -> Option<()> {
        let len = self.len(0)?;
        let a = self.read(0)?;
        let (result, flags) = match self.instruction.mnemonic() {
            Mnemonic::Inc => add(a, 1, len),
            _ => sub(a, 1, len),
        };
        self.set_flags(ARITHMETIC & !CF, flags);
        self.write(0, result)
    }

    fn set_flags(&mut self, which: u64, flags: u64) {
        let rflags = &mut self.registers.rflags;
        *rflags = (*rflags & !which) | (flags & which);
    }

    /// The size of an operand, in bytes.
    fn len(&self, operand: u32) -> Option<usize> {
        let len = match self.instruction.op_kind(operand) {
            OpKind::Register => self.instruction.op_register(operand).size(),
            OpKind::Memory => self.instruction.memory_size().size(),
            _ => 8,
        };
        matches!(len, 1 | 2 | 4 | 8).then_some(len)
    }

    fn read(&mut self, operand: u32) -> Option<u64> {
        match self.instruction.op_kind(operand) {
            OpKind::Register => {
                read_register(&self.registers, self.instruction.op_register(operand))
            }
            OpKind::Memory => {
                let (addr, len) = (self.private_address()?, self.len(operand)?);
                self.words.load(addr, len)
            }
            OpKind::Immediate8
            | OpKind::Immediate16
            | OpKind::Immediate32
            | OpKind::Immediate64
            | OpKind::Immediate8to16
            | OpKind::Immediate8to32
            | OpKind::Immediate8to64
            | OpKind::Immediate32to64 => Some(self.instruction.immediate(operand)),
            _ => None,
        }
    }

    fn write(&mut self, operand: u32, value: u64) -> Option<()> {
        match self.instruction.op_kind(operand) {
            OpKind::Register => {
                let register = self.instruction.op_register(operand);
                write_register(&mut self.registers, register, value)
            }
            OpKind::Memory => {
                let (addr, len) = (self.private_address()?, self.len(operand)?);
                self.words.store(addr, len, value)
            }
            _ => None,
        }
    }

    /// The address of the memory operand, if it is on the thread's own stack.
    fn private_address(&self) -> Option<u64> {
        let base = self.instruction.memory_base();
        let plain = self.instruction.segment_prefix() == Register::None;
        let own = self.words.is_private(base);
        if own && plain { self.effective_address() } else { None }
    }

    /// The effective address (Intel SDM vol. 1, §3.7.5), without a segment's base.
    fn effective_address(&self) -> Option<u64> {
        let it = self.instruction;
        if it.is_ip_rel_memory_operand() {
            let wide = it.memory_base() == Register::RIP;
            return wide.then(|| it.ip_rel_memory_address());
        }
        let part = |register: Register| match register {
            Register::None => Some(0),
            _ if register.size() != 8 => None,
            _ => read_register(&self.registers, register),
        };
        let index = part(it.memory_index())?;
        let scaled = index.wrapping_mul(u64::from(it.memory_index_scale()));
        let base = part(it.memory_base())?;
        Some(base.wrapping_add(scaled).wrapping_add(it.memory_displacement64()))
    }
}

fn mask(len: usize) -> u64 {
    if len >= 8 { u64::MAX } else { (1 << (8 * len)) - 1 }
}

fn sign_bit(len: usize) -> u64 {
    1 << (8 * len - 1)
}

fn sign_extend(value: u64, len: usize) -> u64 {
    let shift = 64 - 8 * len as u32;
    (((value << shift) as i64) >> shift) as u64
}

/// SF, ZF and PF, which depend on the result alone.
fn result_flags(result: u64, len: usize) -> u64 {
    let mut flags = 0;
    if result & mask(len) == 0 {
        flags |= ZF;
    }
    if result & sign_bit(len) != 0 {
        flags |= SF;
    }
    if (result as u8).count_ones().is_multiple_of(2) {
        flags |= PF;
    }
    flags
}

/// The processors clear AF here, which the manual leaves undefined.
fn logic_flags(result: u64, len: usize) -> u64 {
    result_flags(result, len)
}

fn add(a: u64, b: u64, len: usize) -> (u64, u64) {
    let result = a.wrapping_add(b) & mask(len);
    let mut flags = result_flags(result, len);
    if result < a & mask(len) {
        flags |= CF;
    }
    if (a ^ result) & (b ^ result) & sign_bit(len) != 0 {
        flags |= OF;
    }
    (result, flags | ((a ^ b ^ result) & AF))
}

fn sub(a: u64, b: u64, len: usize) -> (u64, u64) {
    let result = a.wrapping_sub(b) & mask(len);
    let mut flags = result_flags(result, len);
    if a & mask(len) < b & mask(len) {
        flags |= CF;
    }
    if (a ^ b) & (a ^ result) & sign_bit(len) != 0 {
        flags |= OF;
    }
    (result, flags | ((a ^ b ^ result) & AF))
}

fn condition(code: ConditionCode, flags: u64) -> Option<bool> {
    let is = |flag| flags & flag != 0;
    Some(match code {
        ConditionCode::o => is(OF),
        ConditionCode::no => !is(OF),
        ConditionCode::b => is(CF),
        ConditionCode::ae => !is(CF),
        ConditionCode::e => is(ZF),
        ConditionCode::ne => !is(ZF),
        ConditionCode::be => is(CF) || is(ZF),
        ConditionCode::a => !is(CF) && !is(ZF),
        ConditionCode::s => is(SF),
        ConditionCode::ns => !is(SF),
        ConditionCode::p => is(PF),
        ConditionCode::np => !is(PF),
        ConditionCode::l => is(SF) != is(OF),
        ConditionCode::ge => is(SF) == is(OF),
        ConditionCode::le => is(ZF) || is(SF) != is(OF),
        ConditionCode::g => !is(ZF) && is(SF) == is(OF),
        ConditionCode::None => return None,
    })
}

/// The whole register that `register` is a part of.
fn full(registers: &mut Registers, register: Register) -> Option<&mut u64> {
    Some(match register.full_register() {
        Register::RAX => &mut registers.rax,
        Register::RBX => &mut registers.rbx,
        Register::RCX => &mut registers.rcx,
        Register::RDX => &mut registers.rdx,
        Register::RSI => &mut registers.rsi,
        Register::RDI => &mut registers.rdi,
        Register::RBP => &mut registers.rbp,
        Register::RSP => &mut registers.rsp,
        Register::R8 => &mut registers.r8,
        Register::R9 => &mut registers.r9,
        Register::R10 => &mut registers.r10,
        Register::R11 => &mut registers.r11,
        Register::R12 => &mut registers.r12,
        Register::R13 => &mut registers.r13,
        Register::R14 => &mut registers.r14,
        Register::R15 => &mut registers.r15,
        _ => return None,
    })
}

fn is_high_byte(register: Register) -> bool {
    matches!(register, Register::AH | Register::BH | Register::CH | Register::DH)
}

fn read_register(registers: &Registers, register: Register) -> Option<u64> {
    let mut copy = *registers;
    let value = *full(&mut copy, register)?;
    let value = if is_high_byte(register) { value >> 8 } else { value };
    Some(value & mask(register.size()))
}

fn write_register(
    registers: &mut Registers,
    register: Register,
    value: u64,
) -> Option<()> {
    let place = full(registers, register)?;
    *place = match register.size() {
        8 => value,
        // The upper half becomes zero (Intel SDM vol. 1, §3.4.1.1).
        4 => value & mask(4),
        2 => (*place & !mask(2)) | (value & mask(2)),
        1 if is_high_byte(register) => (*place & !0xff00) | ((value & 0xff) << 8),
        1 => (*place & !0xff) | (value & 0xff),
        _ => return None,
    };
    Some(())
}
