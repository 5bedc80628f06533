//! Whether the figures can be trusted now, and how old they are: the first thing the page says.

use std::time::Duration;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use maud::{Markup, html};

use super::super::sight::Sight;
use super::text::{ago, many, moment, month_name, sentence, span};
use crate::domain::Cycle;
use crate::store::{CycleState, Job, Overview};

/// A poll may come this long after its tick: a run polls one cycle after the other, and not too fast.
const POLLED_WITHIN: Duration = Duration::from_hours(1);

/// How far the figures can be trusted; the worst comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trust {
    Full,
    Reserved,
    Outdated,
    /// There is nothing to trust yet.
    Unread,
    /// The database has not been seen at all.
    Unseen,
}

/// A sentence, and what it does to the trust.
struct Finding(Trust, Markup);

/// What is to be said about the figures.
pub(super) struct Verdict {
    trust: Trust,
    age: Option<TimeDelta>,
    findings: Vec<Finding>,
}

impl Verdict {
    pub(super) fn of(sight: &Sight) -> Self {
        let mut findings = Vec::new();
        if let Some(trouble) = &sight.trouble {
            findings.push(Finding(Trust::Outdated, unreachable(sight, trouble)));
        }
        let mut trust = Trust::Unseen;
        let mut age = None;
        if let Some(overview) = &sight.overview {
            for account in &sight.plan.accounts {
                findings.extend(confirmation(sight, overview, account));
                findings.extend(last_run(overview, account));
            }
            findings.extend(reservations(overview));
            let is_unread = overview.cycles.iter().all(|state| state.confirmed_at.is_none());
            trust = if is_unread { Trust::Unread } else { Trust::Full };
            age = oldest(sight, overview).map(|at| sight_now(sight, overview) - at);
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.0));
        trust = findings.first().map_or(trust, |worst| trust.max(worst.0));
        Self { trust, age, findings }
    }

    /// For the browser's tab.
    pub(super) fn title(&self) -> &'static str {
        match self.trust {
            Trust::Full => "Up to date",
            Trust::Reserved => "Up to date, with reservations",
            Trust::Outdated => "Out of date",
            Trust::Unread => "Nothing read yet",
            Trust::Unseen => "Database out of reach",
        }
    }

    pub(super) fn show(&self) -> Markup {
        let (class, sign, headline) = match self.trust {
            Trust::Full => ("full", "✓", "The figures can be trusted."),
            Trust::Reserved => ("reserved", "!", "The figures are up to date, with reservations."),
            Trust::Outdated => ("outdated", "✕", "The figures are out of date."),
            Trust::Unread => ("outdated", "!", "Nothing has been read from Trend Micro yet."),
            Trust::Unseen => ("outdated", "✕", "There are no figures: the database cannot be read."),
        };
        html! {
            section .verdict .(class) aria-labelledby="verdict" {
                span .sign aria-hidden="true" { (sign) }
                div {
                    h2 #verdict { (headline) }
                    @if let Some(age) = self.age {
                        p { "All open billing months were confirmed with Trend Micro within the last " b { (span(age.max(TimeDelta::minutes(1)))) } "." }
                    }
                    @if !self.findings.is_empty() {
                        ul { @for finding in &self.findings { li { (finding.1) } } }
                    }
                }
            }
        }
    }
}

/// While the database is away its clock is too.
fn sight_now(sight: &Sight, overview: &Overview) -> DateTime<Utc> {
    if sight.trouble.is_some() { sight.machine_now.max(overview.now) } else { overview.now }
}

/// When the open cycle confirmed longest ago was; `None` while there is one that never was.
fn oldest(sight: &Sight, overview: &Overview) -> Option<DateTime<Utc>> {
    let open = sight.plan.accounts.iter().flat_map(|account| overview.open_cycles(account));
    open.map(|state| state.confirmed_at).collect::<Option<Vec<_>>>()?.into_iter().min()
}

/// When a month begins where the schedules are read; where its midnight is skipped, that of UTC is near enough.
fn beginning(cycle: Cycle, timezone: Tz) -> DateTime<Utc> {
    let midnight = cycle.first_day().and_time(NaiveTime::MIN);
    midnight.and_local_timezone(timezone).earliest().map_or(midnight.and_utc(), |midnight| midnight.to_utc())
}

fn unreachable(sight: &Sight, trouble: &str) -> Markup {
    html! {
        "The database cannot be read now" @if let Some(overview) = &sight.overview {
            "; what follows is of " (moment(overview.now, sight.plan.timezone))
        } ". " span .quiet { (sentence(trouble)) }
    }
}

