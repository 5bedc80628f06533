//! What is kept beside the reports: polls, runs, quarantined entries and ticks as old as what is pruned.

use super::begin;
use crate::store::{Store, StoreError};
use chrono::{DateTime, NaiveDate, Utc};

/// The cutoff in both its forms.
#[derive(Clone, Copy, Debug)]
pub struct Cutoff {
    /// The oldest day that is kept.
    pub day: NaiveDate,
    /// Its beginning.
    pub moment: DateTime<Utc>,
}

impl Store {
    /// Old polls that nothing kept refers to, in their order.
    ///
    /// # Errors
    /// When the database stays out of reach.
    pub async fn old_polls(&self, cutoff: Cutoff) -> Result<Vec<i64>, StoreError> {
        let doing = "looking for old polls";
        self.with_retries(doing, self.limits.large, || async {
            let mut tx = self.begin().await?;
            // Asked first, because what is kept is then not looked through for nothing.
            let any = sqlx::query_scalar!(
                r#"select exists (select from lmp_billing.cycle_polls where finished_at < $1) as "any!""#,
                cutoff.moment
            )
            .fetch_one(&mut *tx)
            .await
            .map_err(StoreError::doing(doing))?;
            let polls = if any {
                sqlx::query_file_scalar!("src/store/prune/old_polls.sql", cutoff.moment, cutoff.day)
                    .fetch_all(&mut *tx)
                    .await
                    .map_err(StoreError::doing(doing))?
            } else {
                Vec::new()
            };
            tx.commit().await?;
            Ok(polls)
        })
        .await
    }

    /// Deletes polls that [`Store::old_polls`] found.
    ///
    /// # Errors
    /// When the run is over, or the database stays out of reach.
    pub async fn prune_polls(&self, run_id: i64, polls: &[i64]) -> Result<u64, StoreError> {
        let statement = || sqlx::query!("delete from lmp_billing.cycle_polls where id = any($1)", polls);
        delete(self, run_id, "deleting old polls", statement).await
    }

    /// Deletes old quarantined entries, `limit` at most.
    ///
    /// # Errors
    /// When the run is over, or the database stays out of reach.
    pub async fn prune_quarantine(&self, run_id: i64, cutoff: Cutoff, limit: i64) -> Result<u64, StoreError> {
        let statement =
            || sqlx::query_file!("src/store/prune/quarantine.sql", cutoff.moment, cutoff.day, limit);
        delete(self, run_id, "deleting old quarantined entries", statement).await
    }

    /// Deletes old ticks, `limit` at most.
    ///
    /// # Errors
    /// When the run is over, or the database stays out of reach.
    pub async fn prune_ticks(&self, run_id: i64, cutoff: Cutoff, limit: i64) -> Result<u64, StoreError> {
        let statement = || sqlx::query_file!("src/store/prune/ticks.sql", cutoff.moment, limit);
        delete(self, run_id, "deleting old ticks", statement).await
    }

    /// Deletes old runs of which nothing is left, `limit` at most.
    ///
    /// # Errors
    /// When the run is over, or the database stays out of reach.
    pub async fn prune_runs(&self, run_id: i64, cutoff: Cutoff, limit: i64) -> Result<u64, StoreError> {
        let statement = || sqlx::query_file!("src/store/prune/runs.sql", cutoff.moment, limit);
        delete(self, run_id, "deleting old runs", statement).await
    }
}

type Statement<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// One statement in a transaction of its own. Repeated after a commit whose answer was lost, it finds
/// less to do: only these counts are then too low, which are for the log.
async fn delete<'q>(
    store: &Store,
    run_id: i64,
    doing: &'static str,
    statement: impl Fn() -> Statement<'q>,
) -> Result<u64, StoreError> {
    store
        .with_retries(doing, store.limits.large, || async {
            let (mut tx, _) = begin(store, run_id).await?;
            let done = statement().execute(&mut *tx).await.map_err(StoreError::doing(doing))?;
            tx.commit().await?;
            Ok(done.rows_affected())
        })
        .await
}
