//! `/metrics`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use lmp_billing_sync::simulator::{BadEntry, Fault, FaultRule};
use lmp_billing_sync::store::{Job, RunOutcome};

use super::link::Link;
use super::{Site, count_from};
use crate::support::lab::{Lab, With as _, report, reports};

/// The samples of a scrape: name with labels → value.
async fn scrape(site: &Site) -> BTreeMap<String, f64> {
    let answer = site.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(answer.headers["content-type"].starts_with("text/plain; version=0.0.4"));
    let mut explained = BTreeSet::new();
    let mut samples = BTreeMap::new();
    for line in answer.body.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, text) = help.split_once(' ').expect("a help text");
            assert!(text.ends_with('.') && explained.insert(name.to_owned()), "{line}");
        } else if !line.starts_with("# TYPE ") {
            let (sample, value) = line.rsplit_once(' ').expect("a value");
            assert!(sample.starts_with("lmp_billing_sync_"), "{line}");
            samples.insert(
                sample.replace("lmp_billing_sync_", ""),
                value.parse().unwrap_or_else(|_| panic!("{line} has no number")),
            );
        }
    }
    samples
}

#[tokio::test]
async fn it_tells_how_fresh_and_how_complete_the_data_are() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    count_from(&lab, "0 s").await;
    let cycle = lab.cycle(1).await;
    let before = scrape(&site).await;
    assert_eq!(before["unconfirmed_cycles{account=\"emea\"}"].to_string(), "25");
    assert!(!before.keys().any(|name| name.contains("confirmed_timestamp")));

    let statuses = ["Completed", "Completed", "Approved", "Rejected", "On Hold", "In Limbo"];
    lab.serve(cycle, (1..).zip(statuses).map(|(n, s)| report(n, cycle).with(|r| r.status = s.to_owned())));
    lab.lmp().push_fault(FaultRule::once(Fault::BadEntries(vec![BadEntry::MaskedGuid])));
    let ended = lab.sync(&[cycle]).await;
    ended.polls.iter().for_each(|poll| site.metrics.poll(poll));
    site.metrics.run(Job::Refresh, RunOutcome::Succeeded);

    let after = scrape(&site).await;
    let confirmed = after[&format!("last_confirmed_timestamp_seconds{{account=\"emea\",cycle=\"{cycle}\"}}")];
    let finished =
        lab.value("select extract(epoch from max(finished_at)) from lmp_billing.cycle_polls").await;
    assert!((confirmed - finished.parse::<f64>().unwrap()).abs() < 0.01);
    for (sample, value) in [
        ("unconfirmed_cycles{account=\"emea\"}", "24"),
        ("open_reports{account=\"emea\",status=\"Approved\"}", "1"),
        ("open_reports{account=\"emea\",status=\"MSP Preparing\"}", "0"),
        ("open_reports{account=\"emea\",status=\"Rejected\"}", "1"),
        ("open_reports{account=\"emea\",status=\"other\"}", "2"),
        ("quarantine_open{account=\"emea\"}", "1"),
        ("suspect_cycles{account=\"emea\"}", "0"),
        ("database_up", "1"),
        ("overdue_jobs{job_name=\"refresh\"}", "0"),
        ("clock_skew_seconds{account=\"\",peer=\"database\"}", "0"),
        ("clock_skew_seconds{account=\"emea\",peer=\"upstream\"}", "0"),
        ("polls_total{account=\"emea\",outcome=\"applied\"}", "1"),
        ("polls_total{account=\"emea\",outcome=\"failed\"}", "0"),
        ("reports_changed_total{account=\"emea\",kind=\"inserted\"}", "6"),
        ("quarantined_entries_total{account=\"emea\"}", "1"),
        ("runs_total{job_name=\"refresh\",outcome=\"succeeded\"}", "1"),
    ] {
        assert_eq!(after.get(sample).map(ToString::to_string).as_deref(), Some(value), "{sample}");
    }
    assert!(after.contains_key(
        "last_run_timestamp_seconds{account=\"emea\",job_name=\"manual\",outcome=\"succeeded\"}"
    ));
    assert!(after["next_tick_timestamp_seconds{account=\"*\",job_name=\"prune\"}"] > confirmed);
}

#[tokio::test]
async fn what_the_vendor_sends_makes_no_series() {
    let mut lab = Lab::new().await;
    let site = Site::of(&lab).await;
    let cycle = lab.cycle(1).await;
    lab.sync_all().await;
    let before = scrape(&site).await;
    let invented = (1..=200).map(|n| report(n, cycle).with(|r| r.status = format!("Status {n}\"\n")));
    lab.serve(cycle, invented);
    lab.rules.accept_withdrawals = true;
    lab.poll(cycle).await;
    let after = scrape(&site).await;
    let names = |samples: &BTreeMap<String, f64>| samples.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&before), names(&after));
    assert_eq!(after["open_reports{account=\"emea\",status=\"other\"}"].to_string(), "200");
    assert!(after.len() < 150, "{} series for one account", after.len());
}

#[tokio::test]
async fn clocks_that_are_apart_are_measured() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    let cycle = lab.cycle(1).await;
    lab.lmp().push_fault(FaultRule::once(Fault::ClockSkew(TimeDelta::minutes(-10))));
    lab.poll(cycle).await;
    let skew = scrape(&site).await["clock_skew_seconds{account=\"emea\",peer=\"upstream\"}"];
    assert!((598.0..=600.0).contains(&skew), "{skew}");
}

#[tokio::test]
async fn without_the_database_the_moments_stay_and_their_age_goes_on() {
    let lab = Lab::new().await;
    let (mut link, store) = Link::to(&lab).await;
    let site = Site::over(store).await;
    let cycle = lab.cycle(0).await;
    lab.serve(cycle, reports(3, cycle));
    lab.poll(cycle).await;
    let before = scrape(&site).await;
    link.cut().await;
    let after = scrape(&site).await;
    assert_eq!(after["database_up"].to_string(), "0");
    let moment = format!("last_confirmed_timestamp_seconds{{account=\"emea\",cycle=\"{cycle}\"}}");
    assert_eq!(before[&moment].to_bits(), after[&moment].to_bits());
}

#[tokio::test]
async fn an_account_that_is_taken_out_of_the_settings_leaves_no_gauge_behind() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    lab.poll(lab.cycle(0).await).await;
    assert!(scrape(&site).await.contains_key("suspect_cycles{account=\"emea\"}"));
    site.state.replace_plan(super::plan(&["apac"]));
    let after = scrape(&site).await;
    assert!(after.contains_key("suspect_cycles{account=\"apac\"}"));
    assert!(!after.keys().any(|name| name.contains("_timestamp_seconds{account=\"emea\"")));
}
