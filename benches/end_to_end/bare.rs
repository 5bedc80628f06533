//! What no program could leave out that does the same as a step: a process that asks for each month, two at a time,
//! hashes the answer, and writes a line of a log for it in a transaction of its own. To compare in full it also reads
//! the answer's JSON and the month's stored rows, and looks at neither.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use chrono::{Datelike as _, Months, NaiveDate};
use futures_util::TryStreamExt as _;
use futures_util::future::try_join_all;
use lmp_billing_sync::clock::{Clock as _, SystemClock};
use lmp_billing_sync::config::Settings;
use lmp_billing_sync::lmp::sign::signature;
use lmp_billing_sync::store::Store;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, PgConnection};

use crate::upstream::SECRET_KEY;
use crate::world::CYCLES;

/// Tells this program to be that; the step follows.
pub(crate) const ARGUMENT: &str = "bare";

/// As many as the product asks for at once by default.
const AT_ONCE: u32 = 2;

/// Where it logs; made and dropped by whoever runs it.
pub(crate) const LOG: &str = "create table if not exists bare_log (
    id bigint generated always as identity primary key, cycle date, bytes bigint, sha256 bytea, at timestamptz)";

#[derive(Deserialize)]
#[expect(dead_code, reason = "reading them is what is measured")]
struct Report<'a> {
    id: &'a str,
    partner_company_name: &'a str,
    start_date: &'a str,
    end_date: &'a str,
    status: &'a str,
    under_review_status: Option<&'a str>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    reports: Vec<Report<'a>>,
}

pub(crate) fn main(step: &str) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(step == "unchanged"))?;
    Ok(ExitCode::SUCCESS)
}

async fn run(compares: bool) -> Result<()> {
    let settings = Settings::load(Some(Path::new("config.toml")))?;
    let account = settings.accounts.first().context("the settings have no account")?;
    let url = settings.database.url.as_ref().context("the settings have no database")?.read()?;
    let uri = format!("{}LMPI/v2/reports/billing", account.base_url);
    // Nothing is encrypted here, and the library wants it all the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
    let current = SystemClock.now().date_naive().with_day(1).context("every month has a first day")?;
    let workers = (0..AT_ONCE).map(|first| {
        let (http, uri, url) = (http.clone(), uri.clone(), url.clone());
        tokio::spawn(async move {
            let store = Store::connect(&url, 1).await?;
            let mut connection = store.pool().acquire().await?;
            for back in (first..=CYCLES).step_by(AT_ONCE as usize) {
                month(&http, &uri, &mut connection, current - Months::new(back), compares).await?;
            }
            drop(connection);
            store.close().await;
            anyhow::Ok(())
        })
    });
    try_join_all(workers).await?.into_iter().collect()
}

async fn month(
    http: &reqwest::Client,
    uri: &str,
    connection: &mut PgConnection,
    cycle: NaiveDate,
    compares: bool,
) -> Result<()> {
    let asked = format!(
        r#"{{"report_cycle_year":"{:04}","report_cycle_month":"{:02}"}}"#,
        cycle.year(),
        cycle.month()
    );
    let time = SystemClock.now().timestamp().to_string();
    let path = "/LMPI/v2/reports/billing";
    let answer = http
        .post(uri)
        .header("x-signature", signature(SECRET_KEY, &time, "POST", path, asked.as_bytes()))
        .header("x-posix-time", time)
        .body(asked)
        .send()
        .await?
        .error_for_status()?
        .bytes()
        .await?;
    let sha256 = Sha256::digest(&answer);
    let mut tx = connection.begin().await?;
    sqlx::query_scalar::<_, Vec<u8>>("select sha256 from bare_log where cycle = $1 order by id desc limit 1")
        .bind(cycle)
        .fetch_optional(&mut *tx)
        .await?;
    if compares {
        let reports = serde_json::from_slice::<Answer<'_>>(&answer)?.reports.len();
        let stored = format!(
            "copy (select id, partner_company_name, start_date, end_date, status, under_review_status, extra::text
                   from lmp_billing.reports where cycle = '{cycle}') to stdout (format binary)"
        );
        let mut copied = 0;
        let mut rows = tx.copy_out_raw(&stored).await?;
        while let Some(chunk) = rows.try_next().await? {
            copied += chunk.len();
        }
        ensure!(copied / 50 > reports || reports == 0, "{reports} reports and {copied} bytes of {cycle}");
    }
    sqlx::query("insert into bare_log (cycle, bytes, sha256, at) values ($1, $2, $3, clock_timestamp())")
        .bind(cycle)
        .bind(i64::try_from(answer.len())?)
        .bind(&sha256[..])
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}
