//! Entries that cannot be reports.

use lmp_billing_sync::domain::Cycle;
use lmp_billing_sync::simulator::{BadEntry, Fault, FaultRule};

use crate::support::lab::{Lab, With as _, id, report, reports};

const OPEN: &str =
    "select reason, report_id is not null, resolved_at is null from lmp_billing.quarantined_reports
                    order by position, reason";

fn entry(number: u32, cycle: Cycle, status: &str) -> String {
    format!(
        r#"{{"id":"{}","partner_company_name":"Partner {number}","start_date":"{}","end_date":"{}","status":{status},"under_review_status":null}}"#,
        id(number),
        cycle.first_day(),
        cycle.last_day()
    )
}

async fn lab() -> (Lab, Cycle) {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    (lab, cycle)
}

#[tokio::test]
async fn the_example_of_the_reference_is_quarantined_with_a_readable_reason() {
    let (lab, cycle) = lab().await;
    // Shaped as the reference prints it: ids masked, one status in its other spelling.
    let example = |status: &str, how: &str| {
        format!(
            r#"{{"id":"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx","partner_company_name":"msp_{status}","start_date":"{}","end_date":"{}","status":"{status}","under_review_status":{how}}}"#,
            cycle.first_day(),
            cycle.last_day()
        )
    };
    lab.serve_entries(
        cycle,
        &[example("Msp Preparing", "null"), example("Under Review", "\"Manually submitted by MSP\"")],
    );
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.outcome.as_str(), poll.quarantined, poll.reports_seen), ("failed", 2, 0));
    assert_eq!(
        lab.lines("select reason, detail from lmp_billing.quarantined_reports order by position").await,
        [r#"invalid_id|"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" is not a GUID"#; 2]
    );
    assert_eq!(lab.value("select count(*) from lmp_billing.reports").await, "0");
}

#[tokio::test]
async fn one_bad_entry_never_costs_the_good_ones() {
    let (lab, cycle) = lab().await;
    lab.serve(cycle, reports(10, cycle));
    lab.lmp().push_fault(FaultRule::once(Fault::BadEntries(BadEntry::ALL.to_vec())));
    let poll = lab.poll(cycle).await;
    assert_eq!(poll.outcome.as_str(), "applied");
    // Ten served, less the contradicted first, plus two with something unknown.
    assert_eq!((poll.reports_seen, poll.inserted, poll.quarantined), (11, 11, 6));
    assert_eq!(
        lab.lines(
            "select reason, count(*) from lmp_billing.quarantined_reports group by reason order by reason"
        )
        .await,
        ["conflicting_duplicate|2", "invalid_id|1", "invalid_status|1", "invalid_text|2"]
    );
}

#[tokio::test]
async fn identical_entries_count_once_and_contradicting_ones_leave_the_stored_report_alone() {
    let (lab, cycle) = lab().await;
    lab.serve_entries(
        cycle,
        &[entry(1, cycle, "\"Approved\""), entry(2, cycle, "\"Approved\""), entry(1, cycle, "\"APPROVED\"")],
    );
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.reports_seen, poll.inserted, poll.quarantined), (2, 2, 0));

    lab.serve_entries(
        cycle,
        &[
            entry(1, cycle, "\"Completed\""),
            entry(2, cycle, "\"Completed\""),
            entry(1, cycle, "\"Rejected\""),
        ],
    );
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.updated, poll.withdrawn, poll.quarantined), (1, 0, 2));
    assert_eq!(
        lab.lines("select status, withdrawn_at from lmp_billing.reports order by id").await,
        ["Approved|~", "Completed|~"]
    );
    assert_eq!(lab.lines(OPEN).await, ["conflicting_duplicate|true|true"; 2]);
    assert_eq!(
        lab.value("select payload from lmp_billing.quarantined_reports where position = 2").await,
        entry(1, cycle, "\"Rejected\"")
    );
}

#[tokio::test]
async fn a_good_entry_beside_a_bad_one_of_the_same_id_contradicts_it() {
    let (lab, cycle) = lab().await;
    lab.serve_entries(
        cycle,
        &[entry(1, cycle, "\"Approved\""), entry(1, cycle, "null"), entry(2, cycle, "\"Approved\"")],
    );
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.inserted, poll.quarantined), (1, 2));
    assert_eq!(lab.lines(OPEN).await, ["conflicting_duplicate|true|true", "invalid_status|true|true"]);
}

#[tokio::test]
async fn a_bad_entry_whose_id_can_be_read_keeps_its_report_listed_and_unchanged() {
    let (lab, cycle) = lab().await;
    lab.serve(cycle, reports(3, cycle));
    lab.poll(cycle).await;
    lab.serve_entries(cycle, &[entry(1, cycle, "null"), entry(2, cycle, "\"Msp Preparing\"")]);
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.updated, poll.withdrawn, poll.quarantined), (0, 1, 1), "only the third is gone");
    assert_eq!(
        lab.lines("select version, withdrawn_at is null from lmp_billing.reports order by id").await,
        ["1|true", "1|true", "1|false"]
    );
}

