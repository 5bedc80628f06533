//! `export`: reports as a file for a spreadsheet or a program.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use clap::{Args, ValueEnum};

use super::CliError;
use super::signals::stop_on_signals;
use crate::config::Settings;
use crate::domain::Cycle;
use crate::setup::{Database, rules};
use crate::store::{ExportFilter, ReportVersion, Store};
use crate::sync::Rules;
use crate::task::shared_out;

mod destination;

use super::record::{Form, Lines, Record};
use destination::Destination;

/// Write reports to a file or to standard output, as CSV or JSON lines
///
/// The reports listed now, or every version ever kept (--history), or what was listed at a moment
/// (--at). Rows are written as they are read, so that memory does not grow with them.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Every version of every report, old and newest, with the time during which it was valid
    #[arg(long, conflicts_with = "at")]
    history: bool,

    /// What was listed at this moment: 2026-11-05 (the end of that day in the schedule's time zone) or
    /// 2026-11-05T09:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    at: Option<Moment>,

    /// Only this billing month; may be given more than once
    #[arg(long = "cycle", value_name = "YYYY-MM")]
    cycles: Vec<Cycle>,

    /// Only this account; may be given more than once
    #[arg(long = "account", value_name = "NAME")]
    accounts: Vec<String>,

    /// Only this status, "Under Review" for example; may be given more than once
    #[arg(long = "status", value_name = "STATUS")]
    statuses: Vec<String>,

    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    output: Format,

    /// CSV as Excel opens it by a double click: marked as UTF-8, and with moments as it knows them, in the
    /// schedule's time zone
    #[arg(long)]
    excel: bool,

    /// What separates the columns of CSV [default: ,]; Excel wants ; where numbers have a decimal comma
    #[arg(long, value_name = "CHARACTER", value_parser = separator)]
    separator: Option<u8>,

    /// Write to this file, which is replaced only when all of it has been written
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

/// How an export is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Comma-separated, with a header line; what a spreadsheet would take for a formula starts with '
    #[default]
    Csv,
    /// One JSON object per line, every value exact
    Jsonl,
}

/// A moment as people give it.
#[derive(Clone, Copy, Debug)]
enum Moment {
    Exact(DateTime<Utc>),
    EndOf(NaiveDate),
}

fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(Moment::EndOf(day));
    }
    DateTime::parse_from_rfc3339(text).map(|at| Moment::Exact(at.to_utc())).map_err(|_| {
        "write it as a day, 2026-11-05, or as a moment with its offset, 2026-11-05T09:00:00+01:00".to_owned()
    })
}

fn separator(text: &str) -> Result<u8, &'static str> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        &[character @ (b',' | b';' | b'|' | b'\t')] => Ok(character),
        _ => Err("it is one of , ; | and \\t"),
    }
}

impl Moment {
    /// The last microsecond of a day; a day that a time zone skips ends where the next one begins.
    fn in_zone(self, zone: Tz) -> DateTime<Utc> {
        match self {
            Self::Exact(at) => at,
            Self::EndOf(day) => {
                let next = day.checked_add_days(Days::new(1)).unwrap_or(day).and_time(NaiveTime::MIN);
                // Where midnight does not exist, the day begins an hour later or so.
                let start = (0..=24 * 4).find_map(|quarters| {
                    (next + TimeDelta::minutes(15 * quarters)).and_local_timezone(zone).earliest()
                });
                start.map_or(next.and_utc(), |start| start.to_utc()) - TimeDelta::microseconds(1)
            }
        }
    }
}

pub(super) async fn export(args: ExportArgs, settings: &Settings) -> Result<ExitCode, CliError> {
    let form = match args.output {
        Format::Jsonl if args.excel || args.separator.is_some() => {
            let usage = "--excel and --separator are for CSV; leave out --output jsonl";
            return Err(CliError::Usage(usage.to_owned()));
        }
        Format::Jsonl => Form::Json,
        Format::Csv => Form::Csv {
            separator: args.separator.unwrap_or(b','),
            excel: args.excel.then_some(settings.schedule.timezone),
        },
    };
    let stop = stop_on_signals()?;
    let database = Database::open_for_reading(settings).await?;
    let filter = filter(&args, settings, &database.store).await?;
    let destination = Destination::open(args.to.as_deref())?;
    let at = args.at.map(|at| at.in_zone(settings.schedule.timezone));
    // On another thread, as a reader who does not read on holds it up, whoever is told to stop.
    let writing = shared_out(write(database.store.clone(), filter, args.history, at, form, destination));
    let written = tokio::select! {
        written = writing => written,
        () = stop.cancelled() => Err(anyhow!("stopped before all was written").into()),
    };
    database.close().await;
    written?.finish()?;
    Ok(ExitCode::SUCCESS)
}

