//! `history`: one report, all that was ever known of it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::lab::{CommandLab, months_ago, report};
use super::process::keys;

const ID: &str = "07070707-0707-0707-0707-070707070707";

/// A report that went through three statuses.
async fn lab_with_history() -> CommandLab {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1);
    for status in ["MSP Preparing", "Under Review", "Completed"] {
        lab.serve(cycle, vec![report(7, "Acme", cycle, status)]);
        lab.succeeds(&["sync", "--cycle", &cycle.to_string()]).await;
    }
    lab
}

#[tokio::test]
async fn json_is_an_array_oldest_first_with_the_columns_of_report_history() {
    let lab = lab_with_history().await;
    let document = lab.succeeds(&["history", ID, "--output", "json"]).await.json();
    let versions = document.as_array().expect("an array");
    let told = |key: &str| versions.iter().map(|version| version[key].clone()).collect::<Vec<_>>();
    assert_eq!(told("version"), [1, 2, 3]);
    assert_eq!(told("status"), ["MSP Preparing", "Under Review", "Completed"]);
    assert_eq!(told("cycle"), vec![Value::from(months_ago(1).to_string()); 3]);
    assert_eq!(told("valid_to")[..2], told("valid_from")[1..]);
    assert_eq!(versions[2]["valid_to"], Value::Null);

    let columns = "select column_name::text from information_schema.columns
                   where table_schema = 'lmp_billing' and table_name = 'report_history'";
    let columns: BTreeSet<String> = lab.texts(columns).await.into_iter().collect();
    assert_eq!(keys(&versions[0]), Vec::from_iter(&columns));
}

#[tokio::test]
async fn csv_has_the_same_columns() {
    let lab = lab_with_history().await;
    let document = lab.succeeds(&["history", ID, "--output", "json"]).await.json();
    let (mut header, rows) = lab.succeeds(&["history", ID, "--output", "csv"]).await.csv();
    header.sort();
    assert_eq!(header, keys(&document[0]));
    let statuses: Vec<&str> = rows.iter().map(|row| row["status"].as_str()).collect();
    assert_eq!(statuses, ["MSP Preparing", "Under Review", "Completed"]);
}

#[tokio::test]
async fn the_table_tells_from_when_until_when() {
    let lab = lab_with_history().await;
    let ended = lab.succeeds(&["history", ID]).await;
    let lines: Vec<&str> = ended.stdout.lines().skip(2).collect();
    assert_eq!(lines.len(), 3, "{}", ended.stdout);
    assert!(lines[0].contains("MSP Preparing") && !lines[0].contains(" now "), "{}", ended.stdout);
    assert!(lines[2].contains("Completed") && lines[2].contains(" now "), "{}", ended.stdout);
}

#[tokio::test]
async fn any_spelling_of_a_guid_finds_the_report() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1);
    lab.serve(cycle, vec![report(0xab, "Acme", cycle, "Completed")]);
    lab.succeeds(&["sync", "--cycle", &cycle.to_string()]).await;
    for id in ["abababab-abab-abab-abab-abababababab", "{ABABABAB-ABAB-ABAB-ABAB-ABABABABABAB}"] {
        lab.succeeds(&["history", id]).await.says(&["Acme"]);
    }
}

#[tokio::test]
async fn an_unknown_report_is_a_failure_in_every_output() {
    let lab = CommandLab::new().await;
    for output in ["table", "json", "csv"] {
        let ended = lab.call(&["history", ID, "--output", output]).ends_with(1).await;
        assert_eq!(ended.complains(&[ID, "has been seen"]).stdout, "");
    }
}

#[tokio::test]
async fn what_is_no_guid_is_wrong_usage() {
    let lab = CommandLab::new().await;
    let nil = "00000000-0000-0000-0000-000000000000";
    for id in ["acme", "07070707-0707-0707-0707-0707070707", "", "07070707070707070707070707070707", nil] {
        lab.call(&["history", id]).ends_with(2).await.complains(&["GUID, for example"]);
    }
}
