//! A daemon that is frozen in mid-poll, taken for dead, and revived.

use lmp_billing_sync::simulator::{Fault, FaultRule, Gate};
use rustix::process::Signal;

use crate::cli::lab::{CommandLab, months_ago, report};
use crate::daemon::{NEVER, let_leases_run_out, settings, until_count};

#[tokio::test]
async fn a_claimant_that_is_stopped_and_resumed_notices_and_writes_nothing_late() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1);
    lab.write_settings(&settings(&lab, &["emea"], NEVER));
    lab.serve(cycle, vec![report(1, "Acme", cycle, "Under Review")]);
    let gate = Gate::closed();
    lab.handle().push_fault(FaultRule::times(Fault::Hold(gate.clone()), 2));
    let mut frozen = lab.call(&["run"]).start();
    lab.handle().wait_for_requests(2).await;
    frozen.signal(Signal::STOP);
    // Its answers of now arrive while it cannot read them; then the world goes on.
    gate.open();
    lab.serve(cycle, vec![report(1, "Acme", cycle, "Completed")]);
    let_leases_run_out(&lab, frozen.pid()).await;

    let other = lab.call(&["run"]).quiet().start();
    until_count(&lab, "select count(*) from lmp_billing.sync_runs where outcome = 'succeeded'", 1).await;
    other.stops().await;
    let tables = "select md5(string_agg(line, ',' order by line)) from (
                      select h::text as line from lmp_billing.report_history h
                      union all select p::text from lmp_billing.cycle_polls p
                      union all select r::text from lmp_billing.sync_runs r) lines";
    let before = lab.texts(tables).await;
    let ticks =
        lab.texts("select concat_ws(' ', job, due_at, attempt) from lmp_billing.schedule_ticks").await;
    assert_eq!(ticks, ["reconcile -infinity 2"], "taken over");

    frozen.signal(Signal::CONT);
    frozen.stderr.until("reconcile ended early").await;
    frozen.stops().await;
    assert_eq!(lab.texts(tables).await, before, "not a row was written by the one that was taken for dead");
    assert_eq!(
        lab.texts("select outcome from lmp_billing.sync_runs order by id").await,
        ["interrupted", "succeeded"]
    );
    let of_dead =
        "select count(*) from lmp_billing.cycle_polls p join lmp_billing.sync_runs r on r.id = p.run_id
                   where p.finished_at > r.finished_at";
    assert_eq!(lab.count(of_dead).await, 0);
}
