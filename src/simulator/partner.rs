//! Partners: they join, are renamed now and then, and leave.
//!
//! The world has a fixed number of places. A place is held by one partner after another, now and
//! then by nobody for a month or two, so the number of partners stays about the same for ever.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};

use super::dice::{Purpose, dice};
use super::names;
use crate::domain::Cycle;

/// Before this month the world is empty. Far enough back that joining is evenly spread by now.
const DAWN: i32 = 2000 * 12;

/// A partner stays this many months.
const STAY: std::ops::RangeInclusive<i32> = 12..=120;

/// A place stays empty for this many months.
const GAP: std::ops::RangeInclusive<i32> = 0..=2;

/// From one rename of a partner to the next, in months.
const BETWEEN_RENAMES: std::ops::RangeInclusive<i32> = 6..=48;

/// Months since the year 0, for arithmetic.
pub(super) fn month_number(cycle: Cycle) -> i32 {
    cycle.year() * 12 + cycle.first_day().month0().cast_signed()
}

/// The partner who holds a place during one month.
#[derive(Clone, Copy, Debug)]
pub(super) struct Partner {
    seed: u64,
    /// The place whose name and dates of joining and leaving this partner has; see [`Partner::at`].
    origin: u64,
    /// How many partners held the place before.
    pub(super) predecessors: u64,
    joined: i32,
    /// The month of leaving; `None` where nobody ever leaves.
    left: Option<i32>,
}

impl Partner {
    /// Who holds a place in a month, the months of joining and leaving included.
    ///
    /// Every sixteenth place copies its neighbour's partner, name and all: one company that is
    /// registered twice. A display name identifies nobody, and the client must not believe it does.
    pub(super) fn at(seed: u64, place: u32, month: i32, steady: bool) -> Option<Self> {
        let origin = u64::from(if place % 16 == 1 { place - 1 } else { place });
        if steady {
            let always = Self { seed, origin, predecessors: 0, joined: DAWN, left: None };
            return (month >= DAWN).then_some(always);
        }
        let mut dice = dice(seed, Purpose::Tenancies, &[origin]);
        let mut joined = DAWN - dice.i32(0..=*STAY.end());
        let mut predecessors = 0;
        while month >= joined {
            let left = joined + dice.i32(STAY);
            if month <= left {
                return Some(Self { seed, origin, predecessors, joined, left: Some(left) });
            }
            joined = left + 1 + dice.i32(GAP);
            predecessors += 1;
        }
        None
    }

    /// When the partner joined, if that was in this month.
    pub(super) fn joins_in(&self, month: i32) -> Option<DateTime<Utc>> {
        let joins = self.left.is_some() && self.joined == month;
        joins.then(|| self.moment_in(month, Purpose::JoinMoment))
    }

    /// When the partner leaves, if that is in this month.
    pub(super) fn leaves_in(&self, month: i32) -> Option<DateTime<Utc>> {
        (self.left == Some(month)).then(|| self.moment_in(month, Purpose::LeaveMoment))
    }

    /// The partner's name at a moment.
    pub(super) fn name(&self, at: DateTime<Utc>) -> String {
        names::company(self.seed, &[self.origin, self.predecessors], self.renames(at))
    }

    /// How often the partner has been renamed until `at`.
    fn renames(&self, at: DateTime<Utc>) -> u32 {
        let Some(left) = self.left else { return 0 };
        let mut dice = dice(self.seed, Purpose::Renames, &[self.origin, self.predecessors]);
        let now = month_number(Cycle::containing(at.date_naive()));
        let mut month = self.joined;
        let mut renames = 0;
        loop {
            month += dice.i32(BETWEEN_RENAMES);
            if month > left.min(now) || moment(month, &mut dice) > at {
                return renames;
            }
            renames += 1;
        }
    }

    fn moment_in(&self, month: i32, purpose: Purpose) -> DateTime<Utc> {
        moment(month, &mut dice(self.seed, purpose, &[self.origin, self.predecessors]))
    }
}

/// A moment in a month, in office hours, not on its first days nor its last.
fn moment(month: i32, dice: &mut fastrand::Rng) -> DateTime<Utc> {
    let first_day = NaiveDate::from_ymd_opt(month.div_euclid(12), month.rem_euclid(12).unsigned_abs() + 1, 1)
        .unwrap_or(NaiveDate::MAX);
    let start = first_day.and_time(chrono::NaiveTime::MIN).and_utc();
    start + TimeDelta::days(dice.i64(3..26)) + TimeDelta::seconds(dice.i64(7 * 3600..19 * 3600))
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR_2026: i32 = 2026 * 12;

    #[test]
    fn places_change_hands_and_are_seldom_empty() {
        let mut empty = 0;
        for place in 0..50 {
            let partners: Vec<_> =
                (0..120).map(|month| Partner::at(3, place, YEAR_2026 + month, false)).collect();
            empty += partners.iter().filter(|partner| partner.is_none()).count();
            let changes = partners.iter().flatten().map(|partner| partner.predecessors).collect::<Vec<_>>();
            assert!(changes.is_sorted());
            assert!(changes.last() > changes.first(), "place {place} was held for ten years and a month");
        }
        assert!((1..50 * 12).contains(&empty), "{empty} of 6000 months without a partner");
    }

    #[test]
    fn a_partner_joins_before_it_leaves_and_does_both_within_the_month() {
        for place in 0..50 {
            for month in YEAR_2026..YEAR_2026 + 60 {
                let Some(partner) = Partner::at(3, place, month, false) else { continue };
                for moment in [partner.joins_in(month), partner.leaves_in(month)].into_iter().flatten() {
                    assert_eq!(month_number(Cycle::containing(moment.date_naive())), month);
                }
            }
        }
    }

    #[test]
    fn neighbours_share_a_name() {
        let at = "2026-08-09T10:00:00Z".parse().unwrap();
        let name = |place| Partner::at(3, place, YEAR_2026 + 7, true).unwrap().name(at);
        assert_eq!(name(0), name(1));
        assert_eq!(name(16), name(17));
        assert_ne!(name(1), name(2));
    }

    #[test]
    fn nobody_joins_leaves_or_is_renamed_in_a_steady_world() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let partner = Partner::at(3, 9, YEAR_2026, true).unwrap();
        assert_eq!(partner.name(at("2004-01-01T00:00:00Z")), partner.name(at("2034-01-01T00:00:00Z")));
        assert_eq!((partner.joins_in(DAWN), partner.leaves_in(YEAR_2026)), (None, None));
    }
}
