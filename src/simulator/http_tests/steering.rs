//! What tests do with the handle.

use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::super::testing::Signed;
use super::super::{DEFAULT_ACCESS_TOKEN, Fault, FaultRule, Gate, SimReport};
use super::{as_json, now, start, world};
use crate::domain::Cycle;

fn july() -> Cycle {
    "2026-07".parse().unwrap()
}

fn ask() -> Signed {
    Signed::cycle("2026-07", now())
}

#[tokio::test]
async fn the_worlds_time_is_what_it_is_set_to() {
    let simulator = start().await;
    let handle = simulator.handle();
    for days in [0, 20, 40] {
        let at = "2026-07-01T12:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        let at = at + TimeDelta::days(days);
        handle.set_world_time(at);
        assert_eq!(ask().json(&simulator).await.1, as_json(&world().reports(at, july())));
        assert_eq!(handle.exchanges().pop().unwrap().world_time, at);
    }
}

#[tokio::test]
async fn an_answer_can_be_replaced_and_restored() {
    let simulator = start().await;
    let handle = simulator.handle();
    let before = ask().json(&simulator).await;

    let report = SimReport::new(Uuid::from_u128(9), "Nordlicht", july(), "Rejected");
    handle.replace_reports(DEFAULT_ACCESS_TOKEN, july(), vec![report.clone()]);
    assert_eq!(ask().json(&simulator).await.1, as_json(&[report]));

    handle.replace_entries(DEFAULT_ACCESS_TOKEN, july(), vec!["null".to_owned(), "[1]".to_owned()]);
    assert_eq!(ask().json(&simulator).await.1, json!({ "reports": [null, [1]] }));

    let june = Signed::cycle("2026-06", now()).json(&simulator).await.1;
    assert!(!june["reports"].as_array().unwrap().is_empty());

    handle.restore(DEFAULT_ACCESS_TOKEN, july());
    assert_eq!(ask().json(&simulator).await, before);
}

#[tokio::test]
async fn a_replaced_cycle_is_served_however_old_it_is() {
    let simulator = start().await;
    let cycle: Cycle = "2019-01".parse().unwrap();
    let report = SimReport::new(Uuid::from_u128(9), "Nordlicht", cycle, "Completed");
    simulator.handle().replace_reports(DEFAULT_ACCESS_TOKEN, cycle, vec![report]);
    let (_, body) = Signed::cycle("2019-01", now()).json(&simulator).await;
    assert_eq!(body["reports"][0]["start_date"], "2019-01-01");
}

#[tokio::test]
async fn a_held_answer_tells_what_was_true_when_it_was_asked_for() {
    let simulator = start().await;
    let handle = simulator.handle();
    let gate = Gate::closed();
    handle.push_fault(FaultRule::once(Fault::Hold(gate.clone())));
    let asking = ask();
    let held = asking.json(&simulator);
    let steps = async {
        handle.wait_for_requests(1).await;
        handle.replace_reports(DEFAULT_ACCESS_TOKEN, july(), vec![]);
        assert_eq!(ask().json(&simulator).await.1, json!({ "reports": [] }));
        gate.open();
    };
    let (held, ()) = tokio::join!(held, steps);
    let expected = world().reports(now(), july());
    assert_eq!(held.1["reports"].as_array().unwrap().len(), expected.len());
    let numbers: Vec<_> = handle.exchanges().iter().map(|e| e.answer.is_some()).collect();
    assert_eq!(numbers, [true, true]);
}

#[tokio::test]
async fn a_fault_can_be_about_one_cycle() {
    let simulator = start().await;
    let handle = simulator.handle();
    handle.push_fault(FaultRule::always(Fault::Empty).on_cycle(july()));
    assert_eq!(ask().json(&simulator).await.1, json!({ "reports": [] }));
    let june = Signed::cycle("2026-06", now()).json(&simulator).await.1;
    assert!(!june["reports"].as_array().unwrap().is_empty());
    handle.clear_faults();
    assert_ne!(ask().json(&simulator).await.1, json!({ "reports": [] }));
}
