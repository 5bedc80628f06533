//! Pruning: deletes what is past retention, and refuses where a wrong clock or setting is likelier than
//! so much being due.
//!
//! A prune is a run of account `*`. It counts first and refuses before it has deleted anything
//! ([`Refusal`]); then it deletes cycle by cycle, oldest first, in transactions so small that no lock is
//! held long; then whatever else is as old and no longer referred to. Stopped at any moment,
//! it has deleted whole reports with all their versions, and the next prune goes on. Polls need not
//! know of it: by the same cutoff they leave what is past retention alone. Here are no SQL and no settings: what is to
//! be kept, the caller says.

mod guard;
mod pace;
mod progress;
mod run;
mod work;

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;

use crate::clock::Clock;
use crate::domain::Retention;
pub use crate::store::PruneCount;
use crate::store::{Cutoff, RunOutcome, Store, StoreError};
pub use guard::{Facts, Refusal};
pub use progress::PrunedLogs;

/// Reports in one transaction at most. Mostly it is the time a batch takes that bounds it.
pub const MAX_BATCH: usize = 20_000;

/// How long to wait, time after time, for reports that somebody else has locked.
pub const PATIENCE: &[Duration] = &[
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// A prune: what it works on and what it may do.
#[derive(Clone, Copy, Debug)]
pub struct Pruning<'a> {
    /// The database.
    pub store: &'a Store,
    /// This machine's clock; only compared with the database's, which decides.
    pub clock: &'a dyn Clock,
    /// How long reports are kept.
    pub retention: Retention,
    /// The zone in which "today" is.
    pub timezone: Tz,
    /// The share of all reports that may be deleted at once.
    pub max_fraction: f64,
    /// A person wants more than that to be deleted.
    pub force: bool,
    /// Reports in one transaction at most: [`MAX_BATCH`].
    pub max_batch: usize,
    /// How long to wait for reports that somebody else has locked: [`PATIENCE`].
    pub patience: &'a [Duration],
}

/// What a prune would do.
#[derive(Debug)]
pub struct Preview {
    /// Reports that ended before this day are past retention.
    pub cutoff: NaiveDate,
    /// What would be deleted, by account and cycle.
    pub cycles: Vec<PruneCount>,
    /// All reports there are.
    pub total: i64,
    /// Why it would be refused, if it would.
    pub refusal: Option<Refusal>,
}

/// What a prune has done.
#[derive(Debug)]
pub struct Pruned {
    /// The run.
    pub run_id: i64,
    /// Reports that ended before this day are past retention.
    pub cutoff: NaiveDate,
    /// Succeeded; partial if reports stayed because somebody else had them locked; or interrupted.
    pub outcome: RunOutcome,
    /// What has been deleted, by account and cycle.
    pub cycles: Vec<PruneCount>,
    /// What else has been deleted.
    pub logs: PrunedLogs,
    /// Reports that stay until the next prune, because somebody else had them locked.
    pub locked: u64,
}

/// Why a prune was not done.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// It is likelier that something is wrong than that this is wanted. Nothing has been deleted.
    #[error("the prune was refused, nothing has been deleted: {0}")]
    Refused(#[from] Refusal),
    /// The database failed. What had been deleted is counted in the run.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Pruning<'_> {
    /// Counts what a prune would delete, and changes nothing.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn preview(&self) -> Result<Preview, StoreError> {
        let (cutoff, facts, cycles) = self.look(true).await?;
        let total = facts.total.unwrap_or_default();
        let refusal = guard::judge(&facts, self.max_fraction, self.force).err();
        Ok(Preview { cutoff: cutoff.day, cycles, total, refusal })
    }

    /// The cutoff, and what is past it; in all numbers if they are `to_show`, else as far as it takes to decide.
    async fn look(&self, to_show: bool) -> Result<(Cutoff, Facts, Vec<PruneCount>), StoreError> {
        let clocks = self.store.prune_clocks().await?;
        let machine = self.clock.now();
        let cutoff = self.cutoff(clocks.database);
        let cycles = self.store.past_retention(cutoff.day, to_show).await?;
        let due = cycles.iter().map(|cycle| cycle.reports).sum();
        // Counting a million reports would be a good part of the work.
        let total = if to_show {
            Some(self.store.count_reports(None).await?)
        } else if due > guard::may_always_go(clocks.database, clocks.last_answer) {
            Some(self.store.count_reports(guard::enough(due, self.max_fraction)).await?)
        } else {
            None
        };
        let facts = Facts {
            cutoff: cutoff.day,
            machine,
            database: clocks.database,
            last_answer: clocks.last_answer,
            due,
            total,
        };
        Ok((cutoff, facts, cycles))
    }

    fn cutoff(&self, now: DateTime<Utc>) -> Cutoff {
        let day = self.retention.cutoff(now.with_timezone(&self.timezone).date_naive());
        let midnight = day.and_time(NaiveTime::MIN);
        // Where a change of clocks skips midnight, UTC's is near enough for the age of a log.
        let moment = midnight.and_local_timezone(self.timezone).earliest();
        Cutoff { day, moment: moment.map_or(midnight.and_utc(), |moment| moment.to_utc()) }
    }
}
