//! The same report twice in an answer, and the same answer in another order.

use serde_json::json;

use super::{entry, good};
use crate::support::lab::Lab;

/// Every row, where it lies and who wrote or locked it last.
const ROWS: &str = "select ctid, xmin, xmax, * from lmp_billing.reports order by id";

#[tokio::test]
async fn identical_entries_are_one_report_however_they_are_spelled_and_ordered() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    let plain = entry(1, cycle, "extra", &json!({ "a": 1, "b": [1.0, "é"] }));
    let spelled = plain
        .replace("Msp Preparing", "MSP preparing")
        .replace(r#""under_review_status":null"#, r#""under_review_status":"""#)
        .replace('é', r"\u00e9")
        .replace(r#"{"a":1,"#, r#"{ "a" : 1.0 , "#);
    assert_ne!(plain, spelled);
    let others = [2, 3].map(|n| good(n, cycle));
    // On the empty table, where a plain answer would be copied straight in, and on the filled one.
    for _ in 0..2 {
        let answer = [&plain, &others[0], &plain, &others[1], &spelled].map(Clone::clone);
        lab.serve_entries(cycle, &answer);
        let poll = lab.poll(cycle).await;
        assert_eq!((poll.reports_seen, poll.quarantined), (3, 0));
    }
    assert_eq!(lab.value("select count(*), max(version) from lmp_billing.reports").await, "3|1");
    assert_eq!(lab.value("select count(*) from lmp_billing.quarantined_reports").await, "0");
    assert_eq!(lab.value("select count(*) from lmp_billing.superseded_versions").await, "0");
}

#[tokio::test]
async fn contradicting_entries_are_all_set_aside_and_their_stored_report_stays_to_the_byte() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    let good = |n| good(n, cycle);
    lab.serve_entries(cycle, &[good(1), good(2), good(3)]);
    lab.poll(cycle).await;
    let before = lab.lines(ROWS).await;
    // Twice one fact and once another: three entries, and no vote is taken. Report 4 is new and contradicted too.
    let answer = [
        good(1),
        entry(1, cycle, "status", &json!("Completed")),
        good(2),
        good(1),
        good(3),
        entry(4, cycle, "status", &json!("Approved")),
        entry(4, cycle, "status", &json!("Rejected")),
    ];
    lab.serve_entries(cycle, &answer);
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.outcome.as_str(), poll.reports_seen), ("unchanged", 2));
    assert_eq!(lab.lines(ROWS).await, before);
    // Identical bytes are kept once.
    assert_eq!(
        lab.lines(
            "select reason, position, report_id is not null from lmp_billing.quarantined_reports order by 2"
        )
        .await,
        [0, 1, 5, 6].map(|position| format!("conflicting_duplicate|{position}|true"))
    );
    // And when they agree again, that is applied, and what was set aside is resolved.
    let completed = entry(1, cycle, "status", &json!("Completed"));
    lab.serve_entries(cycle, &[completed.clone(), good(2), good(3), completed]);
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.updated, poll.withdrawn, poll.quarantined), (1, 0, 0));
    let open = "select count(*) from lmp_billing.quarantined_reports where resolved_at is null";
    assert_eq!(lab.value(open).await, "0");
    assert_eq!(lab.value("select count(*) from lmp_billing.superseded_versions").await, "1");
}

#[tokio::test]
async fn the_same_reports_in_any_order_write_and_lock_nothing() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    let mut entries: Vec<String> = (1..=200).map(|n| entry(n, cycle, "n", &json!(n))).collect();
    // One of them cannot be a report: with it in the answer the other way of comparing is taken.
    for bad in [false, true] {
        if bad {
            entries.push(entry(201, cycle, "status", &json!(7)));
        }
        lab.serve_entries(cycle, &entries);
        lab.poll(cycle).await;
        let before = lab.lines(ROWS).await;
        for _ in 0..3 {
            dice.shuffle(&mut entries);
            lab.serve_entries(cycle, &entries);
            let poll = lab.poll(cycle).await;
            assert_eq!((poll.outcome.as_str(), poll.reports_seen), ("unchanged", 200), "seed {seed}");
        }
        assert_eq!(lab.lines(ROWS).await, before, "seed {seed}");
    }
    assert_eq!(lab.value("select count(*) from lmp_billing.superseded_versions").await, "0");
}
