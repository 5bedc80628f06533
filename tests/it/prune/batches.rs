//! In small transactions: stopped, locked out or repeated at any point.

use chrono::Days;
use lmp_billing_sync::prune::{PATIENCE, PruneError, Pruning};
use lmp_billing_sync::store::{Batch, Deleted, DueReports, Job, NewRun, RunOutcome, StoreError, Trigger};
use tokio_util::sync::CancellationToken;

use super::{cutoff, left, logged, prune, pruning, run, store};
use crate::support::lab::Lab;
use crate::support::wait::until_async;

/// Waits until a statement of this database waits for a lock.
pub(super) async fn until_somebody_waits(lab: &Lab) {
    let waiting = "select count(*) > 0 as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    until_async("somebody waits for a lock", async || lab.value(waiting).await == "true").await;
}

async fn start(lab: &Lab) -> i64 {
    let new = NewRun { job: Job::Prune, trigger: Trigger::Schedule, account: "*", instance: "test" };
    lab.store.start_run(new).await.unwrap().id
}

#[tokio::test]
async fn many_small_batches_do_what_one_large_one_does() {
    let lab = Lab::new().await;
    let cutoff = cutoff(&lab).await;
    for month in 1..=4 {
        store(&lab, &format!("old {month}"), 1000 + month, cutoff - Days::new(30 * u64::from(month)), 2)
            .await;
    }
    store(&lab, "new", 500, cutoff, 2).await;
    let small = Pruning { max_batch: 37, ..pruning(&lab) };
    let pruned = run(&small).await.unwrap();
    assert_eq!(pruned.cycles.iter().map(|count| count.reports).sum::<i64>(), 4010);
    assert_eq!(pruned.cycles.iter().map(|count| count.versions).sum::<i64>(), 8020);
    assert_eq!(left(&lab).await, ["new|500|1000"]);
    assert_eq!(logged(&lab).await, "prune|cli|*|succeeded|4010|false");
}

#[tokio::test]
async fn stopped_between_two_batches_it_has_deleted_whole_reports_and_counted_them() {
    let lab = Lab::new().await;
    store(&lab, "old", 10_000, cutoff(&lab).await - Days::new(1), 2).await;
    let stop = CancellationToken::new();
    let small = Pruning { max_batch: 10, ..pruning(&lab) };
    let some = "select count(*) < 10000 as gone from lmp_billing.reports";
    let (pruned, ()) = tokio::join!(small.run(Trigger::Schedule, "test", &stop), async {
        until_async("some are deleted", async || lab.value(some).await == "true").await;
        stop.cancel();
    });
    let pruned = pruned.unwrap();
    assert_eq!(pruned.outcome, RunOutcome::Interrupted);
    let deleted = pruned.cycles[0].reports;
    assert!((1..10_000).contains(&deleted), "{deleted}");
    assert_eq!(pruned.cycles[0].versions, 2 * deleted);
    let kept = 10_000 - deleted;
    assert_eq!(left(&lab).await, [format!("old|{kept}|{}", 2 * kept)]);
    assert_eq!(logged(&lab).await, format!("prune|schedule|*|interrupted|{deleted}|false"));

    assert_eq!(prune(&lab).await.cycles[0].reports, kept);
    assert!(left(&lab).await.is_empty());
}

#[tokio::test]
async fn stopped_before_it_begins_it_deletes_nothing() {
    let lab = Lab::new().await;
    store(&lab, "old", 10, cutoff(&lab).await - Days::new(1), 0).await;
    let stop = CancellationToken::new();
    stop.cancel();
    let pruned = pruning(&lab).run(Trigger::Schedule, "test", &stop).await.unwrap();
    assert_eq!((pruned.outcome, pruned.cycles.len()), (RunOutcome::Interrupted, 0));
    assert_eq!(left(&lab).await, ["old|10|0"]);
}

