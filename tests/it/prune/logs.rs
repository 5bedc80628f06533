//! Polls, runs, quarantined entries and ticks that are as old as what is pruned.

use chrono::{Days, NaiveDate};
use lmp_billing_sync::prune::PrunedLogs;

use super::{cutoff, prune, store};
use crate::support::lab::Lab;

/// Some day long past retention, so that neither zone nor time of day matters.
const OLD: &str = "2019-06-15";

async fn poll(lab: &Lab, id: i64, run: i64, cycle: NaiveDate, outcome: &str, at: &str) {
    lab.execute(&format!(
        "insert into lmp_billing.cycle_polls (id, run_id, account, cycle, finished_at, outcome, attempts, program_version)
         values ({id}, {run}, 'emea', date_trunc('month', date '{cycle}'), '{at}', '{outcome}', 1, 'x')"
    ))
    .await;
}

async fn old_run(lab: &Lab) -> i64 {
    lab.execute(&format!(
        "insert into lmp_billing.sync_runs (job, trigger, account, started_at, finished_at, outcome, instance, lease_renewed_at)
         values ('refresh', 'schedule', 'emea', '{OLD}', '{OLD}', 'succeeded', 'x', '{OLD}')"
    ))
    .await;
    lab.value("select max(id) from lmp_billing.sync_runs").await.parse().expect("an id is a number")
}

async fn ids(lab: &Lab, table: &str) -> Vec<String> {
    lab.lines(&format!("select id from lmp_billing.{table} order by id")).await
}

#[tokio::test]
async fn old_polls_go_unless_something_kept_refers_to_them() {
    let lab = Lab::new().await;
    let cutoff = cutoff(&lab).await;
    let cycle = cutoff + Days::new(60);
    for (id, outcome) in [
        (1, "applied"),
        (2, "applied"),
        (3, "applied"),
        (4, "applied"),
        (5, "failed"),
        (6, "suspect"),
        (7, "applied"),
        (8, "unchanged"),
        (9, "failed"),
    ] {
        poll(&lab, id, 1, cycle, outcome, OLD).await;
    }
    poll(&lab, 10, 1, cycle, "failed", "now()").await;
    store(&lab, "kept", 1, cycle, 1).await;
    lab.execute("update lmp_billing.reports set poll_id = 1, withdrawn_poll_id = 2, withdrawn_at = now()")
        .await;
    lab.execute("update lmp_billing.superseded_versions set poll_id = 3").await;
    // What goes with its report no longer refers to anything.
    store(&lab, "pruned", 1, cutoff - Days::new(1), 1).await;
    lab.execute("update lmp_billing.reports set poll_id = 4 where partner_company_name = 'pruned'").await;
    lab.execute(
        "update lmp_billing.superseded_versions set poll_id = 4 where partner_company_name = 'pruned'",
    )
    .await;
    quarantine(&lab, 5, cycle, "now()", None).await;
    quarantine(&lab, 6, cycle, OLD, Some(OLD)).await;
    let pruned = prune(&lab).await;
    // 8 is the newest that was believed; 10 is not old.
    assert_eq!(ids(&lab, "cycle_polls").await, ["1", "2", "3", "5", "8", "10"]);
    assert_eq!(pruned.logs, PrunedLogs { quarantined: 1, polls: 4, ..PrunedLogs::default() });
}

#[tokio::test]
async fn the_newest_believed_poll_of_a_cycle_goes_only_with_its_reports() {
    let lab = Lab::new().await;
    let cutoff = cutoff(&lab).await;
    let past = cutoff - Days::new(70);
    poll(&lab, 1, 1, past, "unchanged", OLD).await;
    poll(&lab, 2, 1, past, "unchanged", OLD).await;
    poll(&lab, 3, 1, cutoff, "unchanged", OLD).await;
    store(&lab, "extended", 1, past, 0).await;
    lab.execute(&format!("update lmp_billing.reports set end_date = '{cutoff}'")).await;
    prune(&lab).await;
    assert_eq!(ids(&lab, "cycle_polls").await, ["2", "3"], "its report is kept; the other cycle is");
    lab.execute(&format!("update lmp_billing.reports set end_date = '{past}'")).await;
    prune(&lab).await;
    assert_eq!(ids(&lab, "cycle_polls").await, ["3"]);
}

