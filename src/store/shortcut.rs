//! Answers that need not be read: identical byte for byte to the last believed one.

use super::polls::{self, Outcome, Poll, PollResult, PollRow, Sent};
use super::turn::{TakenTurn, take_turn};
use super::{Store, StoreError};

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
        let _slot = self.slot_to_apply().await;
        self.with_retries(doing, self.limits.small, || async {
            let mut tx = self.begin_poll_tx().await?;
            let turn = match take_turn(&mut tx, poll).await? {
                TakenTurn::Now(turn) => turn,
                TakenTurn::Before(row) => return Ok(Some(row)),
            };
            // That no poll of the account has written anything since, which is what mostly is, the log tells at
            // once. The rest is asked for only where one has: planning it takes longer than all else that a
            // refresh does for a cycle. One of this cycle that was not believed may have quarantined entries that
            // are to be resolved now.
            let last = sqlx::query!(
                r#"select last.*,
                          exists (
                              select from lmp_billing.cycle_polls
                              where account = $1 and inserted + updated + withdrawn > 0
                                and id <> last.id
                                and (id > last.id
                                     -- not one of another server, from which this database has been restored
                                     or transaction >=
                                            coalesce(pg_snapshot_xmin(last.saw::pg_snapshot)::text::bigint, 0)
                                        and transaction < pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
                          ) as "written!",
                          exists (
                              select from lmp_billing.cycle_polls
                              where id > last.id and account = $1 and cycle = $2 and quarantined > 0
                          ) as "quarantined_since!"
                   from (
                       select id, body_bytes, body_sha256, program_version, reports_seen, quarantined, unreadable,
                              overtaken, saw
                       from lmp_billing.cycle_polls
                       where account = $1 and cycle = $2 and outcome in ('applied', 'unchanged')
                       order by id desc
                       limit 1
                   ) last"#,
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
                    && !last.quarantined_since
            });
            let unwritten = match same {
                // Mostly no poll of the account has written anything since, which the log tells at once.
                Some(last) if !last.written || !written_since(&mut tx, poll, last.id, last.saw.as_deref()).await? => last,
                // What most refreshes of an open cycle come to: not worth a new connection each.
                _ => return tx.rollback().await.map(|()| None),
            };
            let result = PollResult {
                reports_seen: unwritten.reports_seen,
                quarantined: unwritten.quarantined,
                unreadable: unwritten.unreadable,
                ..PollResult::default()
            };
            let row = polls::insert(&mut tx, poll, sent, Outcome::Unchanged, Some(turn), &result).await?;
            tx.commit().await?;
            Ok(Some(row))
        })
        .await
    }
}

/// Whether other polls leave something to be done that the cycle's last one did not see: one of another
/// cycle has changed a report that this one lists, or withdrawn any (which this cycle may still list).
///
/// A poll with a smaller number may have been applied later, or at the same time; so those count whose
/// transaction may not have been over when the last one looked. What this cycle lists is stored under it, or,
/// if its dates reach into several months, perhaps under another one.
async fn written_since(
    connection: &mut sqlx::PgConnection,
    poll: &Poll,
    last: i64,
    saw: Option<&str>,
) -> Result<bool, StoreError> {
    sqlx::query_scalar!(
        r#"with since as materialized (
               select id, withdrawn, finished_at from lmp_billing.cycle_polls
               where account = $1 and inserted + updated + withdrawn > 0
                 and id <> $3
                 and (id > $3
                      -- not one of another server, from which this database has been restored
                      or transaction >= coalesce(pg_snapshot_xmin($4::text::pg_snapshot)::text::bigint, 0)
                         and transaction < pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
           )
           select exists (
               select from since where withdrawn > 0
           ) or exists (
               select from lmp_billing.superseded_versions
               where account = $1 and cycle = $2 and next_poll_id in (select id from since)
           ) or exists (
               select from lmp_billing.superseded_versions
               where account = $1 and valid_to >= (select min(finished_at) from since)
                 and (start_date < cycle or end_date >= cycle + interval '1 month')
                 and start_date < ($2::date + interval '1 month')::date and end_date >= $2
                 and next_poll_id in (select id from since)
           ) or exists (
               -- deleted by hand, and found again by another month
               select from lmp_billing.superseded_versions s
               join lmp_billing.reports r on r.id = s.id and r.account = s.account
               where s.account = $1 and s.next_valid_from is null
                 and s.start_date < ($2::date + interval '1 month')::date and s.end_date >= $2
                 and r.poll_id in (select id from since)
           ) as "written!""#,
        poll.account,
        poll.cycle.first_day(),
        last,
        saw
    )
    .fetch_one(connection)
    .await
    .map_err(StoreError::doing("looking for later writes"))
}
