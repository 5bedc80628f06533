//! The views find one cycle, one report or three days without reading all reports: told by the plans, never by
//! the clock. What it takes at a million reports is measured by `cargo bench --bench views`.

use lmp_billing_sync::domain::Cycle;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use questions::QUESTIONS;

use crate::support::db::TestDb;
use crate::support::lab::{Lab, report};

#[path = "../../../benches/views/questions.rs"]
mod questions;

const WORLD: &str = include_str!("../../../benches/views/world.sql");

/// Enough that reading all of them costs more than an index does.
const REPORTS: &str = "20000";

async fn world() -> TestDb {
    let db = TestDb::new().await;
    db.pool().execute(AssertSqlSafe(WORLD.replace("$reports", REPORTS))).await.unwrap();
    for table in ["reports", "superseded_versions", "cycle_polls"] {
        db.pool().execute(AssertSqlSafe(format!("vacuum analyze lmp_billing.{table}"))).await.unwrap();
    }
    db
}

async fn plan(connection: &mut PgConnection, sql: &str) -> String {
    let lines = sqlx::query_scalar(AssertSqlSafe(format!("explain {sql}"))).fetch_all(connection).await;
    let lines: Vec<String> = lines.unwrap_or_else(|error| panic!("{sql}: {error}"));
    lines.join("\n")
}

#[tokio::test]
async fn one_cycle_one_report_or_three_days_never_read_a_whole_table() {
    let db = world().await;
    let mut connection = db.pool().acquire().await.unwrap();
    let (cycle, id): (String, String) = sqlx::query_as(
        "select cycle::text, id::text from lmp_billing.reports
         where cycle = (date_trunc('month', now() at time zone 'UTC') - interval '5 months')::date limit 1",
    )
    .fetch_one(&mut *connection)
    .await
    .unwrap();
    let mut read_all = 0;
    for question in QUESTIONS {
        let sql = question.sql.replace("$cycle", &cycle).replace("$id", &id);
        let plan = plan(&mut connection, &sql).await;
        let sequential = ["reports", "superseded_versions"]
            .iter()
            .any(|table| plan.contains(&format!("Seq Scan on {table} ")));
        assert!(question.may_read_all || !sequential, "{}:\n{plan}", question.about);
        read_all += usize::from(sequential);
    }
    // Those that have to read everything show that the test would see it.
    assert!(read_all > 3, "only {read_all} plans read a whole table: this test sees nothing");
}

/// What the status page asks every time that something has changed.
const PAGE: [(&str, &str); 2] = [
    ("the latest changes", include_str!("../../../src/store/overview/changes.sql")),
    ("reopened reports", include_str!("../../../src/store/overview/reopened.sql")),
];

#[tokio::test]
async fn the_page_finds_the_latest_changes_without_reading_all_versions() {
    let db = world().await;
    let mut connection = db.pool().acquire().await.unwrap();
    for (about, sql) in PAGE {
        let sql = sql.replace("$1", "array['emea']");
        let plan = plan(&mut connection, &sql).await;
        assert!(!plan.contains("Seq Scan on superseded_versions"), "{about}:\n{plan}");
    }
}

/// What the statements of a poll come to is planned once for a connection, perhaps when there was nothing yet.
#[tokio::test]
async fn a_poll_whose_plans_are_from_empty_tables_does_not_read_all_of_full_ones() {
    let mut lab = Lab::new().await;
    lab.rules.trust_digests = true;
    let cycles = [lab.cycle(3).await, lab.cycle(2).await, lab.cycle(1).await];
    let ids = |cycle: Cycle| 10 * cycle.month() + 1..=10 * cycle.month() + 2;
    for cycle in cycles {
        lab.serve(cycle, ids(cycle).map(|number| report(number, cycle)));
    }
    // Every connection has planned everything: a first answer, one that need not be read, one that is compared.
    for trusts in [true, true, true, false, false] {
        lab.rules.trust_digests = trusts;
        lab.sync(&cycles).await;
    }
    lab.execute(
        "with long_ago as (select (date_trunc('month', now()) - interval '20 months')::date as first)
         insert into lmp_billing.reports (account, id, cycle, partner_company_name, start_date, end_date, status,
             version, valid_from, status_since, first_seen_at, poll_id)
         select 'emea', gen_random_uuid(), first, 'another', first, first + 27, 'Completed', 1, now(), now(), now(), 0
         from long_ago, generate_series(1, 20000) n",
    )
    .await;
    lab.execute(
        "with long_ago as (select (date_trunc('month', now()) - interval '20 months')::date as first)
         insert into lmp_billing.cycle_polls (id, run_id, account, cycle, requested_at, finished_at, outcome, attempts,
             program_version)
         select -n, 1, 'emea', first, now(), now(), 'unchanged', 1, '0'
         from long_ago, generate_series(1, 20000) n",
    )
    .await;
    for trusts in [true, false] {
        lab.rules.trust_digests = trusts;
        lab.sync(&cycles).await;
    }
    for (number, cycle) in (0..).zip(cycles) {
        lab.serve(cycle, ids(cycle).map(|id| report(id, cycle)).take(1 + number));
    }
    lab.sync(&cycles).await;
    // What a connection has read is told when it ends.
    let url = lab.db.url().to_owned();
    lab.store.close().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let read = "select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint from pg_stat_user_tables
                where relname in ('reports', 'cycle_polls', 'superseded_versions')";
    let read: i64 = sqlx::query_scalar(read).fetch_one(&mut connection).await.unwrap();
    assert!((100..10_000).contains(&read), "{read} rows were read");
}
