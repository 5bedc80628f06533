//! The command, as a person or a script runs it.

use std::process::{Command, Output};

use chrono::Days;
use serde_json::{Value, json};

use super::{cutoff, left, store};
use crate::support::lab::Lab;

fn prune(lab: &Lab, args: &[&str]) -> Output {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let config = dir.path().join("config.toml");
    std::fs::write(&config, "[log]\nfilter = \"warn\"\n").expect("the settings can be written");
    Command::new(env!("CARGO_BIN_EXE_lmp-billing-sync"))
        .env("LMP_BILLING_SYNC__DATABASE__URL", lab.db.url())
        .arg("--config")
        .arg(config)
        .arg("prune")
        .args(args)
        .output()
        .expect("the program can be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the program writes UTF-8")
}

/// What it wrote, when it ended well.
fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_and_then_the_real_one_in_json() {
    let lab = Lab::new().await;
    let cutoff = cutoff(&lab).await;
    let end = cutoff - Days::new(1);
    store(&lab, "old", 3, end, 2).await;
    store(&lab, "new", 9, cutoff, 1).await;
    let document = |dry_run| {
        json!({
            "cutoff": cutoff.to_string(),
            "dry_run": dry_run,
            "reports": 3,
            "cycles": [{"account": "emea", "cycle": end.format("%Y-%m").to_string(), "reports": 3, "versions": 6}],
        })
    };
    let parse = |output: &Output| serde_json::from_str::<Value>(&done(output)).unwrap();
    assert_eq!(parse(&prune(&lab, &["--dry-run", "--output", "json"])), document(true));
    assert_eq!(left(&lab).await, ["new|9|9", "old|3|6"]);
    assert_eq!(parse(&prune(&lab, &["--output", "json"])), document(false));
    assert_eq!(left(&lab).await, ["new|9|9"]);
    let nothing = json!({"cutoff": cutoff.to_string(), "dry_run": false, "reports": 0, "cycles": []});
    assert_eq!(parse(&prune(&lab, &["--output", "json"])), nothing);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_spreadsheets_are_told_too() {
    let lab = Lab::new().await;
    let cutoff = cutoff(&lab).await;
    let end = cutoff - Days::new(1);
    let month = end.format("%Y-%m");
    store(&lab, "old", 3, end, 2).await;
    store(&lab, "new", 9, cutoff, 1).await;
    let csv = done(&prune(&lab, &["--dry-run", "--output", "csv"]));
    assert_eq!(csv, format!("account,cycle,reports,versions\nemea,{month},3,6\n"));
    let dry = done(&prune(&lab, &["--dry-run"]));
    assert!(dry.contains(&month.to_string()) && dry.contains("Earlier versions"), "{dry}");
    let sentence =
        format!("3 of 12 reports ended before {cutoff} and would be deleted, with 6 earlier versions.");
    assert!(dry.contains(&sentence), "{dry}");
    assert!(dry.contains("a dry run"), "{dry}");
    let real = done(&prune(&lab, &[]));
    assert!(real.contains(&format!("Deleted 3 reports that ended before {cutoff}")), "{real}");
    let again = done(&prune(&lab, &[]));
    assert_eq!(
        again,
        format!("Nothing is past retention: every report ended on {cutoff} or later (24 months are kept).\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_exits_with_1_and_says_what_to_do() {
    let lab = Lab::new().await;
    store(&lab, "old", 101, cutoff(&lab).await - Days::new(1), 0).await;
    let dry = prune(&lab, &["--dry-run"]);
    assert!(done(&dry).contains("101 of 101"));
    assert!(text(&dry.stderr).contains("this would be refused"), "{}", text(&dry.stderr));
    let refused = prune(&lab, &["--output", "json"]);
    assert_eq!((refused.status.code(), text(&refused.stdout)), (Some(1), String::new()));
    let message = text(&refused.stderr);
    for part in ["refused", "nothing has been deleted", "101 of 101", "--dry-run", "--force"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(left(&lab).await, ["old|101|0"]);
    done(&prune(&lab, &["--force"]));
    assert!(left(&lab).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_exits_with_2_and_a_missing_schema_with_1() {
    let lab = Lab::new().await;
    assert_eq!(prune(&lab, &["--all"]).status.code(), Some(2));
    lab.execute("drop schema lmp_billing cascade").await;
    let output = prune(&lab, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("lmp-billing-sync migrate"), "{}", text(&output.stderr));
}
