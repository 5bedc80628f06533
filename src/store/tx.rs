//! Transactions with limits, that leave nothing behind when they are dropped half-way.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::{Executor, PgConnection, PgPool, Postgres};

use super::{Store, StoreError};

/// `begin`, with limits that hold for this transaction only (a pooler may hand the connection on):
/// someone else's lock is waited for briefly, a frozen client does not hold locks for ever, and the
/// server stops working for one that has gone (from PostgreSQL 14, where the system can tell): else
/// its locks would outlive it, and an orderly stop would wait for a transaction of its own. Plans are
/// made anew because the temporary tables hold ten rows in one poll and a million in the next.
///
/// Read committed, whatever the database's default: what was committed while we waited for a lock must
/// be seen.
macro_rules! begin {
    () => {
        "begin isolation level read committed;
    set local lock_timeout = '10s';
    set local statement_timeout = '15min';
    set local idle_in_transaction_session_timeout = '1min';
    set local work_mem = '32MB';
    set local jit = off;
    set local plan_cache_mode = force_custom_plan;
    set local client_min_messages = warning;
    select set_config('client_connection_check_interval', '1s', true)
    where current_setting('client_connection_check_interval', true) is not null
      and version() !~* 'windows|mingw|visual'"
    };
}

const BEGIN: &str = begin!();

/// For what is asked by key, or by account and cycle, as in counting what is past retention. Were the planner to
/// think that reading a whole table finds the first row sooner (it does so where a cycle may have none, or has no
/// statistics yet), each would cost as much as all reports.
const BEGIN_BY_INDEX: &str = concat!(begin!(), "; set local enable_seqscan = off");

/// The same for a poll, which asks the same few things as the polls before it on its connection: planning them
/// takes longer than doing them, and by key there is but one plan. Where an answer differs from what is stored,
/// `stage.sql` takes both back.
const BEGIN_POLL: &str =
    concat!(begin!(), "; set local enable_seqscan = off; set local plan_cache_mode = force_generic_plan");

/// The same for what only looks: one moment's state for all its statements, and an end within the
/// patience of somebody who waits for a page.
const BEGIN_LOOK: &str = "begin isolation level repeatable read read only;
    set local lock_timeout = '2s';
    set local statement_timeout = '8s';
    set local idle_in_transaction_session_timeout = '30s';
    set local work_mem = '32MB';
    set local jit = off;
    set local plan_cache_mode = force_custom_plan";

/// For handing out very much: as long as it takes, because whoever takes it sets the pace.
const BEGIN_EXPORT: &str = "begin isolation level repeatable read read only;
    set local lock_timeout = '10s';
    set local statement_timeout = 0;
    set local work_mem = '32MB';
    set local jit = off;
    set local plan_cache_mode = force_custom_plan";

/// How long an idle connection may take to show that it is alive, while there is another to turn to.
const IDLE_ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// What prepared statements are left behind by others, or by us, on a server's session that a pooler hands
/// around.
pub(super) const FORGET: &str = "deallocate all";

/// A transaction. Dropped without [`Tx::commit`] or [`Tx::rollback`], it is rolled back by closing its connection: a
/// rollback that was never sent could leave it open on a connection that goes back to the pool; one whose
/// server is frozen would wait in the pool's own check for ever; and one to a server that has become
/// read-only would be used again and again.
///
/// Every statement with parameters runs in one. Its preparation and its execution are two messages, and
/// only in a transaction does a pooler take both to the same server.
pub(super) struct Tx {
    connection: PoolConnection<Postgres>,
    open: bool,
    /// Whether prepared statements must not outlive the transaction.
    forgets: bool,
}

impl Tx {
    async fn on(
        connection: PoolConnection<Postgres>,
        begin: &'static str,
        forgets: bool,
    ) -> Result<Self, StoreError> {
        let mut tx = Self { connection, open: true, forgets };
        let doing = || StoreError::doing("beginning a transaction");
        tx.connection.execute(begin).await.map_err(doing())?;
        if forgets {
            tx.connection.execute(FORGET).await.map_err(doing())?;
        }
        Ok(tx)
    }

