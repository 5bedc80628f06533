//! What the program may use at most: connections, and room on the disk.

use std::fs;

use lmp_billing_sync::simulator::SimReport;
use rustix::process::Signal;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::cli::lab::{CommandLab, months_ago};
use crate::daemon::{settings, until_count};
use crate::support::wait::until;

#[tokio::test]
async fn connections_stay_within_the_setting_however_much_there_is_to_do() {
    const ACCOUNTS: [&str; 4] = ["emea", "apac", "amer", "anz"];
    const BUSY: &str = "[schedule]\ndiscover = '* * * * * *'\nrefresh = '* * * * * *'\nreconcile = '*/2 * * * * *'\nprune = '* * * * * *'\n";
    for max in [1, 3] {
        let lab = CommandLab::with_accounts(&ACCOUNTS).await;
        lab.write_settings(&settings(&lab, &ACCOUNTS, BUSY));
        let daemon = lab.call(&["run"]).quiet().set("database.max_connections", &max.to_string()).start();
        let open = "select count(*) from pg_stat_activity
                    where datname = current_database() and application_name = 'lmp-billing-sync'";
        let done = "select count(*) from lmp_billing.sync_runs where outcome = 'succeeded'";
        let mut most = 0;
        while lab.count(done).await < 25 {
            most = most.max(lab.count(open).await);
            assert!(most <= max, "{most} connections where {max} are allowed");
        }
        assert_eq!(most, max, "it is as busy as it may be");
        daemon.stops().await;
    }
}

#[tokio::test]
async fn a_large_answer_on_its_way_leaves_no_file_behind_a_killed_process() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1);
    let name = "x".repeat(200);
    let many = (1..=4000).map(|id| SimReport::new(Uuid::from_u128(id), &name, cycle, "Completed"));
    lab.serve(cycle, many.collect());
    // It is spooled whole, and then waits for somebody who holds the table.
    let mut analyst = PgConnection::connect(lab.db.url()).await.unwrap();
    sqlx::raw_sql("begin; lock table lmp_billing.reports in access exclusive mode")
        .execute(&mut analyst)
        .await
        .unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let call = lab.call(&["sync", "--cycle", &cycle.to_string()]);
    let running = call.env("TMPDIR", temporary.path().to_str().unwrap()).start();
    let descriptors = format!("/proc/{}/fd", running.pid());
    until("the answer is spooled", || {
        let Ok(open) = fs::read_dir(&descriptors) else { return false };
        open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
            .any(|target| target.starts_with(temporary.path()))
    })
    .await;
    until_count(
        &lab,
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        1,
    )
    .await;
    assert_eq!(
        fs::read_dir(temporary.path()).unwrap().count(),
        0,
        "the file has no name even while it is used"
    );
    running.signal(Signal::KILL);
    drop(running);
    analyst.close().await.unwrap();
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
    lab.succeeds(&["sync", "--cycle", &cycle.to_string()]).await;
    assert_eq!(lab.count("select count(*) from lmp_billing.reports").await, 4000);
}
