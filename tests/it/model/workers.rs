//! Many histories, on several databases side by side.

use std::cell::Cell;
use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use lmp_billing_sync::store::Store;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use sqlx::{Connection as _, PgConnection};
use tokio::runtime::{Builder, Runtime};

use super::FOUND_SOMETHING;
use super::driver::{Driver, Wrong, words};
use super::history::{History, history};
use crate::support::db::TestDb;

/// In CI.
const HISTORIES: u64 = 2_000;

/// Who waits for an hour wants to know how far it is.
const TELL_EVERY: usize = 5_000;

/// Where CI begins, always: it is to tell of a change and not of luck. `make histories` draws others.
const FIRST: u64 = 46_463_530_944_674;

/// Deleting rows is faster than emptying tables, but leaves dead ones.
const HISTORIES_UNTIL_EMPTIED: u64 = 40;

const TABLES: [&str; 6] =
    ["reports", "superseded_versions", "cycle_polls", "sync_runs", "quarantined_reports", "schedule_ticks"];

/// A database, and what drives it.
struct Worker {
    runtime: Runtime,
    store: Store,
    checking: tokio::sync::Mutex<PgConnection>,
    // Dropped last.
    _db: TestDb,
}

impl Worker {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        let (store, checking, db) = runtime.block_on(async {
            let db = TestDb::new().await;
            let store = Store::connect(&db.url().into(), 4).await.expect("the database is there");
            let mut checking = PgConnection::connect(db.url()).await.expect("the database is there");
            let planned_once = sqlx::raw_sql("set plan_cache_mode = force_generic_plan");
            planned_once.execute(&mut checking).await.expect("a setting can be set");
            (store, tokio::sync::Mutex::new(checking), db)
        });
        Self { runtime, store, checking, _db: db }
    }

    fn empty(&self, truncate: bool) {
        let mut sql: Vec<String> = if truncate {
            vec![format!("truncate {}", TABLES.map(|table| format!("lmp_billing.{table}")).join(", "))]
        } else {
            TABLES.iter().map(|table| format!("delete from lmp_billing.{table}")).collect()
        };
        // Else each deleted report would become a version.
        sql.insert(0, "set local lmp_billing.pruning = 'on'".to_owned());
        sql.push("delete from lmp_billing.report_statuses where lmp_code is null".to_owned());
        let sql = sqlx::AssertSqlSafe(format!("begin; {}; commit", sql.join(";")));
        let done = self.runtime.block_on(sqlx::raw_sql(sql).execute(self.store.pool()));
        done.expect("the tables can be emptied");
    }

    fn live(&self, history: &History) -> Result<(), Wrong> {
        self.empty(false);
        self.runtime.block_on(async {
            let mut checking = self.checking.lock().await;
            let mut driver = Driver::new(&self.store, &mut checking, history).await?;
            for (number, step) in history.steps.iter().enumerate() {
                driver.step(step).await.map_err(|wrong| format!("after step {}: {wrong}", number + 1))?;
            }
            driver.at_rest().await?;
            driver.look_back().await
        })
    }

    /// Makes the history of a seed and lives it; if it fails, the smallest one that does.
    fn try_seed(&self, seed: u64) -> Result<(), Wrong> {
        let config =
            Config { cases: 1, failure_persistence: None, max_shrink_iters: 600, ..Config::default() };
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
        let failing = Cell::new(false);
        let lived = runner.run(&history(), |history| {
            self.live(&history).map_err(|wrong| {
                if !failing.replace(true) {
                    // Making it small takes a while.
                    println!("MODEL_SEED={seed} fails: {wrong}");
                }
                TestCaseError::fail(wrong)
            })
        });
        lived.map_err(|error| match error {
            TestError::Fail(why, history) => format!(
                "MODEL_SEED={seed} MODEL_HISTORIES=1 repeats it\n{why}\nthe smallest history that fails:\n{history:#?}"
            ),
            TestError::Abort(why) => words(why),
        })
    }
}

fn number(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

#[test]
fn random_histories_come_to_what_the_reference_says() {
    let histories = number("MODEL_HISTORIES").unwrap_or(HISTORIES);
    let first = number("MODEL_SEED").unwrap_or(FIRST);
    let workers = number("MODEL_WORKERS")
        .unwrap_or_else(|| thread::available_parallelism().map_or(2, |count| count.get() as u64));
    println!("{histories} histories from MODEL_SEED={first} on");
    let seeds: Vec<u64> = FOUND_SOMETHING.iter().copied().chain(first..first + histories).collect();
    let (next, failed) = (AtomicU64::new(0), Mutex::new(None));
    thread::scope(|scope| {
        for _ in 0..workers.min(histories) {
            scope.spawn(|| {
                let worker = Worker::new();
                for lived in 0.. {
                    let number = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).expect("a number");
                    let Some(seed) = seeds.get(number) else { break };
                    if number > 0 && number.is_multiple_of(TELL_EVERY) {
                        println!("{number} histories lived");
                    }
                    if lived % HISTORIES_UNTIL_EMPTIED == 0 {
                        worker.empty(true);
                    }
                    if let Err(wrong) = worker.try_seed(*seed) {
                        next.store(u64::MAX / 2, Ordering::Relaxed);
                        failed.lock().expect("nobody panics with it").get_or_insert(wrong);
                    }
                }
            });
        }
    });
    if let Some(wrong) = failed.into_inner().expect("nobody panics with it") {
        panic!("{wrong}");
    }
}
