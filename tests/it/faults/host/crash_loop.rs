//! A daemon that dies again and again asks the upstream little.

use lmp_billing_sync::simulator::{Fault, FaultRule};
use rustix::process::Signal;

use crate::cli::lab::CommandLab;
use crate::daemon::{NEVER, let_leases_run_out, settings, until_count};

const STARTS: u32 = 12;
/// Requests under way at once for an account.
const CONCURRENCY: u64 = 2;

#[tokio::test]
async fn a_crash_loop_asks_no_more_than_one_run_of_each_job_until_its_lease_is_over() {
    let lab = CommandLab::new().await;
    let schedule = NEVER.replace("refresh = '0 0 29 2 *'", "refresh = '* * * * * *'");
    lab.write_settings(&settings(&lab, &["emea"], &schedule));
    lab.handle().push_fault(FaultRule::always(Fault::NeverAnswer));
    for start in 1..=STARTS {
        let mut daemon = lab.call(&["run"]).start();
        daemon.stderr.until("started").await;
        // It has looked what is due: another tick is on record, claimed or skipped.
        let ticks = lab.count("select count(*) from lmp_billing.schedule_ticks where job = 'refresh'").await;
        until_count(&lab, "select count(*) from lmp_billing.schedule_ticks where job = 'refresh'", ticks + 1)
            .await;
        if start == 1 {
            lab.handle().wait_for_requests(1).await;
        }
        daemon.signal(Signal::KILL);
        drop(daemon);
    }
    // The first sync and one refresh, each as far as it came; the account's limit is for both together.
    let asked = lab.handle().received();
    assert!((1..=2 * CONCURRENCY).contains(&asked), "{STARTS} starts sent {asked} requests");
    let runs = "select count(*) from lmp_billing.sync_runs";
    assert_eq!(lab.count(runs).await, 2);
    assert_eq!(lab.count("select count(*) from lmp_billing.reports").await, 0);
}

#[tokio::test]
async fn a_tick_on_which_the_daemon_dies_is_tried_three_times_and_then_left() {
    let lab = CommandLab::new().await;
    let schedule = NEVER.replace("prune = '0 0 29 2 *'", "prune = '* * * * * *'");
    lab.write_settings(&settings(&lab, &["emea"], &schedule));
    lab.handle().push_fault(FaultRule::always(Fault::NeverAnswer));
    for attempt in 1..=5 {
        let mut daemon = lab.call(&["run"]).start();
        daemon.stderr.until("started").await;
        // It has looked what is due: first syncs come before ticks, and another one of these is on record.
        let prunes = lab.count("select count(*) from lmp_billing.schedule_ticks where job = 'prune'").await;
        until_count(&lab, "select count(*) from lmp_billing.schedule_ticks where job = 'prune'", prunes + 1)
            .await;
        let attempts = "select max(attempt)::int8 from lmp_billing.schedule_ticks where job <> 'prune'";
        assert_eq!(lab.count(attempts).await, attempt.min(3));
        if attempt <= 3 {
            lab.handle().wait_for_requests(u64::try_from(attempt).unwrap()).await;
        }
        let pid = daemon.pid();
        daemon.signal(Signal::KILL);
        drop(daemon);
        let_leases_run_out(&lab, pid).await;
    }
    let asked = lab.handle().received();
    assert!(asked <= 3 * CONCURRENCY, "five starts sent {asked} requests");
    let outcomes = lab.texts("select outcome from lmp_billing.sync_runs where job <> 'prune'").await;
    assert_eq!(outcomes, ["interrupted"; 3]);
}
