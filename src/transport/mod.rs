//! Bytes: listening, dialing, pipes within the process, JSON framing.
//!
//! [`stream`] is where bytes come from and go to, [`framing`] cuts them into JSON values,
//! [`envelope`] is what surrounds a request and an answer. Nothing here knows a method.

pub mod stream;
pub mod framing;
pub mod envelope;
