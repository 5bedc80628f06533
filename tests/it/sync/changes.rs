//! Changed, renamed, moved, returned, mended: how versions come about.

use lmp_billing_sync::domain::Cycle;
use serde_json::json;

use crate::support::lab::{Lab, With as _, id, report, reports};

const HISTORY: &str = "select version, cycle, partner_company_name, status, under_review_status,
                              case when valid_to is null then 'now' else 'past' end as valid
                       from lmp_billing.report_history order by id, version";

async fn one_report() -> (Lab, Cycle) {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    lab.serve(cycle, [report(1, cycle)]);
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.inserted, poll.updated, poll.withdrawn), (1, 0, 0));
    (lab, cycle)
}

#[tokio::test]
async fn a_status_that_moves_leaves_the_earlier_version_behind() {
    let (lab, cycle) = one_report().await;
    lab.serve(
        cycle,
        [report(1, cycle).with(|r| {
            r.status = "Under Review".to_owned();
            r.under_review_status = Some("Manually submitted by MSP".to_owned());
        })],
    );
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.outcome.as_str(), poll.inserted, poll.updated), ("applied", 0, 1));
    let day = cycle.first_day();
    assert_eq!(
        lab.lines(HISTORY).await,
        [
            format!("1|{day}|Partner 1|MSP Preparing|~|past"),
            format!("2|{day}|Partner 1|Under Review|Manually submitted by MSP|now")
        ]
    );
    assert_eq!(
        lab.lines("select from_status, to_status, reopened, changed_at > changed_after as bounded from lmp_billing.status_changes")
            .await,
        ["MSP Preparing|Under Review|false|true"]
    );
    assert_eq!(
        lab.value("select previous_status, status_since = valid_from, previous_status_since < status_since from lmp_billing.reports")
            .await,
        "MSP Preparing|true|true"
    );
}

#[tokio::test]
async fn the_lower_bound_of_a_change_is_the_last_poll_that_saw_the_old_status() {
    let (lab, cycle) = one_report().await;
    assert_eq!(lab.value("select status_not_before is null from lmp_billing.reports").await, "true");
    let unchanged = lab.poll(cycle).await;
    lab.serve(cycle, [report(1, cycle).with(|r| r.status = "Approved".to_owned())]);
    lab.poll(cycle).await;
    let bound = format!(
        "select status_not_before = p.requested_at, status_since > p.finished_at
         from lmp_billing.reports r, lmp_billing.cycle_polls p where p.id = {}",
        unchanged.id
    );
    assert_eq!(lab.value(&bound).await, "true|true");
}

#[tokio::test]
async fn a_report_first_seen_in_a_later_poll_was_not_there_in_the_one_before() {
    let (lab, cycle) = one_report().await;
    let before = lab.poll(cycle).await;
    lab.serve(cycle, reports(2, cycle));
    lab.poll(cycle).await;
    let bound = format!(
        "select r.status_not_before = p.requested_at from lmp_billing.reports r, lmp_billing.cycle_polls p
         where p.id = {} and r.id = '{}'",
        before.id,
        id(2)
    );
    assert_eq!(lab.value(&bound).await, "true");
}

#[tokio::test]
async fn a_rename_and_a_change_of_dates_are_versions_but_no_changes_of_status() {
    let (lab, cycle) = one_report().await;
    lab.serve(
        cycle,
        [report(1, cycle).with(|r| r.partner_company_name = "Renamed \u{1f389} <b>'; --".to_owned())],
    );
    lab.poll(cycle).await;
    lab.serve(
        cycle,
        [report(1, cycle).with(|r| {
            r.partner_company_name = "Renamed".to_owned();
            r.end_date = cycle.next().first_day();
        })],
    );
    lab.poll(cycle).await;
    assert_eq!(
        lab.lines("select version, partner_company_name from lmp_billing.report_history order by version")
            .await,
        ["1|Partner 1", "2|Renamed \u{1f389} <b>'; --", "3|Renamed"]
    );
    assert_eq!(lab.value("select count(*) from lmp_billing.status_changes").await, "0");
    assert_eq!(
        lab.value("select status_since = first_seen_at, previous_status from lmp_billing.reports").await,
        "true|~"
    );
}

