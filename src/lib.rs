//! tinydbg: a debugger for Go programs on linux/amd64.
//!
//! This page is the map of the source. Read the modules in the order below.
//!
//! | module        | knows about                                | does not know about    |
//! |---------------|--------------------------------------------|------------------------|
//! | [`engine`]    | processes, DWARF, the Go runtime           | JSON, sockets, screens |
//! | [`api`]       | the types and methods of Delve's protocol  | everything else        |
//! | [`transport`] | bytes: pipes, sockets, JSON framing        | what the bytes mean    |
//! | [`service`]   | how the engine answers the protocol        | who asks               |
//! | [`client`]    | how to ask                                 | who answers            |
//! | [`frontend`]  | commands, styled text, themes              | terminals              |
//! | [`line`]      | the line-mode session                      | the engine             |
//! | [`tui`]       | the full-screen terminal                   | the engine             |
//! | [`cli`]       | the command line, and who is to serve it   | what is debugged       |
//! | [`calendar`]  | dates: a leaf that any of them may use     | clocks and time zones  |
//!
//! Two rules hold it together, and `tests/tidy.rs` checks both:
//!
//! - A module uses only the modules that the test lists for it.
//! - A front end reaches the engine through [`client::Client`] alone, so that what
//!   works in this process works across a network.
//!
//! One thread, the tracer, owns the session: see [`engine::host`].

pub mod engine;
pub mod api;
pub mod transport;
pub mod service;
pub mod client;
pub mod frontend;
pub mod line;
pub mod tui;
pub mod cli;
pub mod calendar;
