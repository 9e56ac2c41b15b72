//! Bytes: listening, dialing, pipes within the process, JSON framing.
