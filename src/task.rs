//! A task of its own for something that is waited for, so that what is waited for together shares the processors.

use std::future::Future;
use std::panic::resume_unwind;

use tokio_util::task::AbortOnDropHandle;

/// Does it on whatever processor is free. It ends when nobody waits for it any longer, and its panic is that of who waits.
pub(crate) async fn shared_out<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match AbortOnDropHandle::new(tokio::spawn(work)).await {
        Ok(done) => done,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // Only a runtime that is being shut down takes a task away from who waits for it, and that one is next.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn what_comes_of_it_comes_back() {
        assert_eq!(shared_out(async { 7 }).await, 7);
    }

    #[tokio::test]
    async fn nobody_waiting_it_ends() {
        let (held, ended) = oneshot::channel::<()>();
        let work = shared_out(async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        assert!(timeout(Duration::from_millis(20), work).await.is_err());
        timeout(Duration::from_secs(20), ended)
            .await
            .expect("it is taken away")
            .expect_err("nothing was sent");
    }

    #[tokio::test]
    #[should_panic(expected = "within")]
    async fn a_panic_is_that_of_who_waits() {
        shared_out(async { panic!("within") }).await;
    }
}
