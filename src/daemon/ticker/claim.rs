//! One look at all jobs: what is due is claimed in the ledger, and started where it is ours.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::Ticker;
use crate::daemon::job::{What, Work};
use crate::daemon::slot::LOOK_AGAIN;
use crate::schedule::{self, Why};
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
        if slot.counts_from.is_none() || slot.look_again.is_some_and(|at| at <= now) {
            self.read_ledger(index, now).await?;
        }
        let slot = &self.slots[index];
        let Some(counts_from) = slot.counts_from else { return Ok(()) };
        if slot.not_before.is_some_and(|at| at > now) {
            return Ok(());
        }
        let Some(due) = schedule::due(&slot.schedule, counts_from, now, self.awake_since) else {
            return Ok(());
        };
        let trigger = match due.why {
            Why::Schedule => Trigger::Schedule,
            Why::CatchUp => Trigger::CatchUp,
        };
        self.store.interrupt_dead_runs().await?;
        self.claim(index, due.due_at, trigger).await
    }

    /// Reads where a job stands, and takes up its newest tick if that was interrupted.
    async fn read_ledger(&mut self, index: usize, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.store.interrupt_dead_runs().await?;
        let slot = &self.slots[index];
        let state = self.store.tick_state(&slot.account, slot.job).await?;
        let slot = &mut self.slots[index];
        slot.counts_from = Some(state.counts_from);
        slot.look_again = state.running.then(|| now + LOOK_AGAIN);
        if let Some(due_at) = state.interrupted {
            let trigger = if due_at < self.awake_since { Trigger::CatchUp } else { Trigger::Schedule };
            // A newer tick that is due already takes its place.
            if schedule::due(&slot.schedule, state.counts_from, now, self.awake_since).is_none() {
                // Until it is settled: should the database fail now, the tick must not be forgotten.
                slot.look_again = Some(now + BUSY);
                self.claim(index, due_at, trigger).await?;
            }
        }
        Ok(())
    }

    async fn claim(
        &mut self,
        index: usize,
        due_at: DateTime<Utc>,
        trigger: Trigger,
    ) -> Result<(), StoreError> {
        let slot = &self.slots[index];
        let tick = Tick { account: &slot.account, job: slot.job, due_at: Some(due_at), trigger };
        let claim = self.store.claim(tick, &self.instance).await?;
        let now = self.clock.now();
        let slot = &mut self.slots[index];
        let (account, job) = (slot.account.clone(), slot.job);
        match claim {
            Claim::Ours(run) => {
                (slot.counts_from, slot.look_again) = (Some(due_at), None);
                tracing::debug!(account, run.id = run.id, %due_at, "claimed a tick of {}", job.as_str());
                self.start(&account, job, run);
            }
            Claim::Skipped => {
                (slot.counts_from, slot.look_again) = (Some(due_at), None);
                tracing::warn!(account, %due_at, "{} is still running; this tick is skipped", job.as_str());
            }
            Claim::Taken => {
                // Whoever has it may die; then somebody has to take it over.
                (slot.counts_from, slot.look_again) = (Some(due_at), Some(now + LOOK_AGAIN));
            }
            Claim::Busy => slot.not_before = Some(now + BUSY),
            Claim::NotYet(wait) => slot.not_before = Some(now + wait),
        }
        Ok(())
    }

    fn start(&mut self, account: &str, job: Job, run: RunRow) {
        let known = self.settings.accounts.iter().find(|known| known.name == account);
        let what = match (job, known.zip(self.limits.get(account))) {
            (Job::Prune, _) => What::Prune,
            (_, Some((account, limit))) => What::Poll(Box::new(account.clone()), Arc::clone(limit)),
            // Accounts, limits and slots are made from the same settings.
            (_, None) => return tracing::error!(account, "no such account; please report this as a bug"),
        };
        // A clock that was set back makes us claim once more what we are at.
        if !self.under_way.insert(run.id) {
            return;
        }
        let work = Work {
            store: self.store.clone(),
            settings: Arc::clone(&self.settings),
            job,
            what,
            run,
            clock: Arc::clone(&self.clock),
            metrics: Arc::clone(&self.metrics),
            stop: self.orders.stop.clone(),
        };
        self.runs.spawn(work.run());
    }
}
