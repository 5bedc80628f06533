//! Clients, rules, schedules and prunings, made from the settings.

use std::sync::Arc;

use super::SetupError;
use crate::clock::{Clock, SystemClock};
use crate::config::{Account, Schedule, Settings};
use crate::lmp::{Client, ClientOptions, Limit};
use crate::prune::{MAX_BATCH, PATIENCE, Pruning};
use crate::schedule::CronSchedule;
use crate::store::{Job, Store};
use crate::sync::Rules;

/// How fast an account may be asked, by all its clients together.
pub fn limit(account: &Account) -> Arc<Limit> {
    Arc::new(Limit::new(account.requests_per_second, account.max_concurrency as usize))
}

/// A client for an account. Secrets are read here, so that a rotated one is used by the next run.
///
/// # Errors
/// When a secret or the file of certificates cannot be read, or a setting is of no use to the client.
pub fn client(
    settings: &Settings,
    account: &Account,
    limit: Arc<Limit>,
    max_attempts: u32,
) -> Result<Client, SetupError> {
    let sync = &settings.sync;
    let ca_pem = match &sync.ca_file {
        Some(path) => Some(std::fs::read(path).map_err(|error| {
            SetupError::Unusable(format!(
                "sync.ca_file names {}, which cannot be read: {error}",
                path.display()
            ))
        })?),
        None => None,
    };
    let options = ClientOptions {
        account: account.name.clone(),
        base_url: account.base_url.to_string(),
        api_version: account.api_version.to_owned(),
        access_token: account.access_token.read()?,
        secret_key: account.secret_key.read()?,
        limit,
        request_timeout: sync.request_timeout,
        max_attempts,
        max_response_bytes: sync.max_response_bytes,
        proxy: sync.proxy.as_ref().map(crate::config::Secret::read).transpose()?,
        ca_pem,
    };
    Ok(Client::new(options, Arc::new(SystemClock))?)
}

/// What holds for every poll.
pub fn rules(settings: &Settings) -> Rules {
    Rules {
        retention: settings.retention.rule(),
        timezone: settings.schedule.timezone,
        max_withdrawn_fraction: settings.sync.max_withdrawn_fraction,
        believe_after: settings.sync.believe_after,
        accept_withdrawals: false,
        ignore_fields: Arc::new(settings.sync.ignore_fields.iter().cloned().collect()),
        trust_digests: false,
    }
}

/// A prune as the settings want it, without force.
pub fn pruning<'a>(settings: &Settings, store: &'a Store, clock: &'a dyn Clock) -> Pruning<'a> {
    Pruning {
        store,
        clock,
        retention: settings.retention.rule(),
        timezone: settings.schedule.timezone,
        max_fraction: settings.retention.max_prune_fraction,
        force: false,
        max_batch: MAX_BATCH,
        patience: PATIENCE,
    }
}

/// A job's schedule; a manual run has none.
pub fn schedule_of(schedule: &Schedule, job: Job) -> Option<&CronSchedule> {
    match job {
        Job::Discover => Some(&schedule.discover),
        Job::Refresh => Some(&schedule.refresh),
        Job::Reconcile => Some(&schedule.reconcile),
        Job::Prune => Some(&schedule.prune),
        Job::Manual => None,
    }
}

/// Names this process in the log of runs: host, process id, and a random part, because both may recur.
pub fn instance() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("{host}:{}:{}", std::process::id(), &random[..8])
}
