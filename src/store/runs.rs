//! Runs: who works on what, and whether they are still alive.
//!
//! A run is `running` from its insertion until its process ends it. The process gives signs of life
//! (the lease); without one for two minutes anybody may mark the run `interrupted`. Every transaction
//! of a poll first locks its run's row and stops unless it is still `running`, so a process that was
//! frozen and taken for dead never writes late.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, Row as _};

use super::retry::within;
use super::{Store, StoreError};

/// The account that a prune runs under: it serves all of them.
pub const ALL_ACCOUNTS: &str = "*";

const MARKING: &str = "marking dead runs";

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// The cycle that has just ended and the current one.
    Discover,
    /// Every open cycle.
    Refresh,
    /// Every cycle, trusting no shortcut.
    Reconcile,
    /// Deletes what is past retention.
    Prune,
    /// Started by a person.
    Manual,
}

impl Job {
    /// The jobs that have a schedule.
    pub const SCHEDULED: [Self; 4] = [Self::Discover, Self::Refresh, Self::Reconcile, Self::Prune];

    /// Every scheduled job of some accounts, each with its account; a prune is for all of them.
    pub fn scheduled_of<'a>(accounts: impl Iterator<Item = &'a str>) -> impl Iterator<Item = (String, Self)> {
        let polling = |account: &str| {
            [Self::Refresh, Self::Discover, Self::Reconcile].map(|job| (account.to_owned(), job))
        };
        accounts.flat_map(polling).chain([(ALL_ACCOUNTS.to_owned(), Self::Prune)])
    }

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Discover => "discover",
            Self::Refresh => "refresh",
            Self::Reconcile => "reconcile",
            Self::Prune => "prune",
            Self::Manual => "manual",
        }
    }
}

/// Why a run runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Its tick came.
    Schedule,
    /// Its tick was missed.
    CatchUp,
    /// The account's first.
    Startup,
    /// A person.
    Cli,
}

impl Trigger {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::CatchUp => "catch_up",
            Self::Startup => "startup",
            Self::Cli => "cli",
        }
    }
}

/// A run to be started.
#[derive(Clone, Copy, Debug)]
pub struct NewRun<'a> {
    /// What it does.
    pub job: Job,
    /// Why.
    pub trigger: Trigger,
    /// For which account; `*` for all.
    pub account: &'a str,
    /// Which process does it.
    pub instance: &'a str,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// No poll failed or was suspect.
    Succeeded,
    /// Some did.
    Partial,
    /// All did.
    Failed,
    /// Stopped before its end.
    Interrupted,
}

impl RunOutcome {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// A run as it began.
#[derive(Clone, Copy, Debug)]
pub struct RunRow {
    /// Its number.
    pub id: i64,
    /// When it began, by the database's clock.
    pub started_at: DateTime<Utc>,
}

/// A run at its end.
#[derive(Clone, Debug, Serialize)]
pub struct RunSummary {
    /// Its number.
    pub run_id: i64,
    /// The account it ran for.
    pub account: String,
    /// How it ended.
    pub outcome: RunOutcome,
}

impl Store {
    /// Marks runs without a sign of life as interrupted, and starts a new one.
    ///
    /// # Errors
    /// When the database stays out of reach.
    pub async fn start_run(&self, run: NewRun<'_>) -> Result<RunRow, StoreError> {
        let doing = "starting a run";
        // Its number is drawn first: when only the answer to a commit was lost, the run is found by it. And by
        // itself: a server that crashes would draw it once more.
        let number = "select nextval(pg_get_serial_sequence('lmp_billing.sync_runs', 'id'))";
        let id: i64 = self
            .with_retries(doing, self.limits.small, || async {
                self.ask(number, doing).await?.try_get(0).map_err(StoreError::doing(doing))
            })
            .await?;
        self.with_retries(doing, self.limits.small, || async {
            let mut tx = self.begin_soon().await?;
            interrupt_dead(&mut tx).await?;
            let started = insert(&mut tx, Some(id), run).await?;
            tx.commit().await?;
            Ok(started)
        })
        .await
    }

    /// Gives a sign of life.
    ///
    /// # Errors
    /// [`StoreError::RunEnded`] when it came too late, or when the database is out of reach.
    pub async fn renew_lease(&self, run_id: i64) -> Result<(), StoreError> {
        let doing = "renewing a run's lease";
        let renewed = within(doing, self.limits.small, async {
            let mut tx = self.begin_control().await?;
            let renewed = sqlx::query!(
                "update lmp_billing.sync_runs set lease_renewed_at = clock_timestamp()
                 where id = $1 and outcome = 'running'",
                run_id
            )
            .execute(&mut *tx)
            .await
            .map_err(StoreError::doing(doing))?;
            tx.commit().await?;
            Ok(renewed)
        })
        .await?;
        if renewed.rows_affected() == 0 { Err(StoreError::RunEnded(run_id)) } else { Ok(()) }
    }

