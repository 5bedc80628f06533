//! Whether two sets of reports are the same, told without holding either.
//!
//! Each report is hashed, and the hashes are added up: the order does not matter, and memory does not
//! grow. The keys are drawn anew for each comparison and never leave the process, so nobody can make
//! two sets that look alike; by chance it happens once in 2^128.

use std::collections::BTreeMap;
use std::hash::Hash;

use serde_json::value::RawValue;
use siphasher::sip128::{Hasher128 as _, SipHasher13};
use uuid::Uuid;

use super::copy::days;
use crate::domain::Report;

/// The keys of one comparison.
#[derive(Clone, Debug)]
pub(super) struct Keys(SipHasher13);

impl Default for Keys {
    fn default() -> Self {
        let (one, other) = Uuid::new_v4().as_u64_pair();
        Self(SipHasher13::new_with_keys(one, other))
    }
}

/// The sum over a set of reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fingerprint {
    count: u64,
    sum: u128,
}

/// A report's facts, in the form both the answer's and the stored ones are brought to. Dates are days
/// from PostgreSQL's day 0.
#[derive(Hash)]
pub(super) struct Facts<'a> {
    pub(super) id: [u8; 16],
    pub(super) name: &'a str,
    pub(super) start: i32,
    pub(super) end: i32,
    pub(super) status: &'a str,
    pub(super) under_review: Option<&'a str>,
    /// Made by [`canonical`].
    pub(super) extra: Option<String>,
}

impl Fingerprint {
    pub(super) fn add(&mut self, keys: &Keys, facts: &Facts<'_>) {
        self.count += 1;
        let mut hasher = keys.0;
        facts.hash(&mut hasher);
        self.sum = self.sum.wrapping_add(hasher.finish128().as_u128());
    }
}

impl<'a> Facts<'a> {
    pub(super) fn of(report: &'a Report<'_>) -> Self {
        Self {
            id: report.id.into_bytes(),
            name: &report.partner_company_name,
            start: days(report.start_date),
            end: days(report.end_date),
            status: report.status.as_str(),
            under_review: report.under_review_status.as_deref(),
            extra: report.extra.as_deref().map(canonical),
        }
    }
}

/// One spelling of a JSON text however its white space, its order and its escapes are: PostgreSQL gives
/// back another than it was given. Numbers stay as they are spelled, so that different ones never become
/// equal; that the same one may be spelled in two ways only costs the slower comparison.
pub(super) fn canonical(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    write_canonical(json, &mut text);
    text
}

fn write_canonical(json: &str, text: &mut String) {
    // What cannot be read as what it looks like is left as it is.
    match json.as_bytes().first() {
        Some(b'{') => match serde_json::from_str::<BTreeMap<String, &RawValue>>(json) {
            Ok(fields) => {
                for (number, (name, value)) in fields.iter().enumerate() {
                    text.push(if number == 0 { '{' } else { ',' });
                    write_string(name, text);
                    text.push(':');
                    write_canonical(value.get(), text);
                }
                text.push_str(if fields.is_empty() { "{}" } else { "}" });
            }
            Err(_) => text.push_str(json),
        },
        Some(b'[') => match serde_json::from_str::<Vec<&RawValue>>(json) {
            Ok(values) => {
                for (number, value) in values.iter().enumerate() {
                    text.push(if number == 0 { '[' } else { ',' });
                    write_canonical(value.get(), text);
                }
                text.push_str(if values.is_empty() { "[]" } else { "]" });
            }
            Err(_) => text.push_str(json),
        },
        Some(b'"') => match serde_json::from_str::<String>(json) {
            Ok(string) => write_string(&string, text),
            Err(_) => text.push_str(json),
        },
        _ => text.push_str(json),
    }
}

fn write_string(string: &str, text: &mut String) {
    // Writing a string as JSON cannot fail.
    text.push_str(&serde_json::to_string(string).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts<'a>(id: u8, name: &'a str, under_review: Option<&'a str>) -> Facts<'a> {
        Facts { id: [id; 16], name, start: 1, end: 2, status: "Approved", under_review, extra: None }
    }

    fn sum(keys: &Keys, all: &[Facts<'_>]) -> Fingerprint {
        let mut sum = Fingerprint::default();
        for facts in all {
            sum.add(keys, facts);
        }
        sum
    }

    #[test]
    fn the_order_does_not_matter_and_everything_else_does() {
        let keys = Keys::default();
        let whole = sum(&keys, &[facts(1, "a", None), facts(2, "b", None)]);
        assert_eq!(whole, sum(&keys, &[facts(2, "b", None), facts(1, "a", None)]));
        for other in [
            vec![facts(1, "a", None)],
            vec![facts(1, "a", None), facts(2, "b", None), facts(2, "b", None)],
            vec![facts(1, "b", None), facts(2, "a", None)],
            vec![facts(1, "a", Some("")), facts(2, "b", None)],
            vec![facts(1, "a", None), facts(3, "b", None)],
        ] {
            assert_ne!(whole, sum(&keys, &other));
        }
        assert_ne!(whole, sum(&Keys::default(), &[facts(1, "a", None), facts(2, "b", None)]));
    }

    #[test]
    fn json_has_one_spelling() {
        for (one, other) in [
            (r#"{"b": 1, "a": "é"}"#, "{\"a\":\"\\u00e9\",\"b\":1}"),
            ("[ 1 , [ ] , { } ]", "[1,[],{}]"),
            (r#"{"a": {"d": null, "c": [true]}}"#, r#"{"a":{"c":[true],"d":null}}"#),
            (r#""\/""#, r#""/""#),
        ] {
            assert_eq!(canonical(one), canonical(other));
        }
        for (one, other) in
            [("1.0", "1.00"), (r#"{"a":1}"#, r#"{"a":"1"}"#), ("[1,2]", "[2,1]"), ("{}", "[]")]
        {
            assert_ne!(canonical(one), canonical(other));
        }
    }
}
