//! Answering: one connection after another, one request after another.
