//! What the kernel does: ptrace, wait, signals, memory of processes. The only unsafe code.

pub mod map;
