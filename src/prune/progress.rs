//! What a prune has done so far, which holds however it ends.

use chrono::NaiveDate;

use super::PruneCount;
use crate::store::Deleted;

/// What has been deleted beside reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrunedLogs {
    /// Quarantined entries.
    pub quarantined: u64,
    /// Ticks.
    pub ticks: u64,
    /// Polls.
    pub polls: u64,
    /// Runs.
    pub runs: u64,
}

/// What a prune has done so far.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) cutoff: NaiveDate,
    pub(super) cycles: Vec<PruneCount>,
    pub(super) logs: PrunedLogs,
    pub(super) locked: u64,
}

impl Progress {
    pub(super) fn new(cutoff: NaiveDate) -> Self {
        Self { cutoff, cycles: Vec::new(), logs: PrunedLogs::default(), locked: 0 }
    }

    pub(super) fn reports(&self) -> i64 {
        self.cycles.iter().map(|cycle| cycle.reports).sum()
    }

    pub(super) fn versions(&self) -> i64 {
        self.cycles.iter().map(|cycle| cycle.versions).sum()
    }

    /// Adds what a transaction has deleted of a cycle.
    pub(super) fn add(&mut self, of: &PruneCount, deleted: Deleted) {
        if deleted == Deleted::default() {
            return;
        }
        let found =
            self.cycles.iter_mut().find(|cycle| cycle.account == of.account && cycle.cycle == of.cycle);
        if let Some(cycle) = found {
            cycle.reports += deleted.reports;
            cycle.versions += deleted.versions;
        } else {
            let Deleted { reports, versions } = deleted;
            self.cycles.push(PruneCount { account: of.account.clone(), cycle: of.cycle, reports, versions });
        }
    }
}
