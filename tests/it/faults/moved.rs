//! A laboratory whose clocks can be moved: the program's machine, the database server's and the vendor's.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use lmp_billing_sync::embedded::EmbeddedPostgres;
use lmp_billing_sync::simulator::{RunningSimulator, Simulator, SimulatorHandle, World};
use secrecy::ExposeSecret as _;
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgPool, PgPoolOptions};
use tempfile::TempDir;

use crate::cli::lab::{SECRET_KEY, account_settings, token};
use crate::cli::process::Call;
use crate::support::shifted::ShiftedClock;
use crate::support::wait::until_async;

pub(super) struct Moved {
    pub(super) machine: ShiftedClock,
    pub(super) database: ShiftedClock,
    pub(super) vendor: ShiftedClock,
    server: EmbeddedPostgres,
    _data: TempDir,
    lmp: RunningSimulator,
    pool: PgPool,
    folder: TempDir,
}

impl Moved {
    /// One account, `emea`, of so many partners; all clocks so far ahead of the right time.
    pub(super) async fn new(partners: u32, ahead: TimeDelta) -> Self {
        let clocks = [ShiftedClock::new(), ShiftedClock::new(), ShiftedClock::new()];
        for clock in &clocks {
            clock.shift(ahead);
        }
        let [machine, database, vendor] = clocks;
        let (server, data) = database.server().await;
        let lmp = Simulator::default()
            .clock(Arc::new(vendor.clone()))
            .account(&token("emea"), SECRET_KEY, World::new(1, partners))
            .keep(200)
            .start()
            .await
            .expect("a port is free");
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .connect_lazy(server.url().expose_secret())
            .expect("the server's address is one");
        Self {
            machine,
            database,
            vendor,
            server,
            _data: data,
            lmp,
            pool,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Puts all clocks so far ahead of the right time.
    pub(super) fn shift(&self, ahead: TimeDelta) {
        // The database first, so that what is due is due there too; the vendor takes either.
        for clock in [&self.database, &self.vendor, &self.machine] {
            clock.shift(ahead);
        }
    }

    /// Sets all clocks to a moment.
    pub(super) fn set(&self, to: DateTime<Utc>) {
        for clock in [&self.database, &self.vendor, &self.machine] {
            clock.set(to);
        }
    }

    /// Writes the settings file; `more` are sections or keys of `[sync]`.
    pub(super) fn settings(&self, more: &str) {
        let text = format!(
            "[database]\nurl = '{}'\n[http]\nlisten = ''\n{}[sync]\nmax_attempts = 1\n{more}",
            self.server.url().expose_secret(),
            account_settings("emea", &self.lmp)
        );
        std::fs::write(self.folder.path().join("settings.toml"), text).unwrap();
    }

    /// The program, going by the machine's clock.
    pub(super) fn call(&self, args: &[&str]) -> Call {
        self.machine.on(Call::new(&[&["--config", "settings.toml"], args].concat(), self.folder.path()))
    }

    pub(super) fn handle(&self) -> SimulatorHandle {
        self.lmp.handle()
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub(super) async fn texts(&self, query: &str) -> Vec<String> {
        let found = sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_all(&self.pool).await;
        found.unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    pub(super) async fn count(&self, query: &str) -> i64 {
        let found = sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&self.pool).await;
        found.unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    /// Waits until a query gives this number, or more; before the tables are there it gives none.
    pub(super) async fn until_count(&self, query: &str, at_least: i64) {
        until_async(query, async || {
            let found = sqlx::query_scalar::<_, i64>(AssertSqlSafe(query.to_owned()));
            found.fetch_one(&self.pool).await.is_ok_and(|count| count >= at_least)
        })
        .await;
    }

    /// Versions follow each other without gap or overlap, whatever the clocks did.
    pub(super) async fn assert_history_is_sound(&self) {
        for (what, query) in [
            (
                "versions have gaps",
                "select id::text from lmp_billing.report_history group by account, id having count(*) <> max(version)",
            ),
            (
                "a version is not later than the one before it",
                "select id::text from (
                     select id, valid_from, lag(valid_from) over w as before, lag(valid_to) over w as ended
                     from lmp_billing.report_history window w as (partition by account, id order by version)) v
                 where valid_from <= before or valid_from < ended",
            ),
            ("a version ends before it begins", "select id::text from lmp_billing.report_history where valid_to <= valid_from"),
            ("a run ended before it began", "select id::text from lmp_billing.sync_runs where finished_at < started_at"),
        ] {
            assert_eq!(self.texts(query).await, [""; 0], "{what}");
        }
    }
}
