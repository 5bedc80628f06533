//! `check`: the doctor. Tries everything that can be tried, and says what is wrong and how to mend it.
//!
//! What is wrong with one thing does not keep the others from being looked at: who mends should have to
//! come only once. First what this machine alone can tell, which is all that `--offline` looks at; then
//! the database; then each account.

mod account;
mod database;
mod disk;
mod endpoint;
mod findings;
mod local;
mod secrets;

use std::process::ExitCode;

use clap::Args;

use super::CliError;
use crate::clock::{Clock, SystemClock};
use crate::config::{Settings, Target};
use crate::domain::Cycle;
use crate::setup::Database;
use findings::Findings;

/// A clock further off than this is worth a word; LMP denies requests at 15 minutes.
const CLOCK_TOLERANCE_SECONDS: i64 = 60;

/// Try out the settings, the database and each account, and say what is wrong
///
/// A line for each thing, with what to do: ok, warn (it works, but look at it) or FAIL. Changes nothing, but
/// starts the embedded PostgreSQL where that is the database, nobody runs it and it is not the systemd
/// service's. Makes one signed request per account. Exit codes: 0 nothing failed, 1 something did, 78 the settings are wrong.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Look only at what this machine can tell by itself: settings, secrets, proxy, schedules, disk,
    /// the daemon's address
    ///
    /// Nothing is connected to or started, so it can be run before there is a network or a database.
    #[arg(long)]
    offline: bool,
}

pub(super) async fn check(args: CheckArgs, settings: &Settings) -> Result<ExitCode, CliError> {
    settings.require_accounts()?;
    let target = settings.target()?;
    let mut findings = Findings::about(settings);
    local::check(&mut findings, settings);
    secrets::check(&mut findings, settings);
    disk::check(&mut findings, settings);
    endpoint::check(&mut findings, settings, args.offline).await;
    if args.offline {
        database::check_unconnected(&mut findings, settings, &target);
        for account in &settings.accounts {
            account::check_unconnected(&mut findings, settings, account);
        }
        return findings.exit_code();
    }
    let now = match Database::open(settings).await {
        Ok(database) => {
            let embedded = matches!(target, Target::Embedded);
            let now = database::check(&mut findings, settings, &database.store, embedded).await;
            database.close().await;
            now
        }
        Err(error) => {
            findings.error("database", error);
            database::check_route(&mut findings, &target);
            None
        }
    };
    let today =
        now.unwrap_or_else(|| SystemClock.now()).with_timezone(&settings.schedule.timezone).date_naive();
    for account in &settings.accounts {
        account::check(&mut findings, settings, account, Cycle::containing(today)).await;
    }
    findings.exit_code()
}
