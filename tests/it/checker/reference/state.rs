//! What the reference remembers.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use uuid::Uuid;

use super::entry::{self, Facts};
use super::rules::Rules;

/// A report's account and id.
pub(crate) type Key = (String, Uuid);

/// The least that can lie between two versions.
pub(super) const TICK: TimeDelta = TimeDelta::microseconds(1);

/// What may stand in `status_not_before`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NotBefore {
    /// Moments of believed polls that saw that the report did not have the status yet.
    pub(crate) sound: BTreeSet<DateTime<Utc>>,
    pub(crate) exact: Exact,
}

/// What must stand in `status_not_before`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Exact {
    /// There is more than one right answer: null, or any sound one.
    Doubtful,
    /// Null: the cycle had not been polled before.
    Unknown,
    At(DateTime<Utc>),
}

/// A version, old or newest.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) facts: Facts,
    pub(crate) cycle: NaiveDate,
    pub(crate) poll: i64,
    pub(crate) from: DateTime<Utc>,
    /// When it ended; of the newest, when it was withdrawn.
    pub(crate) to: Option<DateTime<Utc>>,
    pub(crate) status_since: DateTime<Utc>,
    pub(crate) not_before: NotBefore,
}

/// A report with all its versions, the newest last.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) versions: Vec<Version>,
    pub(crate) withdrawn_by: Option<i64>,
    pub(crate) first_seen: DateTime<Utc>,
    pub(crate) previous: Option<(String, DateTime<Utc>)>,
    /// Somebody deleted the row; its versions are left.
    pub(crate) deleted: bool,
    /// Somebody edited or deleted the row at some time: what can then be said of its status is less.
    pub(crate) touched: bool,
}

impl Report {
    pub(crate) fn newest(&self) -> &Version {
        self.versions.last().expect("a report has a version")
    }

    pub(crate) fn is_listed(&self) -> bool {
        !self.deleted && self.withdrawn_by.is_none()
    }

    /// The poll that wrote it last.
    pub(super) fn written_by(&self) -> i64 {
        self.newest().poll.max(self.withdrawn_by.unwrap_or_default())
    }
}

/// A poll that was logged.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub(crate) id: i64,
    pub(crate) account: String,
    pub(crate) cycle: NaiveDate,
    pub(super) requested_at: Option<DateTime<Utc>>,
    pub(crate) finished_at: DateTime<Utc>,
    pub(super) outcome: &'static str,
    /// Of a believed answer: the status each report had.
    pub(super) listed: BTreeMap<Uuid, String>,
    /// All ids that stood in it, good entries or bad.
    pub(super) mentioned: BTreeSet<Uuid>,
    /// Whether a report it does not mention was not listed.
    pub(super) complete: bool,
    pub(super) sha256: Vec<u8>,
}

impl Logged {
    pub(super) fn is_believed(&self) -> bool {
        ["applied", "unchanged"].contains(&self.outcome)
    }
}

/// An entry that cannot be a report.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quarantined {
    pub(crate) poll: i64,
    pub(crate) id: Option<Uuid>,
    pub(crate) first_seen: DateTime<Utc>,
    pub(crate) resolved: Option<DateTime<Utc>>,
}

/// Everything the answers so far have brought.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub(crate) rules: Rules,
    pub(crate) reports: BTreeMap<Key, Report>,
    /// By account, cycle and digest.
    pub(crate) quarantine: BTreeMap<(String, NaiveDate, Vec<u8>), Quarantined>,
    /// The spelling of each status, by its lower case.
    pub(super) statuses: BTreeMap<String, String>,
    pub(crate) log: Vec<Logged>,
}

impl Reference {
    pub(crate) fn new(rules: Rules) -> Self {
        let statuses = entry::known_statuses().map(|status| (status.to_lowercase(), status.to_owned()));
        Self {
            rules,
            reports: BTreeMap::new(),
            quarantine: BTreeMap::new(),
            statuses: statuses.collect(),
            log: Vec::new(),
        }
    }

    /// Believed polls of a cycle, the newest first.
    pub(super) fn believed(&self, account: &str, cycle: NaiveDate) -> Vec<&Logged> {
        let mut polls: Vec<&Logged> = self
            .log
            .iter()
            .filter(|poll| poll.is_believed() && poll.account == account && poll.cycle == cycle)
            .collect();
        polls.sort_by_key(|poll| std::cmp::Reverse(poll.id));
        polls
    }

    /// Whether an answer has the bytes of the cycle's last believed one.
    pub(crate) fn is_repeated(&self, account: &str, cycle: NaiveDate, sha256: &[u8]) -> bool {
        self.believed(account, cycle).first().is_some_and(|last| last.sha256 == sha256)
    }

    /// Statuses in their stored spelling.
    pub(crate) fn statuses(&self) -> impl Iterator<Item = &str> {
        self.statuses.values().map(String::as_str)
    }

    /// Moves everything that has been into the past, or into the future: the clock is set.
    pub(crate) fn shift(&mut self, by: TimeDelta) {
        let move_by = |at: &mut DateTime<Utc>| *at += by;
        for report in self.reports.values_mut() {
            move_by(&mut report.first_seen);
            report.previous.iter_mut().for_each(|(_, since)| move_by(since));
            for version in &mut report.versions {
                move_by(&mut version.from);
                version.to.iter_mut().for_each(move_by);
                move_by(&mut version.status_since);
                let bound = &mut version.not_before;
                bound.sound = bound.sound.iter().map(|at| *at + by).collect();
                if let Exact::At(at) = &mut bound.exact {
                    move_by(at);
                }
            }
        }
        for entry in self.quarantine.values_mut() {
            move_by(&mut entry.first_seen);
            entry.resolved.iter_mut().for_each(move_by);
        }
        for poll in &mut self.log {
            poll.requested_at.iter_mut().for_each(move_by);
            move_by(&mut poll.finished_at);
        }
    }
}
