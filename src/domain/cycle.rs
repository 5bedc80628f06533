//! A billing cycle: one calendar month.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Days, Months, NaiveDate};

/// So many days after its end a cycle still counts as open, whatever is listed: reports may yet appear.
const OPEN_DAYS: Days = Days::new(45);

/// A billing month, written `YYYY-MM`; in the database the first day of the month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cycle {
    first_day: NaiveDate,
}

/// Why a text is not a cycle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a billing cycle; write it as YYYY-MM, for example 2026-08")]
pub struct ParseCycleError(String);

impl Cycle {
    /// The cycle a day belongs to.
    pub fn containing(day: NaiveDate) -> Self {
        Self { first_day: day.with_day(1).unwrap_or(day) }
    }

    /// The first day of the month, which is also how the database writes the cycle.
    pub fn first_day(self) -> NaiveDate {
        self.first_day
    }

    /// The last day of the month.
    pub fn last_day(self) -> NaiveDate {
        self.next().first_day.checked_sub_days(Days::new(1)).unwrap_or(self.first_day)
    }

    /// The year as the upstream wants it: four digits.
    pub fn year(self) -> i32 {
        self.first_day.year()
    }

    /// The month, 1 to 12.
    pub fn month(self) -> u32 {
        self.first_day.month()
    }

    /// The month after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self { first_day: self.first_day + Months::new(1) }
    }

    /// The cycle `months` months earlier.
    #[must_use]
    pub fn back(self, months: u32) -> Self {
        Self { first_day: self.first_day - Months::new(months) }
    }

    /// How many months this cycle lies before `other`; negative if it lies after.
    pub fn months_before(self, other: Self) -> i32 {
        let count = |c: Self| c.year() * 12 + c.first_day.month0().cast_signed();
        count(other) - count(self)
    }

    /// Whether the cycle is open on a day whatever it holds: through the 45th day after its end.
    pub fn is_recent(self, today: NaiveDate) -> bool {
        today <= self.last_day() + OPEN_DAYS
    }

    /// Whether a period, both days included, shares a day with this month.
    pub fn overlaps(self, start: NaiveDate, end: NaiveDate) -> bool {
        start <= self.last_day() && end >= self.first_day
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.month())
    }
}

impl FromStr for Cycle {
    type Err = ParseCycleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseCycleError(text.to_owned());
        let (year, month) = text.split_once('-').ok_or_else(error)?;
        let digits = |part: &str, len| part.len() == len && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) || year == "0000" {
            return Err(error());
        }
        let year = year.parse().map_err(|_| error())?;
        let month = month.parse().map_err(|_| error())?;
        NaiveDate::from_ymd_opt(year, month, 1).map(|first_day| Self { first_day }).ok_or_else(error)
    }
}

impl serde::Serialize for Cycle {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn cycle(text: &str) -> Cycle {
        text.parse().unwrap()
    }

    #[test]
    fn reads_and_writes_year_and_month_only_in_the_exact_form() {
        assert_eq!(cycle("2026-08").to_string(), "2026-08");
        for wrong in [
            "2026-8",
            "2026-13",
            "2026-00",
            "26-08",
            "2026-08-01",
            "2026/08",
            " 2026-08",
            "0000-01",
            "+026-08",
            "",
        ] {
            assert!(wrong.parse::<Cycle>().is_err(), "{wrong:?} was taken");
        }
    }

    #[test]
    fn the_turn_of_the_year_is_one_month() {
        assert_eq!(cycle("2026-01").back(1), cycle("2025-12"));
        assert_eq!(cycle("2025-12").next(), cycle("2026-01"));
        assert_eq!(cycle("2025-12").months_before(cycle("2026-01")), 1);
        assert_eq!(cycle("2026-11").months_before(cycle("2024-11")), -24);
    }

    #[test]
    fn a_leap_february_ends_on_the_29th() {
        assert_eq!(cycle("2028-02").last_day(), day("2028-02-29"));
        assert_eq!(cycle("2026-02").last_day(), day("2026-02-28"));
    }

    #[test]
    fn a_period_overlaps_when_it_shares_one_day() {
        let august = cycle("2026-08");
        assert!(august.overlaps(day("2026-07-15"), day("2026-08-01")));
        assert!(august.overlaps(day("2026-08-31"), day("2026-09-30")));
        assert!(august.overlaps(day("2026-01-01"), day("2026-12-31")));
        assert!(!august.overlaps(day("2026-07-01"), day("2026-07-31")));
        assert!(!august.overlaps(day("2026-09-01"), day("2026-09-30")));
    }
}
