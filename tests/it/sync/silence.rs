//! What has not changed is neither written nor locked.

use crate::support::lab::{Lab, reports};

/// Where each row version is and who wrote or locked it.
const TRACES: &str = "select tableoid::regclass, ctid, xmin, xmax from lmp_billing.reports
                      union all
                      select tableoid::regclass, ctid, xmin, xmax from lmp_billing.superseded_versions
                      order by 1, 2";

const WRITES: &str = "select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables
                      where schemaname = 'lmp_billing' and relname in ('reports', 'superseded_versions')";

#[tokio::test]
async fn a_second_sync_of_an_unchanged_window_writes_and_locks_no_report() {
    let lab = Lab::new().await;
    let first = lab.sync_all().await;
    assert_eq!(first.polls.len(), 25);
    assert!(lab.value("select count(*) from lmp_billing.reports").await.parse::<u32>().unwrap() > 400);
    // A server process reports what it has done when it ends, at the latest.
    lab.execute("select pg_stat_force_next_flush()").await;
    let traces = lab.lines(TRACES).await;
    let polls: u32 = lab.value("select count(*) from lmp_billing.cycle_polls").await.parse().unwrap();

    let second = lab.sync_all().await;
    let last = lab.sync_all().await;
    lab.store.close().await;

    for run in [second, last] {
        assert!(run.polls.iter().all(|poll| poll.outcome.as_str() == "unchanged"), "{:?}", run.polls);
    }
    assert_eq!(lab.lines(TRACES).await, traces);
    assert_eq!(lab.value("select count(*) from lmp_billing.cycle_polls").await, (polls + 50).to_string());
    assert_eq!(lab.value("select count(*) from lmp_billing.superseded_versions").await, "0");
}

#[tokio::test]
async fn the_servers_own_statistics_count_no_write_of_an_unchanged_sync() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    lab.serve(cycle, reports(500, cycle));
    lab.poll(cycle).await;
    lab.store.close().await;
    crate::support::wait::until_async("the writes of the first poll are counted", async || {
        lab.value(WRITES).await == "500"
    })
    .await;

    // The second store's connections end, and with them what they have to report is reported.
    let again = lab.reopened().await;
    again.poll(cycle).await;
    again.store.close().await;
    crate::support::wait::until_async("the second poll's scan is counted", async || {
        again
            .value(
                "select coalesce(sum(n_tup_ins), 0) from pg_stat_user_tables where relname = 'cycle_polls'",
            )
            .await
            == "2"
    })
    .await;
    assert_eq!(again.value(WRITES).await, "500");
}

#[tokio::test]
async fn another_order_of_the_same_reports_changes_nothing() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    let mut served = reports(50, cycle);
    lab.serve(cycle, served.clone());
    lab.poll(cycle).await;
    served.reverse();
    lab.serve(cycle, served);
    let again = lab.poll(cycle).await;
    assert_eq!(again.outcome.as_str(), "unchanged");
    assert_eq!(again.reports_seen, 50);
}

#[tokio::test]
async fn letter_case_of_ids_and_statuses_and_braces_change_nothing() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    lab.serve(cycle, reports(1, cycle));
    lab.poll(cycle).await;
    let entry = |id: String, status: &str| {
        format!(
            r#"{{"id":"{id}","partner_company_name":"Partner 1","start_date":"{}","end_date":"{}","status":"{status}","under_review_status":""}}"#,
            cycle.first_day(),
            cycle.last_day()
        )
    };
    let id = crate::support::lab::id(1).to_string();
    for (id, status) in [
        (id.to_uppercase(), "MSP Preparing"),
        (format!("{{{id}}}"), "msp preparing"),
        (format!("{{{}}}", id.to_uppercase()), "MSP PREPARING"),
    ] {
        lab.serve_entries(cycle, &[entry(id, status)]);
        assert_eq!(lab.poll(cycle).await.outcome.as_str(), "unchanged");
    }
    assert_eq!(lab.value("select status from lmp_billing.reports").await, "MSP Preparing");
}
