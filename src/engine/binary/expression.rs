//! What does a DWARF expression compute?
//!
//! Most locations are one operation, which [`location`](super::location) has taken apart
//! already. What is left is run here: Go uses it for variables that live behind a pointer
//! in the frame (`DW_OP_fbreg n, DW_OP_deref`), C for more, and for finding the callers of
//! code that the linker made. DWARF 5 §2.5.1; the opcodes are those of its §7.7.1.

use crate::engine::addr::Addr;

/// Operations run for one expression: those with loops are not for finding things.
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
    /// What a register was when the function was entered.
    fn at_entry(&self, _: u16) -> Option<u64> {
        None
    }
}

/// What an expression found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Where the value is in memory.
    At(Addr),
    /// The value itself, which is nowhere.
    Value(u64),
}

/// Runs an expression, beginning with what is on its stack; `None` if it uses what is not
/// known here.
pub fn run(expression: &[u8], first: &[u64], from: &dyn Surroundings) -> Option<Found> {
    let mut machine = Machine { code: expression, at: 0, stack: first.to_vec(), from };
    for _ in 0..OPERATIONS_MAX {
        let Some(op) = machine.byte() else {
            return machine.stack.pop().map(|it| Found::At(Addr(it)));
        };
        if op == gimli::DW_OP_stack_value.0 {
            return machine.stack.pop().map(Found::Value);
        }
        machine.step(op)?;
        if machine.stack.len() > STACK_MAX {
            return None;
        }
    }
    None
}

struct Machine<'a> {
    code: &'a [u8],
    at: usize,
    stack: Vec<u64>,
    from: &'a dyn Surroundings,
}

impl Machine<'_> {
    fn step(&mut self, op: u8) -> Option<()> {
        use gimli::constants as dw;
        let value = match gimli::DwOp(op) {
            dw::DW_OP_addr => {
                let stated = self.uint(8)?;
                self.from.loaded(stated)
            }
            dw::DW_OP_deref => {
                let at = self.pop()?;
                self.from.read_word(Addr(at))?
            }
            dw::DW_OP_deref_size => {
                let (size, at) = (self.uint(1)?, self.pop()?);
                let unused = 64 - 8 * u32::try_from(size.clamp(1, 8)).ok()?;
                self.from.read_word(Addr(at))? << unused >> unused
            }
            dw::DW_OP_const1u => self.uint(1)?,
            dw::DW_OP_const1s => self.uint(1)? as u8 as i8 as u64,
            dw::DW_OP_const2u => self.uint(2)?,
            dw::DW_OP_const2s => self.uint(2)? as u16 as i16 as u64,
            dw::DW_OP_const4u => self.uint(4)?,
            dw::DW_OP_const4s => self.uint(4)? as u32 as i32 as u64,
            dw::DW_OP_const8u | dw::DW_OP_const8s => self.uint(8)?,
            dw::DW_OP_constu => self.uleb()?,
            dw::DW_OP_consts => self.sleb()? as u64,
            dw::DW_OP_call_frame_cfa => self.from.cfa(),
            dw::DW_OP_fbreg => {
                let offset = self.sleb()?;
                self.from.cfa().wrapping_add_signed(offset)
            }
            dw::DW_OP_bregx => {
                let register = u16::try_from(self.uleb()?).ok()?;
                self.register_offset(register)?
            }
            dw::DW_OP_entry_value | dw::DW_OP_GNU_entry_value => self.entry_value()?,
            dw::DW_OP_plus_uconst => {
                let right = self.uleb()?;
                self.pop()?.wrapping_add(right)
            }
            _ if (0x30..=0x4f).contains(&op) => u64::from(op - 0x30),
            _ if (0x70..=0x8f).contains(&op) => {
                self.register_offset(u16::from(op - 0x70))?
            }
            dw::DW_OP_nop => return Some(()),
            op => return self.stack_or_branch(op),
        };
        self.stack.push(value);
        Some(())
    }

    fn register_offset(&mut self, register: u16) -> Option<u64> {
        let offset = self.sleb()?;
        Some(self.from.register(register)?.wrapping_add_signed(offset))
    }

    /// Of a register: nothing else is known of what was (DWARF 5 §2.5.1.7).
    fn entry_value(&mut self) -> Option<u64> {
        let len = usize::try_from(self.uleb()?).ok()?;
        let inner = self.code.get(self.at..self.at.checked_add(len)?)?;
        self.at += len;
        let [op @ 0x50..=0x6f] = inner else { return None };
        self.from.at_entry(u16::from(op - 0x50))
    }

    fn stack_or_branch(&mut self, op: gimli::DwOp) -> Option<()> {
        use gimli::constants as dw;
        let len = self.stack.len();
        match op {
            dw::DW_OP_dup => self.pick(0),
            dw::DW_OP_over => self.pick(1),
            dw::DW_OP_pick => {
                let nth = self.uint(1)?;
                self.pick(usize::try_from(nth).ok()?)
            }
            dw::DW_OP_drop => self.pop().map(|_| ()),
            dw::DW_OP_swap => {
                self.stack.get_mut(len.checked_sub(2)?..)?.reverse();
                Some(())
            }
            dw::DW_OP_rot => {
                self.stack.get_mut(len.checked_sub(3)?..)?.rotate_right(1);
                Some(())
            }
            dw::DW_OP_skip => self.skip(true),
            dw::DW_OP_bra => {
                let is_taken = self.pop()? != 0;
                self.skip(is_taken)
            }
            dw::DW_OP_abs | dw::DW_OP_neg | dw::DW_OP_not => {
                let x = self.pop()?;
                self.stack.push(match op {
                    dw::DW_OP_abs => x.cast_signed().unsigned_abs(),
                    dw::DW_OP_neg => x.wrapping_neg(),
                    _ => !x,
                });
                Some(())
            }
            _ => {
                let (right, left) = (self.pop()?, self.pop()?);
                self.stack.push(binary(op, left, right)?);
                Some(())
            }
        }
    }

    fn pop(&mut self) -> Option<u64> {
        self.stack.pop()
    }

    fn pick(&mut self, from_top: usize) -> Option<()> {
        let nth = self.stack.len().checked_sub(from_top.checked_add(1)?)?;
        self.stack.push(*self.stack.get(nth)?);
        Some(())
    }

    fn skip(&mut self, is_taken: bool) -> Option<()> {
        let by = self.uint(2)? as u16 as i16;
        if is_taken {
            let to = self.at.checked_add_signed(by.into())?;
            self.at = (to <= self.code.len()).then_some(to)?;
        }
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.code.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// An operand, little-endian.
    fn uint(&mut self, len: usize) -> Option<u64> {
        let bytes = self.code.get(self.at..self.at.checked_add(len)?)?;
        self.at += len;
        Some(bytes.iter().rev().fold(0, |acc, it| acc << 8 | u64::from(*it)))
    }

    fn uleb(&mut self) -> Option<u64> {
        Some(self.leb()?.0)
    }

    fn sleb(&mut self) -> Option<i64> {
        let (value, shift, last) = self.leb()?;
        let sign = last & 0x40 != 0 && shift < 64;
        Some((if sign { value | u64::MAX << shift } else { value }).cast_signed())
    }

    /// A number in groups of seven bits, how many bits were read, and the last group.
    fn leb(&mut self) -> Option<(u64, u32, u8)> {
        let (mut value, mut shift) = (0_u64, 0_u32);
        loop {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            shift = shift.saturating_add(7);
            if byte & 0x80 == 0 {
                return Some((value, shift, byte));
            }
        }
    }
}

