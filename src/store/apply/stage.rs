//! Puts an answer's entries into the staging table while they are read.

use std::sync::Arc;

use sqlx::PgConnection;

use super::copy::{FACTS, Rows, copy_in};
use super::{Entries, EntriesError, EntrySink, StoreError};
use crate::domain::{Quarantined, Report};

const COPY: &str = "copy pg_temp.lmp_stage (position, bad_sha256, id, partner_company_name, start_date, end_date, \
                    status, under_review_status, extra) from stdin (format binary)";
const COLUMNS: i16 = 2 + FACTS;

/// Stages an answer.
pub(super) async fn stage(tx: &mut PgConnection, entries: Arc<dyn Entries>) -> Result<(), StoreError> {
    copy_in(tx, COPY, "staging the answer", move |rows| entries.read(&mut Stage(rows))).await?;
    Ok(())
}

struct Stage<'r>(&'r mut Rows);

impl EntrySink for Stage<'_> {
    fn report(&mut self, position: i32, report: &Report<'_>) -> Result<(), EntriesError> {
        let row = self.0.row(COLUMNS)?;
        row.int4(position);
        row.null();
        row.facts(report);
        Ok(())
    }

    fn bad(&mut self, position: i32, entry: Quarantined) -> Result<(), EntriesError> {
        let row = self.0.row(COLUMNS)?;
        row.int4(position);
        row.bytes(&entry.sha256);
        match &entry.id {
            Some(id) => row.bytes(id.as_bytes()),
            None => row.null(),
        }
        for _ in 1..FACTS {
            row.null();
        }
        Ok(())
    }
}
