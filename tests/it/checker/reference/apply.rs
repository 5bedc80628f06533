//! Section 2 of the contract.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::entry::{self, Entry, Facts, is_known, overlaps};
use super::rules::Rules;
use super::state::{Exact, Logged, Quarantined, Reference, Report, TICK, Version};

/// At most so many payloads are kept per poll.
const MAX_PAYLOADS: usize = 1000;

/// A poll and the answer it got.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Poll<'a> {
    pub(crate) id: i64,
    pub(crate) account: &'a str,
    pub(crate) cycle: NaiveDate,
    pub(crate) requested_at: DateTime<Utc>,
    /// When it was the answer's turn, by the database's clock.
    pub(crate) moment: DateTime<Utc>,
    /// Whether a person accepts withdrawals.
    pub(crate) accept: bool,
    pub(crate) body: &'a [u8],
}

/// What a poll comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) outcome: &'static str,
    pub(crate) seen: usize,
    pub(crate) inserted: usize,
    pub(crate) updated: usize,
    pub(crate) withdrawn: usize,
    pub(crate) quarantined: usize,
}

/// An answer, judged.
struct Judged {
    good: BTreeMap<Uuid, Facts>,
    bad: Vec<Entry>,
    entries: usize,
}

impl Reference {
    /// Applies an answer with status 200.
    pub(crate) fn apply(&mut self, poll: &Poll<'_>) -> Verdict {
        let failed = Verdict { outcome: "failed", ..Verdict::default() };
        let Some(entries) = super::answer::entries(poll.body) else {
            return self.logged(poll, failed, None);
        };
        let answer = self.judge(poll, &entries);
        let distinct: BTreeSet<&[u8]> = answer.bad.iter().map(|entry| &entry.sha256[..]).collect();
        let counts = Verdict { seen: answer.good.len(), quarantined: distinct.len(), ..Verdict::default() };
        let last = self.believed(poll.account, poll.cycle).first().map_or(0, |last| last.id);
        if last > poll.id {
            return self.logged(poll, Verdict { outcome: "stale", ..counts }, None);
        }
        if answer.entries > 0 && answer.good.is_empty() {
            self.keep_bad(poll, &answer, false);
            return self.logged(poll, Verdict { outcome: "failed", ..counts }, None);
        }
        let today = self.rules.today(poll.requested_at);
        let (cutoff, edge) = (self.rules.cutoff(today), Rules::is_edge(poll.cycle, today));
        let unreadable = answer.bad.iter().any(|entry| entry.id.is_none());
        let mentioned: BTreeSet<Uuid> =
            answer.good.keys().copied().chain(answer.bad.iter().filter_map(|entry| entry.id)).collect();
        let absent = if edge || unreadable { Vec::new() } else { self.absent(poll, cutoff, &mentioned) };
        if !self.is_believed(poll, cutoff, &answer, &mentioned, absent.len()) {
            self.keep_bad(poll, &answer, false);
            return self.logged(poll, Verdict { outcome: "suspect", ..counts }, Some((&answer, false)));
        }
        let mut verdict = counts;
        let kept = answer.good.values().filter(|facts| facts.end >= cutoff);
        for facts in kept.filter(|facts| is_known(&facts.status).is_none()) {
            self.statuses.insert(facts.status.to_lowercase(), facts.status.clone());
        }
        for (id, facts) in answer.good.iter().filter(|(_, facts)| facts.end >= cutoff) {
            self.write(poll, edge, cutoff, *id, facts, &mut verdict);
        }
        for id in absent {
            let report = self.reports.get_mut(&(poll.account.to_owned(), id)).expect("it is listed");
            if report.newest().poll < poll.id {
                let newest = report.versions.last_mut().expect("a report has a version");
                newest.to = Some(poll.moment.max(newest.from + TICK));
                report.withdrawn_by = Some(poll.id);
                verdict.withdrawn += 1;
            }
        }
        self.keep_bad(poll, &answer, true);
        let changed = verdict.inserted + verdict.updated + verdict.withdrawn > 0;
        verdict.outcome = if changed { "applied" } else { "unchanged" };
        self.logged(poll, verdict, Some((&answer, !edge && !unreadable)))
    }

