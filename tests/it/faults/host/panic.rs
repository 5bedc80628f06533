//! A task that panics: nobody knows what it left undone, so the process ends and says so.

use chrono::TimeDelta;
use lmp_billing_sync::simulator::{Fault, FaultRule, Gate};

use crate::faults::moved::Moved;

/// Before 1970, where the standard library refuses to tell the time: the one panic that the world outside
/// can bring about in a task of ours. It happens where the next request is signed.
const BEFORE_TIME_BEGAN: TimeDelta = TimeDelta::days(-60 * 366);

#[tokio::test]
async fn a_panic_in_a_run_ends_the_daemon_with_an_error_and_the_next_one_takes_over() {
    let lab = Moved::new(3, TimeDelta::zero()).await;
    lab.settings("[schedule]\nrefresh = '0 0 29 2 *'\ndiscover = '0 0 29 2 *'\nreconcile = '0 0 29 2 *'\nprune = '0 0 29 2 *'\n");
    let gate = Gate::closed();
    lab.handle().push_fault(FaultRule::always(Fault::Hold(gate.clone())));
    let daemon = lab.call(&["run"]).start();
    lab.handle().wait_for_requests(1).await;
    lab.machine.shift(BEFORE_TIME_BEGAN);
    gate.open();
    let ended = daemon.ended().await;
    // 1 is our own word for it, 101 the runtime's where it is the main task.
    assert!(matches!(ended.code, Some(1 | 101)), "{:?}: {}", ended.code, ended.stderr);
    assert!(ended.stderr.contains("panicked"), "{}", ended.stderr);

    lab.shift(TimeDelta::zero());
    let abandoned =
        "update lmp_billing.sync_runs set lease_renewed_at = lease_renewed_at - interval '3 minutes'
                     where outcome = 'running'";
    sqlx::raw_sql(abandoned).execute(lab.pool()).await.unwrap();
    let daemon = lab.call(&["run"]).quiet().start();
    lab.until_count("select count(*) from lmp_billing.sync_runs where outcome = 'succeeded'", 1).await;
    daemon.signal(rustix::process::Signal::TERM);
    daemon.ended().await.with_code(0);
    let cycles =
        "select count(distinct cycle) from lmp_billing.cycle_polls where outcome in ('applied', 'unchanged')";
    assert_eq!(lab.count(cycles).await, 25);
    lab.assert_history_is_sound().await;
}
