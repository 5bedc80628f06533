//! A refresh need not read an answer that has the same bytes as the last believed one, if that is sure.

use lmp_billing_sync::domain::Cycle;
use lmp_billing_sync::simulator::{BadEntry, Fault, FaultRule, SimReport};
use lmp_billing_sync::store::RunOutcome;
use sqlx::AssertSqlSafe;
use tokio_util::sync::CancellationToken;

use crate::support::lab::{Lab, With as _, report, reports};
use crate::support::wait::until_async;

/// Ten reports, polled once; from now on digests are trusted.
async fn refreshing() -> (Lab, Cycle) {
    let mut lab = Lab::new().await;
    let cycle = lab.cycle(2).await;
    lab.serve(cycle, reports(10, cycle));
    lab.poll(cycle).await;
    lab.rules.trust_digests = true;
    (lab, cycle)
}

/// Whether the next poll reads its answer: only then does it mend what a hand has edited.
async fn is_read(lab: &Lab, cycle: Cycle) -> bool {
    lab.execute("update lmp_billing.reports set partner_company_name = 'Edited' where poll_id = (select min(poll_id) from lmp_billing.reports)").await;
    lab.poll(cycle).await;
    lab.value("select count(*) from lmp_billing.reports where partner_company_name = 'Edited'").await == "0"
}

fn spanning(cycle: Cycle) -> SimReport {
    report(1, cycle).with(|r| r.end_date = cycle.next().last_day())
}

#[tokio::test]
async fn the_same_bytes_are_not_read_again_and_count_as_before() {
    let (lab, cycle) = refreshing().await;
    assert!(!is_read(&lab, cycle).await);
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.outcome.as_str(), poll.reports_seen, poll.quarantined), ("unchanged", 10, 0));
}

#[tokio::test]
async fn other_bytes_are_read() {
    let (lab, cycle) = refreshing().await;
    let mut shuffled = reports(10, cycle);
    shuffled.swap(0, 1);
    lab.serve(cycle, shuffled);
    assert!(is_read(&lab, cycle).await);
}

#[tokio::test]
async fn a_run_that_trusts_no_shortcut_reads_the_same_bytes() {
    let (mut lab, cycle) = refreshing().await;
    lab.rules.trust_digests = false;
    assert!(is_read(&lab, cycle).await);
}

#[tokio::test]
async fn bytes_that_another_version_of_the_program_has_read_are_read_again() {
    let (lab, cycle) = refreshing().await;
    lab.execute("update lmp_billing.cycle_polls set program_version = '0.0.1'").await;
    assert!(is_read(&lab, cycle).await);
}

#[tokio::test]
async fn other_ignored_fields_make_the_same_bytes_another_answer() {
    let (mut lab, cycle) = refreshing().await;
    lab.rules.ignore_fields = std::sync::Arc::new(["etag".to_owned()].into());
    assert!(is_read(&lab, cycle).await);
}

#[tokio::test]
async fn an_answer_that_was_not_believed_is_read_again() {
    let (lab, cycle) = refreshing().await;
    lab.serve(cycle, []);
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "suspect");
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "suspect");
}

#[tokio::test]
async fn a_report_that_another_month_has_written_since_is_compared_again() {
    let (lab, cycle) = refreshing().await;
    lab.serve(cycle, [spanning(cycle)].into_iter().chain(reports(10, cycle).into_iter().skip(1)));
    lab.poll(cycle).await;
    lab.serve(cycle.next(), [spanning(cycle).with(|r| r.status = "Approved".to_owned())]);
    assert_eq!(lab.poll(cycle.next()).await.updated, 1);
    let again = lab.poll(cycle).await;
    assert_eq!(
        (again.outcome.as_str(), again.updated),
        ("applied", 1),
        "the first month still says otherwise"
    );
}

