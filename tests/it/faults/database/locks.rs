//! Other sessions' locks, deadlocks, serialisation failures, and connections that are not to be had.

use std::time::Duration;

use lmp_billing_sync::store::{Job, Limits, NewRun, RunOutcome, Store, Trigger};
use sqlx::{Connection as _, PgConnection};

use super::check;
use super::rig::Rig;
use super::rounds;
use crate::support::lab::{Lab, With as _, id, reports};
use crate::support::pg_proxy::PgProxy;
use crate::support::wait::{until, until_async};

async fn analyst(lab: &Lab) -> PgConnection {
    PgConnection::connect(lab.db.url()).await.unwrap()
}

async fn run(connection: &mut PgConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(connection).await.unwrap();
}

async fn lock(connection: &mut PgConnection, number: u32) {
    let query = sqlx::query("select from lmp_billing.reports where id = $1 for update").bind(id(number));
    query.execute(connection).await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_holds_the_table_is_waited_for_ten_seconds_at_a_time_until_it_ends() {
    let mut rig = Rig::new(rounds::seed()).await;
    let pool = rig.lab.db.pool().clone();
    let mut cycles = rig.next_chapter(true);
    rig.converges(&pool, &cycles, "before").await;
    let mut analyst = analyst(&rig.lab).await;
    run(&mut analyst, "begin; lock table lmp_billing.reports in access exclusive mode").await;
    cycles = rig.next_chapter(true);
    let (_, ()) = tokio::join!(rig.lab.sync(&cycles), async {
        let timed_out = || rig.proxy.errors().iter().any(|code| code == "55P03");
        until("a poll gives up waiting for the lock", timed_out).await;
        let polls =
            rig.lab.value("select count(*) from lmp_billing.cycle_polls where outcome <> 'applied'").await;
        assert_eq!(polls, "0", "nothing is on record while nothing has come of it");
        run(&mut analyst, "commit").await;
    });
    check::tells(&pool, &rig.story, "after the lock").await;
}

#[tokio::test]
async fn a_deadlock_makes_the_whole_transaction_be_done_again() {
    let mut lab = Lab::new().await;
    let proxy = PgProxy::before(lab.db.url()).await;
    lab.execute(
        "do $$ begin execute format('alter database %I set deadlock_timeout = ''2s''', current_database()); end $$",
    )
    .await;
    lab.store = Store::connect(&proxy.url(lab.db.url()).as_str().into(), 5).await.unwrap();
    let cycle = lab.cycle(1).await;
    lab.serve(cycle, reports(2, cycle));
    lab.poll(cycle).await;
    lab.serve(cycle, reports(2, cycle).into_iter().map(|r| r.with(|r| "Approved".clone_into(&mut r.status))));
    let mut analyst = analyst(&lab).await;
    // Polls lock in the order of the ids. The analyst does not, and is more patient: so the poll is the one
    // that finds out.
    run(&mut analyst, "set deadlock_timeout = '10min'; begin").await;
    lock(&mut analyst, 2).await;
    let (polled, ()) = tokio::join!(lab.poll(cycle), async {
        let waiting = "select count(*) > 0 from pg_stat_activity
                       where datname = current_database() and wait_event_type = 'Lock'";
        until_async("the poll waits for the second report", async || lab.value(waiting).await == "true")
            .await;
        lock(&mut analyst, 1).await;
        run(&mut analyst, "commit").await;
    });
    assert!(proxy.errors().contains(&"40P01".to_owned()), "{:?}", proxy.errors());
    assert_eq!((polled.outcome.as_str(), polled.updated), ("applied", 2));
    check::invariants(lab.db.pool(), "after the deadlock").await;
    assert_eq!(
        lab.value("select count(*), min(version), max(version), min(status) from lmp_billing.reports").await,
        "2|2|2|Approved"
    );
}

#[tokio::test]
async fn a_serialisation_failure_makes_the_whole_transaction_be_done_again() {
    let mut rig = Rig::new(rounds::seed()).await;
    let pool = rig.lab.db.pool().clone();
    // A sequence forgets nothing when a transaction fails.
    rig.lab
        .execute(
            "create sequence public.tries;
             create function public.fail() returns trigger language plpgsql as $$
             begin
                 if nextval('public.tries') % 3 <> 0 then
                     raise exception 'could not serialize access' using errcode = '40001';
                 end if;
                 return new;
             end $$;
             create trigger fail before insert on lmp_billing.cycle_polls for each row execute function public.fail()",
        )
        .await;
    for round in 0..4 {
        let cycles = rig.next_chapter(round < 3);
        rig.converges(&pool, &cycles, &format!("chapter {round}")).await;
    }
    assert!(rig.proxy.errors().iter().filter(|code| *code == "40001").count() >= 8);
}

#[tokio::test]
async fn when_no_connection_becomes_free_the_cause_is_named_and_work_goes_on_once_one_does() {
    let mut rig = Rig::new(rounds::seed()).await;
    let pool = rig.lab.db.pool().clone();
    let url = rig.lab.db.url().to_owned();
    let patience = Limits { again: Duration::ZERO, ..Limits::default() };
    rig.lab.store = Store::connect(&url.as_str().into(), 2).await.unwrap().with_limits(patience);
    let held = rig.lab.store.pool().acquire().await.unwrap();
    let error = rig.lab.store.now().await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(error.to_string().contains("no connection became free in time"), "{error}");
    drop(held);
    let cycles = rig.next_chapter(true);
    rig.converges(&pool, &cycles, "after").await;
}

#[tokio::test]
async fn a_report_that_somebody_keeps_locked_fails_its_poll_and_not_the_others() {
    let mut lab = Lab::new().await;
    let cycles = [lab.cycle(1).await, lab.cycle(2).await];
    for (cycle, first) in cycles.into_iter().zip([1, 11]) {
        lab.serve(cycle, reports(20, cycle).into_iter().skip(first - 1).take(10));
    }
    lab.sync(&cycles).await;
    for (cycle, first) in cycles.into_iter().zip([1, 11]) {
        let approved = reports(20, cycle).into_iter().skip(first - 1).take(10);
        lab.serve(cycle, approved.map(|r| r.with(|r| "Approved".clone_into(&mut r.status))));
    }
    let mut analyst = analyst(&lab).await;
    run(&mut analyst, "begin").await;
    lock(&mut analyst, 1).await;
    lab.store = lab.store.with_limits(Limits { again: Duration::ZERO, ..Limits::default() });
    let ended = lab.sync(&cycles).await;
    run(&mut analyst, "rollback").await;
    assert_eq!(ended.run.outcome.as_str(), "partial", "{:#?}", ended.polls);
    let mut outcomes: Vec<_> = ended.polls.iter().map(|poll| (poll.cycle, poll.outcome.as_str())).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, [(cycles[1], "applied"), (cycles[0], "failed")]);
    let error = ended.polls.iter().find_map(|poll| poll.error.as_deref()).unwrap_or_default();
    assert!(error.contains("lock timeout"), "{error}");
}

#[tokio::test]
async fn a_poll_at_work_holds_up_no_sign_of_life_and_the_end_of_its_run_waits_for_it() {
    let lab = Lab::new().await;
    let started = NewRun { job: Job::Refresh, trigger: Trigger::Schedule, account: "emea", instance: "test" };
    let started = lab.store.start_run(started).await.unwrap();
    // As a poll does it.
    let mut poll = PgConnection::connect(lab.db.url()).await.unwrap();
    run(&mut poll, "begin; select from lmp_billing.sync_runs for key share").await;
    lab.store.renew_lease(started.id).await.expect("nothing is in the way");
    let (ended, ()) = tokio::join!(lab.store.finish_run(started.id, RunOutcome::Succeeded, None), async {
        let waiting = "select count(*) > 0 from pg_stat_activity
                       where datname = current_database() and wait_event_type = 'Lock'";
        until_async("the end waits for the poll", async || lab.value(waiting).await == "true").await;
        run(&mut poll, "commit").await;
    });
    ended.unwrap();
    assert_eq!(lab.value("select outcome from lmp_billing.sync_runs").await, "succeeded");
}
