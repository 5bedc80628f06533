//! The ledger of ticks: which moments at which a job was due have been taken, and by whom.
//!
//! A tick is claimed by inserting its row, together with the run it leads to, in one transaction; of
//! several daemons exactly one succeeds. A tick whose run was interrupted may be claimed again, three
//! times in all, while it is the newest of its job. Ticks later than the database's clock are of a time
//! when a clock was ahead; they are left alone, and count for nothing until their moment comes.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::tx::Tx;
use super::{Job, NewRun, RunRow, Store, StoreError, Trigger, migrate, runs};

/// How often a tick may be claimed.
const MAX_ATTEMPTS: i16 = 3;

/// Where a job of an account stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TickState {
    /// Ticks due after this moment have not been claimed: the newest claimed one, or the first start.
    pub counts_from: DateTime<Utc>,
    /// The newest tick, if it may be claimed again.
    pub interrupted: Option<DateTime<Utc>>,
    /// Whether the newest tick's run is under way, here or elsewhere.
    pub running: bool,
}

/// Where an account's first sync stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstSync {
    /// No poll of the account has ever been applied, or the sync was interrupted; it is free to be claimed.
    Needed,
    /// It brought nothing at all (a wrong token, LMP away), and no poll since has; it may be claimed again.
    Failed,
    /// Some process is at it; or it was claimed, and the answer got lost.
    Running,
    /// Nothing is left to do.
    Done,
}

/// What came of a claim.
#[derive(Debug)]
pub enum Claim {
    /// It is ours, and its run has begun.
    Ours(RunRow),
    /// The job's run before still goes on, so this tick is skipped, and on record as such.
    Skipped,
    /// Another process has it, or a newer one.
    Taken,
    /// Another process is just claiming a tick of this job, or a first sync has to wait for a run of it; later more
    /// will be known.
    Busy,
    /// It is not due yet by the database's clock, but after this time.
    NotYet(TimeDelta),
}

/// A tick to be claimed.
#[derive(Clone, Copy, Debug)]
pub struct Tick<'a> {
    /// The account; `*` for a prune.
    pub account: &'a str,
    /// The job.
    pub job: Job,
    /// When it is due; `None` for an account's first sync, which is due at once and once.
    pub due_at: Option<DateTime<Utc>>,
    /// Why it runs.
    pub trigger: Trigger,
}

impl Store {
    /// Where a job stands; from its first start on, the job counts.
    ///
    /// # Errors
    /// When the database stays out of reach.
    pub async fn tick_state(&self, account: &str, job: Job) -> Result<TickState, StoreError> {
        let doing = "reading the ledger of ticks";
        self.with_retries(doing, self.limits.small, || async {
            let mut tx = self.begin_control().await?;
            // A clock that was ahead and has been set right leaves moments that have not come yet: a job
            // that counted from them would not run until then.
            sqlx::query!(
                "insert into lmp_billing.schedule_baselines as b (account, job, counts_from)
                 select $1, $2, clock_timestamp()
                 where not exists (select from lmp_billing.schedule_baselines
                                   where account = $1 and job = $2 and counts_from <= clock_timestamp())
                 on conflict (account, job) do update
                 set counts_from = excluded.counts_from
                 where b.counts_from > excluded.counts_from",
                account,
                job.as_str()
            )
            .execute(&mut *tx)
            .await
            .map_err(StoreError::doing(doing))?;
            let row = sqlx::query!(
                r#"select b.counts_from, t.due_at as "due_at?", t.attempt as "attempt?", r.outcome as "outcome?"
                   from lmp_billing.schedule_baselines b
                   left join lateral (
                       select t.due_at, t.attempt, t.run_id from lmp_billing.schedule_ticks t
                       where t.account = b.account and t.job = b.job and t.due_at > '-infinity'
                         and t.due_at <= clock_timestamp()
                       order by t.due_at desc
                       limit 1
                   ) t on true
                   left join lmp_billing.sync_runs r on r.id = t.run_id
                   where b.account = $1 and b.job = $2"#,
                account,
                job.as_str()
            )
            .fetch_one(&mut *tx)
            .await
            .map_err(StoreError::doing(doing))?;
            tx.commit().await?;
            let interrupted =
                row.attempt.is_some_and(|attempt| may_be_claimed_again(row.outcome.as_deref(), attempt));
            Ok(TickState {
                counts_from: row.due_at.map_or(row.counts_from, |due_at| due_at.max(row.counts_from)),
                interrupted: row.due_at.filter(|_| interrupted),
                running: row.outcome.as_deref() == Some("running"),
            })
        })
        .await
    }

