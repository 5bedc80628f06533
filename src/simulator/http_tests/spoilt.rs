//! Faults, as they look from the other end of the wire.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;

use super::super::testing::{Signed, head_and_body, read_to_end};
use super::super::{BadEntry, Fault, FaultRule, RetryAfter};
use super::{builder, now, start, with_fault, world};

fn july() -> Signed {
    Signed::cycle("2026-07", now())
}

/// The answer without a fault.
async fn whole_body() -> String {
    july().send(&start().await).await.text().await.unwrap()
}

fn content_length(head: &str) -> usize {
    let line = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    line.unwrap_or_else(|| panic!("no length in {head}")).parse().unwrap()
}

#[tokio::test]
async fn status_codes_come_with_the_retry_after_they_were_given() {
    for (retry_after, header) in [
        (None, None),
        (Some(RetryAfter::Text("30".to_owned())), Some("30")),
        (Some(RetryAfter::Date(TimeDelta::hours(-1))), Some("Sun, 09 Aug 2026 09:00:00 GMT")),
        (Some(RetryAfter::Text("soon".to_owned())), Some("soon")),
    ] {
        let simulator = with_fault(Fault::Status { code: 429, retry_after }).await;
        let response = july().send(&simulator).await;
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers().get("retry-after").map(|value| value.to_str().unwrap()), header);
        assert!(!response.text().await.unwrap().contains("partner"));
    }
}

#[tokio::test]
async fn pages_that_are_no_answer_have_status_200() {
    let response = july().send(&with_fault(Fault::Html).await).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    assert!(response.text().await.unwrap().starts_with("<!DOCTYPE html>"));

    let (status, body) = july().json(&with_fault(Fault::JsonError).await).await;
    assert_eq!(status, 200);
    assert!(body["error"]["message"].as_str().unwrap().contains("simulator"));
}

#[tokio::test]
async fn a_redirect_keeps_the_method_and_names_its_goal() {
    let to = "http://127.0.0.1:1/elsewhere".to_owned();
    let response = july().send(&with_fault(Fault::Redirect { to: to.clone() }).await).await;
    assert_eq!(response.status(), 307);
    assert_eq!(response.headers()["location"], to);
}

#[tokio::test]
async fn truncated_json_has_the_length_it_says() {
    let response = july().send(&with_fault(Fault::TruncatedJson).await).await;
    let length = response.content_length().unwrap();
    let body = response.text().await.unwrap();
    assert_eq!(body.len() as u64, length);
    assert!(whole_body().await.starts_with(&body));
    assert!(serde_json::from_str::<Value>(&body).is_err());
}

#[tokio::test]
async fn a_short_body_ends_in_order_before_its_length() {
    let simulator = with_fault(Fault::ShortBody).await;
    let (response, end) = read_to_end(&mut july().write(&simulator).await).await;
    end.unwrap();
    let (head, body) = head_and_body(&response);
    let whole = whole_body().await;
    assert_eq!((content_length(head), body), (whole.len(), &whole[..whole.len() / 2]));
}

#[tokio::test]
async fn without_the_last_chunk_all_json_is_there_and_the_end_is_not() {
    let simulator = with_fault(Fault::MissingLastChunk).await;
    let (response, end) = read_to_end(&mut july().write(&simulator).await).await;
    end.unwrap();
    let (head, body) = head_and_body(&response);
    assert!(head.contains("transfer-encoding: chunked"));
    let whole = whole_body().await;
    assert_eq!(body, format!("{:X}\r\n{whole}\r\n", whole.len()));
}

#[tokio::test]
async fn a_connection_is_reset_in_the_head_or_in_the_body() {
    let simulator = with_fault(Fault::ResetInHeaders).await;
    let (response, end) = read_to_end(&mut july().write(&simulator).await).await;
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(response.len() <= 20, "{response}");
    assert!(simulator.handle().exchanges()[0].answer.is_none());

    let simulator = with_fault(Fault::ResetInBody).await;
    let (response, end) = read_to_end(&mut july().write(&simulator).await).await;
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let (head, body) = head_and_body(&response);
    assert!(body.len() < content_length(head));
    assert!(simulator.handle().exchanges()[0].answer.as_ref().unwrap().body.starts_with(body.as_bytes()));
}

#[tokio::test]
async fn a_dripped_answer_comes_byte_by_byte_and_whole() {
    let interval = Duration::from_millis(1);
    let simulator = builder().partners(1).start().await.unwrap();
    let whole = july().send(&simulator).await.text().await.unwrap();
    simulator.handle().push_fault(FaultRule::once(Fault::Drip { interval }));
    let started = Instant::now();
    let body = july().send(&simulator).await.text().await.unwrap();
    assert_eq!(body, whole);
    assert!(started.elapsed() >= interval * u32::try_from(whole.len()).unwrap());
    assert_eq!(simulator.handle().exchanges()[1].answer.as_ref().unwrap().body, whole);
}

