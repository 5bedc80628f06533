//! A database, a simulated LMP and what stands between them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lmp_billing_sync::clock::SystemClock;
use lmp_billing_sync::domain::{Cycle, Retention, Window};
use lmp_billing_sync::lmp::{Client, ClientOptions, Limit};
use lmp_billing_sync::simulator::{
    DEFAULT_ACCESS_TOKEN, DEFAULT_SECRET_KEY, RunningSimulator, SimReport, Simulator, SimulatorHandle, World,
};
use lmp_billing_sync::store::{Job, PollRow, Store, StoreError, Trigger};
use lmp_billing_sync::sync::{AccountSync, Ended, Rules};
use sqlx::AssertSqlSafe;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::db::TestDb;
use crate::checker::{self, Expectations};

/// One account, `emea`, with everything it needs.
pub(crate) struct Lab {
    pub(crate) db: TestDb,
    pub(crate) store: Store,
    pub(crate) rules: Rules,
    simulator: RunningSimulator,
    client: Client,
}

impl Lab {
    /// An empty database and a world of twenty partners.
    pub(crate) async fn new() -> Self {
        Self::with(Simulator::default().account(
            DEFAULT_ACCESS_TOKEN,
            DEFAULT_SECRET_KEY,
            World::new(7, 20).steady(),
        ))
        .await
    }

    pub(crate) async fn with(simulator: Simulator) -> Self {
        let db = TestDb::new().await;
        let store = Store::connect(&db.url().into(), 5).await.expect("the test database takes connections");
        let simulator = simulator.start().await.expect("a free port is to be had");
        let client =
            Client::new(client_options(&simulator), Arc::new(SystemClock)).expect("a client can be made");
        let rules = Rules {
            retention: Retention { months: 24 },
            timezone: chrono_tz::UTC,
            max_withdrawn_fraction: 0.5,
            believe_after: Duration::from_hours(24),
            accept_withdrawals: false,
            ignore_fields: Arc::new(BTreeSet::new()),
            trust_digests: false,
        };
        Self { db, store, rules, simulator, client }
    }

    /// The same with new connections to the database.
    pub(crate) async fn reopened(mut self) -> Self {
        self.store =
            Store::connect(&self.db.url().into(), 5).await.expect("the test database takes connections");
        self
    }

    /// Exchanges the client, for tests of what only its options bring about.
    pub(crate) fn reconnect(&mut self, change: impl FnOnce(&mut ClientOptions)) {
        let mut options = client_options(&self.simulator);
        change(&mut options);
        self.client = Client::new(options, Arc::new(SystemClock)).expect("a client can be made");
    }

    pub(crate) fn lmp(&self) -> SimulatorHandle {
        self.simulator.handle()
    }

    pub(crate) async fn now(&self) -> DateTime<Utc> {
        self.store.now().await.expect("the database answers")
    }

    pub(crate) async fn window(&self) -> Window {
        self.rules.retention.window(self.rules.today(self.now().await))
    }

    /// The cycle so many months back.
    pub(crate) async fn cycle(&self, back: u32) -> Cycle {
        self.window().await.current().back(back)
    }

    /// From now on the upstream lists these reports for a cycle.
    pub(crate) fn serve(&self, cycle: Cycle, reports: impl IntoIterator<Item = SimReport>) {
        self.lmp().replace_reports(DEFAULT_ACCESS_TOKEN, cycle, reports);
    }

    /// From now on the upstream sends these elements of `reports` for a cycle.
    pub(crate) fn serve_entries(&self, cycle: Cycle, entries: &[String]) {
        self.lmp().replace_entries(DEFAULT_ACCESS_TOKEN, cycle, entries.to_vec());
    }

    pub(crate) async fn sync(&self, cycles: &[Cycle]) -> Ended {
        self.sync_until(cycles, &CancellationToken::new()).await
    }

