//! Entries that cannot be reports: judged, counted, kept once, and resolved when they are gone.

use std::sync::Arc;

use super::difference::Staged;
use super::{Contradicting, Entries, MAX_PAYLOADS, StoreError, int};
use crate::domain::Quarantined;

impl Staged<'_> {
    /// Leaves identical duplicates out, and quarantines entries that contradict each other.
    pub(super) async fn quarantine_contradictions(
        &mut self,
        entries: &Arc<dyn Entries>,
    ) -> Result<(), StoreError> {
        let doing = "looking for contradicting entries";
        let found: Vec<(i32, bool)> = sqlx::query_as(include_str!("duplicates.sql"))
            .fetch_all(&mut *self.tx)
            .await
            .map_err(StoreError::doing(doing))?;
        let positions = |conflicting| -> Vec<i32> {
            found.iter().filter(|(_, is)| *is == conflicting).map(|(position, _)| *position).collect()
        };
        let (identical, conflicting) = (positions(false), positions(true));
        if !identical.is_empty() {
            sqlx::query("delete from pg_temp.lmp_stage where position = any($1)")
                .bind(&identical)
                .execute(&mut *self.tx)
                .await
                .map_err(StoreError::doing("leaving identical entries out"))?;
        }
        if !conflicting.is_empty() {
            self.quarantine(Arc::clone(entries), conflicting).await?;
        }
        Ok(())
    }

    async fn quarantine(&mut self, entries: Arc<dyn Entries>, positions: Vec<i32>) -> Result<(), StoreError> {
        let room = MAX_PAYLOADS.saturating_sub(self.survey.bad.len());
        let read = tokio::task::spawn_blocking(move || entries.contradicting(&positions, room))
            .await
            .map_err(|panic| StoreError::Staging(panic.to_string()))?;
        let Contradicting { digests, kept } = read?;
        self.contradicting = kept;
        let (positions, digests): (Vec<i32>, Vec<[u8; 32]>) = digests.into_iter().unzip();
        sqlx::query(
            "update pg_temp.lmp_stage a
             set bad_sha256 = b.sha256, partner_company_name = null, start_date = null, end_date = null,
                 status = null, under_review_status = null, extra = null
             from unnest($1::int4[], $2::bytea[]) b (position, sha256)
             where a.position = b.position",
        )
        .bind(positions)
        .bind(digests)
        .execute(&mut *self.tx)
        .await
        .map_err(StoreError::doing("setting contradicting entries aside"))?;
        Ok(())
    }

    /// How many entries are good, each id once, and how many bad, identical ones once.
    pub(super) async fn count(&mut self) -> Result<(i32, i32), StoreError> {
        if self.survey.is_plain() {
            return Ok((int(self.survey.good), 0));
        }
        sqlx::query_as(
            "select (count(*) filter (where bad_sha256 is null))::int4, count(distinct bad_sha256)::int4
             from pg_temp.lmp_stage",
        )
        .fetch_one(&mut *self.tx)
        .await
        .map_err(StoreError::doing("counting entries"))
    }

    /// Keeps the bad entries of this answer; if it is believed, resolves those it no longer holds.
    pub(super) async fn store_quarantine(&mut self, believed: bool) -> Result<(), StoreError> {
        if self.survey.is_plain() && !self.open_quarantine {
            return Ok(());
        }
        let (poll, cycle, moment) = (self.poll, self.poll.cycle.first_day(), self.moment);
        self.run(include_str!("resolve_quarantine.sql"), "resolving quarantined entries", |query| {
            query.bind(&poll.account).bind(cycle).bind(moment).bind(believed)
        })
        .await?;
        let (positions, bad): (Vec<i32>, Vec<&Quarantined>) = self
            .survey
            .bad
            .iter()
            .chain(&self.contradicting)
            .map(|(position, entry)| (*position, entry))
            .unzip();
        if bad.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "insert into lmp_billing.quarantined_reports (
                 poll_id, account, cycle, position, report_id, reason, detail, payload, payload_sha256, first_seen_at)
             select distinct on (b.sha256) $1::int8, $2::text, $3::date, b.position, b.report_id, b.reason, b.detail,
                    b.payload, b.sha256, $4::timestamptz
             from unnest($5::int4[], $6::uuid[], $7::text[], $8::text[], $9::text[], $10::bytea[])
                  b (position, report_id, reason, detail, payload, sha256)
             where not exists (
                 select from lmp_billing.quarantined_reports q
                 where q.account = $2 and q.cycle = $3 and q.payload_sha256 = b.sha256)
             order by b.sha256, b.position",
            self.poll.id,
            self.poll.account,
            cycle,
            moment,
            &positions,
            &bad.iter().map(|entry| entry.id).collect::<Vec<_>>() as &[Option<uuid::Uuid>],
            &bad.iter().map(|entry| entry.reason.as_str()).collect::<Vec<_>>() as &[&str],
            &bad.iter().map(|entry| entry.detail.as_str()).collect::<Vec<_>>() as &[&str],
            &bad.iter().map(|entry| entry.payload.as_str()).collect::<Vec<_>>() as &[&str],
            &bad.iter().map(|entry| entry.sha256.to_vec()).collect::<Vec<_>>(),
        )
        .execute(&mut *self.tx)
        .await
        .map_err(StoreError::doing("keeping quarantined entries"))?;
        Ok(())
    }
}
