//! Answers that need not be read: identical byte for byte to the last believed one.

use super::apply::{Poll, Sent, lock_cycle};
use super::polls::{self, Outcome, PollResult, PollRow};
use super::{Store, StoreError, runs};
use crate::domain::Cycle;

impl Store {
    /// Logs a poll as `unchanged` without reading its answer, if that is sure: the last believed answer
    /// of the cycle had the same bytes, was read in the same way and written as a whole, and nothing of the
    /// cycle has been written since. Otherwise `None`, and the answer has to be read.
    ///
    /// # Errors
    /// When the run is over, or the database stays out of reach.
    pub async fn confirm_identical(&self, poll: &Poll, sent: &Sent) -> Result<Option<PollRow>, StoreError> {
        let doing = "comparing the answer with the last one";
        let Some((body_bytes, body_sha256)) = sent.body else { return Ok(None) };
        let _turn = self.turn_to_apply().await;
        self.with_retries(doing, self.limits.small, || async {
            let mut tx = self.begin_poll_tx().await?;
            runs::lock_running(&mut tx, poll.run_id).await?;
            if let Some(row) = polls::find(&mut tx, poll.id).await? {
                return Ok(Some(row));
            }
            let moment = lock_cycle(&mut tx, poll).await?;
            let last = sqlx::query!(
                "select id, body_bytes, body_sha256, program_version, reports_seen, quarantined, unreadable,
                        overtaken
                 from lmp_billing.cycle_polls
                 where account = $1 and cycle = $2 and outcome in ('applied', 'unchanged')
                 order by id desc limit 1",
                poll.account,
                poll.cycle.first_day()
            )
            .fetch_optional(&mut *tx)
            .await
            .map_err(StoreError::doing(doing))?;
            let same = last.filter(|last| {
                last.id < poll.id
                    && last.overtaken == 0
                    && last.body_bytes == Some(body_bytes)
                    && last.body_sha256.as_deref() == Some(&body_sha256[..])
                    && last.program_version == sent.read_by
            });
            let unwritten = match same {
                Some(last) if !written_since(&mut tx, &poll.account, poll.cycle, last.id).await? => last,
                // What most refreshes of an open cycle come to: not worth a new connection each.
                _ => return tx.rollback().await.map(|()| None),
            };
            let result = PollResult {
                reports_seen: unwritten.reports_seen,
                quarantined: unwritten.quarantined,
                unreadable: unwritten.unreadable,
                ..PollResult::default()
            };
            let row = polls::insert(&mut tx, poll, sent, Outcome::Unchanged, Some(moment), &result).await?;
            tx.commit().await?;
            Ok(Some(row))
        })
        .await
    }
}

/// Whether later polls leave something to be done: one of another cycle has written a report of this one,
/// moved one away, or withdrawn any (which this cycle may still list); or one of this cycle was not
/// believed and has quarantined entries that are to be resolved now.
async fn written_since(
    connection: &mut sqlx::PgConnection,
    account: &str,
    cycle: Cycle,
    poll: i64,
) -> Result<bool, StoreError> {
    // Mostly no poll of the account has written anything since, which the log tells at once; only else are
    // the cycle's reports looked through.
    sqlx::query_scalar!(
        r#"select case when exists (
               select from lmp_billing.cycle_polls
               where id > $3 and account = $1 and inserted + updated + withdrawn > 0
           ) then exists (
               select from lmp_billing.reports
               where account = $1 and cycle = $2 and greatest(poll_id, withdrawn_poll_id) > $3
           ) or exists (
               select from lmp_billing.superseded_versions s
               join lmp_billing.reports r on r.id = s.id and r.account = s.account
               where s.account = $1 and s.cycle = $2 and r.cycle <> $2 and r.poll_id > $3
           ) else false end or exists (
               select from lmp_billing.cycle_polls
               where id > $3 and account = $1
                 and case when cycle = $2 then quarantined > 0 else withdrawn > 0 end
           ) as "written!""#,
        account,
        cycle.first_day(),
        poll
    )
    .fetch_one(connection)
    .await
    .map_err(StoreError::doing("looking for later writes"))
}
