//! Helpers of the simulator's own tests.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;

use super::{DEFAULT_ACCESS_TOKEN, DEFAULT_SECRET_KEY, RunningSimulator, lock};
use crate::clock::Clock;
use crate::lmp::sign::signature;

/// A clock that moves when it is told to.
#[derive(Debug)]
pub(super) struct ManualClock(Mutex<DateTime<Utc>>);

impl ManualClock {
    pub(super) fn at(text: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(text.parse().unwrap())))
    }

    pub(super) fn advance(&self, by: TimeDelta) {
        *lock(&self.0) += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *lock(&self.0)
    }
}

/// A request as a client would sign it, for tests to spoil.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    pub(super) path: &'static str,
    pub(super) body: String,
    pub(super) time: DateTime<Utc>,
    pub(super) trace_id: Uuid,
}

impl Signed {
    /// For one cycle, at a moment.
    pub(super) fn cycle(cycle: &str, time: DateTime<Utc>) -> Self {
        let (year, month) = cycle.split_once('-').unwrap();
        let body = format!(r#"{{"report_cycle_year":"{year}","report_cycle_month":"{month}"}}"#);
        Self { path: "/LMPI/v2/reports/billing", body, time, trace_id: Uuid::from_u128(42) }
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        let time = self.time.timestamp().to_string();
        let signature = signature(DEFAULT_SECRET_KEY, &time, "POST", self.path, self.body.as_bytes());
        vec![
            ("x-access-token", DEFAULT_ACCESS_TOKEN.to_owned()),
            ("x-posix-time", time),
            ("x-signature", signature),
            ("x-traceid", self.trace_id.to_string()),
            ("content-type", "application/json; charset=utf-8".to_owned()),
        ]
    }

    /// Sends it as an ordinary client does.
    pub(super) async fn send(&self, simulator: &RunningSimulator) -> reqwest::Response {
        // Only the first can install it, and all install the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let mut request = client.post(simulator.base_url() + self.path).body(self.body.clone());
        for (name, value) in self.headers() {
            request = request.header(name, value);
        }
        request.send().await.unwrap()
    }

    /// Sends it and reads the status and the JSON of the answer.
    pub(super) async fn json(&self, simulator: &RunningSimulator) -> (u16, Value) {
        let response = self.send(simulator).await;
        let status = response.status().as_u16();
        let body = response.bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{error}: {body:?}")))
    }

    /// Writes it on a connection of its own, whose far end is to be watched.
    pub(super) async fn write(&self, simulator: &RunningSimulator) -> TcpStream {
        let mut request = format!("POST {} HTTP/1.1\r\nhost: lmp\r\n", self.path);
        for (name, value) in self.headers() {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        let _ = write!(request, "content-length: {}\r\n\r\n{}", self.body.len(), self.body);
        let mut stream = TcpStream::connect(simulator.addr()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }
}

/// Reads until the connection ends, and tells how it ended.
pub(super) async fn read_to_end(stream: &mut TcpStream) -> (String, io::Result<()>) {
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).await.map(|_| ());
    (String::from_utf8(bytes).unwrap(), end)
}

/// Head and body of a response that was read to its end.
pub(super) fn head_and_body(response: &str) -> (&str, &str) {
    response.split_once("\r\n\r\n").unwrap()
}
