//! Answers that cannot be taken change nothing, and the next good one is applied.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use lmp_billing_sync::simulator::{Fault, FaultRule, RetryAfter};

use crate::support::lab::{Lab, reports};

/// A failed poll with the words its message must hold.
async fn fails(lab: &Lab, fault: Fault, words: &[&str]) {
    let cycle = lab.cycle(1).await;
    let before = lab.lines("select * from lmp_billing.report_history order by id, version").await;
    let name = format!("{fault:?}");
    lab.lmp().push_fault(FaultRule::always(fault));
    let poll = lab.poll(cycle).await;
    lab.lmp().clear_faults();
    assert_eq!(poll.outcome.as_str(), "failed", "{name}");
    let error = poll.error.unwrap();
    for word in words {
        assert!(error.contains(word), "{name}: {word:?} is not in {error:?}");
    }
    assert_eq!(
        lab.lines("select * from lmp_billing.report_history order by id, version").await,
        before,
        "{name}"
    );
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "unchanged", "{name}");
}

async fn lab() -> Lab {
    let mut lab = Lab::new().await;
    lab.reconnect(|options| options.request_timeout = Duration::from_millis(300));
    let cycle = lab.cycle(1).await;
    lab.serve(cycle, reports(20, cycle));
    lab.poll(cycle).await;
    lab
}

#[tokio::test]
async fn an_answer_that_is_not_whole_or_not_json_changes_nothing() {
    let lab = lab().await;
    fails(&lab, Fault::Html, &["not a whole report list"]).await;
    fails(&lab, Fault::JsonError, &["it has no \"reports\""]).await;
    fails(&lab, Fault::TruncatedJson, &["not a whole report list"]).await;
    fails(&lab, Fault::ShortBody, &["broke off"]).await;
    fails(&lab, Fault::MissingLastChunk, &["broke off"]).await;
    fails(&lab, Fault::ResetInBody, &["broke off"]).await;
    fails(&lab, Fault::ResetInHeaders, &["broke off"]).await;
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_given_up() {
    let lab = lab().await;
    fails(&lab, Fault::NeverAnswer, &["0.3 s", "sync.request_timeout"]).await;
    fails(&lab, Fault::Drip { interval: Duration::from_millis(20) }, &["0.3 s"]).await;
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    let lab = lab().await;
    let status = |code| Fault::Status { code, retry_after: None };
    fails(&lab, status(401), &["401", "access_token", "secret_key"]).await;
    fails(&lab, status(403), &["403", "role"]).await;
    fails(&lab, status(404), &["404", "api_version"]).await;
    fails(&lab, status(410), &["410", "api_version"]).await;
    fails(&lab, status(400), &["400"]).await;
    fails(&lab, status(500), &["500"]).await;
    fails(&lab, Fault::ClockSkew(TimeDelta::hours(1)), &["s behind LMP's", "NTP"]).await;
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_other_host_sees_nothing() {
    let lab = lab().await;
    let other = lmp_billing_sync::simulator::Simulator::default().start().await.unwrap();
    fails(
        &lab,
        Fault::Redirect { to: format!("{}/LMPI/v2/reports/billing", other.base_url()) },
        &["redirect", "base_url"],
    )
    .await;
    assert_eq!(other.handle().received(), 0);
}

#[tokio::test]
async fn a_larger_answer_than_allowed_is_refused_by_its_decoded_size() {
    let mut lab = lab().await;
    lab.reconnect(|options| options.max_response_bytes = 1000);
    let cycle = lab.cycle(1).await;
    let poll = lab.poll(cycle).await;
    assert_eq!(poll.outcome.as_str(), "failed");
    assert!(poll.error.unwrap().contains("sync.max_response_bytes"));
}

#[tokio::test]
async fn a_passing_failure_is_tried_again_with_a_new_trace_id_and_signature() {
    let mut lab = lab().await;
    lab.reconnect(|options| options.max_attempts = 3);
    lab.lmp().clear_exchanges();
    lab.lmp().push_fault(FaultRule::once(Fault::Status {
        code: 503,
        retry_after: Some(RetryAfter::Text("1".to_owned())),
    }));
    lab.lmp().push_fault(FaultRule::once(Fault::ResetInBody));
    let cycle = lab.cycle(1).await;
    let poll = lab.poll(cycle).await;
    assert_eq!(poll.outcome.as_str(), "unchanged");
    let exchanges = lab.lmp().exchanges();
    assert_eq!(exchanges.len(), 3);
    assert_eq!(
        poll.trace_id, exchanges[2].trace_id,
        "the poll is logged with the trace id of its last request"
    );
    let traces: BTreeSet<_> = exchanges.iter().map(|exchange| exchange.trace_id.unwrap()).collect();
    assert_eq!(traces.len(), 3);
    // A second later it is another one; the third request may come within the same second.
    let signature = |at: usize| &exchanges[at].headers["x-signature"];
    assert_ne!(signature(0), signature(1));
    let waited = exchanges[1].received_at - exchanges[0].received_at;
    assert!(waited >= TimeDelta::seconds(1), "Retry-After was not obeyed: {waited}");
    assert_eq!(lab.value("select attempts from lmp_billing.cycle_polls order by id desc limit 1").await, "3");
}

#[tokio::test]
async fn no_more_than_the_allowed_attempts_are_made_and_an_absurd_wait_is_not_waited_for() {
    let mut lab = lab().await;
    lab.reconnect(|options| options.max_attempts = 2);
    let cycle = lab.cycle(1).await;
    let before = lab.lmp().received();
    lab.lmp().push_fault(FaultRule::always(Fault::Status { code: 500, retry_after: None }));
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "failed");
    assert_eq!(lab.lmp().received() - before, 2);
    lab.lmp().clear_faults();

    let before = lab.lmp().received();
    lab.lmp().push_fault(FaultRule::always(Fault::Status {
        code: 429,
        retry_after: Some(RetryAfter::Text("3600".to_owned())),
    }));
    let poll = lab.poll(cycle).await;
    assert!(poll.error.unwrap().contains("asks to wait 3600 s"));
    assert_eq!(lab.lmp().received() - before, 1);
}

#[tokio::test]
async fn after_a_denial_the_other_polls_of_the_run_are_not_sent() {
    let mut lab = lab().await;
    lab.reconnect(|options| {
        options.limit = std::sync::Arc::new(lmp_billing_sync::lmp::Limit::new(1000.0, 1));
    });
    let before = lab.lmp().received();
    lab.lmp().push_fault(FaultRule::always(Fault::Status { code: 403, retry_after: None }));
    let run = lab.sync_all().await;
    let sent = lab.lmp().received() - before;
    assert!(sent <= 2, "{sent} requests were sent");
    assert!(run.polls.iter().all(|poll| poll.outcome.as_str() == "failed"));
    let unsent = run.polls.iter().filter(|poll| poll.requested_at.is_none()).count();
    assert_eq!(unsent as u64 + sent, 25);
    assert_eq!(
        lab.value("select outcome, polls, polls_failed from lmp_billing.sync_runs order by id desc limit 1")
            .await,
        "failed|25|25"
    );
}

#[tokio::test]
async fn a_wrong_content_type_is_remarked_on_and_read_all_the_same() {
    let lab = lab().await;
    let cycle = lab.cycle(1).await;
    lab.lmp().push_fault(FaultRule::once(Fault::WrongContentType("text/plain".to_owned())));
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "unchanged");
}

