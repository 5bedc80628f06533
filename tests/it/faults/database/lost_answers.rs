//! The answer to a commit is lost: the server has done it, and the program sees a broken connection.

use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;
use lmp_billing_sync::clock::SystemClock;
use lmp_billing_sync::prune::Pruning;
use lmp_billing_sync::store::{Claim, Job, NewRun, RunOutcome, Tick, Trigger};
use tokio_util::sync::CancellationToken;

use super::rig::Rig;
use super::{check, rounds};
use crate::support::pg_proxy::{PgProxy, Request, When};

/// Cuts the connection after the server has done the `count`th request from now on that is picked. Tells
/// what it was.
fn lose(proxy: &PgProxy, count: usize, picks: fn(&Request) -> bool) -> tokio::task::JoinHandle<String> {
    let seen = AtomicUsize::new(0);
    let mut trap = proxy
        .trap(When::After, move |request| picks(request) && seen.fetch_add(1, Ordering::Relaxed) == count);
    tokio::spawn(async move {
        let held = trap.caught_if_ever().await;
        let name = held.request.name();
        held.cut();
        name
    })
}

#[tokio::test]
async fn two_hundred_commits_whose_answers_are_lost_lose_and_double_nothing() {
    const ROUNDS: usize = 200;
    let seed = rounds::seed();
    let mut rig = Rig::new(seed).await;
    let mut lost = std::collections::BTreeMap::<String, usize>::new();
    let (mut round, mut count) = (0, 0);
    while lost.values().sum::<usize>() < ROUNDS {
        if round % 40 == 39 {
            rig = Rig::new(seed.wrapping_add(round)).await;
        }
        let cycles = rig.next_chapter(round % 2 == 0);
        let losing = lose(&rig.proxy, count, Request::is_commit);
        let place = format!("round {round}, commit {count}");
        let pool = rig.lab.db.pool().clone();
        rig.converges(&pool, &cycles, &place).await;
        rig.proxy.disarm();
        if losing.is_finished() {
            *lost.entry(losing.await.unwrap()).or_default() += 1;
            count += 1;
        } else {
            // All commits of a sync have had their turn.
            losing.abort();
            assert!(count > 0, "a sync without a commit");
            count = 0;
        }
        let runs = rig
            .lab
            .value(
                "select count(*), count(*) filter (where outcome <> 'succeeded') from lmp_billing.sync_runs",
            )
            .await;
        assert!(runs.ends_with("|0"), "{place}: {runs}");
        round += 1;
    }
    println!("{lost:#?}");
    for what in [
        "insert into lmp_billing.cycle_polls",
        "pg_notify",
        "insert into lmp_billing.sync_runs",
        "update lmp_billing.sync_runs",
    ] {
        assert!(lost.keys().any(|name| name.contains(what)), "no commit after {what} among {lost:#?}");
    }
}

#[tokio::test]
async fn a_number_that_was_drawn_and_not_heard_of_is_no_poll_and_no_run() {
    let mut rig = Rig::new(rounds::seed()).await;
    let pool = rig.lab.db.pool().clone();
    for count in 0..8 {
        let cycles = rig.next_chapter(count < 3);
        let losing = lose(&rig.proxy, count % 4, |request| request.sql.contains("nextval"));
        rig.converges(&pool, &cycles, &format!("number {count}")).await;
        assert!(losing.is_finished() || cycles.len() < 3, "no number was lost");
        rig.proxy.disarm();
    }
}

#[tokio::test]
async fn a_run_whose_start_was_not_heard_of_is_started_once() {
    let rig = Rig::new(0).await;
    let new = NewRun { job: Job::Manual, trigger: Trigger::Cli, account: "emea", instance: "test" };
    for round in 0..5 {
        let losing = lose(&rig.proxy, 0, Request::is_commit);
        let run = rig.lab.store.start_run(new).await.unwrap();
        assert!(losing.await.unwrap().contains("insert into lmp_billing.sync_runs"));
        rig.lab.store.finish_run(run.id, RunOutcome::Succeeded, None).await.unwrap();
        assert_eq!(
            rig.lab.value("select count(*) from lmp_billing.sync_runs").await,
            (round + 1).to_string()
        );
    }
    assert_eq!(
        rig.lab.value("select count(*) from lmp_billing.sync_runs where outcome = 'running'").await,
        "0"
    );
}

