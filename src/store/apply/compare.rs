//! Whether an answer lists exactly what is stored: then nothing needs to be written, nor copied.

use sqlx::PgConnection;

use super::copy::{Misread, Row, copy_out};
use super::fingerprint::{Facts, Fingerprint, Keys, canonical};
use super::{Incoming, StoreError};

/// Compares the reports of the answer with the listed ones of its cycle; past retention none counts.
pub(super) async fn is_stored(tx: &mut PgConnection, answer: &Incoming<'_>) -> Result<bool, StoreError> {
    // COPY takes no parameters.
    let statement = format!(
        "copy (select id, partner_company_name, start_date, end_date, status, under_review_status, extra::text
               from lmp_billing.reports
               where account = '{}' and cycle = '{}' and withdrawn_at is null and end_date >= '{}')
         to stdout (format binary)",
        answer.poll.account.replace('\'', "''"),
        answer.poll.cycle.first_day(),
        answer.guard.cutoff,
    );
    let mut stored = Fingerprint::default();
    let keys = &answer.survey.keys;
    copy_out(tx, &statement, "comparing the answer with what is stored", |row| add(&mut stored, keys, row))
        .await?;
    Ok(stored == answer.survey.fingerprint)
}

fn add(sum: &mut Fingerprint, keys: &Keys, mut row: Row<'_>) -> Result<(), Misread> {
    let facts = Facts {
        id: row.array()?,
        name: row.text()?,
        start: i32::from_be_bytes(row.array()?),
        end: i32::from_be_bytes(row.array()?),
        status: row.text()?,
        under_review: row.optional()?,
        extra: row.optional()?.map(canonical),
    };
    sum.add(keys, &facts);
    Ok(())
}
