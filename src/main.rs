//! The command line: what was asked for, carried out, and the exit status.

fn main() {}
