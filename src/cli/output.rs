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

    /// For spreadsheets: what they would take for a formula is prefixed with an apostrophe. Control
    /// characters but those of lines and tabs are made visible as in a table: no spreadsheet shows
    /// them, and a terminal obeys them. Whoever needs names to the letter takes JSON.
    pub(super) fn write_csv(&self, out: &mut impl Write) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(&self.header)?;
        for row in &self.rows {
            writer.write_record(row.iter().enumerate().map(|(column, text)| {
                // Negative numbers are numbers.
                if column < self.numbers_from { spreadsheet_text(text) } else { text.clone() }
            }))?;
        }
        writer.flush()
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

/// A moment for programs.
pub(super) fn exact(at: Option<DateTime<Utc>>) -> String {
    at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)).unwrap_or_default()
}

/// What may be missing, as text.
pub(super) fn maybe(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A text as a spreadsheet may have it: neither a formula nor a command to a terminal.
pub(super) fn spreadsheet_text(text: &str) -> String {
    neutral(&without_commands(text))
}

fn neutral(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
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

    fn text(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_spreadsheet_does_not_take_a_name_for_a_formula() {
        let mut grid = Grid::new(["name", "count"]).numbers_from(1);
        for name in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "plain", "a,b \"c\"\nd"] {
            grid.push([name.to_owned(), "-5".to_owned()]);
        }
        let csv = text(|out| grid.write_csv(out));
        assert_eq!(
            csv,
            "name,count\n'=1+1,-5\n'+1,-5\n'-1,-5\n'@SUM(A1),-5\n'\tx,-5\nplain,-5\n\"a,b \"\"c\"\"\nd\",-5\n"
        );
    }

    #[test]
    fn a_name_cannot_drive_the_terminal() {
        let mut grid = Grid::new(["name"]);
        grid.push(["\u{1b}[31mred\u{202e} ü".to_owned()]);
        let table = text(|out| grid.write_table(out));
        assert!(table.contains("\\u{1b}[31mred\\u{202e} ü"), "{table}");
    }
}
