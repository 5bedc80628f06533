//! `/metrics`: what the process has counted, and what the database says at that moment.
//!
//! Written by the `prometheus` crate rather than by `prometheus-client`, because it speaks the text
//! format 0.0.4, which every scraper and promtool's linter read; the other speaks `OpenMetrics` only.
//!
//! The number of series is bounded: by the accounts of the settings, the cycles of the window, and words
//! of our own. Nothing the vendor sends becomes a label.

mod gauges;

use std::fmt;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use prometheus::core::Collector;
use prometheus::{
    Encoder, Gauge, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, TextEncoder,
};

use super::HttpState;
use crate::store::{Job, Outcome, PollRow, RunOutcome};

/// The label with a job's name. Not `job`: Prometheus gives that label to the target, and renames ours.
const JOB: &str = "job_name";

/// Seconds. An exchange may take as long as `sync.request_timeout`, a minute by default.
const EXCHANGE_BUCKETS: [f64; 11] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

const RUN_OUTCOMES: [RunOutcome; 4] =
    [RunOutcome::Succeeded, RunOutcome::Partial, RunOutcome::Failed, RunOutcome::Interrupted];

/// What this process counts, from its start on.
pub struct Metrics {
    registry: Registry,
    started: Gauge,
    settings_taken: Gauge,
    polls: IntCounterVec,
    exchanges: HistogramVec,
    changed: IntCounterVec,
    quarantined: IntCounterVec,
    pruned: IntCounter,
    runs: IntCounterVec,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Everything at nought.
    pub fn new() -> Self {
        let registry = Registry::new();
        let counter =
            |name, help, labels: &[&str]| added(&registry, IntCounterVec::new(options(name, help), labels));
        let exchanges = HistogramOpts::new(
            full_name("upstream_request_duration_seconds"),
            "How long exchanges with LMP took, from sending a request to the last byte of its answer.",
        );
        let metrics = Self {
            started: added(
                &registry,
                Gauge::with_opts(options(
                    "start_timestamp_seconds",
                    "When this process started; it changes often if it keeps failing.",
                )),
            ),
            settings_taken: added(
                &registry,
                Gauge::with_opts(options(
                    "config_last_reload_successful",
                    "Whether the settings of the last reload are in force; if not, older ones are.",
                )),
            ),
            polls: counter("polls_total", "Polls by this process.", &["account", "outcome"]),
            exchanges: added(
                &registry,
                HistogramVec::new(exchanges.buckets(EXCHANGE_BUCKETS.into()), &["account"]),
            ),
            changed: counter(
                "reports_changed_total",
                "Reports that polls by this process found new, changed or no longer listed.",
                &["account", "kind"],
            ),
            quarantined: counter(
                "quarantined_entries_total",
                "Entries of answers to this process that could not be reports, each time they came.",
                &["account"],
            ),
            pruned: added(
                &registry,
                IntCounter::with_opts(options(
                    "pruned_reports_total",
                    "Reports past retention that this process deleted.",
                )),
            ),
            runs: counter("runs_total", "Runs by this process, of all accounts together.", &[JOB, "outcome"]),
            registry,
        };
        metrics.reloaded(true);
        for job in Job::SCHEDULED {
            for outcome in RUN_OUTCOMES {
                metrics.runs.with_label_values(&[job.as_str(), outcome.as_str()]);
            }
        }
        metrics
    }

    /// The process serves since then.
    pub(super) fn started(&self, at: DateTime<Utc>) {
        self.started.set(gauges::seconds(at));
    }

    /// New settings have been taken over, or refused.
    pub fn reloaded(&self, taken: bool) {
        self.settings_taken.set(f64::from(u8::from(taken)));
    }

    /// A poll has ended.
    pub fn poll(&self, poll: &PollRow) {
        let account = &*poll.account;
        let add = |counter: &IntCounterVec, labels: &[&str], count: i32| {
            counter.with_label_values(labels).inc_by(u64::try_from(count).unwrap_or_default());
        };
        add(&self.polls, &[account, poll.outcome.as_str()], 1);
        add(&self.changed, &[account, "inserted"], poll.inserted);
        add(&self.changed, &[account, "updated"], poll.updated);
        add(&self.changed, &[account, "withdrawn"], poll.withdrawn);
        add(&self.quarantined, &[account], poll.quarantined);
    }

