//! Analysts and commands that look, on a standby.

use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::check;
use super::rig::Rig;
use super::rounds;
use super::server::{OwnServer, pool};
use super::standby::{Standby, has_everything};
use crate::cli::lab::CommandLab;
use crate::support::lab::Lab;
use crate::support::wait::until_async;

/// All that stands in a relation, whenever it is asked. Ages grow.
async fn rows(connection: &mut PgConnection, relation: &str) -> Vec<String> {
    let without = "'days_in_status', 'days_since_cycle_end', 'median_days', 'p90_days', 'longest_days'";
    let query =
        format!("select (to_jsonb(t) - array[{without}])::text from lmp_billing.{relation} t order by 1");
    sqlx::query_scalar(AssertSqlSafe(query))
        .fetch_all(connection)
        .await
        .unwrap_or_else(|e| panic!("{relation}: {e}"))
}

fn as_reader(url: &str) -> String {
    let mut url = url::Url::parse(url).unwrap();
    url.set_username("ana").unwrap();
    url.set_password(Some("word")).unwrap();
    url.into()
}

async fn execute(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(pool).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
}

#[tokio::test]
async fn on_a_standby_readers_find_all_that_is_on_the_primary_and_commands_look_there_too() {
    let server = OwnServer::quick().await;
    let primary = server.migrated().await;
    execute(&primary, "create role ana login password 'word' in role lmp_billing_reader").await;
    let standby = Standby::of(&server);
    let mut rig = Rig::on(Lab::new().await, &server.url(), rounds::seed()).await;
    for round in 0..6 {
        let cycles = rig.next_chapter(round < 3);
        rig.converges(&primary, &cycles, &format!("chapter {round}")).await;
    }
    let replica = pool(&standby.url()).await;
    has_everything(&replica, &primary).await;
    check::tells(&replica, &rig.story, "on the standby").await;
    let mut here = PgConnection::connect(&as_reader(&server.url())).await.unwrap();
    let mut there = PgConnection::connect(&as_reader(&standby.url())).await.unwrap();
    let views: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relnamespace = 'lmp_billing'::regnamespace and relkind in ('r', 'v')",
    )
    .fetch_all(&mut here)
    .await
    .unwrap();
    for relation in views.iter().map(String::as_str).chain(["reports_as_of(now())"]) {
        let (right, found) = (rows(&mut here, relation).await, rows(&mut there, relation).await);
        assert_eq!(found, right, "{relation}");
    }

    let lab = CommandLab::new().await;
    let id: String = sqlx::query_scalar("select id::text from lmp_billing.reports limit 1")
        .fetch_one(&mut there)
        .await
        .unwrap();
    for args in [
        &["status", "--output", "json"] as &[&str],
        &["history", &id, "--output", "json"],
        &["export", "--output", "jsonl"],
    ] {
        for url in [standby.url(), as_reader(&standby.url())] {
            let ended = lab.call(args).set("database.url", &url).ends_with(0).await;
            assert!(!ended.stdout.is_empty(), "{args:?}");
        }
    }
    rig.lab.store.close().await;
    replica.close().await;
    primary.close().await;
    drop(standby);
    server.stop().await;
}

/// A reader in mid-transaction on a standby, when the primary deletes and clears away what the reader may still
/// want to see. What becomes of its next question.
async fn pruned_under_a_reader(options: &str, feedback: bool) -> Result<i64, sqlx::Error> {
    let server = OwnServer::quick().await;
    let primary = server.migrated().await;
    execute(
        &primary,
        "insert into lmp_billing.reports (account, id, cycle, partner_company_name, start_date, end_date, status, version,
             valid_from, status_since, first_seen_at, poll_id)
         select 'emea', md5(n::text)::uuid, '2001-01-01', 'Old', '2001-01-01', '2001-01-31', 'Completed', 1, now(), now(), now(), 0
         from generate_series(1, 1000) n",
    )
    .await;
    let standby = Standby::with(&server, options);
    let replica = pool(&standby.url()).await;
    has_everything(&replica, &primary).await;
    let question = "select count(*) from lmp_billing.reports";
    let mut reader = PgConnection::connect(&standby.url()).await.unwrap();
    reader.execute("begin isolation level repeatable read").await.unwrap();
    let before: i64 = sqlx::query_scalar(question).fetch_one(&mut reader).await.unwrap();
    assert_eq!(before, 1000);
    if feedback {
        let told = "select count(*) from pg_stat_replication where backend_xmin is not null";
        until_async("the primary knows of the reader", async || {
            sqlx::query_scalar::<_, i64>(told).fetch_one(&primary).await.unwrap() == 1
        })
        .await;
    }
    execute(&primary, "set lmp_billing.pruning = 'on'; delete from lmp_billing.reports").await;
    // What autovacuum does sooner or later.
    execute(&primary, "vacuum lmp_billing.reports").await;
    // Where the reader holds it up, it gets on when the reader has been sent away.
    has_everything(&replica, &primary).await;
    let after = sqlx::query_scalar(question).fetch_one(&mut reader).await;
    drop(reader);
    replica.close().await;
    primary.close().await;
    drop(standby);
    server.stop().await;
    after
}

#[tokio::test]
async fn a_prune_ends_a_long_query_on_a_standby_unless_the_standby_gives_feedback() {
    let feedback =
        "-c hot_standby_feedback=on -c wal_receiver_status_interval=1 -c max_standby_streaming_delay=100ms";
    assert_eq!(pruned_under_a_reader(feedback, true).await.expect("the reader is not disturbed"), 1000);

    let none = "-c hot_standby_feedback=off -c max_standby_streaming_delay=100ms";
    let error = pruned_under_a_reader(none, false).await.expect_err("the reader is sent away");
    let code = error.as_database_error().and_then(|e| e.code().map(|code| code.to_string()));
    // In the middle of a query 40001; a transaction that is idle is ended with its connection.
    assert!(["40001", "57P01"].contains(&code.as_deref().unwrap_or_default()), "{error}");
    assert!(error.to_string().contains("conflict with recovery"), "{error}");
}
