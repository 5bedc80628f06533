//! Puts an answer's entries into the staging table, by `COPY` in binary form, while they are read.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use chrono::NaiveDate;
use sqlx::PgConnection;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::StoreError;
use crate::domain::Report;

const COPY: &str = "copy pg_temp.lmp_stage (position, id, start_date, end_date, partner_company_name, status, \
                    under_review_status, extra, bad_sha256) from stdin (format binary)";
const COLUMNS: i16 = 9;

/// Rows are sent when this much has come together.
const CHUNK: usize = 64 << 10;

/// Chunks that may wait for the database, so that reading cannot run ahead without limit.
const CHUNKS_AHEAD: usize = 4;

/// Day 0 of PostgreSQL's dates.
const EPOCH: NaiveDate = NaiveDate::from_ymd_opt(2000, 1, 1).expect("a date");

/// What of an answer is kept for the quarantine, at most this many entries per poll.
pub(super) const MAX_PAYLOADS: usize = 1000;

/// Where the entries of an answer come from. They may be asked for again, when a transaction is.
pub trait Entries: Send + Sync + 'static {
    /// Writes every entry, in the order of the answer. Runs on a thread that may block.
    ///
    /// # Errors
    /// When the answer turns out not to be whole.
    fn stage(&self, writer: &mut StageWriter) -> Result<Staged, StageError>;

    /// The entries at these positions (ascending), as quarantined for contradicting each other.
    ///
    /// # Errors
    /// When the answer cannot be read again.
    fn contradicting(&self, positions: &[i32]) -> Result<Vec<BadEntry>, StageError>;
}

/// Why an answer could not be staged.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The answer is not whole or not believable: the poll has failed.
    #[error("{0}")]
    NotBelieved(String),
    /// The database stopped taking rows; its own error says why.
    #[error("the database stopped taking rows")]
    Closed,
}

/// What a whole answer held.
#[derive(Debug, Default)]
pub struct Staged {
    /// Entries in the answer.
    pub entries: u32,
    /// Bad entries whose id could not be read.
    pub unreadable: u32,
    /// Whether a status occurred that is not documented.
    pub unknown_status: bool,
    /// The first bad entries.
    pub bad: Vec<BadEntry>,
}

/// An entry for the quarantine.
#[derive(Debug, Clone)]
pub struct BadEntry {
    /// Place in the answer, from 0.
    pub position: i32,
    /// The report's id, if it can be read.
    pub id: Option<Uuid>,
    /// Short code.
    pub reason: &'static str,
    /// A sentence.
    pub detail: String,
    /// The entry's text.
    pub payload: String,
    /// SHA-256 of the whole entry.
    pub sha256: [u8; 32],
}

/// Takes entries and sends them on as rows.
#[derive(Debug)]
pub struct StageWriter {
    buffer: BytesMut,
    chunks: mpsc::Sender<Bytes>,
    staged: Staged,
}

impl StageWriter {
    fn new(chunks: mpsc::Sender<Bytes>) -> Self {
        let mut buffer = BytesMut::with_capacity(CHUNK + (CHUNK >> 2));
        buffer.put_slice(b"PGCOPY\n\xff\r\n\0");
        buffer.put_i32(0); // flags
        buffer.put_i32(0); // header extension
        Self { buffer, chunks, staged: Staged::default() }
    }

    /// Adds a report.
    ///
    /// # Errors
    /// When the database stopped taking rows.
    pub fn report(&mut self, position: i32, report: &Report, unknown_status: bool) -> Result<(), StageError> {
        self.staged.entries += 1;
        self.staged.unknown_status |= unknown_status;
        self.buffer.put_i16(COLUMNS);
        self.position(position);
        self.field(report.id.as_bytes());
        self.date(report.start_date);
        self.date(report.end_date);
        self.field(report.partner_company_name.as_bytes());
        self.field(report.status.as_bytes());
        self.optional(report.under_review_status.as_ref().map(String::as_bytes));
        match &report.extra {
            Some(json) => {
                self.length(json.len() + 1);
                self.buffer.put_u8(1); // version of jsonb's binary form
                self.buffer.put_slice(json.as_bytes());
            }
            None => self.optional(None),
        }
        self.optional(None);
        self.send_if(CHUNK)
    }

    /// Adds an entry that cannot be a report; `keep` makes what is kept of it, if there is room.
    ///
    /// # Errors
    /// When the database stopped taking rows.
    pub fn bad(&mut self, entry: BadEntry) -> Result<(), StageError> {
        self.staged.entries += 1;
        self.staged.unreadable += u32::from(entry.id.is_none());
        self.buffer.put_i16(COLUMNS);
        self.position(entry.position);
        self.optional(entry.id.as_ref().map(|id| &id.as_bytes()[..]));
        for _ in 0..6 {
            self.optional(None);
        }
        self.field(&entry.sha256);
        if self.staged.bad.len() < MAX_PAYLOADS {
            self.staged.bad.push(entry);
        }
        self.send_if(CHUNK)
    }

    /// Ends the rows and tells what they were.
    ///
    /// # Errors
    /// When the database stopped taking rows.
    pub fn finish(&mut self) -> Result<Staged, StageError> {
        self.buffer.put_i16(-1);
        self.send_if(0)?;
        Ok(std::mem::take(&mut self.staged))
    }

    fn position(&mut self, position: i32) {
        self.buffer.put_i32(4);
        self.buffer.put_i32(position);
    }

    fn date(&mut self, date: NaiveDate) {
        self.buffer.put_i32(4);
        // Four-digit years are within a few million days of the epoch.
        self.buffer.put_i32(i32::try_from((date - EPOCH).num_days()).unwrap_or_default());
    }

    fn optional(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.field(bytes),
            None => self.buffer.put_i32(-1),
        }
    }

    fn field(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.buffer.put_slice(bytes);
    }

    fn length(&mut self, length: usize) {
        // An entry is at most a few megabytes.
        self.buffer.put_i32(i32::try_from(length).unwrap_or_default());
    }

    fn send_if(&mut self, at_least: usize) -> Result<(), StageError> {
        if self.buffer.len() < at_least {
            return Ok(());
        }
        let chunk = self.buffer.split().freeze();
        self.buffer.reserve(CHUNK + (CHUNK >> 2));
        self.chunks.blocking_send(chunk).map_err(|_| StageError::Closed)
    }
}

/// What staging came to.
pub(super) enum Staging {
    Whole(Staged),
    NotBelieved(String),
}

/// Reads the answer on a thread of its own and copies its rows as they come.
pub(super) async fn stage(tx: &mut PgConnection, entries: Arc<dyn Entries>) -> Result<Staging, StoreError> {
    let doing = "staging the answer";
    let (sender, mut chunks) = mpsc::channel(CHUNKS_AHEAD);
    let mut copy = tx.copy_in_raw(COPY).await.map_err(StoreError::doing(doing))?;
    let reading = tokio::task::spawn_blocking(move || entries.stage(&mut StageWriter::new(sender)));
    while let Some(chunk) = chunks.recv().await {
        copy.send(chunk).await.map_err(StoreError::doing(doing))?;
    }
    match reading.await.map_err(|panic| StoreError::Staging(panic.to_string()))? {
        Ok(staged) => {
            copy.finish().await.map_err(StoreError::doing(doing))?;
            Ok(Staging::Whole(staged))
        }
        Err(StageError::NotBelieved(problem)) => Ok(Staging::NotBelieved(problem)),
        Err(StageError::Closed) => Err(StoreError::Staging(StageError::Closed.to_string())),
    }
}
