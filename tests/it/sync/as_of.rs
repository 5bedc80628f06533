//! `reports_as_of(t)` gives back what the upstream listed at `t`, as far as polls saw it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use lmp_billing_sync::domain::{Cycle, KnownStatus};
use lmp_billing_sync::simulator::Simulator;
use serde_json::Value;

use crate::support::lab::Lab;

const ROUNDS: u32 = 40;
const MOMENTS: usize = 400;
const CYCLES: u32 = 8;

/// What was listed for a cycle from a moment on: one line per report.
type Listed = BTreeMap<Cycle, Vec<(DateTime<Utc>, Vec<String>)>>;

#[tokio::test]
async fn any_moment_of_the_past_comes_back_as_it_was_listed() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut lab = Lab::with(Simulator::default().seed(seed).partners(25)).await;
    // Partners leave and reports vanish here by chance; the guard has its own tests.
    lab.rules.accept_withdrawals = true;
    let now = lab.now().await;
    let first = now - TimeDelta::days(200);
    let cycles: Vec<Cycle> =
        (1..=CYCLES).map(|back| Cycle::containing(now.date_naive()).back(back)).collect();
    let mut listed = Listed::new();
    let mut changed = 0;
    for round in 0..ROUNDS {
        lab.lmp().set_world_time(first + TimeDelta::hours(i64::from(round) * 115));
        for cycle in &cycles {
            meddle(&lab, &mut dice, *cycle);
        }
        lab.lmp().clear_exchanges();
        for poll in lab.sync(&cycles).await.polls {
            changed += poll.inserted + poll.updated + poll.withdrawn;
            assert!(!poll.outcome.is_failure(), "{:?}", poll.error);
            let served = lab.lmp().exchanges().into_iter().find(|e| e.trace_id == poll.trace_id).unwrap();
            let served: Value = serde_json::from_slice(&served.answer.unwrap().body).unwrap();
            let mut lines: Vec<String> = served["reports"].as_array().unwrap().iter().map(line).collect();
            lines.sort();
            listed.entry(poll.cycle).or_default().push((poll.finished_at, lines));
        }
    }
    assert!(changed > 500, "too little happened for a proof: {changed} changes");

    let end = lab.now().await;
    let begin = listed.values().map(|polls| polls[0].0).min().unwrap();
    let span = (end - begin).num_microseconds().unwrap();
    let mut compared = 0;
    for _ in 0..MOMENTS {
        let moment = begin + TimeDelta::microseconds(dice.i64(0..=span));
        compared += compare(&lab, &listed, moment).await;
    }
    // And right at each boundary, where a mistake of one version would show.
    for (moment, _) in listed.values().flatten().collect::<Vec<_>>() {
        compared += compare(&lab, &listed, *moment).await;
    }
    assert!(compared > 10_000, "too little was compared for a proof: {compared} reports");
}

/// Removes some reports from an answer, and sometimes gives them back.
fn meddle(lab: &Lab, dice: &mut fastrand::Rng, cycle: Cycle) {
    let token = lmp_billing_sync::simulator::DEFAULT_ACCESS_TOKEN;
    match dice.u8(0..4) {
        0 => {
            let world = lab.lmp().world(token).unwrap();
            let mut reports = world.reports(lab.lmp().world_clock().now(), cycle);
            reports.retain(|_| dice.u8(0..10) > 0);
            if !reports.is_empty() {
                lab.lmp().replace_reports(token, cycle, reports);
            }
        }
        1 | 2 => lab.lmp().restore(token, cycle),
        _ => {}
    }
}

async fn compare(lab: &Lab, listed: &Listed, moment: DateTime<Utc>) -> usize {
    let sql = format!(
        "select cycle || ' ' || id || ' ' || partner_company_name || ' ' || start_date || ' ' || end_date
                || ' ' || status || ' ' || coalesce(under_review_status, '-')
         from lmp_billing.reports_as_of('{}')",
        moment.to_rfc3339()
    );
    let mut found = lab.lines(&sql).await;
    found.sort();
    let mut expected: Vec<String> = listed
        .iter()
        .filter_map(|(cycle, polls)| {
            let (_, lines) = polls.iter().rev().find(|(from, _)| *from <= moment)?;
            Some(lines.iter().map(|line| format!("{} {line}", cycle.first_day())))
        })
        .flatten()
        .collect();
    expected.sort();
    assert_eq!(found, expected, "at {moment}");
    found.len()
}

fn line(report: &Value) -> String {
    let fields = ["id", "partner_company_name", "start_date", "end_date", "status", "under_review_status"];
    let [id, name, start, end, status, how] = fields.map(|field| report[field].as_str().unwrap_or_default());
    let status = KnownStatus::find(status).map_or(status, |known| known.as_str());
    let how = if how.is_empty() { "-" } else { how };
    format!("{id} {name} {start} {end} {status} {how}")
}
