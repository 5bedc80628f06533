//! `Retry-After`: obeyed, but neither for ever nor to hammer.

use std::time::Duration;

use chrono::TimeDelta;

use super::subject::{Expected, Subject};
use super::upstream::{Act, Upstream, answer, http_date, list, ok};

/// Backoff waits at least so long before the second request.
const BACKOFF: Duration = Duration::from_millis(500);

/// Asked to wait once, then answered well: how long was really waited. The subject lives on, because dropping it
/// would hold up those that wait at the same time.
async fn waited(headers: &[&str]) -> (Duration, Subject) {
    let mut subject = Subject::new().await;
    let (busy, good) = (answer("429 Too Many Requests", headers, b""), ok(&list(&subject.stored())));
    let upstream =
        Upstream::new(move |number| vec![Act::Send(if number == 0 { busy.clone() } else { good.clone() })])
            .await;
    subject.ask(&upstream, |options| options.max_attempts = 5);
    let poll = subject.lab.poll(subject.cycle).await;
    assert_eq!(poll.outcome.as_str(), "unchanged", "{headers:?}: {:?}", poll.error);
    let row = format!("select attempts, http_status from lmp_billing.cycle_polls where id = {}", poll.id);
    assert_eq!(subject.lab.value(&row).await, "2|200");
    subject.is_untouched("a wait").await;
    let asked = upstream.asked();
    assert_eq!(asked.len(), 2);
    (asked[1].at - asked[0].at, subject)
}

#[tokio::test]
async fn seconds_and_a_date_are_obeyed_and_what_says_nothing_leaves_the_backoff() {
    let in_three_seconds = format!("retry-after: {}", http_date(TimeDelta::seconds(3)));
    let past = format!("retry-after: {}", http_date(TimeDelta::days(-400)));
    let dates = [in_three_seconds.as_str(), past.as_str()];
    let ((seconds, _a), (date, _b), (past, _c), (nonsense, _d)) = tokio::join!(
        waited(&["retry-after: 2"]),
        waited(&dates[..1]),
        waited(&dates[1..]),
        waited(&["retry-after: a little while"]),
    );
    assert!(seconds >= Duration::from_secs(2), "{seconds:?}");
    // A date has no fractions of seconds, and some time passes before it is seen.
    assert!(date > BACKOFF && date < Duration::from_secs(30), "{date:?}");
    // More would be a date in the past taken for one in the future.
    for soon in [past, nonsense] {
        assert!(soon >= BACKOFF && soon < Duration::from_secs(30), "{soon:?}");
    }
}

#[tokio::test]
async fn a_date_is_seen_from_the_servers_clock_which_may_be_hours_away() {
    let date = format!("date: {}", http_date(TimeDelta::hours(5)));
    let until = format!("retry-after: {}", http_date(TimeDelta::hours(5) + TimeDelta::seconds(2)));
    // Five hours would not be waited for, and the poll would fail.
    assert!(waited(&[&date, &until]).await.0 >= Duration::from_secs(1));
}

#[tokio::test]
async fn an_absurd_wait_is_not_waited_for_and_nobody_is_asked_again() {
    let mut subject = Subject::new().await;
    for wait in ["61", "86400", "18446744073709551616", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        for status in ["429 Too Many Requests", "503 Service Unavailable"] {
            let busy = answer(status, &[&format!("retry-after: {wait}")], b"");
            let upstream = Upstream::always(vec![Act::Send(busy)]).await;
            subject.ask(&upstream, |options| options.max_attempts = 5);
            let code = status[..3].parse().ok();
            // A date is told as seconds too, and a number that is too large as the largest there is.
            let seconds = if wait.len() < 6 { format!("{wait} s") } else { String::new() };
            let words = [&status[..3], &format!("asks to wait {seconds}")];
            subject.fails(wait, Expected { status: code, attempts: 1, words: &words }).await;
            assert_eq!(upstream.asked().len(), 1);
        }
    }
    subject.converges().await;
}
