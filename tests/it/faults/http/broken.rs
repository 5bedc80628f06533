//! Exchanges that break off, or never come to their end.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::subject::{Expected, Subject};
use super::upstream::{Act, JSON, Upstream, answer, answer_of_length, list, ok};

/// Tried twice, because it may pass, and still nothing comes of it.
async fn fails_twice(faults: impl IntoIterator<Item = (&'static str, Option<u16>, Vec<Act>)>) {
    let mut subject = Subject::new().await;
    for (fault, status, acts) in faults {
        let upstream = Upstream::always(acts).await;
        subject.ask(&upstream, |options| options.max_attempts = 2);
        subject.fails(fault, Expected { status, attempts: 2, words: &["broke off"] }).await;
        assert_eq!(upstream.asked().len(), 2, "{fault}");
    }
    subject.converges().await;
}

/// A good answer, cut where its head ends.
async fn halves() -> (Vec<u8>, Vec<u8>) {
    let subject = Subject::new().await;
    let whole = ok(&list(&subject.stored()));
    let end = whole.windows(4).position(|four| four == b"\r\n\r\n").expect("a head ends") + 4;
    (whole[..end].to_vec(), whole[end..].to_vec())
}

#[tokio::test]
async fn a_line_torn_down_before_or_in_the_head_is_tried_again() {
    let (head, _) = halves().await;
    let half = head[..head.len() / 2].to_vec();
    fails_twice([
        ("reset before the head", None, vec![Act::Reset]),
        ("reset in the head", None, vec![Act::Send(half.clone()), Act::Reset]),
        ("hung up in the head", None, vec![Act::Send(half), Act::Close]),
    ])
    .await;
}

#[tokio::test]
async fn a_line_torn_down_in_the_body_and_a_short_body_are_tried_again() {
    let (head, body) = halves().await;
    let half = body[..body.len() / 2].to_vec();
    let almost = body[..body.len() - 1].to_vec();
    fails_twice([
        ("reset in the body", Some(200), vec![Act::Send(head.clone()), Act::Send(half), Act::Reset]),
        ("one byte short", Some(200), vec![Act::Send(head), Act::Send(almost), Act::Close]),
    ])
    .await;
}

#[tokio::test]
async fn a_body_without_its_last_chunk_is_no_answer_even_if_the_list_is_whole() {
    let subject = Subject::new().await;
    let body = list(&subject.stored()[..1]);
    let head = format!("HTTP/1.1 200 OK\r\n{JSON}\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunk = format!("{head}{:x}\r\n{body}\r\n", body.len()).into_bytes();
    let bad_length = format!("{head}zz\r\n{body}\r\n0\r\n\r\n").into_bytes();
    fails_twice([
        ("no last chunk", Some(200), vec![Act::Send(chunk), Act::Close]),
        ("a chunk of no length", Some(200), vec![Act::Send(bad_length), Act::Close]),
    ])
    .await;
}

#[tokio::test]
async fn compressed_data_that_break_off_or_are_spoilt_are_no_answer() {
    let subject = Subject::new().await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(list(&subject.stored()).as_bytes()).unwrap();
    let mut packed = encoder.finish().unwrap();
    let answer = |body: &[u8]| answer("200 OK", &[JSON, "content-encoding: gzip"], body);
    let cut = answer(&packed[..packed.len() - 20]);
    let checksum = packed.len() - 8;
    packed[checksum] ^= 1;
    fails_twice([
        ("compressed data cut short", Some(200), vec![Act::Send(cut)]),
        ("a wrong checksum", Some(200), vec![Act::Send(answer(&packed))]),
    ])
    .await;
}

#[tokio::test]
async fn an_answer_that_never_comes_or_drips_is_given_up_at_the_deadline() {
    let (head, body) = halves().await;
    let pause = Duration::from_millis(5);
    for (fault, status, acts) in [
        ("says nothing", None, vec![Act::Hang]),
        ("drips its head", None, vec![Act::Drip(head.clone(), pause * 10), Act::Hang]),
        ("stops after the head", Some(200), vec![Act::Send(head.clone()), Act::Hang]),
        ("drips its body", Some(200), vec![Act::Send(head), Act::Drip(body, pause), Act::Hang]),
    ] {
        let mut subject = Subject::new().await;
        let mut upstream = Upstream::always(acts).await;
        let limit = Duration::from_millis(400);
        subject.ask(&upstream, |options| {
            options.request_timeout = limit;
            options.max_attempts = 2;
        });
        let words = ["0.4 s", "sync.request_timeout"];
        subject.fails(fault, Expected { status, attempts: 2, words: &words }).await;
        let asked = upstream.asked();
        assert_eq!(asked.len(), 2, "{fault}");
        assert!(asked[1].at - asked[0].at >= limit, "{fault}: given up too early");
        // No line stays open for an answer that nobody waits for any more.
        upstream.ended(2).await;
        subject.converges().await;
    }
}

#[tokio::test]
async fn a_list_cut_short_under_its_right_length_is_no_list_and_not_asked_for_again() {
    let mut subject = Subject::new().await;
    let body = list(&subject.stored());
    for cut in [0, 1, body.len() / 2, body.len() - 2, body.len() - 1] {
        let upstream = Upstream::always(vec![Act::Send(ok(&body[..cut]))]).await;
        subject.ask(&upstream, |options| options.max_attempts = 5);
        let words = ["not a whole report list", "maintenance"];
        let fault = format!("cut after {cut} bytes");
        subject.fails(&fault, Expected { status: Some(200), attempts: 1, words: &words }).await;
    }
    subject.converges().await;
}

#[tokio::test]
async fn heads_without_end_are_given_up() {
    let mut subject = Subject::new().await;
    let endless = format!("HTTP/1.1 200 OK\r\n{}", "x-more: and more\r\n".repeat(100_000)).into_bytes();
    let upstream = Upstream::always(vec![Act::Send(endless), Act::Hang]).await;
    subject.ask(&upstream, |_| {});
    subject.fails("endless head", Expected { status: None, attempts: 1, words: &["broke off"] }).await;
    let longer = answer_of_length("200 OK", &[JSON], b"{\"reports\":[]}", usize::MAX);
    let upstream = Upstream::always(vec![Act::Send(longer), Act::Close]).await;
    subject.ask(&upstream, |_| {});
    subject.fails("absurd length", Expected { status: None, attempts: 1, words: &["broke off"] }).await;
    subject.converges().await;
}
