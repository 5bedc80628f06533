//! The log of polls: one row for each, written in the transaction that applies it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::turn::{Turn, lock_run};
use super::{Store, StoreError};
use crate::domain::Cycle;

/// What became of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Outcome {
    /// Something changed.
    Applied,
    /// Nothing did.
    Unchanged,
    /// A later poll had been applied already.
    Stale,
    /// The answer was not believed.
    Suspect,
    /// There was no usable answer.
    Failed,
    /// The program was told to stop.
    Interrupted,
}

impl Outcome {
    /// All there are.
    pub const ALL: [Self; 6] =
        [Self::Applied, Self::Unchanged, Self::Stale, Self::Suspect, Self::Failed, Self::Interrupted];

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::Stale => "stale",
            Self::Suspect => "suspect",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether the run has to tell about it as a failure.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Suspect | Self::Failed)
    }
}

/// A row of `cycle_polls`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the columns are described where they are: migrations/0003_comments.sql")]
pub struct PollRow {
    pub id: i64,
    pub run_id: i64,
    pub account: String,
    pub cycle: Cycle,
    pub requested_at: Option<DateTime<Utc>>,
    pub finished_at: DateTime<Utc>,
    pub outcome: Outcome,
    pub http_status: Option<i16>,
    pub trace_id: Option<Uuid>,
    pub server_date: Option<DateTime<Utc>>,
    pub reports_seen: i32,
    pub inserted: i32,
    pub updated: i32,
    pub withdrawn: i32,
    pub quarantined: i32,
    pub body_bytes: Option<i64>,
    pub body_sha256: Option<String>,
    pub error: Option<String>,
}

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
    /// When the number was drawn, right before the request.
    pub drawn_at: DateTime<Utc>,
    /// Whether there is a request: not where it would be denied like the one before.
    pub is_sent: bool,
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

/// What a poll's row says beside what [`Poll`] and [`Sent`] know.
#[derive(Debug, Default)]
pub(super) struct PollResult {
    pub(super) reports_seen: i32,
    pub(super) inserted: i32,
    pub(super) updated: i32,
    pub(super) withdrawn: i32,
    pub(super) quarantined: i32,
    pub(super) unreadable: i32,
    pub(super) overtaken: i32,
    pub(super) listed_sha256: Option<Vec<u8>>,
    pub(super) error: Option<String>,
}

impl Store {
    /// Draws the number of a poll that is about to be sent, and the moment.
    ///
    /// # Errors
    /// When the database stays out of reach.
    pub async fn draw_poll(&self, run_id: i64, account: &str, cycle: Cycle) -> Result<Poll, StoreError> {
        let doing = "drawing a poll's number";
        self.with_retries(doing, self.limits.small, || async {
            let drawn = self.ask("select nextval('lmp_billing.poll_ids'), clock_timestamp()", doing).await?;
            let id = drawn.try_get(0).map_err(StoreError::doing(doing))?;
            let drawn_at = drawn.try_get(1).map_err(StoreError::doing(doing))?;
            Ok(Poll { id, run_id, account: account.to_owned(), cycle, drawn_at, is_sent: true })
        })
        .await
    }

    /// Logs a poll that changed nothing because it brought nothing to apply.
    ///
    /// # Errors
    /// When the run is over, or the database stays out of reach.
    pub async fn record_poll(
        &self,
        poll: &Poll,
        sent: &Sent,
        outcome: Outcome,
        error: &str,
    ) -> Result<PollRow, StoreError> {
        self.with_retries("logging a poll", self.limits.small, || async {
            let mut tx = self.begin().await?;
            if let Some(row) = lock_run(&mut tx, poll).await? {
                return Ok(row);
            }
            let result = PollResult { error: Some(error.to_owned()), ..PollResult::default() };
            let row = insert(&mut tx, poll, sent, outcome, None, &result).await?;
            tx.commit().await?;
            Ok(row)
        })
        .await
    }

    /// The polls after one, in their order; not all at once if there are very many.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn polls_after(&self, id: i64) -> Result<Vec<PollRow>, StoreError> {
        self.read("reading the log of polls", |connection| {
            let rows = sqlx::query_as!(
                PollRow,
                r#"select id, run_id, account, cycle as "cycle: Cycle", requested_at, finished_at,
                          outcome as "outcome: Outcome", http_status, trace_id, server_date, reports_seen, inserted,
                          updated, withdrawn, quarantined, body_bytes, encode(body_sha256, 'hex') as body_sha256, error
                   from lmp_billing.cycle_polls where id > $1 order by id limit 1000"#,
                id
            );
            Box::pin(rows.fetch_all(connection))
        })
        .await
    }
}

pub(super) async fn find(connection: &mut PgConnection, id: i64) -> Result<Option<PollRow>, StoreError> {
    sqlx::query_as!(
        PollRow,
        r#"select id, run_id, account, cycle as "cycle: Cycle", requested_at, finished_at,
                  outcome as "outcome: Outcome", http_status, trace_id, server_date, reports_seen, inserted, updated,
                  withdrawn, quarantined, body_bytes, encode(body_sha256, 'hex') as body_sha256, error
           from lmp_billing.cycle_polls where id = $1"#,
        id
    )
    .fetch_optional(connection)
    .await
    .map_err(StoreError::doing("looking for a poll"))
}

pub(super) async fn insert(
    connection: &mut PgConnection,
    poll: &Poll,
    sent: &Sent,
    outcome: Outcome,
    turn: Option<Turn>,
    result: &PollResult,
) -> Result<PollRow, StoreError> {
    let (finished_at, saw) = turn.map(|turn| (turn.moment, turn.saw)).unzip();
    sqlx::query_as!(
        PollRow,
        r#"insert into lmp_billing.cycle_polls (
             id, run_id, account, cycle, requested_at, finished_at, outcome, http_status, trace_id, server_date,
             attempts, reports_seen, inserted, updated, withdrawn, quarantined, unreadable, overtaken, body_bytes,
             body_sha256, listed_sha256, program_version, error, saw)
         values ($1, $2, $3, $4, $5, coalesce($6, clock_timestamp()), $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
             $17, $18, $19, $20, $21, $22, $23, $24)
         returning id, run_id, account, cycle as "cycle: Cycle", requested_at, finished_at,
             outcome as "outcome: Outcome", http_status, trace_id, server_date, reports_seen, inserted, updated,
             withdrawn, quarantined, body_bytes,
                      encode(body_sha256, 'hex') as body_sha256, error"#,
        poll.id,
        poll.run_id,
        poll.account,
        poll.cycle.first_day(),
        poll.is_sent.then_some(poll.drawn_at),
        finished_at,
        outcome.as_str(),
        sent.http_status,
        sent.trace_id,
        sent.server_date,
        sent.attempts,
        result.reports_seen,
        result.inserted,
        result.updated,
        result.withdrawn,
        result.quarantined,
        result.unreadable,
        result.overtaken,
        sent.body.map(|body| body.0),
        sent.body.as_ref().map(|body| &body.1[..]),
        result.listed_sha256.as_deref(),
        sent.read_by,
        result.error.as_deref(),
        saw,
    )
    .fetch_one(connection)
    .await
    .map_err(StoreError::doing("logging a poll"))
}
