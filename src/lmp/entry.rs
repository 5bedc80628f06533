//! Reads one entry of an answer: a report, or the reason why it cannot be one.

mod fields;
mod storable;

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};
use serde_json::value::RawValue;

use super::json_text::without_place;
use crate::domain::{Cycle, KnownStatus, Quarantined, Reason, Report, Status, parse_guid};

pub(super) use fields::Fields;
use storable::{Storable, has_absurd_number};

/// Unknown statuses longer than this are taken for garbage.
const MAX_STATUS_CHARS: usize = 64;
/// The vendor promises at most this; longer names are taken and remarked on.
const MAX_NAME_CHARS: usize = 128;
/// One entry of an answer, found and not judged yet.
#[derive(Debug)]
pub struct RawEntry<'a> {
    pub(super) text: &'a str,
    /// Absent if it is no object, or one with a name that cannot be read.
    pub(super) fields: Option<Fields<'a>>,
}

impl<'a> RawEntry<'a> {
    /// Its JSON text.
    pub fn text(&self) -> &'a str {
        self.text
    }
}

impl<'a> From<&'a str> for RawEntry<'a> {
    fn from(text: &'a str) -> Self {
        Self { text, fields: serde_json::from_str(text).ok() }
    }
}

/// One entry of an answer, read.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A report.
    Good(Report<'a>),
    /// What cannot be a report.
    Bad(Quarantined),
}

/// Reads the entries of an answer for one cycle.
#[derive(Debug)]
pub struct EntryReader<'a> {
    cycle: Cycle,
    ignore_fields: &'a BTreeSet<String>,
    remarked: bool,
}

impl<'a> EntryReader<'a> {
    /// A reader for the answer to a request for `cycle`; unknown fields named in `ignore_fields`
    /// are not kept.
    pub fn new(cycle: Cycle, ignore_fields: &'a BTreeSet<String>) -> Self {
        Self { cycle, ignore_fields, remarked: false }
    }

    /// The same, for an answer that has been read before: its long names have been remarked on then.
    #[must_use]
    pub fn silent(self) -> Self {
        Self { remarked: true, ..self }
    }

    /// Judges one entry.
    pub fn read<'r>(&mut self, entry: RawEntry<'r>) -> Entry<'r> {
        let RawEntry { text: raw, fields: Some(fields) } = entry else {
            return Entry::Bad(unsplittable(entry.text));
        };
        match self.report(&fields) {
            Ok(report) => Entry::Good(report),
            Err((reason, detail)) => {
                let id = text(fields.id).ok().and_then(|text| parse_guid(&text));
                Entry::Bad(Quarantined::new(raw, id, reason, detail))
            }
        }
    }

    fn report<'r>(&mut self, fields: &Fields<'r>) -> Result<Report<'r>, (Reason, String)> {
        if let Some(field) = &fields.duplicate {
            return Err((Reason::DuplicateField, format!("the field {} occurs twice", shown(field))));
        }
        let id = required(fields.id, "id", Reason::InvalidId)?;
        let id =
            parse_guid(&id).ok_or_else(|| (Reason::InvalidId, format!("{} is not a GUID", shown(&id))))?;
        let name = required(fields.partner_company_name, "partner_company_name", Reason::InvalidName)?;
        let start_date = date(fields.start_date, "start_date")?;
        let end_date = date(fields.end_date, "end_date")?;
        if start_date > end_date {
            return Err((
                Reason::InvalidDates,
                format!("the period runs backwards: {start_date} to {end_date}"),
            ));
        }
        let status = status(fields)?;
        let under_review_status = under_review_status(fields)?;
        let extra = self.extra(fields)?;
        if !self.cycle.overlaps(start_date, end_date) {
            let detail = format!("the period {start_date} to {end_date} does not overlap {}", self.cycle);
            return Err((Reason::OffCycle, detail));
        }
        if !self.remarked && name.chars().nth(MAX_NAME_CHARS).is_some() {
            self.remarked = true;
            tracing::warn!(report.id = %id, "a partner's name is longer than the {MAX_NAME_CHARS} characters LMP promises");
        }
        Ok(Report {
            id,
            partner_company_name: name,
            start_date,
            end_date,
            status,
            under_review_status,
            extra,
        })
    }

    fn extra(&self, fields: &Fields<'_>) -> Result<Option<String>, (Reason, String)> {
        let mut object = String::new();
        for (key, value) in &fields.unknown {
            if self.ignore_fields.contains(key.as_ref()) {
                continue;
            }
            if key.contains('\0') {
                return Err((Reason::InvalidText, "a field's name holds NUL".to_owned()));
            }
            serde_json::from_str::<Storable>(value.get()).map_err(|error| {
                let problem = without_place(&error);
                let too_much = ["number out of range", "recursion limit exceeded"].contains(&&*problem);
                (if too_much { Reason::UnstorableExtra } else { Reason::InvalidText }, problem)
            })?;
            if has_absurd_number(value.get()) {
                return Err((
                    Reason::UnstorableExtra,
                    format!("the field {} holds a number too long to keep", shown(key)),
                ));
            }
            object.push(if object.is_empty() { '{' } else { ',' });
            // Writing a string as JSON cannot fail.
            object.push_str(&serde_json::to_string(key).unwrap_or_default());
            object.push(':');
            object.push_str(value.get());
        }
        if object.is_empty() {
            return Ok(None);
        }
        object.push('}');
        Ok(Some(object))
    }
}

