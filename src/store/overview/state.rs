//! What is read anew every time: a handful of index lookups.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sqlx::PgConnection;

use super::Scope;
use crate::domain::{Cycle, Window};
use crate::store::{Job, QuarantineCount, StoreError};

/// A cycle of the window and its last polls.
#[derive(Clone, Debug)]
pub struct CycleState {
    /// The account.
    pub account: String,
    /// The billing month.
    pub cycle: Cycle,
    /// When an answer was last believed.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// The newest answer since then, if it was not believed.
    pub suspicion: Option<Suspicion>,
    pub(super) believed_poll: Option<i64>,
}

/// Why the newest answer is not believed.
#[derive(Clone, Debug)]
pub struct Suspicion {
    /// When it came.
    pub at: DateTime<Utc>,
    /// What is wrong with it, and what to do.
    pub reason: String,
}

/// A job that has a schedule.
#[derive(Clone, Debug)]
pub struct JobTicks {
    /// The account; `*` for a prune.
    pub account: String,
    /// The job.
    pub job: Job,
    /// The newest claimed tick, else since when the job counts; `None` if it has never been on a
    /// schedule.
    pub counts_from: Option<DateTime<Utc>>,
}

/// A job's last run with an outcome.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "columns of sync_runs, described in migrations/0003_comments.sql")]
pub struct RecentRun {
    pub account: String,
    pub job: String,
    pub run_id: i64,
    pub trigger: String,
    pub started_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub outcome: String,
    pub polls: i32,
    pub polls_failed: i32,
    pub inserted: i64,
    pub updated: i64,
    pub withdrawn: i64,
    pub deleted: i64,
    pub error: Option<String>,
    /// Whether it is the job's last run of all.
    pub is_newest: bool,
}

/// How the upstream's clock compares.
#[derive(Clone, Debug)]
pub struct UpstreamClock {
    /// The account.
    pub account: String,
    /// How far the database's clock is ahead of the upstream's, at least: an answer was dated
    /// somewhere between its request and its end.
    pub database_ahead: TimeDelta,
}

pub(super) async fn now(tx: &mut PgConnection) -> Result<DateTime<Utc>, StoreError> {
    sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#)
        .fetch_one(tx)
        .await
        .map_err(StoreError::doing("asking for the database's clock"))
}

pub(super) async fn cycles(
    tx: &mut PgConnection,
    scope: &Scope<'_>,
    window: Window,
) -> Result<Vec<CycleState>, StoreError> {
    let cycles: Vec<NaiveDate> = window.cycles().map(Cycle::first_day).collect();
    let rows = sqlx::query_file!("src/store/overview/cycles.sql", scope.accounts, &cycles)
        .fetch_all(tx)
        .await
        .map_err(StoreError::doing("reading when cycles were confirmed"))?;
    Ok(rows
        .into_iter()
        .map(|row| CycleState {
            account: row.account,
            cycle: row.cycle,
            confirmed_at: row.confirmed_at,
            suspicion: row
                .suspect_at
                .map(|at| Suspicion { at, reason: row.suspect_reason.unwrap_or_default() }),
            believed_poll: row.believed_poll,
        })
        .collect())
}

pub(super) async fn ticks(
    tx: &mut PgConnection,
    jobs: &[(String, Job)],
) -> Result<Vec<JobTicks>, StoreError> {
    let accounts: Vec<String> = jobs.iter().map(|(account, _)| account.clone()).collect();
    let names: Vec<String> = jobs.iter().map(|(_, job)| job.as_str().to_owned()).collect();
    // The start-up sync is claimed as a tick at -infinity, which is no moment to count from.
    let counts_from = sqlx::query_scalar!(
        r#"select coalesce(
                      (select max(t.due_at)
                       from lmp_billing.schedule_ticks t
                       where t.account = j.account and t.job = j.job and t.due_at > '-infinity'
                         and t.due_at <= clock_timestamp()),
                      (select least(b.counts_from, clock_timestamp())
                       from lmp_billing.schedule_baselines b
                       where b.account = j.account and b.job = j.job)) as "counts_from?"
           from unnest($1::text[], $2::text[]) with ordinality j (account, job, place)
           order by j.place"#,
        &accounts,
        &names
    )
    .fetch_all(tx)
    .await
    .map_err(StoreError::doing("reading the ledger of ticks"))?;
    Ok(jobs
        .iter()
        .zip(counts_from)
        .map(|((account, job), counts_from)| JobTicks { account: account.clone(), job: *job, counts_from })
        .collect())
}

