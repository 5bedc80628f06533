//! What the work of a run needs whatever it does: signs of life while it goes on, and a bound on how long
//! it goes on after the program was told to stop.

mod lease;
mod stop;

pub(crate) use lease::Lease;
pub(crate) use stop::{stopped_for, within_last_call};