#[tokio::test]
async fn some_failed_polls_make_a_run_partial() {
    let lab = lab().await;
    let cycle = lab.cycle(1).await;
    lab.lmp().push_fault(FaultRule::always(Fault::Html).on_cycle(cycle.back(1)));
    let run = lab.sync(&[cycle, cycle.back(1)]).await;
    assert_eq!(run.run.outcome.as_str(), "partial");
    assert_eq!(
        lab.value("select outcome, polls_failed from lmp_billing.sync_runs order by id desc limit 1").await,
        "partial|1"
    );
}

#[tokio::test]
async fn both_editions_of_the_interface_are_spoken() {
    let mut lab = lab().await;
    let cycle = lab.cycle(1).await;
    lab.reconnect(|options| "v3".clone_into(&mut options.api_version));
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "unchanged");
    assert_eq!(lab.lmp().exchanges().last().unwrap().uri, "/LMPI/v3/reports/billing");
}

#[tokio::test]
async fn an_answer_that_the_database_refuses_fails_its_own_poll_only() {
    let lab = lab().await;
    let cycle = lab.cycle(1).await;
    lab.execute(
        "alter table lmp_billing.reports add constraint refused check (partner_company_name <> 'Refused')",
    )
    .await;
    let mut served = reports(20, cycle);
    "Refused".clone_into(&mut served[0].partner_company_name);
    lab.serve(cycle, served);
    let run = lab.sync(&[cycle, cycle.back(1), cycle.back(2)]).await;
    assert_eq!(run.run.outcome.as_str(), "partial");
    let failed: Vec<_> = run.polls.iter().filter(|poll| poll.outcome.as_str() == "failed").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].cycle, cycle);
    assert!(failed[0].error.as_deref().unwrap().contains("refused"), "{:?}", failed[0].error);
    assert_eq!(run.polls.len(), 3);
}
