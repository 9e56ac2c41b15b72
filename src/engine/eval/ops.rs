//! How is a compiled condition evaluated? By a stack machine that reads registers and a
//! few words of memory, and allocates nothing.

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::eval::HitCounts;
use crate::engine::eval::condition::NOT_BOOLEAN;
use crate::engine::eval::expr::Op as Operator;
use crate::engine::eval::reader::explain;
use crate::engine::memory::{Fault, Memory};
use crate::engine::registers::Registers;

/// How many values may be on the stack.
pub(crate) const STACK_MAX: usize = 24;
/// How long strings may be that are compared for order or equality.
const STRING_LEN_MAX: u64 = 1 << 20;
/// How much of a string is compared at a time.
const CHUNK_LEN: usize = 256;

/// A step of a compiled condition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Int(i128),
    Float(f64),
    Bool(bool),
    /// The string literal of this index.
    Literal(usize),
    /// An address: so far from the canonical frame address, from a register, or fixed.
    FromCfa(i64),
    FromRegister(u16, i64),
    Fixed(Addr),
    /// A number in a register.
    Register {
        number: u16,
        number_type: Number,
    },
    /// Pops an address, pushes the word there; nil is an error if `checked`.
    Follow {
        checked: bool,
    },
    /// Fails if the address on the stack is zero.
    NotNil,
    /// Adds to the address on the stack.
    Offset(i64),
    /// Pops an address, pushes the value there.
    Load(Number),
    /// Pops the address of a string or slice header, pushes pointer and length.
    Header,
    /// Pops a length, keeps the pointer below; or pops the pointer below, keeps the length.
    DropLen,
    KeepLen,
    /// Pops index, length and pointer, pushes the address of the element.
    Index {
        stride: u64,
    },
    /// Pops index and address of an array.
    IndexArray {
        stride: u64,
        len: u64,
    },
    /// Makes one string of the pointer and the length on the stack.
    MakeString,
    GoroutineId,
    ThreadId,
    HitCount(i64),
    Unary(&'static str, Option<Number>),
    Binary(Operator, Option<Number>),
    /// Goes on at this step if the value on the stack is this; else pops it.
    JumpIf(bool, usize),
}

/// A type of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Bool,
    Int { size: u8, signed: bool },
    Float32,
    Float64,
}

#[derive(Clone, Copy, Debug)]
enum Value<'t> {
    Int(i128),
    Float(f64),
    Bool(bool),
    /// In the inferior's memory.
    String(Addr, u64),
    Literal(&'t [u8]),
}

/// A hit of a breakpoint site, by a thread that is stopped there.
pub struct Trap<'a> {
    pub registers: &'a Registers,
    pub memory: &'a dyn Memory,
    pub thread_id: i32,
    /// The goroutine's id, found only if the condition asks for it.
    pub goroutine_id: &'a dyn Fn() -> Option<i64>,
    pub hit_counts: Option<&'a dyn HitCounts>,
}

/// The steps of a condition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    pub steps: Vec<Step>,
    pub literals: Vec<Vec<u8>>,
    /// The canonical frame address, from SP.
    pub cfa_from_sp: i64,
}

struct Machine<'m> {
    program: &'m Program,
    trap: &'m Trap<'m>,
    stack: [Value<'m>; STACK_MAX],
    n: usize,
}

impl Program {
    pub fn run(&self, trap: &Trap<'_>) -> Result<bool> {
        let stack = [Value::Bool(false); STACK_MAX];
        let mut machine = Machine { program: self, trap, stack, n: 0 };
        let mut at = 0;
        // Jumps go forward only, so this ends.
        while let Some(step) = self.steps.get(at) {
            at = machine.step(step)?.unwrap_or(at + 1);
        }
        match machine.pop()? {
            Value::Bool(value) => Ok(value),
            _ => Err(Error::message(NOT_BOOLEAN)),
        }
    }
}

