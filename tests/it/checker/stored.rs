//! What a database holds of reports and quarantine, read plainly.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::reference::{Facts, Key};

/// A row of `reports` or `superseded_versions`.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct Row {
    pub(crate) account: String,
    pub(crate) id: Uuid,
    pub(crate) version: i32,
    pub(crate) valid_from: DateTime<Utc>,
    pub(crate) valid_to: Option<DateTime<Utc>>,
    pub(crate) cycle: NaiveDate,
    partner_company_name: String,
    start_date: NaiveDate,
    end_date: NaiveDate,
    status: String,
    under_review_status: Option<String>,
    extra: Option<Value>,
    pub(crate) status_since: DateTime<Utc>,
    pub(crate) status_not_before: Option<DateTime<Utc>>,
    pub(crate) poll_id: i64,
    /// Null for superseded versions.
    pub(crate) first_seen_at: Option<DateTime<Utc>>,
    pub(crate) previous_status: Option<String>,
    pub(crate) previous_status_since: Option<DateTime<Utc>>,
    pub(crate) withdrawn_poll_id: Option<i64>,
}

impl Row {
    pub(crate) fn facts(&self) -> Facts {
        Facts {
            name: self.partner_company_name.clone(),
            start: self.start_date,
            end: self.end_date,
            status: self.status.clone(),
            under_review: self.under_review_status.clone(),
            extra: self.extra.clone(),
        }
    }
}

/// A quarantined entry: poll, id, first seen, resolved.
pub(crate) type BadRow = (i64, Option<Uuid>, DateTime<Utc>, Option<DateTime<Utc>>);

/// Reports of some accounts with all their versions, and their quarantine.
#[derive(Debug)]
pub(crate) struct Stored {
    /// Versions in their order.
    pub(crate) versions: BTreeMap<Key, Vec<Row>>,
    /// The rows of `reports` among them.
    pub(crate) newest: BTreeMap<Key, Row>,
    pub(crate) quarantine: BTreeMap<(String, NaiveDate, Vec<u8>), BadRow>,
}

const SUPERSEDED: &str = "
    select account, id, version, valid_from, valid_to, cycle, partner_company_name, start_date, end_date, status,
           under_review_status, extra, status_since, status_not_before, poll_id, null::timestamptz as first_seen_at,
           null::text as previous_status, null::timestamptz as previous_status_since,
           null::int8 as withdrawn_poll_id
    from lmp_billing.superseded_versions where account = any($1) order by account, id, version";

const NEWEST: &str = "
    select account, id, version, valid_from, withdrawn_at as valid_to, cycle, partner_company_name, start_date,
           end_date, status, under_review_status, extra, status_since, status_not_before, poll_id, first_seen_at,
           previous_status, previous_status_since, withdrawn_poll_id
    from lmp_billing.reports where account = any($1)";

const QUARANTINE: &str = "
    select account, cycle, payload_sha256, poll_id, report_id, first_seen_at, resolved_at
    from lmp_billing.quarantined_reports where account = any($1)";

type QuarantineRow = (String, NaiveDate, Vec<u8>, i64, Option<Uuid>, DateTime<Utc>, Option<DateTime<Utc>>);

impl Stored {
    pub(crate) async fn read(connection: &mut PgConnection, accounts: &[String]) -> sqlx::Result<Self> {
        let superseded: Vec<Row> =
            sqlx::query_as(SUPERSEDED).bind(accounts).fetch_all(&mut *connection).await?;
        let newest: Vec<Row> = sqlx::query_as(NEWEST).bind(accounts).fetch_all(&mut *connection).await?;
        let bad: Vec<QuarantineRow> =
            sqlx::query_as(QUARANTINE).bind(accounts).fetch_all(&mut *connection).await?;
        let mut versions: BTreeMap<Key, Vec<Row>> = BTreeMap::new();
        for row in superseded.into_iter().chain(newest.iter().cloned()) {
            versions.entry((row.account.clone(), row.id)).or_default().push(row);
        }
        let key = |row: &Row| (row.account.clone(), row.id);
        Ok(Self {
            versions,
            newest: newest.into_iter().map(|row| (key(&row), row)).collect(),
            quarantine: bad
                .into_iter()
                .map(|(account, cycle, sha256, poll, id, seen, resolved)| {
                    ((account, cycle, sha256), (poll, id, seen, resolved))
                })
                .collect(),
        })
    }
}
