//! What was asked and what was answered: the truth that tests hold the database against.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::http::HeaderMap;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::watch;
use uuid::Uuid;

use super::faults::Fault;
use super::lock;
use super::refusal::Refusal;
use crate::domain::Cycle;

/// One request and what became of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Counts the requests, from 1, in the order they arrived.
    pub number: u64,
    /// When the request arrived, by the real clock.
    pub received_at: DateTime<Utc>,
    /// The world's time when it arrived, which is what the answer shows.
    pub world_time: DateTime<Utc>,
    /// Path and query as they were received.
    pub uri: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, byte for byte.
    pub body: Bytes,
    /// The access token, known or not.
    pub access_token: Option<String>,
    /// The trace id, if it is a GUID.
    pub trace_id: Option<Uuid>,
    /// The cycle asked for, if it was one.
    pub cycle: Option<Cycle>,
    /// Why the request was refused; `None` if it was a good one.
    pub refusal: Option<Refusal>,
    /// The faults that happened.
    pub faults: Vec<Fault>,
    /// What was sent. `None` until the last byte of it is on its way, and for ever if nothing, or
    /// not even whole headers, were sent.
    pub answer: Option<Sent>,
}

/// What was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Status code.
    pub status: u16,
    /// The body as far as it was sent.
    pub body: Bytes,
}

/// Keeps the exchanges.
#[derive(Debug)]
pub(super) struct Ledger {
    /// So many exchanges, the newest. Each holds the whole answer, so what is not read is best not kept.
    keep: usize,
    exchanges: Mutex<VecDeque<Exchange>>,
    received: watch::Sender<u64>,
}

impl Ledger {
    pub(super) fn new(keep: usize) -> Self {
        let (received, _) = watch::channel(0);
        Self { keep, exchanges: Mutex::default(), received }
    }

    /// Enters a request, numbers it and gives a receipt on which its answer is to be noted.
    pub(super) fn receive(self: Arc<Self>, mut exchange: Exchange) -> Receipt {
        let mut exchanges = lock(&self.exchanges);
        let number = *self.received.borrow() + 1;
        exchange.number = number;
        let receipt = Receipt {
            ledger: Arc::clone(&self),
            number,
            cycle: exchange.cycle,
            trace_id: exchange.trace_id,
            refusal: exchange.refusal.clone(),
            faults: exchange.faults.clone(),
            body: Vec::new(),
            finished: false,
        };
        exchanges.push_back(exchange);
        while exchanges.len() > self.keep {
            exchanges.pop_front();
        }
        self.received.send_replace(number);
        receipt
    }

    pub(super) fn exchanges(&self) -> Vec<Exchange> {
        lock(&self.exchanges).iter().cloned().collect()
    }

    pub(super) fn clear(&self) {
        lock(&self.exchanges).clear();
    }

    pub(super) fn received(&self) -> watch::Receiver<u64> {
        self.received.subscribe()
    }
}

/// What is still to be said about an exchange: its answer.
#[derive(Debug)]
pub(super) struct Receipt {
    ledger: Arc<Ledger>,
    number: u64,
    cycle: Option<Cycle>,
    trace_id: Option<Uuid>,
    refusal: Option<Refusal>,
    faults: Vec<Fault>,
    body: Vec<u8>,
    finished: bool,
}

impl Receipt {
    /// The number of the exchange.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Notes a piece of the body.
    pub(super) fn sent(&mut self, piece: &[u8]) {
        if self.ledger.keep > 0 {
            self.body.extend_from_slice(piece);
        }
    }

    /// Notes the end of the answer. To be called before the last piece is handed over, so that who
    /// has read an answer finds it in the ledger.
    pub(super) fn finish(&mut self, status: u16, entries: Option<u64>) {
        self.finished = true;
        tracing::info!(
            request.number = self.number,
            request.trace_id = self.trace_id.map(tracing::field::display),
            cycle = self.cycle.map(tracing::field::display),
            http.status = status,
            entries,
            refusal = self.refusal.as_ref().map(tracing::field::display),
            faults = self.faults_for_log(),
            "answered a request"
        );
        let body = std::mem::take(&mut self.body).into();
        let answer = Sent { status, body };
        let mut exchanges = lock(&self.ledger.exchanges);
        if let Some(exchange) = exchanges.iter_mut().rev().find(|exchange| exchange.number == self.number) {
            exchange.answer = Some(answer);
        }
    }

    fn faults_for_log(&self) -> Option<tracing::field::DebugValue<&Vec<Fault>>> {
        (!self.faults.is_empty()).then(|| tracing::field::debug(&self.faults))
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if !self.finished {
            tracing::info!(
                request.number = self.number,
                request.trace_id = self.trace_id.map(tracing::field::display),
                cycle = self.cycle.map(tracing::field::display),
                faults = self.faults_for_log(),
                "left a request without a whole answer"
            );
        }
    }
}
