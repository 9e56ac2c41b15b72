//! A runtime in memory that makes no sense: goroutines, stacks, deferred calls, labels.

use tinydbg::engine::addr::Addr;
use tinydbg::engine::golang::{UnwindFrom, UnwindLimits};
use tinydbg::engine::memory::Memory;

use super::frozen::{Damaged, Frozen, NEW, damage};
use super::{Dice, rounds};

const ROUNDS: u64 = 150;
/// Frames that are asked for.
const DEPTH: usize = 100;

pub fn ask_everything(frozen: &Frozen, memory: &Damaged<'_>) {
    let runtime = &frozen.runtime;
    let Ok(table) = runtime.goroutines(memory, &[]) else { return };
    for goroutine in table.iter().take(16) {
        let limits = UnwindLimits::frames(DEPTH);
        for from in [UnwindFrom::Saved(goroutine), UnwindFrom::Parked(goroutine)] {
            let stack = runtime.unwind(memory, &from, limits);
            assert!(stack.frames.len() <= DEPTH + 64, "{} frames", stack.frames.len());
            let defers = runtime.defers(memory, goroutine);
            for frame in stack.frames.iter().take(20) {
                let _ = runtime.defers_of(memory, frame, &defers);
            }
        }
        let _ = runtime.panics(memory, goroutine);
    }
}

/// The words of the goroutines, of their stacks, and of what leads to them.
pub fn words_of(frozen: &Frozen) -> Vec<u64> {
    let intact = frozen.intact();
    let table = frozen.runtime.goroutines(&intact, &[]).unwrap();
    let mut words = Vec::new();
    for goroutine in table.iter() {
        words.extend((0..60).map(|n| goroutine.addr.0 + 8 * n));
        let limits = UnwindLimits::frames(DEPTH);
        let from = UnwindFrom::Saved(goroutine);
        for frame in frozen.runtime.unwind(&intact, &from, limits).frames {
            words.extend((0..4).map(|n| frame.cfa.0.wrapping_sub(8 * n + 8)));
        }
    }
    if let Some(allgs) = frozen.runtime.image().binary.symbol("runtime.allgs") {
        words.extend((0..3).map(|n| allgs.addr.0 + 8 * n));
        let list = intact.read_word(Addr(allgs.addr.0)).unwrap();
        words.extend((0..table.len() as u64).map(|n| list + 8 * n));
    }
    words.retain(|at| intact.read_word(Addr(*at)).is_ok());
    words
}

#[test]
fn a_damaged_runtime_is_answered() {
    let frozen = Frozen::of(NEW);
    let words = words_of(&frozen);
    assert!(words.len() > 100, "{} words to damage", words.len());
    for round in 0..rounds(ROUNDS) {
        println!("round {round}");
        let damaged = damage(&frozen, &words, &mut Dice::new(round + 1));
        ask_everything(&frozen, &damaged);
    }
}
