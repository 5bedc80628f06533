//! Clocks that are set back while a run is under way.

use chrono::TimeDelta;
use lmp_billing_sync::simulator::{Fault, FaultRule, Gate};

use super::schedule;
use crate::cli::lab::{months_ago, report, token};
use crate::faults::moved::Moved;

const BACK: TimeDelta = TimeDelta::minutes(-20);

#[tokio::test]
async fn twenty_minutes_back_in_mid_run_leaves_the_order_of_versions_strict() {
    let lab = Moved::new(3, TimeDelta::zero()).await;
    lab.settings("");
    let cycle = months_ago(1);
    let arg = cycle.to_string();
    let serve = |status: &str| {
        let reports = (1..=20).map(|id| report(id, "Acme", cycle, status));
        lab.handle().replace_reports(&token("emea"), cycle, reports);
    };
    let statuses = ["MSP Preparing", "Under Review", "Rejected", "Under Review", "Approved", "Completed"];
    for (step, status) in (0..).zip(statuses) {
        serve(status);
        let gate = Gate::closed();
        lab.handle().clear_faults();
        lab.handle().push_fault(FaultRule::always(Fault::Hold(gate.clone())));
        let asked = lab.handle().received();
        let running = lab.call(&["sync", "--cycle", &arg]).start();
        lab.handle().wait_for_requests(asked + 1).await;
        // The number is drawn and the answer on its way.
        lab.database.shift(BACK * step);
        gate.open();
        running.ended().await.with_code(0);
    }
    assert_eq!(
        lab.texts("select concat_ws(' ', count(*), min(version), max(version), min(status)) from lmp_billing.reports").await,
        ["20 6 6 Completed"]
    );
    let order =
        "select string_agg(status, ', ' order by valid_from) from lmp_billing.report_history group by id";
    for of_one in lab.texts(order).await {
        assert_eq!(of_one, statuses.join(", "));
    }
    lab.assert_history_is_sound().await;
}

#[tokio::test]
async fn a_daemon_set_back_twenty_minutes_runs_no_tick_twice_and_does_not_stand_still() {
    const TICKS: &str = "select count(*) from lmp_billing.schedule_ticks where due_at > '-infinity'";
    let lab = Moved::new(3, TimeDelta::zero()).await;
    lab.settings(&schedule("refresh = '*/2 * * * * *'"));
    let daemon = lab.call(&["run"]).quiet().start();
    lab.until_count(TICKS, 3).await;
    lab.shift(BACK);
    let before = lab.count(TICKS).await;
    // They come again, twenty minutes earlier by the clock.
    lab.until_count(TICKS, before + 4).await;
    daemon.stops().await;
    let twice = "select run_id::text from lmp_billing.schedule_ticks where attempt > 1
                 union select run_id::text from lmp_billing.schedule_ticks
                       where run_id is not null group by run_id having count(*) > 1";
    assert_eq!(lab.texts(twice).await, [""; 0]);
    lab.assert_history_is_sound().await;
}

#[tokio::test]
async fn a_run_under_way_when_the_moment_of_its_tick_comes_again_is_not_started_twice() {
    const UNDER_WAY: &str =
        "from lmp_billing.schedule_ticks t join lmp_billing.sync_runs r on r.id = t.run_id
                             where r.outcome = 'running' and r.job = 'refresh'";
    let lab = Moved::new(3, TimeDelta::zero()).await;
    lab.settings(&schedule("refresh = '*/20 * * * * *'"));
    let daemon = lab.call(&["run"]).quiet().start();
    lab.until_count("select count(*) from lmp_billing.sync_runs where outcome = 'succeeded'", 1).await;
    let gate = Gate::closed();
    lab.handle().push_fault(FaultRule::always(Fault::Hold(gate.clone())));
    lab.until_count(&format!("select count(*) {UNDER_WAY}"), 1).await;
    lab.shift(TimeDelta::seconds(-40));
    let past = format!("select count(*) {UNDER_WAY} and t.due_at + interval '2 s' < clock_timestamp()");
    lab.until_count(&past, 1).await;
    gate.open();
    lab.until_count("select count(*) from lmp_billing.sync_runs where outcome = 'succeeded'", 2).await;
    daemon.stops().await;
    let twice = "select cycle::text from lmp_billing.cycle_polls group by run_id, cycle having count(*) > 1";
    assert_eq!(lab.texts(twice).await, [""; 0]);
}
