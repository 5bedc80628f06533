//! `sync`: polls now.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use futures_util::future::join_all;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::CliError;
use super::logging::PROGRESS;
use super::output::{Grid, Output, shortly, stdout, visible, write_json};
use super::record::write_csv;
use super::signals::stop_on_signals;
use crate::config::{Account, Settings};
use crate::domain::Cycle;
use crate::setup::Database;
use crate::setup::{client, instance, limit, rules};
use crate::store::{Job, Outcome, PollRow, RunOutcome, RunSummary, Trigger};
use crate::sync::{AccountSync, Ended, Rules, manual};

/// Ask for the reports now and store what has changed
///
/// Without --cycle it asks for every cycle that can still be read: the current month and the 24
/// before it. Safe to repeat at any time: what has not changed is not written.
#[derive(Debug, Args)]
pub(super) struct SyncArgs {
    /// Only this billing month; may be given more than once
    #[arg(long = "cycle", value_name = "YYYY-MM")]
    cycles: Vec<Cycle>,

    /// Only this account of the settings; may be given more than once
    #[arg(long = "account", value_name = "NAME")]
    accounts: Vec<String>,

    /// Believe the answer even if it lacks most of the reports that are stored for the cycle
    #[arg(long, requires = "cycles")]
    accept_withdrawals: bool,

    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

pub(super) async fn sync(args: SyncArgs, settings: &Settings) -> Result<ExitCode, CliError> {
    settings.require_accounts()?;
    let accounts = chosen(&args.accounts, settings)?;
    let clients = accounts
        .iter()
        .map(|account| client(settings, account, limit(account), settings.sync.max_attempts))
        .collect::<Result<Vec<_>, _>>()?;
    let stop = stop_on_signals()?;
    let rules = Rules { accept_withdrawals: args.accept_withdrawals, ..rules(settings) };
    let database = Database::open_for_sync(settings).await?;
    let now = database.store.now().await?;
    let cycles = manual(rules.retention.window(rules.today(now)), &args.cycles)?;
    let instance = instance();
    let bar = progress(args.output, accounts.len() * cycles.len());
    let runs = accounts.iter().zip(&clients).map(|(account, client)| {
        let sync = AccountSync {
            store: &database.store,
            client,
            account: &account.name,
            max_concurrency: account.max_concurrency as usize,
            rules: &rules,
            exchanged: &|_| {},
        };
        let (cycles, instance, bar, stop) = (&cycles, &instance, &bar, &stop);
        async move {
            let seen = |row: &PollRow| {
                bar.set_message(format!("{} {}", row.account, row.cycle));
                bar.inc(1);
            };
            sync.run(Job::Manual, Trigger::Cli, instance, cycles, seen, stop).await
        }
    });
    let results = join_all(runs).await;
    bar.finish_and_clear();
    database.close().await;

    let mut failed = false;
    let mut ended = Vec::new();
    for (account, result) in accounts.iter().zip(results) {
        match result {
            Ok(run) => ended.push(run),
            Err(error) => {
                failed = true;
                tracing::error!(account = account.name, "the run ended early: {error}");
            }
        }
    }
    failed |= ended.iter().any(|run| run.run.outcome != RunOutcome::Succeeded);
    write(args.output, &ended)?;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn chosen<'s>(names: &[String], settings: &'s Settings) -> Result<Vec<&'s Account>, CliError> {
    let known =
        || settings.accounts.iter().map(|account| account.name.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(name) =
        names.iter().find(|name| !settings.accounts.iter().any(|account| account.name == **name))
    {
        return Err(CliError::Usage(format!(
            "there is no account {name:?} in the settings; there are: {}",
            known()
        )));
    }
    let wanted = |account: &&Account| names.is_empty() || names.contains(&account.name);
    Ok(settings.accounts.iter().filter(wanted).collect())
}

fn progress(output: Output, polls: usize) -> ProgressBar {
    if output != Output::Table || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = PROGRESS.add(ProgressBar::new(polls as u64));
    if let Ok(style) = ProgressStyle::with_template("{elapsed_precise} {wide_bar} {pos}/{len} polls  {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

#[derive(Serialize)]
struct Document<'a> {
    runs: Vec<&'a RunSummary>,
    polls: Vec<&'a PollRow>,
}

fn write(output: Output, ended: &[Ended]) -> std::io::Result<()> {
    let mut out = stdout();
    let polls: Vec<&PollRow> = ended.iter().flat_map(|run| &run.polls).collect();
    match output {
        Output::Json => {
            write_json(&mut out, &Document { runs: ended.iter().map(|run| &run.run).collect(), polls })
        }
        Output::Csv => write_csv(&mut out, polls),
        Output::Table => {
            let mut sorted = polls;
            sorted.sort_by(|a, b| a.account.cmp(&b.account).then(b.cycle.cmp(&a.cycle)));
            let grid = readable_grid(&sorted);
            if !grid.is_empty() {
                grid.write_table(&mut out)?;
            }
            writeln!(out, "{}", summary(&sorted))?;
            for (row, cycles) in failures(&sorted) {
                let error = visible(row.error.as_deref().unwrap_or_default());
                writeln!(out, "{} {} {}: {error}", row.account, shortly(&cycles), row.outcome.as_str())?;
            }
            Ok(())
        }
    }
}

/// Polls that failed, those together that say the same: with LMP away, all of them do.
fn failures<'p>(polls: &[&'p PollRow]) -> Vec<(&'p PollRow, Vec<Cycle>)> {
    let mut found: Vec<(&PollRow, Vec<Cycle>)> = Vec::new();
    for poll in polls.iter().filter(|row| row.outcome.is_failure()) {
        let same = |(other, _): &&mut (&PollRow, Vec<Cycle>)| {
            (&other.account, other.outcome, &other.error) == (&poll.account, poll.outcome, &poll.error)
        };
        match found.iter_mut().find(same) {
            Some((_, cycles)) => cycles.push(poll.cycle),
            None => found.push((poll, vec![poll.cycle])),
        }
    }
    found
}

