//! Doing a transaction again when what stopped it may pass.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

use super::{Store, StoreError};

/// How long to wait for a database that does not answer as it should.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// One try to apply an answer. A million reports take seconds; more than this and the server is frozen.
    pub apply: Duration,
    /// One try at something larger: deleting a batch, counting, reading what a person asked for.
    pub large: Duration,
    /// One try at something small: a row of a log, a tick, a run.
    pub small: Duration,
    /// How long to pause, in all, between tries of what fails: long enough for a PostgreSQL restart, short
    /// enough that a tick is not lost in it. What each try takes comes on top.
    pub again: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            apply: Duration::from_mins(15),
            large: Duration::from_mins(2),
            small: Duration::from_secs(30),
            again: Duration::from_mins(2),
        }
    }
}

/// Waits from this one on, before what failed is tried again, are for a person's eye.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// A key that is still taken after so many tries is not taken by somebody who was faster.
const MAX_CONFLICTS: u32 = 5;

impl Store {
    /// Does `operation`, again while its failures are transient.
    ///
    /// `limit` bounds each try, because a frozen server answers nothing at all.
    pub(super) async fn with_retries<T, F, Fut>(
        &self,
        doing: &'static str,
        limit: Duration,
        mut operation: F,
    ) -> Result<T, StoreError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, StoreError>>,
    {
        let backoff = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(5))
            .with_factor(2.0)
            .with_jitter()
            .without_max_times()
            .with_total_delay(Some(self.limits.again));
        let (mut conflicts, mut told) = (0, false);
        // Boxed: these futures are large, and are held by many others.
        (|| within(doing, limit, Box::pin(operation())))
            .retry(backoff)
            .when(|error| {
                conflicts += u32::from(error.is_conflict());
                error.is_transient() && conflicts <= MAX_CONFLICTS
            })
            .notify(|error, wait| {
                // Most pass at once, and the others are told once: many wait for the same server.
                if wait < WORTH_TELLING || std::mem::replace(&mut told, true) {
                    tracing::debug!(?wait, doing, "{error}; trying again");
                } else {
                    let limit = self.limits.again.as_secs();
                    tracing::warn!(doing, "{error}; trying again, for {limit} s at most");
                }
            })
            .await
    }
}

/// One try, with an end.
pub(super) async fn within<T>(
    doing: &'static str,
    limit: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let done = tokio::time::timeout(limit, work).await;
    done.unwrap_or(Err(StoreError::Deadline { doing, seconds: limit.as_secs() }))
}
