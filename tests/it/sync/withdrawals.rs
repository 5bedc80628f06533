//! Reports that are no longer listed, those that return, and answers that are not to be believed.

use std::time::Duration;

use lmp_billing_sync::domain::Cycle;

use crate::support::lab::{Lab, With as _, report, reports};

async fn listed(count: u32) -> (Lab, Cycle) {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    lab.serve(cycle, reports(count, cycle));
    lab.poll(cycle).await;
    (lab, cycle)
}

async fn withdrawn(lab: &Lab) -> String {
    lab.value("select count(*) from lmp_billing.reports where withdrawn_at is not null").await
}

#[tokio::test]
async fn a_report_no_longer_listed_is_withdrawn_and_ends_its_version() {
    let (lab, cycle) = listed(3).await;
    lab.serve(cycle, reports(2, cycle));
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.outcome.as_str(), poll.withdrawn, poll.updated), ("applied", 1, 0));
    assert_eq!(
        lab.value("select version, withdrawn_poll_id, valid_from < withdrawn_at from lmp_billing.reports where withdrawn_at is not null")
            .await,
        format!("1|{}|true", poll.id)
    );
    assert_eq!(lab.value("select count(*) from lmp_billing.current_reports").await, "2");
    assert_eq!(lab.value("select reports from lmp_billing.cycle_progress").await, "2");
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "unchanged");
}

#[tokio::test]
async fn a_report_that_returns_gets_a_new_version_and_its_status_a_new_start() {
    let (lab, cycle) = listed(3).await;
    lab.serve(cycle, reports(2, cycle));
    let left = lab.poll(cycle).await;
    lab.serve(cycle, reports(3, cycle));
    let back = lab.poll(cycle).await;
    assert_eq!((back.inserted, back.updated, back.withdrawn), (0, 1, 0));
    assert_eq!(
        lab.lines(&format!(
            "select h.version, h.status, h.valid_to = p.finished_at as ended_by_withdrawal
             from lmp_billing.report_history h, lmp_billing.cycle_polls p
             where h.id = '{}' and p.id = {} order by version",
            crate::support::lab::id(3),
            left.id
        ))
        .await,
        ["1|MSP Preparing|true", "2|MSP Preparing|~"]
    );
    assert_eq!(
        lab.value("select status_since = valid_from, status_not_before < status_since, first_seen_at < valid_from, withdrawn_at from lmp_billing.reports where version = 2")
            .await,
        "true|true|true|~"
    );
    assert_eq!(
        lab.value("select count(*) from lmp_billing.status_changes").await,
        "0",
        "the status is the same"
    );
}

#[tokio::test]
async fn a_return_with_another_status_is_a_change_of_status() {
    let (lab, cycle) = listed(3).await;
    lab.serve(cycle, reports(2, cycle));
    lab.poll(cycle).await;
    let mut again = reports(3, cycle);
    "Approved".clone_into(&mut again[2].status);
    lab.serve(cycle, again);
    lab.poll(cycle).await;
    assert_eq!(
        lab.lines("select from_status, to_status, version from lmp_billing.status_changes").await,
        ["MSP Preparing|Approved|2"]
    );
    lab.must_be_sound().await;
}

#[tokio::test]
async fn a_withdrawn_report_takes_the_cycle_that_lists_it_again() {
    let (lab, cycle) = listed(3).await;
    let long = report(3, cycle).with(|r| r.end_date = cycle.next().last_day());
    lab.serve(cycle, reports(2, cycle));
    lab.poll(cycle).await;
    lab.serve(cycle.next(), [long]);
    assert_eq!(lab.poll(cycle.next()).await.updated, 1);
    assert_eq!(
        lab.value("select cycle from lmp_billing.reports where version = 2").await,
        cycle.next().first_day().to_string()
    );
    lab.must_be_sound().await;
}

#[tokio::test]
async fn an_empty_answer_for_a_cycle_with_reports_is_suspect() {
    let (lab, cycle) = listed(1).await;
    lab.serve(cycle, []);
    let poll = lab.poll(cycle).await;
    assert_eq!(poll.outcome.as_str(), "suspect");
    let error = poll.error.unwrap();
    assert!(error.contains(&format!("sync --account emea --cycle {cycle} --accept-withdrawals")), "{error}");
    assert_eq!(withdrawn(&lab).await, "0");
    assert_eq!(
        lab.value("select outcome, polls_failed from lmp_billing.sync_runs order by id desc limit 1").await,
        "failed|1"
    );
}