/// The last line says all: an unchanged window is told as such.
fn summary(polls: &[&PollRow]) -> String {
    let sum = |of: fn(&PollRow) -> i32| polls.iter().map(|row| i64::from(of(row))).sum::<i64>();
    let believed: Vec<_> =
        polls.iter().filter(|row| matches!(row.outcome, Outcome::Applied | Outcome::Unchanged)).collect();
    let reports: i64 = believed.iter().map(|row| i64::from(row.reports_seen)).sum();
    let (inserted, updated, withdrawn) =
        (sum(|row| row.inserted), sum(|row| row.updated), sum(|row| row.withdrawn));
    let quarantined = sum(|row| row.quarantined);
    let changed = if inserted + updated + withdrawn > 0 {
        format!("{inserted} new, {updated} changed, {withdrawn} withdrawn.")
    } else if quarantined > 0 {
        "nothing changed.".to_owned()
    } else {
        "nothing changed, nothing written.".to_owned()
    };
    let mut line = format!("{reports} reports in {} of {} polls: {changed}", believed.len(), polls.len());
    if quarantined > 0 {
        let text = format!(
            " {quarantined} entries quarantined: see quarantined_reports, or `lmp-billing-sync status`."
        );
        line.push_str(&text);
    }
    line
}

fn readable_grid(polls: &[&PollRow]) -> Grid {
    let mut grid =
        Grid::new(["Account", "Cycle", "Outcome", "Reports", "New", "Changed", "Withdrawn", "Quarantined"])
            .numbers_from(3);
    for row in polls {
        grid.push([
            row.account.clone(),
            row.cycle.to_string(),
            row.outcome.as_str().to_owned(),
            row.reports_seen.to_string(),
            row.inserted.to_string(),
            row.updated.to_string(),
            row.withdrawn.to_string(),
            row.quarantined.to_string(),
        ]);
    }
    grid
}
