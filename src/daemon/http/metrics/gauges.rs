//! What the database says, as gauges made anew for each scrape: what is gone leaves no series behind.

use chrono::{DateTime, TimeDelta, Utc};
use prometheus::{GaugeVec, Registry};

use super::{JOB, added, options};
use crate::daemon::http::sight::Sight;
use crate::store::{Job, Overview};

/// Moments are told to the millisecond, far within what a float holds exactly.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact for 285,000 years")]
pub(super) fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 reports")]
fn number(count: i64) -> f64 {
    count as f64
}

struct Gauges(Registry);

impl Gauges {
    fn add(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        added(&self.0, GaugeVec::new(options(name, help), labels))
    }
}

/// The gauges of what was seen.
pub(super) fn of(sight: &Sight) -> Registry {
    let gauges = Gauges(Registry::new());
    gauges
        .add("build_info", "The program; always 1.", &["version"])
        .with_label_values(&[env!("CARGO_PKG_VERSION")])
        .set(1.0);
    gauges
        .add(
            "database_up",
            "Whether the database could be read for this scrape; if not, the other gauges are what was seen last.",
            &[],
        )
        .with_label_values(&[] as &[&str])
        .set(if sight.trouble.is_none() { 1.0 } else { 0.0 });
    if let Some(overview) = &sight.overview {
        freshness(&gauges, sight, overview);
        backlog(&gauges, sight, overview);
        jobs(&gauges, sight, overview);
        clocks(&gauges, sight, overview);
    }
    gauges.0
}

fn freshness(gauges: &Gauges, sight: &Sight, overview: &Overview) {
    let confirmed = gauges.add(
        "last_confirmed_timestamp_seconds",
        "When an answer of LMP for this billing month was last believed. Missing if none was yet.",
        &["account", "cycle"],
    );
    let open = gauges.add(
        "open_cycles_confirmed_timestamp_seconds",
        "The earliest last_confirmed among the account's open billing months: the age of the figures.",
        &["account"],
    );
    let unconfirmed = gauges.add(
        "unconfirmed_cycles",
        "Billing months of the window for which no answer has been believed yet.",
        &["account"],
    );
    let suspect = gauges.add(
        "suspect_cycles",
        "Billing months whose newest answer was not believed, because it lacks too many reports.",
        &["account"],
    );
    for account in &sight.plan.accounts {
        let mut missing = 0;
        let mut suspicions = 0;
        for state in overview.cycles.iter().filter(|state| state.account == *account) {
            match state.confirmed_at {
                Some(at) => {
                    confirmed.with_label_values(&[&**account, &state.cycle.to_string()]).set(seconds(at));
                }
                None => missing += 1,
            }
            suspicions += i64::from(state.suspicion.is_some());
        }
        unconfirmed.with_label_values(&[account]).set(number(missing));
        suspect.with_label_values(&[account]).set(number(suspicions));
        if let Some(at) = overview.open_cycles(account).filter_map(|state| state.confirmed_at).min() {
            open.with_label_values(&[account]).set(seconds(at));
        }
    }
}

fn backlog(gauges: &Gauges, sight: &Sight, overview: &Overview) {
    let open = gauges.add(
        "open_reports",
        "Listed reports that are not completed. Statuses the vendor has added are \"other\".",
        &["account", "status"],
    );
    let quarantine =
        gauges.add("quarantine_open", "Entries of the newest answers that cannot be reports.", &["account"]);
    for account in &sight.plan.accounts {
        for status in ["MSP Preparing", "Under Review", "Rejected", "Approved", "other"] {
            open.with_label_values(&[&**account, status]);
        }
        for count in overview.figures.counts.iter().filter(|c| c.account == *account && !c.is_final) {
            let status = count.status.map_or("other", crate::domain::KnownStatus::as_str);
            open.with_label_values(&[&**account, status]).add(number(count.reports));
        }
        let entries: i64 =
            overview.quarantine.iter().filter(|kind| kind.account == *account).map(|kind| kind.entries).sum();
        quarantine.with_label_values(&[account]).set(number(entries));
    }
}

fn jobs(gauges: &Gauges, sight: &Sight, overview: &Overview) {
    let next = gauges.add(
        "next_tick_timestamp_seconds",
        "When the job is due next, by its schedule; account * is for all.",
        &["account", JOB],
    );
    for (account, job) in sight.plan.jobs() {
        if let Some(due) = sight.plan.next(job, overview.now) {
            next.with_label_values(&[&*account, job.as_str()]).set(seconds(due));
        }
    }
    let last = gauges.add(
        "last_run_timestamp_seconds",
        "When a run of the job last ended with this outcome, by whichever process; among the last fifty.",
        &["account", JOB, "outcome"],
    );
    for run in &overview.runs {
        if let Some(at) = run.finished_at {
            last.with_label_values(&[&run.account, &run.job, &run.outcome]).set(seconds(at));
        }
    }
    let overdue = gauges.add(
        "overdue_jobs",
        "Jobs whose tick nobody has taken within their grace; as in /readyz.",
        &[JOB],
    );
    for job in Job::SCHEDULED {
        let late = overview
            .ticks
            .iter()
            .filter(|tick| tick.job == job && sight.plan.complaint(tick, overview.now).is_some())
            .count();
        overdue.with_label_values(&[job.as_str()]).set(number(i64::try_from(late).unwrap_or(i64::MAX)));
    }
}

fn clocks(gauges: &Gauges, sight: &Sight, overview: &Overview) {
    let skew = gauges.add(
        "clock_skew_seconds",
        "How far this machine's clock is ahead of the database's, or of LMP's as of the last exchange; 0 if within what can be measured.",
        &["peer", "account"],
    );
    let seconds = |ahead: TimeDelta| number(ahead.num_milliseconds()) / 1000.0;
    skew.with_label_values(&["database", ""]).set(seconds(sight.ahead_of_database));
    for upstream in &overview.upstream {
        let ahead = sight.ahead_of_database + upstream.database_ahead;
        skew.with_label_values(&["upstream", &upstream.account]).set(seconds(ahead));
    }
}
