//! One run: the polls of one job for one account, side by side, and what is said and logged of them as a whole.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::domain::{Cycle, Retention};
use crate::lmp::Client;
use crate::run::{keep_alive, within_last_call};
use crate::store::{Job, NewRun, Outcome, PollRow, RunOutcome, RunSummary, Store, StoreError, Trigger};

/// Answers that may wait to be applied while the next are asked for. Small ones are held in memory.
const AHEAD: usize = 2;

/// What holds for every poll, from the settings and the command.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How long reports are kept.
    pub retention: Retention,
    /// The zone in which "today" is.
    pub timezone: Tz,
    /// Share of a cycle's listed reports that may be withdrawn at once.
    pub max_withdrawn_fraction: f64,
    /// How long suspect answers must agree to be believed.
    pub believe_after: Duration,
    /// A person accepts the withdrawals.
    pub accept_withdrawals: bool,
    /// Unknown fields not to keep.
    pub ignore_fields: Arc<BTreeSet<String>>,
    /// Whether an answer identical to the last one need not be read.
    pub trust_digests: bool,
}

impl Rules {
    /// The day at a moment of the database's clock.
    pub fn today(&self, now: DateTime<Utc>) -> NaiveDate {
        now.with_timezone(&self.timezone).date_naive()
    }

    /// What reads answers: another version, or other fields ignored, may read the same bytes differently.
    pub(super) fn read_by(&self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        if self.ignore_fields.is_empty() {
            return version.to_owned();
        }
        let fields: Vec<&str> = self.ignore_fields.iter().map(String::as_str).collect();
        format!("{version} ignoring {fields:?}")
    }
}

/// One account's part in a job.
pub struct AccountSync<'a> {
    /// The database.
    pub store: &'a Store,
    /// The account's client.
    pub client: &'a Client,
    /// The account's name.
    pub account: &'a str,
    /// Requests under way at once.
    pub max_concurrency: usize,
    /// What holds for every poll.
    pub rules: &'a Rules,
    /// Told how long the last exchange of each poll took.
    pub exchanged: &'a (dyn Fn(Duration) + Send + Sync),
}

/// What the polls of one run share.
#[derive(Debug)]
pub(super) struct RunState {
    pub(super) id: i64,
    /// Cancelled when the program is told to stop, or the run is no longer ours.
    pub(super) stop: CancellationToken,
    /// Set when the upstream denied access: it would deny the other requests too.
    pub(super) denied: AtomicBool,
    /// Whether all of the last answer was new, as in an account's first sync: the next one is likely to be, too.
    pub(super) all_new: AtomicBool,
    /// As many as may be asked for at once. Answers that have come are applied meanwhile.
    pub(super) asking: Semaphore,
}

/// A run that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The run.
    pub run: RunSummary,
    /// Its polls, in their order.
    pub polls: Vec<PollRow>,
}

