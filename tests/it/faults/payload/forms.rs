//! Values in forms that are almost right: what a lenient parser would take, and a report must not be made of.

use serde_json::{Value, json};

use super::{entry, good, without};
use crate::support::lab::{Lab, With as _, id, report, reports};

/// Stores two reports, then serves a bad entry beside them; it must be set aside for this reason, and the rest
/// must be applied.
async fn set_aside(lab: &Lab, bad: &str, reason: &str) {
    let cycle = lab.cycle(1).await;
    // Beside it a change, which must not be lost.
    let name = uuid::Uuid::new_v4().to_string();
    lab.serve_entries(
        cycle,
        &[bad.to_owned(), entry(1, cycle, "partner_company_name", &json!(name)), good(2, cycle)],
    );
    let poll = lab.poll(cycle).await;
    let outcome = (poll.outcome.as_str(), poll.inserted, poll.updated, poll.withdrawn, poll.quarantined);
    assert_eq!(outcome, ("applied", 0, 1, 0, 1), "{bad}: {:?}", poll.error);
    let open =
        "select reason, position, payload from lmp_billing.quarantined_reports where resolved_at is null";
    assert_eq!(lab.lines(open).await, [format!("{reason}|0|{bad}")], "{bad}");
    assert_eq!(lab.value("select count(*) from lmp_billing.reports").await, "2", "{bad}");
    let renamed = "select partner_company_name from lmp_billing.current_reports order by id limit 1";
    assert_eq!(lab.value(renamed).await, name);
}

async fn lab() -> Lab {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    lab.serve_entries(cycle, &[1, 2].map(|n| good(n, cycle)));
    assert_eq!(lab.poll(cycle).await.inserted, 2);
    lab
}

/// All fields of an entry in another way of writing it.
async fn all_set_aside(faults: Vec<(String, &str)>) {
    let lab = lab().await;
    let count = faults.len();
    for (bad, reason) in faults {
        set_aside(&lab, &bad, reason).await;
    }
    // The next answer without them resolves them all.
    let cycle = lab.cycle(1).await;
    lab.serve(cycle, reports(3, cycle));
    assert_eq!(lab.poll(cycle).await.inserted, 1);
    let resolved = "select count(*), count(resolved_at) from lmp_billing.quarantined_reports";
    assert_eq!(lab.value(resolved).await, format!("{count}|{count}"));
}

#[tokio::test]
async fn ids_that_are_guids_only_to_a_lenient_parser_are_set_aside() {
    let cycle = lab().await.cycle(1).await;
    let id = id(7).to_string();
    let simple = id.replace('-', "");
    let faults = [
        json!(format!("urn:uuid:{id}")),
        json!(simple),
        json!(format!("{{{simple}}}")),
        json!("00000000-0000-0000-0000-000000000000"),
        json!("{00000000-0000-0000-0000-000000000000}"),
        json!("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"),
        json!(format!(" {id}")),
        json!(format!("{id}\n")),
        json!(format!("{{{id}")),
        json!(format!("({id})")),
        json!(&id[1..]),
        json!(id.replace('-', "–")),
        json!(id.replace('9', "٩")),
        json!(""),
        json!(7),
        json!([id]),
        json!({ "id": id }),
        json!(true),
    ];
    all_set_aside(faults.iter().map(|id| (entry(7, cycle, "id", id), "invalid_id")).collect()).await;
}

#[tokio::test]
async fn dates_have_one_form_and_the_right_direction() {
    let cycle = lab().await.cycle(1).await;
    let (first, last) = (cycle.first_day().to_string(), cycle.last_day().to_string());
    let month = &first[..7];
    let mut faults = Vec::new();
    for date in [
        format!(" {first}"),
        format!("{first} "),
        first.replace('-', " "),
        first.replace('-', "/"),
        first.replace('-', ""),
        format!("{month}-1"),
        format!("{}-1-01", &first[..4]),
        format!("1{first}"),
        format!("0{first}"),
        format!("+{first}"),
        format!("-{first}"),
        format!("{first}T00:00:00Z"),
        format!("{month}-00"),
        format!("{month}-32"),
        format!("{}-13-01", &first[..4]),
        "2025-02-29".to_owned(),
        "0000-01-01".to_owned(),
        "２０２６-01-01".to_owned(),
        String::new(),
    ] {
        faults.push((entry(7, cycle, "start_date", &json!(date)), "invalid_dates"));
        faults.push((entry(8, cycle, "end_date", &json!(date)), "invalid_dates"));
    }
    for value in [json!(20_260_101), json!([2026, 1, 1]), json!({})] {
        faults.push((entry(7, cycle, "start_date", &value), "invalid_dates"));
        faults.push((entry(8, cycle, "end_date", &value), "invalid_dates"));
    }
    faults.push((
        entry(9, cycle, "start_date", &json!(last))
            .replace(&format!("\"end_date\":\"{last}\""), &format!("\"end_date\":\"{first}\"")),
        "invalid_dates",
    ));
    all_set_aside(faults).await;
}

#[tokio::test]
async fn names_and_statuses_that_are_missing_or_of_the_wrong_type_are_set_aside() {
    let cycle = lab().await.cycle(1).await;
    let mut faults = Vec::new();
    for value in [json!(""), json!(7), json!(false), json!(["x"]), json!({ "x": "x" })] {
        faults.push((entry(7, cycle, "partner_company_name", &value), "invalid_name"));
        faults.push((entry(8, cycle, "status", &value), "invalid_status"));
    }
    for field in ["partner_company_name", "status", "start_date", "end_date", "id"] {
        let reason = match field {
            "partner_company_name" => "invalid_name",
            "status" => "invalid_status",
            "id" => "invalid_id",
            _ => "invalid_dates",
        };
        faults.push((entry(9, cycle, field, &Value::Null), reason));
        faults.push((without(9, cycle, field), reason));
    }
    faults.push((entry(9, cycle, "status", &json!("x".repeat(65))), "invalid_status"));
    for value in [json!(7), json!(["x"]), json!(true)] {
        faults.push((entry(9, cycle, "under_review_status", &value), "invalid_under_review_status"));
    }
    all_set_aside(faults).await;
}

