//! What commands and the daemon read to show or to plan with: runs, cycles, changes, a report's versions, what there is.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{Extra, Store, StoreError};
use crate::domain::Cycle;

/// The last run of a job for an account.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "columns of sync_runs, described in migrations/0003_comments.sql")]
pub struct JobStatus {
    pub account: String,
    pub job: String,
    pub run_id: i64,
    pub trigger: String,
    pub started_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub outcome: String,
    pub polls: i32,
    pub polls_failed: i32,
    pub reports_seen: i64,
    pub inserted: i64,
    pub updated: i64,
    pub withdrawn: i64,
    pub quarantined: i64,
    pub deleted: i64,
    pub error: Option<String>,
}

/// A row of `cycle_progress`, with the open quarantine.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "columns of cycle_progress, described in migrations/0003_comments.sql")]
pub struct CycleStatuses {
    pub account: String,
    pub cycle: Cycle,
    pub reports: i64,
    pub msp_preparing: i64,
    pub under_review: i64,
    pub rejected: i64,
    pub approved: i64,
    pub completed: i64,
    pub other_status: i64,
    pub share_completed: Option<f64>,
    pub oldest_open_since: Option<DateTime<Utc>>,
    pub confirmed_at: Option<DateTime<Utc>>,
    pub quarantined: i64,
}

/// Open quarantined entries of one kind.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "columns of quarantined_reports, described in migrations/0003_comments.sql")]
pub struct QuarantineCount {
    pub account: String,
    pub cycle: Cycle,
    pub reason: String,
    pub entries: i64,
    pub example: String,
}

/// A row of `status_changes`, as far as a person is told about it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "columns of status_changes, described in migrations/0003_comments.sql")]
pub struct StatusChange {
    pub cycle: Cycle,
    pub partner_company_name: String,
    pub from_status: String,
    pub to_status: String,
    pub under_review_status: Option<String>,
    pub reopened: bool,
}

/// A row of `report_history`.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "columns of report_history, described in migrations/0003_comments.sql")]
pub struct ReportVersion {
    pub account: String,
    pub id: Uuid,
    pub version: i32,
    pub valid_from: DateTime<Utc>,
    pub valid_to: Option<DateTime<Utc>>,
    pub cycle: Cycle,
    pub partner_company_name: String,
    pub start_date: NaiveDate,
    pub end_date: NaiveDate,
    pub status: String,
    pub under_review_status: Option<String>,
    pub extra: Option<Extra>,
    pub poll_id: i64,
}

