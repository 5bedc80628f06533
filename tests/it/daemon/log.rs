//! What an administrator reads: one line for a run, silence where nothing happens, and with each failure what
//! to do and the trace id by which the vendor finds the request.

use std::collections::BTreeSet;

use lmp_billing_sync::simulator::{BadEntry, Fault, FaultRule};
use rustix::process::Signal;
use serde_json::Value;

use super::{NEVER, settings, until_count};
use crate::cli::lab::{CommandLab, months_ago, report};

const REFRESHED: &str =
    "select count(*) from lmp_billing.sync_runs where job = 'refresh' and outcome <> 'running'";

fn every_second() -> String {
    NEVER.replace("refresh = '0 0 29 2 *'", "refresh = '* * * * * *'")
}

/// Each line as the JSON object it has to be.
fn objects(told: &str) -> Vec<Value> {
    let object = |line: &str| -> Value {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for key in ["timestamp", "level", "message"] {
            assert!(object[key].is_string(), "{key} is missing: {line}");
        }
        object
    };
    told.lines().map(object).collect()
}

fn says<'o>(objects: &'o [Value], words: &str) -> Vec<&'o Value> {
    objects.iter().filter(|object| object["message"].as_str().unwrap().contains(words)).collect()
}

#[tokio::test]
async fn a_run_that_changed_something_is_one_line_and_runs_without_news_are_none() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1);
    lab.serve(cycle, vec![report(1, "Acme", cycle, "Under Review")]);
    lab.write_settings(&settings(&lab, &["emea"], &every_second()));
    let mut daemon = lab.call(&["run"]).set("log.format", "json").start();
    daemon.stderr.until("reconcile succeeded").await;
    until_count(&lab, REFRESHED, lab.count(REFRESHED).await + 4).await;
    lab.serve(cycle, vec![report(1, "Acme", cycle, "Completed")]);
    daemon.stderr.until("refresh succeeded").await;
    until_count(&lab, REFRESHED, lab.count(REFRESHED).await + 4).await;
    daemon.signal(Signal::TERM);
    let told = objects(&daemon.ended().await.with_code(0).stderr);

    let line = says(&told, "reconcile succeeded");
    assert_eq!(line.len(), 1);
    let run = line[0];
    assert_eq!((&run["account"], &run["level"]), (&"emea".into(), &"INFO".into()));
    assert_eq!((&run["polls"], &run["failed"]), (&25.into(), &0.into()));
    // A refresh beside it may have been the first for some months.
    assert!(run["inserted"].as_i64().unwrap() > 0, "{run}");
    for key in ["run.id", "reports", "updated", "withdrawn", "quarantined", "ms"] {
        assert!(run[key].is_number(), "{key}: {run}");
    }
    let told_of = |key: &str| {
        let lines = says(&told, "refresh succeeded").into_iter();
        lines.filter(|line| line[key].as_i64().unwrap() > 0).count()
    };
    assert_eq!(told_of("updated"), 1);
    assert_eq!(told_of("reports"), says(&told, "refresh succeeded").len());
    assert!(says(&told, "nothing new").is_empty(), "{told:?}");
    // It started, has a first sync, was told to stop, stopped: no line for the many runs and ticks between.
    // A refresh beside the first sync may have had news too.
    let apart = says(&told, "this tick is skipped").len() + told_of("inserted");
    assert!(told.len() - apart <= 7, "{told:?}");
}

