//! Who may write for a cycle: polls whose run is alive, one at a time.
//!
//! Every transaction of a poll begins here: it locks its run's row, shared, and stops unless the run is still running;
//! then it waits for its cycle's turn, an advisory lock that ends with the transaction.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;
use super::polls::{self, Poll, PollRow};

/// A cycle's turn, as a transaction has got it.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    /// The transaction's moment.
    pub(super) moment: DateTime<Utc>,
    /// Which transactions were over when it began to wait (a `pg_snapshot`): what they wrote is seen from here on, and
    /// what was over later may be.
    pub(super) saw: String,
}

/// What became of a poll's wish for its cycle's turn.
pub(super) enum TakenTurn {
    /// It has it.
    Now(Turn),
    /// It had it already, and has been logged: only the answer to its commit was lost.
    Before(PollRow),
}

/// Locks the run of a poll as [`lock_run`] does, and takes the cycle's turn: polls of one cycle wait for each
/// other from here on.
pub(super) async fn take_turn(connection: &mut PgConnection, poll: &Poll) -> Result<TakenTurn, StoreError> {
    // The run is locked first, because the turn depends on its row. The innermost subquery is evaluated before the
    // moment is, because what it calls has an effect. Later statements see what was committed before the lock came
    // free: each sees the moment of its own beginning.
    let taken = sqlx::query!(
        r#"select exists (select from lmp_billing.cycle_polls where id = $2) as "logged!",
                  turn.moment as "moment!", turn.saw as "saw!"
           from (select id from lmp_billing.sync_runs where id = $1 and outcome = 'running' for key share) run
           cross join lateral (
               select clock_timestamp() as moment, pg_current_snapshot()::text as saw
               from (select pg_advisory_xact_lock(
                         hashtextextended('lmp_billing cycle ' || $4::text || ' ' || $3::text, 0))
                     where run.id is not null) locked
           ) turn"#,
        poll.run_id,
        poll.id,
        poll.account,
        poll.cycle.to_string()
    )
    .fetch_optional(&mut *connection)
    .await
    .map_err(StoreError::doing("waiting for the cycle's turn"))?;
    let taken = taken.ok_or(StoreError::RunEnded(poll.run_id))?;
    let logged = if taken.logged { polls::find(connection, poll.id).await? } else { None };
    Ok(logged.map_or(TakenTurn::Now(Turn { moment: taken.moment, saw: taken.saw }), TakenTurn::Before))
}

/// Locks the run of a poll against being ended, and stops unless it is still running. Polls of one run may hold
/// this lock together, and its process may give signs of life meanwhile. Returns the poll's row, if it has been
/// written: after a commit whose answer was lost, this tells.
pub(super) async fn lock_run(
    connection: &mut PgConnection,
    poll: &Poll,
) -> Result<Option<PollRow>, StoreError> {
    let logged = sqlx::query_scalar!(
        r#"select exists (select from lmp_billing.cycle_polls where id = $2) as "logged!"
           from lmp_billing.sync_runs where id = $1 and outcome = 'running' for key share"#,
        poll.run_id,
        poll.id
    )
    .fetch_optional(&mut *connection)
    .await
    .map_err(StoreError::doing("locking the run"))?;
    match logged {
        None => Err(StoreError::RunEnded(poll.run_id)),
        Some(false) => Ok(None),
        Some(true) => polls::find(connection, poll.id).await,
    }
}
