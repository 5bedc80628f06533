//! An analyst who edits or deletes rows.

use crate::cli::lab::CommandLab;
use crate::daemon::{NEVER, settings, until_count};

#[tokio::test]
async fn rows_edited_or_deleted_by_hand_are_mended_by_the_next_reconcile_of_the_daemon() {
    const FACTS: &str = "select concat_ws('|', id, cycle, partner_company_name, start_date, end_date, status)
                         from lmp_billing.current_reports order by 1";
    let lab = CommandLab::new().await;
    lab.handle().set_world_time(chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap());
    lab.write_settings(&settings(&lab, &["emea"], NEVER));
    lab.succeeds(&["sync"]).await;
    let right = lab.texts(FACTS).await;
    assert!(right.len() > 20);
    sqlx::raw_sql(
        "with few as (select id from lmp_billing.reports order by id limit 8)
         update lmp_billing.reports set partner_company_name = 'Edited', status = 'Completed' where id in (select id from few);
         with few as (select id from lmp_billing.reports order by id desc limit 8)
         delete from lmp_billing.reports where id in (select id from few)",
    )
    .execute(lab.pool())
    .await
    .unwrap();
    assert_ne!(lab.texts(FACTS).await, right);
    let schedule = NEVER.replace("reconcile = '0 0 29 2 *'", "reconcile = '*/2 * * * * *'");
    lab.write_settings(&settings(&lab, &["emea"], &schedule));
    let daemon = lab.call(&["run"]).quiet().start();
    until_count(
        &lab,
        "select count(*) from lmp_billing.sync_runs where job = 'reconcile' and outcome = 'succeeded'",
        2,
    )
    .await;
    daemon.stops().await;
    assert_eq!(lab.texts(FACTS).await, right);
    // What they did stays visible, and nothing was written twice.
    let superseded = "select concat_ws(' ', partner_company_name = 'Edited', count(*)) from lmp_billing.superseded_versions group by partner_company_name = 'Edited' order by 1";
    assert_eq!(lab.texts(superseded).await, ["f 8", "t 8"], "the deleted ones and the edited ones");
}