#[tokio::test]
async fn a_report_that_has_moved_to_another_month_since_is_compared_again() {
    let (lab, cycle) = refreshing().await;
    lab.serve(cycle.next(), [report(1, cycle.next())]);
    assert_eq!(lab.poll(cycle.next()).await.updated, 1);
    let again = lab.poll(cycle).await;
    assert_eq!((again.outcome.as_str(), again.updated), ("applied", 1));
}

#[tokio::test]
async fn bad_entries_in_the_same_bytes_are_counted_again_and_stay_open() {
    let (lab, cycle) = refreshing().await;
    lab.lmp().push_fault(FaultRule::always(Fault::BadEntries(vec![BadEntry::MissingStatus])));
    assert_eq!(lab.poll(cycle).await.quarantined, 1);
    let again = lab.poll(cycle).await;
    assert_eq!((again.outcome.as_str(), again.reports_seen, again.quarantined), ("unchanged", 10, 1));
    assert_eq!(
        lab.value("select count(*) from lmp_billing.quarantined_reports where resolved_at is null").await,
        "1"
    );
}

#[tokio::test]
async fn a_report_that_another_month_has_withdrawn_comes_back_through_the_month_that_still_lists_it() {
    let mut lab = Lab::new().await;
    let cycle = lab.cycle(2).await;
    let later = cycle.next();
    // Stored under the later month, and listed by both.
    lab.serve(later, [spanning(cycle), report(2, later)]);
    lab.poll(later).await;
    lab.serve(cycle, [spanning(cycle)]);
    lab.poll(cycle).await;
    lab.rules.trust_digests = true;
    lab.serve(later, [report(2, later)]);
    assert_eq!(lab.poll(later).await.withdrawn, 1);
    let back = lab.poll(cycle).await;
    assert_eq!((back.outcome.as_str(), back.updated), ("applied", 1));
}

#[tokio::test]
async fn entries_quarantined_by_an_answer_that_was_not_believed_are_resolved_by_the_next_good_one() {
    let (lab, cycle) = refreshing().await;
    lab.serve_entries(cycle, &["7".to_owned()]);
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "failed");
    let open = "select count(*) from lmp_billing.quarantined_reports where resolved_at is null";
    assert_eq!(lab.value(open).await, "1");
    lab.serve(cycle, reports(10, cycle));
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "unchanged");
    assert_eq!(lab.value(open).await, "0");
}

#[tokio::test]
async fn a_refresh_that_finds_something_new_keeps_its_connection() {
    let (lab, cycle) = refreshing().await;
    let of_ours =
        "from pg_stat_activity where datname = current_database() and application_name = 'lmp-billing-sync'";
    let before = lab.value(&format!("select array_agg(pid) {of_ours}")).await;
    for count in [11, 12, 13] {
        lab.serve(cycle, reports(count, cycle));
        assert_eq!(lab.poll(cycle).await.inserted, 1);
    }
    // Others may have been added.
    assert_eq!(lab.value(&format!("select array_agg(pid) @> array{before} {of_ours}")).await, "true");
}

#[tokio::test]
async fn a_run_told_to_stop_does_not_wait_on_for_the_turn_of_a_cycle_to_compare_its_bytes() {
    let (lab, cycle) = refreshing().await;
    let mut other = lab.db.pool().acquire().await.unwrap();
    let turn = format!("select pg_advisory_lock(hashtextextended('lmp_billing cycle {cycle} emea', 0))");
    sqlx::raw_sql(AssertSqlSafe(turn)).execute(&mut *other).await.unwrap();
    let (stop, cycles) = (CancellationToken::new(), [cycle]);
    let (run, ()) = tokio::join!(lab.sync_until(&cycles, &stop), async {
        until_async("the poll waits for its turn", async || {
            lab.value(
                "select count(*) from pg_locks where locktype = 'advisory' and not granted
                         and database = (select oid from pg_database where datname = current_database())",
            )
            .await
                == "1"
        })
        .await;
        stop.cancel();
    });
    assert_eq!(run.run.outcome, RunOutcome::Interrupted);
    assert_eq!(run.polls[0].error.as_deref(), Some("told to stop while applying the answer"));
}