#[tokio::test]
async fn a_report_whose_dates_leave_its_cycle_moves_to_the_one_that_lists_it() {
    let (lab, cycle) = one_report().await;
    let later = cycle.next();
    lab.serve(cycle, []);
    lab.serve(later, [report(1, later)]);
    let moved = lab.poll(later).await;
    assert_eq!((moved.inserted, moved.updated), (0, 1));
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "unchanged", "its former cycle misses nothing");
    assert_eq!(
        lab.lines("select version, cycle from lmp_billing.report_history order by version").await,
        [format!("1|{}", cycle.first_day()), format!("2|{}", later.first_day())]
    );
}

#[tokio::test]
async fn a_report_listed_by_two_months_keeps_its_cycle_and_makes_no_versions() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(2).await;
    let both = report(1, cycle).with(|r| r.end_date = cycle.next().last_day());
    lab.serve(cycle, [both.clone()]);
    lab.serve(cycle.next(), [both.clone()]);
    lab.poll(cycle).await;
    for _ in 0..2 {
        assert_eq!(lab.poll(cycle.next()).await.outcome.as_str(), "unchanged");
        assert_eq!(lab.poll(cycle).await.outcome.as_str(), "unchanged");
    }
    // A change seen through the other month is a change all the same.
    let approved = both.with(|r| r.status = "Approved".to_owned());
    lab.serve(cycle.next(), [approved.clone()]);
    assert_eq!(lab.poll(cycle.next()).await.updated, 1);
    lab.serve(cycle, [approved]);
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "unchanged");
    assert_eq!(
        lab.value("select version, cycle, status from lmp_billing.reports").await,
        format!("2|{}|Approved", cycle.first_day())
    );
}

#[tokio::test]
async fn a_completed_report_that_comes_back_is_marked_as_reopened() {
    let (lab, cycle) = one_report().await;
    for status in ["Completed", "Under Review", "Completed"] {
        lab.serve(cycle, [report(1, cycle).with(|r| r.status = status.to_owned())]);
        lab.poll(cycle).await;
    }
    assert_eq!(
        lab.lines("select from_status, to_status, reopened from lmp_billing.status_changes order by version")
            .await,
        ["MSP Preparing|Completed|false", "Completed|Under Review|true", "Under Review|Completed|false"]
    );
}