/// Whether an account's cycles have been confirmed as often as its schedule says.
fn confirmation(sight: &Sight, overview: &Overview, account: &str) -> Vec<Finding> {
    let states: Vec<&CycleState> = overview.cycles.iter().filter(|s| s.account == account).collect();
    if states.iter().all(|state| state.confirmed_at.is_none()) {
        let text = html! { b { (account) } ": nothing has been read from Trend Micro yet." };
        return vec![Finding(Trust::Outdated, text)];
    }
    let now = sight_now(sight, overview);
    let late = |state: &CycleState, job: Job| {
        let from = state.confirmed_at.unwrap_or_else(|| beginning(state.cycle, sight.plan.timezone));
        sight
            .plan
            .schedules
            .get(&job)
            .is_some_and(|schedule| schedule.behind_since(from, now, POLLED_WITHIN).is_some())
    };
    let open: Vec<&CycleState> =
        overview.open_cycles(account).filter(|state| late(state, Job::Refresh)).collect();
    let (closed, unread): (Vec<&CycleState>, Vec<&CycleState>) = states
        .into_iter()
        .filter(|state| late(state, Job::Reconcile))
        .filter(|state| !overview.open_cycles(account).any(|open| open.cycle == state.cycle))
        .partition(|state| state.confirmed_at.is_some());
    let mut findings = Vec::new();
    if let Some(first) = open.iter().min_by_key(|state| state.confirmed_at) {
        let months = many(
            i64::try_from(open.len()).unwrap_or(i64::MAX),
            "open billing month is",
            "open billing months are",
        );
        let text = html! {
            b { (account) } ": " (months) " overdue for confirmation. "
            @match first.confirmed_at {
                Some(at) => { (month_name(first.cycle)) " was last confirmed " (ago(now, at)) "." }
                None => { (month_name(first.cycle)) " has not been read yet." }
            }
        };
        findings.push(Finding(Trust::Outdated, text));
    }
    for (months, text) in [(closed, "not been checked again when due."), (unread, "not been read yet.")] {
        if !months.is_empty() {
            let count = i64::try_from(months.len()).unwrap_or(i64::MAX);
            let months = many(count, "closed billing month has", "closed billing months have");
            findings.push(Finding(Trust::Reserved, html! { b { (account) } ": " (months) " " (text) }));
        }
    }
    findings
}

/// The account's last run that has ended, if it did not go well.
fn last_run(overview: &Overview, account: &str) -> Option<Finding> {
    let run = overview
        .runs
        .iter()
        .filter(|run| run.account == account && run.outcome != "running")
        .max_by_key(|run| run.run_id)?;
    let how = match &*run.outcome {
        "succeeded" => return None,
        "partial" => "had failures",
        "interrupted" => "was interrupted",
        _ => "failed",
    };
    let text = html! {
        b { (account) } ": the last run (" (run.job) ", " (ago(overview.now, run.started_at)) ") " (how) "."
        @if let Some(error) = &run.error { " " span .quiet { (sentence(error)) } }
    };
    Some(Finding(Trust::Reserved, text))
}

fn reservations(overview: &Overview) -> Vec<Finding> {
    let mut findings = Vec::new();
    let held_back = overview.cycles.iter().filter(|state| state.suspicion.is_some()).count();
    if held_back > 0 {
        let months = many(i64::try_from(held_back).unwrap_or(i64::MAX), "billing month", "billing months");
        let text =
            html! { "The newest answer for " (months) " is held back because it lacks too many reports." };
        findings.push(Finding(Trust::Reserved, text));
    }
    let set_aside: i64 = overview.quarantine.iter().map(|kind| kind.entries).sum();
    if set_aside > 0 {
        let entries = many(set_aside, "entry of the answers is", "entries of the answers are");
        let text = html! { (entries) " set aside because they cannot be reports; what they stand for is not counted." };
        findings.push(Finding(Trust::Reserved, text));
    }
    let reopened = overview.figures.lately.reopened_total;
    if reopened > 0 {
        let reports = many(reopened, "completed report has", "completed reports have");
        let text = html! { (reports) " been reopened in the last 60 days; see " a href="#attention" { "what needs a look" } "." };
        findings.push(Finding(Trust::Full, text));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_with_its_first_day_where_the_schedules_are_read() {
        let at = |cycle: &str, zone| beginning(cycle.parse().unwrap(), zone).to_rfc3339();
        assert_eq!(at("2026-12", Tz::America__New_York), "2026-12-01T05:00:00+00:00");
        assert_eq!(at("2026-12", Tz::Asia__Tokyo), "2026-11-30T15:00:00+00:00");
    }
}
