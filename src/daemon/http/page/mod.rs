//! `/`: a page that tells a finance person how the billing months stand, and whether to trust it.
//!
//! One document, with its style and without scripts, so that nothing has to be loaded and little can go
//! wrong. Written with `maud`: what is spliced in is escaped unless said otherwise, and the parts are
//! functions of what was seen, checked by the compiler. Whatever is shown by a colour is said in words
//! too.

mod attention;
mod changes;
mod progress;
mod runs;
mod table;
mod text;
mod verdict;
mod waiting;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::HttpState;
use super::sight::Sight;
use crate::store::Overview;
use text::moment;
use verdict::Verdict;

/// The page's style. Its digest is in the content security policy.
pub(super) const STYLE: &str = include_str!("style.css");

/// Shows the page; without the database, what was seen last and that it is not of now.
pub(super) async fn show(State(state): State<HttpState>) -> Response {
    let sight = state.sight().await;
    let status = if sight.trouble.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let page = page(&sight).into_string();
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

fn page(sight: &Sight) -> Markup {
    let verdict = Verdict::of(sight);
    let zone = sight.plan.timezone;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (verdict.title()) " – LMP billing reports" }
                // Keeps browsers from asking for one.
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "LMP billing reports" }
                    p .as-of {
                        @if let Some(overview) = &sight.overview { "As of " (moment(overview.now, zone)) }
                        @else { "No figures yet" }
                    }
                }
                main {
                    (verdict.show())
                    @if let Some(overview) = &sight.overview { (figures(sight, overview)) }
                }
                footer {
                    p { "Times are those of " (zone.name()) ". Figures are of the accounts "
                        @for (place, account) in sight.plan.accounts.iter().enumerate() {
                            @if place > 0 { ", " } b { (account) }
                        }
                        ". Reload the page for newer ones." }
                    p { "lmp-billing-sync " (env!("CARGO_PKG_VERSION")) }
                }
            }
        }
    }
}

fn figures(sight: &Sight, overview: &Overview) -> Markup {
    let zone = sight.plan.timezone;
    html! {
        (waiting::show(overview))
        (attention::show(overview, zone))
        (progress::show(&sight.plan, overview))
        (changes::show(overview, zone))
        (runs::show(&sight.plan, overview))
        (words())
    }
}

/// What the statuses mean, for those who see the page for the first time.
fn words() -> Markup {
    html! {
        section aria-labelledby="words" {
            h2 #words { "What the words mean" }
            dl {
                dt { "Completed" } dd { "Everything is done." }
                dt { "Approved" } dd { "The distributor has approved the report; Trend Micro is next." }
                dt { "Under Review" } dd { "The MSP has submitted the report; the distributor is next. Without an MSP, Trend Micro is." }
                dt { "Rejected" } dd { "The distributor has turned the report down; the MSP corrects and resubmits it." }
                dt { "MSP Preparing" } dd { "The MSP (managed service provider) still works on the report; without one, the distributor does." }
                dt { "Confirmed" } dd { "When Trend Micro last gave an answer for the month that could be believed. The figures are of that moment." }
                dt { "Reopened" } dd { "The report was completed and no longer is. What was billed from it may have to be corrected." }
                dt { "Held back" } dd { "Trend Micro's newest answer lacks so many reports that it is probably wrong. The figures are still those of the answer before." }
                dt { "Set aside" } dd { "Something in Trend Micro's answer cannot be a report. It is kept and counts nowhere." }
            }
        }
    }
}
