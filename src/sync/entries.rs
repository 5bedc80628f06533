//! An answer as the store wants it: entry by entry, as often as it is asked for.
//!
//! `store::apply` calls back here, on a thread that may block, to survey the answer, to load or stage it and to set
//! entries aside; what is read comes from `lmp::answer` and is judged by `lmp::entry`.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::domain::{Cycle, Quarantined, Reason};
use crate::lmp::{AnswerError, Body, Entry, EntryReader, RawEntry, read_answer};
use crate::store::{Contradicting, Entries, EntriesError, EntrySink};

/// The entries of one answer.
#[derive(Debug)]
pub struct AnswerEntries {
    body: Body,
    cycle: Cycle,
    ignore_fields: Arc<BTreeSet<String>>,
    likely_new: bool,
    /// Whether it has been read before: once, or once more for every try to apply it.
    read_before: AtomicBool,
}

impl AnswerEntries {
    /// The entries of the answer to a request for `cycle`; unknown fields named in `ignore_fields` are not
    /// kept.
    pub fn new(body: Body, cycle: Cycle, ignore_fields: Arc<BTreeSet<String>>) -> Self {
        Self { body, cycle, ignore_fields, likely_new: false, read_before: AtomicBool::new(false) }
    }

    /// The same, of reports that are likely not to be stored yet, or to be.
    #[must_use]
    pub fn likely_new(self, likely_new: bool) -> Self {
        Self { likely_new, ..self }
    }

    fn entry_reader(&self) -> EntryReader<'_> {
        let reader = EntryReader::new(self.cycle, &self.ignore_fields);
        if self.read_before.swap(true, Ordering::Relaxed) { reader.silent() } else { reader }
    }

    fn for_each(
        &self,
        receive: impl FnMut(u32, RawEntry<'_>) -> Result<(), EntriesError>,
    ) -> Result<(), EntriesError> {
        let reader = self.body.reader().map_err(AnswerError::Io)?;
        read_answer(reader, receive).map(drop)
    }
}

impl Entries for AnswerEntries {
    fn read(&self, sink: &mut dyn EntrySink) -> Result<(), EntriesError> {
        let mut reader = self.entry_reader();
        self.for_each(|position, raw| {
            let position = number(position)?;
            match reader.read(raw) {
                Entry::Good(report) => sink.report(position, &report),
                Entry::Bad(bad) => sink.bad(position, bad),
            }
        })
    }

    fn is_likely_new(&self) -> bool {
        self.likely_new
    }

    fn contradicting(&self, positions: &[i32], keep: usize) -> Result<Contradicting, EntriesError> {
        let mut reader = self.entry_reader();
        let mut found = Contradicting::default();
        let mut kept = HashSet::new();
        self.for_each(|position, raw| {
            let (position, text) = (number(position)?, raw.text());
            if positions.binary_search(&position).is_ok()
                && let Entry::Good(report) = reader.read(raw)
            {
                let detail =
                    format!("another entry of the answer says something else of report {}", report.id);
                let bad = Quarantined::new(text, Some(report.id), Reason::ConflictingDuplicate, detail);
                found.digests.push((position, bad.sha256));
                if found.kept.len() < keep && kept.insert(bad.sha256) {
                    found.kept.push((position, bad));
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

impl From<AnswerError> for EntriesError {
    fn from(error: AnswerError) -> Self {
        Self::NotBelieved(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Report;

    const GOOD: [&str; 2] = [
        r#"{"id":"a0000000-0000-4000-8000-000000000001","partner_company_name":"A","start_date":"2026-10-01","end_date":"2026-10-31","status":"Approved"}"#,
        r#"{"id":"a0000000-0000-4000-8000-000000000002","partner_company_name":"B","start_date":"2026-10-01","end_date":"2026-10-31","status":"Approved"}"#,
    ];

    fn answer(reports: &str) -> AnswerEntries {
        let body = Body::from(format!(r#"{{"reports":[{reports}]}}"#).into_bytes());
        AnswerEntries::new(body, "2026-10".parse().unwrap(), Arc::default())
    }

    #[derive(Default)]
    struct Taken(Vec<(i32, String)>);

    impl EntrySink for Taken {
        fn report(&mut self, position: i32, report: &Report<'_>) -> Result<(), EntriesError> {
            self.0.push((position, report.partner_company_name.clone().into_owned()));
            Ok(())
        }

        fn bad(&mut self, position: i32, entry: Quarantined) -> Result<(), EntriesError> {
            self.0.push((position, entry.reason.as_str().to_owned()));
            Ok(())
        }
    }

    #[test]
    fn each_entry_is_handed_over_with_its_position_good_or_bad() {
        let mut taken = Taken::default();
        let [a, b] = GOOD;
        answer(&format!("{a},7,{b}")).read(&mut taken).unwrap();
        let taken: Vec<(i32, &str)> = taken.0.iter().map(|(position, what)| (*position, &**what)).collect();
        assert_eq!(taken, [(0, "A"), (1, "not_an_object"), (2, "B")]);
    }

    #[test]
    fn only_who_knows_that_an_answer_is_likely_to_be_new_says_so() {
        assert!(!answer("").is_likely_new());
        assert!(answer("").likely_new(true).is_likely_new());
    }

    #[test]
    fn an_answer_that_is_not_whole_is_not_believed() {
        let error = answer("7,").read(&mut Taken::default()).unwrap_err();
        assert!(matches!(error, EntriesError::NotBelieved(_)), "{error}");
    }

    #[test]
    fn contradicting_entries_are_digested_all_and_kept_as_far_as_there_is_room() {
        let [a, b] = GOOD;
        let found = answer(&format!("{a},7,{b},{a}")).contradicting(&[0, 1, 2], 1).unwrap();
        let digest =
            |raw: &str| Quarantined::new(raw, None, Reason::ConflictingDuplicate, String::new()).sha256;
        // The second cannot be a report anyway, and nobody asked for the last.
        assert_eq!(found.digests, [(0, digest(a)), (2, digest(b))]);
        let kept: Vec<_> =
            found.kept.iter().map(|(position, entry)| (*position, entry.reason, &*entry.payload)).collect();
        assert_eq!(kept, [(0, Reason::ConflictingDuplicate, a)]);
        assert!(found.kept[0].1.detail.ends_with("report a0000000-0000-4000-8000-000000000001"));
    }
}
