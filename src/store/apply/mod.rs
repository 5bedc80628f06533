//! Applies an answer: all or nothing, in one transaction, writing only what changed.
//!
//! The answer is first read once without the database: whether it is whole, and what is in it. Then,
//! in a transaction and when it is the cycle's turn, the cheapest way that is right is taken:
//!
//! | what is stored of the cycle | way |
//! |---|---|
//! | nothing, and nothing ever was | the reports are copied straight into the table ([`load`]) |
//! | exactly what is listed | nothing is written ([`compare`]) |
//! | anything else | the entries are copied into a temporary table and compared there ([`difference`]) |
//!
//! The last way is always right. The others are taken only if all entries are plain: reports, each once and
//! within retention; the first also only if all their statuses are known.
//!
//! Polls of one cycle take turns, and come in the order of their numbers; an answer to an older poll than
//! the last one believed is discarded.

mod compare;
mod copy;
mod difference;
mod entries;
mod fingerprint;
mod guard;
mod kept;
mod load;
mod quarantine;
mod stage;
mod survey;

pub use entries::{Contradicting, Entries, EntriesError, EntrySink};
pub use guard::Guard;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::polls::{self, Outcome, Poll, PollResult, PollRow, Sent};
use super::turn::{TakenTurn, take_turn};
use super::{Store, StoreError};
use crate::task::shared_out;
use survey::{MAX_PAYLOADS, Survey, survey};

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
        let (store, poll, sent, guard) = (self.clone(), poll.clone(), sent.clone(), *guard);
        shared_out(async move { store.apply_answer(&poll, &sent, &guard, entries).await }).await
    }

    async fn apply_answer(
        &self,
        poll: &Poll,
        sent: &Sent,
        guard: &Guard,
        entries: Arc<dyn Entries>,
    ) -> Result<PollRow, StoreError> {
        let applied = async {
            let survey = survey(Arc::clone(&entries), guard.cutoff).await?;
            let _slot = self.slot_to_apply().await;
            let answer = Incoming { poll, sent, guard, survey, entries, may_load: AtomicBool::new(true) };
            self.with_retries("applying an answer", self.limits.apply, || self.try_apply(&answer)).await
        };
        match applied.await {
            Err(StoreError::NotBelieved(why)) => self.record_poll(poll, sent, Outcome::Failed, &why).await,
            done => done,
        }
    }

    /// Logs a poll whose refusal proves nothing, at the edge of what the vendor keeps, as `unchanged`; in
    /// its turn, like an answer.
    ///
    /// # Errors
    /// When the run is over, or the database stays out of reach.
    pub async fn confirm_unchanged(
        &self,
        poll: &Poll,
        sent: &Sent,
        guard: &Guard,
    ) -> Result<PollRow, StoreError> {
        let _slot = self.slot_to_apply().await;
        self.with_retries("logging a poll", self.limits.small, || async {
            let mut tx = self.begin_poll_tx().await?;
            let turn = match take_turn(&mut tx, poll).await? {
                TakenTurn::Now(turn) => turn,
                TakenTurn::Before(row) => return Ok(row),
            };
            let stale = before(&mut tx, poll, guard).await?.last > poll.id;
            let outcome = if stale { Outcome::Stale } else { Outcome::Unchanged };
            let row = polls::insert(&mut tx, poll, sent, outcome, Some(turn), &PollResult::default()).await?;
            tx.commit().await?;
            Ok(row)
        })
        .await
    }

    async fn try_apply(&self, answer: &Incoming<'_>) -> Result<PollRow, StoreError> {
        let Incoming { poll, sent, survey, .. } = answer;
        let mut tx = self.begin_poll_tx().await?;
        let turn = match take_turn(&mut tx, poll).await? {
            TakenTurn::Now(turn) => turn,
            TakenTurn::Before(row) => return Ok(row),
        };
        let before = before(&mut tx, poll, answer.guard).await?;
        let (outcome, counts) = if survey.is_plain() && before.last > poll.id {
            (Outcome::Stale, counted(survey))
        } else if survey.good > 0
            && survey.is_storable()
            && before.is_first()
            && answer.may_load.load(Ordering::Relaxed)
        {
            // Whatever stands in the way of it, the next try goes the way that is always right.
            answer.may_load.store(false, Ordering::Relaxed);
            let inserted = load::load(&mut tx, answer, turn.moment).await?;
            (Outcome::Applied, PollResult { inserted, ..counted(survey) })
        } else if survey.is_plain() && !before.open_quarantine && compare::is_stored(&mut tx, answer).await? {
            (Outcome::Unchanged, counted(survey))
        } else {
            difference::apply(&mut tx, answer, &before, turn.moment).await?
        };
        let row = polls::insert(&mut tx, poll, sent, outcome, Some(turn), &counts).await?;
        notify(&mut tx, &row).await?;
        tx.commit().await?;
        Ok(row)
    }
}

