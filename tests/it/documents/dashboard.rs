//! dashboards/finance.json: every query of it is run as a reader, on reports that were synced. Grafana itself
//! cannot be had here; its macros are replaced by what it would make of them.

use std::fs;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Column as _, Executor as _, Row as _, TypeInfo as _};

use super::path;
use crate::support::lab::{Lab, reports};

/// What Grafana makes of a query: `$__timeFilter(column)` and the variable for accounts.
fn expanded(sql: &str) -> String {
    let mut expanded = sql.replace("($account)", "('emea')");
    while let Some((before, after)) = expanded.split_once("$__timeFilter(") {
        let (column, rest) = after.split_once(')').expect("the macro ends");
        expanded = format!("{before}{column} between now() - interval '30 days' and now(){rest}");
    }
    assert!(!expanded.contains('$'), "a macro that this test does not know: {expanded}");
    expanded
}

#[tokio::test]
async fn every_query_of_the_dashboard_runs_as_a_reader_and_finds_something() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    lab.serve(cycle, reports(6, cycle));
    lab.poll(cycle).await;
    for status in ["Completed", "Rejected"] {
        lab.serve(
            cycle,
            reports(6, cycle).into_iter().map(|mut report| {
                report.status = status.to_owned();
                report
            }),
        );
        lab.poll(cycle).await;
    }
    let dashboard: Value =
        serde_json::from_str(&fs::read_to_string(path("dashboards/finance.json")).unwrap()).unwrap();
    let mut connection = lab.db.pool().acquire().await.unwrap();
    connection.execute("set role lmp_billing_reader").await.unwrap();

    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let accounts = variables.iter().find(|variable| variable["name"] == "account").unwrap();
    let accounts: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(accounts["query"].as_str().unwrap().to_owned()))
            .fetch_all(&mut *connection)
            .await
            .unwrap();
    assert_eq!(accounts, ["emea"]);

    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() >= 8);
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        let target = &panel["targets"][0];
        let sql = expanded(target["rawSql"].as_str().unwrap());
        let rows = sqlx::query(AssertSqlSafe(sql.clone()))
            .fetch_all(&mut *connection)
            .await
            .unwrap_or_else(|error| panic!("{title}: {sql}: {error}"));
        match title {
            // Nobody has waited that long yet.
            "Waiting for more than 30 days" => assert_eq!(rows[0].get::<i64, _>(0), 0),
            "Open reports" | "Reopened in this time" => assert_eq!(rows[0].get::<i64, _>(0), 6, "{title}"),
            "Reports of each month by status" => assert_eq!(rows.len(), 25, "empty months show"),
            _ => assert!(!rows.is_empty(), "{title} shows nothing: {sql}"),
        }
        if target["format"] == "time_series" {
            let time = &rows[0].columns()[0];
            assert_eq!((time.name(), time.type_info().name()), ("time", "TIMESTAMPTZ"), "{title}");
        }
    }
}
