//! What a user gets, end to end: real Go programs under the real executable, over the wire
//! and on the screen. One program, so that it is linked once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

mod attach;
mod breakpoints;
mod cores;
mod cgo;
mod code;
mod dlv_connect;
mod errors;
mod fuzz;
mod goroutines;
mod line_pty;
mod rpc_compat;
mod screenshots;
mod stacks;
mod stepping;
mod trust;
mod tui_pty;
mod values;
mod versions;
