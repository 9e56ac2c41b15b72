//! Line mode: read a command, run it, print.
