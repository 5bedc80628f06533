//! Every answer that was served and every run that was acknowledged, against what is stored.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use lmp_billing_sync::domain::Cycle;
use lmp_billing_sync::simulator::Exchange;
use sha2::{Digest as _, Sha256};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::reference::{Key, Poll, Reference, Verdict};
use super::stored::Stored;
use super::{Expectations, Pruned, Violation, compare};

#[derive(Clone, Debug, FromRow)]
struct PollRow {
    id: i64,
    account: String,
    cycle: NaiveDate,
    requested_at: Option<DateTime<Utc>>,
    finished_at: DateTime<Utc>,
    outcome: String,
    http_status: Option<i16>,
    trace_id: Option<Uuid>,
    reports_seen: i32,
    inserted: i32,
    updated: i32,
    withdrawn: i32,
    quarantined: i32,
    body_bytes: Option<i64>,
    body_sha256: Option<Vec<u8>>,
    error: Option<String>,
}

impl PollRow {
    /// Whether its answer was read.
    fn was_read(&self) -> bool {
        ["applied", "unchanged", "stale", "suspect"].contains(&self.outcome.as_str())
    }

    fn verdict(&self) -> (&str, [i32; 5]) {
        (&self.outcome, [self.reports_seen, self.inserted, self.updated, self.withdrawn, self.quarantined])
    }
}

pub(super) async fn check(
    connection: &mut PgConnection,
    expected: &Expectations,
) -> sqlx::Result<Vec<Violation>> {
    let polls: Vec<PollRow> = sqlx::query_as(
        "select id, account, cycle, requested_at, finished_at, outcome, http_status, trace_id, reports_seen, inserted,
                updated, withdrawn, quarantined, body_bytes, body_sha256, error
         from lmp_billing.cycle_polls order by id",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut found = acknowledged(connection, expected, &polls).await?;
    if expected.accounts.is_empty() {
        return Ok(found);
    }
    let served: BTreeMap<Uuid, &Exchange> =
        expected.served.iter().filter_map(|exchange| Some((exchange.trace_id?, exchange))).collect();
    let mut answers = Vec::new();
    for poll in polls.iter().filter(|poll| expected.accounts.values().any(|name| *name == poll.account)) {
        match answer_of(poll, &served, expected) {
            Ok(body) => answers.push((poll, body)),
            Err(detail) => found.push(violation("answer_never_served", detail)),
        }
    }
    let names: Vec<String> = expected.accounts.values().cloned().collect();
    let stored = Stored::read(connection, &names).await?;
    found.extend(replayed(&answers, &stored, expected));
    Ok(found)
}

/// The body of a poll's answer, if it was read.
fn answer_of<'a>(
    poll: &PollRow,
    served: &BTreeMap<Uuid, &'a Exchange>,
    expected: &Expectations,
) -> Result<Option<&'a [u8]>, String> {
    let says = |what: &str| Err(format!("poll {} is {}, but {what}", poll.id, poll.outcome));
    if !poll.was_read() && poll.body_sha256.is_none() {
        return Ok(None);
    }
    let Some(exchange) = poll.trace_id.and_then(|trace_id| served.get(&trace_id)) else {
        return says("no request with its trace id was received");
    };
    let account = exchange.access_token.as_ref().and_then(|token| expected.accounts.get(token));
    if account != Some(&poll.account) || exchange.cycle.map(Cycle::first_day) != Some(poll.cycle) {
        return says("another account or cycle was asked for");
    }
    let Some(answer) = &exchange.answer else { return says("its request was never answered") };
    if Some(answer.status) != poll.http_status.and_then(|status| u16::try_from(status).ok()) {
        return says("the answer had another status");
    }
    if poll.body_sha256.is_none() {
        return Ok(None);
    }
    let bytes = i64::try_from(answer.body.len()).expect("an answer is not that long");
    if poll.body_sha256.as_deref() != Some(&Sha256::digest(&answer.body)[..])
        || poll.body_bytes != Some(bytes)
    {
        return says("the answer had other bytes");
    }
    Ok(Some(&answer.body))
}

/// Plays the answers through the reference.
fn replayed(
    answers: &[(&PollRow, Option<&[u8]>)],
    stored: &Stored,
    expected: &Expectations,
) -> Vec<Violation> {
    // Polls of one cycle are applied in the order of their numbers. Those of several cycles may be applied in
    // another order, which matters only to a report that two cycles list: it must fit one of the orders.
    let mut by_time = answers.to_vec();
    by_time.sort_by_key(|(poll, _)| (poll.finished_at, poll.id));
    let (reference, mut found) = replay(&by_time, expected);
    let mut differing = differences(stored, &reference, expected);
    if !differing.is_empty() {
        let (other, found_otherwise) = replay(answers, expected);
        let otherwise = differences(stored, &other, expected);
        let still: BTreeSet<&Key> = otherwise.iter().map(|(key, _)| key).collect();
        differing.retain(|(key, _)| still.contains(key));
        if found_otherwise.is_empty() {
            found.clear();
        }
    }
    found.extend(differing.into_iter().map(|(_, violation)| violation));
    if expected.pruned == Pruned::Never {
        let quarantine = compare::quarantine(stored, &reference).into_iter();
        found.extend(quarantine.map(|(rule, detail)| violation(rule, detail)));
    }
    found
}

