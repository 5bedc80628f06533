//! Answers that tests put in the place of the world's.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;

use super::lock;
use super::world::SimReport;
use crate::domain::Cycle;

/// What is answered for a cycle instead of the world's reports, whatever the two-year window says.
#[derive(Clone, Debug)]
pub enum Replacement {
    /// These reports, as far as the request's status filter admits them.
    Reports(Vec<SimReport>),
    /// These elements of `reports`: JSON texts, sent as they are and never filtered.
    Entries(Vec<String>),
    /// This body, sent as it is. It counts only for requests that ask for the one cycle.
    Body(Bytes),
}

/// The replacements in force, by access token and cycle.
#[derive(Debug, Default)]
pub(super) struct Replacements(Mutex<HashMap<(String, Cycle), Replacement>>);

impl Replacements {
    pub(super) fn set(&self, access_token: &str, cycle: Cycle, replacement: Replacement) {
        lock(&self.0).insert((access_token.to_owned(), cycle), replacement);
    }

    pub(super) fn remove(&self, access_token: &str, cycle: Cycle) {
        lock(&self.0).remove(&(access_token.to_owned(), cycle));
    }

    pub(super) fn get(&self, access_token: &str, cycle: Cycle) -> Option<Replacement> {
        lock(&self.0).get(&(access_token.to_owned(), cycle)).cloned()
    }
}
