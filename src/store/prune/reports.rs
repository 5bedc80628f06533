//! Reports and their versions, which go together: nothing in the database would take versions along.

use chrono::NaiveDate;
use sqlx::{Executor as _, PgConnection};
use uuid::Uuid;

use super::{PruneCount, add_deleted, begin};
use crate::domain::Cycle;
use crate::store::{Store, StoreError};

/// A batch is looked up by place and its versions by key, whatever the planner's statistics say: scanning
/// a whole table for each batch would take as many times as long as there are batches.
const LOOKED_UP: &str = "set local enable_seqscan = off;
    set local enable_hashjoin = off;
    set local enable_mergejoin = off";

/// Where to look for reports past retention.
#[derive(Clone, Copy, Debug)]
pub struct DueReports<'a> {
    /// The account.
    pub account: &'a str,
    /// The cycle.
    pub cycle: Cycle,
    /// Reports that ended before this day are past retention.
    pub cutoff: NaiveDate,
}

/// Reports to be deleted together.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// The run that does it.
    pub run_id: i64,
    /// What the run has deleted so far. If the database says more, this batch has been committed before
    /// and only the answer was lost.
    pub deleted_before: i64,
    /// Where they are.
    pub due: DueReports<'a>,
    /// Which of them, as told by [`Store::due_for_pruning`].
    pub places: &'a [String],
}

/// What a batch came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Reports.
    pub reports: i64,
    /// Their earlier versions.
    pub versions: i64,
}

impl Store {
    /// The places of the next reports of a cycle that are past retention, after `after`, in their order.
    /// A place (`ctid`) is good for as long as nobody writes the report.
    ///
    /// # Errors
    /// When the database stays out of reach.
    pub async fn due_for_pruning(
        &self,
        due: DueReports<'_>,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<String>, StoreError> {
        self.read("looking for reports past retention", |connection| {
            let row = sqlx::query_file_scalar!(
                "src/store/prune/places.sql",
                due.account,
                due.cycle.first_day(),
                due.cutoff,
                after,
                limit
            );
            Box::pin(row.fetch_one(connection))
        })
        .await
    }

    /// Deletes those of some reports that are past retention, with their versions, in one transaction; but
    /// those that somebody else keeps locked, or has just written, stay.
    ///
    /// # Errors
    /// When the run is over, or the database stays out of reach.
    pub async fn prune_reports(&self, batch: Batch<'_>) -> Result<Deleted, StoreError> {
        self.with_retries("deleting reports past retention", self.limits.large, || async {
            match self.prune_batch(batch, Locked::WaitBriefly).await {
                Err(error) if error.is_lock_timeout() => self.prune_batch(batch, Locked::Skip).await,
                done => done,
            }
        })
        .await
    }

    async fn prune_batch(&self, batch: Batch<'_>, locked: Locked) -> Result<Deleted, StoreError> {
        let (mut tx, deleted) = begin(self, batch.run_id).await?;
        if deleted > batch.deleted_before {
            return Ok(Deleted { reports: deleted - batch.deleted_before, versions: 0 });
        }
        let gone = delete(&mut tx, batch, locked).await?;
        if gone.reports > 0 {
            add_deleted(&mut tx, batch.run_id, gone.reports).await?;
        }
        tx.commit().await?;
        Ok(gone)
    }

    /// Deletes versions whose report was deleted by hand and that are past retention, of `limit` reports
    /// at most.
    ///
    /// # Errors
    /// When the run is over, or the database stays out of reach.
    pub async fn prune_orphaned_versions(
        &self,
        run_id: i64,
        cutoff: NaiveDate,
        limit: i64,
    ) -> Result<Vec<PruneCount>, StoreError> {
        let doing = "deleting versions of reports deleted by hand";
        self.with_retries(doing, self.limits.large, || async {
            let (mut tx, _) = begin(self, run_id).await?;
            let gone = sqlx::query_file_as!(PruneCount, "src/store/prune/orphans.sql", cutoff, limit)
                .fetch_all(&mut *tx)
                .await
                .map_err(StoreError::doing(doing))?;
            tx.commit().await?;
            Ok(gone)
        })
        .await
    }
}

/// What to do about reports that somebody else has locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Locked {
    /// Somebody like a poll, who will be done in a moment. Locking first what is then deleted would be a
    /// third more work.
    WaitBriefly,
    /// Somebody who keeps them.
    Skip,
}

async fn delete(
    connection: &mut PgConnection,
    batch: Batch<'_>,
    locked: Locked,
) -> Result<Deleted, StoreError> {
    let doing = "deleting reports past retention";
    let DueReports { account, cycle, cutoff } = batch.due;
    connection.execute(LOOKED_UP).await.map_err(StoreError::doing(doing))?;
    let free = match locked {
        Locked::WaitBriefly => None,
        Locked::Skip => {
            let free = sqlx::query_file_scalar!("src/store/prune/lock.sql", account, batch.places);
            Some(free.fetch_all(&mut *connection).await.map_err(StoreError::doing(doing))?)
        }
    };
    let places = free.as_deref().unwrap_or(batch.places);
    let gone: Vec<Uuid> =
        sqlx::query_file_scalar!("src/store/prune/delete.sql", account, cycle.first_day(), places, cutoff)
            .fetch_one(&mut *connection)
            .await
            .map_err(StoreError::doing(doing))?;
    // After the reports, because a statement sees what was there when it began, and a poll that was
    // waited for may have added versions.
    let versions = sqlx::query!(
        "delete from lmp_billing.superseded_versions s using unnest($2::uuid[]) gone (id)
         where s.account = $1 and s.id = gone.id",
        account,
        &gone
    )
    .execute(connection)
    .await
    .map_err(StoreError::doing("deleting earlier versions of reports past retention"))?;
    Ok(Deleted { reports: count(gone.len() as u64), versions: count(versions.rows_affected()) })
}

fn count(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
