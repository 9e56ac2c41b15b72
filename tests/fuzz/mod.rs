//! Can anything that somebody else wrote make us panic, go on for ever, or fill memory?
//!
//! Each module damages one thing that is read: the memory of a program, the text of an
//! expression, what comes in at the port. What is damaged, and how, comes from a number,
//! so that a failure can be had again: the message names it. The files that a program
//! comes in are damaged beside the code that reads them (`engine/binary/tests/damage.rs`).
//!
//! `TINYDBG_FUZZ=20 cargo test --test e2e fuzz::` tries twenty times as much.

mod claims;
mod expressions;
mod frozen;
mod requests;
mod runtime;
mod values;

/// Numbers that look random and are the same every time (xorshift64*).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Less than `n`, which is not zero.
    pub fn below(&mut self, n: usize) -> usize {
        (self.number() >> 16) as usize % n
    }

    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// How often to try: `rounds`, or as many times that as the environment says.
pub fn rounds(rounds: u64) -> u64 {
    let more = std::env::var("TINYDBG_FUZZ").ok().and_then(|it| it.parse().ok());
    rounds * more.unwrap_or(1_u64)
}
