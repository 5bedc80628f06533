//! What programs and spreadsheets read: rows as lines of JSON or CSV, and which columns they have.

use std::io::{self, ErrorKind, Write};
use std::marker::PhantomData;

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::output::{moment, spreadsheet_text};
use crate::prune::PruneCount;
use crate::store::{CurrentReport, CycleStatuses, Extra, PollRow, ReportVersion};

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
pub(super) trait Record: Serialize + 'static {
    const COLUMNS: &'static [Column<Self>];
}

/// Its name, and what a line has in it.
type Column<R> = (&'static str, fn(&R) -> Cell<'_>);

/// A field of CSV.
pub(super) enum Cell<'r> {
    /// From outside: to be neither a formula nor a command to a terminal.
    Text(&'r str),
    /// Our own: an id, a number, a day.
    Plain(String),
    Moment(Option<DateTime<Utc>>),
}

impl<'r> Cell<'r> {
    fn text(value: Option<&'r str>) -> Self {
        Self::Text(value.unwrap_or_default())
    }

    fn plain(value: &impl ToString) -> Self {
        Self::Plain(value.to_string())
    }

    fn maybe(value: Option<impl ToString>) -> Self {
        Self::Plain(value.map(|value| value.to_string()).unwrap_or_default())
    }

    fn moment(at: DateTime<Utc>) -> Self {
        Self::Moment(Some(at))
    }

    /// Unknown fields as the database writes them: a number keeps every digit.
    fn extra(extra: Option<&'r Extra>) -> Self {
        Self::Text(extra.map(|extra| extra.get()).unwrap_or_default())
    }

    fn written(self, excel: Option<Tz>) -> String {
        match (self, excel) {
            (Self::Text(text), _) => spreadsheet_text(text),
            (Self::Plain(text), _) => text,
            (Self::Moment(Some(at)), Some(zone)) => moment(at, zone),
            (Self::Moment(Some(at)), None) => at.to_rfc3339_opts(SecondsFormat::Micros, true),
            (Self::Moment(None), _) => String::new(),
        }
    }
}

/// Writes rows as CSV for programs.
pub(super) fn write_csv<'r, R: Record>(
    out: impl Write,
    rows: impl IntoIterator<Item = &'r R>,
) -> io::Result<()> {
    let mut lines = Lines::begin(out, Form::Csv { separator: b',', excel: None });
    rows.into_iter().all(|row| lines.push(row));
    lines.end()
}

/// Lines on their way out.
pub(super) struct Lines<W: Write, R> {
    sink: Sink<W>,
    excel: Option<Tz>,
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
        let (sink, excel, failed) = match form {
            Form::Json => (Sink::Json(out), None, None),
            Form::Csv { separator, excel } => {
                let marked = if excel.is_some() { out.write_all(BYTE_ORDER_MARK) } else { Ok(()) };
                let mut builder = csv::WriterBuilder::new();
                builder.delimiter(separator);
                if excel.is_some() {
                    builder.terminator(csv::Terminator::CRLF);
                }
                let mut writer = Box::new(builder.from_writer(out));
                let begun =
                    marked.and_then(|()| write(&mut writer, R::COLUMNS.iter().map(|column| column.0)));
                (Sink::Csv(writer), excel, begun.err())
            }
        };
        Self { sink, excel, failed, of: PhantomData }
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
                write(writer, R::COLUMNS.iter().map(|column| column.1(row).written(self.excel)))
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

/// Keeps which failure of writing it was, as the library's own conversion does not.
fn write<W: Write, F: AsRef<[u8]>>(
    writer: &mut csv::Writer<W>,
    fields: impl IntoIterator<Item = F>,
) -> io::Result<()> {
    writer.write_record(fields).map_err(|error| match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    })
}

impl Record for CurrentReport {
    const COLUMNS: &'static [Column<Self>] = &[
        ("account", |row| Cell::Text(&row.account)),
        ("id", |row| Cell::plain(&row.id)),
        ("cycle", |row| Cell::plain(&row.cycle)),
        ("partner_company_name", |row| Cell::Text(&row.partner_company_name)),
        ("start_date", |row| Cell::plain(&row.start_date)),
        ("end_date", |row| Cell::plain(&row.end_date)),
        ("status", |row| Cell::Text(&row.status)),
        ("status_position", |row| Cell::maybe(row.status_position)),
        ("is_final", |row| Cell::plain(&row.is_final)),
        ("waits_for", |row| Cell::text(row.waits_for.as_deref())),
        ("under_review_status", |row| Cell::text(row.under_review_status.as_deref())),
        ("status_since", |row| Cell::moment(row.status_since)),
        ("status_not_before", |row| Cell::Moment(row.status_not_before)),
        ("days_in_status", |row| Cell::Plain(format!("{:.3}", row.days_in_status))),
        ("days_since_cycle_end", |row| Cell::Plain(format!("{:.3}", row.days_since_cycle_end))),
        ("previous_status", |row| Cell::text(row.previous_status.as_deref())),
        ("first_seen_at", |row| Cell::moment(row.first_seen_at)),
        ("version", |row| Cell::plain(&row.version)),
        ("valid_from", |row| Cell::moment(row.valid_from)),
        ("extra", |row| Cell::extra(row.extra.as_ref())),
    ];
}