#[tokio::test]
async fn a_run_that_was_taken_for_dead_deletes_nothing_any_more() {
    let lab = Lab::new().await;
    store(&lab, "old", 10, cutoff(&lab).await - Days::new(1), 0).await;
    let frozen = start(&lab).await;
    lab.execute("update lmp_billing.sync_runs set lease_renewed_at = now() - interval '3 minutes'").await;
    assert_eq!(lab.store.interrupt_dead_runs().await.unwrap(), 1);
    let late = pruning(&lab).run_claimed(frozen, &CancellationToken::new()).await.unwrap_err();
    assert!(matches!(late, PruneError::Store(StoreError::RunEnded(id)) if id == frozen), "{late}");
    assert_eq!(left(&lab).await, ["old|10|0"]);
    assert_eq!(logged(&lab).await, "prune|schedule|*|interrupted|0|true");
}

#[tokio::test]
async fn a_run_that_was_started_by_the_schedule_is_gone_on_with() {
    let lab = Lab::new().await;
    store(&lab, "old", 10, cutoff(&lab).await - Days::new(1), 1).await;
    let claimed = start(&lab).await;
    let pruned = pruning(&lab).run_claimed(claimed, &CancellationToken::new()).await.unwrap();
    assert_eq!((pruned.run_id, pruned.outcome), (claimed, RunOutcome::Succeeded));
    assert_eq!(logged(&lab).await, "prune|schedule|*|succeeded|10|false");
    assert_eq!(lab.value("select count(*) from lmp_billing.sync_runs").await, "1");
}

/// A run, and ten reports past retention in one cycle that it is to delete.
async fn ten_due(lab: &Lab) -> (i64, DueReports<'static>) {
    let cutoff = cutoff(lab).await;
    store(lab, "old", 10, cutoff - Days::new(1), 1).await;
    let run_id = start(lab).await;
    let found = lab.store.past_retention(cutoff, false).await.unwrap();
    (run_id, DueReports { account: "emea", cycle: found[0].cycle, cutoff })
}

#[tokio::test]
async fn a_batch_whose_commit_was_not_answered_counts_once() {
    let lab = Lab::new().await;
    let (run_id, due) = ten_due(&lab).await;
    let places = lab.store.due_for_pruning(due, None, 4).await.unwrap();
    assert_eq!(places.len(), 4);
    let batch = Batch { run_id, deleted_before: 0, due, places: &places };
    assert_eq!(lab.store.prune_reports(batch).await.unwrap(), Deleted { reports: 4, versions: 4 });
    assert_eq!(
        lab.store.prune_reports(batch).await.unwrap().reports,
        4,
        "as far as one knows, it was this try"
    );
    assert_eq!(lab.value("select deleted from lmp_billing.sync_runs").await, "4");
    let rest = lab.store.due_for_pruning(due, Some(&places[3]), 100).await.unwrap();
    assert_eq!(rest.len(), 6);
}

#[tokio::test]
async fn a_report_written_since_it_was_found_stays_for_now_and_what_took_its_place_for_good() {
    let lab = Lab::new().await;
    let (run_id, due) = ten_due(&lab).await;
    let cutoff = due.cutoff;
    let places = lab.store.due_for_pruning(due, None, 100).await.unwrap();
    // The first one moves, and another, which is no longer due, takes its place.
    lab.execute(
        "update lmp_billing.reports set cycle = cycle - interval '1 month', partner_company_name = 'moved'
         where ctid = (select min(ctid) from lmp_billing.reports)",
    )
    .await;
    lab.execute(
        "update lmp_billing.reports set cycle = cycle + interval '1 month' where partner_company_name = 'moved'",
    )
    .await;
    lab.execute("vacuum (index_cleanup on) lmp_billing.reports").await;
    lab.execute(&format!(
        "update lmp_billing.reports set end_date = '{cutoff}', partner_company_name = 'prolonged'
         where id = (select id from lmp_billing.reports where partner_company_name <> 'moved'
                     order by ctid desc limit 1)"
    ))
    .await;
    let standing = "select ctid::text from lmp_billing.reports where partner_company_name = ";
    assert_eq!(lab.value(&format!("{standing} 'prolonged'")).await, places[0], "the place is taken again");
    assert!(!places.contains(&lab.value(&format!("{standing} 'moved'")).await));

    let batch = Batch { run_id, deleted_before: 0, due, places: &places };
    assert_eq!(lab.store.prune_reports(batch).await.unwrap().reports, 8);
    let left = "select string_agg(partner_company_name, ', ' order by partner_company_name) from lmp_billing.reports";
    assert_eq!(lab.value(left).await, "moved, prolonged");
    // The next look finds where it stands now.
    assert_eq!(prune(&lab).await.cycles[0].reports, 1);
}

