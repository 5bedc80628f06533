//! Applies an answer: all or nothing, in one transaction, writing only what changed.
//!
//! The entries are copied into a temporary table, compared with what is stored, and only the
//! differences are written. Polls of one cycle take turns, and come in the order of their numbers; an
//! answer to an older poll than the last one believed is discarded. What the numbers in the `.sql`
//! files beside this one mean is said at their heads.

mod guard;
mod quarantine;

pub use guard::Guard;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{Executor, PgConnection};
use uuid::Uuid;

use super::polls::{self, Outcome, PollResult, PollRow};
use super::retry::with_retries;
use super::stage::{self, BadEntry, Entries, StageError, Staged, Staging};
use super::tx::Tx;
use super::{Store, StoreError, runs};
use crate::domain::Cycle;

/// A million reports take seconds; more than this and the server is frozen.
const LIMIT: Duration = Duration::from_mins(15);

/// A poll whose number has been drawn.
#[derive(Clone, Debug)]
pub struct Poll {
    /// Its number, which orders everything.
    pub id: i64,
    /// The run it belongs to.
    pub run_id: i64,
    /// Account asked for.
    pub account: String,
    /// Cycle asked for.
    pub cycle: Cycle,
    /// When the number was drawn, right before the request; `None` if none was sent.
    pub requested_at: Option<DateTime<Utc>>,
}

/// What is known of a poll's last request.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// Status code of the answer.
    pub http_status: Option<i16>,
    /// The trace id sent.
    pub trace_id: Option<Uuid>,
    /// The server's clock.
    pub server_date: Option<DateTime<Utc>>,
    /// Requests sent, retries included.
    pub attempts: i16,
    /// Size and SHA-256 of the decoded answer.
    pub body: Option<(i64, [u8; 32])>,
    /// What read the answer: the program's version, and the settings that make it read differently.
    pub read_by: String,
}

impl Store {
    /// Applies an answer, and logs the poll with what it came to.
    ///
    /// # Errors
    /// When the run is over, or the database stays out of reach. Nothing is applied then, or (when only
    /// the answer to the commit was lost) it is found out to have been.
    pub async fn apply_poll(
        &self,
        poll: &Poll,
        sent: &Sent,
        guard: &Guard,
        entries: Arc<dyn Entries>,
    ) -> Result<PollRow, StoreError> {
        let applied =
            with_retries("applying an answer", LIMIT, || self.try_apply(poll, sent, guard, &entries)).await?;
        match applied {
            Applied::Logged(row) => Ok(row),
            Applied::NotBelieved(problem) => self.record_poll(poll, sent, Outcome::Failed, &problem).await,
        }
    }

    /// Logs a poll whose refusal proves nothing, at the edge of what the vendor keeps, as `unchanged`; in
    /// its turn, like an answer.
    ///
    /// # Errors
    /// When the run is over, or the database stays out of reach.
    pub async fn confirm_unchanged(&self, poll: &Poll, sent: &Sent) -> Result<PollRow, StoreError> {
        with_retries("logging a poll", LIMIT, || async {
            let mut tx = Tx::begin(&self.pool).await?;
            runs::lock_running(&mut tx, poll.run_id).await?;
            if let Some(row) = polls::find(&mut tx, poll.id).await? {
                return Ok(row);
            }
            let moment = lock_cycle(&mut tx, poll).await?;
            let stale = last_believed(&mut tx, poll).await?.is_some_and(|last| last > poll.id);
            let outcome = if stale { Outcome::Stale } else { Outcome::Unchanged };
            let row =
                polls::insert(&mut tx, poll, sent, outcome, Some(moment), &PollResult::default()).await?;
            tx.commit().await?;
            Ok(row)
        })
        .await
    }

