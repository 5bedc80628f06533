//! Polls of one cycle are applied in the order of their numbers, and only for runs that are alive.

use std::sync::Arc;

use lmp_billing_sync::domain::{Cycle, KnownStatus, Report, Status};
use lmp_billing_sync::simulator::{Fault, FaultRule, Gate};
use lmp_billing_sync::store::{
    Contradicting, Entries, EntriesError, EntrySink, Guard, Job, NewRun, Poll, PollRow, RunOutcome, Sent,
    StoreError, Trigger,
};
use tokio_util::sync::CancellationToken;

use crate::support::lab::{Lab, With as _, id, report, reports};

/// An answer that needs no upstream.
struct Prepared(Vec<Report<'static>>);

impl Entries for Prepared {
    fn read(&self, sink: &mut dyn EntrySink) -> Result<(), EntriesError> {
        (0..).zip(&self.0).try_for_each(|(position, report)| sink.report(position, report))
    }

    fn contradicting(&self, _: &[i32], _: usize) -> Result<Contradicting, EntriesError> {
        unreachable!("nothing contradicts here")
    }
}

fn prepared(cycle: Cycle, status: &str) -> Arc<Prepared> {
    Arc::new(Prepared(vec![Report {
        id: id(1),
        partner_company_name: "Partner 1".into(),
        start_date: cycle.first_day(),
        end_date: cycle.last_day(),
        status: Status::Known(KnownStatus::find(status).unwrap()),
        under_review_status: None,
        extra: None,
    }]))
}

async fn run(lab: &Lab) -> i64 {
    let new = NewRun { job: Job::Manual, trigger: Trigger::Cli, account: "emea", instance: "test" };
    lab.store.start_run(new).await.unwrap().id
}

async fn begin(lab: &Lab, run: i64, cycle: Cycle) -> Poll {
    lab.store.draw_poll(run, "emea", cycle).await.unwrap()
}

fn guard() -> Guard {
    Guard {
        cutoff: "2000-01-01".parse().unwrap(),
        is_edge: false,
        max_withdrawn_fraction: 0.5,
        believe_after: std::time::Duration::from_hours(24),
        accept_withdrawals: false,
    }
}

async fn apply(lab: &Lab, poll: &Poll, answer: Arc<Prepared>) -> Result<PollRow, StoreError> {
    let sent = Sent { http_status: Some(200), attempts: 1, ..Sent::default() };
    lab.store.apply_poll(poll, &sent, &guard(), answer).await
}

#[tokio::test]
async fn an_answer_to_an_older_poll_is_discarded_as_stale() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    let run = run(&lab).await;
    let older = begin(&lab, run, cycle).await;
    let newer = begin(&lab, run, cycle).await;
    assert_eq!(apply(&lab, &newer, prepared(cycle, "Completed")).await.unwrap().inserted, 1);
    let late = apply(&lab, &older, prepared(cycle, "Approved")).await.unwrap();
    assert_eq!((late.outcome.as_str(), late.updated), ("stale", 0));
    assert_eq!(lab.value("select version, status from lmp_billing.reports").await, "1|Completed");
}

#[tokio::test]
async fn failed_and_suspect_polls_do_not_make_older_answers_stale() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    let run = run(&lab).await;
    apply(&lab, &begin(&lab, run, cycle).await, prepared(cycle, "Approved")).await.unwrap();
    let older = begin(&lab, run, cycle).await;
    let suspect = begin(&lab, run, cycle).await;
    let empty = apply(&lab, &suspect, Arc::new(Prepared(Vec::new()))).await.unwrap();
    assert_eq!(empty.outcome.as_str(), "suspect");
    assert_eq!(apply(&lab, &older, prepared(cycle, "Completed")).await.unwrap().outcome.as_str(), "applied");
}

#[tokio::test]
async fn a_row_last_written_by_a_later_poll_of_another_cycle_is_not_touched() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(2).await;
    let run = run(&lab).await;
    let both = |status: &str| {
        let mut answer = prepared(cycle, status).0.clone();
        answer[0].end_date = cycle.next().last_day();
        Arc::new(Prepared(answer))
    };
    apply(&lab, &begin(&lab, run, cycle).await, both("Approved")).await.unwrap();
    let older = begin(&lab, run, cycle).await;
    let newer = begin(&lab, run, cycle.next()).await;
    assert_eq!(apply(&lab, &newer, both("Completed")).await.unwrap().updated, 1);
    let late = apply(&lab, &older, both("Rejected")).await.unwrap();
    assert_eq!((late.outcome.as_str(), late.updated), ("unchanged", 0));
    let missing = apply(&lab, &begin(&lab, run, cycle).await, both("Completed")).await.unwrap();
    assert_eq!(missing.outcome.as_str(), "unchanged");
    assert_eq!(lab.value("select version, status from lmp_billing.reports").await, "2|Completed");
}

