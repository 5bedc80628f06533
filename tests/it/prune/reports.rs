//! Which reports go.

use chrono::Days;
use lmp_billing_sync::domain::Retention;
use lmp_billing_sync::store::RunOutcome;

use super::{cutoff, left, logged, prune, pruning, store};
use crate::support::lab::Lab;

#[tokio::test]
async fn a_report_that_ended_on_the_cutoff_stays_and_the_day_before_goes_with_its_versions() {
    let lab = Lab::new().await;
    let cutoff = cutoff(&lab).await;
    store(&lab, "before", 3, cutoff - Days::new(1), 2).await;
    store(&lab, "long before", 1, cutoff - Days::new(400), 0).await;
    store(&lab, "on", 2, cutoff, 1).await;
    store(&lab, "after", 1, cutoff + Days::new(1), 1).await;
    let pruned = prune(&lab).await;
    assert_eq!((pruned.outcome, pruned.cutoff, pruned.locked), (RunOutcome::Succeeded, cutoff, 0));
    assert_eq!(left(&lab).await, ["after|1|1", "on|2|2"]);
    assert_eq!(logged(&lab).await, "prune|cli|*|succeeded|4|false");
    let cycles: Vec<_> = pruned.cycles.iter().map(|c| (c.cycle.to_string(), c.reports, c.versions)).collect();
    let month = |days| (cutoff - Days::new(days)).format("%Y-%m").to_string();
    assert_eq!(cycles, [(month(400), 1, 0), (month(1), 3, 6)]);
}

#[tokio::test]
async fn twenty_four_months_before_the_29th_of_february_is_the_28th() {
    let lab = Lab::new().await;
    for day in ["2026-02-27", "2026-02-28", "2026-03-01"] {
        store(&lab, day, 1, day.parse().unwrap(), 0).await;
    }
    let cutoff = Retention { months: 24 }.cutoff("2028-02-29".parse().unwrap());
    let due = lab.store.past_retention(cutoff, true).await.unwrap();
    assert_eq!(due.iter().map(|count| count.reports).sum::<i64>(), 1, "{due:?}");
    let later = Retention { months: 24 }.cutoff("2028-03-01".parse().unwrap());
    let due = lab.store.past_retention(later, true).await.unwrap();
    assert_eq!(due.iter().map(|count| count.reports).sum::<i64>(), 2, "{due:?}");
}

#[tokio::test]
async fn withdrawn_reports_go_too_and_no_account_is_spared() {
    let lab = Lab::new().await;
    let day = cutoff(&lab).await - Days::new(1);
    store(&lab, "withdrawn", 2, day, 1).await;
    lab.execute("update lmp_billing.reports set withdrawn_at = now(), withdrawn_poll_id = 0").await;
    store(&lab, "elsewhere", 2, day, 1).await;
    lab.execute("update lmp_billing.reports set account = 'apac' where partner_company_name = 'elsewhere'")
        .await;
    lab.execute("update lmp_billing.superseded_versions set account = 'apac' where partner_company_name = 'elsewhere'").await;
    let pruned = prune(&lab).await;
    let accounts: Vec<_> =
        pruned.cycles.iter().map(|c| (c.account.as_str(), c.reports, c.versions)).collect();
    assert_eq!(accounts, [("apac", 2, 2), ("emea", 2, 2)]);
    assert!(left(&lab).await.is_empty());
}

#[tokio::test]
async fn the_same_report_of_another_account_keeps_its_versions() {
    let lab = Lab::new().await;
    let cutoff = cutoff(&lab).await;
    store(&lab, "r", 2, cutoff - Days::new(1), 2).await;
    lab.execute(&format!(
        "create table pg_temp.kept as select * from lmp_billing.reports;
         update pg_temp.kept set account = 'apac', end_date = '{cutoff}', partner_company_name = 'kept';
         insert into lmp_billing.reports select * from pg_temp.kept"
    ))
    .await;
    lab.execute(
        "insert into lmp_billing.superseded_versions
         select 'apac', id, version, valid_from, valid_to, cycle, 'kept', start_date, end_date, status,
                under_review_status, extra, status_since, status_not_before, poll_id
         from lmp_billing.superseded_versions",
    )
    .await;
    prune(&lab).await;
    // Their earlier versions ended before the cutoff, but go with their report, not by themselves.
    assert_eq!(left(&lab).await, ["kept|2|4"]);
}

