//! What each method does: one function a method, in the order of `spec/rpc.md` §2.
//!
//! | file            | methods about                                             |
//! |-----------------|-----------------------------------------------------------|
//! | [`server`]      | the server and its clients; no engine needed              |
//! | [`run`]         | running, stopping, leaving                                |
//! | [`breakpoints`] | breakpoints                                               |
//! | [`dump`]        | core dumps                                                |
//! | [`inspect`]     | what a stopped program holds                              |
//! | [`program`]     | what the binary says, whether the program runs or not     |

pub mod server;
pub mod run;
pub mod breakpoints;
pub mod dump;
pub mod inspect;
pub mod program;

use regex::Regex;

use crate::engine::error::{Error, Result};

/// A size above which no pattern is compiled; Go's own limit is of this order.
const PATTERN_SIZE_MAX: usize = 4 << 20;

/// Compiles a filter that a client sent. Go's RE2 syntax and ours agree on what people
/// write; both are matched in linear time.
pub fn filter(pattern: &str, context: &str) -> Result<Regex> {
    regex::RegexBuilder::new(pattern).size_limit(PATTERN_SIZE_MAX).build().map_err(
        |err| {
            let why =
                err.to_string().lines().last().unwrap_or_default().trim().to_owned();
            Error::message(format!("{context}error parsing regexp: {why}"))
        },
    )
}
