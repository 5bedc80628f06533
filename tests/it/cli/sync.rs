//! `sync` when all goes well: what it tells, in all three outputs, and what it stores.

use super::lab::{CommandLab, months_ago, report};
use super::process::keys;

/// The columns of `cycle_polls` that may be relied on.
const POLL_COLUMNS: [&str; 18] = [
    "account",
    "body_bytes",
    "body_sha256",
    "cycle",
    "error",
    "finished_at",
    "http_status",
    "id",
    "inserted",
    "outcome",
    "quarantined",
    "reports_seen",
    "requested_at",
    "run_id",
    "server_date",
    "trace_id",
    "updated",
    "withdrawn",
];

#[tokio::test]
async fn the_whole_window_arrives_and_a_second_sync_says_that_nothing_has_changed() {
    let lab = CommandLab::new().await;
    let first = lab.succeeds(&["sync"]).await;
    let stored = lab.count("select count(*) from lmp_billing.reports").await;
    assert!(stored > 50, "{stored}");
    let summary = format!("{stored} reports in 25 of 25 polls: {stored} new, 0 changed, 0 withdrawn.");
    let first = first.says(&[&summary]);
    // In its first night a month has no reports yet.
    let months = lab.count("select count(distinct cycle) from lmp_billing.reports").await;
    assert!(months >= 24, "{months}");
    let applied = first.stdout.lines().filter(|line| line.contains("applied")).count();
    assert_eq!(i64::try_from(applied).unwrap(), months);

    let second = lab.succeeds(&["sync"]).await;
    second.says(&[&format!("{stored} reports in 25 of 25 polls: nothing changed, nothing written.")]);
    assert_eq!(lab.count("select count(*) from lmp_billing.superseded_versions").await, 0);
}

#[tokio::test]
async fn json_is_one_document_of_runs_and_polls() {
    let lab = CommandLab::new().await;
    let document = lab.succeeds(&["sync", "--output", "json"]).await.json();
    assert_eq!(keys(&document), ["polls", "runs"]);
    let runs = document["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!(keys(&runs[0]), ["account", "outcome", "run_id"]);
    assert_eq!((&runs[0]["account"], &runs[0]["outcome"]), (&"emea".into(), &"succeeded".into()));

    let polls = document["polls"].as_array().unwrap();
    assert_eq!(polls.len(), 25);
    for poll in polls {
        assert_eq!(keys(poll), POLL_COLUMNS);
        assert_eq!(poll["run_id"], runs[0]["run_id"]);
        assert_eq!(poll["outcome"], if poll["inserted"] == 0 { "unchanged" } else { "applied" });
        assert_eq!(poll["body_sha256"].as_str().unwrap().len(), 64);
    }
    let cycles: Vec<&str> = polls.iter().map(|poll| poll["cycle"].as_str().unwrap()).collect();
    assert!(cycles.contains(&months_ago(1).to_string().as_str()), "cycles are YYYY-MM: {cycles:?}");
}

#[tokio::test]
async fn json_says_what_cycle_polls_says() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(2).to_string();
    let document = lab.succeeds(&["sync", "--output", "json", "--cycle", &cycle]).await.json();
    let poll = &document["polls"][0];
    let stored: (i64, i64, i32, i64, String, String) = sqlx::query_as(
        "select id, run_id, inserted, body_bytes, encode(body_sha256, 'hex'), trace_id::text
         from lmp_billing.cycle_polls",
    )
    .fetch_one(lab.pool())
    .await
    .unwrap();
    let told = (
        poll["id"].as_i64().unwrap(),
        poll["run_id"].as_i64().unwrap(),
        i32::try_from(poll["inserted"].as_i64().unwrap()).unwrap(),
        poll["body_bytes"].as_i64().unwrap(),
        poll["body_sha256"].as_str().unwrap().to_owned(),
        poll["trace_id"].as_str().unwrap().to_owned(),
    );
    assert_eq!(told, stored);
}

#[tokio::test]
async fn csv_has_a_header_line_and_a_row_for_each_poll() {
    let lab = CommandLab::new().await;
    let [one, two] = [1, 2].map(|months| months_ago(months).to_string());
    let ended = lab.succeeds(&["sync", "--output", "csv", "--cycle", &one, "--cycle", &two]).await;
    let (mut header, rows) = ended.csv();
    header.sort();
    assert_eq!(header, POLL_COLUMNS);
    let mut cycles: Vec<&str> = rows.iter().map(|row| row["cycle"].as_str()).collect();
    cycles.sort_unstable();
    assert_eq!(cycles, [two, one]);
    assert!(rows.iter().all(|row| row["outcome"] == "applied" && row["http_status"] == "200"), "{rows:?}");
}

#[tokio::test]
async fn only_the_cycles_asked_for_are_polled_each_once() {
    let lab = CommandLab::new().await;
    let [one, two] = [1, 2].map(|months| months_ago(months).to_string());
    let args = ["sync", "--cycle", &one, "--cycle", &two, "--cycle", &one];
    lab.succeeds(&args).await.says(&[&one, &two, "2 of 2 polls"]);
    assert_eq!(lab.handle().received(), 2);
}

#[tokio::test]
async fn every_account_has_a_run_of_its_own_unless_some_are_chosen() {
    let lab = CommandLab::with_accounts(&["emea", "apac", "latam"]).await;
    let cycle = months_ago(1).to_string();
    let accounts = async |args: &[&str]| {
        let args = [&["sync", "--output", "json", "--cycle", &cycle], args].concat();
        let document = lab.succeeds(&args).await.json();
        let runs = document["runs"].as_array().unwrap().iter();
        runs.map(|run| run["account"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(accounts(&[]).await, ["emea", "apac", "latam"]);
    assert_eq!(accounts(&["--account", "latam", "--account", "emea"]).await, ["emea", "latam"]);
    let runs =
        "select account || ' ' || count(*) from lmp_billing.sync_runs group by account order by account";
    assert_eq!(lab.texts(runs).await, ["apac 1", "emea 2", "latam 2"]);
}

#[tokio::test]
async fn changes_new_reports_and_withdrawals_are_counted() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1);
    let with = |reports: &[(u8, &str)]| {
        lab.serve(cycle, reports.iter().map(|(id, status)| report(*id, "Acme", cycle, status)).collect());
    };
    let month = cycle.to_string();
    with(&[(1, "MSP Preparing"), (2, "MSP Preparing"), (3, "Completed")]);
    lab.succeeds(&["sync", "--cycle", &month]).await.says(&["3 new, 0 changed, 0 withdrawn"]);
    with(&[(1, "Under Review"), (3, "Completed"), (4, "MSP Preparing")]);
    lab.succeeds(&["sync", "--cycle", &month]).await.says(&["1 new, 1 changed, 1 withdrawn"]);
}

#[tokio::test]
async fn an_empty_database_is_brought_up_to_date_by_the_way() {
    let lab = CommandLab::new().await;
    sqlx::query("drop schema lmp_billing cascade").execute(lab.pool()).await.unwrap();
    let cycle = months_ago(1).to_string();
    lab.succeeds(&["sync", "--cycle", &cycle]).await.complains(&["brought the schema up to date"]);
}
