//! Where does a location expression lead?
//!
//! Most locations are one operation, which `binary` has taken apart already. What is left
//! is run here: Go uses it for variables that live behind a pointer in the frame
//! (`DW_OP_fbreg n, DW_OP_deref`), C for more. DWARF 5 §2.5.1; the opcodes are those of
//! its §7.7.1.

use crate::engine::addr::Addr;

/// Operations run for one location: expressions without a loop are short.
const OPERATIONS_MAX: usize = 256;
/// Values kept at once.
const STACK_MAX: usize = 64;

/// What an expression may ask for.
pub trait Surroundings {
    fn register(&self, number: u16) -> Option<u64>;
    /// The canonical frame address, which is also the frame base of Go's functions.
    fn cfa(&self) -> u64;
    fn read_word(&self, at: Addr) -> Option<u64>;
    /// The address in memory of one that the file states.
    fn loaded(&self, stated: u64) -> u64;
}

/// The address that an expression computes; `None` if it uses what is not known here.
pub fn run(expression: &[u8], from: &dyn Surroundings) -> Option<Addr> {
    let mut code = Bytes(expression);
    let mut stack: Vec<u64> = Vec::new();
    for _ in 0..OPERATIONS_MAX {
        let Some(op) = code.byte() else { return stack.pop().map(Addr) };
        let value = match op {
            0x03 => from.loaded(code.uint(8)?),
            0x06 => from.read_word(Addr(stack.pop()?))?,
            0x08 => code.uint(1)?,
            0x09 => code.uint(1)? as u8 as i8 as u64,
            0x0a => code.uint(2)?,
            0x0b => code.uint(2)? as u16 as i16 as u64,
            0x0c => code.uint(4)?,
            0x0d => code.uint(4)? as u32 as i32 as u64,
            0x0e | 0x0f => code.uint(8)?,
            0x10 => code.uleb()?,
            0x11 => code.sleb()? as u64,
            0x12 => *stack.last()?,
            0x13 => {
                stack.pop()?;
                continue;
            }
            0x1a => stack.pop()? & stack.pop()?,
            0x1c => {
                let right = stack.pop()?;
                stack.pop()?.wrapping_sub(right)
            }
            0x22 => stack.pop()?.wrapping_add(stack.pop()?),
            0x23 => stack.pop()?.wrapping_add(code.uleb()?),
            0x30..=0x4f => u64::from(op - 0x30),
            0x70..=0x8f => {
                let base = from.register(u16::from(op - 0x70))?;
                base.wrapping_add_signed(code.sleb()?)
            }
            0x91 => from.cfa().wrapping_add_signed(code.sleb()?),
            0x9c => from.cfa(),
            _ => return None,
        };
        if stack.len() >= STACK_MAX {
            return None;
        }
        stack.push(value);
    }
    None
}

/// The operands of operations, little-endian.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn uint(&mut self, len: usize) -> Option<u64> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes.iter().rev().fold(0, |acc, it| acc << 8 | u64::from(*it)))
    }

    fn uleb(&mut self) -> Option<u64> {
        let (mut value, mut shift) = (0_u64, 0);
        loop {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            shift += 7;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
    }

    fn sleb(&mut self) -> Option<i64> {
        let (mut value, mut shift) = (0_u64, 0);
        loop {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            shift += 7;
            if byte & 0x80 == 0 {
                let sign = byte & 0x40 != 0 && shift < 64;
                return Some(
                    (if sign { value | u64::MAX << shift } else { value }) as i64,
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Frame;

    impl Surroundings for Frame {
        fn register(&self, number: u16) -> Option<u64> {
            (number == 6).then_some(0x100)
        }

        fn cfa(&self) -> u64 {
            0x1000
        }

        fn read_word(&self, at: Addr) -> Option<u64> {
            (at == Addr(0xfd8)).then_some(0xc000)
        }

        fn loaded(&self, stated: u64) -> u64 {
            stated + 0x10
        }
    }

    #[test]
    fn expressions_lead_to_addresses() {
        let cases: &[(&[u8], Option<u64>)] = &[
            // fbreg -0x28; deref
            (&[0x91, 0x58, 0x06], Some(0xc000)),
            (&[0x91, 0x58, 0x06, 0x23, 0x08], Some(0xc008)),
            (&[0x76, 0x7f], Some(0xff)),
            (&[0x9c], Some(0x1000)),
            (&[0x03, 1, 0, 0, 0, 0, 0, 0, 0], Some(0x11)),
            // a register that is not known, an operand that is cut off, nothing
            (&[0x70, 0x00], None),
            (&[0x91, 0x80], None),
            (&[], None),
            (&[0x06], None),
        ];
        for (expression, leads_to) in cases {
            assert_eq!(run(expression, &Frame), leads_to.map(Addr), "{expression:x?}");
        }
    }
}
