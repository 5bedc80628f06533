//! When to ask again: exponential backoff with jitter, within a budget of attempts and waiting.

use std::time::Duration;

use backon::ExponentialBuilder;

/// All waits of one poll together are no longer than this.
const WAIT_BUDGET: Duration = Duration::from_mins(1);

/// Half a second, doubling, each wait stretched by a random part of itself.
pub(super) fn backoff(max_attempts: u32) -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(500))
        .with_max_delay(Duration::from_secs(30))
        .with_factor(2.0)
        .with_jitter()
        .with_max_times(max_attempts.saturating_sub(1) as usize)
}

/// What is left of the time that may be spent waiting.
#[derive(Debug)]
pub(super) struct WaitBudget {
    left: Duration,
}

impl Default for WaitBudget {
    fn default() -> Self {
        Self { left: WAIT_BUDGET }
    }
}

impl WaitBudget {
    /// The next wait: what the server asks for, but no less than the backoff; `None` ends the retries.
    pub(super) fn next(&mut self, backoff: Option<Duration>, asked: Option<Duration>) -> Option<Duration> {
        let wait = backoff?.max(asked.unwrap_or_default());
        self.left = self.left.checked_sub(wait)?;
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "every use wants an option")]
    const fn s(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn waits_double_from_half_a_second_and_are_one_fewer_than_the_attempts() {
        use backon::BackoffBuilder as _;
        let waits: Vec<Duration> = backoff(9).build().collect();
        assert_eq!(waits.len(), 8);
        for (wait, least) in waits.iter().zip([0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]) {
            // The random part is at most as long again.
            assert!((least..=2.0 * least).contains(&wait.as_secs_f64()), "{waits:?}");
        }
        assert!(backoff(1).build().next().is_none());
    }

    #[test]
    fn the_server_is_obeyed_but_never_asked_faster_than_the_backoff() {
        let mut budget = WaitBudget::default();
        assert_eq!(budget.next(s(1), s(7)), s(7));
        assert_eq!(budget.next(s(2), s(0)), s(2));
        assert_eq!(budget.next(s(4), None), s(4));
    }

    #[test]
    fn retries_end_when_the_next_wait_would_pass_a_minute_in_all() {
        let mut budget = WaitBudget::default();
        assert_eq!(budget.next(s(1), s(61)), None);
        assert_eq!(budget.next(s(30), None), s(30));
        assert_eq!(budget.next(s(30), None), s(30));
        assert_eq!(budget.next(s(1), None), None);
    }

    #[test]
    fn retries_end_when_the_attempts_are_used_up() {
        assert_eq!(WaitBudget::default().next(None, s(1)), None);
    }
}