#[tokio::test]
async fn what_a_later_poll_of_another_cycle_kept_from_being_written_is_read_again() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(2).await;
    let run = run(&lab).await;
    let same_bytes =
        Sent { http_status: Some(200), attempts: 1, body: Some((7, [7; 32])), ..Sent::default() };
    let guard = guard();
    // The report is listed by two months in turn; the later one is heard first.
    let older = begin(&lab, run, cycle).await;
    let newer = begin(&lab, run, cycle.next()).await;
    apply(&lab, &newer, prepared(cycle.next(), "Approved")).await.unwrap();
    let overtaken =
        lab.store.apply_poll(&older, &same_bytes, &guard, prepared(cycle, "Completed")).await.unwrap();
    assert_eq!((overtaken.outcome.as_str(), overtaken.updated), ("unchanged", 0));

    let again = begin(&lab, run, cycle).await;
    assert_eq!(lab.store.confirm_identical(&again, &same_bytes).await.unwrap(), None, "it has to be read");
    let read = lab.store.apply_poll(&again, &same_bytes, &guard, prepared(cycle, "Completed")).await.unwrap();
    assert_eq!((read.outcome.as_str(), read.updated), ("applied", 1));
    let third = begin(&lab, run, cycle).await;
    assert!(lab.store.confirm_identical(&third, &same_bytes).await.unwrap().is_some(), "now nothing is left");
}

/// The last poll of the month has the greater number, but what it is compared with was written after it.
#[tokio::test]
async fn an_answer_that_took_its_time_is_not_taken_for_seen_by_a_poll_that_was_faster() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(2).await;
    let run = run(&lab).await;
    let first = begin(&lab, run, cycle).await;
    apply(&lab, &first, prepared(cycle, "Approved")).await.unwrap();
    let slow = begin(&lab, run, cycle.next()).await;
    let fast = begin(&lab, run, cycle).await;
    let seen = apply(&lab, &fast, prepared(cycle, "Approved")).await.unwrap();
    assert_eq!(seen.outcome.as_str(), "unchanged");
    assert_eq!(apply(&lab, &slow, prepared(cycle.next(), "Completed")).await.unwrap().updated, 1);

    let last = begin(&lab, run, cycle).await;
    assert_eq!(apply(&lab, &last, prepared(cycle, "Approved")).await.unwrap().updated, 1);
    // The fast one listed it as approved: it cannot say that it was not.
    let bound = "select (select id from lmp_billing.cycle_polls where requested_at = status_not_before)
                 from lmp_billing.reports";
    assert_eq!(lab.value(bound).await, slow.id.to_string());
}

#[tokio::test]
async fn the_same_poll_applied_twice_counts_once() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    let run = run(&lab).await;
    let poll = begin(&lab, run, cycle).await;
    let first = apply(&lab, &poll, prepared(cycle, "Approved")).await.unwrap();
    // As after a commit whose answer was lost.
    let again = apply(&lab, &poll, prepared(cycle, "Approved")).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(lab.value("select count(*) from lmp_billing.cycle_polls").await, "1");
}

#[tokio::test]
async fn a_run_that_was_taken_for_dead_writes_nothing_any_more() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    let frozen = run(&lab).await;
    let poll = begin(&lab, frozen, cycle).await;
    lab.execute(
        "update lmp_billing.sync_runs set lease_renewed_at = lease_renewed_at - interval '3 minutes'",
    )
    .await;
    lab.serve(cycle, reports(1, cycle));
    lab.poll(cycle).await;
    assert_eq!(
        lab.lines("select outcome, error is not null, finished_at is not null from lmp_billing.sync_runs order by id").await,
        ["interrupted|true|true", "succeeded|false|true"]
    );
    let late = apply(&lab, &poll, prepared(cycle, "Completed")).await.unwrap_err();
    assert!(matches!(late, StoreError::RunEnded(id) if id == frozen), "{late}");
    assert!(matches!(lab.store.renew_lease(frozen).await, Err(StoreError::RunEnded(_))));
    lab.store.finish_run(frozen, RunOutcome::Succeeded, None).await.unwrap();
    assert_eq!(
        lab.value("select outcome from lmp_billing.sync_runs order by id limit 1").await,
        "interrupted"
    );
    assert_eq!(lab.value("select status from lmp_billing.reports").await, "MSP Preparing");
}

