//! SIGTERM at the worst moments. In mid-fetch: `daemon::orders`; while an answer is applied: `cli::signals`.

use std::time::Duration;

use rustix::process::Signal;
use sqlx::{Connection as _, PgConnection};

use crate::cli::lab::CommandLab;
use crate::daemon::{NEVER, settings, until_count};
use crate::support::wait::until_async;

/// Commits of polls wait here, until who holds the lock lets go.
const SLOW_COMMIT: &str = "
    create function public.dawdle() returns trigger language plpgsql as $$
    begin
        perform pg_advisory_xact_lock(4711);
        return null;
    end $$;
    create constraint trigger dawdle after insert on lmp_billing.cycle_polls
        deferrable initially deferred for each row execute function public.dawdle()";

#[tokio::test]
async fn told_to_stop_in_mid_commit_it_ends_within_ten_seconds_and_the_next_converges() {
    let lab = CommandLab::new().await;
    lab.write_settings(&settings(&lab, &["emea"], NEVER));
    sqlx::raw_sql(SLOW_COMMIT).execute(lab.pool()).await.unwrap();
    let mut holder = PgConnection::connect(lab.db.url()).await.unwrap();
    sqlx::raw_sql("select pg_advisory_lock(4711)").execute(&mut holder).await.unwrap();
    let daemon = lab.call(&["run"]).start();
    let committing = "select count(*) from pg_stat_activity
                      where datname = current_database() and lower(query) = 'commit' and wait_event_type = 'Lock'";
    until_count(&lab, committing, 1).await;
    daemon.signal(Signal::TERM);
    daemon.ends_within(Duration::from_secs(10)).await.with_code(0);

    sqlx::raw_sql("select pg_advisory_unlock(4711)").execute(&mut holder).await.unwrap();
    holder.close().await.unwrap();
    let theirs = "select count(*) from pg_stat_activity
                  where datname = current_database() and application_name = 'lmp-billing-sync'";
    until_async("their sessions end", async || lab.count(theirs).await == 0).await;
    // All of a poll or nothing of it, whatever became of the commits.
    let stored = lab.count("select count(*) from lmp_billing.reports").await;
    assert_eq!(stored, lab.count("select coalesce(sum(inserted), 0) from lmp_billing.cycle_polls").await);
    sqlx::raw_sql("drop trigger dawdle on lmp_billing.cycle_polls").execute(lab.pool()).await.unwrap();
    // Could it not say that it was stopped, its lease tells.
    sqlx::raw_sql(
        "update lmp_billing.sync_runs set lease_renewed_at = lease_renewed_at - interval '3 minutes'
         where outcome = 'running'",
    )
    .execute(lab.pool())
    .await
    .unwrap();
    let daemon = lab.call(&["run"]).start();
    until_count(&lab, "select count(*) from lmp_billing.sync_runs where outcome = 'succeeded'", 1).await;
    daemon.stops().await;
    let believed =
        "select count(distinct cycle) from lmp_billing.cycle_polls where outcome in ('applied', 'unchanged')";
    assert_eq!(lab.count(believed).await, 25);
    assert_eq!(
        lab.count("select count(*) from lmp_billing.reports").await,
        lab.count("select sum(inserted) from lmp_billing.cycle_polls").await
    );
    assert_eq!(lab.count("select count(*) from lmp_billing.superseded_versions").await, 0);
}

#[tokio::test]
async fn a_prune_told_to_stop_ends_within_ten_seconds_though_the_database_lets_it_say_nothing() {
    let lab = CommandLab::new().await;
    lab.succeeds(&["sync"]).await;
    let mut holder = PgConnection::connect(lab.db.url()).await.unwrap();
    sqlx::raw_sql("begin; lock table lmp_billing.reports in access exclusive mode")
        .execute(&mut holder)
        .await
        .unwrap();
    let prune = lab.call(&["prune"]).start();
    let started = "select count(*) from lmp_billing.sync_runs where job = 'prune' and outcome = 'running'";
    until_count(&lab, started, 1).await;
    // Nor may the end of the run be logged.
    sqlx::raw_sql("select from lmp_billing.sync_runs for key share").execute(&mut holder).await.unwrap();
    prune.signal(Signal::TERM);
    let ended = prune.ends_within(Duration::from_secs(10)).await.with_code(1);
    ended.complains(&["logging that the run was stopped"]);
    sqlx::raw_sql("rollback").execute(&mut holder).await.unwrap();
    lab.succeeds(&["prune"]).await;
}