#[tokio::test]
async fn reports_that_somebody_keeps_locked_stay_until_the_next_prune() {
    let lab = Lab::new().await;
    store(&lab, "old", 100, cutoff(&lab).await - Days::new(1), 1).await;
    let mut analyst = lab.db.pool().begin().await.unwrap();
    let lock = "select id from lmp_billing.reports order by id desc limit 3 for update";
    sqlx::query(lock).execute(&mut *analyst).await.unwrap();
    let pruned = prune(&lab).await;
    assert_eq!((pruned.outcome, pruned.locked), (RunOutcome::Partial, 3));
    assert_eq!(left(&lab).await, ["old|3|3"]);
    assert_eq!(logged(&lab).await, "prune|cli|*|partial|97|true");
    assert!(lab.value("select error from lmp_billing.sync_runs").await.starts_with("3 reports"));
    analyst.rollback().await.unwrap();
    assert_eq!(prune(&lab).await.outcome, RunOutcome::Succeeded);
    assert!(left(&lab).await.is_empty());
}

#[tokio::test]
async fn reports_that_somebody_locks_for_a_while_are_waited_for() {
    let lab = Lab::new().await;
    store(&lab, "old", 100, cutoff(&lab).await - Days::new(1), 1).await;
    let mut analyst = lab.db.pool().begin().await.unwrap();
    let lock = "select id from lmp_billing.reports order by id limit 1 for share";
    sqlx::query(lock).execute(&mut *analyst).await.unwrap();
    let patient = Pruning { patience: PATIENCE, ..pruning(&lab) };
    let (pruned, ()) = tokio::join!(run(&patient), async {
        let others = "select count(*) = 1 as gone from lmp_billing.reports";
        until_async("the others are deleted", async || lab.value(others).await == "true").await;
        analyst.rollback().await.unwrap();
    });
    let pruned = pruned.unwrap();
    assert_eq!((pruned.outcome, pruned.cycles[0].reports), (RunOutcome::Succeeded, 100));
    assert!(left(&lab).await.is_empty());
}

#[tokio::test]
async fn a_locked_table_is_waited_for() {
    let lab = Lab::new().await;
    store(&lab, "old", 10, cutoff(&lab).await - Days::new(1), 1).await;
    let mut administrator = lab.db.pool().begin().await.unwrap();
    sqlx::query("lock table lmp_billing.superseded_versions in share mode")
        .execute(&mut *administrator)
        .await
        .unwrap();
    let pruning = pruning(&lab);
    let (pruned, ()) = tokio::join!(run(&pruning), async {
        until_somebody_waits(&lab).await;
        // One try gives up, and another begins.
        let latest = "select coalesce(max(xact_start)::text, '') from pg_stat_activity
                      where datname = current_database() and wait_event_type = 'Lock'";
        let first = lab.value(latest).await;
        until_async("the next try waits", async || !["", &*first].contains(&&*lab.value(latest).await)).await;
        assert_eq!(left(&lab).await, ["old|10|10"]);
        administrator.rollback().await.unwrap();
    });
    assert_eq!(pruned.unwrap().outcome, RunOutcome::Succeeded);
    assert!(left(&lab).await.is_empty());
}

#[tokio::test]
async fn a_server_that_breaks_connections_off_does_not_end_it() {
    let lab = Lab::new().await;
    store(&lab, "old", 4000, cutoff(&lab).await - Days::new(1), 1).await;
    let small = Pruning { max_batch: 20, ..pruning(&lab) };
    let (pruned, ()) = tokio::join!(run(&small), async {
        for left in [3900, 3000, 2000, 1000] {
            let reached = format!("select count(*) < {left} as gone from lmp_billing.reports");
            until_async("some more are deleted", async || lab.value(&reached).await == "true").await;
            lab.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'lmp-billing-sync'").await;
        }
    });
    let pruned = pruned.unwrap();
    assert_eq!((pruned.outcome, pruned.cycles[0].reports), (RunOutcome::Succeeded, 4000));
    assert!(left(&lab).await.is_empty());
    assert_eq!(logged(&lab).await, "prune|cli|*|succeeded|4000|false");
}
