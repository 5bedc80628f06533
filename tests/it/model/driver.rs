//! Drives a history against the store, step by step, and the reference beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use lmp_billing_sync::clock::SystemClock;
use lmp_billing_sync::domain::{Cycle, Retention};
use lmp_billing_sync::lmp::Body;
use lmp_billing_sync::prune::{MAX_BATCH, Pruning};
use lmp_billing_sync::store::{
    Guard, Job, NewRun, Outcome, Poll, PollRow, RunOutcome, Sent, Store, StoreError, Trigger,
};
use lmp_billing_sync::sync::AnswerEntries;
use sqlx::{AssertSqlSafe, PgConnection};
use tokio_util::sync::CancellationToken;

use super::answers::{IGNORED, Listed};
use super::budget::polled_at_most;
use super::history::{Broken, History, How, Of, Step};
use crate::checker::Pruned;
use crate::checker::reference::{self, Facts, Key, Reference, Rules, Verdict};

/// The accounts of every history.
pub(super) const ACCOUNTS: [&str; 2] = ["emea", "apac"];

/// What is wrong.
pub(super) type Wrong = String;

/// A history under way.
pub(super) struct Driver<'a> {
    pub(super) store: &'a Store,
    /// A connection that no crash closes: what it asks is long, and planned once.
    pub(super) checking: &'a mut PgConnection,
    pub(super) reference: Reference,
    pub(super) cycles: [Cycle; 3],
    pub(super) today: NaiveDate,
    retention: Retention,
    listed: BTreeMap<(usize, usize), Listed>,
    waiting: Vec<Waiting>,
    runs: [Option<Run>; 2],
    /// Cycles in which somebody has changed a row since they were last compared wholly.
    pub(super) by_hand: Vec<(usize, NaiveDate)>,
    pub(super) pruned: Pruned,
    pub(super) cutoff: Option<(NaiveDate, DateTime<Utc>)>,
    pub(super) clock_went_back: bool,
    /// What was listed at some moments.
    pub(super) samples: Vec<(DateTime<Utc>, BTreeMap<Key, Facts>)>,
}

/// An answer that has come and is not applied yet.
#[derive(Clone)]
struct Waiting {
    of: Of,
    poll: Poll,
    body: Vec<u8>,
    refused: bool,
}

/// A run under way.
struct Run {
    id: i64,
    polls: u32,
    failed: u32,
}

impl<'a> Driver<'a> {
    pub(super) async fn new(
        store: &'a Store,
        checking: &'a mut PgConnection,
        history: &History,
    ) -> Result<Self, Wrong> {
        let rules = Rules {
            retention_months: history.retention.cast_signed(),
            ignore_fields: [IGNORED.to_owned()].into(),
            ..Rules::default()
        };
        let today = rules.today(store.now().await.map_err(words)?);
        Ok(Self {
            store,
            checking,
            reference: Reference::new(rules),
            cycles: history.cycles.map(|back| Cycle::containing(today).back(back)),
            today,
            retention: Retention { months: history.retention },
            listed: BTreeMap::new(),
            waiting: Vec::new(),
            runs: [None, None],
            by_hand: Vec::new(),
            pruned: Pruned::Never,
            cutoff: None,
            clock_went_back: false,
            samples: Vec::new(),
        })
    }

    pub(super) async fn step(&mut self, step: &Step) -> Result<(), Wrong> {
        if self.pruned == Pruned::Just {
            self.pruned = Pruned::Before;
        }
        match step {
            Step::Poll { of, edits, how } => {
                self.listed.entry((of.account, of.cycle)).or_default().edit(edits);
                let waiting = self.ask(*of, None).await?;
                self.deliver(waiting, *how).await?;
            }
            Step::Ask { of, edits } => {
                self.listed.entry((of.account, of.cycle)).or_default().edit(edits);
                let waiting = self.ask(*of, None).await?;
                self.waiting.push(waiting);
            }
            Step::Deliver { which, how } => {
                if !self.waiting.is_empty() {
                    let waiting = self.waiting.remove(which % self.waiting.len());
                    self.deliver(waiting, *how).await?;
                }
            }
            Step::Fail { of, with } => {
                let waiting = self.ask(*of, Some(*with)).await?;
                let how = How { refresh: true, accept: true, crash: None, twice: false };
                self.deliver(waiting, how).await?;
            }
            Step::Clock(minutes) => self.set_clock(TimeDelta::minutes(*minutes)).await?,
            Step::EditByHand { account, id, what } => self.edit_by_hand(*account, *id, *what).await?,
            Step::DeleteByHand { account, id } => self.delete_by_hand(*account, *id).await?,
            Step::Prune => self.prune().await?,
            Step::Restart { orderly } => self.restart(*orderly).await?,
        }
        self.sample().await
    }