#[tokio::test]
async fn five_may_go_whatever_the_share_and_six_only_up_to_the_half() {
    for (stored, left, believed) in
        [(6, 1, true), (8, 2, false), (12, 6, true), (13, 6, false), (100, 50, true)]
    {
        let (lab, cycle) = listed(stored).await;
        lab.serve(cycle, reports(left, cycle));
        let outcome = lab.poll(cycle).await.outcome;
        assert_eq!(outcome.as_str() == "applied", believed, "{left} of {stored} left: {outcome:?}");
    }
}

#[tokio::test]
async fn accepted_withdrawals_are_believed_whatever_they_are() {
    let (mut lab, cycle) = listed(20).await;
    lab.rules.accept_withdrawals = true;
    lab.serve(cycle, []);
    assert_eq!(lab.poll(cycle).await.withdrawn, 20);
    assert_eq!(withdrawn(&lab).await, "20");
}

/// Lets the suspect polls so far have happened earlier.
async fn age_suspects(lab: &Lab, hours: u32) {
    lab.execute(&format!(
        "update lmp_billing.cycle_polls set finished_at = finished_at - interval '{hours} hours' where outcome = 'suspect'"
    ))
    .await;
}

#[tokio::test]
async fn suspect_answers_that_agree_for_a_day_are_believed() {
    let (lab, cycle) = listed(20).await;
    lab.serve(cycle, reports(2, cycle));
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "suspect");
    age_suspects(&lab, 23).await;
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "suspect", "not yet a day");
    age_suspects(&lab, 2).await;
    assert_eq!(lab.poll(cycle).await.withdrawn, 18);
}

#[tokio::test]
async fn failed_polls_in_between_do_not_break_the_agreement_but_other_ids_and_believed_polls_do() {
    use lmp_billing_sync::simulator::{Fault, FaultRule};

    let (lab, cycle) = listed(20).await;
    lab.serve(cycle, reports(2, cycle));
    lab.poll(cycle).await;
    lab.lmp().push_fault(FaultRule::once(Fault::Html));
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "failed");
    age_suspects(&lab, 25).await;
    lab.serve(cycle, reports(3, cycle));
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "suspect", "it lists other ids");
    lab.serve(cycle, reports(2, cycle));
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "suspect", "the day starts again");
    age_suspects(&lab, 25).await;
    lab.serve(cycle, reports(20, cycle));
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "unchanged");
    lab.serve(cycle, reports(2, cycle));
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "suspect", "a good answer lay between");
    lab.lmp().push_fault(FaultRule::once(Fault::Html));
    lab.poll(cycle).await;
    age_suspects(&lab, 25).await;
    assert_eq!(lab.poll(cycle).await.withdrawn, 18);
}

#[tokio::test]
async fn a_shorter_patience_is_obeyed() {
    let (mut lab, cycle) = listed(20).await;
    lab.rules.believe_after = Duration::from_hours(1);
    lab.serve(cycle, []);
    lab.poll(cycle).await;
    age_suspects(&lab, 1).await;
    assert_eq!(lab.poll(cycle).await.withdrawn, 20);
}

#[tokio::test]
async fn at_the_edge_absence_proves_nothing() {
    use lmp_billing_sync::simulator::{Fault, FaultRule};

    let lab = Lab::new().await;
    let edge = lab.cycle(23).await;
    lab.serve(edge, reports(10, edge));
    assert_eq!(lab.poll(edge).await.inserted, 10);
    lab.serve(edge, []);
    assert_eq!(lab.poll(edge).await.outcome.as_str(), "unchanged");
    lab.lmp().push_fault(FaultRule::once(Fault::Status { code: 400, retry_after: None }));
    let refused = lab.poll(edge).await;
    assert_eq!((refused.outcome.as_str(), refused.http_status), ("unchanged", Some(400)));
    lab.serve(edge, [report(1, edge).with(|r| r.status = "Approved".to_owned()), report(11, edge)]);
    let applied = lab.poll(edge).await;
    assert_eq!((applied.inserted, applied.updated, applied.withdrawn), (1, 1, 0));
    assert_eq!(withdrawn(&lab).await, "0");

    let inside = lab.cycle(22).await;
    lab.lmp().push_fault(FaultRule::once(Fault::Status { code: 400, retry_after: None }));
    assert_eq!(lab.poll(inside).await.outcome.as_str(), "failed");
    lab.must_be_sound().await;
}
