//! Texts that would do something where they are stored or shown: stored exactly, shown harmlessly.

use std::fmt::Write as _;

use serde_json::json;

use super::entry;
use crate::cli::lab::{CommandLab, months_ago, report, token};
use crate::support::lab::{Lab, id};

/// What a hostile or merely worldly partner may be called.
const NAMES: [&str; 22] = [
    "🎉 Größe & Søn 株式会社",
    "👩‍👩‍👧‍👦🏳️‍🌈 zwj",
    "e\u{301} and \u{e9} are not the same",
    "\u{202e}dtL \u{2066}x\u{2069} \u{200f}שלום \u{61c}مرحبا\u{200e}",
    "<script>alert('x')</script><b>&amp;\"",
    "Robert'); drop table lmp_billing.reports; --",
    "$$ || pg_sleep(60) || $1 %s {} \\N \\. \\copy",
    "Two\nLines\r\nLtd\u{2028}\u{2029}\u{85}",
    "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31mRed\u{8}\u{7f}",
    "=cmd|' /C calc'!A1",
    "+1+1",
    "-1-1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    " leading and trailing ",
    "\u{feff}bom \u{fffe}\u{ffff}\u{10ffff}\u{fdd0}",
    "\u{1}\u{1f} every other control",
    "\"quoted\", and; split\\",
    "null",
    "\u{a0}\u{3000}\u{200b}",
    "NaN'::jsonb",
];

/// What drives a terminal or turns the direction of a line, instead of being seen.
fn acts(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text in its longest spelling: every character as `\uXXXX`.
fn escaped(text: &str) -> String {
    let mut spelled = "\"".to_owned();
    for unit in text.encode_utf16() {
        write!(spelled, "\\u{unit:04x}").unwrap();
    }
    spelled + "\""
}

#[tokio::test]
async fn every_name_comes_back_out_of_the_database_to_the_letter() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    let long = "long 🎉".repeat(100_000);
    let names: Vec<&str> = NAMES.into_iter().chain([long.as_str()]).collect();
    let entries: Vec<String> =
        (1..).zip(&names).map(|(n, name)| entry(n, cycle, "partner_company_name", &json!(name))).collect();
    lab.serve_entries(cycle, &entries);
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.inserted, poll.quarantined), (i32::try_from(names.len()).unwrap(), 0));
    for (number, name) in (1..).zip(&names) {
        let stored: String =
            sqlx::query_scalar("select partner_company_name from lmp_billing.current_reports where id = $1")
                .bind(id(number))
                .fetch_one(lab.db.pool())
                .await
                .unwrap();
        assert!(stored == *name, "{name:?} came back as {stored:?}");
    }
    // The same by the other ways into the tables, and in another spelling: nothing has changed.
    let spelled: Vec<String> = (1..)
        .zip(&names)
        .map(|(n, name)| {
            entry(n, cycle, "partner_company_name", &json!("§")).replace("\"§\"", &escaped(name))
        })
        .collect();
    lab.serve_entries(cycle, &spelled);
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "unchanged");
    // And as a difference.
    let swapped: Vec<String> = (1..)
        .zip(names.iter().rev())
        .map(|(n, name)| entry(n, cycle, "partner_company_name", &json!(name)))
        .collect();
    lab.serve_entries(cycle, &swapped);
    lab.poll(cycle).await;
    for (number, (then, now)) in (1..).zip(names.iter().zip(names.iter().rev())) {
        let stored: Vec<String> = sqlx::query_scalar(
            "select partner_company_name from lmp_billing.report_history where id = $1 order by version",
        )
        .bind(id(number))
        .fetch_all(lab.db.pool())
        .await
        .unwrap();
        let expected = if then == now { vec![*then] } else { vec![*then, *now] };
        assert!(stored == expected, "{stored:?}");
    }
}

