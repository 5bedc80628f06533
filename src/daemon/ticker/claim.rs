//! One look at all jobs: what is due is claimed in the ledger, and started where it is ours.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::Ticker;
use crate::daemon::job::{ClaimedRun, Kind};
use crate::daemon::slot::LOOK_AGAIN;
use crate::store::{Claim, Job, RunRow, StoreError, Tick, Trigger};

/// When to look again at a job that another process is just claiming.
const BUSY: TimeDelta = TimeDelta::seconds(1);

impl Ticker {
    /// Claims and starts everything that is due. Returns when to look again.
    pub(super) async fn look(&mut self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.look_at_first_syncs().await?;
        for index in 0..self.slots.len() {
            if self.orders.stop.is_cancelled() {
                break;
            }
            self.look_at(index).await?;
        }
        let now = self.clock.now();
        let ticks = self.slots.iter().filter_map(|slot| slot.next(now));
        Ok(ticks.chain(self.first_syncs.next()).min())
    }

    async fn look_at_first_syncs(&mut self) -> Result<(), StoreError> {
        for account in self.first_syncs.due(self.clock.now()) {
            self.store.interrupt_dead_runs().await?;
            let stands = self.store.first_sync(&account).await?;
            let claimed =
                self.first_syncs.is_wanted(&account, stands) && self.claim_first_sync(&account).await?;
            self.first_syncs.looked(&account, stands, claimed, self.clock.now());
        }
        Ok(())
    }

    /// Whether it is ours.
    async fn claim_first_sync(&mut self, account: &str) -> Result<bool, StoreError> {
        let tick = Tick { account, job: Job::Reconcile, due_at: None, trigger: Trigger::Startup };
        let Claim::Ours(run) = self.store.claim(tick, &self.instance).await? else { return Ok(false) };
        if !self.under_way.contains(&run.id) {
            tracing::info!(account, run.id = run.id, "first sync: the whole window");
            self.start(account, Job::Reconcile, run);
        }
        Ok(true)
    }

    async fn look_at(&mut self, index: usize) -> Result<(), StoreError> {
        let now = self.clock.now();
        let slot = &self.slots[index];
        let is_unread = slot.is_unread(now);
        if !is_unread && slot.due(now).is_none() {
            return Ok(());
        }
        self.store.interrupt_dead_runs().await?;
        if is_unread {
            let state = self.store.tick_state(&slot.account, slot.job).await?;
            let slot = &mut self.slots[index];
            (slot.counts_from, slot.interrupted) = (Some(state.counts_from), state.interrupted);
            slot.look_again = state.running.then(|| now + LOOK_AGAIN);
        }
        match self.slots[index].due(now) {
            Some(due_at) => self.claim(index, due_at).await,
            None => Ok(()),
        }
    }

    /// Claims a tick, and starts its run if it is ours. Should the database fail meanwhile, the next look claims it
    /// again, and is told that it is ours if it is.
    async fn claim(&mut self, index: usize, due_at: DateTime<Utc>) -> Result<(), StoreError> {
        let trigger = if due_at < self.awake_since { Trigger::CatchUp } else { Trigger::Schedule };
        let slot = &self.slots[index];
        let tick = Tick { account: &slot.account, job: slot.job, due_at: Some(due_at), trigger };
        let claim = self.store.claim(tick, &self.instance).await?;
        let now = self.clock.now();
        let slot = &mut self.slots[index];
        let (account, job) = (slot.account.clone(), slot.job);
        match claim {
            Claim::Ours(run) => {
                slot.settle(due_at, None);
                tracing::debug!(account, run.id = run.id, %due_at, "claimed a tick of {}", job.as_str());
                self.start(&account, job, run);
            }
            Claim::Skipped => {
                slot.settle(due_at, None);
                tracing::warn!(account, %due_at, "{} is still running; this tick is skipped", job.as_str());
            }
            // Whoever has it may die; then somebody has to take it over.
            Claim::Taken => slot.settle(due_at, Some(now + LOOK_AGAIN)),
            Claim::Busy => slot.not_before = Some(now + BUSY),
            Claim::NotYet(wait) => slot.not_before = Some(now + wait),
        }
        Ok(())
    }

    fn start(&mut self, account: &str, job: Job, run: RunRow) {
        let known = self.settings.accounts.iter().find(|known| known.name == account);
        let kind = match (job, known.zip(self.limits.get(account))) {
            (Job::Prune, _) => Kind::Prune,
            (_, Some((account, limit))) => Kind::Poll(Box::new(account.clone()), Arc::clone(limit)),
            // Accounts, limits and slots are made from the same settings.
            (_, None) => return tracing::error!(account, "no such account; please report this as a bug"),
        };
        // A clock that was set back makes us claim once more what we are at.
        if !self.under_way.insert(run.id) {
            return;
        }
        let work = ClaimedRun {
            store: self.store.clone(),
            settings: Arc::clone(&self.settings),
            job,
            kind,
            run,
            clock: Arc::clone(&self.clock),
            metrics: Arc::clone(&self.metrics),
            stop: self.orders.stop.clone(),
        };
        self.runs.spawn(work.run());
    }
}
