//! A fast upstream: checks the signature, then sends an answer that was rendered before.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, RwLock};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chrono::{Datelike as _, NaiveDate};
use lmp_billing_sync::lmp::sign::signature;
use serde::Deserialize;

use crate::world::World;

pub(crate) const SECRET_KEY: &str = "c2VjcmV0LWtleS1vZi10aGUtYmVuY2htYXJr";

#[derive(Clone, Default)]
struct Answers(Arc<RwLock<HashMap<(i32, u32), Bytes>>>);

/// The upstream, on a thread of its own. Ends with the process.
pub(crate) struct Upstream {
    address: SocketAddr,
    answers: Answers,
}

impl Upstream {
    pub(crate) fn start() -> Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").context("cannot listen on loopback")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let answers = Answers::default();
        let router = Router::new().fallback(answer).with_state(answers.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                axum::serve(listener, router).await
            })
        });
        Ok(Self { address, answers })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on serves this world; returns the bytes of all answers together.
    pub(crate) fn serve(&self, world: &World, changed: bool) -> u64 {
        let rendered: HashMap<(i32, u32), Bytes> =
            world.cycles().into_iter().map(|cycle| (key(cycle), world.answer(cycle, changed))).collect();
        let bytes = rendered.values().map(|body| body.len() as u64).sum();
        *self.answers.0.write().expect("no thread panics with the lock") = rendered;
        bytes
    }
}

fn key(cycle: NaiveDate) -> (i32, u32) {
    (cycle.year(), cycle.month())
}

#[derive(Deserialize)]
struct Asked {
    report_cycle_year: String,
    report_cycle_month: String,
}

async fn answer(State(answers): State<Answers>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let expected = signature(SECRET_KEY, text("x-posix-time"), "POST", uri.path(), &body);
    if text("x-signature") != expected {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(asked) = serde_json::from_slice::<Asked>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let (Ok(year), Ok(month)) = (asked.report_cycle_year.parse(), asked.report_cycle_month.parse()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let answers = answers.0.read().expect("no thread panics with the lock");
    let body = answers.get(&(year, month)).cloned().unwrap_or(Bytes::from_static(br#"{"reports":[]}"#));
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
}
