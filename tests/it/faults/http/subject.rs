//! What suffers the faults: twenty stored reports of one cycle, and how to tell that nothing has touched them.

use std::time::Duration;

use lmp_billing_sync::domain::Cycle;
use lmp_billing_sync::lmp::ClientOptions;
use lmp_billing_sync::store::PollRow;

use super::upstream::Upstream;
use crate::support::lab::{Lab, With as _, report, reports};

/// Everything that a failed poll may not touch, and where each row lies and who wrote or locked it last.
const TABLES: [&str; 4] = [
    "select ctid, xmin, xmax, * from lmp_billing.reports order by id",
    "select ctid, xmin, xmax, * from lmp_billing.superseded_versions order by id, version",
    "select * from lmp_billing.quarantined_reports order by poll_id, position",
    "select * from lmp_billing.report_statuses order by status",
];

pub(crate) struct Subject {
    pub(crate) lab: Lab,
    pub(crate) cycle: Cycle,
    before: Vec<String>,
}

/// How the failed poll must stand in the database.
#[derive(Clone, Copy, Default)]
pub(crate) struct Expected<'a> {
    pub(crate) status: Option<u16>,
    pub(crate) attempts: i16,
    /// Words of its message.
    pub(crate) words: &'a [&'a str],
}

impl Subject {
    pub(crate) async fn new() -> Self {
        let lab = Lab::new().await;
        let cycle = lab.cycle(1).await;
        lab.serve(cycle, reports(20, cycle));
        assert_eq!(lab.poll(cycle).await.inserted, 20);
        // A history, so that there is something to harm.
        lab.serve(
            cycle,
            reports(20, cycle).into_iter().map(|r| r.with(|r| "Under Review".clone_into(&mut r.status))),
        );
        assert_eq!(lab.poll(cycle).await.updated, 20);
        let before = tables(&lab).await;
        Self { lab, cycle, before }
    }

    /// The reports as they are stored.
    pub(crate) fn stored(&self) -> Vec<lmp_billing_sync::simulator::SimReport> {
        let under_review = |report: lmp_billing_sync::simulator::SimReport| {
            report.with(|report| "Under Review".clone_into(&mut report.status))
        };
        reports(20, self.cycle).into_iter().map(under_review).collect()
    }

    /// From now on this server is asked, once per poll if nothing else is said.
    pub(crate) fn ask(&mut self, upstream: &Upstream, change: impl FnOnce(&mut ClientOptions)) {
        self.ask_at(&upstream.base_url(), change);
    }

    pub(crate) fn ask_at(&mut self, base_url: &str, change: impl FnOnce(&mut ClientOptions)) {
        self.lab.reconnect(|options| {
            base_url.clone_into(&mut options.base_url);
            options.request_timeout = Duration::from_mins(1);
            change(options);
        });
    }

    /// Polls, in vain, and looks at what that has left.
    pub(crate) async fn fails(&self, fault: &str, expected: Expected<'_>) -> PollRow {
        let poll = self.lab.poll(self.cycle).await;
        let error = poll.error.clone().unwrap_or_default();
        assert_eq!(poll.outcome.as_str(), "failed", "{fault}: {error}");
        for word in expected.words {
            assert!(error.contains(word), "{fault}: {word:?} is not in {error:?}");
        }
        let row = format!(
            "select outcome, http_status, attempts, reports_seen + inserted + updated + withdrawn + quarantined,
                    finished_at >= requested_at, trace_id is not null
             from lmp_billing.cycle_polls where id = {} and error = $fault${error}$fault$",
            poll.id
        );
        let status = expected.status.map_or("~".to_owned(), |status| status.to_string());
        let wanted = format!("failed|{status}|{}|0|true|true", expected.attempts);
        assert_eq!(self.lab.value(&row).await, wanted, "{fault}: {error}");
        let run = format!(
            "select outcome, polls, polls_failed, inserted + updated + withdrawn from lmp_billing.sync_runs where id = {}",
            poll.run_id
        );
        assert_eq!(self.lab.value(&run).await, "failed|1|1|0", "{fault}");
        self.is_untouched(fault).await;
        poll
    }

    pub(crate) async fn is_untouched(&self, fault: &str) {
        assert_eq!(tables(&self.lab).await, self.before, "{fault} has touched what is stored");
    }

    /// A good answer with something new in it, after the fault: exactly that is applied.
    pub(crate) async fn converges(mut self) {
        self.lab.reconnect(|_| {});
        let mut served = self.stored();
        "Approved".clone_into(&mut served[0].status);
        served.push(report(21, self.cycle));
        self.lab.serve(self.cycle, served);
        let poll = self.lab.poll(self.cycle).await;
        assert_eq!(
            (poll.outcome.as_str(), poll.inserted, poll.updated, poll.withdrawn),
            ("applied", 1, 1, 0)
        );
        assert_eq!(
            self.lab
                .lines("select status, version, count(*) from lmp_billing.current_reports group by 1, 2 order by 1")
                .await,
            ["Approved|3|1", "MSP Preparing|1|1", "Under Review|2|19"]
        );
        assert_eq!(self.lab.value("select count(*) from lmp_billing.superseded_versions").await, "21");
        self.lab.reconnect(|_| {});
        assert_eq!(self.lab.poll(self.cycle).await.outcome.as_str(), "unchanged");
    }
}

async fn tables(lab: &Lab) -> Vec<String> {
    let mut lines = Vec::new();
    for table in TABLES {
        lines.extend(lab.lines(table).await);
    }
    lines
}