#[tokio::test]
async fn while_an_id_cannot_be_read_nothing_is_withdrawn() {
    let (lab, cycle) = lab().await;
    lab.serve(cycle, reports(20, cycle));
    lab.poll(cycle).await;
    lab.serve_entries(cycle, &[entry(1, cycle, "\"Msp Preparing\""), "{\"id\":7}".to_owned()]);
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.outcome.as_str(), poll.withdrawn, poll.quarantined), ("unchanged", 0, 1));
}

#[tokio::test]
async fn the_same_bad_entry_is_kept_once_resolved_when_it_is_gone_and_opened_when_it_is_back() {
    let (lab, cycle) = lab().await;
    let good = entry(1, cycle, "\"Approved\"");
    let bad = entry(2, cycle, "7");
    let with_bad = [good.clone(), bad.clone()];
    lab.serve_entries(cycle, &with_bad);
    let first = lab.poll(cycle).await;
    let again = lab.poll(cycle).await;
    assert_eq!((again.outcome.as_str(), again.quarantined), ("unchanged", 1));
    assert_eq!(
        lab.value("select poll_id, payload from lmp_billing.quarantined_reports").await,
        format!("{}|{bad}", first.id)
    );

    lab.lmp().push_fault(FaultRule::once(Fault::Html));
    lab.poll(cycle).await;
    assert_eq!(lab.lines(OPEN).await, ["invalid_status|true|true"], "a failed poll resolves nothing");

    lab.serve_entries(cycle, std::slice::from_ref(&good));
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "unchanged");
    assert_eq!(lab.lines(OPEN).await, ["invalid_status|true|false"]);
    lab.serve_entries(cycle, &with_bad);
    lab.poll(cycle).await;
    assert_eq!(lab.lines(OPEN).await, ["invalid_status|true|true"]);
    assert_eq!(lab.value("select count(*) from lmp_billing.quarantined_reports").await, "1");
}

#[tokio::test]
async fn a_report_outside_the_cycle_asked_for_is_quarantined_and_its_stored_one_stays() {
    let (lab, cycle) = lab().await;
    lab.serve(cycle, reports(3, cycle));
    lab.poll(cycle).await;
    let far = report(1, cycle.back(3)).with(|r| r.status = "Completed".to_owned());
    lab.serve(cycle, [far, report(2, cycle), report(3, cycle)]);
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.outcome.as_str(), poll.quarantined), ("unchanged", 1));
    assert_eq!(lab.lines(OPEN).await, ["off_cycle|true|true"]);
}

#[tokio::test]
async fn of_many_bad_entries_a_thousand_are_kept_and_all_are_counted() {
    let (lab, cycle) = lab().await;
    let mut entries: Vec<String> = (0..1200).map(|number| format!("{{\"id\":{number}}}")).collect();
    entries.push(entry(1, cycle, "\"Approved\""));
    lab.serve_entries(cycle, &entries);
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.inserted, poll.quarantined), (1, 1200));
    assert_eq!(
        lab.value("select count(*), max(position) from lmp_billing.quarantined_reports").await,
        "1000|999"
    );
    assert_eq!(lab.poll(cycle).await.quarantined, 1200);
    assert_eq!(
        lab.value("select count(*) from lmp_billing.quarantined_reports where resolved_at is null").await,
        "1000"
    );
}

#[tokio::test]
async fn copies_of_one_bad_entry_do_not_take_the_place_of_another() {
    let (lab, cycle) = lab().await;
    let mut entries = vec!["{\"id\":1}".to_owned(); 1200];
    entries.push("{\"id\":2}".to_owned());
    lab.serve_entries(cycle, &entries);
    assert_eq!(lab.poll(cycle).await.quarantined, 2);
    let stored = "select payload, position from lmp_billing.quarantined_reports order by position";
    assert_eq!(lab.lines(stored).await, ["{\"id\":1}|0", "{\"id\":2}|1200"]);
}

#[tokio::test]
async fn thousands_of_contradictions_are_all_set_aside() {
    let (lab, cycle) = lab().await;
    let mut entries: Vec<String> = (1..=1500).map(|number| entry(number, cycle, "\"Approved\"")).collect();
    entries.extend((1..=1500).map(|number| entry(number, cycle, "\"Rejected\"")));
    entries.push(entry(9999, cycle, "\"Approved\""));
    lab.serve_entries(cycle, &entries);
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.reports_seen, poll.inserted, poll.quarantined), (1, 1, 3000));
}

#[tokio::test]
async fn a_failed_poll_keeps_its_bad_entries_too() {
    let (lab, cycle) = lab().await;
    lab.serve(cycle, reports(2, cycle));
    lab.poll(cycle).await;
    lab.serve_entries(cycle, &["7".to_owned(), "null".to_owned(), "[]".to_owned()]);
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.outcome.as_str(), poll.quarantined), ("failed", 3));
    assert!(poll.error.unwrap().contains("none of the 3 entries"));
    assert_eq!(lab.lines(OPEN).await, ["not_an_object|false|true"; 3]);
    assert_eq!(lab.value("select count(*) from lmp_billing.current_reports").await, "2");
}
