//! Steers a running simulator and tells what it was asked.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::answer::render;
use super::clock::WorldClock;
use super::faults::FaultRule;
use super::ledger::Exchange;
use super::lock;
use super::server::Shared;
use super::world::{SimReport, World};
use crate::domain::Cycle;

/// Controls a running simulator; clones control the same one.
#[derive(Clone, Debug)]
pub struct SimulatorHandle(pub(super) Arc<Shared>);

impl SimulatorHandle {
    /// The world's clock.
    pub fn world_clock(&self) -> &WorldClock {
        &self.0.world_clock
    }

    /// Sets the world's time and stops it there.
    pub fn set_world_time(&self, at: DateTime<Utc>) {
        self.0.world_clock.set(at);
    }

    /// The world of the account with this access token.
    pub fn world(&self, access_token: &str) -> Option<World> {
        self.0.accounts.iter().find(|a| a.access_token == access_token).map(|a| a.world)
    }

    /// From now on answers these reports for a cycle, whatever the request's status filter and the
    /// two years say.
    pub fn replace_reports(
        &self,
        access_token: &str,
        cycle: Cycle,
        reports: impl IntoIterator<Item = SimReport>,
    ) {
        self.replace_entries(
            access_token,
            cycle,
            reports.into_iter().map(|report| render(&report)).collect(),
        );
    }

    /// The same with elements of `reports` that need be none, each a JSON text.
    pub fn replace_entries(&self, access_token: &str, cycle: Cycle, entries: Vec<String>) {
        lock(&self.0.replaced).insert((access_token.to_owned(), cycle), entries);
    }

    /// From now on answers what the world holds again.
    pub fn restore(&self, access_token: &str, cycle: Cycle) {
        lock(&self.0.replaced).remove(&(access_token.to_owned(), cycle));
    }

    /// Switches a fault on, after those that are on already.
    pub fn push_fault(&self, rule: FaultRule) {
        self.0.faults.push(rule);
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.0.faults.clear();
    }

    /// How many faults are on; one-shot faults leave once they have happened.
    pub fn faults(&self) -> usize {
        self.0.faults.count()
    }

    /// The exchanges in the ledger, oldest first.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.0.ledger.exchanges()
    }

    /// Forgets the exchanges so far. Numbers go on.
    pub fn clear_exchanges(&self) {
        self.0.ledger.clear();
    }

    /// How many requests have been received.
    pub fn received(&self) -> u64 {
        *self.0.ledger.received().borrow()
    }

    /// Waits until so many requests have been received since the start.
    pub async fn wait_for_requests(&self, count: u64) {
        // The sender lives as long as this handle, so waiting cannot fail.
        let _ = self.0.ledger.received().wait_for(|received| *received >= count).await;
    }
}
