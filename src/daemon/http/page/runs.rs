//! Last and next runs.

use chrono_tz::Tz;
use maud::{Markup, html};

use super::super::Plan;
use super::table::{table, words};
use super::text::{ago, many, moment, sentence};
use crate::store::{ALL_ACCOUNTS, Job, Overview, RecentRun};

pub(super) fn show(plan: &Plan, overview: &Overview) -> Markup {
    let by_hand = plan.accounts.iter().map(|account| (account.clone(), Job::Manual));
    let rows = plan.jobs().into_iter().chain(by_hand).filter_map(|(account, job)| {
        let last = overview
            .runs
            .iter()
            .find(|run| run.is_newest && run.account == account && run.job == job.as_str());
        let next = plan.next(job, overview.now);
        // A run by hand that has never been is nothing to tell.
        if last.is_none() && next.is_none() {
            return None;
        }
        Some([
            what(job).into(),
            html! { @if account == ALL_ACCOUNTS { "all" } @else { (account) } }.into(),
            last.map_or(html! { "never" }, |run| when(overview, run, plan.timezone)).into(),
            last.map_or(html! { "–" }, result).into(),
            next.map_or(html! { "when somebody starts it" }, |at| moment(at, plan.timezone)).into(),
        ])
    });
    let columns = [words("Job"), words("Account"), words("Last run"), words("Result"), words("Next run")];
    html! {
        section aria-labelledby="runs" {
            h2 #runs { "Last and next runs" }
            (table(&html! { "What the program does by itself, and when" }, columns, rows))
        }
    }
}

fn what(job: Job) -> Markup {
    let explained = match job {
        Job::Refresh => "reads the open billing months",
        Job::Discover => "looks for a new billing month's reports",
        Job::Reconcile => "reads every billing month again",
        Job::Prune => "deletes what is past retention",
        Job::Manual => "started by hand",
    };
    html! { b { (job.as_str()) } " " span .quiet { (explained) } }
}

fn when(overview: &Overview, run: &RecentRun, zone: Tz) -> Markup {
    html! { (moment(run.started_at, zone)) " " span .quiet .unbroken { "(" (ago(overview.now, run.started_at)) ")" } }
}

fn result(run: &RecentRun) -> Markup {
    let did = match (&*run.outcome, &*run.job) {
        ("running", _) => return html! { "under way" },
        (_, "prune") if run.deleted == 0 => "nothing to delete".to_owned(),
        (_, "prune") => many(run.deleted, "report deleted", "reports deleted"),
        _ if run.inserted + run.updated + run.withdrawn == 0 => "nothing new".to_owned(),
        _ => format!(
            "{}, {} changed, {} withdrawn",
            many(run.inserted, "new report", "new reports"),
            super::text::count(run.updated),
            super::text::count(run.withdrawn)
        ),
    };
    html! {
        @match &*run.outcome {
            "succeeded" => (did),
            "partial" if run.job == Job::Prune.as_str() => { strong .tag { "some were locked" } " " (did) }
            "partial" => { strong .tag { (run.polls_failed) " of " (run.polls) " requests failed" } " " (did) }
            "interrupted" => { strong .tag { "interrupted" } " " (did) }
            _ => strong .tag { "failed" },
        }
        @if let Some(error) = &run.error { br; span .quiet { (sentence(error)) } }
    }
}
