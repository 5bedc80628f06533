//! What needs a person's eye: reopened reports, answers that are held back, entries that are set aside.

use chrono_tz::Tz;
use maud::{Markup, html};

use super::table::{Cell, numbers, table, tally, words};
use super::text::{foreign, many, moment, month, sentence};
use crate::store::Overview;

/// Months whose held-back answers are told at once; their reasons are nearly the same.
const UNFOLDED: usize = 6;

pub(super) fn show(overview: &Overview, zone: Tz) -> Markup {
    let lately = &overview.figures.lately;
    let is_held_back = overview.cycles.iter().any(|state| state.suspicion.is_some());
    html! {
        section aria-labelledby="attention" {
            h2 #attention { "What needs a look" }
            @if lately.reopened.is_empty() && !is_held_back && overview.quarantine.is_empty() {
                p { "Nothing: no report that was reopened in the last 60 days is still open, no answer is held back, and nothing is set aside." }
            }
            @if !lately.reopened.is_empty() { (reopened(overview, zone)) }
            @if is_held_back { (held_back(overview, zone)) }
            @if !overview.quarantine.is_empty() { (set_aside(overview)) }
        }
    }
}

fn reopened(overview: &Overview, zone: Tz) -> Markup {
    let lately = &overview.figures.lately;
    let rows = lately.reopened.iter().map(|report| {
        [
            foreign(&report.partner_company_name).into(),
            html! { (month(report.cycle)) }.into(),
            foreign(&report.status).into(),
            moment(report.reopened_at, zone).into(),
            html! { (report.account) }.into(),
        ]
    });
    let columns =
        [words("Partner"), words("Billing month"), words("Status now"), words("Reopened"), words("Account")];
    let caption = html! {
        b { (many(lately.reopened_total, "reopened report", "reopened reports")) }
        " of the last 60 days: completed once, open again. What was billed may have to be corrected."
        @if lately.reopened.len() < usize::try_from(lately.reopened_total).unwrap_or_default() { " The newest of them:" }
    };
    table(&caption, columns, rows)
}

fn held_back(overview: &Overview, zone: Tz) -> Markup {
    let mut rows: Vec<[Cell; 5]> = overview
        .cycles
        .iter()
        .filter_map(|state| {
            let suspicion = state.suspicion.as_ref()?;
            let figures_of = state.confirmed_at.map_or(html! { "never" }, |at| moment(at, zone));
            Some([
                html! { (month(state.cycle)) }.into(),
                moment(suspicion.at, zone).into(),
                figures_of.into(),
                sentence(&suspicion.reason).into(),
                html! { (state.account) }.into(),
            ])
        })
        .collect();
    let columns =
        [words("Billing month"), words("Answer of"), words("Figures of"), words("Why"), words("Account")];
    let caption = html! {
        b { "Answers held back" } ": they lack so many reports that they are probably wrong."
    };
    let folded = rows.split_off(rows.len().min(UNFOLDED));
    html! {
        (table(&caption, columns, rows))
        @if !folded.is_empty() {
            details {
                summary {
                    (many(i64::try_from(folded.len()).unwrap_or(i64::MAX), "more answer held back", "more answers held back"))
                }
                (table(&html! { "Answers held back of the other billing months" }, columns, folded))
            }
        }
    }
}

/// More kinds of bad entries than anybody reads on a page.
const KINDS_SHOWN: usize = 50;

fn set_aside(overview: &Overview) -> Markup {
    let total: i64 = overview.quarantine.iter().map(|kind| kind.entries).sum();
    let rows = overview.quarantine.iter().take(KINDS_SHOWN).map(|kind| {
        [
            html! { (month(kind.cycle)) }.into(),
            tally(kind.entries),
            html! { (kind.reason.replace('_', " ")) }.into(),
            sentence(&kind.example).into(),
            html! { (kind.account) }.into(),
        ]
    });
    let columns =
        [words("Billing month"), numbers("Entries"), words("Kind"), words("For example"), words("Account")];
    let caption = html! {
        b { (many(total, "entry set aside", "entries set aside")) }
        ": they cannot be reports and count nowhere. They are kept in the table "
        code { "quarantined_reports" } "."
        @if overview.quarantine.len() > KINDS_SHOWN { " The first " (KINDS_SHOWN) " kinds:" }
    };
    table(&caption, columns, rows)
}
