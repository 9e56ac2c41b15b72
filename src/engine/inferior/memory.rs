//! The memory of a live process, without our `int3`s.

use crate::engine::addr::Addr;
use crate::engine::memory::{Fault, Memory};

/// The memory of a live process. It may be read from several threads at once, while the
/// process runs as well as while it is stopped.
#[derive(Debug)]
pub struct ProcessMemory {}

impl Memory for ProcessMemory {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), Fault> {
        Err(Fault { addr, len: buf.len() })
    }
}
