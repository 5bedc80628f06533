//! The body of a good answer, written by hand and piece by piece.
//!
//! A cycle may hold a million reports: an answer is never in memory as a whole, unless a fault or
//! the ledger wants it so.

use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::Value;

use super::world::SimReport;

/// The elements of `reports` as JSON texts, made as they are sent.
pub(super) type Entries = Box<dyn Iterator<Item = String> + Send>;

/// A report as JSON, with the documented fields in the documented order.
pub(super) fn render(report: &SimReport) -> String {
    let mut json = String::with_capacity(256);
    let under_review = report.under_review_status.as_deref().map_or(Value::Null, Value::from);
    // Writing to a string cannot fail.
    let _ = write!(
        json,
        r#"{{"id":"{}","partner_company_name":{},"start_date":"{}","end_date":"{}","status":{},"under_review_status":{}"#,
        report.id,
        Value::from(report.partner_company_name.as_str()),
        report.start_date,
        report.end_date,
        Value::from(report.status.as_str()),
        under_review,
    );
    for (name, value) in &report.extra {
        let _ = write!(json, ",{}:{value}", Value::from(name.as_str()));
    }
    json.push('}');
    json
}

/// An answer in pieces of about [`CHUNK`] bytes.
pub(super) struct Pieces {
    entries: Entries,
    /// Entries written so far.
    pub(super) written: u64,
    started: bool,
    /// Whether the last piece has been taken.
    pub(super) done: bool,
}

const CHUNK: usize = 64 * 1024;

impl Pieces {
    pub(super) fn new(entries: Entries) -> Self {
        Self { entries, written: 0, started: false, done: false }
    }

    /// All that are left, as one.
    pub(super) fn all(&mut self) -> Bytes {
        self.collect::<Vec<_>>().concat().into()
    }
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.done {
            return None;
        }
        let mut piece = String::with_capacity(1024);
        if !self.started {
            self.started = true;
            piece.push_str(r#"{"reports":["#);
        }
        while piece.len() < CHUNK {
            let Some(entry) = self.entries.next() else {
                piece.push_str("]}");
                self.done = true;
                break;
            };
            if self.written > 0 {
                piece.push(',');
            }
            piece.push_str(&entry);
            self.written += 1;
        }
        Some(piece.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn report(name: &str) -> SimReport {
        let cycle = "2026-08".parse().unwrap();
        SimReport::new(Uuid::from_u128(7), name, cycle, "Msp Preparing")
    }

    #[test]
    fn a_report_has_the_documented_fields_and_escapes() {
        let mut report = report("a \"b\" \\ \u{1b}\n");
        assert_eq!(
            render(&report),
            r#"{"id":"00000000-0000-0000-0000-000000000007","partner_company_name":"a \"b\" \\ \u001b\n","start_date":"2026-08-01","end_date":"2026-08-31","status":"Msp Preparing","under_review_status":null}"#
        );
        report.under_review_status = Some("Manually submitted by MSP".to_owned());
        report.extra.push(("x\"".to_owned(), json!({ "y": [1, null] })));
        assert!(
            render(&report)
                .ends_with(r#""under_review_status":"Manually submitted by MSP","x\"":{"y":[1,null]}}"#)
        );
    }

    #[test]
    fn the_pieces_of_a_large_answer_make_one_document() {
        let entries = (0..2_000).map(|number| render(&report(&number.to_string())));
        let mut answer = Pieces::new(Box::new(entries));
        let pieces: Vec<_> = answer.by_ref().collect();
        assert!(pieces.len() > 4);
        assert!(pieces.iter().all(|piece| piece.len() < CHUNK + 1024));
        let document: Value = serde_json::from_slice(&pieces.concat()).unwrap();
        assert_eq!(document["reports"].as_array().unwrap().len(), 2_000);
        assert_eq!((answer.written, answer.done), (2_000, true));
    }

    #[test]
    fn no_reports_are_an_empty_list() {
        let mut answer = Pieces::new(Box::new(std::iter::empty()));
        assert_eq!(answer.next().unwrap(), r#"{"reports":[]}"#);
        assert!(answer.done);
    }
}