fn replay(answers: &[(&PollRow, Option<&[u8]>)], expected: &Expectations) -> (Reference, Vec<Violation>) {
    let mut reference = Reference::new(expected.rules.clone());
    let mut found = Vec::new();
    for (row, body) in answers {
        let mut poll = Poll {
            id: row.id,
            account: &row.account,
            cycle: row.cycle,
            requested_at: row.requested_at.unwrap_or(row.finished_at),
            moment: row.finished_at,
            accept: false,
            body: body.unwrap_or_default(),
        };
        let refused_at_edge = row.was_read() && row.http_status == Some(400);
        if body.is_none() && !refused_at_edge {
            continue;
        }
        // An answer that was good but could not be applied, or was not any more, changes nothing.
        if ["failed", "interrupted"].contains(&row.outcome.as_str()) && row.quarantined == 0 {
            let refused = row.error.as_deref().unwrap_or_default().contains("not a whole report list");
            let right = reference.clone().apply(&poll);
            if refused && right.outcome != "failed" {
                let detail = format!("poll {}: {:?}, right is {right:?}", row.id, row.error);
                found.push(violation("good_answer_refused", detail));
            }
            continue;
        }
        let mut verdict = |poll: &Poll<'_>| {
            if refused_at_edge { reference.refused_at_edge(poll) } else { reference.apply(poll) }
        };
        poll.accept = expected.accepting && row.withdrawn > 0;
        let right = verdict(&poll);
        // What was pruned or changed by hand changes what later polls come to.
        let comparable = expected.pruned == Pruned::Never && expected.touched.is_empty();
        if comparable && row.verdict() != counts(&right) {
            let detail =
                format!("poll {}: stored {:?}, right is {right:?}; {:?}", row.id, row.verdict(), row.error);
            found.push(violation("poll_came_to_something_else", detail));
        }
    }
    (reference, found)
}

fn counts(verdict: &Verdict) -> (&'static str, [i32; 5]) {
    let Verdict { outcome, seen, inserted, updated, withdrawn, quarantined } = verdict;
    let counts = [seen, inserted, updated, withdrawn, quarantined];
    (outcome, counts.map(|count| i32::try_from(*count).expect("a handful")))
}

fn differences(stored: &Stored, reference: &Reference, expected: &Expectations) -> Vec<(Key, Violation)> {
    compare::reports(stored, reference)
        .into_iter()
        .filter(|(key, ..)| !expected.touched.contains(key) && !is_pruned(key, reference, expected))
        .map(|(key, rule, detail)| (key, violation(rule, detail)))
        .collect()
}

/// Whether a report is gone because it is past retention.
fn is_pruned(key: &Key, reference: &Reference, expected: &Expectations) -> bool {
    let Some((cutoff, _)) = expected.cutoff.filter(|_| expected.pruned != Pruned::Never) else {
        return false;
    };
    reference.reports.get(key).is_some_and(|report| report.newest().facts.end < cutoff)
}

/// What the program said it did must be there.
async fn acknowledged(
    connection: &mut PgConnection,
    expected: &Expectations,
    polls: &[PollRow],
) -> sqlx::Result<Vec<Violation>> {
    let runs: Vec<(i64, String, String)> =
        sqlx::query_as("select id, account, outcome from lmp_billing.sync_runs")
            .fetch_all(connection)
            .await?;
    let mut found = Vec::new();
    for said in &expected.runs {
        let stored = runs.iter().find(|(id, ..)| said["run_id"] == *id);
        if !stored
            .is_some_and(|(_, account, outcome)| said["account"] == **account && said["outcome"] == **outcome)
        {
            found.push(violation("lost_run", format!("said was {said}, stored is {stored:?}")));
        }
    }
    for said in &expected.polls {
        let stored = polls.iter().find(|poll| said["id"] == poll.id);
        let agrees = stored.is_some_and(|poll| {
            let (outcome, [seen, inserted, updated, withdrawn, quarantined]) = poll.verdict();
            let same = |name: &str, value: i32| said[name] == value;
            said["outcome"] == outcome
                && said["account"] == *poll.account
                && said["cycle"] == poll.cycle.format("%Y-%m").to_string()
                && same("reports_seen", seen)
                && same("inserted", inserted)
                && same("updated", updated)
                && same("withdrawn", withdrawn)
                && same("quarantined", quarantined)
        });
        if !agrees {
            found.push(violation("lost_poll", format!("said was {said}, stored is {stored:?}")));
        }
    }
    Ok(found)
}

fn violation(rule: &str, detail: String) -> Violation {
    Violation { rule: rule.to_owned(), detail }
}
