//! Doing a transaction again when what stopped it may pass.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

use super::StoreError;

/// Long enough for a PostgreSQL restart, short enough that a tick is not lost in it.
const PATIENCE: Duration = Duration::from_mins(2);

/// A key that is still taken after so many tries is not taken by somebody who was faster.
const MAX_CONFLICTS: u32 = 5;

/// Does `operation`, again while its failures are transient, for two minutes at most.
///
/// `limit` bounds each try, because a frozen server answers nothing at all.
pub(super) async fn with_retries<T, F, Fut>(
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
        .with_total_delay(Some(PATIENCE));
    let mut conflicts = 0;
    (|| {
        // Boxed: these futures are large, and are held by many others.
        let bounded = tokio::time::timeout(limit, Box::pin(operation()));
        async move { bounded.await.unwrap_or(Err(StoreError::Deadline { doing, seconds: limit.as_secs() })) }
    })
    .retry(backoff)
    .when(|error| {
        conflicts += u32::from(error.is_conflict());
        error.is_transient() && conflicts <= MAX_CONFLICTS
    })
    .notify(|error, wait| tracing::warn!(?wait, "{doing}: {error}; trying again"))
    .await
}
