//! Entries that a client must quarantine, or take in spite of their looks.

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Entries, render};
use super::dice::{Purpose, guid};
use super::partner::month_number;
use super::world::SimReport;
use crate::domain::Cycle;

/// A kind of entry that stands in an answer beside the right ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BadEntry {
    /// An id masked with the letter x, as in the vendor's example.
    MaskedGuid,
    /// No status.
    MissingStatus,
    /// A NUL in the name.
    NulInName,
    /// Half a surrogate pair in the name: JSON by the grammar, but no text.
    LoneSurrogate,
    /// The answer's first report a second time, under another name.
    Contradiction,
    /// The answer's second report a second time, the same to the byte.
    Duplicate,
    /// A good report with fields that are not documented.
    UnknownField,
    /// A good report with a status that is not documented.
    UnknownStatus,
}

impl BadEntry {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::MaskedGuid,
        Self::MissingStatus,
        Self::NulInName,
        Self::LoneSurrogate,
        Self::Contradiction,
        Self::Duplicate,
        Self::UnknownField,
        Self::UnknownStatus,
    ];
}

/// Spoils a list: adds the entries wanted, the same ones at every request for the cycle.
pub(super) fn add(kinds: &[BadEntry], seed: u64, cycle: Cycle, mut list: Entries) -> Entries {
    let (first, second) = (list.next(), list.next());
    let added = kinds.iter().filter_map(|kind| {
        let key = [month_number(cycle).unsigned_abs().into(), *kind as u64];
        let id = guid(seed, Purpose::BadEntries, &key);
        let report = SimReport::new(id, "Oddly & Sons", cycle, "Approved");
        entry(*kind, report, first.as_deref(), second.as_deref())
    });
    let added: Vec<_> = added.collect();
    Box::new(added.into_iter().chain(first).chain(second).chain(list))
}

fn entry(kind: BadEntry, mut report: SimReport, first: Option<&str>, second: Option<&str>) -> Option<String> {
    Some(match kind {
        BadEntry::MaskedGuid => {
            render(&report).replace(&report.id.to_string(), "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
        }
        BadEntry::MissingStatus => render(&report).replace(r#""status":"Approved","#, ""),
        BadEntry::NulInName => {
            report.partner_company_name.push('\0');
            render(&report)
        }
        BadEntry::LoneSurrogate => render(&report).replace("Oddly", r"Oddly \ud83d"),
        BadEntry::Contradiction => {
            let mut first: Value = serde_json::from_str(first?).ok()?;
            let name = first.get_mut("partner_company_name")?;
            *name = format!("{} (formerly)", name.as_str()?).into();
            first.to_string()
        }
        BadEntry::Duplicate => second?.to_owned(),
        BadEntry::UnknownField => {
            report.extra.push(("aggregator_name".to_owned(), json!("Oddly Group")));
            report.extra.push(("tags".to_owned(), json!([1, { "a": null }])));
            render(&report)
        }
        BadEntry::UnknownStatus => {
            "Awaiting Purchase Order".clone_into(&mut report.status);
            render(&report)
        }
    })
}
