//! Entries that are odd, wrong, hostile, many, or differ from poll to poll.

mod doubles;
mod forms;
mod many;
mod moves;
mod texts;

use lmp_billing_sync::domain::Cycle;
use serde_json::{Value, json};

use crate::support::lab::id;

/// What a good entry holds.
fn fields(number: u32, cycle: Cycle) -> Value {
    json!({
        "id": id(number), "partner_company_name": format!("Partner {number}"),
        "start_date": cycle.first_day(), "end_date": cycle.last_day(),
        "status": "Msp Preparing", "under_review_status": null,
    })
}

/// A good entry with one field changed or added.
fn entry(number: u32, cycle: Cycle, field: &str, value: &Value) -> String {
    let mut fields = fields(number, cycle);
    fields[field] = value.clone();
    fields.to_string()
}

/// A good entry that lacks a field.
fn without(number: u32, cycle: Cycle, field: &str) -> String {
    let mut fields = fields(number, cycle);
    fields.as_object_mut().expect("an object").remove(field);
    fields.to_string()
}

/// An entry with nothing wrong.
fn good(number: u32, cycle: Cycle) -> String {
    // Left out, it is null as it would be.
    without(number, cycle, "under_review_status")
}
