//! How does Go's own assembler write an instruction?
//!
//! The syntax is Plan 9's (<https://go.dev/doc/asm>), in the form that `go tool objdump`
//! prints: sources before the destination, registers without their size, the size as a
//! letter of the mnemonic where that alone would not say it, addresses of things with a
//! name as `name(SB)`.

use std::fmt::Write;

use iced_x86::{Instruction, MemorySize, Mnemonic, OpKind, Register};

/// Finds the name of what is at an address, with how far behind its beginning if that is
/// not 0: `runtime.sched+64`.
pub(super) type Names<'a> = &'a dyn Fn(u64) -> Option<String>;

/// Mnemonics that say nothing of the size of their operands.
const SIZED: &[Mnemonic] = &[
    Mnemonic::Adc,
    Mnemonic::Add,
    Mnemonic::And,
    Mnemonic::Bsf,
    Mnemonic::Bsr,
    Mnemonic::Bt,
    Mnemonic::Btc,
    Mnemonic::Btr,
    Mnemonic::Bts,
    Mnemonic::Cmp,
    Mnemonic::Cmpxchg,
    Mnemonic::Cvtsd2si,
    Mnemonic::Cvtsi2sd,
    Mnemonic::Cvtsi2ss,
    Mnemonic::Cvtss2si,
    Mnemonic::Cvttsd2si,
    Mnemonic::Cvttss2si,
    Mnemonic::Dec,
    Mnemonic::Div,
    Mnemonic::Idiv,
    Mnemonic::Imul,
    Mnemonic::In,
    Mnemonic::Inc,
    Mnemonic::Lea,
    Mnemonic::Mov,
    Mnemonic::Movnti,
    Mnemonic::Mul,
    Mnemonic::Neg,
    Mnemonic::Nop,
    Mnemonic::Not,
    Mnemonic::Or,
    Mnemonic::Out,
    Mnemonic::Pop,
    Mnemonic::Popcnt,
    Mnemonic::Push,
    Mnemonic::Rcl,
    Mnemonic::Rcr,
    Mnemonic::Rol,
    Mnemonic::Ror,
    Mnemonic::Sar,
    Mnemonic::Sbb,
    Mnemonic::Shl,
    Mnemonic::Shld,
    Mnemonic::Shr,
    Mnemonic::Shrd,
    Mnemonic::Sub,
    Mnemonic::Test,
    Mnemonic::Xadd,
    Mnemonic::Xchg,
    Mnemonic::Xor,
];

/// An instruction in Go's syntax; `names` says what is at an address.
pub(super) fn text(it: &Instruction, names: Names<'_>) -> String {
    let mut text = String::new();
    if it.has_repne_prefix() {
        text.push_str("REPNE; ");
    } else if it.has_rep_prefix() {
        text.push_str("REP; ");
    }
    if it.has_lock_prefix() {
        text.push_str("LOCK ");
    }
    let _ = write!(text, "{}", mnemonic(it));
    let mut operands: Vec<String> =
        (0..it.op_count()).rev().map(|n| operand(it, n, names)).collect();
    if it.mnemonic() == Mnemonic::Cmp {
        // What is compared is read from left to right.
        operands.reverse();
    }
    if it.mnemonic() == Mnemonic::Int3 {
        operands = vec!["$0x3".to_owned()];
    }
    if !operands.is_empty() {
        text.push(' ');
        text.push_str(&operands.join(", "));
    }
    text
}

fn mnemonic(it: &Instruction) -> String {
    let name = match it.mnemonic() {
        Mnemonic::Int3 => "INT".to_owned(),
        other => format!("{other:?}").to_uppercase(),
    };
    let suffix = match SIZED.contains(&it.mnemonic()).then(|| operand_size(it)) {
        Some(1) => "B",
        Some(2) => "W",
        Some(4) => "L",
        Some(8) => "Q",
        _ => "",
    };
    name + suffix
}

