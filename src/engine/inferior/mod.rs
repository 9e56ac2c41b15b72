//! What the process is doing: its tracees, memory, breakpoint sites. No symbols.
