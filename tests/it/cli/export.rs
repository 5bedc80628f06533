//! `export`: reports for spreadsheets and programs.

use std::fs;
use std::io::Read as _;
use std::process::Stdio;

use serde_json::Value;

use super::lab::{CommandLab, months_ago, report};
use super::process::Ended;
use lmp_billing_sync::domain::Cycle;

const UNICODE: &str = "Bélanger Infogérance «Ōsaka» 株式会社";
const FORMULA: &str = "=cmd|' /C calc'!A1";

/// Three reports in two cycles, one of them with a past.
async fn lab_with_reports() -> (CommandLab, Cycle, Cycle) {
    let lab = CommandLab::new().await;
    let (last, before) = (months_ago(1), months_ago(2));
    let served = |status| vec![report(1, UNICODE, last, status), report(2, FORMULA, last, "Rejected")];
    lab.serve(before, vec![report(3, "Plain", before, "Completed")]);
    for status in ["MSP Preparing", "Under Review"] {
        lab.serve(last, served(status));
        let cycles = [last.to_string(), before.to_string()];
        lab.succeeds(&["sync", "--cycle", &cycles[0], "--cycle", &cycles[1]]).await;
    }
    (lab, last, before)
}

fn lines(ended: &Ended) -> Vec<Value> {
    ended.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON object per line")).collect()
}

fn column<'a>(rows: &'a [Value], name: &str) -> Vec<&'a str> {
    rows.iter().map(|row| row[name].as_str().unwrap_or("-")).collect()
}

async fn columns(lab: &CommandLab, view: &str) -> Vec<String> {
    let query = match view {
        "current_reports" => {
            "select column_name::text from information_schema.columns where table_schema = 'lmp_billing'
             and table_name = 'current_reports' order by ordinal_position"
        }
        _ => {
            "select column_name::text from information_schema.columns where table_schema = 'lmp_billing'
             and table_name = 'report_history' order by ordinal_position"
        }
    };
    lab.texts(query).await
}

#[tokio::test]
async fn csv_and_json_lines_have_the_columns_of_the_views_and_every_row() {
    let (lab, last, _) = lab_with_reports().await;
    for (args, view, rows) in [
        (&["export"][..], "current_reports", 3),
        (&["export", "--history"], "report_history", 4),
        (&["export", "--at", "2999-01-01"], "report_history", 3),
    ] {
        let expected = columns(&lab, view).await;
        let (header, records) = lab.succeeds(args).await.csv();
        assert_eq!((&header, records.len()), (&expected, rows), "{args:?}");
        let objects = lines(&lab.succeeds(&[args, &["--output", "jsonl"]].concat()).await);
        assert_eq!(objects.len(), rows);
        let keys: Vec<&String> = objects[0].as_object().unwrap().keys().collect();
        let mut sorted: Vec<&String> = expected.iter().collect();
        sorted.sort();
        assert_eq!(keys, sorted);
        assert!(column(&objects, "cycle").contains(&last.to_string().as_str()));
        assert!(column(&objects, "partner_company_name").contains(&FORMULA), "JSON is exact");
        let names: Vec<&str> = records.iter().map(|row| row["partner_company_name"].as_str()).collect();
        assert!(names.contains(&UNICODE) && names.contains(&format!("'{FORMULA}").as_str()), "{names:?}");
    }
}

#[tokio::test]
async fn the_state_at_a_moment_is_what_was_listed_then() {
    let (lab, ..) = lab_with_reports().await;
    let between = lab
        .texts(
            "select to_json(max(valid_from) - interval '1 microsecond') #>> '{}' from lmp_billing.reports
             where version = 2",
        )
        .await
        .remove(0);
    let rows = lines(&lab.succeeds(&["export", "--at", &between, "--output", "jsonl"]).await);
    assert_eq!(column(&rows, "status"), ["MSP Preparing", "Rejected", "Completed"]);
    let ended = lab.succeeds(&["export", "--at", "2001-01-01", "--output", "jsonl"]).await;
    assert!(lines(&ended).is_empty(), "nothing was known then");
    ended.complains(&["what was listed at 2001-01-01T23:59:59.999999+00:00 is not known"]);
}

#[tokio::test]
async fn cycle_account_and_status_narrow_it_down() {
    let (lab, last, before) = lab_with_reports().await;
    let (last, before) = (last.to_string(), before.to_string());
    for (args, rows) in [
        (&["--cycle", &last][..], 2),
        (&["--cycle", &last, "--cycle", &before], 3),
        (&["--status", "under review"], 1),
        (&["--status", "Under Review", "--status", "completed"], 2),
        (&["--account", "emea", "--cycle", &before, "--status", "Rejected"], 0),
        (&["--history", "--cycle", &last], 3),
        (&["--history", "--status", "MSP Preparing"], 1),
    ] {
        let (_, records) = lab.succeeds(&[&["export"], args].concat()).await.csv();
        assert_eq!(records.len(), rows, "{args:?}");
    }
}