async fn write(
    store: Store,
    filter: ExportFilter,
    history: bool,
    at: Option<DateTime<Utc>>,
    form: Form,
    mut destination: Destination,
) -> Result<Destination, CliError> {
    if history || at.is_some() {
        let mut lines = Lines::begin(&mut destination, form);
        let mut is_empty = true;
        let mut each = |row: ReportVersion| {
            is_empty = false;
            put(&mut lines, &row)
        };
        store.export_versions(&filter, at, &mut each).await?;
        lines.end()?;
        if let Some(at) = at.filter(|_| is_empty) {
            warn_if_before_all(&store, at).await?;
        }
    } else {
        let mut lines = Lines::begin(&mut destination, form);
        store.export_current(&filter, |row| put(&mut lines, &row)).await?;
        lines.end()?;
    }
    Ok(destination)
}

/// What was listed before anybody looked is not known, which an empty file does not say.
async fn warn_if_before_all(store: &Store, at: DateTime<Utc>) -> Result<(), CliError> {
    if let Some(since) = store.known_since().await?.filter(|since| at < *since) {
        let (at, since) = (at.to_rfc3339(), since.to_rfc3339());
        tracing::warn!("what was listed at {at} is not known: nothing is kept from before {since}");
    }
    Ok(())
}

/// Goes on until somebody has seen enough, or the disk is full.
fn put<R: Record>(lines: &mut Lines<&mut Destination, R>, row: &R) -> ControlFlow<()> {
    if lines.push(row) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

/// What is asked for, once it is known to be askable.
async fn filter(args: &ExportArgs, settings: &Settings, store: &Store) -> Result<ExportFilter, CliError> {
    if !args.accounts.is_empty() {
        let mut known = store.stored_accounts().await?;
        known.extend(settings.accounts.iter().map(|account| account.name.clone()));
        known.sort();
        known.dedup();
        if let Some(name) = args.accounts.iter().find(|name| !known.contains(name)) {
            return Err(CliError::Usage(format!(
                "there is no account {name:?}, neither in the settings nor in the database; there are: {}",
                known.join(", ")
            )));
        }
    }
    require_kept(&args.cycles, &rules(settings), store).await?;
    Ok(ExportFilter {
        accounts: args.accounts.clone(),
        cycles: args.cycles.clone(),
        statuses: statuses(&args.statuses, store).await?,
    })
}

/// A cycle that has not begun can have no reports, nor one past retention that has been pruned.
async fn require_kept(cycles: &[Cycle], rules: &Rules, store: &Store) -> Result<(), CliError> {
    let today = rules.today(store.now().await?);
    let (current, cutoff) = (Cycle::containing(today), rules.retention.cutoff(today));
    for cycle in cycles.iter().filter(|cycle| **cycle > current || cycle.last_day() < cutoff) {
        if *cycle > current || !store.has_reports_of(*cycle).await? {
            return Err(CliError::Usage(format!(
                "no reports are kept of {cycle}: they are from {} to {current}",
                Cycle::containing(cutoff)
            )));
        }
    }
    Ok(())
}

/// The statuses in the spelling of the tables.
async fn statuses(wanted: &[String], store: &Store) -> Result<Vec<String>, CliError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let known = store.statuses().await?;
    let find = |name: &String| {
        let same = |status: &&String| status.to_lowercase() == name.to_lowercase();
        known.iter().find(same).cloned().ok_or_else(|| {
            CliError::Usage(format!("there is no status {name:?}; there are: {}", known.join(", ")))
        })
    };
    wanted.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(day: &str, zone: Tz) -> String {
        moment(day).unwrap().in_zone(zone).to_rfc3339()
    }

    #[test]
    fn a_day_means_its_end_in_the_zone_of_the_schedule() {
        assert_eq!(end("2026-11-05", Tz::UTC), "2026-11-05T23:59:59.999999+00:00");
        assert_eq!(end("2026-11-05", Tz::Europe__Berlin), "2026-11-05T22:59:59.999999+00:00");
        // The day after it begins at one o'clock: its midnight is skipped.
        assert_eq!(end("2018-11-03", Tz::America__Sao_Paulo), "2018-11-04T02:59:59.999999+00:00");
        // A moment is a moment.
        assert_eq!(end("2026-11-05T09:00:00+01:00", Tz::UTC), "2026-11-05T08:00:00+00:00");
        assert!(moment("5.11.2026").is_err() && moment("2026-11-05T09:00:00").is_err());
    }
}
