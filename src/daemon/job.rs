//! One claimed run, from its plan to its end.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::http::Metrics;
use super::slot::ALL_ACCOUNTS;
use crate::clock::Clock;
use crate::config::{Account, Settings};
use crate::domain::Cycle;
use crate::lmp::Limit;
use crate::prune::{MAX_BATCH, PATIENCE, PruneError, Pruning};
use crate::setup::{SetupError, client, rules};
use crate::store::{Job, PollRow, RunOutcome, Store, StoreError};
use crate::sync::{AccountSync, Rules, plan};

/// What a run needs.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) store: Store,
    pub(super) settings: Arc<Settings>,
    pub(super) job: Job,
    pub(super) account: String,
    pub(super) run_id: i64,
    /// Shared by all runs of the account.
    pub(super) limit: Option<Arc<Limit>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) stop: CancellationToken,
}

/// How a run ended, as far as the ticker has to know.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) account: String,
    pub(super) job: Job,
}

impl Work {
    /// Does it. Whatever goes wrong is logged here, and in the run.
    pub(super) async fn run(self) -> Done {
        let result = if self.account == ALL_ACCOUNTS { self.prune().await } else { self.poll().await };
        if let Err(error) = result {
            let job = self.job.as_str();
            self.metrics.run(self.job, RunOutcome::Failed);
            tracing::error!(account = self.account, run.id = self.run_id, "{job} ended early: {error}");
            if !matches!(error, SetupError::Store(StoreError::RunEnded(_))) {
                self.fail(&error).await;
            }
        }
        Done { account: self.account, job: self.job }
    }

    async fn poll(&self) -> Result<(), SetupError> {
        let Some((account, limit)) = self.account().zip(self.limit.clone()) else {
            return Err(SetupError::Unusable(format!(
                "the account {} is no longer in the settings",
                self.account
            )));
        };
        let client = client(&self.settings, account, limit, self.settings.sync.max_attempts)?;
        let rules = Rules { trust_digests: self.job == Job::Refresh, ..rules(&self.settings) };
        let started_at = self.store.now().await?;
        let cycles = self.plan(&rules, started_at).await?;
        let exchanged = |took| self.metrics.exchange(&account.name, took);
        let sync = AccountSync {
            store: &self.store,
            client: &client,
            account: &account.name,
            max_concurrency: account.max_concurrency as usize,
            rules: &rules,
            started_at,
            exchanged: &exchanged,
        };
        let seen = |poll: &PollRow| self.metrics.poll(poll);
        let ended = sync.run_started(self.run_id, self.job, &cycles, seen, &self.stop).await?;
        self.metrics.run(self.job, ended.run.outcome);
        Ok(())
    }

    fn account(&self) -> Option<&Account> {
        self.settings.accounts.iter().find(|account| account.name == self.account)
    }

    async fn plan(
        &self,
        rules: &Rules,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<Vec<Cycle>, StoreError> {
        let today = rules.today(now);
        let window = rules.retention.window(today);
        let unfinished = self.store.unfinished_cycles(&self.account).await?;
        let cycles = plan(self.job, window, today, &unfinished);
        tracing::debug!(
            account = self.account,
            run.id = self.run_id,
            cycles = cycles.len(),
            newest = cycles.first().map(tracing::field::display),
            oldest = cycles.last().map(tracing::field::display),
            "{} polls",
            self.job.as_str()
        );
        Ok(cycles)
    }

    async fn prune(&self) -> Result<(), SetupError> {
        let pruning = Pruning {
            store: &self.store,
            clock: self.clock.as_ref(),
            retention: self.settings.retention.rule(),
            timezone: self.settings.schedule.timezone,
            max_fraction: self.settings.retention.max_prune_fraction,
            force: false,
            max_batch: MAX_BATCH,
            patience: PATIENCE,
        };
        match pruning.run_as(self.run_id, &self.stop).await {
            Ok(pruned) => {
                let reports: i64 = pruned.cycles.iter().map(|cycle| cycle.reports).sum();
                self.metrics.pruned(reports.try_into().unwrap_or_default());
                self.metrics.run(self.job, pruned.outcome);
                Ok(())
            }
            // Logged, and nothing to be done about by this process.
            Err(PruneError::Refused(refusal)) => {
                self.metrics.run(self.job, RunOutcome::Failed);
                tracing::error!(
                    run.id = self.run_id,
                    "the prune was refused, nothing has been deleted: {refusal}"
                );
                Ok(())
            }
            Err(PruneError::Store(error)) => Err(error.into()),
        }
    }

    /// The run must not look alive until its lease has run out.
    async fn fail(&self, error: &SetupError) {
        let outcome = if self.stop.is_cancelled() { RunOutcome::Interrupted } else { RunOutcome::Failed };
        if let Err(again) = self.store.finish_run(self.run_id, outcome, Some(&error.to_string())).await {
            tracing::warn!(run.id = self.run_id, "could not log the end of the run: {again}");
        }
    }
}
