//! A private PostgreSQL with its own defaults, and what it tells of the work it did.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use futures_util::future::try_join_all;
use lmp_billing_sync::embedded::{EmbeddedOptions, EmbeddedPostgres};
use lmp_billing_sync::store::Store;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::processor;

/// The rows of the product's table, under a uuid key and nothing else.
const FLOOR: &str = "(id uuid primary key, cycle date not null, partner_company_name text not null,
    start_date date not null, end_date date not null, status text not null, under_review_status text)";

/// The same rows into a table like the product's.
const BARE: &str = "copy bare (id, cycle, partner_company_name, start_date, end_date, status, under_review_status) from stdin";

/// One of them stays aside, as the product's does; with more it takes as long.
const BARE_CONNECTIONS: u32 = 4;

/// A server for one benchmark.
pub(crate) struct Server {
    // Stops before its folder goes.
    postgres: EmbeddedPostgres,
    _dir: TempDir,
}

/// A database for one round.
pub(crate) struct Database {
    name: String,
    admin: PgConnectOptions,
    pub(crate) url: SecretString,
    connection: PgConnection,
}

/// A database and its copy.
pub(crate) struct Copied {
    pub(crate) original: Database,
    pub(crate) copy: PgConnectOptions,
    name: String,
}

/// What the server has done since it was last asked.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Work {
    /// Write-ahead log, in bytes.
    pub(crate) wal_bytes: i64,
    /// Rows inserted, updated or deleted in the tables of reports and their versions.
    pub(crate) tuples_written: i64,
    /// Rows read from tables or through indexes, in the whole database.
    pub(crate) tuples_read: i64,
    /// Processor time of the server, all its processes together.
    pub(crate) server_seconds: f64,
    /// Processor time of this process, which is the upstream.
    pub(crate) upstream_seconds: f64,
}

impl Server {
    pub(crate) async fn start() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("lmp-bench-").tempdir()?;
        let postgres = EmbeddedPostgres::start(&EmbeddedOptions::for_measuring(dir.path())).await?;
        let server = Self { postgres, _dir: dir };
        let mut admin = server.admin()?.connect().await?;
        // It would come at any moment and be counted as somebody's work; its part is done by hand.
        admin.execute("alter system set autovacuum = off").await?;
        admin.execute("select pg_reload_conf()").await?;
        Ok(server)
    }

    fn admin(&self) -> Result<PgConnectOptions> {
        Ok(self.postgres.url().expose_secret().parse()?)
    }

    /// PostgreSQL's version, and the settings that matter to what is measured.
    pub(crate) async fn describe(&self) -> Result<String> {
        let mut admin = self.admin()?.connect().await?;
        let text = sqlx::query_scalar(
            "select 'PostgreSQL ' || current_setting('server_version') || '; ' || string_agg(name || ' = ' ||
                 current_setting(name), ', ' order by name)
             from pg_settings
             where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', 'max_wal_size',
                            'data_checksums', 'autovacuum')",
        );
        Ok(text.fetch_one(&mut admin).await?)
    }

    pub(crate) async fn database(&self, name: &str) -> Result<Database> {
        let admin = self.admin()?;
        let mut connection = admin.connect().await?;
        connection.execute(AssertSqlSafe(format!("create database {name}"))).await?;
        connection.close().await?;
        let options = admin.clone().database(name);
        let url = String::from(options.to_url_lossy()).into();
        Ok(Database { name: name.to_owned(), admin, url, connection: options.connect().await? })
    }

    /// Copies a database.
    pub(crate) async fn copy_of(&self, original: Database, name: &str) -> Result<Copied> {
        let admin = self.admin()?;
        let template = original.name.clone();
        original.connection.close().await?;
        let mut connection = admin.connect().await?;
        connection.execute(AssertSqlSafe(format!("create database {name} template {template}"))).await?;
        connection.close().await?;
        let original =
            Database { connection: admin.clone().database(&template).connect().await?, ..original };
        Ok(Copied { original, name: name.to_owned(), copy: admin.database(name) })
    }

    /// Transactions in a database so far.
    pub(crate) async fn transactions(&self, database: &str) -> Result<i64> {
        let mut admin = self.admin()?.connect().await?;
        let count =
            sqlx::query_scalar("select xact_commit + xact_rollback from pg_stat_database where datname = $1");
        let count = count.bind(database).fetch_one(&mut admin).await?;
        admin.close().await?;
        Ok(count)
    }

    pub(crate) async fn stop(self) {
        self.postgres.stop().await;
    }
}

impl Database {
    pub(crate) async fn drop(self) -> Result<()> {
        self.connection.close().await?;
        let mut admin = self.admin.connect().await?;
        admin.execute(AssertSqlSafe(format!("drop database {} with (force)", self.name))).await?;
        Ok(())
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        self.admin.clone().database(&self.name)
    }

    pub(crate) async fn execute(&mut self, sql: &'static str) -> Result<u64> {
        Ok(self.connection.execute(sql).await.with_context(|| format!("executing {sql}"))?.rows_affected())
    }