fn unreadable(fault: Fault) -> Error {
    Error::message(explain(fault))
}

fn broken() -> Error {
    Error::message("the compiled condition does not fit its operands: please report this")
}

impl<'m> Machine<'m> {
    fn push(&mut self, value: Value<'m>) -> Result<()> {
        *self.stack.get_mut(self.n).ok_or_else(broken)? = value;
        self.n += 1;
        Ok(())
    }

    fn pop(&mut self) -> Result<Value<'m>> {
        self.n = self.n.checked_sub(1).ok_or_else(broken)?;
        Ok(self.stack[self.n])
    }

    fn pop_int(&mut self) -> Result<i128> {
        match self.pop()? {
            Value::Int(n) => Ok(n),
            _ => Err(broken()),
        }
    }

    fn pop_addr(&mut self) -> Result<Addr> {
        // Addresses are pushed as the 64 bits that they are.
        u64::try_from(self.pop_int()?).map(Addr).map_err(|_| broken())
    }

    fn push_addr(&mut self, addr: Addr) -> Result<()> {
        self.push(Value::Int(addr.0.into()))
    }

    fn register(&self, number: u16) -> Result<u64> {
        self.trap.registers.by_dwarf(number).ok_or_else(broken)
    }

    fn word(&self, at: Addr) -> Result<u64> {
        self.trap.memory.read_word(at).map_err(unreadable)
    }

    /// Does one step; `Some` is the step to go on with.
    fn step(&mut self, step: &Step) -> Result<Option<usize>> {
        match step {
            Step::Int(n) => self.push(Value::Int(*n))?,
            Step::Float(x) => self.push(Value::Float(*x))?,
            Step::Bool(b) => self.push(Value::Bool(*b))?,
            Step::Literal(index) => {
                let program = self.program;
                let bytes = program.literals.get(*index).ok_or_else(broken)?;
                self.push(Value::Literal(bytes))?;
            }
            Step::Register { number, number_type } => {
                let bits = self.register(*number)?;
                self.push(number_type.decode(bits))?;
            }
            Step::GoroutineId => {
                // A thread without a goroutine is in none that a condition could mean.
                let id = (self.trap.goroutine_id)().unwrap_or(0);
                self.push(Value::Int(id.into()))?;
            }
            Step::ThreadId => self.push(Value::Int(self.trap.thread_id.into()))?,
            Step::HitCount(id) => {
                let count = self.trap.hit_counts.and_then(|it| it.by_id(*id));
                let count = count.ok_or_else(|| {
                    Error::message(format!("could not find breakpoint {id}"))
                })?;
                self.push(Value::Int(count.into()))?;
            }
            Step::Unary(op, number) => {
                let value = self.pop()?;
                self.push(unary(op, value, *number)?)?;
            }
            Step::Binary(op, number) => {
                let (b, a) = (self.pop()?, self.pop()?);
                let value = self.binary(*op, a, b, *number)?;
                self.push(value)?;
            }
            Step::JumpIf(wanted, to) => match self.pop()? {
                Value::Bool(value) if value == *wanted => {
                    self.push(Value::Bool(value))?;
                    return Ok(Some(*to));
                }
                Value::Bool(_) => {}
                _ => return Err(broken()),
            },
            _ => self.place(step)?,
        }
        Ok(None)
    }

    /// Does a step that finds or reads a place in memory.
    fn place(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::FromCfa(offset) => {
                let cfa = self.trap.registers.sp().offset(self.program.cfa_from_sp);
                self.push_addr(cfa.offset(*offset))
            }
            Step::FromRegister(number, offset) => {
                let base = Addr(self.register(*number)?);
                self.push_addr(base.offset(*offset))
            }
            Step::Fixed(addr) => self.push_addr(*addr),
            Step::Follow { checked } => {
                let at = self.pop_addr()?;
                let word = Addr(self.word(at)?);
                if *checked { self.push_not_nil(word) } else { self.push_addr(word) }
            }
            Step::NotNil => {
                let at = self.pop_addr()?;
                self.push_not_nil(at)
            }
            Step::Offset(offset) => {
                let at = self.pop_addr()?;
                self.push_addr(at.offset(*offset))
            }
            Step::Load(number) => {
                let at = self.pop_addr()?;
                let mut bytes = [0; 8];
                let size = usize::from(number.size());
                self.trap.memory.read(at, &mut bytes[..size]).map_err(unreadable)?;
                self.push(number.decode(u64::from_le_bytes(bytes)))
            }
            Step::Header => {
                let at = self.pop_addr()?;
                let mut bytes = [0; 16];
                self.trap.memory.read(at, &mut bytes).map_err(unreadable)?;
                let whole = u128::from_le_bytes(bytes);
                self.push(Value::Int((whole & u128::from(u64::MAX)).cast_signed()))?;
                self.push(Value::Int((whole >> 64).cast_signed()))
            }
            Step::DropLen => self.pop().map(|_| ()),
            Step::KeepLen => {
                let len = self.pop()?;
                self.pop()?;
                self.push(len)
            }
            Step::Index { stride } => {
                let (index, len) = (self.pop_int()?, self.pop_int()?);
                let base = self.pop_addr()?;
                self.element(base, index, len, *stride)
            }
            Step::IndexArray { stride, len } => {
                let index = self.pop_int()?;
                let base = self.pop_addr()?;
                self.element(base, index, i128::from(*len), *stride)
            }
            Step::MakeString => {
                let len = u64::try_from(self.pop_int()?).map_err(|_| broken())?;
                let base = self.pop_addr()?;
                if len > i64::MAX.cast_unsigned() {
                    return Err(Error::message(format!("invalid length: {len}")));
                }
                self.push(Value::String(base, len))
            }
            _ => Err(broken()),
        }
    }

    fn push_not_nil(&mut self, at: Addr) -> Result<()> {
        if at.0 == 0 {
            return Err(Error::message("nil pointer dereference"));
        }
        self.push_addr(at)
    }

    fn element(&mut self, base: Addr, index: i128, len: i128, stride: u64) -> Result<()> {
        let index = u64::try_from(index).ok().filter(|it| i128::from(*it) < len);
        let Some(index) = index else {
            return Err(Error::message("index out of bounds"));
        };
        if base.0 == 0 {
            return Err(Error::message("nil pointer dereference"));
        }
        self.push_addr(base.offset(stride.wrapping_mul(index).cast_signed()))
    }

    fn binary(
        &self,
        op: Operator,
        a: Value<'m>,
        b: Value<'m>,
        number: Option<Number>,
    ) -> Result<Value<'m>> {
        use std::cmp::Ordering;
        #[expect(
            clippy::cast_precision_loss,
            reason = "constants become floats as in Go"
        )]
        let order = match (a, b) {
            (Value::Int(a), Value::Int(b)) => {
                if !op.is_comparison() {
                    let n = super::arith::integers(op, a, b)?;
                    return Ok(Value::Int(number.map_or(n, |it| it.fit(n))));
                }
                Some(a.cmp(&b))
            }
            (Value::Float(_) | Value::Int(_), Value::Float(_) | Value::Int(_)) => {
                let float = |it: Value<'_>| match it {
                    Value::Float(x) => x,
                    Value::Int(n) => n as f64,
                    _ => f64::NAN,
                };
                if !op.is_comparison() {
                    return super::arith::floats(op, float(a), float(b))
                        .map(Value::Float);
                }
                float(a).partial_cmp(&float(b))
            }
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(&b)),
            _ => {
                if matches!(op, Operator::Eq | Operator::Ne)
                    && text_len(a)? != text_len(b)?
                {
                    return Ok(Value::Bool(op == Operator::Ne));
                }
                Some(self.compare_texts(a, b)?)
            }
        };
        Ok(Value::Bool(match op {
            Operator::Eq => order == Some(Ordering::Equal),
            Operator::Ne => order != Some(Ordering::Equal),
            Operator::Lt => order == Some(Ordering::Less),
            Operator::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Operator::Gt => order == Some(Ordering::Greater),
            Operator::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            _ => return Err(broken()),
        }))
    }

    /// Compares bytes, a piece at a time.
    fn compare_texts(&self, a: Value<'m>, b: Value<'m>) -> Result<std::cmp::Ordering> {
        let (a_len, b_len) = (text_len(a)?, text_len(b)?);
        if a_len.max(b_len) > STRING_LEN_MAX {
            return Err(Error::message("string too long for comparison"));
        }
        let mut at = 0;
        while at < a_len.min(b_len) {
            let len = (a_len.min(b_len) - at).min(CHUNK_LEN as u64);
            let len = usize::try_from(len).unwrap_or(CHUNK_LEN);
            let (mut a_bytes, mut b_bytes) = ([0; CHUNK_LEN], [0; CHUNK_LEN]);
            self.text_part(a, at, &mut a_bytes[..len])?;
            self.text_part(b, at, &mut b_bytes[..len])?;
            let order = a_bytes[..len].cmp(&b_bytes[..len]);
            if order.is_ne() {
                return Ok(order);
            }
            at += len as u64;
        }
        Ok(a_len.cmp(&b_len))
    }

    fn text_part(&self, text: Value<'m>, at: u64, out: &mut [u8]) -> Result<()> {
        match text {
            Value::String(base, _) => {
                let from = base.offset(at.cast_signed());
                self.trap.memory.read(from, out).map_err(unreadable)
            }
            Value::Literal(bytes) => {
                let at = usize::try_from(at).unwrap_or(usize::MAX);
                let part = bytes.get(at..at.saturating_add(out.len()));
                out.copy_from_slice(part.ok_or_else(broken)?);
                Ok(())
            }
            _ => Err(broken()),
        }
    }
}

