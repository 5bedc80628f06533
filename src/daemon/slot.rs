//! One job of one account, and what is known of its ticks.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::config::Settings;
use crate::schedule::{self, CronSchedule};
use crate::setup::schedule_of;
use crate::store::Job;

/// A run that gives no sign of life is taken for dead after two minutes; then is the time to look.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(125);

/// A job of an account.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) account: String,
    pub(super) job: Job,
    pub(super) schedule: CronSchedule,
    /// Ticks after this moment have not been claimed; `None` until the ledger has been read.
    pub(super) counts_from: Option<DateTime<Utc>>,
    /// When to read the ledger again: a run of this job has ended, may have died, or its tick is not settled yet.
    pub(super) look_again: Option<DateTime<Utc>>,
    /// The database's clock lags behind ours: not before this moment.
    pub(super) not_before: Option<DateTime<Utc>>,
}

impl Slot {
    /// When to look at this job again.
    pub(super) fn next(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let tick = self
            .counts_from
            .and_then(|counts_from| schedule::next(&self.schedule, counts_from, now))
            .map(|at| self.not_before.map_or(at, |not_before| at.max(not_before)));
        let held_back = self.not_before.filter(|at| *at > now);
        [tick, self.look_again, held_back].into_iter().flatten().min()
    }
}

/// Every job of every account, in the order in which they are looked at.
pub(super) fn slots(settings: &Settings) -> Vec<Slot> {
    Job::scheduled_of(settings.accounts.iter().map(|account| &*account.name))
        .filter_map(|(account, job)| {
            let schedule = schedule_of(&settings.schedule, job)?.clone();
            Some(Slot { account, job, schedule, counts_from: None, look_again: None, not_before: None })
        })
        .collect()
}