    /// Marks runs whose processes gave no sign of life for two minutes as interrupted; returns how many.
    ///
    /// # Errors
    /// When the database stays out of reach.
    pub async fn interrupt_dead_runs(&self) -> Result<u64, StoreError> {
        self.with_retries(MARKING, self.limits.small, || async {
            let mut tx = self.begin_soon().await?;
            let dead = interrupt_dead(&mut tx).await?;
            tx.commit().await?;
            Ok(dead)
        })
        .await
    }

    /// Ends a run, adding up its polls. A run that is not running any more stays as it is.
    ///
    /// # Errors
    /// When the database stays out of reach.
    pub async fn finish_run(
        &self,
        run_id: i64,
        outcome: RunOutcome,
        error: Option<&str>,
    ) -> Result<(), StoreError> {
        self.with_retries("ending a run", self.limits.small, || async {
            let mut tx = self.begin_soon().await?;
            // Waits for polls at work, which are then added up with the others.
            sqlx::query_scalar!(
                "select id from lmp_billing.sync_runs where id = $1 and outcome = 'running' for update",
                run_id
            )
            .fetch_optional(&mut *tx)
            .await
            .map_err(StoreError::doing("waiting for the run's polls"))?;
            close(&mut tx, run_id, outcome, error).await?;
            tx.commit().await
        })
        .await
    }
}

/// Marks runs whose processes gave no sign of life for two minutes as interrupted; returns how many.
async fn interrupt_dead(connection: &mut PgConnection) -> Result<u64, StoreError> {
    // A row that is locked belongs to a poll at work: its process is alive. A sign of life that
    // has not come yet is of a time when the clock was ahead; a process that still lives renews it
    // within half a minute, and one whose clock was set back a little is not to be hurried.
    let dead = sqlx::query_scalar!(
        "select id from lmp_billing.sync_runs
         where outcome = 'running'
           and (lease_renewed_at < clock_timestamp() - interval '2 minutes'
                or lease_renewed_at > clock_timestamp() + interval '1 hour')
         order by id
         for update skip locked"
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(StoreError::doing(MARKING))?;
    for id in &dead {
        let why = "its process gave no sign of life for two minutes";
        close(connection, *id, RunOutcome::Interrupted, Some(why)).await?;
    }
    Ok(dead.len() as u64)
}

/// Starts a run; or finds it, if it has been started under the number that was drawn for it.
pub(super) async fn insert(
    connection: &mut PgConnection,
    drawn: Option<i64>,
    run: NewRun<'_>,
) -> Result<RunRow, StoreError> {
    sqlx::query_as!(
        RunRow,
        r#"insert into lmp_billing.sync_runs
               (id, job, trigger, account, started_at, outcome, instance, lease_renewed_at)
           overriding system value
           select coalesce($5, nextval(pg_get_serial_sequence('lmp_billing.sync_runs', 'id'))),
                  $1, $2, $3, now, 'running', $4, now
           from clock_timestamp() now
           -- found, also if it was committed a moment ago
           on conflict (id) do update set instance = excluded.instance
           returning id, started_at"#,
        run.job.as_str(),
        run.trigger.as_str(),
        run.account,
        run.instance,
        drawn
    )
    .fetch_one(connection)
    .await
    .map_err(StoreError::doing("starting a run"))
}

/// Ends a run whose row is locked for it.
async fn close(
    connection: &mut PgConnection,
    run_id: i64,
    outcome: RunOutcome,
    error: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"update lmp_billing.sync_runs r
           set finished_at = greatest(clock_timestamp(), r.started_at),
               outcome = $2,
               error = $3,
               polls = p.polls,
               polls_failed = p.polls_failed,
               reports_seen = p.reports_seen,
               inserted = p.inserted,
               updated = p.updated,
               withdrawn = p.withdrawn,
               quarantined = p.quarantined
           from (
               select count(*)::int4 as polls,
                      (count(*) filter (where outcome in ('failed', 'suspect')))::int4 as polls_failed,
                      coalesce(sum(reports_seen), 0) as reports_seen,
                      coalesce(sum(inserted), 0) as inserted,
                      coalesce(sum(updated), 0) as updated,
                      coalesce(sum(withdrawn), 0) as withdrawn,
                      coalesce(sum(quarantined), 0) as quarantined
               from lmp_billing.cycle_polls
               where run_id = $1
           ) p
           where r.id = $1 and r.outcome = 'running'"#,
        run_id,
        outcome.as_str(),
        error
    )
    .execute(connection)
    .await
    .map_err(StoreError::doing("ending a run"))?;
    Ok(())
}
