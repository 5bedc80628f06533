//! What Prometheus and Grafana are told to ask for is what the daemon serves, and each alert says what to do.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lmp_billing_sync::store::{Job, RunOutcome};

use super::{Site, count_from};
use crate::support::lab::{Lab, reports};

const PREFIX: &str = "lmp_billing_sync_";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The names of metrics in a text, without the prefix.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_part(c))
        .filter_map(|word| word.strip_prefix(PREFIX))
        .filter(|name| !name.is_empty())
        .map(ToOwned::to_owned)
        .collect()
}

/// A scrape in which every metric has a sample.
async fn full_scrape() -> String {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    count_from(&lab, "0 s").await;
    let cycle = lab.cycle(0).await;
    lab.serve(cycle, reports(3, cycle));
    for poll in lab.sync(&[cycle]).await.polls {
        site.metrics.poll(&poll);
    }
    site.metrics.run(Job::Refresh, RunOutcome::Succeeded);
    let answer = site.get("/metrics").await;
    assert_eq!(answer.status, 200);
    answer.body
}

/// Where promtool is; `None` on a machine that lacks it, which CI may not.
fn promtool() -> Option<PathBuf> {
    let kept = root().join("target/tools/bin/promtool");
    let in_path = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|path| std::env::split_paths(&path).map(|dir| dir.join("promtool")).collect::<Vec<_>>());
    let found = in_path.chain([kept]).find(|file| file.is_file());
    assert!(
        found.is_some() || std::env::var_os("CI").is_none(),
        "promtool is missing: scripts/ensure-promtool.sh brings it"
    );
    found
}

#[tokio::test]
async fn what_rules_dashboards_and_the_manual_ask_for_is_served() {
    let served = metrics_in(&full_scrape().await);
    for file in [
        "dashboards/alerts.yml",
        "dashboards/alerts.test.yml",
        "dashboards/operations.json",
        "docs/OPERATIONS.md",
    ] {
        let asked = metrics_in(&text(file));
        assert!(!asked.is_empty(), "{file} asks for nothing");
        let unknown: Vec<_> = asked.difference(&served).collect();
        assert!(unknown.is_empty(), "{file} asks for {unknown:?}, which the daemon does not serve");
    }
}

#[tokio::test]
async fn the_manual_says_what_each_metric_answers() {
    let scrape = full_scrape().await;
    let served: BTreeSet<&str> = scrape
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()?.strip_prefix(PREFIX))
        .collect();
    assert!(served.len() > 10, "{served:?}");
    let told = metrics_in(&text("docs/OPERATIONS.md"));
    let missing: Vec<_> = served.into_iter().filter(|name| !told.contains(*name)).collect();
    assert!(missing.is_empty(), "docs/OPERATIONS.md does not speak of {missing:?}");
}

#[tokio::test]
async fn promtool_finds_nothing_to_say_about_the_metrics() {
    let Some(promtool) = promtool() else {
        eprintln!("not checked: promtool is not installed (scripts/ensure-promtool.sh brings it)");
        return;
    };
    let scrape = full_scrape().await;
    let mut linter = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    linter.stdin.take().expect("it reads").write_all(scrape.as_bytes()).expect("it reads all of it");
    let ended = linter.wait_with_output().expect("it ends");
    let said =
        format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success() && said.trim().is_empty(), "{said}\n{scrape}");
}

#[test]
fn each_alert_is_tested_and_has_its_paragraph_and_no_paragraph_is_left_over() {
    let names = |text: &str, before: &str| -> BTreeSet<String> {
        text.lines()
            .filter_map(|line| line.trim().strip_prefix(before))
            .map(|name| name.trim().to_owned())
            .filter(|name| name.starts_with("LmpBillingSync"))
            .collect()
    };
    let rules = text("dashboards/alerts.yml");
    let alerts = names(&rules, "- alert:");
    assert!(alerts.len() >= 5, "{alerts:?}");
    let manual = text("docs/OPERATIONS.md");
    assert_eq!(alerts, names(&manual, "### "), "paragraphs of docs/OPERATIONS.md");
    assert_eq!(alerts, names(&text("dashboards/alerts.test.yml"), "alertname:"), "tests of the alerts");
    for alert in &alerts {
        let link = format!("runbook: \"docs/OPERATIONS.md#{}\"", alert.to_ascii_lowercase());
        assert!(rules.contains(&link), "{alert} does not lead to its paragraph");
    }
}
