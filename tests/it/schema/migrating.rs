//! Migrating: repeatable, from several sides at once, all or nothing, and only forwards.

use lmp_billing_sync::store::{Store, StoreError};

use super::{Login, empty, run};
use crate::support::db::TestDb;

async fn open(db: &TestDb) -> Store {
    Store::connect(&db.url().into(), 2).await.unwrap()
}

#[tokio::test]
async fn an_empty_database_is_brought_up_to_date_and_a_current_one_left_alone() {
    let db = empty().await;
    let store = open(&db).await;
    assert_eq!(store.schema().await.unwrap().found, 0);
    let first = store.migrate().await.unwrap();
    assert_eq!((first.from, first.for_the_dba), (0, None));
    let second = store.migrate().await.unwrap();
    assert_eq!((second.from, second.to), (first.to, first.to));
    assert!(store.schema().await.unwrap().is_current());
}

#[tokio::test]
async fn several_processes_may_migrate_at_once_whatever_the_databases_default() {
    let db = empty().await;
    let level = "do $do$ begin execute format('alter database %I set default_transaction_isolation to %L',
                                              current_database(), 'repeatable read'); end $do$";
    run(&db, level).await;
    let stores = futures_util::future::join_all((0..4).map(|_| open(&db))).await;
    let migrated = futures_util::future::join_all(stores.iter().map(Store::migrate)).await;
    let fresh = migrated.iter().filter(|result| result.as_ref().unwrap().from == 0).count();
    assert_eq!(fresh, 1);
}

#[tokio::test]
async fn the_ledger_lies_in_our_schema_and_nothing_of_ours_elsewhere() {
    let db = empty().await;
    open(&db).await.migrate().await.unwrap();
    let elsewhere: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class c join pg_namespace n on n.oid = relnamespace
         where nspname = 'public'",
    )
    .fetch_all(db.pool())
    .await
    .unwrap();
    assert_eq!(elsewhere, [""; 0]);
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_and_no_lock() {
    let db = empty().await;
    run(&db, "create schema lmp_billing; create table lmp_billing.sync_runs (id int)").await;
    let store = open(&db).await;
    let error = store.migrate().await.unwrap_err();
    assert!(error.to_string().contains("wholly or not at all"), "{error}");
    assert!(!error.is_transient(), "{error}");
    let tables: i64 = sqlx::query_scalar("select count(*) from pg_tables where schemaname = 'lmp_billing'")
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert_eq!(tables, 1);
    run(&db, "drop table lmp_billing.sync_runs").await;
    store.migrate().await.unwrap();
}

#[tokio::test]
async fn a_schema_newer_than_the_program_is_refused() {
    let db = TestDb::new().await;
    run(
        &db,
        "insert into lmp_billing._sqlx_migrations (version, description, success, checksum, execution_time)
         values (9000, 'from the future', true, '', 0)",
    )
    .await;
    let store = open(&db).await;
    for error in [store.ensure_schema(true).await.unwrap_err(), store.migrate().await.unwrap_err()] {
        assert!(matches!(error, StoreError::NewerSchema { found: 9000, .. }), "{error}");
    }
}

#[tokio::test]
async fn an_old_schema_is_refused_where_migrating_is_not_allowed() {
    let db = empty().await;
    let store = open(&db).await;
    let error = store.ensure_schema(false).await.unwrap_err();
    assert!(error.to_string().contains("lmp-billing-sync migrate"), "{error}");
    assert_eq!(store.schema().await.unwrap().found, 0);
    store.ensure_schema(true).await.unwrap();
    store.ensure_schema(false).await.unwrap();
}

#[tokio::test]
async fn who_may_not_create_the_schema_is_told_the_statements_for_who_may() {
    let db = empty().await;
    let login = Login::new(&db).await;
    let store = Store::connect(&login.url, 2).await.unwrap();
    let error = store.migrate().await.unwrap_err();
    let StoreError::MayNotCreate { statements } = &error else { panic!("{error}") };
    let create: Vec<_> = statements.lines().filter(|line| line.contains("create schema")).collect();
    assert_eq!(create.len(), 1, "{statements}");

    // The administrator does as told, but for the role, which this server has already.
    run(&db, create[0]).await;
    let migrated = store.migrate().await.unwrap();
    assert_eq!(migrated.from, 0);
    store.ensure_schema(true).await.unwrap();
    store.close().await;
    login.drop(&db).await;
}
