//! What the process and its host can suffer.

mod soak;