impl Record for ReportVersion {
    const COLUMNS: &'static [Column<Self>] = &[
        ("account", |row| Cell::Text(&row.account)),
        ("id", |row| Cell::plain(&row.id)),
        ("version", |row| Cell::plain(&row.version)),
        ("valid_from", |row| Cell::moment(row.valid_from)),
        ("valid_to", |row| Cell::Moment(row.valid_to)),
        ("cycle", |row| Cell::plain(&row.cycle)),
        ("partner_company_name", |row| Cell::Text(&row.partner_company_name)),
        ("start_date", |row| Cell::plain(&row.start_date)),
        ("end_date", |row| Cell::plain(&row.end_date)),
        ("status", |row| Cell::Text(&row.status)),
        ("under_review_status", |row| Cell::text(row.under_review_status.as_deref())),
        ("extra", |row| Cell::extra(row.extra.as_ref())),
        ("poll_id", |row| Cell::plain(&row.poll_id)),
    ];
}

impl Record for PollRow {
    const COLUMNS: &'static [Column<Self>] = &[
        ("id", |row| Cell::plain(&row.id)),
        ("run_id", |row| Cell::plain(&row.run_id)),
        ("account", |row| Cell::Text(&row.account)),
        ("cycle", |row| Cell::plain(&row.cycle)),
        ("requested_at", |row| Cell::Moment(row.requested_at)),
        ("finished_at", |row| Cell::moment(row.finished_at)),
        ("outcome", |row| Cell::Text(row.outcome.as_str())),
        ("http_status", |row| Cell::maybe(row.http_status)),
        ("trace_id", |row| Cell::maybe(row.trace_id)),
        ("server_date", |row| Cell::Moment(row.server_date)),
        ("error", |row| Cell::text(row.error.as_deref())),
        ("body_sha256", |row| Cell::text(row.body_sha256.as_deref())),
        ("reports_seen", |row| Cell::plain(&row.reports_seen)),
        ("inserted", |row| Cell::plain(&row.inserted)),
        ("updated", |row| Cell::plain(&row.updated)),
        ("withdrawn", |row| Cell::plain(&row.withdrawn)),
        ("quarantined", |row| Cell::plain(&row.quarantined)),
        ("body_bytes", |row| Cell::maybe(row.body_bytes)),
    ];
}

impl Record for CycleStatuses {
    const COLUMNS: &'static [Column<Self>] = &[
        ("account", |row| Cell::Text(&row.account)),
        ("cycle", |row| Cell::plain(&row.cycle)),
        ("confirmed_at", |row| Cell::Moment(row.confirmed_at)),
        ("oldest_open_since", |row| Cell::Moment(row.oldest_open_since)),
        ("reports", |row| Cell::plain(&row.reports)),
        ("msp_preparing", |row| Cell::plain(&row.msp_preparing)),
        ("under_review", |row| Cell::plain(&row.under_review)),
        ("rejected", |row| Cell::plain(&row.rejected)),
        ("approved", |row| Cell::plain(&row.approved)),
        ("completed", |row| Cell::plain(&row.completed)),
        ("other_status", |row| Cell::plain(&row.other_status)),
        ("share_completed", |row| Cell::maybe(row.share_completed)),
        ("quarantined", |row| Cell::plain(&row.quarantined)),
    ];
}

impl Record for PruneCount {
    const COLUMNS: &'static [Column<Self>] = &[
        ("account", |row| Cell::Text(&row.account)),
        ("cycle", |row| Cell::plain(&row.cycle)),
        ("reports", |row| Cell::plain(&row.reports)),
        ("versions", |row| Cell::plain(&row.versions)),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Name(&'static str);

    impl Record for Name {
        const COLUMNS: &'static [Column<Self>] =
            &[("name", |row| Cell::Text(row.0)), ("count", |_| Cell::plain(&-5))];
    }

    #[test]
    fn a_spreadsheet_does_not_take_a_name_for_a_formula() {
        let names = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "plain", "a,b \"c\"\nd"].map(Name);
        let mut csv = Vec::new();
        write_csv(&mut csv, &names).unwrap();
        assert_eq!(
            String::from_utf8(csv).unwrap(),
            "name,count\n'=1+1,-5\n'+1,-5\n'-1,-5\n'@SUM(A1),-5\n'\tx,-5\nplain,-5\n\"a,b \"\"c\"\"\nd\",-5\n"
        );
    }

    /// Takes so many bytes.
    struct Reader(usize);

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_who_has_seen_enough_is_no_failure_in_either_form() {
        for form in [Form::Json, Form::Csv { separator: b',', excel: None }] {
            let mut lines = Lines::begin(Reader(100_000), form);
            assert!(!(0..200_000).all(|_| lines.push(&Name("a partner"))));
            lines.end().unwrap();
        }
    }
}
