//! A machine that sleeps: the wall clock goes on, the process does not.

use chrono::TimeDelta;
use rustix::process::Signal;

use crate::faults::moved::Moved;

#[tokio::test]
async fn after_three_days_of_sleep_each_job_catches_up_once() {
    const TICKS: &str = "select count(*) from lmp_billing.schedule_ticks where due_at > '-infinity'";
    let lab = Moved::new(3, TimeDelta::zero()).await;
    let schedule = "discover = '0 */6 * * *'\nrefresh = '0 * * * *'\nreconcile = '0 */12 * * *'\nprune = '0 */8 * * *'\n";
    // Not over the end of an hour while the test runs: the day before yesterday, half past something.
    let now = chrono::DateTime::from_timestamp(1_796_000_000, 0).unwrap();
    let half_past = now - TimeDelta::seconds(now.timestamp() % 3600 - 1800);
    lab.set(half_past);
    lab.settings(&format!("[schedule]\n{schedule}"));
    let mut daemon = lab.call(&["run"]).start();
    daemon.stderr.until("reconcile succeeded").await;
    lab.until_count("select count(*) from lmp_billing.schedule_baselines", 4).await;
    assert_eq!(lab.count(TICKS).await, 0);

    // Frozen as the machine freezes it.
    daemon.signal(Signal::STOP);
    lab.set(half_past + TimeDelta::days(3));
    daemon.signal(Signal::CONT);
    lab.until_count(
        "select count(*) from lmp_billing.sync_runs where trigger = 'catch_up' and outcome = 'succeeded'",
        4,
    )
    .await;
    daemon.stderr.until("the machine slept").await;
    daemon.stops().await;
    assert_eq!(
        lab.texts("select concat_ws(' ', job, trigger, outcome) from lmp_billing.sync_runs where trigger <> 'startup' order by job").await,
        [
            "discover catch_up succeeded",
            "prune catch_up succeeded",
            "reconcile catch_up succeeded",
            "refresh catch_up succeeded",
        ]
    );
    assert_eq!(lab.count(TICKS).await, 4, "the newest missed tick of each");
}