fn text_len(text: Value<'_>) -> Result<u64> {
    match text {
        Value::String(_, len) => Ok(len),
        Value::Literal(bytes) => Ok(bytes.len() as u64),
        _ => Err(broken()),
    }
}

fn unary<'m>(op: &str, value: Value<'m>, number: Option<Number>) -> Result<Value<'m>> {
    let fit = |n: i128| Value::Int(number.map_or(n, |it| it.fit(n)));
    Ok(match (op, value) {
        ("!", Value::Bool(b)) => Value::Bool(!b),
        ("-", Value::Int(n)) => fit(n.checked_neg().ok_or_else(broken)?),
        ("^", Value::Int(n)) => fit(!n),
        ("+", value @ (Value::Int(_) | Value::Float(_))) => value,
        ("-", Value::Float(x)) => Value::Float(-x),
        _ => return Err(broken()),
    })
}

impl Number {
    pub fn size(self) -> u8 {
        match self {
            Number::Bool => 1,
            Number::Int { size, .. } => size.clamp(1, 8),
            Number::Float32 => 4,
            Number::Float64 => 8,
        }
    }

    fn decode<'m>(self, bits: u64) -> Value<'m> {
        match self {
            Number::Bool => Value::Bool(bits & 0xff != 0),
            Number::Int { .. } => Value::Int(self.fit(bits.into())),
            Number::Float32 => {
                let bits = u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0);
                Value::Float(f32::from_bits(bits).into())
            }
            Number::Float64 => Value::Float(f64::from_bits(bits)),
        }
    }

    /// Cuts an integer to the width of its type.
    fn fit(self, n: i128) -> i128 {
        let Number::Int { size, signed } = self else { return n };
        let unused = 128 - 8 * u32::from(size.clamp(1, 8));
        match signed {
            true => (n << unused) >> unused,
            false => ((n.cast_unsigned() << unused) >> unused).cast_signed(),
        }
    }
}
