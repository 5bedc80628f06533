//! `status` for people and programs.

use lmp_billing_sync::simulator::{Fault, FaultRule};

use super::lab::{CommandLab, months_ago};
use super::process::keys;

#[tokio::test]
async fn before_the_first_sync_it_says_what_to_do() {
    let lab = CommandLab::new().await;
    lab.succeeds(&["status"]).await.says(&["Nothing has been synced yet", "`lmp-billing-sync sync`"]);
    let document = lab.succeeds(&["status", "--output", "json"]).await.json();
    assert_eq!((&document["jobs"], &document["cycles"]), (&serde_json::json!([]), &serde_json::json!([])));
    let (header, rows) = lab.succeeds(&["status", "--output", "csv"]).await.csv();
    assert!(header.contains(&"cycle".to_owned()) && rows.is_empty());
}

#[tokio::test]
async fn a_first_sync_that_failed_is_told_with_its_reason() {
    let lab = CommandLab::new().await;
    lab.handle().push_fault(FaultRule::always(Fault::Html));
    let cycle = months_ago(1).to_string();
    lab.call(&["sync", "--cycle", &cycle]).ends_with(1).await;
    lab.succeeds(&["status"]).await.says(&[
        "Nothing has been read yet; the last runs tell why",
        "failed",
        "not a whole report list",
    ]);
}

#[tokio::test]
async fn a_database_without_our_tables_is_a_failure_that_names_the_command() {
    let lab = CommandLab::new().await;
    sqlx::query("drop schema lmp_billing cascade").execute(lab.pool()).await.unwrap();
    lab.call(&["status"]).ends_with(1).await.complains(&["`lmp-billing-sync migrate`"]);
    assert_eq!(lab.count("select count(*) from pg_namespace where nspname = 'lmp_billing'").await, 0);
}

#[tokio::test]
async fn json_has_jobs_what_is_due_next_and_cycles() {
    let lab = CommandLab::with_accounts(&["emea", "apac"]).await;
    let cycle = months_ago(1).to_string();
    lab.succeeds(&["sync", "--cycle", &cycle]).await;
    let document = lab.succeeds(&["status", "--output", "json"]).await.json();
    for key in ["jobs", "next", "cycles"] {
        assert!(document[key].is_array(), "{key} is missing: {document}");
    }
    let list = |key: &str| document[key].as_array().unwrap().clone();
    for job in list("jobs") {
        assert_eq!(
            (&job["job"], &job["outcome"], &job["polls"]),
            (&"manual".into(), &"succeeded".into(), &1.into())
        );
    }
    for progress in list("cycles") {
        assert_eq!(progress["cycle"], cycle.as_str());
        assert!(progress["reports"].as_i64().unwrap() > 0);
        assert!(progress["confirmed_at"].is_string());
    }
    // Three polling jobs for each account, and prune for all.
    let next = list("next");
    assert_eq!(next.len(), 7);
    assert!(next.iter().all(|tick| keys(tick) == ["account", "cycles", "due_at", "job"]), "{next:?}");
    for (job, polled) in [("discover", 2), ("reconcile", 25), ("prune", 0)] {
        let tick = next.iter().find(|tick| tick["job"] == job).unwrap();
        assert_eq!(tick["cycles"].as_array().unwrap().len(), polled, "{tick}");
    }
    let due: Vec<&str> = next.iter().map(|tick| tick["due_at"].as_str().unwrap()).collect();
    assert!(due.is_sorted(), "{due:?}");
}

#[tokio::test]
async fn the_table_shows_cycles_runs_and_what_is_due() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1).to_string();
    lab.succeeds(&["sync", "--cycle", &cycle]).await;
    let ended = lab.succeeds(&["status"]).await;
    ended.says(&[&cycle, "Last runs", "manual", "succeeded", "Due next", "refresh", "prune"]);
}

#[tokio::test]
async fn csv_has_the_cycles_under_a_header() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1).to_string();
    lab.succeeds(&["sync", "--cycle", &cycle]).await;
    let (header, rows) = lab.succeeds(&["status", "--output", "csv"]).await.csv();
    assert_eq!(header[..3], ["account", "cycle", "confirmed_at"]);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["cycle"], cycle);
    let stored = lab.count("select count(*) from lmp_billing.reports").await;
    assert_eq!(rows[0]["reports"], stored.to_string());
}
