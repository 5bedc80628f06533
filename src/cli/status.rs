//! `status`: how things stand.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use serde::Serialize;

use super::CliError;
use super::output::{Grid, Output, moment, shortly, stdout, visible, write_json};
use super::record::write_csv;
use crate::config::Settings;
use crate::domain::Cycle;
use crate::setup::{Database, rules, schedule_of};
use crate::store::{CycleStatuses, Job, JobStatus, QuarantineCount, Store, StoreError};
use crate::sync::plan;
use crate::visible::ago;

/// Show how things stand: cycles by status, last runs, what is due next
///
/// Each billing month with its reports by status and the age of the data, the last run of each job,
/// when the next ones are due, and what had to be set aside.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// How to write it; csv writes the cycles
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Serialize)]
struct Status {
    now: DateTime<Utc>,
    jobs: Vec<JobStatus>,
    next: Vec<NextTick>,
    cycles: Vec<CycleStatuses>,
    quarantine: Vec<QuarantineCount>,
}

/// When a job is due next, by its schedule.
#[derive(Debug, Serialize)]
struct NextTick {
    account: String,
    job: Job,
    due_at: DateTime<Utc>,
    /// What it would poll if it ran now, newest first.
    cycles: Vec<Cycle>,
}

pub(super) async fn status(args: StatusArgs, settings: &Settings) -> Result<ExitCode, CliError> {
    let database = Database::open_for_reading(settings).await?;
    let store = &database.store;
    let now = store.now().await?;
    let status = Status {
        now,
        jobs: store.last_runs().await?,
        next: next_ticks(settings, store, now).await?,
        cycles: store.cycles().await?,
        quarantine: store.open_quarantine().await?,
    };
    let target = store.target();
    database.close().await;
    let mut out = stdout();
    match args.output {
        Output::Json => write_json(&mut out, &status)?,
        Output::Csv => write_csv(&mut out, &status.cycles)?,
        Output::Table => write_tables(&mut out, &status, &target, settings.schedule.timezone)?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn next_ticks(
    settings: &Settings,
    store: &Store,
    now: DateTime<Utc>,
) -> Result<Vec<NextTick>, StoreError> {
    let rules = rules(settings);
    let today = rules.today(now);
    let window = rules.retention.window(today);
    let mut ticks = Vec::new();
    for (account, job) in Job::scheduled_of(settings.accounts.iter().map(|account| &*account.name)) {
        let Some(due_at) = schedule_of(&settings.schedule, job).and_then(|s| s.next_after(now)) else {
            continue;
        };
        let unfinished = match job {
            Job::Refresh => store.unfinished_cycles(&account).await?,
            _ => BTreeSet::new(),
        };
        ticks.push(NextTick { cycles: plan(job, window, today, &unfinished), account, job, due_at });
    }
    ticks.sort_by_key(|tick| tick.due_at);
    Ok(ticks)
}

fn write_tables(out: &mut impl Write, status: &Status, target: &str, zone: Tz) -> std::io::Result<()> {
    writeln!(out, "{target} at {} ({zone})", moment(status.now, zone))?;
    if status.cycles.is_empty() {
        if status.jobs.is_empty() {
            writeln!(out, "\nNothing has been synced yet; `lmp-billing-sync sync` does it now.")?;
            return Ok(());
        }
        writeln!(
            out,
            "\nNothing has been read yet; the last runs tell why. The daemon tries a first sync again when it is \
             started or reloaded, and every hour; `lmp-billing-sync sync` does it now."
        )?;
    } else {
        writeln!(out, "\nReports by billing month and status")?;
        readable_cycles(status).write_table(out)?;
    }
    writeln!(out, "\nLast runs")?;
    jobs(&status.jobs, zone).write_table(out)?;
    for job in &status.jobs {
        if let Some(error) = &job.error {
            writeln!(out, "{} {} {}: {}", job.account, job.job, job.outcome, visible(error))?;
        }
    }
    writeln!(out, "\nDue next, if the daemon runs")?;
    let mut next = Grid::new(["Account", "Job", "Due", "Would poll now"]);
    for tick in &status.next {
        next.push([
            tick.account.clone(),
            tick.job.as_str().to_owned(),
            moment(tick.due_at, zone),
            shortly(&tick.cycles),
        ]);
    }
    next.write_table(out)?;
    if !status.quarantine.is_empty() {
        writeln!(out, "\nSet aside because they cannot be reports (table quarantined_reports)")?;
        let mut quarantine = Grid::new(["Account", "Cycle", "Reason", "Entries", "For example"]);
        for kind in &status.quarantine {
            quarantine.push([
                kind.account.clone(),
                kind.cycle.to_string(),
                kind.reason.clone(),
                kind.entries.to_string(),
                kind.example.clone(),
            ]);
        }
        quarantine.write_table(out)?;
    }
    Ok(())
}

fn readable_cycles(status: &Status) -> Grid {
    let mut grid = Grid::new([
        "Account",
        "Cycle",
        "Confirmed",
        "Reports",
        "Preparing",
        "Review",
        "Rejected",
        "Approved",
        "Completed",
        "Other",
        "Done",
        "Set aside",
    ])
    .numbers_from(3);
    for cycle in &status.cycles {
        grid.push([
            cycle.account.clone(),
            cycle.cycle.to_string(),
            cycle.confirmed_at.map_or("never".to_owned(), |at| ago(status.now, at)),
            cycle.reports.to_string(),
            cycle.msp_preparing.to_string(),
            cycle.under_review.to_string(),
            cycle.rejected.to_string(),
            cycle.approved.to_string(),
            cycle.completed.to_string(),
            cycle.other_status.to_string(),
            cycle.share_completed.map_or(String::new(), |share| format!("{:.0} %", (share * 100.0).floor())),
            cycle.quarantined.to_string(),
        ]);
    }
    grid
}

fn jobs(jobs: &[JobStatus], zone: Tz) -> Grid {
    let mut grid =
        Grid::new(["Account", "Job", "Run", "Started", "Outcome", "Polls", "New", "Changed", "Withdrawn"])
            .numbers_from(5);
    for job in jobs {
        grid.push([
            job.account.clone(),
            job.job.clone(),
            job.run_id.to_string(),
            moment(job.started_at, zone),
            job.outcome.clone(),
            job.polls.to_string(),
            job.inserted.to_string(),
            job.updated.to_string(),
            job.withdrawn.to_string(),
        ]);
    }
    grid
}
