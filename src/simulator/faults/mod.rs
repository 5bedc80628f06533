//! Faults that can be switched on: everything that goes wrong between a client and a real server.
//!
//! A request that LMP would refuse is refused whatever faults are on, and uses up none of those that
//! spoil answers: a fault never hides a client's mistake.

mod parse;
mod rules;

use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

pub use parse::FAULT_HELP;
pub use rules::FaultRule;
pub(super) use rules::{Faults, Stage, Target};

pub use super::bad_entries::BadEntry;

/// One thing that goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// A status code instead of the answer.
    Status {
        /// The status code, 400 to 599.
        code: u16,
        /// What the `Retry-After` header says, if there is one.
        retry_after: Option<RetryAfter>,
    },
    /// Status 200 with an HTML maintenance page.
    Html,
    /// Status 200 with a JSON object that tells an error.
    JsonError,
    /// The first half of the answer, with a `Content-Length` that fits the half.
    TruncatedJson,
    /// The first half of the answer, then the end of the connection, with the `Content-Length` of
    /// the whole.
    ShortBody,
    /// The whole answer in chunks, but the connection ends before the chunk that says so.
    MissingLastChunk,
    /// The connection is reset within the response's headers.
    ResetInHeaders,
    /// The connection is reset half-way through the body.
    ResetInBody,
    /// The request is taken, and nothing is ever answered.
    NeverAnswer,
    /// The right answer, one byte at a time.
    Drip {
        /// How long each byte takes.
        interval: Duration,
    },
    /// A redirect that keeps method and body (307).
    Redirect {
        /// The `Location` header.
        to: String,
    },
    /// The answer is sent only after this time, its content being that of the moment of asking.
    Latency(Duration),
    /// The answer, its content being that of the moment of asking, is held until the gate opens.
    Hold(Gate),
    /// The right answer under the wrong content type.
    WrongContentType(String),
    /// Entries that are no reports, or odd ones, beside the right ones.
    BadEntries(Vec<BadEntry>),
    /// An empty list.
    Empty,
    /// Reports in another order at every request.
    Shuffled,
    /// The server's clock is off: its `Date` header and its 15-minute rule follow.
    ClockSkew(TimeDelta),
}

/// What a `Retry-After` header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// A date this far from now; negative means in the past.
    Date(TimeDelta),
    /// Any text, of which seconds are one.
    Text(String),
}

/// Holds answers back until it is opened; clones are the same gate.
#[derive(Clone, Debug, Default)]
pub struct Gate(CancellationToken);

impl Gate {
    /// A closed gate.
    pub fn closed() -> Self {
        Self::default()
    }

    /// Lets everything through, for good.
    pub fn open(&self) {
        self.0.cancel();
    }

    /// Waits until the gate is open.
    pub async fn opened(&self) {
        self.0.cancelled().await;
    }
}

impl Fault {
    /// When in the course of a request the fault takes hold.
    fn stage(&self) -> Stage {
        match self {
            Self::Latency(_) | Self::Hold(_) | Self::ClockSkew(_) => Stage::Arrival,
            _ => Stage::Answer,
        }
    }

    /// Whether the fault spoils or replaces the whole answer, so that only one such can happen at a
    /// time. The others merely colour an answer and add up.
    pub(super) fn spoils(&self) -> bool {
        !matches!(
            self,
            Self::Latency(_)
                | Self::Hold(_)
                | Self::WrongContentType(_)
                | Self::BadEntries(_)
                | Self::Empty
                | Self::Shuffled
                | Self::ClockSkew(_)
        )
    }
}
