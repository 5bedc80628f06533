//! PostgreSQL's binary form of `COPY`: rows made on a thread that may block, sent as they come; and rows
//! read back.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use chrono::{DateTime, NaiveDate, Utc};
use futures_util::TryStreamExt;
use sqlx::PgConnection;
use tokio::sync::mpsc;

use super::{EntriesError, StoreError};
use crate::domain::Report;

/// Rows are sent when this much has come together.
const CHUNK: usize = 64 << 10;

/// Chunks that may wait for the database, so that reading cannot run ahead without limit.
const CHUNKS_AHEAD: usize = 4;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// What stands before the first row: the signature, flags, and the length of the header's extension.
const HEADER: usize = SIGNATURE.len() + 8;

/// Takes the place of a length where there is no value.
const NULL: i32 = -1;

/// Takes the place of a row's number of columns at the end.
const END: i16 = -1;

/// Days from day 0 of PostgreSQL's dates.
pub(super) fn days(date: NaiveDate) -> i32 {
    const EPOCH: NaiveDate = NaiveDate::from_ymd_opt(2000, 1, 1).expect("a date");
    // Four-digit years are within a few million days of the epoch.
    i32::try_from((date - EPOCH).num_days()).unwrap_or_default()
}

/// Microseconds from moment 0 of PostgreSQL's timestamps.
fn microseconds(moment: DateTime<Utc>) -> i64 {
    const EPOCH: i64 = 946_684_800_000_000;
    moment.timestamp_micros() - EPOCH
}

/// Fields of rows, one after the other.
#[derive(Debug, Default)]
pub(super) struct Fields(BytesMut);

impl Fields {
    /// What stands there by now.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Fields that have been made before.
    pub(super) fn raw(&mut self, fields: &[u8]) {
        self.0.put_slice(fields);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.0.put_slice(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(super) fn optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.null(),
        }
    }

    pub(super) fn jsonb(&mut self, json: Option<&str>) {
        match json {
            Some(json) => {
                self.length(json.len() + 1);
                self.0.put_u8(1); // version of the form
                self.0.put_slice(json.as_bytes());
            }
            None => self.null(),
        }
    }

    pub(super) fn int4(&mut self, number: i32) {
        self.0.put_i32(4);
        self.0.put_i32(number);
    }

    pub(super) fn int8(&mut self, number: i64) {
        self.0.put_i32(8);
        self.0.put_i64(number);
    }

    pub(super) fn date(&mut self, date: NaiveDate) {
        self.int4(days(date));
    }

    pub(super) fn timestamptz(&mut self, moment: DateTime<Utc>) {
        self.int8(microseconds(moment));
    }

    pub(super) fn null(&mut self) {
        self.0.put_i32(NULL);
    }

    /// What LMP says of a report: the columns [`FACTS`].
    pub(super) fn facts(&mut self, report: &Report<'_>) {
        self.bytes(report.id.as_bytes());
        self.text(&report.partner_company_name);
        self.date(report.start_date);
        self.date(report.end_date);
        self.text(report.status.as_str());
        self.optional(report.under_review_status.as_deref());
        self.jsonb(report.extra.as_deref());
    }

    fn length(&mut self, length: usize) {
        // An entry is at most a few megabytes.
        self.0.put_i32(i32::try_from(length).unwrap_or_default());
    }
}

/// The columns of [`Fields::facts`].
pub(super) const FACTS: i16 = 7;

/// Makes rows and sends them on.
#[derive(Debug)]
pub(super) struct Rows {
    fields: Fields,
    chunks: mpsc::Sender<Bytes>,
}

impl Rows {
    fn new(chunks: mpsc::Sender<Bytes>) -> Self {
        let mut buffer = BytesMut::with_capacity(CHUNK + (CHUNK >> 2));
        buffer.put_slice(SIGNATURE);
        buffer.put_i32(0); // flags
        buffer.put_i32(0); // header extension
        Self { fields: Fields(buffer), chunks }
    }

    /// Begins a row of so many columns, sending the rows before if they are many; its fields follow.
    pub(super) fn row(&mut self, columns: i16) -> Result<&mut Fields, EntriesError> {
        if self.fields.0.len() >= CHUNK {
            self.send()?;
        }
        self.fields.0.put_i16(columns);
        Ok(&mut self.fields)
    }

