//! The views find one cycle, one report or three days without reading all reports: told by the plans, never by
//! the clock. What it takes at a million reports is measured by `cargo bench --bench views`.

use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

use questions::QUESTIONS;

use crate::support::db::TestDb;

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