    pub(crate) async fn sync_until(&self, cycles: &[Cycle], stop: &CancellationToken) -> Ended {
        self.try_sync(cycles, stop).await.expect("the database does not fail in mid-run")
    }

    pub(crate) async fn try_sync(
        &self,
        cycles: &[Cycle],
        stop: &CancellationToken,
    ) -> Result<Ended, StoreError> {
        let sync = AccountSync {
            store: &self.store,
            client: &self.client,
            account: "emea",
            max_concurrency: 2,
            rules: &self.rules,
            exchanged: &|_| {},
        };
        sync.run(Job::Manual, Trigger::Cli, "test", cycles, |_| {}, stop).await
    }

    /// Polls every cycle of the window.
    pub(crate) async fn sync_all(&self) -> Ended {
        let cycles: Vec<Cycle> = self.window().await.cycles().collect();
        self.sync(&cycles).await
    }

    /// Polls one cycle.
    pub(crate) async fn poll(&self, cycle: Cycle) -> PollRow {
        self.sync(&[cycle]).await.polls.pop().expect("one cycle is one poll")
    }

    /// Fails the test unless the database is sound and holds what the simulator has served.
    pub(crate) async fn must_be_sound(&self) {
        let rules = checker::reference::Rules {
            retention_months: self.rules.retention.months.cast_signed(),
            timezone: self.rules.timezone,
            max_withdrawn_fraction: self.rules.max_withdrawn_fraction,
            believe_after: TimeDelta::from_std(self.rules.believe_after).expect("a short time"),
            ignore_fields: (*self.rules.ignore_fields).clone(),
        };
        let expected = Expectations { rules, ..Expectations::default() };
        checker::require(self.db.pool(), &expected.served(&self.lmp(), [(DEFAULT_ACCESS_TOKEN, "emea")]))
            .await;
    }

    /// The lines of a query, each row as text, its columns separated by `|`.
    pub(crate) async fn lines(&self, sql: &str) -> Vec<String> {
        let wrapped = format!(
            "select array_to_string(array(select coalesce(value, '~') from json_each_text(row_to_json(q))), '|')
             from ({sql}) q"
        );
        sqlx::query_scalar(AssertSqlSafe(wrapped)).fetch_all(self.db.pool()).await.expect(sql)
    }

    /// The only value of a query.
    pub(crate) async fn value(&self, sql: &str) -> String {
        let lines = self.lines(sql).await;
        assert_eq!(lines.len(), 1, "{sql}: {lines:?}");
        lines.into_iter().next().unwrap_or_default()
    }

    pub(crate) async fn execute(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(self.db.pool()).await.expect(sql);
    }
}

fn client_options(simulator: &RunningSimulator) -> ClientOptions {
    ClientOptions {
        account: "emea".to_owned(),
        base_url: simulator.base_url(),
        api_version: "v2".to_owned(),
        access_token: DEFAULT_ACCESS_TOKEN.into(),
        secret_key: DEFAULT_SECRET_KEY.into(),
        limit: Arc::new(Limit::new(1000.0, 2)),
        request_timeout: Duration::from_secs(30),
        max_attempts: 1,
        max_response_bytes: 1 << 30,
        proxy: None,
        ca_pem: None,
    }
}

/// A report's id, the same for the same number.
pub(crate) fn id(number: u32) -> Uuid {
    Uuid::from_u128(0x9c1f_1a52_30c4_4f0e_9d6e_0000_0000_0000 + u128::from(number))
}

/// A report over the whole of a cycle, that waits for its MSP.
pub(crate) fn report(number: u32, cycle: Cycle) -> SimReport {
    SimReport::new(id(number), &format!("Partner {number}"), cycle, "Msp Preparing")
}

/// So many reports of a cycle, numbered from 1.
pub(crate) fn reports(count: u32, cycle: Cycle) -> Vec<SimReport> {
    (1..=count).map(|number| report(number, cycle)).collect()
}

/// Changes made in passing.
pub(crate) trait With: Sized {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

impl With for SimReport {}
