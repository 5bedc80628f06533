//! What the vendor answers, as bytes.

use chrono::{Datelike as _, Days, Months, NaiveDate};
use uuid::Uuid;

use super::history::{Broken, Edit};

const NAMES: [&str; 3] = ["Müller & Söhne", "=cmd()", "Übung \u{1f4c8} <b>\"x\"</b>\n"];
const STATUSES: [&str; 9] = [
    "Msp Preparing",
    "Under Review",
    "APPROVED",
    "Approved",
    "Rejected",
    "Completed",
    "On Hold",
    "ON HOLD",
    "Paused",
];
const UNDER_REVIEW: [&str; 4] = [
    "",
    r#","under_review_status":null"#,
    r#","under_review_status":"""#,
    r#","under_review_status":"Manually submitted by MSP""#,
];
const EXTRA: [&str; 5] = [
    "",
    "",
    r#","aggregator":"Group""#,
    r#","aggregator":{"name":"Group","parts":[1,2.50,null]}"#,
    r#","ignored":17"#,
];

/// The unknown field that is not kept.
pub(super) const IGNORED: &str = "ignored";

/// An element of `reports`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) id: u8,
    pub(super) name: u8,
    pub(super) status: u8,
    pub(super) under_review: u8,
    pub(super) dates: Dates,
    pub(super) extra: u8,
    /// How the id is written.
    pub(super) dress: u8,
    /// What is wrong with it.
    pub(super) bad: Option<Bad>,
}

/// A report's period, seen from the cycle that lists it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Dates {
    Whole,
    IntoTheNext,
    FromTheOneBefore,
    /// The day of the month that today is, or one of its neighbours: around the cutoff.
    OneDay(i64),
}

/// What can be wrong with an entry.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bad {
    NoObject,
    MaskedId,
    NoStatus,
    LongStatus,
    NulInName,
    HalfASurrogate,
    OffCycle,
    Backwards,
    NumberForText,
    FieldTwice,
    IdTwice,
}

/// The report with a number.
pub(super) fn id(number: u8) -> Uuid {
    Uuid::from_u128(0x9c1f_1a52_30c4_4f0e_9d6e_0000_0000_00a0 + u128::from(number))
}

impl Entry {
    fn render(&self, cycle: NaiveDate, today: NaiveDate) -> String {
        let plain = id(self.id).to_string();
        let mut guid = match self.dress {
            0 => plain,
            1 => plain.to_uppercase(),
            _ => format!("{{{plain}}}"),
        };
        let (mut start, mut end) = self.dates.period(cycle, today);
        let mut name = serde_json::to_string(NAMES[usize::from(self.name)]).expect("a text is JSON");
        let mut status = format!(r#","status":"{}""#, STATUSES[usize::from(self.status)]);
        let mut under_review = UNDER_REVIEW[usize::from(self.under_review)].to_owned();
        let mut more = EXTRA[usize::from(self.extra)].to_owned();
        match self.bad {
            None => {}
            Some(Bad::NoObject) => return format!("[{}]", self.id),
            Some(Bad::MaskedId) => guid = format!("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxx{:02}", self.id),
            Some(Bad::NoStatus) => status.clear(),
            Some(Bad::LongStatus) => status = format!(r#","status":"{}""#, "x".repeat(65)),
            Some(Bad::NulInName) => r#""A\u0000""#.clone_into(&mut name),
            Some(Bad::HalfASurrogate) => r#""A\ud83d""#.clone_into(&mut name),
            Some(Bad::OffCycle) => (start, end) = (cycle + Months::new(3), cycle + Months::new(4)),
            Some(Bad::Backwards) => (start, end) = (end + Days::new(1), start),
            Some(Bad::NumberForText) => r#","under_review_status":1"#.clone_into(&mut under_review),
            Some(Bad::FieldTwice) => more.push_str(r#","status":"Approved""#),
            Some(Bad::IdTwice) => more += &[r#","id":""#, &id(self.id).to_string(), "\""].concat(),
        }
        format!(
            r#"{{"id":"{guid}","partner_company_name":{name},"start_date":"{start}","end_date":"{end}"{status}{under_review}{more}}}"#
        )
    }
}

impl Dates {
    fn period(self, cycle: NaiveDate, today: NaiveDate) -> (NaiveDate, NaiveDate) {
        let last = |month: NaiveDate| month + Months::new(1) - Days::new(1);
        match self {
            Self::Whole => (cycle, last(cycle)),
            Self::IntoTheNext => (cycle, last(cycle + Months::new(1))),
            Self::FromTheOneBefore => (cycle - Months::new(1) + Days::new(14), cycle + Days::new(9)),
            Self::OneDay(from_today) => {
                let day = (i64::from(today.day()) + from_today).clamp(1, i64::from(last(cycle).day()));
                let day = cycle + Days::new(day.unsigned_abs() - 1);
                (day, day)
            }
        }
    }
}

/// What the vendor lists for one cycle, and what was dropped from it last.
#[derive(Clone, Debug, Default)]
pub(super) struct Listed(Vec<Entry>, Option<Entry>);

impl Listed {
    pub(super) fn edit(&mut self, edits: &[Edit]) {
        for edit in edits {
            match edit {
                Edit::Put(entry) => match self.0.iter_mut().find(|listed| listed.id == entry.id) {
                    Some(listed) => *listed = *entry,
                    None => self.0.push(*entry),
                },
                Edit::Add(entry) => self.0.push(*entry),
                Edit::Fill(entry) => self.0 = (0..9).map(|id| Entry { id, ..*entry }).collect(),
                Edit::Drop(id) => {
                    self.1 = self.0.iter().find(|listed| listed.id == *id).copied().or(self.1);
                    self.0.retain(|listed| listed.id != *id);
                }
                Edit::Back => self.0.extend(self.1.take()),
                Edit::Clear => self.0.clear(),
                Edit::Turn => self.0.reverse(),
            }
        }
    }

    pub(super) fn body(&self, cycle: NaiveDate, today: NaiveDate) -> Vec<u8> {
        let entries: Vec<String> = self.0.iter().map(|entry| entry.render(cycle, today)).collect();
        format!(r#"{{"reports":[{}]}}"#, entries.join(",")).into_bytes()
    }

    /// Something else in the place of the list.
    pub(super) fn broken(&self, with: Broken, cycle: NaiveDate, today: NaiveDate) -> Vec<u8> {
        let whole = self.body(cycle, today);
        match with {
            Broken::Html | Broken::Refused => b"<html>Maintenance</html>".to_vec(),
            Broken::JsonError => br#"{"error":{"code":17}}"#.to_vec(),
            Broken::CutShort => whole[..whole.len() - 1].to_vec(),
            Broken::TwoLists => [&whole[..whole.len() - 1], br#","reports":[]}"#].concat(),
            Broken::Trailing => [&whole, &b"x"[..]].concat(),
            Broken::NoArray => br#"{"reports":{}}"#.to_vec(),
            Broken::NoText => [&whole[..whole.len() - 2], b"\xff]}"].concat(),
        }
    }
}
