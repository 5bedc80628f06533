//! Deleting what is past retention, in small transactions.
//!
//! Each transaction locks its run's row first, like those of polls, and stops unless the run is still
//! running; it adds what it deletes to the run's `deleted`, so that the number is right however the run
//! ends. Nothing waits long for a lock while holding others, and which rows are deleted is decided again
//! under their locks. When to prune, and how much at once, [`crate::prune`] says.

mod logs;
mod reports;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::{Executor as _, PgConnection};

use super::tx::Tx;
use super::{Store, StoreError};
use crate::domain::Cycle;

pub use logs::Cutoff;
pub use reports::{Batch, Deleted, DueReports};

/// Locks are waited for briefly, because others are held meanwhile. Deleting by hand keeps a deleted
/// report as a version; pruning says that it is pruning. Batches wait for the disk like all else: after a
/// crash of the server a run that went on would count what had been lost.
const SETTINGS: &str = "set local lock_timeout = '200ms';
    set local lmp_billing.pruning = 'on'";

/// What is past retention in one cycle of one account, or what has been deleted of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PruneCount {
    /// The account.
    pub account: String,
    /// The cycle.
    pub cycle: Cycle,
    /// Reports.
    pub reports: i64,
    /// Their earlier versions, and those of reports that were deleted by hand.
    pub versions: i64,
}

/// The clocks that a prune depends on, as the database knows them.
#[derive(Clone, Copy, Debug)]
pub struct PruneClocks {
    /// The database's.
    pub database: DateTime<Utc>,
    /// When the last answer was received, by the database's clock, and what the vendor's clock showed.
    pub last_answer: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Store {
    /// What time it is, and whether the last answer agreed.
    ///
    /// # Errors
    /// When the database stays out of reach.
    pub async fn prune_clocks(&self) -> Result<PruneClocks, StoreError> {
        let last_answer = self.read("comparing clocks", |connection| {
            let row = sqlx::query!(
                r#"select finished_at, server_date as "server_date!" from lmp_billing.cycle_polls
                   where server_date is not null
                   order by id desc limit 1"#
            );
            Box::pin(row.fetch_optional(connection))
        });
        let last_answer = last_answer.await?.map(|row| (row.finished_at, row.server_date));
        Ok(PruneClocks { database: self.now().await?, last_answer })
    }

    /// Reports past retention by account and cycle; with their versions if `versions`, which takes longer.
    ///
    /// # Errors
    /// When the database stays out of reach.
    pub async fn past_retention(
        &self,
        cutoff: NaiveDate,
        versions: bool,
    ) -> Result<Vec<PruneCount>, StoreError> {
        let doing = "counting what is past retention";
        self.with_retries(doing, self.limits.large, || async {
            let mut tx = self.begin_by_index().await?;
            let counts = sqlx::query_file_as!(PruneCount, "src/store/prune/count.sql", cutoff, versions)
                .fetch_all(&mut *tx)
                .await
                .map_err(StoreError::doing(doing))?;
            tx.commit().await?;
            Ok(counts)
        })
        .await
    }

    /// All reports of all accounts; with a limit no more than so many are counted.
    ///
    /// # Errors
    /// When the database stays out of reach.
    pub async fn count_reports(&self, limit: Option<i64>) -> Result<i64, StoreError> {
        self.read("counting reports", |connection| {
            let row = sqlx::query_scalar!(
                r#"select count(*) as "count!" from (select from lmp_billing.reports limit $1) counted"#,
                limit
            );
            Box::pin(row.fetch_one(connection))
        })
        .await
    }
}

/// Begins a transaction that prunes for a run; with what the run has deleted so far.
async fn begin(store: &Store, run_id: i64) -> Result<(Tx, i64), StoreError> {
    let mut tx = store.begin().await?;
    tx.execute(SETTINGS).await.map_err(StoreError::doing("beginning to prune"))?;
    let deleted = lock_run(&mut tx, run_id).await?;
    Ok((tx, deleted))
}

/// Locks a prune's run against being ended, and stops unless it is still running; returns what it has
/// deleted so far. A prune does one thing at a time, so nothing shares this lock.
async fn lock_run(connection: &mut PgConnection, run_id: i64) -> Result<i64, StoreError> {
    let deleted = sqlx::query_scalar!(
        "select deleted from lmp_billing.sync_runs where id = $1 and outcome = 'running' for no key update",
        run_id
    )
    .fetch_optional(connection)
    .await
    .map_err(StoreError::doing("locking the run"))?;
    deleted.ok_or(StoreError::RunEnded(run_id))
}

/// Adds to what a prune has deleted, in the transaction that deletes it.
async fn add_deleted(connection: &mut PgConnection, run_id: i64, reports: i64) -> Result<(), StoreError> {
    sqlx::query!("update lmp_billing.sync_runs set deleted = deleted + $2 where id = $1", run_id, reports)
        .execute(connection)
        .await
        .map_err(StoreError::doing("counting what was deleted"))?;
    Ok(())
}
