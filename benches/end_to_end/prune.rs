//! Pruning one month of many, against a plain `DELETE` of the same rows.

use std::time::Duration;

use anyhow::{Result, ensure};
use chrono::{Months, NaiveDate};
use serde::Serialize;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::database::Server;
use crate::measured::Cost;
use crate::product::Product;
use crate::upstream::Upstream;
use crate::world::World;

/// Of the world's months the oldest is past this retention, and only that one.
const RETENTION_MONTHS: u32 = 22;

/// How often it is looked how long the program has been holding locks.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What a prune took.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Pruned {
    pub(crate) reports: i64,
    pub(crate) delete_seconds: f64,
    pub(crate) cost: Cost,
    /// The longest that a transaction of the prune was seen to hold locks on the reports.
    pub(crate) longest_lock_seconds: f64,
}

pub(crate) async fn prune(
    server: &Server,
    upstream: &Upstream,
    world: &World,
    today: NaiveDate,
) -> Result<Pruned> {
    let database = server.database("bench_prune").await?;
    let product = Product::new(&database, upstream)?;
    upstream.serve(world, false);
    product.run(&["sync"])?;
    product.configure("[retention]\nmonths = 22\n")?;

    // The copy has the same rows on the same pages.
    let mut database = server.copy_of(database, "bench_delete").await?;
    let cutoff = today - Months::new(RETENTION_MONTHS);
    let delete = format!("delete from lmp_billing.reports where end_date < '{cutoff}'");
    let mut plain = database.copy.connect().await?;
    // Not to be kept as a version, as a prune would not either.
    plain.execute("set lmp_billing.pruning = 'on'; checkpoint").await?;
    let began = Instant::now();
    let deleted = i64::try_from(plain.execute(AssertSqlSafe(delete)).await?.rows_affected())?;
    let delete_seconds = began.elapsed().as_secs_f64();
    plain.close().await?;

    database.original.execute("checkpoint").await?;
    let done = CancellationToken::new();
    let longest = tokio::spawn(longest_lock(database.original.options(), done.clone()));
    // Waiting for a program blocks this thread, and the looking is to go on.
    let (product, cost) = tokio::task::spawn_blocking(move || {
        let cost = product.run(&["prune"]);
        (product, cost)
    })
    .await?;
    let cost = cost?;
    done.cancel();
    let longest_lock_seconds = longest.await??;
    drop(product);

    let reports = i64::try_from(world.len())?
        - database.original.number("select count(*) from lmp_billing.reports").await?;
    ensure!(reports == deleted && reports > 0, "the prune deleted {reports} reports, and DELETE {deleted}");
    database.drop().await?;
    Ok(Pruned { reports, delete_seconds, cost, longest_lock_seconds })
}

async fn longest_lock(options: sqlx::postgres::PgConnectOptions, done: CancellationToken) -> Result<f64> {
    let mut connection = options.connect().await?;
    let mut longest: f64 = 0.0;
    let mut period = tokio::time::interval(LOOK_EVERY);
    while !done.is_cancelled() {
        period.tick().await;
        let held: Option<f64> = sqlx::query_scalar(
            "select max(extract(epoch from clock_timestamp() - a.xact_start))::float8
             from pg_locks l
             join pg_stat_activity a using (pid)
             where l.granted and l.relation = 'lmp_billing.reports'::regclass and l.mode = 'RowExclusiveLock'",
        )
        .fetch_one(&mut connection)
        .await?;
        longest = longest.max(held.unwrap_or_default());
    }
    connection.close().await?;
    Ok(longest)
}