    /// Whether an account has to be synced at once.
    ///
    /// # Errors
    /// When the database stays out of reach.
    pub async fn first_sync(&self, account: &str) -> Result<FirstSync, StoreError> {
        let doing = "looking for the account's first sync";
        self.with_retries(doing, self.limits.small, || async {
            let mut tx = self.begin_control().await?;
            let row = sqlx::query!(
                r#"select exists (
                          select from lmp_billing.cycle_polls where account = $1 and outcome = 'applied'
                      ) as "applied!",
                      t.attempt as "attempt?", r.outcome as "outcome?"
                   from (select) one
                   left join lmp_billing.schedule_ticks t
                     on t.account = $1 and t.job = 'reconcile' and t.due_at = '-infinity'
                   left join lmp_billing.sync_runs r on r.id = t.run_id"#,
                account
            )
            .fetch_one(&mut *tx)
            .await
            .map_err(StoreError::doing(doing))?;
            tx.commit().await?;
            Ok(match (row.applied, row.attempt, row.outcome.as_deref()) {
                (_, Some(_), Some("running")) => FirstSync::Running,
                (false, None, _) => FirstSync::Needed,
                (false, Some(_), Some("failed" | "partial")) => FirstSync::Failed,
                // Whatever it had applied by then: the rest of the window is still missing.
                (_, Some(attempt), outcome) if may_be_claimed_again(outcome, attempt) => FirstSync::Needed,
                _ => FirstSync::Done,
            })
        })
        .await
    }

    /// Claims a tick and starts its run, if it is due, free, and the job does not run.
    ///
    /// # Errors
    /// When the database stays out of reach.
    pub async fn claim(&self, tick: Tick<'_>, instance: &str) -> Result<Claim, StoreError> {
        self.with_retries("claiming a tick", self.limits.small, || self.try_claim(tick, instance)).await
    }

    async fn try_claim(&self, tick: Tick<'_>, instance: &str) -> Result<Claim, StoreError> {
        let mut tx = self.begin_control().await?;
        // Nothing is begun in a schema that has become newer while the daemon ran.
        migrate::refuse_newer(&mut tx).await?;
        let Some(now) = lock(&mut tx, tick).await? else { return finish(tx, Claim::Busy).await };
        if let Some(due_at) = tick.due_at
            && due_at > now
        {
            return finish(tx, Claim::NotYet(due_at - now)).await;
        }
        match standing(&mut tx, tick, instance).await? {
            Standing::Ours(run) => return finish(tx, Claim::Ours(run)).await,
            Standing::Taken => return finish(tx, Claim::Taken).await,
            Standing::Free => {}
        }
        if is_running(&mut tx, tick).await? {
            // A first sync cannot be skipped: nothing would come in its place.
            if tick.due_at.is_none() {
                return finish(tx, Claim::Busy).await;
            }
            write(&mut tx, tick, instance, None).await?;
            return finish(tx, Claim::Skipped).await;
        }
        let new = NewRun { job: tick.job, trigger: tick.trigger, account: tick.account, instance };
        let run = runs::insert(&mut tx, None, new).await?;
        write(&mut tx, tick, instance, Some(run.id)).await?;
        finish(tx, Claim::Ours(run)).await
    }
}

async fn finish(tx: Tx, claim: Claim) -> Result<Claim, StoreError> {
    tx.commit().await?;
    Ok(claim)
}