#[tokio::test]
async fn a_tick_whose_claim_was_not_heard_of_is_claimed_once_and_ours() {
    let rig = Rig::new(0).await;
    let store = &rig.lab.store;
    for minute in 1..=10 {
        let due_at = rig.lab.now().await - TimeDelta::minutes(10 - minute) - TimeDelta::seconds(1);
        let tick =
            Tick { account: "emea", job: Job::Refresh, due_at: Some(due_at), trigger: Trigger::Schedule };
        let losing = lose(&rig.proxy, 0, Request::is_commit);
        let claim = store.claim(tick, "test").await.unwrap();
        let Claim::Ours(run) = claim else { panic!("{claim:?}") };
        losing.await.unwrap();
        store.finish_run(run.id, RunOutcome::Succeeded, None).await.unwrap();
    }
    assert_eq!(
        rig.lab
            .value("select count(*), max(attempt), count(distinct run_id) from lmp_billing.schedule_ticks")
            .await,
        "10|1|10"
    );
    assert_eq!(rig.lab.value("select count(*) from lmp_billing.sync_runs").await, "10");
}

#[tokio::test]
async fn batches_of_a_prune_whose_commits_were_not_heard_of_are_counted_once() {
    let rig = Rig::new(0).await;
    let lab = &rig.lab;
    for round in 0..12 {
        lab.execute(&format!(
            "insert into lmp_billing.reports (account, id, cycle, partner_company_name, start_date, end_date, status,
                 version, valid_from, status_since, first_seen_at, poll_id)
             select 'emea', md5('{round} ' || n)::uuid, first, 'old', first, first + 27, 'Completed', 2, now(), now(), now(), 0
             from generate_series(1, 30) n, (select (date_trunc('month', now()) - interval '30 months')::date as first) f;
             insert into lmp_billing.superseded_versions (account, id, version, valid_from, valid_to, cycle,
                 partner_company_name, start_date, end_date, status, status_since, poll_id)
             select account, id, 1, valid_from - interval '1 hour', valid_from, cycle, 'old', start_date, end_date,
                    'Approved', now(), 0
             from lmp_billing.reports"
        ))
        .await;
        let pruning = Pruning {
            store: &lab.store,
            clock: &SystemClock,
            retention: lab.rules.retention,
            timezone: lab.rules.timezone,
            max_fraction: 1.0,
            force: true,
            max_batch: 10,
            patience: &[],
        };
        let losing = lose(&rig.proxy, round % 3, |request| {
            request.is_commit() && request.after.starts_with("update lmp_billing.sync_runs set deleted")
        });
        let pruned = pruning.run(Trigger::Cli, "test", &CancellationToken::new()).await.unwrap();
        assert!(losing.await.unwrap().contains("deleted"));
        let reports: i64 = pruned.cycles.iter().map(|cycle| cycle.reports).sum();
        assert_eq!((reports, pruned.outcome), (30, RunOutcome::Succeeded), "round {round}");
        assert_eq!(lab.value("select count(*) from lmp_billing.report_history").await, "0");
        let logged = format!("select deleted from lmp_billing.sync_runs where id = {}", pruned.run_id);
        assert_eq!(lab.value(&logged).await, "30");
    }
}

#[tokio::test]
async fn a_cancelled_begin_leaves_nothing_open() {
    let mut rig = Rig::new(rounds::seed()).await;
    let pool = rig.lab.db.pool().clone();
    let open = "select count(*) from pg_stat_activity where datname = current_database()
                and state like 'idle in transaction%'";
    for round in 0..10 {
        let cycles = rig.next_chapter(round < 3);
        let mut trap = rig.proxy.trap(When::After, |request| request.begins("begin"));
        {
            // Given up while the answer to a `begin` is on its way; then the answer comes.
            let sync = rig.lab.sync(&cycles);
            tokio::pin!(sync);
            let held = tokio::select! {
                held = trap.caught() => held,
                _ = &mut sync => panic!("a sync without a transaction"),
            };
            held.pass();
        }
        crate::support::wait::until_async("no transaction is left open", async || {
            rig.lab.value(open).await == "0"
        })
        .await;
        rig.converges(&pool, &cycles, &format!("round {round}")).await;
    }
    check::invariants(&pool, "in the end").await;
}
