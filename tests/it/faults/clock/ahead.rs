//! Clocks that show a day twelve years from now.

use chrono::TimeDelta;

use super::schedule;
use crate::faults::moved::Moved;

const YEARS_12: TimeDelta = TimeDelta::days(12 * 365 + 3);
const STORED: &str = "select count(*) from lmp_billing.report_history";
const NOT_DELETED: &str = "select count(*) from lmp_billing.sync_runs where deleted > 0";

/// A database with its first sync done.
async fn synced() -> Moved {
    let lab = Moved::new(3, TimeDelta::zero()).await;
    lab.settings("");
    lab.call(&["sync"]).ends_with(0).await;
    assert!(lab.count(STORED).await > 0);
    lab
}

#[tokio::test]
async fn a_machine_twelve_years_ahead_prunes_nothing_even_when_forced() {
    let lab = synced().await;
    let before = lab.count(STORED).await;
    lab.machine.shift(YEARS_12);
    for args in [&["prune"] as &[&str], &["prune", "--force"]] {
        lab.call(args).ends_with(1).await.complains(&["by this machine's clock"]);
    }
    assert_eq!(lab.count(STORED).await, before);
    assert_eq!(lab.count(NOT_DELETED).await, 0);
}

#[tokio::test]
async fn a_database_twelve_years_ahead_prunes_nothing_even_when_forced() {
    let lab = synced().await;
    let before = lab.count(STORED).await;
    lab.database.shift(YEARS_12);
    for args in [&["prune"] as &[&str], &["prune", "--force"]] {
        lab.call(args).ends_with(1).await.complains(&["by this machine's clock"]);
    }
    assert_eq!(lab.count(STORED).await, before);
    assert_eq!(lab.count(NOT_DELETED).await, 0);
}

#[tokio::test]
async fn both_twelve_years_ahead_as_a_private_database_is_with_its_machine_prune_nothing() {
    let lab = synced().await;
    let before = lab.count(STORED).await;
    for clock in [&lab.machine, &lab.database] {
        clock.shift(YEARS_12);
    }
    // The last answer is of the time before the jump: it does not contradict, but it is old.
    lab.call(&["prune"]).ends_with(1).await.complains(&["nothing vouches for the time"]);
    // The vendor takes no signature of 2038, and its answer says what time it is.
    lab.call(&["sync"]).ends_with(1).await;
    for args in [&["prune"] as &[&str], &["prune", "--force"]] {
        lab.call(args).ends_with(1).await.complains(&["by LMP's clock"]);
    }
    assert_eq!(lab.count(STORED).await, before);
    assert_eq!(lab.count(NOT_DELETED).await, 0);
}

#[tokio::test]
async fn a_daemon_that_was_twelve_years_ahead_goes_on_when_the_clocks_are_set_right() {
    const SUCCEEDED: &str =
        "select count(*) from lmp_billing.sync_runs where job = 'refresh' and outcome = 'succeeded'";
    let lab = synced().await;
    let before = lab.count(STORED).await;
    lab.settings(&schedule("refresh = '* * * * * *'\nprune = '*/5 * * * * *'"));
    for clock in [&lab.machine, &lab.database] {
        clock.shift(YEARS_12);
    }
    let daemon = lab.call(&["run"]).quiet().start();
    let claimed = "select count(*) from lmp_billing.schedule_ticks where due_at > now() - interval '1 day'
                   and claimed_at > '2035-01-01' and job = ";
    lab.until_count(&format!("{claimed} 'refresh'"), 2).await;
    lab.until_count(&format!("{claimed} 'prune'"), 1).await;
    assert_eq!(lab.count(SUCCEEDED).await, 0);
    // A run that was killed then would look alive until 2038.
    let held = "insert into lmp_billing.sync_runs (job, trigger, account, started_at, outcome, instance, lease_renewed_at)
                values ('discover', 'schedule', 'emea', now(), 'running', 'killed', now())";
    sqlx::raw_sql(held).execute(lab.pool()).await.unwrap();

    lab.shift(TimeDelta::zero());
    lab.until_count(SUCCEEDED, 2).await;
    daemon.stops().await;
    // One that starts later finds the same ledger.
    let succeeded = lab.count(SUCCEEDED).await;
    let daemon = lab.call(&["run"]).quiet().start();
    lab.until_count(SUCCEEDED, succeeded + 2).await;
    daemon.stops().await;
    assert_eq!(
        lab.texts("select outcome from lmp_billing.sync_runs where instance = 'killed'").await,
        ["interrupted"]
    );
    assert_eq!(lab.count(NOT_DELETED).await, 0);
    assert!(lab.count(STORED).await >= before);
    lab.assert_history_is_sound().await;
}