#[tokio::test]
async fn a_shorter_or_longer_retention_moves_the_cutoff() {
    let mut lab = Lab::new().await;
    let today = lab.rules.today(lab.now().await);
    for months in [2, 7, 30] {
        let end = Retention { months }.cutoff(today);
        store(&lab, &format!("{months} months"), 1, end, 0).await;
    }
    for (months, kept) in [(31, 3), (30, 3), (29, 2), (7, 2), (6, 1), (1, 0)] {
        lab.rules.retention = Retention { months };
        prune(&lab).await;
        assert_eq!(left(&lab).await.len(), kept, "{months} months");
    }
}

#[tokio::test]
async fn a_dry_run_tells_what_would_go_and_changes_nothing() {
    let lab = Lab::new().await;
    let cutoff = cutoff(&lab).await;
    store(&lab, "old", 5, cutoff - Days::new(1), 2).await;
    store(&lab, "new", 7, cutoff, 1).await;
    let before = left(&lab).await;
    let plan = pruning(&lab).preview().await.unwrap();
    assert_eq!((plan.cutoff, plan.total, plan.refusal), (cutoff, 12, None));
    assert_eq!((plan.cycles[0].reports, plan.cycles[0].versions), (5, 10));
    assert_eq!(left(&lab).await, before);
    assert_eq!(lab.value("select count(*) from lmp_billing.sync_runs").await, "0");
    // And what goes is what it told.
    assert_eq!(prune(&lab).await.cycles, plan.cycles);
}

#[tokio::test]
async fn a_second_prune_finds_nothing() {
    let lab = Lab::new().await;
    store(&lab, "old", 5, cutoff(&lab).await - Days::new(1), 2).await;
    assert_eq!(prune(&lab).await.cycles.len(), 1);
    assert_eq!(prune(&lab).await.cycles, []);
    assert_eq!(logged(&lab).await, "prune|cli|*|succeeded|0|false");
}

#[tokio::test]
async fn what_is_pruned_is_not_kept_as_a_version_but_what_is_deleted_by_hand_is() {
    let lab = Lab::new().await;
    let cutoff = cutoff(&lab).await;
    store(&lab, "pruned", 3, cutoff - Days::new(1), 1).await;
    store(&lab, "by hand", 1, cutoff, 1).await;
    prune(&lab).await;
    // Through the very connections that pruned: they do not go on pruning.
    sqlx::query("delete from lmp_billing.reports").execute(lab.store.pool()).await.unwrap();
    assert_eq!(left(&lab).await, ["by hand|0|2"]);
}

#[tokio::test]
async fn versions_of_reports_deleted_by_hand_go_when_the_newest_is_past_retention() {
    let lab = Lab::new().await;
    let cutoff = cutoff(&lab).await;
    store(&lab, "past", 3, cutoff - Days::new(1), 2).await;
    store(&lab, "not past", 2, cutoff, 2).await;
    store(&lab, "extended", 1, cutoff - Days::new(1), 2).await;
    // Its newest version ends later than the ones before.
    lab.execute(&format!(
        "update lmp_billing.reports set end_date = '{cutoff}' where partner_company_name = 'extended'"
    ))
    .await;
    lab.execute("delete from lmp_billing.reports").await;
    let plan = pruning(&lab).preview().await.unwrap();
    let pruned = prune(&lab).await;
    assert_eq!(left(&lab).await, ["extended|0|3", "not past|0|6"]);
    assert_eq!(pruned.cycles, plan.cycles);
    assert_eq!((pruned.cycles[0].reports, pruned.cycles[0].versions), (0, 9));
    assert_eq!(logged(&lab).await, "prune|cli|*|succeeded|0|false");
}

#[tokio::test]
async fn a_report_whose_cycle_was_edited_by_hand_goes_by_its_end_all_the_same() {
    let lab = Lab::new().await;
    store(&lab, "edited", 1, cutoff(&lab).await - Days::new(1), 1).await;
    lab.execute("update lmp_billing.reports set cycle = date_trunc('month', now())").await;
    prune(&lab).await;
    assert!(left(&lab).await.is_empty());
}
