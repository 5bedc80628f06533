//! `prune`, killed.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPool;

use super::strikes::Strikes;
use super::{Fate, kill, let_leases_run_out, running};
use crate::cli::lab::Lab;
use crate::cli::process::Call;
use crate::faults::database::rounds;
use crate::support::pg_proxy::PgProxy;

/// What is old in each round: in each of three cycles five reports with two earlier versions, and one of
/// which somebody has deleted the newest version; and old rows of each log.
const OLD_REPORTS: i64 = 15;

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

/// Whole reports are there or gone, and what is gone is counted in runs of prunes.
async fn is_whole(pool: &PgPool, seeded: i64, place: &str) {
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

fn prune(lab: &Lab, proxy: &PgProxy) -> Call {
    lab.call(&["prune", "--force", "--output", "json"]).set("database.url", &proxy.url(lab.db.url())).quiet()
}

#[tokio::test]
async fn a_killed_prune_has_deleted_whole_reports_and_counted_them_and_the_next_one_does_the_rest() {
    let (seed, wanted) = (rounds::seed(), rounds::share(70));
    let lab = Lab::new().await;
    let proxy = PgProxy::before(lab.db.url()).await;
    let pool = lab.pool();
    let mut strikes = Strikes::new(seed);
    let (mut killed, mut escaped, mut seeded) = (0, 0, 0);
    execute(pool, RECENT_THINGS.to_owned()).await;
    while strikes.more(killed, wanted) {
        let round = killed + escaped;
        // Now and then there is nothing to do, and now and then the one that is killed has to do with what the
        // last one left, when it is known to be dead.
        let new = if round % 4 == 3 { 0 } else { OLD_REPORTS };
        if new > 0 {
            execute(pool, old_things(round)).await;
        }
        seeded += new;
        if round % 3 == 2 {
            let_leases_run_out(pool).await;
        }
        let moment = strikes.next();
        let place = format!("round {round}, {moment:?}");
        let fate = kill(prune(&lab, &proxy), &proxy, &moment).await;
        is_whole(pool, seeded, &format!("{place}, right after")).await;
        strikes.struck(&moment, matches!(fate, Fate::Killed));
        match fate {
            Fate::Killed => killed += 1,
            Fate::Escaped(ended) => {
                assert_eq!(ended.with_code(0).json()["reports"], new, "{place}");
                escaped += 1;
                assert!(escaped < 100 + wanted, "it is hardly ever killed");
            }
        }
        let after_a_while = round % 3 == 0;
        if after_a_while {
            let_leases_run_out(pool).await;
        }
        // Once more, if nothing was left, so that every complete run passes every point.
        proxy.forget();
        strikes.begin();
        prune(&lab, &proxy).ends_with(0).await;
        strikes.learn(&proxy.passed());
        is_whole(pool, seeded, &place).await;
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
        if after_a_while {
            assert_eq!(running(pool).await, 0, "{place}: a dead run is taken for alive");
        }
    }
    let points = strikes.all_struck();
    println!("{killed} kills of prune: at {points} points, {} at random; {escaped} escaped", strikes.random);
}