/// Claims of one job come one at a time. Returns the moment at which it was our turn; `None` if another
/// process is just claiming: it may be frozen, and one job must not keep the others waiting.
async fn lock(connection: &mut PgConnection, tick: Tick<'_>) -> Result<Option<DateTime<Utc>>, StoreError> {
    let taken = sqlx::query!(
        r#"select pg_try_advisory_xact_lock(
                      hashtextextended('lmp_billing tick ' || $2::text || ' ' || $1::text, 0)) as "ours!",
                  clock_timestamp() as "now!""#,
        tick.account,
        tick.job.as_str()
    )
    .fetch_one(connection)
    .await
    .map_err(StoreError::doing("taking the job's turn"))?;
    Ok(taken.ours.then_some(taken.now))
}

/// Whether a tick may be claimed again that has come to this. A first sync may also after it failed: see [`standing`].
fn may_be_claimed_again(outcome: Option<&str>, attempt: i16) -> bool {
    outcome == Some("interrupted") && attempt < MAX_ATTEMPTS
}

enum Standing {
    /// Nobody has it, or it may be claimed again.
    Free,
    /// Somebody has it or a newer one.
    Taken,
    /// We have it: the answer to an earlier commit was lost.
    Ours(RunRow),
}

async fn standing(
    connection: &mut PgConnection,
    tick: Tick<'_>,
    instance: &str,
) -> Result<Standing, StoreError> {
    let rows = sqlx::query!(
        r#"select t.due_at = coalesce($3::timestamptz, '-infinity') as "same!", t.attempt, t.claimed_by,
                  r.id as "run_id?", r.started_at as "started_at?", r.outcome as "outcome?"
           from lmp_billing.schedule_ticks t
           left join lmp_billing.sync_runs r on r.id = t.run_id
           where t.account = $1 and t.job = $2
             -- the first sync stands for itself; the others by their order, but for those of a time when
             -- the clock was ahead
             and case when $3::timestamptz is null then t.due_at = '-infinity'
                      else t.due_at = $3 or (t.due_at > $3 and t.due_at <= clock_timestamp()) end"#,
        tick.account,
        tick.job.as_str(),
        tick.due_at
    )
    .fetch_all(connection)
    .await
    .map_err(StoreError::doing("looking for the tick"))?;
    let Some(row) = rows.first() else { return Ok(Standing::Free) };
    if rows.len() > 1 || !row.same {
        return Ok(Standing::Taken);
    }
    match (row.run_id, row.started_at, row.outcome.as_deref()) {
        (Some(id), Some(started_at), Some("running")) if row.claimed_by == instance => {
            Ok(Standing::Ours(RunRow { id, started_at }))
        }
        (_, _, outcome) if may_be_claimed_again(outcome, row.attempt) => Ok(Standing::Free),
        (_, _, Some("failed" | "partial")) if tick.due_at.is_none() => Ok(Standing::Free),
        _ => Ok(Standing::Taken),
    }
}

async fn is_running(connection: &mut PgConnection, tick: Tick<'_>) -> Result<bool, StoreError> {
    sqlx::query_scalar!(
        r#"select exists (
               select from lmp_billing.sync_runs
               where outcome = 'running' and account = $1 and job = $2
           ) as "running!""#,
        tick.account,
        tick.job.as_str()
    )
    .fetch_one(connection)
    .await
    .map_err(StoreError::doing("looking for the job's run"))
}

async fn write(
    connection: &mut PgConnection,
    tick: Tick<'_>,
    instance: &str,
    run_id: Option<i64>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into lmp_billing.schedule_ticks as t (account, job, due_at, attempt, claimed_by, claimed_at, run_id)
         values ($1, $2, coalesce($3::timestamptz, '-infinity'), 1, $4, clock_timestamp(), $5)
         on conflict (account, job, due_at) do update
         -- what failed or brought nothing begins anew; only an interruption counts against it
         set attempt = case when exists (select from lmp_billing.sync_runs r
                                         where r.id = t.run_id and r.outcome in ('failed', 'partial'))
                            then 1 else t.attempt + 1 end,
             claimed_by = excluded.claimed_by,
             claimed_at = excluded.claimed_at,
             run_id = excluded.run_id",
        tick.account,
        tick.job.as_str(),
        tick.due_at,
        instance,
        run_id
    )
    .execute(connection)
    .await
    .map_err(StoreError::doing("claiming a tick"))?;
    Ok(())
}
