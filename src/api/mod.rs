//! Delve's wire types, as plain data: what a request carries and what an answer holds.
//!
//! Nothing here knows who asks or who answers. Names and spellings on the wire are those
//! of Delve's JSON-RPC API v2 (`service/api`, `service/rpc2`); inside they are ours.

pub mod types;
pub mod methods;
pub mod lenient;
pub mod base64;
