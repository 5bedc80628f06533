//! What must hold in the database at any moment, and what after a chapter that was synced wholly.

use std::collections::BTreeSet;

use serde_json::Value;
use sqlx::postgres::PgPool;

use super::story::Story;

/// Each must find nothing.
const INVARIANTS: [(&str, &str); 10] = [
    (
        "versions of a report are not numbered 1, 2, …",
        "select id::text from lmp_billing.report_history group by account, id
         having count(*) <> max(version) or min(version) <> 1",
    ),
    (
        "versions of a report overlap or run backwards",
        "select id::text from (
             select id, valid_from, valid_to,
                    lag(valid_to) over w as before, lag(valid_from) over w as before_from, version
             from lmp_billing.report_history window w as (partition by account, id order by version)) v
         where valid_from >= coalesce(valid_to, 'infinity')
            or version > 1 and (before is null or before > valid_from or before_from >= valid_from)",
    ),
    (
        "a version is equal to the one before, and no withdrawal lies between",
        "select id::text from (
             select id, valid_from, lag(valid_to) over w as before,
                    row(cycle, partner_company_name, start_date, end_date, status, under_review_status, extra) as facts,
                    lag(row(cycle, partner_company_name, start_date, end_date, status, under_review_status, extra)) over w
                        as facts_before
             from lmp_billing.report_history window w as (partition by account, id order by version)) v
         where facts = facts_before and before = valid_from",
    ),
    (
        "a version has no report",
        "select s.id::text from lmp_billing.superseded_versions s
         left join lmp_billing.reports r using (id, account) where r.id is null",
    ),
    (
        "a version is from a poll that was not applied",
        "select h.id::text from lmp_billing.report_history h
         left join lmp_billing.cycle_polls p on p.id = h.poll_id and p.outcome = 'applied'
         where p.id is null and h.poll_id > 0",
    ),
    (
        "a poll did not write what it says",
        "select p.id::text from lmp_billing.cycle_polls p
         left join (select poll_id, count(*) as versions from lmp_billing.report_history group by poll_id) w
           on w.poll_id = p.id
         where p.inserted + p.updated <> coalesce(w.versions, 0)",
    ),
    (
        "a run that has ended does not add up",
        "select r.id::text from lmp_billing.sync_runs r
         left join (select run_id, count(*) as polls, sum(inserted) as inserted, sum(updated) as updated,
                           sum(withdrawn) as withdrawn, sum(reports_seen) as seen
                    from lmp_billing.cycle_polls group by run_id) p on p.run_id = r.id
         where r.outcome <> 'running'
           and (r.polls, r.inserted, r.updated, r.withdrawn, r.reports_seen)
               <> (coalesce(p.polls, 0), coalesce(p.inserted, 0), coalesce(p.updated, 0), coalesce(p.withdrawn, 0),
                   coalesce(p.seen, 0))",
    ),
    (
        "a poll has no run",
        "select p.id::text from lmp_billing.cycle_polls p
         left join lmp_billing.sync_runs r on r.id = p.run_id where r.id is null",
    ),
    (
        "a run belongs to two ticks, or a tick was claimed too often",
        "select run_id::text from lmp_billing.schedule_ticks group by run_id
         having run_id is not null and count(*) > 1 or max(attempt) > 3",
    ),
    (
        "a poll was written after its run had ended",
        "select p.id::text from lmp_billing.cycle_polls p join lmp_billing.sync_runs r on r.id = p.run_id
         where p.finished_at > r.finished_at",
    ),
];

/// What must hold at any moment, also right after a crash.
pub(super) async fn invariants(pool: &PgPool, where_we_are: &str) {
    for (what, query) in INVARIANTS {
        let found: Vec<Option<String>> = sqlx::query_scalar(query)
            .fetch_all(pool)
            .await
            .unwrap_or_else(|error| panic!("{query}: {error}"));
        assert!(found.is_empty(), "{where_we_are}: {what}: {found:?}");
    }
}

/// The database holds what the story has told: nothing lost, invented or doubled.
pub(super) async fn tells(pool: &PgPool, story: &Story, where_we_are: &str) {
    invariants(pool, where_we_are).await;
    let versions: Vec<String> = sqlx::query_scalar(
        "select concat_ws('|', id, version, cycle, partner_company_name, status, valid_to is null)
         from lmp_billing.report_history order by id, version",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let versions: Vec<String> = versions.iter().map(|line| spelled(line)).collect();
    let told = story.versions();
    let (stored, told): (BTreeSet<_>, BTreeSet<_>) = (versions.iter().collect(), told.iter().collect());
    assert_eq!(stored.len(), versions.len(), "{where_we_are}: doubled: {versions:#?}");
    let lost: Vec<_> = told.difference(&stored).collect();
    let invented: Vec<_> = stored.difference(&told).collect();
    assert!(lost.is_empty() && invented.is_empty(), "{where_we_are}: lost {lost:#?}, invented {invented:#?}");
    let quarantine: Vec<String> = sqlx::query_scalar(
        "select payload || '|' || case when resolved_at is null then 'true' else 'false' end
         from lmp_billing.quarantined_reports",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let count = quarantine.len();
    let quarantine: BTreeSet<String> = quarantine.into_iter().collect();
    assert_eq!(count, quarantine.len(), "{where_we_are}: an entry stands twice in the quarantine");
    assert_eq!(quarantine, story.quarantine(), "{where_we_are}: the quarantine");
}

/// PostgreSQL writes booleans as `t` and `f` here.
fn spelled(line: &str) -> String {
    match line.rsplit_once('|') {
        Some((rest, "t")) => format!("{rest}|true"),
        Some((rest, _)) => format!("{rest}|false"),
        None => line.to_owned(),
    }
}

/// What the program has printed as done is stored, to the number.
pub(super) async fn acknowledged(pool: &PgPool, printed: &Value, where_we_are: &str) {
    let runs = printed["runs"].as_array().expect("runs");
    assert!(!runs.is_empty(), "{where_we_are}: {printed}");
    for run in runs {
        let stored: Option<String> =
            sqlx::query_scalar("select outcome from lmp_billing.sync_runs where id = $1")
                .bind(run["run_id"].as_i64())
                .fetch_optional(pool)
                .await
                .unwrap();
        assert_eq!(stored.as_deref(), run["outcome"].as_str(), "{where_we_are}: {run}");
    }
    for poll in printed["polls"].as_array().expect("polls") {
        let stored: Option<Value> = sqlx::query_scalar(
            "select jsonb_build_object('outcome', outcome, 'run_id', run_id, 'inserted', inserted, 'updated', updated,
                    'withdrawn', withdrawn, 'quarantined', quarantined, 'reports_seen', reports_seen)
             from lmp_billing.cycle_polls where id = $1",
        )
        .bind(poll["id"].as_i64())
        .fetch_optional(pool)
        .await
        .unwrap();
        let stored = stored.unwrap_or_else(|| panic!("{where_we_are}: printed and not stored: {poll}"));
        for (key, value) in stored.as_object().expect("an object") {
            assert_eq!(*value, poll[key.as_str()], "{where_we_are}: {key} of {poll}");
        }
    }
}
