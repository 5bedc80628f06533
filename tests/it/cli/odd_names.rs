//! Names that would do something where they are shown: upstream writes them, people read them.

use serde_json::json;

use super::lab::{CommandLab, months_ago, report, token};
use super::process::Ended;

const ANSI: &str = "\u{1b}[2J\u{1b}[31mRed \u{9b}1mLtd";
const LINES: &str = "Two\nLines\r\nLtd";
const FORMULAS: [&str; 5] = ["=cmd|' /C calc'!A1", "+1+1", "-1-1", "@SUM(A1)", "\t=1+1"];
const TURNED: &str = "\u{202e}dtL \u{2066}x";

/// A report for each name, all in one cycle; returns their ids.
async fn lab_with(names: &[&str]) -> (CommandLab, Vec<String>) {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1);
    let reports: Vec<_> = (1..).zip(names).map(|(id, name)| report(id, name, cycle, "Completed")).collect();
    let ids = reports.iter().map(|report| report.id.to_string()).collect();
    lab.serve(cycle, reports);
    lab.succeeds(&["sync", "--cycle", &cycle.to_string()]).await;
    (lab, ids)
}

async fn shown(lab: &CommandLab, id: &str, output: &str) -> Ended {
    lab.succeeds(&["history", id, "--output", output]).await
}

#[tokio::test]
async fn json_has_every_name_exactly() {
    let names = [&[ANSI, LINES, TURNED][..], &FORMULAS].concat();
    let (lab, ids) = lab_with(&names).await;
    for (id, name) in ids.iter().zip(names) {
        assert_eq!(shown(&lab, id, "json").await.json()[0]["partner_company_name"], name);
    }
}

#[tokio::test]
async fn a_table_shows_a_name_on_one_line_and_without_control_characters() {
    let (lab, ids) = lab_with(&[ANSI, LINES, TURNED]).await;
    for id in &ids {
        let table = shown(&lab, id, "table").await.stdout;
        assert_eq!(table.lines().count(), 3, "header, rule and one version: {table:?}");
        let drives =
            |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}');
        assert!(!table.contains(drives), "{table:?}");
    }
    assert!(shown(&lab, &ids[0], "table").await.stdout.contains(r"\u{1b}[31mRed"));
    assert!(shown(&lab, &ids[1], "table").await.stdout.contains(r"Two\nLines\r\nLtd"));
}

#[tokio::test]
async fn csv_hands_no_formula_to_a_spreadsheet() {
    let (lab, ids) = lab_with(&FORMULAS).await;
    for (id, name) in ids.iter().zip(FORMULAS) {
        let (_, rows) = shown(&lab, id, "csv").await.csv();
        assert_eq!(rows[0]["partner_company_name"], format!("'{name}"));
    }
}

#[tokio::test]
async fn csv_keeps_lines_and_shows_other_control_characters() {
    let (lab, ids) = lab_with(&[ANSI, LINES]).await;
    let (_, rows) = shown(&lab, &ids[0], "csv").await.csv();
    assert_eq!(rows[0]["partner_company_name"], r"\u{1b}[2J\u{1b}[31mRed \u{9b}1mLtd");
    let (_, rows) = shown(&lab, &ids[1], "csv").await.csv();
    assert_eq!(rows[0]["partner_company_name"], "Two\nLines\r\nLtd");
}

#[tokio::test]
async fn what_is_set_aside_cannot_drive_the_terminal_either() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1);
    let entry = |id: &str| {
        let (start, end) = (cycle.first_day(), cycle.last_day());
        json!({ "id": id, "partner_company_name": ANSI, "start_date": start, "end_date": end,
                "status": "Completed", "under_review_status": null })
        .to_string()
    };
    let good = "01010101-0101-0101-0101-010101010101";
    lab.handle().replace_entries(&token("emea"), cycle, vec![entry(good), entry(ANSI)]);
    let synced =
        lab.succeeds(&["sync", "--cycle", &cycle.to_string()]).await.says(&["1 entries quarantined"]);
    let status = lab.succeeds(&["status"]).await.says(&["invalid_id"]);
    for text in [synced.stdout, synced.stderr, status.stdout] {
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}
