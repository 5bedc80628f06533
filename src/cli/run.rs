//! `run`: the daemon.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::CliError;
use super::signals::stop_on_signals;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::daemon::{self, Orders};

/// Keep the database up to date for good: the daemon
///
/// Runs each job when its schedule says so, catches up once on what was missed, and serves health,
/// metrics and a status page. SIGTERM and Ctrl-C end it within ten seconds, SIGHUP loads the settings
/// anew. Several daemons may share a database; each job is run by one of them.
#[derive(Debug, Args)]
pub(super) struct RunArgs {}

pub(super) async fn run(settings: Settings, config: Option<PathBuf>) -> Result<ExitCode, CliError> {
    settings.require_accounts()?;
    settings.target()?;
    let orders = Orders {
        stop: stop_on_signals()?,
        reload: on_hangup()?,
        load: Box::new(move || Settings::load(config.as_deref())),
        change_log_filter: Box::new(|filter| {
            super::logging::change_filter(filter).map_err(|error| error.to_string())
        }),
        started: None,
    };
    daemon::run(settings, orders, Arc::new(SystemClock)).await?;
    Ok(ExitCode::SUCCESS)
}

fn on_hangup() -> Result<mpsc::Receiver<()>, CliError> {
    let mut hangup = signal(SignalKind::hangup()).context("listening for SIGHUP")?;
    let (sender, reload) = mpsc::channel(1);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            if sender.send(()).await.is_err() {
                return;
            }
        }
    });
    Ok(reload)
}