#[tokio::test]
async fn the_trace_ids_of_failures_are_those_that_were_sent() {
    let lab = CommandLab::new().await;
    let unlucky = months_ago(2);
    let fault = Fault::Status { code: 503, retry_after: None };
    lab.handle().push_fault(FaultRule::always(fault).on_cycle(unlucky));
    let settings = settings(&lab, &["emea"], NEVER).replace("max_attempts = 1", "max_attempts = 3");
    lab.write_settings(&settings);
    let mut daemon = lab.call(&["run"]).set("log.format", "json").start();
    daemon.stderr.until("reconcile partial").await;
    daemon.signal(Signal::TERM);
    let told = objects(&daemon.ended().await.with_code(0).stderr);

    let sent = lab.handle().exchanges().into_iter().filter(|exchange| exchange.cycle == Some(unlucky));
    let sent: BTreeSet<String> = sent.map(|exchange| exchange.trace_id.unwrap().to_string()).collect();
    assert_eq!(sent.len(), 3);
    let (again, failed) = (says(&told, "asking again"), says(&told, "the poll is failed"));
    assert_eq!((again.len(), failed.len()), (2, 1));
    let lines = || again.iter().chain(&failed);
    let logged: BTreeSet<String> =
        lines().map(|line| line["trace_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(logged, sent, "a request each");
    for line in lines() {
        assert_eq!(
            (&line["account"], &line["cycle"]),
            (&"emea".into(), &unlucky.to_string().into()),
            "{line}"
        );
        assert!(line["message"].as_str().unwrap().contains("503"), "{line}");
        assert!(line["message"].as_str().unwrap().contains("ask Trend Micro's support"), "{line}");
    }
    let run = says(&told, "reconcile partial");
    assert_eq!((run.len(), &run[0]["level"], &run[0]["failed"]), (1, &"WARN".into(), &1.into()));
    let stored =
        lab.texts("select trace_id::text from lmp_billing.cycle_polls where outcome = 'failed'").await;
    assert_eq!(failed[0]["trace_id"], stored[0], "and the one that is stored");
}

#[tokio::test]
async fn when_access_is_denied_the_cause_is_told_once_and_not_for_each_poll_that_was_spared() {
    let lab = CommandLab::new().await;
    let settings = settings(&lab, &["emea"], NEVER)
        .replace("max_attempts = 1\n", "max_attempts = 1\n[log]\nformat = 'json'\n");
    lab.write_settings(&settings);
    let mut daemon = lab
        .call(&["run"])
        .set("accounts.emea.secret_key", "not-the-right-key")
        .set("accounts.emea.max_concurrency", "1")
        .start();
    daemon.stderr.until("reconcile failed").await;
    daemon.signal(Signal::TERM);
    let told = objects(&daemon.ended().await.with_code(0).stderr);
    let denied = says(&told, "denied access");
    assert_eq!(denied.len(), 1, "{denied:?}");
    assert!(denied[0]["message"].as_str().unwrap().contains("check access_token and secret_key"));
    let run = says(&told, "reconcile failed");
    assert_eq!((run.len(), &run[0]["failed"]), (1, &25.into()));
}

#[tokio::test]
async fn the_last_word_is_in_the_logs_own_format() {
    let lab = CommandLab::new().await;
    lab.write_settings(&settings(&lab, &["emea"], NEVER));
    sqlx::query("update lmp_billing._sqlx_migrations set version = 9000 where version = 1")
        .execute(lab.pool())
        .await
        .unwrap();
    let ended = lab.call(&["run"]).set("log.format", "json").ends_with(1).await;
    let told = objects(&ended.stderr);
    assert_eq!(says(&told, "use that one").len(), 1, "{told:?}");
    lab.call(&["run"])
        .ends_with(1)
        .await
        .complains(&["lmp-billing-sync: the database's schema is at version 9000"]);
}

#[tokio::test]
async fn a_run_that_set_entries_aside_says_where_they_are() {
    let lab = CommandLab::new().await;
    lab.handle()
        .push_fault(FaultRule::always(Fault::BadEntries(vec![BadEntry::MaskedGuid])).on_cycle(months_ago(1)));
    lab.write_settings(&settings(&lab, &["emea"], NEVER));
    let mut daemon = lab.call(&["run"]).set("log.format", "json").start();
    daemon.stderr.until("reconcile succeeded").await;
    daemon.signal(Signal::TERM);
    let told = objects(&daemon.ended().await.with_code(0).stderr);
    let run = says(&told, "reconcile succeeded");
    assert_eq!((run.len(), &run[0]["quarantined"]), (1, &1.into()));
    assert!(run[0]["message"].as_str().unwrap().contains("lmp_billing.quarantined_reports"), "{}", run[0]);
}
