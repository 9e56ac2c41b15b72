//! Which CPU register does a name mean, which bytes of it, and how are they changed?
//!
//! | names                         | where they are                                   |
//! |-------------------------------|--------------------------------------------------|
//! | `RAX` … `R15`, `RIP`, `RFLAGS`, `FS_BASE` … | [`Registers`]                      |
//! | `EAX`, `AX`, `AL`, `AH`, `R8D`, `R8W`, `R8B` | parts of those                    |
//! | `CW`, `SW`, `MXCSR`, `ST0` …, `XMM0` …, `YMM0` … | the XSAVE area (Intel SDM vol. 1, §13.4) |

use crate::engine::eval::operand::{Data, Operand};
use crate::engine::eval::run::Evaluator;
use crate::engine::eval::value::Flags;
use crate::engine::registers::{DWARF_NAMES, Registers};

/// Where ST0 is in the XSAVE area; each of eight has 16 bytes, of which ten are used.
const ST_OFFSET: usize = 32;
/// Where XMM0 is; each of sixteen has 16 bytes.
const XMM_OFFSET: usize = 160;
/// Where the upper half of YMM0 is (the AVX state of the standard format).
const YMM_HIGH_OFFSET: usize = 576;
/// Where the area says which of its parts hold something (`XSTATE_BV`).
const XSTATE_BV_OFFSET: usize = 512;
/// DWARF's number of XMM0 (System V ABI amd64, figure 3.36).
const DWARF_XMM0: u16 = 17;

/// Bytes of a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisterPlace {
    /// From a byte of a general register on.
    General { name: &'static str, offset: usize, len: usize },
    /// Bytes of the XSAVE area.
    Vector { offset: usize, len: usize },
    /// The two halves of a YMM register.
    Wide { index: usize },
}

impl RegisterPlace {
    /// The register that DWARF numbers so.
    pub fn of_dwarf(number: u16) -> Option<RegisterPlace> {
        if let Some(name) = DWARF_NAMES.get(usize::from(number)) {
            return Some(RegisterPlace::General { name, offset: 0, len: 8 });
        }
        let index = usize::from(number.checked_sub(DWARF_XMM0)?);
        let offset = XMM_OFFSET + 16 * index;
        (index < 16).then_some(RegisterPlace::Vector { offset, len: 16 })
    }

    pub fn size(&self) -> usize {
        match self {
            RegisterPlace::General { len, .. } | RegisterPlace::Vector { len, .. } => {
                *len
            }
            RegisterPlace::Wide { .. } => 32,
        }
    }

    /// The same place without its first bytes.
    pub fn after(&self, skipped: usize) -> RegisterPlace {
        match *self {
            RegisterPlace::General { name, offset, len } => RegisterPlace::General {
                name,
                offset: offset.saturating_add(skipped),
                len: len.saturating_sub(skipped),
            },
            RegisterPlace::Vector { offset, len } => RegisterPlace::Vector {
                offset: offset.saturating_add(skipped),
                len: len.saturating_sub(skipped),
            },
            RegisterPlace::Wide { index } => RegisterPlace::Wide { index },
        }
    }

    /// The bytes that are there.
    pub fn read(
        &self,
        registers: Option<&Registers>,
        xsave: Option<&[u8]>,
    ) -> Option<Vec<u8>> {
        let area = |at: usize, len: usize| xsave?.get(at..at + len).map(<[u8]>::to_vec);
        match self {
            RegisterPlace::General { name, offset, len } => {
                let word = registers?.by_name(name)?.to_le_bytes();
                word.get(*offset..offset + len).map(<[u8]>::to_vec)
            }
            RegisterPlace::Vector { offset, len } => area(*offset, *len),
            RegisterPlace::Wide { index } => {
                let mut bytes = area(XMM_OFFSET + 16 * index, 16)?;
                bytes.extend(area(YMM_HIGH_OFFSET + 16 * index, 16)?);
                Some(bytes)
            }
        }
    }

