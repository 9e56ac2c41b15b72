//! What the user is doing: breakpoints, steps, selection.
