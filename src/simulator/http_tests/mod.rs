//! The simulator over real HTTP.

mod answers;
mod spoilt;
mod steering;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::testing::ManualClock;
use super::{Fault, FaultRule, RunningSimulator, SimReport, Simulator, World};

/// The real time of all these tests: no answer depends on when they run.
const NOW: &str = "2026-08-09T10:00:00Z";

fn now() -> DateTime<Utc> {
    NOW.parse().unwrap()
}

/// A simulator whose clocks stand at [`NOW`].
fn builder() -> Simulator {
    let clock: Arc<ManualClock> = ManualClock::at(NOW);
    Simulator::default().clock(clock).partners(8).seed(3)
}

async fn start() -> RunningSimulator {
    builder().start().await.unwrap()
}

async fn with_fault(fault: Fault) -> RunningSimulator {
    builder().fault(FaultRule::always(fault)).start().await.unwrap()
}

/// The answer that lists these reports.
fn as_json(reports: &[SimReport]) -> Value {
    let entries = reports.iter().map(|report| {
        json!({
            "id": report.id,
            "partner_company_name": report.partner_company_name,
            "start_date": report.start_date.to_string(),
            "end_date": report.end_date.to_string(),
            "status": report.status,
            "under_review_status": report.under_review_status,
        })
    });
    json!({ "reports": entries.collect::<Vec<_>>() })
}

/// The world the default account sees.
fn world() -> World {
    World::new(3, 8)
}
