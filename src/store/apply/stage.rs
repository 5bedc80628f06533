//! Puts an answer's entries into the staging table while they are read.

use std::sync::Arc;

use sqlx::PgConnection;

use super::copy::{Rows, copy_in};
use super::{BadEntry, Entries, EntriesError, EntrySink, Problem};
use crate::domain::Report;

const COPY: &str = "copy pg_temp.lmp_stage (position, id, start_date, end_date, partner_company_name, status, \
                    under_review_status, extra, bad_sha256) from stdin (format binary)";
const COLUMNS: i16 = 9;

/// Stages an answer.
pub(super) async fn stage(tx: &mut PgConnection, entries: Arc<dyn Entries>) -> Result<(), Problem> {
    copy_in(tx, COPY, "staging the answer", move |rows| entries.read(&mut Stage(rows))).await?;
    Ok(())
}

struct Stage<'r>(&'r mut Rows);

impl EntrySink for Stage<'_> {
    fn report(&mut self, position: i32, report: &Report<'_>) -> Result<(), EntriesError> {
        let rows = &mut *self.0;
        rows.row(COLUMNS)?;
        rows.int4(position);
        rows.bytes(report.id.as_bytes());
        rows.date(report.start_date);
        rows.date(report.end_date);
        rows.text(&report.partner_company_name);
        rows.text(report.status.as_str());
        rows.optional(report.under_review_status.as_deref());
        rows.jsonb(report.extra.as_deref());
        rows.null();
        Ok(())
    }

    fn bad(&mut self, entry: BadEntry) -> Result<(), EntriesError> {
        let rows = &mut *self.0;
        rows.row(COLUMNS)?;
        rows.int4(entry.position);
        match &entry.id {
            Some(id) => rows.bytes(id.as_bytes()),
            None => rows.null(),
        }
        for _ in 0..6 {
            rows.null();
        }
        rows.bytes(&entry.sha256);
        Ok(())
    }
}
