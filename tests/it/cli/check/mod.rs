//! `check` says what is wrong and how to mend it, and touches nothing.

mod database;
mod local;

use chrono::TimeDelta;
use lmp_billing_sync::simulator::{Fault, FaultRule};

use super::lab::{CommandLab, months_ago};
use super::process::Ended;
use crate::support::wait::until_async;

/// Verdict and subject of each line.
fn verdicts(ended: &Ended) -> Vec<String> {
    let line = |line: &str| {
        let (verdict, rest) = line.split_at(4);
        let (subject, text) = rest.trim_start().split_once("  ").expect("a subject and what is said of it");
        assert!(!text.trim().is_empty(), "{line}");
        format!("{} {subject}", verdict.trim_end())
    };
    ended.stdout.lines().map(line).collect()
}

#[tokio::test]
async fn when_all_is_well_each_thing_has_a_line() {
    let lab = CommandLab::with_accounts(&["emea", "apac"]).await;
    let ended = lab.succeeds(&["check"]).await;
    assert_eq!(
        verdicts(&ended),
        [
            "ok settings",
            "ok schedule",
            "ok proxy",
            "ok secrets",
            "ok http",
            "ok database",
            "ok encryption",
            "ok clock",
            "ok schema",
            "ok rights",
            "ok readers",
            "ok account emea",
            "ok account apac"
        ]
    );
    assert_eq!(lab.handle().received(), 2, "one request per account");
}

#[tokio::test]
async fn checking_writes_nothing_to_the_database() {
    let lab = CommandLab::new().await;
    let written = async || {
        // A connection's share of the figures is there when it has ended.
        let others = "select count(*) from pg_stat_activity
                      where datname = current_database() and application_name = 'lmp-billing-sync'";
        until_async("the program's connections end", async || lab.count(others).await == 0).await;
        lab.count(
            "select (select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables)::int8
                    + (select last_value from lmp_billing.poll_ids) + (select count(*) from pg_class)",
        )
        .await
    };
    let before = written().await;
    lab.succeeds(&["check"]).await;
    assert_eq!(written().await, before);
    lab.succeeds(&["sync", "--cycle", &months_ago(1).to_string()]).await;
    assert!(written().await > before, "what a command writes would not be noticed");
}

#[tokio::test]
async fn a_wrong_secret_key_is_told_with_what_to_look_at() {
    let lab = CommandLab::new().await;
    let ended = lab.call(&["check"]).set("accounts.emea.secret_key", "not-the-right-key").ends_with(1).await;
    ended.says(&[
        "FAIL  account emea",
        "denied access (401",
        "check access_token and secret_key",
        "trace id",
    ]);
}

#[tokio::test]
async fn an_unreachable_database_is_told_and_the_accounts_are_tried_all_the_same() {
    let lab = CommandLab::new().await;
    let nowhere = "postgres://finance:hidden@127.0.0.1:1/reports";
    let ended = lab.call(&["check"]).set("database.url", nowhere).ends_with(1).await;
    let ended =
        ended.says(&["FAIL  database", "127.0.0.1:1/reports", "check database.url", "ok    account emea"]);
    assert_eq!(ended.stdout.matches("Connection refused").count(), 1, "once is enough: {}", ended.stdout);
    assert!(!ended.stdout.contains("hidden"));
}

#[tokio::test]
async fn an_unreachable_lmp_is_told() {
    let lab = CommandLab::new().await;
    let ended = lab.call(&["check"]).set("accounts.emea.base_url", "http://127.0.0.1:1").ends_with(1).await;
    ended.says(&["FAIL  account emea", "no connection to LMP", "accounts.<name>.base_url", "ok    database"]);
}

#[tokio::test]
async fn a_maintenance_page_is_not_taken_for_an_answer() {
    let lab = CommandLab::new().await;
    lab.handle().push_fault(FaultRule::always(Fault::Html));
    lab.call(&["check"]).ends_with(1).await.says(&["FAIL  account emea", "maintenance"]);
}

#[tokio::test]
async fn a_clock_too_far_off_is_told_with_the_distance() {
    let lab = CommandLab::new().await;
    lab.handle().push_fault(FaultRule::always(Fault::ClockSkew(TimeDelta::minutes(-20))));
    let ended = lab.call(&["check"]).ends_with(1).await;
    // A second more or less may pass on the way.
    ended.says(&["FAIL  account emea", "clock is 1", "s ahead of LMP's", "set the clock (NTP)"]);
}

#[tokio::test]
async fn a_clock_a_little_off_is_only_remarked_on() {
    let lab = CommandLab::new().await;
    lab.handle().push_fault(FaultRule::always(Fault::ClockSkew(TimeDelta::minutes(5))));
    lab.succeeds(&["check"]).await.says(&["ok    account emea", "warn  account emea", "s behind LMP's"]);
}

#[tokio::test]
async fn an_old_schema_is_a_remark_where_sync_mends_it_and_a_failure_where_it_may_not() {
    let lab = CommandLab::new().await;
    sqlx::query("drop schema lmp_billing cascade").execute(lab.pool()).await.unwrap();
    lab.succeeds(&["check"]).await.says(&["warn  schema", "version 0", "lmp-billing-sync migrate"]);
    let ended = lab.call(&["check"]).set("database.migrate", "false").ends_with(1).await;
    ended.says(&["FAIL  schema", "lmp-billing-sync migrate"]);
}

#[tokio::test]
async fn a_newer_schema_is_a_failure() {
    let lab = CommandLab::new().await;
    let newer = "update lmp_billing._sqlx_migrations set version = 9000 where version = 1";
    sqlx::query(newer).execute(lab.pool()).await.unwrap();
    lab.call(&["check"]).ends_with(1).await.says(&["FAIL  schema", "9000", "use a newer program"]);
}

#[tokio::test]
async fn a_migration_that_another_build_applied_with_another_text_is_a_remark() {
    let lab = CommandLab::new().await;
    let other = "update lmp_billing._sqlx_migrations set checksum = '\\x00' where version = 2";
    sqlx::query(other).execute(lab.pool()).await.unwrap();
    lab.succeeds(&["check"]).await.says(&[
        "ok    schema",
        "warn  schema",
        "migration 2 was applied by another build",
    ]);
}

#[tokio::test]
async fn wrong_settings_are_not_checked_any_further() {
    let lab = CommandLab::new().await;
    lab.write_settings(&lab.account("emea"));
    let ended = lab.call(&["check"]).ends_with(78).await.complains(&["database.url", "database.embedded"]);
    assert_eq!(ended.stdout, "", "nothing can be well yet");
    assert_eq!(lab.handle().received(), 0);
}