/// Why an entry has no fields.
fn unsplittable(raw: &str) -> Quarantined {
    let error = match serde_json::from_str::<Fields<'_>>(raw) {
        Err(error) if raw.starts_with('{') => without_place(&error),
        _ => {
            return Quarantined::new(
                raw,
                None,
                Reason::NotAnObject,
                "the entry is not a JSON object".to_owned(),
            );
        }
    };
    Quarantined::new(raw, None, Reason::InvalidText, error)
}

fn status<'r>(fields: &Fields<'r>) -> Result<Status<'r>, (Reason, String)> {
    let status = required(fields.status, "status", Reason::InvalidStatus)?;
    if let Some(known) = KnownStatus::find(&status) {
        return Ok(Status::Known(known));
    }
    if status.chars().count() > MAX_STATUS_CHARS {
        let detail = format!("{} is longer than {MAX_STATUS_CHARS} characters", shown(&status));
        return Err((Reason::InvalidStatus, detail));
    }
    Ok(Status::Other(status))
}

fn under_review_status<'r>(fields: &Fields<'r>) -> Result<Option<Cow<'r, str>>, (Reason, String)> {
    match text(fields.under_review_status) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(TextProblem::Absent(_)) => Ok(None),
        Err(TextProblem::Unstorable(problem)) => {
            Err((Reason::InvalidText, format!("\"under_review_status\" {problem}")))
        }
        Err(TextProblem::NotText) => Err((
            Reason::InvalidUnderReviewStatus,
            "\"under_review_status\" is neither text nor null".to_owned(),
        )),
    }
}

fn date(value: Option<&RawValue>, field: &str) -> Result<NaiveDate, (Reason, String)> {
    let text = required(value, field, Reason::InvalidDates)?;
    let invalid =
        || (Reason::InvalidDates, format!("\"{field}\" is {}, not a date as YYYY-MM-DD", shown(&text)));
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| -> Option<u32> {
        bytes
            .get(range)?
            .iter()
            .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0')))
    };
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return Err(invalid());
    }
    let (Some(year), Some(month), Some(day)) = (digits(0..4), digits(5..7), digits(8..10)) else {
        return Err(invalid());
    };
    NaiveDate::from_ymd_opt(year.cast_signed(), month, day).filter(|date| date.year() > 0).ok_or_else(invalid)
}

fn required<'a>(
    value: Option<&'a RawValue>,
    field: &str,
    reason: Reason,
) -> Result<Cow<'a, str>, (Reason, String)> {
    let (reason, problem) = match text(value) {
        Ok(text) if text.is_empty() => (reason, "is empty"),
        Ok(text) => return Ok(text),
        Err(TextProblem::Absent(problem)) => (reason, problem),
        Err(TextProblem::NotText) => (reason, "is not a text"),
        Err(TextProblem::Unstorable(problem)) => (Reason::InvalidText, problem),
    };
    Err((reason, format!("\"{field}\" {problem}")))
}

enum TextProblem {
    Absent(&'static str),
    NotText,
    Unstorable(&'static str),
}

/// The text of a JSON string, borrowed where nothing in it is escaped.
fn text(value: Option<&RawValue>) -> Result<Cow<'_, str>, TextProblem> {
    let raw = value.ok_or(TextProblem::Absent("is missing"))?.get();
    if raw == "null" {
        return Err(TextProblem::Absent("is null"));
    }
    let inner = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).ok_or(TextProblem::NotText)?;
    if !inner.contains('\\') {
        return Ok(Cow::Borrowed(inner));
    }
    let text: String =
        serde_json::from_str(raw).map_err(|_| TextProblem::Unstorable("holds half a surrogate pair"))?;
    if text.contains('\0') {
        return Err(TextProblem::Unstorable("holds the character NUL"));
    }
    Ok(Cow::Owned(text))
}

/// A value as a person may read it in a sentence: quoted, escaped, not too long.
fn shown(value: &str) -> String {
    let cut: String = value.chars().take(80).collect();
    let dots = if cut.len() < value.len() { "…" } else { "" };
    format!("{cut:?}{dots}")
}

#[cfg(test)]
mod tests;