pub(super) async fn runs(tx: &mut PgConnection, scope: &Scope<'_>) -> Result<Vec<RecentRun>, StoreError> {
    let by_hand = scope.accounts.iter().map(|account| (account, Job::Manual));
    let (accounts, jobs): (Vec<String>, Vec<String>) = scope
        .jobs
        .iter()
        .map(|(account, job)| (account, *job))
        .chain(by_hand)
        .map(|(account, job)| (account.clone(), job.as_str().to_owned()))
        .unzip();
    sqlx::query_file_as!(RecentRun, "src/store/overview/runs.sql", &accounts, &jobs)
        .fetch_all(tx)
        .await
        .map_err(StoreError::doing("reading the last runs"))
}

pub(super) async fn quarantine(
    tx: &mut PgConnection,
    scope: &Scope<'_>,
) -> Result<Vec<QuarantineCount>, StoreError> {
    sqlx::query_as!(
        QuarantineCount,
        r#"select account, cycle as "cycle: Cycle", reason, count(*) as "entries!", min(left(detail, 300)) as "example!"
           from lmp_billing.quarantined_reports
           where resolved_at is null and account = any($1)
           group by account, cycle, reason
           order by account, cycle desc, reason
           limit 1000"#,
        scope.accounts
    )
    .fetch_all(tx)
    .await
    .map_err(StoreError::doing("reading the quarantine"))
}

pub(super) async fn upstream(
    tx: &mut PgConnection,
    runs: &[RecentRun],
) -> Result<Vec<UpstreamClock>, StoreError> {
    let newest: Vec<i64> = runs.iter().filter(|run| run.is_newest).map(|run| run.run_id).collect();
    let rows = sqlx::query!(
        r#"select distinct on (account) account, requested_at as "requested_at!", finished_at,
                  server_date as "server_date!"
           from lmp_billing.cycle_polls
           where run_id = any($1) and requested_at is not null and server_date is not null
           order by account, id desc"#,
        &newest
    )
    .fetch_all(tx)
    .await
    .map_err(StoreError::doing("reading the upstream's clock"))?;
    Ok(rows
        .into_iter()
        .map(|row| UpstreamClock {
            account: row.account,
            database_ahead: ahead(row.requested_at, row.finished_at, row.server_date),
        })
        .collect())
}

/// By how much at least the clock of `requested` and `finished` is ahead of the one of `date`, which
/// was read between them and cut to whole seconds.
fn ahead(requested: DateTime<Utc>, finished: DateTime<Utc>, date: DateTime<Utc>) -> TimeDelta {
    let latest = date + TimeDelta::seconds(1);
    if latest < requested {
        requested - latest
    } else if date > finished {
        finished - date
    } else {
        TimeDelta::zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_between_request_and_answer_tells_of_no_difference() {
        let at = |second: i64| DateTime::from_timestamp(1_800_000_000 + second, 500_000_000).unwrap();
        let date = |second: i64| DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap();
        assert_eq!(ahead(at(0), at(0), date(0)), TimeDelta::zero());
        assert_eq!(ahead(at(0), at(30), date(20)), TimeDelta::zero());
        assert_eq!(ahead(at(100), at(130), date(0)), TimeDelta::milliseconds(99_500));
        assert_eq!(ahead(at(0), at(30), date(100)), TimeDelta::milliseconds(-69_500));
    }
}
