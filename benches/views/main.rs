//! How long the views take, at a million reports and three million versions.
//!
//! ```text
//! cargo bench --bench views                        the table of docs/PERFORMANCE.md
//! cargo bench --bench views -- --reports 100000    smaller
//! ```
//!
//! What is measured is PostgreSQL, so an unoptimised build tells the same (`--profile dev`). The rows are made
//! by `world.sql`; the product's own way of writing them would take an hour and leave the same. The plans are
//! written beside the table to `target/bench`. Which of the queries may read a whole table is held by a test
//! (`tests/it/schema/plans.rs`), which no busy machine can fail.

mod questions;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::Parser;
use futures_util::TryStreamExt as _;
use lmp_billing_sync::embedded::{EmbeddedOptions, EmbeddedPostgres};
use lmp_billing_sync::store::Store;
use questions::{QUESTIONS, Question};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgPoolCopyExt as _};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection, Row as _};

const WORLD: &str = include_str!("world.sql");

/// Measures the views.
#[derive(Debug, Parser)]
struct Arguments {
    /// Reports stored, with about three earlier versions each
    #[arg(long, default_value_t = 1_000_000)]
    reports: i64,

    /// How often each is asked; the median and the quickest are told
    #[arg(long, default_value_t = 9)]
    rounds: usize,

    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// How long one query took.
struct Answer {
    rows: i64,
    /// Milliseconds on the server until its last row was there.
    made: Vec<f64>,
    /// Milliseconds until all rows had been written as text, sent and taken in.
    taken: Vec<f64>,
    plan: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let dir = tempfile::Builder::new().prefix("lmp-bench-").tempdir()?;
    let postgres = EmbeddedPostgres::start(&EmbeddedOptions::for_measuring(dir.path())).await?;
    let measured = measure(postgres.url().expose_secret(), &arguments).await;
    postgres.stop().await;
    println!("{}", measured?);
    Ok(())
}

async fn measure(url: &str, arguments: &Arguments) -> Result<String> {
    let store = Store::connect(&url.into(), 1).await?;
    store.migrate().await?;
    let version = store.server().await?.version;
    store.close().await;
    let options: PgConnectOptions = url.parse()?;
    let mut connection = options.connect().await?;
    eprintln!("writing {} reports", arguments.reports);
    let world = WORLD.replace("$reports", &arguments.reports.to_string());
    connection.execute(AssertSqlSafe(world)).await?;
    for table in ["reports", "superseded_versions", "cycle_polls"] {
        connection.execute(AssertSqlSafe(format!("vacuum analyze lmp_billing.{table}"))).await?;
    }
    let row = connection
        .fetch_one(
            "select (select count(*) from lmp_billing.reports), (select count(*) from lmp_billing.superseded_versions),
                    (date_trunc('month', now() at time zone 'UTC') - interval '5 months')::date::text,
                    (select id::text from lmp_billing.reports
                     where cycle = (date_trunc('month', now() at time zone 'UTC') - interval '5 months')::date limit 1)",
        )
        .await?;
    let (reports, versions, cycle, id): (i64, i64, String, String) =
        (row.get(0), row.get(1), row.get(2), row.get(3));
    let mut text = format!(
        "PostgreSQL {version}; {reports} reports, {versions} earlier versions; medians of {} (the quickest in \
         brackets), in milliseconds.\n\n| | rows | made | taken in | reads a whole table |\n|---|---|---|---|---|\n",
        arguments.rounds
    );
    let mut plans = String::new();
    for question in QUESTIONS {
        eprintln!("{}", question.about);
        let sql = question.sql.replace("$cycle", &cycle).replace("$id", &id);
        let answer = ask(&mut connection, &options, &sql, arguments.rounds).await?;
        writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            question.about,
            answer.rows,
            figures(answer.made),
            figures(answer.taken),
            whole(question)
        )?;
        writeln!(plans, "-- {}\n{sql};\n{}\n", question.about, answer.plan)?;
    }
    let folder = folder()?;
    std::fs::write(folder.join("views.md"), &text)?;
    std::fs::write(folder.join("views-plans.txt"), plans)?;
    writeln!(text, "\nwritten to {}", folder.display())?;
    Ok(text)
}

async fn ask(
    connection: &mut PgConnection,
    options: &PgConnectOptions,
    sql: &str,
    rounds: usize,
) -> Result<Answer> {
    let explain = format!("explain (analyze, timing off, buffers, format json) {sql}");
    let rows: i64 = sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from ({sql}) answer")))
        .fetch_one(&mut *connection)
        .await?;
    let pool = sqlx::PgPool::connect_lazy_with(options.clone());
    let copy = format!("copy ({sql}) to stdout");
    let (mut made, mut taken) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let told: Value =
            sqlx::query_scalar(AssertSqlSafe(explain.clone())).fetch_one(&mut *connection).await?;
        let ms = |key: &str| told[0][key].as_f64().with_context(|| format!("no {key}"));
        made.push(ms("Planning Time")? + ms("Execution Time")?);
        let began = Instant::now();
        let mut stream = pool.copy_out_raw(&copy).await?;
        while stream.try_next().await?.is_some() {}
        taken.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    pool.close().await;
    let plan: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(format!("explain (analyze, timing off, buffers) {sql}")))
            .fetch_all(&mut *connection)
            .await?;
    Ok(Answer { rows, made, taken, plan: plan.join("\n") })
}

fn whole(question: &Question) -> &'static str {
    if question.may_read_all { "yes" } else { "no" }
}

/// The median, and the quickest: on a machine with other work the latter says more about the query.
fn figures(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let quickest = values.first().copied().unwrap_or(f64::NAN);
    let median = values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN);
    format!("{median:.1} ({quickest:.1})")
}

fn folder() -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let folder = target.join("bench");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
