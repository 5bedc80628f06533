//! The reader's role reads all of it and writes nothing.

use sqlx::{AssertSqlSafe, PgConnection};

use super::{Login, run};
use crate::support::lab::{Lab, reports};

async fn refused(connection: &mut PgConnection, sql: &str) {
    let error = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.expect_err(sql);
    let code = error.as_database_error().and_then(|e| e.code().map(|c| c.to_string()));
    assert_eq!(code.as_deref(), Some("42501"), "{sql}: {error}");
}

#[tokio::test]
async fn a_reader_reads_every_relation_and_writes_none() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    lab.serve(cycle, reports(3, cycle));
    lab.poll(cycle).await;
    let login = Login::new(&lab.db).await;
    run(&lab.db, &format!("grant lmp_billing_reader to {}", login.name)).await;
    let mut reader = login.connect().await;

    let relations = lab
        .lines(
            "select relname, relkind from pg_class where relnamespace = 'lmp_billing'::regnamespace
             and relkind in ('r', 'v') order by 1",
        )
        .await;
    assert!(relations.len() > 12, "{relations:?}");
    for relation in &relations {
        let (name, kind) = relation.split_once('|').unwrap();
        let select = format!("select * from lmp_billing.{name}");
        sqlx::raw_sql(AssertSqlSafe(select))
            .execute(&mut reader)
            .await
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        if kind == "r" {
            refused(&mut reader, &format!("delete from lmp_billing.{name}")).await;
            refused(&mut reader, &format!("truncate lmp_billing.{name}")).await;
        }
    }
    let seen: i64 = sqlx::query_scalar("select count(*) from lmp_billing.reports_as_of(now())")
        .fetch_one(&mut reader)
        .await
        .unwrap();
    assert_eq!(seen, 3);
    refused(&mut reader, "insert into lmp_billing.report_statuses values ('x', null, 9, false, null, 'x')")
        .await;
    refused(&mut reader, "update lmp_billing.reports set status = 'x'").await;
    refused(&mut reader, "select nextval('lmp_billing.poll_ids')").await;
    refused(&mut reader, "create table lmp_billing.mine (x int)").await;
    drop(reader);
    login.drop(&lab.db).await;
}
