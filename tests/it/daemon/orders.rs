//! First sync and stop.

use std::time::Duration;

use lmp_billing_sync::simulator::{Fault, FaultRule, Gate};
use lmp_billing_sync::store::{Claim, FirstSync, Job, NewRun, RunOutcome, Tick, Trigger};
use rustix::process::Signal;

use super::{NEVER, settings, until_count};
use crate::cli::lab::{CommandLab, months_ago};

const RUNS_ENDED: &str = "select count(*) from lmp_billing.sync_runs where outcome <> 'running'";
const RUNS: &str =
    "select concat_ws(' ', account, job, trigger, outcome, polls) from lmp_billing.sync_runs order by id";

#[tokio::test]
async fn an_account_without_an_applied_poll_gets_its_whole_window_at_once_and_only_once() {
    let lab = CommandLab::new().await;
    lab.write_settings(&settings(&lab, &["emea"], NEVER));
    for _ in 0..2 {
        let mut daemon = lab.call(&["run"]).start();
        daemon.stderr.until("started").await;
        until_count(&lab, RUNS_ENDED, 1).await;
        daemon.stops().await;
    }
    assert_eq!(lab.texts(RUNS).await, ["emea reconcile startup succeeded 25"]);
    assert_eq!(
        lab.texts("select concat_ws(' ', account, job, due_at, attempt) from lmp_billing.schedule_ticks")
            .await,
        ["emea reconcile -infinity 1"]
    );
}

#[tokio::test]
async fn told_to_stop_in_mid_poll_it_ends_within_ten_seconds_and_the_tick_is_taken_up_again() {
    for signal in [Signal::TERM, Signal::INT] {
        let lab = CommandLab::new().await;
        lab.write_settings(&settings(&lab, &["emea"], NEVER));
        let gate = Gate::closed();
        lab.handle().push_fault(FaultRule::always(Fault::Hold(gate.clone())));
        let daemon = lab.call(&["run"]).start();
        lab.handle().wait_for_requests(1).await;
        daemon.signal(signal);
        daemon.ends_within(Duration::from_secs(10)).await.with_code(0);
        assert_eq!(
            lab.count("select count(*) from lmp_billing.cycle_polls where outcome <> 'interrupted'").await,
            0
        );
        gate.open();
        lab.handle().clear_faults();

        let daemon = lab.call(&["run"]).start();
        until_count(&lab, "select count(*) from lmp_billing.sync_runs where outcome = 'succeeded'", 1).await;
        daemon.signal(signal);
        daemon.ended().await.with_code(0);
        let outcomes = lab.texts("select outcome from lmp_billing.sync_runs order by id").await;
        assert_eq!(outcomes, ["interrupted", "succeeded"]);
        assert_eq!(lab.count("select attempt::int8 from lmp_billing.schedule_ticks").await, 2);
    }
}

#[tokio::test]
async fn a_first_sync_that_was_interrupted_is_finished_though_some_of_it_had_been_applied() {
    let lab = CommandLab::new().await;
    lab.write_settings(&settings(&lab, &["emea"], NEVER));
    lab.handle().push_fault(FaultRule::always(Fault::NeverAnswer).on_cycle(months_ago(9)));
    let daemon = lab.call(&["run"]).start();
    until_count(&lab, "select count(*) from lmp_billing.cycle_polls where outcome = 'applied'", 1).await;
    daemon.stops().await;
    lab.handle().clear_faults();
    let daemon = lab.call(&["run"]).start();
    until_count(
        &lab,
        "select count(distinct cycle) from lmp_billing.cycle_polls where outcome in ('applied', 'unchanged')",
        25,
    )
    .await;
    until_count(&lab, "select count(*) from lmp_billing.sync_runs where outcome = 'succeeded'", 1).await;
    daemon.stops().await;
    let outcomes = lab.texts("select outcome from lmp_billing.sync_runs order by id").await;
    assert_eq!(outcomes, ["interrupted", "succeeded"]);
}

#[tokio::test]
async fn a_first_sync_waits_for_a_reconcile_under_way_and_is_not_taken_for_done_by_it() {
    let lab = crate::support::lab::Lab::new().await;
    let store = &lab.store;
    let new = NewRun { job: Job::Reconcile, trigger: Trigger::Schedule, account: "emea", instance: "other" };
    let reconcile = store.start_run(new).await.unwrap();
    let first = Tick { account: "emea", job: Job::Reconcile, due_at: None, trigger: Trigger::Startup };
    let claim = store.claim(first, "ours").await.unwrap();
    assert!(matches!(claim, Claim::Busy), "{claim:?}");
    store.finish_run(reconcile.id, RunOutcome::Failed, Some("LMP is away")).await.unwrap();
    assert_eq!(store.first_sync("emea").await.unwrap(), FirstSync::Needed);

    let claim = store.claim(first, "ours").await.unwrap();
    let Claim::Ours(run) = claim else { panic!("{claim:?}") };
    // Whoever did not hear of it asks again.
    assert_eq!(store.first_sync("emea").await.unwrap(), FirstSync::Running);
    let claim = store.claim(first, "ours").await.unwrap();
    assert!(matches!(claim, Claim::Ours(again) if again.id == run.id), "{claim:?}");
    let claim = store.claim(first, "other").await.unwrap();
    assert!(matches!(claim, Claim::Taken), "{claim:?}");
}

#[tokio::test]
async fn a_first_sync_that_failed_often_is_still_followed_up_when_it_is_interrupted() {
    let lab = crate::support::lab::Lab::new().await;
    let store = &lab.store;
    let first = Tick { account: "emea", job: Job::Reconcile, due_at: None, trigger: Trigger::Startup };
    let claim = async || match store.claim(first, "ours").await.unwrap() {
        Claim::Ours(run) => run.id,
        other => panic!("{other:?}"),
    };
    for outcome in [RunOutcome::Failed, RunOutcome::Partial, RunOutcome::Failed, RunOutcome::Partial] {
        store.finish_run(claim().await, outcome, Some("LMP is away")).await.unwrap();
        assert_eq!(store.first_sync("emea").await.unwrap(), FirstSync::Failed);
    }
    for _ in 0..3 {
        store.finish_run(claim().await, RunOutcome::Interrupted, None).await.unwrap();
    }
    assert_eq!(lab.value("select max(attempt) from lmp_billing.schedule_ticks").await, "3");
    assert_eq!(store.first_sync("emea").await.unwrap(), FirstSync::Done, "it is given up");
}

#[tokio::test]
async fn without_an_account_or_with_wrong_settings_it_does_not_start() {
    let lab = CommandLab::new().await;
    lab.write_settings(&lab.head());
    lab.call(&["run"]).ends_with(78).await.complains(&["accounts"]);
    lab.write_settings(&settings(&lab, &["emea"], "[schedule]\nrefresh = '30 2 30 2 *'\n"));
    lab.call(&["run"]).ends_with(78).await.complains(&["schedule.refresh"]);
}
