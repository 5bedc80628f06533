//! The server ends at once, in the middle of a transaction, and comes back.

use super::rig::Rig;
use super::rounds;
use super::server::OwnServer;
use crate::support::lab::Lab;
use crate::support::pg_proxy::When;

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
        let (at_commit, nth) = (round % 3 == 0, rng.usize(6..40));
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
                server.stop_immediately().await;
                held.cut();
                server.start().await;
                // Its port may have been taken meanwhile.
                rig.proxy.lead_to(&server.url()).await;
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
