//! A user of the database who may not do everything, or not any more.

use lmp_billing_sync::store::{RunOutcome, Store};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPool;

use super::check;
use super::rig::Rig;
use super::rounds;
use super::server::OwnServer;
use crate::support::lab::Lab;

async fn execute(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(pool)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Somebody who may work with the tables and owns none.
async fn clerk(server: &OwnServer, pool: &PgPool) -> String {
    execute(
        pool,
        "create role clerk login password 'word';
         grant usage on schema lmp_billing to clerk;
         grant select, insert, update, delete on all tables in schema lmp_billing to clerk;
         grant usage on all sequences in schema lmp_billing to clerk",
    )
    .await;
    let mut url = url::Url::parse(&server.url()).unwrap();
    url.set_username("clerk").unwrap();
    url.set_password(Some("word")).unwrap();
    url.into()
}

#[tokio::test]
async fn a_right_that_was_taken_away_fails_the_poll_names_it_and_is_not_missed_once_it_is_back() {
    let seed = rounds::seed();
    let server = OwnServer::quick().await;
    let pool = server.migrated().await;
    let url = clerk(&server, &pool).await;
    let mut rig = Rig::on(Lab::new().await, &url, seed).await;
    for round in 0..4 {
        let cycles = rig.next_chapter(round < 3);
        rig.converges(&pool, &cycles, &format!("chapter {round}")).await;
    }
    for (right, table) in [("insert", "reports"), ("insert", "superseded_versions"), ("update", "reports")] {
        execute(&pool, &format!("revoke {right} on lmp_billing.{table} from clerk")).await;
        // A chapter in which that right is needed, sooner or later.
        let cycles = loop {
            let cycles = rig.next_chapter(true);
            let ended = rig.lab.sync(&cycles).await;
            let failed =
                ended.polls.iter().find(|poll| poll.error.as_deref().is_some_and(|e| e.contains("42501")));
            if let Some(poll) = failed {
                let error = poll.error.as_deref().unwrap_or_default();
                assert!(error.contains(&format!("permission denied for table {table}")), "{error}");
                assert!(error.contains("grant it"), "{error}");
                assert_ne!(ended.run.outcome, RunOutcome::Succeeded);
                break cycles;
            }
            check::tells(&pool, &rig.story, &format!("without {right} on {table}")).await;
        };
        check::invariants(&pool, &format!("without {right} on {table}")).await;
        execute(&pool, &format!("grant {right} on lmp_billing.{table} to clerk")).await;
        rig.converges(&pool, &cycles, &format!("{right} on {table} is back")).await;
    }
    rig.lab.store.close().await;
    pool.close().await;
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_takes_no_more_connections_is_named_as_the_cause_and_tried_again() {
    let server = OwnServer::quick().await;
    let pool = server.migrated().await;
    let url = clerk(&server, &pool).await;
    execute(&pool, "alter role clerk connection limit 0").await;
    let error = Store::connect(&url.as_str().into(), 2).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(error.to_string().contains("too many connections for role"), "{error}");

    // Enough for one of its two pools: what cannot get a connection waits for one.
    execute(&pool, "alter role clerk connection limit 1").await;
    let mut rig = Rig::on(Lab::new().await, &url, rounds::seed()).await;
    let cycles = rig.next_chapter(true);
    let sync = rig.lab.sync(&cycles);
    let more = async {
        let refused = || rig.proxy.errors().contains(&"53300".to_owned());
        crate::support::wait::until("the server refuses a connection", refused).await;
        execute(&pool, "alter role clerk connection limit 10").await;
    };
    tokio::join!(sync, more);
    check::tells(&pool, &rig.story, "with more connections").await;
    rig.lab.store.close().await;
    pool.close().await;
    server.stop().await;
}
