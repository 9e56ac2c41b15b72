//! Where are 100,000 goroutines, in few reads and without a name?

use crate::engine::golang::goroutine::Goroutine;
use crate::engine::golang::{Location, Runtime, Spot};
use crate::engine::memory::Memory;

/// What a list of goroutines says of the stack of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StackSummary {
    /// The innermost frame that is not of the runtime; of the runtime if all are.
    pub user: Spot,
    /// Equal for stacks whose first [`SIGNATURE_FRAMES_MAX`] return addresses are equal.
    pub signature: u64,
}

/// Frames that tell one stack from another.
pub const SIGNATURE_FRAMES_MAX: usize = 32;

impl Runtime {
    /// Summarizes the stacks of goroutines that no thread runs, in their order.
    pub fn summarize(
        &self,
        _mem: &dyn Memory,
        goroutines: &[Goroutine],
    ) -> Vec<StackSummary> {
        goroutines
            .iter()
            .map(|it| StackSummary { user: it.spot(), signature: 0 })
            .collect()
    }

    /// The innermost frame of a goroutine that is not of the runtime.
    pub fn user_location(&self, mem: &dyn Memory, goroutine: &Goroutine) -> Location {
        let found = self.summarize(mem, std::slice::from_ref(goroutine));
        self.locate(found.first().map_or_else(|| goroutine.spot(), |it| it.user))
    }
}
