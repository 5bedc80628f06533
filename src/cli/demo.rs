//! `demo`: simulator, embedded PostgreSQL and the sync in one, with nothing to configure.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Months, Utc};
use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::CliError;
use super::output::visible;
use super::signals::stop_on_signals;
use super::simulate::parse_speed;
use crate::clock::{Clock, SystemClock};
use crate::config::Settings;
use crate::daemon::{self, Orders};
use crate::domain::Cycle;
use crate::embedded::{EmbeddedOptions, EmbeddedPostgres};
use crate::simulator::{
    DEFAULT_ACCESS_TOKEN, DEFAULT_SECRET_KEY, RunningSimulator, Simulator, SimulatorHandle,
};
use crate::store::{FirstSync, PollRow, StatusChange, Store};

/// How often the database is looked into.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How far back the simulated time starts: with a year and a half behind it, history fills quickly.
const MONTHS_BACK: u32 = 18;

/// Changes told one by one in a round; the others are counted.
const CHANGES_SHOWN: usize = 12;

/// Show the program at work: simulated reports, a real PostgreSQL, nothing to set up
///
/// Starts a simulated LMP, a private PostgreSQL and the daemon with a fast schedule, and tells which
/// reports change their status while the simulated months fly by. Names the status page and how to
/// look into the database. Ctrl-C ends it and leaves nothing behind.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// How many partners there are, each with one report per month
    #[arg(long, value_name = "N", default_value_t = 12)]
    partners: u32,

    /// Which world to show: the same number always gives the same partners and reports
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// How many simulated days pass in a second
    #[arg(long, value_name = "DAYS", default_value_t = 1.0, value_parser = parse_speed)]
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
    if EmbeddedPostgres::survey(&EmbeddedOptions::new(data_dir))?.has_data {
        let used = format!("{} holds a database already; name an empty folder", data_dir.display());
        return Err(CliError::Usage(used));
    }

    let simulator = start_simulator(&args).await.context("starting the simulated LMP")?;
    let settings = settings(&simulator, data_dir)?;
    let (started, has_started) = oneshot::channel();
    let (_hangup, reload) = mpsc::channel(1);
    let orders = Orders {
        stop: stop.clone(),
        reload,
        // Nobody can change what stands nowhere; the sender of reloads is only kept.
        load: Box::new({
            let settings = settings.clone();
            move || Ok(settings.clone())
        }),
        change_log_filter: Box::new(|_| Ok(())),
        started: Some(started),
    };
    let daemon = daemon::run(settings.clone(), orders, Arc::new(SystemClock));
    let show = async {
        // Without a start the daemon's own error tells why.
        if let Ok(page) = has_started.await {
            let shown = show(&args, &settings, &simulator.handle(), page, &stop).await;
            stop.cancel();
            return shown;
        }
        Ok(())
    };
    let (ended, shown) = tokio::join!(daemon, show);
    simulator.shutdown().await;
    ended?;
    shown?;
    Ok(ExitCode::SUCCESS)
}

async fn start_simulator(args: &DemoArgs) -> std::io::Result<RunningSimulator> {
    let start = SystemClock.now() - Months::new(MONTHS_BACK);
    Simulator::default()
        .seed(args.seed)
        .partners(args.partners)
        .keep(0)
        .world_from(start, args.days_per_second * 86_400.0)
        .start()
        .await
}

/// The settings somebody would write for this simulator, in a hurry; the same code reads them.
fn settings(simulator: &RunningSimulator, data_dir: &Path) -> Result<Settings, CliError> {
    let text = format!(
        r#"
        data_dir = {}
        [database]
        embedded = true
        [[accounts]]
        name = "demo"
        base_url = "{}"
        access_token = "{DEFAULT_ACCESS_TOKEN}"
        secret_key = "{DEFAULT_SECRET_KEY}"
        requests_per_second = 100
        max_concurrency = 4
        [schedule]
        reconcile = "*/2 * * * * *"
        refresh = "*/30 * * * * *"
        discover = "*/30 * * * * *"
        [http]
        listen = "127.0.0.1:0"
        "#,
        // TOML writes a text as JSON does.
        serde_json::Value::from(data_dir.display().to_string()),
        simulator.base_url()
    );
    Ok(Settings::from_sources(Some((PathBuf::from("demo"), text)), [], None)?)
}

/// Tells what the daemon does, by looking into its database as anybody might.
async fn show(
    args: &DemoArgs,
    settings: &Settings,
    world: &SimulatorHandle,
    page: Option<SocketAddr>,
    stop: &CancellationToken,
) -> Result<(), CliError> {
    let url = EmbeddedPostgres::running(&EmbeddedOptions::new(&settings.data_dir))?
        .context("the private PostgreSQL has just been started")?;
    let store = Store::connect(&url, 1).await?;
    let version = store.server().await?.version;
    let mut seen = 0;
    let mut rounds = 0;
    let mut look = tokio::time::interval(LOOK_EVERY);
    while args.rounds.is_none_or(|limit| rounds < limit) {
        tokio::select! {
            _ = look.tick() => {}
            () = stop.cancelled() => break,
        }
        let day = world.world_clock().now();
        let polls = store.polls_after(seen).await?;
        let Some(last) = polls.last() else { continue };
        if seen == 0 {
            // The first sync is told as a whole, when it is whole.
            if store.first_sync("demo").await? != FirstSync::Done {
                continue;
            }
            say(&introduction(args, settings, &version, page, &url, &polls))?;
        } else {
            let ids: Vec<i64> = polls.iter().map(|poll| poll.id).collect();
            say(&story(day, &polls, &store.status_changes_by(&ids).await?))?;
        }
        seen = last.id;
        rounds += 1;
    }
    say("\nStopping.")?;
    store.close().await;
    Ok(())
}

fn introduction(
    args: &DemoArgs,
    settings: &Settings,
    version: &str,
    page: Option<SocketAddr>,
    url: &SecretString,
    polls: &[PollRow],
) -> String {
    let reports: i64 = polls.iter().map(|poll| i64::from(poll.inserted)).sum();
    // The next run may have begun.
    let months: BTreeSet<Cycle> = polls.iter().map(|poll| poll.cycle).collect();
    let lmp = settings.accounts.first().map(|account| account.base_url.to_string()).unwrap_or_default();
    let page = page.map(|page| format!("Status page      http://{page}/\n")).unwrap_or_default();
    format!(
        "Simulated LMP    {} ({} partners, seed {})\n\
         PostgreSQL       {version}\n{page}\
         First sync       {reports} reports of {} billing months\n\n\
         Look at them from another terminal:\n\n    psql '{}'\n\n    \
         select * from lmp_billing.cycle_progress order by cycle desc;\n    \
         select * from lmp_billing.status_changes order by changed_at desc limit 20;\n\n\
         The daemon asks every two seconds, and {} simulated day(s) pass in each, up to today. What changes\n\
         is told below and kept in lmp_billing.report_history. Ctrl-C ends it.\n",
        lmp.trim_end_matches('/'),
        args.partners,
        args.seed,
        months.len(),
        url.expose_secret(),
        args.days_per_second * 2.0,
    )
}

/// What a round brought, a line for each change of status.
fn story(day: DateTime<Utc>, polls: &[PollRow], changes: &[StatusChange]) -> String {
    let day = day.format("%Y-%m-%d");
    let inserted: i32 = polls.iter().map(|poll| poll.inserted).sum();
    let withdrawn: i32 = polls.iter().map(|poll| poll.withdrawn).sum();
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
    // Not the one that lets unread output go: a demo that nobody reads any more ends.
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
