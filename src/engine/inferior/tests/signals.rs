//! Signals reach the program as they would without us.
use super::*;