/// The size of what an instruction works on, in bytes; 0 if unknown.
fn operand_size(it: &Instruction) -> usize {
    let is_memory = |n: &u32| is_memory(it.op_kind(*n));
    let has_memory = (0..it.op_count()).any(|n| is_memory(&n));
    if has_memory
        && it.memory_size() != MemorySize::Unknown
        && it.memory_size().size() > 0
    {
        return it.memory_size().size();
    }
    let registers = (0..it.op_count()).filter(|n| it.op_kind(*n) == OpKind::Register);
    let mut general = registers.map(|n| it.op_register(n)).filter(|it| it.is_gpr());
    match (general.next(), it.mnemonic()) {
        (Some(register), _) => register.size(),
        // One of no operands: its prefix says how long it is.
        (None, Mnemonic::Nop) if it.len() == 2 => 2,
        (None, Mnemonic::Nop) => 4,
        (None, Mnemonic::Push | Mnemonic::Pop) => 8,
        _ => 0,
    }
}

fn is_memory(kind: OpKind) -> bool {
    use OpKind::{
        Memory, MemoryESDI, MemoryESEDI, MemoryESRDI, MemorySegDI, MemorySegEDI,
        MemorySegESI, MemorySegRDI, MemorySegRSI, MemorySegSI,
    };
    matches!(
        kind,
        Memory
            | MemoryESDI
            | MemoryESEDI
            | MemoryESRDI
            | MemorySegDI
            | MemorySegEDI
            | MemorySegESI
            | MemorySegRDI
            | MemorySegRSI
            | MemorySegSI
    )
}

fn operand(it: &Instruction, n: u32, names: Names<'_>) -> String {
    match it.op_kind(n) {
        OpKind::Register => register(it.op_register(n)),
        OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64 => {
            let target = it.near_branch_target();
            match names(target) {
                Some(name) => format!("{name}(SB)"),
                None => format!("{target:#x}"),
            }
        }
        OpKind::Memory => memory(it, names),
        OpKind::MemorySegRSI => "DS:0(SI)".to_owned(),
        OpKind::MemoryESRDI => "ES:0(DI)".to_owned(),
        OpKind::MemorySegRDI => "DS:0(DI)".to_owned(),
        kind if is_memory(kind) => "?".to_owned(),
        OpKind::FarBranch16 | OpKind::FarBranch32 => "?".to_owned(),
        _ => immediate(it.immediate(n), operand_size(it), names),
    }
}

fn immediate(value: u64, size: usize, names: Names<'_>) -> String {
    if let Some(name) = names(value).filter(|_| value > u64::from(u16::MAX)) {
        return format!("${name}(SB)");
    }
    let value = match size {
        1 => i64::from(value as i8),
        2 => i64::from(value as i16),
        4 => i64::from(value as i32),
        _ => value.cast_signed(),
    };
    match i32::try_from(value) {
        Ok(it) if it < 0 => format!("$-{:#x}", it.unsigned_abs()),
        _ => format!("${value:#x}"),
    }
}

fn memory(it: &Instruction, names: Names<'_>) -> String {
    let (base, index) = (it.memory_base(), it.memory_index());
    let segment = it.segment_prefix();
    let displacement = it.memory_displacement64();
    let is_address = matches!(base, Register::RIP | Register::EIP | Register::None)
        && index == Register::None;
    if is_address
        && segment == Register::None
        && let Some(name) = names(displacement)
    {
        return format!("{name}(SB)");
    }
    let mut text = String::new();
    if segment != Register::None {
        let _ = write!(text, "{}:", register(segment));
    }
    let _ = match base {
        // It is stated relative to the next instruction.
        Register::RIP | Register::EIP => {
            write!(text, "{}", signed(displacement.wrapping_sub(it.next_ip())))
        }
        Register::None if index == Register::None => {
            write!(text, "{:#x}", displacement as u32)
        }
        _ => write!(text, "{}", signed(displacement)),
    };
    if base != Register::None {
        let _ = write!(text, "({})", register(base));
    }
    if index != Register::None {
        let _ = write!(text, "({}*{})", register(index), it.memory_index_scale());
    }
    text
}

fn signed(displacement: u64) -> String {
    match displacement.cast_signed() {
        0 => "0".to_owned(),
        it if it < 0 => format!("-{:#x}", it.unsigned_abs()),
        it => format!("{it:#x}"),
    }
}