    pub(crate) async fn number(&mut self, sql: &'static str) -> Result<i64> {
        sqlx::query_scalar(sql)
            .fetch_one(&mut self.connection)
            .await
            .with_context(|| format!("executing {sql}"))
    }

    /// Copies rows into a table that has a uuid key and nothing else; returns the seconds it took.
    pub(crate) async fn copy(&mut self, table: &str, rows: Vec<Bytes>) -> Result<f64> {
        self.connection.execute(AssertSqlSafe(format!("create table {table} {FLOOR}"))).await?;
        self.connection.execute("checkpoint").await?;
        // The product's connections send at once; one with Nagle's algorithm would flatter it.
        let store = Store::connect(&self.url, 1).await?;
        let mut connection = store.pool().acquire().await?;
        let began = Instant::now();
        let mut copy = connection.copy_in_raw(&format!("copy {table} from stdin")).await?;
        for chunk in rows {
            copy.send(chunk).await?;
        }
        copy.finish().await?;
        let seconds = began.elapsed().as_secs_f64();
        drop(connection);
        store.close().await;
        Ok(seconds)
    }

    /// Copies rows into a table like the product's, so many months at a time and each in a transaction of its
    /// own, and does nothing else; returns the seconds it took.
    pub(crate) async fn copy_months(&mut self, months: Vec<Bytes>) -> Result<f64> {
        self.execute(
            "create table bare (like lmp_billing.reports including all);
             alter table bare alter account set default 'bench', alter version set default 1,
                 alter valid_from set default now(), alter status_since set default now(),
                 alter first_seen_at set default now(), alter poll_id set default 1;
             checkpoint",
        )
        .await?;
        let store = Store::connect(&self.url, BARE_CONNECTIONS).await?;
        let mut connections = Vec::new();
        for _ in 1..BARE_CONNECTIONS {
            connections.push(store.pool().acquire().await?);
        }
        let months = Mutex::new(months.into_iter());
        let began = Instant::now();
        try_join_all(connections.iter_mut().map(async |connection| -> Result<()> {
            loop {
                let Some(month) = months.lock().await.next() else { return Ok(()) };
                let mut copy = connection.copy_in_raw(BARE).await?;
                copy.send(month).await?;
                copy.finish().await?;
            }
        }))
        .await?;
        let seconds = began.elapsed().as_secs_f64();
        drop(connections);
        store.close().await;
        self.execute("drop table bare").await?;
        Ok(seconds)
    }

    /// What the server has done so far, once nobody but us is connected: only then all is counted.
    pub(crate) async fn work(&mut self) -> Result<Work> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self
            .number("select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
            .await?
            > 0
        {
            if Instant::now() > deadline {
                bail!("the program's connections do not end");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // What this connection itself has read before is told now, and not in the midst of the next step.
        self.execute("select pg_stat_force_next_flush()").await?;
        self.execute("select pg_stat_clear_snapshot()").await?;
        let (wal_bytes, tuples_written, tuples_read) = sqlx::query_as(
            "select (pg_current_wal_insert_lsn() - '0/0')::int8,
                    coalesce((select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables
                              where relname in ('reports', 'superseded_versions')), 0)::int8,
                    (select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) from pg_stat_user_tables)::int8",
        )
        .fetch_one(&mut self.connection)
        .await?;
        let backend = self.number("select pg_backend_pid()::int8").await?;
        Ok(Work {
            wal_bytes,
            tuples_written,
            tuples_read,
            server_seconds: processor::server_of(backend)?,
            upstream_seconds: processor::own()?,
        })
    }

    /// Fails unless the product's current reports are exactly the rows of a table.
    pub(crate) async fn require_same(&mut self, table: &str) -> Result<()> {
        const COLUMNS: &str =
            "id, cycle, partner_company_name, start_date, end_date, status, under_review_status";
        let different: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
            "select (select count(*) from (select {COLUMNS} from {table}
                     except all select {COLUMNS} from lmp_billing.current_reports) missing)
                  + (select count(*) from (select {COLUMNS} from lmp_billing.current_reports
                     except all select {COLUMNS} from {table}) invented)"
        )))
        .fetch_one(&mut self.connection)
        .await?;
        ensure!(different == 0, "{different} rows differ between {table} and the reports that were stored");
        Ok(())
    }
}

impl Copied {
    pub(crate) async fn drop(self) -> Result<()> {
        let mut admin = self.original.admin.connect().await?;
        admin.execute(AssertSqlSafe(format!("drop database {} with (force)", self.name))).await?;
        admin.close().await?;
        self.original.drop().await
    }
}

impl std::ops::Sub for Work {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            wal_bytes: self.wal_bytes - earlier.wal_bytes,
            tuples_written: self.tuples_written - earlier.tuples_written,
            tuples_read: self.tuples_read - earlier.tuples_read,
            server_seconds: self.server_seconds - earlier.server_seconds,
            upstream_seconds: self.upstream_seconds - earlier.upstream_seconds,
        }
    }
}