    /// An exchange with the upstream has ended, well or badly.
    pub fn exchange(&self, account: &str, took: Duration) {
        self.exchanges.with_label_values(&[account]).observe(took.as_secs_f64());
    }

    /// A run has ended.
    pub fn run(&self, job: Job, outcome: RunOutcome) {
        self.runs.with_label_values(&[job.as_str(), outcome.as_str()]).inc();
    }

    /// Reports have been deleted for their age.
    pub fn pruned(&self, reports: u64) {
        self.pruned.inc_by(reports);
    }

    /// Shows these accounts from the start: a rate needs a nought to rise from.
    pub(super) fn expect_accounts(&self, accounts: &[String]) {
        for account in accounts {
            for outcome in Outcome::ALL {
                self.polls.with_label_values(&[&**account, outcome.as_str()]);
            }
            for kind in ["inserted", "updated", "withdrawn"] {
                self.changed.with_label_values(&[&**account, kind]);
            }
            self.quarantined.with_label_values(&[&**account]);
            self.exchanges.with_label_values(&[&**account]);
        }
    }
}

/// Answers a scrape. Without the database the gauges tell what was seen last: they are moments, not
/// ages, so that an alert on age goes on counting.
pub(super) async fn show(State(state): State<HttpState>) -> Response {
    let sight = state.sight().await;
    let mut families = state.0.metrics.registry.gather();
    families.extend(gauges::of(&sight).gather());
    let mut text = Vec::new();
    let encoder = TextEncoder::new();
    match encoder.encode(&families, &mut text) {
        Ok(()) => ([(header::CONTENT_TYPE, encoder.format_type().to_owned())], text).into_response(),
        Err(error) => {
            tracing::error!("cannot write the metrics: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn full_name(name: &str) -> String {
    format!("lmp_billing_sync_{name}")
}

fn options(name: &str, help: &str) -> Opts {
    Opts::new(full_name(name), help)
}

/// Adds a metric. Names and labels are all in this module, so a wrong one fails every test.
fn added<C: Collector + Clone + 'static>(registry: &Registry, metric: prometheus::Result<C>) -> C {
    let metric = metric.expect("the name and the labels of the metric are well formed");
    registry.register(Box::new(metric.clone())).expect("the metric is added once");
    metric
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_and_job_starts_from_nought() {
        let metrics = Metrics::new();
        metrics.expect_accounts(&["emea".to_owned()]);
        let text = TextEncoder::new().encode_to_string(&metrics.registry.gather()).unwrap();
        for line in [
            "lmp_billing_sync_polls_total{account=\"emea\",outcome=\"suspect\"} 0",
            "lmp_billing_sync_reports_changed_total{account=\"emea\",kind=\"withdrawn\"} 0",
            "lmp_billing_sync_quarantined_entries_total{account=\"emea\"} 0",
            "lmp_billing_sync_pruned_reports_total 0",
            "lmp_billing_sync_runs_total{job_name=\"prune\",outcome=\"partial\"} 0",
            "lmp_billing_sync_upstream_request_duration_seconds_count{account=\"emea\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn what_ends_is_counted() {
        let metrics = Metrics::new();
        metrics.run(Job::Refresh, RunOutcome::Partial);
        metrics.run(Job::Refresh, RunOutcome::Partial);
        metrics.pruned(7);
        metrics.exchange("emea", Duration::from_millis(300));
        let text = TextEncoder::new().encode_to_string(&metrics.registry.gather()).unwrap();
        assert!(text.contains("runs_total{job_name=\"refresh\",outcome=\"partial\"} 2\n"), "{text}");
        assert!(text.contains("pruned_reports_total 7\n"), "{text}");
        assert!(text.contains("duration_seconds_bucket{account=\"emea\",le=\"0.25\"} 0\n"), "{text}");
        assert!(text.contains("duration_seconds_bucket{account=\"emea\",le=\"0.5\"} 1\n"), "{text}");
    }
}
