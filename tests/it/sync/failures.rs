//! Failures that pass, and those of some polls of a run. What can go wrong on the wire: `faults::http`.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use lmp_billing_sync::simulator::{Fault, FaultRule, RetryAfter};

use crate::support::lab::{Lab, reports};

async fn lab() -> Lab {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    lab.serve(cycle, reports(20, cycle));
    lab.poll(cycle).await;
    lab
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
