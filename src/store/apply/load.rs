//! The first answer of a cycle: its reports are copied straight into their table.
//!
//! They are new, or this fails: of one that is stored under another cycle by the table's key, of one that
//! was deleted by hand by its versions. Then the answer is applied as a difference.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::copy::{FACTS, Fields, Rows, copy_in};
use super::{EntriesError, EntrySink, Incoming, StoreError, int};
use crate::domain::{Quarantined, Report};

const COPY: &str = "copy lmp_billing.reports (account, cycle, version, poll_id, valid_from, status_since, first_seen_at, \
                    id, partner_company_name, start_date, end_date, status, under_review_status, extra) \
                    from stdin (format binary)";
const COLUMNS: i16 = 7 + FACTS;

/// Copies the reports; returns how many.
pub(super) async fn load(
    tx: &mut PgConnection,
    answer: &Incoming<'_>,
    moment: DateTime<Utc>,
) -> Result<i32, StoreError> {
    let (entries, kept) = (Arc::clone(&answer.entries), answer.survey.kept.clone());
    let same = same_in_all(answer, moment);
    let write = move |rows: &mut Rows| match kept {
        Some(kept) => kept.reports().try_for_each(|facts| {
            let row = rows.row(COLUMNS)?;
            row.raw(same.as_bytes());
            row.raw(facts);
            Ok(())
        }),
        None => entries.read(&mut Load { rows, same }),
    };
    let inserted = copy_in(tx, COPY, "writing new reports", write).await?;
    let deleted_before = sqlx::query_scalar!(
        r#"select exists (
               select from lmp_billing.superseded_versions s
               join lmp_billing.reports r using (id, account)
               where r.account = $1 and r.cycle = $2
           ) as "exists!""#,
        answer.poll.account,
        answer.poll.cycle.first_day()
    )
    .fetch_one(tx)
    .await
    .map_err(StoreError::doing("looking for versions of new reports"))?;
    if deleted_before { Err(StoreError::NotNew) } else { Ok(int(inserted)) }
}

/// The first fields, which are the same in every row.
fn same_in_all(answer: &Incoming<'_>, moment: DateTime<Utc>) -> Fields {
    let mut fields = Fields::default();
    fields.text(&answer.poll.account);
    fields.date(answer.poll.cycle.first_day());
    fields.int4(1);
    fields.int8(answer.poll.id);
    for _ in ["valid_from", "status_since", "first_seen_at"] {
        fields.timestamptz(moment);
    }
    fields
}

struct Load<'a> {
    rows: &'a mut Rows,
    same: Fields,
}

impl EntrySink for Load<'_> {
    fn report(&mut self, _: i32, report: &Report<'_>) -> Result<(), EntriesError> {
        let row = self.rows.row(COLUMNS)?;
        row.raw(self.same.as_bytes());
        row.facts(report);
        Ok(())
    }

    fn bad(&mut self, _: i32, _: Quarantined) -> Result<(), EntriesError> {
        // The survey has found none.
        Err(EntriesError::NotBelieved("the answer reads differently the second time".to_owned()))
    }
}
