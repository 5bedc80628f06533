//! How far back reports are read and kept: one cutoff rule for planning, applying and pruning.

use chrono::{Months, NaiveDate};

use super::Cycle;

/// The vendor keeps billing reports for two years.
pub const VENDOR_MONTHS: u32 = 24;

/// From this many months back the vendor's exact cut-off is unknown, so absence proves nothing.
const EDGE_MONTHS: u32 = 23;

/// How long reports are kept here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Months, at least one; more than [`VENDOR_MONTHS`] keeps what the vendor has forgotten.
    pub months: u32,
}

impl Retention {
    /// The oldest day that is still kept: reports that ended before it are past retention.
    ///
    /// The day of the month is kept where the target month has it, else the month's last day
    /// stands in: 24 months before 29 February is 28 February.
    pub fn cutoff(self, today: NaiveDate) -> NaiveDate {
        today.checked_sub_months(Months::new(self.months)).unwrap_or(NaiveDate::MIN)
    }

    /// Whether a report that ended on `end_date` is past retention, given the cutoff.
    pub fn is_past(cutoff: NaiveDate, end_date: NaiveDate) -> bool {
        end_date < cutoff
    }

    /// The cycles that can still be read and kept on `today`.
    pub fn window(self, today: NaiveDate) -> Window {
        let current = Cycle::containing(today);
        let cutoff = self.cutoff(today);
        let months_back = (0..=VENDOR_MONTHS)
            .take_while(|back| !Self::is_past(cutoff, current.back(*back).last_day()))
            .last()
            .unwrap_or(0);
        Window { current, months_back }
    }
}

/// A run of cycles that ends with the current month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    current: Cycle,
    months_back: u32,
}

impl Window {
    /// The current month.
    pub fn current(self) -> Cycle {
        self.current
    }

    /// The oldest cycle in the window.
    pub fn oldest(self) -> Cycle {
        self.current.back(self.months_back)
    }

    /// Whether a cycle can still be read and kept.
    pub fn contains(self, cycle: Cycle) -> bool {
        (self.oldest()..=self.current).contains(&cycle)
    }

    /// Every cycle, newest first: what people wait for is polled first, and a report that moved to
    /// a later cycle is seen there before the earlier one misses it.
    pub fn cycles(self) -> impl Iterator<Item = Cycle> {
        (0..=self.months_back).map(move |back| self.current.back(back))
    }

    /// Whether the vendor may already have dropped part of this cycle.
    pub fn is_edge(self, cycle: Cycle) -> bool {
        cycle.months_before(self.current) >= EDGE_MONTHS.cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn window(months: u32, today: &str) -> Window {
        Retention { months }.window(day(today))
    }

    #[test]
    fn the_cutoff_keeps_the_day_or_falls_back_to_the_months_last() {
        let cutoff = |months, today| Retention { months }.cutoff(day(today));
        assert_eq!(cutoff(24, "2026-11-23"), day("2024-11-23"));
        assert_eq!(cutoff(24, "2028-02-29"), day("2026-02-28"));
        assert_eq!(cutoff(1, "2026-03-31"), day("2026-02-28"));
    }

    #[test]
    fn a_report_that_ends_on_the_cutoff_stays() {
        let cutoff = day("2024-11-23");
        assert!(!Retention::is_past(cutoff, day("2024-11-23")));
        assert!(Retention::is_past(cutoff, day("2024-11-22")));
    }

    #[test]
    fn two_years_are_twenty_five_cycles() {
        let window = window(24, "2026-11-23");
        let cycles: Vec<_> = window.cycles().map(|c| c.to_string()).collect();
        assert_eq!(cycles.len(), 25);
        assert_eq!(cycles[0], "2026-11");
        assert_eq!(cycles[24], "2024-11");
    }

    #[test]
    fn the_window_never_exceeds_what_the_vendor_keeps() {
        assert_eq!(window(120, "2026-11-23").cycles().count(), 25);
    }

    #[test]
    fn a_shorter_retention_shortens_the_window() {
        let window = window(6, "2026-11-30");
        assert_eq!(window.oldest().to_string(), "2026-05");
        assert!(!window.contains("2026-04".parse().unwrap()));
        assert!(!window.contains("2026-12".parse().unwrap()));
    }

    #[test]
    fn only_the_two_oldest_cycles_are_the_edge() {
        let window = window(24, "2026-11-01");
        let edge: Vec<_> = window.cycles().filter(|c| window.is_edge(*c)).map(|c| c.to_string()).collect();
        assert_eq!(edge, ["2024-12", "2024-11"]);
    }
}
