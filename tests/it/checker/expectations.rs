//! What a test knows of a database's past.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use lmp_billing_sync::simulator::{Exchange, SimulatorHandle};
use serde_json::Value;

use super::reference::{Key, Rules};

/// Whether anything has ever been pruned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pruned {
    /// Nothing may be missing.
    #[default]
    Never,
    /// At some time: what is as old may be missing, and some of it may be there.
    Before,
    /// As the last thing: nothing as old may be left, but for what something kept refers to.
    Just,
}

/// What a test knows of a database's past. The default knows of nothing unusual, and of no ledger.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expectations {
    /// Reports whose rows somebody edited or deleted by hand.
    pub(crate) touched: Vec<Key>,
    /// The last day that was kept by the latest prune, and its beginning.
    pub(crate) cutoff: Option<(NaiveDate, DateTime<Utc>)>,
    pub(crate) pruned: Pruned,
    /// Whether the database's clock was ever set back.
    pub(crate) clock_went_back: bool,
    /// The settings of the polls.
    pub(crate) rules: Rules,
    /// Whether some runs were told to accept withdrawals.
    pub(crate) accepting: bool,
    pub(crate) accounts: BTreeMap<String, String>,
    pub(crate) served: Vec<Exchange>,
    pub(crate) runs: Vec<Value>,
    pub(crate) polls: Vec<Value>,
}

impl Expectations {
    /// Adds everything a simulator has served; `accounts` are access tokens with the names of the accounts.
    /// It must have recorded all, and together with others that are added it must have answered every poll.
    pub(crate) fn served<'a>(
        mut self,
        simulator: &SimulatorHandle,
        accounts: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let accounts = accounts.into_iter().map(|(token, name)| (token.to_owned(), name.to_owned()));
        self.accounts.extend(accounts);
        self.served.extend(simulator.exchanges());
        self
    }

    /// Adds what a `sync --output json` said that it did.
    pub(crate) fn acknowledged(mut self, output: &Value) -> Self {
        let list = |name: &str| output[name].as_array().cloned().unwrap_or_default();
        self.runs.extend(list("runs"));
        self.polls.extend(list("polls"));
        self
    }

    pub(super) fn has_ledger(&self) -> bool {
        !self.accounts.is_empty() || !self.runs.is_empty() || !self.polls.is_empty()
    }
}