    /// Logs a poll that a refusal at the edge of what the vendor keeps leaves unchanged.
    pub(crate) fn refused_at_edge(&mut self, poll: &Poll<'_>) -> Verdict {
        let stale = self.believed(poll.account, poll.cycle).first().is_some_and(|last| last.id > poll.id);
        let outcome = if stale { "stale" } else { "unchanged" };
        // It has no bytes, and says nothing of any report.
        let verdict = self.logged(poll, Verdict { outcome, ..Verdict::default() }, None);
        if let Some(last) = self.log.last_mut() {
            last.sha256.clear();
        }
        verdict
    }

    /// Logs a poll whose answer has the bytes of the last believed one and was not read.
    pub(crate) fn not_read(&mut self, poll: &Poll<'_>) {
        let last = self.believed(poll.account, poll.cycle).first().map(|last| (*last).clone());
        self.log.extend(last.map(|last| Logged {
            id: poll.id,
            requested_at: Some(poll.requested_at),
            finished_at: poll.moment,
            outcome: "unchanged",
            ..last
        }));
    }

    fn judge(&self, poll: &Poll<'_>, entries: &[String]) -> Judged {
        let mut read: Vec<Entry> =
            entries.iter().map(|raw| entry::read(raw, poll.cycle, &self.rules.ignore_fields)).collect();
        // One spelling for each status: the stored one, else the first in this answer.
        let mut spelling = self.statuses.clone();
        for facts in read.iter_mut().filter_map(|entry| entry.facts.as_mut()) {
            let spelled = spelling.entry(facts.status.to_lowercase()).or_insert(facts.status.clone());
            facts.status.clone_from(spelled);
        }
        let contradicted: BTreeSet<Uuid> = read
            .iter()
            .filter_map(|entry| entry.id)
            .filter(|id| {
                let mut same = read.iter().filter(|entry| entry.id == Some(*id)).map(|entry| &entry.facts);
                let first = same.next().expect("it is in it");
                same.any(|other| other != first) || (first.is_none())
            })
            .collect();
        let mut judged = Judged { good: BTreeMap::new(), bad: Vec::new(), entries: entries.len() };
        for entry in read {
            match (entry.id, &entry.facts) {
                (Some(id), Some(facts)) if !contradicted.contains(&id) => {
                    judged.good.insert(id, facts.clone());
                }
                _ => judged.bad.push(entry),
            }
        }
        judged
    }

    /// Listed reports of the cycle that the answer lacks.
    fn absent(&self, poll: &Poll<'_>, cutoff: NaiveDate, mentioned: &BTreeSet<Uuid>) -> Vec<Uuid> {
        self.listed(poll, cutoff).into_iter().filter(|id| !mentioned.contains(id)).collect()
    }

    fn listed(&self, poll: &Poll<'_>, cutoff: NaiveDate) -> Vec<Uuid> {
        self.reports
            .iter()
            .filter(|((account, _), report)| {
                account == poll.account
                    && report.is_listed()
                    && report.newest().cycle == poll.cycle
                    && report.newest().facts.end >= cutoff
            })
            .map(|((_, id), _)| *id)
            .collect()
    }