    /// Changes the first bytes of it; `false` if there is no such register.
    pub fn write(
        &self,
        bytes: &[u8],
        registers: &mut Registers,
        xsave: &mut [u8],
    ) -> bool {
        match self {
            RegisterPlace::General { name, offset, len } => {
                let Some(word) = registers.by_name(name) else { return false };
                let mut word = word.to_le_bytes();
                let n = bytes.len().min(*len);
                let Some(part) = word.get_mut(*offset..offset + n) else { return false };
                part.copy_from_slice(&bytes[..n]);
                registers.set_by_name(name, u64::from_le_bytes(word))
            }
            RegisterPlace::Vector { offset, len } => {
                patch(xsave, *offset, &bytes[..bytes.len().min(*len)])
            }
            RegisterPlace::Wide { index } => {
                let (low, high) = bytes.split_at(bytes.len().min(16));
                patch(xsave, XMM_OFFSET + 16 * index, low)
                    && patch(xsave, YMM_HIGH_OFFSET + 16 * index, high)
            }
        }
    }
}

/// Changes bytes of the XSAVE area, and says in it that its parts hold something: a part
/// in its initial state may be marked as empty.
fn patch(xsave: &mut [u8], offset: usize, bytes: &[u8]) -> bool {
    let Some(place) = xsave.get_mut(offset..offset + bytes.len()) else { return false };
    place.copy_from_slice(bytes);
    if let Some(held) = xsave.get_mut(XSTATE_BV_OFFSET) {
        *held |= match offset {
            ..XMM_OFFSET => 0b011,
            XMM_OFFSET..YMM_HIGH_OFFSET => 0b010,
            _ => 0b100,
        };
    }
    true
}

/// A CPU register by its upper-case name, perhaps with underscores before it so that no
/// variable is meant.
pub(crate) fn register(evaluator: &Evaluator<'_, '_>, name: &str) -> Option<Operand> {
    let name = name.trim_start_matches('_');
    let place = place(name)?;
    let frame = evaluator.scope.frame()?;
    let few = Registers {
        rip: frame.pc.0,
        rsp: frame.sp.0,
        rbp: frame.bp.0,
        ..Registers::default()
    };
    // In callers only those are known that unwinding restores.
    let registers = match &frame.registers {
        Some(all) => all,
        None if matches!(name, "RIP" | "RSP" | "RBP") => &few,
        None => return None,
    };
    let mut bytes = place.read(Some(registers), evaluator.scope.xsave)?;
    let ty = if bytes.len() <= 8 { "uint64" } else { "string" };
    if bytes.len() < 8 {
        bytes.resize(8, 0);
    }
    let ty = evaluator.cx.types.predeclared(ty)?;
    let mut it = Operand::with(ty, Data::Register(bytes, place)).named(name);
    it.flags = Flags::CPU_REGISTER;
    Some(it)
}

/// The register, or the part of one, that assembler calls so.
fn place(name: &str) -> Option<RegisterPlace> {
    let indexed = |prefix: &str, n: usize| {
        let digits = name.strip_prefix(prefix)?;
        let is_plain =
            !digits.starts_with('+') && (digits == "0" || !digits.starts_with('0'));
        let index: usize = digits.parse().ok()?;
        (is_plain && index < n).then_some(index)
    };
    if let Some(index) = indexed("XMM", 16) {
        return Some(RegisterPlace::Vector { offset: XMM_OFFSET + 16 * index, len: 16 });
    }
    if let Some(index) = indexed("YMM", 16) {
        return Some(RegisterPlace::Wide { index });
    }
    if let Some(index) = indexed("ST", 8) {
        return Some(RegisterPlace::Vector { offset: ST_OFFSET + 16 * index, len: 10 });
    }
    let control = [("CW", 0, 2), ("SW", 2, 2), ("MXCSR", 24, 4), ("MXCSR_MASK", 28, 4)];
    if let Some((_, offset, len)) = control.into_iter().find(|it| it.0 == name) {
        return Some(RegisterPlace::Vector { offset, len });
    }
    let (name, offset, len) = match name {
        "EFLAGS" => ("RFLAGS", 0, 8),
        _ => part_of(name).unwrap_or((name, 0, 8)),
    };
    let name = GENERAL.iter().find(|it| **it == name)?;
    Some(RegisterPlace::General { name, offset, len })
}

