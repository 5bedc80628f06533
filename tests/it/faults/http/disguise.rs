//! Answers with status 200 that are none, and other statuses that look like something else.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::subject::{Expected, Subject};
use super::upstream::{Act, JSON, Upstream, answer, list, ok};
use crate::cli::lab::{CommandLab, months_ago, report};

const HTML: &str = "content-type: text/html; charset=utf-8";

#[tokio::test]
async fn what_is_no_list_is_not_believed_whatever_its_status_and_type_say() {
    let mut subject = Subject::new().await;
    let listed = list(&subject.stored()[..3]);
    let page = "<!DOCTYPE html><html><title>Maintenance</title><body>Back soon</body></html>";
    for (fault, header, body) in [
        ("a maintenance page", HTML, page.to_owned()),
        ("a maintenance page called JSON", JSON, page.to_owned()),
        ("an error object", JSON, r#"{"error":{"code":"maintenance","message":"later"}}"#.to_owned()),
        ("an error beside null", JSON, r#"{"error":"later","reports":null}"#.to_owned()),
        ("nothing", JSON, String::new()),
        ("a bare array", JSON, listed.replacen(r#"{"reports":"#, "", 1).trim_end_matches('}').to_owned()),
        ("two lists in a row", JSON, format!("{listed}{listed}")),
        ("two lists in one", JSON, format!(r#"{},"reports":[]}}"#, &listed[..listed.len() - 1])),
        ("a page behind the list", JSON, format!("{listed}{page}")),
        ("another letter case", JSON, listed.replacen("reports", "Reports", 1)),
    ] {
        let upstream = Upstream::always(vec![Act::Send(answer("200 OK", &[header], body.as_bytes()))]).await;
        subject.ask(&upstream, |options| options.max_attempts = 5);
        let words = ["not a whole report list", "maintenance"];
        subject.fails(fault, Expected { status: Some(200), attempts: 1, words: &words }).await;
        assert_eq!(upstream.asked().len(), 1, "{fault}");
    }
    subject.converges().await;
}

#[tokio::test]
async fn bytes_that_are_no_utf_8_and_unknown_encodings_are_not_believed() {
    let mut subject = Subject::new().await;
    let mut latin = list(&subject.stored()).into_bytes();
    let name = latin.windows(7).position(|seven| seven == b"Partner").unwrap();
    latin[name] = 0xe9;
    let utf_16: Vec<u8> = list(&subject.stored()).encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (fault, header, body) in [
        ("latin 1", "content-type: application/json; charset=iso-8859-1", latin),
        ("utf 16", "content-type: application/json; charset=utf-16", utf_16),
        ("an encoding nobody asked for", "content-encoding: br", vec![0x1b, 0x0e, 0, 0xf8]),
    ] {
        let upstream = Upstream::always(vec![Act::Send(answer("200 OK", &[JSON, header], &body))]).await;
        subject.ask(&upstream, |_| {});
        let words = ["not a whole report list"];
        subject.fails(fault, Expected { status: Some(200), attempts: 1, words: &words }).await;
    }
    subject.converges().await;
}

#[tokio::test]
async fn an_address_that_is_gone_is_told_as_such_and_not_asked_again() {
    let mut subject = Subject::new().await;
    for (status, code) in [("404 Not Found", 404), ("410 Gone", 410)] {
        let upstream = Upstream::always(vec![Act::Send(answer(status, &[HTML], b"<h1>?</h1>"))]).await;
        subject.ask(&upstream, |options| options.max_attempts = 5);
        let words = [&status[..3], "version of its interface may be gone", "api_version"];
        subject.fails(status, Expected { status: Some(code), attempts: 1, words: &words }).await;
        assert_eq!(upstream.asked().len(), 1);
    }
    subject.converges().await;
}

#[tokio::test]
async fn other_successes_and_refusals_are_no_answers_either() {
    let mut subject = Subject::new().await;
    let listed = list(&subject.stored()[..3]);
    for (status, code) in [
        ("201 Created", 201),
        ("203 Other", 203),
        ("206 Partial", 206),
        ("400 Bad", 400),
        ("418 Teapot", 418),
    ] {
        let upstream = Upstream::always(vec![Act::Send(answer(status, &[JSON], listed.as_bytes()))]).await;
        subject.ask(&upstream, |options| options.max_attempts = 5);
        let words = ["refused the request", &status[..3]];
        subject.fails(status, Expected { status: Some(code), attempts: 1, words: &words }).await;
    }
    subject.converges().await;
}

/// The real program: applied, and remarked on where people look.
#[tokio::test]
async fn the_right_list_under_a_wrong_content_type_is_applied_and_remarked_on() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1);
    let body = list(&[report(1, "Acme", cycle, "Approved")]);
    for (headers, outcome, remarks) in [
        (&["content-type: text/html"][..], "1 new", 1),
        (&[][..], "nothing changed", 1),
        (&["content-type: application/problem+json"][..], "nothing changed", 0),
    ] {
        let upstream = Upstream::always(vec![Act::Send(answer("200 OK", headers, body.as_bytes()))]).await;
        let call = lab.call(&["sync", "--cycle", &cycle.to_string()]);
        let ended = call.set("accounts.emea.base_url", &upstream.base_url()).ends_with(0).await;
        let ended = ended.says(&[outcome]);
        assert_eq!(ended.stderr.matches("content type is not JSON").count(), remarks, "{}", ended.stderr);
    }
    assert_eq!(lab.texts("select partner_company_name from lmp_billing.reports").await, ["Acme"]);
}

#[tokio::test]
async fn a_good_answer_in_odd_pieces_is_a_good_answer() {
    let mut subject = Subject::new().await;
    let body = list(&subject.stored());
    let mut chunks = String::new();
    for chunk in body.as_bytes().chunks(7) {
        let text = std::str::from_utf8(chunk).unwrap();
        write!(chunks, "{:X};why=not\r\n{text}\r\n", chunk.len()).unwrap();
    }
    let chunked =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{JSON}\r\n\r\n{chunks}0\r\nx: y\r\n\r\n");
    let until_the_end = format!("HTTP/1.0 200 OK\r\n{JSON}\r\n\r\n{body}");
    let after_others = format!(
        "HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n{}",
        String::from_utf8(ok(&body)).unwrap()
    );
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(body.as_bytes()).unwrap();
    let packed = answer("200 OK", &[JSON, "content-encoding: gzip"], &gzip.finish().unwrap());
    for (form, bytes) in [
        ("chunks", chunked.into_bytes()),
        ("to the end", until_the_end.into_bytes()),
        ("after hints", after_others.into_bytes()),
        ("packed", packed),
    ] {
        let upstream = Upstream::always(vec![Act::Send(bytes), Act::Close]).await;
        subject.ask(&upstream, |_| {});
        let poll = subject.lab.poll(subject.cycle).await;
        assert_eq!((poll.outcome.as_str(), poll.reports_seen), ("unchanged", 20), "{form}: {:?}", poll.error);
    }
    subject.is_untouched("another form of the same answer").await;
    subject.converges().await;
}
