//! Connections that are used again: gone when they are needed, or with something on them nobody asked for.

use super::subject::Subject;
use super::upstream::{Act, Upstream, list, ok};
use crate::support::lab::{With as _, report};

#[tokio::test]
async fn an_idle_connection_that_the_server_has_closed_costs_no_attempt() {
    let mut subject = Subject::new().await;
    let good = ok(&list(&subject.stored()));
    let mut upstream = Upstream::always(vec![Act::Send(good), Act::Close]).await;
    subject.ask(&upstream, |options| options.max_attempts = 1);
    for polls in 1..=3 {
        assert_eq!(subject.lab.poll(subject.cycle).await.outcome.as_str(), "unchanged");
        upstream.ended(polls).await;
    }
    assert_eq!(upstream.lines(), 3);
    subject.converges().await;
}

#[tokio::test]
async fn an_idle_connection_that_breaks_under_the_request_gets_one_fresh_try() {
    for end in [Act::Reset, Act::Close] {
        let mut subject = Subject::new().await;
        let good = ok(&list(&subject.stored()));
        let upstream =
            Upstream::new(move |n| vec![if n == 1 { end.clone() } else { Act::Send(good.clone()) }]).await;
        subject.ask(&upstream, |options| options.max_attempts = 5);
        subject.lab.poll(subject.cycle).await;
        let second = subject.lab.poll(subject.cycle).await;
        assert_eq!(second.outcome.as_str(), "unchanged");
        let lines: Vec<_> = upstream.asked().iter().map(|asked| asked.line).collect();
        assert_eq!(lines, [1, 1, 2], "used again, found broken, and one fresh one");
        let last = "select attempts from lmp_billing.cycle_polls order by id desc limit 1";
        assert_eq!(subject.lab.value(last).await, "2");
        subject.is_untouched("a stale connection").await;
        subject.converges().await;
    }
}

/// As when a proxy mixes up its connections: each later answer would be that of the question before.
#[tokio::test]
async fn an_answer_that_comes_unasked_is_never_taken_for_the_next_one() {
    let mut subject = Subject::new().await;
    let good = ok(&list(&subject.stored()));
    let forged = subject.stored().into_iter().map(|r| r.with(|r| r.status = "Completed".to_owned()));
    let forged: Vec<_> = forged.chain([report(99, subject.cycle)]).collect();
    let both = [good, ok(&list(&forged))].concat();
    let mut upstream = Upstream::always(vec![Act::Send(both)]).await;
    subject.ask(&upstream, |_| {});
    for polls in 1..=3 {
        assert_eq!(subject.lab.poll(subject.cycle).await.outcome.as_str(), "unchanged");
        // A line with something unasked on it is given up.
        upstream.ended(polls).await;
    }
    subject.is_untouched("an answer that nobody asked for").await;
    subject.converges().await;
}
