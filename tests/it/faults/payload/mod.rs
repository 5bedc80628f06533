//! Entries that are odd, wrong, hostile, many, or differ from poll to poll.

mod doubles;
mod forms;
mod many;
mod moves;
mod texts;

use lmp_billing_sync::domain::Cycle;
use serde_json::{Value, json};

use crate::support::lab::id;

/// A good entry with one field changed; null in place of a value leaves the field out.
fn entry(number: u32, cycle: Cycle, field: &str, value: &Value) -> String {
    let mut entry = json!({
        "id": id(number), "partner_company_name": format!("Partner {number}"),
        "start_date": cycle.first_day(), "end_date": cycle.last_day(),
        "status": "Msp Preparing", "under_review_status": null,
    });
    if value.is_null() {
        entry.as_object_mut().expect("an object").remove(field);
    } else {
        entry[field] = value.clone();
    }
    entry.to_string()
}

/// An entry with nothing wrong.
fn good(number: u32, cycle: Cycle) -> String {
    // Left out, it is null as it would be.
    entry(number, cycle, "under_review_status", &Value::Null)
}
