//! What the process is doing: its tracees, memory, breakpoint sites. No symbols.
//!
//! An [`Inferior`] is what is debugged. A [`Core`] is the file that a process left behind.
//! A [`Live`] owns one process. It is made by [`Live::attach`] or [`Live::launch`] on the
//! tracer thread and cannot leave it. While the process is stopped, registers and memory
//! can be read and sites placed; [`Live::run`] lets it go on until its [`Judge`] says
//! stop. Start reading in `live.rs`, then `run.rs`.
//!
//! Every promise about not hurting the process is kept here and nowhere above:
//!
//! - no signal of ours is ever sent to it: it is stopped by `PTRACE_INTERRUPT`;
//! - a stopped tracee has no trap of ours pending, so letting go is always safe;
//! - a site is stepped off without taking it out, so no other thread slips past it;
//! - a thread that has gone (`ESRCH`) never makes a command fail.

mod children;
mod core;
mod dump;
mod emulate;
mod event;
mod halt;
mod harmless;
mod interrupt;
mod judge;
mod launch;
mod leave;
mod live;
mod memory;
mod near;
mod release;
mod remote;
mod run;
mod site;
mod slots;
mod step;
mod tracee;
mod vector;
mod watch;
mod either;

pub use crate::engine::os::ptrace::{Tid, Tracer};
pub use core::{Core, Ending};
pub use dump::{Dump, DumpEnd, Dumped};
pub use either::Inferior;
pub(in crate::engine) use emulate::{Words, emulate};
pub use interrupt::Interrupter;
pub use judge::{Hit, Judge, RunEnd, RunningView, SiteRequest, Verdict};
pub use launch::{LaunchSpec, Stdio};
pub use live::Live;
pub use memory::ProcessMemory;
pub use site::{Owner, SiteInfo};
pub use vector::VectorRegisters;
pub use watch::{WATCHES_MAX, Watch, WatchKind};

#[cfg(test)]
mod tests;