#[tokio::test]
async fn odd_texts_in_the_other_fields_come_back_to_the_letter_too() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    let entries: Vec<String> = (1..)
        .zip(NAMES)
        .flat_map(|(n, text)| {
            [
                entry(n, cycle, "under_review_status", &json!(text)),
                entry(n + 100, cycle, text, &json!([text, { text: text }])),
                entry(n + 200, cycle, "status", &json!(text)),
            ]
        })
        .collect();
    lab.serve_entries(cycle, &entries);
    let poll = lab.poll(cycle).await;
    let count = i32::try_from(3 * NAMES.len()).unwrap();
    assert_eq!((poll.inserted, poll.quarantined), (count, 0), "{:?}", poll.error);
    for (number, text) in (1..).zip(NAMES) {
        let value = async |column: &str, number: u32| -> String {
            let sql = format!("select {column} from lmp_billing.reports where id = '{}'", id(number));
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(lab.db.pool()).await.unwrap()
        };
        assert_eq!(value("under_review_status", number).await, text);
        assert_eq!(value("status", number + 200).await, text);
        let extra: serde_json::Value =
            serde_json::from_str(&value("extra::text", number + 100).await).unwrap();
        assert_eq!(extra, json!({ text: [text, { text: text }] }));
    }
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "unchanged");
    let unknown = "select count(*) from lmp_billing.report_statuses where lmp_code is null";
    assert_eq!(lab.value(unknown).await, NAMES.len().to_string());
}

/// The real program: what it shows of such a name drives neither a terminal nor a spreadsheet.
#[tokio::test]
async fn what_is_shown_of_every_name_is_harmless_and_json_has_it_exactly() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1);
    let reports: Vec<_> = (1..).zip(NAMES).map(|(n, name)| report(n, name, cycle, "Approved")).collect();
    lab.serve(cycle, reports);
    let month = cycle.to_string();
    lab.succeeds(&["sync", "--cycle", &month]).await;
    // One that is renamed shows both of its names.
    let renamed = (1..).zip(NAMES.iter().rev()).map(|(n, name)| report(n, name, cycle, "Approved"));
    lab.serve(cycle, renamed.collect());
    lab.succeeds(&["sync", "--cycle", &month]).await;
    for (n, (then, now)) in (1_u8..).zip(NAMES.iter().zip(NAMES.iter().rev())) {
        let id = uuid::Uuid::from_bytes([n; 16]).to_string();
        let json = lab.succeeds(&["history", &id, "--output", "json"]).await.json();
        let names: Vec<_> =
            json.as_array().unwrap().iter().map(|v| v["partner_company_name"].as_str().unwrap()).collect();
        assert_eq!(names, if then == now { vec![*then] } else { vec![*then, *now] });
        // Calling the program takes a while: the other two outputs only for every other pair.
        if n % 2 == 0 {
            continue;
        }
        let table = lab.succeeds(&["history", &id]).await.stdout;
        assert_eq!(table.lines().count(), 2 + names.len(), "each version on a line of its own: {table:?}");
        assert!(!table.contains(acts), "{table:?}");
        let (_, rows) = lab.succeeds(&["history", &id, "--output", "csv"]).await.csv();
        for (row, name) in rows.iter().zip(&names) {
            let cell = &row["partner_company_name"];
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{cell:?} of {name:?}");
            assert!(!cell.contains(|c: char| c.is_control() && !matches!(c, '\t' | '\r' | '\n')), "{cell:?}");
        }
    }
}

#[tokio::test]
async fn what_the_program_says_of_entries_set_aside_is_harmless_too() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1);
    let entries: Vec<String> =
        NAMES.iter().map(|name| json!({ "id": name, *name: 1, "status": name }).to_string()).collect();
    lab.handle().replace_entries(&token("emea"), cycle, entries.clone());
    let month = cycle.to_string();
    let synced = lab.call(&["sync", "--cycle", &month]).ends_with(1).await;
    let status = lab.succeeds(&["status"]).await.says(&["invalid_id"]);
    for text in [synced.stdout, synced.stderr, status.stdout] {
        assert!(!text.contains(acts), "{text:?}");
    }
    let kept = lab.texts("select payload from lmp_billing.quarantined_reports order by position").await;
    assert_eq!(kept, entries, "the payload is kept as it came");
}
