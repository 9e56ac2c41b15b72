//! What both front ends share: commands, styled text, sources, themes.