#[tokio::test]
async fn unknown_fields_are_kept_compared_by_value_and_ignored_on_request() {
    let mut lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    let entry = |extra: &str| {
        format!(
            r#"{{"id":"{}","partner_company_name":"P","start_date":"{}","end_date":"{}","status":"Approved","under_review_status":null{extra}}}"#,
            id(1),
            cycle.first_day(),
            cycle.last_day()
        )
    };
    lab.serve_entries(
        cycle,
        &[entry(r#","total":"1.50","n":12345678901234567890.5,"tags":["a",{"b":null}]"#)],
    );
    lab.poll(cycle).await;
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(
            &lab.value("select extra::text from lmp_billing.reports").await
        )
        .unwrap()["tags"],
        json!(["a", {"b": null}])
    );
    assert_eq!(lab.value("select extra->>'n' from lmp_billing.reports").await, "12345678901234567890.5");
    lab.serve_entries(
        cycle,
        &[entry(r#", "tags" : [ "a", {"b":null} ],"n":12345678901234567890.50,"total":"1.50""#)],
    );
    assert_eq!(
        lab.poll(cycle).await.outcome.as_str(),
        "unchanged",
        "order, space and trailing zeros say nothing"
    );

    lab.rules.ignore_fields = std::sync::Arc::new(["n", "tags", "total"].map(str::to_owned).into());
    assert_eq!(lab.poll(cycle).await.updated, 1);
    assert_eq!(lab.value("select extra from lmp_billing.reports").await, "~");
}

#[tokio::test]
async fn a_status_the_vendor_adds_appears_by_itself_and_its_first_spelling_wins() {
    let (lab, cycle) = one_report().await;
    let held = |status: &str| report(1, cycle).with(|r| r.status = status.to_owned());
    lab.serve(cycle, [held("On Hold"), report(2, cycle).with(|r| r.status = "ON HOLD".to_owned())]);
    lab.poll(cycle).await;
    lab.serve(cycle, [held("on hold"), report(2, cycle).with(|r| r.status = "oN hOLD".to_owned())]);
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "unchanged");
    assert_eq!(lab.lines("select distinct status from lmp_billing.reports").await, ["On Hold"]);
    assert_eq!(
        lab.value("select status, lmp_code, is_final, waits_for from lmp_billing.report_statuses where lmp_code is null").await,
        "On Hold|~|false|~"
    );
    assert_eq!(lab.value("select other_status from lmp_billing.cycle_progress").await, "2");
}

#[tokio::test]
async fn a_row_edited_by_hand_is_mended_and_the_edit_stays_visible() {
    let (lab, cycle) = one_report().await;
    lab.execute("update lmp_billing.reports set status = 'Completed', partner_company_name = 'Edited'").await;
    assert_eq!(lab.poll(cycle).await.updated, 1);
    assert_eq!(
        lab.lines(
            "select version, partner_company_name, status from lmp_billing.report_history order by version"
        )
        .await,
        ["1|Edited|Completed", "2|Partner 1|MSP Preparing"]
    );
}

#[tokio::test]
async fn a_row_deleted_by_hand_comes_back_with_the_next_number_and_the_deleted_one_stays_visible() {
    let (lab, cycle) = one_report().await;
    let first_seen = lab.value("select first_seen_at from lmp_billing.reports").await;
    for version in 2..4 {
        lab.execute("delete from lmp_billing.reports").await;
        assert_eq!(lab.poll(cycle).await.inserted, 1);
        assert_eq!(lab.value("select version from lmp_billing.reports").await, version.to_string());
    }
    assert_eq!(lab.value("select first_seen_at from lmp_billing.reports").await, first_seen);
    assert_eq!(
        lab.lines(
            "select version, valid_from < coalesce(valid_to, 'infinity'),
                    valid_from > coalesce(lag(valid_from) over (order by version), '-infinity')
             from lmp_billing.report_history order by version"
        )
        .await,
        ["1|true|true", "2|true|true", "3|true|true"]
    );
    assert_eq!(lab.value("select count(*) from lmp_billing.status_changes").await, "0");
}

#[tokio::test]
async fn versions_stay_in_order_when_the_last_one_lies_in_the_future() {
    let (lab, cycle) = one_report().await;
    // As a clock that was an hour ahead would have written it.
    lab.execute("update lmp_billing.reports set valid_from = valid_from + interval '1 hour', status_since = status_since + interval '1 hour'").await;
    lab.serve(cycle, [report(1, cycle).with(|r| r.status = "Approved".to_owned())]);
    lab.poll(cycle).await;
    assert_eq!(
        lab.value(
            "select r.valid_from > s.valid_from, s.valid_to = r.valid_from, r.status_not_before <= r.valid_from
             from lmp_billing.reports r join lmp_billing.superseded_versions s using (id)"
        )
        .await,
        "true|true|true"
    );
}

#[tokio::test]
async fn a_deleted_row_that_its_owner_puts_back_goes_on_in_the_right_order() {
    let (lab, cycle) = one_report().await;
    lab.execute(
        "create table public.saved as select * from lmp_billing.reports;
         delete from lmp_billing.reports;
         insert into lmp_billing.reports select * from public.saved",
    )
    .await;
    for (status, version) in [("Approved", "3"), ("Completed", "4")] {
        lab.serve(cycle, [report(1, cycle).with(|r| r.status = status.to_owned())]);
        assert_eq!(lab.poll(cycle).await.updated, 1);
        assert_eq!(lab.value("select version from lmp_billing.reports").await, version);
    }
    // And deleted and put back once more, by hand only.
    lab.execute(
        "delete from lmp_billing.reports;
         insert into lmp_billing.reports select * from public.saved;
         delete from lmp_billing.reports",
    )
    .await;
    assert_eq!(lab.poll(cycle).await.inserted, 1);
    assert_eq!(
        lab.lines(
            "select version, valid_from >= coalesce(lag(valid_to) over (order by version), '-infinity'),
                    valid_from < coalesce(valid_to, 'infinity')
             from lmp_billing.report_history order by version"
        )
        .await,
        ["1|true|true", "2|true|true", "3|true|true", "4|true|true", "5|true|true", "6|true|true"]
    );
}

#[tokio::test]
async fn a_version_edited_by_hand_is_numbered_anew() {
    for edit in ["version = 9", "version = 1", "valid_from = 'infinity'"] {
        let (lab, cycle) = one_report().await;
        for status in ["Approved", "Completed"] {
            lab.serve(cycle, [report(1, cycle).with(|r| r.status = status.to_owned())]);
            lab.poll(cycle).await;
        }
        lab.execute(&format!("update lmp_billing.reports set {edit}")).await;
        lab.serve(cycle, [report(1, cycle)]);
        assert_eq!(lab.poll(cycle).await.updated, 1, "{edit}");
        let versions = lab.lines("select version from lmp_billing.report_history order by version").await;
        assert_eq!(versions, ["1", "2", "3", "4"], "{edit}");
    }
}
