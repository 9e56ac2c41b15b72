//! What the file says: ELF, Go's line table, DWARF. Bytes in, tables out; no process.
