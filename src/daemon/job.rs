//! One claimed run, from its plan to its end.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::http::Metrics;
use crate::clock::Clock;
use crate::config::{Account, Settings};
use crate::domain::Cycle;
use crate::lmp::Limit;
use crate::prune::PruneError;
use crate::run::give_up;
use crate::setup::{SetupError, client, pruning, rules};
use crate::store::{ALL_ACCOUNTS, Job, PollRow, RunOutcome, RunRow, Store, StoreError};
use crate::sync::{AccountSync, Rules, plan};

/// What a run needs.
#[derive(Clone, Debug)]
pub(super) struct ClaimedRun {
    pub(super) store: Store,
    pub(super) settings: Arc<Settings>,
    pub(super) job: Job,
    pub(super) kind: Kind,
    pub(super) run: RunRow,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) stop: CancellationToken,
}

/// What a run is about.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// An account, and what all its runs share.
    Poll(Box<Account>, Arc<Limit>),
    Prune,
}

/// Which run has ended.
#[derive(Debug)]
pub(super) struct EndedRun {
    pub(super) run_id: i64,
    pub(super) account: String,
    pub(super) job: Job,
    pub(super) outcome: RunOutcome,
}

impl ClaimedRun {
    /// Does it. Whatever goes wrong is logged here, and in the run.
    pub(super) async fn run(self) -> EndedRun {
        let (account, result) = match &self.kind {
            Kind::Poll(account, limit) => (account.name.clone(), self.poll(account, limit).await),
            Kind::Prune => (ALL_ACCOUNTS.to_owned(), self.prune().await),
        };
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(error) => self.ended_early(&account, &error).await,
        };
        self.metrics.run(self.job, outcome);
        EndedRun { run_id: self.run.id, account, job: self.job, outcome }
    }

    async fn poll(&self, account: &Account, limit: &Arc<Limit>) -> Result<RunOutcome, SetupError> {
        let limit = Arc::clone(limit);
        let client = client(&self.settings, account, limit, self.settings.sync.max_attempts)?;
        let rules = Rules { trust_digests: self.job == Job::Refresh, ..rules(&self.settings) };
        let exchanged = |took| self.metrics.exchange(&account.name, took);
        let sync = AccountSync {
            store: &self.store,
            client: &client,
            account: &account.name,
            max_concurrency: account.max_concurrency as usize,
            rules: &rules,
            exchanged: &exchanged,
        };
        let seen = |poll: &PollRow| self.metrics.poll(poll);
        let cycles = self.plan(&account.name, &rules);
        let ended = sync.run_claimed(self.run.id, self.job, cycles, seen, &self.stop).await?;
        Ok(ended.run.outcome)
    }

    async fn plan(&self, account: &str, rules: &Rules) -> Result<Vec<Cycle>, StoreError> {
        let today = rules.today(self.run.started_at);
        let window = rules.retention.window(today);
        let unfinished = match self.job {
            Job::Refresh => self.store.unfinished_cycles(account).await?,
            // The others do not ask.
            _ => BTreeSet::new(),
        };
        let cycles = plan(self.job, window, today, &unfinished);
        tracing::debug!(
            account,
            run.id = self.run.id,
            cycles = cycles.len(),
            newest = cycles.first().map(tracing::field::display),
            oldest = cycles.last().map(tracing::field::display),
            "{} polls",
            self.job.as_str()
        );
        Ok(cycles)
    }

    async fn prune(&self) -> Result<RunOutcome, SetupError> {
        let pruning = pruning(&self.settings, &self.store, self.clock.as_ref());
        match pruning.run_claimed(self.run.id, &self.stop).await {
            Ok(pruned) => {
                let reports: i64 = pruned.cycles.iter().map(|cycle| cycle.reports).sum();
                self.metrics.pruned(reports.try_into().unwrap_or_default());
                Ok(pruned.outcome)
            }
            // Logged, and nothing to be done about by this process.
            Err(refused @ PruneError::Refused(_)) => {
                tracing::error!(run.id = self.run.id, "{refused}");
                Ok(RunOutcome::Failed)
            }
            Err(PruneError::Store(error)) => Err(error.into()),
        }
    }

    async fn ended_early(&self, account: &str, error: &SetupError) -> RunOutcome {
        tracing::error!(account, run.id = self.run.id, "{} ended early: {error}", self.job.as_str());
        let taken_over = matches!(error, SetupError::Store(StoreError::RunEnded(_)));
        give_up(&self.store, self.run.id, taken_over || self.stop.is_cancelled(), error).await
    }
}
