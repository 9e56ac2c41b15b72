//! What the Go runtime means by it: goroutines, stacks, types behind interfaces.
