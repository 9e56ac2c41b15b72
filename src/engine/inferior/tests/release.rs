//! Letting go leaves nothing behind.
use super::*;
