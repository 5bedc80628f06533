//! Which way an answer takes into the database: copied, compared, or as a difference. What is stored must
//! not depend on it.

use lmp_billing_sync::simulator::SimReport;

use crate::support::lab::{Lab, With as _, id, report, reports};

/// The temporary tables that a difference is found with, which stay with their connections.
async fn staging_tables(lab: &Lab) -> String {
    lab.value("select count(*) from pg_class where relname = 'lmp_stage'").await
}

fn entry(report: &SimReport, more: &str) -> String {
    format!(
        r#"{{"id":"{}","partner_company_name":"{}","start_date":"{}","end_date":"{}","status":"Approved"{more}}}"#,
        report.id, report.partner_company_name, report.start_date, report.end_date
    )
}

#[tokio::test]
async fn a_first_answer_and_an_unchanged_one_need_no_staging_table() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    lab.serve(cycle, reports(50, cycle));
    let first = lab.poll(cycle).await;
    assert_eq!((first.outcome.as_str(), first.inserted, first.reports_seen), ("applied", 50, 50));
    for _ in 0..3 {
        let again = lab.poll(cycle).await;
        assert_eq!((again.outcome.as_str(), again.reports_seen), ("unchanged", 50));
    }
    assert_eq!(staging_tables(&lab).await, "0");

    lab.serve(cycle, reports(51, cycle));
    assert_eq!(lab.poll(cycle).await.inserted, 1);
    assert_ne!(staging_tables(&lab).await, "0");
}

#[tokio::test]
async fn a_first_answer_without_reports_changes_nothing() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    lab.serve(cycle, []);
    let first = lab.poll(cycle).await;
    assert_eq!((first.outcome.as_str(), first.inserted), ("unchanged", 0));
    lab.serve(cycle, reports(2, cycle));
    let next = lab.poll(cycle).await;
    assert_eq!((next.outcome.as_str(), next.inserted), ("applied", 2));
    // The empty answer proves when they were not there yet.
    let since = "select bool_and(status_not_before = (select min(requested_at) from lmp_billing.cycle_polls))
                 from lmp_billing.reports";
    assert_eq!(lab.value(since).await, "true");
}

#[tokio::test]
async fn a_copied_report_is_the_same_as_a_written_one() {
    let lab = Lab::new().await;
    let (copied, written) = (lab.cycle(1).await, lab.cycle(2).await);
    let odd = "O'Neil \\\\ \\t \\u0041 \u{1f600}";
    for cycle in [copied, written] {
        let mut entries: Vec<String> = Vec::new();
        for number in 1..=3 {
            let number = if cycle == copied { number } else { number + 100 };
            let served = report(number, cycle).with(|report| report.partner_company_name = odd.to_owned());
            let more =
                r#","under_review_status":"Manually submitted by MSP","z":[1.50,{"b":"\u00e9","a":null}]"#;
            entries.push(entry(&served, more));
        }
        if cycle == written {
            // An entry that is no report: this answer cannot be copied as it stands.
            entries.push("7".to_owned());
        }
        lab.serve_entries(cycle, &entries);
        assert_eq!(lab.poll(cycle).await.inserted, 3);
    }
    let of = |cycle: lmp_billing_sync::domain::Cycle| {
        let sql = format!(
            "select account, partner_company_name, end_date - start_date > 26 as month, status, under_review_status, extra,
                    version, valid_from = status_since and valid_from = first_seen_at as same_moment,
                    valid_from = (select finished_at from lmp_billing.cycle_polls p where p.id = poll_id) as polls_moment,
                    status_not_before, previous_status, previous_status_since, withdrawn_at, withdrawn_poll_id
             from lmp_billing.reports where cycle = '{}' order by id",
            cycle.first_day()
        );
        async { lab.lines(&{ sql }).await }
    };
    let one = of(copied).await;
    assert_eq!(one, of(written).await);
    assert!(one[0].contains("O'Neil") && one[0].contains("1.50"), "{one:?}");
}

#[tokio::test]
async fn unknown_fields_are_compared_however_they_are_spelled() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    let serve = |more: &str| lab.serve_entries(cycle, &[entry(&report(1, cycle), more)]);
    serve(r#","b":{"y":1,"x":[2, 3.0]},"a":"\u00e9""#);
    lab.poll(cycle).await;
    for same in [r#","a":"é","b":{"x":[2,3.0],"y":1}"#, r#","a" : "\u00E9" , "b" : { "y":1 , "x":[2,3.0]}"#]
    {
        serve(same);
        assert_eq!(lab.poll(cycle).await.outcome.as_str(), "unchanged", "{same}");
    }
    assert_eq!(staging_tables(&lab).await, "0");
    for other in [
        r#","a":"é","b":{"x":[3.0,2],"y":1}"#,
        r#","a":"é","b":{"x":[3.0,2],"y":"1"}"#,
        r#","a":"é""#,
        r#","a":"e""#,
        "",
    ] {
        serve(other);
        assert_eq!(lab.poll(cycle).await.updated, 1, "{other}");
    }
}

#[tokio::test]
async fn a_report_that_two_first_answers_list_is_stored_once() {
    let lab = Lab::new().await;
    let (older, newer) = (lab.cycle(2).await, lab.cycle(1).await);
    let over_both = report(1, older).with(|report| report.end_date = newer.last_day());
    lab.serve(older, [over_both.clone(), report(2, older)]);
    lab.serve(newer, [over_both, report(3, newer)]);
    let polls = lab.sync(&[older, newer]).await.polls;
    assert!(polls.iter().all(|poll| !poll.outcome.is_failure()), "{polls:?}");
    assert_eq!(polls.iter().map(|poll| poll.inserted).sum::<i32>(), 3);
    assert_eq!(lab.value("select count(*), max(version) from lmp_billing.reports").await, "3|1");
    let again = lab.sync(&[older, newer]).await.polls;
    assert!(again.iter().all(|poll| poll.outcome.as_str() == "unchanged"), "{again:?}");
}

#[tokio::test]
async fn a_report_whose_row_was_deleted_goes_on_with_its_versions_in_a_cycle_seen_for_the_first_time() {
    let lab = Lab::new().await;
    let (older, newer) = (lab.cycle(2).await, lab.cycle(1).await);
    lab.serve(older, reports(2, older));
    lab.poll(older).await;
    lab.execute(&format!("delete from lmp_billing.reports where id = '{}'", id(1))).await;
    // It comes back as one of the next month, which has not been polled before.
    lab.serve(newer, [report(1, newer)]);
    assert_eq!(lab.poll(newer).await.inserted, 1);
    assert_eq!(
        lab.value(&format!("select version from lmp_billing.reports where id = '{}'", id(1))).await,
        "2"
    );
}

#[tokio::test]
async fn an_account_is_compared_with_its_own_reports_whatever_its_name() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    lab.serve(cycle, reports(3, cycle));
    lab.poll(cycle).await;
    // Another account's rows of the same cycle are not looked at.
    lab.execute(
        "insert into lmp_billing.reports (account, id, cycle, partner_company_name, start_date, end_date, status,
             version, valid_from, status_since, first_seen_at, poll_id)
         select 'o''apac', id, cycle, 'x', start_date, end_date, status, 1, now(), now(), now(), 0
         from lmp_billing.reports",
    )
    .await;
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "unchanged");
    assert_eq!(staging_tables(&lab).await, "0");
}
