//! `prune`: deletes what is past retention.

use std::io::Write;
use std::process::ExitCode;

use chrono::NaiveDate;
use clap::Args;
use serde::Serialize;

use super::CliError;
use super::output::{Grid, Output, stdout, write_json};
use super::record::write_csv;
use super::signals::stop_on_signals;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::prune::{PruneCount, Pruned, PrunedLogs, Pruning};
use crate::setup::{Database, instance, pruning};
use crate::store::{RunOutcome, Trigger};

/// Delete the reports that are older than the retention time
///
/// Reports that ended longer ago than retention.months in the settings (24 unless set) are deleted for
/// good, with their earlier versions and with logs of that age. What the vendor no longer has cannot be
/// brought back: look first with --dry-run. The daemon does the same every night by itself.
///
/// It refuses where a mistake is likelier: when the clocks of this machine and of the database differ by
/// more than a day, and when a large part of all reports would go (a quarter, unless the settings say
/// otherwise).
#[derive(Debug, Args)]
pub(super) struct PruneArgs {
    /// Only show what would be deleted
    #[arg(long)]
    dry_run: bool,

    /// Delete even if it is a large part of all reports
    #[arg(long)]
    force: bool,

    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

pub(super) async fn prune(args: PruneArgs, settings: &Settings) -> Result<ExitCode, CliError> {
    let stop = stop_on_signals()?;
    // Deletes rows but leaves the schema alone: an old one is told.
    let database = Database::open_for_reading(settings).await?;
    let pruning = Pruning { force: args.force, ..pruning(settings, &database.store, &SystemClock) };
    if args.dry_run {
        let preview = pruning.preview().await;
        database.close().await;
        let preview = preview?;
        write(args.output, &Document::new(preview.cutoff, true, &preview.cycles), |document| {
            would_go(document, preview.total, settings)
        })?;
        if let Some(refusal) = preview.refusal {
            tracing::warn!("without --dry-run this would be refused: {refusal}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let pruned = pruning.run(Trigger::Cli, &instance(), &stop).await;
    database.close().await;
    let pruned = pruned?;
    write(args.output, &Document::new(pruned.cutoff, false, &pruned.cycles), |document| {
        has_gone(document, &pruned, settings)
    })?;
    Ok(if pruned.outcome == RunOutcome::Succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    cutoff: NaiveDate,
    dry_run: bool,
    reports: i64,
    cycles: &'a [PruneCount],
}

impl<'a> Document<'a> {
    fn new(cutoff: NaiveDate, dry_run: bool, cycles: &'a [PruneCount]) -> Self {
        Self { cutoff, dry_run, reports: cycles.iter().map(|cycle| cycle.reports).sum(), cycles }
    }

    fn versions(&self) -> i64 {
        self.cycles.iter().map(|cycle| cycle.versions).sum()
    }
}

fn write(
    output: Output,
    document: &Document<'_>,
    in_words: impl FnOnce(&Document<'_>) -> String,
) -> std::io::Result<()> {
    let mut out = stdout();
    match output {
        Output::Json => write_json(&mut out, document),
        Output::Csv => write_csv(&mut out, document.cycles),
        Output::Table => {
            let grid = grid(document);
            if !grid.is_empty() {
                grid.write_table(&mut out)?;
            }
            writeln!(out, "{}", in_words(document))
        }
    }
}

fn grid(document: &Document<'_>) -> Grid {
    let mut grid = Grid::new(["Account", "Cycle", "Reports", "Earlier versions"]).numbers_from(2);
    for cycle in document.cycles {
        grid.push([
            cycle.account.clone(),
            cycle.cycle.to_string(),
            cycle.reports.to_string(),
            cycle.versions.to_string(),
        ]);
    }
    grid
}

fn nothing(cutoff: NaiveDate, settings: &Settings) -> String {
    format!(
        "Nothing is past retention: every report ended on {cutoff} or later ({} months are kept).",
        settings.retention.months
    )
}

fn would_go(document: &Document<'_>, total: i64, settings: &Settings) -> String {
    if document.cycles.is_empty() {
        return nothing(document.cutoff, settings);
    }
    format!(
        "{} of {total} reports ended before {} and would be deleted, with {} earlier versions. Nothing has been \
         deleted: this was a dry run.",
        document.reports,
        document.cutoff,
        document.versions()
    )
}

fn has_gone(document: &Document<'_>, pruned: &Pruned, settings: &Settings) -> String {
    let mut lines = Vec::new();
    if !document.cycles.is_empty() {
        lines.push(format!(
            "Deleted {} reports that ended before {}, with {} earlier versions.",
            document.reports,
            document.cutoff,
            document.versions()
        ));
    } else if pruned.outcome == RunOutcome::Succeeded {
        lines.push(nothing(document.cutoff, settings));
    }
    let PrunedLogs { quarantined, ticks, polls, runs } = pruned.logs;
    if quarantined + ticks + polls + runs > 0 {
        lines.push(format!(
            "Logs of that age went too: {polls} polls, {runs} runs, {ticks} ticks, {quarantined} quarantined entries."
        ));
    }
    match pruned.outcome {
        RunOutcome::Interrupted => {
            lines.push("It was stopped before its end; the next prune goes on from there.".to_owned());
        }
        RunOutcome::Partial => lines.push(format!(
            "{} more stay until the next prune: another session of the database has them locked (see pg_locks).",
            pruned.locked
        )),
        RunOutcome::Succeeded | RunOutcome::Failed => {}
    }
    lines.join("\n")
}
