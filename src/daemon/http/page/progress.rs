//! How far each billing month is: a bar by status, and the same in numbers.

use maud::{Markup, html};

use super::super::Plan;
use super::table::{Cell, numbers, table, tally, words};
use super::text::{ago, count, month, month_name};
use crate::domain::{Cycle, KnownStatus};
use crate::store::{CycleState, Overview};

/// From the left: what is done, then what is ever further from it.
const ORDER: [(Option<KnownStatus>, &str, &str); 6] = [
    (Some(KnownStatus::Completed), "completed", "Completed"),
    (Some(KnownStatus::Approved), "approved", "Approved"),
    (Some(KnownStatus::UnderReview), "review", "Under review"),
    (Some(KnownStatus::Rejected), "rejected", "Rejected"),
    (Some(KnownStatus::MspPreparing), "preparing", "MSP preparing"),
    (None, "other", "Other"),
];

/// Width of a bar, in units of its own.
const WIDTH: i64 = 1000;

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

fn of_account(overview: &Overview, account: &str) -> Markup {
    let rows = cycles(overview, account).into_iter().map(|(cycle, state)| {
        let counts = Counts::of(overview, account, cycle);
        let [completed, approved, review, rejected, preparing, other] = counts.0;
        [
            html! { (month(cycle)) }.into(),
            bar(cycle, &counts).into(),
            share(completed, counts.total()),
            tally(counts.total()),
            tally(completed),
            tally(approved),
            tally(review),
            tally(rejected),
            tally(preparing),
            tally(other),
            confirmed(overview, state).into(),
        ]
    });
    let columns = [
        words("Month"),
        words("Progress"),
        numbers("Done"),
        numbers("Reports"),
        numbers("Completed"),
        numbers("Approved"),
        numbers("Under review"),
        numbers("Rejected"),
        numbers("MSP preparing"),
        numbers("Other"),
        words("Confirmed"),
    ];
    html! {
        div .wide { (table(&html! { "Account " b { (account) } ", newest month first" }, columns, rows)) }
    }
}

/// The window's cycles, and older ones that are still kept; newest first.
fn cycles<'a>(overview: &'a Overview, account: &str) -> Vec<(Cycle, Option<&'a CycleState>)> {
    let mut cycles: Vec<_> = overview
        .cycles
        .iter()
        .filter(|state| state.account == account)
        .map(|state| (state.cycle, Some(state)))
        .collect();
    for kept in overview.figures.counts.iter().filter(|count| count.account == account) {
        if !cycles.iter().any(|(cycle, _)| *cycle == kept.cycle) {
            cycles.push((kept.cycle, None));
        }
    }
    cycles.sort_by_key(|(cycle, _)| std::cmp::Reverse(*cycle));
    cycles
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
    let mut before = 0;
    let parts: Vec<(&str, i64, i64)> = ORDER
        .iter()
        .zip(counts.0)
        .filter(|(_, reports)| *reports > 0)
        .map(|((_, class, _), reports)| {
            let from = before * WIDTH / total;
            before += reports;
            // Even one of a million is seen.
            (*class, from, (before * WIDTH / total - from).max(4))
        })
        .collect();
    let label = format!("{}: {}", month_name(cycle), counts.in_words());
    html! {
        svg .bar role="img" aria-label=(label) viewBox=(format!("0 0 {WIDTH} 20")) preserveAspectRatio="none" {
            title { (label) }
            @for (class, from, width) in parts {
                rect .(class) x=(from) width=(width) height="20" {}
            }
        }
    }
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