/// An operation on two values; comparisons and divisions are signed.
fn binary(op: gimli::DwOp, left: u64, right: u64) -> Option<u64> {
    use gimli::constants as dw;
    let (l, r) = (left.cast_signed(), right.cast_signed());
    let bits = u32::try_from(right).unwrap_or(u32::MAX);
    Some(match op {
        dw::DW_OP_and => left & right,
        dw::DW_OP_or => left | right,
        dw::DW_OP_xor => left ^ right,
        dw::DW_OP_plus => left.wrapping_add(right),
        dw::DW_OP_minus => left.wrapping_sub(right),
        dw::DW_OP_mul => left.wrapping_mul(right),
        dw::DW_OP_div => l.checked_div(r)?.cast_unsigned(),
        dw::DW_OP_mod => left.checked_rem(right)?,
        dw::DW_OP_shl => left.checked_shl(bits).unwrap_or(0),
        dw::DW_OP_shr => left.checked_shr(bits).unwrap_or(0),
        dw::DW_OP_shra => (l >> bits.min(63)).cast_unsigned(),
        dw::DW_OP_eq => (l == r).into(),
        dw::DW_OP_ne => (l != r).into(),
        dw::DW_OP_lt => (l < r).into(),
        dw::DW_OP_le => (l <= r).into(),
        dw::DW_OP_gt => (l > r).into(),
        dw::DW_OP_ge => (l >= r).into(),
        _ => return None,
    })
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
            // breg6 8; breg6 -16; lit15; and; lit11; ge; lit3; shl; plus: as in a PLT
            (
                &[0x76, 8, 0x76, 0x70, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22],
                Some(0x108),
            ),
            // lit1; bra over lit7; lit9
            (&[0x31, 0x28, 1, 0, 0x37, 0x39], Some(9)),
            // lit2; lit1; swap; minus
            (&[0x32, 0x31, 0x16, 0x1c], Some(u64::MAX)),
            // a jump out of it, a loop without end, a division by zero
            (&[0x2f, 0x10, 0], None),
            (&[0x2f, 0xfd, 0xff], None),
            (&[0x31, 0x30, 0x1b], None),
            // a register that is not known, an operand that is cut off, nothing
            (&[0x70, 0x00], None),
            (&[0x91, 0x80], None),
            (&[], None),
            (&[0x06], None),
        ];
        for (expression, leads_to) in cases {
            let leads_to = leads_to.map(|it| Found::At(Addr(it)));
            assert_eq!(run(expression, &[], &Frame), leads_to, "{expression:x?}");
        }
    }

    #[test]
    fn expressions_may_be_the_value_itself() {
        // lit5; stack_value
        assert_eq!(run(&[0x35, 0x9f], &[], &Frame), Some(Found::Value(5)));
        // What is on the stack first: plus_uconst 8
        assert_eq!(run(&[0x23, 8], &[0x20], &Frame), Some(Found::At(Addr(0x28))));
    }
}