    /// Draws a poll's number, and has the vendor answer.
    async fn ask(&mut self, of: Of, broken: Option<Broken>) -> Result<Waiting, Wrong> {
        let cycle = self.cycles[of.cycle];
        let run = self.run(of.account).await?;
        let poll = self.store.draw_poll(run, ACCOUNTS[of.account], cycle).await.map_err(words)?;
        let listed = self.listed.entry((of.account, of.cycle)).or_default();
        let body = match broken {
            None => listed.body(cycle.first_day(), self.today),
            Some(broken) => listed.broken(broken, cycle.first_day(), self.today),
        };
        Ok(Waiting { of, poll, body, refused: matches!(broken, Some(Broken::Refused)) })
    }

    async fn run(&mut self, account: usize) -> Result<i64, Wrong> {
        if let Some(run) = &self.runs[account] {
            return Ok(run.id);
        }
        let (job, trigger) = (Job::Manual, Trigger::Cli);
        let new = NewRun { job, trigger, account: ACCOUNTS[account], instance: "model" };
        let id = self.store.start_run(new).await.map_err(words)?.id;
        self.runs[account] = Some(Run { id, polls: 0, failed: 0 });
        Ok(id)
    }

    /// Applies an answer, perhaps crashing, and holds what it came to against the reference.
    async fn deliver(&mut self, waiting: Waiting, how: How) -> Result<(), Wrong> {
        let alive = self.runs[waiting.of.account].as_ref().map(|run| run.id) == Some(waiting.poll.run_id);
        let applied = match how.crash {
            None => Some(self.apply(&waiting, how).await),
            Some(polls) => polled_at_most(polls, self.apply(&waiting, how)).await,
        };
        let (row, unread) = match applied {
            Some(Ok(applied)) => applied,
            Some(Err(StoreError::RunEnded(_))) if !alive => return self.left_nothing(&waiting).await,
            Some(Err(error)) => return Err(format!("poll {}: {error}", waiting.poll.id)),
            None => {
                // The process is gone, with all that waited; only the database knows how far it got.
                self.waiting.clear();
                self.runs = [None, None];
                match self.settled(&waiting).await? {
                    None => return Ok(()),
                    Some(row) => {
                        let sha256 = Body::from(waiting.body.clone()).sha256();
                        let cycle = waiting.poll.cycle.first_day();
                        let unread = how.refresh
                            && row.outcome == Outcome::Unchanged
                            && self.reference.is_repeated(&row.account, cycle, &sha256);
                        (row, unread)
                    }
                }
            }
        };
        if !alive {
            return Err(format!("poll {} was applied for a run that was over", waiting.poll.id));
        }
        if let Some(run) = &mut self.runs[waiting.of.account] {
            run.polls += 1;
            run.failed += u32::from(row.outcome.is_failure());
        }
        self.compare(&waiting, how, &row, unread)?;
        if how.twice && how.crash.is_none() {
            let again = self.apply(&waiting, How { refresh: false, ..how }).await.map_err(words)?.0;
            if again != row {
                return Err(format!("applied again, poll {} came to {again:?}, before to {row:?}", row.id));
            }
        }
        Ok(())
    }

    /// As `sync::poll` does it. Says whether the answer was not read.
    async fn apply(&self, waiting: &Waiting, how: How) -> Result<(PollRow, bool), StoreError> {
        let Waiting { poll, .. } = waiting;
        let today = poll.drawn_at.date_naive();
        let guard = Guard {
            cutoff: self.retention.cutoff(today),
            is_edge: self.retention.window(today).is_edge(poll.cycle),
            max_withdrawn_fraction: 0.5,
            believe_after: std::time::Duration::from_hours(24),
            accept_withdrawals: how.accept,
        };
        let body = Body::from(waiting.body.clone());
        let length = i64::try_from(body.size()).expect("a short answer");
        let mut sent =
            Sent { http_status: Some(200), attempts: 1, read_by: "model".to_owned(), ..Sent::default() };
        if waiting.refused {
            sent.http_status = Some(400);
            return Ok((
                if guard.is_edge {
                    self.store.confirm_unchanged(poll, &sent, &guard).await?
                } else {
                    self.store.record_poll(poll, &sent, Outcome::Failed, "refused").await?
                },
                false,
            ));
        }
        sent.body = Some((length, body.sha256()));
        if how.refresh
            && let Some(row) = self.store.confirm_identical(poll, &sent).await?
        {
            return Ok((row, true));
        }
        let ignored = Arc::new([IGNORED.to_owned()].into());
        let entries = Arc::new(AnswerEntries::new(body, poll.cycle, ignored).likely_new(poll.id % 2 == 0));
        Ok((self.store.apply_poll(poll, &sent, &guard, entries).await?, false))
    }

