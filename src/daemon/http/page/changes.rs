//! What changed lately.

use chrono_tz::Tz;
use maud::{Markup, html};

use super::table::{table, words};
use super::text::{foreign, moment, month};
use crate::store::{Overview, RecentChange};

pub(super) fn show(overview: &Overview, zone: Tz) -> Markup {
    let changes = &overview.figures.lately.changes;
    let rows = changes.iter().map(|change| {
        [
            moment(change.changed_at, zone).into(),
            foreign(&change.partner_company_name).into(),
            html! { (month(change.cycle)) }.into(),
            became(change).into(),
            html! { (change.account) }.into(),
        ]
    });
    let columns =
        [words("Seen"), words("Partner"), words("Billing month"), words("Change"), words("Account")];
    html! {
        section aria-labelledby="changes" {
            h2 #changes { "What changed lately" }
            @if changes.is_empty() { p { "No report has changed its status yet." } }
            @else { (table(&html! { "The newest changes of status" }, columns, rows)) }
        }
    }
}

fn became(change: &RecentChange) -> Markup {
    html! {
        (foreign(&change.from_status)) " → " b { (foreign(&change.to_status)) }
        @if let Some(how) = &change.under_review_status { " " span .quiet { "(" (foreign(how)) ")" } }
        @if change.reopened { " " strong .tag { "reopened" } }
    }
}