impl Store {
    /// The changes of status that some polls saw.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn status_changes_by(&self, polls: &[i64]) -> Result<Vec<StatusChange>, StoreError> {
        self.read("reading the changes of status", |connection| {
            let rows = sqlx::query_as!(
                StatusChange,
                r#"select cycle as "cycle!: Cycle", partner_company_name as "partner_company_name!",
                          from_status as "from_status!", to_status as "to_status!", under_review_status,
                          reopened as "reopened!"
                   from lmp_billing.status_changes
                   where poll_id = any($1)
                   order by cycle, partner_company_name, id"#,
                polls
            );
            Box::pin(rows.fetch_all(connection))
        })
        .await
    }

    /// The last run of each job, by account.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn last_runs(&self) -> Result<Vec<JobStatus>, StoreError> {
        self.read("reading the last runs", |connection| {
            let rows = sqlx::query_as!(
                JobStatus,
                "select distinct on (account, job)
                        account, job, id as run_id, trigger, started_at, finished_at, outcome, polls, polls_failed,
                        reports_seen, inserted, updated, withdrawn, quarantined, deleted, error
                 from lmp_billing.sync_runs
                 order by account, job, id desc"
            );
            Box::pin(rows.fetch_all(connection))
        })
        .await
    }

    /// The cycles of an account that hold a listed report which is not final.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn unfinished_cycles(&self, account: &str) -> Result<BTreeSet<Cycle>, StoreError> {
        let cycles = self.read("looking for open cycles", |connection| {
            let rows = sqlx::query_scalar!(
                r#"select distinct r.cycle as "cycle: Cycle"
                   from lmp_billing.reports r
                   left join lmp_billing.report_statuses s on s.status = r.status
                   where r.account = $1 and r.withdrawn_at is null and s.is_final is distinct from true"#,
                account
            );
            Box::pin(rows.fetch_all(connection))
        });
        Ok(cycles.await?.into_iter().collect())
    }

    /// Each account's cycles with their reports by status, newest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn cycles(&self) -> Result<Vec<CycleStatuses>, StoreError> {
        self.read("reading the progress of the cycles", |connection| {
            let rows = sqlx::query_as!(
                CycleStatuses,
                r#"select p.account as "account!", p.cycle as "cycle!: Cycle", reports as "reports!",
                          msp_preparing as "msp_preparing!", under_review as "under_review!", rejected as "rejected!",
                          approved as "approved!", completed as "completed!", other_status as "other_status!",
                          share_completed, oldest_open_since, confirmed_at,
                          (select count(*) from lmp_billing.quarantined_reports q
                           where q.account = p.account and q.cycle = p.cycle and q.resolved_at is null) as "quarantined!"
                   from lmp_billing.cycle_progress p
                   order by p.account, p.cycle desc"#
            );
            Box::pin(rows.fetch_all(connection))
        })
        .await
    }

    /// Open quarantined entries by reason.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn open_quarantine(&self) -> Result<Vec<QuarantineCount>, StoreError> {
        self.read("reading the quarantine", |connection| {
            let rows = sqlx::query_as!(
                QuarantineCount,
                r#"select account, cycle as "cycle: Cycle", reason, count(*) as "entries!", min(detail) as "example!"
                   from lmp_billing.quarantined_reports
                   where resolved_at is null
                   group by account, cycle, reason
                   order by account, cycle desc, reason"#
            );
            Box::pin(rows.fetch_all(connection))
        })
        .await
    }

    /// All versions of a report, oldest first; of each account that has seen it.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn history(&self, id: Uuid) -> Result<Vec<ReportVersion>, StoreError> {
        self.read("reading the history of a report", |connection| {
            let rows = sqlx::query_as!(
                ReportVersion,
                r#"select account as "account!", id as "id!", version as "version!", valid_from as "valid_from!", valid_to,
                          cycle as "cycle!: Cycle", partner_company_name as "partner_company_name!",
                          start_date as "start_date!", end_date as "end_date!", status as "status!",
                          under_review_status, extra as "extra: Extra", poll_id as "poll_id!"
                   from lmp_billing.report_history
                   where id = $1
                   order by account, version"#,
                id
            );
            Box::pin(rows.fetch_all(connection))
        })
        .await
    }

    /// Since when the oldest version that is kept has been valid, if there is any. Reads all of them.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn known_since(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.read("looking for the oldest version", |connection| {
            let oldest = sqlx::query_scalar!("select min(valid_from) from lmp_billing.report_history");
            Box::pin(oldest.fetch_one(connection))
        })
        .await
    }

    /// Whether any account has a report of a cycle.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn has_reports_of(&self, cycle: Cycle) -> Result<bool, StoreError> {
        self.read("looking for a month's reports", |connection| {
            let there = sqlx::query_scalar!(
                r#"select exists (select from lmp_billing.reports where cycle = $1) as "there!""#,
                cycle.first_day()
            );
            Box::pin(there.fetch_one(connection))
        })
        .await
    }

    /// The accounts of which anything is stored.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn stored_accounts(&self) -> Result<Vec<String>, StoreError> {
        self.read("looking for accounts", |connection| {
            let accounts = sqlx::query_scalar!(
                r#"select distinct account as "account!" from lmp_billing.cycles order by 1"#
            );
            Box::pin(accounts.fetch_all(connection))
        })
        .await
    }

    /// The statuses, in their order.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn statuses(&self) -> Result<Vec<String>, StoreError> {
        self.read("reading the statuses", |connection| {
            let statuses = sqlx::query_scalar!(
                "select status from lmp_billing.report_statuses order by position, status"
            );
            Box::pin(statuses.fetch_all(connection))
        })
        .await
    }
}
