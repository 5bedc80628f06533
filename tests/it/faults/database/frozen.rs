//! A server that answers nothing any more, though its connections stay open.

use std::time::{Duration, Instant};

use lmp_billing_sync::store::{Job, Limits, Store};
use rustix::process::{Pid, Signal, kill_process};

use super::check;
use super::rig::Rig;
use super::rounds;
use super::server::OwnServer;
use crate::support::lab::Lab;
use crate::support::pg_proxy::When;
use crate::support::wait::until_async;

/// As in earnest, in seconds instead of minutes.
const LIMITS: Limits = Limits {
    apply: Duration::from_secs(3),
    large: Duration::from_secs(3),
    small: Duration::from_secs(3),
    again: Duration::from_mins(1),
};

async fn impatient(rig: &mut Rig, url: &str, connections: u32) {
    let through = rig.proxy.url(url);
    rig.lab.store = Store::connect(&through.as_str().into(), connections).await.unwrap().with_limits(LIMITS);
}

#[tokio::test]
async fn a_connection_that_freezes_is_given_up_at_the_deadline_and_another_one_does_it() {
    let mut rig = Rig::new(rounds::seed()).await;
    let pool = rig.lab.db.pool().clone();
    let url = rig.lab.db.url().to_owned();
    impatient(&mut rig, &url, 3).await;
    // More often than there are connections: none of their places may be lost.
    for round in 0..6 {
        let cycles = rig.next_chapter(round < 3);
        let statement = if round % 2 == 0 { "begin" } else { "select nextval" };
        let mut trap = rig.proxy.trap(When::Before, move |request| request.begins(statement));
        let freezing = tokio::spawn(async move { trap.caught().await.freeze() });
        rig.converges(&pool, &cycles, &format!("round {round}")).await;
        freezing.await.unwrap();
    }
}

#[tokio::test]
async fn the_connection_for_ticks_freezes_and_is_replaced() {
    let mut rig = Rig::new(0).await;
    let url = rig.lab.db.url().to_owned();
    impatient(&mut rig, &url, 2).await;
    for _ in 0..3 {
        let mut trap = rig.proxy.trap(When::After, |request| request.sql.contains("schedule_baselines"));
        let freezing = tokio::spawn(async move { trap.caught().await.freeze() });
        let state = rig.lab.store.tick_state("emea", Job::Refresh).await.unwrap();
        assert!(!state.running);
        freezing.await.unwrap();
    }
    assert_eq!(rig.lab.value("select count(*) from lmp_billing.schedule_baselines").await, "1");
}

#[tokio::test]
async fn a_server_that_is_frozen_as_a_whole_is_told_within_the_limits_and_found_again() {
    let mut rig = Rig::new(rounds::seed()).await;
    let pool = rig.lab.db.pool().clone();
    let url = rig.lab.db.url().to_owned();
    impatient(&mut rig, &url, 3).await;
    let mut cycles = rig.next_chapter(true);
    rig.converges(&pool, &cycles, "before").await;
    rig.lab.store = rig.lab.store.clone().with_limits(Limits { again: Duration::ZERO, ..LIMITS });
    rig.proxy.freeze();
    let began = Instant::now();
    let error = rig.lab.store.now().await.unwrap_err();
    assert!(error.to_string().contains("the database may be frozen or overloaded"), "{error}");
    assert!(began.elapsed() < LIMITS.small * 10, "{:?}", began.elapsed());
    assert!(error.is_outage());
    rig.proxy.thaw();
    rig.lab.store = rig.lab.store.clone().with_limits(LIMITS);
    cycles = rig.next_chapter(true);
    rig.converges(&pool, &cycles, "after").await;
}

#[tokio::test]
async fn a_server_process_stopped_in_mid_transaction_neither_loses_nor_doubles_when_it_goes_on() {
    let seed = rounds::seed();
    // Its processes are on this machine.
    let server = OwnServer::quick().await;
    let pool = server.migrated().await;
    let url = server.url();
    let mut rig = Rig::on(Lab::new().await, &url, seed).await;
    impatient(&mut rig, &url, 5).await;
    let process = "select pid from pg_stat_activity where state like 'idle in transaction%'
                   and application_name = 'lmp-billing-sync' and query ilike '%pg_notify%' order by xact_start limit 1";
    for round in 0..4 {
        // A new cycle always has something to apply.
        let cycles = rig.next_chapter(true);
        let mut trap = rig
            .proxy
            .trap(When::Before, |request| request.is_commit() && request.after.contains("pg_notify"));
        let stop = async {
            let held = trap.caught().await;
            let pid: i32 = sqlx::query_scalar(process).fetch_one(&pool).await.unwrap();
            let pid = Pid::from_raw(pid).unwrap();
            kill_process(pid, Signal::STOP).unwrap();
            held.pass();
            // The next try waits for what the stopped one has locked.
            let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'";
            until_async("the poll is tried again", async || {
                sqlx::query_scalar::<_, i64>(waiting).fetch_one(&pool).await.unwrap() > 0
            })
            .await;
            // Now it reads the commit that was sent before it was given up.
            kill_process(pid, Signal::CONT).unwrap();
        };
        tokio::join!(rig.lab.sync(&cycles), stop);
        check::tells(&pool, &rig.story, &format!("round {round}")).await;
    }
    rig.lab.store.close().await;
    pool.close().await;
    server.stop().await;
}
