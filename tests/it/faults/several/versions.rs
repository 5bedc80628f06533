//! Old and new versions of the program side by side.
//!
//! There is one version to test with, so its database is made to look as a newer or another one leaves it:
//! a later migration in the ledger, another `program_version` on the polls.

use crate::cli::lab::{CommandLab, months_ago, report};
use crate::daemon::{NEVER, settings, until_count};

/// As a newer program migrates: a column more, that this one knows nothing of, and an entry in the ledger.
const NEWER: &str = "
    begin;
    alter table lmp_billing.reports add column from_the_future text;
    insert into lmp_billing._sqlx_migrations (version, description, success, checksum, execution_time)
    values (9000, 'from the future', true, '', 0);
    commit";

const ALL: &str = "select md5(string_agg(line, ',' order by line)) from (
                       select h::text as line from lmp_billing.report_history h
                       union all select p::text from lmp_billing.cycle_polls p
                       union all select r::text from lmp_billing.sync_runs r
                       union all select t::text from lmp_billing.schedule_ticks t) lines";

#[tokio::test]
async fn an_old_program_refuses_a_newer_schema_and_does_no_harm() {
    let lab = CommandLab::new().await;
    lab.write_settings(&settings(&lab, &["emea"], NEVER));
    lab.succeeds(&["sync"]).await;
    sqlx::raw_sql(NEWER).execute(lab.pool()).await.unwrap();
    let (before, asked) = (lab.texts(ALL).await, lab.handle().received());
    for args in [&["run"] as &[&str], &["sync"], &["prune", "--force"], &["migrate"], &["status"]] {
        lab.call(args).ends_with(1).await.complains(&["a newer program has been here"]);
    }
    assert_eq!(lab.texts(ALL).await, before);
    assert_eq!(lab.handle().received(), asked);
}

#[tokio::test]
async fn an_old_daemon_under_which_a_newer_one_migrates_begins_nothing_more_and_ends() {
    let lab = CommandLab::new().await;
    let schedule = NEVER.replace("refresh = '0 0 29 2 *'", "refresh = '* * * * * *'");
    lab.write_settings(&settings(&lab, &["emea"], &schedule));
    let daemon = lab.call(&["run"]).start();
    let refreshed =
        "select count(*) from lmp_billing.sync_runs where job = 'refresh' and outcome = 'succeeded'";
    until_count(&lab, refreshed, 2).await;
    sqlx::raw_sql(NEWER).execute(lab.pool()).await.unwrap();
    let migrated_at = lab.texts("select clock_timestamp()::text").await.remove(0);
    // Not 0: the service manager is to start what is installed now.
    daemon.ended().await.with_code(1).complains(&["a newer program has been here"]);
    let late = format!(
        "select count(*) from lmp_billing.sync_runs where started_at > '{migrated_at}' or outcome = 'running'"
    );
    let late: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(late)).fetch_one(lab.pool()).await.unwrap();
    assert_eq!(late, 0, "runs that began in the newer schema");
    assert_eq!(
        lab.count("select count(*) from lmp_billing.reports").await,
        lab.count("select sum(inserted) from lmp_billing.cycle_polls").await
    );
}

#[tokio::test]
async fn what_another_version_has_read_is_read_again_by_the_daemon() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1);
    lab.serve(cycle, vec![report(1, "Acme", cycle, "Under Review")]);
    lab.write_settings(&settings(&lab, &["emea"], NEVER));
    lab.succeeds(&["sync"]).await;
    // The other version has understood the same bytes otherwise.
    sqlx::raw_sql(
        "update lmp_billing.reports set status = 'Approved' where partner_company_name = 'Acme';
         update lmp_billing.cycle_polls set program_version = '0.0.1'",
    )
    .execute(lab.pool())
    .await
    .unwrap();
    let schedule = NEVER.replace("refresh = '0 0 29 2 *'", "refresh = '* * * * * *'");
    lab.write_settings(&settings(&lab, &["emea"], &schedule));
    let daemon = lab.call(&["run"]).quiet().start();
    until_count(
        &lab,
        "select count(*) from lmp_billing.sync_runs where job = 'refresh' and outcome = 'succeeded'",
        2,
    )
    .await;
    daemon.stops().await;
    assert_eq!(
        lab.texts("select concat_ws(' ', version, status) from lmp_billing.report_history where partner_company_name = 'Acme' order by version").await,
        ["1 Approved", "2 Under Review"],
        "read again once, and then known"
    );
}
