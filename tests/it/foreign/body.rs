//! The body of an answer: read as the product does and as the reference does, which must come to the same.

use std::collections::BTreeSet;
use std::io::{self, Read};

use lmp_billing_sync::domain::{Cycle, Reason, Report};
use lmp_billing_sync::lmp::{AnswerError, Entry, EntryReader, read_answer};
use serde_json::Value;

use crate::checker::reference::{self, Facts};

/// Gives so many bytes at a time, and so moves the ends of what is in memory over all places.
struct Drip<'a>(&'a [u8], usize);

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(self.0.len()).min(buffer.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

/// The first byte says in what pieces the rest arrives.
pub(crate) fn try_bytes(bytes: &[u8]) {
    let Some((pieces, body)) = bytes.split_first() else { return };
    let cycle: Cycle = "2026-08".parse().expect("a cycle");
    let ignored = BTreeSet::from(["etag".to_owned()]);
    let expected = reference::read(body, cycle.first_day(), &ignored);

    let mut reader = EntryReader::new(cycle, &ignored);
    let mut judged = 0;
    let piece = if *pieces == 0 { usize::MAX } else { usize::from(*pieces) };
    let listed = read_answer(Drip(body, piece), |position, entry| {
        assert_eq!(position as usize, judged);
        let raw = entry.text();
        if let Some(expected) = &expected {
            let expected = &expected[judged];
            match reader.read(entry) {
                Entry::Good(report) => {
                    assert_eq!(Some(report.id), expected.id, "{raw}");
                    assert_same(&report, expected.facts.as_ref(), raw);
                }
                Entry::Bad(bad) => {
                    assert_eq!(bad.id, expected.id, "{raw}");
                    assert_eq!(bad.sha256[..], expected.sha256[..]);
                    let excused = bad.reason == Reason::UnstorableExtra && is_hard_to_store(raw);
                    assert!(expected.facts.is_none() || excused, "{raw} is refused: {}", bad.detail);
                }
            }
        }
        judged += 1;
        Ok::<_, AnswerError>(())
    });
    match (listed, expected) {
        (Ok(listed), Some(expected)) => {
            assert_eq!((listed as usize, judged), (expected.len(), expected.len()));
        }
        (Err(_), None) => {}
        (Ok(_), None) => panic!("an answer was taken that is none"),
        (Err(error), Some(_)) => panic!("a whole answer was refused: {error}"),
    }
}

fn assert_same(report: &Report<'_>, expected: Option<&Facts>, raw: &str) {
    let Some(expected) = expected else {
        assert!(has_large_number(raw), "{raw} is no report, but was taken");
        return;
    };
    assert_eq!(report.partner_company_name, expected.name);
    assert_eq!((report.start_date, report.end_date), (expected.start, expected.end));
    assert_eq!(report.status.as_str(), expected.status);
    assert_eq!(report.under_review_status.as_deref(), expected.under_review.as_deref());
    let extra = report.extra.as_deref().map(|extra| serde_json::from_str(extra).expect("extra is JSON"));
    if !has_large_number(raw) {
        assert_eq!(extra, expected.extra, "{raw}");
    }
}

/// The reference's numbers end where `f64` does; the database's do not.
fn has_large_number(raw: &str) -> bool {
    serde_json::from_str::<Value>(raw).is_err_and(|error| error.to_string().contains("number out of range"))
}

/// Whether it is deep, or has an exponent or very many digits: what the database may have no place for, and
/// the reference, which has no such limit, takes.
fn is_hard_to_store(raw: &str) -> bool {
    let mut depth = 0_i32;
    let deepest = raw.bytes().map(|byte| {
        depth += i32::from(matches!(byte, b'[' | b'{')) - i32::from(matches!(byte, b']' | b'}'));
        depth
    });
    let bytes = raw.as_bytes();
    let has_exponent =
        bytes.windows(2).any(|pair| pair[0].is_ascii_digit() && matches!(pair[1], b'e' | b'E'));
    let has_many_digits = bytes.split(|byte| !byte.is_ascii_digit()).any(|run| run.len() > 300);
    deepest.max() > Some(50) || has_exponent || has_many_digits
}
