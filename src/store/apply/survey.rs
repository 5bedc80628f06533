//! A first pass over an answer, before the database is touched: whether it is whole, what is in it, and
//! which way of applying it will do.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::NaiveDate;

use super::fingerprint::{Facts, Fingerprint, Keys};
use super::kept::Kept;
use super::{Entries, EntriesError, EntrySink, StoreError};
use crate::domain::{Quarantined, Report, Retention, Status};

/// What of an answer is kept for the quarantine, at most this many entries per poll.
pub(super) const MAX_PAYLOADS: usize = 1000;

/// What a whole answer holds.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Entries that are reports, identical ones each.
    pub(super) good: u32,
    /// Those of them that are past retention.
    past_retention: u32,
    /// Entries that are not.
    pub(super) bad_entries: u32,
    /// Bad entries whose id could not be read.
    pub(super) unreadable: u32,
    /// Whether a status occurred that is not documented.
    pub(super) unknown_status: bool,
    /// Whether an id may stand in it twice; if not, none does.
    pub(super) doubles: bool,
    /// The first bad entries.
    pub(super) bad: Vec<(i32, Quarantined)>,
    /// Over the good entries that are not past retention.
    pub(super) fingerprint: Fingerprint,
    pub(super) keys: Keys,
    /// All of its reports as rows, if it is likely to be new and small.
    pub(super) kept: Option<Arc<Kept>>,
}

impl Survey {
    pub(super) fn entries(&self) -> u32 {
        self.good + self.bad_entries
    }

    /// Whether every entry is a report, and none has to be looked at beside another.
    pub(super) fn is_plain(&self) -> bool {
        self.bad_entries == 0 && !self.doubles
    }

    /// Whether all of it can be stored as it stands.
    pub(super) fn is_storable(&self) -> bool {
        self.is_plain() && !self.unknown_status && self.past_retention == 0
    }
}

/// Reads an answer on a thread of its own.
pub(super) async fn survey(entries: Arc<dyn Entries>, cutoff: NaiveDate) -> Result<Survey, StoreError> {
    let read = tokio::task::spawn_blocking(move || {
        let kept = entries.is_likely_new().then(Kept::default);
        let (survey, ids, payloads) = (Survey::default(), Vec::new(), HashSet::new());
        let mut surveyor = Surveyor { cutoff, survey, ids, kept, payloads };
        entries.read(&mut surveyor)?;
        Ok::<_, EntriesError>(surveyor.finish())
    });
    Ok(read.await.map_err(|panic| StoreError::Staging(panic.to_string()))??)
}

struct Surveyor {
    cutoff: NaiveDate,
    survey: Survey,
    /// Each id in half its bytes: eight for each report is what a million of them may take.
    ids: Vec<u64>,
    kept: Option<Kept>,
    /// What the bad entries are that are kept.
    payloads: HashSet<[u8; 32]>,
}

impl Surveyor {
    fn note(&mut self, id: uuid::Uuid) {
        let (high, low) = id.as_u64_pair();
        self.ids.push(high ^ low);
    }

    fn finish(mut self) -> Survey {
        self.ids.sort_unstable();
        self.survey.doubles = self.ids.windows(2).any(|pair| pair[0] == pair[1]);
        self.survey.kept = self.kept.map(Arc::new);
        self.survey
    }
}

impl EntrySink for Surveyor {
    fn report(&mut self, _: i32, report: &Report<'_>) -> Result<(), EntriesError> {
        self.note(report.id);
        if self.kept.as_mut().is_some_and(|kept| !kept.add(report)) {
            self.kept = None;
        }
        let survey = &mut self.survey;
        survey.good += 1;
        survey.unknown_status |= matches!(report.status, Status::Other(_));
        if Retention::is_past(self.cutoff, report.end_date) {
            survey.past_retention += 1;
        } else {
            survey.fingerprint.add(&survey.keys, &Facts::of(report));
        }
        Ok(())
    }

    fn bad(&mut self, position: i32, entry: Quarantined) -> Result<(), EntriesError> {
        match entry.id {
            Some(id) => self.note(id),
            None => self.survey.unreadable += 1,
        }
        self.survey.bad_entries += 1;
        // Copies of one are one: they must not take the place of others.
        if self.survey.bad.len() < MAX_PAYLOADS && self.payloads.insert(entry.sha256) {
            self.survey.bad.push((position, entry));
        }
        Ok(())
    }
}