#[tokio::test]
async fn old_runs_go_when_neither_a_poll_nor_a_tick_of_theirs_is_left() {
    let lab = Lab::new().await;
    let cutoff = cutoff(&lab).await;
    let [polled, ticked, empty, kept_poll, kept_tick] = [
        old_run(&lab).await,
        old_run(&lab).await,
        old_run(&lab).await,
        old_run(&lab).await,
        old_run(&lab).await,
    ];
    poll(&lab, 1, polled, cutoff, "failed", OLD).await;
    poll(&lab, 2, kept_poll, cutoff, "unchanged", OLD).await;
    tick(&lab, "refresh", "2019-06-14", Some(ticked)).await;
    tick(&lab, "refresh", "2019-06-15", Some(kept_tick)).await;
    lab.execute(&format!("update lmp_billing.sync_runs set outcome = 'running', finished_at = null, lease_renewed_at = now() where id = {empty}")).await;
    let running = empty;
    let pruned = prune(&lab).await;
    assert_eq!(pruned.logs, PrunedLogs { quarantined: 0, ticks: 1, polls: 1, runs: 2 });
    let expected = [running, kept_poll, kept_tick, pruned.run_id].map(|id| id.to_string());
    assert_eq!(ids(&lab, "sync_runs").await, expected);
}

async fn tick(lab: &Lab, job: &str, due: &str, run: Option<i64>) {
    let run = run.map_or("null".to_owned(), |run| run.to_string());
    lab.execute(&format!(
        "insert into lmp_billing.schedule_ticks values ('emea', '{job}', '{due}', 1, 'x', '2019-06-15', {run})"
    ))
    .await;
}

#[tokio::test]
async fn of_each_job_the_newest_tick_stays_and_so_does_the_first_sync() {
    let lab = Lab::new().await;
    for due in ["-infinity", "2019-06-13", "2019-06-14", "2019-06-15"] {
        tick(&lab, "reconcile", due, None).await;
    }
    for due in ["2018-01-01", "2018-01-02"] {
        tick(&lab, "discover", due, None).await;
    }
    for due in ["2018-01-01", "2018-01-02", "now"] {
        tick(&lab, "refresh", due, None).await;
    }
    let pruned = prune(&lab).await;
    assert_eq!(pruned.logs.ticks, 5);
    assert_eq!(
        lab.lines("select job, due_at::date from lmp_billing.schedule_ticks where due_at < now() - interval '1 day' order by job, due_at").await,
        ["discover|2018-01-02", "reconcile|-infinity", "reconcile|2019-06-15"]
    );
}

async fn quarantine(lab: &Lab, poll: i64, cycle: NaiveDate, seen: &str, resolved: Option<&str>) {
    let resolved = resolved.map_or("null".to_owned(), |at| format!("'{at}'"));
    lab.execute(&format!(
        "insert into lmp_billing.quarantined_reports (poll_id, account, cycle, position, reason, detail, payload, payload_sha256, first_seen_at, resolved_at)
         values ({poll}, 'emea', date_trunc('month', date '{cycle}'), 0, 'x', 'x', 'x', sha256('{poll}'), '{seen}', {resolved})"
    ))
    .await;
}

#[tokio::test]
async fn old_quarantined_entries_go_but_not_open_ones_that_are_still_polled() {
    let lab = Lab::new().await;
    let cutoff = cutoff(&lab).await;
    let past = cutoff - Days::new(40);
    quarantine(&lab, 1, cutoff, OLD, None).await;
    quarantine(&lab, 2, cutoff, OLD, Some("now")).await;
    quarantine(&lab, 3, cutoff, OLD, Some(OLD)).await;
    quarantine(&lab, 4, past, OLD, None).await;
    quarantine(&lab, 5, past, "now", None).await;
    assert_eq!(prune(&lab).await.logs.quarantined, 2);
    assert_eq!(
        lab.lines("select poll_id from lmp_billing.quarantined_reports order by poll_id").await,
        ["1", "2", "5"]
    );
}

#[tokio::test]
async fn many_rows_of_logs_go_in_batches() {
    let lab = Lab::new().await;
    lab.execute(&format!(
        "insert into lmp_billing.cycle_polls (id, run_id, account, cycle, finished_at, outcome, attempts, program_version)
         select n, n, 'emea', '2019-01-01', '{OLD}', 'unchanged', 1, 'x' from generate_series(1, 12000) n;
         insert into lmp_billing.sync_runs (job, trigger, account, started_at, finished_at, outcome, instance, lease_renewed_at)
         select 'refresh', 'schedule', 'emea', '{OLD}', '{OLD}', 'succeeded', 'x', '{OLD}' from generate_series(1, 12000)"
    ))
    .await;
    let pruned = prune(&lab).await;
    assert_eq!((pruned.logs.polls, pruned.logs.runs), (12_000, 12_000));
    assert_eq!(ids(&lab, "sync_runs").await, [pruned.run_id.to_string()]);
}
