//! Pruning (section 4 of the contract), in a real database.

mod batches;
mod cli;
mod guards;
mod logs;
mod polls;
mod reports;

use std::time::Duration;

use chrono::NaiveDate;
use lmp_billing_sync::clock::SystemClock;
use lmp_billing_sync::prune::{MAX_BATCH, PruneError, Pruned, Pruning};
use lmp_billing_sync::store::Trigger;
use tokio_util::sync::CancellationToken;

use crate::support::lab::Lab;

/// One more try, soon.
const BRIEF: &[Duration] = &[Duration::from_millis(10)];

/// A prune by the lab's rules, that minds neither how much it deletes nor waits long for anybody.
fn pruning(lab: &Lab) -> Pruning<'_> {
    Pruning {
        store: &lab.store,
        clock: &SystemClock,
        retention: lab.rules.retention,
        timezone: lab.rules.timezone,
        max_fraction: 1.0,
        force: false,
        max_batch: MAX_BATCH,
        patience: BRIEF,
    }
}

async fn run(pruning: &Pruning<'_>) -> Result<Pruned, PruneError> {
    pruning.run(Trigger::Cli, "test", &CancellationToken::new()).await
}

async fn prune(lab: &Lab) -> Pruned {
    run(&pruning(lab)).await.expect("the prune is not refused and the database does not fail")
}

async fn cutoff(lab: &Lab) -> NaiveDate {
    lab.rules.retention.cutoff(lab.rules.today(lab.now().await))
}

/// Stores reports that ended on `end`, of the cycle of that day, each with so many earlier versions.
/// `name` tells them apart.
async fn store(lab: &Lab, name: &str, count: u32, end: NaiveDate, versions: u32) {
    lab.execute(&format!(
        "insert into lmp_billing.reports (account, id, cycle, partner_company_name, start_date, end_date, status,
             version, valid_from, status_since, first_seen_at, poll_id)
         select 'emea', md5('{name}' || n)::uuid, date_trunc('month', e)::date, '{name}',
                date_trunc('month', e)::date, e, 'Completed', {versions} + 1, now(), now(), now(), 0
         from generate_series(1, {count}) n, (select date '{end}' as e) x;
         insert into lmp_billing.superseded_versions (account, id, version, valid_from, valid_to, cycle,
             partner_company_name, start_date, end_date, status, status_since, poll_id)
         select account, id, v, now() - (10 - v) * interval '1 hour', now() - (9 - v) * interval '1 hour', cycle,
                partner_company_name, start_date, end_date, 'Approved', now(), 0
         from lmp_billing.reports, generate_series(1, {versions}) v
         where partner_company_name = '{name}'"
    ))
    .await;
}

/// What is left: each name with its reports and earlier versions.
async fn left(lab: &Lab) -> Vec<String> {
    lab.lines(
        "select partner_company_name, count(*) filter (where newest) as reports, count(*) filter (where not newest) as versions
         from (select partner_company_name, true as newest from lmp_billing.reports
               union all
               select partner_company_name, false from lmp_billing.superseded_versions) stored
         group by partner_company_name
         order by partner_company_name",
    )
    .await
}

/// The last run, as it is logged.
async fn logged(lab: &Lab) -> String {
    lab.value("select job, trigger, account, outcome, deleted, error is not null as error from lmp_billing.sync_runs order by id desc limit 1").await
}