    /// The withdrawal guard.
    fn is_believed(
        &self,
        poll: &Poll<'_>,
        cutoff: NaiveDate,
        answer: &Judged,
        mentioned: &BTreeSet<Uuid>,
        absent: usize,
    ) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a handful of reports")]
        let share = absent as f64 / self.listed(poll, cutoff).len().max(1) as f64;
        let too_many = absent > 5 && share > self.rules.max_withdrawn_fraction;
        if absent == 0 || poll.accept || !(answer.entries == 0 || too_many) {
            return true;
        }
        let mut earlier: Vec<&Logged> = self
            .log
            .iter()
            .filter(|logged| logged.account == poll.account && logged.cycle == poll.cycle)
            .filter(|logged| logged.id < poll.id && (logged.is_believed() || logged.outcome == "suspect"))
            .collect();
        earlier.sort_by_key(|logged| std::cmp::Reverse(logged.id));
        earlier
            .iter()
            .take_while(|logged| logged.outcome == "suspect" && logged.mentioned == *mentioned)
            .any(|logged| logged.finished_at <= poll.moment - self.rules.believe_after)
    }

    fn write(
        &mut self,
        poll: &Poll<'_>,
        edge: bool,
        cutoff: NaiveDate,
        id: Uuid,
        facts: &Facts,
        verdict: &mut Verdict,
    ) {
        let key = (poll.account.to_owned(), id);
        let before = self.reports.get(&key).cloned();
        // A report past retention is ignored though it is listed: there absence proves nothing either.
        let unsure = edge || cutoff > poll.cycle;
        let mut version = Version {
            facts: facts.clone(),
            cycle: poll.cycle,
            poll: poll.id,
            from: poll.moment,
            to: None,
            status_since: poll.moment,
            not_before: super::NotBefore { sound: BTreeSet::new(), exact: Exact::Doubtful },
        };
        let Some(mut report) = before.clone() else {
            version.not_before = self.not_before(poll, unsure, id, &facts.status, None, version.from);
            verdict.inserted += 1;
            let report = Report {
                first_seen: version.from,
                versions: vec![version],
                withdrawn_by: None,
                previous: None,
                deleted: false,
                touched: false,
            };
            self.reports.insert(key, report);
            return;
        };
        let old = report.newest().clone();
        // A listed report keeps its cycle while its dates overlap it.
        let stays = overlaps(old.cycle, facts.start, facts.end);
        if report.is_listed() && stays {
            version.cycle = old.cycle;
        }
        if report.deleted {
            verdict.inserted += 1;
        } else {
            let same = report.is_listed() && stays && old.facts == *facts;
            if same || old.facts.end < cutoff || report.written_by() > poll.id {
                return;
            }
            verdict.updated += 1;
        }
        version.from = poll.moment.max(old.from + TICK).max(old.to.map_or(poll.moment, |to| to + TICK));
        let returned = report.withdrawn_by.is_some();
        if old.facts.status != facts.status || returned && !report.deleted {
            version.status_since = version.from;
            version.not_before =
                self.not_before(poll, unsure, id, &facts.status, before.as_ref(), version.from);
        } else {
            version.status_since = old.status_since;
            version.not_before = old.not_before.clone();
        }
        if report.deleted {
            // The row is gone; its versions tell what it was before.
            let other = report.versions.iter().rev().find(|other| other.facts.status != facts.status);
            report.previous = other.map(|other| (other.facts.status.clone(), other.status_since));
            report.first_seen = report.versions.iter().map(|version| version.from).min().expect("one");
        } else if old.facts.status != facts.status {
            report.previous = Some((old.facts.status.clone(), old.status_since));
        }
        let newest = report.versions.last_mut().expect("a report has a version");
        newest.to = Some(newest.to.unwrap_or(version.from));
        report.versions.push(version);
        report.withdrawn_by = None;
        report.deleted = false;
        self.reports.insert(key, report);
    }

    /// Keeps bad entries once; a believed answer resolves those it no longer holds.
    fn keep_bad(&mut self, poll: &Poll<'_>, answer: &Judged, believed: bool) {
        let held: BTreeSet<&[u8]> = answer.bad.iter().map(|entry| &entry.sha256[..]).collect();
        for ((account, cycle, sha256), entry) in &mut self.quarantine {
            if account == poll.account && *cycle == poll.cycle {
                if held.contains(&sha256[..]) {
                    entry.resolved = None;
                } else if believed && entry.resolved.is_none() {
                    entry.resolved = Some(poll.moment);
                }
            }
        }
        for entry in answer.bad.iter().take(MAX_PAYLOADS) {
            let key = (poll.account.to_owned(), poll.cycle, entry.sha256.clone());
            self.quarantine.entry(key).or_insert(Quarantined {
                poll: poll.id,
                id: entry.id,
                first_seen: poll.moment,
                resolved: None,
            });
        }
    }

    fn logged(&mut self, poll: &Poll<'_>, verdict: Verdict, answer: Option<(&Judged, bool)>) -> Verdict {
        let listed = answer.map(|(answer, _)| &answer.good);
        let bad = answer.into_iter().flat_map(|(answer, _)| &answer.bad).filter_map(|entry| entry.id);
        let good = listed.into_iter().flatten();
        self.log.push(Logged {
            id: poll.id,
            account: poll.account.to_owned(),
            cycle: poll.cycle,
            requested_at: Some(poll.requested_at),
            finished_at: poll.moment,
            outcome: verdict.outcome,
            mentioned: good.clone().map(|(id, _)| *id).chain(bad).collect(),
            listed: good.map(|(id, facts)| (*id, facts.status.clone())).collect(),
            complete: answer.is_some_and(|(_, complete)| complete),
            sha256: Sha256::digest(poll.body).to_vec(),
        });
        verdict
    }
}
