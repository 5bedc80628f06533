//! Which cycles a job polls, against brute force.

use std::collections::BTreeSet;

use chrono::{Datelike as _, Days, NaiveDate};
use lmp_billing_sync::domain::{Cycle, Retention};
use lmp_billing_sync::store::Job;
use lmp_billing_sync::sync::{manual, plan};
use proptest::collection::btree_set;
use proptest::prelude::*;

/// Any day of some forty years, leap days among them.
pub(super) fn day() -> impl Strategy<Value = NaiveDate> {
    (0_u64..15_000).prop_map(|days| NaiveDate::from_ymd_opt(2010, 1, 1).expect("a day") + Days::new(days))
}

/// Months counted from year 0.
fn count(day: NaiveDate) -> i32 {
    day.year() * 12 + day.month0().cast_signed()
}

fn first(months: i32) -> NaiveDate {
    NaiveDate::from_ymd_opt(months.div_euclid(12), months.rem_euclid(12).unsigned_abs() + 1, 1)
        .expect("a month")
}

/// The last day of a month, found by walking.
fn last(months: i32) -> NaiveDate {
    let mut day = first(months);
    while let Some(next) = day.succ_opt().filter(|next| next.month() == day.month()) {
        day = next;
    }
    day
}

/// All months from five years before to one after, as the contract picks them.
fn window(today: NaiveDate, retention: u32) -> Vec<i32> {
    let cutoff = super::retention::cutoff(today, retention);
    (count(today) - 60..=count(today) + 12)
        .rev()
        .filter(|month| *month <= count(today) && *month >= count(today) - 24 && last(*month) >= cutoff)
        .collect()
}

fn months(cycles: &[Cycle]) -> Vec<i32> {
    cycles.iter().map(|cycle| count(cycle.first_day())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_plan_is_what_the_contract_picks_from_all_months(
        today in day(),
        retention in 1_u32..40,
        unfinished in btree_set(-3_i32..40, 0..12),
    ) {
        let allowed = window(today, retention);
        let window = Retention { months: retention }.window(today);
        let unfinished: BTreeSet<i32> = unfinished.into_iter().map(|back| count(today) - back).collect();
        let cycles = unfinished.iter().map(|month| Cycle::containing(first(*month))).collect();
        let planned = |job| months(&plan(job, window, today, &cycles));
        let picked = |pick: &dyn Fn(i32) -> bool| -> Vec<i32> {
            allowed.iter().copied().filter(|month| pick(*month)).collect()
        };

        prop_assert_eq!(planned(Job::Reconcile), allowed.clone());
        prop_assert_eq!(planned(Job::Discover), picked(&|month| month >= count(today) - 1));
        // Open through the 45th day after its end, or while a report is not final.
        let recent = |month: i32| (0..=45).any(|days| last(month) + Days::new(days) == today) || last(month) >= today;
        prop_assert_eq!(planned(Job::Refresh), picked(&|month| recent(month) || unfinished.contains(&month)));
        prop_assert_eq!(planned(Job::Prune), Vec::<i32>::new());
    }

    #[test]
    fn a_manual_run_polls_what_it_is_asked_for_or_refuses(
        today in day(),
        retention in 1_u32..40,
        asked in proptest::collection::vec(-2_i32..28, 0..6),
    ) {
        let allowed = window(today, retention);
        let window = Retention { months: retention }.window(today);
        let wanted: Vec<i32> = asked.iter().map(|back| count(today) - back).collect();
        let cycles: Vec<Cycle> = wanted.iter().map(|month| Cycle::containing(first(*month))).collect();
        let inside = wanted.iter().all(|month| allowed.contains(month));
        match manual(window, &cycles) {
            Ok(planned) => {
                prop_assert!(inside);
                let right = allowed.iter().copied().filter(|month| wanted.is_empty() || wanted.contains(month));
                prop_assert_eq!(months(&planned), right.collect::<Vec<i32>>());
            }
            Err(_) => prop_assert!(!inside),
        }
    }

    #[test]
    fn the_edge_is_the_cycles_23_and_24_months_back(today in day(), retention in 24_u32..40) {
        let window = Retention { months: retention }.window(today);
        let edge: Vec<Cycle> = window.cycles().filter(|cycle| window.is_edge(*cycle)).collect();
        prop_assert_eq!(months(&edge), vec![count(today) - 23, count(today) - 24]);
    }
}
