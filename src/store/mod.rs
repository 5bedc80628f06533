//! Everything that knows SQL.
//!
//! What writes does so in a `Tx`: a named transaction with limits on how long it waits and
//! runs. Whether to begin one again is said by the error ([`StoreError::is_transient`]). Every time
//! that is stored is the database server's.

mod apply;
mod columns;
mod error;
mod export;
mod inspect;
mod migrate;
mod nodelay;
mod overview;
mod polls;
mod prune;
mod read;
mod retry;
mod route;
mod runs;
mod shortcut;
mod ticks;
mod turn;
mod tx;

use std::pin::pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection, Row as _};
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

pub use apply::{Contradicting, Entries, EntriesError, EntrySink, Guard};
pub use columns::Extra;
pub use error::StoreError;
pub use export::{CurrentReport, ExportFilter, ReportVersion};
pub use inspect::{Reader, Rights, Server};
pub use migrate::{Migrated, SchemaState};
pub use overview::{
    CycleState, Figures, JobTicks, Lately, Overview, RecentChange, RecentRun, Reopened, Scope, StatusCount,
    Suspicion, UpstreamClock,
};
pub use polls::{Outcome, Poll, PollRow, Sent};
pub use prune::{Batch, Cutoff, Deleted, DueReports, PruneClocks, PruneCount};
pub use read::{CycleStatuses, JobStatus, QuarantineCount, StatusChange};
pub use retry::Limits;
pub use route::Route;
pub use runs::{ALL_ACCOUNTS, Job, NewRun, RunOutcome, RunRow, RunSummary, Trigger};
pub use ticks::{Claim, FirstSync, Tick, TickState};

/// How long to wait for a connection before saying that there is none.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the first connection may take before it is asked why.
const FIRST_PATIENCE: Duration = Duration::from_millis(300);

/// How long an answer on a connection stands for its being alive.
const PROVEN_FOR: Duration = Duration::from_secs(1);

/// How long a connection for looking on is kept unused.
const ASIDE_IDLE: Duration = Duration::from_mins(1);

/// The database.
#[derive(Clone, Debug)]
pub struct Store {
    /// For reading, and for applying answers.
    pool: PgPool,
    /// For what must not wait behind polls that wait for each other: ticks, leases, the ends of runs.
    control: PgPool,
    options: PgConnectOptions,
    /// As many as polls may hold connections of the pool: the others wait here, in turn and as long as it
    /// takes, and not for a connection, which would be taken for a fault after a while.
    applying: Arc<Semaphore>,
    limits: Limits,
    /// Whether a pooler may take each transaction to another session of the server.
    pooled: bool,
}

fn pool_options(max_connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(max_connections)
        .min_connections(0)
        .acquire_timeout(CONNECT_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, use_so_far| {
            // One that has just been of use is not asked whether it is alive.
            let proven = use_so_far.idle_for < PROVEN_FOR;
            Box::pin(async move { Ok(proven || connection.ping().await.is_ok()) })
        })
        .after_connect(|_, _| {
            nodelay::on_all_sockets();
            Box::pin(async { Ok(()) })
        })
}

/// Whether the URL says that prepared statements are not to be kept, as a pooler in transaction mode wants.
fn keeps_no_statements(url: &SecretString) -> bool {
    Url::parse(url.expose_secret()).is_ok_and(|url| {
        url.query_pairs().any(|(key, value)| key == "statement-cache-capacity" && value.trim() == "0")
    })
}

