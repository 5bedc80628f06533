//! An answer beside what is stored: the entries are staged, and what differs is written.
//!
//! 1. `stage.sql` makes the temporary tables, [`super::stage`] copies the entries into one.
//! 2. `spell_statuses.sql` gives known statuses their spelling; [`super::quarantine`] leaves doubles out and sets entries
//!    aside that contradict each other (`duplicates.sql`).
//! 3. `diff.sql` writes into the other table how each report differs.
//! 4. [`super::guard`] says whether that is to be believed. If not, only the quarantine is written.
//! 5. `add_statuses.sql`, `change.sql`, `insert.sql` and `withdraw.sql` write what differs; then comes the quarantine.
//!
//! What the numbers in the `.sql` files mean is said at their heads.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::{Executor, PgConnection};

use super::{Before, Guard, Incoming, Outcome, Poll, PollResult, StoreError, Survey, int, stage};
use crate::domain::Quarantined;

/// A transaction with the answer staged.
pub(super) struct Staged<'a> {
    pub(super) tx: &'a mut PgConnection,
    pub(super) poll: &'a Poll,
    pub(super) guard: &'a Guard,
    pub(super) survey: &'a Survey,
    pub(super) open_quarantine: bool,
    /// The first entries that contradict each other.
    pub(super) contradicting: Vec<(i32, Quarantined)>,
    pub(super) moment: DateTime<Utc>,
}

/// How many reports the answer changes, and how.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    new: i64,
    changed_or_returned: i64,
    pub(super) no_longer_listed: i64,
}

impl Kinds {
    fn all(&self) -> i64 {
        self.new + self.changed_or_returned + self.no_longer_listed
    }
}

/// Applies an answer, whatever it holds.
pub(super) async fn apply(
    tx: &mut PgConnection,
    answer: &Incoming<'_>,
    before: &Before,
    moment: DateTime<Utc>,
) -> Result<(Outcome, PollResult), StoreError> {
    tx.execute(include_str!("stage.sql")).await.map_err(StoreError::doing("creating the staging table"))?;
    stage::stage(tx, Arc::clone(&answer.entries)).await?;
    let mut work = Staged {
        tx,
        poll: answer.poll,
        guard: answer.guard,
        survey: &answer.survey,
        open_quarantine: before.open_quarantine,
        contradicting: Vec::new(),
        moment,
    };
    work.spell_statuses().await?;
    if answer.survey.doubles {
        work.quarantine_contradictions(&answer.entries).await?;
    }
    work.apply(before).await
}

impl Staged<'_> {
    async fn apply(&mut self, before: &Before) -> Result<(Outcome, PollResult), StoreError> {
        let (reports_seen, quarantined) = self.count().await?;
        let unreadable = int(self.survey.unreadable);
        let mut counts = PollResult { reports_seen, quarantined, unreadable, ..PollResult::default() };
        if before.last > self.poll.id {
            return Ok((Outcome::Stale, counts));
        }
        if counts.reports_seen == 0 && self.survey.entries() > 0 {
            self.store_quarantine(false).await?;
            counts.error = Some(format!(
                "none of the {} entries of the answer can be a report; see quarantined_reports for the reasons",
                self.survey.entries()
            ));
            return Ok((Outcome::Failed, counts));
        }
        let kinds = self.diff().await?;
        if let Some(problem) = self.suspicion(&kinds, &mut counts).await? {
            self.store_quarantine(false).await?;
            counts.error = Some(problem);
            return Ok((Outcome::Suspect, counts));
        }
        if self.survey.unknown_status {
            let cutoff = self.guard.cutoff;
            let added = self
                .run(include_str!("add_statuses.sql"), "adding statuses", |query| query.bind(cutoff))
                .await?;
            if added > 0 {
                tracing::warn!(
                    account = self.poll.account, cycle = %self.poll.cycle, added,
                    "LMP uses a status that is not documented; it is taken as not final, see report_statuses"
                );
            }
        }
        self.write(before, &kinds, &mut counts).await?;
        self.store_quarantine(true).await?;
        let changed = counts.inserted + counts.updated + counts.withdrawn > 0;
        Ok((if changed { Outcome::Applied } else { Outcome::Unchanged }, counts))
    }

    async fn spell_statuses(&mut self) -> Result<(), StoreError> {
        if self.survey.unknown_status {
            self.run(include_str!("spell_statuses.sql"), "spelling statuses", |query| query).await?;
        }
        Ok(())
    }

    async fn diff(&mut self) -> Result<Kinds, StoreError> {
        let may_withdraw = !self.guard.is_edge && self.survey.unreadable == 0;
        let (poll, cutoff) = (self.poll, self.guard.cutoff);
        self.run(include_str!("diff.sql"), "comparing the answer with what is stored", |query| {
            query.bind(&poll.account).bind(poll.cycle.first_day()).bind(cutoff).bind(may_withdraw)
        })
        .await?;
        let (new, changed_or_returned, no_longer_listed) = sqlx::query_as(
            "select count(*) filter (where kind = 'n'), count(*) filter (where kind in ('c', 'r')),
                    count(*) filter (where kind = 'w')
             from pg_temp.lmp_diff",
        )
        .fetch_one(&mut *self.tx)
        .await
        .map_err(StoreError::doing("counting what the answer changes"))?;
        Ok(Kinds { new, changed_or_returned, no_longer_listed })
    }

    async fn write(
        &mut self,
        before: &Before,
        kinds: &Kinds,
        counts: &mut PollResult,
    ) -> Result<(), StoreError> {
        let (poll, cycle, moment) = (self.poll, self.poll.cycle.first_day(), self.moment);
        let (seen_id, seen_at) = before.seen.unzip();
        if kinds.changed_or_returned > 0 {
            let updated = self
                .run(include_str!("change.sql"), "writing changed reports", |query| {
                    query
                        .bind(&poll.account)
                        .bind(cycle)
                        .bind(poll.id)
                        .bind(moment)
                        .bind(seen_id)
                        .bind(seen_at)
                })
                .await?;
            counts.updated = int(updated);
        }
        if kinds.new > 0 {
            let inserted = self
                .run(include_str!("insert.sql"), "writing new reports", |query| {
                    query.bind(&poll.account).bind(cycle).bind(poll.id).bind(moment).bind(seen_at)
                })
                .await?;
            counts.inserted = int(inserted);
        }
        if kinds.no_longer_listed > 0 {
            let withdrawn = self
                .run(include_str!("withdraw.sql"), "marking reports that are no longer listed", |query| {
                    query.bind(&poll.account).bind(cycle).bind(poll.id).bind(moment)
                })
                .await?;
            counts.withdrawn = int(withdrawn);
        }
        let written = counts.inserted + counts.updated + counts.withdrawn;
        counts.overtaken = int(kinds.all()) - written;
        Ok(())
    }

    /// Runs a statement on the temporary tables, which cannot be checked when the program is compiled.
    pub(super) async fn run<'q>(
        &mut self,
        sql: &'static str,
        doing: &'static str,
        bind: impl FnOnce(Query<'q>) -> Query<'q>,
    ) -> Result<u64, StoreError> {
        let done = bind(sqlx::query(sql)).execute(&mut *self.tx).await.map_err(StoreError::doing(doing))?;
        Ok(done.rows_affected())
    }
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;
