//! A server in trouble is asked a bounded number of times.

use super::subject::Subject;
use super::upstream::{Act, Upstream, answer, list, ok};
use crate::support::lab::reports;

#[tokio::test]
async fn a_storm_of_server_errors_costs_so_many_requests_per_poll_and_not_one_more() {
    let mut subject = Subject::new().await;
    let statuses = ["500 Oops", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout", "599 ?"];
    let upstream = Upstream::new(move |n| vec![Act::Send(answer(statuses[n % 5], &[], b"<html>"))]).await;
    subject.ask(&upstream, |options| options.max_attempts = 2);
    let cycles = [1, 2, 3, 4].map(|back| subject.cycle.back(back));
    let run = subject.lab.sync(&cycles).await;
    assert_eq!(run.run.outcome.as_str(), "failed");
    assert_eq!(upstream.asked().len(), 8, "two for each of four polls");
    let polls = format!(
        "select outcome, attempts, http_status between 500 and 599, error like 'LMP answered 5%', count(*)
         from lmp_billing.cycle_polls where run_id = {} group by 1, 2, 3, 4",
        run.run.run_id
    );
    assert_eq!(subject.lab.lines(&polls).await, ["failed|2|true|true|4"]);
    subject.is_untouched("a storm").await;
    subject.converges().await;
}

#[tokio::test]
async fn a_storm_that_passes_in_time_is_weathered() {
    let mut subject = Subject::new().await;
    let good = ok(&list(&reports(20, subject.cycle)));
    let upstream = Upstream::new(move |number| {
        vec![Act::Send(if number < 2 { answer("503 Busy", &[], b"") } else { good.clone() })]
    })
    .await;
    subject.ask(&upstream, |options| options.max_attempts = 3);
    let poll = subject.lab.poll(subject.cycle).await;
    assert_eq!((poll.outcome.as_str(), poll.updated), ("applied", 20));
    let last = "select attempts, http_status, error from lmp_billing.cycle_polls order by id desc limit 1";
    assert_eq!(subject.lab.value(last).await, "3|200|~");
    // Each wait is longer than the one before could have been at its least.
    let asked = upstream.asked();
    let wait = |n: usize| (asked[n].at - asked[n - 1].at).as_millis();
    assert!(wait(1) >= 500 && wait(2) >= 1000, "{} and {} ms", wait(1), wait(2));
}