#[tokio::test]
async fn nul_and_half_surrogates_are_set_aside_wherever_they_stand() {
    let cycle = lab().await.cycle(1).await;
    let mut faults = Vec::new();
    for text in [r"\u0000", r"a\u0000b", r"\ud83d", r"\udc00", r"\ud83d\ud83d", r"\ud83dx"] {
        for field in ["partner_company_name", "status", "under_review_status", "something_new"] {
            let bad = entry(7, cycle, field, &json!("§")).replace('§', text);
            faults.push((bad, "invalid_text"));
        }
        faults.push((entry(8, cycle, "n", &json!([{ "deep": ["§"] }])).replace('§', text), "invalid_text"));
        faults.push((entry(9, cycle, "§", &json!(1)).replace('§', text), "invalid_text"));
        faults.push((entry(10, cycle, "n", &json!({ "§": 1 })).replace('§', text), "invalid_text"));
    }
    all_set_aside(faults).await;
}

#[tokio::test]
async fn what_is_no_object_does_not_pass_for_a_report() {
    let cycle = lab().await.cycle(1).await;
    let (first, last) = (cycle.first_day(), cycle.last_day());
    let faults = [
        json!([id(7), "Acme", first, last, "Approved", null]),
        json!([[id(7), "Acme", first, last, "Approved", null]]),
        json!([]),
        json!(null),
        json!(true),
        json!(-0.0),
        json!(id(7)),
        json!(good(7, cycle)),
    ];
    all_set_aside(faults.iter().map(|bad| (bad.to_string(), "not_an_object")).collect()).await;
}

#[tokio::test]
async fn a_field_that_stands_twice_and_values_no_database_holds_are_set_aside() {
    let cycle = lab().await.cycle(1).await;
    let report = good(7, cycle);
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let with = |value: &str| entry(8, cycle, "n", &json!("§")).replace("\"§\"", value);
    all_set_aside(vec![
        (report.replacen('{', r#"{"status":"Completed","#, 1), "duplicate_field"),
        (report.replacen('{', r#"{"x":1,"x":1,"#, 1), "duplicate_field"),
        (with("1e9999"), "unstorable_extra"),
        (with(&"9".repeat(500)), "unstorable_extra"),
        (with(&deep), "unstorable_extra"),
    ])
    .await;
}

#[tokio::test]
async fn a_guid_in_any_letter_case_and_braces_is_the_same_report() {
    let lab = lab().await;
    let cycle = lab.cycle(1).await;
    let id = id(1).to_string();
    for spelled in [id.to_uppercase(), format!("{{{id}}}"), format!("{{{}}}", id.to_uppercase())] {
        lab.serve_entries(cycle, &[entry(1, cycle, "id", &json!(spelled)), good(2, cycle)]);
        assert_eq!(lab.poll(cycle).await.outcome.as_str(), "unchanged", "{spelled}");
    }
    assert_eq!(lab.value("select count(*), max(version) from lmp_billing.reports").await, "2|1");
}

#[tokio::test]
async fn what_is_merely_new_is_taken_and_kept() {
    let lab = lab().await;
    let cycle = lab.cycle(1).await;
    let name = "N".repeat(5000);
    let odd = report(1, cycle).with(|report| {
        report.partner_company_name.clone_from(&name);
        report.status = "Awaiting Purchase Order".to_owned();
        report.under_review_status = Some("Returned by Trend Micro for the fourth time".to_owned());
        report.extra =
            vec![("currency".to_owned(), json!("EUR")), ("lines".to_owned(), json!([{ "n": 1.50 }]))];
        report.start_date = "0001-01-01".parse().unwrap();
        report.end_date = "9999-12-31".parse().unwrap();
    });
    lab.serve(cycle, [odd, report(2, cycle)]);
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.outcome.as_str(), poll.updated, poll.quarantined), ("applied", 1, 0));
    assert_eq!(
        lab.value(
            "select partner_company_name, status, under_review_status, extra->>'currency', start_date, end_date
             from lmp_billing.reports where version = 2"
        )
        .await,
        format!("{name}|Awaiting Purchase Order|Returned by Trend Micro for the fourth time|EUR|0001-01-01|9999-12-31")
    );
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "unchanged");
}

/// The real program says so in its log.
#[tokio::test]
async fn a_new_status_and_a_name_longer_than_promised_are_remarked_on() {
    let lab = crate::cli::lab::CommandLab::new().await;
    let cycle = crate::cli::lab::months_ago(1);
    let odd = crate::cli::lab::report(1, &"N".repeat(129), cycle, "Awaiting Purchase Order");
    lab.serve(cycle, vec![odd]);
    let month = cycle.to_string();
    let first = lab.succeeds(&["sync", "--cycle", &month]).await.says(&["1 new"]);
    let first =
        first.complains(&["a status that is not documented", "name is longer than the 128 characters"]);
    assert_eq!(first.stderr.matches("a status that is not documented").count(), 1);
    assert_eq!(
        first.stderr.matches("longer than the 128").count(),
        1,
        "read twice, told once: {}",
        first.stderr
    );
    let again = lab.succeeds(&["sync", "--cycle", &month]).await;
    assert!(!again.stderr.contains("a status that is not documented"), "told once: {}", again.stderr);
    assert_eq!(lab.texts("select status from lmp_billing.reports").await, ["Awaiting Purchase Order"]);
}
