//! `demo`: simulator, embedded PostgreSQL and the sync in one, with nothing to configure.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::{DateTime, Months, Utc};
use clap::Args;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use super::CliError;
use super::output::visible;
use super::signals::stop_on_signals;
use crate::clock::{Clock, SystemClock};
use crate::config::Settings;
use crate::embedded::{EmbeddedOptions, EmbeddedPostgres};
use crate::lmp::Client;
use crate::setup::{client, instance, limit, rules};
use crate::simulator::{
    DEFAULT_ACCESS_TOKEN, DEFAULT_SECRET_KEY, Recording, RunningSimulator, Simulator, SimulatorHandle,
};
use crate::store::{Job, RunOutcome, StatusChange, Store, Trigger};
use crate::sync::{AccountSync, Ended, Rules, manual};

/// How far back the simulated time starts: with a year and a half behind it, history fills quickly.
const MONTHS_BACK: u32 = 18;

/// Changes told one by one in a round; the others are counted.
const CHANGES_SHOWN: usize = 12;

/// Show the program at work: simulated reports, a real PostgreSQL, nothing to set up
///
/// Starts a simulated LMP and a private PostgreSQL, syncs the two years that can be read, and goes on
/// syncing while the simulated months fly by, telling which reports changed their status. Ctrl-C ends
/// it and leaves nothing behind.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// How many partners there are, each with one report per month
    #[arg(long, value_name = "N", default_value_t = 12)]
    partners: u32,

    /// Which world to show: the same number always gives the same partners and reports
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// How many simulated days pass in a second
    #[arg(long, value_name = "DAYS", default_value_t = 1.0)]
    days_per_second: f64,

    /// End after this many rounds instead of at Ctrl-C
    #[arg(long, value_name = "N")]
    rounds: Option<u32>,

    /// Keep the database here instead of throwing it away at the end
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(super) async fn demo(args: DemoArgs) -> Result<ExitCode, CliError> {
    let stop = stop_on_signals()?;
    // As root the server runs as somebody else, who must be able to enter; its data are private.
    let scratch = tempfile::Builder::new()
        .prefix("lmp-billing-sync-demo-")
        .permissions(Permissions::from_mode(0o711))
        .tempdir()
        .context("making a temporary folder for the database")?;
    let data_dir = args.data_dir.as_deref().unwrap_or(scratch.path());

    let simulator = start_simulator(&args).await.context("starting the simulated LMP")?;
    let settings = settings(&simulator)?;
    let postgres = EmbeddedPostgres::start(&EmbeddedOptions::new(data_dir)).await?;
    let result = play(&args, &settings, &simulator.handle(), &postgres, &stop).await;
    simulator.shutdown().await;
    postgres.stop().await;
    result
}

async fn start_simulator(args: &DemoArgs) -> std::io::Result<RunningSimulator> {
    let start = SystemClock.now() - Months::new(MONTHS_BACK);
    Simulator::builder()
        .seed(args.seed)
        .partners(args.partners)
        .recording(Recording::Last(0))
        .world_from(start, args.days_per_second * 86_400.0)
        .start()
        .await
}

/// The settings somebody would write for this simulator; the same code reads them.
fn settings(simulator: &RunningSimulator) -> Result<Settings, CliError> {
    let text = format!(
        r#"
        [database]
        embedded = true
        [[accounts]]
        name = "demo"
        base_url = "{}"
        access_token = "{DEFAULT_ACCESS_TOKEN}"
        secret_key = "{DEFAULT_SECRET_KEY}"
        requests_per_second = 100
        max_concurrency = 4
        "#,
        simulator.base_url()
    );
    Ok(Settings::from_sources(Some((PathBuf::from("demo"), text)), [], None)?)
}

struct Stage<'a> {
    store: &'a Store,
    client: &'a Client,
    rules: &'a Rules,
    instance: String,
    stop: &'a CancellationToken,
}

