//! Judges one entry: a report, or not.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::answer::Pairs;
use super::rules::months_between;

const KNOWN: [&str; 5] = ["MSP Preparing", "Under Review", "Approved", "Rejected", "Completed"];
const OURS: [&str; 6] =
    ["id", "partner_company_name", "start_date", "end_date", "status", "under_review_status"];

/// What a version holds, but for its cycle.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Facts {
    pub(crate) name: String,
    pub(crate) start: NaiveDate,
    pub(crate) end: NaiveDate,
    pub(crate) status: String,
    pub(crate) under_review: Option<String>,
    pub(crate) extra: Option<Value>,
}

/// An entry, judged.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The id, if it can be read.
    pub(crate) id: Option<Uuid>,
    /// `None` if it cannot be a report.
    pub(crate) facts: Option<Facts>,
    pub(crate) sha256: Vec<u8>,
}

/// The first day of a cycle and of the one after it.
pub(super) fn month(cycle: NaiveDate) -> (NaiveDate, NaiveDate) {
    (cycle, cycle + chrono::Months::new(1))
}

/// Whether a period shares a day with a cycle.
pub(super) fn overlaps(cycle: NaiveDate, start: NaiveDate, end: NaiveDate) -> bool {
    months_between(start, cycle) >= 0 && months_between(end, cycle) <= 0
}

pub(super) fn is_known(status: &str) -> Option<&'static str> {
    KNOWN.into_iter().find(|known| known.to_lowercase() == status.to_lowercase())
}

pub(super) fn known_statuses() -> impl Iterator<Item = &'static str> {
    KNOWN.into_iter()
}

pub(super) fn read(raw: &str, cycle: NaiveDate, ignored: &BTreeSet<String>) -> Entry {
    let sha256 = Sha256::digest(raw).to_vec();
    let Ok(Pairs(fields)) = serde_json::from_str(raw) else {
        return Entry { id: None, facts: None, sha256 };
    };
    let names: BTreeSet<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    let ids: Vec<&str> = fields.iter().filter(|(name, _)| name == "id").map(|(_, raw)| raw.get()).collect();
    let id = match ids[..] {
        [id] => serde_json::from_str::<String>(id).ok().and_then(|text| guid(&text)),
        _ => None,
    };
    let facts = if names.len() < fields.len() { None } else { facts(&fields, cycle, ignored) };
    Entry { id, facts: facts.filter(|_| id.is_some()), sha256 }
}

fn facts(fields: &[(String, Box<RawValue>)], cycle: NaiveDate, ignored: &BTreeSet<String>) -> Option<Facts> {
    let mut known = Map::new();
    let mut extra = Map::new();
    for (name, raw) in fields {
        let ours = OURS.contains(&name.as_str());
        if !ours && ignored.contains(name) {
            continue;
        }
        // Half of a surrogate pair is an error here.
        let value: Value = serde_json::from_str(raw.get()).ok()?;
        if name.contains('\0') || has_nul(raw.get()) {
            return None;
        }
        (if ours { &mut known } else { &mut extra }).insert(name.clone(), value);
    }
    let text = |name: &str| known.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let (start, end) = (date(&text("start_date")?)?, date(&text("end_date")?)?);
    let status = text("status")?;
    let status = match is_known(&status) {
        Some(known) => known.to_owned(),
        None if status.chars().count() <= 64 => status,
        None => return None,
    };
    let under_review = match known.get("under_review_status") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()).filter(|text| !text.is_empty()),
        Some(_) => return None,
    };
    (start <= end && overlaps(cycle, start, end)).then_some(())?;
    let extra = (!extra.is_empty()).then_some(Value::Object(extra));
    Some(Facts { name: text("partner_company_name")?, start, end, status, under_review, extra })
}

/// Whether a NUL is in any text, also in one that a later one of the same name hides: the database refuses
/// either.
fn has_nul(raw: &str) -> bool {
    match raw.as_bytes() {
        [b'"', ..] => serde_json::from_str::<String>(raw).is_ok_and(|text| text.contains('\0')),
        [b'[', ..] => serde_json::from_str::<Vec<Box<RawValue>>>(raw)
            .is_ok_and(|values| values.iter().any(|value| has_nul(value.get()))),
        [b'{', ..] => serde_json::from_str(raw).is_ok_and(|Pairs(fields)| {
            fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value.get()))
        }),
        _ => false,
    }
}

/// `YYYY-MM-DD` and nothing else.
fn date(text: &str) -> Option<NaiveDate> {
    let date: NaiveDate = text.parse().ok()?;
    (date.format("%Y-%m-%d").to_string() == text && text.len() == 10 && !text.starts_with("0000"))
        .then_some(date)
}

/// 8-4-4-4-12 hexadecimal digits, perhaps in braces, not all zero.
pub(crate) fn guid(text: &str) -> Option<Uuid> {
    let bare = match (text.starts_with('{'), text.ends_with('}')) {
        (true, true) => &text[1..text.len() - 1],
        (false, false) => text,
        _ => return None,
    };
    let lengths: Vec<usize> = bare.split('-').map(str::len).collect();
    let digits: String = bare.chars().filter(|c| *c != '-').collect();
    if lengths != [8, 4, 4, 4, 12] || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let number = u128::from_str_radix(&digits, 16).ok()?;
    (number != 0).then(|| Uuid::from_u128(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"id":"{9C1F1A52-30c4-4f0e-9d6e-0a4b1c2d3e4f}","partner_company_name":"A","start_date":"2026-08-01","end_date":"2026-08-31","status":"msp preparing","under_review_status":"","x":1,"y":2}"#;

    fn good(raw: &str) -> bool {
        read(raw, "2026-08-01".parse().unwrap(), &BTreeSet::from(["y".to_owned()])).facts.is_some()
    }

    #[test]
    fn the_reference_reads_a_good_entry_and_refuses_what_the_contract_refuses() {
        let entry = read(GOOD, "2026-08-01".parse().unwrap(), &BTreeSet::from(["y".to_owned()]));
        let facts = entry.facts.unwrap();
        assert_eq!(entry.id.unwrap().to_string(), "9c1f1a52-30c4-4f0e-9d6e-0a4b1c2d3e4f");
        assert_eq!((facts.status.as_str(), facts.under_review), ("MSP Preparing", None));
        assert_eq!(facts.extra.unwrap().to_string(), r#"{"x":1}"#);
        for (from, to) in [
            ("9C1F1A52", "xxxxxxxx"),
            (r#""A""#, r#""""#),
            (r#""A""#, "7"),
            (r#""A""#, r#""\u0000""#),
            (r#""A""#, r#""\ud800""#),
            ("2026-08-01", "2026-8-01"),
            ("2026-08-01", "2026-08-32"),
            ("2026-08-31", "2026-07-31"),
            ("2026-08-01\",\"end_date\":\"2026-08-31", "2026-09-01\",\"end_date\":\"2026-09-30"),
            (r#""status":"msp preparing","#, ""),
            (r#""under_review_status":"""#, r#""under_review_status":5"#),
            (r#""x":1"#, r#""x":["\u0000"]"#),
            (r#""x":1"#, r#""x":{"a":"\u0000","a":1}"#),
            (r#""x":1"#, r#""status":"Approved""#),
        ] {
            assert!(GOOD.contains(from), "{from}");
            assert!(!good(&GOOD.replace(from, to)), "{from} → {to}");
        }
        assert!(good(GOOD) && !good("7") && !good("[]"));
    }
}
