//! What a prune is to delete and what it must leave, and whether it did so wholly.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPool;

/// What is old in each round: in each of three cycles five reports with two earlier versions, and one of
/// which somebody has deleted the newest version; and old rows of each log.
pub(super) const OLD_REPORTS: i64 = 15;

fn old_things(round: usize) -> String {
    format!(
        "with old as (
             select account, md5('{round} ' || month || ' ' || n)::uuid as id, first, n
             from (values ('emea')) a (account), generate_series(30, 32) month, generate_series(0, 5) n,
                  lateral (select (date_trunc('month', now()) - month * interval '1 month')::date as first) f
         ), newest as (
             insert into lmp_billing.reports (account, id, cycle, partner_company_name, start_date, end_date, status,
                 version, valid_from, status_since, first_seen_at, poll_id)
             select account, id, first, 'old', first, first + 27, 'Completed', 3, now(), now(), now(), 0
             from old where n > 0
         ), earlier as (
             insert into lmp_billing.superseded_versions (account, id, version, valid_from, valid_to, cycle,
                 partner_company_name, start_date, end_date, status, status_since, poll_id)
             select account, id, v, now() - (10 - v) * interval '1 hour', now() - (9 - v) * interval '1 hour', first,
                    'old', first, first + 27, 'Approved', now(), 0
             from old, generate_series(1, 2) v
         ), run as (
             insert into lmp_billing.sync_runs (job, trigger, account, started_at, finished_at, outcome, instance,
                 lease_renewed_at)
             select 'refresh', 'schedule', 'emea', past, past, 'succeeded', 'old', past
             from (select now() - interval '3 years' as past) t
             returning id, started_at as past
         ), poll as (
             insert into lmp_billing.cycle_polls (id, run_id, account, cycle, requested_at, finished_at, outcome,
                 attempts, program_version)
             select -{round} - 1, id, 'emea', '2020-01-01', past, past, 'unchanged', 1, 'old' from run
         ), tick as (
             insert into lmp_billing.schedule_ticks (account, job, due_at, attempt, claimed_by, claimed_at, run_id)
             select 'emea', 'refresh', past - interval '1 day', 1, 'old', past, null from run
         )
         insert into lmp_billing.quarantined_reports (poll_id, account, cycle, position, reason, detail, payload,
             payload_sha256, first_seen_at)
         select -{round} - 1, 'emea', '2020-01-01', 0, 'missing_status', '', '', sha256('{round}'), past from run"
    )
}

/// What stays for ever: a recent report with an earlier version, and a recent tick.
const RECENT_THINGS: &str = "
    insert into lmp_billing.reports (account, id, cycle, partner_company_name, start_date, end_date, status,
        version, valid_from, status_since, first_seen_at, poll_id)
    select 'emea', md5('recent ' || n)::uuid, first, 'recent', first, first + 27, 'Completed', 2, now(), now(), now(), 0
    from generate_series(1, 5) n, (select (date_trunc('month', now()) - interval '20 months')::date as first) f;
    insert into lmp_billing.superseded_versions (account, id, version, valid_from, valid_to, cycle,
        partner_company_name, start_date, end_date, status, status_since, poll_id)
    select account, id, 1, valid_from - interval '1 hour', valid_from, cycle, 'recent', start_date, end_date,
           'Approved', now(), 0
    from lmp_billing.reports;
    insert into lmp_billing.schedule_ticks (account, job, due_at, attempt, claimed_by, claimed_at)
    values ('emea', 'refresh', now(), 1, 'recent', now())";

async fn execute(pool: &PgPool, sql: String) {
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(pool).await {
        panic!("{sql}: {error}");
    }
}

async fn texts(pool: &PgPool, query: &'static str) -> Vec<String> {
    sqlx::query_scalar(query).fetch_all(pool).await.unwrap_or_else(|error| panic!("{query}: {error}"))
}

/// Adds [`OLD_REPORTS`], and old rows of each log; a round's differ from another's.
pub(super) async fn add_old_things(pool: &PgPool, round: usize) {
    execute(pool, old_things(round)).await;
}

/// Adds what no prune may take.
pub(super) async fn add_recent_things(pool: &PgPool) {
    execute(pool, RECENT_THINGS.to_owned()).await;
}

/// Whole reports are there or gone, and what is gone is counted in runs of prunes.
pub(super) async fn is_whole(pool: &PgPool, seeded: i64, place: &str) {
    let halves = texts(
        pool,
        "select concat_ws(' ', r.id, count(s.id)) from lmp_billing.reports r
         left join lmp_billing.superseded_versions s using (id, account)
         where r.partner_company_name = 'old' group by r.id having count(s.id) <> 2",
    )
    .await;
    assert!(halves.is_empty(), "{place}: {halves:?}");
    // At one moment: what the killed one has sent off may be committed while we look.
    let there = texts(
        pool,
        "select concat_ws(' ', left_over, deleted) from
             (select count(*) as left_over from lmp_billing.reports where partner_company_name = 'old') l,
             (select coalesce(sum(deleted), 0)::int8 as deleted from lmp_billing.sync_runs) d",
    )
    .await;
    let sum: i64 = there[0].split(' ').map(|number| number.parse::<i64>().unwrap()).sum();
    assert_eq!(sum, seeded, "{place}: left over and said to be deleted: {there:?}");
    let recent = texts(
        pool,
        "select concat_ws(' ', count(*), sum(version)) from lmp_billing.report_history
         where partner_company_name = 'recent'",
    )
    .await;
    assert_eq!(recent, ["10 15"], "{place}: what is recent is gone");
}

/// Neither reports with their versions nor rows of the logs.
pub(super) async fn nothing_old_is_left(pool: &PgPool, place: &str) {
    let left = texts(
        pool,
        "select concat_ws(' ', 'version', id, version) from lmp_billing.report_history where partner_company_name = 'old'
         union all select concat_ws(' ', 'version', id, version) from lmp_billing.superseded_versions
                   where partner_company_name = 'old'
         union all select concat_ws(' ', 'run', id) from lmp_billing.sync_runs where instance = 'old'
         union all select concat_ws(' ', 'poll', id) from lmp_billing.cycle_polls
         union all select concat_ws(' ', 'tick', due_at) from lmp_billing.schedule_ticks where claimed_by = 'old'
         union all select concat_ws(' ', 'entry', poll_id) from lmp_billing.quarantined_reports",
    )
    .await;
    assert!(left.is_empty(), "{place}: not pruned: {left:?}");
}
