//! Open reports by who has to act, and for how long they have waited.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::table::{Cell, numbers, table, tally, words};
use super::text::{count, span};
use crate::domain::KnownStatus;
use crate::store::{Overview, StatusCount};

/// Who acts on reports of which status, in the order of the process.
const LINES: [(&str, &str, Option<KnownStatus>); 5] = [
    ("MSP", "to submit the report", Some(KnownStatus::MspPreparing)),
    ("MSP", "to correct a rejected report", Some(KnownStatus::Rejected)),
    ("Distributor", "to review the report", Some(KnownStatus::UnderReview)),
    ("Trend Micro", "to complete the report", Some(KnownStatus::Approved)),
    ("Unknown", "in a status Trend Micro has added", None),
];

#[derive(Default)]
struct Sum {
    reports: i64,
    over_a_week: i64,
    over_a_month: i64,
    oldest_since: Option<DateTime<Utc>>,
}

fn sum<'a>(counts: impl Iterator<Item = &'a StatusCount>) -> Sum {
    counts.fold(Sum::default(), |sum, count| Sum {
        reports: sum.reports + count.reports,
        over_a_week: sum.over_a_week + count.over_a_week,
        over_a_month: sum.over_a_month + count.over_a_month,
        oldest_since: [sum.oldest_since, Some(count.oldest_since)].into_iter().flatten().min(),
    })
}

pub(super) fn show(overview: &Overview) -> Markup {
    let open = || overview.figures.counts.iter().filter(|count| !count.is_final);
    let total = sum(open());
    let all: i64 = overview.figures.counts.iter().map(|count| count.reports).sum();
    let row = |who: Markup, sum: &Sum| -> [Cell; 6] {
        let oldest = sum.oldest_since.map_or("–".to_owned(), |since| span(overview.now - since));
        [
            who.into(),
            tally(sum.reports),
            tally(sum.reports - sum.over_a_week),
            tally(sum.over_a_week - sum.over_a_month),
            tally(sum.over_a_month),
            oldest.into(),
        ]
    };
    let rows = LINES.iter().filter_map(|(who, what, status)| {
        let sum = sum(open().filter(|count| count.status == *status));
        // Nobody has to know about a status that is not in use.
        (sum.reports > 0 || status.is_some()).then(|| row(html! { b { (who) } " " (what) }, &sum))
    });
    html! {
        section aria-labelledby="waiting" {
            h2 #waiting { "Who has to act" }
            @if total.reports == 0 {
                p { "No report is open: " @if all > 0 { "all " (count(all)) " are completed." } @else { "none is listed." } }
            } @else {
                (table(
                    &html! { (count(total.reports)) " of " (count(all)) " reports are open, by how long they have been waiting, as far as was seen: from the first look on" },
                    [words("Waits for"), numbers("Reports"), numbers("Up to 7 days"), numbers("8 to 30 days"), numbers("Over 30 days"), numbers("Longest")],
                    rows,
                ))
            }
        }
    }
}
