//! Transactions with limits, that leave nothing behind when they are dropped half-way.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{Executor, PgConnection, PgPool, Postgres};

use super::StoreError;

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

/// For a poll, beside that: all it asks of the tables it asks by their keys, or by account and cycle. Were
/// the planner to think that reading a whole table finds the first row sooner (it does so where a cycle
/// may have none, or has no statistics yet), each poll would cost as much as all reports. Where an answer
/// differs from what is stored, `stage.sql` takes it back.
const BEGIN_POLL: &str = concat!(begin!(), "; set local enable_seqscan = off");

/// The same for what only looks: one moment's state for all its statements, and an end within the
/// patience of somebody who waits for a page.
const BEGIN_READING: &str = "begin isolation level repeatable read read only;
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

/// A transaction. Dropped without [`Tx::commit`], it is rolled back by closing its connection: a
/// rollback that was never sent could leave it open on a connection that goes back to the pool.
pub(super) struct Tx {
    connection: PoolConnection<Postgres>,
    open: bool,
}

impl Tx {
    pub(super) async fn begin(pool: &PgPool) -> Result<Self, StoreError> {
        Self::begin_with(pool, BEGIN).await
    }

    /// For a poll.
    pub(super) async fn begin_poll(pool: &PgPool) -> Result<Self, StoreError> {
        Self::begin_with(pool, BEGIN_POLL).await
    }

    pub(super) async fn begin_reading(pool: &PgPool) -> Result<Self, StoreError> {
        Self::begin_with(pool, BEGIN_READING).await
    }

    /// For an export.
    pub(super) async fn begin_export(pool: &PgPool) -> Result<Self, StoreError> {
        Self::begin_with(pool, BEGIN_EXPORT).await
    }

    async fn begin_with(pool: &PgPool, begin: &'static str) -> Result<Self, StoreError> {
        let connection = pool.acquire().await.map_err(StoreError::doing("getting a database connection"))?;
        Self::begin_on(connection, begin).await
    }

    /// On a connection that the caller has chosen.
    pub(super) async fn begin_soon(connection: PoolConnection<Postgres>) -> Result<Self, StoreError> {
        Self::begin_on(connection, BEGIN).await
    }

    async fn begin_on(connection: PoolConnection<Postgres>, begin: &'static str) -> Result<Self, StoreError> {
        let mut tx = Self { connection, open: true };
        tx.connection.execute(begin).await.map_err(StoreError::doing("beginning a transaction"))?;
        Ok(tx)
    }

    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        self.connection.execute("commit").await.map_err(StoreError::doing("committing"))?;
        self.open = false;
        Ok(())
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
