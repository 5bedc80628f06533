//! A billing report as the vendor lists it.

use chrono::NaiveDate;
use uuid::Uuid;

/// The facts of one report: what a version in the history holds, but for its cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The vendor's GUID.
    pub id: Uuid,
    /// Display name; neither unique nor stable.
    pub partner_company_name: String,
    /// First day of the billing period.
    pub start_date: NaiveDate,
    /// Last day of the billing period.
    pub end_date: NaiveDate,
    /// Canonical spelling if known, else as the vendor spelled it.
    pub status: String,
    /// How an "Under Review" report was submitted; an open set of texts.
    pub under_review_status: Option<String>,
    /// Unknown fields as one JSON object, exactly as they came; `None` when there are none.
    pub extra: Option<String>,
}
