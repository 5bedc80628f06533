//! The cutoff and periods, against brute force.

use chrono::{Datelike as _, Days, NaiveDate};
use lmp_billing_sync::domain::{Cycle, Retention};
use proptest::prelude::*;

use super::planning::day;

/// The same day of the month so many months before, or else the last day that month has: found by walking
/// back through months, one first day at a time.
pub(super) fn cutoff(today: NaiveDate, months: u32) -> NaiveDate {
    let mut first = today - Days::new(u64::from(today.day0()));
    for _ in 0..months {
        let end_of_the_one_before = first - Days::new(1);
        first = end_of_the_one_before - Days::new(u64::from(end_of_the_one_before.day0()));
    }
    let mut day = first;
    while day.day() < today.day()
        && let Some(next) = day.succ_opt().filter(|next| next.month() == first.month())
    {
        day = next;
    }
    day
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_cutoff_is_the_same_day_or_the_months_last(today in day(), months in 1_u32..60) {
        let right = cutoff(today, months);
        prop_assert_eq!(Retention { months }.cutoff(today), right);
        // What ends on it stays.
        prop_assert!(!Retention::is_past(right, right));
        prop_assert!(Retention::is_past(right, right - Days::new(1)));
        // A day later it is never earlier.
        let tomorrow = Retention { months }.cutoff(today + Days::new(1));
        prop_assert!(tomorrow >= right);
    }

    #[test]
    fn what_is_not_past_retention_ends_in_a_polled_cycle_or_an_older_one_than_the_vendor_keeps(
        today in day(),
        months in 1_u32..40,
        back in 0_u64..1_500,
    ) {
        let retention = Retention { months };
        let end = today - Days::new(back);
        let cycle = Cycle::containing(end);
        let kept = !Retention::is_past(retention.cutoff(today), end);
        let readable = cycle.months_before(Cycle::containing(today)) <= 24;
        prop_assert!(!kept || !readable || retention.window(today).contains(cycle));
    }

    #[test]
    fn a_period_overlaps_a_cycle_when_they_share_a_day(today in day(), before in 0_u64..70, length in 0_u64..70) {
        let cycle = Cycle::containing(today);
        let start = cycle.last_day() + Days::new(5) - Days::new(before);
        let end = start + Days::new(length);
        let shared = (0..=length).any(|days| Cycle::containing(start + Days::new(days)) == cycle);
        prop_assert_eq!(cycle.overlaps(start, end), shared);
    }
}
