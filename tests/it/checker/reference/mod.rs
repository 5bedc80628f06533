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

use std::collections::BTreeSet;

use chrono::NaiveDate;

pub(crate) use apply::{Poll, Verdict};
pub(crate) use entry::{Entry, Facts, guid};
pub(crate) use rules::Rules;
pub(crate) use state::{Exact, Key, NotBefore, Reference, Report, Version};

/// What the bytes of an answer hold, entry by entry; `None` if they are no whole list.
pub(crate) fn read(body: &[u8], cycle: NaiveDate, ignored: &BTreeSet<String>) -> Option<Vec<Entry>> {
    Some(answer::entries(body)?.iter().map(|raw| entry::read(raw, cycle, ignored)).collect())
}
