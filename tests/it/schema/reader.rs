//! The login that docs/ANALYSTS.md tells the administrator to make: it works as written, and its longest
//! transaction is in nobody's way.

use std::time::{Duration, Instant};

use lmp_billing_sync::clock::SystemClock;
use lmp_billing_sync::prune::{MAX_BATCH, Pruning};
use lmp_billing_sync::store::Trigger;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::run;
use crate::support::lab::{Lab, reports};

/// Makes the login with the document's own statements, under a name of its own, and connects.
async fn reader(lab: &Lab) -> (PgConnection, String) {
    let document = include_str!("../../../docs/ANALYSTS.md");
    let (_, block) = document.split_once("```sql reader\n").expect("the statement is in the document");
    let (block, _) = block.split_once("```").expect("the block ends");
    let name = format!("lmp_test_ana_{}", Uuid::new_v4().simple());
    run(&lab.db, &block.replace(" ana ", &format!(" {name} "))).await;
    let options: PgConnectOptions = lab.db.url().parse().unwrap();
    (options.username(&name).password("a long one").connect().await.expect("the login works"), name)
}

async fn gone(lab: &Lab, connection: PgConnection, name: &str) {
    drop(connection);
    run(&lab.db, &format!("drop owned by {name}; drop role {name}")).await;
}

#[tokio::test]
async fn the_documented_login_reads_has_its_limits_and_writes_nothing() {
    let lab = Lab::new().await;
    let (mut ana, name) = reader(&lab).await;
    for (setting, value) in
        [("statement_timeout", "1min"), ("jit", "off"), ("idle_in_transaction_session_timeout", "10min")]
    {
        let is: String =
            sqlx::query_scalar("select current_setting($1)").bind(setting).fetch_one(&mut ana).await.unwrap();
        assert_eq!(is, value, "{setting}");
    }
    // Without the schema's name, because it is in the path.
    let none: i64 =
        sqlx::query_scalar("select count(*) from current_reports").fetch_one(&mut ana).await.unwrap();
    assert_eq!(none, 0);
    let error = ana.execute("delete from reports").await.expect_err("a reader writes nothing");
    assert_eq!(
        error.as_database_error().and_then(|e| e.code().map(|c| c.to_string())).as_deref(),
        Some("42501")
    );
    ana.execute("set statement_timeout = '50ms'").await.unwrap();
    let error = ana.execute("select pg_sleep(60)").await.expect_err("the limit ends it");
    assert_eq!(
        error.as_database_error().and_then(|e| e.code().map(|c| c.to_string())).as_deref(),
        Some("57014")
    );
    gone(&lab, ana, &name).await;
}

#[tokio::test]
async fn a_readers_long_transaction_holds_up_neither_polls_nor_prune_nor_a_migration_beyond_its_lock_timeout()
{
    let lab = Lab::new().await;
    let (last, old) = (lab.cycle(1).await, lab.cycle(2).await);
    lab.serve(last, reports(20, last));
    lab.poll(last).await;
    run(
        &lab.db,
        "insert into lmp_billing.reports (account, id, cycle, partner_company_name, start_date, end_date, status,
             version, valid_from, status_since, first_seen_at, poll_id)
         select 'emea', gen_random_uuid(), '2001-01-01', 'Old', '2001-01-01', '2001-01-31', 'Completed', 1, now(),
                now(), now(), 0
         from generate_series(1, 30)",
    )
    .await;
    let (mut ana, name) = reader(&lab).await;
    ana.execute("begin isolation level repeatable read").await.unwrap();
    let relations = lab
        .lines("select relname from pg_class where relnamespace = 'lmp_billing'::regnamespace and relkind in ('r', 'v')")
        .await;
    for relation in &relations {
        ana.execute(AssertSqlSafe(format!("select * from lmp_billing.{relation}"))).await.unwrap();
    }
    let held: i64 = sqlx::query_scalar(
        "select count(*) from pg_locks where pid = pg_backend_pid() and relation is not null",
    )
    .fetch_one(&mut ana)
    .await
    .unwrap();
    assert!(held > 10, "the reader holds {held} locks");

    // Polls: new, changed and withdrawn reports, all at once.
    let changed = reports(25, last).into_iter().skip(3).map(|mut report| {
        report.status = "Approved".to_owned();
        report
    });
    lab.serve(last, changed);
    let poll = lab.poll(last).await;
    assert_eq!((poll.inserted, poll.updated, poll.withdrawn), (5, 17, 3), "{:?}", poll.error);
    lab.serve(old, []);
    assert!(!lab.poll(old).await.outcome.is_failure());

    // Prune.
    let pruning = Pruning {
        store: &lab.store,
        clock: &SystemClock,
        retention: lab.rules.retention,
        timezone: lab.rules.timezone,
        max_fraction: 1.0,
        force: false,
        max_batch: MAX_BATCH,
        patience: &[Duration::from_millis(10)],
    };
    pruning.run(Trigger::Cli, "test", &CancellationToken::new()).await.expect("nobody is in its way");
    assert_eq!(
        lab.value("select count(*) from lmp_billing.reports where partner_company_name = 'Old'").await,
        "0"
    );

    // A migration that changes nothing a reader looks at.
    run(&lab.db, "delete from lmp_billing._sqlx_migrations where version = 3").await;
    lab.store.migrate().await.expect("comments lock out no reader");

    // And one that needs the table for itself: it gives up when its lock_timeout of 30 s is over.
    run(
        &lab.db,
        "delete from lmp_billing._sqlx_migrations where version = 3;
         create function public.as_if_altering() returns event_trigger language plpgsql
         as 'begin lock table lmp_billing.reports in access exclusive mode; end';
         create event trigger as_if_altering on ddl_command_start when tag in ('COMMENT')
         execute function public.as_if_altering()",
    )
    .await;
    let began = Instant::now();
    let error = lab.store.migrate().await.expect_err("the reader still reads");
    assert!(error.to_string().contains("lock timeout"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(90), "it waited for {:?}", began.elapsed());
    // The reader still sees what it saw; polls go on, and without the reader the migration succeeds.
    let seen: i64 = sqlx::query_scalar("select count(*) from lmp_billing.current_reports")
        .fetch_one(&mut ana)
        .await
        .unwrap();
    assert_eq!(seen, 50);
    lab.serve(last, reports(25, last).into_iter().skip(3));
    assert_eq!(lab.poll(last).await.updated, 22);
    ana.execute("rollback").await.unwrap();
    lab.store.migrate().await.expect("nobody reads any more");
    gone(&lab, ana, &name).await;
}
