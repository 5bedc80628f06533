//! Accounts whose first sync is not known to be done, and when to look at each.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::slot::LOOK_AGAIN;
use crate::store::FirstSync;

/// When to try a first sync again that brought nothing: LMP comes back some time.
const AFTER_FAILURE: TimeDelta = TimeDelta::hours(1);

/// The accounts that are watched.
#[derive(Debug, Default)]
pub(super) struct FirstSyncs(HashMap<String, Look>);

#[derive(Clone, Copy, Debug)]
struct Look {
    at: DateTime<Utc>,
    /// Whether we have just tried: if it has failed, it is left alone for a while.
    tried: bool,
}

impl FirstSyncs {
    /// All of them are looked at now: whoever has just mended the settings wants to see it work.
    pub(super) fn of<'a>(accounts: impl Iterator<Item = &'a str>, now: DateTime<Utc>) -> Self {
        Self(accounts.map(|account| (account.to_owned(), Look { at: now, tried: false })).collect())
    }

    /// The accounts to look at now.
    pub(super) fn due(&self, now: DateTime<Utc>) -> Vec<String> {
        let due = self.0.iter().filter(|(_, look)| look.at <= now);
        due.map(|(account, _)| account.clone()).collect()
    }

    /// When to look next.
    pub(super) fn next(&self) -> Option<DateTime<Utc>> {
        self.0.values().map(|look| look.at).min()
    }

    /// Whether a first sync that stands so is to be claimed now.
    pub(super) fn is_wanted(&self, account: &str, stands: FirstSync) -> bool {
        match stands {
            // Who runs it gets it once more, and nobody else: a claim whose answer got lost is taken up.
            FirstSync::Needed | FirstSync::Running => true,
            FirstSync::Failed => self.0.get(account).is_some_and(|look| !look.tried),
            FirstSync::Done => false,
        }
    }

    /// It has been looked at, and `claimed` by us or not.
    pub(super) fn looked(&mut self, account: &str, stands: FirstSync, claimed: bool, now: DateTime<Utc>) {
        if stands == FirstSync::Done {
            self.0.remove(account);
        } else if let Some(look) = self.0.get_mut(account) {
            *look = if stands == FirstSync::Failed && look.tried {
                Look { at: now + AFTER_FAILURE, tried: false }
            } else {
                Look { at: now + LOOK_AGAIN, tried: claimed || look.tried }
            };
        }
    }

    /// A run of the account has ended, perhaps the one we have tried. What is left alone for a while is not
    /// hurried by other runs that fail.
    pub(super) fn run_ended(&mut self, account: &str, now: DateTime<Utc>) {
        if let Some(look) = self.0.get_mut(account).filter(|look| look.tried) {
            look.at = now;
        }
    }

    /// The clock was set back: moments to look at have moved away.
    pub(super) fn set_back(&mut self, now: DateTime<Utc>) {
        self.0.values_mut().for_each(|look| look.at = now.min(look.at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn watched() -> FirstSyncs {
        FirstSyncs::of(["emea"].into_iter(), at(0))
    }

    #[test]
    fn one_that_failed_is_tried_at_once_then_left_alone_for_an_hour_and_tried_again() {
        let mut syncs = watched();
        for start in [0, 61] {
            assert_eq!(syncs.due(at(start)), ["emea"]);
            assert!(syncs.is_wanted("emea", FirstSync::Failed));
            syncs.looked("emea", FirstSync::Failed, true, at(start));
            // It fails again.
            syncs.run_ended("emea", at(start + 1));
            assert_eq!(syncs.due(at(start + 1)), ["emea"]);
            assert!(!syncs.is_wanted("emea", FirstSync::Failed));
            syncs.looked("emea", FirstSync::Failed, false, at(start + 1));
            assert_eq!(syncs.next(), Some(at(start + 61)));
            // Other runs of the account fail too.
            syncs.run_ended("emea", at(start + 2));
            assert_eq!(syncs.next(), Some(at(start + 61)));
        }
    }

    #[test]
    fn one_that_somebody_else_runs_is_looked_at_when_its_lease_could_have_run_out() {
        let mut syncs = watched();
        syncs.looked("emea", FirstSync::Running, false, at(0));
        assert_eq!(syncs.next(), Some(at(0) + LOOK_AGAIN));
        syncs.set_back(at(-20));
        assert_eq!(syncs.next(), Some(at(-20)));
        assert!(syncs.is_wanted("emea", FirstSync::Needed));
    }

    #[test]
    fn one_that_could_not_be_claimed_yet_is_not_left_alone_for_it() {
        let mut syncs = watched();
        syncs.looked("emea", FirstSync::Failed, false, at(0));
        // What was in its way may end here, or elsewhere.
        syncs.run_ended("emea", at(1));
        assert_eq!(syncs.next(), Some(at(0) + LOOK_AGAIN));
        assert!(syncs.is_wanted("emea", FirstSync::Failed));
    }

    #[test]
    fn one_whose_claim_was_never_heard_of_is_taken_up() {
        assert!(watched().is_wanted("emea", FirstSync::Running));
    }

    #[test]
    fn one_that_is_done_is_watched_no_more() {
        let mut syncs = watched();
        assert!(!syncs.is_wanted("emea", FirstSync::Done));
        syncs.looked("emea", FirstSync::Done, false, at(0));
        assert_eq!((syncs.due(at(99)), syncs.next()), (vec![], None));
    }
}
