//! Full screen: the loop, the terminal, the panes.