#[tokio::test]
async fn a_run_that_is_alive_is_left_alone() {
    let lab = Lab::new().await;
    let alive = run(&lab).await;
    assert_eq!(lab.store.interrupt_dead_runs().await.unwrap(), 0);
    lab.store.renew_lease(alive).await.unwrap();
}

#[tokio::test]
async fn polls_of_one_cycle_from_several_processes_lose_and_double_nothing() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    lab.serve(cycle, reports(300, cycle));
    lab.poll(cycle).await;
    lab.serve(
        cycle,
        reports(300, cycle).into_iter().map(|r| r.with(|r| "Approved".clone_into(&mut r.status))),
    );
    let stop = CancellationToken::new();
    let cycles = [cycle];
    let runs = futures_util::future::join_all((0..6).map(|_| lab.sync_until(&cycles, &stop))).await;
    let updated: i32 = runs.iter().flat_map(|run| &run.polls).map(|poll| poll.updated).sum();
    assert_eq!(updated, 300);
    assert_eq!(
        lab.value("select count(*), min(version), max(version) from lmp_billing.reports").await,
        "300|2|2"
    );
    assert_eq!(lab.value("select count(*) from lmp_billing.superseded_versions").await, "300");
}

#[tokio::test]
async fn two_months_that_meet_the_same_new_reports_at_once_store_them_once() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(2).await;
    let both = |number| report(number, cycle).with(|r| r.end_date = cycle.next().last_day());
    let served: Vec<_> = (1..=500).map(both).collect();
    lab.serve(cycle, served.clone());
    lab.serve(cycle.next(), served);
    let run = lab.sync(&[cycle, cycle.next()]).await;
    let inserted: i32 = run.polls.iter().map(|poll| poll.inserted).sum();
    assert_eq!(inserted, 500);
    assert!(run.polls.iter().all(|poll| !poll.outcome.is_failure()));
    assert_eq!(lab.value("select count(*) from lmp_billing.reports").await, "500");
}

#[tokio::test]
async fn a_run_told_to_stop_marks_itself_and_its_poll_as_interrupted() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    let gate = Gate::closed();
    lab.lmp().push_fault(FaultRule::always(Fault::Hold(gate.clone())));
    let stop = CancellationToken::new();
    let cycles = [cycle, cycle.back(1), cycle.back(2), cycle.back(3)];
    let (run, ()) = tokio::join!(lab.sync_until(&cycles, &stop), async {
        lab.lmp().wait_for_requests(2).await;
        stop.cancel();
    });
    gate.open();
    assert_eq!(run.run.outcome, RunOutcome::Interrupted);
    assert_eq!(
        lab.lines(
            "select outcome, requested_at is not null, attempts, trace_id is not null, error
             from lmp_billing.cycle_polls"
        )
        .await,
        ["interrupted|true|1|true|told to stop while waiting for the answer"; 2]
    );
    assert_eq!(lab.value("select outcome, polls from lmp_billing.sync_runs").await, "interrupted|2");
}

#[tokio::test]
async fn polls_see_what_was_committed_before_their_turn_whatever_the_databases_default() {
    let lab = Lab::new().await;
    lab.execute(
        "do $do$ begin
             execute format('alter database %I set default_transaction_isolation to %L',
                            current_database(), 'repeatable read');
         end $do$;
         create table public.levels (level text);
         create function public.note() returns trigger language plpgsql as $$
         begin
             insert into public.levels values (current_setting('transaction_isolation'));
             return new;
         end $$;
         create trigger note after insert on lmp_billing.cycle_polls
             for each row execute function public.note()",
    )
    .await;
    let lab = lab.reopened().await;
    lab.poll(lab.cycle(1).await).await;
    assert_eq!(lab.lines("select level from public.levels").await, ["read committed"]);
}
