//! Answers that list less than is stored: when to believe them.

use std::time::Duration;

use chrono::NaiveDate;

use super::difference::{Kinds, Staged};
use super::{PollResult, StoreError};

/// So many missing reports, or fewer, never make an answer suspect (unless it is empty).
const ALWAYS_WITHDRAWN: i64 = 5;

/// When to believe an answer that lists less than is stored.
#[derive(Clone, Copy, Debug)]
pub struct Guard {
    /// Reports that ended before this day are past retention.
    pub cutoff: NaiveDate,
    /// The cycle may have been dropped by the vendor in part: absence proves nothing.
    pub is_edge: bool,
    /// The share of a cycle's listed reports that may be withdrawn at once.
    pub max_withdrawn_fraction: f64,
    /// How long suspect answers must agree to be believed.
    pub believe_after: Duration,
    /// A person accepts the withdrawals.
    pub accept_withdrawals: bool,
}

impl Staged<'_> {
    /// Why the answer is not to be believed, if it is not.
    pub(super) async fn suspicion(
        &mut self,
        kinds: &Kinds,
        counts: &mut PollResult,
    ) -> Result<Option<String>, StoreError> {
        let doing = "counting what the answer no longer lists";
        let absent = kinds.no_longer_listed;
        if absent == 0 || self.guard.accept_withdrawals {
            return Ok(None);
        }
        let listed = sqlx::query_scalar!(
            r#"select count(*) as "count!" from lmp_billing.reports
               where account = $1 and cycle = $2 and withdrawn_at is null and end_date >= $3"#,
            self.poll.account,
            self.poll.cycle.first_day(),
            self.guard.cutoff
        )
        .fetch_one(&mut *self.tx)
        .await
        .map_err(StoreError::doing(doing))?;
        let empty = self.survey.entries() == 0;
        #[expect(clippy::cast_precision_loss, reason = "counts of reports are far below 2^52")]
        let too_many =
            absent > ALWAYS_WITHDRAWN && absent as f64 > self.guard.max_withdrawn_fraction * listed as f64;
        if !empty && !too_many {
            return Ok(None);
        }
        let digest: Vec<u8> = sqlx::query_scalar(
            "select sha256(coalesce(string_agg(uuid_send(id), '' order by id), ''))
             from (select distinct id from pg_temp.lmp_stage where id is not null) listed",
        )
        .fetch_one(&mut *self.tx)
        .await
        .map_err(StoreError::doing(doing))?;
        if self.has_agreed_long_enough(&digest).await? {
            tracing::warn!(
                cycle = %self.poll.cycle, account = self.poll.account, withdrawn = absent,
                "suspect answers have agreed for {:?}; believing them",
                self.guard.believe_after
            );
            return Ok(None);
        }
        counts.listed_sha256 = Some(digest);
        let what =
            if empty { "the answer is empty".to_owned() } else { format!("the answer lacks {absent}") };
        Ok(Some(format!(
            "{what}, but {listed} reports of {cycle} are stored as listed; nothing was changed. If the reports are \
             really gone: lmp-billing-sync sync --account {account} --cycle {cycle} --accept-withdrawals",
            cycle = self.poll.cycle,
            account = self.poll.account,
        )))
    }

    /// Whether every poll for long enough has been suspect and listed the same ids as this one.
    async fn has_agreed_long_enough(&mut self, digest: &[u8]) -> Result<bool, StoreError> {
        sqlx::query_scalar!(
            r#"with other as (
                   -- the last poll that came to anything else
                   select max(id) as id from lmp_billing.cycle_polls
                   where account = $1 and cycle = $2 and id < $3
                     and (outcome in ('applied', 'unchanged')
                          or outcome = 'suspect' and listed_sha256 is distinct from $4)
               )
               select exists (
                   select from lmp_billing.cycle_polls p, other
                   where p.account = $1 and p.cycle = $2 and p.id < $3 and p.id > coalesce(other.id, 0)
                     and p.outcome = 'suspect' and p.finished_at <= $5::timestamptz - make_interval(secs => $6)
               ) as "agreed!""#,
            self.poll.account,
            self.poll.cycle.first_day(),
            self.poll.id,
            digest,
            self.moment,
            self.guard.believe_after.as_secs_f64()
        )
        .fetch_one(&mut *self.tx)
        .await
        .map_err(StoreError::doing("looking for earlier suspect answers"))
    }
}
