//! The reference beside what is stored: what is lost, invented or different.

use std::collections::BTreeSet;

use super::reference::{Exact, Key, Reference, Report, Version};
use super::stored::{Row, Stored};

/// Every difference in a report or its history, with its key.
pub(crate) fn reports(stored: &Stored, reference: &Reference) -> Vec<(Key, &'static str, String)> {
    let keys: BTreeSet<&Key> = stored.versions.keys().chain(reference.reports.keys()).collect();
    let mut found = Vec::new();
    for key in keys {
        let mut say = |what: &'static str, detail: String| {
            found.push((key.clone(), what, format!("{} {}: {detail}", key.0, key.1)));
        };
        let (rows, report) = match (stored.versions.get(key), reference.reports.get(key)) {
            (Some(rows), Some(report)) => (rows, report),
            (Some(rows), None) => {
                say("invented_report", format!("stored with {} versions, never served", rows.len()));
                continue;
            }
            (None, report) => {
                let versions = report.map_or(0, |report| report.versions.len());
                say("lost_report", format!("served with {versions} versions, not stored"));
                continue;
            }
        };
        if rows.len() != report.versions.len() {
            let what = if rows.len() < report.versions.len() { "lost_version" } else { "invented_version" };
            say(what, format!("{} versions stored, {} served", rows.len(), report.versions.len()));
        }
        for (number, (row, version)) in (1..).zip(rows.iter().zip(&report.versions)) {
            for (what, detail) in version_differs(row, version, number, report.touched) {
                say(what, format!("version {number}: {detail}"));
            }
        }
        for (what, detail) in newest_differs(stored.newest.get(key), report) {
            say(what, detail);
        }
    }
    found
}

fn version_differs(row: &Row, version: &Version, number: i32, touched: bool) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut compare = |what: &'static str, stored: String, right: String| {
        if stored != right {
            found.push((what, format!("stored {stored}, right is {right}")));
        }
    };
    compare("wrong_number", row.version.to_string(), number.to_string());
    compare("wrong_facts", format!("{:?}", row.facts()), format!("{:?}", version.facts));
    compare("wrong_cycle", row.cycle.to_string(), version.cycle.to_string());
    compare("wrong_poll", row.poll_id.to_string(), version.poll.to_string());
    let times = |from, to, since| format!("{from:?} to {to:?}, status since {since:?}");
    compare(
        "wrong_time",
        times(row.valid_from, row.valid_to, row.status_since),
        times(version.from, version.to, version.status_since),
    );
    if touched {
        return found;
    }
    let (stored, bound) = (row.status_not_before, &version.not_before);
    let right = match bound.exact {
        Exact::Unknown => stored.is_none(),
        Exact::At(right) => stored == Some(right),
        Exact::Doubtful => stored.is_none_or(|stored| bound.sound.contains(&stored)),
    };
    if !right {
        found.push(("wrong_not_before", format!("not before {stored:?}, believed polls say {bound:?}")));
    }
    found
}

fn newest_differs(row: Option<&Row>, report: &Report) -> Vec<(&'static str, String)> {
    let Some(row) = row else {
        return if report.deleted { Vec::new() } else { vec![("lost_newest", "not in reports".to_owned())] };
    };
    if report.deleted {
        return vec![("invented_newest", "in reports though it was deleted".to_owned())];
    }
    let mut found = Vec::new();
    let stored = (row.withdrawn_poll_id, row.first_seen_at, &row.previous_status, row.previous_status_since);
    let (previous, since) = report.previous.clone().unzip();
    let right = (report.withdrawn_by, Some(report.first_seen), &previous, since);
    if stored.0 != right.0 {
        found.push(("wrong_withdrawal", format!("withdrawn by {:?}, right is {:?}", stored.0, right.0)));
    }
    if stored != right {
        found.push(("wrong_newest", format!("stored {stored:?}, right is {right:?}")));
    }
    found
}

/// Every difference in the quarantine.
pub(crate) fn quarantine(stored: &Stored, reference: &Reference) -> Vec<(&'static str, String)> {
    let keys: BTreeSet<_> = stored.quarantine.keys().chain(reference.quarantine.keys()).collect();
    keys.into_iter()
        .filter_map(|key| {
            let right = reference
                .quarantine
                .get(key)
                .map(|entry| (entry.poll, entry.id, entry.first_seen, entry.resolved));
            let stored = stored.quarantine.get(key);
            (stored != right.as_ref()).then(|| {
                let what = match (stored, &right) {
                    (None, _) => "lost_quarantined",
                    (_, None) => "invented_quarantined",
                    _ => "wrong_quarantined",
                };
                (what, format!("{} {}: stored {stored:?}, right is {right:?}", key.0, key.1))
            })
        })
        .collect()
}
