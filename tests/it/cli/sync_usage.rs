//! `sync` called wrongly: told before anything is asked or written.

use super::lab::{CommandLab, months_ago};

/// Calls it wrongly; it must say this, and leave no trace.
async fn refuses(args: &[&str], code: i32, told: &[&str]) {
    let lab = CommandLab::new().await;
    let ended = lab.call(&[&["sync"], args].concat()).ends_with(code).await;
    assert_eq!(ended.complains(told).stdout, "");
    assert_eq!(lab.handle().received(), 0);
    assert_eq!(lab.count("select count(*) from lmp_billing.sync_runs").await, 0);
}

#[tokio::test]
async fn a_malformed_cycle_is_wrong_usage() {
    for wrong in ["2026-13", "2026-1", "26-01", "2026-01-01", "next", ""] {
        refuses(&["--cycle", wrong], 2, &["--cycle", "YYYY-MM"]).await;
    }
}

#[tokio::test]
async fn a_cycle_outside_the_window_is_wrong_usage_and_the_window_is_told() {
    let [newest, oldest] = [0, 24].map(|months| months_ago(months).to_string());
    let window = format!("{oldest} to {newest}");
    refuses(&["--cycle", "2019-05"], 2, &["2019-05", &window]).await;
    let next = months_ago(0).next().next().to_string();
    refuses(&["--cycle", &next], 2, &[&next, "outside the window"]).await;
}

#[tokio::test]
async fn an_unknown_account_is_wrong_usage_and_the_known_ones_are_told() {
    refuses(&["--account", "amer"], 2, &["\"amer\"", "there are: emea"]).await;
}

#[tokio::test]
async fn withdrawals_are_only_accepted_for_named_cycles() {
    refuses(&["--accept-withdrawals"], 2, &["--cycle <YYYY-MM>"]).await;
}

#[tokio::test]
async fn an_unknown_output_is_wrong_usage() {
    refuses(&["--output", "xml"], 2, &["table", "json", "csv"]).await;
}

#[tokio::test]
async fn without_an_account_the_settings_are_wrong() {
    let lab = CommandLab::new().await;
    lab.write_settings(&lab.head());
    let ended = lab.call(&["sync"]).ends_with(78).await;
    ended.complains(&["accounts is empty", "settings.toml", "[[accounts]]"]);
}

#[tokio::test]
async fn an_old_schema_that_may_not_be_migrated_is_a_failure_that_names_the_command() {
    let lab = CommandLab::new().await;
    sqlx::query("drop schema lmp_billing cascade").execute(lab.pool()).await.unwrap();
    let ended = lab.call(&["sync"]).set("database.migrate", "false").ends_with(1).await;
    ended.complains(&["version 0", "`lmp-billing-sync migrate`"]);
    assert_eq!(lab.handle().received(), 0);
    assert_eq!(lab.count("select count(*) from pg_namespace where nspname = 'lmp_billing'").await, 0);
}
