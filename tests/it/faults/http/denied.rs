//! Access denied: said with what to check, and not asked for again.

use chrono::TimeDelta;

use super::subject::{Expected, Subject};
use super::upstream::{Act, JSON, Upstream, answer, http_date};

#[tokio::test]
async fn a_denial_is_final_however_many_attempts_are_allowed_and_says_what_to_check() {
    let mut subject = Subject::new().await;
    for (status, code) in [("401 Unauthorized", 401), ("403 Forbidden", 403)] {
        let denied = answer(status, &[JSON, "retry-after: 1"], br#"{"error":"no"}"#);
        let upstream = Upstream::always(vec![Act::Send(denied)]).await;
        subject.ask(&upstream, |options| options.max_attempts = 5);
        let words = [&status[..3], "access_token", "secret_key", "role"];
        subject.fails(status, Expected { status: Some(code), attempts: 1, words: &words }).await;
        assert_eq!(upstream.asked().len(), 1, "{status}");
    }
    subject.converges().await;
}

#[tokio::test]
async fn a_denial_ends_the_asking_of_a_whole_run() {
    let mut subject = Subject::new().await;
    let upstream = Upstream::always(vec![Act::Send(answer("401 Unauthorized", &[], b""))]).await;
    subject.ask(&upstream, |options| options.max_attempts = 5);
    let run = subject.lab.sync_all().await;
    let sent = upstream.asked().len();
    assert!(sent <= 2, "no more than may be under way at once, but {sent}");
    let polls = format!(
        "select count(*) filter (where http_status = 401 and attempts = 1),
                count(*) filter (where requested_at is null and attempts = 0 and error like 'not sent%'),
                count(*) filter (where outcome = 'failed')
         from lmp_billing.cycle_polls where run_id = {}",
        run.run.run_id
    );
    assert_eq!(subject.lab.value(&polls).await, format!("{sent}|{}|25", 25 - sent));
    let run = format!(
        "select outcome, polls, polls_failed from lmp_billing.sync_runs where id = {}",
        run.run.run_id
    );
    assert_eq!(subject.lab.value(&run).await, "failed|25|25");
    subject.is_untouched("a denied run").await;
    // The next run asks again: the secret may have been put right.
    subject.converges().await;
}

#[tokio::test]
async fn a_denial_for_the_clocks_sake_says_by_how_much_it_is_off() {
    let mut subject = Subject::new().await;
    for (offset, words) in [
        (TimeDelta::minutes(47), "behind LMP's"),
        (TimeDelta::minutes(-16), "ahead of LMP's"),
        (TimeDelta::days(4383), "behind LMP's"),
    ] {
        let date = http_date(offset);
        let denied = answer("401 Unauthorized", &[&format!("date: {date}")], b"");
        let upstream = Upstream::always(vec![Act::Send(denied)]).await;
        subject.ask(&upstream, |_| {});
        let expected = Expected { status: Some(401), attempts: 1, words: &[words, "NTP"] };
        let poll = subject.fails("clock skew", expected).await;
        let error = poll.error.unwrap_or_default();
        let told = error.split("clock is ").nth(1).and_then(|rest| rest.split(' ').next());
        let told: i64 = told.and_then(|seconds| seconds.parse().ok()).expect(&error);
        assert!((told - offset.num_seconds().abs()).abs() < 60, "{told} s of {offset}");
        let kept = format!(
            "select to_char(server_date at time zone 'UTC', 'DD Mon YYYY HH24:MI:SS') from lmp_billing.cycle_polls where id = {}",
            poll.id
        );
        assert!(date.contains(&subject.lab.value(&kept).await), "{date} is kept for the clock's gauge");
    }
    // A clock that is right is not blamed.
    let denied = answer("403 Forbidden", &[&format!("date: {}", http_date(TimeDelta::minutes(-14)))], b"");
    let upstream = Upstream::always(vec![Act::Send(denied)]).await;
    subject.ask(&upstream, |_| {});
    let expected = Expected { status: Some(403), attempts: 1, words: &["access_token"] };
    subject.fails("a clock within the limit", expected).await;
    subject.converges().await;
}
