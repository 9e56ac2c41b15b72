//! Threads that come and go, threads that wait, and other programs.
use super::*;
