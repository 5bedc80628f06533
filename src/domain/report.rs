//! A billing report as the vendor lists it.

use std::borrow::Cow;

use chrono::NaiveDate;
use uuid::Uuid;

use super::Status;

/// The facts of one report: what a version in the history holds, but for its cycle. Borrowed from the
/// answer where nothing in it is escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report<'a> {
    /// The vendor's GUID.
    pub id: Uuid,
    /// Display name; neither unique nor stable.
    pub partner_company_name: Cow<'a, str>,
    /// First day of the billing period.
    pub start_date: NaiveDate,
    /// Last day of the billing period.
    pub end_date: NaiveDate,
    /// Where it stands.
    pub status: Status<'a>,
    /// How an "Under Review" report was submitted; an open set of texts.
    pub under_review_status: Option<Cow<'a, str>>,
    /// Unknown fields as one JSON object, exactly as they came; `None` when there are none.
    pub extra: Option<String>,
}
