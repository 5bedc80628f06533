//! The server ends at once, in the middle of a transaction, and comes back.

use super::aged::{self, OLD_REPORTS};
use super::rig::Rig;
use super::rounds;
use super::server::OwnServer;
use crate::cli;
use crate::support::lab::Lab;
use crate::support::pg_proxy::{Held, PgProxy, Request, When};

/// The server ends while it holds this request, and comes back.
async fn stops_and_recovers(server: &mut OwnServer, held: Held, proxy: &PgProxy) {
    server.stop_immediately().await;
    held.cut();
    server.start().await;
    // Its port may have been taken meanwhile.
    proxy.lead_to(&server.url()).await;
}

#[tokio::test]
async fn fifty_immediate_stops_in_mid_transaction_lose_and_double_nothing() {
    const ROUNDS: usize = 50;
    let seed = rounds::seed();
    let mut server = OwnServer::durable().await;
    let pool = server.migrated().await;
    let mut rig = Rig::on(Lab::new().await, &server.url(), seed).await;
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut at = std::collections::BTreeMap::<String, usize>::new();
    for round in 0..ROUNDS {
        let cycles = rig.next_chapter(round % 4 == 0);
        rig.proxy.forget();
        // Every third one right at a commit: before the server hears of it, or before the program knows.
        let (at_commit, nth) = (round % 3 == 0, rng.usize(6..25));
        let when = if round % 2 == 0 { When::Before } else { When::After };
        let mut trap = rig.proxy.trap(when, move |request| {
            request.number >= nth && (if at_commit { request.is_commit() } else { !request.after.is_empty() })
        });
        let place = format!("round {round}, request {nth} {when:?}");
        let name = {
            let converges = rig.converges(&pool, &cycles, &place);
            let stops = async {
                let held = trap.caught().await;
                let name = held.request.name();
                stops_and_recovers(&mut server, held, &rig.proxy).await;
                name
            };
            tokio::join!(converges, stops).1
        };
        *at.entry(name).or_default() += 1;
    }
    println!("{ROUNDS} immediate stops, at {at:#?}");
    assert!(at.keys().any(|name| name.starts_with("commit")), "none at a commit");
    rig.lab.store.close().await;
    pool.close().await;
    server.stop().await;
}

/// Before that a program whose database goes away has not begun, and ends.
fn records_the_run(request: &Request) -> bool {
    request.is_commit() && request.after.contains("insert into lmp_billing.sync_runs")
}

#[tokio::test]
async fn a_prune_whose_server_stops_immediately_goes_on_and_deletes_and_counts_each_report_once() {
    const ROUNDS: usize = 20;
    let seed = rounds::seed();
    let lab = cli::lab::CommandLab::new().await;
    let mut server = OwnServer::durable().await;
    let pool = server.migrated().await;
    let proxy = PgProxy::before(&server.url()).await;
    aged::add_recent_things(&pool).await;
    let mut rng = fastrand::Rng::with_seed(seed);
    // What a prune that nothing happens to asks from the moment on at which it is on record.
    let mut points = Vec::new();
    let mut seeded = 0;
    for round in 0..ROUNDS {
        aged::add_old_things(&pool, round).await;
        seeded += OLD_REPORTS;
        let prune = lab
            .call(&["prune", "--force", "--output", "json"])
            .set("database.url", &proxy.url(&server.url()));
        if round == 0 {
            prune.ends_with(0).await;
            points = proxy.passed();
            let recorded = points.iter().position(records_the_run).expect("a prune is a run");
            points.drain(..=recorded);
            continue;
        }
        proxy.forget();
        let when = if round % 2 == 0 { When::Before } else { When::After };
        let point = points.swap_remove(rng.usize(..points.len())).name();
        let place = format!("round {round}, {point}, {when:?}");
        let mut recorded = false;
        let mut trap = proxy.trap(when, move |request| {
            let here = recorded && request.name() == point;
            recorded |= records_the_run(request);
            here
        });
        let stops = async {
            let held = trap.caught().await;
            stops_and_recovers(&mut server, held, &proxy).await;
        };
        let (ended, ()) = tokio::join!(prune.ends_with(0), stops);
        assert_eq!(ended.json()["reports"], OLD_REPORTS, "{place}");
        aged::is_whole(&pool, seeded, &place).await;
        aged::nothing_old_is_left(&pool, &place).await;
    }
    pool.close().await;
    server.stop().await;
}
