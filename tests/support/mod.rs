//! What the end-to-end tests stand on: programs to debug, a debugger to ask, a terminal to
//! look at.
//!
//! [`fixture`] builds Go programs and reads what their comments say should happen;
//! [`server`] starts a headless server, ours or a real Delve; [`wire`] talks to it;
//! [`debugged`] is the three together; [`pty`] runs a program in a terminal and reads its
//! screen; [`process`] looks at a process from outside.
//!
//! `TINYDBG_TEST_PEER=dlv cargo test --test e2e` runs the tests that go over the wire
//! against a real Delve: what they expect is what Delve does.

pub mod corefile;
pub mod debugged;
pub mod dlv;
pub mod fixture;
pub mod process;
pub mod picture;
pub mod pty;
pub mod replay;
pub mod server;
pub mod show;
pub mod stage;
pub mod wire;

use std::time::Duration;

/// How long anything may take before a test gives up: far longer than it does on a machine
/// that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(120);
