//! Breakpoint sites: addresses where an `int3` has been placed, and for whom.

use crate::engine::addr::Addr;

/// Why a site is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The user's breakpoint of this number.
    User(u32),
    /// A `next`, `step` or `stepout` in progress.
    Step,
    /// The engine watches the runtime here, for example `runtime.fatalthrow`.
    Runtime(u32),
}

/// A site, for those who ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteInfo {
    pub addr: Addr,
    pub owners: Vec<Owner>,
}
