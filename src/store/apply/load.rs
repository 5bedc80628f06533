//! The first answer of a cycle: its reports are copied straight into their table.
//!
//! They are new, or this fails: of one that is stored under another cycle by the table's key, of one that
//! was deleted by hand by its versions. Then the answer is applied as a difference.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

use super::copy::{Rows, copy_in};
use super::{Answer, BadEntry, EntriesError, EntrySink, Problem, StoreError, int};
use crate::domain::Report;

const COPY: &str = "copy lmp_billing.reports (account, id, cycle, partner_company_name, start_date, end_date, status, \
                    under_review_status, extra, version, valid_from, status_since, first_seen_at, poll_id) \
                    from stdin (format binary)";
const COLUMNS: i16 = 14;

/// Copies the reports; returns how many.
pub(super) async fn load(
    tx: &mut PgConnection,
    answer: &Answer<'_>,
    moment: DateTime<Utc>,
) -> Result<i32, Problem> {
    let (entries, account, cycle) =
        (Arc::clone(&answer.entries), answer.poll.account.clone(), answer.poll.cycle.first_day());
    let poll = answer.poll.id;
    let write =
        move |rows: &mut Rows| entries.read(&mut Load { rows, account: &account, cycle, poll, moment });
    let inserted = copy_in(tx, COPY, "writing new reports", write).await?;
    let deleted_before = sqlx::query_scalar!(
        r#"select exists (
               select from lmp_billing.superseded_versions s
               join lmp_billing.reports r using (id, account)
               where r.account = $1 and r.cycle = $2
           ) as "exists!""#,
        answer.poll.account,
        cycle
    )
    .fetch_one(tx)
    .await
    .map_err(StoreError::doing("looking for versions of new reports"))?;
    if deleted_before { Err(StoreError::NotNew.into()) } else { Ok(int(inserted)) }
}

struct Load<'a> {
    rows: &'a mut Rows,
    account: &'a str,
    cycle: NaiveDate,
    poll: i64,
    moment: DateTime<Utc>,
}

impl EntrySink for Load<'_> {
    fn report(&mut self, _: i32, report: &Report<'_>) -> Result<(), EntriesError> {
        let rows = &mut *self.rows;
        rows.row(COLUMNS)?;
        rows.text(self.account);
        rows.bytes(report.id.as_bytes());
        rows.date(self.cycle);
        rows.text(&report.partner_company_name);
        rows.date(report.start_date);
        rows.date(report.end_date);
        rows.text(report.status.as_str());
        rows.optional(report.under_review_status.as_deref());
        rows.jsonb(report.extra.as_deref());
        rows.int4(1);
        for _ in ["valid_from", "status_since", "first_seen_at"] {
            rows.timestamptz(self.moment);
        }
        rows.int8(self.poll);
        Ok(())
    }

    fn bad(&mut self, _: BadEntry) -> Result<(), EntriesError> {
        // The survey has found none.
        Err(EntriesError::NotBelieved("the answer reads differently the second time".to_owned()))
    }
}