impl AccountSync<'_> {
    /// Polls `cycles` in one run and logs it. `seen` is told of each poll as it ends; `stop` ends the
    /// run early, within ten seconds.
    ///
    /// # Errors
    /// When the database stays out of reach or the run was taken over. Polls that failed are no errors
    /// here: they are in the result.
    pub async fn run(
        &self,
        job: Job,
        trigger: Trigger,
        instance: &str,
        cycles: &[Cycle],
        seen: impl Fn(&PollRow),
        stop: &CancellationToken,
    ) -> Result<Ended, StoreError> {
        // Their connections are opened while the run is started.
        self.store.expect_polls(cycles.len());
        let started = self.store.start_run(NewRun { job, trigger, account: self.account, instance });
        let started = within_last_call(started, stop).await?;
        self.run_claimed(started.id, job, async { Ok(cycles.to_vec()) }, seen, stop).await
    }

    /// The same for a run that has been started, and whose cycles are still to be found out.
    ///
    /// # Errors
    /// As [`AccountSync::run`].
    pub async fn run_claimed(
        &self,
        run_id: i64,
        job: Job,
        cycles: impl Future<Output = Result<Vec<Cycle>, StoreError>>,
        seen: impl Fn(&PollRow),
        stop: &CancellationToken,
    ) -> Result<Ended, StoreError> {
        within_last_call(Box::pin(self.run_to_its_end(run_id, job, cycles, seen, stop)), stop).await
    }

    async fn run_to_its_end(
        &self,
        run_id: i64,
        job: Job,
        cycles: impl Future<Output = Result<Vec<Cycle>, StoreError>>,
        seen: impl Fn(&PollRow),
        stop: &CancellationToken,
    ) -> Result<Ended, StoreError> {
        let run = RunState {
            id: run_id,
            stop: stop.child_token(),
            denied: AtomicBool::new(false),
            all_new: AtomicBool::new(false),
            asking: Semaphore::new(self.max_concurrency),
        };
        let began = Instant::now();
        let polling = async {
            let cycles = tokio::select! {
                cycles = cycles => cycles?,
                () = run.stop.cancelled() => Vec::new(),
            };
            self.store.expect_polls(cycles.len());
            self.poll_all(&run, cycles, seen).await
        };
        let polls = keep_alive(self.store, run.id, &run.stop, polling).await?;
        let (outcome, error) = judge(&polls, run.stop.is_cancelled());
        self.store.finish_run(run.id, outcome, error.as_deref()).await?;
        self.say(job, run.id, outcome, &polls, began.elapsed());
        Ok(Ended { run: RunSummary { run_id: run.id, account: self.account.to_owned(), outcome }, polls })
    }

    async fn poll_all(
        &self,
        run: &RunState,
        cycles: Vec<Cycle>,
        seen: impl Fn(&PollRow),
    ) -> Result<Vec<PollRow>, StoreError> {
        let mut polls: Vec<PollRow> = stream::iter(cycles)
            .map(|cycle| self.poll(run, cycle))
            .buffer_unordered(self.max_concurrency + AHEAD)
            .try_filter_map(|row| {
                if let Some(row) = &row {
                    seen(row);
                }
                async { Ok(row) }
            })
            .try_collect()
            .await?;
        polls.sort_by_key(|row| row.id);
        Ok(polls)
    }

    /// One line for a run, which says all. With nothing new it is for debugging: a quiet log is a healthy one.
    fn say(&self, job: Job, run_id: i64, outcome: RunOutcome, polls: &[PollRow], took: Duration) {
        let sum = |of: fn(&PollRow) -> i32| polls.iter().map(|row| i64::from(of(row))).sum::<i64>();
        let failed = polls.iter().filter(|row| row.outcome.is_failure()).count();
        let tells = sum(|row| row.inserted + row.updated + row.withdrawn + row.quarantined) > 0 || failed > 0;
        let again = if job == Job::Manual {
            "do what their lines say, and type the command again"
        } else {
            "they are tried again by themselves, closed months by the next reconcile; at once by `lmp-billing-sync sync`"
        };
        let aside = if sum(|row| row.quarantined) > 0 {
            "; what was set aside is in lmp_billing.quarantined_reports, with the reason"
        } else {
            ""
        };
        let (job, outcome_name) = (job.as_str(), outcome.as_str());
        // The level has to be known where the line is written.
        macro_rules! line {
            ($level:ident, $($text:tt)+) => {
                tracing::$level!(
                    account = self.account,
                    run.id = run_id,
                    polls = polls.len(),
                    failed,
                    reports = sum(|row| row.reports_seen),
                    inserted = sum(|row| row.inserted),
                    updated = sum(|row| row.updated),
                    withdrawn = sum(|row| row.withdrawn),
                    quarantined = sum(|row| row.quarantined),
                    ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                    $($text)+
                )
            };
        }
        match outcome {
            RunOutcome::Failed | RunOutcome::Partial => {
                line!(warn, "{job} {outcome_name}, {failed} of {} polls failed; {again}{aside}", polls.len());
            }
            RunOutcome::Succeeded if !tells => line!(debug, "{job}: nothing new"),
            _ => line!(info, "{job} {outcome_name}{aside}"),
        }
    }
}

fn judge(polls: &[PollRow], stopped: bool) -> (RunOutcome, Option<String>) {
    let failures: Vec<&PollRow> = polls.iter().filter(|row| row.outcome.is_failure()).collect();
    let error = failures.first().map(|row| {
        let error = row.error.as_deref().unwrap_or_default();
        format!("{} of {} polls; first {}: {error}", failures.len(), polls.len(), row.cycle)
    });
    let interrupted = stopped || polls.iter().any(|row| row.outcome == Outcome::Interrupted);
    let outcome = if interrupted {
        RunOutcome::Interrupted
    } else if failures.is_empty() {
        RunOutcome::Succeeded
    } else if failures.len() == polls.len() {
        RunOutcome::Failed
    } else {
        RunOutcome::Partial
    };
    (outcome, error)
}
