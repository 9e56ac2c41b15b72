//! The tracer thread: the one thread that owns the session.
