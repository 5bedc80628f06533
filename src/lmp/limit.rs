//! How fast, and how many at once, requests of one account are sent.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock};
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Paces the requests of one account. A second's worth may be sent at once.
#[derive(Debug)]
pub struct Limit {
    rate: RateLimiter<NotKeyed, InMemoryState, MonotonicClock>,
    concurrency: Semaphore,
}

impl Limit {
    /// At most so many requests a second on average, and so many under way at once.
    pub fn new(requests_per_second: f64, max_concurrency: usize) -> Self {
        let period = Duration::try_from_secs_f64(1.0 / requests_per_second)
            .unwrap_or(Duration::from_secs(1))
            .max(Duration::from_nanos(1));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float cast to an integer saturates, which is what is wanted"
        )]
        let burst = NonZeroU32::new(requests_per_second as u32).unwrap_or(NonZeroU32::MIN);
        let quota =
            Quota::with_period(period).unwrap_or(Quota::per_second(NonZeroU32::MIN)).allow_burst(burst);
        Self {
            rate: RateLimiter::direct_with_clock(quota, MonotonicClock),
            concurrency: Semaphore::new(max_concurrency),
        }
    }

    /// Waits until one more exchange may begin; it counts as under way while the permit lives.
    pub(super) async fn acquire(&self) -> Option<SemaphorePermit<'_>> {
        let permit = self.concurrency.acquire().await.ok();
        while let Err(not_yet) = self.rate.check() {
            tokio::time::sleep(not_yet.wait_time_from(MonotonicClock.now())).await;
        }
        permit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_more_than_the_allowed_number_run_at_once() {
        let limit = Limit::new(1_000_000.0, 2);
        let first = limit.acquire().await;
        let _second = limit.acquire().await;
        let mut third = Box::pin(limit.acquire());
        assert!(futures_util::poll!(&mut third).is_pending());
        drop(first);
        assert!(third.await.is_some());
    }

    #[tokio::test]
    async fn a_burst_of_one_second_is_let_through_and_the_next_waits() {
        let limit = Limit::new(2.0, 100);
        limit.acquire().await;
        limit.acquire().await;
        let mut third = Box::pin(limit.acquire());
        assert!(futures_util::poll!(&mut third).is_pending());
    }
}
