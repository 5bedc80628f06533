//! An answer as the store wants it: entry by entry, as often as it is asked for.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::Cycle;
use crate::lmp::{AnswerError, Bad, Body, Entry, EntryReader, Reason, read_answer};
use crate::store::{BadEntry, Contradicting, Entries, EntriesError, EntrySink};

/// The entries of one answer.
#[derive(Debug)]
pub struct AnswerEntries {
    body: Body,
    cycle: Cycle,
    ignore_fields: Arc<BTreeSet<String>>,
}

impl AnswerEntries {
    /// The entries of the answer to a request for `cycle`; unknown fields named in `ignore_fields` are not
    /// kept.
    pub fn new(body: Body, cycle: Cycle, ignore_fields: Arc<BTreeSet<String>>) -> Self {
        Self { body, cycle, ignore_fields }
    }

    fn for_each(
        &self,
        receive: impl FnMut(u32, &str) -> Result<(), EntriesError>,
    ) -> Result<(), EntriesError> {
        let reader = self
            .body
            .reader()
            .map_err(|error| AnswerError::<EntriesError>::Io(error).into_entries_error())?;
        read_answer(reader, receive).map(drop).map_err(AnswerError::into_entries_error)
    }
}

impl Entries for AnswerEntries {
    fn read(&self, sink: &mut dyn EntrySink) -> Result<(), EntriesError> {
        let mut reader = EntryReader::new(self.cycle, &self.ignore_fields);
        self.for_each(|position, raw| {
            let position = number(position)?;
            match reader.read(raw) {
                Entry::Good(report) => sink.report(position, &report),
                Entry::Bad(bad) => sink.bad(entry(position, bad)),
            }
        })
    }

    fn contradicting(&self, positions: &[i32], keep: usize) -> Result<Contradicting, EntriesError> {
        let mut reader = EntryReader::new(self.cycle, &self.ignore_fields);
        let mut found = Contradicting::default();
        self.for_each(|position, raw| {
            let position = number(position)?;
            if positions.binary_search(&position).is_ok()
                && let Entry::Good(report) = reader.read(raw)
            {
                let detail =
                    format!("another entry of the answer says something else of report {}", report.id);
                let bad = Bad::new(raw, Some(report.id), Reason::ConflictingDuplicate, detail);
                found.digests.push((position, bad.sha256));
                if found.kept.len() < keep {
                    found.kept.push(entry(position, bad));
                }
            }
            Ok(())
        })?;
        Ok(found)
    }
}

fn number(position: u32) -> Result<i32, EntriesError> {
    i32::try_from(position)
        .map_err(|_| EntriesError::NotBelieved("the answer has more than 2^31 entries".to_owned()))
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

impl AnswerError<EntriesError> {
    fn into_entries_error(self) -> EntriesError {
        match self {
            Self::Receiver(error) => error,
            Self::Malformed(_) | Self::Io(_) => EntriesError::NotBelieved(self.to_string()),
        }
    }
}