    async fn try_apply(
        &self,
        poll: &Poll,
        sent: &Sent,
        guard: &Guard,
        entries: &Arc<dyn Entries>,
    ) -> Result<Applied, StoreError> {
        let mut tx = Tx::begin(&self.pool).await?;
        runs::lock_running(&mut tx, poll.run_id).await?;
        if let Some(row) = polls::find(&mut tx, poll.id).await? {
            return Ok(Applied::Logged(row));
        }
        tx.execute(include_str!("stage.sql"))
            .await
            .map_err(StoreError::doing("creating the staging table"))?;
        let staged = match stage::stage(&mut tx, Arc::clone(entries)).await? {
            Staging::Whole(staged) => staged,
            Staging::NotBelieved(problem) => return Ok(Applied::NotBelieved(problem)),
        };
        let moment = lock_cycle(&mut tx, poll).await?;
        let mut work = Work { tx: &mut tx, poll, guard, staged, moment };
        work.spell_statuses().await?;
        match work.quarantine_contradictions(entries).await {
            Ok(()) => {}
            Err(Problem::Store(error)) => return Err(error),
            Err(Problem::NotBelieved(problem)) => return Ok(Applied::NotBelieved(problem)),
        }
        let (outcome, result) = work.apply().await?;
        let row = polls::insert(&mut tx, poll, sent, outcome, Some(moment), &result.as_ref()).await?;
        notify(&mut tx, &row).await?;
        tx.commit().await?;
        Ok(Applied::Logged(row))
    }
}

enum Applied {
    Logged(PollRow),
    NotBelieved(String),
}

enum Problem {
    Store(StoreError),
    NotBelieved(String),
}

/// The counts of a poll, owning its message.
#[derive(Default)]
struct Counts {
    result: PollResult<'static>,
    error: Option<String>,
}

impl Counts {
    fn as_ref(&self) -> PollResult<'_> {
        PollResult {
            listed_sha256: self.result.listed_sha256.clone(),
            error: self.error.as_deref(),
            ..self.result
        }
    }
}

/// Polls of one cycle take turns from here on. Returns the transaction's moment.
pub(super) async fn lock_cycle(
    connection: &mut PgConnection,
    poll: &Poll,
) -> Result<DateTime<Utc>, StoreError> {
    let doing = "waiting for the cycle's turn";
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('lmp_billing cycle ' || $2::text || ' ' || $1::text, 0))",
        poll.account,
        poll.cycle.to_string()
    )
    .execute(&mut *connection)
    .await
    .map_err(StoreError::doing(doing))?;
    // A statement of its own: what was committed before the lock came free must be seen.
    sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#)
        .fetch_one(connection)
        .await
        .map_err(StoreError::doing(doing))
}

/// The number of the cycle's last believed poll.
async fn last_believed(connection: &mut PgConnection, poll: &Poll) -> Result<Option<i64>, StoreError> {
    sqlx::query_scalar!(
        "select id from lmp_billing.cycle_polls
         where account = $1 and cycle = $2 and outcome in ('applied', 'unchanged')
         order by id desc limit 1",
        poll.account,
        poll.cycle.first_day()
    )
    .fetch_optional(connection)
    .await
    .map_err(StoreError::doing("looking for the cycle's last poll"))
}

/// The last polls of the cycle that matter to this one.
struct Before {
    /// The last believed one.
    last: i64,
    /// The last that certainly saw every listed report, and its time.
    seen: Option<(i64, DateTime<Utc>)>,
}

/// A transaction with the answer staged.
struct Work<'a> {
    tx: &'a mut PgConnection,
    poll: &'a Poll,
    guard: &'a Guard,
    staged: Staged,
    moment: DateTime<Utc>,
}

