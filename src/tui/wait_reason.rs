//! What is a goroutine doing? Its status and its wait reason in words.

use std::borrow::Cow;

use crate::api::types::Goroutine;
use crate::frontend::text::wait_reason::wait_reason;

/// What a goroutine is doing: `running`, `IO wait`, `syscall`.
pub fn state_text(minor: u32, it: &Goroutine) -> Cow<'static, str> {
    // A bit of the status says that the collector is scanning its stack.
    const SCAN: u64 = 0x1000;
    if !it.unreadable.is_empty() {
        return Cow::Borrowed("unreadable");
    }
    Cow::Borrowed(match it.status & !SCAN {
        0 => "idle",
        1 => "runnable",
        2 => "running",
        3 => "syscall",
        4 if it.wait_reason == 0 => "waiting",
        4 => return Cow::Owned(wait_reason(minor, it.wait_reason)),
        6 => "dead",
        8 => "copying stack",
        9 => "preempted",
        // Go 1.26: `_Gleaked`, `_Gdeadextra` (a dead one of a thread that C made).
        10 => "leaked",
        11 => "dead",
        _ if it.thread_id != 0 => "running",
        _ => "unknown",
    })
}
