//! What `check` wants to know of the database: which server it is, how it is reached, and what our user
//! may do there. Looks at catalogues only, so that it works whatever is missing.

use chrono::{DateTime, NaiveDate, Utc};

use super::retry::within;
use super::route::Route;
use super::{Store, StoreError};

/// The server, seen over a connection of ours.
#[derive(Clone, Debug)]
pub struct Server {
    /// As it names itself, for example `15.8 (Debian 15.8-1)`.
    pub version: String,
    /// For comparing: 150008.
    pub version_number: i32,
    /// Its clock.
    pub now: DateTime<Utc>,
    /// The database's encoding.
    pub encoding: String,
    /// Whether nothing can be written: a standby, or set so.
    pub is_read_only: bool,
    /// The version of TLS on the connection; `None` if it is not encrypted.
    pub tls: Option<String>,
}

/// What our user may do.
#[derive(Clone, Debug)]
pub struct Rights {
    /// Who we are there.
    pub user: String,
    /// May create temporary tables, in which answers are compared.
    pub may_create_temporary: bool,
    /// May make the schema, or there is one in which tables can be made and changed: a migration works.
    pub may_migrate: bool,
    /// Rights that are missing, as `right on relation`, in a fixed order; empty while there is no schema.
    pub missing: Vec<String>,
    /// More connections than the server lets this user have are of no use; `None`: as many as it likes.
    pub connection_limit: Option<i32>,
    /// The role of the readers.
    pub reader: Reader,
}

/// The role `lmp_billing_reader`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// It is there and may read everything there is.
    Ready,
    /// There is no such role.
    Missing,
    /// It may not read some of the relations.
    NotGranted,
}

const SERVER: &str = "select current_setting('server_version'), current_setting('server_version_num')::int4,
        clock_timestamp(), current_setting('server_encoding'),
        pg_is_in_recovery() or current_setting('default_transaction_read_only')::bool,
        (select s.version from pg_stat_ssl s where s.pid = pg_backend_pid() and s.ssl)";

const USER: &str = "select current_user::text,
        has_database_privilege(current_database(), 'temporary'),
        case when n.oid is null then has_database_privilege(current_database(), 'create')
             else has_schema_privilege(n.oid, 'create')
                  and not exists (select from pg_class c
                                  where c.relnamespace = n.oid and c.relkind in ('r', 'v', 'S')
                                    and not pg_has_role(c.relowner, 'usage'))
        end,
        (select nullif(r.rolconnlimit, -1) from pg_roles r where r.rolname = current_user),
        exists (select from pg_roles where rolname = 'lmp_billing_reader'),
        n.oid is not null
        and (not has_schema_privilege((select oid from pg_roles where rolname = 'lmp_billing_reader'), n.oid, 'usage')
             or exists (select from pg_class c
                        where c.relnamespace = n.oid and c.relkind in ('r', 'v')
                          and not has_table_privilege(
                              (select oid from pg_roles where rolname = 'lmp_billing_reader'), c.oid, 'select')))
 from (select 1) one left join pg_namespace n on n.nspname = 'lmp_billing'";

/// What each command needs at most. Locking a row for sharing, as each poll does with its run's, takes the
/// right to update.
const MISSING: &str = "with needed (relation, privileges) as (values
        ('_sqlx_migrations', 'select'),
        ('report_statuses', 'select insert'),
        ('reports', 'select insert update delete'),
        ('superseded_versions', 'select insert delete'),
        ('sync_runs', 'select insert update delete'),
        ('cycle_polls', 'select insert delete'),
        ('quarantined_reports', 'select insert update delete'),
        ('schedule_ticks', 'select insert update delete'),
        ('schedule_baselines', 'select insert update'))
    select p.privilege || ' on lmp_billing.' || c.relname
    from pg_namespace n
    join pg_class c on c.relnamespace = n.oid
    join needed on needed.relation = c.relname
    cross join lateral unnest(string_to_array(needed.privileges, ' ')) with ordinality p (privilege, place)
    where n.nspname = 'lmp_billing' and not has_table_privilege(c.oid, p.privilege)
    union all
    select 'select on lmp_billing.' || c.relname
    from pg_namespace n
    join pg_class c on c.relnamespace = n.oid and c.relkind = 'v'
    where n.nspname = 'lmp_billing' and not has_table_privilege(c.oid, 'select')
    union all
    select 'usage on lmp_billing.' || c.relname
    from pg_namespace n
    join pg_class c on c.relnamespace = n.oid
    where n.nspname = 'lmp_billing'
          -- The planner may ask it of other relations first, for which it is an error.
          and case when c.relkind = 'S' then not has_sequence_privilege(c.oid, 'usage') else false end
    union all
    select 'usage on schema lmp_billing'
    from pg_namespace n where n.nspname = 'lmp_billing' and not has_schema_privilege(n.oid, 'usage')";

/// Only where the schema is up to date: the function has to be there.
const GUARDED_FROM: &str = "select lmp_billing.guarded_from()
    from pg_trigger t
    join pg_class c on c.oid = t.tgrelid
    where c.oid = 'lmp_billing.reports'::regclass and t.tgname = 'guard' and not pg_has_role(c.relowner, 'usage')";

const LOOKING: &str = "looking what this user of the database may do";

impl Store {
    /// The way to the database.
    pub fn route(&self) -> Route {
        Route::from(&self.options)
    }

    /// The server at the other end.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn server(&self) -> Result<Server, StoreError> {
        let doing = "asking which server this is";
        within(doing, self.limits.small, async {
            let mut tx = self.begin_look().await?;
            let row: (String, i32, DateTime<Utc>, String, bool, Option<String>) =
                sqlx::query_as(SERVER).fetch_one(&mut *tx).await.map_err(StoreError::doing(doing))?;
            tx.commit().await?;
            let (version, version_number, now, encoding, is_read_only, tls) = row;
            Ok(Server { version, version_number, now, encoding, is_read_only, tls })
        })
        .await
    }

    /// What our user may do there.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn rights(&self) -> Result<Rights, StoreError> {
        within(LOOKING, self.limits.small, async {
            let mut tx = self.begin_look().await?;
            let row: (String, bool, bool, Option<i32>, bool, Option<bool>) =
                sqlx::query_as(USER).fetch_one(&mut *tx).await.map_err(StoreError::doing(LOOKING))?;
            let missing = sqlx::query_scalar(MISSING).fetch_all(&mut *tx).await;
            let missing = missing.map_err(StoreError::doing(LOOKING))?;
            tx.commit().await?;
            let (user, may_create_temporary, may_migrate, connection_limit, has_reader, lacks) = row;
            let reader = match (has_reader, lacks) {
                (false, _) => Reader::Missing,
                (true, Some(true)) => Reader::NotGranted,
                (true, _) => Reader::Ready,
            };
            Ok(Rights { user, may_create_temporary, may_migrate, missing, connection_limit, reader })
        })
        .await
    }

    /// The day from which on the database keeps our user from deleting reports; `None` if it does not. The
    /// schema has to be up to date.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn guarded_from(&self) -> Result<Option<NaiveDate>, StoreError> {
        within(LOOKING, self.limits.small, async {
            let mut tx = self.begin_look().await?;
            let day = sqlx::query_scalar(GUARDED_FROM).fetch_optional(&mut *tx).await;
            let day = day.map_err(StoreError::doing(LOOKING))?;
            tx.commit().await?;
            Ok(day)
        })
        .await
    }
}
