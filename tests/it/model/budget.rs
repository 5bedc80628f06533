//! A future that is dropped after it has been polled so many times: a crash at a place of our choice.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Waits for `future` unless it takes more polls than that; then it is dropped, and there is `None`.
pub(super) async fn polled_at_most<T>(times: u32, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test]
async fn a_future_is_given_up_after_its_polls_and_not_before() {
    let twice = || async {
        tokio::task::yield_now().await;
        7
    };
    assert_eq!(polled_at_most(1, twice()).await, None);
    assert_eq!(polled_at_most(2, twice()).await, Some(7));
}
