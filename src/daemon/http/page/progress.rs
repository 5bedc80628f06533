//! How far each billing month is: a bar by status, and the same in numbers.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use maud::{Markup, html};

use super::super::Plan;
use super::table::{Cell, numbers, table, tally, words};
use super::text::{ago, count, many, month, month_name, span};
use crate::domain::{Cycle, KnownStatus};
use crate::store::{CycleState, Overview};

/// From the left: what is done, then what is ever further from it.
const ORDER: [(Option<KnownStatus>, &str, &str); 6] = [
    (Some(KnownStatus::Completed), "completed", "Completed"),
    (Some(KnownStatus::Approved), "approved", "Approved"),
    (Some(KnownStatus::UnderReview), "review", "Under Review"),
    (Some(KnownStatus::Rejected), "rejected", "Rejected"),
    (Some(KnownStatus::MspPreparing), "preparing", "MSP Preparing"),
    (None, "other", "Other"),
];

/// Even one report of a million is seen.
const NARROWEST: f64 = 0.5;

/// So many months are shown whatever their state.
const NEVER_FOLDED: u32 = 6;

/// Reports of one cycle in [`ORDER`].
struct Counts([i64; 6]);

impl Counts {
    fn of(overview: &Overview, account: &str, cycle: Cycle) -> Self {
        Self(ORDER.map(|(status, ..)| {
            let of_cycle =
                overview.figures.counts.iter().filter(|c| c.account == account && c.cycle == cycle);
            of_cycle.filter(|c| c.status == status).map(|c| c.reports).sum()
        }))
    }

    fn completed(&self) -> i64 {
        self.0[0]
    }

    fn total(&self) -> i64 {
        self.0.iter().sum()
    }

    /// In words, for those who do not see the bar.
    fn in_words(&self) -> String {
        let parts: Vec<String> = ORDER
            .iter()
            .zip(self.0)
            .filter(|(_, reports)| *reports > 0)
            .map(|((.., name), reports)| format!("{} {}", count(reports), name.to_lowercase()))
            .collect();
        parts.join(", ")
    }
}

pub(super) fn show(plan: &Plan, overview: &Overview) -> Markup {
    html! {
        section aria-labelledby="progress" {
            h2 #progress { "Progress by billing month" }
            (patterns())
            ul .legend aria-label="Colours of the bars" {
                @for (_, class, name) in ORDER {
                    li { svg .swatch viewBox="0 0 16 16" aria-hidden="true" { rect .(class) width="16" height="16" {} } (name) }
                }
            }
            @for account in &plan.accounts { (of_account(overview, account)) }
        }
    }
}

/// The newest months of an account, and older ones with something left to do; the rest is folded away.
fn of_account(overview: &Overview, account: &str) -> Markup {
    let open: Vec<Cycle> = overview.open_cycles(account).map(|state| state.cycle).collect();
    let folded_from = overview.window.current().back(NEVER_FOLDED);
    let (shown, folded): (Vec<_>, Vec<_>) = months(overview, account).into_iter().partition(|month| {
        let state = month.state;
        month.cycle > folded_from
            || open.contains(&month.cycle)
            || month.counts.total() > month.counts.completed()
            || state.is_some_and(|state| state.suspicion.is_some() || state.confirmed_at.is_none())
    });
    html! {
        h3 { "Account " (account) }
        div .wide { (figures(overview, &html! { "Newest month first" }, &shown)) }
        @if !folded.is_empty() {
            details {
                summary { (summary(overview, &folded)) }
                div .wide { (figures(overview, &html! { "Completed months" }, &folded)) }
            }
        }
    }
}

