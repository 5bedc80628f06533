//! Nights in which clocks change, and the turn of the year, lived through by a real daemon.

use chrono::{DateTime, TimeDelta, Utc};
use lmp_billing_sync::domain::Cycle;

use super::schedule;
use crate::faults::moved::Moved;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Takes a daemon through the time from `from` on, a quarter of an hour at a time, and returns the ticks
/// of `job` that it ran.
async fn ticks(job: &str, own: &str, from: &str, quarters: i32) -> Vec<String> {
    let lab = Moved::new(1, TimeDelta::zero()).await;
    // Seven minutes past, so that no tick falls on the moment of a step.
    let from = at(from) + TimeDelta::minutes(7);
    lab.set(from);
    // The prune is looked at last: when its tick of this quarter has been claimed, so have all others.
    lab.settings(&schedule(&format!("{own}\nprune = '*/15 * * * *'")));
    let daemon = lab.call(&["run"]).quiet().start();
    lab.until_count("select count(*) from lmp_billing.schedule_baselines", 4).await;
    lab.until_count("select count(*) from lmp_billing.sync_runs where finished_at is not null", 1).await;
    for quarter in 1..=quarters {
        let now = from + TimeDelta::minutes(15) * quarter;
        lab.set(now);
        let claimed = format!(
            "select count(*) from lmp_billing.schedule_ticks t where job = 'prune' and due_at = '{}'
             and not exists (select from lmp_billing.sync_runs where outcome = 'running')",
            now - TimeDelta::minutes(7)
        );
        lab.until_count(&claimed, 1).await;
    }
    daemon.stops().await;
    if job == "discover" {
        // The month that has just ended and the one that has begun, by the year of each.
        let polled = "select min(r.started_at)::date::text || ' ' || string_agg(distinct to_char(p.cycle, 'YYYY-MM'), ' ')
                      from lmp_billing.sync_runs r join lmp_billing.cycle_polls p on p.run_id = r.id
                      where r.job = 'discover' and r.trigger <> 'startup' group by r.id";
        for line in lab.texts(polled).await {
            let (day, cycles) = line.split_once(' ').unwrap();
            let current = Cycle::containing(day.parse().unwrap());
            assert_eq!(cycles, format!("{} {current}", current.back(1)));
        }
    }
    lab.texts(&format!(
        "select to_char(t.due_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' ' || r.outcome
         from lmp_billing.schedule_ticks t join lmp_billing.sync_runs r on r.id = t.run_id
         where t.job = '{job}' and t.due_at > '-infinity' order by t.due_at"
    ))
    .await
}

async fn refreshes(zone: &str, expression: &str, from: &str, quarters: i32) -> Vec<String> {
    let own = format!("timezone = '{zone}'\nrefresh = '{expression}'");
    ticks("refresh", &own, from, quarters).await
}

#[tokio::test]
async fn berlin_runs_half_past_two_once_when_there_is_none_and_once_when_there_are_two() {
    let gap = refreshes("Europe/Berlin", "30 2 * * *", "2027-03-28T00:30:00Z", 8).await;
    assert_eq!(gap, ["2027-03-28 01:00 succeeded"], "right after the gap, at three");
    let overlap = refreshes("Europe/Berlin", "30 2 * * *", "2027-10-31T00:00:00Z", 10).await;
    assert_eq!(overlap, ["2027-10-31 00:30 succeeded"], "the first of the two");
}

#[tokio::test]
async fn sao_paulo_runs_half_past_midnight_once_when_the_day_begins_at_one() {
    let gap = refreshes("America/Sao_Paulo", "30 0 * * *", "2018-11-04T02:30:00Z", 8).await;
    assert_eq!(gap, ["2018-11-04 03:00 succeeded"]);
    let overlap = refreshes("America/Sao_Paulo", "30 23 * * *", "2018-02-18T01:00:00Z", 10).await;
    assert_eq!(overlap, ["2018-02-18 01:30 succeeded"]);
}

#[tokio::test]
async fn lord_howe_runs_each_tick_once_though_its_clocks_change_by_half_an_hour() {
    let gap = refreshes("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T15:00:00Z", 6).await;
    assert_eq!(gap, ["2026-10-03 15:30 succeeded"]);
    let overlap = refreshes("Australia/Lord_Howe", "45 1 * * *", "2027-04-03T14:30:00Z", 6).await;
    assert_eq!(overlap, ["2027-04-03 14:45 succeeded"]);
}

#[tokio::test]
async fn in_january_december_of_the_year_before_is_asked_for() {
    let discovered = ticks("discover", "discover = '0 3 1 * *'", "2027-01-01T02:30:00Z", 4).await;
    assert_eq!(discovered, ["2027-01-01 03:00 succeeded"]);
}

#[tokio::test]
async fn the_29th_of_february_and_the_last_day_of_a_month_come_when_the_calendar_has_them() {
    let leap = ticks("discover", "discover = '0 3 29 2 *'", "2028-02-29T02:30:00Z", 4).await;
    assert_eq!(leap, ["2028-02-29 03:00 succeeded"]);
    let none = ticks("discover", "discover = '0 3 29 2 *'", "2027-03-01T02:30:00Z", 4).await;
    assert_eq!(none, [""; 0]);
    let last = ticks("discover", "discover = '0 3 L * *'", "2027-02-28T02:30:00Z", 4).await;
    assert_eq!(last, ["2027-02-28 03:00 succeeded"]);
    let no_31st = ticks("discover", "discover = '0 3 31 * *'", "2027-04-30T02:30:00Z", 4).await;
    assert_eq!(no_31st, [""; 0]);
}
