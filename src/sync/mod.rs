//! Polls: asks the upstream, reads what it answers, and has it applied.
//!
//! This is where [`crate::lmp`] and [`crate::store`] meet; neither knows the other. Here are no SQL, no HTTP and no
//! settings: what holds for a poll, the caller says ([`Rules`]).

mod entries;
mod plan;
mod poll;
mod run;

pub use entries::AnswerEntries;
pub use plan::{OutsideWindow, manual, plan};
pub use run::{AccountSync, Ended, Rules};
