//! Section 4 of the contract, and what people do to rows by hand.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};

use super::entry::month;
use super::state::{Key, Reference, TICK};

impl Reference {
    /// Deletes what is past retention, and what is as old and nothing kept refers to.
    pub(crate) fn prune(&mut self, cutoff: NaiveDate, cutoff_at: DateTime<Utc>) {
        self.reports.retain(|_, report| report.newest().facts.end >= cutoff);
        self.quarantine.retain(|(_, cycle, _), entry| match entry.resolved {
            Some(resolved) => resolved >= cutoff_at,
            None => entry.first_seen >= cutoff_at || month(*cycle).1 > cutoff,
        });
        let mut used: BTreeSet<i64> = self.quarantine.values().map(|entry| entry.poll).collect();
        for report in self.reports.values() {
            used.extend(report.versions.iter().map(|version| version.poll));
            // Of a row that was deleted nothing but its versions is left.
            used.extend(report.withdrawn_by.filter(|_| !report.deleted));
        }
        let newest: BTreeSet<i64> = self
            .log
            .iter()
            .filter(|poll| poll.is_believed())
            .filter(|poll| {
                month(poll.cycle).1 > cutoff
                    || self.reports.iter().any(|((account, _), report)| {
                        !report.deleted && *account == poll.account && report.newest().cycle == poll.cycle
                    })
            })
            .filter(|poll| self.believed(&poll.account, poll.cycle)[0].id == poll.id)
            .map(|poll| poll.id)
            .collect();
        self.log.retain(|poll| {
            poll.finished_at >= cutoff_at || used.contains(&poll.id) || newest.contains(&poll.id)
        });
    }

    /// Somebody changed facts of a row; it has stood there like this ever since its version began.
    pub(crate) fn edited(&mut self, key: &Key, change: impl FnOnce(&mut super::Facts)) {
        if let Some(report) = self.reports.get_mut(key).filter(|report| !report.deleted) {
            change(&mut report.versions.last_mut().expect("a report has a version").facts);
            report.touched = true;
        }
    }

    /// Somebody deleted a row: it ended when it was withdrawn, or now.
    pub(crate) fn deleted(&mut self, key: &Key, now: DateTime<Utc>) {
        if let Some(report) = self.reports.get_mut(key).filter(|report| !report.deleted) {
            let newest = report.versions.last_mut().expect("a report has a version");
            newest.to = Some(newest.to.unwrap_or(now).max(newest.from + TICK));
            report.deleted = true;
            report.touched = true;
        }
    }
}
