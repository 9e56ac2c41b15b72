//! Watchpoints: the four debug registers of each thread (Intel SDM vol. 3, §19.2).
//!
//! Debug registers belong to a thread and are not inherited, so each thread gets them
//! before it is resumed for the first time after a change.

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::inferior::event::Flow;
use crate::engine::inferior::judge::Judge;
use crate::engine::inferior::live::Live;
use crate::engine::os::ptrace::{self, Tid};
use std::io;

/// How many watchpoints the processor has.
pub const WATCHES_MAX: usize = 4;

/// What a watchpoint stops for. The processor knows no "reads only".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchKind {
    Write,
    ReadWrite,
}

/// A piece of memory to be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// A multiple of `len`.
    pub addr: Addr,
    /// 1, 2, 4 or 8.
    pub len: u8,
    pub kind: WatchKind,
}

#[derive(Debug, Default)]
pub(super) struct Watches {
    slots: [Option<Watch>; WATCHES_MAX],
    /// Grows with each change; 0 while there was none.
    generation: u64,
}

const DR6: usize = 6;
const DR7: usize = 7;

impl Watches {
    fn control(&self) -> u64 {
        (0..)
            .zip(self.slots)
            .filter_map(|(index, it)| Some(control_bits(index, &it?)))
            .fold(0, |all, it| all | it)
    }
}

/// The bits of DR7 for one watchpoint: its local enable, what it stops for, its length.
fn control_bits(index: u32, watch: &Watch) -> u64 {
    let kind = match watch.kind {
        WatchKind::Write => 0b01,
        WatchKind::ReadWrite => 0b11,
    };
    let len = match watch.len {
        1 => 0b00,
        2 => 0b01,
        4 => 0b11,
        _ => 0b10,
    };
    (1 << (2 * index)) | ((kind | len << 2) << (16 + 4 * index))
}

impl Live {
    /// Watches a piece of memory in all threads, now and to come; returns the number by
    /// which a stop will tell of it. Only while the process is stopped.
    pub fn set_watch(&mut self, watch: Watch) -> Result<usize> {
        self.check_alive()?;
        let aligned = matches!(watch.len, 1 | 2 | 4 | 8)
            && watch.addr.0.is_multiple_of(u64::from(watch.len));
        if !aligned {
            return Err(Error::message(format!(
                "cannot watch {} bytes at {}: the processor watches 1, 2, 4 or 8 bytes \
                 at a multiple of their size",
                watch.len, watch.addr
            )));
        }
        let Some(index) = self.watches.slots.iter().position(Option::is_none) else {
            return Err(Error::message(
                "all 4 hardware watchpoints are in use; clear one first",
            ));
        };
        self.watches.slots[index] = Some(watch);
        self.watches.generation += 1;
        Ok(index)
    }

    pub fn clear_watch(&mut self, index: usize) {
        if let Some(slot) = self.watches.slots.get_mut(index) {
            *slot = None;
            self.watches.generation += 1;
        }
    }

    /// Sets the debug registers of a stopped thread as the watchpoints want them.
    pub(super) fn write_watches(&mut self, tid: Tid) -> io::Result<()> {
        let Some(tracee) = self.tracees.get_mut(&tid.0) else { return Ok(()) };
        if tracee.watches == self.watches.generation {
            return Ok(());
        }
        tracee.watches = self.watches.generation;
        // Off first: the kernel checks each address against the control bits.
        ptrace::set_debug_register(&self.tracer, tid, DR7, 0)?;
        for (index, watch) in self.watches.slots.iter().enumerate() {
            if let Some(watch) = watch {
                ptrace::set_debug_register(&self.tracer, tid, index, watch.addr.0)?;
            }
        }
        ptrace::set_debug_register(&self.tracer, tid, DR7, self.watches.control())
    }

    /// Takes the debug registers back from a thread that is let go.
    pub(super) fn clear_watches(&mut self, tid: Tid) {
        let set = self.tracees.get(&tid.0).is_some_and(|it| it.watches != 0);
        if set {
            let _ = ptrace::set_debug_register(&self.tracer, tid, DR7, 0);
        }
    }

    /// A trap of a debug register: the access has been made.
    pub(super) fn take_watch(&mut self, tid: Tid, judge: &mut dyn Judge) -> Flow {
        let which = ptrace::debug_register(&self.tracer, tid, DR6).unwrap_or(0);
        // The processor never clears it.
        let _ = ptrace::set_debug_register(&self.tracer, tid, DR6, 0);
        let index = (0..WATCHES_MAX)
            .find(|it| which & (1 << it) != 0 && self.watches.slots[*it].is_some());
        let Ok(registers) = self.fetch(tid) else { return Flow::Go };
        match index {
            Some(index) => self.judge_trap(tid, registers.rip, Some(index), judge),
            // Of a watchpoint that has been cleared meanwhile.
            None => Flow::Go,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_bits_as_the_manual_lays_them_out() {
        let watch = |len, kind| Watch { addr: Addr(0x1000), len, kind };
        let cases = [
            (0, watch(8, WatchKind::Write), 0b1001 << 16 | 1),
            (1, watch(4, WatchKind::ReadWrite), 0b1111 << 20 | 1 << 2),
            (3, watch(1, WatchKind::Write), 0b0001 << 28 | 1 << 6),
        ];
        for (index, watch, bits) in cases {
            assert_eq!(control_bits(index, &watch), bits, "{index} {watch:?}");
        }
    }
}
