//! The daemon as a process: what it does by itself, and what it survives.

mod catch_up;
mod endpoints;
mod log;
mod orders;
mod outages;
mod reload;
mod several;
mod troubles;

use crate::cli::lab::CommandLab;
use crate::support::wait::until_async;

/// Schedules in which nothing is due while a test runs.
pub(crate) const NEVER: &str = "[schedule]\ndiscover = '0 0 29 2 *'\nrefresh = '0 0 29 2 *'\nreconcile = '0 0 29 2 *'\nprune = '0 0 29 2 *'\n";

/// Settings for a daemon: one account per name, no port, these schedules.
pub(crate) fn settings(lab: &CommandLab, accounts: &[&str], schedule: &str) -> String {
    let accounts: String = accounts.iter().map(|account| lab.account(account)).collect();
    format!("{}[http]\nlisten = ''\n{schedule}{accounts}", lab.head())
}

/// Waits until a query gives this number, or more.
pub(crate) async fn until_count(lab: &CommandLab, query: &'static str, at_least: i64) {
    until_async(query, async || lab.count(query).await >= at_least).await;
}

/// As if the processes of all runs under way had given no sign of life for three minutes.
pub(crate) async fn let_leases_run_out(lab: &CommandLab, of_process: i32) {
    sqlx::query(
        "update lmp_billing.sync_runs set lease_renewed_at = lease_renewed_at - interval '3 minutes'
         where outcome = 'running' and instance like '%:' || $1 || ':%'",
    )
    .bind(of_process.to_string())
    .execute(lab.pool())
    .await
    .unwrap();
}
