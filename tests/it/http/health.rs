//! `/healthz` and `/readyz`.

use serde_json::Value;

use super::link::Link;
use super::{Answer, Site, count_from};
use crate::support::lab::Lab;

async fn readiness(site: &Site) -> (u16, bool, Vec<String>) {
    let Answer { status, headers, body } = site.get("/readyz").await;
    assert_eq!(headers["content-type"], "application/json");
    let document: Value = serde_json::from_str(&body).expect("it is JSON");
    let reasons = document["reasons"].as_array().expect("a list").iter();
    let reasons = reasons.map(|reason| reason.as_str().expect("a text").to_owned()).collect();
    (status, document["ready"].as_bool().expect("a truth value"), reasons)
}

#[tokio::test]
async fn a_daemon_with_its_jobs_on_schedule_is_ready() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    let (status, ready, reasons) = readiness(&site).await;
    assert_eq!((status, ready), (503, false));
    assert_eq!(reasons.len(), 4, "{reasons:?}");
    assert_eq!(reasons[0], "refresh of emea is not on its schedule yet; the daemon is still starting");

    count_from(&lab, "0 s").await;
    assert_eq!(readiness(&site).await, (200, true, vec![]));
}

#[tokio::test]
async fn a_tick_that_nobody_takes_is_told_until_somebody_does() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    // Refresh ticks come every four hours; the others may or may not have had one.
    count_from(&lab, "5 hours").await;
    let (status, ready, reasons) = readiness(&site).await;
    assert_eq!((status, ready), (503, false));
    assert!(reasons[0].starts_with("refresh of emea was due at "), "{reasons:?}");
    assert!(reasons[0].ends_with("Z and no daemon has taken it"), "{reasons:?}");

    lab.execute(
        "insert into lmp_billing.schedule_ticks (account, job, due_at, attempt, claimed_by, claimed_at)
         select account, job, due_at, 1, 'test', now()
         from lmp_billing.schedule_baselines, unnest(array['-infinity'::timestamptz, now()]) due_at",
    )
    .await;
    assert_eq!(readiness(&site).await, (200, true, vec![]));
}

#[tokio::test]
async fn the_tick_of_the_startup_sync_counts_for_nothing() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    lab.execute(
        "insert into lmp_billing.schedule_ticks (account, job, due_at, attempt, claimed_by, claimed_at)
         values ('emea', 'reconcile', '-infinity', 1, 'test', now())",
    )
    .await;
    let (.., reasons) = readiness(&site).await;
    assert!(reasons.iter().any(|reason| reason.starts_with("reconcile of emea is not on its schedule")));
}

#[tokio::test]
async fn a_schema_that_is_not_the_programs_is_told() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    count_from(&lab, "0 s").await;
    let change = |version: &str| {
        format!(
            "update lmp_billing._sqlx_migrations set version = {version}
             where version = (select max(version) from lmp_billing._sqlx_migrations)"
        )
    };
    lab.execute(&change("0")).await;
    let (status, _, reasons) = readiness(&site).await;
    assert_eq!(status, 503);
    assert!(reasons.len() == 1 && reasons[0].contains("`lmp-billing-sync migrate`"), "{reasons:?}");

    lab.execute(&change("9999")).await;
    let (status, _, reasons) = readiness(&site).await;
    assert_eq!(status, 503);
    assert!(reasons.len() == 1 && reasons[0].contains("a newer program has been here"), "{reasons:?}");
}

#[tokio::test]
async fn without_the_database_it_is_alive_and_not_ready() {
    let lab = Lab::new().await;
    count_from(&lab, "0 s").await;
    let (mut link, store) = Link::to(&lab).await;
    let site = Site::over(store).await;
    assert_eq!(readiness(&site).await, (200, true, vec![]));

    link.cut().await;
    let (status, ready, reasons) = readiness(&site).await;
    assert_eq!((status, ready, reasons.len()), (503, false, 1));
    let alive = site.get("/healthz").await;
    assert_eq!((alive.status, &*alive.body), (200, "ok\n"));
}

#[tokio::test]
async fn a_frozen_database_does_not_freeze_the_answer() {
    let lab = Lab::new().await;
    count_from(&lab, "0 s").await;
    let (link, store) = Link::to(&lab).await;
    let site = Site::over(store).await;
    assert_eq!(readiness(&site).await, (200, true, vec![]));

    link.freeze();
    let (status, _, reasons) = readiness(&site).await;
    assert_eq!(status, 503);
    let port = link.addr.port().to_string();
    assert!(reasons[0].contains(&port) && reasons[0].ends_with("does not answer within 3 s"), "{reasons:?}");
}
