//! Clocks that jump, stand still or disagree.