async fn play(
    args: &DemoArgs,
    settings: &Settings,
    world: &SimulatorHandle,
    postgres: &EmbeddedPostgres,
    stop: &CancellationToken,
) -> Result<ExitCode, CliError> {
    let store = Store::connect(&postgres.url(), settings.database.max_connections).await?;
    store.migrate().await?;
    let version = store.server_version().await?;
    say(&format!("PostgreSQL {version}  {}:{}", postgres.host(), postgres.port()))?;
    let account = settings.accounts.first().context("the demo has an account")?;
    let client = client(settings, account, limit(account), settings.sync.max_attempts)?;
    say(&format!("Simulated LMP    {} ({} partners, seed {})", account.base_url, args.partners, args.seed))?;
    let rules = rules(settings);
    let stage = Stage { store: &store, client: &client, rules: &rules, instance: instance(), stop };

    let began = Instant::now();
    let first = stage.round().await?;
    say(&introduction(&first, began.elapsed(), postgres, args.days_per_second))?;

    let mut failed = first.run.outcome != RunOutcome::Succeeded;
    let mut rounds = 1;
    let mut pause = tokio::time::interval(Duration::from_secs(2));
    pause.tick().await;
    while !stop.is_cancelled() && args.rounds.is_none_or(|limit| rounds < limit) {
        tokio::select! {
            _ = pause.tick() => {}
            () = stop.cancelled() => break,
        }
        let day = world.world_clock().now();
        let round = stage.round().await?;
        if stop.is_cancelled() {
            break;
        }
        failed |= round.run.outcome != RunOutcome::Succeeded;
        rounds += 1;
        let polls: Vec<i64> = round.polls.iter().map(|poll| poll.id).collect();
        say(&story(day, &round, &store.status_changes_by(&polls).await?))?;
    }
    say("\nStopping.")?;
    store.close().await;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Stage<'_> {
    async fn round(&self) -> Result<Ended, CliError> {
        let started_at = self.store.now().await?;
        let cycles = manual(self.rules.retention.window(self.rules.today(started_at)), &[])?;
        let sync = AccountSync {
            store: self.store,
            client: self.client,
            account: "demo",
            max_concurrency: 4,
            rules: self.rules,
            started_at,
        };
        Ok(sync.run(Job::Manual, Trigger::Cli, &self.instance, &cycles, |_| {}, self.stop).await?)
    }
}

fn introduction(first: &Ended, took: Duration, postgres: &EmbeddedPostgres, days_per_second: f64) -> String {
    let reports: i64 = first.polls.iter().map(|poll| i64::from(poll.inserted)).sum();
    let url = postgres.url();
    format!(
        "First sync       {reports} reports of {} billing months in {:.1} s\n\n\
         Look at them from another terminal:\n\n    psql '{}'\n\n    \
         select * from lmp_billing.cycle_progress order by cycle desc;\n    \
         select * from lmp_billing.status_changes order by changed_at desc limit 20;\n\n\
         {days_per_second} simulated day(s) pass every second, up to today. What changes from here on is \
         told below\nand kept in lmp_billing.report_history. Ctrl-C ends it.\n",
        first.polls.len(),
        took.as_secs_f64(),
        url.expose_secret()
    )
}

/// What a round brought, a line for each change of status.
fn story(day: DateTime<Utc>, round: &Ended, changes: &[StatusChange]) -> String {
    let day = day.format("%Y-%m-%d");
    let inserted: i32 = round.polls.iter().map(|poll| poll.inserted).sum();
    let withdrawn: i32 = round.polls.iter().map(|poll| poll.withdrawn).sum();
    let mut lines = Vec::new();
    if inserted > 0 {
        lines.push(format!("{day}  {inserted} new report(s)"));
    }
    if withdrawn > 0 {
        lines.push(format!("{day}  {withdrawn} report(s) no longer listed"));
    }
    for change in changes.iter().take(CHANGES_SHOWN) {
        let how =
            change.under_review_status.as_ref().map(|how| format!(" ({})", visible(how))).unwrap_or_default();
        lines.push(format!(
            "{day}  {}  {:>13} → {:<13}  {}{how}{}",
            change.cycle,
            change.from_status,
            change.to_status,
            visible(&change.partner_company_name),
            if change.reopened { "  REOPENED" } else { "" },
        ));
    }
    let rest = &changes[changes.len().min(CHANGES_SHOWN)..];
    if !rest.is_empty() {
        let mut by_status: BTreeMap<&str, u32> = BTreeMap::new();
        for change in rest {
            *by_status.entry(&change.to_status).or_default() += 1;
        }
        let counts: Vec<_> = by_status.iter().map(|(status, count)| format!("{count} to {status}")).collect();
        lines.push(format!("{day}  and {} more: {}", rest.len(), counts.join(", ")));
    }
    lines.join("\n")
}

/// Says something unless there is nothing to say; whoever reads may have gone.
fn say(text: &str) -> Result<(), CliError> {
    if text.is_empty() {
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
