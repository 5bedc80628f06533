//! The life of one report: when it moves to which status.

use std::ops::RangeInclusive;

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use fastrand::Rng;

use crate::domain::{Cycle, KnownStatus};

/// How an "Under Review" report came to be there, in the vendor's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Submission {
    ByHand,
    Automatic,
}

impl Submission {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::ByHand => "Manually submitted by MSP",
            Self::Automatic => "Automatically submitted without penalty",
        }
    }
}

/// A report's status from a moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) at: DateTime<Utc>,
    pub(super) status: KnownStatus,
    /// How it was last submitted; `None` until it is.
    pub(super) submission: Option<Submission>,
}

/// Days after the end of the cycle on which what nobody submitted is submitted automatically. The
/// vendor's day is not published; this one is ours.
const DEADLINE_DAYS: u64 = 10;

/// A report is turned down at most this often.
const MOST_REJECTIONS: u32 = 3;

/// Everything that ever happens to a report, in order of time. The first step is its appearance.
///
/// People act on a later day than what they react to, in office hours; the vendor's own steps come
/// by night.
pub(super) fn life(mut dice: Rng, cycle: Cycle, appears: DateTime<Utc>) -> Vec<Step> {
    use KnownStatus::{Approved, Completed, MspPreparing, Rejected, UnderReview};

    let ended = midnight(cycle.next());
    let (mut at, mut submission) = if dice.u32(0..100) < 75 {
        // Most submit early: the smaller of two draws.
        let days = dice.u64(0..DEADLINE_DAYS).min(dice.u64(0..DEADLINE_DAYS));
        (office_hours(&mut dice, ended + Days::new(days)), Submission::ByHand)
    } else {
        (night(&mut dice, ended + Days::new(DEADLINE_DAYS)), Submission::Automatic)
    };
    let mut steps = vec![
        Step { at: appears, status: MspPreparing, submission: None },
        Step { at, status: UnderReview, submission: Some(submission) },
    ];
    let mut step = |at, status, submission| steps.push(Step { at, status, submission: Some(submission) });

    let mut rejections = 0;
    loop {
        at = later(&mut dice, at, 1..=5, office_hours);
        if rejections == MOST_REJECTIONS || dice.u32(0..100) >= 15 {
            break;
        }
        rejections += 1;
        step(at, Rejected, submission);
        at = later(&mut dice, at, 1..=4, office_hours);
        submission = Submission::ByHand;
        step(at, UnderReview, submission);
    }
    step(at, Approved, submission);
    at = later(&mut dice, at, 2..=10, night);
    step(at, Completed, submission);

    if dice.u32(0..100) < 3 {
        at = later(&mut dice, at, 2..=40, office_hours);
        step(at, UnderReview, submission);
        at = later(&mut dice, at, 1..=5, office_hours);
        step(at, Approved, submission);
        at = later(&mut dice, at, 2..=10, night);
        step(at, Completed, submission);
    }
    steps
}

/// When the reports of a cycle are made: in the night the cycle begins.
pub(super) fn creation(dice: &mut Rng, cycle: Cycle) -> DateTime<Utc> {
    night(dice, midnight(cycle))
}

fn midnight(cycle: Cycle) -> DateTime<Utc> {
    cycle.first_day().and_time(NaiveTime::MIN).and_utc()
}

/// Some days later, at such a time of the day.
fn later(
    dice: &mut Rng,
    at: DateTime<Utc>,
    days: RangeInclusive<u64>,
    time: fn(&mut Rng, DateTime<Utc>) -> DateTime<Utc>,
) -> DateTime<Utc> {
    let day = at.date_naive().and_time(NaiveTime::MIN).and_utc() + Days::new(dice.u64(days));
    time(dice, day)
}

fn office_hours(dice: &mut Rng, day: DateTime<Utc>) -> DateTime<Utc> {
    day + TimeDelta::seconds(dice.i64(7 * 3600..19 * 3600))
}

fn night(dice: &mut Rng, day: DateTime<Utc>) -> DateTime<Utc> {
    day + TimeDelta::seconds(dice.i64(0..5 * 3600))
}

#[cfg(test)]
mod tests {
    use super::*;
    use KnownStatus::{Approved, Completed, MspPreparing, Rejected, UnderReview};

    fn lives(count: u64) -> impl Iterator<Item = Vec<Step>> {
        let august: Cycle = "2026-08".parse().unwrap();
        (0..count).map(move |seed| {
            let mut dice = Rng::with_seed(seed);
            let appears = creation(&mut dice, august);
            life(dice, august, appears)
        })
    }

    #[test]
    fn every_step_is_one_the_business_knows() {
        let mut seen = std::collections::HashSet::new();
        for life in lives(5_000) {
            assert_eq!(life[0].status, MspPreparing);
            assert_eq!(life.last().unwrap().status, Completed);
            for pair in life.windows(2) {
                let step = (pair[0].status, pair[1].status);
                assert!(pair[0].at < pair[1].at, "{life:?}");
                assert!(
                    matches!(
                        step,
                        (MspPreparing | Rejected | Completed, UnderReview)
                            | (UnderReview, Approved | Rejected)
                            | (Approved, Completed)
                    ),
                    "{step:?}"
                );
                seen.insert(step);
            }
        }
        assert_eq!(seen.len(), 6, "some step never happens: {seen:?}");
    }

    #[test]
    fn reports_are_submitted_after_the_cycle_by_hand_or_at_the_deadline() {
        let mut automatic = 0;
        for life in lives(1_000) {
            assert_eq!(life[0].at.date_naive().to_string(), "2026-08-01");
            let day = life[1].at.date_naive().to_string();
            if life[1].submission == Some(Submission::Automatic) {
                automatic += 1;
                assert_eq!(day, "2026-09-11");
            } else {
                assert!(("2026-09-01".."2026-09-11").contains(&day.as_str()), "submitted on {day}");
            }
        }
        assert!((150..350).contains(&automatic), "{automatic} of 1000 automatically");
    }
}
