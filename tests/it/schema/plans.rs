//! The views find one cycle, one report or three days without reading all reports: told by the plans, never by
//! the clock. What it takes at a million reports is measured by `cargo bench --bench views`.

use sqlx::{AssertSqlSafe, Executor as _};

use questions::QUESTIONS;

use crate::support::db::TestDb;

#[path = "../../../benches/views/questions.rs"]
mod questions;

const WORLD: &str = include_str!("../../../benches/views/world.sql");

/// Enough that reading all of them costs more than an index does.
const REPORTS: &str = "20000";

#[tokio::test]
async fn one_cycle_one_report_or_three_days_never_read_a_whole_table() {
    let db = TestDb::new().await;
    let mut connection = db.pool().acquire().await.unwrap();
    connection.execute(AssertSqlSafe(WORLD.replace("$reports", REPORTS))).await.unwrap();
    connection.execute("vacuum analyze lmp_billing.reports").await.unwrap();
    connection.execute("vacuum analyze lmp_billing.superseded_versions").await.unwrap();
    connection.execute("vacuum analyze lmp_billing.cycle_polls").await.unwrap();
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
        let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("explain {sql}")))
            .fetch_all(&mut *connection)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        let plan = plan.join("\n");
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
    let db = TestDb::new().await;
    let mut connection = db.pool().acquire().await.unwrap();
    connection.execute(AssertSqlSafe(WORLD.replace("$reports", REPORTS))).await.unwrap();
    connection.execute("vacuum analyze lmp_billing.reports").await.unwrap();
    connection.execute("vacuum analyze lmp_billing.superseded_versions").await.unwrap();
    for (about, sql) in PAGE {
        let sql = sql.replace("$1", "array['emea']");
        let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("explain {sql}")))
            .fetch_all(&mut *connection)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        println!("{about}:\n{}", plan.join("\n"));
        assert!(
            !plan.join("\n").contains("Seq Scan on superseded_versions"),
            "{about}:\n{}",
            plan.join("\n")
        );
    }
}