impl Store {
    /// Connects, so that a database out of reach is told at once and with its cause.
    ///
    /// # Errors
    /// When the URL is none, or the database cannot be reached.
    pub async fn connect(url: &SecretString, max_connections: u32) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url.expose_secret())
            // The library's message may quote the URL, which holds the password.
            .map_err(|_| StoreError::BadUrl)?
            .application_name("lmp-billing-sync")
            // Poolers refuse it, and newer servers need none.
            .extra_float_digits(None)
            .log_slow_statements(tracing::log::LevelFilter::Debug, Duration::from_secs(30));
        let pool = |connections| pool_options(connections).connect_lazy_with(options.clone());
        // Each connection logs in and looks up everything for itself, which costs more than half of them bring.
        let applying = (max_connections / 2).max(1);
        let (pool, control) = match max_connections {
            0 | 1 => {
                let only = pool(1);
                (only.clone(), only)
            }
            // One is left for what polls do in between.
            several => (pool((several - 1).min(applying + 1)), pool(1)),
        };
        let store = Self {
            pool,
            control,
            options,
            applying: Arc::new(Semaphore::new(applying as usize)),
            limits: Limits::default(),
            pooled: keeps_no_statements(url),
        };
        let mut first = pin!(store.pool.acquire());
        let connected = if let Ok(connected) = tokio::time::timeout(FIRST_PATIENCE, &mut first).await {
            connected
        } else {
            // The pool tries again until its time is up and then says only that it is.
            store.connection().await?;
            first.await
        };
        drop(connected.map_err(|error| store.unreachable(error))?);
        // It goes back in the background, and whoever came before it is there would log in once more and wait for that.
        let back = async {
            while store.pool.num_idle() == 0 {
                tokio::task::yield_now().await;
            }
        };
        let _ = tokio::time::timeout(FIRST_PATIENCE, back).await;
        Ok(store)
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same database over a connection of its own, given up when it is not used: for looking on while
    /// all others are busy.
    #[must_use]
    pub fn aside(&self) -> Self {
        let only = pool_options(1).idle_timeout(ASIDE_IDLE).connect_lazy_with(self.options.clone());
        Self {
            pool: only.clone(),
            control: only,
            options: self.options.clone(),
            applying: Arc::new(Semaphore::new(1)),
            limits: self.limits,
            pooled: self.pooled,
        }
    }

    /// A connection outside the pool, for what must not leave traces on a pooled one.
    async fn connection(&self) -> Result<PgConnection, StoreError> {
        match tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&self.options)).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(self.unreachable(error)),
            Err(_) => Err(self.unreachable(sqlx::Error::PoolTimedOut)),
        }
    }

    fn unreachable(&self, error: sqlx::Error) -> StoreError {
        StoreError::Unreachable { target: self.target(), source: Box::new(error) }
    }

    /// Opens connections for so many polls that are about to come, without being waited for: logging in
    /// costs both sides more than what a poll asks, and until the first answer comes they have little to do.
    pub fn expect_polls(&self, polls: usize) {
        let wanted = polls.min(self.applying.available_permits());
        let missing = wanted.saturating_sub(self.pool.size() as usize);
        if missing == 0 {
            return;
        }
        let pool = self.pool.clone();
        tokio::spawn(async move {
            // Idle ones would be taken instead; they come back as soon as the others are on their way.
            let idle: Vec<_> = std::iter::from_fn(|| pool.try_acquire()).collect();
            let open = async || drop(pool.acquire().await);
            let mut opening = pin!(join_all((0..missing).map(|_| open())));
            tokio::select! {
                biased;
                _ = &mut opening => return,
                () = std::future::ready(()) => {}
            }
            drop(idle);
            opening.await;
        });
    }

    /// Waits until one more poll may hold a connection.
    async fn slot_to_apply(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.applying.acquire().await.ok()
    }

    /// Where the database is, without user and password.
    pub fn target(&self) -> String {
        route::target(&self.options)
    }

    /// The database server's clock.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn now(&self) -> Result<DateTime<Utc>, StoreError> {
        let doing = "asking for the database's clock";
        self.with_retries(doing, self.limits.small, || async {
            self.ask("select clock_timestamp()", doing).await?.try_get(0).map_err(StoreError::doing(doing))
        })
        .await
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.control.close().await;
        self.pool.close().await;
    }

    /// The pool, for tests that look at the tables.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }
}
