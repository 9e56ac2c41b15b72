//! What the user asks: expressions, and values loaded as far as wanted.
