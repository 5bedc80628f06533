//! Which cycles a job polls. Pure: what is stored and what time it is, the caller says.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::domain::{Cycle, Window};
use crate::store::Job;

/// A cycle was asked for that can no longer, or not yet, be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cycle {cycle} is outside the window of what can be read and kept: {oldest} to {newest}")]
pub struct OutsideWindow {
    cycle: Cycle,
    oldest: Cycle,
    newest: Cycle,
}

/// A manual run polls the cycles asked for, or the whole window; newest first, each once.
///
/// # Errors
/// When a cycle lies outside the window.
pub fn manual(window: Window, asked: &[Cycle]) -> Result<Vec<Cycle>, OutsideWindow> {
    if asked.is_empty() {
        return Ok(window.cycles().collect());
    }
    if let Some(cycle) = asked.iter().copied().find(|cycle| !window.contains(*cycle)) {
        return Err(OutsideWindow { cycle, oldest: window.oldest(), newest: window.current() });
    }
    Ok(window.cycles().filter(|cycle| asked.contains(cycle)).collect())
}

/// The cycles a scheduled job polls on a day, given those that hold a listed report which is not final.
pub fn plan(job: Job, window: Window, today: NaiveDate, unfinished: &BTreeSet<Cycle>) -> Vec<Cycle> {
    match job {
        Job::Discover => discover(window),
        Job::Refresh => refresh(window, today, unfinished),
        Job::Reconcile | Job::Manual => window.cycles().collect(),
        Job::Prune => Vec::new(),
    }
}

/// The cycle that has just ended and the current one.
fn discover(window: Window) -> Vec<Cycle> {
    window.cycles().take(2).collect()
}

/// Every open cycle: one that holds a listed report that is not final, or ended at most 45 days ago.
fn refresh(window: Window, today: NaiveDate, unfinished: &BTreeSet<Cycle>) -> Vec<Cycle> {
    window.cycles().filter(|cycle| cycle.is_recent(today) || unfinished.contains(cycle)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Retention;

    fn window() -> Window {
        Retention { months: 24 }.window("2026-11-23".parse().unwrap())
    }

    fn cycle(text: &str) -> Cycle {
        text.parse().unwrap()
    }

    fn texts(cycles: &[Cycle]) -> Vec<String> {
        cycles.iter().map(Cycle::to_string).collect()
    }

    #[test]
    fn january_asks_for_december_of_the_year_before() {
        let window = Retention { months: 24 }.window("2027-01-01".parse().unwrap());
        assert_eq!(texts(&discover(window)), ["2027-01", "2026-12"]);
    }

    #[test]
    fn a_cycle_is_open_through_the_45th_day_after_its_end_and_while_a_report_is_not_final() {
        let open = |today: &str, unfinished: &[&str]| {
            let today = today.parse().unwrap();
            let unfinished = unfinished.iter().map(|text| cycle(text)).collect();
            texts(&refresh(Retention { months: 24 }.window(today), today, &unfinished))
        };
        // 31 August and 45 days is 15 October.
        assert_eq!(open("2026-10-15", &[]), ["2026-10", "2026-09", "2026-08"]);
        assert_eq!(open("2026-10-16", &[]), ["2026-10", "2026-09"]);
        assert_eq!(open("2026-10-16", &["2025-03", "2020-01"]), ["2026-10", "2026-09", "2025-03"]);
    }

    #[test]
    fn a_shorter_retention_shortens_every_plan() {
        let today = "2026-10-15".parse().unwrap();
        let window = Retention { months: 1 }.window(today);
        assert_eq!(texts(&refresh(window, today, &BTreeSet::new())), ["2026-10", "2026-09"]);
        assert_eq!(texts(&plan(Job::Reconcile, window, today, &BTreeSet::new())), ["2026-10", "2026-09"]);
        assert_eq!(plan(Job::Prune, window, today, &BTreeSet::new()), []);
    }

    #[test]
    fn without_a_wish_the_whole_window_is_polled() {
        assert_eq!(manual(window(), &[]).unwrap().len(), 25);
    }

    #[test]
    fn cycles_asked_for_twice_are_polled_once_and_newest_first() {
        let asked = ["2026-08", "2026-09", "2026-08"].map(cycle);
        assert_eq!(manual(window(), &asked).unwrap(), ["2026-09", "2026-08"].map(cycle));
    }

    #[test]
    fn a_cycle_outside_the_window_is_refused_by_name() {
        for text in ["2024-10", "2026-12"] {
            let message = manual(window(), &[cycle(text)]).unwrap_err().to_string();
            assert!(message.contains(text) && message.contains("2024-11 to 2026-11"), "{message}");
        }
    }
}