/// A register by Go's name: general ones without their size, but for those of one byte
/// that existed before there were sixteen.
fn register(it: Register) -> String {
    // The library counts the eight oldest ones of a byte first, `AL` to `BH`.
    let number = it.number();
    if it.is_gpr8() && number < 8 {
        return format!("{it:?}");
    }
    if it.is_gpr() {
        let wide = it.full_register();
        let name = format!("{wide:?}");
        let is_old = wide.number() < 8;
        return if is_old { name.trim_start_matches('R').to_owned() } else { name };
    }
    match it {
        Register::RIP | Register::EIP => "IP".to_owned(),
        _ if it.is_xmm() => format!("X{number}"),
        _ if it.is_ymm() => format!("Y{number}"),
        _ if it.is_zmm() => format!("Z{number}"),
        _ => format!("{it:?}"),
    }
}

#[cfg(test)]
mod tests {
    use iced_x86::{Decoder, DecoderOptions};

    use super::*;

    /// What `go tool objdump` prints of the same bytes.
    #[test]
    fn instructions_are_written_as_go_s_own_tools_do() {
        let cases: &[(&[u8], &str)] = &[
            (&[0x4c, 0x8d, 0x64, 0x24, 0xc0], "LEAQ -0x40(SP), R12"),
            (&[0x4d, 0x3b, 0x66, 0x10], "CMPQ R12, 0x10(R14)"),
            (&[0x0f, 0x86, 0x6d, 0x01, 0, 0], "JBE 0x1173"),
            (&[0x55], "PUSHQ BP"),
            (&[0x48, 0x89, 0xe5], "MOVQ SP, BP"),
            (&[0x48, 0x81, 0xec, 0xb8, 0, 0, 0], "SUBQ $0xb8, SP"),
            (&[0x66, 0x90], "NOPW"),
            (&[0x90], "NOPL"),
            (&[0x4d, 0x85, 0xe4], "TESTQ R12, R12"),
            (&[0x44, 0x0f, 0x11, 0xbc, 0x24, 0x88, 0, 0, 0], "MOVUPS X15, 0x88(SP)"),
            (&[0x84, 0x02], "TESTB AL, 0(DX)"),
            (&[0x83, 0x3d, 0xf9, 0x0f, 0, 0, 0], "CMPL runtime.flag(SB), $0x0"),
            (&[0x48, 0x8d, 0x15, 0, 0x10, 0, 0], "LEAQ 0x1000(IP), DX"),
            (&[0xe8, 0xfb, 0x1f, 0, 0], "CALL main.f(SB)"),
            (&[0xff, 0xd3], "CALL BX"),
            (&[0x48, 0xc7, 0x44, 0x24, 0x78, 3, 0, 0, 0], "MOVQ $0x3, 0x78(SP)"),
            (&[0xbf, 3, 0, 0, 0], "MOVL $0x3, DI"),
            (&[0x0f, 0x1f, 0x44, 0, 0], "NOPL 0(AX)(AX*1)"),
            (&[0xcc], "INT $0x3"),
            (
                &[0x64, 0x48, 0x8b, 0x0c, 0x25, 0xf8, 0xff, 0xff, 0xff],
                "MOVQ FS:0xfffffff8, CX",
            ),
            (&[0xf3, 0x48, 0xab], "REP; STOSQ AX, ES:0(DI)"),
            (&[0xf0, 0x48, 0x0f, 0xb1, 0x0b], "LOCK CMPXCHGQ CX, 0(BX)"),
            (&[0x48, 0xc1, 0xe0, 0x03], "SHLQ $0x3, AX"),
            (&[0x48, 0x83, 0xc0, 0xff], "ADDQ $-0x1, AX"),
            (&[0xc5, 0xfe, 0x6f, 0x06], "VMOVDQU 0(SI), Y0"),
            (&[0x40, 0x88, 0x72, 0x0e], "MOVB SI, 0xe(DX)"),
            (&[0x83, 0xe3, 0xc0], "ANDL $-0x40, BX"),
        ];
        let names = |at: u64| match at {
            0x2000 => Some("runtime.flag".to_owned()),
            0x3000 => Some("main.f".to_owned()),
            _ => None,
        };
        for (code, expected) in cases {
            let it = Decoder::with_ip(64, code, 0x1000, DecoderOptions::NONE).decode();
            assert_eq!(text(&it, &names), *expected, "{code:x?}");
        }
    }
}