    pub(super) async fn commit(self) -> Result<(), StoreError> {
        self.end("commit", "committing").await
    }

    /// Ends a transaction in which there was nothing to do, and keeps its connection.
    pub(super) async fn rollback(self) -> Result<(), StoreError> {
        self.end("rollback", "rolling back").await
    }

    async fn end(mut self, how: &'static str, doing: &'static str) -> Result<(), StoreError> {
        if self.forgets {
            self.connection.execute(FORGET).await.map_err(StoreError::doing(doing))?;
        }
        self.connection.execute(how).await.map_err(StoreError::doing(doing))?;
        self.open = false;
        Ok(())
    }
}

impl Store {
    /// Asks one thing in a transaction of its own, again while its failures are transient.
    pub(super) async fn read<T>(
        &self,
        doing: &'static str,
        ask: impl Fn(&mut PgConnection) -> BoxFuture<'_, sqlx::Result<T>>,
    ) -> Result<T, StoreError> {
        self.with_retries(doing, self.limits.large, || async {
            let mut tx = self.begin().await?;
            let read = ask(&mut tx).await.map_err(StoreError::doing(doing))?;
            tx.commit().await?;
            Ok(read)
        })
        .await
    }

    /// A transaction.
    pub(super) async fn begin(&self) -> Result<Tx, StoreError> {
        self.begin_with(&self.pool, BEGIN).await
    }

    /// A transaction that asks by key, or by account and cycle.
    pub(super) async fn begin_by_index(&self) -> Result<Tx, StoreError> {
        self.begin_with(&self.pool, BEGIN_BY_INDEX).await
    }

    /// A transaction of a poll.
    pub(super) async fn begin_poll_tx(&self) -> Result<Tx, StoreError> {
        self.begin_with(&self.pool, BEGIN_POLL).await
    }

    /// A transaction that only looks, for somebody who waits.
    pub(super) async fn begin_look(&self) -> Result<Tx, StoreError> {
        self.begin_with(&self.pool, BEGIN_LOOK).await
    }

    /// A transaction of an export.
    pub(super) async fn begin_export(&self) -> Result<Tx, StoreError> {
        self.begin_with(&self.pool, BEGIN_EXPORT).await
    }

    /// A transaction for what must not wait behind polls.
    pub(super) async fn begin_control(&self) -> Result<Tx, StoreError> {
        self.begin_with(&self.control, BEGIN).await
    }

    /// The same, on a connection that happens to be idle, else on the one that is kept for it.
    pub(super) async fn begin_soon(&self) -> Result<Tx, StoreError> {
        if let Some(idle) = self.pool.try_acquire()
            && let Ok(Ok(tx)) =
                tokio::time::timeout(IDLE_ANSWERS_WITHIN, Tx::on(idle, BEGIN, self.pooled)).await
        {
            return Ok(tx);
        }
        self.begin_control().await
    }

    async fn begin_with(&self, pool: &PgPool, begin: &'static str) -> Result<Tx, StoreError> {
        let connection = pool.acquire().await.map_err(StoreError::doing("getting a database connection"))?;
        Tx::on(connection, begin, self.pooled).await
    }

    /// Asks one thing, by a statement without parameters that is a transaction of its own: one message
    /// there and one back. Values come as text.
    pub(super) async fn ask(
        &self,
        statement: &'static str,
        doing: &'static str,
    ) -> Result<PgRow, StoreError> {
        let connection = self.pool.acquire().await;
        let connection = connection.map_err(StoreError::doing("getting a database connection"))?;
        // Closes the connection unless it answers.
        let mut tx = Tx { connection, open: true, forgets: false };
        let row = tx.connection.fetch_one(statement).await.map_err(StoreError::doing(doing))?;
        tx.open = false;
        Ok(row)
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if self.open {
            self.connection.close_on_drop();
        }
    }
}

impl Deref for Tx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
