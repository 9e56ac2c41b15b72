//! How is a variable or a register changed? What [`EvalScope::set`] asks for is written.
//!
//! [`EvalScope::set`]: crate::engine::eval::EvalScope::set

use crate::engine::error::{Error, Result};
use crate::engine::eval::{RegisterPlace, Write};
use crate::engine::inferior::Live;
use crate::engine::os::ptrace::Tid;
use crate::engine::session::Session;

impl Session {
    /// Forgets what was read at this stop and may have been changed by an assignment.
    pub(super) fn look_again(&mut self, thread: Option<i32>) -> Result<()> {
        self.stop.threads = None;
        self.stop.goroutines = None;
        let selected = self.stop.goroutine.and_then(|it| it.thread);
        if selected.is_none() || selected != thread {
            return Ok(());
        }
        let memory = self.memory()?;
        if let Some(state) = selected.map(|it| self.thread(it)).transpose()?.flatten() {
            let now = self.program.runtime.goroutine_on(&*memory, &state);
            self.stop.goroutine = now.or(self.stop.goroutine);
        }
        Ok(())
    }
}

/// Writes; `thread` is the one that runs the goroutine, if one does.
pub(super) fn write(live: &mut Live, thread: Option<i32>, write: &Write) -> Result<()> {
    match write {
        Write::Memory { addr, bytes } => live.write_memory(*addr, bytes),
        Write::Register { place, bytes } => {
            let gone = || Error::message("the goroutine is on no thread");
            write_register(live, Tid(thread.ok_or_else(gone)?), place, bytes)
        }
    }
}

fn write_register(
    live: &mut Live,
    tid: Tid,
    place: &RegisterPlace,
    bytes: &[u8],
) -> Result<()> {
    let mut registers = live.registers(tid)?;
    let before = registers;
    let is_general = matches!(place, RegisterPlace::General { .. });
    let mut area = if is_general { Vec::new() } else { live.xsave(tid)? };
    if !place.write(bytes, &mut registers, &mut area) {
        return Err(Error::message("this processor has no such register"));
    }
    if registers != before {
        live.set_registers(tid, &registers)?;
    }
    if is_general { Ok(()) } else { live.set_xsave(tid, &area) }
}
