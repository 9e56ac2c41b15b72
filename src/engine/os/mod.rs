//! What the kernel does: ptrace, wait, signals, memory of processes. The only unsafe code.

pub mod cpu;
pub mod map;
pub mod memory;
pub mod process;
pub mod ptrace;
pub mod signal;
pub mod spawn;
pub mod wait;
pub mod watcher;
pub mod terminal;
