//! What both front ends share: commands, styled text, sources, themes.

pub mod theme;
pub mod highlight;
pub mod fuzzy;
pub mod filter;
pub mod config;
pub mod history;
pub mod kept;
pub mod source;
pub mod text;
pub mod command;