const GENERAL: &[&str] = &[
    "RAX", "RBX", "RCX", "RDX", "RSI", "RDI", "RBP", "RSP", "R8", "R9", "R10", "R11",
    "R12", "R13", "R14", "R15", "RIP", "RFLAGS", "CS", "SS", "DS", "ES", "FS", "GS",
    "FS_BASE", "GS_BASE", "ORIG_RAX",
];

/// The register that a shorter name is a part of, with the part's offset and length
/// (Intel SDM vol. 1, §3.4.1).
fn part_of(name: &str) -> Option<(&'static str, usize, usize)> {
    const PARTS: &[(&str, [&str; 4])] = &[
        ("RAX", ["EAX", "AX", "AL", "AH"]),
        ("RBX", ["EBX", "BX", "BL", "BH"]),
        ("RCX", ["ECX", "CX", "CL", "CH"]),
        ("RDX", ["EDX", "DX", "DL", "DH"]),
        ("RSI", ["ESI", "SI", "SIL", ""]),
        ("RDI", ["EDI", "DI", "DIL", ""]),
        ("RBP", ["EBP", "BP", "BPL", ""]),
        ("RSP", ["ESP", "SP", "SPL", ""]),
    ];
    const SHAPES: [(usize, usize); 4] = [(0, 4), (0, 2), (0, 1), (1, 1)];
    for (whole, parts) in PARTS {
        if let Some(nth) = parts.iter().position(|it| !it.is_empty() && *it == name) {
            return Some((whole, SHAPES[nth].0, SHAPES[nth].1));
        }
    }
    let len = match name.chars().next_back()? {
        'D' => 4,
        'W' => 2,
        'B' => 1,
        _ => return None,
    };
    let numbered = &name[..name.len() - 1];
    let whole = GENERAL.iter().find(|it| **it == numbered)?;
    let is_numbered = whole[1..].bytes().all(|b| b.is_ascii_digit());
    is_numbered.then_some((whole, 0, len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_and_their_parts_are_found_by_name() {
        let registers = Registers {
            rax: 0x1122_3344_5566_7788,
            r9: 0xaabb_ccdd_eeff_0011,
            rflags: 0x202,
            ..Registers::default()
        };
        let mut area = vec![0; 1024];
        area[XMM_OFFSET + 16] = 7;
        area[YMM_HIGH_OFFSET + 16] = 8;
        let cases: &[(&str, Option<&[u8]>)] = &[
            ("RAX", Some(&[0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11])),
            ("EAX", Some(&[0x88, 0x77, 0x66, 0x55])),
            ("AX", Some(&[0x88, 0x77])),
            ("AL", Some(&[0x88])),
            ("AH", Some(&[0x77])),
            ("R9D", Some(&[0x11, 0, 0xff, 0xee])),
            ("R9B", Some(&[0x11])),
            ("EFLAGS", Some(&[2, 2, 0, 0, 0, 0, 0, 0])),
            ("MXCSR", Some(&[0, 0, 0, 0])),
            ("XMM1", Some(&[7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
            ("XMM16", None),
            ("XMM01", None),
            ("XMM+1", None),
            ("RAXD", None),
            ("CSB", None),
            ("rax", None),
            ("", None),
        ];
        for (name, bytes) in cases {
            let found = place(name).and_then(|it| it.read(Some(&registers), Some(&area)));
            assert_eq!(found.as_deref(), *bytes, "{name}");
        }
        let wide = place("YMM1").unwrap().read(None, Some(&area)).unwrap();
        assert_eq!((wide.len(), wide[0], wide[16]), (32, 7, 8));
    }

    #[test]
    fn a_part_of_a_register_is_changed_and_the_rest_stays() {
        let mut registers = Registers { rax: u64::MAX, ..Registers::default() };
        let mut area = vec![0; 1024];
        assert!(place("AH").unwrap().write(&[0], &mut registers, &mut area));
        assert_eq!(registers.rax, 0xffff_ffff_ffff_00ff);
        assert!(place("XMM2").unwrap().write(&[9], &mut registers, &mut area));
        assert_eq!((area[XMM_OFFSET + 32], area[XSTATE_BV_OFFSET]), (9, 2));
        assert!(!place("XMM2").unwrap().write(&[9], &mut registers, &mut []));
    }
}
