//! The daemon's `refresh` job, once: what it does at its tick, without the wait for it.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use lmp_billing_sync::config::Settings;
use lmp_billing_sync::setup::{Database, client, instance, limit, rules};
use lmp_billing_sync::store::{Job, Outcome, Trigger};
use lmp_billing_sync::sync::{AccountSync, Rules};
use tokio_util::sync::CancellationToken;

/// Tells this program to be that job.
pub(crate) const ARGUMENT: &str = "refresh-once";

pub(crate) fn main() -> Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(refresh())?;
    Ok(ExitCode::SUCCESS)
}

async fn refresh() -> Result<()> {
    let settings = Settings::load(Some(Path::new("config.toml")))?;
    let account = settings.accounts.first().context("the settings have no account")?;
    let client = client(&settings, account, limit(account), settings.sync.max_attempts)?;
    let rules = Rules { trust_digests: true, ..rules(&settings) };
    let database = Database::open_for_sync(&settings).await?;
    let now = database.store.now().await?;
    let cycles: Vec<_> = rules.retention.window(rules.today(now)).cycles().collect();
    let sync = AccountSync {
        store: &database.store,
        client: &client,
        account: &account.name,
        max_concurrency: account.max_concurrency as usize,
        rules: &rules,
        exchanged: &|_| {},
    };
    let stop = CancellationToken::new();
    let ended = sync.run(Job::Refresh, Trigger::Schedule, &instance(), &cycles, |_| {}, &stop).await?;
    database.close().await;
    ensure!(
        ended.polls.iter().all(|poll| poll.outcome == Outcome::Unchanged),
        "nothing has changed, but {:?}",
        ended.polls
    );
    Ok(())
}
