//! Results as people, programs and spreadsheets want them.

use std::io::{self, ErrorKind, StdoutLock, Write};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::ValueEnum;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use serde::Serialize;

use crate::domain::Cycle;
pub(super) use crate::visible::visible;
use crate::visible::{shortened, without_commands};

/// A line under the header and nothing else, so that the figures speak.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Standard output, whose reader may have seen enough (`| head -1`): what nobody reads any more is
/// let go, and the exit code still tells how the command went.
pub(super) fn stdout() -> impl Write {
    UntilUnread(io::stdout().lock())
}

struct UntilUnread(StdoutLock<'static>);

impl Write for UntilUnread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(bytes.len()),
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            flushed => flushed,
        }
    }
}

/// Cells of a table are cut after so many characters; the other outputs have all of them.
const WIDEST: usize = 160;

/// How a result is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people
    #[default]
    Table,
    /// One JSON document
    Json,
    /// Comma-separated, with a header line
    Csv,
}

/// Rows under a header; numbers are known by their column.
#[derive(Debug)]
pub(super) struct Grid {
    header: Vec<&'static str>,
    /// Index of the first column that holds numbers, which are set to the right.
    numbers_from: usize,
    rows: Vec<Vec<String>>,
}

impl Grid {
    pub(super) fn new<const N: usize>(header: [&'static str; N]) -> Self {
        Self { header: header.to_vec(), numbers_from: N, rows: Vec::new() }
    }

    /// The columns from this one on hold numbers.
    pub(super) fn numbers_from(mut self, column: usize) -> Self {
        self.numbers_from = column;
        self
    }

    pub(super) fn push<const N: usize>(&mut self, row: [String; N]) {
        debug_assert_eq!(N, self.header.len());
        self.rows.push(row.into());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// For people: control characters made visible, so that a name cannot drive the terminal.
    pub(super) fn write_table(&self, out: &mut impl Write) -> io::Result<()> {
        let mut table = Table::new();
        table.load_style(STYLE).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(&self.header);
        for row in &self.rows {
            // One endless name must not stretch the whole table.
            table.add_row(row.iter().map(|text| visible(&shortened(text, WIDEST))));
        }
        for column in table.column_iter_mut().skip(self.numbers_from) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(out, "{table}")
    }
}

/// Writes one JSON document.
pub(super) fn write_json(out: &mut impl Write, document: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}

/// A moment, in the zone of the schedule, to the second.
pub(super) fn moment(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// What may be missing, as text.
pub(super) fn maybe(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A text as a spreadsheet may have it: what it would take for a formula is prefixed with an apostrophe, and
/// control characters but those of lines and tabs are made visible, as no spreadsheet shows them and a
/// terminal obeys them. Whoever needs names to the letter takes JSON.
pub(super) fn spreadsheet_text(text: &str) -> String {
    let text = without_commands(text);
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{text}") } else { text }
}

/// So many cycles are told one by one.
const FEW: usize = 4;

/// A few cycles by name, many by number.
pub(super) fn shortly(cycles: &[Cycle]) -> String {
    match cycles {
        [] => String::new(),
        [newest, .., oldest] if cycles.len() > FEW => {
            format!("{} cycles, {oldest} to {newest}", cycles.len())
        }
        few => few.iter().map(Cycle::to_string).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_drive_the_terminal() {
        let mut grid = Grid::new(["name"]);
        grid.push(["\u{1b}[31mred\u{202e} ü".to_owned()]);
        let mut out = Vec::new();
        grid.write_table(&mut out).unwrap();
        let table = String::from_utf8(out).unwrap();
        assert!(table.contains("\\u{1b}[31mred\\u{202e} ü"), "{table}");
    }
}
