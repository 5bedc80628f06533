//! Entries of an answer that cannot be reports.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A quarantined entry is kept up to this size: a report has a few hundred bytes, and a thousand entries of
/// one answer are held in memory until they are stored.
const MAX_PAYLOAD_BYTES: usize = 8 << 10;

/// An entry that cannot be a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// The id, if it can be read: its stored report is then left as it is.
    pub id: Option<Uuid>,
    /// A short code.
    pub reason: Reason,
    /// What is wrong, in a sentence.
    pub detail: String,
    /// SHA-256 of the entry's bytes.
    pub sha256: [u8; 32],
    /// The entry's text, cut if very long.
    pub payload: String,
}

impl Quarantined {
    /// A bad entry, from its text.
    pub fn new(raw: &str, id: Option<Uuid>, reason: Reason, detail: String) -> Self {
        let cut = raw.floor_char_boundary(MAX_PAYLOAD_BYTES);
        let detail = if cut < raw.len() {
            format!("{detail} (payload cut after {cut} of {} bytes)", raw.len())
        } else {
            detail
        };
        Self { id, reason, detail, sha256: Sha256::digest(raw).into(), payload: raw[..cut].to_owned() }
    }
}

/// Why an entry is no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is no JSON object.
    NotAnObject,
    /// A field occurs twice.
    DuplicateField,
    /// NUL or an unpaired surrogate in a text.
    InvalidText,
    /// The id is missing or no GUID.
    InvalidId,
    /// The name is missing, empty or no text.
    InvalidName,
    /// A date is missing or not `YYYY-MM-DD`, or the period runs backwards.
    InvalidDates,
    /// The status is missing, empty, too long or no text.
    InvalidStatus,
    /// The under-review status is neither text nor null.
    InvalidUnderReviewStatus,
    /// An unknown field holds what the database cannot keep.
    UnstorableExtra,
    /// The period does not overlap the cycle asked for.
    OffCycle,
    /// The same id stands twice in the answer, with different facts.
    ConflictingDuplicate,
}

impl Reason {
    /// The code as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAnObject => "not_an_object",
            Self::DuplicateField => "duplicate_field",
            Self::InvalidText => "invalid_text",
            Self::InvalidId => "invalid_id",
            Self::InvalidName => "invalid_name",
            Self::InvalidDates => "invalid_dates",
            Self::InvalidStatus => "invalid_status",
            Self::InvalidUnderReviewStatus => "invalid_under_review_status",
            Self::UnstorableExtra => "unstorable_extra",
            Self::OffCycle => "off_cycle",
            Self::ConflictingDuplicate => "conflicting_duplicate",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_stored_under_a_name_of_its_own() {
        let reasons = [
            (Reason::NotAnObject, "not_an_object"),
            (Reason::DuplicateField, "duplicate_field"),
            (Reason::InvalidText, "invalid_text"),
            (Reason::InvalidId, "invalid_id"),
            (Reason::InvalidName, "invalid_name"),
            (Reason::InvalidDates, "invalid_dates"),
            (Reason::InvalidStatus, "invalid_status"),
            (Reason::InvalidUnderReviewStatus, "invalid_under_review_status"),
            (Reason::UnstorableExtra, "unstorable_extra"),
            (Reason::OffCycle, "off_cycle"),
            (Reason::ConflictingDuplicate, "conflicting_duplicate"),
        ];
        for (reason, name) in reasons {
            assert_eq!(reason.as_str(), name);
        }
    }

    #[test]
    fn a_very_long_payload_is_cut_but_told_apart_by_its_whole() {
        let long = |last: char| {
            let raw = format!("\"{}{last}\"", "é".repeat(MAX_PAYLOAD_BYTES));
            Quarantined::new(&raw, None, Reason::NotAnObject, "the entry is no object".to_owned())
        };
        let (one, two) = (long('1'), long('2'));
        assert!(one.payload.len() <= MAX_PAYLOAD_BYTES);
        assert_eq!(one.payload, two.payload);
        assert_ne!(one.sha256, two.sha256);
        assert!(one.detail.contains("cut"));
    }
}
