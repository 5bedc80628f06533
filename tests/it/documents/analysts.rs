//! docs/ANALYSTS.md: each query is run as a reader would, on a small world whose clock stands still.

use std::fs;

use sqlx::postgres::{PgRow, PgValueFormat};
use sqlx::{AssertSqlSafe, Column as _, Executor as _, PgConnection, Row as _, TypeInfo as _, ValueRef as _};

use super::{is_as_it_should_be, path};
use crate::support::db::TestDb;

const DOCUMENT: &str = "docs/ANALYSTS.md";
const NOW: &str = "'2026-11-23 09:00Z'::timestamptz";

/// Makes it always the same moment for views and functions.
const STILL: &str = "
    do $$ declare made text; begin
        for made in
            select format('create or replace view %s as %s', oid::regclass, pg_get_viewdef(oid))
            from pg_class where relnamespace = 'lmp_billing'::regnamespace and relkind = 'v'
            union all
            select pg_get_functiondef(oid) from pg_proc where pronamespace = 'lmp_billing'::regnamespace
        loop
            execute replace(made, 'now()', $now$NOW$now$);
        end loop;
    end $$";

/// A schema whose clock stands still, and the world of the document.
async fn world() -> TestDb {
    let db = TestDb::new().await;
    for sql in [STILL.replace("NOW", NOW), "set timezone = 'UTC';".to_owned() + include_str!("world.sql")] {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(db.pool()).await.expect("the world can be made");
    }
    db
}

/// The document with every result as it is.
async fn answered(connection: &mut PgConnection, document: &str) -> String {
    let mut answered = String::new();
    let mut rest = document;
    while let Some((before, after)) = rest.split_once("```sql\n") {
        let (sql, after) = after.split_once("```\n").expect("the block ends");
        let (between, after) = after.split_once("```text\n").expect("a result follows each query");
        assert_eq!(between, "\n", "between a query and its result: {sql}");
        let (_, after) = after.split_once("```\n").expect("the block ends");
        let result = ask(connection, sql).await;
        for piece in [before, "```sql\n", sql, "```\n\n```text\n", &result, "```\n"] {
            answered.push_str(piece);
        }
        rest = after;
    }
    answered + rest
}

async fn ask(connection: &mut PgConnection, sql: &str) -> String {
    connection.execute("begin; set local role lmp_billing_reader; set local timezone = 'UTC'").await.unwrap();
    let rows = sqlx::raw_sql(AssertSqlSafe(sql.replace("now()", NOW)))
        .fetch_all(&mut *connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    connection.execute("rollback").await.unwrap();
    assert!(!rows.is_empty(), "a query that finds nothing shows nothing: {sql}");
    table(&rows)
}

fn cell(row: &PgRow, column: usize) -> String {
    let value = row.try_get_raw(column).unwrap();
    assert_eq!(value.format(), PgValueFormat::Text, "what psql would show");
    if value.is_null() { String::new() } else { value.as_str().unwrap().to_owned() }
}

/// As psql would show it.
fn table(rows: &[PgRow]) -> String {
    let columns = rows[0].columns();
    let number = |column: usize| {
        ["INT", "FLOAT", "NUMERIC"].iter().any(|kind| columns[column].type_info().name().starts_with(kind))
    };
    let mut lines: Vec<Vec<String>> = vec![columns.iter().map(|column| column.name().to_owned()).collect()];
    lines.extend(rows.iter().map(|row| (0..columns.len()).map(|column| cell(row, column)).collect()));
    let widths: Vec<usize> = (0..columns.len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let cells: Vec<String> = line
            .iter()
            .enumerate()
            .map(|(column, value)| {
                let width = widths[column];
                if number(column) && at > 0 { format!("{value:>width$}") } else { format!("{value:<width$}") }
            })
            .collect();
        text += cells.join(" | ").trim_end();
        text.push('\n');
        if at == 0 {
            let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            text += &(rules.join("-+-") + "\n");
        }
    }
    text
}

#[tokio::test]
async fn every_query_gives_the_result_that_is_shown() {
    let db = world().await;
    let mut connection = db.pool().acquire().await.unwrap();
    let document = fs::read_to_string(path(DOCUMENT)).unwrap();
    let queries = document.matches("```sql\n").count();
    assert!(queries >= 15, "only {queries} queries were found");
    let answered = answered(&mut connection, &document).await;
    is_as_it_should_be(DOCUMENT, &answered);
}
