//! Brings the schema up to date, and tells whether it is.
//!
//! All pending migrations run in one transaction, under a lock that belongs to it: killed half-way,
//! nothing remains, and a pooler that shares sessions cannot leave the lock behind.

use std::cmp::Ordering;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{Connection, Executor, PgConnection};

use super::retry::within;
use super::tx::FORGET;
use super::{Store, StoreError};

static MIGRATOR: Migrator = sqlx::migrate!();

const LEDGER: &str = "lmp_billing._sqlx_migrations";

const READING: &str = "reading the schema's version";

/// What the role of the readers is granted; safe to repeat.
const ACCESS: &str = include_str!("access.sql");

/// What the role of daemons that do not own the tables is granted, where there is one; safe to repeat.
const SYNC_ACCESS: &str = include_str!("sync_access.sql");

const CREATE_SCHEMA: &str = "create schema if not exists lmp_billing";
/// The role that may read everything and write nothing.
const CREATE_READER: &str = "create role lmp_billing_reader nologin";
/// Only for who has just created it: the owner of the schema alone may not.
const DESCRIBE_READER: &str = "comment on role lmp_billing_reader is \
     'May read Trend Micro LMP billing reports (schema lmp_billing) and write nothing.'";

/// How the database's schema compares with the program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaState {
    /// Version in the database; 0 when there is none.
    pub found: i64,
    /// Newest version the program knows.
    pub known: i64,
}

/// What [`Store::migrate`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// Version before; 0 when there was no schema.
    pub from: i64,
    /// Version now.
    pub to: i64,
    /// Statements somebody else has to run, because this user may not.
    pub for_the_dba: Option<String>,
}

impl SchemaState {
    /// Whether program and database agree.
    pub fn is_current(self) -> bool {
        self.problem().is_none()
    }

    /// Which of the two is older, if one is.
    pub fn problem(self) -> Option<StoreError> {
        let Self { found, known } = self;
        match found.cmp(&known) {
            Ordering::Less => Some(StoreError::OldSchema { found, needed: known }),
            Ordering::Equal => None,
            Ordering::Greater => Some(StoreError::NewerSchema { found, known }),
        }
    }
}

impl Store {
    /// How the schema compares.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn schema(&self) -> Result<SchemaState, StoreError> {
        within(READING, self.limits.small, async {
            let mut tx = self.begin().await?;
            let state = state(&mut tx).await?;
            tx.commit().await?;
            Ok(state)
        })
        .await
    }

    /// The first migration that another build of the program has applied with another text, if any. There
    /// has to be a schema.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn altered_migration(&self) -> Result<Option<i64>, StoreError> {
        let applied = self
            .read("comparing the applied migrations", |connection| {
                let applied = sqlx::query!(
                    "select version, checksum from lmp_billing._sqlx_migrations where success order by version"
                );
                Box::pin(applied.fetch_all(connection))
            })
            .await?;
        let is_altered = |version, checksum: &[u8]| {
            MIGRATOR.iter().any(|known| known.version == version && *known.checksum != *checksum)
        };
        Ok(applied.iter().find(|row| is_altered(row.version, &row.checksum)).map(|row| row.version))
    }

    /// Makes sure that the schema is what the program needs, migrating if `may_migrate`.
    ///
    /// # Errors
    /// When it is not and may or can not be made so.
    pub async fn ensure_schema(&self, may_migrate: bool) -> Result<(), StoreError> {
        match self.schema().await?.problem() {
            None => return Ok(()),
            Some(StoreError::OldSchema { .. }) if may_migrate => {}
            Some(problem) => return Err(problem),
        }
        let migrated = self.migrate().await?;
        tracing::info!(from = migrated.from, to = migrated.to, "brought the schema up to date");
        if let Some(statements) = migrated.for_the_dba {
            tracing::warn!(
                "the role lmp_billing_reader is missing and this user may not create it; ask the database's administrator to run: {statements}"
            );
        }
        Ok(())
    }

    /// Brings the schema up to date. Safe to repeat, and to do from several processes at once.
    ///
    /// # Errors
    /// When the schema is newer than the program, may not be created, or a migration fails. Nothing is
    /// changed then.
    pub async fn migrate(&self) -> Result<Migrated, StoreError> {
        // A connection of its own: whatever happens, it does not go back to the pool.
        let mut connection = self.connection().await?;
        let doing = "bringing the schema up to date";
        let migrated = within(doing, self.limits.apply, migrate(&mut connection, self.pooled)).await;
        // Closing is a courtesy; the server notices a lost connection too.
        let _ = connection.close().await;
        migrated
    }
}

/// Stops where a newer program has migrated meanwhile: what we would write may not be what it means.
pub(super) async fn refuse_newer(connection: &mut PgConnection) -> Result<(), StoreError> {
    let (found, known) = (applied(connection).await.map_err(StoreError::doing(READING))?, known());
    if found > known { Err(StoreError::NewerSchema { found, known }) } else { Ok(()) }
}

fn known() -> i64 {
    MIGRATOR.iter().map(|m| m.version).max().unwrap_or_default()
}