fn summary(overview: &Overview, folded: &[Month<'_>]) -> Markup {
    let months = many(i64::try_from(folded.len()).unwrap_or(i64::MAX), "older month", "older months");
    let reports = folded.iter().map(|month| month.counts.total()).sum();
    let confirmed = folded.iter().filter_map(|month| month.state?.confirmed_at).min();
    html! {
        (months) ", all completed: " (many(reports, "report", "reports"))
        @if let Some(at) = confirmed { ", confirmed within the last " (span((overview.now - at).max(TimeDelta::minutes(1)))) }
    }
}

fn figures(overview: &Overview, caption: &Markup, months: &[Month<'_>]) -> Markup {
    let rows = months.iter().map(|of| {
        let [completed, approved, review, rejected, preparing, other] = of.counts.0;
        [
            html! { (month(of.cycle)) }.into(),
            bar(of.cycle, &of.counts).into(),
            share(completed, of.counts.total()),
            tally(of.counts.total()),
            tally(completed),
            tally(approved),
            tally(review),
            tally(rejected),
            tally(preparing),
            tally(other),
            confirmed(overview, of.state).into(),
        ]
    });
    let columns = [
        words("Month"),
        words("Progress"),
        numbers("Done"),
        numbers("Reports"),
        numbers("Completed"),
        numbers("Approved"),
        numbers("Under Review"),
        numbers("Rejected"),
        numbers("MSP Preparing"),
        numbers("Other"),
        words("Confirmed"),
    ];
    table(caption, columns, rows)
}

/// A billing month's line.
struct Month<'a> {
    cycle: Cycle,
    state: Option<&'a CycleState>,
    counts: Counts,
}

/// The window's months, and older ones that are still kept; newest first.
fn months<'a>(overview: &'a Overview, account: &str) -> Vec<Month<'a>> {
    let mut months: BTreeMap<Cycle, Option<&CycleState>> = overview
        .figures
        .counts
        .iter()
        .filter(|count| count.account == account)
        .map(|count| (count.cycle, None))
        .collect();
    let states = overview.cycles.iter().filter(|state| state.account == account);
    months.extend(states.map(|state| (state.cycle, Some(state))));
    months
        .into_iter()
        .rev()
        .map(|(cycle, state)| Month { cycle, state, counts: Counts::of(overview, account, cycle) })
        .collect()
}

/// Rounded down: only what is done is 100 %.
fn share(completed: i64, total: i64) -> Cell {
    if total == 0 { "–".to_owned().into() } else { format!("{} %", completed * 100 / total).into() }
}

fn confirmed(overview: &Overview, state: Option<&CycleState>) -> Markup {
    html! {
        @match state {
            None => "kept from earlier",
            Some(CycleState { confirmed_at: None, .. }) => "not read yet",
            Some(CycleState { confirmed_at: Some(at), .. }) => (ago(overview.now, *at)),
        }
        @if state.is_some_and(|state| state.suspicion.is_some()) { " " strong .tag { "held back" } }
    }
}

fn bar(cycle: Cycle, counts: &Counts) -> Markup {
    let total = counts.total();
    if total == 0 {
        return html! { span .quiet { "no reports" } };
    }
    let percent = |reports: i64| share_of(reports, total) * 100.0;
    let mut before = 0;
    let parts: Vec<(&str, f64, f64)> = ORDER
        .iter()
        .zip(counts.0)
        .filter(|(_, reports)| *reports > 0)
        .map(|((_, class, _), reports)| {
            let from = percent(before);
            before += reports;
            (*class, from, percent(reports).max(NARROWEST))
        })
        .collect();
    let label = format!("{}: {}", month_name(cycle), counts.in_words());
    html! {
        svg .bar role="img" aria-label=(label) {
            title { (label) }
            @for (class, from, width) in parts {
                rect .(class) x=(format!("{from:.2}%")) width=(format!("{width:.2}%")) height="100%" {}
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "for a picture")]
fn share_of(part: i64, whole: i64) -> f64 {
    part as f64 / whole as f64
}

/// Rejected reports are hatched and unknown statuses dotted, so that the colours need not tell.
fn patterns() -> Markup {
    html! {
        svg .patterns aria-hidden="true" width="0" height="0" {
            pattern #hatched width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                rect .rejected-ground width="8" height="8" {}
                rect .ink width="3" height="8" {}
            }
            pattern #dotted width="8" height="8" patternUnits="userSpaceOnUse" {
                rect .other-ground width="8" height="8" {}
                circle .ink cx="4" cy="4" r="2" {}
            }
        }
    }
}
