//! Pruning beside polls: neither undoes what the other does.

use chrono::Days;
use lmp_billing_sync::domain::Retention;
use lmp_billing_sync::prune::Pruning;
use tokio_util::sync::CancellationToken;

use super::{cutoff, left, prune, pruning, run, store};
use crate::support::lab::{Lab, With as _, report, reports};

#[tokio::test]
async fn a_poll_does_not_bring_pruned_reports_back() {
    let mut lab = Lab::new().await;
    let cycle = lab.cycle(2).await;
    let short = |number| report(number, cycle).with(|r| r.end_date = r.start_date);
    lab.serve(cycle, [short(1), short(2), report(3, cycle)]);
    assert_eq!(lab.poll(cycle).await.inserted, 3);
    // Time goes by, until the cycle's last day is all that is kept of it; then some more.
    let today = lab.rules.today(lab.now().await);
    let cut = |months| Retention { months }.cutoff(today);
    let months = (1..24).find(|months| cut(*months) <= cycle.last_day()).unwrap();
    lab.rules.retention = Retention { months };
    let cutoff = cutoff(&lab).await;
    if cutoff == cycle.first_day() {
        return; // on the first of a month no report of the cycle can have ended before; another day will tell
    }
    assert_eq!(prune(&lab).await.cycles[0].reports, 2);
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.outcome.as_str(), poll.reports_seen, poll.inserted), ("unchanged", 3, 0));
    assert_eq!(left(&lab).await, ["Partner 3|1|0"]);
    assert_eq!(prune(&lab).await.cycles, []);
}

#[tokio::test]
async fn polls_and_a_prune_at_the_same_time_lose_nothing() {
    let lab = Lab::new().await;
    let cutoff = cutoff(&lab).await;
    store(&lab, "old", 3000, cutoff - Days::new(1), 1).await;
    let cycle = lab.cycle(1).await;
    lab.serve(cycle, reports(200, cycle));
    lab.poll(cycle).await;
    let slow = Pruning { max_batch: 20, ..pruning(&lab) };
    let polls = async {
        for status in ["Approved", "Under Review", "Approved", "Completed"] {
            let changed =
                reports(200, cycle).into_iter().map(|r| r.with(|r| status.clone_into(&mut r.status)));
            lab.serve(cycle, changed);
            assert_eq!(lab.poll(cycle).await.updated, 200);
        }
    };
    let (pruned, ()) = tokio::join!(run(&slow), polls);
    assert_eq!(pruned.unwrap().cycles[0].reports, 3000);
    assert_eq!(
        lab.value("select count(*), min(version), max(version), (select count(*) from lmp_billing.superseded_versions) from lmp_billing.reports").await,
        "200|5|5|800"
    );
}

#[tokio::test]
async fn a_report_that_a_poll_is_about_to_extend_stays_with_all_its_versions() {
    let lab = Lab::new().await;
    let cutoff = cutoff(&lab).await;
    store(&lab, "extended", 1, cutoff - Days::new(1), 1).await;
    store(&lab, "old", 50, cutoff - Days::new(1), 1).await;
    // What a poll of a daemon with a longer retention does, in the middle of its transaction.
    let mut poll = lab.db.pool().begin().await.unwrap();
    let change = format!(
        "with archived as (
             insert into lmp_billing.superseded_versions
             select account, id, version, valid_from, clock_timestamp(), cycle, partner_company_name, start_date,
                    end_date, status, under_review_status, extra, status_since, status_not_before, poll_id
             from lmp_billing.reports where partner_company_name = 'extended')
         update lmp_billing.reports set version = version + 1, end_date = '{cutoff}', valid_from = clock_timestamp()
         where partner_company_name = 'extended'"
    );
    sqlx::query(sqlx::AssertSqlSafe(change)).execute(&mut *poll).await.unwrap();
    let commit = async {
        super::batches::until_somebody_waits(&lab).await;
        poll.commit().await.unwrap();
    };
    let pruning = pruning(&lab);
    let (pruned, ()) = tokio::join!(run(&pruning), commit);
    assert_eq!(pruned.unwrap().cycles[0].reports, 50);
    assert_eq!(left(&lab).await, ["extended|1|2"]);
}

#[tokio::test]
async fn two_prunes_at_once_delete_everything_once() {
    let lab = Lab::new().await;
    store(&lab, "old", 2000, cutoff(&lab).await - Days::new(1), 2).await;
    let small = Pruning { max_batch: 50, ..pruning(&lab) };
    let (first, second) = tokio::join!(run(&small), run(&small));
    let deleted = |pruned: &lmp_billing_sync::prune::Pruned| {
        pruned.cycles.iter().map(|count| (count.reports, count.versions)).next().unwrap_or_default()
    };
    let (first, second) = (deleted(&first.unwrap()), deleted(&second.unwrap()));
    assert_eq!((first.0 + second.0, first.1 + second.1), (2000, 4000));
    assert_eq!(lab.value("select sum(deleted) from lmp_billing.sync_runs").await, "2000");
    assert!(left(&lab).await.is_empty());
}

#[tokio::test]
async fn a_run_can_be_spawned_on_any_thread() {
    let lab = Lab::new().await;
    let store = lab.store.clone();
    let (retention, timezone) = (lab.rules.retention, lab.rules.timezone);
    let pruned = tokio::spawn(async move {
        let pruning = Pruning {
            store: &store,
            clock: &lmp_billing_sync::clock::SystemClock,
            retention,
            timezone,
            max_fraction: 0.25,
            force: false,
            max_batch: 10,
            patience: &[],
        };
        pruning.run(lmp_billing_sync::store::Trigger::Schedule, "test", &CancellationToken::new()).await
    });
    pruned.await.unwrap().unwrap();
    assert_eq!(super::logged(&lab).await, "prune|schedule|*|succeeded|0|false");
}
