//! Reports and versions as lines, in one of the forms.

use std::io::{self, ErrorKind, Write};
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::output::{exact, maybe, moment, spreadsheet_text};
use crate::store::{CurrentReport, Extra, ReportVersion};

/// How a spreadsheet knows that a file is UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// How lines are written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Json,
    /// For Excel in the time zone given.
    Csv {
        separator: u8,
        excel: Option<Tz>,
    },
}

/// What can be a line.
pub(super) trait Record: Serialize {
    const HEADER: &'static [&'static str];

    fn cells(&self, at: &dyn Fn(Option<DateTime<Utc>>) -> String) -> Vec<String>;
}

/// Lines on their way out.
pub(super) struct Lines<W: Write, R> {
    sink: Sink<W>,
    zone: Option<Tz>,
    /// What went wrong; nothing is written after it.
    failed: Option<io::Error>,
    of: PhantomData<R>,
}

enum Sink<W: Write> {
    Json(W),
    Csv(Box<csv::Writer<W>>),
}

impl<W: Write, R: Record> Lines<W, R> {
    /// Begins with the header, where there is one.
    pub(super) fn begin(mut out: W, form: Form) -> Self {
        let (sink, zone, failed) = match form {
            Form::Json => (Sink::Json(out), None, None),
            Form::Csv { separator, excel } => {
                let marked = if excel.is_some() { out.write_all(BYTE_ORDER_MARK) } else { Ok(()) };
                let mut builder = csv::WriterBuilder::new();
                builder.delimiter(separator);
                if excel.is_some() {
                    builder.terminator(csv::Terminator::CRLF);
                }
                let mut writer = Box::new(builder.from_writer(out));
                let begun = marked.and_then(|()| writer.write_record(R::HEADER).map_err(io::Error::from));
                (Sink::Csv(writer), excel, begun.err())
            }
        };
        Self { sink, zone, failed, of: PhantomData }
    }

    /// Writes a line; false if no more is wanted.
    pub(super) fn push(&mut self, row: &R) -> bool {
        if self.failed.is_none() {
            self.failed = self.write(row).err();
        }
        self.failed.is_none()
    }

    fn write(&mut self, row: &R) -> io::Result<()> {
        match &mut self.sink {
            Sink::Json(out) => {
                serde_json::to_writer(&mut *out, row)?;
                out.write_all(b"\n")
            }
            Sink::Csv(writer) => {
                let zone = self.zone;
                let at = move |time: Option<DateTime<Utc>>| match (zone, time) {
                    (Some(zone), Some(time)) => moment(time, zone),
                    _ => exact(time),
                };
                Ok(writer.write_record(row.cells(&at))?)
            }
        }
    }

    /// Ends. A reader who has gone away has seen enough: that is no failure.
    pub(super) fn end(mut self) -> io::Result<()> {
        let flushed = match &mut self.sink {
            Sink::Json(out) => out.flush(),
            Sink::Csv(writer) => writer.flush(),
        };
        match self.failed.map_or(flushed, Err) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            ended => ended,
        }
    }
}

/// Unknown fields as the database writes them: a number keeps every digit.
fn unknown(extra: Option<&Extra>) -> String {
    extra.map(|extra| spreadsheet_text(extra.get())).unwrap_or_default()
}

impl Record for CurrentReport {
    const HEADER: &'static [&'static str] = &[
        "account",
        "id",
        "cycle",
        "partner_company_name",
        "start_date",
        "end_date",
        "status",
        "status_position",
        "is_final",
        "waits_for",
        "under_review_status",
        "status_since",
        "status_not_before",
        "days_in_status",
        "days_since_cycle_end",
        "previous_status",
        "first_seen_at",
        "version",
        "valid_from",
        "extra",
    ];

    fn cells(&self, at: &dyn Fn(Option<DateTime<Utc>>) -> String) -> Vec<String> {
        let text = |value: &Option<String>| spreadsheet_text(value.as_deref().unwrap_or_default());
        vec![
            self.account.clone(),
            self.id.to_string(),
            self.cycle.to_string(),
            spreadsheet_text(&self.partner_company_name),
            self.start_date.to_string(),
            self.end_date.to_string(),
            spreadsheet_text(&self.status),
            maybe(self.status_position),
            self.is_final.to_string(),
            text(&self.waits_for),
            text(&self.under_review_status),
            at(Some(self.status_since)),
            at(self.status_not_before),
            format!("{:.3}", self.days_in_status),
            format!("{:.3}", self.days_since_cycle_end),
            text(&self.previous_status),
            at(Some(self.first_seen_at)),
            self.version.to_string(),
            at(Some(self.valid_from)),
            unknown(self.extra.as_ref()),
        ]
    }
}

impl Record for ReportVersion {
    const HEADER: &'static [&'static str] = &[
        "account",
        "id",
        "version",
        "valid_from",
        "valid_to",
        "cycle",
        "partner_company_name",
        "start_date",
        "end_date",
        "status",
        "under_review_status",
        "extra",
        "poll_id",
    ];

    fn cells(&self, at: &dyn Fn(Option<DateTime<Utc>>) -> String) -> Vec<String> {
        vec![
            self.account.clone(),
            self.id.to_string(),
            self.version.to_string(),
            at(Some(self.valid_from)),
            at(self.valid_to),
            self.cycle.to_string(),
            spreadsheet_text(&self.partner_company_name),
            self.start_date.to_string(),
            self.end_date.to_string(),
            spreadsheet_text(&self.status),
            spreadsheet_text(self.under_review_status.as_deref().unwrap_or_default()),
            unknown(self.extra.as_ref()),
            self.poll_id.to_string(),
        ]
    }
}
