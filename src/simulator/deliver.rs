//! Sends answers, whole or spoiled.

use std::future::pending;
use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream::{self, Stream, StreamExt as _};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::answer::{Chunks, Entries};
use super::faults::{Fault, RetryAfter};
use super::ledger::Receipt;
use super::refusal::Refusal;
use super::wire::Line;
use super::world::SimReport;

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

const MAINTENANCE_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Scheduled maintenance</title></head>\
    <body><h1>We'll be back soon</h1><p>This service is undergoing scheduled maintenance.</p></body></html>\n";

/// What a good request is answered with.
pub(super) enum Payload {
    /// A list of reports.
    List(Entries),
    /// These very bytes.
    Raw(Bytes),
}

/// Refuses a request.
pub(super) fn refuse(refusal: &Refusal, mut receipt: Receipt) -> Response<Body> {
    let body = error_body(refusal.code(), &refusal.to_string());
    let mut response = whole(refusal.status(), JSON, body, &mut receipt);
    if *refusal == Refusal::MethodNotAllowed {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

/// Sends something else than the answer, or spoils the answer on its way.
pub(super) async fn spoil(
    fault: &Fault,
    payload: Payload,
    content_type: HeaderValue,
    mut receipt: Receipt,
    line: Line,
    now: DateTime<Utc>,
    stop: CancellationToken,
) -> Response<Body> {
    match fault {
        Fault::Status { code, retry_after } => {
            let status = StatusCode::from_u16(*code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let body = error_body("simulated", "this fault was switched on in the simulator");
            let response = whole(status, JSON, body, &mut receipt);
            let retry_after = retry_after.as_ref().map(|retry_after| match retry_after {
                RetryAfter::Seconds(seconds) => seconds.to_string(),
                RetryAfter::Date(offset) => http_date(shifted(now, *offset)),
                RetryAfter::Text(text) => text.clone(),
            });
            with_header(response, RETRY_AFTER, retry_after)
        }
        Fault::Html => {
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            whole(StatusCode::OK, html, Bytes::from_static(MAINTENANCE_PAGE.as_bytes()), &mut receipt)
        }
        Fault::JsonError => {
            let body = error_body("simulated", "this fault was switched on in the simulator");
            whole(StatusCode::OK, JSON, body, &mut receipt)
        }
        Fault::Redirect { to } => {
            let response = whole(StatusCode::TEMPORARY_REDIRECT, JSON, Bytes::new(), &mut receipt);
            with_header(response, LOCATION, Some(to.clone()))
        }
        Fault::NeverAnswer => pending().await,
        Fault::ResetInHeaders => {
            line.reset_soon();
            Response::new(Body::empty())
        }
        Fault::Drip { interval } => {
            let drip = Drip::new(payload, *interval, receipt);
            let length = drip.rest.len();
            let body = stream::unfold(drip, Drip::next).take_until(stop.cancelled_owned());
            with_length(streamed(content_type, body), length)
        }
        Fault::TruncatedJson => {
            let all = collected(payload);
            whole(StatusCode::OK, content_type, all.slice(..all.len() / 2), &mut receipt)
        }
        Fault::ShortBody => {
            let all = collected(payload);
            let half = all.slice(..all.len() / 2);
            let body = broken_off(half, receipt, line, Line::cut);
            with_length(streamed(content_type, body), all.len())
        }
        Fault::ResetInBody => {
            let all = collected(payload);
            let half = all.slice(..all.len() / 2);
            let body = broken_off(half, receipt, line, Line::reset);
            with_length(streamed(content_type, body), all.len())
        }
        Fault::MissingLastChunk => {
            streamed(content_type, broken_off(collected(payload), receipt, line, Line::cut))
        }
        // The other faults spoil nothing; they are dealt with where the answer is made.
        _ => send(payload, content_type, receipt),
    }
}

/// Sends a good answer: a small one with its length, a large one in chunks as they are made.
pub(super) fn send(payload: Payload, content_type: HeaderValue, mut receipt: Receipt) -> Response<Body> {
    let entries = match payload {
        Payload::List(entries) => entries,
        Payload::Raw(body) => return whole(StatusCode::OK, content_type, body, &mut receipt),
    };
    let mut chunks = Recorded { chunks: Chunks::new(entries, receipt.is_kept()), receipt };
    let first = chunks.next().unwrap_or_default();
    if chunks.chunks.is_done() {
        return response(StatusCode::OK, content_type, Body::from(first));
    }
    let body = stream::iter(std::iter::once(first).chain(chunks).map(Ok));
    streamed(content_type, body)
}

/// An answer one byte at a time.
struct Drip {
    rest: Bytes,
    interval: Duration,
    receipt: Receipt,
    entries: Option<u64>,
    reports: Option<Vec<SimReport>>,
}

impl Drip {
    fn new(payload: Payload, interval: Duration, receipt: Receipt) -> Self {
        match payload {
            Payload::Raw(rest) => Self { rest, interval, receipt, entries: None, reports: None },
            Payload::List(entries) => {
                let mut chunks = Chunks::new(entries, receipt.is_kept());
                let rest = chunks.by_ref().collect::<Vec<_>>().concat().into();
                let (entries, reports) = (Some(chunks.written()), chunks.take_reports());
                Self { rest, interval, receipt, entries, reports }
            }
        }
    }

    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        if self.rest.is_empty() {
            return None;
        }
        tokio::time::sleep(self.interval).await;
        let byte = self.rest.split_to(1);
        self.receipt.sent(&byte);
        if self.rest.is_empty() {
            self.receipt.finish(StatusCode::OK.as_u16(), self.entries, self.reports.take());
        }
        Some((Ok(byte), self))
    }
}

/// Pieces of a good answer, noted in the ledger as they are taken.
struct Recorded {
    chunks: Chunks,
    receipt: Receipt,
}

impl Iterator for Recorded {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let chunk = self.chunks.next()?;
        self.receipt.sent(&chunk);
        if self.chunks.is_done() {
            let (entries, reports) = (Some(self.chunks.written()), self.chunks.take_reports());
            self.receipt.finish(StatusCode::OK.as_u16(), entries, reports);
        }
        Some(chunk)
    }
}

/// A body that breaks off after some bytes, once they are on their way.
fn broken_off(
    bytes: Bytes,
    mut receipt: Receipt,
    line: Line,
    end: fn(&Line),
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    receipt.sent(&bytes);
    receipt.finish(StatusCode::OK.as_u16(), None, None);
    let broken = async move {
        line.flushed().await;
        end(&line);
        Err(io::Error::other("a fault breaks the answer off"))
    };
    stream::once(std::future::ready(Ok(bytes))).chain(stream::once(broken))
}

fn collected(payload: Payload) -> Bytes {
    match payload {
        Payload::Raw(body) => body,
        Payload::List(entries) => Chunks::new(entries, false).collect::<Vec<_>>().concat().into(),
    }
}

/// Error bodies are not documented: their shape is our invention, and no client may rely on it.
fn error_body(code: &str, message: &str) -> Bytes {
    json!({ "error": { "code": code, "message": message } }).to_string().into()
}

/// A response that is over once it is handed on.
fn whole(
    status: StatusCode,
    content_type: HeaderValue,
    body: Bytes,
    receipt: &mut Receipt,
) -> Response<Body> {
    receipt.sent(&body);
    receipt.finish(status.as_u16(), None, None);
    response(status, content_type, Body::from(body))
}

fn streamed(
    content_type: HeaderValue,
    body: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Response<Body> {
    response(StatusCode::OK, content_type, Body::from_stream(body))
}

fn response(status: StatusCode, content_type: HeaderValue, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn with_length(mut response: Response<Body>, length: usize) -> Response<Body> {
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    response
}

/// Adds a header, if there is a value and it can stand in one.
fn with_header(mut response: Response<Body>, name: HeaderName, value: Option<String>) -> Response<Body> {
    if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// A moment so much later, or the moment itself where there is no such later.
pub(super) fn shifted(at: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    at.checked_add_signed(by).unwrap_or(at)
}

/// A moment as HTTP writes it.
pub(super) fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