#[tokio::test]
async fn excel_gets_a_mark_lines_of_its_own_kind_and_moments_it_knows() {
    let (lab, ..) = lab_with_reports().await;
    let call = lab.call(&["export", "--excel", "--separator", ";"]).set("schedule.timezone", "Asia/Tokyo");
    let told = call.ends_with(0).await.stdout;
    assert!(told.starts_with("\u{feff}account;id;cycle;"), "{told}");
    assert!(told.ends_with("\r\n") && told.matches("\r\n").count() == 4, "{told}");
    assert!(told.contains(UNICODE));
    let since = "select to_char(status_since at time zone 'Asia/Tokyo', 'YYYY-MM-DD HH24:MI:SS')
                 from lmp_billing.reports";
    for moment in lab.texts(since).await {
        assert!(told.contains(&format!(";{moment};")), "{moment} is not in {told}");
    }
    // Programs get none of it.
    let told = lab.succeeds(&["export"]).await.stdout;
    assert!(told.starts_with("account,id,") && !told.contains('\r'), "{told}");
}

#[tokio::test]
async fn a_file_is_replaced_whole_or_not_at_all() {
    let (lab, ..) = lab_with_reports().await;
    let file = lab.folder().join("reports.csv");
    let there = || {
        let mut names: Vec<_> =
            fs::read_dir(lab.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let ended = lab.succeeds(&["export", "--to", "reports.csv"]).await;
    assert_eq!(ended.stdout, "");
    let written = fs::read_to_string(&file).unwrap();
    assert_eq!(written.lines().count(), 4, "{written}");
    let names = there();

    sqlx::raw_sql("alter view lmp_billing.current_reports rename to gone").execute(lab.pool()).await.unwrap();
    lab.call(&["export", "--to", "reports.csv"]).ends_with(1).await.complains(&["export"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), written, "the old file stays");
    assert_eq!(there(), names, "nothing half-made is left");
    lab.call(&["export", "--to", "missing/reports.csv"]).ends_with(1).await.complains(&["missing"]);
    lab.call(&["export", "--to", "/dev/null"]).ends_with(2).await.complains(&["/dev/null"]);
}

#[tokio::test]
async fn what_cannot_be_asked_is_wrong_usage_and_says_what_can() {
    let (lab, ..) = lab_with_reports().await;
    for (args, wanted) in [
        (&["--account", "apac"][..], "emea"),
        (&["--status", "Done"], "Completed"),
        (&["--cycle", "2001-01"], "2001-01"),
        (&["--cycle", "2999-01"], "2999-01"),
        (&["--at", "yesterday"], "2026-11-05"),
        (&["--excel", "--output", "jsonl"], "--excel"),
        (&["--separator", ";", "--output", "jsonl"], "--separator"),
        (&["--separator", "x"], ";"),
        (&["--history", "--at", "2026-11-05"], "--at"),
    ] {
        lab.call(&[&["export"], args].concat()).ends_with(2).await.complains(&[wanted]);
    }
}

/// The most memory a process has had so far.
fn peak_kib(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test]
async fn memory_does_not_grow_with_the_rows() {
    const ROWS: usize = 200_000;
    let lab = CommandLab::new().await;
    sqlx::query(
        "insert into lmp_billing.reports (account, id, cycle, partner_company_name, start_date, end_date, status,
             version, valid_from, status_since, first_seen_at, poll_id)
         select 'emea', md5(n::text)::uuid, $1, 'Partner ' || n, $1, $1, 'Completed', 1, now(), now(), now(), 1
         from generate_series(1, 200000) n",
    )
    .bind(months_ago(1).first_day())
    .execute(lab.pool())
    .await
    .unwrap();
    for output in ["csv", "jsonl"] {
        let (mut from, to) = std::io::pipe().unwrap();
        let running = lab.call(&["export", "--output", output]).stdout(Stdio::from(to)).start_unheard();
        let pid = running.pid();
        let (told, early, late) = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; 1 << 16];
            let mut read = |upto: usize, lines: &mut usize| {
                while *lines < upto {
                    let size = from.read(&mut piece).unwrap();
                    assert_ne!(size, 0, "it ended after {lines} lines");
                    *lines += line_ends(&piece[..size]);
                }
            };
            let mut lines = 0;
            read(10_000, &mut lines);
            let early = peak_kib(pid);
            // What is left is more than the pipe and its buffers hold: it is still at work.
            read(ROWS - 10_000, &mut lines);
            let late = peak_kib(pid);
            let mut rest = Vec::new();
            from.read_to_end(&mut rest).unwrap();
            (lines + line_ends(&rest), early, late)
        })
        .await
        .unwrap();
        running.ended().await.with_code(0);
        println!("{output}: {early} KiB after 10,000 rows, {late} KiB after {}", ROWS - 10_000);
        assert_eq!(told, ROWS + usize::from(output == "csv"));
        assert!(late < early + 4096, "{output}: {early} KiB has become {late} KiB");
    }
}

fn line_ends(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}
