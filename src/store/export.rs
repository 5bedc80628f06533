//! Reports handed out one by one, however many there are: memory does not grow with them.

use std::ops::ControlFlow;

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::TryStreamExt as _;
use serde::Serialize;
use uuid::Uuid;

use super::{Extra, ReportVersion, Store, StoreError};
use crate::domain::Cycle;

const EXPORTING: &str = "reading reports for an export";

/// Which reports; an empty list means all.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the fields are what they are called")]
pub struct ExportFilter {
    pub accounts: Vec<String>,
    pub cycles: Vec<Cycle>,
    pub statuses: Vec<String>,
}

/// A row of `current_reports`.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "columns of current_reports, described in migrations/0003_comments.sql")]
pub struct CurrentReport {
    pub account: String,
    pub id: Uuid,
    pub cycle: Cycle,
    pub partner_company_name: String,
    pub start_date: NaiveDate,
    pub end_date: NaiveDate,
    pub status: String,
    pub status_position: Option<i16>,
    pub is_final: bool,
    pub waits_for: Option<String>,
    pub under_review_status: Option<String>,
    pub status_since: DateTime<Utc>,
    pub status_not_before: Option<DateTime<Utc>>,
    pub days_in_status: f64,
    pub days_since_cycle_end: f64,
    pub previous_status: Option<String>,
    pub first_seen_at: DateTime<Utc>,
    pub version: i32,
    pub valid_from: DateTime<Utc>,
    pub extra: Option<Extra>,
}

impl ExportFilter {
    fn first_days(&self) -> Vec<NaiveDate> {
        self.cycles.iter().map(|cycle| cycle.first_day()).collect()
    }
}

impl Store {
    /// The reports listed now, by account, cycle and id, until `each` has enough.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn export_current(
        &self,
        filter: &ExportFilter,
        mut each: impl FnMut(CurrentReport) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin_export().await?;
        let mut rows = sqlx::query_as!(
            CurrentReport,
            r#"select account as "account!", id as "id!", cycle as "cycle!: Cycle",
                      partner_company_name as "partner_company_name!", start_date as "start_date!",
                      end_date as "end_date!", status as "status!", status_position, is_final as "is_final!",
                      waits_for, under_review_status, status_since as "status_since!", status_not_before,
                      days_in_status as "days_in_status!", days_since_cycle_end as "days_since_cycle_end!",
                      previous_status, first_seen_at as "first_seen_at!", version as "version!",
                      valid_from as "valid_from!", extra as "extra: Extra"
               from lmp_billing.current_reports
               where (cardinality($1::text[]) = 0 or account = any($1))
                 and (cardinality($2::date[]) = 0 or cycle = any($2))
                 and (cardinality($3::text[]) = 0 or status = any($3))
               order by account, cycle, id"#,
            &filter.accounts,
            &filter.first_days(),
            &filter.statuses
        )
        .fetch(&mut *tx);
        while let Some(report) = rows.try_next().await.map_err(StoreError::doing(EXPORTING))? {
            if each(report).is_break() {
                // Dropping the transaction closes the connection, and the server stops.
                return Ok(());
            }
        }
        drop(rows);
        tx.commit().await
    }

    /// Every version, or those that were listed at a moment, by account, id and version, until `each` has
    /// enough.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn export_versions(
        &self,
        filter: &ExportFilter,
        at: Option<DateTime<Utc>>,
        mut each: impl FnMut(ReportVersion) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin_export().await?;
        let mut rows = sqlx::query_as!(
            ReportVersion,
            r#"select account as "account!", id as "id!", version as "version!", valid_from as "valid_from!", valid_to,
                      cycle as "cycle!: Cycle", partner_company_name as "partner_company_name!",
                      start_date as "start_date!", end_date as "end_date!", status as "status!",
                      under_review_status, extra as "extra: Extra", poll_id as "poll_id!"
               from lmp_billing.report_history
               where (cardinality($1::text[]) = 0 or account = any($1))
                 and (cardinality($2::date[]) = 0 or cycle = any($2))
                 and (cardinality($3::text[]) = 0 or status = any($3))
                 -- as reports_as_of() does it
                 and ($4::timestamptz is null or valid_from <= $4 and (valid_to > $4 or valid_to is null))
               order by account, id, version"#,
            &filter.accounts,
            &filter.first_days(),
            &filter.statuses,
            at
        )
        .fetch(&mut *tx);
        while let Some(version) = rows.try_next().await.map_err(StoreError::doing(EXPORTING))? {
            if each(version).is_break() {
                return Ok(());
            }
        }
        drop(rows);
        tx.commit().await
    }
}
