//! The words of the business as types: cycle, status, report, retention.
//!
//! Everything here is pure: no clock, no I/O, no SQL, no HTTP. What "today" is, the caller says.

mod cycle;
mod guid;
mod quarantined;
mod report;
mod retention;
mod status;

pub use cycle::{Cycle, ParseCycleError};
pub use guid::parse_guid;
pub use quarantined::{Quarantined, Reason};
pub use report::Report;
pub use retention::{Retention, VENDOR_MONTHS, Window};
pub use status::{KnownStatus, Status};
