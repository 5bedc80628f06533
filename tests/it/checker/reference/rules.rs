//! Settings, and the dates that follow from them.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

/// What holds for all polls.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) retention_months: i32,
    pub(crate) timezone: Tz,
    pub(crate) max_withdrawn_fraction: f64,
    pub(crate) believe_after: TimeDelta,
    pub(crate) ignore_fields: BTreeSet<String>,
}

impl Default for Rules {
    /// The defaults of the contract.
    fn default() -> Self {
        Self {
            retention_months: 24,
            timezone: Tz::UTC,
            max_withdrawn_fraction: 0.5,
            believe_after: TimeDelta::hours(24),
            ignore_fields: BTreeSet::new(),
        }
    }
}

impl Rules {
    pub(crate) fn today(&self, now: DateTime<Utc>) -> NaiveDate {
        now.with_timezone(&self.timezone).date_naive()
    }

    /// The last day that is kept: the same day so many months ago, or the last one that month has.
    pub(crate) fn cutoff(&self, today: NaiveDate) -> NaiveDate {
        let months = today.year() * 12 + today.month0().cast_signed() - self.retention_months;
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12).unsigned_abs() + 1);
        (1..=today.day()).rev().find_map(|day| NaiveDate::from_ymd_opt(year, month, day)).expect("a day 1")
    }

    /// Whether the vendor may already have dropped part of a cycle.
    pub(super) fn is_edge(cycle: NaiveDate, today: NaiveDate) -> bool {
        months_between(cycle, today) >= 23
    }
}

/// Months from one day's month to another's.
pub(super) fn months_between(from: NaiveDate, to: NaiveDate) -> i32 {
    let number = |day: NaiveDate| day.year() * 12 + day.month0().cast_signed();
    number(to) - number(from)
}