#[tokio::test]
async fn latency_is_waited_for() {
    let latency = Duration::from_millis(30);
    let simulator = with_fault(Fault::Latency(latency)).await;
    let started = Instant::now();
    assert_eq!(july().json(&simulator).await.0, 200);
    assert!(started.elapsed() >= latency);
}

#[tokio::test]
async fn what_hangs_ends_when_the_simulator_does() {
    let hour = Duration::from_hours(1);
    for fault in [Fault::NeverAnswer, Fault::Latency(hour), Fault::Drip { interval: hour }] {
        let simulator = with_fault(fault.clone()).await;
        let mut stream = july().write(&simulator).await;
        simulator.handle().wait_for_requests(1).await;
        if let Fault::Drip { .. } = fault {
            // Its headers are sent at once.
            assert_eq!(stream.read_u8().await.unwrap(), b'H');
        }
        simulator.shutdown().await;
        let (response, _) = read_to_end(&mut stream).await;
        assert!(!response.contains("reports"), "{fault:?}: {response}");
    }
}

#[tokio::test]
async fn dropping_the_simulator_stops_it() {
    let simulator = with_fault(Fault::NeverAnswer).await;
    let mut stream = july().write(&simulator).await;
    simulator.handle().wait_for_requests(1).await;
    drop(simulator);
    assert_eq!(read_to_end(&mut stream).await.0, "");
}

#[tokio::test]
async fn the_content_type_can_be_wrong_and_the_list_empty() {
    let simulator = with_fault(Fault::WrongContentType("text/plain".to_owned())).await;
    let response = july().send(&simulator).await;
    assert_eq!(response.headers()["content-type"], "text/plain");
    assert_eq!(response.text().await.unwrap(), whole_body().await);
    let body = july().send(&with_fault(Fault::Empty).await).await.text().await.unwrap();
    assert_eq!(body, r#"{"reports":[]}"#);
}

#[tokio::test]
async fn a_skewed_server_denies_the_punctual_and_tells_its_time() {
    let simulator = with_fault(Fault::ClockSkew(TimeDelta::minutes(20))).await;
    let response = july().send(&simulator).await;
    assert_eq!(response.status(), 403);
    assert_eq!(response.headers()["date"], "Sun, 09 Aug 2026 10:20:00 GMT");
    let adjusted = Signed::cycle("2026-07", now() + TimeDelta::minutes(20));
    assert_eq!(adjusted.json(&simulator).await.0, 200);
}

#[tokio::test]
async fn shuffled_answers_hold_the_same_in_another_order() {
    let simulator = with_fault(Fault::Shuffled).await;
    let ids = async || -> Vec<String> {
        let body = july().json(&simulator).await.1;
        body["reports"].as_array().unwrap().iter().map(|r| r["id"].to_string()).collect()
    };
    let mut orders = [ids().await, ids().await, ids().await, ids().await];
    assert!(orders.windows(2).any(|pair| pair[0] != pair[1]));
    for ids in &mut orders {
        ids.sort();
    }
    assert!(orders.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn bad_entries_stand_beside_the_good_ones() {
    let simulator = with_fault(Fault::BadEntries(BadEntry::ALL.to_vec())).await;
    let body = july().send(&simulator).await.text().await.unwrap();
    for sign in
        [r#""xxxxxxxx-xxxx-"#, r"\u0000", r"\ud83d", "(formerly)", "Awaiting Purchase Order", r#""tags":"#]
    {
        assert!(body.contains(sign), "{sign} is not in {body}");
    }
    assert_eq!(july().send(&simulator).await.text().await.unwrap(), body);

    let good = world().reports(now(), "2026-07".parse().unwrap());
    assert_eq!(body.matches(&good[1].id.to_string()).count(), 2, "no duplicate");
    assert_eq!(body.matches(r#""status":"#).count(), good.len() + 7);
    assert_eq!(body.matches(&good[0].id.to_string()).count(), 2, "no contradiction");
}

#[tokio::test]
async fn a_refused_request_uses_up_no_fault() {
    let simulator = builder().fault(FaultRule::once(Fault::Html)).start().await.unwrap();
    let unsigned = Signed { time: now() - TimeDelta::hours(1), ..july() };
    assert_eq!(unsigned.json(&simulator).await.0, 403);
    assert_eq!(simulator.handle().faults(), 1);
    assert!(july().send(&simulator).await.text().await.unwrap().starts_with("<!DOCTYPE"));
    assert_eq!(simulator.handle().faults(), 0);
}
