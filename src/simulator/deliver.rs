//! Sends answers, whole or spoiled.

use std::future::pending;
use std::io;

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream::{self, Stream, StreamExt as _};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::answer::{Entries, Pieces};
use super::faults::{Fault, RetryAfter};
use super::ledger::Receipt;
use super::refusal::Refusal;
use super::wire::Line;

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

const MAINTENANCE_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Scheduled maintenance</title></head>\
    <body><h1>We'll be back soon</h1><p>This service is undergoing scheduled maintenance.</p></body></html>\n";

/// Refuses a request.
pub(super) fn refuse(refusal: &Refusal, mut receipt: Receipt) -> Response<Body> {
    let body = error_body(&refusal.to_string());
    let mut response = whole(refusal.status(), JSON, body, &mut receipt);
    if *refusal == Refusal::MethodNotAllowed {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

/// Sends something else than the answer, or spoils the answer on its way.
pub(super) async fn spoil(
    fault: &Fault,
    entries: Entries,
    content_type: HeaderValue,
    mut receipt: Receipt,
    line: Line,
    now: DateTime<Utc>,
    stop: CancellationToken,
) -> Response<Body> {
    match fault {
        Fault::Status { code, retry_after } => {
            let status = StatusCode::from_u16(*code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let body = error_body("this fault was switched on in the simulator");
            let response = whole(status, JSON, body, &mut receipt);
            let retry_after = retry_after.as_ref().map(|retry_after| match retry_after {
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
            let body = error_body("this fault was switched on in the simulator");
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
            let mut pieces = Pieces::new(entries);
            let (all, interval) = (pieces.all(), *interval);
            let length = all.len();
            let drip = stream::unfold((all, receipt), move |(mut rest, mut receipt)| async move {
                if rest.is_empty() {
                    return None;
                }
                tokio::time::sleep(interval).await;
                let byte = rest.split_to(1);
                receipt.sent(&byte);
                if rest.is_empty() {
                    receipt.finish(StatusCode::OK.as_u16(), Some(pieces.written));
                }
                Some((Ok(byte), (rest, receipt)))
            });
            with_length(streamed(content_type, drip.take_until(stop.cancelled_owned())), length)
        }
        Fault::TruncatedJson => {
            let all = Pieces::new(entries).all();
            whole(StatusCode::OK, content_type, all.slice(..all.len() / 2), &mut receipt)
        }
        Fault::ShortBody | Fault::ResetInBody => {
            let all = Pieces::new(entries).all();
            let half = all.slice(..all.len() / 2);
            let end = if matches!(fault, Fault::ShortBody) { Line::cut } else { Line::reset };
            with_length(streamed(content_type, broken_off(half, receipt, line, end)), all.len())
        }
        Fault::MissingLastChunk => {
            streamed(content_type, broken_off(Pieces::new(entries).all(), receipt, line, Line::cut))
        }
        // The other faults spoil nothing; they are dealt with where the answer is made.
        _ => send(entries, content_type, receipt),
    }
}

/// Sends a good answer: a small one with its length, a large one in chunks as they are made.
pub(super) fn send(entries: Entries, content_type: HeaderValue, mut receipt: Receipt) -> Response<Body> {
    let mut pieces = Pieces::new(entries);
    let mut next = move || {
        let piece = pieces.next()?;
        receipt.sent(&piece);
        if pieces.done {
            receipt.finish(StatusCode::OK.as_u16(), Some(pieces.written));
        }
        Some((piece, pieces.done))
    };
    let (first, is_all) = next().unwrap_or_default();
    if is_all {
        return response(StatusCode::OK, content_type, Body::from(first));
    }
    let rest = std::iter::from_fn(move || next().map(|(piece, _)| piece));
    streamed(content_type, stream::iter(std::iter::once(first).chain(rest).map(Ok)))
}

/// A body that breaks off after some bytes, once they are on their way.
fn broken_off(
    bytes: Bytes,
    mut receipt: Receipt,
    line: Line,
    end: fn(&Line),
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    receipt.sent(&bytes);
    receipt.finish(StatusCode::OK.as_u16(), None);
    let broken = async move {
        line.flushed().await;
        end(&line);
        Err(io::Error::other("a fault breaks the answer off"))
    };
    stream::once(std::future::ready(Ok(bytes))).chain(stream::once(broken))
}

/// Error bodies are not documented: their shape is our invention, and no client may rely on it.
fn error_body(message: &str) -> Bytes {
    json!({ "error": { "message": message } }).to_string().into()
}

/// A response that is over once it is handed on.
fn whole(
    status: StatusCode,
    content_type: HeaderValue,
    body: Bytes,
    receipt: &mut Receipt,
) -> Response<Body> {
    receipt.sent(&body);
    receipt.finish(status.as_u16(), None);
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
