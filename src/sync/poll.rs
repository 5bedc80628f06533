//! One poll: one request for one account's one cycle, and applying its answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::entries::AnswerEntries;
use super::run::{AccountSync, RunState};
use crate::domain::Cycle;
use crate::lmp::{Answer, Exchange, Failure, LmpError};
use crate::run::stopped_for;
use crate::store::{Guard, Outcome, Poll, PollRow, Sent, StoreError};

/// How long an answer that is being applied may go on after the program was told to stop.
const GRACE: Duration = Duration::from_secs(6);

/// Rows of a larger answer would not be kept to their end: they take half as much as its JSON.
const WORTH_KEEPING: u64 = 2 << 20;

impl AccountSync<'_> {
    /// Polls one cycle; `None` if the run was stopped before.
    pub(super) async fn poll(&self, run: &RunState, cycle: Cycle) -> Result<Option<PollRow>, StoreError> {
        let asking = run.asking.acquire().await;
        if run.stop.is_cancelled() {
            return Ok(None);
        }
        let mut poll = self.store.draw_poll(run.id, self.account, cycle).await?;
        if run.denied.load(Ordering::Relaxed) {
            poll.is_sent = false;
            let reason = "not sent: LMP denied access to an earlier poll of this run";
            let row = self.log(&poll, &self.sent(&Exchange::default()), Outcome::Failed, reason).await?;
            return Ok(Some(row));
        }
        let answer = self.client.billing_summary(cycle, &run.stop).await;
        match &answer {
            Ok(answer) => (self.exchanged)(answer.exchange.took),
            Err(Failure { error: LmpError::Stopped, .. }) => {}
            Err(failure) => {
                run.denied.fetch_or(failure.error.is_denied(), Ordering::Relaxed);
                (self.exchanged)(failure.exchange.took);
            }
        }
        // Whoever asks next knows of a denial.
        drop(asking);
        match answer {
            Ok(answer) => self.apply(run, &poll, answer).await,
            Err(failure) => self.fail(run, &poll, failure).await,
        }
        .map(Some)
    }

    async fn apply(&self, run: &RunState, poll: &Poll, answer: Answer) -> Result<PollRow, StoreError> {
        let guard = self.guard(poll);
        let sent = Sent {
            body: Some((i64::try_from(answer.body.size()).unwrap_or(i64::MAX), answer.body.sha256())),
            ..self.sent(&answer.exchange)
        };
        let likely_new = run.all_new.load(Ordering::Relaxed) && answer.body.size() <= WORTH_KEEPING;
        let applying = async {
            if self.rules.trust_digests
                && let Some(row) = self.store.confirm_identical(poll, &sent).await?
            {
                return Ok(row);
            }
            let entries = AnswerEntries::new(answer.body, poll.cycle, Arc::clone(&self.rules.ignore_fields))
                .likely_new(likely_new);
            self.store.apply_poll(poll, &sent, &guard, Arc::new(entries)).await
        };
        let applied = self.settle(run, poll, &sent, applying).await?;
        run.all_new
            .store(applied.inserted > 0 && applied.inserted == applied.reports_seen, Ordering::Relaxed);
        Ok(applied)
    }

    async fn fail(&self, run: &RunState, poll: &Poll, failure: Failure) -> Result<PollRow, StoreError> {
        let Failure { exchange, error } = failure;
        let sent = self.sent(&exchange);
        match error {
            LmpError::Stopped => self.log(poll, &sent, Outcome::Interrupted, &error.to_string()).await,
            // At the edge of what the vendor keeps, "bad request" may only mean that it is gone.
            LmpError::Refused(status) if status.as_u16() == 400 && self.guard(poll).is_edge => {
                let guard = self.guard(poll);
                self.settle(run, poll, &sent, self.store.confirm_unchanged(poll, &sent, &guard)).await
            }
            _ => self.log(poll, &sent, Outcome::Failed, &error.to_string()).await,
        }
    }

    /// What came of an answer, which the database is being told.
    async fn settle(
        &self,
        run: &RunState,
        poll: &Poll,
        sent: &Sent,
        storing: impl Future<Output = Result<PollRow, StoreError>>,
    ) -> Result<PollRow, StoreError> {
        tokio::select! {
            stored = storing => match stored {
                // Only this answer cannot be applied; the other polls go on.
                Err(error) if !error.is_outage() && !matches!(error, StoreError::RunEnded(_)) => {
                    self.log(poll, sent, Outcome::Failed, &error.to_string()).await
                }
                stored => stored.inspect(say),
            },
            () = stopped_for(&run.stop, GRACE) => {
                self.log(poll, sent, Outcome::Interrupted, "told to stop while applying the answer").await
            }
        }
    }

    async fn log(
        &self,
        poll: &Poll,
        sent: &Sent,
        outcome: Outcome,
        error: &str,
    ) -> Result<PollRow, StoreError> {
        self.store.record_poll(poll, sent, outcome, error).await.inspect(say)
    }

    fn sent(&self, exchange: &Exchange) -> Sent {
        Sent {
            http_status: exchange.http_status.and_then(|status| i16::try_from(status).ok()),
            trace_id: exchange.trace_id,
            server_date: exchange.server_date,
            attempts: i16::try_from(exchange.attempts).unwrap_or(i16::MAX),
            body: None,
            read_by: self.rules.read_by(),
        }
    }

    fn guard(&self, poll: &Poll) -> Guard {
        let today = self.rules.today(poll.drawn_at);
        Guard {
            cutoff: self.rules.retention.cutoff(today),
            is_edge: self.rules.retention.window(today).is_edge(poll.cycle),
            max_withdrawn_fraction: self.rules.max_withdrawn_fraction,
            believe_after: self.rules.believe_after,
            accept_withdrawals: self.rules.accept_withdrawals,
        }
    }
}

/// One line for a poll that needs a person's eye; the others are for debugging.
fn say(row: &PollRow) {
    let (account, cycle, outcome) = (&row.account, row.cycle, row.outcome.as_str());
    let trace_id = row.trace_id.map(|id| id.to_string());
    let error = row.error.as_deref().unwrap_or_default();
    // What was not sent has its cause in the line of the poll that was denied.
    if row.outcome.is_failure() && row.requested_at.is_some() {
        tracing::warn!(account, %cycle, poll.id = row.id, trace_id, "the poll is {outcome}: {error}");
    } else if row.outcome.is_failure() {
        tracing::debug!(account, %cycle, poll.id = row.id, "the poll is {outcome}: {error}");
    } else {
        tracing::debug!(
            account, %cycle, poll.id = row.id, trace_id, inserted = row.inserted, updated = row.updated,
            withdrawn = row.withdrawn, quarantined = row.quarantined, "the poll is {outcome}"
        );
    }
}
