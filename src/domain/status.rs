//! Statuses: those the vendor documents, and others.

use std::borrow::Cow;

/// A status whose meaning is known. The vendor may add others; those are stored as they are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KnownStatus {
    /// The MSP edits the report and has not submitted it.
    MspPreparing,
    /// Submitted; the distributor reviews it.
    UnderReview,
    /// Approved by the distributor and sent to Trend Micro.
    Approved,
    /// Turned down by the distributor; the MSP corrects and submits again.
    Rejected,
    /// Everything is done. The only final status.
    Completed,
}

impl KnownStatus {
    /// All of them, in the order of their LMP codes.
    pub const ALL: [Self; 5] =
        [Self::MspPreparing, Self::UnderReview, Self::Approved, Self::Rejected, Self::Completed];

    /// The canonical spelling, which is what the database stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MspPreparing => "MSP Preparing",
            Self::UnderReview => "Under Review",
            Self::Approved => "Approved",
            Self::Rejected => "Rejected",
            Self::Completed => "Completed",
        }
    }

    /// Finds a status whatever the letter case: the reference itself spells one of them two ways.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str().eq_ignore_ascii_case(text))
    }
}

/// Where a report stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status<'a> {
    /// A documented status.
    Known(KnownStatus),
    /// One the vendor has added, as it is spelled in the answer.
    Other(Cow<'a, str>),
}

impl Status<'_> {
    /// The canonical spelling if known, else the vendor's.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(known) => known.as_str(),
            Self::Other(spelling) => spelling,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letter_case_is_ignored() {
        assert_eq!(KnownStatus::find("Msp Preparing"), Some(KnownStatus::MspPreparing));
        assert_eq!(KnownStatus::find("COMPLETED"), Some(KnownStatus::Completed));
        assert_eq!(KnownStatus::find("On Hold"), None);
        assert_eq!(KnownStatus::find(" Approved"), None);
    }
}