    /// Waits until nobody works on the poll any more; returns its row, if it has one.
    async fn settled(&self, waiting: &Waiting) -> Result<Option<PollRow>, Wrong> {
        // The lock that the transaction held: it has got it before it could commit.
        let lock = format!(
            "select pg_advisory_xact_lock(hashtextextended('lmp_billing cycle ' || '{}' || ' ' || '{}', 0))",
            waiting.poll.cycle, waiting.poll.account
        );
        self.execute(&lock).await?;
        let later = self.store.polls_after(waiting.poll.id - 1).await.map_err(words)?;
        Ok(later.into_iter().find(|row| row.id == waiting.poll.id))
    }

    async fn left_nothing(&self, waiting: &Waiting) -> Result<(), Wrong> {
        match self.settled(waiting).await? {
            None => Ok(()),
            Some(row) => Err(format!("a run that was over has logged {row:?}")),
        }
    }

    fn compare(&mut self, waiting: &Waiting, how: How, row: &PollRow, unread: bool) -> Result<(), Wrong> {
        let cycle = waiting.poll.cycle.first_day();
        let poll = reference::Poll {
            id: waiting.poll.id,
            account: ACCOUNTS[waiting.of.account],
            cycle,
            requested_at: waiting.poll.drawn_at,
            moment: row.finished_at,
            accept: how.accept,
            body: &waiting.body,
        };
        let touched = self.by_hand.contains(&(waiting.of.account, cycle));
        if unread && touched {
            // What somebody did is mended by the next full comparison, not by this.
            self.reference.not_read(&poll);
            return Ok(());
        }
        if !waiting.refused && ["applied", "unchanged"].contains(&row.outcome.as_str()) {
            self.by_hand.retain(|place| *place != (waiting.of.account, cycle));
        }
        let edge = self.retention.window(poll.requested_at.date_naive()).is_edge(waiting.poll.cycle);
        let right = if waiting.refused && edge {
            self.reference.refused_at_edge(&poll)
        } else {
            self.reference.apply(&poll)
        };
        let count = |count: i32| usize::try_from(count).unwrap_or(usize::MAX);
        let came_to = Verdict {
            outcome: row.outcome.as_str(),
            seen: count(row.reports_seen),
            inserted: count(row.inserted),
            updated: count(row.updated),
            withdrawn: count(row.withdrawn),
            quarantined: count(row.quarantined),
        };
        if came_to == right {
            return Ok(());
        }
        let body = String::from_utf8_lossy(&waiting.body);
        Err(format!(
            "poll {} of {cycle} came to {came_to:?} (unread: {unread}), right is {right:?}: {body}",
            row.id
        ))
    }

    async fn prune(&mut self) -> Result<(), Wrong> {
        let pruning = Pruning {
            store: self.store,
            clock: &SystemClock,
            retention: self.retention,
            timezone: Tz::UTC,
            max_fraction: 1.0,
            force: true,
            max_batch: MAX_BATCH,
            patience: &[],
        };
        let pruned = pruning.run(Trigger::Cli, "model", &CancellationToken::new()).await.map_err(words)?;
        let day = self.reference.rules.cutoff(self.today);
        if pruned.cutoff != day || pruned.outcome != RunOutcome::Succeeded {
            return Err(format!("the prune came to {pruned:?}, the right cutoff is {day}"));
        }
        let moment = day.and_time(chrono::NaiveTime::MIN).and_utc();
        self.reference.prune(day, moment);
        self.pruned = Pruned::Just;
        self.cutoff = Some((day, moment));
        let kept: Vec<i64> = sqlx::query_scalar("select id from lmp_billing.cycle_polls order by id")
            .fetch_all(self.store.pool())
            .await
            .map_err(words)?;
        let mut right: Vec<i64> = self.reference.log.iter().map(|poll| poll.id).collect();
        right.sort_unstable();
        if kept != right {
            return Err(format!("the prune kept the polls {kept:?}, right are {right:?}"));
        }
        self.at_rest().await
    }

    /// Ends all runs: in good order, or so that others have to find them dead.
    async fn restart(&mut self, orderly: bool) -> Result<(), Wrong> {
        for run in std::mem::take(&mut self.runs).into_iter().flatten() {
            if orderly {
                let (outcome, error) = match run.failed {
                    0 => (RunOutcome::Succeeded, None),
                    failed if failed == run.polls => (RunOutcome::Failed, Some("all of them")),
                    _ => (RunOutcome::Partial, Some("some of them")),
                };
                self.store.finish_run(run.id, outcome, error).await.map_err(words)?;
            } else {
                self.execute(
                    "update lmp_billing.sync_runs set lease_renewed_at = lease_renewed_at - interval '3 minutes'
                     where outcome = 'running'",
                )
                .await?;
                self.store.interrupt_dead_runs().await.map_err(words)?;
            }
        }
        Ok(())
    }

    pub(super) async fn execute(&self, sql: &str) -> Result<(), Wrong> {
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(self.store.pool()).await;
        done.map(drop).map_err(|error| format!("{sql}: {error}"))
    }
}

pub(super) fn words(error: impl std::fmt::Display) -> Wrong {
    error.to_string()
}
