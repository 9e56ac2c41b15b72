//! Debugging: what the file says, what the process does, what Go's runtime means by it,
//! what the user asks, and what the user is doing. No JSON, no sockets, no screens.
//!
//! | module       | question it answers            | may use                        |
//! |--------------|--------------------------------|--------------------------------|
//! | [`os`]       | what does the kernel do?       |                                |
//! | [`binary`]   | what does the file say?        |                                |
//! | [`inferior`] | what is the process doing?     | `os`                           |
//! | [`golang`]   | what does Go mean by it?       | `binary`                       |
//! | [`eval`]     | what does the user ask?        | `golang`, `binary`             |
//! | [`session`]  | what is the user doing?        | all of the above               |
//! | [`host`]     | on which thread?               | `session`, `os`                |
//!
//! [`addr`], [`memory`], [`registers`] and [`error`] are the vocabulary of all of them.

pub mod addr;
pub mod memory;
pub mod registers;
pub mod error;
pub mod os;
pub mod binary;
pub mod inferior;
pub mod golang;
pub mod eval;
pub mod session;
pub mod host;
