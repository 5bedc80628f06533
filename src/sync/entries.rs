//! An answer as the store wants it: entry by entry, as often as it is asked for.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::{Cycle, KnownStatus};
use crate::lmp::{AnswerError, Bad, Body, Entry, EntryReader, Reason, read_answer};
use crate::store::{BadEntry, Entries, StageError, StageWriter, Staged};

/// The entries of one answer.
pub(super) struct AnswerEntries {
    pub(super) body: Body,
    pub(super) cycle: Cycle,
    pub(super) ignore_fields: Arc<BTreeSet<String>>,
}

impl AnswerEntries {
    fn read(&self, receive: impl FnMut(u32, &str) -> Result<(), StageError>) -> Result<(), StageError> {
        let reader =
            self.body.reader().map_err(|error| AnswerError::<StageError>::Io(error).into_stage_error())?;
        read_answer(reader, receive).map(drop).map_err(AnswerError::into_stage_error)
    }
}

impl Entries for AnswerEntries {
    fn stage(&self, writer: &mut StageWriter) -> Result<Staged, StageError> {
        let mut reader = EntryReader::new(self.cycle, &self.ignore_fields);
        self.read(|position, raw| {
            let position = number(position)?;
            match reader.read(raw) {
                Entry::Good(report) => {
                    let unknown_status = KnownStatus::find(&report.status).is_none();
                    writer.report(position, &report, unknown_status)
                }
                Entry::Bad(bad) => writer.bad(entry(position, bad)),
            }
        })?;
        writer.finish()
    }

    fn contradicting(&self, positions: &[i32]) -> Result<Vec<BadEntry>, StageError> {
        let mut reader = EntryReader::new(self.cycle, &self.ignore_fields);
        let mut found = Vec::with_capacity(positions.len());
        self.read(|position, raw| {
            let position = number(position)?;
            if positions.binary_search(&position).is_ok()
                && let Entry::Good(report) = reader.read(raw)
            {
                let detail =
                    format!("another entry of the answer says something else of report {}", report.id);
                found.push(entry(
                    position,
                    Bad::new(raw, Some(report.id), Reason::ConflictingDuplicate, detail),
                ));
            }
            Ok(())
        })?;
        Ok(found)
    }
}

fn number(position: u32) -> Result<i32, StageError> {
    i32::try_from(position)
        .map_err(|_| StageError::NotBelieved("the answer has more than 2^31 entries".to_owned()))
}

fn entry(position: i32, bad: Bad) -> BadEntry {
    BadEntry {
        position,
        id: bad.id,
        reason: bad.reason.as_str(),
        detail: bad.detail,
        payload: bad.payload,
        sha256: bad.sha256,
    }
}

impl AnswerError<StageError> {
    fn into_stage_error(self) -> StageError {
        match self {
            Self::Receiver(error) => error,
            Self::Malformed(_) | Self::Io(_) => StageError::NotBelieved(self.to_string()),
        }
    }
}
