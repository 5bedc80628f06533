//! One job of one account, and what is known of its ticks.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::config::Settings;
use crate::schedule::CronSchedule;
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
    /// The newest claimed tick while its run is known to have been interrupted and may be claimed again.
    pub(super) interrupted: Option<DateTime<Utc>>,
    /// When to read the ledger again: a run of this job has ended, may have died, or its tick is not settled yet.
    pub(super) look_again: Option<DateTime<Utc>>,
    /// The database's clock lags behind ours: not before this moment.
    pub(super) not_before: Option<DateTime<Utc>>,
}

impl Slot {
    /// Whether where the job stands has to be read in the ledger first.
    pub(super) fn is_unread(&self, now: DateTime<Utc>) -> bool {
        self.counts_from.is_none() || self.look_again.is_some_and(|at| at <= now)
    }

    /// The tick to claim now. A newer one that is due takes the place of one that was interrupted.
    pub(super) fn due(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.not_before.is_some_and(|at| at > now) {
            return None;
        }
        self.schedule.latest(self.counts_from?, now).or(self.interrupted)
    }

    /// The tick has been claimed, by us or by somebody whom to look after then.
    pub(super) fn settle(&mut self, due_at: DateTime<Utc>, look_again: Option<DateTime<Utc>>) {
        (self.counts_from, self.interrupted, self.look_again) = (Some(due_at), None, look_again);
    }

    /// When to look at this job again.
    pub(super) fn next(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let tick = self
            .counts_from
            .and_then(|counts_from| self.schedule.next_after(counts_from.max(now)))
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
            Some(Slot {
                account,
                job,
                schedule,
                counts_from: None,
                interrupted: None,
                look_again: None,
                not_before: None,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;

    #[test]
    fn an_interrupted_tick_is_due_until_it_is_settled_or_a_newer_one_comes() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let (four, five, eight) =
            (at("2026-11-23T04:00:00Z"), at("2026-11-23T05:00:00Z"), at("2026-11-23T08:00:00Z"));
        let mut slot = Slot {
            account: "emea".to_owned(),
            job: Job::Refresh,
            schedule: CronSchedule::parse("0 */4 * * *", Tz::UTC).unwrap(),
            counts_from: Some(four),
            interrupted: Some(four),
            look_again: None,
            not_before: None,
        };
        assert!(!slot.is_unread(five));
        assert_eq!((slot.due(five), slot.due(eight)), (Some(four), Some(eight)));
        slot.not_before = Some(eight);
        assert_eq!(slot.due(five), None);
        slot.settle(four, Some(eight));
        assert_eq!((slot.due(five), slot.next(five)), (None, Some(eight)));
        assert!(slot.is_unread(eight));
    }
}