    fn end(mut self) -> Result<(), EntriesError> {
        self.fields.0.put_i16(END);
        self.send()
    }

    fn send(&mut self) -> Result<(), EntriesError> {
        let chunk = self.fields.0.split().freeze();
        self.fields.0.reserve(CHUNK + (CHUNK >> 2));
        self.chunks.blocking_send(chunk).map_err(|_| EntriesError::Closed)
    }
}

/// Copies the rows that `write` makes, on a thread of its own, as they come; returns how many.
pub(super) async fn copy_in<W>(
    connection: &mut PgConnection,
    statement: &'static str,
    doing: &'static str,
    write: W,
) -> Result<u64, StoreError>
where
    W: FnOnce(&mut Rows) -> Result<(), EntriesError> + Send + 'static,
{
    let (sender, mut chunks) = mpsc::channel(CHUNKS_AHEAD);
    let mut copy = connection.copy_in_raw(statement).await.map_err(StoreError::doing(doing))?;
    let writing = tokio::task::spawn_blocking(move || {
        let mut rows = Rows::new(sender);
        write(&mut rows)?;
        rows.end()
    });
    while let Some(chunk) = chunks.recv().await {
        copy.send(chunk).await.map_err(StoreError::doing(doing))?;
    }
    writing.await.map_err(|panic| StoreError::Staging(panic.to_string()))??;
    copy.finish().await.map_err(StoreError::doing(doing))
}

/// Hands every row that `statement`, a `copy … to stdout (format binary)`, gives to `take`.
pub(super) async fn copy_out(
    connection: &mut PgConnection,
    statement: &str,
    doing: &'static str,
    mut take: impl FnMut(Row<'_>) -> Result<(), Misread>,
) -> Result<(), StoreError> {
    let unreadable = || StoreError::Unexpected("a row that is not in the binary form of COPY".to_owned());
    let mut chunks = connection.copy_out_raw(statement).await.map_err(StoreError::doing(doing))?;
    let mut rest = BytesMut::new();
    let mut header = true;
    while let Some(chunk) = chunks.try_next().await.map_err(StoreError::doing(doing))? {
        // The server sends a row at a time; that it does so nothing promises.
        rest.extend_from_slice(&chunk);
        if header && rest.len() >= HEADER {
            rest.advance(HEADER);
            header = false;
        }
        while !header && let Some(length) = whole_row(&rest) {
            if length == END_LENGTH {
                rest.advance(length);
                continue;
            }
            take(Row(&rest[2..length])).map_err(|_| unreadable())?;
            rest.advance(length);
        }
    }
    if rest.is_empty() && !header { Ok(()) } else { Err(unreadable()) }
}

/// The end's marker has no fields behind it.
const END_LENGTH: usize = 2;

/// The length of the row at the beginning, if all of it is there.
fn whole_row(mut bytes: &[u8]) -> Option<usize> {
    let all = bytes.len();
    for _ in 0..bytes.try_get_i16().ok()?.max(0) {
        let length = usize::try_from(bytes.try_get_i32().ok()?).unwrap_or(0);
        bytes = bytes.get(length..)?;
    }
    Some(all - bytes.len())
}

/// The fields of a row, taken one after the other.
pub(super) struct Row<'a>(&'a [u8]);

/// A row does not have the fields that were asked for.
#[derive(Debug)]
pub(super) struct Misread;

impl<'a> Row<'a> {
    /// A field's bytes; `None` if it is null.
    fn bytes(&mut self) -> Result<Option<&'a [u8]>, Misread> {
        let length = self.0.try_get_i32().map_err(|_| Misread)?;
        let Ok(length) = usize::try_from(length) else { return Ok(None) };
        let (field, rest) = self.0.split_at_checked(length).ok_or(Misread)?;
        self.0 = rest;
        Ok(Some(field))
    }

    /// A field of so many bytes that is not null.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Misread> {
        self.bytes()?.and_then(|bytes| bytes.try_into().ok()).ok_or(Misread)
    }

    /// A text that is not null.
    pub(super) fn text(&mut self) -> Result<&'a str, Misread> {
        self.optional()?.ok_or(Misread)
    }

    /// A text; `None` if it is null.
    pub(super) fn optional(&mut self) -> Result<Option<&'a str>, Misread> {
        self.bytes()?.map(std::str::from_utf8).transpose().map_err(|_| Misread)
    }
}
