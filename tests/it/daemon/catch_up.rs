//! Missed ticks: only the newest of each job runs, once.

use super::{NEVER, settings, until_count};
use crate::cli::lab::CommandLab;

/// Every job was due several times in the last three days.
const OFTEN: &str = "[schedule]\ndiscover = '0 */6 * * *'\nrefresh = '0 * * * *'\nreconcile = '0 */12 * * *'\nprune = '0 */8 * * *'\n";

const RUNS: &str = "select concat_ws(' ', account, job, trigger, outcome) from lmp_billing.sync_runs
                    where trigger <> 'startup' order by account, job";

#[tokio::test]
async fn after_three_days_each_job_of_each_account_catches_up_once() {
    let accounts = ["emea", "apac"];
    let lab = CommandLab::with_accounts(&accounts).await;
    lab.write_settings(&settings(&lab, &accounts, NEVER));
    let daemon = lab.call(&["run"]).start();
    until_count(&lab, "select count(*) from lmp_billing.sync_runs where outcome = 'succeeded'", 2).await;
    until_count(&lab, "select count(*) from lmp_billing.schedule_baselines", 7).await;
    daemon.stops().await;

    // Three days pass.
    sqlx::raw_sql("update lmp_billing.schedule_baselines set counts_from = counts_from - interval '3 days'")
        .execute(lab.pool())
        .await
        .unwrap();
    lab.write_settings(&settings(&lab, &accounts, OFTEN));
    for _ in 0..2 {
        let mut daemon = lab.call(&["run"]).start();
        daemon.stderr.until("started").await;
        until_count(
            &lab,
            "select count(*) from lmp_billing.sync_runs where trigger = 'catch_up' and outcome = 'succeeded'",
            7,
        )
        .await;
        daemon.stops().await;
    }
    assert_eq!(
        lab.texts(RUNS).await,
        [
            "* prune catch_up succeeded",
            "apac discover catch_up succeeded",
            "apac reconcile catch_up succeeded",
            "apac refresh catch_up succeeded",
            "emea discover catch_up succeeded",
            "emea reconcile catch_up succeeded",
            "emea refresh catch_up succeeded",
        ]
    );
    assert_eq!(
        lab.count(
            "select count(*) from lmp_billing.schedule_ticks where due_at > now() - interval '13 hours'"
        )
        .await,
        7,
        "the newest missed tick of each"
    );
}

#[tokio::test]
async fn a_tick_missed_between_two_starts_is_caught_up_even_before_the_jobs_first() {
    let lab = CommandLab::new().await;
    lab.write_settings(&settings(&lab, &["emea"], NEVER));
    let daemon = lab.call(&["run"]).start();
    until_count(&lab, "select count(*) from lmp_billing.schedule_baselines", 4).await;
    until_count(&lab, "select count(*) from lmp_billing.sync_runs where outcome = 'succeeded'", 1).await;
    daemon.stops().await;
    sqlx::raw_sql("update lmp_billing.schedule_baselines set counts_from = counts_from - interval '25 hours' where job = 'prune'")
        .execute(lab.pool())
        .await
        .unwrap();
    let daily = NEVER.replace("prune = '0 0 29 2 *'", "prune = '0 5 * * *'");
    lab.write_settings(&settings(&lab, &["emea"], &daily));
    let daemon = lab.call(&["run"]).start();
    until_count(
        &lab,
        "select count(*) from lmp_billing.sync_runs where job = 'prune' and outcome = 'succeeded'",
        1,
    )
    .await;
    daemon.stops().await;
    assert_eq!(lab.texts(RUNS).await, ["* prune catch_up succeeded"]);
}
