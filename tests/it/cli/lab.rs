//! All that a command needs around it: a database, a simulated LMP and a settings file for the two.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use chrono::Months;
use lmp_billing_sync::clock::{Clock as _, SystemClock};
use lmp_billing_sync::domain::Cycle;
use lmp_billing_sync::simulator::{RunningSimulator, SimReport, Simulator, SimulatorHandle, World};
use sqlx::postgres::PgPool;
use tempfile::TempDir;
use uuid::Uuid;

use super::process::{Call, Ended};
use crate::support::db::TestDb;

pub(crate) const SECRET_KEY: &str = "key-of-the-laboratory";

/// The access token of an account, made from its name.
pub(crate) fn token(account: &str) -> String {
    Uuid::from_bytes(std::array::from_fn(|at| account.as_bytes().get(at).copied().unwrap_or(0x40)))
        .to_string()
}

pub(crate) struct CommandLab {
    pub(crate) db: TestDb,
    pub(crate) lmp: RunningSimulator,
    folder: TempDir,
}

impl CommandLab {
    /// With one account, `emea`, of three partners.
    pub(crate) async fn new() -> Self {
        Self::with_accounts(&["emea"]).await
    }

    pub(crate) async fn with_accounts(accounts: &[&str]) -> Self {
        let mut builder = Simulator::default();
        for account in accounts {
            builder = builder.account(&token(account), SECRET_KEY, World::new(1, 3));
        }
        let lmp = builder.start().await.expect("a port is free");
        let lab = Self { db: TestDb::new().await, lmp, folder: tempfile::tempdir().unwrap() };
        let accounts: String = accounts.iter().map(|account| lab.account(account)).collect();
        lab.write_settings(&format!("{}{accounts}", lab.head()));
        lab
    }

    /// The settings before the accounts.
    pub(crate) fn head(&self) -> String {
        // One attempt: a test of failures is not about the waiting between them.
        format!("[database]\nurl = '{}'\n[sync]\nmax_attempts = 1\n", self.db.url())
    }

    /// The settings of an account.
    pub(crate) fn account(&self, name: &str) -> String {
        account_settings(name, &self.lmp)
    }

    pub(crate) fn write_settings(&self, text: &str) {
        let file = self.folder.path().join("settings.toml");
        std::fs::write(&file, text).unwrap();
        // As an administrator should: it holds the secrets.
        std::fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
    }

    /// The folder with the settings file, in which the program is started.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The program with the laboratory's settings.
    pub(crate) fn call(&self, args: &[&str]) -> Call {
        Call::new(&[&["--config", "settings.toml"], args].concat(), self.folder.path())
    }

    /// Calls it and waits for its end, which must be a good one.
    pub(crate) async fn succeeds(&self, args: &[&str]) -> Ended {
        self.call(args).ends_with(0).await
    }

    pub(crate) fn handle(&self) -> SimulatorHandle {
        self.lmp.handle()
    }

    /// From now on LMP answers these reports of `emea` for a cycle.
    pub(crate) fn serve(&self, cycle: Cycle, reports: Vec<SimReport>) {
        self.handle().replace_reports(&token("emea"), cycle, reports);
    }

    pub(crate) fn pool(&self) -> &PgPool {
        self.db.pool()
    }

    /// A number out of the database.
    pub(crate) async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(self.pool()).await.unwrap_or_else(|e| panic!("{query}: {e}"))
    }

    /// Texts out of the database.
    pub(crate) async fn texts(&self, query: &'static str) -> Vec<String> {
        sqlx::query_scalar(query).fetch_all(self.pool()).await.unwrap_or_else(|e| panic!("{query}: {e}"))
    }
}

/// The settings of an account that asks a simulator.
pub(crate) fn account_settings(name: &str, lmp: &RunningSimulator) -> String {
    format!(
        "[[accounts]]\nname = '{name}'\nbase_url = '{}'\naccess_token = '{}'\nsecret_key = '{SECRET_KEY}'\n\
         requests_per_second = 1000\n",
        lmp.base_url(),
        token(name)
    )
}

/// The cycle so many months ago. One and more: whatever happens at midnight, it stays in the window.
pub(crate) fn months_ago(months: u32) -> Cycle {
    Cycle::containing(SystemClock.now().date_naive() - Months::new(months))
}

/// A report of a cycle; `id` tells it from the others.
pub(crate) fn report(id: u8, name: &str, cycle: Cycle, status: &str) -> SimReport {
    SimReport::new(Uuid::from_bytes([id; 16]), name, cycle, status)
}