impl Work<'_> {
    async fn apply(&mut self) -> Result<(Outcome, Counts), StoreError> {
        let before = self.before().await?;
        let bad = self.count_bad().await?;
        let mut counts = Counts::default();
        counts.result.quarantined = bad;
        counts.result.unreadable = int(self.staged.unreadable);
        counts.result.reports_seen = self.count_good().await?;
        if before.last > self.poll.id {
            return Ok((Outcome::Stale, counts));
        }
        if counts.result.reports_seen == 0 && self.staged.entries > 0 {
            self.store_quarantine(false).await?;
            counts.error = Some(format!(
                "none of the {} entries of the answer can be a report; see quarantined_reports for the reasons",
                self.staged.entries
            ));
            return Ok((Outcome::Failed, counts));
        }
        self.diff().await?;
        if let Some(problem) = self.suspicion(&mut counts).await? {
            self.store_quarantine(false).await?;
            counts.error = Some(problem);
            return Ok((Outcome::Suspect, counts));
        }
        if self.staged.unknown_status {
            self.run(include_str!("add_statuses.sql"), "adding statuses", |query| query).await?;
        }
        self.write(&before, &mut counts).await?;
        self.store_quarantine(true).await?;
        let PollResult { inserted, updated, withdrawn, .. } = counts.result;
        let changed = inserted + updated + withdrawn > 0;
        Ok((if changed { Outcome::Applied } else { Outcome::Unchanged }, counts))
    }

    async fn before(&mut self) -> Result<Before, StoreError> {
        let doing = "looking for the cycle's last poll";
        let cycle = self.poll.cycle.first_day();
        let last = last_believed(self.tx, self.poll).await?;
        // At the edge, or with unreadable entries, a report that was not listed was not seen either.
        let seen = sqlx::query!(
            r#"select id, requested_at as "requested_at!" from lmp_billing.cycle_polls
               where account = $1 and cycle = $2 and outcome in ('applied', 'unchanged')
                 and unreadable = 0 and http_status = 200 and requested_at is not null
               order by id desc limit 1"#,
            self.poll.account,
            cycle
        )
        .fetch_optional(&mut *self.tx)
        .await
        .map_err(StoreError::doing(doing))?
        .filter(|_| !self.guard.is_edge)
        .map(|row| (row.id, row.requested_at));
        Ok(Before { last: last.unwrap_or_default(), seen })
    }

    async fn spell_statuses(&mut self) -> Result<(), StoreError> {
        if self.staged.unknown_status {
            self.run(include_str!("spell_statuses.sql"), "spelling statuses", |query| query).await?;
        }
        Ok(())
    }

    async fn diff(&mut self) -> Result<(), StoreError> {
        let may_withdraw = !self.guard.is_edge && self.staged.unreadable == 0;
        let (account, cycle, cutoff) =
            (self.poll.account.clone(), self.poll.cycle.first_day(), self.guard.cutoff);
        self.run(include_str!("diff.sql"), "comparing the answer with what is stored", |query| {
            query.bind(account).bind(cycle).bind(cutoff).bind(may_withdraw)
        })
        .await?;
        Ok(())
    }

    async fn write(&mut self, before: &Before, counts: &mut Counts) -> Result<(), StoreError> {
        let (account, cycle) = (self.poll.account.clone(), self.poll.cycle.first_day());
        let (poll, moment) = (self.poll.id, self.moment);
        let (seen_id, seen_at) = before.seen.unzip();
        let updated = self
            .run(include_str!("change.sql"), "writing changed reports", |query| {
                query.bind(account.clone()).bind(cycle).bind(poll).bind(moment).bind(seen_id).bind(seen_at)
            })
            .await?;
        let inserted = self
            .run(include_str!("insert.sql"), "writing new reports", |query| {
                query.bind(account.clone()).bind(cycle).bind(poll).bind(moment).bind(seen_at)
            })
            .await?;
        let withdrawn = self
            .run(include_str!("withdraw.sql"), "marking reports that are no longer listed", |query| {
                query.bind(account.clone()).bind(cycle).bind(poll).bind(moment)
            })
            .await?;
        (counts.result.inserted, counts.result.updated, counts.result.withdrawn) =
            (int(inserted), int(updated), int(withdrawn));
        Ok(())
    }

    /// Runs a statement on the temporary tables, which cannot be checked when the program is compiled.
    async fn run(
        &mut self,
        sql: &'static str,
        doing: &'static str,
        bind: impl FnOnce(Query) -> Query,
    ) -> Result<u64, StoreError> {
        let done = bind(sqlx::query(sql)).execute(&mut *self.tx).await.map_err(StoreError::doing(doing))?;
        Ok(done.rows_affected())
    }
}

type Query = sqlx::query::Query<'static, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// Tells listeners about a poll that changed something.
async fn notify(connection: &mut PgConnection, row: &PollRow) -> Result<(), StoreError> {
    if row.outcome != Outcome::Applied {
        return Ok(());
    }
    let payload = serde_json::json!({
        "poll_id": row.id,
        "account": row.account,
        "cycle": row.cycle,
        "inserted": row.inserted,
        "updated": row.updated,
        "withdrawn": row.withdrawn,
    });
    sqlx::query!("select pg_notify('lmp_billing_changes', $1)", payload.to_string())
        .execute(connection)
        .await
        .map_err(StoreError::doing("notifying listeners"))?;
    Ok(())
}

/// Counts fit: an answer has fewer than 2^31 entries, its positions being numbered so.
fn int(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}
