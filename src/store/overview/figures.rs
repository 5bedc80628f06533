//! The figures that take a pass over the reports. They are kept while nothing can have changed them.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{CycleState, Scope};
use crate::domain::{Cycle, KnownStatus};
use crate::store::StoreError;

/// Ages drift, and rows edited by hand are seen by no poll: after this long, figures are read anew.
const KEPT_FOR: TimeDelta = TimeDelta::minutes(15);

/// Listed reports of one cycle with one status.
#[derive(Clone, Debug)]
pub struct StatusCount {
    /// The account.
    pub account: String,
    /// The billing month.
    pub cycle: Cycle,
    /// The status; `None` for all those the vendor has added.
    pub status: Option<KnownStatus>,
    /// Whether nothing more is to be done.
    pub is_final: bool,
    /// How many.
    pub reports: i64,
    /// Of these, so since more than 7 days.
    pub over_a_week: i64,
    /// Of these, so since more than 30 days.
    pub over_a_month: i64,
    /// Since when the one has been so that has been so longest.
    pub oldest_since: DateTime<Utc>,
}

/// A change of status. Texts are cut to 200 characters.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "columns of status_changes, described in migrations/0003_comments.sql")]
pub struct RecentChange {
    pub account: String,
    pub id: Uuid,
    pub cycle: Cycle,
    pub partner_company_name: String,
    pub from_status: String,
    pub to_status: String,
    pub under_review_status: Option<String>,
    pub changed_at: DateTime<Utc>,
    pub reopened: bool,
}

/// A report that is open though it was final in the last sixty days. Texts are cut.
#[derive(Clone, Debug)]
pub struct Reopened {
    /// The account.
    pub account: String,
    /// The report.
    pub id: Uuid,
    /// Its billing month.
    pub cycle: Cycle,
    /// Whose it is.
    pub partner_company_name: String,
    /// Its status now.
    pub status: String,
    /// When it stopped being final, the last time.
    pub reopened_at: DateTime<Utc>,
    /// How many there are in all.
    total: i64,
}

/// What happened lately.
#[derive(Clone, Debug)]
pub struct Lately {
    /// The newest changes of status, newest first, at most twenty.
    pub changes: Vec<RecentChange>,
    /// The newest reopened reports, newest first, at most twenty.
    pub reopened: Vec<Reopened>,
    /// How many have been reopened in all.
    pub reopened_total: i64,
}

/// Figures that only a poll, a prune or a person's own SQL can change.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Listed reports by account, cycle and status.
    pub counts: Vec<StatusCount>,
    /// What happened lately.
    pub lately: Lately,
    read_at: DateTime<Utc>,
    made_by: MadeBy,
}

/// The last poll that could have changed each cycle, and the last prune.
#[derive(Clone, Debug, PartialEq, Eq)]
struct MadeBy {
    accounts: Vec<String>,
    polls: Vec<Option<i64>>,
    prune: Option<(i64, bool)>,
}

impl Figures {
    /// Takes `known` if it still holds, else reads anew.
    pub(super) async fn read(
        tx: &mut PgConnection,
        scope: &Scope<'_>,
        now: DateTime<Utc>,
        cycles: &[CycleState],
        known: Option<&Arc<Self>>,
    ) -> Result<Arc<Self>, StoreError> {
        let made_by = MadeBy {
            accounts: scope.accounts.to_vec(),
            polls: cycles.iter().map(|cycle| cycle.believed_poll).collect(),
            prune: last_prune(tx).await?,
        };
        if let Some(known) = known
            && known.made_by == made_by
            && (TimeDelta::zero()..KEPT_FOR).contains(&(now - known.read_at))
        {
            return Ok(Arc::clone(known));
        }
        let counts = counts(tx, scope).await?;
        let lately = lately(tx, scope).await?;
        Ok(Arc::new(Self { counts, lately, read_at: now, made_by }))
    }
}

async fn last_prune(tx: &mut PgConnection) -> Result<Option<(i64, bool)>, StoreError> {
    let row = sqlx::query!(
        r#"select id, outcome = 'running' as "running!"
           from lmp_billing.sync_runs
           where account = '*' and job = 'prune'
           order by id desc
           limit 1"#
    )
    .fetch_optional(tx)
    .await
    .map_err(StoreError::doing("looking for the last prune"))?;
    Ok(row.map(|row| (row.id, row.running)))
}

async fn counts(tx: &mut PgConnection, scope: &Scope<'_>) -> Result<Vec<StatusCount>, StoreError> {
    let rows = sqlx::query_file!("src/store/overview/counts.sql", scope.accounts)
        .fetch_all(tx)
        .await
        .map_err(StoreError::doing("counting reports by status"))?;
    Ok(rows
        .into_iter()
        .map(|row| StatusCount {
            account: row.account,
            cycle: row.cycle,
            status: row.status.as_deref().and_then(KnownStatus::find),
            is_final: row.is_final,
            reports: row.reports,
            over_a_week: row.over_a_week,
            over_a_month: row.over_a_month,
            oldest_since: row.oldest_since,
        })
        .collect())
}

async fn lately(tx: &mut PgConnection, scope: &Scope<'_>) -> Result<Lately, StoreError> {
    let changes = sqlx::query_file_as!(RecentChange, "src/store/overview/changes.sql", scope.accounts)
        .fetch_all(&mut *tx)
        .await
        .map_err(StoreError::doing("reading the latest changes of status"))?;
    let reopened = sqlx::query_file_as!(Reopened, "src/store/overview/reopened.sql", scope.accounts)
        .fetch_all(tx)
        .await
        .map_err(StoreError::doing("reading the reopened reports"))?;
    Ok(Lately { changes, reopened_total: reopened.first().map_or(0, |first| first.total), reopened })
}