/// How the schema compares, asked so that a missing one is no error, which would end the transaction.
async fn state(connection: &mut PgConnection) -> Result<SchemaState, StoreError> {
    let ledger: bool = sqlx::query_scalar("select to_regclass($1) is not null")
        .bind(LEDGER)
        .fetch_one(&mut *connection)
        .await
        .map_err(StoreError::doing(READING))?;
    let found = if ledger { applied(connection).await.map_err(StoreError::doing(READING))? } else { 0 };
    Ok(SchemaState { found, known: known() })
}

/// The newest version the ledger tells of.
async fn applied(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select coalesce(max(version), 0) as "version!" from lmp_billing._sqlx_migrations where success"#
    )
    .fetch_one(connection)
    .await
}

async fn migrate(connection: &mut PgConnection, pooled: bool) -> Result<Migrated, StoreError> {
    let mut tx = connection.begin().await.map_err(failed)?;
    // Whoever had the lock before has written what we have to see. A transaction of an analyst may hold a table; better to
    // fail and say so than to queue everyone else behind us.
    tx.execute(
        "set transaction isolation level read committed; set local lock_timeout = '30s'; \
         set local client_min_messages = warning",
    )
    .await
    .map_err(failed)?;
    tx.execute("select pg_advisory_xact_lock(hashtextextended('lmp_billing migrate', 0))")
        .await
        .map_err(failed)?;
    if pooled {
        tx.execute(FORGET).await.map_err(failed)?;
    }
    require_utf8(&mut tx).await?;
    create_schema(&mut tx).await?;
    let SchemaState { found, known } = state(&mut tx).await?;
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    let mut migrator =
        Migrator { migrations: MIGRATOR.migrations.clone(), locking: false, ..Migrator::DEFAULT };
    migrator.dangerous_set_table_name(LEDGER);
    migrator.run(&mut *tx).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => StoreError::NewerSchema { found: version, known },
        MigrateError::VersionMismatch(version) => {
            StoreError::Migration(format!(
                "migration {version} has been applied with another text, by another build of the program: use that one, or make \
                 the schema anew"
            ))
        }
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => failed(error),
        other => StoreError::Migration(other.to_string()),
    })?;
    let for_the_dba = grant_access(&mut tx).await?;
    if pooled {
        tx.execute(FORGET).await.map_err(failed)?;
    }
    tx.commit().await.map_err(failed)?;
    Ok(Migrated { from: found, to: known, for_the_dba })
}

/// Perhaps the database is only restarting, or somebody holds a table: then it can be tried again.
fn failed(error: sqlx::Error) -> StoreError {
    StoreError::doing("bringing the schema up to date, wholly or not at all")(error)
}

/// Partners' names come from all over the world.
async fn require_utf8(connection: &mut PgConnection) -> Result<(), StoreError> {
    let encoding: String = sqlx::query_scalar("select current_setting('server_encoding')")
        .fetch_one(connection)
        .await
        .map_err(StoreError::doing("asking for the database's encoding"))?;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(StoreError::Migration(format!(
        "the database's encoding is {encoding} and has to be UTF8; create one with: create database … encoding 'UTF8' \
         template template0"
    )))
}

/// `create schema if not exists` needs the right to create even when there is nothing to do.
async fn create_schema(connection: &mut PgConnection) -> Result<(), StoreError> {
    let doing = "looking for the schema lmp_billing";
    let (exists, may_create, user): (bool, bool, String) = sqlx::query_as(
        "select to_regnamespace('lmp_billing') is not null,
                has_database_privilege(current_database(), 'create'), current_user::text",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(StoreError::doing(doing))?;
    if exists {
        return Ok(());
    }
    if !may_create {
        let user = user.replace('"', "\"\"");
        return Err(StoreError::MayNotCreate {
            statements: format!(
                "    create schema lmp_billing authorization \"{user}\";\n    {CREATE_READER};"
            ),
        });
    }
    connection.execute(CREATE_SCHEMA).await.map_err(failed)?;
    Ok(())
}

/// Creates the reader's role if it may, and grants it what it may read; without the role it goes on. The role
/// of daemons is the administrator's to create; it is granted what they need if it is there.
async fn grant_access(connection: &mut PgConnection) -> Result<Option<String>, StoreError> {
    let (exists, syncs, may_create): (bool, bool, bool) = sqlx::query_as(
        "select exists (select from pg_roles where rolname = 'lmp_billing_reader'),
                exists (select from pg_roles where rolname = 'lmp_billing_sync'),
                exists (select from pg_roles where rolname = current_user and (rolcreaterole or rolsuper))",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(failed)?;
    if syncs {
        connection.execute(SYNC_ACCESS).await.map_err(failed)?;
    }
    if !exists && !may_create {
        return Ok(Some(format!("{CREATE_READER};\n{DESCRIBE_READER};\n{ACCESS}")));
    }
    if !exists {
        // Another database of this cluster may be creating it at the same moment.
        let create = format!(
            "do $$ begin {CREATE_READER}; {DESCRIBE_READER}; exception when duplicate_object or unique_violation then null; end $$"
        );
        connection.execute(sqlx::AssertSqlSafe(create)).await.map_err(failed)?;
    }
    connection.execute(ACCESS).await.map_err(failed)?;
    Ok(None)
}
