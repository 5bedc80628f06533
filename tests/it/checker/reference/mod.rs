//! What the contract says a poll does, written a second time: small, in memory, without the product.
//!
//! It takes answers as bytes and reads them by itself, because shared types would hide shared mistakes.
//! [`Reference::apply`] is section 2 of the contract, [`Reference::prune`] section 4, both in the order and
//! with the words of the contract. Speed and memory are of no interest here.

mod answer;
mod apply;
mod entry;
mod prune;
mod rules;
mod sight;
mod state;

pub(crate) use apply::{Poll, Verdict};
pub(crate) use entry::Facts;
pub(crate) use rules::Rules;
pub(crate) use state::{Exact, Key, NotBefore, Reference, Report, Version};