/// An answer on its way into the database.
struct Incoming<'a> {
    poll: &'a Poll,
    sent: &'a Sent,
    guard: &'a Guard,
    survey: Survey,
    entries: Arc<dyn Entries>,
    /// Whether the reports may be copied straight into their table; tried once.
    may_load: AtomicBool,
}

impl From<EntriesError> for StoreError {
    fn from(error: EntriesError) -> Self {
        match error {
            EntriesError::NotBelieved(why) => Self::NotBelieved(why),
            EntriesError::Closed => Self::Staging(error.to_string()),
        }
    }
}

/// What there was of the cycle before this poll.
struct Before {
    /// The number of the last believed poll.
    last: i64,
    /// The last that certainly saw every listed report, and its time.
    seen: Option<(i64, DateTime<Utc>)>,
    /// Whether any report is stored under the cycle.
    stored: bool,
    /// Whether an entry of it is in quarantine and not resolved.
    open_quarantine: bool,
}

impl Before {
    /// Whether nothing is known of the cycle.
    fn is_first(&self) -> bool {
        self.last == 0 && !self.stored && !self.open_quarantine
    }
}

async fn before(connection: &mut PgConnection, poll: &Poll, guard: &Guard) -> Result<Before, StoreError> {
    let row = sqlx::query!(
        r#"select (select id from lmp_billing.cycle_polls
                   where account = $1 and cycle = $2 and outcome in ('applied', 'unchanged')
                   order by id desc limit 1) as last,
                  exists (select from lmp_billing.reports where account = $1 and cycle = $2) as "stored!",
                  exists (select from lmp_billing.quarantined_reports
                          where account = $1 and cycle = $2 and resolved_at is null) as "open_quarantine!",
                  -- with unreadable entries, a report that was not listed was not seen either
                  seen.id as "seen_id?", seen.requested_at as "seen_at?"
           from (select) one
           left join lateral (
               select id, requested_at from lmp_billing.cycle_polls
               where account = $1 and cycle = $2 and outcome in ('applied', 'unchanged')
                 and unreadable = 0 and http_status = 200 and requested_at is not null
                 -- of more bad entries it is not known whose they were
                 and quarantined <= $3
               order by id desc limit 1) seen on true"#,
        poll.account,
        poll.cycle.first_day(),
        int(MAX_PAYLOADS)
    )
    .fetch_one(connection)
    .await
    .map_err(StoreError::doing("looking for what there is of the cycle"))?;
    Ok(Before {
        last: row.last.unwrap_or_default(),
        // At the edge absence proves nothing; nor where a listed report may have been past retention, and so
        // have been ignored.
        seen: row
            .seen_id
            .zip(row.seen_at)
            .filter(|_| !guard.is_edge && guard.cutoff <= poll.cycle.first_day()),
        stored: row.stored,
        open_quarantine: row.open_quarantine,
    })
}

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

/// What an answer comes to of which every entry is a report, each once.
fn counted(survey: &Survey) -> PollResult {
    PollResult { reports_seen: int(survey.good), ..PollResult::default() }
}

/// Counts fit: an answer has fewer than 2^31 entries, its positions being numbered so.
fn int(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}
