//! The deleting, in small transactions: no lock is held for long, and whatever stops it, what is done stays done.

use std::time::Instant;

use chrono::NaiveDate;
use tokio_util::sync::CancellationToken;

use super::pace::Pace;
use super::progress::Progress;
use super::{PruneCount, PruneError, Pruning, guard};
use crate::store::{Batch, Cutoff, Deleted, DueReports, StoreError};

/// Places of reports fetched at a time; some 40 bytes each.
const PAGE: i64 = 50_000;

/// Rows of a log deleted in one transaction.
const LOG_BATCH: i64 = 5000;

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// There is nothing more to do.
    Done,
    /// There may be, but not for this run.
    Stopped,
}

/// A prune at work.
pub(super) struct Deleting<'a> {
    pub(super) pruning: &'a Pruning<'a>,
    pub(super) run_id: i64,
    pub(super) stop: &'a CancellationToken,
    pub(super) progress: &'a mut Progress,
}

impl Deleting<'_> {
    pub(super) async fn prune(&mut self) -> Result<Flow, PruneError> {
        let (cutoff, facts, mut cycles) = self.pruning.look(false).await?;
        self.progress.cutoff = cutoff.day;
        guard::judge(&facts, self.pruning.max_fraction, self.pruning.force)?;
        // Oldest first: whatever stops it, what is left is the most recent.
        cycles.sort_by_key(|count| count.cycle);
        if self.reports(cutoff.day, cycles).await? == Flow::Stopped
            || self.orphans(cutoff.day).await? == Flow::Stopped
        {
            return Ok(Flow::Stopped);
        }
        Ok(self.logs(cutoff).await?)
    }

    /// All cycles, and those in which something was locked again.
    async fn reports(&mut self, cutoff: NaiveDate, mut cycles: Vec<PruneCount>) -> Result<Flow, StoreError> {
        let mut pace = Pace::new(self.pruning.max_batch);
        let mut patience = self.pruning.patience.iter();
        loop {
            let mut again = Vec::new();
            let mut locked = 0;
            for count in cycles {
                match self.cycle(&count, cutoff, &mut pace).await? {
                    None => return Ok(Flow::Stopped),
                    Some(0) => {}
                    Some(reports) => {
                        locked += reports;
                        again.push(count);
                    }
                }
            }
            self.progress.locked = locked;
            let Some(wait) = patience.next().filter(|_| locked > 0) else { return Ok(Flow::Done) };
            tracing::debug!(reports = locked, ?wait, "another session has reports locked; waiting for it");
            tokio::select! {
                () = tokio::time::sleep(*wait) => cycles = again,
                () = self.stop.cancelled() => return Ok(Flow::Stopped),
            }
        }
    }

    /// One cycle; returns how many of its reports could not be deleted, or `None` if it was stopped.
    async fn cycle(
        &mut self,
        of: &PruneCount,
        cutoff: NaiveDate,
        pace: &mut Pace,
    ) -> Result<Option<u64>, StoreError> {
        let store = self.pruning.store;
        let due = DueReports { account: &of.account, cycle: of.cycle, cutoff };
        let (mut after, mut locked): (Option<String>, _) = (None, 0);
        loop {
            let mut found = store.due_for_pruning(due, after.as_deref(), PAGE).await?;
            let mut rest = &found[..];
            while !rest.is_empty() {
                if self.stop.is_cancelled() {
                    return Ok(None);
                }
                let (places, later) = rest.split_at(pace.size().min(rest.len()));
                let began = Instant::now();
                let deleted = store
                    .prune_reports(Batch {
                        run_id: self.run_id,
                        deleted_before: self.progress.reports(),
                        due,
                        places,
                    })
                    .await?;
                if places.len() == pace.size() {
                    pace.took(began.elapsed());
                }
                locked += (places.len() as u64).saturating_sub(deleted.reports.unsigned_abs());
                self.progress.add(of, deleted);
                rest = later;
            }
            if (found.len() as u64) < PAGE.unsigned_abs() {
                return Ok(Some(locked));
            }
            after = found.pop();
        }
    }

    async fn orphans(&mut self, cutoff: NaiveDate) -> Result<Flow, StoreError> {
        while !self.stop.is_cancelled() {
            let gone = self.pruning.store.prune_orphaned_versions(self.run_id, cutoff, LOG_BATCH).await?;
            if gone.is_empty() {
                return Ok(Flow::Done);
            }
            for count in gone {
                self.progress.add(&count, Deleted { reports: 0, versions: count.versions });
            }
        }
        Ok(Flow::Stopped)
    }

    /// In the order in which one refers to the other.
    async fn logs(&mut self, cutoff: Cutoff) -> Result<Flow, StoreError> {
        let (store, stop, run_id) = (self.pruning.store, self.stop, self.run_id);
        let logs = &mut self.progress.logs;
        let entries = || store.prune_quarantine(run_id, cutoff, LOG_BATCH);
        let ticks = || store.prune_ticks(run_id, cutoff, LOG_BATCH);
        let runs = || store.prune_runs(run_id, cutoff, LOG_BATCH);
        if repeat(stop, &mut logs.quarantined, entries).await? == Flow::Stopped
            || repeat(stop, &mut logs.ticks, ticks).await? == Flow::Stopped
        {
            return Ok(Flow::Stopped);
        }
        let polls = store.old_polls(cutoff).await?;
        for batch in polls.chunks(usize::try_from(LOG_BATCH).unwrap_or(usize::MAX)) {
            if stop.is_cancelled() {
                return Ok(Flow::Stopped);
            }
            logs.polls += store.prune_polls(run_id, batch).await?;
        }
        repeat(stop, &mut logs.runs, runs).await
    }
}

/// Deletes until nothing is left, or until stopped.
async fn repeat<Fut>(
    stop: &CancellationToken,
    count: &mut u64,
    delete: impl Fn() -> Fut,
) -> Result<Flow, StoreError>
where
    Fut: Future<Output = Result<u64, StoreError>>,
{
    while !stop.is_cancelled() {
        let deleted = delete().await?;
        if deleted == 0 {
            return Ok(Flow::Done);
        }
        *count += deleted;
    }
    Ok(Flow::Stopped)
}
